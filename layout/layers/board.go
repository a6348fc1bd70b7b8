package layers

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// maxSpots bounds the spots of a board: what is known of each pair of them takes a bit
// for each spot.
const maxSpots = 320

// board is spots at which boxes may stand, one at each, with edges drawn straight from
// spot to spot. A box goes to where its edges cross least, to a free spot or in
// exchange with another box (moving one vertex at a time to its best place is what
// Radermacher et al. do, "A Geometric Heuristic for Rectilinear Crossing Minimization",
// 2018). Since there are few spots, which of them are on which side of which line is
// worked out once, as sets of bits; then all spots are looked at together.
type board struct {
	*spots
	lines []int16 // for each two spots, the edges that cross the line from the one, where a box stands, to the other
	who   []int32 // per spot: its box, or noBox
	spot  []int32 // per box
	near  [][]int32
	edges []graph.Call
	cost  []int16 // scratch: what the edges of the box at hand cross if it stands at a spot
	least int32   // crossings that a move must save, and one more
	work  int     // steps that may still be taken
}

// newBoard has boxes at spots.
func newBoard(edges []graph.Call, at *spots, spot []int32) *board {
	n := len(at.at)
	b := &board{
		spots: at, edges: edges, spot: slices.Clone(spot),
		who: make([]int32, n), near: make([][]int32, len(spot)),
		lines: make([]int16, n*n), cost: make([]int16, n),
	}
	for i := range b.who {
		b.who[i] = noBox
	}
	for p, s := range spot {
		b.who[s] = int32(p)
	}
	for _, e := range edges {
		b.near[e.From] = append(b.near[e.From], e.To)
		b.near[e.To] = append(b.near[e.To], e.From)
	}
	for _, a := range spot {
		b.look(a)
	}
	return b
}

// cross reports whether the line from p to q crosses that from r to s. All are
// different spots, except that p may be r, or q s.
func (b *board) cross(p, q, r, s int32) bool {
	pq, rs := b.beside(p, q), b.beside(r, s)
	return p != r && q != s && has(pq, r) != has(pq, s) && has(rs, p) != has(rs, q)
}

// add adds the line from p to q to those from a that it crosses: they end on its other
// side, and between the lines from a through p and through q.
func (b *board) add(a, p, q int32, lines []int16, by int16) {
	if a == p || a == q {
		return
	}
	far, pa, qa := b.beside(p, q), b.beside(p, a), b.beside(q, a)
	if has(far, a) {
		far = b.beside(q, p)
	}
	for i, f := range far {
		for w := f & (pa[i] ^ qa[i]); w != 0; w &= w - 1 {
			lines[i<<6+bits.TrailingZeros64(w)] += by
		}
	}
}

// crossings counts all crossings.
func (b *board) crossings() int {
	sum := 0
	for _, e := range b.edges {
		sum += int(b.line(b.spot[e.From], b.spot[e.To]))
	}
	return sum / 2
}

func (b *board) line(from, to int32) int32 { return int32(b.lines[int(from)*len(b.at)+int(to)]) }

// now counts what the edges of p cross.
func (b *board) now(p int32) int32 {
	sum := int32(0)
	for _, u := range b.near[p] {
		sum += b.line(b.spot[u], b.spot[p])
	}
	return sum
}

// own counts what the edges of p would cross of those that it has now, if it stood at
// a spot.
func (b *board) own(p, spot int32) int32 {
	sum, now := int32(0), b.spot[p]
	for i, u := range b.near[p] {
		for _, v := range b.near[p][:i] {
			if b.cross(b.spot[u], spot, b.spot[v], now) || b.cross(b.spot[v], spot, b.spot[u], now) {
				sum++
			}
		}
	}
	b.work -= len(b.near[p]) * len(b.near[p]) / 2
	return sum
}

// everywhere finds what the edges of p would cross at each spot from first to end, its
// edges as they are now aside.
func (b *board) everywhere(p int32, first, end int32) {
	cost := b.cost[first:end]
	clear(cost)
	for _, u := range b.near[p] {
		lines := b.lines[int(b.spot[u])*len(b.at):]
		for i, n := range lines[first:end] {
			cost[i] += n
		}
		for _, v := range b.near[p] {
			b.add(b.spot[u], b.spot[v], b.spot[p], b.cost, -1)
		}
	}
	b.work -= len(b.near[p]) * len(b.near[p])
}

