// Package incidents follows a site, and keeps its incidents: what is in trouble, what is
// likely behind it, and what it breaks. Of the servers that share a store the one that
// leads folds alerts; the others take over what it keeps, so that nothing is told twice.
//
// Nothing here holds up the writer: snapshots are read beside it, and how often depends
// on what that costs.
package incidents

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
	"github.com/devops-trouble-map/dotm/trouble/chart"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// Kind is the kind of the documents that are kept here, by id of an incident.
const Kind = "incident"

// How long incidents are kept, and how many at most.
const (
	keepFor = 400 * 24 * time.Hour
	most    = 5000
)

// The rhythm.
const (
	// pause is the shortest time between two looks, and slow how many times longer than
	// a look the pause after it is.
	pause = 250 * time.Millisecond
	slow  = 9
	// tick is how often is looked while there is trouble and nothing happens.
	tick = time.Second
	// graphEvery is the shortest time between two graphs, and rare how many times longer
	// than making one it is used.
	graphEvery = 2 * time.Second
	rare       = 20
	// forgetEvery is how often what is old is forgotten.
	forgetEvery = time.Hour
)

// Site is what is followed.
type Site interface {
	Snapshot() *topology.Snapshot
	Changed() <-chan struct{}
	// Leads says whether this server finds things out for all.
	Leads() bool
	Documents(kind string) []store.Document
	ChangeDocuments(ctx context.Context, keep []store.Document, drop []store.DocumentKey) error
	// Decided is closed when another server changed documents.
	Decided() <-chan struct{}
	Roles() *grouping.Roles
	// Looked is when each check was last looked at, by id: blocks don't say.
	Looked() map[string]time.Time
	// Astray tells of each bad check of a host that is no node of a snapshot, and why it is
	// none; and which sources were not heard since this server leads. The checks must not be
	// written.
	Astray(snap *topology.Snapshot, tell func(c *topology.Check, why string)) (unheard []string)
	Now() time.Time
}

// Desk has the incidents of a site. Its methods are safe for concurrent use.
type Desk struct {
	site Site
	log  *slog.Logger

	now  atomic.Pointer[shelf]
	wire wire

	mu      sync.Mutex // of what follows: one look at a time
	book    *incident.Book
	known   map[string][]byte // as kept, by id
	unkept  map[string]bool   // what is to be written again
	memory  memory
	graph   graph
	looked  looked
	leads   time.Time // since when this server does
	forgot  time.Time
	changed func(*incident.Incident, incident.What)
}

// shelf is all incidents of a moment.
type shelf struct {
	list []*incident.Incident // the open ones first, then the newest
	byID map[string]*incident.Incident
}

func newShelf(list []*incident.Incident) *shelf {
	s := &shelf{list: list, byID: make(map[string]*incident.Incident, len(list))}
	for _, in := range list {
		s.byID[in.ID] = in
	}
	return s
}

// New opens the desk at what is kept. What can't be read is left out.
func New(site Site, log *slog.Logger) *Desk {
	d := &Desk{site: site, log: log, known: map[string][]byte{}, unkept: map[string]bool{}}
	d.now.Store(newShelf(nil))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takeOver(false)
	return d
}

// OnChange has a function told what is new of incidents, after it was kept: on the server
// that leads, once. It must not block. It is to be set before [Desk.Run].
func (d *Desk) OnChange(f func(*incident.Incident, incident.What)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changed = f
}

// Incidents are all that are known, the open ones first, then the newest. They must not
// be written.
func (d *Desk) Incidents() []*incident.Incident { return d.now.Load().list }

// Incident finds one; nil if there is none.
func (d *Desk) Incident(id string) *incident.Incident { return d.now.Load().byID[id] }

// Run works until ctx ends.
func (d *Desk) Run(ctx context.Context) {
	for ctx.Err() == nil {
		changed, decided := d.site.Changed(), d.site.Decided()
		begin := time.Now()
		d.Look(ctx)
		d.keepChanges(ctx, false)
		d.await(ctx, changed, decided, max(pause, slow*time.Since(begin)))
	}
	d.keepChanges(ctx, true)
}

