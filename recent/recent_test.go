package recent

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(step int) time.Time { return noon.Add(time.Duration(step) * Step) }

// site is web, which reports, and db, which web calls.
func site(t testing.TB, when time.Time, change ...func(web, db *topology.Block)) *topology.Snapshot {
	t.Helper()
	web := &topology.Block{Node: topology.Node{Name: "web", Kind: topology.Host, State: topology.Reporting, LastReport: when}}
	web.Connections = []*topology.Connection{{
		ID: "c", Client: topology.Client{Node: "web"}, Server: topology.Server{Node: "db", Port: 5432, Service: "db~tcp~5432"}, Count: 4,
		Health: &topology.Health{RTT: 200, Sent: 1000, Received: 3000, Retransmits: 0.5},
	}}
	db := &topology.Block{Node: topology.Node{Name: "db", Kind: topology.Host, State: topology.Reporting, LastReport: when}}
	db.Services = []topology.Service{{ID: "db~tcp~22"}, {ID: "db~tcp~5432"}}
	for _, f := range change {
		f(web, db)
	}
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e"}, when, []*topology.Block{web, db})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func refused(n uint64) func(web, db *topology.Block) {
	return func(web, _ *topology.Block) { web.Connections[0].Refused = n }
}

func of(t *testing.T, m *Memory, node string) Hour {
	t.Helper()
	h, ok := m.Of(node, []topology.Service{{ID: "db~tcp~22"}, {ID: "db~tcp~5432"}})
	if !ok {
		t.Fatalf("nothing is remembered of %s", node)
	}
	return h
}

var gaps = cmpopts.EquateNaNs()

func TestBothEnds(t *testing.T) {
	var m Memory
	m.Take(site(t, at(0), refused(7)), at(0))
	m.Take(site(t, at(1), refused(9)), at(1).Add(29*time.Second))
	web, db := of(t, &m, "web"), of(t, &m, "db")
	wantWeb := Series{
		Open: []float32{4, 4}, Failed: []float32{none, 2}, Retransmits: []float32{.5, .5}, RTT: []float32{200, 200},
		Sent: []float32{1000, 1000}, Received: []float32{3000, 3000},
	}
	wantDB := wantWeb
	wantDB.Sent, wantDB.Received = wantWeb.Received, wantWeb.Sent
	service := Series{Open: wantWeb.Open, Failed: wantWeb.Failed}
	if diff := cmp.Diff(Hour{From: noon, Node: wantWeb, Services: map[string]Series{}}, web, gaps); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Hour{From: noon, Node: wantDB, Services: map[string]Series{"db~tcp~5432": service}}, db, gaps); diff != "" {
		t.Error(diff)
	}
}

func TestOneNumberPerStep(t *testing.T) {
	var m Memory
	m.Take(site(t, at(0)), at(0))
	m.Take(site(t, at(0), func(web, _ *topology.Block) { web.Write(0).Count = 99 }), at(0).Add(Step-1))
	m.Take(site(t, at(0)), at(-1))
	if got := of(t, &m, "web").Node.Open; !slices.Equal(got, []float32{4}) {
		t.Errorf("open is %v: the first number of a step stays", got)
	}
}

