package scan

import (
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// TestRhythm: where there are many sockets they are measured now and then, and
// each such look counts since the one before.
func TestRhythm(t *testing.T) {
	start := time.Now()
	y := rhythm{every: 25 * time.Second, few: fewSockets}
	for i, tt := range []struct {
		seconds, sockets int
		due              bool
		ms               int64
	}{
		{0, 10_000, true, 0},
		{10, 10_000, false, 0},
		{20, 10_000, false, 0},
		{30, 10_000, true, 30_000},
		{31, 10_000, false, 0},
		{32, fewSockets, true, 2000},
		{33, fewSockets, true, 1000},
		{34, 10_000, false, 0},
		{-100, 10_000, true, 0}, // a clock that was set back
		{-90, 10_000, false, 0},
	} {
		at := start.Add(time.Duration(tt.seconds) * time.Second)
		y.begin(at, tt.sockets)
		if due, ms := y.due, y.end(at); due != tt.due || ms != tt.ms {
			t.Errorf("look %d: measured %t, over %d ms", i, due, ms)
		}
	}
	always := rhythm{}
	for range 2 {
		if always.begin(start, 1_000_000); !always.due {
			t.Error("not measured, though every look should be")
		}
		always.end(start)
	}
}

// TestUnmeasured: a look in which the kernel is not asked says so, and tells
// what waits, and who accepts, all the same; the next counts for both.
func TestUnmeasured(t *testing.T) {
	ownNetwork(t)
	clock := newClock()
	s := newScanner(t, Options{Networks: "own", Now: clock.now, HealthEvery: 25 * time.Second})
	s.rhythm.few = 0
	server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
	server.do("listen", "tcp4", "127.0.0.1:8080")
	client.do("dial", "tcp4", "127.0.0.1:8080", 1)
	server.do("accept", 1)
	if r := look(t, s); r.Unmeasured || r.HealthMS != 0 || healthOf(t, r, "client", report.Out).RTT == 0 {
		t.Fatalf("the first look is unmeasured: %+v", r)
	}
	client.do("send", 1000)
	server.do("receive", 1000)
	client.do("dial", "tcp4", "127.0.0.1:8080", 2) // wait to be accepted
	clock.advance(10 * time.Second)
	r := look(t, s)
	if !r.Unmeasured || r.HealthMS != 0 || r.Listeners[0].Queue != 2 {
		t.Errorf("got %+v", r)
	}
	for _, c := range r.Connections {
		if c.Count != 3 || c.Health != nil {
			t.Errorf("got %+v, want 3 and no health", c)
		}
	}
	client.do("close-all")
	clock.advance(10 * time.Second)
	r = look(t, s)
	if h := healthOf(t, r, "server", report.In); !r.Unmeasured || h != (report.Health{CloseWait: 3, CloseWaitMS: h.CloseWaitMS}) {
		t.Errorf("got %+v", h)
	}
	clock.advance(10 * time.Second)
	r = look(t, s)
	if h := healthOf(t, r, "server", report.In); r.Unmeasured || r.HealthMS != 30_000 || h.CloseWait != 3 ||
		h.Received != 1003 { // the end of a connection counts as a byte
		t.Errorf("over %d ms, got %+v", r.HealthMS, h)
	}
}
