package api

import (
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/view"
)

// Near narrow a chart to a part of it.
type Near struct {
	Focus string `query:"focus" maxLength:"600" doc:"a node, pool, group or service, by name or id: only what is within some hops of it is shown, at the places of the whole chart"`
	Hops  string `query:"hops" doc:"how many connections away from the focus, 1 (default) to 4; 0 is the focus alone, such as a group"`
}

// around reads them; without a focus there are no hops.
func (n *Near) around() (a view.Around, problem *huma.ErrorModel) {
	if n.Focus == "" {
		if n.Hops != "" {
			return a, wrongParameter("hops", "needs a focus", n.Hops)
		}
		return a, nil
	}
	if len(n.Focus) > 600 {
		return a, wrongParameter("focus", "must have at most 600 bytes", n.Focus)
	}
	hops := 1
	if n.Hops != "" {
		var err error
		if hops, err = strconv.Atoi(n.Hops); err != nil || hops < 0 || hops > view.MaxHops {
			return a, wrongParameter("hops", "must be a number from 0 to "+strconv.Itoa(view.MaxHops), n.Hops)
		}
	}
	return view.Around{Focus: n.Focus, Hops: hops}, nil
}

// noFocus is the problem of a focus that the chart doesn't show.
func noFocus(focus string) *huma.ErrorModel {
	return wrongParameter("focus", "must be a node, pool, group or service that the chart shows", focus)
}

// parts keeps for every part of a chart that is asked for the newest answer and the
// last deltas, as views does for whole charts, and by them.
type parts struct {
	views *views

	mu   sync.Mutex
	kept map[partQuestion]*part
}

type partQuestion struct {
	view.Question
	view.Around
}

// part is one part's newest answer.
type part struct {
	mu     sync.Mutex
	asked  time.Time
	of     string // the revision of the whole that it was made of
	shown  *view.Topology
	there  bool // the focus is
	body   *coded
	deltas deltas
}

func newParts(v *views) *parts { return &parts{views: v, kept: map[partQuestion]*part{}} }

// newest is the part as it is now, and locked.
func (p *parts) newest(q partQuestion) (*part, error) {
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
	whole, err := p.views.whole(q.Question)
	if err == nil {
		err = k.advance(whole, q.Around)
	}
	if err != nil {
		k.mu.Unlock()
		return nil, err
	}
	return k, nil
}

// evict makes room for one more.
func (p *parts) evict() {
	var oldest *partQuestion
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
func (k *part) advance(whole *view.Topology, a view.Around) error {
	if k.shown != nil && k.of == whole.Revision && k.shown.At.Equal(whole.At) {
		return nil
	}
	next, there := whole.Around(a)
	k.of, k.there, k.body = whole.Revision, there, nil
	if k.shown == nil {
		k.shown = next
		return nil
	}
	d := view.Compare(k.shown, next)
	if d == nil {
		next.Revision = k.shown.Revision
	}
	k.shown = next
	if d == nil {
		return nil
	}
	return k.deltas.push(d)
}

// answer is a part as JSON with its revision; ok is false if the chart doesn't show
// its focus.
func (p *parts) answer(q partQuestion) (body *coded, revision string, ok bool, err error) {
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

// since is [views.since] for a part.
func (p *parts) since(q partQuestion, revision string) (list []encodedDelta, newest string, ok bool, err error) {
	if q.Focus == "" {
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
