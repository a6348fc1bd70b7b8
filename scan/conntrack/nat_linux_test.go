package conntrack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/netlink"
	"github.com/devops-trouble-map/dotm/test/netns"
)

const (
	prerouting = `table inet t { chain c { type nat hook prerouting priority dstnat; %s; }; }` + "\n"
	output     = `table inet o { chain c { type nat hook output priority -100; %s; }; }` + "\n"
	outgoing   = `table inet p { chain c { type nat hook postrouting priority srcnat; %s; }; }` + "\n"
	counting   = `table inet f { chain c { type filter hook prerouting priority 0; ct state new counter; }; }` + "\n"
)

// TestPublishedPort: as Docker does it, a port of the host leads to a
// container's.
func TestPublishedPort(t *testing.T) {
	s := newSite(t)
	s.router.rules(fmt.Sprintf(prerouting, "tcp dport 8080 dnat ip to 10.0.2.2:80"))
	e := connect(s.client, "10.0.1.1:8080", s.server, "10.0.2.2:80")
	if e.server.String() != "10.0.2.2:80" || e.serverSeen != e.local {
		t.Fatalf("the rule doesn't do what this test is about: %+v", e)
	}
	table := s.router.inspect(e)
	for f := range table.All() {
		if !f.Destination() || f.Source() {
			t.Errorf("%+v has a translated destination %t, source %t", f, f.Destination(), f.Source())
		}
	}
	want := []report.Forward{{Protocol: report.TCP, From: e.called, To: e.server, Count: 1}}
	if got := table.Forwards(nil); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got forwards %v, want %v", got, want)
	}
	record(t, s.router, "published")
}

// TestService: as kube-proxy does it, an address that no host has leads to one
// of several servers, for the host's own clients too.
func TestService(t *testing.T) {
	s := newSite(t)
	const balance = "ip daddr 10.96.0.1 tcp dport 443 dnat ip addr . port to numgen inc mod 3 map { 0 : 10.0.2.2 . 6443, 1 : 10.0.2.2 . 6444, 2 : 10.0.2.2 . 6445 }"
	s.router.rules(fmt.Sprintf(output, balance) + fmt.Sprintf(prerouting, balance))
	s.router.ip("route add 10.96.0.0/16 dev back")
	accepted := make(chan net.Conn)
	for _, at := range []string{"10.0.2.2:6443", "10.0.2.2:6444", "10.0.2.2:6445"} {
		acceptAll(s.server, at, accepted)
	}
	var all []ends
	hit := map[netip.AddrPort]int{}
	for i := range 12 {
		from := s.router
		if i >= 6 {
			from = s.client
		}
		e := dial(from, "10.96.0.1:443", accepted)
		hit[e.server]++
		all = append(all, e)
	}
	if len(hit) != 3 {
		t.Fatalf("the rule doesn't balance: %v", hit)
	}
	table := s.router.inspect(all...)
	forwards := table.Forwards(nil)
	if len(forwards) != 3 {
		t.Errorf("got forwards %v, want 3", forwards)
	}
	for _, f := range forwards {
		if f.From.String() != "10.96.0.1:443" || f.Count != hit[f.To] {
			t.Errorf("got forward %+v, want from 10.96.0.1:443, count %d", f, hit[f.To])
		}
	}
	record(t, s.router, "service")
}

// TestRedirect: what a client calls elsewhere ends at the router itself, as a
// transparent proxy has it.
func TestRedirect(t *testing.T) {
	s := newSite(t)
	s.router.rules(fmt.Sprintf(prerouting, "tcp dport 80 redirect to :3128"))
	e := connect(s.client, "10.0.2.2:80", s.router, "0.0.0.0:3128")
	if e.server.String() != "10.0.1.1:3128" {
		t.Fatalf("the rule doesn't do what this test is about: %+v", e)
	}
	table := s.router.inspect(e)
	own := func(a netip.Addr) bool { return a == netip.MustParseAddr("10.0.1.1") }
	if got := table.Forwards(own); len(got) != 0 {
		t.Errorf("got %v for the router's own addresses, want none: it called another", got)
	}
	record(t, s.router, "redirect")
}

