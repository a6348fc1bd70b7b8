package aggregate

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// truth is a small site as it is: which process of which host calls which port
// of which host, with how many sockets. The last host never reports.
type truth struct {
	hosts  int
	listen map[[2]int]string // host and port: process
	calls  map[call]int
}

type call struct {
	client  int
	process string
	server  int
	port    int
	vague   bool // the client can't tell the direction
}

func drawTruth(t *rapid.T) truth {
	s := truth{hosts: rapid.IntRange(3, 5).Draw(t, "hosts"), listen: map[[2]int]string{}, calls: map[call]int{}}
	for h := range s.hosts {
		for _, port := range rapid.SliceOfNDistinct(rapid.SampledFrom([]int{80, 443, 50001}), 0, 3, rapid.ID).Draw(t, "ports") {
			s.listen[[2]int{h, port}] = fmt.Sprintf("server-%d", port)
		}
	}
	s.drawCalls(t)
	return s
}

func (s *truth) drawCalls(t *rapid.T) {
	s.calls = map[call]int{}
	for range rapid.IntRange(0, 8).Draw(t, "calls") {
		c := call{
			client: rapid.IntRange(0, s.hosts-1).Draw(t, "client"), process: rapid.SampledFrom([]string{"curl", "wget"}).Draw(t, "process"),
			server: rapid.IntRange(0, s.hosts-1).Draw(t, "server"), port: rapid.SampledFrom([]int{80, 443, 50001}).Draw(t, "port"),
		}
		if s.listen[[2]int{c.server, c.port}] == "" || c.client == s.silent() && c.server == s.silent() {
			continue
		}
		c.vague = c.port == 50001 && c.server != s.silent() && c.client != c.server && c.process == "wget"
		s.calls[c] = rapid.IntRange(1, 3).Draw(t, "count")
	}
}

func (s *truth) silent() int { return s.hosts - 1 }

func (s *truth) addr(h int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(h + 1)}) }

func (s *truth) name(h int) string {
	if h == s.silent() {
		return s.addr(h).String()
	}
	return fmt.Sprintf("host%d", h)
}

// report is what host h says of it.
func (s *truth) report(h int) *report.Report {
	r, err := parseReport(s.name(h), "addr "+s.addr(h).String())
	if err != nil {
		panic(err)
	}
	for at, process := range s.listen {
		if at[0] == h {
			r.Listeners = append(r.Listeners, report.Listener{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: uint16(at[1]), Process: process})
		}
	}
	for c, n := range s.calls {
		port := uint16(c.port)
		if c.client == h {
			row := report.Connection{Direction: report.Out, Protocol: report.TCP, Process: c.process, Peer: s.addr(c.server), Port: port, Count: n}
			if c.vague {
				row.Direction, row.LocalPort = report.Unknown, 40000
			}
			r.Connections = append(r.Connections, row)
		}
		if c.server == h {
			r.Connections = append(r.Connections, report.Connection{
				Direction: report.In, Protocol: report.TCP, Process: s.listen[[2]int{h, c.port}],
				Peer: s.addr(c.client), Port: port, Local: netip.IPv4Unspecified(), Count: n,
			})
		}
	}
	return r
}

// edges are the ones that must stand when every host but the silent one has
// reported. The silent one's processes are not known: it is one client.
func (s *truth) edges() (out []string) {
	sum := map[string]int{}
	for c, n := range s.calls {
		process, server := c.process, s.listen[[2]int{c.server, c.port}]
		if c.client == s.silent() {
			process = ""
		}
		if c.server == s.silent() {
			server = ""
		}
		sum[fmt.Sprintf("%s(%s) -> %s:%d(%s)", s.name(c.client), process, s.name(c.server), c.port, server)] += n
	}
	for edge, n := range sum {
		out = append(out, fmt.Sprintf("%s x%d", edge, n))
	}
	slices.Sort(out)
	return out
}

// openEdges spells the edges that are open, and with which evidence.
func openEdges(s *topology.Snapshot) (edges, oneSided []string) {
	for _, line := range edgeLines(s) {
		edge, rest, _ := strings.Cut(line, " fresh")
		if strings.HasSuffix(edge, " x0") {
			continue
		}
		edges = append(edges, edge)
		if !strings.Contains(rest, "both") && !strings.Contains(rest, "confirmed") {
			oneSided = append(oneSided, edge)
		}
	}
	return edges, oneSided
}

// TestTrueEdges delivers the reports of a site in any order and any number of
// times, changes the site, and does so again: what stands open is the truth,
// each relation once, and no snapshot was ever written to.
func TestTrueEdges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStage(t)
		site := drawTruth(rt)
		past := map[*topology.Snapshot]string{}
		for range 2 {
			var order []int
			for h := range site.silent() {
				order = append(order, slices.Repeat([]int{h}, rapid.IntRange(1, 3).Draw(rt, "times"))...)
			}
			for _, h := range rapid.Permutation(order).Draw(rt, "order") {
				past[s.snap] = written(t, s.snap)
				s.now = s.now.Add(time.Second)
				s.snap = Apply(s.snap, site.report(h), s.now, s.opt)
				checkInvariants(rt, s.snap)
			}
			got, _ := openEdges(s.snap)
			if diff := cmp.Diff(site.edges(), got); diff != "" {
				rt.Fatalf("order %v (-true +got):\n%s", order, diff)
			}
			site.drawCalls(rt)
		}
		for snap, before := range past {
			if diff := cmp.Diff(before, written(t, snap)); diff != "" {
				rt.Fatalf("a snapshot was written to:\n%s", diff)
			}
		}
	})
}

