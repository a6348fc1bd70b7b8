package site

import (
	"math"
	"net/netip"

	"github.com/devops-trouble-map/dotm/report"
)

// numbers are those of one row at one moment.
type numbers struct {
	count             int
	opened            uint64
	refused, timedOut uint64
	health            report.Health
}

// idle says that there is nothing to tell.
func (n *numbers) idle() bool {
	return n.count == 0 && n.opened+n.refused+n.timedOut == 0 && n.health.Connecting == 0
}

// addTo adds them to a row of others.
func (n *numbers) addTo(c *report.Connection) {
	c.Count += n.count
	c.Opened += n.opened
	if h := c.Health; h != nil {
		h.Measured += n.health.Measured
		h.Segments += n.health.Segments
		h.Retransmits += n.health.Retransmits
		h.Sent += n.health.Sent
		h.Received += n.health.Received
	}
}

// hold is for how long an agent tells the same number of a row that moves a
// little: about every fifth of the rows changes from one report to the next.
const hold = 50 * second

// bucket numbers the times in which a link's numbers stay the same.
func (k *link) bucket(now int64) uint64 { return uint64((now + int64(k.id%uint64(hold))) / hold) }

// numbers are those of a link, as its client or its server sees them.
func (l *look) numbers(k *link, client bool) (n numbers) {
	if !k.used(l.now) {
		return n
	}
	seconds := float64(l.span) / 1000
	b := k.bucket(l.now)
	traffic := k.traffic(b)
	switch trouble, since := k.trouble(); {
	case trouble == nothing:
	case client:
		k.vain(&n, trouble, l.now-since, seconds, l.now)
		return n
	case trouble == refused || l.now-since > forgottenAfter:
		return n // closed
	default: // it doesn't know yet that the client is gone
		n.count = int(math.Round(k.open * traffic))
		n.health = report.Health{Measured: n.count, RTT: k.micros(b, 1), RTTVar: k.micros(b, 1) / 4}
		return n
	}
	slow := 1.0
	if k.server != nil {
		slow = k.server.slowed()
	}
	piled := 1.0
	if slow > 1 {
		piled = math.Sqrt(slow)
	}
	if k.server != nil && k.server.jammed {
		piled = 3
	}
	n.count = max(int(math.Round(k.open*traffic*piled)), 0)
	if k.open >= 1 && n.count == 0 {
		n.count = 1
	}
	n.opened = whole(k.rate*traffic*seconds, hash(k.id, uint64(l.now)))
	if l.span > 0 && k.begun() > l.now-l.span {
		n.opened += uint64(n.count)
	}
	if k.protocol != report.TCP || n.count == 0 {
		return n
	}
	n.health = k.health(b, traffic, slow, seconds, client, n.count)
	if client && k.server != nil && k.server.jammed {
		n.timedOut = whole(0.3*seconds, hash(k.id, uint64(l.now), 3))
		n.health.Retransmits += n.timedOut
	}
	return n
}

// health is what the kernel measures where all is well, or slow.
func (k *link) health(b uint64, traffic, slow, seconds float64, client bool, count int) report.Health {
	sent, got := k.sent*traffic*seconds, k.got*traffic*seconds
	if k.server != nil && k.server.jammed {
		sent, got = sent/20, got/50
	}
	if !client {
		sent, got = got, sent
	}
	h := report.Health{
		Measured: count, RTT: k.micros(b, slow), RTTVar: k.micros(b, slow) / 4,
		Segments: uint64(sent/1200 + got/4000), Sent: uint64(sent), Received: uint64(got),
	}
	if loss := 0.0004 * slow; h.Segments > 0 {
		h.Retransmits = whole(float64(h.Segments)*min(loss, 0.02), hash(k.id, b, 4))
	}
	return h
}

// micros is the round-trip time.
func (k *link) micros(b uint64, slow float64) uint32 {
	rtt := k.rtt * (0.92 + 0.16*unit(hash(k.id, b, 2))) * slow
	return uint32(rtt)
}

