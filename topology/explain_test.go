package topology

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// explained is a snapshot with one connection from a to b.
func explained(t *testing.T, change func(a, b *Block, c *Connection)) []string {
	t.Helper()
	a, b := host("a", "10.0.0.1"), host("b", "10.0.0.2")
	for _, n := range []*Block{a, b} {
		n.Node.Kind, n.Node.State, n.Node.LastReport = Host, Reporting, noon.Add(time.Hour)
	}
	c := Connection{
		Client: Client{Node: "a", Process: "php"}, Server: Server{Node: "b", Port: 6379, Process: "redis-server"},
		Protocol: "tcp", Count: 2, Opened: 7, FirstSeen: noon, LastSeen: noon, Directed: true, Status: Fresh,
		Evidence: Evidence{
			BothEnds: true, ClientAddress: "10.0.0.1", ServerAddress: "10.0.0.2",
			ClientResolved: "its own address", ServerResolved: "address of b",
			SeenBy: []Sighting{{"a", "client", noon}, {"b", "server", noon}},
		},
	}
	change(a, b, &c)
	c.ID = ConnectionID(&c)
	a.Connections = []*Connection{&c}
	snap, err := FromBlocks(Revision{"e", 1}, noon.Add(time.Hour), []*Block{a, b})
	if err != nil {
		t.Fatal(err)
	}
	return Explain(snap, a.Connections[0])
}

func TestExplain(t *testing.T) {
	got := explained(t, func(*Block, *Block, *Connection) {})
	want := []string{
		"a (php) → b (redis-server, port 6379): 2 open now, 7 seen opening since 2026-03-01 12:00:00 UTC.",
		"a saw it from the client's end, last 2026-03-01 13:00:00 UTC.",
		"b saw it from the server's end, last 2026-03-01 13:00:00 UTC.",
		"Both ends report it, and their addresses fit; that the sockets are the same was not compared.",
		"The client's address is 10.0.0.1: its own address.",
		"The server's address is 10.0.0.2: address of b.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExplainSays(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(a, b *Block, c *Connection)
		want   string
	}{
		{"closed", func(_, _ *Block, c *Connection) { c.Count = 0 }, "nothing open now, last 2026-03-01 12:00:00 UTC, 7 seen opening"},
		{"closed, seen then", func(_, _ *Block, c *Connection) { c.Count = 0 }, "a saw it from the client's end, last 2026-03-01 12:00:00 UTC."},
		{"hidden process", func(_, _ *Block, c *Connection) { c.Client.Process = "" }, "a (a process that could not be seen) → b"},
		{"no direction", func(_, _ *Block, c *Connection) { c.Directed = false }, "Which end is the service is not known"},
		{"no arrow", func(_, _ *Block, c *Connection) { c.Directed = false }, "a (php) — b"},
		{"attempts", func(_, _ *Block, c *Connection) { c.Refused, c.TimedOut = 2, 1 }, "3 attempts came to nothing: 2 refused, 1 without an answer, 0 otherwise."},
		{"observer", func(_, _ *Block, c *Connection) { c.Observer = true }, "counts as an observer"},
		{"confirmed", func(_, _ *Block, c *Connection) { c.Evidence.Confirmed = true }, "Both ends name the same sockets"},
		{"one end", func(_, _ *Block, c *Connection) { c.Evidence.BothEnds = false }, "One end only reports it."},
		{"many peers", func(_, _ *Block, c *Connection) { c.Peers = 5 }, "The client's address is 10.0.0.1, one of 5: its own address."},
		{"silent", func(_, b *Block, _ *Connection) { b.Node.State = Stale }, "b has been silent since 2026-03-01 13:00:00 UTC"},
		{"shut down", func(_, b *Block, _ *Connection) { b.Node.State = Left }, "b was shut down at 2026-03-01 13:00:00 UTC: what is told of it is as of then."},
		{"rebooting", func(_, b *Block, _ *Connection) { b.Node.State = Rebooting }, "b went down at 2026-03-01 13:00:00 UTC to reboot"},
		{"stopped", func(_, b *Block, _ *Connection) { b.Node.State = Stopped }, "The agent of b was stopped at 2026-03-01 13:00:00 UTC"},
		{"never reported", func(_, b *Block, _ *Connection) { b.Node.State, b.Node.Kind = Unheard, Inferred }, "b does not report itself."},
		{"translated", func(a, _ *Block, c *Connection) {
			a.Node.Forwards = []Forward{forward("10.0.0.1:80", "10.0.0.2:6379")}
			c.Evidence.ServerResolved = "address of b, where a sends what calls 10.0.0.1:80"
		}, "a sends what calls 10.0.0.1:80 to 10.0.0.2:6379."},
		{"held", func(_, b *Block, _ *Connection) {
			b.Node.Kind, b.Node.Holders = Virtual, []Holder{{Node: "lb2", Since: noon}, {Node: "lb1", Since: noon.Add(-time.Hour), Until: noon}}
		}, "b is a virtual address, held by lb2 since 2026-03-01 12:00:00 UTC."},
		{"was held", func(_, b *Block, _ *Connection) {
			b.Node.Kind, b.Node.Holders = Virtual, []Holder{{Node: "lb1", Since: noon.Add(-time.Hour), Until: noon}}
		}, "b was held by lb1 from 2026-03-01 11:00:00 UTC to 2026-03-01 12:00:00 UTC."},
	} {
		if got := strings.Join(explained(t, tt.change), "\n"); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q is missing in\n%s", tt.name, tt.want, got)
		}
	}
}

// TestExplainLeavesOthersOut: translation that leads elsewhere is not quoted.
func TestExplainLeavesOthersOut(t *testing.T) {
	got := strings.Join(explained(t, func(a, _ *Block, _ *Connection) {
		a.Node.Forwards = []Forward{forward("10.0.0.1:80", "10.0.0.2:6379"), {Protocol: "udp", From: netip.MustParseAddrPort("10.0.0.1:80"), To: netip.MustParseAddrPort("10.0.0.2:6379")}}
	}), "\n")
	if strings.Contains(got, "sends what calls") {
		t.Error(got)
	}
}
