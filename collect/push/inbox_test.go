package push

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/report"
)

var sameAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})

// hall is an inbox under test, with its clock and its sink.
type hall struct {
	*Inbox
	sink sink
	now  time.Time
}

func newHall() *hall {
	h := &hall{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	h.Inbox = NewInbox(func() time.Time { return h.now })
	return h
}

func (h *hall) send(t *testing.T, kind string, encode func(io.Writer) error) (Taken, error) {
	t.Helper()
	var body bytes.Buffer
	if err := encode(&body); err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, Path, &body)
	req.Header.Set("Content-Type", kind)
	return h.Receive(httptest.NewRecorder(), req, &h.sink)
}

func (h *hall) whole(t *testing.T, r *report.Report) (Taken, error) {
	t.Helper()
	return h.send(t, "application/gzip", func(w io.Writer) error { return report.Encode(w, r) })
}

func (h *hall) beat(t *testing.T, b *report.Beat) (Taken, error) {
	t.Helper()
	return h.send(t, report.BeatType, func(w io.Writer) error { return report.EncodeBeat(w, b) })
}

// last is the report that the sink got last.
func (h *hall) last() *report.Report { return h.sink.got[len(h.sink.got)-1] }

func agentOf(n int) *report.Report {
	name := fmt.Sprintf("web%d", n)
	return &report.Report{
		Version: report.Version, Sequence: 1, Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), IntervalMS: 10_000,
		Node:       report.Node{Name: name, Identity: report.Identity{Kind: report.IdentityHostname, Value: name}},
		Agent:      report.Agent{Version: "1", Method: "proc", Instance: fmt.Sprintf("%032x", n), Policy: "p"},
		Interfaces: []report.Interface{}, Listeners: []report.Listener{},
		Connections: []report.Connection{
			{Direction: report.Out, Protocol: report.TCP, Process: "curl", Peer: netip.MustParseAddr("10.0.0.9"), Port: 80, Count: 1, Opened: 4},
			{Direction: report.Out, Protocol: report.TCP, Process: "curl", Peer: netip.MustParseAddr("10.0.0.8"), Port: 80, Count: 2},
		},
	}
}

// after is a beat that tells of what comes after a report: its first row has so
// many sockets.
func after(r *report.Report, sequence uint64, count int) *report.Beat {
	return &report.Beat{
		Version: report.Version, Structure: report.Structure(r), Node: r.Node, Instance: r.Agent.Instance, Policy: "q",
		Sequence: sequence, After: sequence - 1, At: r.Time.Add(10 * time.Second), IntervalMS: 10_000,
		Connections: []report.ConnectionNumbers{{Row: 0, Count: count}},
	}
}

func TestBeats(t *testing.T) {
	h, r := newHall(), agentOf(1)
	if taken, err := h.whole(t, r); err != nil || taken != (Taken{true, "p"}) {
		t.Fatalf("a whole report: %+v, %v", taken, err)
	}
	for sequence := uint64(2); sequence < 5; sequence++ {
		taken, err := h.beat(t, after(r, sequence, int(sequence)))
		if err != nil || taken != (Taken{true, "q"}) {
			t.Fatalf("beat %d: %+v, %v", sequence, taken, err)
		}
		want := agentOf(1)
		want.Sequence, want.Time, want.Agent.Policy = sequence, want.Time.Add(10*time.Second), "q"
		want.Connections[0].Count, want.Connections[0].Opened = int(sequence), 0
		if diff := cmp.Diff(want, h.last(), sameAddresses, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("beat %d (-want +got):\n%s", sequence, diff)
		}
	}
	if _, err := h.beat(t, after(r, 5, 0)); err != nil || len(h.last().Connections) != 1 {
		t.Errorf("a closed row: %v, %+v", err, h.last().Connections)
	}
	if _, err := h.beat(t, after(r, 6, 7)); err != nil || len(h.last().Connections) != 2 || h.last().Connections[0].Count != 7 {
		t.Errorf("a row that opens again: %v, %+v", err, h.last().Connections)
	}
}

// TestLastWord: it is handed on, and then nothing is kept of its agent.
func TestLastWord(t *testing.T) {
	for _, whole := range []bool{false, true} {
		h, r := newHall(), agentOf(1)
		if _, err := h.whole(t, r); err != nil {
			t.Fatal(err)
		}
		var taken Taken
		var err error
		if whole {
			last := agentOf(1)
			last.Sequence, last.Leaving = 2, report.LeavingShutdown
			taken, err = h.whole(t, last)
		} else {
			last := after(r, 2, 1)
			last.Leaving = report.LeavingShutdown
			taken, err = h.beat(t, last)
		}
		if err != nil || taken.Beats || h.last().Leaving != report.LeavingShutdown || h.last().Sequence != 2 {
			t.Errorf("whole %t: %+v, %v, handed on %+v", whole, taken, err, h.last())
		}
		if len(h.agent) != 0 || h.bytes != 0 {
			t.Errorf("whole %t: %d agents and %d bytes are kept", whole, len(h.agent), h.bytes)
		}
		if _, err := h.beat(t, after(r, 3, 1)); !errors.Is(err, ErrWhole) {
			t.Errorf("whole %t: a beat after it: %v", whole, err)
		}
	}
}

