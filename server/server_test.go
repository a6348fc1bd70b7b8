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

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/topology"
)

func TestPublishAtOnceWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &memory{}, store.Patch{})
		began := time.Now()
		s.put(t, (&reporter{name: "web", number: 1}).report())
		synctest.Wait()
		if s.Snapshot().Block("web") == nil || time.Since(began) != 0 {
			t.Errorf("after %s the snapshot holds %d nodes", time.Since(began), s.Snapshot().Len())
		}
	})
}

// TestPublishUnderLoad counts the snapshots of a second with 100 reports.
func TestPublishUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &memory{}, store.Patch{})
		web, last := &reporter{name: "web", number: 1}, s.Snapshot()
		var at []time.Duration
		began := time.Now()
		for i := range 100 {
			s.put(t, web.report(fmt.Sprintf("10.0.1.%d", i)))
			time.Sleep(10 * time.Millisecond) //nolint:forbidigo // the bubble's clock
			synctest.Wait()
			if now := s.Snapshot(); now != last {
				last, at = now, append(at, now.At().Sub(began))
			}
		}
		want := []time.Duration{0, PublishEvery, 2 * PublishEvery, 3 * PublishEvery, 4 * PublishEvery}
		if !slices.Equal(at, want) {
			t.Errorf("snapshots at %v, want %v", at, want)
		}
	})
}

// TestAcknowledgedIsApplied: what Put took is in the snapshot that is published
// within 250 ms, and in that which a stop leaves.
func TestAcknowledgedIsApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := start(t, m, store.Patch{})
		for i := range 20 {
			s.put(t, (&reporter{name: fmt.Sprint("web", i), number: byte(i)}).report())
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		if got := s.Snapshot().Len(); got != 20 {
			t.Errorf("%d nodes, want 20", got)
		}
		if got := names(m.take()); len(got) != 20 {
			t.Errorf("the store holds %v", got)
		}
	})
}

// TestChangedMissesNone: a waiter that takes the channel before the snapshot
// sees every revision's successor.
func TestChangedMissesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &memory{}, store.Patch{})
		const last = 50
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for {
					changed := s.Changed()
					if s.Snapshot().Revision().Number >= last {
						return
					}
					<-changed
				}
			})
		}
		web := &reporter{name: "web", number: 1}
		for i := 0; s.Snapshot().Revision().Number < last; i++ {
			s.put(t, web.report(fmt.Sprintf("10.0.1.%d", i)))
			time.Sleep(PublishEvery) //nolint:forbidigo // the bubble's clock
		}
		wg.Wait() // a missed wake-up is a deadlock, which synctest reports
	})
}

func TestAgeing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &memory{}, store.Patch{Ageing: duration(30 * time.Second)})
		web := &reporter{name: "web", number: 1}
		s.put(t, web.report("10.0.1.1"))
		opened := time.Now()
		time.Sleep(10 * time.Second) //nolint:forbidigo // the bubble's clock
		for s.put(t, web.report()); ; s.put(t, web.report()) {
			synctest.Wait()
			if connection(t, s.Snapshot(), "web", "10.0.1.1").Status == topology.Old {
				break
			}
			if time.Since(opened) > time.Minute {
				t.Fatal("the connection never turned old")
			}
			time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		}
		if took := time.Since(opened); took < 30*time.Second || took > 33*time.Second {
			t.Errorf("old %s after it was last seen", took)
		}
	})
}

func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &memory{}, store.Patch{})
		web := &reporter{name: "web", number: 1}
		s.put(t, web.report("10.0.1.1"))
		time.Sleep(59 * time.Second) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		if got := s.Snapshot().Block("web").Node.State; got != topology.Reporting {
			t.Errorf("after 59 s it is %s", got)
		}
		time.Sleep(3 * time.Second) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		if got := s.Snapshot().Block("web").Node.State; got != topology.Stale {
			t.Errorf("after 62 s it is %s", got)
		}
		time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		if got := connection(t, s.Snapshot(), "web", "10.0.1.1").Status; got != topology.Fresh {
			t.Errorf("what a silent node holds turned %s: blindness is no change", got)
		}
		s.put(t, web.report("10.0.1.1"))
		synctest.Wait()
		if got := s.Snapshot().Block("web").Node.State; got != topology.Reporting {
			t.Errorf("after its next report it is %s", got)
		}
	})
}

