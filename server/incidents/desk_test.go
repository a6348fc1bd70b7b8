package incidents

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// site is one of web and db, for one or more servers that share its documents.
type site struct {
	snap      *topology.Snapshot
	at        time.Time
	leads     bool
	documents *map[string]store.Document
	fails     error
	writes    int
	astray    []topology.Check // bad checks of hosts that are no nodes
	unheard   []string
}

var _ Site = (*site)(nil)

func (s *site) Snapshot() *topology.Snapshot { return s.snap }
func (s *site) Changed() <-chan struct{}     { return nil }
func (s *site) Leads() bool                  { return s.leads }
func (s *site) Decided() <-chan struct{}     { return nil }
func (s *site) Roles() *grouping.Roles       { return &grouping.Roles{} }
func (s *site) Looked() map[string]time.Time { return nil }
func (s *site) Now() time.Time               { return s.at }
func (s *site) Astray(_ *topology.Snapshot, tell func(*topology.Check, string)) []string {
	for i := range s.astray {
		tell(&s.astray[i], "no node has its name")
	}
	return s.unheard
}

func (s *site) Documents(kind string) (out []store.Document) {
	for _, d := range *s.documents {
		if d.Kind == kind {
			out = append(out, d)
		}
	}
	return out
}

func (s *site) ChangeDocuments(_ context.Context, keep []store.Document, drop []store.DocumentKey) error {
	if s.fails != nil {
		return s.fails
	}
	s.writes++
	for _, d := range keep {
		(*s.documents)[d.Key] = d
	}
	for _, k := range drop {
		delete(*s.documents, k.Key)
	}
	return nil
}

func newSite(t *testing.T) *site {
	t.Helper()
	web := &topology.Block{
		Node:     topology.Node{Name: "web", Kind: topology.Host, State: topology.Reporting, LastReport: noon},
		Services: []topology.Service{{ID: "web~tcp~80", Node: "web", Protocol: "tcp", Port: 80, Process: "nginx", State: topology.Listening, PID: 7}},
		Connections: []*topology.Connection{{
			ID: "c", Protocol: "tcp", Count: 1, Directed: true, Status: topology.Fresh,
			Client: topology.Client{Node: "web", Process: "nginx", Service: "web~tcp~80"}, Server: topology.Server{Node: "db", Port: 5432, Service: "db~tcp~5432"},
		}},
	}
	db := &topology.Block{
		Node:     topology.Node{Name: "db", Kind: topology.Host, State: topology.Reporting, LastReport: noon},
		Services: []topology.Service{{ID: "db~tcp~5432", Node: "db", Protocol: "tcp", Port: 5432, Process: "postgres", State: topology.Listening, PID: 8}},
	}
	snap, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, []*topology.Block{web, db})
	if err != nil {
		t.Fatal(err)
	}
	return &site{snap: snap, at: noon, leads: true, documents: &map[string]store.Document{}}
}

// change replaces a node's block by a changed copy, some time later.
func (s *site) change(node string, later time.Duration, f func(b *topology.Block)) {
	b := s.snap.Block(node).Clone()
	f(b)
	e := s.snap.Edit()
	e.Put(b)
	s.at = s.at.Add(later)
	s.snap = e.Commit(s.snap.Revision().Next(), s.at)
}

// check puts a check onto a node's service.
func (s *site) check(node string, status topology.Status, later time.Duration) {
	s.change(node, later, func(b *topology.Block) {
		b.SetChecks([]topology.Check{{
			ID: "check " + node, Source: "m", Host: node, Name: "it", Kind: topology.ServiceCheck, Status: status, Hard: true,
			Node: node, Service: b.Services[0].ID, Since: s.at, LastOK: s.at.Add(-time.Minute),
		}})
	})
}

func desk(s Site) (*Desk, *[]string) {
	d := New(s, slog.New(slog.DiscardHandler))
	told := &[]string{}
	d.OnChange(func(in *incident.Incident, what incident.What) {
		*told = append(*told, fmt.Sprint(what, " ", in.Title))
	})
	return d, told
}

func wants(t *testing.T, got *[]string, want ...string) {
	t.Helper()
	if !slices.Equal(*got, want) {
		t.Errorf("told %q, want %q", *got, want)
	}
	*got = nil
}

