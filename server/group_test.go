package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/server/replica"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/storetest"
	"github.com/devops-trouble-map/dotm/topology"
)

// shelf is a store in memory that several servers share: it holds what was
// written.
type shelf struct {
	memory
	blocks map[string]*topology.Block
}

func (s *shelf) Load(ctx context.Context) (store.State, error) {
	state, err := s.memory.Load(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.blocks {
		state.Blocks = append(state.Blocks, b)
	}
	return state, err
}

func (s *shelf) Write(ctx context.Context, c store.Change) error {
	if err := s.memory.Write(ctx, c); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range c.Delete {
		delete(s.blocks, name)
	}
	for _, b := range c.Put {
		s.blocks[b.Node.Name] = b
	}
	if c.Settings != nil {
		s.state.Settings = *c.Settings
	}
	if c.Revision.Epoch != "" {
		s.state.Revision = c.Revision
	}
	return nil
}

func (s *shelf) Events(_ context.Context, from, to time.Time, yield func(topology.Event) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if !e.At.Before(from) && e.At.Before(to) && !yield(e) {
			return nil
		}
	}
	return nil
}

// site is several servers of one store.
type site struct {
	*shelf
	shared  *storetest.Shared
	servers []*running
	links   []*storetest.Link
}

func newSite(t *testing.T, n int) *site {
	s := &site{shelf: &shelf{blocks: map[string]*topology.Block{}}, shared: storetest.NewShared()}
	for range n {
		s.add(t)
	}
	return s
}

func (s *site) add(t *testing.T) *running {
	t.Helper()
	link := s.shared.Link()
	r := startWith(t, Options{Store: s.shelf, Shared: link, Name: fmt.Sprintf("replica%d", len(s.servers)+1)})
	s.servers, s.links = append(s.servers, r), append(s.links, link)
	wait(time.Second)
	return r
}

// wait lets the bubble's clock run.
func wait(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the bubble's clock
	synctest.Wait()
}

func (s *site) roles() (roles []replica.Role) {
	for _, r := range s.servers {
		roles = append(roles, r.Member().Role)
	}
	return roles
}

// same fails the test unless all of some servers show the same.
func same(t *testing.T, servers ...*running) {
	t.Helper()
	want := servers[0].Snapshot()
	for i, s := range servers[1:] {
		got := s.Snapshot()
		if got.Revision() != want.Revision() {
			t.Errorf("server %d shows revision %s, the first %s", i+1, got.Revision(), want.Revision())
		}
		if diff := cmp.Diff(blocksOf(want), blocksOf(got)); diff != "" {
			t.Errorf("server %d shows something else (-first +this):\n%s", i+1, diff)
		}
	}
}

func blocksOf(s *topology.Snapshot) (out []string) {
	for b := range s.Blocks() {
		line := fmt.Sprintf("%+v %+v", b.Node, b.Services)
		for _, c := range b.Connections {
			line += fmt.Sprintf(" %+v", *c)
		}
		out = append(out, line)
	}
	return out
}

func TestGroupShowsOneChart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 3)
		if got := s.roles(); !slices.Equal(got, []replica.Role{replica.Leading, replica.Following, replica.Following}) {
			t.Fatalf("roles are %v", got)
		}
		for i := range 30 {
			r := s.servers[i%3]
			r.put(t, (&reporter{name: fmt.Sprintf("web%d", i), number: byte(i + 1)}).report("10.0.9.9"))
		}
		wait(time.Second)
		same(t, s.servers...)
		if n := s.servers[2].Snapshot().Len(); n != 31 { // and 10.0.9.9
			t.Errorf("%d nodes are shown", n)
		}
		wait(2 * time.Second)
		if len(s.blocks) != 31 {
			t.Errorf("%d nodes are kept", len(s.blocks))
		}
		late := s.add(t)
		same(t, s.servers[0], late)
	})
}

// TestGroupTimes: that nodes report is seen everywhere, though nothing else
// changes.
func TestGroupTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 2)
		web := &reporter{name: "web", number: 1}
		for range 20 { // five minutes and more: nobody may take it for silent
			r := web.report("10.0.1.1")
			r.Connections[0].Opened = 0
			s.servers[1].put(t, r)
			wait(20 * time.Second)
			same(t, s.servers...)
			if b := s.servers[1].Snapshot().Block("web"); b.Node.State != topology.Reporting || time.Since(b.Node.LastReport) > 21*time.Second {
				t.Fatalf("web is %s, last report %s ago", b.Node.State, time.Since(b.Node.LastReport))
			}
		}
	})
}

// TestGroupRefuses: the leader's refusal is known at the server that was asked.
func TestGroupRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 2)
		web := &reporter{name: "web", number: 1}
		first := web.report()
		s.servers[1].put(t, first)
		s.servers[1].put(t, web.report())
		if err := s.servers[1].Put(t.Context(), first); !errors.Is(err, collect.ErrReplayed) {
			t.Errorf("an old report: %v", err)
		}
		if _, err := s.servers[1].RemoveNode(t.Context(), "web"); !errors.Is(err, collect.ErrReports) {
			t.Errorf("removing a node that reports: %v", err)
		}
		if there, err := s.servers[1].RemoveNode(t.Context(), "nobody"); there || err != nil {
			t.Errorf("removing nobody: %v, %v", there, err)
		}
	})
}

