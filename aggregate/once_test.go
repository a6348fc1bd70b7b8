package aggregate

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// counting is a report of an agent process that counted so much on one edge, and
// what its one listener turned away.
func counting(instance string, sequence, counted, opened uint64) *report.Report {
	return &report.Report{
		Version: report.Version, Time: start, Sequence: sequence, Counted: counted,
		Node:       report.Node{Name: "a", Identity: report.Identity{Kind: report.IdentityMachine, Value: "1"}},
		Agent:      report.Agent{Instance: instance},
		Interfaces: []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}},
		Listeners:  []report.Listener{{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: 80, Process: "nginx", Drops: opened}},
		Connections: []report.Connection{{
			Direction: report.Out, Protocol: report.TCP, Process: "curl", Peer: netip.MustParseAddr("10.0.0.9"), Port: 80,
			Opened: opened, Refused: opened,
		}},
	}
}

// tallied is what the topology counts of it.
func tallied(t testing.TB, s *topology.Snapshot) (opened, refused, drops uint64) {
	t.Helper()
	b := s.Block("a")
	for _, c := range b.Connections {
		opened += c.Opened
		refused += c.Refused
	}
	for _, s := range b.Services {
		drops += s.Drops
	}
	return opened, refused, drops
}

func TestCountedOnce(t *testing.T) {
	one, two := "00000000000000000000000000000001", "00000000000000000000000000000002"
	for _, tt := range []struct {
		name    string
		reports []*report.Report
		want    uint64
	}{
		{"one after the other", []*report.Report{counting(one, 1, 0, 3), counting(one, 2, 0, 4)}, 7},
		{"again, as nobody answered", []*report.Report{counting(one, 1, 0, 3), counting(one, 2, 1, 3), counting(one, 3, 0, 4)}, 7},
		{"again and again", []*report.Report{counting(one, 1, 0, 3), counting(one, 2, 1, 3), counting(one, 3, 1, 3), counting(one, 4, 1, 3)}, 3},
		{"again, and only that arrives", []*report.Report{counting(one, 1, 0, 3), counting(one, 5, 2, 4), counting(one, 6, 0, 1)}, 8},
		{"another process begins anew", []*report.Report{counting(one, 9, 0, 3), counting(two, 1, 0, 4)}, 7},
		{"who doesn't say counts always", []*report.Report{counting("", 1, 0, 3), counting("", 1, 0, 3)}, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			snap, now := topology.Empty(topology.Revision{Epoch: "e"}, start), start
			for _, r := range tt.reports {
				now = now.Add(10 * time.Second)
				snap = Apply(snap, r, now, Options{Ageing: time.Minute})
			}
			opened, refused, drops := tallied(t, snap)
			if opened != tt.want || refused != tt.want || drops != tt.want {
				t.Errorf("counted %d opened, %d refused, %d dropped, want %d", opened, refused, drops, tt.want)
			}
		})
	}
}

// TestCountedOnceOverRestarts: how far an agent is counted is kept with the
// counters, in the block as the store writes it.
func TestCountedOnceOverRestarts(t *testing.T) {
	snap := Apply(topology.Empty(topology.Revision{Epoch: "e"}, start), counting("00000000000000000000000000000001", 1, 0, 3), start, Options{})
	raw, err := json.Marshal(snap.Block("a"))
	if err != nil {
		t.Fatal(err)
	}
	var b topology.Block
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	again, err := topology.FromBlocks(topology.Revision{Epoch: "f"}, start, []*topology.Block{&b, snap.Block("10.0.0.9")})
	if err != nil {
		t.Fatal(err)
	}
	again = Apply(again, counting("00000000000000000000000000000001", 2, 1, 3), start.Add(10*time.Second), Options{})
	if opened, _, _ := tallied(t, again); opened != 3 {
		t.Errorf("counted %d, want 3", opened)
	}
}

// TestCountedOnceIsState: the rest of a report that was counted already is
// news.
func TestCountedOnceIsState(t *testing.T) {
	one := "00000000000000000000000000000001"
	snap := Apply(topology.Empty(topology.Revision{Epoch: "e"}, start), counting(one, 1, 0, 3), start, Options{})
	r := counting(one, 2, 1, 3)
	r.Connections[0].Count = 5
	r.Connections = append(r.Connections, report.Connection{
		Direction: report.Out, Protocol: report.TCP, Process: "psql", Peer: netip.MustParseAddr("10.0.0.8"), Port: 5432, Opened: 1,
	})
	snap = Apply(snap, r, start.Add(10*time.Second), Options{})
	if list := snap.Block("a").Connections; len(list) != 1 || list[0].Count != 5 || list[0].Opened != 3 {
		t.Errorf("%+v", list)
	}
}

// TestPeersOfNetworks: an edge to the Internet has as many peers as there are
// addresses behind its rows, be they single or folded.
func TestPeersOfNetworks(t *testing.T) {
	r := counting("", 1, 0, 0)
	row := func(peer, network string, peers int, user string) report.Connection {
		c := report.Connection{
			Direction: report.Out, Protocol: report.TCP, Process: "curl", User: user, Peer: netip.MustParseAddr(peer), Port: 443, Count: 1, Peers: peers,
		}
		if network != "" {
			c.PeerNetwork = netip.MustParsePrefix(network)
		}
		return c
	}
	r.Connections = []report.Connection{
		row("198.51.100.7", "", 0, ""), row("203.0.113.9", "203.0.113.0/24", 40, ""), row("203.0.113.9", "203.0.113.0/24", 30, "root"),
		row("192.0.2.1", "192.0.0.0/8", 2, ""), row("198.51.100.7", "", 0, "root"),
	}
	snap := Apply(topology.Empty(topology.Revision{Epoch: "e"}, start), r, start, Options{})
	list := snap.Block("a").Connections
	if len(list) != 1 || list[0].Peers != 43 || list[0].Server.Node != topology.InternetName {
		t.Errorf("%+v", list)
	}
	if again := Apply(snap, r, start.Add(time.Second), Options{}); again.Block("a").Connections[0].Peers != 43 {
		t.Errorf("the second time %d", again.Block("a").Connections[0].Peers)
	}
}

// TestSpan: rates are those of the span that the report says, not of when it
// arrives.
func TestSpan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := counting("", 1, 0, 0)
		r.Connections[0].Count, r.Connections[0].Health = 1, &report.Health{Measured: 1, Sent: 50_000}
		r.SpanMS = 10_000
		snap := Apply(topology.Empty(topology.Revision{Epoch: "e"}, start), r, start, Options{})
		late := rapid.Int64Range(1, 100_000).Draw(t, "ms")
		snap = Apply(snap, r, start.Add(time.Duration(late)*time.Millisecond), Options{})
		if h := snap.Block("a").Connections[0].Health; h == nil || h.Sent != 5000 {
			t.Errorf("health %+v", h)
		}
	})
}

// TestSkew: the way of a report is no skew of its node's clock.
func TestSkew(t *testing.T) {
	for _, tt := range []struct {
		lag   int64
		after time.Duration
		want  time.Duration
	}{{0, 0, 0}, {4000, 4 * time.Second, 0}, {0, -30 * time.Second, 30 * time.Second}, {2000, -58 * time.Second, time.Minute}} {
		r := counting("", 1, 0, 0)
		r.LagMS = tt.lag
		snap := Apply(topology.Empty(topology.Revision{Epoch: "e"}, start), r, start.Add(tt.after), Options{})
		if got := time.Duration(snap.Block("a").Node.Skew); got != tt.want {
			t.Errorf("lag %d, %s after: skew %s, want %s", tt.lag, tt.after, got, tt.want)
		}
	}
}
