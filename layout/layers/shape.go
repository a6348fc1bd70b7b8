package layers

import (
	"math"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

const (
	// tangled is how many crossings of links per edge a net must have, and thick how many
	// edges per box it may have, for its boxes to leave the columns of their layers. In a
	// thicker one blocks save as much and are found sooner.
	tangled = 3
	thick   = 6
	// dense is how many crossings per edge a net must have to be shaped.
	dense = 1
	// maxCounted is how many edges a net may have whose crossings are counted as they
	// are drawn.
	maxCounted = 1500
	// high is how high a layer that is no block may be, in pages.
	high = 1.2
	// room is the power by which the room that a piece takes counts beside its
	// crossings: twice the room must save a tenth of them.
	room = 0.15
	// swapPasses bounds the passes over all boxes in which they change places, and
	// swapWork the steps, for each edge.
	swapPasses = 2
	swapWork   = 2_000
)

// settled gives an ordered net its places. Where much crosses, boxes leave the columns
// of their layers; otherwise they change places within them.
func (n *net) settled(o graph.Options) Piece {
	switch boxes := n.boxes(); {
	case len(n.edges) > maxCounted || boxes > maxSpots:
		return n.settle(o)
	case len(n.edges) <= smallNet, len(n.edges) > thick*boxes, newSifter(n).crossings() < tangled*len(n.edges):
		return n.shape(o)
	}
	if s := n.scatter(o); s != nil {
		return s.piece(o)
	}
	return n.shape(o)
}

// shape looks for better numbers of columns than those that merely fit, if the net is
// dense: between two high narrow layers about every other pair of edges crosses, between
// blocks, which are wide as well, far fewer. Then boxes of a layer change places as long
// as that saves crossings.
func (n *net) shape(o graph.Options) Piece {
	var best Piece
	var cols []column
	least, crossings := math.Inf(1), 0
	for _, wraps := range n.shapes(o) {
		n.wraps = wraps
		c := n.columns(o)
		pc := n.along(c, o)
		now := n.straightCrossings(pc)
		if cost := float64(now) * math.Pow(n.area(pc), room); cost < least {
			best, cols, least, crossings = pc, c, cost, now
		}
		if now < dense*len(n.edges) || len(n.edges) <= smallNet {
			break
		}
	}
	return n.swapped(best, cols, crossings, o)
}

// shapes are the numbers of columns per layer that are tried: what merely fits, and
// every other layer a block, be it the odd or the even ones. What is no block may be
// high.
func (n *net) shapes(o graph.Options) [][]int {
	shapes := make([][]int, 1, 3)
	limit := high * n.pageHeight(o)
	for parity := range 2 {
		wraps := make([]int, len(n.layers))
		for l, layer := range n.layers {
			height, boxes := n.stack(layer, o)
			wraps[l] = ColumnCount(height, boxes, limit)
			if l%2 == parity {
				wraps[l] = max(wraps[l], int(math.Ceil(math.Sqrt(float64(boxes)))))
			}
		}
		shapes = append(shapes, wraps)
	}
	return shapes
}

// area is the room that a piece takes.
func (n *net) area(pc Piece) float64 {
	var all graph.Rect
	for i, b := range pc.Boxes {
		box := n.in.Boxes[b]
		r := graph.Rect{X: pc.At[i].X, Y: pc.At[i].Y, W: box.W, H: box.H}
		if i == 0 {
			all = r
		}
		all = all.Union(r)
	}
	return all.W * all.H
}

// swapped lets boxes of one layer of a piece change places if the edges, drawn straight,
// then cross less. That sees what ordering layer by layer doesn't: where in its row a
// box of a wrapped layer stands, and edges that pass a layer.
func (n *net) swapped(pc Piece, cols []column, least int, o graph.Options) Piece {
	if least == 0 {
		return pc
	}
	at, spot := spotsOf(n.centres(pc))
	b := newBoard(n.edges, newSpots(at, false), spot)
	b.work = swapWork * len(n.edges)
	for range swapPasses {
		if !n.swap(b) {
			break
		}
	}
	replace(cols, spot, b)
	again := n.along(cols, o)
	if n.straightCrossings(again) < least {
		return again
	}
	return pc
}

// swap lets each box change places with another one of its layer and reports whether
// any did.
func (n *net) swap(b *board) bool {
	some := false
	for _, layer := range n.boxLayers() {
		first, end := int32(len(b.at)), int32(0)
		for _, p := range layer {
			first, end = min(first, b.spot[p]), max(end, b.spot[p]+1)
		}
		for _, p := range layer {
			if b.work > 0 && b.improve(p, first, end, func(int32, int32) bool { return true }) {
				some = true
			}
		}
	}
	return some
}

// replace writes into the rows of columns who stands where now, given where each box
// stood.
func replace(cols []column, was []int32, b *board) {
	for _, c := range cols {
		for _, r := range c.rows {
			for i, p := range r {
				if int(p) < len(was) {
					r[i] = b.who[was[p]]
				}
			}
		}
	}
}
