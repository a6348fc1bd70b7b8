package server

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/server/keep"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// settle lets the keeper write what it has to, and forgets about that.
func settle(m *memory) {
	time.Sleep(2 * time.Second) //nolint:forbidigo // the bubble's clock
	synctest.Wait()
	m.take()
}

// TestTimesAreWrittenOnceAMinute: reports in which nothing changes cost no
// writes but that one.
func TestTimesAreWrittenOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := start(t, m, store.Patch{Retention: duration(0)})
		web := &reporter{name: "web", number: 1}
		same := func() {
			r := web.report("10.0.1.1")
			r.Connections[0].Opened = 0
			s.put(t, r)
		}
		s.put(t, web.report("10.0.1.1"))
		settle(m)
		for range 5 {
			time.Sleep(10 * time.Second) //nolint:forbidigo // the bubble's clock
			same()
			synctest.Wait()
		}
		if got := m.take(); got != nil {
			t.Errorf("%d writes in 50 s, of %v", len(got), names(got))
		}
		time.Sleep(15 * time.Second) //nolint:forbidigo // the bubble's clock
		if got := names(m.take()); !slices.Equal(got, []string{"web"}) {
			t.Errorf("after a minute %v was written", got)
		}
	})
}

func TestStructureIsWrittenWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := start(t, m, store.Patch{Retention: duration(0)})
		web := &reporter{name: "web", number: 1}
		s.put(t, web.report("10.0.1.1"))
		settle(m)
		s.put(t, web.report("10.0.1.1", "10.0.1.2"))
		time.Sleep(keep.Every + PublishEvery) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		got := m.take()
		if len(got) != 1 || !slices.Equal(names(got), []string{"10.0.1.2", "web"}) || got[0].Revision != s.Snapshot().Revision() {
			t.Fatalf("wrote %v", names(got))
		}
		if len(got[0].Append) != 3 { // the node, its service, the connection
			t.Errorf("appended %v", ids(got[0].Append))
		}
	})
}

// TestLastFlush writes at the end also what would have waited for its minute.
func TestLastFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := start(t, m, store.Patch{Retention: duration(0)})
		web := &reporter{name: "web", number: 1}
		s.put(t, web.report())
		settle(m)
		s.put(t, web.report())
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		got := m.take()
		if len(got) != 1 || !slices.Equal(names(got), []string{"web"}) || !got[0].Put[0].Node.LastReport.Equal(time.Now()) {
			t.Errorf("the last flush wrote %v", names(got))
		}
	})
}

func TestLastFlushFails(t *testing.T) {
	m := &memory{}
	s := start(t, m, store.Patch{})
	s.put(t, (&reporter{name: "web", number: 1}).report())
	broken := errors.New("disk full")
	m.fail(broken)
	if err := s.stop(); !errors.Is(err, broken) || !strings.Contains(err.Error(), "keeping state") {
		t.Errorf("Run returns %v", err)
	}
}

// TestFailingStore: the chart lives on, readiness tells, and once the store
// works again it gets all that it missed, in order and once.
func TestFailingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := start(t, m, store.Patch{Retention: duration(0)})
		web := &reporter{name: "web", number: 1}
		s.put(t, web.report("10.0.1.1"))
		settle(m)
		seen := len(m.events)

		m.fail(errors.New("disk full"))
		for i := range 5 {
			s.put(t, web.report("10.0.1.1", fmt.Sprintf("10.0.2.%d", i)))
			time.Sleep(3 * time.Second) //nolint:forbidigo // the bubble's clock
			synctest.Wait()
			if connection(t, s.Snapshot(), "web", fmt.Sprintf("10.0.2.%d", i)).Count != 1 {
				t.Error("the chart stands still")
			}
		}
		if err := s.Ready(); err == nil || !strings.Contains(err.Error(), "history is not being written: disk full") {
			t.Errorf("Ready() = %v", err)
		}

		m.fail(nil)
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		if err := s.Ready(); err != nil {
			t.Errorf("Ready() = %v", err)
		}
		if got := names(m.take()); len(got) != 6 { // web and five whom it calls
			t.Errorf("wrote %v", got)
		}
		appeared := ids(m.events[seen:])
		for i := range 5 {
			id := fmt.Sprintf("node 10.0.2.%d appeared", i)
			if at := slices.Index(appeared, id); at < 0 || slices.Contains(appeared[at+1:], id) {
				t.Errorf("%q is not there once in %v", id, appeared)
			}
		}
		if !slices.IsSortedFunc(m.events, func(a, b topology.Event) int { return a.At.Compare(b.At) }) {
			t.Error("events are out of order")
		}
		said := s.log.text()
		if strings.Count(said, "history is not being written") != 1 || strings.Count(said, "written again") != 1 {
			t.Errorf("the log says %s", said)
		}
	})
}

func TestDeletedBlocksAreDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := start(t, m, store.Patch{Retention: duration(0)})
		s.put(t, (&reporter{name: "web", number: 1}).report("10.0.0.2"))
		settle(m)
		s.put(t, (&reporter{name: "db", number: 2}).report()) // the inferred 10.0.0.2 was db
		time.Sleep(keep.Every + PublishEvery)                 //nolint:forbidigo // the bubble's clock
		got := m.take()
		if len(got) != 1 || !slices.Equal(got[0].Delete, []string{"10.0.0.2"}) {
			t.Errorf("wrote %+v", got)
		}
	})
}

func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := start(t, m, store.Patch{})
		time.Sleep(10*time.Minute + time.Second) //nolint:forbidigo // the bubble's clock
		writes := m.take()
		if len(writes) < 9 || len(writes) > 11 {
			t.Errorf("forgot %d times in ten minutes", len(writes))
		}
		keep := time.Duration(store.Defaults().Retention)
		if w := writes[0]; !w.Forget.Before.Equal(s.Started().Add(time.Second - keep)) {
			t.Errorf("forgot what is before %s", w.Forget.Before)
		}
		if err := s.ChangeSettings(t.Context(), store.Patch{Retention: duration(0)}); err != nil {
			t.Fatal(err)
		}
		settle(m)
		time.Sleep(2 * time.Hour) //nolint:forbidigo // the bubble's clock
		for _, w := range m.take() {
			if !w.Forget.Before.IsZero() {
				t.Errorf("kept for ever, and yet forgot before %s", w.Forget.Before)
			}
		}
	})
}
