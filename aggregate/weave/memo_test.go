package weave

import (
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestBetween: a memo finds what looking at each edge finds, whatever a stored block holds.
func TestBetween(t *testing.T) {
	var list []*topology.Connection
	for _, client := range []string{"a", "b", ""} {
		for _, protocol := range []topology.Protocol{"tcp", "udp", ""} {
			for _, port := range []uint16{80, 443, 80} {
				list = append(list, &topology.Connection{Client: topology.Client{Node: client}, Server: topology.Server{Node: "db", Port: port}, Protocol: protocol})
			}
		}
	}
	m := newMemo(list)
	for _, e := range append(list, &topology.Connection{Client: topology.Client{Node: "nobody"}}) {
		var want []int
		for i, c := range list {
			if edge.Joins(c, edge.EndsOf(e)) {
				want = append(want, i)
			}
		}
		if got := m.between(edge.EndsOf(e)); !slices.Equal(got, want) {
			t.Errorf("between %+v: %v, want %v", edge.EndsOf(e), got, want)
		}
	}
}

// TestMemoOf: what was learned of one list is not believed of another.
func TestMemoOf(t *testing.T) {
	list := []*topology.Connection{{ID: "c"}}
	b := &topology.Block{Connections: list, Memo: newMemo(list)}
	if memoOf(b) == nil {
		t.Error("a block's own memo is not found")
	}
	other := b.Clone()
	if memoOf(other) != nil {
		t.Error("the memo of another list is believed")
	}
	if memoOf(&topology.Block{}) != nil {
		t.Error("a block without a memo has one")
	}
}
