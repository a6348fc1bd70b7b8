package page

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/devops-trouble-map/dotm/layout/cluster"
	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/layers"
)

// Block is what stands together: a lane with its ground, or a piece of the graph
// outside of lanes.
type Block struct {
	Lane  string // empty for a piece
	Boxes []int32
	At    []graph.Point // the boxes' corners, from the top left of the block
	W, H  float64
}

// layLanes lays out each lane for itself and stands the lanes, and the pieces that
// are in none, in columns. Boxes alone outside of lanes stand under all that.
func layLanes(in *graph.Input, o graph.Options) (*page, []graph.LanePlacement) {
	blocks, alone := blocksOf(in, o)
	p := &page{in: in, o: o, at: make([]graph.Point, len(in.Boxes)), sky: []step{{}}}
	var lanes []graph.LanePlacement
	places := arrange(in, blocks, o)
	face(in, blocks, places)
	for i, r := range places {
		b := blocks[i]
		for k, box := range b.Boxes {
			p.at[box] = graph.Point{X: r.X + b.At[k].X, Y: r.Y + b.At[k].Y}
		}
		if b.Lane != "" {
			lanes = append(lanes, graph.LanePlacement{ID: b.Lane, X: r.X, Y: r.Y, W: r.W, H: r.H})
		}
		p.width, p.height = max(p.width, r.Right()), max(p.height, r.Bottom())
	}
	p.grid(alone, p.width)
	p.wishSides()
	return p, lanes
}

// blocksOf lays out the lanes, by ID, and the pieces outside of them.
func blocksOf(in *graph.Input, o graph.Options) (blocks []Block, alone []int32) {
	byLane := make(map[string][]int32)
	for i, b := range in.Boxes {
		if b.Side == graph.Inside {
			byLane[b.Lane] = append(byLane[b.Lane], int32(i))
		}
	}
	var names []string
	for name := range byLane {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	lanes := make([]Block, len(names))
	of := layers.NewPage(len(names))
	each(len(names), func(i int) { lanes[i] = LayLane(in, names[i], byLane[names[i]], o, of) })
	pieces, alone := layFree(in, byLane[""], o)
	return slices.Concat(lanes, pieces), alone
}

// each calls f for 0 to n-1, as many at a time as there are processors. What they do
// must not depend on each other.
func each(n int, f func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				f(int(i) - 1)
			}
		})
	}
	all.Wait()
}

// LayLane lays out the given boxes, in rising order, as a lane of their own, one of those
// of a page.
func LayLane(in *graph.Input, name string, boxes []int32, o graph.Options, of *layers.Page) Block {
	p := layPieces(in.Sub(boxes), o, of)
	b := blockOf(p.in, layers.Piece{Boxes: boxes, At: p.at})
	b.Lane = name
	b.W = max(graph.LaneLeast, b.W+2*graph.LaneSide)
	b.H += graph.LaneTop + graph.LaneFoot
	for i := range b.At {
		b.At[i].X += graph.LaneSide
		b.At[i].Y += graph.LaneTop
	}
	return b
}

// layFree lays out the given boxes in pieces, and large ones group by group; what is
// alone comes back.
func layFree(in *graph.Input, boxes []int32, o graph.Options) (blocks []Block, alone []int32) {
	sub := in.Sub(boxes)
	parts, single := sub.Parts()
	for _, i := range single {
		alone = append(alone, boxes[i])
	}
	var groups [][]int32
	for _, part := range parts {
		if g := cluster.Of(sub, part); g != nil {
			groups = append(groups, g...)
		} else {
			groups = append(groups, part.Boxes)
		}
	}
	blocks = make([]Block, len(groups))
	of := layers.NewPage(len(groups))
	each(len(groups), func(i int) {
		p := layPieces(sub.Sub(groups[i]), o, of)
		b := blockOf(p.in, layers.Piece{Boxes: groups[i], At: p.at})
		for k, s := range b.Boxes {
			b.Boxes[k] = boxes[s]
		}
		blocks[i] = b
	})
	return blocks, alone
}

// blockOf moves a piece, box i of which is box i of in, to the top left and
// measures it.
func blockOf(in *graph.Input, pc layers.Piece) Block {
	b := Block{Boxes: slices.Clone(pc.Boxes), At: slices.Clone(pc.At)}
	left, top := pc.At[0].X, pc.At[0].Y
	for _, at := range pc.At {
		left, top = min(left, at.X), min(top, at.Y)
	}
	for i := range b.At {
		b.At[i].X -= left
		b.At[i].Y -= top
		b.W = max(b.W, graph.Up(b.At[i].X+in.Boxes[i].W))
		b.H = max(b.H, graph.Up(b.At[i].Y+in.Boxes[i].H))
	}
	return b
}

// wishSides gives the boxes of the sides the heights at which they would like to
// stand: in the middle of what they call and are called by.
func (p *page) wishSides() {
	sum, weight := make([]float64, len(p.at)), make([]float64, len(p.at))
	pull := func(side, inside int32, w float64) {
		if p.in.Boxes[side].Side != graph.Inside && p.in.Boxes[inside].Side == graph.Inside {
			sum[side] += w * (p.at[inside].Y + p.in.Boxes[inside].H/2)
			weight[side] += w
		}
	}
	for _, c := range p.in.Calls {
		pull(c.From, c.To, c.Weight)
		pull(c.To, c.From, c.Weight)
	}
	for i, b := range p.in.Boxes {
		switch {
		case b.Side == graph.Inside:
		case weight[i] > 0:
			p.at[i].Y = sum[i]/weight[i] - b.H/2
		default:
			p.at[i].Y = p.height/2 - b.H/2
		}
	}
}
