package layout

import "testing"

// FuzzPlace reads graphs from bytes, bad ones too: Place must give an error or
// a chart without overlaps, and never panic.
func FuzzPlace(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{3, 10, 10, 0, 20, 20, 1, 30, 30, 2, 0, 1, 5, 1, 2, 0, 2, 0, 1})
	f.Add([]byte{2, 10, 0, 0, 20, 20, 9, 0, 9, 5})
	f.Add([]byte{
		8, 1, 1, 0, 2, 2, 0, 3, 3, 0, 4, 4, 0, 5, 5, 0, 6, 6, 0, 7, 7, 0, 8, 8, 0,
		0, 1, 4, 1, 2, 4, 2, 0, 4, 3, 4, 7, 4, 3, 0, 5, 6, 4, 6, 6, 4,
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		g := graphFromBytes(data)
		c, err := Place(with(g, Options{Height: 200}))
		if err != nil {
			return
		}
		if q := Measure(g, c); q.Overlaps != 0 || len(c.Placements) != len(g.Boxes) {
			t.Errorf("%d boxes, %d placements, quality %+v", len(g.Boxes), len(c.Placements), q)
		}
	})
}

// graphFromBytes reads a count, for each box width, height, side and lane, then for
// each edge client, server and a byte of which the lowest bit is its direction
// and the others its ports. Servers may be unknown.
func graphFromBytes(data []byte) *Graph {
	next := func() byte {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return b
	}
	id := func(n byte) string { return string(rune('a' + int(n))) }
	g := &Graph{}
	for i := range next() {
		b := Box{ID: id(i), W: float64(next()), H: float64(next())}
		side := next()
		b.Side, b.Lane = Side(side%5), []string{"", "", "red", "blue"}[side/5%4]
		g.Boxes = append(g.Boxes, b)
	}
	for len(data) > 0 {
		from, to, how := next(), next(), next()
		g.Edges = append(g.Edges, Edge{
			From: id(from), To: id(to), Undirected: how&1 == 1,
			FromY: float64(how >> 5), ToY: float64(how >> 2 & 7), Weight: float64(how),
		})
	}
	return g
}
