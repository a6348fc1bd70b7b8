package server

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestRestore goes back to a backup while the server runs: chart, settings,
// documents and history are those of then, and nodes go on reporting.
func TestRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := journal(t)
		s := start(t, st, store.Patch{})
		web := &reporter{name: "web", number: 1}
		s.put(t, web.report("10.0.1.1"))
		if err := s.ChangeDocuments(t.Context(), []store.Document{{Kind: "user", Key: "anna", Value: []byte("{}")}}, nil); err != nil {
			t.Fatal(err)
		}
		wait(3 * time.Second)
		then := time.Now()
		shown := seen(t, s.Server, then)
		var archive bytes.Buffer
		if err := s.Backup(t.Context(), &archive); err != nil {
			t.Fatal(err)
		}
		wait(10 * time.Second)
		s.put(t, web.report("10.0.1.2"))
		s.put(t, (&reporter{name: "db", number: 2}).report())
		if err := s.ChangeSettings(t.Context(), store.Patch{Ageing: duration(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if err := s.ChangeDocuments(t.Context(), nil, []store.DocumentKey{{Kind: "user", Key: "anna"}}); err != nil {
			t.Fatal(err)
		}
		wait(3 * time.Second)

		before := s.Snapshot().Revision()
		if err := s.Restore(t.Context(), &archive); err != nil {
			t.Fatal(err)
		}
		wait(2 * time.Second)
		if diff := cmp.Diff(shown, seen(t, s.Server, time.Now())); diff != "" {
			t.Errorf("shown (-at the backup +after it was restored):\n%s", diff)
		}
		if now := s.Snapshot().Revision(); now.Epoch == before.Epoch {
			t.Errorf("revision %s follows %s in one epoch", now, before)
		}
		if in, _ := s.Settings(); in.Ageing != store.Defaults().Ageing {
			t.Errorf("the ageing time is %v", in.Ageing)
		}
		if len(s.Documents("user")) != 1 {
			t.Error("the user is not back")
		}
		events, _, err := s.Events(t.Context(), then.Add(-time.Minute), time.Now(), func(e *topology.Event) bool { return e.Node == "db" }, 10)
		if err != nil || len(events) != 0 {
			t.Errorf("what happened since is still told: %v, %v", ids(events), err)
		}
		s.put(t, web.report("10.0.1.3"))
		wait(3 * time.Second)
		connection(t, s.Snapshot(), "web", "10.0.1.3")
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		connection(t, start(t, st, store.Patch{}).Snapshot(), "web", "10.0.1.3")
	})
}
