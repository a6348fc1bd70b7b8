package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/collect/push"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// far is a server, with a line to it that may fail both ways: its inbox and its
// topology are the real ones.
type far struct {
	inbox  *push.Inbox
	snap   *topology.Snapshot
	now    time.Time
	policy report.Policy
	old    bool // knows no beats
	light  bool // makes no topology

	away   bool // can't be reached
	deaf   bool // requests get lost on the way
	mute   bool // answers get lost on the way
	wholes int
	beats  int
	asked  int // for the whole
	last   *report.Report
}

func newFar() *far {
	f := &far{snap: topology.Empty(topology.Revision{Epoch: "e"}, noon), now: noon}
	f.policy = report.Policy{Beats: true, InternalNetworks: aggregate.AlwaysInternal(), Fold: report.Fold{Networks: 256}}.Named()
	f.restart()
	return f
}

// restart forgets what is not in the store.
func (f *far) restart() { f.inbox = push.NewInbox(func() time.Time { return f.now }) }

func (f *far) Put(_ context.Context, r *report.Report) error {
	if err := r.Validate(f.now); err != nil {
		return err
	}
	f.last = r
	if f.light {
		return nil
	}
	f.snap = aggregate.Apply(f.snap, r, f.now, aggregate.Options{Ageing: time.Hour})
	return nil
}

func (f *far) Send(ctx context.Context, r *report.Report) error {
	_, err := f.Exchange(ctx, r, nil)
	return err
}

// Exchange sends through the real encoding.
func (f *far) Exchange(ctx context.Context, r *report.Report, b *report.Beat) (*report.Policy, error) {
	if f.away {
		return nil, &notTaken{error: errors.New("connection refused")}
	}
	if f.deaf {
		return nil, errors.New("timeout")
	}
	var body bytes.Buffer
	kind := "application/gzip"
	if b != nil {
		kind = report.BeatType
		if err := report.EncodeBeat(&body, b); err != nil {
			return nil, err
		}
	} else if err := report.Encode(&body, r); err != nil {
		return nil, err
	}
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, push.Path, &body)
	req.Header.Set("Content-Type", kind)
	var taken push.Taken
	err := error(&notTaken{error: errors.New("unsupported type"), answered: true})
	if b == nil || !f.old {
		taken, err = f.inbox.Receive(httptest.NewRecorder(), req, f)
		if errors.Is(err, push.ErrWhole) {
			f.asked++
			err = &notTaken{error: err, answered: true, whole: true}
		}
	}
	switch {
	case f.mute:
		return nil, errors.New("timeout")
	case err != nil:
		return nil, err
	case b != nil:
		f.beats++
	default:
		f.wholes++
	}
	if f.old {
		return nil, nil
	}
	policy := f.policy.Brief(taken.Policy)
	policy.Beats = taken.Beats
	return &policy, nil
}

// opened is what the topology counts, by client process.
func (f *far) opened() map[string]uint64 {
	sums := map[string]uint64{}
	for b := range f.snap.Blocks() {
		for _, c := range b.Connections {
			sums[c.Client.Process] += c.Opened
			sums[c.Client.Process+" refused"] += c.Refused
		}
		for _, s := range b.Services {
			sums[s.Process+" drops"] += s.Drops
		}
	}
	maps.DeleteFunc(sums, func(_ string, n uint64) bool { return n == 0 })
	return sums
}

// host makes looks, one after the other.
type host struct {
	courier  *courier
	sequence uint64
	at       time.Time
}

func newHost(f Sender) *host {
	return &host{courier: newCourier(f, slog.New(slog.DiscardHandler)), at: noon}
}

func (h *host) look(rows ...report.Connection) *report.Report {
	h.sequence++
	h.at = h.at.Add(10 * time.Second)
	return &report.Report{
		Version: report.Version, Node: report.Node{Name: "web", Identity: report.Identity{Kind: report.IdentityMachine, Value: "1"}},
		Agent: report.Agent{Method: "proc", Instance: strings.Repeat("1", 32)}, Sequence: h.sequence, Time: h.at, IntervalMS: 10_000,
		Interfaces:  []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}},
		Listeners:   []report.Listener{{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: 80, Process: "nginx"}},
		Connections: rows,
	}
}

func (h *host) deliver(t testing.TB, f *far, r *report.Report) error {
	t.Helper()
	f.now = h.at
	h.courier.prepare(r)
	return h.courier.deliver(t.Context(), r, time.Now())
}

