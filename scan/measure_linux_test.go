package scan

import (
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// TestRhythm: where there are many sockets they are measured now and then, and
// the first one always.
func TestRhythm(t *testing.T) {
	start := time.Now()
	y := rhythm{every: 25 * time.Second, few: fewSockets}
	for i, tt := range []struct {
		seconds, sockets int
		due              bool
	}{
		{0, 10_000, true},
		{10, 10_000, false},
		{20, 10_000, false},
		{30, 10_000, true},
		{31, 10_000, false},
		{32, fewSockets, true},
		{33, fewSockets, true},
		{34, 10_000, false},
		{-100, 10_000, true}, // a clock that was set back
		{-90, 10_000, false},
	} {
		at := start.Add(time.Duration(tt.seconds) * time.Second)
		y.begin(at, tt.sockets)
		if y.end(&report.Report{Time: at}); y.due != tt.due {
			t.Errorf("look %d: measured %t", i, y.due)
		}
	}
	always := rhythm{}
	for range 2 {
		if always.begin(start, 1_000_000); !always.due {
			t.Error("not measured, though every look should be")
		}
		always.end(&report.Report{Time: start})
	}
}

// TestMeasuresLast: between measured looks an edge fares as it did, at the same
// rate; what waits is as it is now; and an edge that closed fares no more.
func TestMeasuresLast(t *testing.T) {
	start := time.Now()
	y := rhythm{every: 25 * time.Second}
	row := func(port uint16, count int, h *report.Health) report.Connection {
		return report.Connection{Direction: report.Out, Protocol: report.TCP, Port: port, Count: count, Health: h}
	}
	look := func(seconds int, rows ...report.Connection) []report.Connection {
		r := &report.Report{Time: start.Add(time.Duration(seconds) * time.Second), Connections: rows}
		y.begin(r.Time, 10_000)
		y.end(r)
		return r.Connections
	}
	look(0, row(1, 1, &report.Health{Measured: 1, RTT: 10, Sent: 7}))
	look(10, row(1, 1, nil))
	look(20, row(1, 1, nil))
	got := look(30, row(1, 1, &report.Health{Measured: 1, RTT: 20, Segments: 9, Retransmits: 1, Sent: 3000, Received: 300}), row(2, 1, &report.Health{Measured: 1, RTT: 5}))
	if h := got[0].Health; h.Sent != 1000 || h.Received != 100 || h.Segments != 9 || h.Retransmits != 1 || h.RTT != 20 {
		t.Errorf("a measured look tells %+v", h)
	}
	got = look(35, row(1, 1, &report.Health{CloseWait: 2, CloseWaitMS: 9}), row(2, 0, nil), row(3, 1, nil))
	if h := got[0].Health; h == nil || *h != (report.Health{Measured: 1, RTT: 20, Segments: 9, Retransmits: 1, Sent: 500, Received: 50, CloseWait: 2, CloseWaitMS: 9}) {
		t.Errorf("half the time later: %+v", h)
	}
	if got[1].Health != nil || got[2].Health != nil {
		t.Errorf("closed and new edges fare like %+v and %+v", got[1].Health, got[2].Health)
	}
}

// TestFewAreAlwaysMeasured: nothing is spread where every look is measured.
func TestFewAreAlwaysMeasured(t *testing.T) {
	y := rhythm{every: 25 * time.Second, few: fewSockets}
	start := time.Now()
	for i := range 3 {
		r := &report.Report{Time: start.Add(time.Duration(i) * 10 * time.Second), Connections: []report.Connection{{Count: 1, Health: &report.Health{Measured: 1, Sent: 1000}}}}
		y.begin(r.Time, 10)
		if y.end(r); r.Connections[0].Health.Sent != 1000 || i > 0 && y.measured != nil {
			t.Errorf("look %d tells %+v", i, r.Connections[0].Health)
		}
	}
}

// TestUnmeasured: a look in which the kernel is not asked tells what waits, and
// who accepts, all the same; the next measured one counts for both.
func TestUnmeasured(t *testing.T) {
	ownNetwork(t)
	clock := newClock()
	s := newScanner(t, Options{Networks: "own", Now: clock.now, HealthEvery: 25 * time.Second})
	s.rhythm.few = 0
	server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
	server.do("listen", "tcp4", "127.0.0.1:8080")
	client.do("dial", "tcp4", "127.0.0.1:8080", 1)
	server.do("accept", 1)
	first := healthOf(t, look(t, s), "client", report.Out)
	if first.RTT == 0 {
		t.Fatalf("the first look is unmeasured: %+v", first)
	}
	client.do("send", 1000)
	server.do("receive", 1000)
	client.do("dial", "tcp4", "127.0.0.1:8080", 2) // wait to be accepted
	clock.advance(10 * time.Second)
	r := look(t, s)
	if r.Listeners[0].Queue != 2 {
		t.Errorf("got %+v", r.Listeners)
	}
	if h := healthOf(t, r, "client", report.Out); h.RTT != first.RTT || h.Measured != 1 {
		t.Errorf("got %+v, want as it was: %+v", h, first)
	}
	client.do("close-all")
	clock.advance(10 * time.Second)
	if h := healthOf(t, look(t, s), "server", report.In); h.CloseWait != 3 {
		t.Errorf("got %+v", h)
	}
	clock.advance(10 * time.Second)
	if h := healthOf(t, look(t, s), "server", report.In); h.CloseWait != 3 || h.Received != 334 { // a third of 1,000 and of the end of the connections, which count as a byte each
		t.Errorf("got %+v", h)
	}
}
