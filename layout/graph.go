package layout

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// input is a checked graph in an order of its own: boxes by ID, edges by all
// their fields. Everything after it works on indexes and can rely on it.
type input struct {
	boxes []Box
	edges []edge
}

// edge is an Edge between indexes of input.boxes.
type edge struct {
	from, to   int32
	fromY, toY float64
	weight     float64 // damped, at least 1
	undirected bool
}

// ranks reports whether e says that its client stands left of its server.
func (in *input) ranks(e edge) bool {
	return !e.undirected && e.from != e.to &&
		in.boxes[e.from].Side == Inside && in.boxes[e.to].Side == Inside
}

// read checks g and sorts it.
func read(g Graph) (*input, error) {
	in := &input{boxes: slices.Clone(g.Boxes)}
	slices.SortStableFunc(in.boxes, func(a, b Box) int { return cmp.Compare(a.ID, b.ID) })
	index := make(map[string]int32, len(in.boxes))
	for i, b := range in.boxes {
		if err := checkBox(b); err != nil {
			return nil, err
		}
		if _, twice := index[b.ID]; twice {
			return nil, fmt.Errorf("box %q: ID must be unique, is given twice", b.ID)
		}
		index[b.ID] = int32(i)
	}
	in.edges = make([]edge, 0, len(g.Edges))
	for _, e := range g.Edges {
		if err := checkEdge(e, in.boxes, index); err != nil {
			return nil, fmt.Errorf("edge %q to %q: %w", e.From, e.To, err)
		}
		in.edges = append(in.edges, edge{
			from: index[e.From], to: index[e.To],
			fromY: e.FromY, toY: e.ToY,
			weight:     1 + math.Log2(max(e.Weight, 1)),
			undirected: e.Undirected,
		})
	}
	slices.SortFunc(in.edges, compareEdges)
	return in, nil
}

func compareEdges(a, b edge) int {
	return cmp.Or(
		cmp.Compare(a.from, b.from),
		cmp.Compare(a.to, b.to),
		cmp.Compare(a.fromY, b.fromY),
		cmp.Compare(a.toY, b.toY),
		cmp.Compare(a.weight, b.weight),
		compareBools(a.undirected, b.undirected),
	)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func checkBox(b Box) error {
	switch {
	case b.ID == "":
		return errors.New("box: ID must not be empty")
	case b.Side != Inside && b.Side != Entry && b.Side != Exit:
		return fmt.Errorf("box %q: Side must be Inside, Entry or Exit, is %d", b.ID, b.Side)
	}
	if err := checkSize(b.W); err != nil {
		return fmt.Errorf("box %q: W %w", b.ID, err)
	}
	if err := checkSize(b.H); err != nil {
		return fmt.Errorf("box %q: H %w", b.ID, err)
	}
	return nil
}

func checkSize(v float64) error {
	if v > 0 && v <= MaxSize {
		return nil
	}
	return fmt.Errorf("must be above 0 and at most %g, is %g", float64(MaxSize), v)
}

func checkEdge(e Edge, boxes []Box, index map[string]int32) error {
	from, ok := index[e.From]
	if !ok {
		return fmt.Errorf("client From must be the ID of a box, is %q", e.From)
	}
	to, ok := index[e.To]
	if !ok {
		return fmt.Errorf("server To must be the ID of a box, is %q", e.To)
	}
	return cmp.Or(
		checkRange("FromY", e.FromY, 0, boxes[from].H),
		checkRange("ToY", e.ToY, 0, boxes[to].H),
		checkRange("Weight", e.Weight, 0, math.MaxFloat64),
	)
}

// part is a connected piece of the graph.
type part struct {
	boxes []int32 // sorted
	edges []edge  // in the order of the input, none from a box to itself
}

// parts returns the connected pieces of the graph in the order of their first
// box and, apart from them, the Inside boxes that no edge joins to another. A
// box of a side is a piece also when alone, since it has its place.
func (in *input) parts() (parts []part, alone []int32) {
	root := in.roots()
	all := make([]part, len(in.boxes))
	for i, r := range root {
		all[r].boxes = append(all[r].boxes, int32(i))
	}
	for _, e := range in.edges {
		if e.from != e.to {
			all[root[e.from]].edges = append(all[root[e.from]].edges, e)
		}
	}
	for i, p := range all {
		switch {
		case len(p.boxes) == 0:
		case len(p.boxes) == 1 && in.boxes[i].Side == Inside:
			alone = append(alone, int32(i))
		default:
			parts = append(parts, p)
		}
	}
	return parts, alone
}

// roots gives boxes that are joined by edges the same number (union and find,
// with path halving).
func (in *input) roots() []int32 {
	up := make([]int32, len(in.boxes))
	for i := range up {
		up[i] = int32(i)
	}
	find := func(i int32) int32 {
		for up[i] != i {
			up[i] = up[up[i]]
			i = up[i]
		}
		return i
	}
	for _, e := range in.edges {
		a, b := find(e.from), find(e.to)
		up[max(a, b)] = min(a, b)
	}
	for i := range up {
		up[i] = find(int32(i))
	}
	return up
}