// out is a row of a process to 10.0.0.n:443.
func out(process string, n byte, count int, opened uint64) report.Connection {
	return report.Connection{
		Direction: report.Out, Protocol: report.TCP, Process: process, PID: 7,
		Peer: netip.AddrFrom4([4]byte{10, 0, 0, n}), Port: 443, Count: count, Opened: opened,
	}
}

// TestExactlyOnce: whatever gets lost on the way, and however often the server
// starts anew, each connection counts once when all is well again.
func TestExactlyOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFar()
		h := newHost(f)
		f.old = rapid.IntRange(0, 9).Draw(rt, "old") == 0
		truth := map[string]uint64{}
		look := func() *report.Report {
			r := h.look()
			for p := range rapid.IntRange(0, 4).Draw(rt, "rows") {
				name := "p" + strconv.Itoa(p)
				c := out(name, byte(2+p), rapid.IntRange(0, 3).Draw(rt, "count"), rapid.Uint64Range(0, 3).Draw(rt, "opened"))
				if c.Opened > 0 { // attempts in vain alone make no edge
					c.Refused = rapid.Uint64Range(0, 2).Draw(rt, "refused")
				}
				if c.Count > 0 || c.Opened > 0 {
					r.Connections = append(r.Connections, c)
					truth[name] += c.Opened
					truth[name+" refused"] += c.Refused
				}
			}
			r.Listeners[0].Drops = rapid.Uint64Range(0, 1).Draw(rt, "drops")
			truth["nginx drops"] += r.Listeners[0].Drops
			return r
		}
		for range rapid.IntRange(1, 40).Draw(rt, "looks") {
			if rapid.IntRange(0, 3).Draw(rt, "turn") == 0 {
				f.away, f.deaf, f.mute = false, false, false
				switch rapid.IntRange(0, 5).Draw(rt, "trouble") {
				case 0:
					f.away = true
				case 1:
					f.deaf = true
				case 2:
					f.mute = true
				case 3:
					f.restart()
				}
			}
			r := look()
			if rapid.IntRange(0, 5).Draw(rt, "kept") == 0 && h.courier.told == nil {
				h.courier.prepare(r)
				h.courier.keep(r)
				continue
			}
			_ = h.deliver(t, f, r)
		}
		f.away, f.deaf, f.mute = false, false, false
		for range 2 { // what was in doubt, and what came after
			if err := h.deliver(t, f, h.look()); err != nil {
				rt.Fatalf("all is well, but %v", err)
			}
		}
		maps.DeleteFunc(truth, func(_ string, n uint64) bool { return n == 0 })
		if got := f.opened(); !maps.Equal(got, truth) && !f.old {
			rt.Fatalf("counted %v, happened %v", got, truth)
		}
	})
}

// TestBeatIsTheReport: what a server makes of a beat is what a whole report
// would have said, but for numbers that changed by little.
func TestBeatIsTheReport(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFar()
		h := newHost(f)
		for range rapid.IntRange(1, 30).Draw(rt, "looks") {
			r := h.look()
			for p := range 5 {
				c := out("p"+strconv.Itoa(p), byte(2+p), rapid.IntRange(0, 30).Draw(rt, "count"), rapid.Uint64Range(0, 1).Draw(rt, "opened"))
				if c.Count > 0 {
					c.Health = &report.Health{Measured: c.Count, RTT: rapid.Uint32Range(0, 100_000).Draw(rt, "rtt"), Sent: rapid.Uint64Range(0, 100_000).Draw(rt, "sent")}
				}
				if !c.Idle() {
					r.Connections = append(r.Connections, c)
				}
			}
			want := slices.Clone(r.Connections)
			if err := h.deliver(t, f, r); err != nil {
				rt.Fatal(err)
			}
			got := slices.Clone(f.last.Connections)
			if f.last.Sequence != r.Sequence || !f.last.Time.Equal(r.Time) || f.last.SpanMS != r.SpanMS || len(got) != len(want) {
				rt.Fatalf("report %d of %d rows became %d of %d", r.Sequence, len(want), f.last.Sequence, len(got))
			}
			byPeer := func(a, b report.Connection) int { return a.Peer.Compare(b.Peer) }
			slices.SortFunc(got, byPeer)
			slices.SortFunc(want, byPeer)
			for i := range want {
				sameRow(rt, &want[i], &got[i], r.SpanMS)
			}
		}
		if f.asked > 0 {
			rt.Fatalf("the server asked for the whole %d times", f.asked)
		}
	})
}

