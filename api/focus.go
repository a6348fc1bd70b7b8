package api

import (
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// Near narrow a chart to a part of it, by the rule and in the words of the page's filter.
type Near struct {
	Focus   string `query:"focus" maxLength:"600" doc:"a node, pool, group or service, by name or id: only what is within some hops of it is shown, at the places of the whole chart"`
	Hops    string `query:"hops" doc:"how many connections away from the focus, or from trouble, 1 (default) to 4; 0 is the focus alone, such as a group"`
	Trouble string `query:"trouble" doc:"true: only what is in trouble, and what is within some hops of it"`
	Group   string `query:"group" maxLength:"600" doc:"only what is of this group, by its id"`
	Process string `query:"process" maxLength:"600" doc:"only where a process of this name runs"`
	Name    string `query:"name" maxLength:"600" doc:"only nodes with this in their name or address"`
	Text    string `query:"text" maxLength:"600" doc:"only where all of these words are found: names, addresses, ports, processes, units, groups"`
}

// maxNear is how long each of them may be, in bytes.
const maxNear = 600

// nearOf reads them from a query.
func nearOf(q url.Values) *Near {
	return &Near{q.Get("focus"), q.Get("hops"), q.Get("trouble"), q.Get("group"), q.Get("process"), q.Get("name"), q.Get("text")}
}

// filter reads them; without a focus or trouble there are no hops.
func (n *Near) filter() (f view.Filter, problem *huma.ErrorModel) {
	for _, p := range [][2]string{{"focus", n.Focus}, {"group", n.Group}, {"process", n.Process}, {"name", n.Name}, {"text", n.Text}} {
		if len(p[1]) > maxNear {
			return f, wrongParameter(p[0], "must have at most "+strconv.Itoa(maxNear)+" bytes", p[1])
		}
	}
	f = view.Filter{Group: n.Group, Process: n.Process, Name: strings.TrimSpace(n.Name), Text: strings.Join(strings.Fields(n.Text), " ")}
	switch n.Trouble {
	case "", "false":
	case "true":
		f.Trouble = true
	default:
		return f, wrongParameter("trouble", "must be true or false", n.Trouble)
	}
	f.Focus = n.Focus
	if !f.Reaches() {
		if n.Hops != "" {
			return f, wrongParameter("hops", "needs a focus, or trouble", n.Hops)
		}
		return f, nil
	}
	f.Hops = 1
	if n.Hops != "" {
		var err error
		if f.Hops, err = strconv.Atoi(n.Hops); err != nil || f.Hops < 0 || f.Hops > view.MaxHops {
			return f, wrongParameter("hops", "must be a number from 0 to "+strconv.Itoa(view.MaxHops), n.Hops)
		}
	}
	return f, nil
}

// signalsOf are the signals of a snapshot about connections in trouble that nobody takes
// care of.
func signalsOf(snap *topology.Snapshot) (out []topology.Signal) {
	for b := range snap.Blocks() {
		for i := range b.Checks {
			if c := &b.Checks[i]; c.Signal != nil && c.Signal.Connection != "" && c.Open() {
				out = append(out, *c.Signal)
			}
		}
	}
	return out
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
	view.Filter
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
	rest   rest
}

// signals are those of the newest snapshot.
func (p *parts) signals() []topology.Signal { return signalsOf(p.views.model.Snapshot()) }

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

// restOf is [views.restOf] for a part.
func (p *parts) restOf(q partQuestion) time.Duration {
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
func (p *parts) since(q partQuestion, revision string) (list []encodedDelta, newest string, ok bool, err error) {
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
