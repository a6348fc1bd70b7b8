package view

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/test/golden"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestHideObservers: who only looks is left out with what is seen by it alone.
func TestHideObservers(t *testing.T) {
	snap := shop.Applied(shop.Host("mon", "10.0.0.5").Out("nagios", "10.0.0.2", 5432).Out("nagios", "10.0.0.77", 80).Out("psql", "10.0.0.2", 5432),
		shop.Host("db", "10.0.0.2").Listen("postgres", 5432).In("10.0.0.5", 5432))
	all, few := viewOf(t, snap, "service", "none"), viewOf(t, snap, "service", "observers")
	same(t, "shown", len(all.Connections), 3)
	same(t, "hidden", edges(few), "[mon/psql>db:5432]")
	same(t, "counted", few.Hidden.Observers, 2)
	same(t, "nodes", nodeNames(few), "[db mon]")
	if c := viewOf(t, snap, "node", "none").Connections; len(c) != 2 || c[0].Observer == c[1].Observer {
		t.Errorf("an edge of two nodes is an observer's only if nobody else is on it: %+v", c)
	}
}

func TestHide(t *testing.T) {
	snap := shop.Applied(shop.Reports()...)
	const (
		toDB, toPay, toCache, people, admin = "web/nginx>db:5432", "web/nginx>Internet:443", "web/php>10.0.0.9:6379", "Internet/>web:80", "10.0.0.50/>web:22"
	)
	for _, tt := range []struct {
		hide     string
		edges    []string
		nodes    []string
		services int
		hidden   Hidden
	}{
		{"none", []string{admin, people, toPay, toDB, toCache}, []string{"10.0.0.50", "10.0.0.9", "Internet", "db", "web"}, 5, Hidden{}},
		// The administrator has nothing else to show, so his box goes as well.
		{"", []string{people, toPay, toDB, toCache}, []string{"10.0.0.9", "Internet", "db", "web"}, 3, Hidden{Services: 2, Connections: 1, Ignored: 2, Own: 1}},
		{"ignored", []string{people, toPay, toDB, toCache}, []string{"10.0.0.9", "Internet", "db", "web"}, 4, Hidden{Services: 1, Connections: 1, Ignored: 2}},
		{"infrastructure", []string{admin, people, toPay, toDB, toCache}, []string{"10.0.0.50", "10.0.0.9", "Internet", "db", "web"}, 4, Hidden{Services: 1, Own: 1}},
		{"old,observers", []string{admin, people, toPay, toDB, toCache}, []string{"10.0.0.50", "10.0.0.9", "Internet", "db", "web"}, 5, Hidden{}},
	} {
		t.Run(tt.hide, func(t *testing.T) {
			v := viewOf(t, snap, "", tt.hide)
			slices.Sort(tt.edges)
			same(t, "edges", edges(v), tt.edges)
			same(t, "nodes", nodeNames(v), tt.nodes)
			same(t, "services", len(v.Services), tt.services)
			same(t, "hidden", v.Hidden, tt.hidden)
		})
	}
}

// TestIgnoredNames: a name counts at either end.
func TestIgnoredNames(t *testing.T) {
	snap := shop.Applied(shop.Reports()...)
	for name, want := range map[string]int{"php": 4, "nginx": 2, "postgres": 4, "": 5, "sshd": 4} {
		set := defaults()
		set.IgnoredPorts, set.IgnoredNames = nil, []string{name}
		if name == "" {
			set.IgnoredNames = nil
		}
		v := Build(Question{Level: LevelService, Hide: "ignored"}, snap, set, snap.At())
		if len(v.Connections) != want {
			t.Errorf("ignoring %q leaves %v", name, edges(v))
		}
	}
}

// TestIgnoredIsKept: what is shown though ignored says so.
func TestIgnoredIsKept(t *testing.T) {
	v := viewOf(t, shop.Applied(shop.Reports()...), "", "none")
	for _, s := range v.Services {
		if s.Ignored != (s.Port == 22) {
			t.Errorf("%s is ignored: %v", s.ID, s.Ignored)
		}
	}
	for _, c := range v.Connections {
		if c.Ignored != (c.Server.Port == 22) {
			t.Errorf("%s to port %d is ignored: %v", c.ID, c.Server.Port, c.Ignored)
		}
	}
}

// TestOld: what was closed turns old, is hidden on request, and in the end by
// itself unless all is asked for.
func TestOld(t *testing.T) {
	quiet := shop.Host("web", "10.0.0.1")
	quiet.Sequence = 9
	closed := shop.Aged(shop.Applied(shop.Reports()...), 10*time.Second, quiet)
	old := shop.Aged(closed, 10*time.Minute, quiet)
	ancient := shop.Aged(old, 36*24*time.Hour, quiet)
	count := func(v *Topology) (services, connections int) { return len(v.Services), len(v.Connections) }
	for _, tt := range []struct {
		name                  string
		snap                  *topology.Snapshot
		hide                  string
		services, connections int
		old                   int
	}{
		{"closed", closed, "old", 2, 5, 3},
		{"closed, none", closed, "none", 5, 5, 0},
		{"old", old, "ignored", 4, 4, 0},
		{"old, hidden", old, "old", 2, 0, 8},
		{"ancient", ancient, "ignored", 2, 0, 8},
		{"ancient, none", ancient, "none", 5, 5, 0},
	} {
		v := viewOf(t, tt.snap, "", tt.hide)
		// The cache is proven by a connection alone: without it, no box and no service.
		services, connections := count(v)
		if connections == 0 {
			services += 1
		}
		if services != tt.services || connections != tt.connections || v.Hidden.Old != tt.old {
			t.Errorf("%s: %d services, %d connections, hidden %+v", tt.name, services, connections, v.Hidden)
		}
	}
}

