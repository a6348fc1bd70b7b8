package incidents

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
	"github.com/devops-trouble-map/dotm/trouble/chart"
)

// ChangesKind is the kind of the documents that keep what changed lately, some seconds
// each, by when they were written.
const ChangesKind = "changes"

// mostChanges bounds what is remembered, recent is for how long.
const (
	mostChanges = 20_000
	recent      = 45 * time.Minute
	// mostEach is how many changes of one look are remembered: a site that is there for
	// the first time tells nothing by them. No more are kept at a time.
	mostEach = 2000
	// keepEvery is how often they are kept at most.
	keepEvery = 10 * time.Second
)

// memory is what changed on the chart lately.
type memory struct {
	last    *topology.Snapshot
	changes []trouble.Change
	unkept  []trouble.Change // those that are not kept yet
	kept    time.Time        // when some were
}

// follow notes what changed since the last look.
func (m *memory) follow(snap *topology.Snapshot, at time.Time) {
	was := m.last
	m.last = snap
	if was == nil || was == snap {
		return
	}
	if found := chart.Changes(was, snap); len(found) <= mostEach {
		m.changes, m.unkept = append(m.changes, found...), append(m.unkept, found...)
		m.unkept = slices.Delete(m.unkept, 0, max(0, len(m.unkept)-mostEach))
	}
	m.changes = late(m.changes, at)
}

// late are the changes that are remembered: those of lately, the newest if there are too
// many. The list is in the order of time.
func late(list []trouble.Change, at time.Time) []trouble.Change {
	old := 0
	for old < len(list) && (at.Sub(list[old].At) > recent || len(list)-old > mostChanges) {
		old++
	}
	if old > 0 {
		list = append(list[:0:0], list[old:]...)
	}
	return list
}

// recall takes over what was kept before this server led. What can't be read is left out.
func (m *memory) recall(docs []store.Document, at time.Time) {
	for _, doc := range docs {
		var list []trouble.Change
		if json.Unmarshal(doc.Value, &list) == nil {
			m.changes = append(m.changes, list...)
		}
	}
	slices.SortStableFunc(m.changes, func(a, b trouble.Change) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Component, b.Component))
	})
	m.changes = late(m.changes, at)
}

// keepChanges keeps what changed since the last time, so that the next start knows what
// came before an incident, and forgets what is too old for that. Now says not to wait.
func (d *Desk) keepChanges(ctx context.Context, now bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, at := &d.memory, d.site.Now()
	if d.book == nil || len(m.unkept) == 0 || !now && at.Sub(m.kept) < keepEvery {
		return
	}
	value, err := json.Marshal(m.unkept)
	if err != nil {
		d.log.Error("what changed can't be kept", "error", err)
		return
	}
	m.kept = at
	var drop []store.DocumentKey
	for _, doc := range d.site.Documents(ChangesKind) {
		if written, err := time.Parse(time.RFC3339Nano, doc.Key); err != nil || at.Sub(written) > recent {
			drop = append(drop, store.DocumentKey{Kind: ChangesKind, Key: doc.Key})
		}
	}
	keep := []store.Document{{Kind: ChangesKind, Key: at.UTC().Format(time.RFC3339Nano), Value: value}}
	if err := d.site.ChangeDocuments(context.WithoutCancel(ctx), keep, drop); err != nil {
		d.log.Warn("what changed is not kept; it is tried again", "error", err)
		return
	}
	m.unkept = nil
}