// between counts the crossings of edges of p with edges of q.
func (b *board) between(p, q int32) int32 {
	sum := int32(0)
	for _, u := range b.near[p] {
		for _, v := range b.near[q] {
			if b.cross(b.spot[u], b.spot[p], b.spot[v], b.spot[q]) {
				sum++
			}
		}
	}
	b.work -= len(b.near[p]) * len(b.near[q])
	return sum
}

// swapGain is how many crossings p and q, which no edge joins, save if they change
// places, given what p saves. It stops when that is least or less.
func (b *board) swapGain(p, q, gain, least int32) int32 {
	from, to := b.spot[p], b.spot[q]
	for _, u := range b.near[q] {
		gain += b.line(b.spot[u], to) - b.line(b.spot[u], from)
	}
	k := int32(len(b.near[q]))
	if gain+k*(k-1)/2 <= least { // were there no crossings with its edges as they are
		return gain
	}
	if gain += b.own(q, from); gain <= least {
		return gain
	}
	gain -= b.between(p, q)
	b.spot[p], b.spot[q] = to, from
	gain -= b.between(p, q)
	b.spot[p], b.spot[q] = from, to
	return gain
}

// improve moves a box to the best of the spots from first to end, if there is a better
// one, and reports whether it did. A box that stands there comes in exchange, if it may.
func (b *board) improve(p, first, end int32, may func(q, spot int32) bool) bool {
	from, now := b.spot[p], b.now(p)
	if now == 0 {
		return false
	}
	b.everywhere(p, first, end)
	best, most := from, b.least
	for s := first; s < end; s++ {
		gain, q := now-int32(b.cost[s]), b.who[s]
		if s == from || gain <= b.least/2 {
			continue // what is good for the other one most is found by that one
		}
		if q != noBox {
			if !may(q, from) {
				continue
			}
			gain = b.swapGain(p, q, gain, most)
		}
		if gain > most {
			best, most = s, gain
		}
	}
	if best == from {
		return false
	}
	b.move(p, best)
	return true
}

// move moves a box to a spot; a box that stands there comes in exchange.
func (b *board) move(p, to int32) {
	from, q := b.spot[p], b.who[to]
	b.spot[p], b.who[to], b.who[from] = to, p, q
	if q != noBox {
		b.spot[q] = from
		b.redraw(q, to, from)
	}
	b.redraw(p, from, to)
	if q == noBox {
		b.look(to)
	}
}

// look counts what edges cross the lines from a spot.
func (b *board) look(a int32) {
	lines := b.lines[int(a)*len(b.at):][:len(b.at)]
	clear(lines)
	for _, e := range b.edges {
		b.add(a, b.spot[e.From], b.spot[e.To], lines, 1)
	}
	b.work -= len(b.edges)
}

// redraw takes the edges of a box from one spot to another in the lines from all boxes.
// Most lines cross both or neither.
func (b *board) redraw(p, from, to int32) {
	for _, u := range b.near[p] {
		s := b.spot[u]
		for _, a := range b.spot {
			switch a {
			case s:
			case from:
				b.add(a, s, to, b.lines[int(a)*len(b.at):], 1)
			case to:
				b.add(a, s, from, b.lines[int(a)*len(b.at):], -1)
			default:
				b.change(a, s, from, to)
			}
		}
	}
	b.work -= 2 * len(b.near[p]) * len(b.spot)
}

// change is add for the line from s to one spot instead of another.
func (b *board) change(a, s, from, to int32) {
	lines := b.lines[int(a)*len(b.at):]
	sa, fa, ta := b.beside(s, a), b.beside(from, a), b.beside(to, a)
	was, is := b.beside(s, from), b.beside(s, to)
	if has(was, a) {
		was = b.beside(from, s)
	}
	if has(is, a) {
		is = b.beside(to, s)
	}
	for i := range sa {
		w, v := was[i]&(sa[i]^fa[i]), is[i]&(sa[i]^ta[i])
		for gone := w &^ v; gone != 0; gone &= gone - 1 {
			lines[i<<6+bits.TrailingZeros64(gone)]--
		}
		for come := v &^ w; come != 0; come &= come - 1 {
			lines[i<<6+bits.TrailingZeros64(come)]++
		}
	}
}

// spotsOf sorts points into spots and says which is whose.
func spotsOf(centres []graph.Point) (at []graph.Point, spot []int32) {
	order := make([]int32, len(centres))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int {
		a, b := centres[i], centres[j]
		return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.Y, b.Y), cmp.Compare(i, j))
	})
	at, spot = make([]graph.Point, len(centres)), make([]int32, len(centres))
	for i, p := range order {
		at[i], spot[p] = centres[p], int32(i)
	}
	return at, spot
}