func TestHideAfterForEver(t *testing.T) {
	quiet := shop.Host("web", "10.0.0.1")
	quiet.Sequence = 9
	ancient := shop.Aged(shop.Aged(shop.Applied(shop.Reports()...), time.Minute, quiet), 9000*time.Hour, quiet)
	set := defaults()
	set.HideAfter = 0
	if v := Build(Question{Level: LevelService, Hide: "infrastructure"}, ancient, set, ancient.At()); len(v.Connections) != 5 {
		t.Errorf("hide_after 0 leaves %v", edges(v))
	}
}

func TestRows(t *testing.T) {
	v := viewOf(t, shop.Applied(shop.Reports()...), "", "none")
	rows := map[string]string{}
	for _, n := range v.Nodes {
		for _, r := range n.Rows {
			rows[n.Name] += fmt.Sprintf("%s %s:%d, ", r.Kind, r.Process, r.Port)
		}
	}
	for node, want := range map[string]string{
		"web":       "service sshd:22, service nginx:80, service dotm:4849, client php:0, ",
		"db":        "service postgres:5432, ",
		"10.0.0.9":  "service :6379, ",
		"10.0.0.50": "",
		"Internet":  "",
	} {
		same(t, node, rows[node], want)
	}
}

// TestRowsAreCapped: with few hosts a box shows up to 40 rows, with many 5,
// and the last one counts what is missing.
func TestRowsAreCapped(t *testing.T) {
	busy := shop.Host("web", "10.0.0.1")
	for i := range 60 {
		busy.Listen(fmt.Sprintf("p%d", i), uint16(1000+i))
	}
	few := []shop.Report{busy}
	many := append(slices.Clone(few), shop.Host("b", "10.0.0.2"), shop.Host("c", "10.0.0.3"), shop.Host("d", "10.0.0.4"))
	for _, tt := range []struct {
		reports     []shop.Report
		rows, count int
	}{{few, 40, 21}, {many, 5, 56}} {
		v := viewOf(t, shop.Applied(tt.reports...), "", "none")
		i := slices.IndexFunc(v.Nodes, func(n Node) bool { return n.Name == "web" })
		rows := v.Nodes[i].Rows
		if last := rows[len(rows)-1]; len(rows) != tt.rows || last.Kind != "more" || last.Count != tt.count {
			t.Errorf("%d hosts: %d rows, the last is %+v", len(tt.reports), len(rows), last)
		}
	}
	exact := capRows(make([]Row, 5), 5)
	if len(exact) != 5 || exact[4].Kind == "more" {
		t.Errorf("five rows where five fit: %v", exact)
	}
}

// A virtual address is drawn, and is no host that could report.
func TestCoverageOfVirtual(t *testing.T) {
	snap := topology.Empty(topology.Revision{Epoch: "e"}, shop.Noon)
	r := shop.Host("web", "10.0.0.1").Out("curl", "10.0.0.100", 443)
	r.Time = shop.Noon
	snap = aggregate.Apply(snap, r.Report, shop.Noon, aggregate.Options{Virtual: []aggregate.NamedAddress{{Address: netip.MustParseAddr("10.0.0.100"), Name: "shop"}}})
	v := viewOf(t, snap, "", "none")
	if !slices.ContainsFunc(v.Nodes, func(n Node) bool { return n.Kind == topology.Virtual }) {
		t.Fatalf("no virtual address among %+v", v.Nodes)
	}
	same(t, "coverage", v.Coverage, Coverage{Nodes: 1, Reporting: 1, Connections: 1})
}

func TestCoverage(t *testing.T) {
	reports := shop.Reports()
	reports[0].Coverage.HiddenProcesses = 3
	snap := shop.Applied(reports...)
	v := viewOf(t, snap, "", "")
	// One-sided is the edge to the cache: the Internet has no second side, and db confirms its own.
	same(t, "coverage", v.Coverage, Coverage{Nodes: 3, Reporting: 2, Connections: 4, OneSided: 1, Hidden: 3})
	late := shop.Aged(snap, 10*time.Minute, shop.Host("db", "10.0.0.2"))
	same(t, "with web silent", viewOf(t, late, "", "none").Coverage.Stale, 1)
	for state, want := range map[topology.NodeState]Coverage{
		topology.Left:      {Nodes: 3, Reporting: 1, Left: 1},
		topology.Rebooting: {Nodes: 3, Reporting: 1, Left: 1},
		topology.Stopped:   {Nodes: 4, Reporting: 1, Hidden: 3},
	} {
		e := snap.Edit()
		next := *snap.Block("web")
		next.Node.State = state
		e.Put(&next)
		got := viewOf(t, e.Commit(snap.Revision().Next(), snap.At()), "", "none").Coverage
		got.Connections, got.OneSided = 0, 0
		same(t, "with web "+string(state), got, want)
	}
}