// TestSinkKnowsBetter: what a sink makes of a report changes nothing of what is
// kept.
func TestSinkKnowsBetter(t *testing.T) {
	h, r := newHall(), agentOf(1)
	for i, send := range []func() (Taken, error){
		func() (Taken, error) { return h.whole(t, r) },
		func() (Taken, error) { return h.beat(t, after(r, 2, 1)) },
		func() (Taken, error) { return h.beat(t, after(r, 3, 1)) },
	} {
		if _, err := send(); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		h.last().Node.Identity = report.Identity{Kind: report.IdentityEnrolled, Value: "a-1"}
	}
}

func TestWholeWanted(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(h *hall, b *report.Beat)
	}{
		{"a server that started anew", func(h *hall, _ *report.Beat) { *h = *newHall() }},
		{"another structure", func(_ *hall, b *report.Beat) { b.Structure = strings.Repeat("0", 32) }},
		{"another process", func(_ *hall, b *report.Beat) { b.Instance = strings.Repeat("f", 32) }},
		{"another node", func(_ *hall, b *report.Beat) { b.Node.Name = "web2" }},
		{"a gap", func(_ *hall, b *report.Beat) { b.Sequence, b.After = 4, 3 }},
		{"a beat again", func(h *hall, b *report.Beat) { _, _ = h.beat(t, b) }},
	} {
		h, r := newHall(), agentOf(1)
		if _, err := h.whole(t, r); err != nil {
			t.Fatal(err)
		}
		b := after(r, 2, 1)
		tt.spoil(h, b)
		got := len(h.sink.got)
		_, err := h.beat(t, b)
		var f *Failure
		if !errors.Is(err, ErrWhole) || !errors.As(err, &f) || f.Status != http.StatusConflict || len(h.sink.got) != got {
			t.Errorf("%s: %v", tt.name, err)
		}
		r.Sequence = b.Sequence
		if taken, err := h.whole(t, r); err != nil || !taken.Beats {
			t.Errorf("%s: the whole: %+v, %v", tt.name, taken, err)
		}
	}
}

func TestBadBeats(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spoil  func(h *hall, b *report.Beat)
		status int
		want   string
	}{
		{"a row too many", func(_ *hall, b *report.Beat) { b.Connections[0].Row = 2 }, 422, "connections[0].row must be one of the 2 rows of the whole report, is 2"},
		{"no instance", func(_ *hall, b *report.Beat) { b.Instance = "" }, 422, "instance must not be empty"},
		{"another version", func(_ *hall, b *report.Beat) { b.Version = "2.0" }, 422, "unsupported report version"},
		{"a server that can't", func(h *hall, _ *report.Beat) { h.sink.refusal = errors.New("server is stopping") }, 503, "stopping"},
		{"a report that breaks a rule", func(h *hall, _ *report.Beat) {
			h.sink.refusal = &report.FieldError{Field: "connections[0].count", Rule: "must be 0 to 7", Value: "8"}
		}, 422, "connections[0].count"},
	} {
		h, r := newHall(), agentOf(1)
		if _, err := h.whole(t, r); err != nil {
			t.Fatal(err)
		}
		b := after(r, 2, 1)
		tt.spoil(h, b)
		_, err := h.beat(t, b)
		var f *Failure
		if !errors.As(err, &f) || f.Status != tt.status || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %d %q", tt.name, err, tt.status, tt.want)
		}
		h.sink.refusal = nil
		if _, err := h.beat(t, after(r, 2, 1)); err != nil {
			t.Errorf("%s: a good one after it: %v", tt.name, err)
		}
	}
	h := newHall()
	_, err := h.send(t, report.BeatType, func(w io.Writer) error { _, err := io.WriteString(w, "hello"); return err })
	var f *Failure
	if !errors.As(err, &f) || f.Status != http.StatusBadRequest {
		t.Errorf("no JSON: %v", err)
	}
	if _, err := h.send(t, report.BeatType, func(w io.Writer) error { _, err := w.Write(gzipped(t, make([]byte, report.MaxBytes+1))); return err }); !errors.As(err, &f) || f.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("a bomb: %v", err)
	}
}

// TestRefusedIsNotKept: a report that was not taken in is nothing to build on.
func TestRefusedIsNotKept(t *testing.T) {
	h, r := newHall(), agentOf(1)
	h.sink.refusal = errors.New("no")
	if taken, err := h.whole(t, r); err == nil || taken.Beats {
		t.Fatalf("%+v, %v", taken, err)
	}
	h.sink.refusal = nil
	if _, err := h.beat(t, after(r, 2, 1)); !errors.Is(err, ErrWhole) {
		t.Errorf("a beat on it: %v", err)
	}
}

