package views

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/api/metrics"
	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/layout"
	"github.com/devops-trouble-map/dotm/server/charts"
	sites "github.com/devops-trouble-map/dotm/site"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// nowhere keeps nothing of a book of charts.
type nowhere struct{}

func (nowhere) Leads() bool                       { return true }
func (nowhere) Documents(string) []store.Document { return nil }
func (nowhere) Decided() <-chan struct{}          { return nil }
func (nowhere) Touch()                            {}

func (nowhere) ChangeDocuments(context.Context, []store.Document, []store.DocumentKey) error {
	return nil
}

// library is a book of charts as the API knows it.
type library struct{ *charts.Book }

func (l library) ChartEpoch(level view.Level) uint64                  { return l.Epoch(level) }
func (l library) KeepChart(level view.Level, c view.Chart)            { l.Keep(level, c) }
func (l library) TidyChart(c context.Context, level view.Level) error { return l.Tidy(c, level) }

func (l library) ChartOutgrown(level view.Level, boxes []view.Box, before []view.Place) bool {
	return l.Outgrown(level, boxes, before)
}

func (l library) MoveBoxes(c context.Context, level view.Level, pins map[string]*view.Point) error {
	return l.Pin(c, level, pins)
}

// growing is a made-up site whose hosts get their agents one after the other, with the
// chart of one level.
type growing struct {
	t      *testing.T
	site   *sites.Site
	snap   *topology.Snapshot
	memory grouping.Memory
	cast   cast
	live   *view.Live
	*placer
	graph *view.Graph // that was placed last
	chart view.Chart
}

// Place is that of the placer.
func (g *growing) Place(graph *view.Graph) (c view.Chart, err error) {
	g.graph = graph
	g.chart, err = g.placer.Place(graph)
	return g.chart, err
}

func grow(t *testing.T, hosts int, level view.Level, book Charts) *growing {
	t.Helper()
	made, err := sites.New(sites.Options{Hosts: hosts, Seed: 1, Quiet: true, Begin: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	q := view.Question{Level: level, Hide: hideUsually}
	g := &growing{t: t, site: made, snap: &topology.Snapshot{}, placer: &placer{charts: book, meter: metrics.New(), question: q}}
	g.live = view.NewLive(q, g)
	return g
}

// look lets the hosts from first to n report, and draws the chart.
func (g *growing) look(first, n int) {
	g.t.Helper()
	at := time.Now()
	g.site.Advance(at)
	batch := aggregate.Begin(g.snap, aggregate.Options{})
	for _, name := range g.site.Nodes()[first:n] {
		if r := g.site.Report(name, at); r != nil {
			batch.Report(r, at)
		}
	}
	g.snap = batch.Commit(at)
	look := Look(&store.Settings{}, "", func(netip.Addr) string { return "" })
	look.Roles = g.cast.of(g.memory.Advance(g.snap, nil, at))
	if _, err := g.live.Advance(g.snap, look, at); err != nil {
		g.t.Fatal(err)
	}
}

// judge compares the chart with a layout from scratch.
func (g *growing) judge() {
	graph := graphOf(g.graph, nil)
	fresh, err := layout.Place(graph)
	if err != nil {
		g.t.Fatal(err)
	}
	tidy, grown := layout.Measure(graph, fresh), layout.Measure(graph, before(&g.chart))
	if float64(grown.Crossings) > 1.05*float64(tidy.Crossings)+3 || grown.EdgeLength > 1.05*tidy.EdgeLength ||
		g.chart.Width*g.chart.Height > 1.05*fresh.Width*fresh.Height {
		g.t.Errorf("it has grown to %+v, %g by %g, tidy it were %+v, %g by %g",
			grown, g.chart.Width, g.chart.Height, tidy, fresh.Width, fresh.Height)
	}
}

// pass lets time pass.
func pass(d time.Duration) { <-time.After(d) }

// TestSiteGrowsTidy: a site that fills host by host stands at last as a layout from
// scratch has it, though the first boxes came before there were lanes; and then it stays.
func TestSiteGrowsTidy(t *testing.T) {
	for _, level := range []view.Level{view.LevelNode, view.LevelPool} {
		t.Run(string(level), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := grow(t, 60, level, library{charts.New(nowhere{}, slog.New(slog.DiscardHandler))})
				n := len(g.site.Nodes())
				for i := range n {
					g.look(i, i+1)
					pass(time.Second)
				}
				for range 4 {
					pass(10 * time.Second)
					g.look(0, n)
				}
				if len(g.chart.Lanes) < 2 || len(g.chart.Places) < 10 {
					t.Fatalf("the chart has %d lanes, %d boxes", len(g.chart.Lanes), len(g.chart.Places))
				}
				g.judge()
				grown := placesOf(g.chart)
				for range 30 {
					pass(10 * time.Second)
					g.look(0, n)
				}
				for id, at := range placesOf(g.chart) {
					if was, there := grown[id]; there && (was.X != at.X || was.Y != at.Y) {
						t.Errorf("%s stood at %+v, stands at %+v", id, was, at)
					}
				}
			})
		})
	}
}