// TestQuietSiteMakesNoSnapshots: the ageing ticker alone publishes nothing.
func TestQuietSiteMakesNoSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &memory{}, store.Patch{})
		before := s.Snapshot()
		time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
		if s.Snapshot() != before {
			t.Error("an hour of nothing made a snapshot")
		}
	})
}

func TestRepeatedReportCountsOnce(t *testing.T) {
	for _, tt := range []struct {
		name  string
		again func(r report.Report) *report.Report
		want  uint64
	}{
		{"the same", func(r report.Report) *report.Report { return &r }, 1},
		{"its time in another zone", func(r report.Report) *report.Report {
			r.Time = r.Time.In(time.FixedZone("", 3600))
			return &r
		}, 1},
		{"another sequence", func(r report.Report) *report.Report { r.Sequence++; return &r }, 2},
		{"an agent that started anew", func(r report.Report) *report.Report { r.Time = r.Time.Add(time.Second); return &r }, 2},
		{"another machine of that name, at its address", func(r report.Report) *report.Report { r.Node.Identity.Value = "other"; return &r }, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, &memory{}, store.Patch{})
				r := (&reporter{name: "web", number: 1}).report("10.0.1.1")
				s.put(t, r)
				s.put(t, tt.again(*r))
				time.Sleep(PublishEvery) //nolint:forbidigo // the bubble's clock
				synctest.Wait()
				if got := connection(t, s.Snapshot(), "web", "10.0.1.1").Opened; got != tt.want {
					t.Errorf("opened %d, want %d", got, tt.want)
				}
			})
		})
	}
}

func TestPutInvalid(t *testing.T) {
	s := start(t, &memory{}, store.Patch{})
	r := (&reporter{name: "web", number: 1}).report()
	r.Node.Name = ""
	var field *report.FieldError
	if err := s.Put(t.Context(), r); !errors.As(err, &field) || field.Field != "node.name" {
		t.Errorf("Put returns %v", err)
	}
	if got := s.Snapshot().Len(); got != 0 {
		t.Errorf("%d nodes of it", got)
	}
}

func TestPutCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &memory{}, store.Patch{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 20 { // never by chance
			if err := s.Put(ctx, (&reporter{name: "web", number: 1}).report()); !errors.Is(err, context.Canceled) {
				t.Fatalf("Put returns %v", err)
			}
		}
		synctest.Wait()
		if s.Snapshot().Len() != 0 {
			t.Error("the report was taken in")
		}
	})
}

