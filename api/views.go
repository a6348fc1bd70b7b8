package api

import (
	"encoding/json"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// views keeps, for every question that is being asked, the newest answer and
// the last deltas, so that each is computed and encoded once and not once for
// every viewer.
type views struct {
	model    Model
	settings Settings
	this     string
	names    func(netip.Addr) string

	mu     sync.Mutex
	kept   map[request]*kept
	newest topology.Revision
	began  time.Time // when the newest revision was first asked about
}

// Bounds of what is kept.
const (
	keepDeltas = 64              // a viewer that missed more asks anew
	keepViews  = 16              // questions at a time
	keepIdle   = 2 * time.Minute // without anybody asking
)

// kept is one question's newest answer.
type kept struct {
	mu      sync.Mutex
	asked   time.Time
	snap    *topology.Snapshot
	view    *Topology
	body    []byte // view as JSON; nil until somebody asks
	behind  bool   // times of snap are not in view yet
	drawing drawing
	deltas  []encodedDelta
}

// encodedDelta is a delta as it goes out.
type encodedDelta struct {
	from, to string
	data     []byte
}

func newViews(opt Options) *views {
	v := &views{model: opt.Model, settings: opt.Settings, this: opt.This, names: opt.Names, kept: map[request]*kept{}}
	if v.names == nil {
		v.names = func(netip.Addr) string { return "" }
	}
	return v
}

// of finds what is kept for a question.
func (v *views) of(r request) *kept {
	v.mu.Lock()
	defer v.mu.Unlock()
	k := v.kept[r]
	if k == nil {
		v.evict()
		k = &kept{}
		v.kept[r] = k
	}
	k.asked = time.Now()
	return k
}

// evict makes room: what nobody asked for in a while, or else the one that was
// asked for longest ago. Viewers of an evicted one are told to ask anew.
func (v *views) evict() {
	var oldest request
	for r, k := range v.kept {
		if time.Since(k.asked) > keepIdle {
			delete(v.kept, r)
		} else if o := v.kept[oldest]; o == nil || k.asked.Before(o.asked) {
			oldest = r
		}
	}
	if len(v.kept) >= keepViews {
		delete(v.kept, oldest)
	}
}

// answer is the newest view as JSON, with its revision.
func (v *views) answer(r request) (body []byte, revision string, err error) {
	k := v.of(r)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := v.advance(r, k); err != nil {
		return nil, "", err
	}
	if k.body == nil {
		if err := v.refresh(r, k); err != nil {
			return nil, "", err
		}
		if k.body, err = json.Marshal(k.view); err != nil {
			return nil, "", err
		}
	}
	return k.body, k.view.Revision, nil
}

// since returns the deltas that lead from a revision to the newest view, and
// that view's revision. ok is false where there is no way: ask anew.
func (v *views) since(r request, revision string) (deltas []encodedDelta, newest string, ok bool, err error) {
	k := v.of(r)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := v.advance(r, k); err != nil {
		return nil, "", false, err
	}
	newest = k.view.Revision
	if revision == newest {
		return nil, newest, true, nil
	}
	for i := range k.deltas {
		if k.deltas[i].from == revision {
			return k.deltas[i:], newest, true, nil
		}
	}
	return nil, newest, false, nil
}

// advance brings what is kept up to the newest snapshot. A snapshot in which
// nothing changed for this view keeps the view's revision; one that only
// advanced times isn't even looked into, until somebody asks for the whole.
func (v *views) advance(r request, k *kept) error {
	snap := v.model.Snapshot()
	if k.snap == snap {
		return nil
	}
	if k.view != nil && k.snap.Revision() == snap.Revision() {
		k.snap, k.body, k.behind = snap, nil, true
		return nil
	}
	next := v.build(r, snap)
	if err := k.drawing.place(next); err != nil {
		return err
	}
	if k.view != nil {
		if d := deltaOf(k.view, next); d == nil {
			next.Revision = k.view.Revision
		} else if err := k.push(d); err != nil {
			return err
		}
	}
	k.snap, k.view, k.body, k.behind = snap, next, nil, false
	return nil
}

// refresh brings the times of the view up to its snapshot.
func (v *views) refresh(r request, k *kept) error {
	if !k.behind {
		return nil
	}
	next := v.build(r, k.snap)
	if err := k.drawing.place(next); err != nil {
		return err
	}
	next.Revision = k.view.Revision
	k.view, k.behind = next, false
	return nil
}

// past is the view of a moment gone by. What is there today stands where it
// stands today; what is not stands below, as it stood to each other.
func (v *views) past(r request, snap *topology.Snapshot) (*Topology, error) {
	settings, _ := v.settings.Settings()
	view := build(r, snap, settings, v.this, snap.At())
	v.name(view, settings.Names)
	k := v.of(r)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := v.advance(r, k); err != nil {
		return nil, err
	}
	return view, k.drawing.placePast(view)
}

// build makes the view of a snapshot as the settings make it look.
func (v *views) build(r request, snap *topology.Snapshot) *Topology {
	settings, _ := v.settings.Settings()
	view := build(r, snap, settings, v.this, v.moment(snap))
	v.name(view, settings.Names)
	return view
}

// name says what nodes are called that are known by their address alone: by the
// settings, else by whoever knows names.
func (v *views) name(view *Topology, told []store.NamedAddress) {
	for i := range view.Nodes {
		n := &view.Nodes[i]
		if n.Kind != topology.Inferred || len(n.Addresses) != 1 {
			continue
		}
		a := n.Addresses[0]
		if j := slices.IndexFunc(told, func(t store.NamedAddress) bool { return t.Address == a }); j >= 0 {
			n.KnownAs = told[j].Name
		} else {
			n.KnownAs = v.names(a)
		}
	}
}

// moment is the time by which a snapshot's old things are hidden: that of the
// first snapshot of its revision. So no view changes while its revision, by
// which its viewers know it, stays the same.
func (v *views) moment(snap *topology.Snapshot) time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.newest != snap.Revision() {
		v.newest, v.began = snap.Revision(), snap.At()
	}
	return v.began
}

func (k *kept) push(d *Delta) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if len(k.deltas) == keepDeltas {
		k.deltas = append(k.deltas[:0:0], k.deltas[1:]...)
	}
	k.deltas = append(k.deltas, encodedDelta{d.From, d.Revision, data})
	return nil
}
