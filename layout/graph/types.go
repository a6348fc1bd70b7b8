// Package graph holds what goes into a chart and what comes out of it: the types
// that package layout offers, the rules for them, and a graph in an order of its
// own, on which everything else works.
package graph

// Side says in which part of the chart a box stands.
type Side int

// The sides. The zero value is Inside.
const (
	Inside Side = iota // ranked by who calls whom
	Entry              // left of everything: Internet, callers from outside
	Exit               // right of everything: servers outside
	// Strip boxes are services that everybody uses. They stand in rows under
	// everything else; their edges count for nothing.
	Strip
)

// Box is something to place. Sizes are in chart units (CSS px at zoom 1).
type Box struct {
	ID   string  // unique, not empty
	W, H float64 // above 0, at most MaxSize
	Side Side
	// Lane is the ID of the lane in whose ground an Inside box stands. Without
	// one it stands for itself. Boxes of other sides have no lane, whatever is
	// written here.
	Lane string
}

// Edge goes from a client to a server, both of them IDs of boxes.
type Edge struct {
	From, To string
	// FromY and ToY say where the edge leaves and arrives, in chart units from
	// the top of its boxes (usually the centre of a service's row); from 0 to
	// the height of the box.
	FromY, ToY float64
	// Weight says how much it matters that the edge is straight and short. It
	// counts by its logarithm, so that connection counts can be used as they
	// are. 0 is as good as 1.
	Weight float64
	// Undirected edges pull their boxes together but rank nothing.
	Undirected bool
}

// Graph is what is to be drawn. Self edges and several edges between the same
// boxes are allowed.
type Graph struct {
	Boxes []Box
	Edges []Edge
	// Pins are the top left corners of boxes that were moved by hand, by ID,
	// from 0 to MaxSize. IDs of no box count for nothing.
	Pins map[string]Point
	// Options are the measures of the chart.
	Options Options
}

// Point is a place on the chart, in chart units from its top left.
type Point struct{ X, Y float64 }

// Rect is an upright rectangle by its top left corner and its size.
type Rect struct{ X, Y, W, H float64 }

// Right is where the rectangle ends on the right.
func (r Rect) Right() float64 { return r.X + r.W }

// Bottom is where the rectangle ends below.
func (r Rect) Bottom() float64 { return r.Y + r.H }

// Near reports whether the rectangles come nearer to each other than x and y;
// with 0 and 0, whether they overlap.
func (r Rect) Near(o Rect, x, y float64) bool {
	return r.X < o.Right()+x && o.X < r.Right()+x && r.Y < o.Bottom()+y && o.Y < r.Bottom()+y
}

// Holds reports whether o lies within the rectangle.
func (r Rect) Holds(o Rect) bool {
	return r.X <= o.X && r.Y <= o.Y && o.Right() <= r.Right() && o.Bottom() <= r.Bottom()
}

// Union is the smallest rectangle that holds both.
func (r Rect) Union(o Rect) Rect {
	x, y := min(r.X, o.X), min(r.Y, o.Y)
	return Rect{x, y, max(r.Right(), o.Right()) - x, max(r.Bottom(), o.Bottom()) - y}
}

// Placement is the place of one box: X and Y are its top left corner, counted
// from the top left of the chart; W and H are the sizes it came with.
type Placement struct {
	ID         string
	X, Y, W, H float64
}

// Rect is the place without its name.
func (p Placement) Rect() Rect { return Rect{p.X, p.Y, p.W, p.H} }

// Centre is the middle of the box.
func (p Placement) Centre() Point { return Point{p.X + p.W/2, p.Y + p.H/2} }

// LanePlacement is the ground of a lane: X and Y are its top left corner. The
// boxes begin LaneTop below it, so that there is room for a title.
type LanePlacement struct {
	ID         string
	X, Y, W, H float64
}

// Rect is the ground without its name.
func (l LanePlacement) Rect() Rect { return Rect{l.X, l.Y, l.W, l.H} }

// Chart is a finished layout. It begins at 0, 0; its extent is a multiple of
// Grid and includes the margin on all sides.
type Chart struct {
	Placements    []Placement     // sorted by ID
	Lanes         []LanePlacement // sorted by ID; grounds never overlap
	Strip         *Rect           // what the Strip boxes take, without a margin; nil when there are none
	Width, Height float64
}
