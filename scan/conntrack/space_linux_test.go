package conntrack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/netns"
)

// space is a network namespace of a test: a thread that lives in it, and does
// there what it is told.
type space struct {
	t    testing.TB
	tid  int
	jobs chan func()
}

// newSpace makes a namespace with nothing in it but its loopback interface.
func newSpace(t testing.TB) *space {
	t.Helper()
	netns.Need(t)
	s := &space{t: t, jobs: make(chan func())}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine, and takes the namespace along
		s.tid = unix.Gettid()
		made <- unix.Unshare(unix.CLONE_NEWNET)
		for job := range s.jobs {
			job()
		}
	}()
	must(t, <-made)
	t.Cleanup(func() { close(s.jobs) })
	s.ip("link set lo up")
	s.do(withoutDAD)
	return s
}

// withoutDAD has addresses of IPv6 usable at once (ip-sysctl.rst of the
// kernel). A kernel without IPv6 has no such switch.
func withoutDAD() error {
	err := os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// try does f in the namespace.
func (s *space) try(f func() error) error {
	var err error
	done := make(chan struct{})
	s.jobs <- func() {
		defer close(done)
		err = f()
	}
	<-done
	return err
}

func (s *space) do(f func() error) {
	s.t.Helper()
	must(s.t, s.try(f))
}

// run starts a program in the namespace and returns what it writes.
func (s *space) run(stdin, name string, args ...string) string {
	s.t.Helper()
	var out []byte
	s.do(func() error {
		cmd := exec.Command(name, args...)
		cmd.Stdin = strings.NewReader(stdin)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		var err error
		if out, err = cmd.Output(); err != nil {
			return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, stderr.Bytes())
		}
		return nil
	})
	return string(out)
}

// ip calls ip(8) with one line of arguments each.
func (s *space) ip(lines ...string) {
	s.t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		netns.Cannot(s.t, "ip(8) is missing (Debian package iproute2)")
	}
	for _, l := range lines {
		s.run("", "ip", strings.Fields(l)...)
	}
}

// rules gives the namespace these rules of nft(8).
func (s *space) rules(text string) {
	s.t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		netns.Cannot(s.t, "nft(8) is missing (Debian package nftables)")
	}
	s.run(text, "nft", "-f", "-")
}

func (s *space) sysctl(name, value string) {
	s.t.Helper()
	s.do(func() error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0) })
}

