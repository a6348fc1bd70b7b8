package export

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// nasty is what a host might call itself.
const nasty = "<script>alert(1)</script>\"'&|`\\ \u202Eevil\n]]>;--"

func verdict(s topology.Status) topology.Verdict {
	return topology.Verdict{Status: s, OpenStatus: s, Checks: 1}
}

func node(name string, kind topology.NodeKind, x, y float64, v topology.Verdict, rows ...view.Row) view.Node {
	n := view.Node{Node: topology.Node{Name: name, Kind: kind, State: topology.Reporting, Verdict: v, Addresses: []netip.Addr{}}, Rows: rows}
	n.Layout = &view.Rect{X: x, Y: y, W: 150, H: 33 + 20*float64(len(rows))}
	return n
}

func serves(node, process string, port uint16, s topology.Status) (view.Row, view.Service) {
	id := topology.ServiceID(node, "tcp", port, netip.Addr{})
	return view.Row{Kind: "service", Service: id, Process: process, Protocol: "tcp", Port: port},
		view.Service{Service: topology.Service{ID: id, Node: node, Protocol: "tcp", Port: port, Process: process, State: topology.Listening, Verdict: verdict(s), LastConnection: noon}}
}

func calls(id, from, process, to string, port uint16, count int) view.Connection {
	return view.Connection{Connection: topology.Connection{
		ID: id, Client: topology.Client{Node: from, Process: process}, Protocol: "tcp", Count: count, Opened: uint64(count), Directed: true,
		Server:    topology.Server{Node: to, Port: port, Service: topology.ServiceID(to, "tcp", port, netip.Addr{})},
		FirstSeen: noon.Add(-time.Hour), LastSeen: noon, Status: topology.Fresh,
		Evidence: topology.Evidence{BothEnds: true},
	}}
}

// small is a chart with one of everything: a pool in trouble, a host that is silent, one
// that never reported, the Internet, lanes, the strip, a failing call, a loop, an edge
// without direction, and names that mean harm.
func small() *Chart {
	web, webService := serves("pool~web", "nginx", 80, topology.OK)
	db, dbService := serves("db1", "postgres", 5432, topology.Critical)
	pool := node("pool~web", topology.Pool, 250, 110, verdict(topology.Warning), web, view.Row{Kind: "client", Process: "cron"})
	pool.Title, pool.Layout.H = "web", 90
	pool.Members = []topology.BoxMember{
		{Name: "web1", State: topology.Reporting, Verdict: topology.NoVerdict},
		{Name: "web2", State: topology.Reporting, Verdict: verdict(topology.Warning)},
		{Name: "web3", State: topology.Stale, Verdict: topology.NoVerdict},
	}
	internet := node("Internet", topology.Internet, 32, 120, topology.NoVerdict)
	internet.Layout.W, internet.Layout.H = 96, 84
	silent := node("old1", topology.Host, 500, 230, topology.NoVerdict, view.Row{Kind: "more", Count: 7})
	silent.State, silent.LastReport = topology.Stale, noon.Add(-time.Hour)
	strange := node(nasty, topology.Inferred, 250, 240, topology.NoVerdict)
	strange.State, strange.Layout.H = topology.Unheard, 47
	log := node("log1", topology.Host, 380, 400, verdict(topology.OK))
	log.Shared = true
	failing := calls("c", "pool~web", "nginx", "db1", 5432, 600)
	failing.Health = &topology.Health{End: "client", Connecting: 4, ConnectingSince: noon.Add(-time.Minute)}
	unsure := calls("d", nasty, "=cmd|' /C calc'!A0", "db1", 5432, 3)
	unsure.Directed, unsure.Evidence.BothEnds = false, false
	loop := calls("e", "db1", "postgres", "db1", 5432, 12)
	old := calls("f", "old1", "", "db1", 5432, 0)
	old.Status = topology.Old
	return &Chart{
		Topology: view.Topology{
			Revision: "e-7", At: noon, Level: view.LevelPool, Hide: []view.Hide{view.HideIgnored}, Hidden: view.Hidden{Services: 2, Connections: 1, Ignored: 3},
			Width: 700, Height: 500, Coverage: view.Coverage{Nodes: 7, Reporting: 5, Stale: 1, Connections: 6, OneSided: 1},
			Ghosts: []view.Ghost{},
			Lanes: []view.Lane{
				{Layout: view.Rect{X: 232, Y: 370, W: 460, H: 100}},
				{ID: "group~s", Title: "shop & <co>", Layout: view.Rect{X: 232, Y: 40, W: 460, H: 300}},
			},
			Pools: []view.Node{pool}, Nodes: []view.Node{internet, node("db1", topology.Host, 500, 110, verdict(topology.Critical), db), log, silent, strange},
			Services:    []view.Service{dbService, webService},
			Connections: []view.Connection{calls("a", "Internet", "", "pool~web", 80, 2500), calls("b", "pool~web", "cron", "log1", 6000, 9), failing, unsure, loop, old},
		},
		Data: Live, URL: "https://dotm.example",
		Alerts: []Alert{
			{Source: "icinga", Node: "db1", Service: dbService.ID, Name: "pg | " + nasty, Status: topology.Critical, Since: noon.Add(-time.Minute)},
			{Source: "icinga", Node: "web2", Status: topology.Warning, Handled: true},
		},
	}
}

// past is the small chart, as it was, of a made-up site.
func past() *Chart {
	c := small()
	c.Past, c.Data = true, Demo
	c.Gaps = []history.Gap{{Node: "old1", From: noon.Add(-time.Hour), Why: "silent"}, {From: noon.Add(-2 * time.Hour), To: noon.Add(-time.Hour)}}
	return c
}

func written(t testing.TB, f Format, c *Chart) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, f, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