func TestLevelNode(t *testing.T) {
	r := shop.Host("web", "10.0.0.1").Listen("nginx", 80).Out("nginx", "10.0.0.2", 5432).Out("php", "10.0.0.2", 5432).Out("php", "10.0.0.2", 6379).Out("cron", "127.0.0.1", 80)
	d := shop.Host("db", "10.0.0.2").Listen("postgres", 5432).Listen("redis", 6379).Out("hook", "10.0.0.1", 80)
	v := viewOf(t, shop.Applied(r, d), "node", "none")
	if len(v.Services) != 0 || v.Services == nil {
		t.Errorf("services %v", v.Services)
	}
	same(t, "edges", edges(v), []string{"db/>web:0", "web/>db:0"})
	for _, c := range v.Connections {
		if c.Client.Node == "web" && (c.Count != 6 || c.Opened != 9) {
			t.Errorf("web to db counts %d, opened %d", c.Count, c.Opened)
		}
		if c.Server.Service != "" || c.Server.Process != "" || c.Client.Service != "" || c.Protocol != "" {
			t.Errorf("the edge tells of more than its nodes: %+v", c)
		}
	}
	for _, n := range v.Nodes {
		if n.Rows != nil {
			t.Errorf("%s has rows", n.Name)
		}
	}
}

// TestBoxes: every node has a place within the chart, and none covers another.
func TestBoxes(t *testing.T) {
	for _, level := range []string{"service", "node"} {
		v := viewOf(t, shop.Applied(shop.Reports()...), level, "none")
		if err := place(v, layouter{}); err != nil {
			t.Fatal(err)
		}
		for i, n := range v.Nodes {
			r := n.Layout
			if r == nil || r.X < 0 || r.Y < 0 || r.X+r.W > v.Width || r.Y+r.H > v.Height || r.W <= 0 || r.H <= 0 {
				t.Fatalf("%s lies at %+v of %g × %g", n.Name, r, v.Width, v.Height)
			}
			if want := headerHeight + rowHeight*float64(len(n.Rows)) + footHeight; len(n.Rows) > 0 && r.H != want {
				t.Errorf("%s is %g high, want %g", n.Name, r.H, want)
			}
			if n.Kind == topology.Internet && r.W != internetWidth {
				t.Errorf("the Internet is %g wide", r.W)
			}
			for _, o := range v.Nodes[:i] {
				if p := o.Layout; r.X < p.X+p.W && p.X < r.X+r.W && r.Y < p.Y+p.H && p.Y < r.Y+r.H {
					t.Errorf("%s covers %s", n.Name, o.Name)
				}
			}
		}
	}
}

// TestStateMovesNothing: a chart stays as it is when only numbers, ages and
// states change.
func TestStateMovesNothing(t *testing.T) {
	snap := shop.Applied(shop.Reports()...)
	before := viewOf(t, snap, "", "")
	if err := place(before, layouter{}); err != nil {
		t.Fatal(err)
	}
	quiet := shop.Host("web", "10.0.0.1").Listen("nginx", 80).Listen("sshd", 22).Own("dotm", 4849)
	quiet.Sequence = 9
	after := viewOf(t, shop.Aged(shop.Aged(snap, time.Minute, quiet), time.Hour, quiet), "", "")
	if err := place(after, layouter{}); err != nil {
		t.Fatal(err)
	}
	for i := range before.Nodes {
		if a, b := before.Nodes[i], after.Nodes[i]; a.Name != b.Name || *a.Layout != *b.Layout {
			t.Errorf("%s moved from %+v to %+v", a.Name, a.Layout, b.Layout)
		}
	}
}

// TestTopologyGolden is one whole answer, as it goes over the wire.
func TestTopologyGolden(t *testing.T) {
	v := viewOf(t, shop.Applied(shop.Reports()...), "", "")
	if err := place(v, layouter{}); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if null := regexp.MustCompile(`"\w+":null`).Find(raw); null != nil {
		t.Errorf("lists are never null: %s", null)
	}
	golden.Check(t, "topology.json", golden.Indented(t, raw))
}

// TestSortByID: however a list lies, nothing of it is lost or doubled.
func TestSortByID(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		list := make([]Connection, n)
		for i, k := range rng.Perm(n) {
			list[i].ID, list[i].Count = fmt.Sprintf("%03d", k/2), k // some ids twice
		}
		sortByID(list, func(c *Connection) string { return c.ID })
		seen := map[int]bool{}
		for i := range list {
			seen[list[i].Count] = true
			if i > 0 && list[i-1].ID > list[i].ID {
				t.Fatalf("of %d, %s stands before %s", n, list[i-1].ID, list[i].ID)
			}
		}
		if len(seen) != n {
			t.Fatalf("of %d, %d are left", n, len(seen))
		}
	}
}