// tracked returns how many connections the kernel tracks in the namespace.
func (s *space) tracked() (n int) {
	s.t.Helper()
	s.do(func() (err error) {
		text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
		if err == nil {
			n, err = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		return err
	})
	return n
}

// read reads the namespace's table.
func (s *space) read(o Options) *Table {
	s.t.Helper()
	var table Table
	s.do(func() error { return New(o).Read(context.Background(), &table) })
	if table.Incomplete || table.LeftOut > 0 {
		s.t.Fatalf("table lacks flows: incomplete %t, left out %d", table.Incomplete, table.LeftOut)
	}
	return &table
}

// link connects two namespaces by a pair of interfaces, both of that name, with
// these addresses.
func link(a, b *space, name, onA, onB string) {
	a.t.Helper()
	a.ip(fmt.Sprintf("link add %s type veth peer name %s netns %d", name, name, b.tid))
	for s, addresses := range map[*space]string{a: onA, b: onB} {
		for address := range strings.FieldsSeq(addresses) {
			if strings.Contains(address, ":") {
				address += " nodad" // there at once
			}
			s.ip("addr add " + address + " dev " + name)
		}
		s.ip("link set " + name + " up")
	}
}

// site is a router between a client and a server.
type site struct{ client, router, server *space }

func newSite(t testing.TB) site {
	t.Helper()
	if _, err := os.Stat("/proc/sys/net/ipv6"); err != nil {
		netns.Cannot(t, "the kernel has no IPv6")
	}
	s := site{newSpace(t), newSpace(t), newSpace(t)}
	link(s.client, s.router, "front", "10.0.1.2/24 fd00:1::2/64", "10.0.1.1/24 fd00:1::1/64")
	link(s.server, s.router, "back", "10.0.2.2/24 fd00:2::2/64", "10.0.2.1/24 fd00:2::1/64")
	s.client.ip("route add default via 10.0.1.1", "route add default via fd00:1::1")
	s.server.ip("route add default via 10.0.2.1", "route add default via fd00:2::1")
	s.router.sysctl("net/ipv4/ip_forward", "1")
	s.router.sysctl("net/ipv6/conf/all/forwarding", "1")
	return s
}

// patience bounds what a test waits for a peer.
const patience = 10 * time.Second

// ends are the two sockets of one connection, as each of them sees it.
type ends struct {
	protocol                          report.Protocol
	local, called, server, serverSeen netip.AddrPort
	client                            net.Conn
}

// connect opens one connection: from calls an address, and server listens on
// another.
func connect(from *space, called string, server *space, listen string) ends {
	from.t.Helper()
	accepted := make(chan net.Conn)
	acceptAll(server, listen, accepted)
	return dial(from, called, accepted)
}

// acceptAll hands over what connects to an address, until the test ends.
func acceptAll(s *space, listen string, accepted chan<- net.Conn) {
	s.t.Helper()
	var l net.Listener
	s.do(func() (err error) { l, err = net.Listen("tcp", listen); return err })
	s.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
}

// dial opens a connection that is handed over by accepted.
func dial(from *space, called string, accepted <-chan net.Conn) ends {
	from.t.Helper()
	var c net.Conn
	from.do(func() (err error) { c, err = net.DialTimeout("tcp", called, patience); return err })
	s := <-accepted
	from.t.Cleanup(func() { c.Close(); s.Close() })
	return ends{report.TCP, addrOf(c.LocalAddr()), addrOf(c.RemoteAddr()), addrOf(s.LocalAddr()), addrOf(s.RemoteAddr()), c}
}

// exchangeUDP has a datagram answered.
func exchangeUDP(from *space, called string, server *space, listen string) ends {
	from.t.Helper()
	var s net.PacketConn
	var c net.Conn
	server.do(func() (err error) { s, err = net.ListenPacket("udp", listen); return err })
	from.do(func() (err error) { c, err = net.Dial("udp", called); return err })
	from.t.Cleanup(func() { c.Close(); s.Close() })
	must(from.t, errors.Join(c.SetDeadline(time.Now().Add(patience)), s.SetDeadline(time.Now().Add(patience))))
	b := make([]byte, 16)
	_, err := c.Write([]byte("hello"))
	must(from.t, err)
	_, seen, err := s.ReadFrom(b)
	must(from.t, err)
	_, err = s.WriteTo(b[:5], seen)
	must(from.t, err)
	_, err = c.Read(b)
	must(from.t, err)
	return ends{report.UDP, addrOf(c.LocalAddr()), addrOf(c.RemoteAddr()), addrOf(s.LocalAddr()), addrOf(seen), c}
}

func addrOf(a net.Addr) netip.AddrPort {
	p := netip.MustParseAddrPort(a.String())
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// flow is what the table must say of the connection.
func (e ends) flow() Flow {
	f := Flow{Protocol: e.protocol, From: e.local, Called: e.called, Server: e.server, Seen: e.serverSeen, Answered: true}
	if e.protocol == report.TCP {
		f.State, f.Assured = Established, true
	}
	return f
}

// inspect checks that the namespace's table holds these connections and no
// others, whichever way it is read, and that a Finder says the same of their
// sockets. It returns the table.
func (s *space) inspect(want ...ends) *Table {
	s.t.Helper()
	for way, proc := range ways(s.t) {
		check(s.t, way, s.read(Options{Proc: proc}), want...)
	}
	s.find(want...)
	table := s.read(Options{})
	check(s.t, "as it comes", table, want...)
	return table
}

// ways are the two that a table is read in, each a /proc that leads to it.
func ways(t testing.TB) map[string]string {
	t.Helper()
	proc := func(buckets string) string {
		return fakeProc(t, map[string]string{
			"sys/net/netfilter/nf_conntrack_count":   "1\n",
			"sys/net/netfilter/nf_conntrack_buckets": buckets,
		})
	}
	return map[string]string{"all": proc("65536\n"), "filtered": proc("1\n")}
}

// check compares the table with the connections that it must hold, and asks it
// about both of each connection's sockets.
func check(t testing.TB, way string, table *Table, want ...ends) {
	t.Helper()
	var got, flows []Flow
	for f := range table.All() {
		if f.Protocol == report.UDP {
			f.Assured = false // of datagrams, kernels differ in when they take them for a stream
		}
		got = append(got, f)
	}
	for _, e := range want {
		flows = append(flows, e.flow())
	}
	slices.SortFunc(got, compareFlows)
	slices.SortFunc(flows, compareFlows)
	if !slices.Equal(got, flows) || table.Len() != len(want) {
		t.Errorf("%s: got flows\n%+v\nwant\n%+v", way, got, flows)
	}
	for _, e := range want {
		server, ok := table.Behind(e.protocol, e.local, e.called)
		e.checkServer(t, way, server, ok)
		caller, ok := table.Caller(e.protocol, e.server, e.serverSeen)
		e.checkCaller(t, way, caller, ok)
	}
}

func (e ends) checkServer(t testing.TB, way string, got netip.AddrPort, ok bool) {
	t.Helper()
	if want := e.called != e.server; ok != want || ok && got != e.server {
		t.Errorf("%s: behind %v of %v: got %v, %t, want %v, %t", way, e.called, e.local, got, ok, e.server, want)
	}
}

func (e ends) checkCaller(t testing.TB, way string, got netip.AddrPort, ok bool) {
	t.Helper()
	if want := e.local != e.serverSeen; ok != want || ok && got != e.local {
		t.Errorf("%s: caller of %v as %v: got %v, %t, want %v, %t", way, e.server, e.serverSeen, got, ok, e.local, want)
	}
}

// find asks a Finder about both sockets of each connection.
func (s *space) find(all ...ends) {
	s.t.Helper()
	f := s.finder()
	for _, e := range all {
		server, ok, err := f.Peer(e.protocol, e.local, e.called)
		must(s.t, err)
		e.checkServer(s.t, "finder", server, ok)
		caller, ok, err := f.Peer(e.protocol, e.server, e.serverSeen)
		must(s.t, err)
		e.checkCaller(s.t, "finder", caller, ok)
	}
}

// finder opens a Finder in the namespace.
func (s *space) finder() (f *Finder) {
	s.t.Helper()
	s.do(func() (err error) { f, err = New(Options{}).Open(); return err })
	s.t.Cleanup(func() { f.Close() })
	return f
}

func compareFlows(a, b Flow) int {
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}
