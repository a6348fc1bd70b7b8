package aggregate

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

var sameAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

func parsed(t *testing.T, node, text string) *report.Report {
	t.Helper()
	r, err := parseReport(node, text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func empty() *topology.Snapshot {
	return topology.Empty(topology.Revision{Epoch: "e", Number: 1}, start)
}

func TestBatchIsOneRevision(t *testing.T) {
	b := Begin(empty(), Options{})
	if b.Changed() {
		t.Error("a batch has changed before anything was said")
	}
	b.Report(parsed(t, "a", "addr 10.0.0.1 | out curl 10.0.0.2:80"), start)
	b.Report(parsed(t, "b", "addr 10.0.0.2 | listen nginx 0.0.0.0:80 | in nginx 0.0.0.0:80 10.0.0.1"), start)
	if !b.Changed() {
		t.Error("two new nodes are no change")
	}
	s := b.Commit(start.Add(time.Second))
	if s.Revision().Number != 2 || !s.At().Equal(start.Add(time.Second)) {
		t.Errorf("revision %v at %v", s.Revision(), s.At())
	}
	if got := edgeLines(s); !slices.Equal(got, []string{"a(curl) -> b:80(nginx) x1 fresh both"}) {
		t.Errorf("edges %v", got)
	}
	idle := Begin(s, Options{})
	if got := idle.Commit(start.Add(time.Minute)); got.Revision() != s.Revision() || !got.At().Equal(start.Add(time.Minute)) {
		t.Errorf("an idle batch made revision %v at %v", got.Revision(), got.At())
	}
	touched := Begin(s, Options{})
	touched.Touch()
	if got := touched.Commit(start); got.Revision() != s.Revision().Next() {
		t.Errorf("a touched batch made revision %v", got.Revision())
	}
}

// TestNode follows every field of a report into its node.
func TestNode(t *testing.T) {
	r := parsed(t, "a", "zone west | addr 10.0.0.2 10.0.0.1 10.0.0.1 127.0.0.1 169.254.0.1 fe80::1 ::ffff:10.0.0.3 fd00::1 | ns web 172.17.0.2")
	r.Time = start.Add(-90 * time.Second)
	r.Agent = report.Agent{Version: "0.1.0", Method: "text"}
	r.Notes = []report.Note{{Code: "udp", Text: "no UDP", Hint: "be root"}}
	r.Coverage = report.Coverage{Sockets: 20, HiddenProcesses: 3}
	r.Cost = report.Cost{CPUMicros: 1500, WallMicros: 2500, RSSBytes: 4096}
	s := Apply(empty(), r, start, Options{})

	addrs := func(list ...string) (out []netip.Addr) {
		for _, a := range list {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	want := topology.Node{
		Name: "a", Kind: topology.Host, Zone: "west", State: topology.Reporting, Verdict: topology.NoVerdict,
		Addresses: addrs("10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1"),
		FirstSeen: start, LastReport: start, Interval: topology.Duration(10 * time.Second),
		Identity: "hostname:a", Weak: true, Agent: "0.1.0", Collect: "text", Skew: topology.Duration(-90 * time.Second),
		Notes: []topology.Note{{Code: "udp", Text: "no UDP", Hint: "be root"}}, HiddenProcesses: 3,
		Findings: []topology.Note{{Code: "clock-skew", Text: "its clock is more than a minute behind the server's", Hint: "let the clock be set by NTP"}},
		Cost:     topology.Cost{CPUMillis: 1.5, WallMillis: 2.5, RSSBytes: 4096, Sockets: 20},
	}
	if diff := cmp.Diff(want, s.Block("a").Node, sameAddresses); diff != "" {
		t.Errorf("host (-want +got):\n%s", diff)
	}
	want.Name, want.Kind, want.Addresses, want.Notes, want.HiddenProcesses = "a/web", topology.Container, addrs("172.17.0.2"), nil, 0
	want.Findings = nil
	if diff := cmp.Diff(want, s.Block("a/web").Node, sameAddresses); diff != "" {
		t.Errorf("container (-want +got):\n%s", diff)
	}
}

func TestEvidence(t *testing.T) {
	later := start.Add(10 * time.Second)
	s := Apply(empty(), parsed(t, "b", "addr 10.0.0.2 | listen nginx 0.0.0.0:80 | in nginx 0.0.0.0:80 10.0.0.1 | in nginx 0.0.0.0:80 203.0.113.1"), start, Options{})
	s = Apply(s, parsed(t, "a", "addr 10.0.0.1 10.9.9.9 | out curl 10.0.0.2:80"), later, Options{})
	s = Apply(s, parsed(t, "c", "addr 10.0.0.3 10.9.9.9"), later, Options{})
	s = Apply(s, parsed(t, "d", "addr 10.0.0.4 | out curl 10.9.9.9:80 | out curl 10.0.0.77:80"), later, Options{})
	got := map[string]topology.Evidence{}
	for c := range s.Connections() {
		got[c.Client.Node+" "+c.Evidence.ServerAddress] = c.Evidence
	}
	client := func(node string) topology.Sighting { return topology.Sighting{Node: node, End: "client", At: later} }
	server := topology.Sighting{Node: "b", End: "server", At: start}
	want := map[string]topology.Evidence{
		"a 10.0.0.2": {
			BothEnds: true, SeenBy: []topology.Sighting{client("a"), server}, ClientAddress: "10.0.0.1", ServerAddress: "10.0.0.2",
			ClientResolved: "address of a", ServerResolved: "address of b",
		},
		"Internet ": {
			SeenBy: []topology.Sighting{server}, ClientAddress: "203.0.113.1",
			ClientResolved: "outside the internal networks", ServerResolved: "reports itself",
		},
		"d 10.9.9.9": {
			SeenBy: []topology.Sighting{client("d")}, ServerAddress: "10.9.9.9",
			ClientResolved: "reports itself", ServerResolved: "address of several nodes: a, c",
		},
		"d 10.0.0.77": {
			SeenBy: []topology.Sighting{client("d")}, ServerAddress: "10.0.0.77",
			ClientResolved: "reports itself", ServerResolved: "internal address that no reporting node has",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTimes follows an edge and its service through open, closed and open again.
func TestTimes(t *testing.T) {
	const idle = "addr 10.0.0.1 | listen nginx 0.0.0.0:80"
	const open = idle + " | in nginx 0.0.0.0:80 10.0.0.9"
	s := empty()
	for i, step := range []struct {
		says                          string
		seen, connected, lastServedAt int // minutes after the start; the edge's, the service's
	}{
		{open, 0, 0, 0},
		{open, 1, 0, 1}, // still open: seen now, opened at first
		{idle, 1, 0, 1}, // closed: last seen by the report before
		{idle, 1, 0, 1},
		{open + " opened 1", 4, 4, 4},
	} {
		now := start.Add(time.Duration(i) * time.Minute)
		s = Apply(s, parsed(t, "a", step.says), now, Options{})
		edge, service := s.CompleteConnection(s.Block("a"), 0), s.CompleteService(s.Block("a"), 0)
		minute := func(at time.Time) int { return int(at.Sub(start) / time.Minute) }
		if minute(edge.FirstSeen) != 0 || minute(edge.LastSeen) != step.seen || minute(edge.LastConnection) != step.connected {
			t.Errorf("step %d: edge seen from %v to %v, opened %v", i, edge.FirstSeen, edge.LastSeen, edge.LastConnection)
		}
		if minute(service.LastSeen) != i || minute(service.LastConnection) != step.lastServedAt {
			t.Errorf("step %d: service seen %v, served %v", i, service.LastSeen, service.LastConnection)
		}
	}
}

// TestInVain: attempts that came to nothing are counted on the edge that is
// remembered, and never make one.
func TestInVain(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	look := func(n uint64, rows ...report.Connection) *report.Report {
		return &report.Report{
			Version: report.Version, Sequence: n, Time: at, IntervalMS: 10_000,
			Node:        report.Node{Name: "web", Identity: report.Identity{Kind: report.IdentityHostname, Value: "web"}},
			Connections: rows,
		}
	}
	row := func(port uint16, count int, opened, refused, timedOut, failed uint64) report.Connection {
		return report.Connection{
			Direction: report.Out, Protocol: report.TCP, Process: "app", Peer: netip.MustParseAddr("10.0.0.9"), Port: port,
			Count: count, Opened: opened, Refused: refused, TimedOut: timedOut, Failed: failed,
		}
	}
	opt := Options{Ageing: time.Minute, StaleAfter: time.Minute}
	s := topology.Empty(topology.Revision{Epoch: "e"}, at)
	s = Apply(s, look(1, row(5432, 1, 0, 0, 0, 0), row(6379, 0, 0, 3, 0, 0)), at, opt)
	s = Apply(s, look(2, row(5432, 1, 2, 1, 0, 0)), at.Add(10*time.Second), opt)
	s = Apply(s, look(3, row(5432, 0, 0, 4, 2, 1)), at.Add(20*time.Second), opt)
	edges := slices.Collect(s.Connections())
	if len(edges) != 1 {
		t.Fatalf("%d edges, want the one that was open", len(edges))
	}
	e := edges[0]
	if e.Server.Port != 5432 || e.Count != 0 || e.Opened != 2 || e.Refused != 5 || e.TimedOut != 2 || e.Failed != 1 {
		t.Errorf("got %+v, want 2 opened, 5 refused, 2 timed out, 1 failed", e)
	}
	if got := e.LastSeen; !got.Equal(at.Add(10 * time.Second)) {
		t.Errorf("last seen %s: attempts in vain are no sight of it", got)
	}
	if len(s.Block("10.0.0.9").Services) != 1 {
		t.Error("a refused attempt proved a service")
	}
}
