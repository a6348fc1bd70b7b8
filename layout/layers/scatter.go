package layers

import (
	"math"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

const (
	// free is how many free spots there are for each box of a dense piece, for each edge
	// that it has; maxFree bounds the spots for each box.
	free    = 0.25
	maxFree = 3.0
	// widest is how wide a dense piece is at most, in pages. Where there are others, lines
	// to them cross fewer edges of a low one.
	widest = 2.75
	// scatterPasses bounds the passes over all boxes; scatterWork the steps, for each
	// box and edge.
	scatterPasses = 3
	// scatterLeast is how many crossings a move must save, and one more: most save many,
	// the others are not worth their time.
	scatterLeast = 1
	scatterWork  = 3_000
	// scatterGap is what of GapX is between two columns of a dense piece.
	scatterGap = 0.75
)

// scatter is a dense piece, whose boxes leave the column of their layer: between two
// columns about every other pair of edges crosses, and less if boxes use both
// dimensions. All that stays of layers is that clients stand left of their servers.
type scatter struct {
	*board
	net        *net
	cols, rows int
}

// scatter spreads the ordered layers over columns, with free spots in between, and lets
// boxes move to where their edges cross least. It is nil if there would be too many
// spots.
func (n *net) scatter(o graph.Options) *scatter {
	boxes := n.boxLayers()
	s := &scatter{net: n}
	if s.size(boxes, o); s.cols*s.rows > maxSpots {
		return nil
	}
	s.board = newBoard(n.edges, n.page.grid(s.cols, s.rows), s.start(boxes))
	s.least, s.work = scatterLeast, scatterWork*(len(s.spot)+len(n.edges))
	for range scatterPasses {
		if s.work <= 0 || !s.pass() {
			break
		}
	}
	return s
}

// boxLayers are the layers without bends.
func (n *net) boxLayers() [][]int32 {
	layers := make([][]int32, len(n.layers))
	for l, layer := range n.layers {
		for _, p := range layer {
			if n.box[p] != noBox {
				layers[l] = append(layers[l], p)
			}
		}
	}
	return layers
}

// stagger is by what part of a row a column is lower than the first, so that few spots
// are on one line.
func stagger(col int) float64 {
	_, part := math.Modf(float64(col*col) * (math.Sqrt(5) - 1) / 2)
	return part
}

// size says how many columns and rows there are.
func (s *scatter) size(boxes [][]int32, o graph.Options) {
	all := 0
	for _, l := range boxes {
		all += len(l)
	}
	x, y := s.net.pitch(o)
	wide := max(1, min(float64(s.net.page.pieces), widest))
	spots := min(1+free*float64(len(s.net.edges))/float64(all), maxFree) * float64(all)
	spots = min(spots, 0.9*maxSpots)
	s.cols = max(int(math.Round(math.Sqrt(spots*o.Aspect*wide*y/x))), len(boxes))
	s.rows = max(1, int(math.Ceil(spots/float64(s.cols))))
	for s.need(boxes) > s.cols {
		s.rows++
	}
}

// need is how many columns the layers take.
func (s *scatter) need(boxes [][]int32) int {
	sum := 0
	for _, l := range boxes {
		sum += (len(l) + s.rows - 1) / s.rows
	}
	return sum
}

// pitch is how far columns and rows are from the next, for boxes of the usual height.
func (n *net) pitch(o graph.Options) (x, y float64) {
	boxes := 0
	for p, b := range n.box {
		if b != noBox {
			x = max(x, graph.Up(n.in.Boxes[b].W))
			y += n.height(int32(p))
			boxes++
		}
	}
	return x + graph.Up(o.GapX*scatterGap), graph.Up(y/float64(boxes)) + o.GapY
}

// start spreads each layer over columns of its own, as many as it is large.
func (s *scatter) start(boxes [][]int32) []int32 {
	cols, left := make([]int, len(boxes)), s.cols
	for l, layer := range boxes {
		cols[l] = (len(layer) + s.rows - 1) / s.rows
		left -= cols[l]
	}
	for ; left > 0; left-- {
		fullest := 0
		for l := range boxes {
			if len(boxes[l])*cols[fullest] > len(boxes[fullest])*cols[l] {
				fullest = l
			}
		}
		cols[fullest]++
	}
	spot, first := make([]int32, len(s.net.box)), 0
	for l, layer := range boxes {
		high := (len(layer) + cols[l] - 1) / cols[l]
		for i, p := range layer {
			row := (2*(i/cols[l]) + 1) * s.rows / (2 * high)
			spot[p] = int32((first+i%cols[l])*s.rows + row)
		}
		first += cols[l]
	}
	return spot[:s.net.boxes()]
}

// boxes is how many points are boxes; they come before the bends.
func (n *net) boxes() int {
	k := 0
	for k < len(n.box) && n.box[k] != noBox {
		k++
	}
	return k
}

// pass lets each box move, and reports whether any did.
func (s *scatter) pass() bool {
	some := false
	for p := range int32(len(s.spot)) {
		first, end := s.room(p)
		if s.improve(p, int32(first), int32(end), s.may) {
			some = true
		}
		if s.work <= 0 {
			break
		}
	}
	return some
}

// room is the spots right of all clients of a box and left of all its servers.
func (s *scatter) room(p int32) (first, end int) {
	low, high := 0, s.cols
	for _, u := range s.near[p] {
		switch col := int(s.spot[u]) / s.rows; {
		case s.net.layer[u] < s.net.layer[p]:
			low = max(low, col+1)
		case s.net.layer[u] > s.net.layer[p]:
			high = min(high, col)
		}
	}
	return low * s.rows, high * s.rows
}

func (s *scatter) may(q, spot int32) bool {
	first, end := s.room(q)
	return int(spot) >= first && int(spot) < end
}

// piece gives the boxes their places: columns at one distance, those without boxes left
// out, and in each the boxes as near to their spots as gaps permit.
func (s *scatter) piece(o graph.Options) Piece {
	px, py := s.net.pitch(o)
	pc := Piece{Boxes: s.net.box[:len(s.spot)], At: make([]graph.Point, len(s.spot))}
	x := 0.0
	for c := range s.cols {
		var want, pull, gaps []float64
		var boxes []int32
		for _, p := range s.who[c*s.rows : (c+1)*s.rows] {
			if p == noBox {
				continue
			}
			gap := 0.0
			if k := len(boxes); k > 0 {
				gap = s.net.height(boxes[k-1]) + o.GapY
			}
			boxes = append(boxes, p)
			want = append(want, s.at[s.spot[p]].Y*py-s.net.height(p)/2)
			pull, gaps = append(pull, 1), append(gaps, gap)
		}
		for i, y := range Spread(want, pull, gaps) {
			pc.At[boxes[i]] = graph.Point{X: x, Y: graph.Round(y)}
		}
		if len(boxes) > 0 {
			x += px
		}
	}
	return pc
}
