package merge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view/merge"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// site is blocks in the making, by node.
type site map[string]*topology.Block

func (s site) block(node string) *topology.Block {
	if s[node] == nil {
		s[node] = &topology.Block{Node: topology.Node{
			Name: node, Kind: topology.Host, State: topology.Reporting, Verdict: topology.NoVerdict, FirstSeen: noon, LastReport: noon,
		}}
	}
	return s[node]
}

func (s site) serves(node, process string, port uint16, state topology.ServiceState) *topology.Service {
	b := s.block(node)
	b.Services = append(b.Services, topology.Service{
		ID: fmt.Sprintf("%s~tcp~%d", node, port), Node: node, Protocol: "tcp", Port: port, Process: process, State: state,
		Verdict: topology.NoVerdict, Clients: 1, FirstSeen: noon, LastSeen: noon,
	})
	slices.SortFunc(b.Services, func(a, b topology.Service) int { return strings.Compare(a.ID, b.ID) })
	for i := range b.Services {
		if b.Services[i].Port == port {
			return &b.Services[i]
		}
	}
	return nil
}

func (s site) calls(client, process, server string, port uint16, count int) *topology.Connection {
	b := s.block(client)
	s.block(server)
	c := topology.Connection{
		Client: topology.Client{Node: client, Process: process}, Protocol: "tcp", Directed: true, Count: count, Status: topology.Fresh,
		Server:    topology.Server{Node: server, Port: port, Service: fmt.Sprintf("%s~tcp~%d", server, port)},
		FirstSeen: noon, LastSeen: noon, Evidence: topology.Evidence{SeenBy: []topology.Sighting{{Node: client, End: "client", At: noon}}},
	}
	c.ID = topology.ConnectionID(&c)
	b.Connections = append(b.Connections, &c)
	return b.Connections[len(b.Connections)-1]
}

// seen is calls, known from the server alone: its block holds the connection.
func (s site) seen(client, process, server string, port uint16, count int) *topology.Connection {
	b := s.block(server)
	c := *s.calls(client, process, server, port, count)
	from := s.block(client)
	from.Connections = from.Connections[:len(from.Connections)-1]
	c.Evidence.SeenBy = []topology.Sighting{{Node: server, End: "server", At: noon}}
	b.Connections = append(b.Connections, &c)
	return &c
}

func (s site) snapshot(t testing.TB, number uint64) *topology.Snapshot {
	t.Helper()
	var blocks []*topology.Block
	for _, b := range s {
		blocks = append(blocks, b)
	}
	snap, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: number}, noon, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// pools puts web1, web2, … into the pool of web.
func pools(node string) string {
	if name := strings.TrimRight(node, "0123456789"); name != node {
		return "pool~" + name
	}
	return ""
}

