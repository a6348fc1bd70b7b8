// Package views has the charts that people look at: of now, each kept with its last changes
// and encoded once for all who ask, and of moments gone by.
package views

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/api/coding"
	"github.com/devops-trouble-map/dotm/api/metrics"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// views keeps, for every question that is being asked, the newest answer and
// the last deltas, so that each is computed and encoded once and not once for
// every viewer.
type views struct {
	model    Model
	settings Settings
	this     string
	names    func(netip.Addr) string
	charts   Charts
	roles    Roles
	cast     cast // made of the newest roles
	meter    *metrics.Meter

	mu     sync.Mutex
	kept   map[view.Question]*kept
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
	mu       sync.Mutex
	question view.Question
	asked    time.Time
	live     *view.Live
	body     *coding.Body // the whole as JSON; nil until somebody asks
	deltas   deltas
	rest     rest // after the newest snapshot was followed
}

// deltas are the last ones of a view, each from where the one before it led.
type deltas []Delta

// keepThings bounds what the kept deltas tell of together, but for the newest one: who
// missed more than a large chart reads it anew for less.
const keepThings = 50_000

// Delta is a delta as it goes out, in either form. Each is made when somebody takes
// it, and once for all who do.
type Delta struct {
	To string    // the revision that it leads to
	At time.Time // of the snapshot

	from          string
	things        int // that it tells of
	whole, fields func() (*Event, error)
}

// Form is the delta in one of its forms.
func (d *Delta) Form(fields bool) (*Event, error) {
	if fields {
		return d.fields()
	}
	return d.whole()
}

func newViews(opt *Options) *views {
	v := &views{model: opt.Model, settings: opt.Settings, this: opt.This, names: opt.Names, charts: opt.Charts, roles: opt.Roles, meter: opt.Meter, kept: map[view.Question]*kept{}}
	if v.meter == nil {
		v.meter = metrics.New()
	}
	if v.names == nil {
		v.names = func(netip.Addr) string { return "" }
	}
	return v
}

// of finds what is kept for a question.
func (v *views) of(r view.Question) *kept {
	v.mu.Lock()
	defer v.mu.Unlock()
	k := v.kept[r]
	if k == nil {
		v.evict()
		k = &kept{question: r, live: view.NewLive(r, &placer{charts: v.charts, meter: v.meter, question: r})}
		v.kept[r] = k
	}
	k.asked = time.Now()
	return k
}

// evict makes room: what nobody asked for in a while, or else the one that was
// asked for longest ago. Viewers of an evicted one are told to ask anew.
func (v *views) evict() {
	var oldest view.Question
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
func (v *views) answer(r view.Question) (body *coding.Body, revision string, err error) {
	k := v.of(r)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := v.advance(k); err != nil {
		return nil, "", err
	}
	if k.body == nil {
		begin := time.Now()
		if k.body, err = encode(k.live.Whole()); err != nil {
			return nil, "", err
		}
		v.meter.View(string(r.Level), metrics.Encode, time.Since(begin))
	}
	return k.body, k.live.Revision(), nil
}

func encode(t *view.Topology) (*coding.Body, error) {
	plain, err := json.Marshal(t)
	return &coding.Body{Plain: plain}, err
}

// restOf is for how long who follows a question's view waits before it is asked again.
func (v *views) restOf(q view.Question) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if k := v.kept[q]; k != nil {
		return k.rest.left()
	}
	return 0
}

// since returns the deltas that lead from a revision to the newest view, and
// that view's revision. ok is false where there is no way: ask anew.
func (v *views) since(r view.Question, revision string) (deltas []Delta, newest string, ok bool, err error) {
	k := v.of(r)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := v.advance(k); err != nil {
		return nil, "", false, err
	}
	newest = k.live.Revision()
	deltas, ok = k.deltas.from(revision, newest)
	return deltas, newest, ok, nil
}

