package agent

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/report"
)

func foldPolicy(most int, within ...string) *report.Policy {
	p := &report.Policy{Name: "n", InternalNetworks: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("203.0.113.7/32"),
	}}
	p.Fold.Networks = most
	for _, w := range within {
		p.Fold.Within = append(p.Fold.Within, netip.MustParsePrefix(w))
	}
	return p
}

// clients is a look at a server with these clients, so many connections each.
func clients(at time.Time, count int, peers ...netip.Addr) *report.Report {
	r := &report.Report{Time: at, Interfaces: []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.1/24")}}}}
	for _, p := range peers {
		r.Connections = append(r.Connections, report.Connection{
			Direction: report.In, Protocol: report.TCP, Process: "nginx", Peer: p, Port: 443, Local: netip.IPv6Unspecified(), Count: count, Opened: 1,
		})
	}
	return r
}

func v4(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}

// abroad are n addresses all over the Internet.
func abroad(rnd *rand.Rand, n int) (list []netip.Addr) {
	for len(list) < n {
		a := v4(rnd.Uint32())
		if a.Is4() && a.As4()[0]%2 == 1 && a.As4()[0] > 10 && a.As4()[0] < 127 {
			list = append(list, a)
		}
	}
	return list
}

func sums(rows []report.Connection) (count int, opened uint64, peers int) {
	for _, c := range rows {
		count += c.Count
		opened += c.Opened
		peers += max(c.Peers, 1)
	}
	return count, opened, peers
}

func TestFewPeersDontFold(t *testing.T) {
	f := newFolder(foldPolicy(256))
	rnd := rand.New(rand.NewPCG(1, 1))
	r := clients(noon, 1, abroad(rnd, 256)...)
	want := slices.Clone(r.Connections)
	f.fold(r)
	if diff := cmp.Diff(want, r.Connections, sameAddresses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var none *folder
	none.fold(r) // an agent without a policy
	off := newFolder(foldPolicy(0))
	r = clients(noon, 1, abroad(rnd, 1000)...)
	if off.fold(r); len(r.Connections) != 1000 {
		t.Errorf("%d rows though nothing shall fold", len(r.Connections))
	}
}

// TestFold: many clients become few rows, without a connection or a client lost,
// and addresses that must not fold stay.
func TestFold(t *testing.T) {
	f := newFolder(foldPolicy(256))
	rnd := rand.New(rand.NewPCG(2, 2))
	peers := abroad(rnd, 5000)
	r := clients(noon, 2, peers...)
	busy := netip.MustParseAddr("81.2.69.142")
	kept := []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("224.0.0.1"), busy}
	r.Connections = append(r.Connections, clients(noon, 500, kept...).Connections...)
	translated := clients(noon, 1, netip.MustParseAddr("81.2.69.143")).Connections[0]
	translated.Direction, translated.Local, translated.Via = report.Out, netip.Addr{}, netip.MustParseAddrPort("81.2.69.9:80")
	r.Connections = append(r.Connections, translated)
	count, opened, all := sums(r.Connections)
	f.fold(r)
	if gotCount, gotOpened, gotPeers := sums(r.Connections); gotCount != count || gotOpened != opened || gotPeers != all {
		t.Errorf("%d connections, %d opened, %d peers became %d, %d, %d", count, opened, all, gotCount, gotOpened, gotPeers)
	}
	if n := len(r.Connections); n > 256+len(kept)+1 || n < 100 {
		t.Errorf("%d rows", n)
	}
	single := map[netip.Addr]bool{}
	for _, c := range r.Connections {
		if c.PeerNetwork == (netip.Prefix{}) {
			single[c.Peer] = true
			continue
		}
		if !c.PeerNetwork.Contains(c.Peer) || c.PeerNetwork.Bits() < 8 || c.Peers < 1 {
			t.Errorf("row %+v", c)
		}
	}
	for _, a := range append(kept, translated.Peer) {
		if !single[a] {
			t.Errorf("%s was folded", a)
		}
	}
}

// TestFoldIsStable: with other clients at every look the rows stay what they
// are, so that beats tell them.
func TestFoldIsStable(t *testing.T) {
	f := newFolder(foldPolicy(256))
	rnd := rand.New(rand.NewPCG(3, 3))
	var known map[report.Edge]bool
	var news []int
	for i := range 60 {
		r := clients(noon.Add(time.Duration(i)*10*time.Second), 1, abroad(rnd, 800)...)
		f.fold(r)
		if known == nil {
			known = map[report.Edge]bool{}
		}
		n := 0
		for _, c := range r.Connections {
			if !known[c.Edge()] {
				n++
			}
			known[c.Edge()] = true
		}
		if i >= 20 && n > 0 {
			news = append(news, i)
		}
		if len(r.Connections) > 256 {
			t.Errorf("look %d has %d rows", i, len(r.Connections))
		}
	}
	if len(news) > 2 {
		t.Errorf("looks %v have rows that were not there before", news)
	}
}

// TestFoldIsDeterministic: the same reports give the same networks.
func TestFoldIsDeterministic(t *testing.T) {
	run := func() (out []string) {
		f := newFolder(foldPolicy(64))
		rnd := rand.New(rand.NewPCG(4, 4))
		for i := range 10 {
			r := clients(noon.Add(time.Duration(i)*10*time.Second), 1, abroad(rnd, 300)...)
			f.fold(r)
			for _, c := range r.Connections {
				out = append(out, fmt.Sprint(c.Peer, c.PeerNetwork, c.Peers))
			}
		}
		return out
	}
	if a, b := run(), run(); !slices.Equal(a, b) {
		t.Error("two runs differ")
	}
}

// TestFoldWithin: peers of a network that has a name never share a row with
// others.
func TestFoldWithin(t *testing.T) {
	f := newFolder(foldPolicy(32, "81.2.0.0/16", "81.2.69.0/24"))
	var peers []netip.Addr
	for i := range byte(120) {
		peers = append(peers, netip.AddrFrom4([4]byte{81, 2, 69, i}), netip.AddrFrom4([4]byte{81, 2, i, 200}), netip.AddrFrom4([4]byte{81, i, 3, 4}))
	}
	slices.SortFunc(peers, netip.Addr.Compare)
	r := clients(noon, 1, slices.Compact(peers)...)
	f.fold(r)
	within := func(a netip.Addr) int { return f.within.find(a) }
	folded := 0
	for _, c := range r.Connections {
		if c.PeerNetwork == (netip.Prefix{}) {
			continue
		}
		folded++
		if w := within(c.Peer); w != 0 && c.PeerNetwork.Bits() < f.within.length(w) {
			t.Errorf("%s of %s goes beyond %s", c.Peer, c.PeerNetwork, f.within.list[w-1])
		}
	}
	if folded < 3 || len(r.Connections) > 32 {
		t.Errorf("%d rows, %d of networks", len(r.Connections), folded)
	}
}

// TestFoldEnds: when there have been few peers for an hour, they are told one by
// one again.
func TestFoldEnds(t *testing.T) {
	f := newFolder(foldPolicy(256))
	rnd := rand.New(rand.NewPCG(5, 5))
	f.fold(clients(noon, 1, abroad(rnd, 1000)...))
	few := abroad(rnd, 20)
	for i := 1; i < 400; i++ {
		r := clients(noon.Add(time.Duration(i)*10*time.Second), 1, few...)
		f.fold(r)
		exact := !slices.ContainsFunc(r.Connections, func(c report.Connection) bool { return c.PeerNetwork.IsValid() })
		if want := time.Duration(i)*10*time.Second > unfoldAfter; exact != want && want {
			t.Fatalf("after %d looks: exact %t", i, exact)
		}
	}
}

// TestFoldProperties: nothing is lost and the bound holds, whatever peers there
// are.
func TestFoldProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 40).Draw(t, "most")
		f := newFolder(foldPolicy(most, "64.0.0.0/4", "2001:db8::/32"))
		for i := range rapid.IntRange(1, 8).Draw(t, "looks") {
			var peers []netip.Addr
			for range rapid.IntRange(0, 120).Draw(t, "peers") {
				if rapid.Bool().Draw(t, "v4") {
					peers = append(peers, v4(rapid.Uint32().Draw(t, "a")))
				} else {
					b := [16]byte{0x20, 1, 0xd, 0xb8 - rapid.ByteRange(0, 1).Draw(t, "x"), 0, rapid.ByteRange(0, 9).Draw(t, "b"), 0, rapid.Byte().Draw(t, "c"), 15: rapid.Byte().Draw(t, "d")}
					peers = append(peers, netip.AddrFrom16(b))
				}
			}
			peers = slices.DeleteFunc(peers, netip.Addr.IsUnspecified)
			slices.SortFunc(peers, netip.Addr.Compare)
			r := clients(noon.Add(time.Duration(i)*time.Minute), 1, slices.Compact(peers)...)
			count, opened, all := sums(r.Connections)
			f.fold(r)
			if gotCount, gotOpened, gotPeers := sums(r.Connections); gotCount != count || gotOpened != opened || gotPeers != all {
				t.Fatalf("%d, %d, %d became %d, %d, %d", count, opened, all, gotCount, gotOpened, gotPeers)
			}
			outside, edges := 0, map[report.Edge]bool{}
			for _, c := range r.Connections {
				if edges[c.Edge()] {
					t.Fatalf("two rows of %+v", c.Edge())
				}
				edges[c.Edge()] = true
				if c.Peer.IsGlobalUnicast() && f.internal.find(c.Peer) == 0 && c.Peer != netip.MustParseAddr("198.51.100.1") {
					outside++
				}
				if c.PeerNetwork.IsValid() && !c.PeerNetwork.Contains(c.Peer) {
					t.Fatalf("row %+v", c)
				}
			}
			if outside > max(most, 2) { // one rest for each family
				t.Fatalf("%d rows of peers outside, at most %d", outside, most)
			}
		}
	})
}

