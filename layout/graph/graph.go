package graph

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Input is a checked graph in an order of its own: boxes by ID, calls by all
// their fields. Everything after it works on indexes and can rely on it.
type Input struct {
	Boxes []Box
	Calls []Call
	// Held is, per box, how much weight calls it from outside of what is
	// ranked here, which are the Entry side and other lanes. It holds the box
	// left.
	Held []float64
}

// Call is an Edge between indexes of Input.Boxes.
type Call struct {
	From, To   int32
	FromY, ToY float64
	Weight     float64 // damped, at least 1
	Undirected bool
}

// Ranks reports whether c says that its client stands left of its server.
func (in *Input) Ranks(c Call) bool {
	return !c.Undirected && c.From != c.To &&
		in.Boxes[c.From].Side == Inside && in.Boxes[c.To].Side == Inside
}

// Read checks g and sorts it. The error names the field, the rule and the value
// of the first thing that is wrong. The options come back with their defaults.
func Read(g *Graph) (*Input, Options, error) {
	o, err := g.Options.WithDefaults()
	if err != nil {
		return nil, o, err
	}
	in := &Input{Boxes: slices.Clone(g.Boxes)}
	slices.SortStableFunc(in.Boxes, func(a, b Box) int { return cmp.Compare(a.ID, b.ID) })
	index := make(map[string]int32, len(in.Boxes))
	for i, b := range in.Boxes {
		if err := checkBox(b); err != nil {
			return nil, o, err
		}
		if _, twice := index[b.ID]; twice {
			return nil, o, fmt.Errorf("box %q: ID must be unique, is given twice", b.ID)
		}
		index[b.ID] = int32(i)
		if b.Side != Inside {
			in.Boxes[i].Lane = ""
		}
	}
	if err := checkPins(g.Pins); err != nil {
		return nil, o, err
	}
	if err := in.readEdges(g.Edges, index); err != nil {
		return nil, o, err
	}
	return in, o, nil
}

// readEdges makes calls of edges; those of boxes in the strip count for nothing.
func (in *Input) readEdges(edges []Edge, index map[string]int32) error {
	in.Calls = make([]Call, 0, len(edges))
	for _, e := range edges {
		if err := checkEdge(e, in.Boxes, index); err != nil {
			return fmt.Errorf("edge %q to %q: %w", e.From, e.To, err)
		}
		c := Call{
			From: index[e.From], To: index[e.To],
			FromY: e.FromY, ToY: e.ToY,
			Weight:     1 + math.Log2(max(e.Weight, 1)),
			Undirected: e.Undirected,
		}
		if in.Boxes[c.From].Side != Strip && in.Boxes[c.To].Side != Strip {
			in.Calls = append(in.Calls, c)
		}
	}
	slices.SortFunc(in.Calls, compareCalls)
	in.Held = make([]float64, len(in.Boxes))
	for _, c := range in.Calls {
		if in.Boxes[c.From].Side == Entry && !c.Undirected {
			in.Held[c.To] += 2 * c.Weight
		}
	}
	return nil
}

func compareCalls(a, b Call) int {
	return cmp.Or(
		cmp.Compare(a.From, b.From),
		cmp.Compare(a.To, b.To),
		cmp.Compare(a.FromY, b.FromY),
		cmp.Compare(a.ToY, b.ToY),
		cmp.Compare(a.Weight, b.Weight),
		compareBools(a.Undirected, b.Undirected),
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
	case b.Side < Inside || b.Side > Strip:
		return fmt.Errorf("box %q: Side must be Inside, Entry, Exit or Strip, is %d", b.ID, b.Side)
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

// checkPins names the first wrong pin by the order of IDs.
func checkPins(pins map[string]Point) error {
	var wrong []string
	for id, p := range pins {
		if checkRange("", p.X, 0, MaxSize) != nil || checkRange("", p.Y, 0, MaxSize) != nil {
			wrong = append(wrong, id)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	id := slices.Min(wrong)
	err := cmp.Or(checkRange("X", pins[id].X, 0, MaxSize), checkRange("Y", pins[id].Y, 0, MaxSize))
	return fmt.Errorf("pin of box %q: %w", id, err)
}

// Sub is what remains of the graph with the given boxes only, which must be in
// rising order. A box i of it is boxes[i] here. Directed calls that come in from
// boxes that are left out hold a box left.
func (in *Input) Sub(boxes []int32) *Input {
	sub := &Input{Boxes: make([]Box, len(boxes)), Held: make([]float64, len(boxes))}
	at := make([]int32, len(in.Boxes))
	for i := range at {
		at[i] = -1
	}
	for i, b := range boxes {
		sub.Boxes[i], sub.Held[i], at[b] = in.Boxes[b], in.Held[b], int32(i)
	}
	for _, c := range in.Calls {
		from, to := at[c.From], at[c.To]
		switch {
		case from >= 0 && to >= 0:
			c.From, c.To = from, to
			sub.Calls = append(sub.Calls, c)
		case to >= 0 && !c.Undirected && in.Boxes[c.From].Side == Inside:
			sub.Held[to] += c.Weight
		}
	}
	return sub
}

// Part is a connected piece of the graph.
type Part struct {
	Boxes []int32 // sorted
	Calls []Call  // in the order of the input, none from a box to itself
}

// Parts returns the connected pieces of the graph in the order of their first
// box and, apart from them, the Inside boxes that no call joins to another. A
// box of a side is a piece also when alone, since it has its place. Boxes of the
// strip are in neither.
func (in *Input) Parts() (parts []Part, alone []int32) {
	root := in.roots()
	all := make([]Part, len(in.Boxes))
	for i, r := range root {
		all[r].Boxes = append(all[r].Boxes, int32(i))
	}
	for _, c := range in.Calls {
		if c.From != c.To {
			all[root[c.From]].Calls = append(all[root[c.From]].Calls, c)
		}
	}
	for i, p := range all {
		switch {
		case len(p.Boxes) == 0 || in.Boxes[i].Side == Strip:
		case len(p.Boxes) == 1 && in.Boxes[i].Side == Inside:
			alone = append(alone, int32(i))
		default:
			parts = append(parts, p)
		}
	}
	return parts, alone
}

// roots gives boxes that are joined by calls the same number (union and find,
// with path halving).
func (in *Input) roots() []int32 {
	up := make([]int32, len(in.Boxes))
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
	for _, c := range in.Calls {
		a, b := find(c.From), find(c.To)
		up[max(a, b)] = min(a, b)
	}
	for i := range up {
		up[i] = find(int32(i))
	}
	return up
}
