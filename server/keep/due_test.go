package keep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// disk is a store that remembers what was written; what else there is of a store it
// doesn't have.
type disk struct {
	store.Store
	writes []store.Change
	full   error
}

func (d *disk) Extent(context.Context) (store.Extent, error) { return store.Extent{Records: 1}, nil }

func (d *disk) Write(_ context.Context, c store.Change) error {
	if d.full == nil {
		d.writes = append(d.writes, c)
	}
	return d.full
}

// take are the writes since it was last asked.
func (d *disk) take() []store.Change {
	w := d.writes
	d.writes = nil
	return w
}

// names of the nodes that some writes put.
func put(writes []store.Change) (names []string) {
	for i := range writes {
		for _, b := range writes[i].Put {
			names = append(names, b.Node.Name)
		}
	}
	return names
}

// stage is a keeper with a site that changes.
type stage struct {
	*Keeper
	disk disk
	snap *topology.Snapshot
	now  time.Time
}

// newStage is one of so many nodes, which the store has.
func newStage(t *testing.T, n int) *stage {
	t.Helper()
	s := &stage{now: noon, snap: empty(noon)}
	s.edit(func(e *topology.Edit) {
		for i := range n {
			e.Put(named(i, 0))
		}
	})
	s.Keeper = New(&s.disk, slog.New(slog.DiscardHandler), unmetered{}, s.snap, noon)
	s.tick(t)
	s.disk.take()
	return s
}

func (s *stage) edit(change func(*topology.Edit)) {
	e := s.snap.Edit()
	change(e)
	s.snap = e.Commit(s.snap.Revision().Next(), s.now)
}

// tick is one second later.
func (s *stage) tick(t *testing.T) []store.Change {
	t.Helper()
	s.now = s.now.Add(Every)
	s.Keep(s.snap, nil)
	if err := s.flush(t.Context(), s.now, byAndBy); err != nil && s.disk.full == nil {
		t.Fatal(err)
	}
	return s.disk.take()
}

// named is a node that has so many edges.
func named(i, edges int) *topology.Block {
	b := &topology.Block{Node: topology.Node{Name: fmt.Sprintf("n%05d", i), Kind: topology.Host, State: topology.Reporting}}
	for k := range edges {
		b.Connections = append(b.Connections, &topology.Connection{ID: fmt.Sprintf("%016x", k), Client: topology.Client{Node: b.Node.Name}})
	}
	return b
}

// TestFewChangesAreWrittenAtOnce: within a second, however often the same nodes change.
func TestFewChangesAreWrittenAtOnce(t *testing.T) {
	s := newStage(t, 1000)
	for second := range 5 {
		s.edit(func(e *topology.Edit) {
			for i := range atOnce {
				e.Put(named(i, 1+second))
			}
		})
		writes := s.tick(t)
		if len(writes) != 1 || len(writes[0].Put) != atOnce || len(writes[0].Records) != atOnce {
			t.Errorf("second %d: %d writes of %d nodes", second, len(writes), len(put(writes)))
		}
	}
}

// TestManyChangesWait: where all nodes change each second, as they do when a site
// starts, each is written in its turn, none later than is promised, and what is written
// is the newest.
func TestManyChangesWait(t *testing.T) {
	const n = 24 * atOnce // more than are written in the longest wait
	s := newStage(t, n)
	last := make([]time.Time, n)
	for i := range last {
		last[i] = s.now
	}
	total := 0
	for second := range 70 {
		s.edit(func(e *topology.Edit) {
			for i := range n {
				b := named(i, 0)
				b.Node.Agent = fmt.Sprint(second)
				e.Put(b)
			}
		})
		writes := s.tick(t)
		total += len(put(writes))
		for i := range writes {
			if len(writes[i].Records) != len(writes[i].Put) {
				t.Fatalf("%d records of %d nodes", len(writes[i].Records), len(writes[i].Put))
			}
			for _, b := range writes[i].Put {
				if b.Node.Agent != fmt.Sprint(second) {
					t.Fatalf("%s is written as it was", b.Node.Name)
				}
				var k int
				fmt.Sscanf(b.Node.Name, "n%d", &k)
				last[k] = s.now
			}
		}
		for i := range last {
			if waited := s.now.Sub(last[i]); waited > structureWait+2*Every {
				t.Fatalf("second %d: %d waits for %s", second, i, waited)
			}
		}
	}
	if upTo := 70 * n / 18; total > upTo {
		t.Errorf("%d nodes were written, want at most %d", total, upTo)
	}
	if behind := s.Progress(time.Now()).Behind; behind < structureWait/2 || behind > structureWait+2*Every {
		t.Errorf("it says to be %s behind", behind)
	}
	// When it is calm again all is written, and nothing twice.
	left := 0
	for range 40 {
		left += len(put(s.tick(t)))
	}
	if left > n || s.Progress(time.Now()).Behind != 0 {
		t.Errorf("%d were left, and it is %s behind", left, s.Progress(time.Now()).Behind)
	}
	for name, w := range s.written {
		if w.block != s.snap.Block(name) {
			t.Errorf("%s is not written", name)
		}
	}
}

