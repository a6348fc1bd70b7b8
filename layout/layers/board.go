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
// worked out once, as sets of bits; then all spots are looked at together, and counted
// together as well (see [tally]).
type board struct {
	*spots
	lines []tally // per spot at which a box stands: the edges that cross the line from there to each spot
	who   []int32 // per spot: its box, or noBox
	spot  []int32 // per box
	near  [][]int32
	ends  [][]uint64 // per box: the spots of near, as sets one after the other; who is near twice is in two of them
	edges []graph.Call
	cost  tally // scratch: what the edges of the box at hand cross if it stands at a spot
	least int32 // crossings that a move must save, and one more
	work  int   // steps that may still be taken

	// What is known until the next move: what the edges of a box cross, and what edges
	// cross the lines from a box to the spot here; -1 is unknown.
	nows, toHere []int32
	here         int32
}

// newBoard has boxes at spots.
func newBoard(edges []graph.Call, at *spots, spot []int32) *board {
	n := len(at.at)
	b := &board{
		spots: at, edges: edges, spot: slices.Clone(spot),
		who: make([]int32, n), near: make([][]int32, len(spot)),
		nows: make([]int32, len(spot)), toHere: make([]int32, len(spot)),
	}
	for i := range b.who {
		b.who[i] = noBox
	}
	for p, s := range spot {
		b.who[s] = int32(p)
	}
	b.join()
	most := 0
	for _, near := range b.near {
		most = max(most, len(near))
	}
	b.lines = newTallies(n, b.words, len(edges))
	b.cost = newTally(b.words, most*len(edges))
	b.lookAll()
	b.forget()
	return b
}

// join finds out who is near whom.
func (b *board) join() {
	degree := make([]int, len(b.spot))
	for _, e := range b.edges {
		degree[e.From]++
		degree[e.To]++
	}
	room := make([]int32, 2*len(b.edges))
	for p, d := range degree {
		b.near[p], room = room[:0:d], room[d:]
	}
	for _, e := range b.edges {
		b.near[e.From] = append(b.near[e.From], e.To)
		b.near[e.To] = append(b.near[e.To], e.From)
	}
	sets := make([]uint64, len(b.spot)*b.words)
	b.ends = make([][]uint64, len(b.spot))
	for p := range b.ends {
		b.ends[p] = sets[p*b.words:][:b.words:b.words]
		b.sight(int32(p))
	}
}

// sight writes where those near a box stand.
func (b *board) sight(p int32) {
	clear(b.ends[p])
	for _, u := range b.near[p] {
		for i := 0; ; i += b.words {
			if i == len(b.ends[p]) {
				b.ends[p] = append(b.ends[p], make([]uint64, b.words)...)
			}
			if set := b.ends[p][i:][:b.words]; !has(set, b.spot[u]) {
				set[b.spot[u]/64] |= 1 << (b.spot[u] % 64)
				break
			}
		}
	}
}

// forget notes that somebody moved.
func (b *board) forget() {
	for i := range b.nows {
		b.nows[i] = -1
	}
	b.here = noBox
}

// beyond are sets whose cut is the spots to which a line from a crosses that from p to
// q: they are on its other side, and between the lines from a through p and through q.
func (b *board) beyond(a, p, q int32) (far, ap, aq []uint64) {
	far, ap, aq = b.beside(p, q), b.beside(a, p), b.beside(a, q)
	if has(far, a) {
		far = b.beside(q, p)
	}
	return far, ap[:len(far)], aq[:len(far)]
}

// add adds the line from p to q to those from a that it crosses, or takes it away.
func (b *board) add(a, p, q int32, to tally, away bool) {
	if a == p || a == q {
		return
	}
	far, ap, aq := b.beyond(a, p, q)
	for i, f := range far {
		if w := f & (ap[i] ^ aq[i]); away {
			to.less(i, w)
		} else {
			to.more(i, w)
		}
	}
}

// fan counts which of the lines from a to the ends of the edges of a box the line from p
// to q crosses.
func (b *board) fan(of, a, p, q int32) int32 {
	if a == p || a == q {
		return 0
	}
	sum := 0
	far, ap, aq := b.beyond(a, p, q)
	for ends := b.ends[of]; len(ends) > 0; ends = ends[len(far):] {
		for i, f := range far {
			sum += bits.OnesCount64(ends[i] & f & (ap[i] ^ aq[i]))
		}
	}
	return int32(sum)
}

// crossings counts all crossings.
func (b *board) crossings() int {
	sum := 0
	for _, e := range b.edges {
		sum += int(b.line(b.spot[e.From], b.spot[e.To]))
	}
	return sum / 2
}

// line counts the edges that cross the line from one spot, at which a box stands, to
// another.
func (b *board) line(from, to int32) int32 { return b.lines[from].at(to) }

// now counts what the edges of p cross.
func (b *board) now(p int32) int32 {
	if b.nows[p] < 0 {
		sum := int32(0)
		for _, u := range b.near[p] {
			sum += b.line(b.spot[u], b.spot[p])
		}
		b.nows[p] = sum
	}
	return b.nows[p]
}

