package view

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/layout"
	"github.com/devops-trouble-map/dotm/topology"
)

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