// await waits until there may be something new, and a moment at least.
func (d *Desk) await(ctx context.Context, changed, decided <-chan struct{}, rest time.Duration) {
	if !wait(ctx, rest) {
		return
	}
	t := time.NewTimer(tick)
	defer t.Stop()
	select {
	case <-t.C:
	case <-changed:
	case <-decided:
	case <-ctx.Done():
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Look brings the incidents up to the newest snapshot.
func (d *Desk) Look(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.site.Leads() {
		d.book, d.memory, d.graph, d.looked = nil, memory{}, graph{}, looked{}
		d.takeOver(true)
		return
	}
	at, snap := d.site.Now(), d.site.Snapshot()
	d.lead(at)
	d.memory.follow(snap, at)
	alerts := d.alerts(snap, at)
	if len(alerts) > 0 || d.book.Unsettled() {
		d.tell(ctx, d.book.Update(d.moment(snap, alerts, at)))
	}
	d.retry(ctx)
	d.forget(ctx, at)
}

// lead begins where who led before stopped, if this server leads since now.
func (d *Desk) lead(at time.Time) {
	if d.book != nil {
		return
	}
	d.takeOver(true)
	d.book, d.leads = incident.NewBook(slices.Clone(d.now.Load().list)), at
	d.memory.recall(d.site.Documents(ChangesKind), at)
}

// alerts are all that is bad now, those on the chart first.
func (d *Desk) alerts(snap *topology.Snapshot, at time.Time) []incident.Alert {
	return append(alertsOf(snap), d.astray(snap, at)...)
}

// moment is what is known of the site now.
func (d *Desk) moment(snap *topology.Snapshot, alerts []incident.Alert, at time.Time) *incident.Moment {
	roles := d.site.Roles()
	g := d.graph.of(snap, roles, alerts)
	return &incident.Moment{
		Pool: func(component string) string {
			if p := roles.PoolOf(Name(snap, g, component).Node); p != nil {
				return p.ID
			}
			return ""
		},
		At: at, Graph: g, Alerts: alerts, Watched: chart.Watched(snap, d.looked.of(d.site, at)), Changes: d.memory.changes,
		Name: func(component string) incident.Ref { return Name(snap, g, component) },
	}
}

// tell keeps what is new, and then tells it.
func (d *Desk) tell(ctx context.Context, news []incident.News) {
	if len(news) == 0 {
		return
	}
	changed := make([]*incident.Incident, 0, len(news))
	for _, n := range news {
		changed = append(changed, n.Incident)
	}
	d.keep(ctx, changed)
	d.now.Store(newShelf(d.book.All()))
	d.wire.send(news)
	for _, n := range news {
		if d.changed != nil && n.What != incident.Changed {
			d.changed(n.Incident, n.What)
		}
	}
}

// keep writes incidents. What can't be written is tried again, and told all the same:
// the store's trouble must not hide the site's.
func (d *Desk) keep(ctx context.Context, list []*incident.Incident) {
	var docs []store.Document
	for _, in := range list {
		raw, err := json.Marshal(in)
		if err != nil {
			d.log.Error("an incident can't be kept", "incident", in.ID, "error", err)
			continue
		}
		docs = append(docs, store.Document{Kind: Kind, Key: in.ID, Value: raw})
	}
	if len(docs) == 0 {
		return
	}
	if err := d.site.ChangeDocuments(context.WithoutCancel(ctx), docs, nil); err != nil {
		if len(d.unkept) == 0 {
			d.log.Error("incidents are not kept; they are tried again", "error", err)
		}
		for _, in := range list {
			d.unkept[in.ID] = true
		}
		return
	}
	for _, doc := range docs {
		d.known[doc.Key] = doc.Value
		delete(d.unkept, doc.Key)
	}
}

// retry writes what could not be written.
func (d *Desk) retry(ctx context.Context) {
	var list []*incident.Incident
	for _, id := range slices.Sorted(maps.Keys(d.unkept)) {
		if in := d.Incident(id); in != nil {
			list = append(list, in)
		} else {
			delete(d.unkept, id)
		}
	}
	d.keep(ctx, list)
}

// forget drops what is too old.
func (d *Desk) forget(ctx context.Context, at time.Time) {
	if at.Sub(d.forgot) < forgetEvery {
		return
	}
	d.forgot = at
	gone := d.book.Forget(at.Add(-keepFor), most)
	if len(gone) == 0 {
		return
	}
	keys := make([]store.DocumentKey, 0, len(gone))
	for _, id := range gone {
		keys = append(keys, store.DocumentKey{Kind: Kind, Key: id})
		delete(d.known, id)
	}
	if err := d.site.ChangeDocuments(context.WithoutCancel(ctx), nil, keys); err != nil {
		d.log.Warn("old incidents were not forgotten; they are at the next start", "error", err)
	}
	d.now.Store(newShelf(d.book.All()))
}

// takeOver reads what is kept: at the start, and when another server wrote it, which is
// then told to viewers.
func (d *Desk) takeOver(told bool) {
	was := d.now.Load()
	next, changed := map[string]*incident.Incident{}, false
	var news []incident.News
	for _, doc := range d.site.Documents(Kind) {
		old := was.byID[doc.Key]
		if old != nil && bytes.Equal(d.known[doc.Key], doc.Value) {
			next[doc.Key] = old
			continue
		}
		in := &incident.Incident{}
		if err := json.Unmarshal(doc.Value, in); err != nil || in.ID != doc.Key {
			d.log.Error("a kept incident can't be read; it is left out", "incident", doc.Key, "error", err)
			continue
		}
		changed = true
		next[doc.Key], d.known[doc.Key] = in, doc.Value
		news = append(news, incident.News{Incident: in, What: whatOf(old, in)})
	}
	if !changed && len(next) == len(was.list) {
		return
	}
	maps.DeleteFunc(d.known, func(id string, _ []byte) bool { return next[id] == nil })
	book := incident.NewBook(slices.Collect(maps.Values(next)))
	d.now.Store(newShelf(book.All()))
	if told {
		d.wire.send(news)
	}
}

// whatOf says what is new of an incident that another server wrote.
func whatOf(old, now *incident.Incident) incident.What {
	switch {
	case old == nil && now.State == incident.Open:
		return incident.Opened
	case old == nil:
		return incident.Changed
	case old.State == incident.Open && now.State == incident.Resolved:
		return incident.Closed
	case old.State == incident.Resolved && now.State == incident.Open:
		return incident.CameBack
	case now.Ack != nil && (old.Ack == nil || !now.Ack.At.Equal(old.Ack.At)):
		return incident.Acknowledged
	case len(old.Causes) > 0 && len(now.Causes) > 0 && old.Causes[0].Component != now.Causes[0].Component:
		return incident.CauseChanged
	}
	return incident.Changed
}

// Acknowledge notes that somebody takes care of an incident; nil if there is none. It is
// for the server that leads.
func (d *Desk) Acknowledge(ctx context.Context, id, by, comment string) *incident.Incident {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lead(d.site.Now())
	in := d.book.Acknowledge(id, by, comment, d.site.Now())
	if in != nil {
		d.tell(ctx, []incident.News{{Incident: in, What: incident.Acknowledged}})
	}
	return in
}

// Impact says what fails with components, on the chart as it is: who has lost a member of a
// pool already may have no other left. An id that is unknown is an error.
func (d *Desk) Impact(snap *topology.Snapshot, of []string) (incident.Impact, error) {
	g, err := graphOf(snap, d.site.Roles())
	if err != nil {
		return incident.Impact{}, err
	}
	below := trouble.Below(g, of)
	im, err := trouble.Predict(below, of, &trouble.Incident{At: snap.At(), Alerts: among(below, chart.Alerts(snap))})
	if err != nil {
		return incident.Impact{}, err
	}
	im.Confirmed = slices.DeleteFunc(im.Confirmed, func(e trouble.Effect) bool { return slices.Contains(of, e.Component) })
	return incident.Supposed(&im, func(component string) incident.Ref { return Name(snap, g, component) }), nil
}

// among are the alerts of components that a graph has.
func among(g *trouble.Graph, alerts []trouble.Alert) []trouble.Alert {
	return slices.DeleteFunc(alerts, func(a trouble.Alert) bool {
		_, known := g.Index(a.Component)
		return !known
	})
}
