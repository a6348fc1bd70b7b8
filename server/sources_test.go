package server

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/signal"
)

// scripted is a monitoring system that says what a test has it say.
type scripted struct {
	mu     sync.Mutex
	checks map[string]topology.Status // by host/name
	err    error
	delay  time.Duration
	reads  int
	acked  []monitor.Acknowledgement
}

func (s *scripted) set(name string, status topology.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checks == nil {
		s.checks = map[string]topology.Status{}
	}
	if s.checks[name] = status; status == "" {
		delete(s.checks, name)
	}
}

func (s *scripted) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func resultOf(name string, status topology.Status) mapping.Check {
	c := mapping.Check{}
	c.Host, c.Name, _ = strings.Cut(name, "/")
	c.Kind, c.Status, c.Hard, c.Interval = topology.ServiceCheck, status, true, topology.Duration(10*time.Second)
	if c.Name == "" {
		c.Kind = topology.HostCheck
	}
	c.LastCheck = time.Now()
	return c
}

func (s *scripted) Read(ctx context.Context) (*monitor.Reading, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.delay > 0 {
		select {
		case <-time.After(s.delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	r := &monitor.Reading{Program: "scripted", Version: "1", Hosts: []mapping.Host{{Name: "web"}, {Name: "db"}}}
	for name, status := range s.checks {
		r.Checks = append(r.Checks, resultOf(name, status))
	}
	return r, nil
}

func (s *scripted) Acknowledge(_ context.Context, a monitor.Acknowledgement) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acked = append(s.acked, a)
	return "noted", nil
}

func (s *scripted) Acknowledges() string { return "acknowledges in a script" }

// monitored runs a server of two nodes that reads a scripted system.
func monitored(t *testing.T, st store.Store, sys monitor.Source) *running {
	t.Helper()
	return startWith(t, Options{
		Store:    st,
		Sources:  []monitor.Options{{Name: "n", Kind: monitor.Nagios, URL: "http://n", Acknowledge: true}},
		Monitors: func(monitor.Options) (monitor.Source, error) { return sys, nil },
	})
}

// verdicts spells what is shown of nodes that have checks.
func verdicts(s *Server) (out []string) {
	for b := range s.Snapshot().Blocks() {
		if len(b.Checks) == 0 {
			continue
		}
		line := b.Node.Name + " " + string(b.Node.Status) + " " + string(b.Node.OpenStatus)
		if b.Node.StatusStale {
			line += " stale"
		}
		for _, s := range b.Services {
			if s.Status != topology.NoStatus {
				line += " :" + s.Process + " " + string(s.Status)
			}
		}
		out = append(out, line)
	}
	return out
}

func (r *running) shows(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, verdicts(r.Server)); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
}

// site has two nodes report, as long as the test runs.
func (r *running) site(t *testing.T, for_ time.Duration) {
	t.Helper()
	web, db := &reporter{name: "web", number: 1}, &reporter{name: "db", number: 2}
	if b := r.Snapshot().Block("web"); b != nil {
		web.sequence, db.sequence = 1000, 1000
	}
	for end := time.Now().Add(for_); ; {
		r.put(t, web.report())
		r.put(t, db.report())
		if !time.Now().Before(end) {
			return
		}
		wait(10 * time.Second)
	}
}

// TestChecksAreShown: on the node and its service, within a second of being told,
// and gone when they are no more.
func TestChecksAreShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys := &scripted{}
		sys.set("web/", topology.Up)
		sys.set("web/nginx", topology.OK)
		sys.set("elsewhere/ping", topology.Critical)
		st := &memory{}
		s := monitored(t, st, sys)
		s.site(t, 0)
		wait(2 * time.Second)
		s.shows(t, "web UP UP :nginx OK")

		sys.set("web/nginx", topology.Critical)
		wait(10*time.Second + time.Second/2)
		s.shows(t, "web CRITICAL CRITICAL :nginx CRITICAL")
		var told []string
		wait(2 * time.Second)
		for _, e := range st.events {
			if e.Subject == topology.SubjectCheck {
				told = append(told, string(e.Kind)+" "+e.Node+" "+e.Check.Name+" "+string(e.Check.Was)+" "+string(e.Check.Status))
			}
		}
		if diff := cmp.Diff([]string{"changed web nginx OK CRITICAL"}, told); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}

		sys.set("web/", topology.Down) // what runs on it is a mere symptom
		wait(11 * time.Second)
		s.shows(t, "web DOWN DOWN :nginx CRITICAL")
		if c := s.Snapshot().Block("web").Services[0]; c.OpenStatus != topology.NoStatus {
			t.Errorf("a service of a host that is down is %s", c.OpenStatus)
		}

		sys.set("web/", topology.Up)
		sys.set("web/nginx", "")
		wait(11 * time.Second)
		s.shows(t, "web UP UP")

		list, err := s.Checks(t.Context(), monitor.Filter{Unmapped: true})
		if err != nil || len(list) != 1 || list[0].Host != "elsewhere" || list[0].Status != topology.Critical {
			t.Errorf("unmapped are %+v, %v", list, err)
		}
	})
}

