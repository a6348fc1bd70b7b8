package aggregate

import (
	"fmt"
	"maps"
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

// hardSite is a site where addresses alone don't say who is meant: h0 and h1 both
// have shared; one of h2 to h4 holds moving, beside its own; h3 and h4 have spread on
// lo. r lets hidden out under its own address.
type hardSite struct {
	holder int // of the address that moves
	calls  []hardCall
}

type hardCall struct {
	client  int // 5: the one behind r
	process string
	server  int
	by      netip.Addr
	sockets []uint64
}

var (
	sharedAddr, moving, spread = netip.MustParseAddr("10.9.9.9"), netip.MustParseAddr("10.0.0.100"), netip.MustParseAddr("10.0.0.200")
	inner, outer               = netip.MustParseAddr("10.1.0.9"), netip.MustParseAddr("10.0.0.50")
)

const behind = 5

func mainAddr(h int) netip.Addr {
	if h == behind {
		return inner
	}
	return netip.AddrFrom4([4]byte{10, 0, 0, byte(h + 1)})
}

func drawHardSite(t *rapid.T, next uint64) hardSite {
	s := hardSite{holder: rapid.IntRange(2, 4).Draw(t, "holder")}
	for range rapid.IntRange(0, 8).Draw(t, "calls") {
		c := hardCall{
			client: rapid.IntRange(0, behind).Draw(t, "client"), server: rapid.IntRange(0, 4).Draw(t, "server"),
			process: rapid.SampledFrom([]string{"curl", "wget"}).Draw(t, "process"),
		}
		ways := []netip.Addr{mainAddr(c.server)}
		if c.server < 2 && c.client >= 2 && c.client%2 == c.server { // a client reaches one of the two
			ways = append(ways, sharedAddr)
		}
		if c.server == s.holder {
			ways = append(ways, moving)
		}
		if c.server >= 3 && c.client < 3 {
			ways = append(ways, spread)
		}
		if c.by = rapid.SampledFrom(ways).Draw(t, "by"); c.client == c.server || c.client == behind && c.by != mainAddr(c.server) {
			continue
		}
		c.sockets = []uint64{next}
		next++
		s.calls = append(s.calls, c)
	}
	return s
}

// reports are what all hosts say, in the order h0 to h4, r, and the one behind it.
func (s *hardSite) reports(t *rapid.T) (list []*report.Report) {
	for h := range 5 {
		says := fmt.Sprintf("machine m%d | iface eth0 %s/24", h, mainAddr(h))
		if h < 2 {
			says += " 10.9.9.9/24"
		}
		if h == s.holder {
			says += " 10.0.0.100/32"
		}
		if h >= 3 {
			says += " | iface lo 127.0.0.1/8 10.0.0.200/32"
		}
		list = append(list, s.parse(t, fmt.Sprintf("h%d", h), says+" | iface docker0 172.17.0.1/16 | listen nginx 0.0.0.0:80"+s.rows(h)))
	}
	router := "machine mr | iface eth0 10.0.0.50/24 | iface eth1 10.1.0.1/24"
	for _, c := range s.calls {
		if c.client == behind {
			router += fmt.Sprintf(" | source %s %s %s:80", inner, outer, c.by)
		}
	}
	return append(list, s.parse(t, "r", router), s.parse(t, "hidden", "machine mh | iface eth0 10.1.0.9/24"+s.rows(behind)))
}

func (s *hardSite) parse(t *rapid.T, name, says string) *report.Report {
	r, err := parseReport(name, says)
	if err != nil {
		t.Fatalf("%s: %v", says, err)
	}
	return r
}

// rows are the clauses of one host's connections.
func (s *hardSite) rows(h int) string {
	out, in := map[string][]uint64{}, map[string][]uint64{}
	for _, c := range s.calls {
		if c.client == h {
			row := fmt.Sprintf("out %s %s:80", c.process, c.by)
			out[row] = append(out[row], c.sockets...)
		}
		if c.server == h {
			peer, sockets := mainAddr(c.client), c.sockets
			if c.client == behind {
				peer, sockets = outer, []uint64{1000 + c.sockets[0]} // other ports, another address
			}
			row := fmt.Sprintf("in nginx 0.0.0.0:80 %s called=%s", peer, c.by)
			in[row] = append(in[row], sockets...)
		}
	}
	text := ""
	for _, rows := range []map[string][]uint64{out, in} {
		for _, row := range slices.Sorted(maps.Keys(rows)) {
			sockets := rows[row]
			slices.Sort(sockets)
			text += fmt.Sprintf(" | %s x%d t=%s", row, len(sockets), strings.Trim(strings.ReplaceAll(fmt.Sprint(sockets), " ", ","), "[]"))
		}
	}
	return text
}

func (s *hardSite) edges() (list []string) {
	sum := map[string]int{}
	for _, c := range s.calls {
		server, client := fmt.Sprintf("h%d", c.server), fmt.Sprintf("h%d", c.client)
		if c.by == moving || c.by == spread {
			server = c.by.String()
		}
		if c.client == behind {
			client = "hidden"
		}
		sum[fmt.Sprintf("%s(%s) -> %s:80(nginx)", client, c.process, server)] += len(c.sockets)
	}
	for edge, n := range sum {
		list = append(list, fmt.Sprintf("%s x%d", edge, n))
	}
	slices.Sort(list)
	return list
}

// TestHardEdges delivers the reports of such a site in any order, again and again,
// restarts in between, changes the site, address that moves and all, and does so
// again: from the second time what stands open is the truth and nothing else,
// whoever reported first; and once nothing is forgotten any more, seen from both
// ends, and at rest.
func TestHardEdges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStage(t)
		for phase := range uint64(2) {
			site := drawHardSite(rt, 1+100*phase)
			for round := range 4 {
				reports := site.reports(rt)
				if round < 3 && rapid.Bool().Draw(rt, "restart") {
					s.restart()
				}
				before := s.snap
				for _, i := range rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6}).Draw(rt, "order") {
					s.now = s.now.Add(time.Second)
					reports[i].Time = s.now
					s.snap = Apply(s.snap, reports[i], s.now, s.opt)
					checkInvariants(rt, s.snap)
				}
				if round == 0 {
					continue
				}
				got, oneSided := openEdges(s.snap)
				if diff := cmp.Diff(site.edges(), got); diff != "" {
					rt.Fatalf("round %d (-true +got):\n%s", round, diff)
				}
				if len(oneSided) > 0 && round > 2 {
					rt.Fatalf("seen from one end: %v", oneSided)
				}
				if round > 2 && s.snap.Revision() != before.Revision() {
					rt.Fatalf("it does not settle:\n%s", unlike(before, s.snap))
				}
			}
		}
	})
}