// TestBlindness: what was not seen is a gap, never zero.
func TestBlindness(t *testing.T) {
	silent := func(web, _ *topology.Block) { web.Node.State = topology.Stale }
	late := func(web, _ *topology.Block) { web.Node.LastReport = at(0).Add(-time.Hour) }
	inferred := func(web, db *topology.Block) {
		db.Node.State, db.Node.SeenBy = topology.Unheard, []string{"web"}
		web.Node.State = topology.Stale
	}
	for name, tt := range map[string]struct {
		node   string
		change func(web, db *topology.Block)
	}{
		"stale":                       {"web", silent},
		"not heard since a start":     {"web", late},
		"seen by a silent node alone": {"db", inferred},
	} {
		t.Run(name, func(t *testing.T) {
			var m Memory
			m.Take(site(t, at(0)), at(0))
			m.Take(site(t, at(1), refused(5), tt.change), at(1))
			m.Take(site(t, at(2), refused(6)), at(2))
			m.Take(site(t, at(4), refused(8)), at(4)) // the server was away
			got := of(t, &m, tt.node).Node
			want := Series{
				Open: []float32{4, none, 4, none, 4}, Failed: nil,
				Retransmits: []float32{.5, none, .5, none, .5}, RTT: []float32{200, none, 200, none, 200},
			}
			if diff := cmp.Diff(want, got, gaps, cmpopts.IgnoreFields(Series{}, "Sent", "Received")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCountersFall: an edge that left takes its counter along; that is no number of attempts.
func TestCountersFall(t *testing.T) {
	var m Memory
	for i, n := range []uint64{5, 6, 2, 3} {
		m.Take(site(t, at(i), refused(n)), at(i))
	}
	if diff := cmp.Diff([]float32{none, 1, none, 1}, of(t, &m, "web").Node.Failed, gaps); diff != "" {
		t.Error(diff)
	}
}

func TestNothingOpen(t *testing.T) {
	closed := func(web, _ *topology.Block) { web.Write(0).Count = 0 }
	var m Memory
	m.Take(site(t, at(0), closed), at(0))
	if got := of(t, &m, "web").Node; got.Sent != nil || got.RTT != nil || !slices.Equal(got.Open, []float32{0}) {
		t.Errorf("nothing was ever measured: %+v", got)
	}
	m.Take(site(t, at(1)), at(1))
	m.Take(site(t, at(2), closed), at(2))
	got := of(t, &m, "web").Node
	if diff := cmp.Diff([]float32{none, 1000, 0}, got.Sent, gaps); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float32{none, 200, none}, got.RTT, gaps); diff != "" {
		t.Errorf("without sockets there is no round-trip time: %s", diff)
	}
}

func TestHourAtMost(t *testing.T) {
	var m Memory
	for i := range Points + 5 {
		m.Take(site(t, at(i), func(web, _ *topology.Block) { web.Write(0).Count = i }), at(i))
	}
	h := of(t, &m, "web")
	if len(h.Node.Open) != Points || h.Node.Open[0] != 5 || h.Node.Open[Points-1] != Points+4 || !h.From.Equal(at(5)) {
		t.Errorf("%d points from %v, first %v", len(h.Node.Open), h.From, h.Node.Open[0])
	}
	gone := topology.Empty(topology.Revision{}, at(0))
	for i := range Points + 1 {
		m.Take(gone, at(Points+5+i))
	}
	if _, ok := m.Of("web", nil); ok || m.services != 0 {
		t.Error("a node that is gone for an hour is still remembered")
	}
	m.Take(site(t, at(999)), at(999))
	if h := of(t, &m, "web"); len(h.Node.Open) != 1 || !h.From.Equal(at(999)) {
		t.Errorf("after a long pause it begins anew, not with %d points from %v", len(h.Node.Open), h.From)
	}
}

func TestHold(t *testing.T) {
	var m Memory
	m.Hold(at(3))
	m.Take(site(t, at(0), refused(1)), at(0))
	m.Hold(at(3))
	m.Take(site(t, at(3), refused(3)), at(3))
	got := of(t, &m, "web").Node
	if diff := cmp.Diff([]float32{4, 4, 4, 4}, got.Open, gaps); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float32{none, 0, 0, 2}, got.Failed, gaps); diff != "" {
		t.Error(diff)
	}
	m.Hold(at(3 + Points))
	if got := of(t, &m, "web").Node.Open; len(got) != 4 {
		t.Errorf("an hour can't be held: %d points", len(got))
	}
}

func TestBounds(t *testing.T) {
	var blocks []*topology.Block
	for i := range MaxNodes + 10 {
		blocks = append(blocks, &topology.Block{Node: topology.Node{Name: fmt.Sprintf("n%06d", i), State: topology.Reporting, LastReport: noon}})
	}
	s, err := topology.FromBlocks(topology.Revision{}, noon, blocks)
	if err != nil {
		t.Fatal(err)
	}
	var m Memory
	m.Take(s, noon)
	_, first := m.Of("n000000", nil)
	_, last := m.Of(fmt.Sprintf("n%06d", MaxNodes+9), nil)
	if len(m.nodes) != MaxNodes || !first || last {
		t.Errorf("%d nodes are remembered, the first %v, the last %v", len(m.nodes), first, last)
	}
}

func TestNext(t *testing.T) {
	if got := Next(noon.Add(29 * time.Second)); !got.Equal(noon.Add(Step)) {
		t.Errorf("next is %v", got)
	}
	if got := Next(noon); !got.Equal(noon.Add(Step)) {
		t.Errorf("next of a beginning is %v", got)
	}
	if !math.IsNaN(float64(none)) {
		t.Error("none is a number")
	}
}

// BenchmarkTake samples 10,000 nodes of 100 connections each.
func BenchmarkTake(b *testing.B) {
	const nodes, each = 10_000, 100
	name := func(i int) string { return fmt.Sprintf("node%05d", i%nodes) }
	var blocks []*topology.Block
	for i := range nodes {
		k := &topology.Block{Node: topology.Node{Name: name(i), State: topology.Reporting, LastReport: noon, Interval: topology.Duration(time.Hour)}}
		for p := range 5 {
			k.Services = append(k.Services, topology.Service{ID: fmt.Sprintf("%s~tcp~%d", name(i), p)})
		}
		for c := range each {
			to := name(i*7 + c*13)
			k.Connections = append(k.Connections, &topology.Connection{
				Client: topology.Client{Node: name(i)}, Server: topology.Server{Node: to, Service: fmt.Sprintf("%s~tcp~%d", to, c%5)}, Count: 3,
				Health: &topology.Health{RTT: 100, Sent: 5},
			})
		}
		blocks = append(blocks, k)
	}
	s, err := topology.FromBlocks(topology.Revision{}, noon, blocks)
	if err != nil {
		b.Fatal(err)
	}
	var m Memory
	step := 0
	for b.Loop() {
		m.Take(s, at(step))
		step++
	}
	b.ReportMetric(float64(len(m.nodes)), "nodes")
	b.ReportMetric(float64(m.services), "services")
}
