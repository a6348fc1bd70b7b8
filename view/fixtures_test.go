package view

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/layout"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// made is a report in the making.
type made struct{ *report.Report }

func host(name, address string) made {
	return made{&report.Report{
		Version: report.Version, Sequence: 1, Time: time.Now().UTC(), IntervalMS: 10_000,
		Node:        report.Node{Name: name, Identity: report.Identity{Kind: report.IdentityMachine, Value: name}},
		Agent:       report.Agent{Version: "1.2.3", Method: "sock_diag"},
		Interfaces:  []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr(address), 24)}}},
		Listeners:   []report.Listener{},
		Connections: []report.Connection{},
	}}
}

func (m made) listen(process string, port uint16) made {
	m.Listeners = append(m.Listeners, report.Listener{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: port, Process: process})
	return m
}

func (m made) own(process string, port uint16) made {
	m.listen(process, port).Listeners[len(m.Listeners)-1].Own = true
	return m
}

func (m made) out(process, peer string, port uint16) made {
	m.Connections = append(m.Connections, report.Connection{
		Direction: report.Out, Protocol: report.TCP, Process: process, Peer: netip.MustParseAddr(peer), Port: port, Count: 2, Opened: 3,
	})
	return m
}

func (m made) in(peer string, port uint16) made {
	m.Connections = append(m.Connections, report.Connection{
		Direction: report.In, Protocol: report.TCP, Peer: netip.MustParseAddr(peer), Local: netip.IPv4Unspecified(), Port: port, Count: 1, Opened: 1,
	})
	return m
}

// applied is the topology after reports, one second apart, the first at noon.
func applied(reports ...made) *topology.Snapshot {
	snap := topology.Empty(topology.Revision{Epoch: "e"}, noon)
	for i, r := range reports {
		at := noon.Add(time.Duration(i) * time.Second)
		r.Time = at
		snap = aggregate.Apply(snap, r.Report, at, aggregate.Options{Ageing: 5 * time.Minute, StaleAfter: time.Minute})
	}
	return snap
}

// aged is a snapshot so much later, nothing having been heard meanwhile but
// that all is quiet.
func aged(snap *topology.Snapshot, by time.Duration, r made) *topology.Snapshot {
	at := snap.At().Add(by)
	r.Time = at
	b := aggregate.Begin(snap, aggregate.Options{Ageing: 5 * time.Minute, StaleAfter: time.Minute})
	b.Report(r.Report, at)
	b.Age(at)
	return b.Commit(at)
}

func shopReports() []made {
	return []made{
		host("web", "10.0.0.1").listen("nginx", 80).listen("sshd", 22).own("dotm", 4849).
			out("nginx", "10.0.0.2", 5432).out("nginx", "8.8.8.8", 443).out("php", "10.0.0.9", 6379).
			in("203.0.113.7", 80).in("10.0.0.50", 22),
		host("db", "10.0.0.2").listen("postgres", 5432).in("10.0.0.1", 5432),
	}
}

// defaults are settings as those of a new installation.
func defaults() *Settings {
	return &Settings{Ageing: 5 * time.Minute, HideAfter: 35 * 24 * time.Hour, IgnoredPorts: []uint16{22, 53, 4848}, IgnoredNames: []string{"rpc.statd"}, This: "web"}
}

// hideDefault is what the chart leaves out unless asked.
const hideDefault = "ignored,infrastructure,observers"

func viewOf(t *testing.T, snap *topology.Snapshot, level, hide string) *Topology {
	t.Helper()
	q := Question{Level: Level(level), Hide: hideDefault}
	if level == "" {
		q.Level = LevelService
	}
	switch hide {
	case "":
	case "none":
		q.Hide = ""
	default:
		q.Hide = hide
	}
	return Build(q, snap, defaults(), snap.At())
}

// edges are the connections in short.
func edges(v *Topology) (list []string) {
	for _, c := range v.Connections {
		list = append(list, fmt.Sprintf("%s/%s>%s:%d", c.Client.Node, c.Client.Process, c.Server.Node, c.Server.Port))
	}
	slices.Sort(list)
	return list
}

func nodeNames(v *Topology) (list []string) {
	for _, n := range v.Nodes {
		list = append(list, n.Name)
	}
	return list
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// layouter lays out as the server does.
type layouter struct{}

func (layouter) Epoch() uint64 { return 0 }

func (layouter) Place(g *Graph) (out Chart, err error) {
	var in layout.Graph
	for _, b := range g.Boxes {
		box := layout.Box{ID: b.ID, W: b.W, H: b.H}
		if b.Entry {
			box.Side = layout.Entry
		}
		in.Boxes = append(in.Boxes, box)
	}
	for _, e := range g.Edges {
		in.Edges = append(in.Edges, layout.Edge{From: e.From, To: e.To, FromY: e.FromY, ToY: e.ToY, Undirected: e.Undirected})
	}
	chart, err := layout.Place(&in)
	if err != nil {
		return out, err
	}
	out.Width, out.Height = chart.Width, chart.Height
	for _, p := range chart.Placements {
		out.Places = append(out.Places, Place{p.ID, Rect{X: p.X, Y: p.Y, W: p.W, H: p.H}})
	}
	return out, nil
}

// place lays out a view and writes the places into its nodes.
func place(view *Topology, placer Placer) error {
	g, nodes := graphOf(view)
	chart, err := placer.Place(&g)
	if err != nil {
		return err
	}
	view.Width, view.Height = chart.Width, chart.Height
	for i := range chart.Places {
		nodes[chart.Places[i].ID].Layout = &chart.Places[i].Rect
	}
	return nil
}

// golden compares with a file in testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), -update if it is right:\n%s", path, diff)
	}
}

func indented(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}