func TestStopped(t *testing.T) {
	s := start(t, &memory{}, store.Patch{})
	if err := s.Ready(); err != nil {
		t.Errorf("Ready() = %v", err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for range 100 { // more than the queue holds
		if err := s.Put(t.Context(), (&reporter{name: "web", number: 1}).report()); !errors.Is(err, ErrStopped) {
			t.Fatalf("Put returns %v", err)
		}
	}
	if err := s.ChangeSettings(t.Context(), store.Patch{}); !errors.Is(err, ErrStopped) {
		t.Errorf("ChangeSettings returns %v", err)
	}
	if err := s.Ready(); !errors.Is(err, ErrStopped) {
		t.Errorf("Ready() = %v", err)
	}
}

func TestNewOnABrokenStore(t *testing.T) {
	broken := errors.New("disk on fire")
	m := &memory{broken: broken}
	if _, err := New(t.Context(), Options{Store: m}); !errors.Is(err, broken) {
		t.Errorf("New returns %v", err)
	}
	twice := []*topology.Block{{Node: topology.Node{Name: "a"}}, {Node: topology.Node{Name: "a"}}}
	if _, err := New(t.Context(), Options{Store: &memory{state: store.State{Blocks: twice}}}); err == nil {
		t.Error("New took a node twice")
	}
	invalid := store.State{Settings: store.Patch{Ageing: duration(-1)}}
	var field *store.InvalidError
	if _, err := New(t.Context(), Options{Store: &memory{state: invalid}}); !errors.As(err, &field) {
		t.Errorf("New returns %v", err)
	}
}

// TestRestart: a new process on the same store goes on where the old one
// stopped, and nothing that it publishes is an event.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	web, db := &reporter{name: "web", number: 1}, &reporter{name: "db", number: 2}
	var before *topology.Snapshot
	synctest.Test(t, func(t *testing.T) {
		st := openBolt(t, dir)
		s := start(t, st, store.Patch{})
		s.put(t, web.report("10.0.0.2", "10.0.1.1", "8.8.8.8"))
		s.put(t, db.report())
		time.Sleep(25 * time.Second) //nolint:forbidigo // the bubble's clock
		s.put(t, web.report("10.0.0.2", "10.0.1.1", "8.8.8.8"))
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		before = s.Snapshot()
		st.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock starts anew, and the server was down
		st := openBolt(t, dir)
		defer st.Close()
		s := start(t, st, store.Patch{})
		if got := topology.Diff(before, s.Snapshot()); got != nil {
			t.Errorf("loading is %v", ids(got))
		}
		s.put(t, web.report("10.0.0.2", "10.0.1.1", "8.8.8.8"))
		s.put(t, db.report())
		time.Sleep(10 * time.Second) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		after := s.Snapshot()
		if got := topology.Diff(before, after); got != nil {
			t.Errorf("restarting is %v", ids(got))
		}
		for c := range before.Connections() {
			again := connection(t, after, c.Client.Node, c.Server.Node)
			if !again.FirstSeen.Equal(c.FirstSeen) || again.LastConnection.Before(c.LastConnection) || again.Opened < c.Opened {
				t.Errorf("%s to %s: %v before, %v after", c.Client.Node, c.Server.Node, c, again)
			}
		}
		if a, b := before.Block("db").Node.FirstSeen, after.Block("db").Node.FirstSeen; !a.Equal(b) {
			t.Errorf("db first seen %s, then %s", a, b)
		}
		if a, b := before.Revision(), after.Revision(); a.Epoch == b.Epoch || b.Number < a.Number {
			t.Errorf("revision %s, then %s", a, b)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRevisionAfterKill: a revision that was published but not stored never
// names something else after a restart.
func TestRevisionAfterKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := openBolt(t, t.TempDir())
		defer st.Close()
		killed := start(t, st, store.Patch{})
		killed.put(t, (&reporter{name: "web", number: 1}).report())
		synctest.Wait()
		seen := killed.Snapshot().Revision() // not flushed yet
		time.Sleep(time.Millisecond)         //nolint:forbidigo // the bubble's clock
		s := start(t, st, store.Patch{})
		s.put(t, (&reporter{name: "db", number: 2}).report())
		synctest.Wait()
		if got := s.Snapshot().Revision(); got == seen {
			t.Errorf("%s is web alone, and db alone", got)
		}
		_ = s.stop()
		_ = killed.stop()
	})
}

func openBolt(t *testing.T, dir string) *bolt.Store {
	t.Helper()
	st, err := bolt.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// TestConcurrent has the race detector watch 8 reporters and 8 readers.
func TestConcurrent(t *testing.T) {
	st := openBolt(t, t.TempDir())
	t.Cleanup(func() { st.Close() })
	s := start(t, st, store.Patch{})
	done := make(chan struct{})
	var readers, reporters sync.WaitGroup
	for range 8 {
		readers.Go(func() { read(s, done) })
	}
	for i := range 8 {
		reporters.Go(func() {
			r := &reporter{name: fmt.Sprint("web", i), number: byte(i + 1)}
			for n := range 30 {
				s.put(t, r.report(fmt.Sprintf("10.0.0.%d", (i+n)%8+1), fmt.Sprintf("10.0.1.%d", n)))
			}
		})
	}
	reporters.Wait()
	if err := s.ChangeSettings(t.Context(), store.Patch{Ageing: duration(time.Minute)}); err != nil {
		t.Error(err)
	}
	close(done)
	readers.Wait()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if got := s.Snapshot().Len(); got != 8+30 { // the reporters, and whom they call
		t.Errorf("%d nodes, want 38", got)
	}
}

func read(s *running, done <-chan struct{}) {
	for {
		changed := s.Changed()
		n := 0
		for c := range s.Snapshot().Connections() {
			n += c.Count
		}
		_, _ = s.Settings()
		_ = s.Ready()
		select {
		case <-changed:
		case <-done:
			return
		}
	}
}