// TestJoin: rows of several peers are one in their health, too.
func TestJoin(t *testing.T) {
	row := func(pid, count int, h *report.Health) *report.Connection {
		c := out("a", 2, count, 1)
		c.PID, c.Peers, c.Health = pid, 1, h
		return &c
	}
	got := row(0, 1, &report.Health{Measured: 1, RTT: 100, RTTVar: 10, Sent: 5, CloseWait: 1, CloseWaitMS: 9})
	join(got, row(9, 3, &report.Health{Measured: 3, RTT: 500, RTTVar: 50, Sent: 6, Segments: 3, Connecting: 2, ConnectingMS: 4}))
	join(got, row(4, 1, nil))
	want := row(4, 5, &report.Health{Measured: 4, RTT: 400, RTTVar: 40, Sent: 11, Segments: 3, CloseWait: 1, CloseWaitMS: 9, Connecting: 2, ConnectingMS: 4})
	want.Opened, want.Peers = 3, 3
	if diff := cmp.Diff(want, got, sameAddresses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got = row(0, 1, nil)
	join(got, row(0, 1, &report.Health{Measured: 1, RTT: 7}))
	if got.Health == nil || got.Health.RTT != 7 {
		t.Errorf("health %+v", got.Health)
	}
}

func BenchmarkFold(b *testing.B) {
	rnd := rand.New(rand.NewPCG(6, 6))
	f := newFolder(foldPolicy(256))
	r := clients(noon, 1, abroad(rnd, 10_000)...)
	b.ReportAllocs()
	for b.Loop() {
		next := *r
		f.fold(&next)
	}
}
