package fold

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/report"
)

// start is when the first look is.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var sameAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})

// thisHost has 10.0.0.1 and fd00::1.
var thisHost = Host{
	Addresses: [][]netip.Addr{{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")}},
	Ephemeral: DefaultEphemeral,
}

func ptr(o Owner) *Owner { return &o }

func owned(pid int, process string) Owner { return Owner{PID: pid, Process: process, User: "u"} }

// sock is a socket of thisHost; an empty remote is none.
func sock(proto report.Protocol, state State, local, remote string, o Owner) Socket {
	s := Socket{Protocol: proto, State: state, Local: netip.MustParseAddrPort(local), Owner: &o}
	if remote != "" {
		s.Remote = netip.MustParseAddrPort(remote)
	}
	return s
}

func listening(local string, o Owner) Socket { return sock(report.TCP, Listen, local, "", o) }

func v6only(s Socket) Socket { s.V6Only = true; return s }

func inNamespace(n int, s Socket) Socket { s.Namespace = n; return s }

// line spells a row: direction process peer port=… local=… localport=….
func line(c *report.Connection) string {
	s := fmt.Sprintf("%s %s %s:%d x%d", c.Direction, c.Process, c.Peer, c.Port, c.Count)
	if c.Local.IsValid() {
		s += " at " + c.Local.String()
	}
	if c.LocalPort != 0 {
		s += fmt.Sprintf(" from %d", c.LocalPort)
	}
	return s
}

func lines(look Look) (out []string) {
	for i := range look.Connections {
		out = append(out, line(&look.Connections[i]))
	}
	return out
}

func TestDirection(t *testing.T) {
	web, cli := owned(10, "nginx"), owned(20, "curl")
	for _, tt := range []struct {
		name     string
		listener []Socket
		socket   Socket
		want     string
	}{
		{"accepted, exact", []Socket{listening("10.0.0.1:80", web)}, sock(report.TCP, Established, "10.0.0.1:80", "10.0.0.9:40000", web), "in nginx 10.0.0.9:80 x1 at 10.0.0.1"},
		{"accepted, wildcard", []Socket{listening("0.0.0.0:80", web)}, sock(report.TCP, Established, "10.0.0.1:80", "10.0.0.9:40000", web), "in nginx 10.0.0.9:80 x1 at 0.0.0.0"},
		{"accepted, dual stack, IPv4", []Socket{listening("[::]:80", web)}, sock(report.TCP, Established, "10.0.0.1:80", "10.0.0.9:40000", web), "in nginx 10.0.0.9:80 x1 at ::"},
		{"accepted, dual stack, IPv6", []Socket{listening("[::]:80", web)}, sock(report.TCP, Established, "[fd00::1]:80", "[fd00::9]:40000", web), "in nginx fd00::9:80 x1 at ::"},
		{"accepted, IPv6 only", []Socket{v6only(listening("[::]:80", web))}, sock(report.TCP, Established, "[fd00::1]:80", "[fd00::9]:40000", web), "in nginx fd00::9:80 x1 at ::"},
		{"IPv6 only doesn't accept IPv4", []Socket{v6only(listening("[::]:40000", web))}, sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:80", cli), "out curl 10.0.0.9:80 x1"},
		{"IPv4 doesn't accept IPv6", []Socket{listening("0.0.0.0:40000", web)}, sock(report.TCP, Established, "[fd00::1]:40000", "[fd00::9]:80", cli), "out curl fd00::9:80 x1"},
		{"exact before wildcard", []Socket{listening("0.0.0.0:80", cli), listening("10.0.0.1:80", web)}, sock(report.TCP, Established, "10.0.0.1:80", "10.0.0.9:40000", web), "in nginx 10.0.0.9:80 x1 at 10.0.0.1"},
		{"IPv4 wildcard before dual stack", []Socket{listening("[::]:80", cli), listening("0.0.0.0:80", web)}, sock(report.TCP, Established, "10.0.0.1:80", "10.0.0.9:40000", web), "in nginx 10.0.0.9:80 x1 at 0.0.0.0"},
		{"listener on another address", []Socket{listening("127.0.0.1:40000", web)}, sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:80", cli), "out curl 10.0.0.9:80 x1"},
		{"listener of another protocol", []Socket{sock(report.UDP, Close, "0.0.0.0:4000", "", web)}, sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:80", cli), "out curl 10.0.0.9:80 x1"},
		{"listener in another namespace", []Socket{inNamespace(1, listening("0.0.0.0:40000", web))}, sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:80", cli), "out curl 10.0.0.9:80 x1"},
		{"on a link-local address", []Socket{listening("[fe80::1%eth0]:80", web)}, sock(report.TCP, Established, "[fe80::1%eth0]:80", "[fe80::9%eth0]:40000", web), "in nginx fe80::9:80 x1 at fe80::1"},
		{"accepted on an ephemeral port", []Socket{listening("0.0.0.0:40000", web)}, sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:80", cli), "in nginx 10.0.0.9:40000 x1 at 0.0.0.0"},
		{"server's port above the client's", []Socket{listening("0.0.0.0:61000", web)}, sock(report.TCP, Established, "10.0.0.1:61000", "10.0.0.9:33000", web), "in nginx 10.0.0.9:61000 x1 at 0.0.0.0"},
		{"called this host", []Socket{listening("127.0.0.1:50000", web)}, sock(report.TCP, Established, "127.0.0.1:1000", "127.0.0.1:50000", cli), "out curl 127.0.0.1:50000 x1"},
		{"called this host by its address", []Socket{listening("0.0.0.0:45000", web)}, sock(report.TCP, Established, "10.0.0.1:1000", "10.0.0.1:45000", cli), "out curl 10.0.0.1:45000 x1"},
		{"called a peer that isn't this host", []Socket{listening("0.0.0.0:45000", web)}, sock(report.TCP, Established, "10.0.0.1:1000", "10.0.0.9:45000", cli), "unknown curl 10.0.0.9:45000 x1 from 1000"},
		{"ephemeral to a service's port", nil, sock(report.TCP, Established, "10.0.0.1:32768", "10.0.0.9:61000", cli), "out curl 10.0.0.9:61000 x1"},
		{"last ephemeral port", nil, sock(report.TCP, Established, "10.0.0.1:60999", "10.0.0.9:32767", cli), "out curl 10.0.0.9:32767 x1"},
		{"ephemeral to a known service", nil, sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:50051", cli), "out curl 10.0.0.9:50051 x1"},
		{"known service's port to ephemeral", nil, sock(report.TCP, Established, "10.0.0.1:50051", "10.0.0.9:40000", cli), "unknown curl 10.0.0.9:40000 x1 from 50051"},
		{"both ephemeral", nil, sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:40001", cli), "unknown curl 10.0.0.9:40001 x1 from 40000"},
		{"neither ephemeral", nil, sock(report.TCP, Established, "10.0.0.1:1000", "10.0.0.9:2000", cli), "unknown curl 10.0.0.9:2000 x1 from 1000"},
		{"peer about to close", nil, sock(report.TCP, CloseWait, "10.0.0.1:40000", "10.0.0.9:80", cli), "out curl 10.0.0.9:80 x1"},
		{"not open yet", nil, sock(report.TCP, SynSent, "10.0.0.1:40000", "10.0.0.9:80", cli), "out curl 10.0.0.9:80 x0"},
		{"UDP, called out", nil, sock(report.UDP, Established, "10.0.0.1:40000", "10.0.0.9:53", cli), "out curl 10.0.0.9:53 x1"},
		{"UDP, one peer of a server", []Socket{sock(report.UDP, Close, "0.0.0.0:443", "", web)}, sock(report.UDP, Established, "10.0.0.1:443", "10.0.0.9:40000", web), "in nginx 10.0.0.9:443 x1 at 0.0.0.0"},
		{"UDP, unconnected", nil, sock(report.UDP, Close, "10.0.0.1:40000", "", cli), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			got := lines(NewFolder().Fold(thisHost, append(tt.listener, tt.socket), nil))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestKnownServicesLieInTheEphemeralRange(t *testing.T) {
	n := 0
	for p := range 1 << 16 {
		if !knownService(uint16(p)) {
			continue
		}
		n++
		if !DefaultEphemeral.Contains(uint16(p)) {
			t.Errorf("port %d needs no entry", p)
		}
	}
	if n == 0 {
		t.Error("no service is known")
	}
}

func TestListeners(t *testing.T) {
	a, b := owned(10, "nginx"), owned(9, "nginx-old")
	hidden, forRoot := Owner{User: "www"}, Owner{Admin: true}
	udp := func(state State, local, remote string) Socket { return sock(report.UDP, state, local, remote, a) }
	for _, tt := range []struct {
		name    string
		sockets []Socket
		want    []string
	}{
		{"none", nil, nil},
		{"sorted", []Socket{listening("0.0.0.0:443", a), listening("127.0.0.1:80", a), listening("0.0.0.0:80", a)}, []string{"tcp 0.0.0.0:80 nginx 10", "tcp 127.0.0.1:80 nginx 10", "tcp 0.0.0.0:443 nginx 10"}},
		{"dual", []Socket{listening("[::]:80", a)}, []string{"tcp [::]:80 nginx 10 dual"}},
		{"IPv6 only", []Socket{v6only(listening("[::]:80", a))}, []string{"tcp [::]:80 nginx 10"}},
		{"REUSEPORT, lowest process", []Socket{listening("0.0.0.0:80", a), listening("0.0.0.0:80", b), listening("0.0.0.0:80", a)}, []string{"tcp 0.0.0.0:80 nginx-old 9"}},
		{"REUSEPORT, known before hidden", []Socket{listening("0.0.0.0:80", hidden), listening("0.0.0.0:80", a), listening("0.0.0.0:80", forRoot)}, []string{"tcp 0.0.0.0:80 nginx 10"}},
		{"REUSEPORT, one of them dual", []Socket{v6only(listening("[::]:80", b)), listening("[::]:80", a)}, []string{"tcp [::]:80 nginx-old 9 dual"}},
		{"namespaces apart", []Socket{listening("0.0.0.0:80", a), inNamespace(1, listening("0.0.0.0:80", b))}, []string{"tcp 0.0.0.0:80 nginx 10", "1: tcp 0.0.0.0:80 nginx-old 9"}},
		{"TCP that is closed", []Socket{sock(report.TCP, Close, "0.0.0.0:80", "", a)}, nil},
		{"UDP on a service's port", []Socket{udp(Close, "0.0.0.0:53", "")}, []string{"udp 0.0.0.0:53 nginx 10"}},
		{"UDP connected", []Socket{udp(Established, "10.0.0.1:53", "10.0.0.9:40000")}, nil},
		{"UDP unbound", []Socket{udp(Close, "0.0.0.0:0", "")}, nil},
		{"UDP on an ephemeral port", []Socket{udp(Close, "0.0.0.0:40000", "")}, nil},
		{"UDP on an ephemeral port that a peer proves", []Socket{udp(Close, "0.0.0.0:40000", ""), udp(Established, "127.0.0.1:40001", "127.0.0.1:40000")}, []string{"udp 0.0.0.0:40000 nginx 10"}},
		{"UDP on an ephemeral port that a peer elsewhere has", []Socket{udp(Close, "0.0.0.0:40000", ""), udp(Established, "10.0.0.1:40001", "10.0.0.9:40000")}, nil},
		{"UDP on an ephemeral port of another namespace", []Socket{udp(Close, "0.0.0.0:40000", ""), inNamespace(1, udp(Established, "127.0.0.1:40001", "127.0.0.1:40000"))}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 10 { // in any order
				rand.Shuffle(len(tt.sockets), func(i, j int) { tt.sockets[i], tt.sockets[j] = tt.sockets[j], tt.sockets[i] })
				var got []string
				for _, l := range NewFolder().Fold(thisHost, tt.sockets, nil).Listeners {
					got = append(got, listenerLine(&l))
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Fatalf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func listenerLine(l *report.Listener) string {
	s := fmt.Sprintf("%s %s %s %d", l.Protocol, netip.AddrPortFrom(l.Address, l.Port), l.Process, l.PID)
	if l.Dual {
		s += " dual"
	}
	if l.Namespace > 0 {
		s = fmt.Sprintf("%d: %s", l.Namespace, s)
	}
	return s
}

// TestAcceptQueue gives a socket that nobody accepted yet, and so nobody holds,
// to its listener's process; what a worker serves counts there too.
func TestAcceptQueue(t *testing.T) {
	look := NewFolder().Fold(thisHost, []Socket{
		listening("0.0.0.0:80", owned(10, "nginx")),
		sock(report.TCP, Established, "10.0.0.1:80", "10.0.0.9:40000", Owner{}),
		sock(report.TCP, Established, "10.0.0.1:80", "10.0.0.9:40001", owned(11, "nginx-worker")),
		sock(report.TCP, CloseWait, "10.0.0.1:80", "10.0.0.9:40002", Owner{Admin: true}),
	}, nil)
	want := []report.Connection{{
		Direction: report.In, Protocol: report.TCP, Process: "nginx", PID: 10, User: "u",
		Peer: netip.MustParseAddr("10.0.0.9"), Port: 80, Local: netip.MustParseAddr("0.0.0.0"), Count: 3,
		Called: netip.MustParseAddr("10.0.0.1"), Tuples: look.Connections[0].Tuples,
		Health: &report.Health{CloseWait: 1},
	}}
	if diff := cmp.Diff(want, look.Connections, sameAddresses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if look.Coverage != (report.Coverage{Sockets: 4}) {
		t.Errorf("coverage %+v, want 4 sockets and none hidden", look.Coverage)
	}
}

func TestOwnMarks(t *testing.T) {
	own := Owner{PID: 7, Process: "dotm", Own: true}
	look := NewFolder().Fold(thisHost, []Socket{
		listening("127.0.0.1:4849", own),
		sock(report.TCP, Established, "127.0.0.1:4849", "127.0.0.1:40000", Owner{}),
		sock(report.TCP, Established, "127.0.0.1:40000", "127.0.0.1:4849", owned(8, "firefox")),
		sock(report.TCP, Established, "10.0.0.1:40001", "10.0.0.9:4849", own),
		sock(report.TCP, Established, "10.0.0.1:40002", "10.0.0.9:4849", Owner{PID: 9, Process: "dotm"}),
	}, nil)
	if !look.Listeners[0].Own {
		t.Error("the listener is not marked")
	}
	got := map[string]bool{}
	for i := range look.Connections {
		c := &look.Connections[i]
		got[fmt.Sprintf("%s %d", line(c), c.PID)] = c.Own
	}
	want := map[string]bool{
		"in dotm 127.0.0.1:4849 x1 at 127.0.0.1 7": true,
		"out firefox 127.0.0.1:4849 x1 8":          false,
		"out dotm 10.0.0.9:4849 x1 7":              true,
		"out dotm 10.0.0.9:4849 x1 9":              false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRowsFold(t *testing.T) {
	look := NewFolder().Fold(thisHost, []Socket{
		sock(report.TCP, Established, "10.0.0.1:40003", "10.0.0.9:80", Owner{PID: 30, Process: "curl", User: "bob"}),
		sock(report.TCP, Established, "10.0.0.1:40001", "10.0.0.9:80", Owner{Process: "curl", User: "bob"}),
		sock(report.TCP, Established, "10.0.0.1:40002", "10.0.0.9:80", Owner{PID: 20, Process: "curl", User: "bob"}),
		sock(report.TCP, Established, "10.0.0.1:40005", "10.0.0.9:80", Owner{PID: 21, Process: "curl", User: "carol"}),
		sock(report.TCP, Established, "10.0.0.1:40004", "10.0.0.8:80", Owner{PID: 20, Process: "curl", User: "bob"}),
		sock(report.UDP, Established, "10.0.0.1:40004", "10.0.0.9:80", Owner{PID: 20, Process: "curl", User: "bob"}),
		inNamespace(1, sock(report.TCP, Established, "10.0.0.1:40004", "10.0.0.9:80", Owner{PID: 20, Process: "curl", User: "bob"})),
	}, nil)
	var got []string
	for i := range look.Connections {
		c := &look.Connections[i]
		got = append(got, fmt.Sprintf("%d %s %s %d %s", c.Namespace, c.Protocol, line(c), c.PID, c.User))
	}
	want := []string{
		"0 tcp out curl 10.0.0.8:80 x1 20 bob",
		"0 tcp out curl 10.0.0.9:80 x3 20 bob", // the lowest known process id stands for them
		"0 tcp out curl 10.0.0.9:80 x1 21 carol",
		"0 udp out curl 10.0.0.9:80 x1 20 bob",
		"1 tcp out curl 10.0.0.9:80 x1 20 bob",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOpened(t *testing.T) {
	f := NewFolder()
	look := func(cookies ...uint64) uint64 {
		t.Helper()
		var sockets []Socket
		for i, c := range cookies {
			s := sock(report.TCP, Established, fmt.Sprintf("10.0.0.1:%d", 40000+i), "10.0.0.9:80", owned(1, "curl"))
			s.Cookie = c
			sockets = append(sockets, s)
		}
		got := f.Fold(thisHost, sockets, nil)
		if len(got.Connections) == 0 {
			return 0
		}
		return got.Connections[0].Opened
	}
	for i, tt := range []struct {
		cookies []uint64
		want    uint64
	}{
		{[]uint64{1, 2}, 0}, // open before the first look
		{[]uint64{1, 2}, 0},
		{[]uint64{1, 3, 4}, 2},
		{[]uint64{0, 0}, 0}, // not known: not counted
		{[]uint64{5}, 1},
		{nil, 0},
		{[]uint64{6, 7, 8}, 3},
	} {
		if got := look(tt.cookies...); got != tt.want {
			t.Errorf("look %d: %d opened, want %d", i+1, got, tt.want)
		}
	}
}

func TestHidden(t *testing.T) {
	root := Owner{Admin: true}
	look := NewFolder().Fold(thisHost, []Socket{
		listening("0.0.0.0:80", root),                                        // hidden, root would see it
		listening("0.0.0.0:81", Owner{}),                                     // hidden, even from root
		listening("0.0.0.0:82", owned(1, "x")),                               // seen
		sock(report.TCP, Established, "10.0.0.1:80", "10.0.0.9:40000", root), // its service is counted already
		sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:80", Owner{}),
		sock(report.TCP, Established, "10.0.0.1:40001", "10.0.0.9:80", root), // the same row
		sock(report.TCP, Established, "10.0.0.1:40002", "10.0.0.9:81", Owner{}),
		sock(report.TCP, Established, "10.0.0.1:40003", "10.0.0.9:82", owned(1, "x")),
		sock(report.TCP, Established, "10.0.0.1:1000", "10.0.0.9:2000", root), // without direction
	}, nil)
	want := report.Coverage{Sockets: 9, HiddenProcesses: 5, HiddenAsUser: 3}
	if look.Coverage != want {
		t.Errorf("coverage %+v, want %+v", look.Coverage, want)
	}
}

func TestTruncation(t *testing.T) {
	rows := map[rowKey]*row{}
	for i, n := range []int{3, 9, 1, 9, 5} {
		c := report.Connection{Direction: report.Out, Peer: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), Port: 80, Count: n}
		rows[keyOf(&c)] = &row{Connection: c}
	}
	for limit, want := range map[int][]string{
		9: {"10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"},
		5: {"10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"},
		3: {"10.0.0.1", "10.0.0.3", "10.0.0.4"}, // the busiest, in order
		1: {"10.0.0.1"},
		0: nil,
	} {
		kept, truncated := sorted(rows, limit)
		var got []string
		for _, c := range kept {
			got = append(got, c.Peer.String())
		}
		if diff := cmp.Diff(want, got); diff != "" || truncated != 5-len(want) {
			t.Errorf("limit %d: truncated %d (-want +got):\n%s", limit, truncated, diff)
		}
	}
}

func TestFoldAtTheLimit(t *testing.T) {
	sockets := []Socket{listening("0.0.0.0:80", owned(1, "nginx"))}
	for i := range report.MaxRows + 2 {
		peer := netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
		sockets = append(sockets, Socket{
			Protocol: report.TCP, State: Established,
			Local: netip.MustParseAddrPort("10.0.0.1:40000"), Remote: netip.AddrPortFrom(peer, 80), Owner: ptr(owned(2, "scan")),
		})
	}
	look := NewFolder().Fold(thisHost, sockets, nil)
	if n := len(look.Listeners) + len(look.Connections); n != report.MaxRows {
		t.Errorf("%d rows, want %d", n, report.MaxRows)
	}
	if look.Coverage.Truncated != 3 {
		t.Errorf("%d truncated, want 3", look.Coverage.Truncated)
	}
}

func randomSocket(t *rapid.T) Socket {
	pick := func(label string, of ...string) netip.Addr {
		return netip.MustParseAddr(rapid.SampledFrom(of).Draw(t, label))
	}
	number := func(label string) uint16 { return rapid.SampledFrom([]uint16{0, 53, 80, 40000, 50051}).Draw(t, label) }
	return Socket{
		Namespace: rapid.IntRange(0, 1).Draw(t, "namespace"),
		Protocol:  rapid.SampledFrom([]report.Protocol{report.TCP, report.UDP}).Draw(t, "protocol"),
		State:     rapid.SampledFrom([]State{Established, Close, CloseWait, Listen, SynSent, TimeWait}).Draw(t, "state"),
		V6Only:    rapid.Bool().Draw(t, "v6only"),
		Local:     netip.AddrPortFrom(pick("local", "10.0.0.1", "127.0.0.1", "::", "0.0.0.0", "fd00::1", "::1"), number("local port")),
		Remote:    netip.AddrPortFrom(pick("remote", "10.0.0.1", "10.0.0.9", "127.0.0.1", "fd00::9"), number("remote port")),
		Cookie:    rapid.Uint64Range(0, 5).Draw(t, "cookie"),
		Measures: Measures{
			RTT: rapid.Uint32Range(0, 3).Draw(t, "rtt"), Queue: rapid.Uint32Range(0, 3).Draw(t, "queue"),
			Sent: rapid.Uint64Range(0, 3).Draw(t, "sent"), Retries: rapid.Uint8Range(0, 3).Draw(t, "retries"),
		},
		Owner: &Owner{
			PID:     rapid.IntRange(0, 3).Draw(t, "pid"),
			Process: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "process"),
			User:    rapid.SampledFrom([]string{"", "u", "v"}).Draw(t, "user"),
			Admin:   rapid.Bool().Draw(t, "admin"),
		},
	}
}

// TestFoldInAnyOrder also counts: no open socket is lost, none counted twice.
func TestFoldInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sockets := rapid.SliceOfN(rapid.Custom(randomSocket), 0, 12).Draw(t, "sockets")
		shuffled := rapid.Permutation(sockets).Draw(t, "shuffled")
		want := NewFolder().Fold(thisHost, slices.Clone(sockets), nil)
		got := NewFolder().Fold(thisHost, shuffled, nil)
		if diff := cmp.Diff(want, got, sameAddresses); diff != "" {
			t.Fatalf("the order of sockets shows (-one +other):\n%s", diff)
		}
		open, counted := 0, 0
		for _, s := range sockets {
			if s.Remote.Port() != 0 && (s.State == Established || s.State == CloseWait) {
				open++
			}
		}
		for _, c := range got.Connections {
			counted += c.Count
		}
		if open != counted {
			t.Fatalf("%d sockets are open, %d in rows", open, counted)
		}
	})
}

func BenchmarkFold(b *testing.B) {
	const n = 20_000
	sockets := make([]Socket, 0, n)
	var servers []*Owner
	for i := range 50 {
		o := owned(i, fmt.Sprintf("server-%d", i))
		servers = append(servers, &o)
		sockets = append(sockets, listening(fmt.Sprintf("0.0.0.0:%d", 1000+i), o))
	}
	for i := uint64(0); len(sockets) < n; i++ {
		peer := netip.AddrFrom4([4]byte{10, 1, byte(i % 8), byte(i % 100)})
		s := Socket{Protocol: report.TCP, State: Established, Cookie: i + 1, Owner: servers[i%50]}
		local, remote := uint16(1000+i%50), uint16(33000+i%20000)
		if i%2 == 0 {
			local, remote = remote, local
		}
		s.Local = netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), local)
		s.Remote = netip.AddrPortFrom(peer, remote)
		sockets = append(sockets, s)
	}
	f := NewFolder()
	b.ReportAllocs()
	for b.Loop() {
		if look := f.Fold(thisHost, sockets, nil); look.Coverage.Sockets != n {
			b.Fatal("sockets are missing")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/socket")
}