// from are those that lead from a revision to the newest; ok is false if none do.
func (d deltas) from(revision, newest string) (list []Delta, ok bool) {
	if revision == newest {
		return nil, true
	}
	for i := range d {
		if d[i].from == revision {
			return d[i:], true
		}
	}
	return nil, false
}

// whole is the newest view, which must not be written.
func (v *views) whole(r view.Question) (*view.Topology, error) {
	k := v.of(r)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := v.advance(k); err != nil {
		return nil, err
	}
	return k.live.Kept(), nil
}

// follow has a question's view looked into, at the newest snapshot. Nobody else does
// meanwhile.
func (v *views) follow(r view.Question, look func(*view.Live)) error {
	k := v.of(r)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := v.advance(k); err != nil {
		return err
	}
	look(k.live)
	return nil
}

// advance brings what is kept up to the newest snapshot.
func (v *views) advance(k *kept) error {
	snap := v.model.Snapshot()
	if k.live.Snapshot() == snap {
		return nil
	}
	k.body = nil
	if shown := k.live.Snapshot(); shown != nil && shown.Revision() == snap.Revision() {
		_, err := k.live.Advance(snap, nil, time.Time{})
		return err
	}
	begin := time.Now()
	defer k.rest.after(time.Now())
	d, err := k.live.Advance(snap, v.look(), v.moment(snap))
	v.meter.View(string(k.question.Level), metrics.Follow, time.Since(begin))
	if err != nil {
		k.deltas = nil // they no longer lead anywhere
		return err
	}
	if d != nil {
		k.deltas.push(d, snap.At())
	}
	return nil
}

// past is the view of a moment gone by, or of any snapshot that isn't live. What
// is there today stands where it stands today, and what is gone where it stood last
// or below.
func (v *views) past(r view.Question, snap *topology.Snapshot) (*view.Topology, error) {
	then := view.Build(r, snap, v.look(), snap.At())
	k := v.of(r)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := v.advance(k); err != nil {
		return nil, err
	}
	return then, k.live.PlacePast(then)
}

// build makes the view of a snapshot as the settings make it look.
func (v *views) build(r view.Question, snap *topology.Snapshot) *view.Topology {
	return view.Build(r, snap, v.look(), v.moment(snap))
}

// look is how the settings in force make a topology look.
func (v *views) look() *view.Settings {
	in, _ := v.settings.Settings()
	look := Look(&in, v.this, v.names)
	look.Roles = v.cast.of(v.roles.Roles())
	return look
}

// Look is how settings make a topology look. Addresses are named by them, else
// by whoever knows names.
func Look(in *store.Settings, this string, names func(netip.Addr) string) *view.Settings {
	return &view.Settings{
		Ageing: time.Duration(in.Ageing), HideAfter: time.Duration(in.HideAfter),
		IgnoredPorts: in.IgnoredPorts, IgnoredNames: in.IgnoredNames, This: this,
		Names: func(a netip.Addr) string {
			if i := slices.IndexFunc(in.Names, func(t store.NamedAddress) bool { return t.Address == a }); i >= 0 {
				return in.Names[i].Name
			}
			return names(a)
		},
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

func (d *deltas) push(delta *view.Delta, at time.Time) {
	list, things := append(*d, encoded(delta, at)), 0
	for i := len(list) - 1; i >= 0; i-- {
		if things += list[i].things; i < len(list)-1 && (things > keepThings || len(list)-i > keepDeltas) {
			list = append(list[:0:0], list[i+1:]...)
			break
		}
	}
	*d = list
}

func encoded(delta *view.Delta, at time.Time) Delta {
	form := func(of func() *view.Delta) func() (*Event, error) {
		return sync.OnceValues(func() (*Event, error) {
			data, err := json.Marshal(of())
			if err != nil {
				return nil, fmt.Errorf("writing a delta: %w", err)
			}
			return Tell(delta.Revision, "delta", data), nil
		})
	}
	return Delta{
		from: delta.From, To: delta.Revision, At: at, things: delta.Things(),
		whole: form(func() *view.Delta { return delta }), fields: form(delta.Fields),
	}
}