// sameRow compares within what is not told.
func sameRow(t *rapid.T, want, got *report.Connection, span int64) {
	near := func(what string, a, b, floor float64) {
		if diff := a - b; diff > max(part*b, floor) || -diff > max(part*b, floor) {
			t.Fatalf("%s of %s is %v, told %v", what, want.Process, a, b)
		}
	}
	if want.Edge() != got.Edge() || want.Opened != got.Opened || want.PID != got.PID || (want.Count == 0) != (got.Count == 0) {
		t.Fatalf("row %+v became %+v", want, got)
	}
	if d := float64(want.Count - got.Count); d > countPart*float64(got.Count) || -d > countPart*float64(got.Count) {
		t.Fatalf("count %d became %d", want.Count, got.Count)
	}
	if want.Health != nil {
		near("RTT", float64(want.Health.RTT), float64(got.Health.RTT), rttFloor)
		seconds := max(float64(span)/1000, 0.001)
		near("rate", float64(want.Health.Sent)/seconds, float64(got.Health.Sent)/seconds, rateFloor)
	}
}

// TestQuietBeats: looks that differ by noise alone are beats without rows, and
// the topology stays as it is.
func TestQuietBeats(t *testing.T) {
	f := newFar()
	h := newHost(f)
	noisy := func(i int) *report.Report {
		r := h.look()
		for p := range 20 {
			c := out("p"+strconv.Itoa(p), byte(2+p), 100+i%5, 0)
			c.Health = &report.Health{Measured: c.Count, RTT: 2000 + uint32(i%7)*100, RTTVar: 100 + uint32(i%3)*10, Segments: 1000, Sent: 100_000 + uint64(i%9)*1000, Received: 10}
			r.Connections = append(r.Connections, c)
		}
		h.at = h.at.Add(time.Duration(i%3) * 100 * time.Millisecond) // the interval differs
		return r
	}
	var rows, changes int
	for i := range 40 {
		before := f.snap
		if err := h.deliver(t, f, noisy(i)); err != nil {
			t.Fatal(err)
		}
		if i > 3 && f.snap.Revision() != before.Revision() {
			changes++
		}
		rows += len(f.last.Connections)
	}
	if f.wholes != 1 || f.beats != 39 || rows != 40*20 {
		t.Errorf("%d whole reports, %d beats, %d rows", f.wholes, f.beats, rows)
	}
	if changes > 8 { // counts that are off by little are told each seventh beat
		t.Errorf("%d of 40 reports changed the topology", changes)
	}
}

// TestWholeAgain says when a report is no beat.
func TestWholeAgain(t *testing.T) {
	base := []report.Connection{out("a", 2, 1, 0), out("b", 3, 1, 0)}
	for _, tt := range []struct {
		name   string
		change func(*report.Report)
		whole  bool
	}{
		{"nothing", func(*report.Report) {}, false},
		{"numbers", func(r *report.Report) { r.Connections[0].Count, r.Connections[1].Opened = 7, 9 }, false},
		{"another process id", func(r *report.Report) { r.Connections[0].PID = 8 }, false},
		{"a row less", func(r *report.Report) { r.Connections = r.Connections[:1] }, false},
		{"no rows", func(r *report.Report) { r.Connections = nil }, false},
		{"another order", func(r *report.Report) { slices.Reverse(r.Connections) }, false},
		{"drops", func(r *report.Report) { r.Listeners[0].Drops = 3 }, false},
		{"a row more", func(r *report.Report) { r.Connections = append(r.Connections, out("c", 4, 1, 0)) }, true},
		{"another user", func(r *report.Report) { r.Connections[0].User = "root" }, true},
		{"a listener more", func(r *report.Report) {
			r.Listeners = append(r.Listeners, report.Listener{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: 81})
		}, true},
		{"another listener", func(r *report.Report) { r.Listeners[0].Port = 81 }, true},
		{"no listener", func(r *report.Report) { r.Listeners = nil }, true},
		{"another address", func(r *report.Report) { r.Interfaces[0].Addresses = nil }, true},
		{"a note", func(r *report.Report) { r.Notes = []report.Note{{Code: "x", Text: "y"}} }, true},
		{"a container", func(r *report.Report) { r.Namespaces = []report.Namespace{{Container: "job"}} }, true},
		{"a forward", func(r *report.Report) {
			r.Forwards = []report.Forward{{Protocol: report.TCP, From: netip.MustParseAddrPort("10.0.0.1:1"), To: netip.MustParseAddrPort("10.0.0.2:1"), Count: 1}}
		}, true},
		{"another zone", func(r *report.Report) { r.Zone = "dmz" }, true},
		{"another name", func(r *report.Report) { r.Node.Name = "web2" }, true},
	} {
		f := newFar()
		h := newHost(f)
		if err := h.deliver(t, f, h.look(slices.Clone(base)...)); err != nil {
			t.Fatal(err)
		}
		r := h.look(slices.Clone(base)...)
		tt.change(r)
		if err := h.deliver(t, f, r); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if (f.wholes == 2) != tt.whole || f.wholes+f.beats != 2 {
			t.Errorf("%s: %d whole reports and %d beats", tt.name, f.wholes, f.beats)
		}
	}
}

