package fold

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/report"
)

// really is a socket whose other end is hidden by address translation.
func really(at string, s Socket) Socket {
	real := netip.MustParseAddrPort(at)
	s.Real = &real
	return s
}

func TestTranslated(t *testing.T) {
	web, cli := listening("0.0.0.0:80", owned(10, "nginx")), owned(20, "curl")
	out := sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:80", cli)
	for _, tt := range []struct {
		name    string
		sockets []Socket
		want    []string
	}{
		{"leads elsewhere", []Socket{really("172.17.0.2:8080", out)}, []string{"out curl 172.17.0.2:8080 x1 via 10.0.0.9:80"}},
		{"leads to another port", []Socket{really("10.0.0.9:8080", out)}, []string{"out curl 10.0.0.9:8080 x1 via 10.0.0.9:80"}},
		{"leads where it was called", []Socket{really("10.0.0.9:80", out)}, []string{"out curl 10.0.0.9:80 x1"}},
		{"decides between two high ports", []Socket{really("172.17.0.2:50001", sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:50002", cli))}, []string{"out curl 172.17.0.2:50001 x1 via 10.0.0.9:50002"}},
		{"not open yet", []Socket{really("172.17.0.2:8080", in(SynSent, out))}, []string{"out curl 172.17.0.2:8080 x0 via 10.0.0.9:80"}},
		{"a call of this host's own address", []Socket{web, really("172.17.0.2:8080", sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.1:80", cli))}, []string{"out curl 172.17.0.2:8080 x1 via 10.0.0.1:80"}},
		{"accepted from behind", []Socket{web, really("10.0.0.77:50000", sock(report.TCP, Established, "10.0.0.1:80", "172.17.0.1:40000", owned(10, "nginx")))}, []string{"in nginx 10.0.0.77:80 x1 at 0.0.0.0"}},
		{"UDP", []Socket{really("172.17.0.2:5353", sock(report.UDP, Established, "10.0.0.1:40000", "10.0.0.9:53", cli))}, []string{"out curl 172.17.0.2:5353 x1 via 10.0.0.9:53"}},
		{"each called address is a row", []Socket{
			really("172.17.0.2:8080", out), really("172.17.0.2:8080", sock(report.TCP, Established, "10.0.0.1:40001", "10.0.0.8:80", cli)),
			sock(report.TCP, Established, "10.0.0.1:40002", "172.17.0.2:8080", cli),
		}, []string{"out curl 172.17.0.2:8080 x1", "out curl 172.17.0.2:8080 x1 via 10.0.0.8:80", "out curl 172.17.0.2:8080 x1 via 10.0.0.9:80"}},
		{"what led to one place is one row", []Socket{
			really("172.17.0.2:8080", out), really("172.17.0.2:8080", sock(report.TCP, CloseWait, "10.0.0.1:40001", "10.0.0.9:80", cli)),
		}, []string{"out curl 172.17.0.2:8080 x2 via 10.0.0.9:80"}},
		{"what led to two places is two rows", []Socket{
			really("172.17.0.2:8080", out), really("172.17.0.3:8080", sock(report.TCP, Established, "10.0.0.1:40001", "10.0.0.9:80", cli)), out,
		}, []string{"out curl 10.0.0.9:80 x1", "out curl 172.17.0.2:8080 x1 via 10.0.0.9:80", "out curl 172.17.0.3:8080 x1 via 10.0.0.9:80"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, counted(NewFolder().Fold(thisHost, tt.sockets, nil))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAsking: what asks for an answer calls, whatever its ports say.
func TestAsking(t *testing.T) {
	cli := owned(20, "curl")
	for _, tt := range []struct {
		name    string
		sockets []Socket
		want    []string
	}{
		{"between two high ports", []Socket{sock(report.TCP, SynSent, "10.0.0.1:40000", "10.0.0.9:40001", cli)}, []string{"out curl 10.0.0.9:40001 x0"}},
		{"from a low port", []Socket{sock(report.TCP, SynSent, "10.0.0.1:1000", "10.0.0.9:40001", cli)}, []string{"out curl 10.0.0.9:40001 x0"}},
		{"from a port that is listened on", []Socket{listening("0.0.0.0:80", owned(10, "nginx")), sock(report.TCP, SynSent, "10.0.0.1:80", "10.0.0.9:40001", cli)}, []string{"out curl 10.0.0.9:40001 x0"}},
		{"where an open one has no direction", []Socket{
			sock(report.TCP, SynSent, "10.0.0.1:1000", "10.0.0.9:2000", cli), sock(report.TCP, Established, "10.0.0.1:1001", "10.0.0.9:2000", cli),
		}, []string{"out curl 10.0.0.9:2000 x0", "unknown curl 10.0.0.9:2000 x1 from 1001"}},
		{"where an open one was called", []Socket{sock(report.TCP, SynSent, "10.0.0.1:40000", "10.0.0.9:80", cli), called(1, "curl")}, []string{"out curl 10.0.0.9:80 x1"}},
	} {
		if diff := cmp.Diff(tt.want, counted(NewFolder().Fold(thisHost, tt.sockets, nil))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestRoutes: what ports don't decide, the kernel's word does who sent the SYN.
func TestRoutes(t *testing.T) {
	erl := owned(20, "erl")
	vague := sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:50001", erl)
	connected := func(peer string, port uint16, n uint64) Open {
		return Open{Active: true, Peer: netip.MustParseAddr(peer), Port: port, Owner: Owner{Process: "erl", User: "u"}, Opened: n}
	}
	accepted := func(local string, port uint16, n uint64) Open {
		return Open{Peer: netip.MustParseAddr("10.0.0.9"), Local: netip.MustParseAddr(local), Port: port, Opened: n}
	}
	elsewhere := connected("10.0.0.9", 50001, 1)
	elsewhere.Namespace = 1
	const undecided = "unknown erl 10.0.0.9:50001 x1 from 40000"
	for _, tt := range []struct {
		name    string
		sockets []Socket
		looks   []*Opens // the sockets are there in the last one only
		want    []string
	}{
		{"nothing known", []Socket{vague}, []*Opens{{}}, []string{undecided}},
		{"called", []Socket{vague}, []*Opens{{Edges: []Open{connected("10.0.0.9", 50001, 3)}}}, []string{"out erl 10.0.0.9:50001 x1 opened 3"}},
		{"accepted", []Socket{vague}, []*Opens{{Edges: []Open{accepted("10.0.0.1", 40000, 3)}}}, []string{"in erl 10.0.0.9:40000 x1 at 10.0.0.1 opened 3"}},
		{"long ago", []Socket{vague}, []*Opens{{Edges: []Open{connected("10.0.0.9", 50001, 3)}}, {}, nil, {}}, []string{"out erl 10.0.0.9:50001 x1"}},
		{"long ago, accepted", []Socket{vague}, []*Opens{{Edges: []Open{accepted("10.0.0.1", 40000, 3)}}, nil}, []string{"in erl 10.0.0.9:40000 x1 at 10.0.0.1"}},
		{"both ways", []Socket{vague}, []*Opens{{Edges: []Open{accepted("10.0.0.1", 40000, 1), connected("10.0.0.9", 50001, 1)}}, nil}, []string{undecided}},
		{"both ways, one after the other", []Socket{vague}, []*Opens{{Edges: []Open{accepted("10.0.0.1", 40000, 1)}}, {Edges: []Open{connected("10.0.0.9", 50001, 1)}}, nil}, []string{undecided}},
		{"in vain", []Socket{vague}, []*Opens{{Edges: []Open{connected("10.0.0.9", 50001, 0)}}, nil}, []string{undecided}},
		{"accepted none", []Socket{vague}, []*Opens{{Edges: []Open{accepted("10.0.0.1", 40000, 0)}}, nil}, []string{undecided}},
		{"another port", []Socket{vague}, []*Opens{{Edges: []Open{connected("10.0.0.9", 50002, 1), accepted("10.0.0.1", 40001, 1)}}, nil}, []string{undecided}},
		{"another address", []Socket{vague}, []*Opens{{Edges: []Open{connected("10.0.0.8", 50001, 1), accepted("10.0.0.2", 40000, 1)}}, nil}, []string{undecided}},
		{"the ends the wrong way round", []Socket{vague}, []*Opens{{Edges: []Open{connected("10.0.0.1", 40000, 1), accepted("10.0.0.9", 50001, 1)}}, nil}, []string{undecided}},
		{"another namespace", []Socket{vague}, []*Opens{{Edges: []Open{elsewhere}}, nil}, []string{undecided}},
		{"in that namespace", []Socket{inNamespace(1, vague)}, []*Opens{{Edges: []Open{elsewhere}}, nil}, []string{"1: out erl 10.0.0.9:50001 x1"}},
		{"UDP", []Socket{sock(report.UDP, Established, "10.0.0.1:40000", "10.0.0.9:50001", erl)}, []*Opens{{Edges: []Open{connected("10.0.0.9", 50001, 1)}}, nil}, []string{undecided}},
		{"from a low port", []Socket{sock(report.TCP, Established, "10.0.0.1:1000", "10.0.0.9:50001", erl)}, []*Opens{{Edges: []Open{connected("10.0.0.9", 50001, 1)}}, nil}, []string{"out erl 10.0.0.9:50001 x1"}},
		{"accepted where ports say called", []Socket{sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.9:80", erl)}, []*Opens{{Edges: []Open{accepted("10.0.0.1", 40000, 1)}}, nil}, []string{"in erl 10.0.0.9:40000 x1 at 10.0.0.1"}},
		{"a listener knows better", []Socket{listening("0.0.0.0:40000", erl), vague}, []*Opens{{Edges: []Open{connected("10.0.0.9", 50001, 1)}}, nil}, []string{"in erl 10.0.0.9:40000 x1 at 0.0.0.0"}},
		{"ended", []Socket{numbered(7, in(TimeWait, vague))}, []*Opens{{Edges: []Open{connected("10.0.0.9", 50001, 1)}}, nil}, []string{"out erl 10.0.0.9:50001 x0 opened 1"}},
		{"accepted, ended", []Socket{numbered(7, in(TimeWait, vague))}, []*Opens{{Edges: []Open{accepted("10.0.0.1", 40000, 1)}}, nil}, []string{"in erl 10.0.0.9:40000 x0 at 10.0.0.1 opened 1"}},
		{"on link-local addresses", []Socket{sock(report.TCP, Established, "[fe80::1]:40000", "[fe80::9]:50001", erl)}, []*Opens{{Edges: []Open{accepted("fe80::1", 40000, 1)}}, nil}, []string{"in erl fe80::9:40000 x1 at fe80::1"}},
		{"within this host", []Socket{
			sock(report.TCP, Established, "10.0.0.1:40000", "10.0.0.1:50001", erl), sock(report.TCP, Established, "10.0.0.1:50001", "10.0.0.1:40000", owned(21, "beam")),
		}, []*Opens{{Edges: []Open{connected("10.0.0.1", 50001, 1), accepted("10.0.0.1", 50001, 1)}}, nil}, []string{
			"in beam 10.0.0.1:50001 x1 at 10.0.0.1", "out erl 10.0.0.1:50001 x1",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFolder()
			f.Fold(thisHost, nil, nil)
			var got []string
			for i, opens := range tt.looks {
				var sockets []Socket
				if i == len(tt.looks)-1 {
					sockets = tt.sockets
				}
				got = counted(f.Fold(thisHost, sockets, opens))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRoutesAreBounded: what is remembered never grows beyond the limit, and
// goes on being learnt there.
func TestRoutesAreBounded(t *testing.T) {
	opens := func(from, n int) *Opens {
		o := &Opens{}
		for i := from; i < from+n; i++ {
			o.Edges = append(o.Edges, Open{Active: true, Peer: netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), Port: 50001, Opened: 1})
		}
		return o
	}
	knows := func(r *routes, i int) bool {
		s := Socket{Protocol: report.TCP, Local: netip.MustParseAddrPort("10.0.0.1:40000"), Remote: netip.AddrPortFrom(opens(i, 1).Edges[0].Peer, 50001)}
		return r.way(&s) == outward
	}
	var r routes
	for _, step := range []struct {
		from, n       int
		known, others int // edges that are known then, and that are not
	}{
		{0, 10, 9, 10},
		{10, maxRoutes - 10, 0, maxRoutes},
		{maxRoutes, 1, maxRoutes, 0}, // one too many: learnt anew
		{maxRoutes + 1, 5, maxRoutes + 5, 0},
		{2 * maxRoutes, maxRoutes + 5, 2 * maxRoutes, maxRoutes}, // more at once than there is room for
	} {
		r.learn(opens(step.from, step.n))
		if len(r.seen) > maxRoutes {
			t.Fatalf("after edge %d: %d are remembered, at most %d may", step.from+step.n, len(r.seen), maxRoutes)
		}
		if !knows(&r, step.known) || knows(&r, step.others) {
			t.Errorf("after edge %d: edge %d is known: %t, edge %d: %t", step.from+step.n, step.known, knows(&r, step.known), step.others, knows(&r, step.others))
		}
	}
}

// TestOwnAddresses: each namespace has its own.
func TestOwnAddresses(t *testing.T) {
	host := thisHost
	host.Addresses = append(host.Addresses, []netip.Addr{netip.MustParseAddr("172.17.0.2")})
	call := func(namespace int, remote string) Socket {
		return inNamespace(namespace, sock(report.TCP, Established, "10.0.0.77:1000", remote, owned(1, "curl")))
	}
	serve := func(namespace int) Socket {
		return inNamespace(namespace, listening("0.0.0.0:45000", owned(2, "web")))
	}
	for _, tt := range []struct {
		name    string
		sockets []Socket
		want    string
	}{
		{"the host's own", []Socket{serve(0), call(0, "10.0.0.1:45000")}, "out curl 10.0.0.1:45000 x1"},
		{"the container's own", []Socket{serve(1), call(1, "172.17.0.2:45000")}, "1: out curl 172.17.0.2:45000 x1"},
		{"the container's, from the host", []Socket{serve(0), serve(1), call(0, "172.17.0.2:45000")}, "unknown curl 172.17.0.2:45000 x1 from 1000"},
		{"the host's, from the container", []Socket{serve(0), serve(1), call(1, "10.0.0.1:45000")}, "1: unknown curl 10.0.0.1:45000 x1 from 1000"},
		{"loopback is everybody's own", []Socket{serve(1), call(1, "127.0.0.1:45000")}, "1: out curl 127.0.0.1:45000 x1"},
		{"but each one's", []Socket{serve(0), call(1, "127.0.0.1:45000")}, "1: unknown curl 127.0.0.1:45000 x1 from 1000"},
		{"a namespace without addresses", []Socket{serve(2), call(2, "10.0.0.1:45000")}, "2: unknown curl 10.0.0.1:45000 x1 from 1000"},
	} {
		if diff := cmp.Diff([]string{tt.want}, counted(NewFolder().Fold(host, tt.sockets, nil))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestRowsApart: what a process belongs to sets its rows apart.
func TestRowsApart(t *testing.T) {
	at := func(cookie uint64, o Owner) Socket { s := called(cookie, ""); s.Owner = &o; return s }
	plain := Owner{PID: 9, Process: "php", User: "www"}
	unit, other, box, box2, root := plain, plain, plain, plain, plain
	unit.Unit, other.Unit, box.Container, box2.Container, root.User = "php.service", "cron.service", 1, 2, "root"
	want := []string{
		"out php 10.0.0.9:80 x1", // root's
		"out php 10.0.0.9:80 x2", // www's
		"out php 10.0.0.9:80 x1 box 1",
		"out php 10.0.0.9:80 x1 box 2",
		"out php 10.0.0.9:80 x1 unit cron.service",
		"out php 10.0.0.9:80 x1 unit php.service",
	}
	got := counted(NewFolder().Fold(thisHost, []Socket{at(1, box2), at(2, unit), at(3, plain), at(4, other), at(5, root), at(6, box), at(7, plain)}, nil))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	web := Owner{PID: 10, Process: "nginx", User: "root", Unit: "nginx.service", Container: 3}
	want = []string{"in nginx 10.0.0.9:80 x2 at 0.0.0.0 unit nginx.service box 3"}
	got = counted(NewFolder().Fold(thisHost, []Socket{
		listening("0.0.0.0:80", web),
		sock(report.TCP, Established, "10.0.0.1:80", "10.0.0.9:40000", unit),
		sock(report.TCP, Established, "10.0.0.1:80", "10.0.0.9:40001", box),
	}, nil))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what a worker serves is its listener's (-want +got):\n%s", diff)
	}
}

// TestAlikeInAllButOne: two sockets of one process that differ in one thing only
// are the rows that they are when nothing but their processes' names is the same.
func TestAlikeInAllButOne(t *testing.T) {
	accepted := Open{Peer: netip.MustParseAddr("10.0.0.9"), Port: 50001, Opened: 1}
	at1, at2 := accepted, accepted
	at1.Local, at2.Local = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	opens := &Opens{Edges: []Open{at1, at2}}
	ends := func(local, remote string) Socket { return sock(report.TCP, Established, local, remote, nobody) }
	base := ends("10.0.0.1:40000", "10.0.0.9:80")
	vague := ends("10.0.0.1:40000", "10.0.0.9:40001")
	served := ends("10.0.0.1:80", "10.0.0.9:40000")
	for _, tt := range []struct {
		name  string
		a, b  Socket
		other []Socket
		rows  int
	}{
		{"nothing", base, ends("10.0.0.1:40001", "10.0.0.9:80"), nil, 1},
		{"namespace", base, inNamespace(1, base), nil, 2},
		{"protocol", base, sock(report.UDP, Established, "10.0.0.1:40000", "10.0.0.9:80", nobody), nil, 2},
		{"peer", base, ends("10.0.0.1:40000", "10.0.0.8:80"), nil, 2},
		{"port", base, ends("10.0.0.1:40000", "10.0.0.9:81"), nil, 2},
		{"who is really there", base, really("10.0.0.8:80", base), nil, 2},
		{"state", base, in(SynSent, base), nil, 1},
		{"asking for what has no direction", in(SynSent, vague), vague, nil, 2},
		{"local port, without direction", vague, ends("10.0.0.1:40002", "10.0.0.9:40001"), nil, 2},
		{"called address, accepted without listener", ends("10.0.0.1:50001", "10.0.0.9:40000"), ends("10.0.0.2:50001", "10.0.0.9:40000"), nil, 2},
		{"listener", served, ends("10.0.0.2:80", "10.0.0.9:40000"), []Socket{listening("10.0.0.1:80", owned(8, "x")), listening("10.0.0.2:80", owned(8, "x"))}, 2},
		{"called address, one listener", served, ends("10.0.0.2:80", "10.0.0.9:40000"), []Socket{listening("0.0.0.0:80", owned(8, "x"))}, 2},
		{"called address, hidden listeners", served, ends("10.0.0.2:80", "10.0.0.9:40000"), []Socket{listening("10.0.0.1:80", nobody), listening("10.0.0.2:80", nobody)}, 2},
	} {
		shared := ptr(Owner{PID: 9, Process: "a", User: "u"})
		for _, sockets := range [][]Socket{{tt.a, tt.b}, {tt.b, tt.a}, {tt.a, tt.b, tt.a, tt.b}} {
			var together, apart []Socket
			for _, s := range sockets {
				s.Owner = shared
				together = append(together, s)
				s.Owner = ptr(*shared)
				apart = append(apart, s)
			}
			fold := func(sockets []Socket) Look {
				f := NewFolder()
				f.Fold(thisHost, nil, opens)
				return f.Fold(thisHost, append(sockets, tt.other...), nil)
			}
			want, got := fold(apart), fold(together)
			if diff := cmp.Diff(want, got, sameAddresses); diff != "" {
				t.Errorf("%s (-apart +together):\n%s", tt.name, diff)
			}
			if len(got.Connections) != tt.rows {
				t.Errorf("%s: %d rows, want %d: %q", tt.name, len(got.Connections), tt.rows, lines(got))
			}
		}
	}
}

// TestSharedOwners: that sockets of one process share their Owner is a shortcut,
// and shows nowhere. There are few different sockets, so that many are alike in
// all but one thing.
func TestSharedOwners(t *testing.T) {
	owners := []*Owner{nil, {}, {PID: 1, Process: "a"}, {PID: 2, Process: "a"}, {PID: 3, Process: "a", Unit: "x"}, {Admin: true}}
	real := netip.MustParseAddrPort("10.0.0.8:80")
	// The kernel saw connections to this host's port 50001 open, which nobody
	// listens on any more.
	var opens Opens
	for _, local := range []string{"10.0.0.1", "10.0.0.2"} {
		opens.Edges = append(opens.Edges, Open{Peer: netip.MustParseAddr("10.0.0.9"), Local: netip.MustParseAddr(local), Port: 50001, Opened: 1})
	}
	rapid.Check(t, func(t *rapid.T) {
		pick := func(label string, of ...string) netip.AddrPort {
			return netip.MustParseAddrPort(rapid.SampledFrom(of).Draw(t, label))
		}
		var shared, apart []Socket
		for i := range rapid.IntRange(2, 12).Draw(t, "sockets") {
			s := Socket{
				Protocol:  report.TCP,
				Namespace: rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "namespace"),
				State:     rapid.SampledFrom([]State{Established, Established, Established, SynSent, Listen, TimeWait}).Draw(t, "state"),
				Local:     pick("local", "10.0.0.1:80", "10.0.0.1:50001", "10.0.0.2:50001", "10.0.0.1:40000", "10.0.0.1:40001"),
				Remote:    pick("remote", "10.0.0.9:80", "10.0.0.9:50002", "10.0.0.7:80"),
				Real:      rapid.SampledFrom([]*netip.AddrPort{nil, nil, &real}).Draw(t, "real"),
				Owner:     rapid.SampledFrom(owners).Draw(t, "owner"),
				Cookie:    uint64(i) + 1,
			}
			if rapid.IntRange(0, 5).Draw(t, "UDP") == 0 && s.State == Established {
				s.Protocol = report.UDP
			}
			shared = append(shared, s)
			if s.Owner != nil {
				s.Owner = ptr(*s.Owner)
			}
			apart = append(apart, s)
		}
		a, b := NewFolder(), NewFolder()
		a.Fold(thisHost, nil, &opens)
		b.Fold(thisHost, nil, &opens)
		for look := range 2 { // the second finds what the first left behind
			want, got := a.Fold(thisHost, apart, nil), b.Fold(thisHost, shared, nil)
			if diff := cmp.Diff(want, got, sameAddresses); diff != "" {
				t.Fatalf("look %d (-apart +shared):\n%s", look+1, diff)
			}
		}
	})
}
