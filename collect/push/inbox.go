package push

import (
	"container/list"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// Bounds of an inbox.
const (
	// MaxKept is how many agents' last reports are kept, MaxKeptBytes how much
	// memory they may take, roughly.
	MaxKept      = 20_000
	MaxKeptBytes = 512 << 20
	// inUse is how long after its last report an agent's isn't dropped for that
	// of another: agents that took each other's place would be asked for the
	// whole every time.
	inUse = 5 * time.Minute
)

// Inbox keeps the last report of each agent process, so that the next may be
// told by what changed (a [report.Beat]). It is bounded: when it is full, what
// was not used for longest makes room, and an agent whose report isn't kept is
// not told to send beats. Its methods may be called from several goroutines.
type Inbox struct {
	now    func() time.Time
	most   int
	room   int
	turns  turns
	bodies bodies

	mu    sync.Mutex
	agent map[agentKey]*list.Element
	order *list.List // of *kept; the one used last is in front
	bytes int
}

// agentKey is one agent process, as it calls itself.
type agentKey struct {
	node     report.Node
	instance string
}

// kept is the last report of an agent.
type kept struct {
	key       agentKey
	structure string
	report    *packed
	bytes     int
	used      time.Time
}

// NewInbox returns an empty one; now is the clock.
func NewInbox(now func() time.Time) *Inbox {
	return &Inbox{now: now, most: MaxKept, room: MaxKeptBytes, turns: newTurns(), bodies: bodies{most: MaxBodies}, agent: map[agentKey]*list.Element{}, order: list.New()}
}

func keyOfBeat(b *report.Beat) agentKey { return agentKey{b.Node, b.Instance} }

// keep keeps a whole report that was taken in, if there is room.
func (b *Inbox) keep(r *report.Report) bool {
	if r.Agent.Instance == "" || r.Sequence == 0 {
		return false // nobody who knows of beats
	}
	k := &kept{key: agentKey{r.Node, r.Agent.Instance}, structure: report.Structure(r), report: pack(r), used: b.now()}
	k.bytes = k.report.bytes()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(b.agent[k.key])
	for len(b.agent) >= b.most || b.bytes+k.bytes > b.room {
		oldest := b.order.Back()
		if oldest == nil || k.used.Sub(of(oldest).used) < inUse {
			return false
		}
		b.drop(oldest)
	}
	b.agent[k.key] = b.order.PushFront(k)
	b.bytes += k.bytes
	return true
}

func of(e *list.Element) *kept { return e.Value.(*kept) }

// drop forgets one; nil is none. The caller holds the lock.
func (b *Inbox) drop(e *list.Element) {
	if e == nil {
		return
	}
	delete(b.agent, of(e).key)
	b.bytes -= of(e).bytes
	b.order.Remove(e)
}

// forget drops the report of an agent that has said its last word: no beat follows.
func (b *Inbox) forget(key agentKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(b.agent[key])
}

// find is the report that a beat of an agent builds on, if that has the
// structure; nil if it is not there.
func (b *Inbox) find(key agentKey, structure string) *packed {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.agent[key]
	if e == nil || of(e).structure != structure {
		return nil
	}
	return of(e).report
}

// advance puts what a beat made of a report in its place.
func (b *Inbox) advance(key agentKey, from, to *packed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.agent[key]; e != nil && of(e).report == from {
		of(e).report, of(e).used = to, b.now()
		b.order.MoveToFront(e)
	}
}
