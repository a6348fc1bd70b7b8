package server

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/report"
	madeup "github.com/devops-trouble-map/dotm/site"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/topology"
)

var longAgo = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// relives runs a server that relives what was since a moment.
func relives(t *testing.T, st store.Store) *running {
	t.Helper()
	return startWith(t, Options{Store: st, Relives: longAgo})
}

func (r *running) relive(t *testing.T, m Moment) {
	t.Helper()
	if err := r.Relive(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// moments are some minutes of a made-up site with trouble.
func moments(t *testing.T) (list []Moment) {
	t.Helper()
	made, err := madeup.New(madeup.Options{Hosts: 30, Seed: 3, Begin: longAgo})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range made.Story(longAgo.Add(30*time.Second), time.Minute, 40*time.Second, 3) {
		if err := made.Inject(f); err != nil {
			t.Fatal(err)
		}
	}
	for at := longAgo; at.Before(longAgo.Add(4 * time.Minute)); at = at.Add(5 * time.Second) {
		m := Moment{At: at}
		for i, name := range made.Nodes() {
			if i%2 != at.Second()/5%2 {
				continue
			}
			if r := made.Report(name, at); r != nil {
				m.Reports = append(m.Reports, Received{at, r})
			}
		}
		results, gone := made.Results()
		n := mapping.News{Source: "made up"}
		for _, c := range results {
			n.Checks = append(n.Checks, mapping.Check{Check: c.Check, Command: c.Command})
		}
		for _, c := range gone {
			n.Gone = append(n.Gone, mapping.Check{Check: c.Check})
		}
		if !n.Empty() {
			m.Checks = []mapping.News{n}
		}
		list = append(list, m)
	}
	return list
}

// text is all that a snapshot holds.
func text(t *testing.T, s *topology.Snapshot) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(s.Revision().String() + " " + s.At().String() + "\n")
	for block := range s.Blocks() {
		raw, err := json.MarshalIndent(block, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(raw, '\n'))
	}
	return b.String()
}

// TestReliveIsTheSame: the same moments give the same topology and events, byte by
// byte, and its history tells the same.
func TestReliveIsTheSame(t *testing.T) {
	list := moments(t)
	var texts, events []string
	for range 3 {
		st, err := bolt.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		s := relives(t, st)
		for _, m := range list {
			s.relive(t, m)
		}
		if err := s.KeepRelived(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, _, err := s.Events(t.Context(), longAgo, longAgo.Add(time.Hour), func(*topology.Event) bool { return true }, 100_000)
		if err != nil || len(all) < 100 {
			t.Fatalf("%d events, %v", len(all), err)
		}
		then, err := s.At(t.Context(), longAgo.Add(90*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := json.MarshalIndent(all, "", " ")
		texts = append(texts, text(t, s.Snapshot())+text(t, then))
		events = append(events, string(raw))
		if err := errors.Join(s.stop(), st.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i < len(texts); i++ {
		if texts[i] != texts[0] {
			t.Errorf("topology %d is another one:\n%s", i, cmp.Diff(texts[0], texts[i]))
		}
		if events[i] != events[0] {
			t.Errorf("events %d are others:\n%s", i, cmp.Diff(events[0], events[i]))
		}
	}
	if !strings.Contains(texts[0], `"status": "CRITICAL"`) {
		t.Error("nothing is critical: the test shows too little")
	}
}

// TestReliveAsItWas: what is relived has the times of then, and ages as then.
func TestReliveAsItWas(t *testing.T) {
	st, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := relives(t, st)
	web := &reporter{name: "web", number: 1}
	first := web.report("10.0.0.2")
	first.Time = longAgo
	check := resultOf("web/http", topology.Critical)
	check.LastCheck = longAgo
	s.relive(t, Moment{At: longAgo.Add(time.Second), Reports: []Received{{longAgo.Add(time.Second), first}}, Checks: []mapping.News{{Source: "site", Checks: []mapping.Check{check}}}})
	b := s.Snapshot().Block("web")
	if b == nil || !b.Node.LastReport.Equal(longAgo.Add(time.Second)) || b.Node.State != topology.Reporting || b.Node.Status != topology.Critical {
		t.Fatalf("web is %+v", b)
	}
	if now := s.Now(); !now.Equal(longAgo.Add(time.Second)) {
		t.Errorf("the time is %s", now)
	}
	s.relive(t, Moment{At: longAgo.Add(20 * time.Second)})
	if b := s.Snapshot().Block("web"); b.Node.State != topology.Reporting {
		t.Errorf("after 20 s web is %s", b.Node.State)
	}
	s.relive(t, Moment{At: longAgo.Add(2 * time.Minute)})
	if b := s.Snapshot().Block("web"); b.Node.State != topology.Stale || !b.Checks[0].Stale {
		t.Errorf("after two minutes web is %s, its check stale: %t", b.Node.State, b.Checks[0].Stale)
	}
	if then, err := s.At(t.Context(), longAgo.Add(10*time.Second)); err != nil || then.Block("web").Node.State != topology.Reporting {
		t.Errorf("a moment of before: %v", err)
	}
	if _, err := s.At(t.Context(), longAgo.Add(time.Hour)); !errors.Is(err, history.ErrFuture) {
		t.Errorf("what is not relived yet: %v", err)
	}
	if err := s.Put(t.Context(), web.report()); !errors.Is(err, ErrRelives) {
		t.Errorf("a report of now: %v", err)
	}
}

// TestThenLive: after the past comes the present, in which time passes and reports
// are taken in; nothing that was relived is silent before its time.
func TestThenLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &memory{}
		s := startWith(t, Options{Store: st, Relives: time.Now().Add(-time.Hour)})
		web := &reporter{name: "web", number: 1}
		at := time.Now().Add(-time.Second)
		s.relive(t, Moment{At: at, Reports: []Received{{at, web.report()}}})
		if err := s.Live(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Live(t.Context()); err != nil {
			t.Errorf("live again: %v", err)
		}
		if err := s.Relive(t.Context(), Moment{At: time.Now()}); !errors.Is(err, ErrLive) {
			t.Errorf("the past again: %v", err)
		}
		db := &reporter{name: "db", number: 2}
		s.put(t, db.report())
		if !slices.Contains(names(st.take()), "web") {
			t.Error("what was relived is not in the store when the present begins")
		}
		time.Sleep(2 * time.Minute) //nolint:forbidigo // the clock of the bubble
		synctest.Wait()
		if b := s.Snapshot().Block("web"); b.Node.State != topology.Stale {
			t.Errorf("web is %s after two silent minutes", b.Node.State)
		}
		if !slices.Contains(names(st.take()), "db") {
			t.Error("nothing is kept any more")
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestReliveRefuses(t *testing.T) {
	s := relives(t, &memory{})
	bad := (&reporter{name: "web", number: 1}).report()
	bad.Listeners[0].Port = 0
	var field *report.FieldError
	if err := s.Relive(t.Context(), Moment{At: longAgo, Reports: []Received{{longAgo, bad}}}); !errors.As(err, &field) {
		t.Errorf("a report that breaks a rule: %v", err)
	}
	live := start(t, &memory{}, store.Patch{})
	if err := live.Relive(t.Context(), Moment{At: longAgo}); !errors.Is(err, ErrLive) {
		t.Errorf("on a live server: %v", err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Relive(t.Context(), Moment{At: longAgo}); !errors.Is(err, ErrStopped) {
		t.Errorf("on one that stopped: %v", err)
	}
}

// tape is a recorder that remembers.
type tape struct {
	mu      sync.Mutex
	reports []string
	news    []mapping.News
}

func (r *tape) Report(at time.Time, rep *report.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := time.Since(at); age < 0 || age > time.Minute {
		at = time.Time{}
	}
	r.reports = append(r.reports, rep.Node.Name+map[bool]string{true: " of no time"}[at.IsZero()])
}

func (r *tape) Checks(_ time.Time, n mapping.News) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.news = append(r.news, n)
}

func (r *tape) take() (reports []string, news []mapping.News) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reports, news = r.reports, r.news
	r.reports, r.news = nil, nil
	return reports, news
}

// TestRecorder is told what was taken in, once: of readings what changed.
func TestRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec, from := &tape{}, &scripted{}
		from.set("web/http", topology.OK)
		from.set("web/", topology.Up)
		s := startWith(t, Options{
			Store: &memory{}, Recorder: rec, Sources: []monitor.Options{{Name: "site", Kind: monitor.Nagios, URL: "http://site"}},
			Monitors: func(monitor.Options) (monitor.Source, error) { return from, nil },
		})
		web := &reporter{name: "web", number: 1}
		same := web.report()
		s.put(t, same)
		s.put(t, same) // again, as its sender got no answer
		s.put(t, web.report())
		synctest.Wait()
		reports, news := rec.take()
		if !slices.Equal(reports, []string{"web", "web"}) {
			t.Errorf("reports %v", reports)
		}
		if len(news) != 1 || news[0].Source != "site" || len(news[0].Hosts) != 2 || len(news[0].Checks) != 2 || len(news[0].Gone) != 0 {
			t.Errorf("the first reading is told as %+v", news)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // the clock of the bubble
		synctest.Wait()
		if _, news := rec.take(); len(news) != 0 {
			t.Errorf("readings without a change are told as %+v", news)
		}
		from.set("web/http", topology.Critical)
		from.set("web/", "")
		time.Sleep(11 * time.Second) //nolint:forbidigo // the clock of the bubble
		synctest.Wait()
		_, news = rec.take()
		if len(news) != 1 || news[0].Hosts != nil || len(news[0].Checks) != 1 || news[0].Checks[0].Status != topology.Critical || news[0].Checks[0].Interval != 0 || len(news[0].Gone) != 1 || news[0].Gone[0].Host != "web" {
			t.Errorf("a change is told as %+v", news)
		}
		if err := s.PassChecks(t.Context(), string(monitor.Passive), []mapping.Check{resultOf("db/disk", topology.Warning)}, nil); err != nil {
			t.Fatal(err)
		}
		if _, news = rec.take(); len(news) != 1 || news[0].Source != string(monitor.Passive) || len(news[0].Checks) != 1 {
			t.Errorf("results that were handed over are told as %+v", news)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}