// lines spell a topology.
func lines(snap *topology.Snapshot) (out []string) {
	for b := range snap.Blocks() {
		var members []string
		for _, m := range b.Node.Members {
			members = append(members, m.Name+" "+string(m.State))
		}
		out = append(out, fmt.Sprintf("%s %s %s [%s]", b.Node.Name, b.Node.Kind, b.Node.State, strings.Join(members, ", ")))
		for _, s := range b.Services {
			out = append(out, fmt.Sprintf("  %s %s %s %d clients", s.ID, s.Process, s.State, s.Clients))
		}
		for i := range b.Connections {
			c := snap.CompleteConnection(b, i)
			out = append(out, fmt.Sprintf("  %s/%s > %s %s ×%d %s", c.Client.Node, c.Client.Process, cmpOr(c.Server.Service, c.Server.Node), c.Server.Process, c.Count, c.Status))
		}
	}
	return out
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func shop() site {
	s := site{}
	s.serves("web1", "nginx", 80, topology.Listening)
	s.serves("web2", "nginx", 80, topology.Gone)
	s.serves("web3", "caddy", 80, topology.Listening)
	s.serves("web3", "sshd", 22, topology.Listening)
	s.serves("web4", "nginx", 80, topology.Listening)
	s.serves("db", "postgres", 5432, topology.Listening)
	s.calls("web1", "php", "db", 5432, 2)
	s.calls("web2", "php", "db", 5432, 3).Status = topology.Old
	s.calls("web4", "cron", "db", 5432, 1)
	s.calls("lb", "haproxy", "web1", 80, 5)
	s.calls("lb", "haproxy", "web2", 80, 6)
	s.calls("web1", "gossip", "web3", 7946, 1)
	s.block("web4").Node.State = topology.Stale
	return s
}

func TestPools(t *testing.T) {
	got := lines(merge.New(topology.Pool, pools).Next(shop().snapshot(t, 1)))
	want := []string{
		"db host reporting []",
		"  db~tcp~5432 postgres listening 1 clients",
		"lb host reporting []",
		"  lb/haproxy > pool~web~tcp~80 nginx ×11 fresh",
		"pool~web pool reporting [web1 reporting, web2 reporting, web3 reporting, web4 stale]",
		"  pool~web~tcp~22 sshd listening 1 clients",
		"  pool~web~tcp~80 nginx listening 4 clients",
		"  pool~web/cron > db~tcp~5432 postgres ×1 fresh",
		"  pool~web/gossip > pool~web~tcp~7946  ×1 fresh",
		"  pool~web/php > db~tcp~5432 postgres ×5 fresh",
	}
	sortConnections(got)
	sortConnections(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pools (-want +got):\n%s", diff)
	}
}

// sortConnections sorts the lines of each box, whose order is that of opaque ids.
func sortConnections(list []string) {
	for i := 0; i < len(list); {
		j := i + 1
		for j < len(list) && strings.HasPrefix(list[j], " ") {
			j++
		}
		slices.Sort(list[i+1 : j])
		i = j
	}
}

func TestGroups(t *testing.T) {
	in := func(node string) string {
		if node == "lb" {
			return ""
		}
		return "group~shop"
	}
	got := lines(merge.New(topology.Group, in).Next(shop().snapshot(t, 1)))
	for _, want := range []string{
		"group~shop group reporting [db reporting, web1 reporting, web2 reporting, web3 reporting, web4 stale]",
		"  lb/haproxy > group~shop  ×11 fresh",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing among\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// TestNothingInBoxes: then all blocks are the very same.
func TestNothingInBoxes(t *testing.T) {
	snap := shop().snapshot(t, 1)
	out := merge.New(topology.Pool, func(string) string { return "" }).Next(snap)
	for b := range snap.Blocks() {
		if out.Block(b.Node.Name) != b {
			t.Errorf("%s is another block", b.Node.Name)
		}
	}
	if out.Revision() != snap.Revision() || !out.At().Equal(snap.At()) || out.Len() != snap.Len() {
		t.Errorf("it is %v at %s with %d nodes", out.Revision(), out.At(), out.Len())
	}
}

// TestSharing: what didn't change is shared with the topology before, and times
// alone are no change.
func TestSharing(t *testing.T) {
	s := shop()
	m := merge.New(topology.Pool, pools)
	first := m.Next(s.snapshot(t, 1))

	later := *s["web3"]
	later.Node.LastReport = noon.Add(time.Minute)
	s["web3"] = &later
	second := m.Next(s.snapshot(t, 1))
	before, after := first.Block("pool~web"), second.Block("pool~web")
	if !topology.OnlyTimes(before, after) || !after.Node.LastReport.Equal(noon.Add(time.Minute)) {
		t.Errorf("times alone made it %+v", after.Node)
	}
	if c := second.CompleteConnection(after, 0); !c.LastSeen.Equal(noon.Add(time.Minute)) {
		t.Errorf("a connection that is open was last seen at %s", c.LastSeen)
	}

	db := s["db"].Clone()
	db.Services[0].Clients = 7
	s["db"] = db
	third := m.Next(s.snapshot(t, 2))
	if third.Block("pool~web") != after || third.Block("lb") != second.Block("lb") || third.Block("db") != db {
		t.Error("a change of one node made other boxes anew")
	}
	delete(s, "web4")
	fourth := m.Next(s.snapshot(t, 3))
	if n := len(fourth.Block("pool~web").Node.Members); n != 3 {
		t.Errorf("the pool has %d members", n)
	}
	for _, name := range []string{"web1", "web2", "web3"} {
		delete(s, name)
	}
	if fifth := m.Next(s.snapshot(t, 4)); fifth.Block("pool~web") != nil {
		t.Error("a pool without members is there")
	}
}

// TestOneEdge: a client that called one member before it reported, and calls another
// since, has one edge to the pool, which stays where it is as long as nothing in it
// changes.
func TestOneEdge(t *testing.T) {
	s := site{}
	s.calls("app", "php", "db2", 5432, 3).Opened = 5
	old := s.seen("app", "php", "db1", 5432, 0)
	old.Opened, old.Status, old.FirstSeen = 7, topology.Old, noon.Add(-time.Hour)
	s.seen("lb", "", "db1", 5432, 1)
	for _, b := range s {
		sortAll(b)
	}
	m := merge.New(topology.Pool, pools)
	first := m.Next(s.snapshot(t, 1))
	app, db := first.Block("app"), first.Block("pool~db")
	if len(app.Connections) != 1 || len(db.Connections) != 1 {
		t.Fatalf("%d connections with the client, %d with the pool:\n%s", len(app.Connections), len(db.Connections), strings.Join(lines(first), "\n"))
	}
	if c := app.Connections[0]; c.Count != 3 || c.Opened != 12 || c.Status != topology.Fresh || !c.FirstSeen.Equal(noon.Add(-time.Hour)) {
		t.Errorf("the edge is %+v", c)
	}

	other := s["db1"].Clone()
	for i := range other.Connections {
		if other.Connections[i].Client.Node == "lb" {
			other.Write(i).Count++
		}
	}
	s["db1"] = other
	if second := m.Next(s.snapshot(t, 2)); second.Block("app") != app || second.Block("pool~db") == db {
		t.Error("another edge of the pool changed, and the client is another block, or the pool is the same")
	}
	s["app"] = s["app"].Clone()
	s["app"].Connections = nil
	third := m.Next(s.snapshot(t, 3))
	if n := len(third.Block("app").Connections) + len(third.Block("pool~db").Connections); n != 2 {
		t.Errorf("%d edges are left of two:\n%s", n, strings.Join(lines(third), "\n"))
	}
}

// TestWhoSeesItHasIt: an edge that the server's end alone knows as open is with that, so
// that it was seen when that end reported.
func TestWhoSeesItHasIt(t *testing.T) {
	s := site{}
	s.calls("app1", "php", "db", 5432, 0)
	s.seen("app2", "php", "db", 5432, 2)
	s["app2"].Node.State, s["app2"].Node.Kind = topology.Unheard, topology.Inferred
	s["db"].Node.LastReport = noon.Add(time.Minute)
	got := merge.New(topology.Group, func(node string) string {
		if node == "db" {
			return ""
		}
		return "group~app"
	}).Next(s.snapshot(t, 1))
	if n := len(got.Block("group~app").Connections); n != 0 || len(got.Block("db").Connections) != 1 {
		t.Fatalf("the group has %d of\n%s", n, strings.Join(lines(got), "\n"))
	}
	if c := got.CompleteConnection(got.Block("db"), 0); !c.LastSeen.Equal(noon.Add(time.Minute)) || c.Count != 2 {
		t.Errorf("×%d, last seen at %s", c.Count, c.LastSeen)
	}
}

func TestVerdicts(t *testing.T) {
	ok := topology.Verdict{Status: topology.OK, OpenStatus: topology.OK, Checks: 1, StatusChanged: noon}
	bad := topology.Verdict{Status: topology.Critical, OpenStatus: topology.Critical, Checks: 2, Open: 1, Handled: 1, StatusChanged: noon.Add(time.Hour)}
	stale := topology.Verdict{Status: topology.Warning, OpenStatus: topology.NoStatus, Checks: 1, StatusStale: true}
	for _, c := range []struct {
		name    string
		a, b, w topology.Verdict
	}{
		{"nothing and something", topology.NoVerdict, bad, bad},
		{"something and nothing", ok, topology.NoVerdict, ok},
		{"the worse counts", ok, bad, topology.Verdict{Status: topology.Critical, OpenStatus: topology.Critical, Checks: 3, Open: 1, Handled: 1, StatusChanged: noon.Add(time.Hour)}},
		{"one that tells is no blindness", ok, stale, topology.Verdict{Status: topology.Warning, OpenStatus: topology.OK, Checks: 2, StatusChanged: noon}},
		{"blind in both", stale, stale, topology.Verdict{Status: topology.Warning, OpenStatus: topology.NoStatus, Checks: 2, StatusStale: true}},
	} {
		if got := merge.Verdicts(c.a, c.b); got != c.w {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.w)
		}
	}
}

func TestHealth(t *testing.T) {
	a := topology.Connection{Count: 1, Health: &topology.Health{End: "client", RTT: 100, RTTVar: 10, Sent: 5, Retransmits: .1, Connecting: 1, ConnectingSince: noon}}
	b := topology.Connection{Count: 2, Health: &topology.Health{End: "server", RTT: 900, RTTVar: 90, Sent: 7, Retransmits: .01, CloseWait: 2, CloseWaitSince: noon, Connecting: 3, ConnectingSince: noon.Add(-time.Hour)}}
	shared := *a.Health
	merge.Connections(&a, &b)
	want := &topology.Health{End: "client", RTT: 900, RTTVar: 90, Sent: 12, Retransmits: .1, Connecting: 4, ConnectingSince: noon.Add(-time.Hour), CloseWait: 2, CloseWaitSince: noon}
	if diff := cmp.Diff(want, a.Health); diff != "" || a.Count != 3 {
		t.Errorf("×%d, health (-want +got):\n%s", a.Count, diff)
	}
	c := topology.Connection{Health: &shared}
	merge.Connections(&c, &topology.Connection{})
	if c.Health != &shared {
		t.Error("what nobody measured changed the health")
	}
}

// anew makes another block of a node.
func (s site) anew(t *rapid.T, node string, names []string) {
	delete(s, node)
	s.block(node)
	for _, to := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 4, rapid.ID).Draw(t, "calls") {
		s.calls(node, rapid.SampledFrom([]string{"p", "q"}).Draw(t, "process"), to, 80, rapid.IntRange(0, 3).Draw(t, "count"))
	}
	for _, from := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 3, rapid.ID).Draw(t, "called by") {
		s.seen(from, rapid.SampledFrom([]string{"p", "q"}).Draw(t, "client"), node, 80, rapid.IntRange(0, 3).Draw(t, "seen"))
	}
	s.handOver()
	if rapid.Bool().Draw(t, "serves") {
		s.serves(node, "p", 80, topology.Listening)
	}
}

