package views

import (
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/api/coding"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// SignalsOf are the signals of a snapshot about connections in trouble that nobody takes
// care of.
func SignalsOf(snap *topology.Snapshot) (out []topology.Signal) {
	for b := range snap.Blocks() {
		for i := range b.Checks {
			if c := &b.Checks[i]; c.Signal != nil && c.Signal.Connection != "" && c.Open() {
				out = append(out, *c.Signal)
			}
		}
	}
	return out
}

// parts keeps for every part of a chart that is asked for the newest answer and the
// last deltas, as views does for whole charts, and by them.
type parts struct {
	views *views

	mu   sync.Mutex
	kept map[read.Question]*part
}

// part is one part's newest answer.
type part struct {
	mu     sync.Mutex
	asked  time.Time
	of     string // the revision of the whole that it was made of
	shown  *view.Topology
	there  bool // the focus is
	body   *coding.Body
	deltas deltas
	rest   rest
}

// signals are those of the newest snapshot.
func (p *parts) signals() []topology.Signal { return SignalsOf(p.views.model.Snapshot()) }

func newParts(v *views) *parts { return &parts{views: v, kept: map[read.Question]*part{}} }

// newest is the part as it is now, and locked.
func (p *parts) newest(q read.Question) (*part, error) {
	p.mu.Lock()
	k := p.kept[q]
	if k == nil {
		p.evict()
		k = &part{}
		p.kept[q] = k
	}
	k.asked = time.Now()
	p.mu.Unlock()
	k.mu.Lock()
	defer k.rest.after(time.Now())
	whole, err := p.views.whole(q.Question)
	if err != nil {
		k.mu.Unlock()
		return nil, err
	}
	k.advance(whole, q.Filter, p.signals)
	return k, nil
}

// evict makes room for one more.
func (p *parts) evict() {
	var oldest *read.Question
	for q, k := range p.kept {
		if time.Since(k.asked) > keepIdle {
			delete(p.kept, q)
		} else if oldest == nil || k.asked.Before(p.kept[*oldest].asked) {
			oldest = &q
		}
	}
	if len(p.kept) >= keepViews && oldest != nil {
		delete(p.kept, *oldest)
	}
}

// advance brings a part up to the whole. A part changes only if something in it does.
func (k *part) advance(whole *view.Topology, f view.Filter, signals func() []topology.Signal) {
	if k.shown != nil && k.of == whole.Revision && k.shown.At.Equal(whole.At) {
		return
	}
	var told []topology.Signal
	if f.Trouble {
		told = signals()
	}
	next, there := whole.Narrow(f, told)
	k.of, k.there, k.body = whole.Revision, there, nil
	if k.shown != nil {
		if d := view.Compare(k.shown, next); d != nil {
			k.deltas.push(d, whole.At)
		} else {
			next.Revision = k.shown.Revision
		}
	}
	k.shown = next
}

// answer is a part as JSON with its revision; ok is false if the chart doesn't show
// its focus.
func (p *parts) answer(q read.Question) (body *coding.Body, revision string, ok bool, err error) {
	k, err := p.newest(q)
	if err != nil {
		return nil, "", false, err
	}
	defer k.mu.Unlock()
	if k.body == nil {
		if k.body, err = encode(k.shown); err != nil {
			return nil, "", false, err
		}
	}
	return k.body, k.shown.Revision, k.there, nil
}

// restOf is [views.restOf] for a part.
func (p *parts) restOf(q read.Question) time.Duration {
	if !q.Any() {
		return p.views.restOf(q.Question)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.kept[q]; k != nil {
		return k.rest.left()
	}
	return 0
}

// since is [views.since] for a part.
func (p *parts) since(q read.Question, revision string) (list []Delta, newest string, ok bool, err error) {
	if !q.Any() {
		return p.views.since(q.Question, revision)
	}
	k, err := p.newest(q)
	if err != nil {
		return nil, "", false, err
	}
	defer k.mu.Unlock()
	list, ok = k.deltas.from(revision, k.shown.Revision)
	return list, k.shown.Revision, ok, nil
}
