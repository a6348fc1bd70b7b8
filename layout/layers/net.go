// Package layers draws one connected piece of a graph: it cuts it into layers from
// left to right, orders each so that few edges cross, makes columns of layers and
// gives boxes heights that keep edges straight.
package layers

import (
	"cmp"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// net is one connected piece of the graph, cut into layers from left to right.
// Its points are the boxes of the piece and, where an edge passes a layer, a
// bend. Links join points of neighbouring layers only.
type net struct {
	in     *graph.Input
	box    []int32 // per point: index of its box, or noBox for a bend
	layer  []int32 // per graph.Point
	pos    []int32 // per point: place within its layer, from the top
	wraps  []int   // per layer: into how many columns it is cut; nil says by its height
	layers [][]int32
	left   [][]link     // per point: links to the layer before
	right  [][]link     // per point: links to the layer after
	edges  []graph.Call // between points, none of them from a box to itself
	page   *Page
}

// noBox marks a bend.
const noBox = -1

// link is a piece of an edge as seen from one of its ends.
type link struct {
	to       int32
	slot     int32   // which of this point's ports on this side, from the top
	toSlot   int32   // the same at the other end
	y, toY   float64 // the ports, from the top of the box; 0 at a bend
	toPart   float64 // toY as a part of the height, for ordering; between 0 and 1
	straight float64 // the weight of the edge for alignment; links of bends count more
}

// bendsPerEdge bounds the bends of a graph by its size: the longest edges go
// without once it is used up, so that a long chain with many shortcuts stays
// linear.
const bendsPerEdge = 6

// newNet cuts a piece into layers.
func newNet(in *graph.Input, p graph.Part, rank []int32) *net {
	n := &net{in: in, edges: make([]graph.Call, 0, len(p.Calls)), page: NewPage(1)}
	n.addBoxes(p.Boxes, rank)
	at := make(map[int32]int32, len(p.Boxes))
	for i, b := range n.box {
		at[b] = int32(i)
	}
	for _, e := range p.Calls {
		e = turned(e, rank)
		e.From, e.To = at[e.From], at[e.To]
		n.edges = append(n.edges, e)
	}
	n.addEdges()
	n.numberSlots()
	n.pos = make([]int32, len(n.box))
	for l := range n.layers {
		n.number(l)
	}
	return n
}

// turned returns e from its lower to its higher rank.
func turned(e graph.Call, rank []int32) graph.Call {
	if rank[e.From] > rank[e.To] {
		e.From, e.To = e.To, e.From
		e.FromY, e.ToY = e.ToY, e.FromY
	}
	return e
}

// addBoxes gives each box a point, and each rank that occurs a layer.
func (n *net) addBoxes(boxes, rank []int32) {
	var ranks []int32
	for _, b := range boxes {
		ranks = append(ranks, rank[b])
	}
	slices.Sort(ranks)
	ranks = slices.Compact(ranks)
	level := make(map[int32]int32, len(ranks))
	for i, r := range ranks {
		level[r] = int32(i)
	}
	n.layers = make([][]int32, len(ranks))
	for _, b := range boxes {
		n.addPoint(b, level[rank[b]])
	}
}

func (n *net) addPoint(box, layer int32) int32 {
	p := int32(len(n.box))
	n.box = append(n.box, box)
	n.layer = append(n.layer, layer)
	n.layers[layer] = append(n.layers[layer], p)
	n.left = append(n.left, nil)
	n.right = append(n.right, nil)
	return p
}

// addEdges joins points, short edges first, with bends while there are some
// left to spend. Edges within a layer join nothing.
func (n *net) addEdges() {
	span := func(e graph.Call) int32 { return n.layer[e.To] - n.layer[e.From] }
	edges := slices.Clone(n.edges)
	slices.SortStableFunc(edges, func(a, b graph.Call) int { return cmp.Compare(span(a), span(b)) })
	spend := int32(bendsPerEdge * (len(edges) + len(n.box)))
	for _, e := range edges {
		if span(e) == 0 {
			continue
		}
		if spend -= span(e) - 1; spend < 0 {
			return
		}
		n.addChain(e)
	}
}

// addChain joins the ends of e through a bend in each layer between.
func (n *net) addChain(e graph.Call) {
	at, y := e.From, e.FromY
	for l := n.layer[e.From] + 1; l < n.layer[e.To]; l++ {
		bend := n.addPoint(noBox, l)
		n.join(at, bend, y, 0, e.Weight)
		at, y = bend, 0
	}
	n.join(at, e.To, y, e.ToY, e.Weight)
}

func (n *net) join(a, b int32, ay, by, weight float64) {
	straight := weight
	for _, p := range []int32{a, b} {
		if n.box[p] == noBox {
			straight *= 2.5
		}
	}
	n.right[a] = append(n.right[a], link{to: b, y: ay, toY: by, straight: straight})
	n.left[b] = append(n.left[b], link{to: a, y: by, toY: ay, straight: straight})
}

// numberSlots numbers the ports of each point's sides and sorts its links by
// them.
func (n *net) numberSlots() {
	for _, side := range [][][]link{n.left, n.right} {
		for _, links := range side {
			slices.SortStableFunc(links, func(a, b link) int { return cmp.Compare(a.y, b.y) })
			for i := 1; i < len(links); i++ {
				links[i].slot = links[i-1].slot
				if links[i].y != links[i-1].y {
					links[i].slot++
				}
			}
		}
	}
	for p := range n.box {
		n.nameEnds(n.left[p], n.right)
		n.nameEnds(n.right[p], n.left)
	}
}

// nameEnds tells links the slots that they have at their other end.
func (n *net) nameEnds(links []link, other [][]link) {
	for i := range links {
		k := &links[i]
		at, _ := slices.BinarySearchFunc(other[k.to], k.toY, func(l link, y float64) int {
			return cmp.Compare(l.y, y)
		})
		k.toSlot = other[k.to][at].slot
		k.toPart = n.part(k.to, k.toY)
	}
}

// part returns y as a part of the height of point p.
func (n *net) part(p int32, y float64) float64 {
	if n.box[p] == noBox {
		return 0.5
	}
	return y / n.in.Boxes[n.box[p]].H
}

// number writes the places of the points of layer l into pos.
func (n *net) number(l int) {
	for i, p := range n.layers[l] {
		n.pos[p] = int32(i)
	}
}

// height is the room that point p takes in its column, on the grid.
func (n *net) height(p int32) float64 {
	if n.box[p] == noBox {
		return 0
	}
	return graph.Up(n.in.Boxes[n.box[p]].H)
}

// Place cuts a connected piece of the graph into layers by the given ranks,
// orders each so that few edges cross, and gives its boxes their corners,
// relative to each other. The piece is one of those of the page.
func Place(in *graph.Input, p graph.Part, ranks []int32, o graph.Options, page *Page) Piece {
	n := newNet(in, p, ranks)
	n.page = page
	return n.place(o)
}
