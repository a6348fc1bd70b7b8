package layers

import (
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

const (
	// All columns are aligned with their neighbours so many times: first
	// looking to one side at a time, which carries a straight line through the
	// whole chart, then to both.
	oneSided  = 4
	bothSided = 8
	// middle is the weight with which a point is drawn to the middle line,
	// where an edge has 1 at least.
	middle = 0.02
)

// Piece is a laid out part of the chart: the corners of its boxes, relative
// to each other.
type Piece struct {
	Boxes []int32
	At    []graph.Point
}

// aligner gives points heights that keep links straight. Within a column the
// order and the gaps always hold, so nothing can overlap.
type aligner struct {
	net  *net
	cols []column
	y    []float64
	o    graph.Options
	// Of the column at hand, per row.
	want, pull, gaps []float64
}

// settle gives the ordered net its columns and heights.
func (n *net) settle(o graph.Options) Piece {
	return n.along(n.columns(o), o)
}

// along gives columns heights and left edges.
func (n *net) along(cols []column, o graph.Options) Piece {
	a := &aligner{net: n, cols: cols, y: make([]float64, len(n.box)), o: o}
	a.start()
	for i := range oneSided {
		a.pass(i%2 == 0, i%2 == 0, i%2 == 1)
	}
	for i := range bothSided {
		a.pass(i%2 == 0, true, true)
	}
	return a.piece()
}

// start stacks each column around the middle line.
func (a *aligner) start() {
	for _, c := range a.cols {
		y, edge := make([]float64, len(c.rows)), 0.0
		for i := range c.rows {
			if i > 0 {
				edge += a.room(c.rows[i-1], c.rows[i])
			}
			y[i] = edge
		}
		for i, r := range c.rows {
			for _, p := range r {
				a.y[p] = y[i] - edge/2
			}
		}
	}
}

// pass aligns every column once, going right or left, with what its points are
// linked to on the given sides.
func (a *aligner) pass(goRight, left, right bool) {
	for i := range a.cols {
		c := a.cols[i]
		if !goRight {
			c = a.cols[len(a.cols)-1-i]
		}
		a.align(c.rows, left, right)
	}
}

// align moves the rows of a column to where the sum of squared distances from
// the heights that their links want is smallest.
func (a *aligner) align(rows [][]int32, left, right bool) {
	a.want, a.pull, a.gaps = a.want[:0], a.pull[:0], a.gaps[:0]
	for i, r := range rows {
		sum, pull, gap := 0.0, 0.0, 0.0
		for _, p := range r {
			s, w := a.wish(p, left, right)
			sum += s
			pull += w
		}
		if i > 0 {
			gap = a.room(rows[i-1], r)
		}
		a.want, a.pull, a.gaps = append(a.want, sum/pull), append(a.pull, pull), append(a.gaps, gap)
	}
	for i, y := range Spread(a.want, a.pull, a.gaps) {
		for _, p := range rows[i] {
			a.y[p] = y
		}
	}
}

// wish returns the sum of the heights at which the links of p are straight,
// weighted, and the sum of their weights. All points wish a little for the
// middle line, which keeps the chart compact.
func (a *aligner) wish(p int32, left, right bool) (sum, weight float64) {
	sum, weight = -middle*a.net.height(p)/2, middle
	add := func(links []link) {
		for _, k := range links {
			sum += k.straight * (a.y[k.to] + k.toY - k.y)
			weight += k.straight
		}
	}
	if left {
		add(a.net.left[p])
	}
	if right {
		add(a.net.right[p])
	}
	return sum, weight
}

// room is the least distance from the top of a row to the top of the next. A
// bend takes no room of its own: it runs in the gap between two boxes.
func (a *aligner) room(upper, lower []int32) float64 {
	gap := a.o.GapY / 2
	switch ub, lb := a.net.box[upper[0]] == noBox, a.net.box[lower[0]] == noBox; {
	case ub && lb:
		gap = 0
	case !ub && !lb:
		gap = a.o.GapY
	}
	height := 0.0
	for _, p := range upper {
		height = max(height, a.net.height(p))
	}
	return height + gap
}

// Spread returns the heights nearest to want, by least squares weighted with
// pull, that keep at least room[i] between i-1 and i. It pools neighbours that
// want to pass each other (pool adjacent violators), which is exact.
func Spread(want, pull, room []float64) []float64 {
	type pool struct {
		sum, weight float64
		n           int
	}
	pools := make([]pool, 0, len(want))
	offset := 0.0
	for i := range want {
		offset += room[i]
		p := pool{pull[i] * (want[i] - offset), pull[i], 1}
		for len(pools) > 0 {
			q := pools[len(pools)-1]
			if q.sum/q.weight <= p.sum/p.weight {
				break
			}
			p = pool{q.sum + p.sum, q.weight + p.weight, q.n + p.n}
			pools = pools[:len(pools)-1]
		}
		pools = append(pools, p)
	}
	ys := make([]float64, 0, len(want))
	offset = 0
	for _, p := range pools {
		for range p.n {
			offset += room[len(ys)]
			ys = append(ys, p.sum/p.weight+offset)
		}
	}
	return ys
}

// piece rounds the heights of the boxes to the grid. Rows are multiples of Grid
// apart at least, so rounding cannot make boxes overlap.
func (a *aligner) piece() Piece {
	var out Piece
	left := a.net.lefts(a.cols, a.o)
	for p, b := range a.net.box {
		if b != noBox {
			out.Boxes = append(out.Boxes, b)
			out.At = append(out.At, graph.Point{X: left[p], Y: graph.Round(a.y[p])})
		}
	}
	return out
}

// Sorted returns the piece with its boxes in rising order.
func (p Piece) Sorted() Piece {
	order := make([]int, len(p.Boxes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(p.Boxes[a] - p.Boxes[b]) })
	out := Piece{Boxes: make([]int32, len(order)), At: make([]graph.Point, len(order))}
	for i, k := range order {
		out.Boxes[i], out.At[i] = p.Boxes[k], p.At[k]
	}
	return out
}