// TestLeaderDies: another one leads within the lease, with all that was shown,
// and no event is lost or kept twice.
func TestLeaderDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 3)
		web := &reporter{name: "web", number: 1}
		s.servers[1].put(t, web.report("10.0.1.1"))
		wait(3 * time.Second)
		s.servers[2].put(t, web.report("10.0.1.1", "10.0.1.2"))
		wait(300 * time.Millisecond) // told, but perhaps not written
		s.links[0].Cut(true)
		wait(time.Second)

		var wg sync.WaitGroup
		wg.Go(func() { s.servers[1].put(t, web.report("10.0.1.1", "10.0.1.2", "10.0.1.3")) }) // waits for the next leader
		wait(replica.LeaseFor + 3*time.Second)
		wg.Wait()
		roles := s.roles()
		if roles[0] != replica.Alone || !slices.Contains(roles[1:], replica.Leading) || !slices.Contains(roles[1:], replica.Following) {
			t.Fatalf("roles are %v", roles)
		}
		wait(3 * time.Second)
		same(t, s.servers[1:]...)
		connection(t, s.servers[1].Snapshot(), "web", "10.0.1.3")
		if err := s.servers[0].Ready(); err == nil {
			t.Error("the one that is cut off says nothing")
		}

		s.links[0].Cut(false)
		wait(5 * time.Second)
		if got := s.servers[0].Member().Role; got != replica.Following {
			t.Errorf("back again it is %s", got)
		}
		same(t, s.servers...)
		count := map[string]int{}
		for _, id := range ids(s.events) {
			count[id]++
		}
		for id, n := range count {
			if n != 1 {
				t.Errorf("%q is kept %d times", id, n)
			}
		}
		for _, node := range []string{"web", "10.0.1.1", "10.0.1.2", "10.0.1.3"} {
			if count["node "+node+" appeared"] != 1 {
				t.Errorf("that %s appeared is kept %d times", node, count["node "+node+" appeared"])
			}
		}
	})
}

// TestRollingRestart: each server stops and another one starts; nothing is lost.
func TestRollingRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 2)
		for i := range 4 {
			last := s.servers[len(s.servers)-1]
			last.put(t, (&reporter{name: fmt.Sprintf("web%d", i), number: byte(i + 1)}).report())
			if err := s.servers[i].stop(); err != nil {
				t.Fatal(err)
			}
			s.add(t)
			wait(2 * time.Second)
		}
		running := s.servers[4:]
		same(t, running...)
		if n := running[0].Snapshot().Len(); n != 4 {
			t.Errorf("%d nodes are shown", n)
		}
		if got := running[0].Member().Role; got != replica.Leading {
			t.Errorf("the first one is %s", got)
		}
	})
}

// TestNobodyCanLead: without the store each goes on alone, and all find together
// again.
func TestNobodyCanLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 2)
		a, b := &reporter{name: "a", number: 1}, &reporter{name: "b", number: 2}
		s.servers[0].put(t, a.report())
		for _, l := range s.links {
			l.Cut(true)
		}
		wait(10 * time.Second)
		if got := s.roles(); !slices.Equal(got, []replica.Role{replica.Alone, replica.Alone}) {
			t.Fatalf("roles are %v", got)
		}
		s.servers[0].put(t, a.report("10.0.1.1"))
		s.servers[1].put(t, b.report())
		wait(time.Minute)
		for _, l := range s.links {
			l.Cut(false)
		}
		wait(10 * time.Second)
		s.servers[0].put(t, a.report("10.0.1.1")) // as agents do
		s.servers[1].put(t, b.report())
		wait(time.Second)
		same(t, s.servers...)
		if n := s.servers[0].Snapshot().Len(); n != 3 {
			t.Errorf("%d nodes are shown", n)
		}
		for _, r := range s.servers {
			if err := r.Ready(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestGroupShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 2)
		if err := s.servers[1].ChangeSettings(t.Context(), store.Patch{Ageing: duration(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		doc := store.Document{Kind: "user", Key: "anna", Value: []byte("{}")}
		if err := s.servers[1].ChangeDocuments(t.Context(), []store.Document{doc}, nil); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		for i, r := range s.servers {
			if in, _ := r.Settings(); in.Ageing != topology.Duration(time.Hour) {
				t.Errorf("server %d ages after %v", i, in.Ageing)
			}
			if got := r.Documents("user"); len(got) != 1 || got[0].Key != "anna" {
				t.Errorf("server %d knows %v", i, got)
			}
		}
		var invalid *store.InvalidError
		if err := s.servers[1].ChangeSettings(t.Context(), store.Patch{Ageing: duration(0)}); !errors.As(err, &invalid) {
			t.Errorf("a wrong setting: %v", err)
		}
	})
}