// TestIndexesMove: namespaces and containers are numbered by the rows that refer
// to them; that they have another order is no news.
func TestIndexesMove(t *testing.T) {
	f := newFar()
	h := newHost(f)
	web, job := report.Container{Name: "web", ID: "1"}, report.Container{Name: "job", ID: "2"}
	inside := func(c report.Connection, namespace, container int) report.Connection {
		c.Namespace, c.Container = namespace, container
		return c
	}
	r := h.look(inside(out("a", 2, 1, 0), 1, 1), inside(out("b", 3, 1, 0), 2, 2))
	r.Containers, r.Namespaces = []report.Container{web, job}, []report.Namespace{{Container: "web"}, {Container: "job"}}
	if err := h.deliver(t, f, r); err != nil {
		t.Fatal(err)
	}
	r = h.look(inside(out("b", 3, 4, 0), 1, 1), inside(out("a", 2, 5, 0), 2, 2))
	r.Containers, r.Namespaces = []report.Container{job, web}, []report.Namespace{{Container: "job"}, {Container: "web"}}
	if err := h.deliver(t, f, r); err != nil {
		t.Fatal(err)
	}
	if f.beats != 1 || f.last.Connections[0].Process != "a" || f.last.Connections[0].Count != 5 || f.last.Connections[1].Count != 4 {
		t.Errorf("%d beats, rows %+v", f.beats, f.last.Connections)
	}
}

// TestTidy: rows that nothing is open of any more don't stay for ever.
func TestTidy(t *testing.T) {
	f := newFar()
	h := newHost(f)
	var rows []report.Connection
	for n := range byte(100) {
		rows = append(rows, out("a", n+2, 1, 0))
	}
	for _, left := range []int{100, 51, 50, 49, 48} {
		if err := h.deliver(t, f, h.look(slices.Clone(rows[:left])...)); err != nil {
			t.Fatal(err)
		}
	}
	if f.wholes != 2 || f.beats != 3 {
		t.Errorf("%d whole reports and %d beats", f.wholes, f.beats)
	}
}

// TestOldServer: one that knows no beats never gets one, also if it was a newer
// one that it takes the place of.
func TestOldServer(t *testing.T) {
	f := newFar()
	h := newHost(f)
	for i := range 6 {
		f.old = i >= 3
		if err := h.deliver(t, f, h.look(out("a", 2, 1, 1))); err != nil {
			t.Fatal(err)
		}
	}
	if f.beats != 2 || f.wholes != 4 || f.opened()["a"] != 6 {
		t.Errorf("%d beats, %d whole reports, %d opened", f.beats, f.wholes, f.opened()["a"])
	}
}

// TestServerRestart: the first beat is answered by asking for the whole, which
// comes at once; nothing is lost and nothing changes.
func TestServerRestart(t *testing.T) {
	f := newFar()
	h := newHost(f)
	for i := range 6 {
		if i == 3 {
			f.restart()
		}
		before := f.snap.Revision()
		opened := uint64(i % 2)
		if err := h.deliver(t, f, h.look(out("a", 2, 1, opened))); err != nil {
			t.Fatal(err)
		}
		if i > 0 && opened == 0 && f.snap.Revision() != before {
			t.Errorf("report %d changes the topology", i)
		}
	}
	if f.asked != 1 || f.wholes != 2 || f.beats != 4 || f.opened()["a"] != 3 {
		t.Errorf("asked %d times, %d whole reports, %d beats, %d opened", f.asked, f.wholes, f.beats, f.opened()["a"])
	}
}

// TestShun: a server that asks for the whole each time gets no beats for a while.
func TestShun(t *testing.T) {
	f := newFar()
	h := newHost(f)
	for range 20 {
		if err := h.deliver(t, f, h.look(out("a", 2, 1, 0))); err != nil {
			t.Fatal(err)
		}
		f.restart()
	}
	if f.asked != maxAsked || f.wholes != 20 {
		t.Errorf("asked %d times, %d whole reports", f.asked, f.wholes)
	}
}

