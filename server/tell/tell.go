// Package tell has people told about a site's incidents. Of the servers that share a
// store the one that leads does it; what was told is kept, so that the next one goes on
// where it stopped.
package tell

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/notify"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// Kind is the kind of the documents that are kept here: what a receiver was told last
// of an incident, by the names of both.
const Kind = "told"

// leadEvery is how often is looked whether this server leads.
const leadEvery = time.Second

// Site is what is told of.
type Site interface {
	// Leads says whether this server tells for all.
	Leads() bool
	Documents(kind string) []store.Document
	ChangeDocuments(ctx context.Context, keep []store.Document, drop []store.DocumentKey) error
	Incidents() []*incident.Incident
	// IncidentNews is what is new since a number; more is closed when there is more.
	IncidentNews(after uint64) (news []incident.News, last uint64, missed bool, more <-chan struct{})
}

// Options of a teller.
type Options struct {
	Receivers []notify.Receiver
	// PublicURL is where people reach the UI; empty leaves out links.
	PublicURL string
	// Paint draws the piece of chart around a component; nil draws none.
	Paint func(ctx context.Context, component string) ([]byte, error)
	Log   *slog.Logger
}

// Teller follows the incidents of a site.
type Teller struct {
	site Site
	opt  Options
	desk *notify.Desk

	mu    sync.Mutex
	about map[string]string // the component that a picture is of, by id of an incident
}

// New makes a teller. Nobody is told before [Teller.Run].
func New(site Site, opt Options) *Teller {
	t := &Teller{site: site, opt: opt, about: map[string]string{}}
	t.desk = notify.NewDesk(opt.Receivers, ledger{site}, t.paint, opt.Log)
	return t
}

// Deliveries says how it goes with the receivers.
func (t *Teller) Deliveries() []notify.Delivery { return t.desk.Deliveries() }

// Try sends a notice of an incident that is none.
func (t *Teller) Try(ctx context.Context, name string) error { return t.desk.Try(ctx, name) }

// Run tells until ctx ends, while this server leads.
func (t *Teller) Run(ctx context.Context) {
	if len(t.opt.Receivers) == 0 {
		return
	}
	for ctx.Err() == nil {
		if t.site.Leads() {
			t.lead(ctx)
		}
		wait(ctx, leadEvery, nil)
	}
}

// lead tells until another server leads.
func (t *Teller) lead(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { t.desk.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	last, more := t.all()
	for ctx.Err() == nil && t.site.Leads() {
		wait(ctx, leadEvery, more)
		var news []incident.News
		var missed bool
		if news, last, missed, more = t.site.IncidentNews(last); missed {
			last, more = t.all()
			continue
		}
		for _, n := range news {
			t.update(n.Incident)
		}
	}
}

// all updates everything, and returns the number of the news up to which that is.
func (t *Teller) all() (last uint64, more <-chan struct{}) {
	_, last, _, more = t.site.IncidentNews(^uint64(0))
	for _, in := range t.site.Incidents() {
		t.update(in)
	}
	return last, more
}

func (t *Teller) update(in *incident.Incident) {
	out := t.convert(in)
	t.mu.Lock()
	if out.Ended.IsZero() && len(in.Causes) > 0 {
		t.about[in.ID] = subject(&in.Causes[0].Ref)
	} else {
		delete(t.about, in.ID)
	}
	t.mu.Unlock()
	t.desk.Update(out)
}

// subject is what a component is on the chart.
func subject(ref *incident.Ref) string {
	if ref.Service != "" {
		return ref.Service
	}
	return ref.Node
}

// convert is an incident as it is told.
func (t *Teller) convert(in *incident.Incident) *notify.Incident {
	out := &notify.Incident{
		ID: in.ID, Title: in.Title, Sentence: in.Sentence, Status: in.Status, Opened: in.Opened, Ended: in.Resolved, Acknowledged: in.Ack != nil, Unclear: in.Unclear,
		CauseSince: in.Opened, Causes: []notify.Cause{}, Confirmed: []notify.Effect{}, Predicted: []notify.Effect{}, NotVisible: []string{},
	}
	for i := range in.Timeline {
		switch e := &in.Timeline[i]; e.Kind {
		case incident.EntryCause:
			out.CauseSince = e.At
		case incident.EntryReopened:
			out.Opened = e.At
		default:
		}
	}
	for i := range in.Causes {
		c := &in.Causes[i]
		out.Causes = append(out.Causes, notify.Cause{Component: c.Name, Strength: string(c.Strength), Sentence: c.Sentence})
	}
	for i := range in.Alerts {
		if m := &in.Alerts[i]; m.Over.IsZero() {
			out.Confirmed = append(out.Confirmed, notify.Effect{Component: m.About.Name, Why: said(m)})
		}
	}
	for i := range in.Impact.Predicted {
		e := &in.Impact.Predicted[i]
		out.Predicted = append(out.Predicted, notify.Effect{Component: e.Name, Why: e.Why})
	}
	for i := range in.NotVisible {
		out.NotVisible = append(out.NotVisible, in.NotVisible[i].Name)
	}
	if t.opt.PublicURL != "" {
		out.Link = strings.TrimRight(t.opt.PublicURL, "/") + "/#/incidents/" + url.PathEscape(in.ID)
	}
	return out
}

// said is what a check says: its name, its status, and its own words.
func said(m *incident.Member) string {
	name := m.Name
	if name == "" {
		name = "host"
	}
	out := name + " " + string(m.Status)
	if m.Output != "" {
		out += ": " + m.Output
	}
	return out
}

func (t *Teller) paint(ctx context.Context, id string) ([]byte, error) {
	t.mu.Lock()
	about := t.about[id]
	t.mu.Unlock()
	if t.opt.Paint == nil || about == "" {
		return nil, nil
	}
	return t.opt.Paint(ctx, about)
}

// wait waits for a time, or until more is closed.
func wait(ctx context.Context, d time.Duration, more <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-more:
	}
}

// ledger keeps what was told as documents.
type ledger struct{ site Site }

var _ notify.Ledger = ledger{}

func key(receiver, id string) string { return receiver + "/" + id }

// Marks reads what a receiver was told.
func (l ledger) Marks(receiver string) (map[string]notify.Mark, error) {
	out := map[string]notify.Mark{}
	for _, d := range l.site.Documents(Kind) {
		id, of := strings.CutPrefix(d.Key, receiver+"/")
		if !of {
			continue
		}
		var m notify.Mark
		if err := json.Unmarshal(d.Value, &m); err != nil {
			return nil, fmt.Errorf("reading what %s was told of incident %s: %w", receiver, id, err)
		}
		out[id] = m
	}
	return out, nil
}

// Keep writes what a receiver was told.
func (l ledger) Keep(ctx context.Context, receiver, id string, m *notify.Mark) error {
	if m == nil {
		return l.site.ChangeDocuments(ctx, nil, []store.DocumentKey{{Kind: Kind, Key: key(receiver, id)}})
	}
	value, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("keeping what %s was told: %w", receiver, err)
	}
	return l.site.ChangeDocuments(ctx, []store.Document{{Kind: Kind, Key: key(receiver, id), Value: value}}, nil)
}
