package replica

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// chart is a snapshot of so many nodes; seed makes them differ.
func chart(t *testing.T, number uint64, n, seed int) *topology.Snapshot {
	t.Helper()
	var blocks []*topology.Block
	for i := range n {
		name := fmt.Sprintf("web%04d", i)
		blocks = append(blocks, &topology.Block{
			Node:     topology.Node{Name: name, Kind: topology.Host, Agent: fmt.Sprint(seed), LastReport: noon},
			Services: []topology.Service{{ID: name + "~tcp~80", Node: name, Protocol: "tcp", Port: 80}},
		})
	}
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: number}, noon.Add(time.Duration(number)*time.Second), blocks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestUpdate: what is told in parts leads to what is shown.
func TestUpdate(t *testing.T) {
	large := chart(t, 3, 3*perPart+7, 1)
	one := *large.Block("web0003")
	one.Node.LastReport = noon.Add(time.Hour)
	edit := large.Edit()
	edit.Put(&one)
	edit.Delete("web0005")
	later := edit.Commit(topology.Revision{Epoch: "e", Number: 4}, noon.Add(time.Hour))
	for _, tt := range []struct {
		name       string
		from, to   *topology.Snapshot
		told       bool // from is known to the other side
		parts, put int
	}{
		{"nothing", large, large, true, 1, 0},
		{"all, to one who knows nothing", chart(t, 1, 0, 0), large, false, 4, 3*perPart + 7},
		{"all anew, to one who shows something else", chart(t, 1, 900, 0), large, false, 4, 3*perPart + 7},
		{"every node", chart(t, 1, 3*perPart+7, 0), large, true, 4, 3*perPart + 7},
		{"a time, and a node that is gone", large, later, true, 1, 0},
		{"fewer", chart(t, 1, 900, 1), chart(t, 2, 10, 1), true, 1, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			known := tt.from
			if !tt.told {
				known = nil
			}
			var told []*Update
			put := 0
			for _, p := range updateOf(known, tt.to).parts() {
				u, err := decodeUpdate(p.encode())
				if err != nil {
					t.Fatal(err)
				}
				told, put = append(told, u), put+len(u.Put)
			}
			if len(told) != tt.parts || put != tt.put {
				t.Errorf("%d parts with %d nodes, want %d with %d", len(told), put, tt.parts, tt.put)
			}
			got := joined(told).Apply(tt.from)
			if got.Revision() != tt.to.Revision() || !got.At().Equal(tt.to.At()) {
				t.Errorf("it is %s of %s", got.Revision(), got.At())
			}
			if diff := cmp.Diff(nodes(tt.to), nodes(got)); diff != "" {
				t.Errorf("(-told +shown):\n%s", diff)
			}
		})
	}
}

func nodes(s *topology.Snapshot) (out []string) {
	for b := range s.Blocks() {
		out = append(out, fmt.Sprintf("%+v %+v", b.Node, b.Services))
	}
	return out
}

func TestUpdateRefuses(t *testing.T) {
	for _, raw := range []string{"", "{", `{"put":[null]}`, `{"put":[{"node":{"name":""}}]}`} {
		if _, err := decodeUpdate([]byte(raw)); err == nil {
			t.Errorf("%q is read", raw)
		}
	}
}
