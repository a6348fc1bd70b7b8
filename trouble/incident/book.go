package incident

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

// The rhythm of incidents.
const (
	// Reopen is how long after an incident was resolved the same trouble is the same
	// incident.
	Reopen = 15 * time.Minute
	// splitAfter is how long parts of an incident must have nothing to do with each other
	// to be two: what connects them may have recovered first.
	splitAfter = 10 * time.Minute
	// restless is after how many times that it came back an incident must be quiet for
	// a while to be resolved.
	restless = 3
	quiet    = time.Minute
	// rankEvery is how often causes are ranked of which no alert changed.
	rankEvery = 10 * time.Second
)

// Moment is what is known of a site at one moment.
type Moment struct {
	At     time.Time
	Graph  *trouble.Graph
	Alerts []Alert
	// Watched and Changes are those of the ranker.
	Watched map[string]trouble.Watch
	Changes []trouble.Change
	// Pool says which pool of nodes a component is of, or on; nil knows none but those of
	// the graph.
	Pool func(component string) string
	// Name says what a component is; nil names it by its id.
	Name func(component string) Ref
}

// Book has all incidents. It is for one goroutine; the incidents that it hands out may
// be read by all.
type Book struct {
	list   map[string]*Incident
	ranker *trouble.Ranker
}

// NewBook opens a book at incidents that are known.
func NewBook(known []*Incident) *Book {
	b := &Book{list: map[string]*Incident{}, ranker: trouble.NewRanker()}
	for _, in := range known {
		in.wasUnclear = in.Unclear
		b.list[in.ID] = in
	}
	return b
}

// All are all incidents, the open ones first, then the newest.
func (b *Book) All() []*Incident {
	out := slices.Collect(maps.Values(b.list))
	slices.SortFunc(out, func(x, y *Incident) int {
		return cmp.Or(cmp.Compare(x.State, y.State), y.Opened.Compare(x.Opened), cmp.Compare(x.ID, y.ID))
	})
	return out
}

// Unsettled says that something may be new of an incident though nothing happens.
func (b *Book) Unsettled() bool {
	for _, in := range b.list {
		if in.State == Open {
			return true
		}
	}
	return false
}

// Forget drops incidents that were resolved before a moment, and the oldest of more
// than most. It returns their ids.
func (b *Book) Forget(before time.Time, most int) (gone []string) {
	all := b.All()
	for i, in := range all {
		if in.State == Resolved && (in.Resolved.Before(before) || i >= most) {
			delete(b.list, in.ID)
			gone = append(gone, in.ID)
		}
	}
	return gone
}

// Acknowledge notes that somebody takes care of an incident; nil if there is none.
func (b *Book) Acknowledge(id, by, comment string, at time.Time) *Incident {
	in := b.list[id]
	if in == nil {
		return nil
	}
	in = in.copy()
	in.Ack = &Ack{by, comment, at}
	text := by + " takes care of it"
	if comment != "" {
		text += ": " + comment
	}
	in.note(at, EntryAck, text, "", "")
	in.pending = false
	b.list[id] = in
	return in
}

// Update brings the incidents up to a moment, and tells what is new. Each incident is
// told once, with what is most of it.
func (b *Book) Update(m *Moment) []News {
	t := &turn{Book: b, m: m, news: map[string]What{}, mine: map[string]*Incident{}}
	if m.Name == nil {
		m.Name = func(component string) Ref { return Ref{Component: component, Name: component} }
	}
	t.read()
	t.assign(t.fold())
	t.close()
	t.rank()
	return t.told()
}

// turn is one update.
type turn struct {
	*Book
	m      *Moment
	alerts []*Alert               // each once, by key
	was    map[string]*Incident   // by key of an alert: the incident that it is in, or was in lately
	member map[string]*Member     // likewise
	news   map[string]What        // by id
	mine   map[string]*Incident   // copies of this turn, by id
	takes  map[*Incident][]*Alert // by what was before the turn: its alerts now
	old    map[string]*Incident   // by component: incidents resolved lately
	recent map[change]bool        // the changes of the moment; made when it is asked for
}

