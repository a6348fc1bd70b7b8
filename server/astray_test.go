package server

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// TestAstray: a host that only monitoring knows makes one incident, which a restart ends
// as little as a source that is away, and which goes on where an agent reports the host.
func TestAstray(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, sys := t.TempDir(), &scripted{}
		open := func() (*running, store.Store) {
			st, err := bolt.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			return startWith(t, Options{
				Store: st, Sources: []monitor.Options{{Name: "n", Kind: monitor.Nagios, URL: "http://n", Interval: topology.Duration(time.Second)}},
				Monitors: func(monitor.Options) (monitor.Source, error) { return sys, nil },
			}), st
		}
		s, st := open()
		s.put(t, (&reporter{name: "web", number: 1}).report())
		sys.set("web/http", topology.OK)
		sys.set("sw1", topology.Down)
		sys.set("sw1/port 1", topology.Critical)
		sys.set("sw1/port 2", topology.Critical)
		wait(5 * time.Second)
		list := s.Incidents()
		if len(list) != 1 || list[0].Title != "sw1 is down" || list[0].Bad() != 3 || list[0].Alerts[0].Stray == "" {
			t.Fatalf("incidents are %+v", list)
		}
		id := list[0].ID
		is := func(when string, state incident.State, bad int) *incident.Incident {
			t.Helper()
			in := s.Incident(id)
			if in == nil || in.State != state || in.Bad() != bad || in.Reopened != 0 || len(s.Incidents()) != 1 {
				t.Fatalf("%s: %+v", when, in)
			}
			return in
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		_ = st.Close()
		sys.fail(errors.New("away"))
		s, st = open()
		defer func() { _ = s.stop(); _ = st.Close() }()
		wait(time.Minute)
		is("after a restart, not read", incident.Open, 3)
		sys.fail(nil)
		wait(5 * time.Second)
		is("after a restart", incident.Open, 3)
		s.put(t, (&reporter{name: "sw1", number: 9}).report())
		wait(5 * time.Second)
		if in := is("with an agent", incident.Open, 3); in.Alerts[0].About.Node != "sw1" || in.Alerts[0].Stray != "" {
			t.Errorf("with an agent: %+v", in.Alerts[0])
		}
		sys.set("sw1", topology.Up)
		sys.set("sw1/port 1", topology.OK)
		sys.set("sw1/port 2", topology.OK)
		wait(5 * time.Second)
		is("at the end", incident.Resolved, 0)
	})
}

// TestAstrayIsOver: what is over on a host that only monitoring knows is so at the next
// look, though no snapshot is made for it.
func TestAstrayIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startWith(t, Options{Store: &memory{}, Sources: []monitor.Options{{Name: "n", Kind: monitor.Passive}}})
		pass := func(status topology.Status) {
			if err := s.PassChecks(t.Context(), "n", []mapping.Check{resultOf("sw1", status)}, nil); err != nil {
				t.Fatal(err)
			}
			wait(1500 * time.Millisecond)
		}
		pass(topology.Down)
		if list := s.Incidents(); len(list) != 1 || list[0].State != incident.Open {
			t.Fatalf("incidents are %+v", list)
		}
		pass(topology.Up)
		if list := s.Incidents(); len(list) != 1 || list[0].State != incident.Resolved {
			t.Fatalf("incidents are %+v", list)
		}
	})
}