// TestDesk: an incident is kept, told once, goes on after a restart, and is resolved.
func TestDesk(t *testing.T) {
	s := newSite(t)
	d, told := desk(s)
	d.Look(t.Context())
	s.change("db", time.Minute, func(b *topology.Block) { b.Services[0].PID = 99 })
	d.Look(t.Context())
	s.check("db", topology.Critical, time.Minute)
	d.Look(t.Context())
	wants(t, told, "opened it critical on db")
	in := d.Incidents()[0]
	if len(in.Changes) != 1 || in.Changes[0].What != "restarted under a new pid" || in.Causes[0].Service != "db~tcp~5432" || len(in.Impact.Predicted) != 1 {
		t.Errorf("%+v", in)
	}
	again, toldAgain := desk(s)
	again.Look(t.Context())
	if wants(t, toldAgain); again.Incident(in.ID) == nil {
		t.Error("it was forgotten")
	}
	if again.Acknowledge(t.Context(), in.ID, "ops", "on it") == nil || again.Acknowledge(t.Context(), "nobody", "", "") != nil {
		t.Error("not acknowledged")
	}
	wants(t, toldAgain, "acknowledged it critical on db")
	again, toldAgain = desk(s)
	if ack := again.Incident(in.ID).Ack; ack == nil || ack.By != "ops" || ack.Comment != "on it" || !ack.At.Equal(s.at) {
		t.Errorf("after a restart it is acknowledged by %+v", ack)
	}
	again.Look(t.Context())
	wants(t, toldAgain)
	s.check("db", topology.OK, time.Second)
	again.Look(t.Context())
	wants(t, toldAgain, "resolved it critical on db")
}

// TestFollower: a server that doesn't lead shows what the leader keeps, and tells its
// viewers; when it leads, nothing is told again.
func TestFollower(t *testing.T) {
	s := newSite(t)
	leader, _ := desk(s)
	other := *s
	other.leads = false
	follower, told := desk(&other)
	_, last, _, _ := follower.News(0)
	s.check("db", topology.Critical, time.Minute)
	leader.Look(t.Context())
	other.snap, other.at = s.snap, s.at
	follower.Look(t.Context())
	news, _, missed, _ := follower.News(last)
	if wants(t, told); len(news) != 1 || news[0].What != incident.Opened || missed || len(follower.Incidents()) != 1 {
		t.Errorf("%+v", news)
	}
	other.leads = true
	follower.Look(t.Context())
	wants(t, told)
	s.check("db", topology.OK, time.Second)
	other.snap, other.at = s.snap, s.at
	follower.Look(t.Context())
	wants(t, told, "resolved it critical on db")
}

// TestStoreAway: what can't be kept is told all the same, and kept later.
func TestStoreAway(t *testing.T) {
	s := newSite(t)
	d, told := desk(s)
	s.fails = errors.New("away")
	s.check("db", topology.Critical, time.Minute)
	d.Look(t.Context())
	if wants(t, told, "opened it critical on db"); len(*s.documents) != 0 {
		t.Error("it was kept")
	}
	s.fails = nil
	d.Look(t.Context())
	if wants(t, told); len(*s.documents) != 1 {
		t.Error("it is not kept")
	}
	writes := s.writes
	d.Look(t.Context())
	if s.writes != writes {
		t.Error("it was written again")
	}
}

// TestNews: a viewer that is late is told so.
func TestNews(t *testing.T) {
	w := &Desk{}
	in := &incident.Incident{ID: "x"}
	for range mostNews + 10 {
		w.wire.send([]incident.News{{Incident: in, What: incident.Changed}})
	}
	if news, last, missed, _ := w.News(5); !missed || len(news) != 0 || last != mostNews+10 {
		t.Errorf("%d, %d, %t", len(news), last, missed)
	}
	news, last, missed, more := w.News(mostNews)
	if missed || len(news) != 10 || last != mostNews+10 {
		t.Errorf("%d, %d, %t", len(news), last, missed)
	}
	w.wire.send([]incident.News{{Incident: in, What: incident.Changed}})
	<-more
}

// stray is a bad check of a host that is no node.
func stray(host, name string, status topology.Status) topology.Check {
	c := topology.Check{ID: "stray " + host + name, Source: "m", Host: host, Name: name, Kind: topology.ServiceCheck, Status: status, Hard: true, Since: noon, Suppressed: name != ""}
	if name == "" {
		c.Kind = topology.HostCheck
	}
	return c
}