// read sorts the alerts, and finds out where they were.
func (t *turn) read() {
	t.was, t.member, t.takes, t.old = map[string]*Incident{}, map[string]*Member{}, map[*Incident][]*Alert{}, map[string]*Incident{}
	for _, in := range slices.Backward(t.All()) { // what is open goes before what was
		lately := in.State == Open || in.Into == "" && t.m.At.Sub(in.Resolved) <= Reopen
		for i := range in.Alerts {
			m := &in.Alerts[i]
			if !lately || !m.bad() && t.m.At.Sub(m.Over) > Reopen {
				continue
			}
			if known := t.member[m.ID]; known == nil || m.bad() || !known.bad() {
				t.was[m.ID], t.member[m.ID] = in, m
			}
			if in.State == Resolved && m.About.Component == first(in.Causes) {
				t.old[m.About.Component] = in
			}
		}
	}
	seen := map[string]bool{}
	for i := range t.m.Alerts {
		if a := &t.m.Alerts[i]; !seen[a.key()] {
			seen[a.key()] = true
			t.alerts = append(t.alerts, a)
		}
	}
	slices.SortFunc(t.alerts, func(a, b *Alert) int {
		return cmp.Or(t.seen(a).Compare(t.seen(b)), cmp.Compare(a.Component, b.Component), cmp.Compare(a.key(), b.key()))
	})
}

// seen is when an alert was told first.
func (t *turn) seen(a *Alert) time.Time {
	if m := t.member[a.key()]; m != nil && m.bad() {
		return m.Seen
	}
	if by := a.Onset.By; !by.IsZero() && t.m.At.Sub(by) > late {
		return by
	}
	return t.m.At
}

// piece is alerts that have to do with each other now.
type piece struct {
	alerts []*Alert
	owners map[*Incident]int // the incidents that they were in, and how many
	to     *Incident         // the one that they are in now
}

// fold makes the pieces, in the order in which they went bad.
func (t *turn) fold() []*piece {
	f := &folder{g: t.m.Graph, watched: t.m.Watched}
	at := map[string]int{}
	for i, a := range t.alerts {
		n, known := at[a.Component]
		if !known {
			n = len(f.units)
			at[a.Component] = n
			f.units = append(f.units, t.unit(a))
		}
		u := &f.units[n]
		u.alerts = append(u.alerts, i)
		u.weak = u.weak && (a.Soft || a.Flapping || a.Stale)
		u.fails = u.fails || a.open() && a.Status.Severity() >= topology.Critical.Severity()
		if in := t.was[a.key()]; in != nil && in.State == Open {
			u.was = in
		}
	}
	folded := f.pieces()
	out := make([]*piece, 0, len(folded))
	for _, units := range folded {
		p := &piece{owners: map[*Incident]int{}}
		for _, n := range units {
			for _, i := range f.units[n].alerts {
				p.alerts = append(p.alerts, t.alerts[i])
				if in := t.was[t.alerts[i].key()]; in != nil {
					p.owners[in]++
				}
			}
		}
		out = append(out, p)
	}
	return out
}

func (t *turn) unit(a *Alert) unit {
	u := unit{id: a.Component, at: -1, seen: t.seen(a), weak: true}
	if i, ok := t.m.Graph.Index(a.Component); ok {
		u.at, u.pool = i, t.m.Graph.At(i).Pool
	}
	if t.m.Pool != nil {
		u.pool = t.m.Pool(a.Component)
	}
	return u
}

// claim is that an incident has had alerts of a piece.
type claim struct {
	in    *Incident
	piece int
	count int
	opens int // 1 if the piece has an alert that nobody takes care of
}