// TestBlindIsNotFine: a source that can't be read is told at once, and its results
// turn stale after three intervals, all of them, and without an event.
func TestBlindIsNotFine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys, st := &scripted{}, &memory{}
		sys.set("web/nginx", topology.OK)
		sys.set("db/nginx", topology.Critical)
		s := monitored(t, st, sys)
		off := signal.Rules{topology.SignalSilent: {Off: true}} // nobody reports here for a day
		if err := s.ChangeSettings(t.Context(), store.Patch{Signals: &off}); err != nil {
			t.Fatal(err)
		}
		s.site(t, 0)
		wait(2 * time.Second)
		s.shows(t, "db CRITICAL CRITICAL :nginx CRITICAL", "web OK OK :nginx OK")
		st.events = nil

		sys.fail(&monitor.Error{Reason: monitor.NoConnection, Text: "nobody answers", Hint: "start it"})
		wait(11 * time.Second)
		state := one(t, s)
		if state.State != monitor.Failing || state.Error == nil || state.Error.Text != "nobody answers" || state.Error.Hint != "start it" {
			t.Errorf("the source is %+v, %+v", state, state.Error)
		}
		s.shows(t, "db CRITICAL CRITICAL :nginx CRITICAL", "web OK OK :nginx OK")
		wait(25 * time.Second)
		if state := one(t, s); state.State != monitor.Blind {
			t.Errorf("the source is %s", state.State)
		}
		s.shows(t, "db CRITICAL NONE stale :nginx CRITICAL", "web OK NONE stale :nginx OK")
		wait(time.Hour)
		s.shows(t, "db CRITICAL NONE stale :nginx CRITICAL", "web OK NONE stale :nginx OK")
		wait(24 * time.Hour)
		s.shows(t)

		sys.fail(nil)
		wait(11 * time.Second)
		s.shows(t, "db CRITICAL CRITICAL :nginx CRITICAL", "web OK OK :nginx OK")
		if state := one(t, s); state.State != monitor.Fine || state.Error != nil {
			t.Errorf("the source is %+v", state)
		}
	})
}

// one is the state of the scripted source.
func one(t *testing.T, s *running) monitor.State {
	t.Helper()
	list, err := s.Sources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(x monitor.State) bool { return x.Name == "n" })
	if i < 0 {
		t.Fatalf("sources are %+v", list)
	}
	return list[i]
}

// TestHangingSource: one that doesn't answer in its time is told, and nothing else
// waits for it.
func TestHangingSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys := &scripted{delay: time.Hour}
		s := monitored(t, &memory{}, sys)
		s.site(t, 40*time.Second)
		if state := one(t, s); state.Error == nil || state.Error.Reason != monitor.TooSlow {
			t.Errorf("the source is %+v", state)
		}
	})
}

// TestPanickingSource: an error in a leaf is an error of that source.
func TestPanickingSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := monitored(t, &memory{}, panicking{})
		s.site(t, 10*time.Second)
		if state := one(t, s); state.Error == nil || !strings.Contains(state.Error.Text, "boom") {
			t.Errorf("the source is %+v", state)
		}
	})
}

type panicking struct{}

func (panicking) Read(context.Context) (*monitor.Reading, error) { panic("boom") }