// TestHairpin: one container calls another of its bridge by the host's
// published port, and is masqueraded, lest the answer take the short way.
func TestHairpin(t *testing.T) {
	host, one, two := newSpace(t), newSpace(t), newSpace(t)
	host.ip("link add br0 type bridge", "addr add 172.17.0.1/16 dev br0", "link set br0 up")
	host.sysctl("net/ipv4/ip_forward", "1")
	for i, c := range []*space{one, two} {
		name := fmt.Sprint("port", i)
		link(host, c, name, "", fmt.Sprintf("172.17.0.%d/16", i+2))
		host.ip("link set " + name + " master br0")
		c.ip("route add default via 172.17.0.1")
	}
	host.rules(fmt.Sprintf(prerouting, "fib daddr type local tcp dport 8080 dnat ip to 172.17.0.3:80") +
		fmt.Sprintf(outgoing, "ip saddr 172.17.0.0/16 ip daddr 172.17.0.3 masquerade"))
	e := connect(one, "172.17.0.1:8080", two, "172.17.0.3:80")
	if e.serverSeen.Addr() != netip.MustParseAddr("172.17.0.1") {
		t.Fatalf("the server sees %v, want the bridge", e.serverSeen)
	}
	table := host.inspect(e)
	for f := range table.All() {
		if !f.Destination() || !f.Source() {
			t.Errorf("%+v has a translated destination %t, source %t", f, f.Destination(), f.Source())
		}
	}
	record(t, host, "hairpin")
}

// TestMasquerade: only the source is translated, and no forward comes of it.
func TestMasquerade(t *testing.T) {
	s := newSite(t)
	s.router.rules(fmt.Sprintf(outgoing, `oifname "back" masquerade`))
	e := connect(s.client, "10.0.2.2:80", s.server, "10.0.2.2:80")
	if e.serverSeen.Addr() != netip.MustParseAddr("10.0.2.1") {
		t.Fatalf("the server sees %v, want the router", e.serverSeen)
	}
	table := s.router.inspect(e)
	if got := table.Forwards(nil); len(got) != 0 {
		t.Errorf("got forwards %v, want none", got)
	}
	record(t, s.router, "masquerade")
}

func TestIPv6(t *testing.T) {
	s := newSite(t)
	s.router.rules(fmt.Sprintf(prerouting, "tcp dport 8080 dnat ip6 to [fd00:2::2]:80"))
	e := connect(s.client, "[fd00:1::1]:8080", s.server, "[fd00:2::2]:80")
	s.router.inspect(e)
	record(t, s.router, "ipv6")
}

func TestUDP(t *testing.T) {
	s := newSite(t)
	s.router.rules(fmt.Sprintf(prerouting, "udp dport 53 dnat ip to 10.0.2.2:5353"))
	e := exchangeUDP(s.client, "10.0.1.1:53", s.server, "10.0.2.2:5353")
	s.router.inspect(e)
	record(t, s.router, "udp")
}