// assign gives each piece its incident: the one that most of it was in. What of an
// incident is left without one is merged into the one that has its alerts.
func (t *turn) assign(pieces []*piece) {
	var claims []claim
	for i, p := range pieces {
		opens := 0
		if p.opens() {
			opens = 1
		}
		for in, n := range p.owners {
			claims = append(claims, claim{in, i, n, opens})
		}
	}
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(
			cmp.Compare(a.in.State, b.in.State), b.opens-a.opens, cmp.Compare(b.count, a.count), a.in.Opened.Compare(b.in.Opened),
			cmp.Compare(a.in.ID, b.in.ID), cmp.Compare(a.piece, b.piece),
		)
	})
	placed := map[*Incident]bool{}
	for _, c := range claims {
		if p := pieces[c.piece]; p.to == nil && !placed[c.in] && (c.in.State == Open || p.opens() && p.again(c)) {
			p.to, placed[c.in] = c.in, true
		}
	}
	t.hold(pieces, placed)
	for _, p := range pieces {
		switch {
		case p.to != nil:
			t.takes[p.to] = append(t.takes[p.to], p.alerts...)
		case p.opens():
			t.begin(p)
		}
	}
	t.merge(pieces, placed)
	t.fill()
}

// again says that what comes back is the trouble of an incident that was resolved: its
// first cause, or a third of its alerts.
func (p *piece) again(c claim) bool {
	return 3*c.count >= len(c.in.Alerts) || slices.ContainsFunc(p.alerts, func(a *Alert) bool { return a.Component == first(c.in.Causes) })
}

// opens says whether a piece has an alert that nobody takes care of.
func (p *piece) opens() bool {
	return slices.ContainsFunc(p.alerts, (*Alert).open)
}

// hold keeps parts of an incident together for a while.
func (t *turn) hold(pieces []*piece, placed map[*Incident]bool) {
	parts := map[*Incident]bool{}
	for _, p := range pieces {
		if p.to != nil || len(p.owners) == 0 {
			continue
		}
		in := p.main()
		if !placed[in] || in.State != Open {
			continue
		}
		parts[in] = true
		if in.Apart.IsZero() || t.m.At.Sub(in.Apart) < splitAfter || !p.opens() {
			p.to = in
		}
	}
	for _, in := range t.All() {
		if in.State != Open {
			continue
		}
		switch {
		case parts[in] && in.Apart.IsZero():
			t.edit(in).Apart = t.m.At
		case !parts[in] && !in.Apart.IsZero():
			t.edit(in).Apart = time.Time{}
		}
	}
}

// main is the incident that most of a piece was in.
func (p *piece) main() *Incident {
	var best *Incident
	for in, n := range p.owners {
		if best == nil || cmp.Or(cmp.Compare(p.owners[best], n), in.Opened.Compare(best.Opened), cmp.Compare(in.ID, best.ID)) < 0 {
			best = in
		}
	}
	return best
}

// edit is the copy of an incident that this turn writes.
func (t *turn) edit(in *Incident) *Incident {
	if c := t.mine[in.ID]; c != nil {
		return c
	}
	c := in.copy()
	t.mine[in.ID] = c
	return c
}

// tell notes what is new of an incident, unless something more is.
func (t *turn) tell(id string, what What) {
	if rank(what) >= rank(t.news[id]) {
		t.news[id] = what
	}
}

// rank orders what may be new of one incident at the same time.
func rank(w What) int {
	return slices.Index([]What{"", Changed, CauseChanged, Acknowledged, Closed, CameBack, Opened}, w)
}

// begin opens an incident for a piece, or that which it was lately, again.
func (t *turn) begin(p *piece) {
	for _, a := range p.alerts {
		in := t.old[a.Component]
		if in == nil || len(t.takes[in]) > 0 {
			continue
		}
		p.to = in
		t.takes[in] = p.alerts
		return
	}
	in := &Incident{State: Open, Opened: t.m.At, Status: topology.NoStatus, Causes: []Cause{}, NotVisible: []Ref{}, Changes: []Change{}}
	in.Impact = Impact{Predicted: []Effect{}, Possible: []Effect{}, Spared: []Effect{}}
	in.ID = t.id(p.alerts[0])
	if from := p.main(); from != nil && from.State == Open {
		in.From = from.ID
		t.edit(from).note(t.m.At, EntrySplit, fmt.Sprintf("%s had nothing to do with the rest for %s: a part of its own", count(len(p.alerts), "alert"), splitAfter), in.ID, "")
	}
	t.mine[in.ID] = in
	t.takes[in] = p.alerts
	p.to = in
	in.note(t.m.At, EntryOpened, "the incident begins", "", "")
	t.tell(in.ID, Opened)
}