// TestAstray: a host that only monitoring knows is one incident with all its checks,
// which says so, and nothing of what needs it. A restart, before its source is read, ends
// nothing.
func TestAstray(t *testing.T) {
	s := newSite(t)
	d, told := desk(s)
	s.astray = []topology.Check{stray("sw1", "", topology.Down)}
	for i := range 30 {
		s.astray = append(s.astray, stray("sw1", fmt.Sprint("port", i), topology.Critical))
	}
	d.Look(t.Context())
	if wants(t, told, "opened sw1 is down"); len(d.Incidents()) != 1 {
		t.Fatalf("%d incidents", len(d.Incidents()))
	}
	in := d.Incidents()[0]
	c := in.Causes[0]
	if len(in.Alerts) != 31 || c.Node != "" || c.Name != "sw1" || c.Strength == trouble.Strong || c.Chips[0] != "not on the chart" || !strings.Contains(in.Sentence, "it is not on the chart, as no agent reports it") {
		t.Errorf("%d alerts, %+v: %s", len(in.Alerts), c, in.Sentence)
	}
	if im := in.Impact; len(im.Predicted)+len(im.Possible)+len(im.Spared) > 0 || len(in.NotVisible) != 1 || in.NotVisible[0].Name != "sw1" {
		t.Errorf("%+v, not visible %+v", in.Impact, in.NotVisible)
	}
	s.check("db", topology.Critical, time.Second)
	d.Look(t.Context())
	wants(t, told, "opened it critical on db")

	list := s.astray
	s.astray, s.unheard = nil, []string{"m"}
	again, toldAgain := desk(s)
	again.Look(t.Context())
	if wants(t, toldAgain); again.Incident(in.ID).Bad() != 31 {
		t.Errorf("after the restart %d are bad", again.Incident(in.ID).Bad())
	}
	s.astray, s.unheard = list, nil
	again.Look(t.Context())
	wants(t, toldAgain)
	s.astray = nil
	again.Look(t.Context())
	wants(t, toldAgain, "resolved sw1 is down")
}

// TestAstrayUnheard: a source that is never heard again keeps nothing open for good.
func TestAstrayUnheard(t *testing.T) {
	s := newSite(t)
	d, _ := desk(s)
	s.astray = []topology.Check{stray("sw1", "", topology.Down)}
	d.Look(t.Context())
	s.astray, s.unheard = nil, []string{"m"}
	again, told := desk(s)
	again.Look(t.Context())
	wants(t, told)
	s.at = s.at.Add(remembered + time.Second)
	again.Look(t.Context())
	wants(t, told, "resolved sw1 is down")
}

// TestAstrayNames: sources that know one host tell of one place; the machine that each
// calls localhost is its own, and what the chart calls so is something else.
func TestAstrayNames(t *testing.T) {
	s := newSite(t)
	at := func(host, source string) string { return placeOf(s.snap, &topology.Check{Host: host, Source: source}) }
	if at("sw1", "m") != at("sw1", "n") || at("localhost", "m") == at("localhost", "n") || at("db", "m") == "db" || at("db~tcp~5432", "m") == "db~tcp~5432" {
		t.Errorf("%q", []string{at("sw1", "m"), at("sw1", "n"), at("localhost", "m"), at("localhost", "n"), at("db", "m")})
	}
}

// TestChangesStay: what changed before an incident is told after a restart, of one that
// was open and of one that begins then, and as long as the incident lasts.
func TestChangesStay(t *testing.T) {
	s := newSite(t)
	d, _ := desk(s)
	d.Look(t.Context())
	for i := range 3 { // the second and third are too soon after the first to be kept alone
		s.change("db", time.Second, func(b *topology.Block) { b.Services[0].PID = 90 + i })
		d.Look(t.Context())
		d.keepChanges(t.Context(), false)
	}
	d.keepChanges(t.Context(), true) // it ends
	d, _ = desk(s)
	s.check("db", topology.Critical, time.Minute)
	d.Look(t.Context())
	in := d.Incidents()[0]
	if len(in.Changes) != 3 || in.Changes[0].What != "restarted under a new pid" || in.Causes[0].Chips[len(in.Causes[0].Chips)-1] != "changed before" {
		t.Fatalf("%+v, %q", in.Changes, in.Causes[0].Chips)
	}
	for range 2 { // the second time nothing is kept of so long ago
		s.change("web", 2*recent, func(b *topology.Block) { b.Services[0].PID++ })
		d.Look(t.Context())
		d.keepChanges(t.Context(), true)
		if now := d.Incident(in.ID); len(now.Changes) != 3 {
			t.Errorf("after a while %+v", now.Changes)
		}
		d, _ = desk(s)
		d.Look(t.Context())
	}
	kept := 0
	for key := range *s.documents {
		if key != in.ID {
			kept++
		}
	}
	if now := d.Incident(in.ID); len(now.Changes) != 3 || kept != 1 {
		t.Errorf("after the restart %+v, %d documents", now.Changes, kept)
	}
}

// TestChangesUnkept: what can't be kept is tried again.
func TestChangesUnkept(t *testing.T) {
	s := newSite(t)
	d, _ := desk(s)
	d.Look(t.Context())
	s.change("db", time.Second, func(b *topology.Block) { b.Services[0].PID = 99 })
	d.Look(t.Context())
	s.fails = errors.New("away")
	d.keepChanges(t.Context(), true)
	s.fails = nil
	d.keepChanges(t.Context(), true)
	if len(*s.documents) != 1 {
		t.Errorf("%d documents", len(*s.documents))
	}
	d.keepChanges(t.Context(), true)
	if s.writes != 1 {
		t.Errorf("written %d times", s.writes)
	}
}