// TestMixed: both families, both protocols and all kinds in one table, beside
// connections that aren't translated, and those of a protocol that reports
// don't know.
func TestMixed(t *testing.T) {
	s := newSite(t)
	s.router.rules(fmt.Sprintf(prerouting, "tcp dport 8080 dnat ip to 10.0.2.2:80; tcp dport 8080 dnat ip6 to [fd00:2::2]:80; udp dport 53 dnat ip to 10.0.2.2:5353; icmp type echo-request dnat ip to 10.0.2.2") +
		fmt.Sprintf(outgoing, `oifname "back" tcp dport 90 masquerade`))
	ping(s.client, "10.0.1.1")
	connect(s.client, "10.0.2.2:70", s.server, "10.0.2.2:70") // plain
	all := []ends{
		connect(s.client, "10.0.1.1:8080", s.server, "10.0.2.2:80"),
		connect(s.client, "[fd00:1::1]:8080", s.server, "[fd00:2::2]:80"),
		exchangeUDP(s.client, "10.0.1.1:53", s.server, "10.0.2.2:5353"),
		connect(s.client, "10.0.2.2:90", s.server, "10.0.2.2:90"),
	}
	table := s.router.inspect(all...)
	if table.Tracked < 6 {
		t.Errorf("tracked are %d, want at least 6", table.Tracked)
	}
	if got := s.router.read(Options{Limit: 4}); got.Len() != 4 {
		t.Errorf("a limit of 4 for 4 flows leaves %d", got.Len())
	}
	filtered := fakeProc(t, map[string]string{"sys/net/netfilter/nf_conntrack_count": "9\n"})
	for _, o := range []Options{{Limit: 3}, {Limit: 3, Proc: filtered}} {
		var short Table
		s.router.do(func() error { return New(o).Read(context.Background(), &short) })
		if short.Len() != 3 || short.LeftOut != 1 {
			t.Errorf("a limit of 3 for 4 flows leaves %d, out %d", short.Len(), short.LeftOut)
		}
		for f := range short.All() {
			if o.Proc != "" && !f.Destination() {
				t.Errorf("left out is another than %+v, of which only the source is translated", f)
			}
		}
	}
	record(t, s.router, "mixed")
}

// ping has one echo request of ICMP answered (icmp(7)).
func ping(from *space, to string) {
	from.t.Helper()
	from.sysctl("net/ipv4/ping_group_range", "0 0") // the group of root
	from.do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		wait := unix.Timeval{Sec: int64(patience.Seconds())}
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
			return err
		}
		request := []byte{8, 0, 0, 0, 0, 0, 0, 1} // ICMP_ECHO, the rest is filled in by the kernel
		if err := unix.Sendto(fd, request, 0, &unix.SockaddrInet4{Addr: netip.MustParseAddr(to).As4()}); err != nil {
			return err
		}
		_, err = unix.Read(fd, make([]byte, 64))
		return err
	})
}

// TestNothingTranslated: connections are tracked, none is translated.
func TestNothingTranslated(t *testing.T) {
	s := newSite(t)
	s.router.rules(counting)
	connect(s.client, "10.0.2.2:80", s.server, "10.0.2.2:80")
	exchangeUDP(s.client, "[fd00:2::2]:53", s.server, "[fd00:2::2]:53")
	table := s.router.inspect()
	if table.Tracked < 2 {
		t.Errorf("tracked are %d, want at least 2", table.Tracked)
	}
	record(t, s.router, "plain")
}

// TestMemory: what isn't translated costs no memory, however much of it there
// is, and what is translated costs none the second time.
func TestMemory(t *testing.T) {
	s := newSpace(t)
	inserted := 0
	more := func(n, every int) {
		s.do(func() error { return insert(inserted, n, every) })
		inserted += n
	}
	few := map[string]float64{}
	compare := func(translated int) {
		for way, proc := range ways(t) {
			r, table := New(Options{Proc: proc}), &Table{}
			var n float64
			s.do(func() error {
				n = testing.AllocsPerRun(10, func() { _ = r.Read(context.Background(), table) })
				return r.Read(context.Background(), table)
			})
			if inserted == 10 {
				few[way] = n
				t.Logf("%s: %v allocations a read", way, n)
			}
			if table.Len() != translated || n > few[way] {
				t.Errorf("%s: %v allocations with %d flows of %d, %v with none of 10", way, n, table.Len(), inserted, few[way])
			}
		}
	}
	more(10, 0)
	compare(0)
	more(3000, 0)
	compare(0)
	more(300, 1)
	compare(300)
}

