package roles

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// town is a site in a test's hands.
type town struct {
	mu      sync.Mutex
	snap    *topology.Snapshot
	changed chan struct{}
	decided chan struct{}
	leads   bool
	docs    map[string][]byte
	writes  int
	touches int
	broken  error
}

func newTown() *town {
	return &town{
		snap: topology.Empty(topology.Revision{Epoch: "e"}, time.Now()), changed: make(chan struct{}), decided: make(chan struct{}),
		leads: true, docs: map[string][]byte{},
	}
}

func (s *town) Snapshot() *topology.Snapshot { s.mu.Lock(); defer s.mu.Unlock(); return s.snap }
func (s *town) Changed() <-chan struct{}     { s.mu.Lock(); defer s.mu.Unlock(); return s.changed }
func (s *town) Decided() <-chan struct{}     { s.mu.Lock(); defer s.mu.Unlock(); return s.decided }
func (s *town) Leads() bool                  { s.mu.Lock(); defer s.mu.Unlock(); return s.leads }
func (s *town) Touch()                       { s.mu.Lock(); defer s.mu.Unlock(); s.touches++ }

func (s *town) Documents(kind string) (out []store.Document) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, value := range s.docs {
		out = append(out, store.Document{Kind: kind, Key: key, Value: value})
	}
	return out
}

func (s *town) ChangeDocuments(_ context.Context, keep []store.Document, _ []store.DocumentKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.writes++
	for _, d := range keep {
		s.docs[d.Key] = d.Value
	}
	return nil
}

// farm shows so many equal web servers, which call one database.
func (s *town) farm(n int) {
	var blocks []*topology.Block
	for i := range n {
		name := fmt.Sprintf("web%d", i+1)
		b := &topology.Block{Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting, LastReport: time.Now()}}
		b.Services = []topology.Service{{ID: name + "~tcp~80", Node: name, Protocol: "tcp", Port: 80, Process: "nginx", State: topology.Listening}}
		c := topology.Connection{
			Client: topology.Client{Node: name, Process: "php"}, Server: topology.Server{Node: "db", Port: 5432, Service: "db~tcp~5432"},
			Protocol: "tcp", Directed: true, Count: 3, Status: topology.Fresh,
		}
		c.ID = topology.ConnectionID(&c)
		b.Connections = []*topology.Connection{&c}
		blocks = append(blocks, b)
	}
	db := &topology.Block{Node: topology.Node{Name: "db", Kind: topology.Host, State: topology.Reporting, LastReport: time.Now()}}
	db.Services = []topology.Service{{ID: "db~tcp~5432", Node: "db", Protocol: "tcp", Port: 5432, Process: "postgres", State: topology.Listening}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snap, _ = topology.FromBlocks(s.snap.Revision().Next(), time.Now(), append(blocks, db))
	close(s.changed)
	s.changed = make(chan struct{})
}

// run runs a finder until the test ends or stop is called.
func run(t *testing.T, s *town, log *strings.Builder) (f *Finder, stop func()) {
	f = New(s, slog.New(slog.NewTextHandler(log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); f.Run(ctx) }()
	return f, func() { cancel(); <-ended }
}

func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// TestRolesAreFoundAndKept: found within seconds, with one new revision; the same
// after a start, before anything is looked at; nothing is written while nothing
// changes.
func TestRolesAreFoundAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newTown(), &strings.Builder{}
		f, stop := run(t, s, log)
		wait(time.Second)
		s.farm(4)
		wait(5 * time.Second)
		pool := f.Roles().PoolOf("web1")
		if pool == nil || len(pool.Members) != 4 || s.touches != 1 {
			t.Fatalf("the pool is %+v, after %d revisions", pool, s.touches)
		}
		writes := s.writes
		wait(time.Hour)
		if s.touches != 1 || s.writes > writes+1 {
			t.Errorf("in an hour without change: %d revisions, %d writes", s.touches-1, s.writes-writes)
		}
		stop()
		s.leads = false // it decides nothing
		again, stop := run(t, s, log)
		defer stop()
		if !again.Roles().Equal(f.Roles()) {
			t.Errorf("after a start they are %+v", again.Roles())
		}
		if log.Len() > 0 {
			t.Error(log)
		}
	})
}

// TestChoicesAreAtOnce: what people decide is in force within a moment, and kept; what
// is wrong with it changes nothing.
func TestChoicesAreAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newTown(), &strings.Builder{}
		f, stop := run(t, s, log)
		defer stop()
		s.farm(4)
		wait(5 * time.Second)
		if err := f.Choose(t.Context(), func(c *grouping.Choices) error { c.Pool = map[string]string{"web4": ""}; return nil }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if f.Roles().PoolOf("web4") != nil || f.Roles().PoolOf("web3") == nil {
			t.Errorf("the roles are %+v", f.Roles())
		}
		var wrong *grouping.ChoiceError
		err := f.Choose(t.Context(), func(c *grouping.Choices) error { c.Names = map[string]string{"x": ""}; return nil })
		if !errors.As(err, &wrong) || f.Choices().Names != nil {
			t.Errorf("%v, decided is %+v", err, f.Choices())
		}
		refusal := errors.New("no")
		if err := f.Choose(t.Context(), func(*grouping.Choices) error { return refusal }); !errors.Is(err, refusal) {
			t.Errorf("%v", err)
		}
		s.broken = errors.New("disk full")
		if err := f.Choose(t.Context(), func(c *grouping.Choices) error { c.Pool = nil; return nil }); !errors.Is(err, s.broken) || f.Choices().Pool["web4"] != "" {
			t.Errorf("%v", err)
		}
	})
}

// TestFollowing: a server that doesn't lead finds nothing out, and has what the other
// found; when it leads it goes on from there.
func TestFollowing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newTown(), &strings.Builder{}
		s.leads = false
		f, stop := run(t, s, log)
		defer stop()
		s.farm(3)
		wait(time.Minute)
		if len(f.Roles().Pools) != 0 || s.writes != 0 || s.touches != 0 {
			t.Fatalf("a follower found %+v, wrote %d times", f.Roles(), s.writes)
		}
		s.mu.Lock()
		s.docs[foundKey] = []byte(`{"pools":[{"id":"pool~1","name":"web","members":["web1","web2"],"group":""}],"groups":[],"shared":["db"]}`)
		close(s.decided)
		s.decided = make(chan struct{})
		s.mu.Unlock()
		wait(time.Second)
		if p := f.Roles().PoolOf("web2"); p == nil || p.Name != "web" || !f.Roles().IsShared("db") {
			t.Errorf("it has %+v", f.Roles())
		}
		s.mu.Lock()
		s.leads = true
		s.mu.Unlock()
		wait(time.Minute)
		if p := f.Roles().PoolOf("web3"); p == nil || len(p.Members) != 3 {
			t.Errorf("when it leads it finds %+v", f.Roles())
		}
	})
}

// TestDamagedRoles: what can't be read is told and found anew; a store that can't
// write doesn't keep them from being shown.
func TestDamagedRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newTown(), &strings.Builder{}
		s.docs[memoryKey], s.docs[foundKey], s.docs[choicesKey] = []byte(`{"version":99}`), []byte(`[`), []byte(`7`)
		s.broken = errors.New("disk full")
		s.farm(3)
		f, stop := run(t, s, log)
		defer stop()
		wait(3 * time.Second)
		if f.Roles().PoolOf("web1") == nil {
			t.Error("nothing is found")
		}
		for _, want := range []string{"document=memory", "document=found", "document=choices", "were not kept", "disk full"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%q is not told: %s", want, log)
			}
		}
	})
}
