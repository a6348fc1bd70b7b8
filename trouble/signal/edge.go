package signal

import (
	"math"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// What signals of edges rest on, beside the limits of the rules.
const (
	// window is how far back attempts count.
	window = time.Minute
	// unanswered is for how long an attempt waits before it counts: the first question
	// is asked again after one second, then after two (RFC 6298).
	unanswered = 3 * time.Second
	// moreShare is by how much more of the attempts than usual must come to nothing
	// where others don't, and known is for how long an edge is to be known for that.
	moreShare = .1
	known     = 10 * time.Minute
	// leastSent is how many bytes a second must be sent before a share of them means
	// something.
	leastSent = 500
	// The round trips of an edge have a usual time after leastTimes looks. What is
	// slow is so by leastLate at least, and by farOff times the usual distance.
	leastTimes = 12
	leastLate  = 10 * time.Millisecond
	farOff     = 6
	// always is the share of its time that a connection which is always there is
	// open. After enough of not being there it isn't.
	always = .99
	enough = 24 * time.Hour
	// longest is from which time on what was long ago counts half.
	longest = 28 * 24 * time.Hour
)

// edgeKinds are the kinds of signal that are about an edge.
var edgeKinds = []topology.SignalKind{
	topology.SignalRefused, topology.SignalUnreachable, topology.SignalRetransmits,
	topology.SignalSlow, topology.SignalCloseWait, topology.SignalGone,
}

// edge is what is known of an edge beside what the snapshot says.
type edge struct {
	trip    usual  // log2 of the round-trip time in microseconds
	covered uint32 // seconds in which its node reported
	open    uint32 // of them, those in which it was open
	closed  uint32 // seconds since it is not, as long as it was always there before
	fails   *fails // nil if attempts never came to nothing
}

// fails are the attempts of an edge that came to nothing.
type fails struct {
	marks []mark // since the last look in which all came to something, in the window
	share usual
}

// mark is what one look tells of attempts.
type mark struct {
	at                      time.Time
	refused, silent, opened uint64
}

// look is the look at one node.
type look struct {
	*Memory
	block      *topology.Block
	node       *node
	at, before time.Time
}

// covered are the seconds that a report speaks of; none after a gap.
func (l *look) covered() uint32 {
	d := l.at.Sub(l.before)
	if l.before.IsZero() || d > max(3*time.Duration(l.block.Node.Interval), time.Minute) {
		return 0
	}
	return uint32(d.Round(time.Second) / time.Second)
}

// edges judges the edges that the node holds. was is the block before, same says
// that it has the same ones.
func (l *look) edges(was *topology.Block, same bool) {
	if l.node.edges == nil {
		return
	}
	covered := l.covered()
	for i := range l.block.Connections {
		c := l.block.Connections[i]
		if c.Own || c.Observer || !c.Directed {
			continue
		}
		e := &l.node.edges[i]
		var before *topology.Connection
		if same {
			before = was.Connections[i]
		} else {
			before = was.Connection(c.ID)
		}
		l.attempts(c, before, e)
		if c.Health != nil {
			l.health(c, e)
		} else {
			l.ended(c, topology.SignalSlow, topology.SignalRetransmits, topology.SignalCloseWait)
		}
		l.presence(c, before, e, covered)
	}
}

// ended tells that nothing is over the limit any more.
func (l *look) ended(c *topology.Connection, kinds ...topology.SignalKind) {
	if len(l.latches) == 0 {
		return
	}
	for _, kind := range kinds {
		if l.counts[kind] > 0 {
			l.judge(key{kind, c.ID}, false, nil)
		}
	}
}

// any says whether anything of a kind is remembered.
func (l *look) any(kind topology.SignalKind) bool { return len(l.latches) > 0 && l.counts[kind] > 0 }

// attempts judges which attempts to connect come to something.
func (l *look) attempts(c, before *topology.Connection, e *edge) {
	if l.answered(c.Server.Service) {
		e.fails = nil
		return
	}
	var now mark
	if before == nil {
		before = &topology.Connection{}
	}
	now = mark{at: l.at, refused: more(c.Refused, before.Refused), opened: more(c.Opened, before.Opened)}
	now.silent = more(c.TimedOut, before.TimedOut) + more(c.Failed, before.Failed)
	waits := c.Health != nil && c.Health.Connecting > 0 && l.at.Sub(c.Health.ConnectingSince) >= unanswered
	if e.fails == nil {
		if now.refused+now.silent == 0 && !waits {
			l.ended(c, topology.SignalRefused, topology.SignalUnreachable)
			return
		}
		e.fails = &fails{share: usual{n: 1 / leastStep}} // until now all came to something
	}
	f := e.fails
	sum := f.take(now)
	waiting := uint64(0)
	if waits {
		waiting = uint64(c.Health.Connecting)
	}
	telling := f.run() // while nothing is answered, that is telling
	if f.unusual(sum, e.covered) {
		telling = sum
	}
	limit := l.rules[topology.SignalUnreachable].Limit
	refused := float64(telling.refused) >= l.rules[topology.SignalRefused].Limit
	silent := float64(waiting) >= limit || float64(telling.silent) >= limit
	l.judge(key{topology.SignalRefused, c.ID}, refused, func() topology.Check { return l.refused(c, f, sum) })
	l.judge(key{topology.SignalUnreachable, c.ID}, silent, func() topology.Check { return l.unreachable(c, waiting, sum) })
	f.learn(now, refused || silent)
	if len(f.marks) == 0 && f.share.mid == 0 && !waits {
		e.fails = nil
	}
}

func more(now, before uint64) uint64 {
	if now < before { // it began anew
		return 0
	}
	return now - before
}

// learn takes in what share of the attempts came to nothing.
func (f *fails) learn(now mark, unusual bool) {
	if bad := now.refused + now.silent; bad+now.opened > 0 {
		f.share.learn(float32(bad)/float32(bad+now.opened), unusual)
	}
}

// take takes in what a look tells, and sums up the window.
func (f *fails) take(now mark) mark {
	bad := now.refused + now.silent
	if bad == 0 && now.opened > 0 {
		f.marks = nil
		return now
	}
	old := 0
	for old < len(f.marks) && now.at.Sub(f.marks[old].at) >= window {
		old++
	}
	f.marks = f.marks[old:]
	if bad > 0 {
		f.marks = append(f.marks, now)
	}
	sum := mark{at: now.at}
	for _, m := range f.marks {
		sum.refused, sum.silent, sum.opened = sum.refused+m.refused, sum.silent+m.silent, sum.opened+m.opened
	}
	return sum
}

// run sums up the last looks of the window in which no attempt was answered.
func (f *fails) run() (sum mark) {
	for i := len(f.marks) - 1; i >= 0 && f.marks[i].opened == 0; i-- {
		sum.refused, sum.silent = sum.refused+f.marks[i].refused, sum.silent+f.marks[i].silent
	}
	return sum
}

// unusual says that more of the attempts than usual come to nothing, where it is
// known what is.
func (f *fails) unusual(sum mark, covered uint32) bool {
	bad := float32(sum.refused + sum.silent)
	return time.Duration(covered)*time.Second >= known && bad/(bad+float32(sum.opened)) >= f.share.mid+moreShare+3*f.share.dev
}

// health judges what the kernel measures.
func (l *look) health(c *topology.Connection, e *edge) {
	h := c.Health
	sent := h.Sent
	if h.End == "server" {
		sent = h.Received
	}
	if over := sent >= leastSent && h.Retransmits >= l.limits.retransmits; over || l.any(topology.SignalRetransmits) {
		l.judge(key{topology.SignalRetransmits, c.ID}, over, func() topology.Check { return l.retransmits(c) })
	}
	if over := float64(h.CloseWait) >= l.limits.closeWait; over || l.any(topology.SignalCloseWait) {
		l.judge(key{topology.SignalCloseWait, c.ID}, over, func() topology.Check { return l.closeWait(c) })
	}
	if h.RTT == 0 || c.Count == 0 {
		l.ended(c, topology.SignalSlow)
		return
	}
	trip := float32(math.Log2(float64(h.RTT)))
	slow := l.isSlow(trip, e)
	if slow || l.any(topology.SignalSlow) {
		l.judge(key{topology.SignalSlow, c.ID}, slow, func() topology.Check { return l.slow(c, e) })
	}
	e.trip.learn(trip, slow)
}

func (l *look) isSlow(trip float32, e *edge) bool {
	off := trip - e.trip.mid
	if e.trip.n < leastTimes || off < farOff*e.trip.dev || float64(off) < l.limits.octaves {
		return false
	}
	late := (math.Exp2(float64(trip)) - math.Exp2(float64(e.trip.mid))) * float64(time.Microsecond)
	return late >= float64(leastLate)
}

// presence judges whether a connection that was always there is there.
func (l *look) presence(c, before *topology.Connection, e *edge, covered uint32) {
	open := c.Count > 0 || before != nil && c.Opened > before.Opened
	days := float64(e.covered) / (24 * 60 * 60)
	steady := days >= l.limits.days && float64(e.open) >= always*float64(e.covered)
	switch {
	case open:
		e.covered, e.open, e.closed = e.covered+covered, e.open+covered, 0
	case !steady:
		e.covered += covered
	default:
		e.closed += covered
	}
	if time.Duration(e.covered)*time.Second > longest {
		e.covered, e.open = e.covered/2, e.open/2
	}
	if time.Duration(e.closed)*time.Second > enough {
		e.covered, e.open, e.closed, steady = 0, 0, 0, false
	}
	gone := steady && !open && !l.replaced(c)
	if gone || l.any(topology.SignalGone) {
		l.judge(key{topology.SignalGone, c.ID}, gone, func() topology.Check { return l.goneCheck(c, days) })
	}
}

// replaced says whether the node has another edge that is open to the same port.
func (l *look) replaced(c *topology.Connection) bool {
	for i := range l.block.Connections {
		o := l.block.Connections[i]
		if o.Count > 0 && o.Protocol == c.Protocol && o.Server.Node == c.Server.Node && o.Server.Port == c.Server.Port && o.Client.Node == c.Client.Node {
			return true
		}
	}
	return false
}
