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
	part   *view.Part
	of     topology.Revision // of the snapshot that shown and body are of
	at     time.Time         // likewise
	shown  *view.Topology    // nil until somebody asks for it; must not be written
	body   *coding.Body      // that as JSON; likewise
	deltas deltas
	rest   rest
}

// signals are those of the newest snapshot.
func (p *parts) signals() []topology.Signal { return SignalsOf(p.views.model.Snapshot()) }

func newParts(v *views) *parts { return &parts{views: v, kept: map[read.Question]*part{}} }

// newest is the part as it is now, and locked; with what it shows if that is wanted.
func (p *parts) newest(q read.Question, whole bool) (*part, error) {
	p.mu.Lock()
	k := p.kept[q]
	if k == nil {
		p.evict()
		k = &part{part: view.NewPart(q.Filter)}
		p.kept[q] = k
	}
	k.asked = time.Now()
	p.mu.Unlock()
	k.mu.Lock()
	err := p.views.follow(q.Question, func(l *view.Live) { k.advance(l, whole, p.signals) })
	if err != nil {
		k.mu.Unlock()
		return nil, err
	}
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

// advance brings a part up to the view that it is of. A part changes only if something in
// it does, or what is told of the whole.
func (k *part) advance(l *view.Live, whole bool, signals func() []topology.Signal) {
	defer k.rest.after(time.Now())
	if d := k.part.Advance(l, signals); d != nil {
		k.deltas.push(d, d.At)
	}
	if now := l.Snapshot(); k.of != now.Revision() || !k.at.Equal(now.At()) {
		k.of, k.at, k.shown, k.body = now.Revision(), now.At(), nil, nil
	}
	if whole && k.shown == nil {
		k.shown = k.part.Whole(l)
	}
}

// answer is a part as JSON with its revision; ok is false if the chart doesn't show
// its focus.
func (p *parts) answer(q read.Question) (body *coding.Body, revision string, ok bool, err error) {
	k, err := p.newest(q, true)
	if err != nil {
		return nil, "", false, err
	}
	defer k.mu.Unlock()
	if k.body == nil {
		if k.body, err = encode(k.shown); err != nil {
			return nil, "", false, err
		}
	}
	return k.body, k.part.Revision(), k.part.There(), nil
}

// restOf is [views.restOf] for a part, which rests as long as the view that it is of, too.
func (p *parts) restOf(q read.Question) time.Duration {
	if !q.Any() {
		return p.views.restOf(q.Question)
	}
	left := p.views.restOf(q.Question)
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.kept[q]; k != nil {
		left = max(left, k.rest.left())
	}
	return left
}

// since is [views.since] for a part.
func (p *parts) since(q read.Question, revision string) (list []Delta, newest string, ok bool, err error) {
	if !q.Any() {
		return p.views.since(q.Question, revision)
	}
	k, err := p.newest(q, false)
	if err != nil {
		return nil, "", false, err
	}
	defer k.mu.Unlock()
	newest = k.part.Revision()
	list, ok = k.deltas.from(revision, newest)
	return list, newest, ok, nil
}