// TestChecksOverRestart: what was known stays until the source is read again, and
// nothing is an event.
func TestChecksOverRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := journal(t)
		sys := &scripted{}
		sys.set("web/nginx", topology.Critical)
		s := monitored(t, st, sys)
		s.site(t, 0)
		wait(3 * time.Second)
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		sys.fail(errors.New("away"))
		s = monitored(t, st, sys)
		s.site(t, 0)
		wait(2 * time.Second)
		s.shows(t, "web CRITICAL CRITICAL :nginx CRITICAL")
		sys.fail(nil)
		s.site(t, 20*time.Second)
		s.shows(t, "web CRITICAL CRITICAL :nginx CRITICAL")
		err := st.Events(t.Context(), begin, time.Now(), func(e topology.Event) bool {
			if e.Subject == topology.SubjectCheck {
				t.Errorf("an event: %+v %+v", e, e.Check)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestPassiveResults are handed over, stay over a restart, turn stale by their own
// interval, and go.
func TestPassiveResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := journal(t)
		s := start(t, st, store.Patch{})
		s.site(t, 0)
		wait(time.Second)
		if err := s.PassChecks(t.Context(), "nobody", nil, nil); !errors.Is(err, monitor.ErrNoSource) {
			t.Errorf("to no source: %v", err)
		}
		c := resultOf("web/nginx", topology.Warning)
		if err := s.PassChecks(t.Context(), "passive", []mapping.Check{c}, nil); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		s.shows(t, "web WARNING WARNING :nginx WARNING")
		if since := s.Snapshot().Block("web").Checks[0].Since; !since.Equal(c.LastCheck) {
			t.Errorf("it is so since %s, want %s", since, c.LastCheck)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		s = start(t, st, store.Patch{})
		s.site(t, 0)
		wait(3 * time.Second)
		s.shows(t, "web WARNING WARNING :nginx WARNING")
		wait(40 * time.Second)
		s.shows(t, "web WARNING NONE stale :nginx WARNING")
		c.Status, c.LastCheck = topology.OK, time.Now()
		if err := s.PassChecks(t.Context(), "passive", []mapping.Check{c}, nil); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		s.shows(t, "web OK OK :nginx OK")
		if err := s.PassChecks(t.Context(), "passive", nil, []mapping.Check{c}); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		s.shows(t)

		// A host that comes with a result, after others were mapped, is told of.
		stray := resultOf("printer/toner", topology.Critical)
		if err := s.PassChecks(t.Context(), "passive", []mapping.Check{c, stray, resultOf("printer/paper", topology.OK)}, nil); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		list, err := s.Strays(t.Context())
		if err != nil || len(list) != 1 || list[0].Host != "printer" || list[0].Checks != 2 || list[0].Source != "passive" {
			t.Errorf("hosts that are no nodes: %+v, %v", list, err)
		}
		id := s.checkID(t, "printer")
		if g, err := s.SuggestMapping(t.Context(), id, "web", ""); err != nil || g.Rule == nil || g.Rule.Node != "web" {
			t.Errorf("suggested is %+v, %v", g, err)
		}
		if in, _ := s.Settings(); len(in.Mapping) != 0 {
			t.Errorf("a suggestion wrote %+v", in.Mapping)
		}
	})
}

// checkID is that of a check of a host.
func (s *running) checkID(t *testing.T, host string) string {
	t.Helper()
	list, err := s.Checks(t.Context(), monitor.Filter{Host: host})
	if err != nil || len(list) == 0 {
		t.Fatalf("checks of %s: %v, %v", host, list, err)
	}
	return list[0].ID
}

// TestChangeSources: added, changed, removed while it runs; a password is kept,
// and goes to no other address.
func TestChangeSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made []monitor.Options
		sys := &scripted{}
		sys.set("web/nginx", topology.Critical)
		s := startWith(t, Options{
			Store:   &memory{},
			Sources: []monitor.Options{{Name: "fixed", Kind: monitor.Nagios, URL: "http://f"}},
			Monitors: func(o monitor.Options) (monitor.Source, error) {
				made = append(made, o)
				if o.Name == "fixed" {
					return &scripted{}, nil
				}
				return sys, nil
			},
		})
		s.site(t, 0)
		o := monitor.Options{Name: "n", Kind: monitor.Nagios, URL: "http://n", User: "u", Password: "p"}
		if _, err := s.PutSource(t.Context(), o, false); !errors.Is(err, monitor.ErrNoSource) {
			t.Errorf("changing what is not there: %v", err)
		}
		if _, err := s.PutSource(t.Context(), o, true); err != nil {
			t.Fatal(err)
		}
		if _, err := s.PutSource(t.Context(), o, true); !errors.Is(err, monitor.ErrExists) {
			t.Errorf("added twice: %v", err)
		}
		wait(2 * time.Second)
		s.shows(t, "web CRITICAL CRITICAL :nginx CRITICAL")
		if state := one(t, s); state.Password != "" || !state.Login || state.Fixed {
			t.Errorf("the source says %+v", state)
		}
		o.Password, o.Interval = "", topology.Duration(time.Minute)
		if kept, err := s.PutSource(t.Context(), o, false); err != nil || kept.Password != "p" {
			t.Errorf("changed: %+v, %v", kept, err)
		}
		o.URL = "http://thief"
		if kept, err := s.PutSource(t.Context(), o, false); err != nil || kept.Password != "" {
			t.Errorf("the password went to %s: %v", kept.URL, err)
		}
		var locked *LockedError
		if _, err := s.PutSource(t.Context(), monitor.Options{Name: "fixed", Kind: monitor.Nagios, URL: "http://x"}, false); !errors.As(err, &locked) {
			t.Errorf("changing a fixed one: %v", err)
		}
		if there, err := s.RemoveSource(t.Context(), "n"); !there || err != nil {
			t.Errorf("removing: %v, %v", there, err)
		}
		wait(2 * time.Second)
		s.shows(t)
	})
}