// TestNobodysBeats: reports of agents that know of no beats are not kept.
func TestNobodysBeats(t *testing.T) {
	h := newHall()
	for _, spoil := range []func(*report.Report){func(r *report.Report) { r.Agent.Instance = "" }, func(r *report.Report) { r.Sequence = 0 }} {
		r := agentOf(1)
		spoil(r)
		if taken, err := h.whole(t, r); err != nil || taken.Beats || len(h.agent) != 0 {
			t.Errorf("%+v, %v, %d kept", taken, err, len(h.agent))
		}
	}
}

// TestInboxIsBounded: in number and in bytes. Who was silent for longest makes
// room, but nobody who is still in use.
func TestInboxIsBounded(t *testing.T) {
	size := pack(agentOf(1)).bytes()
	for name, bound := range map[string]func(*hall){
		"number": func(h *hall) { h.most = 3 },
		"bytes":  func(h *hall) { h.room = 3*size + size/2 },
	} {
		h := newHall()
		bound(h)
		keep := func(n int, want bool) {
			t.Helper()
			if taken, err := h.whole(t, agentOf(n)); err != nil || taken.Beats != want {
				t.Errorf("%s: agent %d: %+v, %v", name, n, taken, err)
			}
			if h.bytes != len(h.agent)*size || h.order.Len() != len(h.agent) || len(h.agent) > 3 {
				t.Errorf("%s: %d kept, %d in order, %d bytes", name, len(h.agent), h.order.Len(), h.bytes)
			}
		}
		for n := 1; n <= 3; n++ {
			keep(n, true)
			h.now = h.now.Add(time.Second)
		}
		keep(4, false)
		keep(2, true) // has its place
		h.now = h.now.Add(inUse - 2*time.Second)
		if _, err := h.beat(t, after(agentOf(1), 2, 1)); err != nil { // still in use
			t.Errorf("%s: %v", name, err)
		}
		h.now = h.now.Add(3 * time.Second)
		keep(4, true) // in the place of 3
		if _, err := h.beat(t, after(agentOf(3), 2, 1)); !errors.Is(err, ErrWhole) {
			t.Errorf("%s: a beat of the one that made room: %v", name, err)
		}
		if _, err := h.beat(t, after(agentOf(1), 3, 1)); err != nil {
			t.Errorf("%s: a beat of one that stayed: %v", name, err)
		}
	}
}

// TestPacked: what is packed comes out as it was, but for counters; names are there once,
// and packing what comes out again shares what stays.
func TestPacked(t *testing.T) {
	r := agentOf(1)
	r.Listeners = []report.Listener{{Protocol: report.TCP, Address: netip.IPv6Unspecified(), Port: 80, Process: string([]byte("curl"))}}
	for i := range r.Connections {
		r.Connections[i].Process = string([]byte("curl"))
	}
	more := []report.Connection{
		{
			Direction: report.In, Protocol: report.TCP, Process: "nginx", PID: 7, User: "www-data", Unit: "nginx.service", Container: 1, Namespace: 1,
			Peer: netip.MustParseAddr("203.0.113.7"), PeerNetwork: netip.MustParsePrefix("203.0.113.0/24"), Peers: 40, Port: 80,
			Local: netip.IPv6Unspecified(), Called: netip.MustParseAddr("10.0.0.1"), Tuples: []uint64{3, 9}, Count: 44, Own: true,
			Health: &report.Health{Measured: 44, RTT: 9, Sent: 1 << 40, CloseWait: 3, CloseWaitMS: 99},
		},
		{Direction: report.Unknown, Protocol: report.UDP, Peer: netip.MustParseAddr("10.0.0.7"), Port: 1, LocalPort: 2, Count: 1},
		{Direction: report.Out, Protocol: report.TCP, Peer: netip.MustParseAddr("10.0.0.7"), Port: 1, Via: netip.MustParseAddrPort("10.9.9.9:80"), Tuples: []uint64{4}},
	}
	r.Connections = append(r.Connections, more...)
	p := pack(r)
	want := *r
	want.Connections = slices.Clone(r.Connections)
	for i := range want.Connections {
		want.Connections[i].Opened = 0
	}
	got := p.unpack()
	if diff := cmp.Diff(&want, got, sameAddresses, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	a, b := stringData(got.Connections[0].Process), stringData(got.Listeners[0].Process)
	if a != stringData(got.Connections[1].Process) || a != b {
		t.Error("equal names are several strings")
	}
	got.Connections[0].Count, got.Sequence = 99, 2
	again := p.next(got)
	if diff := cmp.Diff(got, again.unpack(), sameAddresses, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("again (-want +got):\n%s", diff)
	}
	if &again.fixed[0] != &p.fixed[0] || p.unpack().Connections[0].Count == 99 {
		t.Error("what stays is not shared, or what was kept is written")
	}
}

func stringData(s string) *byte { return unsafe.StringData(s) }
