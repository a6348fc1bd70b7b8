package scan

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// until asks again and again, for what the kernel does in its own time.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); {
		if time.Now().After(end) {
			t.Fatal("it doesn't come about")
		}
	}
}

// clock is a time that tests set.
type clock struct{ at atomic.Pointer[time.Time] }

func newClock() *clock {
	c, now := &clock{}, time.Now()
	c.at.Store(&now)
	return c
}

func (c *clock) now() time.Time { return *c.at.Load() }

func (c *clock) advance(d time.Duration) {
	later := c.now().Add(d)
	c.at.Store(&later)
}

// healthOf is the health of the one row of a process.
func healthOf(t *testing.T, r *report.Report, process string, d report.Direction) report.Health {
	t.Helper()
	var found *report.Connection
	for i := range r.Connections {
		if c := &r.Connections[i]; c.Process == process && c.Direction == d {
			if found != nil {
				t.Fatalf("two rows: %+v, %+v", *found, *c)
			}
			found = c
		}
	}
	if found == nil || found.Health == nil {
		t.Fatalf("no health of %s: %+v", process, r.Connections)
	}
	return *found.Health
}

// TestMeasures: what went over a connection is counted, once, and what comes
// later with the looks that follow; at both ends the same.
func TestMeasures(t *testing.T) {
	ownNetwork(t)
	s := newScanner(t, Options{Networks: "own"})
	server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
	server.do("listen", "tcp4", "127.0.0.1:8080")
	look(t, s)
	client.do("dial", "tcp4", "127.0.0.1:8080", 2)
	server.do("accept", 2)
	client.do("send", 100_000)
	server.do("receive", 100_000)
	server.do("send", 30_000)
	client.do("receive", 30_000)
	var out, in report.Health
	until(t, func() bool { // bytes count once they are acknowledged
		r := look(t, s)
		o, i := healthOf(t, r, "client", report.Out), healthOf(t, r, "server", report.In)
		o.Sent, o.Received, i.Sent, i.Received = o.Sent+out.Sent, o.Received+out.Received, i.Sent+in.Sent, i.Received+in.Received
		o.Segments += out.Segments
		out, in = o, i
		return out.Sent >= 100_000 && in.Sent >= 30_000
	})
	out.Sent &^= 3 // a client's SYN counts as a byte, for each connection
	if out.Sent != 100_000 || out.Received != 30_000 || in.Sent != 30_000 || in.Received != 100_000 {
		t.Errorf("out %+v, in %+v", out, in)
	}
	if out.Measured != 2 || out.RTT == 0 || out.RTT > 1_000_000 || out.Segments == 0 {
		t.Errorf("measured %+v", out)
	}
	client.do("send", 500)
	server.do("receive", 500)
	later := uint64(0)
	until(t, func() bool {
		later += healthOf(t, look(t, s), "client", report.Out).Sent
		return later >= 500
	})
	if later != 500 {
		t.Errorf("later %d bytes were sent, want 500", later)
	}
}

// TestRetransmits: what the network loses is sent again, and shows.
func TestRetransmits(t *testing.T) {
	needRoot(t)
	translate(t, `chain in { type filter hook input priority 0; tcp dport 8098 tcp flags != syn numgen random mod 10 < 3 drop; }`)
	s := newScanner(t, Options{Networks: "own"})
	server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
	server.do("listen", "tcp4", "127.0.0.1:8098")
	look(t, s)
	client.do("dial", "tcp4", "127.0.0.1:8098", 1)
	server.do("accept", 1)
	var h report.Health
	until(t, func() bool {
		client.do("send", 100_000)
		server.do("receive", 100_000)
		n := healthOf(t, look(t, s), "client", report.Out)
		h.Segments, h.Retransmits = h.Segments+n.Segments, h.Retransmits+n.Retransmits
		return h.Retransmits > 0
	})
	if h.Retransmits > h.Segments {
		t.Errorf("%d of %d segments were sent again", h.Retransmits, h.Segments)
	}
}

// TestCloseWait: a connection that the client has closed and the server has not
// is said to wait, for how long by looks or by when the client was last heard.
func TestCloseWait(t *testing.T) {
	ownNetwork(t)
	clock := newClock()
	s := newScanner(t, Options{Networks: "own", Now: clock.now})
	server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
	server.do("listen", "tcp4", "127.0.0.1:8080")
	client.do("dial", "tcp4", "127.0.0.1:8080", 3)
	server.do("accept", 3)
	client.do("close-all")
	first := healthOf(t, look(t, s), "server", report.In)
	clock.advance(time.Minute)
	if h := healthOf(t, look(t, s), "server", report.In); h.CloseWait != 3 || h.CloseWaitMS < 60_000 || first.CloseWaitMS > 50_000 {
		t.Errorf("first %+v, a minute later %+v", first, h)
	}
}

// TestConnecting: a client that gets no answer is seen to wait, and for how
// long at least; it is no open connection.
func TestConnecting(t *testing.T) {
	needRoot(t)
	translate(t, `chain in { type filter hook input priority 0; tcp dport 8099 drop; }`)
	clock := newClock()
	s := newScanner(t, Options{Networks: "own", Now: clock.now})
	client := startPeer(t, "client", 0)
	client.do("try", "127.0.0.1:8099", 2)
	look(t, s)
	clock.advance(30 * time.Second)
	r := look(t, s)
	if h := healthOf(t, r, "client", report.Out); h.Connecting != 2 || h.ConnectingMS < 30_000 || h.Measured != 0 {
		t.Errorf("got %+v", h)
	}
	if c := r.Connections[0]; c.Count != 0 || c.Port != 8099 || c.Opened != 0 {
		t.Errorf("got %+v", c)
	}
}

// TestAcceptQueue: what waits to be accepted is counted, and what found the
// queue full.
func TestAcceptQueue(t *testing.T) {
	needRoot(t)
	const max = "/proc/sys/net/core/somaxconn"
	before, err := os.ReadFile(max)
	must(t, err)
	must(t, os.WriteFile(max, []byte("3"), 0o644))
	t.Cleanup(func() { must(t, os.WriteFile(max, before, 0o644)) })
	s := newScanner(t, Options{Networks: "own"})
	server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
	server.do("listen", "tcp4", "127.0.0.1:8080")
	client.do("dial", "tcp4", "127.0.0.1:8080", 2)
	r := look(t, s)
	if l := r.Listeners[0]; l.Queue != 2 || l.QueueMax != 3 || l.Drops != 0 {
		t.Errorf("got %+v, want 2 of 3 waiting", l)
	}
	client.do("try", "127.0.0.1:8080", 6)
	overflow := uint64(0)
	until(t, func() bool {
		overflow += look(t, s).Listeners[0].Drops
		return overflow > 0
	})
	l := look(t, s).Listeners[0]
	if l.Queue <= l.QueueMax || overflow == 0 {
		t.Errorf("got %+v and %d drops, want more than fit", l, overflow)
	}
}
