package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

// sameValues compares views by value: addresses are comparable.
var sameValues = cmp.Options{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmpopts.EquateEmpty(), cmp.AllowUnexported(netip.Prefix{}, netip.Addr{}, Delta{}, patches{}, boxPatch{})}

// scratch is what Live promises to be the same as: every view made whole, laid
// out, and compared with the one before.
type scratch struct {
	question Question
	shown    *Topology
	revision topology.Revision
	placer   Placer
}

func (s *scratch) advance(snap *topology.Snapshot, settings *Settings, at time.Time) (*Delta, error) {
	if s.shown != nil && s.revision == snap.Revision() {
		return nil, s.refresh(snap, settings, at)
	}
	before := s.shown
	s.shown, s.revision = Build(s.question, snap, settings, at), snap.Revision()
	if err := place(s.shown, s.placer); err != nil || before == nil {
		return nil, err
	}
	d := Compare(before, s.shown)
	if d == nil {
		s.shown.Revision = before.Revision
	}
	return d, nil
}

func (s *scratch) refresh(snap *topology.Snapshot, settings *Settings, at time.Time) error {
	revision := s.shown.Revision
	s.shown = Build(s.question, snap, settings, at)
	s.shown.Revision = revision
	return place(s.shown, s.placer)
}

// ports of services that are ignored, ordinary, and given away by the kernel.
var ports = []uint16{22, 80, 443, 5432, 40001, 40002}

// drawReport is some report of one of a few hosts, which call each other, hosts
// that don't report, a virtual address and people; some of their processes
// change, some are dotm's or monitoring.
func drawReport(t *rapid.T, sequence int) shop.Report {
	n := rapid.IntRange(1, 5).Draw(t, "host")
	r := shop.Host(fmt.Sprint("h", n), fmt.Sprintf("10.0.0.%d", n))
	r.Sequence = uint64(sequence)
	for _, port := range rapid.SliceOfNDistinct(rapid.SampledFrom(ports), 0, 4, rapid.ID).Draw(t, "ports") {
		r.Listen(rapid.SampledFrom([]string{"nginx", "caddy", "rpc.statd"}).Draw(t, "listener"), port)
		r.Listeners[len(r.Listeners)-1].Own = rapid.IntRange(0, 5).Draw(t, "own") == 0
	}
	r.Coverage.HiddenProcesses = rapid.IntRange(0, 1).Draw(t, "hidden")
	if rapid.IntRange(0, 9).Draw(t, "container") == 0 {
		r.Namespaces = append(r.Namespaces, report.Namespace{Container: "c", Addresses: []netip.Addr{netip.MustParseAddr("172.17.0.2")}})
	}
	peers := rapid.SampledFrom([]string{
		"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.9", "10.0.0.10", "10.0.0.100", "8.8.8.8", "1.1.1.1", "127.0.0.1",
	})
	for range rapid.IntRange(0, 6).Draw(t, "connections") {
		peer, port := peers.Draw(t, "peer"), rapid.SampledFrom(ports).Draw(t, "port")
		if rapid.Bool().Draw(t, "in") {
			r.In(peer, port)
		} else {
			r.Out(rapid.SampledFrom([]string{"curl", "nginx", "nagios", ""}).Draw(t, "process"), peer, port)
		}
		c := &r.Connections[len(r.Connections)-1]
		c.Count = rapid.IntRange(0, 3).Draw(t, "count")
		c.Opened = uint64(max(c.Count, 1))
		c.Refused = uint64(rapid.SampledFrom([]int{0, 0, 0, 2}).Draw(t, "refused"))
		c.Health = drawHealth(t, c.Count)
	}
	r.SpanMS = 10_000
	return r
}

// drawHealth is what a kernel measures on so many open sockets; often nothing.
func drawHealth(t *rapid.T, count int) *report.Health {
	if count == 0 || rapid.Bool().Draw(t, "unmeasured") {
		return nil
	}
	some := func(name string, values ...uint64) uint64 { return rapid.SampledFrom(values).Draw(t, name) }
	return &report.Health{
		Measured: count, RTT: uint32(some("rtt", 0, 300, 900)), RTTVar: uint32(some("rttvar", 0, 40)),
		Segments: 1000, Retransmits: some("retransmits", 0, 0, 80), Sent: some("sent", 0, 40_000, 70_000), Received: some("received", 0, 900),
		CloseWait: int(some("close-wait", 0, 0, 1)), CloseWaitMS: 3000,
	}
}