// id names a new incident by its first alert and the moment.
func (t *turn) id(a *Alert) string {
	for n := 0; ; n++ {
		h := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", a.key(), t.m.At.UnixMilli(), n))
		id := strings.ToLower(base32.StdEncoding.EncodeToString(h[:])[:8])
		if t.list[id] == nil && t.mine[id] == nil {
			return id
		}
	}
}

// merge ends incidents whose alerts are all in others now.
func (t *turn) merge(pieces []*piece, placed map[*Incident]bool) {
	for _, p := range pieces {
		var owners []*Incident
		for in := range p.owners {
			if in.State == Open && p.to != nil && in != p.to && !placed[in] && len(t.takes[in]) == 0 {
				owners = append(owners, in)
			}
		}
		slices.SortFunc(owners, func(a, b *Incident) int { return cmp.Compare(a.ID, b.ID) })
		for _, in := range owners {
			placed[in] = true
			gone, into := t.edit(in), t.edit(p.to)
			gone.State, gone.Resolved, gone.Into = Resolved, t.m.At, into.ID
			gone.note(t.m.At, EntryMerged, "has to do with another incident: goes on as that", into.ID, "")
			into.note(t.m.At, EntryMerged, "took over: "+in.Title, in.ID, "")
			if in.Since.Before(into.Since) {
				into.Since = in.Since
			}
			if into.Ack == nil {
				into.Ack = in.Ack
			}
			t.tell(in.ID, Closed)
			t.tell(into.ID, Changed)
		}
	}
}

// fill brings the alerts of all incidents up to date.
func (t *turn) fill() {
	elsewhere := map[string]*Incident{}
	for in, alerts := range t.takes {
		for _, a := range alerts {
			elsewhere[a.key()] = in
		}
	}
	for _, in := range t.known() {
		t.members(in, t.takes[in], elsewhere)
	}
}

// known are the incidents that may change in this turn, in an order.
func (t *turn) known() (out []*Incident) {
	for _, in := range t.list {
		if in.State == Open || len(t.takes[in]) > 0 {
			out = append(out, in)
		}
	}
	for _, in := range t.mine {
		if t.list[in.ID] == nil {
			out = append(out, in)
		}
	}
	slices.SortFunc(out, func(a, b *Incident) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// close resolves incidents of which nothing is bad any more.
func (t *turn) close() {
	for _, in := range t.known() {
		now := in
		if c := t.mine[in.ID]; c != nil {
			now = c
		}
		if now.State != Open || now.Bad() > 0 {
			continue
		}
		if now.Reopened >= restless && t.m.At.Sub(now.over()) < quiet {
			continue
		}
		now = t.edit(in)
		now.State, now.Resolved, now.Apart = Resolved, t.m.At, time.Time{}
		now.note(t.m.At, EntryResolved, "everything is fine again", "", "")
		t.tell(now.ID, Closed)
	}
}

// over is when the last of its alerts was over.
func (in *Incident) over() (at time.Time) {
	for i := range in.Alerts {
		if o := in.Alerts[i].Over; o.After(at) {
			at = o
		}
	}
	return at
}

// told puts the copies of this turn into the book, and lists what is new, in an order.
func (t *turn) told() []News {
	var out []News
	for id, in := range t.mine {
		t.list[id] = in
		what := t.news[id]
		if in.pending {
			what = cmp.Or(what, Changed)
		}
		in.pending = false
		if what != "" {
			out = append(out, News{in, what})
		}
	}
	slices.SortFunc(out, func(a, b News) int {
		return cmp.Or(rank(b.What)-rank(a.What), a.Incident.Opened.Compare(b.Incident.Opened), cmp.Compare(a.Incident.ID, b.Incident.ID))
	})
	return out
}
