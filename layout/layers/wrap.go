package layers

import (
	"math"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// column is a stack of rows, all of one layer. The points of a row stand
// beside each other at the same height; unless the layer is wrapped there is
// one in each.
type column struct {
	rows  [][]int32
	layer int
}

const (
	// wrapSlack is by how much a column may exceed the height aimed at before
	// it is wrapped: one that is a little high reads better than two.
	wrapSlack = 1.3
	// wideGap is how much wider than GapX the gap between two ranks may get
	// when many edges cross in it, and crowd the number of edges at which it
	// is widened half as much.
	wideGap = 1.0
	crowd   = 48
)

// columns cuts each layer into rows: of one point, or of several if the layer
// is far too high for the page. Wrapping keeps the order from top to bottom and
// leaves a straight gap between rows in which edges can run. Bends of a wrapped
// layer are a column of their own, where no box holds them up.
func (n *net) columns(o graph.Options) []column {
	limit := n.pageHeight(o)
	var cols []column
	for l, layer := range n.layers {
		height, count := n.stack(layer, o)
		k := ColumnCount(height, count, limit)
		if n.wraps != nil {
			k = n.wraps[l]
		}
		if k == 1 {
			cols = append(cols, column{inRows(layer, 1), l})
			continue
		}
		var boxes, bends []int32
		for _, p := range layer {
			if n.box[p] == noBox {
				bends = append(bends, p)
				continue
			}
			boxes = append(boxes, p)
		}
		rows := inRows(boxes, k)
		for _, r := range rows {
			slices.SortStableFunc(r, n.pullRight)
		}
		cols = append(cols, column{rows, l}, column{inRows(bends, 1), l})
	}
	return cols
}

// pullRight orders points such that those with more links to the right than to
// the left come last: within a row each stands on the side of most of its edges.
func (n *net) pullRight(a, b int32) int {
	return (len(n.right[a]) - len(n.left[a])) - (len(n.right[b]) - len(n.left[b]))
}

// inRows cuts points into rows of k.
func inRows(points []int32, k int) [][]int32 {
	return slices.Collect(slices.Chunk(points, k))
}

// ColumnCount is how many columns a stack of that height, made of that many
// boxes, is cut into.
func ColumnCount(height float64, boxes int, limit float64) int {
	if height <= limit*wrapSlack {
		return 1
	}
	return max(1, int(min(math.Ceil(height/limit), float64(boxes))))
}

// stack returns the height of the boxes of a layer on top of each other, and
// how many they are.
func (n *net) stack(layer []int32, o graph.Options) (height float64, boxes int) {
	for _, p := range layer {
		if n.box[p] != noBox {
			height += n.height(p) + o.GapY
			boxes++
		}
	}
	return height, boxes
}

// pageHeight is the height at which the piece, its layers wrapped, has the
// page's aspect; o.Height at least.
func (n *net) pageHeight(o graph.Options) float64 {
	type rank struct {
		height, width float64
		boxes         int
	}
	ranks := make([]rank, len(n.layers))
	for l, layer := range n.layers {
		height, boxes := n.stack(layer, o)
		ranks[l] = rank{height, n.width(layer) + o.GapX, boxes}
	}
	for limit := o.Height; ; limit *= 1.1 {
		width := 0.0
		for _, r := range ranks {
			width += r.width * float64(ColumnCount(r.height, r.boxes, limit))
		}
		if width <= limit*o.Aspect {
			return limit
		}
	}
}

// width is the width of the widest box of points, on the grid.
func (n *net) width(points []int32) float64 {
	w := 0.0
	for _, p := range points {
		if n.box[p] != noBox {
			w = max(w, graph.Up(n.in.Boxes[n.box[p]].W))
		}
	}
	return w
}

// lefts returns the left edge of every box of the columns, per point. Boxes
// at the same place in their rows stand below each other.
func (n *net) lefts(cols []column, o graph.Options) []float64 {
	lefts := make([]float64, len(n.box))
	x, last := 0.0, -1
	for _, c := range cols {
		if last >= 0 && c.layer != last {
			x += n.gap(last, o)
		}
		last = c.layer
		for k := 0; ; k++ {
			file := fileOf(c.rows, k)
			w := n.width(file)
			if w == 0 {
				break
			}
			if k > 0 {
				x += graph.Up(o.GapX / 3)
			}
			for _, p := range file {
				lefts[p] = x
			}
			x += w
		}
	}
	return lefts
}

// fileOf returns the k-th point of each row that has one.
func fileOf(rows [][]int32, k int) []int32 {
	var file []int32
	for _, r := range rows {
		if k < len(r) {
			file = append(file, r[k])
		}
	}
	return file
}

// gap is the gap between a layer and the next, wider than GapX where many
// edges cross.
func (n *net) gap(layer int, o graph.Options) float64 {
	links := 0
	for _, p := range n.layers[layer] {
		links += len(n.right[p])
	}
	busy := float64(links) / float64(links+crowd)
	return graph.Up(o.GapX * (1 + wideGap*busy))
}