// drawChecks is what monitoring says of a node and its services.
func drawChecks(t *rapid.T, node string, at time.Time) []topology.Check {
	list := make([]topology.Check, rapid.IntRange(0, 3).Draw(t, "how many checks"))
	for i := range list {
		c := &list[i]
		*c = topology.Check{
			ID: fmt.Sprint(node, i), Source: "icinga", Kind: topology.ServiceCheck, Host: node, Name: fmt.Sprint(i), Hard: true, Node: node,
			Status:       rapid.SampledFrom([]topology.Status{topology.OK, topology.Warning, topology.Critical}).Draw(t, "status"),
			Acknowledged: rapid.Bool().Draw(t, "acknowledged"), Stale: rapid.IntRange(0, 4).Draw(t, "stale") == 0,
			Since: at.Add(-time.Duration(rapid.IntRange(0, 3).Draw(t, "minutes")) * time.Minute),
		}
		if rapid.Bool().Draw(t, "about a service") {
			c.Service = topology.ServiceID(node, "tcp", rapid.SampledFrom(ports).Draw(t, "checked port"), netip.Addr{})
		}
	}
	return list
}

// walk is a site that changes.
type walk struct {
	snap     *topology.Snapshot
	settings *Settings
	began    time.Time // when the newest revision was first shown
	reports  int
}

// step reports, waits, removes, or changes settings; several reports may be one
// snapshot.
func (w *walk) step(t *rapid.T) {
	opt := aggregate.Options{
		Ageing: 5 * time.Minute, StaleAfter: time.Minute, ExpireAfter: 2 * time.Hour,
		Virtual: []aggregate.NamedAddress{{Address: netip.MustParseAddr("10.0.0.100"), Name: "shop"}},
	}
	last := w.snap
	at := last.At().Add(time.Duration(rapid.SampledFrom([]int{1, 10, 70, 400, 1500, 8000}).Draw(t, "seconds")) * time.Second)
	b := aggregate.Begin(last, opt)
	for range rapid.SampledFrom([]int{0, 1, 1, 1, 2, 4}).Draw(t, "reports") {
		w.reports++
		r := drawReport(t, w.reports)
		r.Time = at
		b.Report(r.Report, at)
	}
	if rapid.Bool().Draw(t, "ageing") {
		b.Age(at)
	}
	if rapid.IntRange(0, 2).Draw(t, "checks") == 0 {
		node := fmt.Sprint("h", rapid.IntRange(1, 5).Draw(t, "checked"))
		b.Checks(node, drawChecks(t, node, at))
	}
	switch rapid.IntRange(0, 14).Draw(t, "odd") {
	case 0:
		b.Remove(fmt.Sprint("h", rapid.IntRange(1, 5).Draw(t, "removed")), at)
	case 2:
		set := *w.settings
		set.Roles = drawRoles(t)
		w.settings = &set
		b.Touch()
	case 1:
		set := *w.settings
		set.IgnoredPorts = rapid.SampledFrom([][]uint16{nil, {22}, {22, 80}}).Draw(t, "ignored ports")
		set.HideAfter = rapid.SampledFrom([]time.Duration{0, 20 * time.Minute, time.Hour}).Draw(t, "hide after")
		w.settings = &set
		b.Touch()
	}
	w.snap = b.Commit(at)
	if w.snap.Revision() != last.Revision() {
		w.began = at
	}
}

// cast is roles that a test gives.
type cast struct {
	pools, groups map[string]string
	shared        map[string]bool
	titles        map[string]string
}

func (c *cast) Pool(node string) string  { return c.pools[node] }
func (c *cast) Group(node string) string { return c.groups[node] }
func (c *cast) Shared(node string) bool  { return c.shared[node] }
func (c *cast) Title(id string) string   { return c.titles[id] }

// drawRoles puts hosts into pools, and these and others into groups.
func drawRoles(t *rapid.T) Roles {
	if rapid.IntRange(0, 4).Draw(t, "no roles") == 0 {
		return nil
	}
	c := &cast{pools: map[string]string{}, groups: map[string]string{}, shared: map[string]bool{}, titles: map[string]string{}}
	for _, id := range []string{"pool~a", "pool~b", "group~a", "group~b"} {
		c.titles[id] = rapid.SampledFrom([]string{"web", "database of the shop", ""}).Draw(t, "title")
	}
	ofPool := map[string]string{"pool~a": rapid.SampledFrom([]string{"", "group~a"}).Draw(t, "group of a"), "pool~b": "group~b"}
	for _, node := range []string{"h1", "h2", "h3", "h4", "h5"} {
		if pool := rapid.SampledFrom([]string{"", "pool~a", "pool~b"}).Draw(t, "pool"); pool != "" {
			c.pools[node], c.groups[node] = pool, ofPool[pool]
			continue
		}
		c.groups[node] = rapid.SampledFrom([]string{"", "group~a", "group~b"}).Draw(t, "group")
		c.shared[node] = c.groups[node] == "" && rapid.Bool().Draw(t, "shared")
	}
	c.groups["10.0.0.9"] = rapid.SampledFrom([]string{"", "group~a"}).Draw(t, "group of an inferred one")
	return c
}