// unlike spells what is not the same in two snapshots, times that advance left
// out.
func unlike(a, b *topology.Snapshot) (text string) {
	for y := range b.Blocks() {
		x := a.Block(y.Node.Name)
		if x == nil {
			x = &topology.Block{}
		}
		if !topology.SameNode(&x.Node, &y.Node) {
			text += fmt.Sprintf("node %+v\n became %+v\n", x.Node, y.Node)
		}
		topology.WalkConnections(x.Connections, y.Connections, func(p, q *topology.Connection) {
			if p == nil || q == nil || !topology.SameConnection(p, q) {
				text += fmt.Sprintf("edge %+v\n became %+v\n", p, q)
			}
		})
		if !topology.SameServices(x.Services, y.Services) {
			text += fmt.Sprintf("services %+v\n became %+v\n", x.Services, y.Services)
		}
	}
	return text
}

// TestIdentities gives machines any names at any time, one machine an image of
// another, and lets agents start anew: what reports is never merged with what
// else reports, whatever names they have, and one machine is never two nodes
// once its former name is silent.
func TestIdentities(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStage(t)
		machines := []string{"aaaa1111", "bbbb2222", "bbbb2222", "cccc3333"} // the third is a clone of the second
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"web", "db", "app"}), 4, 4).Draw(rt, "names")
		starts := make([]int, 4)
		report := func(i int) {
			r, err := parseReport(names[i], fmt.Sprintf("machine %s | instance %d-%d | addr 10.0.0.%d | listen p%d 0.0.0.0:80", machines[i], i, starts[i], i+1, i))
			if err != nil {
				rt.Fatal(err)
			}
			r.Time = s.now
			s.snap = Apply(s.snap, r, s.now, s.opt)
			checkInvariants(rt, s.snap)
		}
		for range rapid.IntRange(1, 3).Draw(rt, "phases") {
			for range 6 {
				s.now = s.now.Add(10 * time.Second)
				for _, i := range rapid.Permutation([]int{0, 1, 2, 3}).Draw(rt, "order") {
					report(i)
				}
			}
			if got := processes(s, 20*time.Second); !slices.Equal(got, []string{"10.0.0.1 p0", "10.0.0.2 p1", "10.0.0.3 p2", "10.0.0.4 p3"}) {
				rt.Fatalf("reporting are %v, of\n%s", got, strings.Join(nodeLines(s.snap), "\n"))
			}
			if i := rapid.IntRange(-1, 3).Draw(rt, "restarts"); i >= 0 {
				starts[i]++
				names[i] = rapid.SampledFrom([]string{"web", "db", "app", names[i]}).Draw(rt, "renamed")
			}
			s.now = s.now.Add(time.Duration(rapid.SampledFrom([]int{0, 60}).Draw(rt, "gap")) * time.Second)
		}
	})
}

// processes lists the address and the process of each node that was heard so
// recently.
func processes(s *stage, within time.Duration) (list []string) {
	for b := range s.snap.Blocks() {
		if b.Node.Kind != topology.Host || s.now.Sub(b.Node.LastReport) > within {
			continue
		}
		line := ""
		for _, a := range b.Node.Addresses {
			line += a.String() + " "
		}
		for _, v := range b.Services {
			if v.State == topology.Listening {
				line += v.Process
			}
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}
