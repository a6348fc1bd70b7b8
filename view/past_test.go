package view

import (
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// row lays boxes out in a row, each as wide as it is.
type row struct{ gap float64 }

func (row) Epoch() uint64 { return 0 }

func (r row) Place(g *Graph) (out Chart, err error) {
	for _, b := range g.Boxes {
		out.Places = append(out.Places, Place{b.ID, Rect{X: out.Width, W: b.W, H: b.H}})
		out.Width += b.W + r.gap
		out.Height = max(out.Height, b.H)
	}
	out.Ghosts, out.Left = g.Ghosts, g.Left
	return out, nil
}

// TestPlacesOfThePast: what is gone stands where it stood last, if that is free;
// what was never placed, or whose place is taken, stands below.
func TestPlacesOfThePast(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	number := uint64(0)
	snap := func(names ...string) *topology.Snapshot {
		number++
		var blocks []*topology.Block
		for _, n := range names {
			blocks = append(blocks, &topology.Block{Node: topology.Node{Name: n, Kind: topology.Host, State: topology.Reporting}})
		}
		s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: number}, at, blocks)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	q, settings := Question{Level: LevelService}, &Settings{}
	live := NewLive(q, row{gap: 10})
	show := func(s *topology.Snapshot) {
		if _, err := live.Advance(s, settings, at); err != nil {
			t.Fatal(err)
		}
	}
	places := func(s *topology.Snapshot) map[string]Rect {
		v := Build(q, s, settings, at)
		if err := live.PlacePast(v); err != nil {
			t.Fatal(err)
		}
		out := map[string]Rect{}
		for i := range v.Nodes {
			n := &v.Nodes[i]
			for name, r := range out {
				if r.Overlaps(n.Layout) {
					t.Errorf("%s and %s overlap", name, n.Name)
				}
			}
			if out[n.Name] = *n.Layout; n.Layout.X+n.Layout.W > v.Width+0.1 || n.Layout.Y+n.Layout.H > v.Height+0.1 {
				t.Errorf("%s stands outside", n.Name)
			}
		}
		return out
	}
	all := snap("a", "b", "c")
	show(all)
	before := places(all)
	show(snap("a", "b")) // c was the last of the row
	if got := places(all); got["c"] != before["c"] || got["a"] != before["a"] {
		t.Errorf("what is gone does not stand where it stood: %v, was %v", got, before)
	}
	show(snap("b")) // b stands in a's place now
	got := places(all)
	if got["b"] != before["a"] || got["c"] != before["c"] {
		t.Errorf("%v, was %v", got, before)
	}
	if got["a"].Y < got["b"].Y+got["b"].H {
		t.Errorf("a's place is taken, and it does not stand below: %v", got)
	}
	if got := places(snap("b", "never")); got["never"].Y < got["b"].Y+got["b"].H {
		t.Errorf("what was never placed does not stand below: %v", got)
	}
	show(all)
	if len(live.chart.last()) != 0 {
		t.Errorf("left are %v", live.chart.last())
	}
}