// others counts what the edges of p would cross if it stood at a spot, its own edges as
// they are now included.
func (b *board) others(p, spot int32) int32 {
	if b.here != spot {
		b.here = spot
		for u, s := range b.spot {
			b.toHere[u] = b.line(s, spot)
		}
	}
	sum := int32(0)
	for _, u := range b.near[p] {
		sum += b.toHere[u]
	}
	return sum
}

// own counts what the edges of p would cross of those that it has now, if it stood at
// a spot.
func (b *board) own(p, spot int32) int32 {
	sum := int32(0)
	for _, u := range b.near[p] {
		sum += b.fan(p, b.spot[p], b.spot[u], spot)
	}
	b.work -= len(b.near[p]) * len(b.near[p]) / 2
	return sum
}

// everywhere finds what the edges of p would cross at each spot, its edges as they are
// now aside.
func (b *board) everywhere(p int32) {
	clear(b.cost.bits)
	for _, u := range b.near[p] {
		b.cost.plus(b.lines[b.spot[u]])
		for _, v := range b.near[p] {
			b.add(b.spot[u], b.spot[v], b.spot[p], b.cost, true)
		}
	}
	b.work -= len(b.near[p]) * len(b.near[p])
}

// between counts the crossings of edges of p with edges of q.
func (b *board) between(p, q int32) int32 {
	sum := int32(0)
	for _, u := range b.near[p] {
		sum += b.fan(q, b.spot[q], b.spot[u], b.spot[p])
	}
	b.work -= len(b.near[p]) * len(b.near[q])
	return sum
}

// swapGain is how many crossings p and q, which no edge joins, save if they change
// places, given what p saves. It stops when that is least or less.
func (b *board) swapGain(p, q, gain, least int32) int32 {
	from, to := b.spot[p], b.spot[q]
	gain += b.now(q) - b.others(q, from)
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
	if now == 0 || first >= end {
		return false
	}
	b.everywhere(p)
	best, most := from, b.least
	// What is good for the other one most is found by that one.
	for s := range b.cost.below(now-b.least/2, first, end) {
		if s == from {
			continue
		}
		gain, q := now-b.cost.at(s), b.who[s]
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
		b.seen(q)
	}
	b.redraw(p, from, to)
	b.seen(p)
	if q == noBox {
		b.look(to)
	}
	b.forget()
}

// seen has those near a box know where it stands.
func (b *board) seen(p int32) {
	for _, u := range b.near[p] {
		b.sight(u)
	}
}

// look counts what edges cross the lines from a spot.
func (b *board) look(a int32) {
	clear(b.lines[a].bits)
	for _, e := range b.edges {
		b.add(a, b.spot[e.From], b.spot[e.To], b.lines[a], false)
	}
	b.work -= len(b.edges)
}

// lookAll is look from all boxes, the same edge for all of them first.
func (b *board) lookAll() {
	for _, e := range b.edges {
		p, q := b.spot[e.From], b.spot[e.To]
		left, right := b.beside(p, q), b.beside(q, p)
		atP, atQ := b.around(p), b.around(q)
		for _, a := range b.spot {
			if a == p || a == q {
				continue
			}
			far, k := left, int(a)*b.words
			if has(far, a) {
				far = right
			}
			pa, qa := atP[k:k+len(far)], atQ[k:k+len(far)]
			for i, f := range far {
				b.lines[a].more(i, f&(pa[i]^qa[i]))
			}
		}
	}
	b.work -= len(b.edges) * len(b.spot)
}

// redraw takes the edges of a box from one spot to another in the lines from all boxes.
func (b *board) redraw(p, from, to int32) {
	for _, u := range b.near[p] {
		s := b.spot[u]
		c := b.turn(s, from, to)
		for _, a := range b.spot {
			switch a {
			case s:
			case from:
				b.add(a, s, to, b.lines[a], false)
			case to:
				b.add(a, s, from, b.lines[a], true)
			default:
				c.change(a, b.lines[a])
			}
		}
	}
	b.work -= 2 * len(b.near[p]) * len(b.spot)
}

// turn is a line from a spot whose other end moves: the spots beside it before and after,
// on either side, and beside the lines from its three ends to all others.
type turn struct {
	was, is     [2][]uint64
	s, from, to []uint64
	words       int
}

func (b *board) turn(s, from, to int32) turn {
	return turn{
		was: [2][]uint64{b.beside(s, from), b.beside(from, s)}, is: [2][]uint64{b.beside(s, to), b.beside(to, s)},
		s: b.around(s), from: b.around(from), to: b.around(to), words: b.words,
	}
}

// change is add for the line after, and for that before away. Most lines cross both or
// neither.
func (c *turn) change(a int32, lines tally) {
	k := int(a) * c.words
	sa, fa, ta := c.s[k:k+c.words], c.from[k:k+c.words], c.to[k:k+c.words]
	was, is := c.was[0], c.is[0]
	if has(was, a) {
		was = c.was[1]
	}
	if has(is, a) {
		is = c.is[1]
	}
	fa, ta, was, is = fa[:len(sa)], ta[:len(sa)], was[:len(sa)], is[:len(sa)]
	for i, side := range sa {
		w, v := was[i]&(side^fa[i]), is[i]&(side^ta[i])
		if w != v {
			lines.less(i, w&^v)
			lines.more(i, v&^w)
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