// TestNamespace: the table is that of the thread's namespace, not of the
// process's.
func TestNamespace(t *testing.T) {
	one, two, none := newSpace(t), newSpace(t), newSpace(t)
	one.do(func() error { return insert(0, 3, 1) })
	two.do(func() error { return insert(0, 5, 1) })
	r := New(Options{})
	for s, want := range map[*space]int{one: 3, two: 5, none: 0} {
		var table Table
		s.do(func() error { return r.Read(context.Background(), &table) })
		if table.Len() != want || table.Tracked != want {
			t.Errorf("got %d flows of %d, want %d", table.Len(), table.Tracked, want)
		}
	}
}

// TestUnmarked: as IPVS leaves them, connections lead elsewhere and aren't
// marked as translated. The kernel's filter doesn't give those; where there is
// IPVS, it isn't used.
func TestUnmarked(t *testing.T) {
	needFilter(t)
	s := newSpace(t)
	s.do(func() error { return insertUnmarked(0, 7) })
	const heading = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
	for _, tt := range []struct {
		name, ipvs string
		want       int
	}{
		{"no IPVS", "", 0}, // or else the filter is of no use any more
		{"no service", heading, 0},
		{"a service", heading + "TCP  0A600001:01BB rr \n  -> 0A000202:192B      Masq    1      7          0\n", 7},
	} {
		files := map[string]string{"sys/net/netfilter/nf_conntrack_count": "7\n"}
		if tt.ipvs != "" {
			files["thread-self/net/ip_vs"] = tt.ipvs
		}
		if got := s.read(Options{Proc: fakeProc(t, files)}); got.Len() != tt.want {
			t.Errorf("with %s, got %d flows, want %d", tt.name, got.Len(), tt.want)
		}
	}
	if got := s.read(Options{}); got.Len() != 7 {
		t.Errorf("of few, got %d flows, want 7", got.Len())
	}
	client, called := inserted(3)
	if got, ok, err := s.finder().Peer(report.TCP, client, called); !ok || err != nil || got.String() != "10.0.2.2:80" {
		t.Errorf("a Finder finds %v, %t, %v", got, ok, err)
	}
}

// TestWithoutRights: who may not read the table is told so, and how much there
// is that can't be seen.
func TestWithoutRights(t *testing.T) {
	s := newSpace(t)
	s.do(func() error { return insert(0, 4, 1) })
	var table Table
	err := s.try(func() error {
		if err := dropNetAdmin(); err != nil {
			return fmt.Errorf("dropping the right: %v", err)
		}
		return New(Options{}).Read(context.Background(), &table)
	})
	if !errors.Is(err, ErrRefused) || !errors.Is(err, unix.EPERM) || table.Len() != 0 || table.Tracked != 4 {
		t.Errorf("got %v with %d flows of %d, want ErrRefused with 0 of 4", err, table.Len(), table.Tracked)
	}
	const want = "reading tracked connections: connection tracking may be read with CAP_NET_ADMIN only: kernel answered: operation not permitted"
	if err == nil || err.Error() != want {
		t.Errorf("got error %q, want %q", err, want)
	}
	if err := s.try(func() error {
		return talk(context.Background(), request(filter{}), make([]byte, answerBuffer), &answer{})
	}); !errors.Is(err, unix.EPERM) {
		t.Errorf("the kernel itself says %v, want EPERM", err)
	}
}

// dropNetAdmin takes CAP_NET_ADMIN from the calling thread, and from it alone.
func dropNetAdmin() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	data[0].Permitted &^= 1 << unix.CAP_NET_ADMIN
	return unix.Capset(&header, &data[0])
}