// TestNewNodesDoNotWait, and what is gone waits for what changed before it.
func TestNewNodesDoNotWait(t *testing.T) {
	s := newStage(t, 3*atOnce)
	s.edit(func(e *topology.Edit) {
		for i := range 3 * atOnce {
			e.Put(named(i, 1))
		}
		e.Put(named(99_999, 1))
		e.Delete("n00599") // it is n99999 now, which others name
	})
	writes := s.tick(t)
	if names := put(writes); len(names) != atOnce+1 || !slices.Contains(names, "n99999") {
		t.Errorf("%d nodes were written, the new one %v", len(names), slices.Contains(names, "n99999"))
	}
	if len(writes[0].Delete) != 0 {
		t.Error("a node is gone before the edges that name it")
	}
	s.tick(t)
	if writes = s.tick(t); len(writes) != 1 || !slices.Equal(writes[0].Delete, []string{"n00599"}) {
		t.Errorf("the node is not gone with the last of what changed: %v", writes)
	}
	if writes = s.tick(t); len(writes) != 0 {
		t.Errorf("something is written again: %v", put(writes))
	}
}

// TestWritesAreBounded: what is much is written in several transactions, at once where
// nothing comes after.
func TestWritesAreBounded(t *testing.T) {
	s := newStage(t, 0)
	const edges = 999
	s.edit(func(e *topology.Edit) {
		for i := range 350 {
			e.Put(named(i, edges))
		}
	})
	events := []topology.Event{{ID: "a"}}
	s.Keep(s.snap, events)
	writes := s.tick(t)
	if len(writes) != 4 || len(put(writes)) != 350 || len(writes[0].Append) != 1 || len(writes[1].Append) != 0 {
		t.Errorf("%d writes of %d nodes", len(writes), len(put(writes)))
	}
	for i := range writes {
		if n := len(writes[i].Put); n > perWrite/(edges+1) {
			t.Errorf("one writes %d nodes", n)
		}
	}
	s.edit(func(e *topology.Edit) {
		for i := range 350 {
			e.Put(named(i, edges+1))
		}
	})
	s.Keep(s.snap, nil)
	if err := s.Flush(t.Context(), s.now, true); err != nil {
		t.Fatal(err)
	}
	if writes = s.disk.take(); len(writes) != 4 || len(put(writes)) != 350 {
		t.Errorf("the last: %d writes of %d nodes", len(writes), len(put(writes)))
	}
}

// TestWhatWaitsOutlivesFailure: what could not be written keeps its place.
func TestWhatWaitsOutlivesFailure(t *testing.T) {
	s := newStage(t, 2*atOnce)
	s.disk.full = errors.New("disk full")
	s.edit(func(e *topology.Edit) {
		for i := range 2 * atOnce {
			e.Put(named(i, 1))
		}
	})
	s.tick(t)
	s.disk.full = nil
	got := append(put(s.tick(t)), put(s.tick(t))...)
	slices.Sort(got)
	if len(slices.Compact(got)) != 2*atOnce {
		t.Errorf("%d of %d nodes are written", len(got), 2*atOnce)
	}
}
