package incidents

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
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
}

var _ Site = (*site)(nil)

func (s *site) Snapshot() *topology.Snapshot { return s.snap }
func (s *site) Changed() <-chan struct{}     { return nil }
func (s *site) Leads() bool                  { return s.leads }
func (s *site) Decided() <-chan struct{}     { return nil }
func (s *site) Roles() *grouping.Roles       { return &grouping.Roles{} }
func (s *site) Looked() map[string]time.Time { return nil }
func (s *site) Now() time.Time               { return s.at }
func (s *site) Documents(string) (out []store.Document) {
	for _, d := range *s.documents {
		out = append(out, d)
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
		Connections: []topology.Connection{{
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