// used says whether a link is used at a moment, where that is not always.
func (k *link) used(now int64) bool {
	switch {
	case k.to > 0:
		m := int(now % hour / minute)
		return m >= k.from && m < k.to
	case k.period > 0:
		return (now+int64(k.id%uint64(k.period)))%k.period < 12*second
	}
	return true
}

// traffic is how busy a link is, 1 at usual load.
func (k *link) traffic(b uint64) float64 {
	f := 0.85 + 0.3*unit(hash(k.id, b, 1))
	if !k.steady {
		f *= 1.25 * load(int64(b)*hold)
	}
	if k.product != nil && !k.steady {
		f *= k.product.surge
	}
	return f
}

// trouble is why a link doesn't work.
type trouble int

const (
	nothing trouble = iota
	refused         // nobody listens
	silent          // no answer
)

// trouble of a link, and since when: 0 where it was never there.
func (k *link) trouble() (what trouble, since int64) {
	switch {
	case k.cut > 0:
		return silent, k.cut
	case k.server != nil && k.server.host.dead > 0:
		return silent, k.server.host.dead
	case k.client != nil && k.client.host.dead > 0:
		return silent, k.client.host.dead
	case k.server != nil && k.server.host.off, k.client != nil && !k.client.up():
		return refused, 0
	case k.server != nil && k.server.down > 0:
		return refused, k.server.down
	}
	return nothing, 0
}

// How long what a client had open stays so.
const (
	closingFor = 90 * second  // after the server ended, until the process notices
	waitingFor = 150 * second // after the server fell silent
	// forgottenAfter is how long a server keeps connections of a client that fell
	// silent.
	forgottenAfter = 5 * minute
)

// vain are the numbers of a client whose server doesn't answer, for so long.
func (k *link) vain(n *numbers, why trouble, since int64, seconds float64, now int64) {
	if k.server != nil && k.server.host.off {
		return // out of service: nobody tries
	}
	before := math.Max(1, k.open)
	tries := whole(math.Max(k.rate, 0.3)*seconds, hash(k.id, uint64(now), 5))
	if why == refused {
		n.refused = tries
		if left := 1 - float64(since)/float64(closingFor); left > 0 {
			n.count = int(math.Ceil(before * left))
			n.health = report.Health{CloseWait: n.count, CloseWaitMS: max(since, 1)}
		}
		return
	}
	n.timedOut = tries
	n.health = report.Health{Connecting: 1 + int(k.rate), ConnectingMS: min(max(since, 1), 60*second)}
	if left := 1 - float64(since)/float64(waitingFor); left > 0 {
		n.count = int(math.Ceil(before * left))
		n.health.Retransmits = uint64(n.count) * (1 + uint64(seconds/8))
		n.health.Segments = n.health.Retransmits
	}
}

// epoch tells the connections of a link from those before its ends were started
// anew.
func (k *link) epoch() uint64 {
	e := uint64(0)
	if k.client != nil {
		e += k.client.starts
	}
	if k.server != nil {
		e += k.server.starts << 32
	}
	return e
}

// begun is since when the connections of a link are there: from the last start of
// one of its ends, or from when something gets through again; 0 for always.
func (k *link) begun() int64 {
	at := k.mended
	if k.client != nil {
		at = max(at, k.client.begun)
	}
	if k.server != nil {
		at = max(at, k.server.begun)
	}
	return at
}

// maxNamed is how many connections of a link are looked at for their tuples.
const maxNamed = 16

// named are the tuples of the first count connections, as one end sees them.
func (k *link) named(count int, server bool) []uint64 {
	end := 0
	if server && k.client != nil && k.client.namespace {
		end = 1
	}
	t := &k.tuples[end]
	count = min(count, maxNamed)
	if t.count == count && t.epoch == k.epoch() {
		return t.hashes
	}
	from := k.clientAddress()
	if end == 0 && k.client != nil && k.client.namespace {
		from = inside
	}
	to := netip.AddrPortFrom(k.serverAddress(), k.port)
	var list []uint64
	for i := range count {
		port := uint16(32768 + hash(k.id, k.epoch(), uint64(i))%28232)
		list = least(list, report.Tuple(k.protocol, netip.AddrPortFrom(from, port), to), report.MaxTuples)
	}
	*t = named{count, k.epoch(), list}
	return list
}