// TestLiveIsTheSame: whatever is reported, on every level and whatever is hidden,
// a live view is told the same deltas, under the same revisions, as comparing
// whole views gives, and is the same as a whole.
func TestLiveIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := Question{
			Level: rapid.SampledFrom([]Level{LevelService, LevelNode, LevelPool, LevelGroup}).Draw(t, "level"),
			Hide: rapid.SampledFrom([]string{
				"", "old", "ignored", "infrastructure", "observers", "ignored,old", hideDefault, "ignored,infrastructure,observers,old",
			}).Draw(t, "hide"),
			Expand: rapid.SampledFrom([]string{"", "", "pool~a", "pool~a,pool~b"}).Draw(t, "expanded"),
		}
		set := defaults()
		set.HideAfter, set.This, set.Roles = 20*time.Minute, "h1", drawRoles(t)
		set.Names = func(a netip.Addr) string { return "name-of-" + a.String() }
		w := &walk{snap: topology.Empty(topology.Revision{Epoch: "e"}, shop.Noon), settings: set, began: shop.Noon}
		live, plain := NewLive(q, layouter{}), &scratch{question: q, placer: layouter{}}
		parts := drawParts(t)
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			got, err := live.Advance(w.snap, w.settings, w.began)
			if err != nil {
				t.Fatal(err)
			}
			want, err := plain.advance(w.snap, w.settings, w.began)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, sameValues); diff != "" {
				t.Fatalf("delta (-from scratch +live):\n%s", diff)
			}
			if live.Revision() != plain.shown.Revision {
				t.Fatalf("revision %s, from scratch %s", live.Revision(), plain.shown.Revision)
			}
			if diff := cmp.Diff(plain.shown, live.Whole(), sameValues); diff != "" {
				t.Fatalf("whole (-from scratch +live):\n%s", diff)
			}
			checkSums(t, live, plain.shown)
			for _, p := range parts {
				p.follow(t, live, plain.shown)
			}
			w.step(t)
		}
	})
}

// cut is a part of a view that is followed, and the same from scratch: cut out of each
// whole, and compared with the one before.
type cut struct {
	filter Filter
	part   *Part
	shown  *Topology
}

// drawParts are some parts, around boxes, pools, groups and services, and of other filters.
func drawParts(t *rapid.T) (list []*cut) {
	focus := rapid.SampledFrom([]string{
		"h1", "h2", "h5", "h3/c", "10.0.0.9", "shop", "Internet", "pool~a", "pool~b", "group~a", "group~b", "h1~tcp~80", "h2~tcp~443",
		"10.0.0.9~tcp~80", "pool~a~tcp~80", "h3!c~tcp~22", "h9~tcp~80", "nobody", "~x", "~",
	})
	for range rapid.IntRange(1, 4).Draw(t, "parts") {
		f := Filter{Around: Around{focus.Draw(t, "focus"), rapid.IntRange(0, 3).Draw(t, "hops")}}
		switch rapid.IntRange(0, 7).Draw(t, "filter") {
		case 0:
			f.Focus, f.Trouble = "", true
		case 1:
			f.Process = "nginx"
		case 2:
			f.Focus, f.Hops, f.Group = "", 0, "group~a"
		}
		list = append(list, &cut{filter: f, part: NewPart(f)})
	}
	return list
}

// follow holds the part against the whole, unless its viewers sleep.
func (c *cut) follow(t *rapid.T, l *Live, whole *Topology) {
	if rapid.IntRange(0, 3).Draw(t, "sleeps") == 0 {
		return
	}
	next, there := whole.Narrow(c.filter, nil)
	var want *Delta
	if c.shown != nil {
		if want = Compare(c.shown, next); want == nil {
			next.Revision = c.shown.Revision
		}
	}
	c.shown = next
	got := c.part.Advance(l, func() []topology.Signal { return nil })
	if diff := cmp.Diff(want, got, sameValues); diff != "" {
		t.Fatalf("delta of %+v (-from scratch +part):\n%s", c.filter, diff)
	}
	if c.part.There() != there || c.part.Revision() != next.Revision {
		t.Fatalf("%+v is there: %t, at %s, want %t, %s", c.filter, c.part.There(), c.part.Revision(), there, next.Revision)
	}
	sameText(t, c.filter, next, c.part.Whole(l))
	if c.filter.isAround() {
		part, ok := l.Around(c.filter.Around)
		if want, _ := whole.Around(c.filter.Around); ok != there {
			t.Fatalf("around %+v: %t, want %t", c.filter.Around, ok, there)
		} else {
			sameText(t, c.filter, want, part)
		}
	}
}

