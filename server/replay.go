package server

import (
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// maxInstances is how many processes of one node's agent are remembered: a
// recorded report of one that is long gone is no news either.
const maxInstances = 8

// verdict is what a report is beside those before it.
type verdict int

const (
	news     verdict = iota
	repeated         // the very last one again: its sender got no answer
	replayed         // older than what was taken in
)

// reports remembers the last report of each process of each node's agent.
type reports map[string][]delivered

// delivered is the last report of one agent process.
type delivered struct {
	instance string // "" for an agent that doesn't say
	sequence uint64
	time     time.Time
}

// judge tells whether a report is news, and remembers it then. Reports without a
// sequence are always news: they were asked for.
//
// An agent that starts anew counts from 1 again. If it says which process it is,
// that is a new one; if it doesn't, its clock must have moved on.
func (m reports) judge(r *report.Report) verdict {
	if r.Sequence == 0 {
		return news
	}
	key := r.Node.Identity.Kind + " " + r.Node.Identity.Value + " " + r.Node.Name
	this := delivered{r.Agent.Instance, r.Sequence, r.Time}
	known := m[key]
	for i := range known {
		if known[i].instance != this.instance {
			continue
		}
		v := known[i].judge(this)
		if v == news {
			known[i] = this
		}
		return v
	}
	if len(known) >= maxInstances {
		known = known[1:]
	}
	m[key] = append(known, this)
	return news
}

func (d delivered) judge(next delivered) verdict {
	switch {
	case next.sequence == d.sequence && next.time.Equal(d.time):
		return repeated
	case next.sequence > d.sequence, next.instance == "" && next.time.After(d.time):
		return news
	}
	return replayed
}
