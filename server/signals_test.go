package server

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/signal"
)

// shop are a caller and the one it calls, which report every ten seconds.
type shop struct {
	*running
	web, db *reporter
}

// reports has both report so many times; of so many attempts each all are refused, or
// none.
func (s *shop) reports(t *testing.T, times int, tries uint64, refused bool) {
	t.Helper()
	for range times {
		r := s.web.report("10.0.0.2")
		r.Connections[0].Count, r.Connections[0].Opened = 1, tries
		if refused {
			r.Connections[0].Opened, r.Connections[0].Refused = 0, tries
		}
		s.put(t, s.db.report())
		s.put(t, r)
		wait(10 * time.Second)
	}
}

// signals are those that the server shows, as text.
func (s *shop) signals() string {
	var out []string
	for b := range s.Snapshot().Blocks() {
		for i := range b.Checks {
			out = append(out, b.Node.Name+" "+b.Checks[i].Name+" "+string(b.Checks[i].Status))
		}
	}
	return strings.Join(out, ", ")
}

const refusedText = "db refused: web nginx → tcp:5432 CRITICAL"

// TestSignals: what the sockets show is a check on whom it is about, of a source that
// is always there, over a restart without a word, until it ends.
func TestSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		open := func() (*shop, store.Store) {
			st, err := bolt.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			return &shop{running: start(t, st, store.Patch{})}, st
		}
		s, st := open()
		s.web, s.db = &reporter{name: "web", number: 1}, &reporter{name: "db", number: 2}
		s.reports(t, 3, 5, false)
		if got := s.signals(); got != "" {
			t.Fatalf("all is well, and shown is %s", got)
		}
		s.reports(t, 3, 40, true)
		if got := s.signals(); got != refusedText {
			t.Fatalf("shown is %q", got)
		}
		list, err := s.Checks(t.Context(), monitor.Filter{Source: topology.SignalSource})
		if err != nil || len(list) != 1 || list[0].Signal == nil || list[0].Signal.Kind != topology.SignalRefused || list[0].Mapping.Rule != "signal" || list[0].Stale {
			t.Errorf("listed are %+v, %v", list, err)
		}
		began := list[0].Since

		web, db := s.web, s.db
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		_ = st.Close()
		wait(20 * time.Second)
		s, st = open()
		defer func() { _ = s.stop(); _ = st.Close() }()
		s.web, s.db = web, db
		restarted := time.Now()
		s.reports(t, 4, 40, true)
		if got := s.signals(); got != refusedText {
			t.Errorf("after a restart shown is %q", got)
		}
		list, _ = s.Checks(t.Context(), monitor.Filter{Source: topology.SignalSource})
		if len(list) != 1 || !list[0].Since.Equal(began) {
			t.Errorf("it began %s, and is listed as %+v", began, list)
		}
		s.reports(t, 6, 40, false)
		if got := s.signals(); got != "" {
			t.Errorf("all is well again, and shown is %s", got)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		var told []string
		if err := st.Events(t.Context(), restarted, time.Now(), func(e topology.Event) bool {
			if e.Subject == topology.SubjectCheck {
				told = append(told, string(e.Kind))
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if len(told) != 1 || told[0] != string(topology.Vanished) {
			t.Errorf("since the restart was told %q", told)
		}
	})
}

// TestSignalsAreBuiltIn: their source is listed; nobody changes it, removes it or hands it
// results.
func TestSignalsAreBuiltIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &memory{}, store.Patch{})
		wait(2 * time.Second)
		list, err := s.Sources(t.Context())
		if err != nil || len(list) != 1 || !list[0].BuiltIn || list[0].Name != topology.SignalSource || list[0].Kind != monitor.Signals || list[0].State != monitor.Fine {
			t.Errorf("sources are %+v, %v", list, err)
		}
		var wrong *monitor.OptionError
		if _, err := s.RemoveSource(t.Context(), topology.SignalSource); !errors.As(err, &wrong) || wrong.Value != topology.SignalSource {
			t.Errorf("removing says %v", err)
		}
		for _, isNew := range []bool{true, false} {
			if _, err := s.PutSource(t.Context(), monitor.Options{Name: topology.SignalSource, Kind: monitor.Passive}, isNew); !errors.As(err, &wrong) {
				t.Errorf("changing says %v", err)
			}
		}
		c := mapping.Check{Check: topology.Check{Host: "web", Name: "x", Status: topology.Critical}}
		if err := s.PassChecks(t.Context(), topology.SignalSource, []mapping.Check{c}, nil); !errors.Is(err, monitor.ErrNoSource) {
			t.Errorf("handing over says %v", err)
		}
	})
}

// TestSignalsSwitchedOff: what is switched off goes within seconds.
func TestSignalsSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{start(t, &memory{}, store.Patch{}), &reporter{name: "web", number: 1}, &reporter{name: "db", number: 2}}
		s.reports(t, 2, 5, false)
		s.reports(t, 3, 40, true)
		if got := s.signals(); got != refusedText {
			t.Fatalf("shown is %q", got)
		}
		off := signal.Rules{topology.SignalRefused: {Off: true}}
		if err := s.ChangeSettings(t.Context(), store.Patch{Signals: &off}); err != nil {
			t.Fatal(err)
		}
		s.reports(t, 2, 40, true)
		if got := s.signals(); got != "" {
			t.Errorf("shown is %q", got)
		}
	})
}
