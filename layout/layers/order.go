package layers

import (
	"cmp"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/measure"
)

const (
	// maxSweeps bounds the sweeps from one seed; patience is after how many
	// without gain to stop.
	maxSweeps = 24
	patience  = 4
	// smallNet is up to how many edges a net is small; moreSeeds is from how
	// many points of it a walk in depth starts.
	smallNet  = 100
	moreSeeds = 12
)

// order orders each layer from top to bottom so that few links cross. From each
// of several seeds it sweeps until crossings stop falling, then sifts; the
// result that is best by judge stays.
func (n *net) order(judge func() int) {
	s := newSifter(n)
	best, fewest := [][]int32(nil), 0
	for _, seed := range n.seeds() {
		seed()
		n.sweeps(s)
		s.settle()
		if c := judge(); best == nil || c < fewest {
			best, fewest = n.copyLayers(), c
		}
		if fewest == 0 {
			break
		}
	}
	n.setLayers(best)
}

// place orders the net and gives it columns and heights. A small net is judged
// by the edges it is drawn with, since every crossing of it is seen and there
// is time to try; others by the crossings of their links.
func (n *net) place(o graph.Options) Piece {
	if len(n.edges) <= smallNet {
		n.order(func() int { return n.straightCrossings(n.settle(o)) })
	} else {
		n.order(newSifter(n).crossings)
	}
	return n.settled(o)
}

// straightCrossings counts crossings of the net's edges drawn straight from
// centre to centre.
func (n *net) straightCrossings(pc Piece) int {
	centre := n.centres(pc)
	lines := make([]measure.Line, len(n.edges))
	for i, e := range n.edges {
		lines[i] = measure.NewLine(centre[e.From], centre[e.To], e.From, e.To)
	}
	return measure.Crossings(lines)
}

// centres are the middles of a piece's boxes, which are the first points.
func (n *net) centres(pc Piece) []graph.Point {
	centre := make([]graph.Point, len(pc.Boxes))
	for i, b := range pc.Boxes {
		box := n.in.Boxes[b]
		centre[i] = graph.Point{X: pc.At[i].X + box.W/2, Y: pc.At[i].Y + box.H/2}
	}
	return centre
}

// seeds returns what gives the net its first orders, more for a small net.
func (n *net) seeds() []func() {
	seeds := []func(){func() { n.seedDeep(0) }, n.seedWide}
	if len(n.edges) > smallNet {
		return seeds
	}
	for i := 1; i < moreSeeds; i++ {
		seeds = append(seeds, func() { n.seedDeep(i * len(n.box) / moreSeeds) })
	}
	return seeds
}

// seedDeep orders points as a walk in depth from the given point meets them:
// what belongs together comes together.
func (n *net) seedDeep(start int) {
	seen := make([]bool, len(n.box))
	order := make([]int32, 0, len(n.box))
	var visit func(p int32)
	visit = func(p int32) {
		if seen[p] {
			return
		}
		seen[p] = true
		order = append(order, p)
		for _, k := range n.right[p] {
			visit(k.to)
		}
		for _, k := range n.left[p] {
			visit(k.to)
		}
	}
	for i := range n.box {
		visit(int32((start + i) % len(n.box)))
	}
	n.seed(order)
}

// seedWide orders points by their distance from the left.
func (n *net) seedWide() {
	seen := make([]bool, len(n.box))
	var queue []int32
	add := func(p int32) {
		if !seen[p] {
			seen[p] = true
			queue = append(queue, p)
		}
	}
	next := 0
	for _, layer := range n.layers {
		for _, p := range layer {
			add(p)
			for ; next < len(queue); next++ {
				for _, k := range n.right[queue[next]] {
					add(k.to)
				}
			}
		}
	}
	n.seed(queue)
}

// seed fills the layers with the points in the given order.
func (n *net) seed(order []int32) {
	for l := range n.layers {
		n.layers[l] = n.layers[l][:0]
	}
	for _, p := range order {
		n.layers[n.layer[p]] = append(n.layers[n.layer[p]], p)
	}
	for l := range n.layers {
		n.number(l)
	}
}

// sweeps orders layers by their neighbours, to and fro, until crossings stop
// falling, and leaves the best order seen.
func (n *net) sweeps(s *sifter) {
	best, fewest := n.copyLayers(), s.crossings()
	for i, idle := 0, 0; i < maxSweeps && idle < patience && fewest > 0; i++ {
		n.sweep(i)
		c := s.crossings()
		if idle++; c < fewest {
			best, fewest, idle = n.copyLayers(), c, 0
		}
	}
	n.setLayers(best)
}

// sweep orders all layers once. Even turns go right and look left, odd turns
// go left and look right; every third pair looks both ways, which pulls groups
// of boxes together.
func (n *net) sweep(turn int) {
	both := turn%6 >= 4
	if turn%2 == 0 {
		for l := 1; l < len(n.layers); l++ {
			n.sortLayer(l, true, both)
		}
		return
	}
	for l := len(n.layers) - 2; l >= 0; l-- {
		n.sortLayer(l, both, true)
	}
}

// sortLayer orders layer l by the mean place of the points it is linked to.
// Points without such links keep their place. Every link counts the same: a
// crossing is one whatever the weight of its edges.
func (n *net) sortLayer(l int, left, right bool) {
	type want struct {
		p    int32
		mean float64
	}
	layer := n.layers[l]
	wants := make([]want, len(layer))
	for i, p := range layer {
		sum, links := 0.0, 0
		if left && l > 0 {
			sum += n.places(n.left[p]) * n.scale(l, l-1)
			links += len(n.left[p])
		}
		if right && l+1 < len(n.layers) {
			sum += n.places(n.right[p]) * n.scale(l, l+1)
			links += len(n.right[p])
		}
		wants[i] = want{p, float64(i)}
		if links > 0 {
			wants[i].mean = sum / float64(links)
		}
	}
	slices.SortStableFunc(wants, func(a, b want) int { return cmp.Compare(a.mean, b.mean) })
	for i, w := range wants {
		layer[i] = w.p
	}
	n.number(l)
}

// places sums the places at which links end, ports included.
func (n *net) places(links []link) float64 {
	sum := 0.0
	for _, k := range links {
		sum += float64(n.pos[k.to]) + k.toPart
	}
	return sum
}

// scale is how many places of layer l correspond to one of the layer other.
func (n *net) scale(l, other int) float64 {
	return float64(len(n.layers[l])) / float64(len(n.layers[other]))
}

func (n *net) copyLayers() [][]int32 {
	c := make([][]int32, len(n.layers))
	for i, l := range n.layers {
		c[i] = slices.Clone(l)
	}
	return c
}

func (n *net) setLayers(layers [][]int32) {
	n.layers = layers
	for l := range layers {
		n.number(l)
	}
}
