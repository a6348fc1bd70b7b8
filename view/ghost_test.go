package view

import (
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// TestGhosts: what is gone stays at its last place for a while, and is told; what only
// stands elsewhere, or has another name now, is no ghost.
func TestGhosts(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	number := uint64(0)
	live, settings := NewLive(Question{Level: LevelService}, row{gap: 10}), &Settings{}
	show := func(blocks ...*topology.Block) *Delta {
		t.Helper()
		number++
		s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: number}, at, blocks)
		if err != nil {
			t.Fatal(err)
		}
		d, err := live.Advance(s, settings, at)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	block := func(name string) *topology.Block {
		return &topology.Block{Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting}}
	}
	a, b, c := block("a"), block("b"), block("c")
	show(a, b, c)
	stood := *live.byName["c"].place
	d := show(a, b)
	want := []Ghost{{Name: "c", Kind: topology.Host, Since: at, Layout: stood}}
	same(t, "told", d.Ghosts, want)
	same(t, "shown", live.Whole().Ghosts, want)

	at = at.Add(GhostFor - time.Second)
	if d := show(a, b, block("d")); d.Ghosts != nil {
		t.Errorf("told again: %+v", d.Ghosts)
	}
	at = at.Add(2 * time.Second)
	d = show(a, b, block("d"), block("e"))
	if d.Ghosts == nil || len(d.Ghosts) != 0 || len(live.Whole().Ghosts) != 0 {
		t.Errorf("after its time: %+v, %+v", d.Ghosts, live.Whole().Ghosts)
	}
	same(t, "remembered", live.chart.last()["c"], stood)

	show(a, b, c) // d and e are ghosts, c is back
	if _, left := live.chart.last()["c"]; left || len(live.Whole().Ghosts) != 2 {
		t.Errorf("back: %+v", live.chart)
	}
	renamed := block("z")
	renamed.Node.Formerly = []topology.Former{{Name: "c"}}
	show(a, b, renamed)
	for _, g := range live.Whole().Ghosts {
		if g.Name == "c" {
			t.Error("who has another name is a ghost")
		}
	}
}