// TestNeverActivates: where nothing is tracked, nothing is after a read, nor
// after the kernel was asked in each of our ways in spite of that. A rule then
// shows that the test would see it.
func TestNeverActivates(t *testing.T) {
	s := newSpace(t)
	port := 8080
	call := func() (tracked int) {
		port++
		at := fmt.Sprintf("127.0.0.1:%d", port)
		connect(s, at, s, at)
		return s.tracked()
	}
	if n := call(); n != 0 {
		t.Fatalf("%d connections are tracked in a new namespace", n)
	}
	table := s.read(Options{})
	check(t, "inactive", table)
	f := s.finder()
	if n := call(); n != 0 || table.Tracked != 0 || f.conn != nil {
		t.Errorf("after a read, %d connections are tracked, the table says %d; finder open %t", n, table.Tracked, f.conn != nil)
	}
	s.do(func() (err error) {
		buf := make([]byte, answerBuffer)
		for _, wanted := range []filter{toAnother, fromAnother, {}} {
			err = errors.Join(err, talk(context.Background(), request(wanted), buf, &answer{table: table}))
		}
		conn, failed := netlink.Dial(unix.NETLINK_NETFILTER)
		client, called := inserted(0)
		_, _, asked := (&Finder{conn: conn, buf: buf}).Peer(report.TCP, client, called)
		return errors.Join(err, failed, asked, conn.Close())
	})
	if n := call(); n != 0 {
		t.Errorf("after the kernel was asked, %d connections are tracked", n)
	}
	s.rules(counting)
	if n := call(); n == 0 {
		t.Error("nothing is tracked with a rule either: this test can't fail")
	}
}

// TestFastPath: where nothing is tracked, the kernel isn't asked at all.
func TestFastPath(t *testing.T) {
	s := newSpace(t)
	r := New(Options{})
	asked := 0
	r.talk = func(ctx context.Context, request, buf []byte, a *answer) error {
		asked++
		return talk(ctx, request, buf, a)
	}
	var table Table
	s.do(func() error { return r.Read(context.Background(), &table) })
	if asked != 0 {
		t.Errorf("asked %d times for an empty table", asked)
	}
	s.do(func() error { return insert(0, 1, 0) })
	s.do(func() error { return r.Read(context.Background(), &table) })
	if asked != 1 || table.Tracked != 1 {
		t.Errorf("asked %d times for a table of %d, want once for 1", asked, table.Tracked)
	}
}

// TestFilter: whether this kernel heeds the filter is seen, and both filters
// together give every translated connection once.
func TestFilter(t *testing.T) {
	s := newSite(t)
	s.router.rules(fmt.Sprintf(prerouting, "tcp dport 8080 dnat ip to 10.0.2.2:80") +
		fmt.Sprintf(outgoing, `oifname "back" tcp dport { 90, 80 } masquerade`))
	connect(s.client, "10.0.2.2:70", s.server, "10.0.2.2:70")
	both := connect(s.client, "10.0.1.1:8080", s.server, "10.0.2.2:80")
	source := connect(s.client, "10.0.2.2:90", s.server, "10.0.2.2:90")
	ask := func(f filter, want ...ends) {
		t.Helper()
		table := Table{limit: 10}
		r := New(Options{})
		r.buf = make([]byte, answerBuffer)
		s.router.do(func() error {
			filtered, err := r.ask(context.Background(), &table, f)
			if !filtered {
				t.Errorf("the kernel doesn't heed %+v", f)
			}
			return err
		})
		table.index()
		check(t, fmt.Sprint(f), &table, want...)
	}
	needFilter(t)
	ask(toAnother, both)
	ask(fromAnother, source)
	ask(filter{}, both, source)
}

// needFilter skips a test on kernels that don't filter by status.
func needFilter(t *testing.T) {
	t.Helper()
	var name unix.Utsname
	must(t, unix.Uname(&name))
	var major, minor int
	_, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor)
	if must(t, err); major < 5 || major == 5 && minor < 15 {
		netns.Cannot(t, fmt.Sprintf("Linux %d.%d does not filter by status, 5.15 does", major, minor))
	}
}