// TestBothEnds asks that once each host has reported twice, every edge between
// two that report rests on both.
func TestBothEnds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStage(t)
		site := drawTruth(rt)
		for range 2 {
			hosts := rapid.Permutation([]int{0, 1, 2, 3}[:site.silent()]).Draw(rt, "order")
			for _, h := range hosts {
				s.snap = Apply(s.snap, site.report(h), s.now, s.opt)
			}
		}
		_, oneSided := openEdges(s.snap)
		for _, edge := range oneSided {
			if !strings.Contains(edge, site.name(site.silent())) {
				rt.Fatalf("%s is seen from one end only", edge)
			}
		}
		rev := s.snap.Revision()
		for h := range site.silent() {
			r := site.report(h)
			r.Time = s.now.Add(time.Minute)
			if s.snap = Apply(s.snap, r, r.Time, s.opt); s.snap.Revision() != rev {
				rt.Fatalf("host %d said the same, and the revision changed", h)
			}
		}
	})
}

// randomReport is valid, and hardly ever makes sense.
func randomReport(t *rapid.T) *report.Report {
	addr := rapid.Map(rapid.SampledFrom([]string{
		"10.0.0.1", "10.0.0.2", "10.0.0.3", "127.0.0.1", "203.0.113.1", "fd00::1", "fe80::1", "::1", "224.0.0.251",
	}), netip.MustParseAddr)
	bound := rapid.OneOf(addr, rapid.SampledFrom([]netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}))
	port := rapid.SampledFrom([]uint16{53, 80, 40000, 50001})
	proto := rapid.SampledFrom([]report.Protocol{report.TCP, report.UDP})
	process := rapid.SampledFrom([]string{"", "a", "b"})
	r := &report.Report{
		Version: report.Version, Time: start, IntervalMS: 1000,
		Node: report.Node{Name: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "node"), Identity: report.Identity{Kind: report.IdentityHostname, Value: "x"}},
		Zone: rapid.SampledFrom([]string{"", "", "west"}).Draw(t, "zone"),
	}
	if rapid.Bool().Draw(t, "has a machine-id") {
		r.Node.Identity = report.Identity{Kind: report.IdentityMachine, Value: rapid.SampledFrom([]string{"aaaa1111", "aaaa2222"}).Draw(t, "machine-id")}
	}
	r.Agent.Instance = rapid.SampledFrom([]string{"", "i", "j"}).Draw(t, "instance")
	r.Agent.Method = rapid.SampledFrom([]string{"sock_diag", "text"}).Draw(t, "method")
	for _, name := range rapid.SliceOfN(rapid.SampledFrom([]string{"eth0", "lo", "docker0"}), 1, 3).Draw(t, "interfaces") {
		own := report.Interface{Name: name}
		for _, a := range rapid.SliceOfN(addr, 0, 3).Draw(t, "addresses") {
			own.Addresses = append(own.Addresses, netip.PrefixFrom(a, rapid.SampledFrom([]int{24, a.BitLen()}).Draw(t, "bits")))
		}
		r.Interfaces = append(r.Interfaces, own)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "namespaces") {
		r.Namespaces = append(r.Namespaces, report.Namespace{Container: fmt.Sprintf("c%d", i), Addresses: rapid.SliceOfN(addr, 0, 2).Draw(t, "container's")})
	}
	ns := rapid.IntRange(0, len(r.Namespaces))
	r.Containers = []report.Container{{Name: "x"}, {Name: "y", Image: "i", Pod: "p", PodNamespace: "n"}}
	unit, box := rapid.SampledFrom([]string{"", "u.service"}), rapid.IntRange(0, 2)
	r.Listeners = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) report.Listener {
		l := report.Listener{Namespace: ns.Draw(t, "namespace"), Protocol: proto.Draw(t, "protocol"), Address: bound.Draw(t, "address"), Port: port.Draw(t, "port"), Process: process.Draw(t, "process")}
		l.Dual = rapid.Bool().Draw(t, "dual")
		l.User = rapid.SampledFrom([]string{"", "u"}).Draw(t, "user")
		l.Unit, l.Container = unit.Draw(t, "unit"), box.Draw(t, "container")
		l.Queue, l.QueueMax, l.Drops = rapid.Uint32Range(0, 2).Draw(t, "queue"), 2, rapid.Uint64Range(0, 2).Draw(t, "drops")
		return l
	}), 0, 5).Draw(t, "listeners")
	end := rapid.Custom(func(t *rapid.T) netip.AddrPort { return netip.AddrPortFrom(addr.Draw(t, "of"), port.Draw(t, "port")) })
	r.Forwards = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) report.Forward {
		return report.Forward{Protocol: proto.Draw(t, "protocol"), From: end.Draw(t, "from"), To: end.Draw(t, "to")}
	}), 0, 3).Draw(t, "forwards")
	r.Sources = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) report.Source {
		return report.Source{Protocol: proto.Draw(t, "protocol"), Client: addr.Draw(t, "client"), As: addr.Draw(t, "as"), Server: end.Draw(t, "server"), Count: 1}
	}), 0, 3).Draw(t, "sources")
	r.Connections = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) report.Connection {
		c := report.Connection{
			Unit: unit.Draw(t, "unit"), Container: box.Draw(t, "container"), Health: randomHealth(t), Via: rapid.OneOf(rapid.Just(netip.AddrPort{}), end).Draw(t, "via"),
			Refused: rapid.Uint64Range(0, 2).Draw(t, "refused"), TimedOut: rapid.Uint64Range(0, 2).Draw(t, "timed out"), Failed: rapid.Uint64Range(0, 2).Draw(t, "failed"),
			Namespace: ns.Draw(t, "namespace"), Protocol: proto.Draw(t, "protocol"), Process: process.Draw(t, "process"),
			Direction: rapid.SampledFrom([]report.Direction{report.In, report.Out, report.Unknown}).Draw(t, "direction"),
			Peer:      addr.Draw(t, "peer"), Port: port.Draw(t, "port"), Local: bound.Draw(t, "local"), LocalPort: port.Draw(t, "local port"),
			Count: rapid.IntRange(0, 3).Draw(t, "count"), Opened: rapid.Uint64Range(0, 3).Draw(t, "opened"),
		}
		if c.Direction == report.In {
			c.Called = rapid.OneOf(addr, rapid.Just(netip.Addr{})).Draw(t, "called")
		}
		c.Tuples = slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.Uint64Range(1, 6), 0, 3, rapid.ID).Draw(t, "tuples")))
		return c
	}), 0, 6).Draw(t, "connections")
	return r
}

