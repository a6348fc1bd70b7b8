package server

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/store"
)

func TestRemoveNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := start(t, m, store.Patch{})
		r := (&reporter{name: "web1", number: 1}).report()
		r.Agent.Method = "import"
		s.put(t, r)
		s.put(t, (&reporter{name: "web2", number: 2}).report("10.0.0.1"))
		time.Sleep(2 * time.Second) //nolint:forbidigo // the bubble's clock
		m.take()
		if c := connection(t, s.Snapshot(), "web2", "web1"); c.Server.Port != 5432 {
			t.Fatalf("connection is %+v", c)
		}
		for _, name := range []string{"web3", "Internet"} {
			if there, err := s.RemoveNode(t.Context(), name); there || err != nil {
				t.Errorf("removing %s: %t, %v", name, there, err)
			}
		}
		if there, err := s.RemoveNode(t.Context(), "web1"); !there || err != nil {
			t.Fatalf("removing web1: %t, %v", there, err)
		}
		connection(t, s.Snapshot(), "web2", "10.0.0.1")
		time.Sleep(2 * time.Second) //nolint:forbidigo // the bubble's clock
		if got := m.take(); !slices.ContainsFunc(got, func(c store.Change) bool { return slices.Equal(c.Delete, []string{"web1"}) }) {
			t.Errorf("the store is told %+v", got)
		}
		if b := s.Snapshot().Block("web2"); b.Node.Collect != "agent" {
			t.Fatalf("a node that an agent reports is said to be collected by %q", b.Node.Collect)
		}
		if there, err := s.RemoveNode(t.Context(), "web2"); !there || !errors.Is(err, collect.ErrReports) {
			t.Errorf("removing a node that reports: %t, %v", there, err)
		}
		time.Sleep(2 * time.Minute) //nolint:forbidigo // the bubble's clock
		if there, err := s.RemoveNode(t.Context(), "web2"); !there || err != nil || s.Snapshot().Block("web2") != nil {
			t.Errorf("removing a node that is silent: %t, %v", there, err)
		}
	})
}

func TestTouchMakesARevision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &memory{}, store.Patch{})
		before := s.Snapshot().Revision()
		s.Touch()
		time.Sleep(PublishEvery) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		if s.Snapshot().Revision() == before {
			t.Errorf("still %s", before)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		s.Touch() // returns
	})
}