// sameText holds answers against each other byte by byte, as they go out.
func sameText(t *rapid.T, f Filter, want, got *Topology) {
	a, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Fatalf("part of %+v (-cut out of the whole +made):\n%s\n%s\n%s", f, cmp.Diff(want, got, sameValues), a, b)
	}
}

// checkSums holds what a live view remembers against a whole, so that nothing
// piles up that no delta shows.
func checkSums(t *rapid.T, l *Live, whole *Topology) {
	if l.hidden != whole.Hidden || l.coverage != whole.Coverage {
		t.Fatalf("hidden %+v, covers %+v, want %+v, %+v", l.hidden, l.coverage, whole.Hidden, whole.Coverage)
	}
	if len(l.boxes) != l.snap.Len() || len(l.byName) != l.snap.Len() {
		t.Fatalf("%d boxes, %d names for %d blocks", len(l.boxes), len(l.byName), l.snap.Len())
	}
	ends, guests, standing := 0, 0, 0
	for _, b := range l.boxes {
		if b.was != nil || b.stale {
			t.Fatalf("%s is still touched", b.name)
		}
		ends += len(b.part.ends)
		guests += len(b.part.guests)
		for _, id := range [2]string{b.in.pool, b.in.group} {
			if _, known := l.stands[id][b]; id != "" && !known {
				t.Fatalf("%s is not known to stand in %s", b.name, id)
			} else if known {
				standing++
			}
		}
	}
	for _, list := range l.around {
		ends -= len(list)
	}
	for _, list := range l.guests {
		guests -= len(list)
	}
	for _, crowd := range l.stands {
		standing -= len(crowd)
	}
	if ends != 0 || guests != 0 || standing != 0 {
		t.Fatalf("%d ends, %d guests, %d standing too many or few", ends, guests, standing)
	}
	if !l.question.Level.rows() && len(l.pairs) != len(whole.Connections) {
		t.Fatalf("%d pairs for %d edges", len(l.pairs), len(whole.Connections))
	}
}

// TestUntouchedIsNotMade: a report costs what it changes. Of a hundred nodes one
// changes, and one part is made anew.
func TestUntouchedIsNotMade(t *testing.T) {
	w := ring(100, 4)
	live := NewLive(Question{Level: LevelService}, layouter{})
	if _, err := live.Advance(w.snap, defaults(), shop.Noon); err != nil {
		t.Fatal(err)
	}
	parts := map[string]*part{}
	for _, b := range live.boxes {
		parts[b.name] = b.part
	}
	w.change(7)
	if d, err := live.Advance(w.snap, defaults(), shop.Noon); err != nil || d == nil {
		t.Fatalf("delta %v, error %v", d, err)
	}
	remade := 0
	for _, b := range live.boxes {
		if parts[b.name] != b.part {
			remade++
		}
	}
	same(t, "parts made anew", remade, 1)
}

// broken lays out nothing while it is told to fail.
type broken struct{ fails bool }

func (*broken) Epoch() uint64 { return 0 }

func (b *broken) Place(g *Graph) (Chart, error) {
	if b.fails {
		return Chart{}, errors.New("no room")
	}
	return layouter{}.Place(g)
}

// TestNoPlace: after an error the view begins anew.
func TestNoPlace(t *testing.T) {
	w, placer := ring(3, 1), &broken{}
	live := NewLive(Question{Level: LevelService}, placer)
	if _, err := live.Advance(w.snap, defaults(), shop.Noon); err != nil {
		t.Fatal(err)
	}
	w.report(shop.Host("new", "10.9.9.9").Out("curl", "10.1.0.1", 80))
	placer.fails = true
	if _, err := live.Advance(w.snap, defaults(), shop.Noon); err == nil {
		t.Fatal("no error")
	}
	if live.Snapshot() != nil {
		t.Error("something is shown after an error")
	}
	placer.fails = false
	d, err := live.Advance(w.snap, defaults(), shop.Noon)
	if err != nil || d != nil || len(live.Whole().Nodes) != 4 || live.Revision() != w.snap.Revision().String() {
		t.Errorf("then delta %v, error %v, %d nodes at %s", d, err, len(live.Whole().Nodes), live.Revision())
	}
}