func randomHealth(t *rapid.T) *report.Health {
	if rapid.Bool().Draw(t, "nothing measured") {
		return nil
	}
	small := rapid.Uint64Range(0, 300)
	return &report.Health{
		Measured: rapid.IntRange(0, 2).Draw(t, "measured"), RTT: uint32(small.Draw(t, "rtt")), RTTVar: uint32(small.Draw(t, "rttvar")),
		Segments: small.Draw(t, "segments"), Retransmits: small.Draw(t, "retransmits"), Sent: small.Draw(t, "sent"), Received: small.Draw(t, "received"),
		Connecting: rapid.IntRange(0, 2).Draw(t, "connecting"), ConnectingMS: rapid.Int64Range(0, 100_000).Draw(t, "connecting since"),
		CloseWait: rapid.IntRange(0, 2).Draw(t, "close-wait"), CloseWaitMS: rapid.Int64Range(0, 100_000).Draw(t, "close-wait since"),
	}
}

// quiet takes out of a report what counts since the report before: only what
// stands is left.
func quiet(r *report.Report) {
	for i := range r.Connections {
		c := &r.Connections[i]
		c.Opened, c.Refused, c.TimedOut, c.Failed = 0, 0, 0, 0
	}
	for i := range r.Listeners {
		r.Listeners[i].Drops = 0
	}
}

// anyReports applies nonsense and holds what every topology promises; a report
// that comes again and again changes nothing.
func anyReports(t *rapid.T) {
	snap, now := topology.Empty(topology.Revision{Epoch: "e"}, start), start
	opt := Options{Ageing: 5 * time.Minute, StaleAfter: time.Minute, ExpireAfter: 10 * time.Minute}
	for range rapid.IntRange(1, 8).Draw(t, "reports") {
		now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")) * time.Second)
		r := randomReport(t)
		if err := r.Validate(now); err != nil {
			t.Fatalf("no valid report: %v", err)
		}
		b := Begin(snap, opt)
		b.Report(r, now)
		if rapid.Bool().Draw(t, "age") {
			b.Age(now)
		}
		snap = b.Commit(now)
		checkInvariants(t, snap)

		quiet(r)
		again := Apply(snap, r, now, opt)
		checkInvariants(t, again)
		again = Apply(again, r, now, opt) // which of several clones without a word it is, is known by now
		if third := Apply(again, r, now, opt); third.Revision() != again.Revision() {
			t.Fatalf("%s said the same, and what stands changed (-before +after):\n%s", r.Node.Name, unlike(again, third))
		}
		snap = again
	}
}

func everything(s *topology.Snapshot) []string {
	return slices.Concat(nodeLines(s), serviceLines(s), edgeLines(s), healthLines(s))
}

func TestAnyReports(t *testing.T) { rapid.Check(t, anyReports) }

func FuzzReports(f *testing.F) { f.Fuzz(rapid.MakeFuzz(anyReports)) }
