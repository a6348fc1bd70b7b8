package chart

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func host(name string, services ...topology.Service) *topology.Block {
	b := &topology.Block{
		Node:     topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting, LastReport: noon},
		Services: services,
	}
	for i := range b.Services {
		b.Services[i].Node = name
	}
	return b
}

func service(id, process string, port uint16) topology.Service {
	return topology.Service{ID: id, Protocol: "tcp", Port: port, Process: process, State: topology.Listening}
}

// call is an open connection of a client ("node process", or a service's id) to a
// service of a node.
func call(client, server, node string, how ...func(*topology.Connection)) *topology.Connection {
	c := &topology.Connection{Protocol: "tcp", Count: 1, Directed: true, Status: topology.Fresh, Server: topology.Server{Node: node, Service: server}}
	if n, p, ok := strings.Cut(client, " "); ok {
		c.Client = topology.Client{Node: n, Process: p}
	} else {
		c.Client.Service = client
	}
	for _, h := range how {
		h(c)
	}
	c.ID = topology.ConnectionID(c)
	return c
}

func snapshot(t *testing.T, blocks ...*topology.Block) *topology.Snapshot {
	t.Helper()
	for _, b := range blocks {
		for i := range b.Connections {
			if b.Connections[i].Client.Node == "" {
				b.Write(i).Client.Node = b.Node.Name
			}
		}
		slices.SortFunc(b.Services, func(x, y topology.Service) int { return strings.Compare(x.ID, y.ID) })
		slices.SortFunc(b.Connections, func(x, y *topology.Connection) int { return strings.Compare(x.ID, y.ID) })
	}
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// edges are those of a graph as text, sorted.
func edges(g *trouble.Graph) string {
	var out []string
	for _, e := range g.Edges() {
		s := fmt.Sprintf("%s %s %s", e.Client, e.Kind, e.Server)
		if e.Idle {
			s += " idle"
		}
		if e.Undirected {
			s += " undirected"
		}
		out = append(out, strings.ReplaceAll(s, "\x00", "|"))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func site(t *testing.T) *topology.Snapshot {
	t.Helper()
	web := host("web", service("web~80", "nginx", 80), service("web~443", "nginx", 443), service("web~9", "dotm", 9))
	web.Services[2].Own = true
	web.Connections = []*topology.Connection{
		call("web nginx", "app~8080", "app"),
		call("web nrpe", "db~5432", "db", func(c *topology.Connection) { c.Observer = true }),
		call("web dotm", "app~8080", "app", func(c *topology.Connection) { c.Own = true }),
		call("web ", "app~8080", "app"),
	}
	app := host("app", service("app~8080", "java", 8080))
	app.Connections = []*topology.Connection{
		call("app~8080", "db~5432", "db"),
		call("app~8080", "vip~6379", "vip", func(c *topology.Connection) { c.Count, c.Status = 0, topology.Old }),
		call("app~8080", "", "db", func(c *topology.Connection) { c.Directed = false }),
		call("gone~1", "gone~2", "Internet"),
	}
	vip := &topology.Block{
		Node: topology.Node{Name: "vip", Kind: topology.Virtual, State: topology.Unheard, Holders: []topology.Holder{
			{Node: "db"}, {Node: "app", Until: noon},
		}},
		Services: []topology.Service{{ID: "vip~6379", Node: "vip", Protocol: "tcp", Port: 6379}},
	}
	both := &topology.Block{Node: topology.Node{
		Name: "vip2", Kind: topology.Virtual, State: topology.Unheard, Holders: []topology.Holder{{Node: "db"}, {Node: "app"}},
	}}
	box := &topology.Block{Node: topology.Node{Name: "db/box", Kind: topology.Container, State: topology.Reporting, LastReport: noon}}
	outside := &topology.Block{Node: topology.Node{Name: "Internet", Kind: topology.Internet, State: topology.Unheard}}
	outside.Connections = []*topology.Connection{call("Internet ", "app~8080", "app")}
	return snapshot(t, web, app, vip, both, host("db", service("db~5432", "postgres", 5432)), box, outside)
}

func TestGraph(t *testing.T) {
	g, err := Graph(site(t), func(s *topology.Service) string { return map[string]string{"db~5432": "databases"}[s.ID] })
	if err != nil {
		t.Fatal(err)
	}
	want := `Internet calls app~8080
app| calls Internet
app| on app
app~8080 calls db undirected
app~8080 calls db~5432
app~8080 calls vip~6379 idle
app~8080 on app
db/box on db
db~5432 on db
vip on db
vip~6379 on vip
web| calls app~8080
web| on web
web|nginx calls app~8080
web|nginx on web
web~443 on web
web~443 on web|nginx
web~80 on web
web~80 on web|nginx`
	if got := edges(g); got != want {
		t.Errorf("edges\n%s\nwant\n%s", got, want)
	}
	for id, want := range map[string]trouble.Component{
		"db~5432":               {ID: "db~5432", Kind: trouble.Service, Pool: "databases", Name: "db postgres:5432"},
		"vip~6379":              {ID: "vip~6379", Kind: trouble.Service, Name: "vip tcp:6379"},
		"app":                   {ID: "app", Kind: trouble.Node},
		Program("web", "nginx"): {ID: Program("web", "nginx"), Kind: trouble.Service, Name: "web nginx"},
	} {
		if c, ok := g.Component(id); !ok || c != want {
			t.Errorf("%+v, want %+v", c, want)
		}
	}
	if _, ok := g.Component("web~9"); ok {
		t.Error("dotm is in the graph")
	}
}

func TestWatched(t *testing.T) {
	db := host("db", service("a", "postgres", 1), service("b", "x", 2), service("c", "y", 3))
	check := func(id, service string, status topology.Status, minutes int, stale bool) topology.Check {
		return topology.Check{
			ID: id, Source: "icinga", Service: service, Name: id, Status: status, Hard: true, Stale: stale,
			LastCheck: noon.Add(time.Duration(minutes) * time.Minute), LastOK: noon, Since: noon.Add(time.Minute),
		}
	}
	db.SetChecks([]topology.Check{
		check("1", "a", topology.OK, 1, false), check("2", "a", topology.OK, 3, false), check("3", "a", topology.OK, 2, false),
		check("4", "b", topology.Critical, 2, false), check("5", "c", topology.OK, 2, true), check("6", "nobody", topology.Warning, 2, false),
	})
	silent := host("silent")
	silent.Node.State = topology.Stale
	unheard := host("unheard")
	unheard.Node.State = topology.Unheard
	s := snapshot(t, db, silent, unheard, host("plain"))
	want := map[string]trouble.Watch{
		"a": {Fine: noon.Add(3 * time.Minute), Clock: "icinga"}, "b": {Clock: "icinga"}, "c": {Blind: true},
		"db": {Clock: "icinga"}, "silent": {Blind: true}, "plain": {Fine: noon, Clock: Clock},
	}
	got := Watched(s, nil)
	for id, w := range want {
		if got[id] != w {
			t.Errorf("%s: %+v, want %+v", id, got[id], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d are watched: %v", len(got), got)
	}
	alerts := Alerts(s)
	if len(alerts) != 2 || alerts[0].Component != "b" || alerts[1].Component != "db" || alerts[0].Onset.Clock != "icinga" {
		t.Errorf("alerts %+v", alerts)
	}
}

// TestDownAndReporting: what a check calls down and what reports since may be both,
// with the fault between.
func TestDownAndReporting(t *testing.T) {
	for _, tt := range []struct {
		state topology.NodeState
		since time.Time
		kind  topology.CheckKind
		want  string
	}{
		{topology.Reporting, noon.Add(-time.Minute), topology.HostCheck, "its agent reports"},
		{topology.Reporting, noon.Add(time.Minute), topology.HostCheck, ""},
		{topology.Stale, noon.Add(-time.Minute), topology.HostCheck, ""},
		{topology.Reporting, noon.Add(-time.Minute), topology.ServiceCheck, ""},
	} {
		db := host("db")
		db.Node.State = tt.state
		db.SetChecks([]topology.Check{{ID: "1", Kind: tt.kind, Status: topology.Down, Hard: true, Since: tt.since}})
		if a := Alerts(snapshot(t, db)); len(a) != 1 || a[0].Disputed != tt.want {
			t.Errorf("%+v: %+v", tt, a)
		}
	}
}

// TestLikely: from a snapshot to a sentence.
func TestLikely(t *testing.T) {
	s := site(t)
	bad := func(node, id, service, name string, minutes int) {
		b := s.Block(node).Clone()
		b.SetChecks([]topology.Check{{
			ID: id, Source: "icinga", Host: node, Name: name, Service: service, Status: topology.Critical, Hard: true,
			LastOK: noon.Add(time.Duration(minutes-1) * time.Minute), Since: noon.Add(time.Duration(minutes) * time.Minute),
		}})
		e := s.Edit()
		e.Put(b)
		s = e.Commit(s.Revision().Next(), noon.Add(10*time.Minute))
	}
	bad("web", "1", "web~80", "http", 5)
	bad("app", "2", "app~8080", "tomcat", 4)
	bad("db", "3", "db~5432", "pgsql", 2)
	g, err := Graph(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := trouble.NewRanker().Rank(g, &trouble.Incident{At: s.At(), Alerts: Alerts(s), Watched: Watched(s, nil)})
	if len(r.Causes) == 0 || r.Causes[0].Component != "db~5432" {
		t.Fatalf("%+v", r.Causes)
	}
	want := "db postgres:5432 pgsql is CRITICAL since 12:02; both others in trouble need it; it was bad before any of them"
	if r.Causes[0].Sentence != want || r.Causes[0].Strength != trouble.Strong {
		t.Errorf("%s: %s", r.Causes[0].Strength, r.Causes[0].Sentence)
	}
	im, err := trouble.Predict(g, []string{"db"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	hit := map[string]bool{}
	for _, e := range im.Predicted {
		hit[e.Component] = true
	}
	for _, id := range []string{"db~5432", "app~8080", "web~80", "db/box", "vip"} {
		if !hit[id] {
			t.Errorf("%s isn't predicted: %+v", id, im)
		}
	}
	if hit["app"] || hit["web"] {
		t.Errorf("a host is: %+v", im.Predicted)
	}
}

// TestSignals: what was seen from a client's side has it as its witness, what a node
// tells of itself has none; how bad it is, is told by the figure where that grows.
func TestSignals(t *testing.T) {
	app := service("app~tcp~80", "php", 80)
	db := service("db~tcp~5432", "postgres", 5432)
	appBlock, dbBlock := host("app", app), host("db", db)
	began := noon.Add(-time.Minute)
	check := func(id, node, service string, g topology.Signal) topology.Check {
		return topology.Check{
			ID: id, Source: topology.SignalSource, Kind: topology.ServiceCheck, Host: node, Name: id, Node: node, Service: service,
			Status: topology.Critical, Hard: true, Since: began, LastOK: began.Add(-10 * time.Second), Signal: &g,
		}
	}
	web := topology.Client{Node: "app", Process: "php", Service: "app~tcp~80"}
	dbBlock.Checks = []topology.Check{
		check("1", "db", "db~tcp~5432", topology.Signal{Kind: topology.SignalRefused, Client: web, Figure: 400, Limit: 2}),
		check("2", "db", "db~tcp~5432", topology.Signal{Kind: topology.SignalSlow, Client: topology.Client{Node: "app", Process: "cron"}, Figure: 300, Limit: 20}),
		check("3", "db", "db~tcp~5432", topology.Signal{Kind: topology.SignalStopped, Figure: 1, Limit: 1}),
	}
	appBlock.Checks = []topology.Check{
		check("4", "app", "app~tcp~80", topology.Signal{Kind: topology.SignalGone, Client: web, Figure: 9, Limit: 7}),
	}
	s := snapshot(t, appBlock, dbBlock)
	var got []string
	for _, a := range Alerts(s) {
		if a.Onset != (trouble.Onset{After: began.Add(-10 * time.Second), By: began, Clock: Clock}) {
			t.Errorf("%s began %+v", a.ID, a.Onset)
		}
		got = append(got, fmt.Sprintf("%s %s %s %g %q", a.ID, a.Component, a.Trouble, a.Times, a.Witnesses))
	}
	want := []string{
		`4 app~tcp~80 failing 0 []`,
		`1 db~tcp~5432 failing 0 ["app~tcp~80"]`,
		`2 db~tcp~5432 slow 15 ["app\x00cron"]`,
		`3 db~tcp~5432 failing 0 []`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if w := Watched(s, nil)["db~tcp~5432"]; !w.Fine.IsZero() || w.Clock != "" {
		t.Errorf("a signal says when it was fine: %+v", w)
	}
}
