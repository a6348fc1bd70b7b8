package view

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

// drawBlock is some block, also one that no report makes: any node may hold edges
// between any two others, be they there or not.
func drawBlock(t *rapid.T, name string, taken map[string]bool) *topology.Block {
	kinds := []topology.NodeKind{topology.Host, topology.Container, topology.Inferred, topology.Virtual, topology.Network, topology.Internet}
	states := []topology.ServiceState{topology.Listening, topology.Gone, topology.Seen}
	names := rapid.SampledFrom([]string{"n0", "n1", "n2", "n3", "n4", "n5"})
	b := &topology.Block{Node: topology.Node{Name: name, Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), State: topology.Reporting, LastReport: shop.Noon}}
	for port := uint16(80); port < 83; port++ {
		if rapid.Bool().Draw(t, "serves") {
			b.Services = append(b.Services, topology.Service{
				ID: fmt.Sprintf("%s~tcp~%d", name, port), Node: name, Port: port, LastSeen: shop.Noon,
				Process: rapid.SampledFrom([]string{"nginx", "rpc.statd"}).Draw(t, "process"), State: rapid.SampledFrom(states).Draw(t, "state"),
			})
		}
	}
	for range rapid.IntRange(0, 4).Draw(t, "connections") {
		c := topology.Connection{
			Client: topology.Client{Node: names.Draw(t, "client"), Process: rapid.SampledFrom([]string{"curl", "php", ""}).Draw(t, "caller")},
			Server: topology.Server{Node: names.Draw(t, "server"), Port: rapid.Uint16Range(80, 82).Draw(t, "port")},
			Count:  rapid.IntRange(0, 2).Draw(t, "count"), Status: rapid.SampledFrom([]topology.ConnectionStatus{topology.Fresh, topology.Old}).Draw(t, "status"),
			LastSeen: shop.Noon, Directed: true, Evidence: topology.Evidence{BothEnds: rapid.Bool().Draw(t, "both"), SeenBy: []topology.Sighting{{Node: name, At: shop.Noon}}},
		}
		if rapid.Bool().Draw(t, "known") {
			c.Server.Service = fmt.Sprintf("%s~tcp~%d", c.Server.Node, c.Server.Port)
		}
		if c.ID = topology.ConnectionID(&c); !taken[c.ID] {
			taken[c.ID] = true
			b.Connections = append(b.Connections, &c)
		}
	}
	slices.SortFunc(b.Connections, func(a, b *topology.Connection) int { return strings.Compare(a.ID, b.ID) })
	return b
}

// TestAnyBlocks: live and from scratch are the same also where only one block
// comes, goes or changes, whatever the others say of it.
func TestAnyBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := Question{Level: rapid.SampledFrom([]Level{LevelService, LevelNode}).Draw(t, "level"), Hide: rapid.SampledFrom([]string{"", "old", "ignored"}).Draw(t, "hide")}
		live, plain, set := NewLive(q, layouter{}), &scratch{question: q, placer: layouter{}}, defaults()
		set.HideAfter = time.Hour
		snap, blocks := topology.Empty(topology.Revision{Epoch: "e"}, shop.Noon), map[string]*topology.Block{}
		for i := range rapid.IntRange(1, 12).Draw(t, "steps") {
			at := shop.Noon.Add(time.Duration(i) * 20 * time.Minute)
			want, err := plain.advance(snap, set, at)
			if err != nil {
				t.Fatal(err)
			}
			got, err := live.Advance(snap, set, at)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, sameValues); diff != "" {
				t.Fatalf("delta (-from scratch +live):\n%s", diff)
			}
			if diff := cmp.Diff(plain.shown, live.Whole(), sameValues); diff != "" {
				t.Fatalf("whole (-from scratch +live):\n%s", diff)
			}
			checkSums(t, live, plain.shown)
			snap = replaceOne(t, snap, blocks)
		}
	})
}

// replaceOne puts or deletes one block, or turns its node into another kind.
func replaceOne(t *rapid.T, snap *topology.Snapshot, blocks map[string]*topology.Block) *topology.Snapshot {
	name, e := fmt.Sprint("n", rapid.IntRange(0, 5).Draw(t, "node")), snap.Edit()
	if b := blocks[name]; b != nil && rapid.IntRange(0, 3).Draw(t, "turned") == 0 {
		b = b.Clone()
		b.Node.Kind = rapid.SampledFrom([]topology.NodeKind{topology.Host, topology.Virtual}).Draw(t, "turns into")
		blocks[name] = b
		e.Put(b)
		return e.Commit(snap.Revision().Next(), snap.At().Add(20*time.Minute))
	}
	delete(blocks, name)
	if e.Delete(name); rapid.IntRange(0, 3).Draw(t, "deleted") > 0 {
		taken := map[string]bool{}
		for _, b := range blocks {
			for i := range b.Connections {
				taken[b.Connections[i].ID] = true
			}
		}
		blocks[name] = drawBlock(t, name, taken)
		e.Put(blocks[name])
	}
	return e.Commit(snap.Revision().Next(), snap.At().Add(20*time.Minute))
}