// TestEvidenceOfAnOutage: many short connections while the server is away come
// in as fast as reports hold them, up to the bound, and what is beyond is said.
func TestEvidenceOfAnOutage(t *testing.T) {
	f := newFar()
	f.light = true
	h := newHost(f)
	const edges = maxOwed + 123
	for from := 0; from < edges; from += 10_000 {
		r := h.look()
		for i := from; i < min(from+10_000, edges); i++ {
			c := out("curl", 0, 0, 2)
			c.Peer = netip.AddrFrom4([4]byte{10, byte(1 + i>>16), byte(i >> 8), byte(i)})
			r.Connections = append(r.Connections, c)
		}
		h.courier.prepare(r)
		h.courier.keep(r)
	}
	var opened, lost uint64
	var notes int
	for range (maxOwed + maxClosed - 1) / maxClosed {
		if err := h.deliver(t, f, h.look(out("curl", 2, 1, 0))); err != nil {
			t.Fatal(err)
		}
		for _, c := range f.last.Connections {
			opened += c.Opened
		}
		lost += f.last.Coverage.OpensLost
		notes += len(f.last.Notes)
	}
	if opened != 2*maxOwed || lost != 2*123 || notes != 1 {
		t.Errorf("%d delivered, %d lost, %d notes", opened, lost, notes)
	}
	if !h.courier.owed.empty() || h.courier.owed.rows != nil {
		t.Error("something is still owed")
	}
	if err := h.deliver(t, f, h.look(out("curl", 2, 1, 0))); err != nil || len(f.last.Connections) != 1 {
		t.Errorf("after it: %v, %d rows", err, len(f.last.Connections))
	}
}

// TestAbsurdPolicy: what makes no sense is ignored, and said once.
func TestAbsurdPolicy(t *testing.T) {
	var log strings.Builder
	f := newFar()
	h := newHost(f)
	h.courier.log = slog.New(slog.NewTextHandler(&log, nil))
	for _, p := range []report.Policy{
		{Beats: true, Name: "x", InternalNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")}},
		{Beats: true, Name: "x", InternalNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")}},
		{Beats: true, Name: "x"}, // nothing would be internal
	} {
		f.policy = p
		if err := h.deliver(t, f, h.look(out("a", 2, 1, 0))); err != nil {
			t.Fatal(err)
		}
		if h.courier.folder != nil || h.courier.policy.Name != "" {
			t.Errorf("it follows %+v", p)
		}
	}
	if n := strings.Count(log.String(), "makes no sense"); n != 1 {
		t.Errorf("it says %d times: %s", n, log.String())
	}
}

// TestPolicyOverHTTP: the real sender reads answers, and tells refusals from
// lost answers.
func TestPolicyOverHTTP(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	policy, err := serve(t, answer(200, `{"beats":true,"name":"n","internal_networks":["10.0.0.0/8"],"later":1}`)).Exchange(t.Context(), sample(), nil)
	if err != nil || !policy.Beats || policy.Name != "n" || len(policy.InternalNetworks) != 1 {
		t.Errorf("%+v, %v", policy, err)
	}
	for _, h := range []http.HandlerFunc{answer(204, ""), answer(200, "hello"), answer(200, `{"beats":"yes"}`)} {
		if policy, err := serve(t, h).Exchange(t.Context(), sample(), nil); err != nil || policy != nil {
			t.Errorf("no policy: %+v, %v", policy, err)
		}
	}
	for status, want := range map[int]struct{ sure, whole bool }{409: {true, true}, 422: {true, false}, 503: {false, false}} {
		kind := "about:blank"
		if want.whole {
			kind = report.WholeWanted
		}
		_, err := serve(t, answer(status, fmt.Sprintf(`{"type":%q,"detail":"no"}`, kind))).Exchange(t.Context(), nil, &report.Beat{})
		var why *notTaken
		if errors.As(err, &why) != want.sure || want.sure && (!why.answered || why.whole != want.whole) {
			t.Errorf("%d: %v", status, err)
		}
	}
	s, err := NewHTTPSender("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	var why *notTaken
	if err := s.Send(t.Context(), sample()); !errors.As(err, &why) || why.answered {
		t.Errorf("nobody there: %v", err)
	}
	hangs := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if err := hangs.Send(t.Context(), sample()); err == nil || errors.As(err, &why) {
		t.Errorf("a lost answer: %v", err)
	}
}

// BenchmarkTold is what deciding on a beat costs the agent.
func BenchmarkTold(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			h := newHost(nil)
			r := h.look()
			for i := range n {
				c := out("p"+strconv.Itoa(i%20), 0, 1, 0)
				c.Peer = netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
				r.Connections = append(r.Connections, c)
			}
			t := newTold(r)
			next := *r
			next.Sequence++
			b.ReportAllocs()
			for b.Loop() {
				if t.beat(&next) == nil {
					b.Fatal("no beat")
				}
			}
		})
	}
}