// TestNothingIsLost: whatever calls whatever, as many sockets are open between the
// boxes as between the nodes, and a merger that follows gives what a new one gives.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a1", "a2", "a3", "b1", "b2", "c", "d"}
		kind := rapid.SampledFrom([]topology.NodeKind{topology.Pool, topology.Group}).Draw(t, "kind")
		m, s := merge.New(kind, pools), site{}
		for step := range rapid.IntRange(1, 8).Draw(t, "steps") {
			node := rapid.SampledFrom(names).Draw(t, "node")
			if b := s[node]; b != nil && len(b.Connections) > 0 && rapid.Bool().Draw(t, "another number") {
				s[node] = b.Clone()
				s[node].Write(rapid.IntRange(0, len(b.Connections)-1).Draw(t, "connection")).Count++
			} else {
				s.anew(t, node, names)
			}
			snap, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: uint64(step)}, noon, blocksOf(s))
			if err != nil {
				t.Fatal(err)
			}
			got := m.Next(snap)
			if diff := cmp.Diff(lines(merge.New(kind, pools).Next(snap)), lines(got)); diff != "" {
				t.Fatalf("following differs from beginning (-new +following):\n%s", diff)
			}
			if a, b := open(snap), open(got); a != b {
				t.Fatalf("%d sockets are open, %d in boxes", a, b)
			}
			ids := map[string]string{}
			for b := range got.Blocks() {
				for _, c := range b.Connections {
					if other := ids[c.ID]; other != "" {
						t.Fatalf("%s and %s have one edge twice", other, b.Node.Name)
					}
					ids[c.ID] = b.Node.Name
				}
				if !slices.IsSortedFunc(b.Connections, func(a, b *topology.Connection) int { return strings.Compare(a.ID, b.ID) }) {
					t.Fatalf("connections of %s are not sorted", b.Node.Name)
				}
			}
		}
	})
}

