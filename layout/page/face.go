package page

import (
	"math"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

const (
	// faceLeast is how many calls within a block make it worth turning: where there are
	// few, top and bottom may mean something.
	faceLeast = 100
	// facePasses bounds the passes over all blocks.
	facePasses = 4
)

// facing is blocks that are turned upside down, which changes nothing within them, so
// that those of their boxes that others call, or that call others, face these: then the
// lines there are shorter, and cross less.
type facing struct {
	blocks []Block
	outer  [][]graph.Call // per block: from boxes of it to boxes of others, whichever calls
	centre []graph.Point  // per box
}

// face turns blocks that stand at the given places.
func face(in *graph.Input, blocks []Block, at []graph.Rect) {
	f := &facing{blocks: blocks, outer: make([][]graph.Call, len(blocks)), centre: make([]graph.Point, len(in.Boxes))}
	block, inner := make([]int32, len(in.Boxes)), make([]int, len(blocks))
	for i := range block {
		block[i] = -1
	}
	for i, b := range blocks {
		for k, box := range b.Boxes {
			block[box] = int32(i)
			f.centre[box] = graph.Point{X: at[i].X + b.At[k].X + in.Boxes[box].W/2, Y: at[i].Y + b.At[k].Y + graph.Up(in.Boxes[box].H)/2}
		}
	}
	for _, c := range in.Calls {
		switch from, to := block[c.From], block[c.To]; {
		case from < 0 || to < 0:
		case from == to:
			inner[from]++
		default:
			f.outer[from] = append(f.outer[from], c)
			c.From, c.To = c.To, c.From
			f.outer[to] = append(f.outer[to], c)
		}
	}
	for turned, pass := true, 0; turned && pass < facePasses; pass++ {
		turned = false
		for i := range blocks {
			if inner[i] >= faceLeast && f.better(in, i, at[i]) {
				f.turn(in, i, at[i])
				turned = true
			}
		}
	}
}

// middle is twice the height at which a block is turned, from its top.
func (b *Block) middle(in *graph.Input) float64 {
	top, bottom := math.Inf(1), 0.0
	for k, box := range b.Boxes {
		top, bottom = min(top, b.At[k].Y), max(bottom, b.At[k].Y+graph.Up(in.Boxes[box].H))
	}
	return top + bottom
}

// better reports whether lines get shorter if a block is turned.
func (f *facing) better(in *graph.Input, i int, at graph.Rect) bool {
	middle, gain := 2*at.Y+f.blocks[i].middle(in), 0.0
	for _, c := range f.outer[i] {
		from, to := f.centre[c.From], f.centre[c.To]
		gain += math.Hypot(to.X-from.X, to.Y-from.Y) - math.Hypot(to.X-from.X, to.Y-middle+from.Y)
	}
	return gain > 1
}

func (f *facing) turn(in *graph.Input, i int, at graph.Rect) {
	b := &f.blocks[i]
	middle := b.middle(in)
	for k, box := range b.Boxes {
		high := graph.Up(in.Boxes[box].H)
		b.At[k].Y = middle - b.At[k].Y - high
		f.centre[box].Y = at.Y + b.At[k].Y + high/2
	}
}