// closing is a system that holds something open: it is closed when it is read no more,
// and not before.
type closing struct {
	scripted
	closed int
}

func (c *closing) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
	return nil
}

// TestCloseSources: what is removed or replaced is closed.
func TestCloseSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made []*closing
		closed := func() (n int) {
			for _, c := range made {
				c.mu.Lock()
				n += c.closed
				c.mu.Unlock()
			}
			return n
		}
		s := startWith(t, Options{
			Store:   &memory{},
			Sources: []monitor.Options{{Name: "fixed", Kind: monitor.Nagios, URL: "http://f"}},
			Monitors: func(monitor.Options) (monitor.Source, error) {
				made = append(made, &closing{})
				return made[len(made)-1], nil
			},
		})
		o := monitor.Options{Name: "n", Kind: monitor.Nagios, URL: "http://n"}
		if _, err := s.PutSource(t.Context(), o, true); err != nil {
			t.Fatal(err)
		}
		wait(30 * time.Second)
		before := len(made)
		if n := closed(); n != 0 {
			t.Errorf("%d are closed while they are read", n)
		}
		o.URL = "http://m"
		if _, err := s.PutSource(t.Context(), o, false); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		if n := closed(); n != 1 || len(made) <= before {
			t.Errorf("of %d that were made %d are closed after one was replaced", len(made), n)
		}
		if _, err := s.RemoveSource(t.Context(), "n"); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		if n := closed(); n != 2 {
			t.Errorf("%d are closed after one was removed", n)
		}
	})
}

// TestAcknowledge: it reaches the system, and nothing else does.
func TestAcknowledge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys := &scripted{}
		sys.set("web/nginx", topology.Critical)
		s := monitored(t, &memory{}, sys)
		s.site(t, 0)
		wait(2 * time.Second)
		list, err := s.Checks(t.Context(), monitor.Filter{Open: true})
		if err != nil || len(list) != 1 {
			t.Fatalf("open are %+v, %v", list, err)
		}
		did, err := s.Acknowledge(t.Context(), list[0].ID, "anna", "on it")
		if err != nil || did != "noted" {
			t.Errorf("%q, %v", did, err)
		}
		want := []monitor.Acknowledgement{{Host: "web", Name: "nginx", Author: "anna", Comment: "on it"}}
		if diff := cmp.Diff(want, sys.acked); diff != "" {
			t.Errorf("acknowledged (-want +got):\n%s", diff)
		}
		if _, err := s.Acknowledge(t.Context(), "x", "anna", ""); err == nil {
			t.Error("what is not there was acknowledged")
		}
	})
}