// handOver leaves each connection in one block, that of its client if that has it, as a
// topology does.
func (s site) handOver() {
	held := map[string]bool{}
	for name, b := range s {
		for _, c := range b.Connections {
			held[c.ID] = held[c.ID] || c.Client.Node == name
		}
	}
	for name, old := range s {
		b := *old // those of before stay as they were
		b.Connections = nil
		for _, c := range old.Connections {
			if c.Client.Node == name || !held[c.ID] {
				b.Connections = append(b.Connections, c)
			}
		}
		if sortAll(&b); len(b.Connections) != len(old.Connections) {
			s[name] = &b
		} else {
			sortAll(old)
		}
	}
}

func sortAll(b *topology.Block) {
	slices.SortFunc(b.Connections, func(a, b *topology.Connection) int { return strings.Compare(a.ID, b.ID) })
}

func blocksOf(s site) (out []*topology.Block) {
	for _, b := range s {
		out = append(out, b)
	}
	return out
}

func open(snap *topology.Snapshot) (n int) {
	for c := range snap.Connections() {
		n += c.Count
	}
	return n
}

// BenchmarkNext is a snapshot of 5,000 nodes in pools of 50, with 60 connections each, in
// which another number stands on some.
func BenchmarkNext(b *testing.B) {
	const n = 5_000
	blocks := make([]*topology.Block, n)
	name := func(i int) string { return fmt.Sprintf("web-%03d-%02d", i/50, i%50) }
	for i := range blocks {
		block := &topology.Block{Node: topology.Node{Name: name(i), Kind: topology.Host, State: topology.Reporting, FirstSeen: noon, LastReport: noon}}
		for j := range 60 {
			c := topology.Connection{
				Client: topology.Client{Node: name(i), Process: "app"}, Protocol: "tcp", Directed: true, Count: 1, Status: topology.Fresh,
				Server:    topology.Server{Node: name((i/50+j%12+1)*50%n + j), Port: 80, Service: name((i/50+j%12+1)*50%n+j) + "~tcp~80"},
				FirstSeen: noon, Health: &topology.Health{End: "client", RTT: 300, Sent: 10},
			}
			c.ID = topology.ConnectionID(&c)
			block.Connections = append(block.Connections, &c)
		}
		slices.SortFunc(block.Connections, func(a, b *topology.Connection) int { return strings.Compare(a.ID, b.ID) })
		blocks[i] = block
	}
	snap, err := topology.FromBlocks(topology.Revision{Epoch: "e"}, noon, blocks)
	if err != nil {
		b.Fatal(err)
	}
	for _, changed := range []int{1, 250} {
		b.Run(fmt.Sprintf("changed=%d", changed), func(b *testing.B) {
			m := merge.New(topology.Pool, func(node string) string { return "pool~" + node[:7] })
			m.Next(snap)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				edit := snap.Edit()
				for j := range changed {
					block := snap.Block(name((i*changed + j*n/changed) % n)).Clone()
					block.Write(0).Count++
					edit.Put(block)
				}
				m.Next(edit.Commit(snap.Revision().Next(), noon))
			}
		})
	}
}
