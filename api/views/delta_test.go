package views

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/test/still"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// drawReport is some report of one of a few hosts, which call each other,
// people and ignored ports.
func drawReport(t *rapid.T, sequence int) shop.Report {
	n := rapid.IntRange(1, 4).Draw(t, "host")
	r := shop.Host(fmt.Sprint("h", n), fmt.Sprintf("10.0.0.%d", n))
	r.Sequence = uint64(sequence)
	for _, port := range rapid.SliceOfNDistinct(rapid.SampledFrom([]uint16{22, 80, 443, 5432}), 0, 4, rapid.ID).Draw(t, "ports") {
		r.Listen(fmt.Sprint("p", port), port)
	}
	peers := rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.9", "8.8.8.8", "1.1.1.1"})
	for range rapid.IntRange(0, 4).Draw(t, "connections") {
		peer, port := peers.Draw(t, "peer"), rapid.SampledFrom([]uint16{22, 80, 5432}).Draw(t, "port")
		if rapid.Bool().Draw(t, "in") {
			r.In(peer, port)
		} else {
			r.Out(rapid.SampledFrom([]string{"curl", "p80"}).Draw(t, "process"), peer, port)
		}
	}
	return r
}

// drawRoles puts some of the hosts into a pool and a group.
func drawRoles(t *rapid.T) *grouping.Roles {
	all := []string{"h1", "h2", "h3", "h4"}
	members := all[:rapid.IntRange(2, 4).Draw(t, "members")]
	found := fmt.Sprintf(`{"pools":[{"id":"pool~a","name":"h","members":["%s"],"group":"group~a"}],"groups":[{"id":"group~a","name":%q,"members":["%s"]}],"shared":[]}`,
		strings.Join(members, `","`), rapid.SampledFrom([]string{"shop", "billing"}).Draw(t, "name"), strings.Join(members, `","`))
	r := &grouping.Roles{}
	if err := json.Unmarshal([]byte(found), r); err != nil {
		t.Fatal(err)
	}
	return r
}

// touched is a snapshot of another revision.
func touched(s *topology.Snapshot) *topology.Snapshot {
	return s.Edit().Commit(s.Revision().Next(), s.At())
}

// TestDeltas: whatever is reported, the deltas lead from any earlier answer to
// the newest one, for every level and every way of hiding.
func TestDeltas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req := view.Question{
			Level: view.Level(rapid.SampledFrom([]string{"service", "node", "pool", "group"}).Draw(t, "level")),
			Hide:  rapid.SampledFrom([]string{"", "old", read.HideDefault, "ignored,infrastructure,observers,old"}).Draw(t, "hide"),
		}
		snap := topology.Empty(topology.Revision{Epoch: "e"}, shop.Noon)
		m := still.New(snap)
		m.Set.HideAfter = topology.Duration(20 * time.Minute)
		views := newViews(&Options{Model: m, Settings: m, Roles: m, Charts: m, This: "h1"})
		mine := decoded(t, views, req)
		for i := range rapid.IntRange(1, 12).Draw(t, "reports") {
			wait := time.Duration(rapid.SampledFrom([]int{1, 10, 400, 1500}).Draw(t, "seconds")) * time.Second
			snap = shop.Aged(snap, wait, drawReport(t, i+1))
			switch rapid.IntRange(0, 9).Draw(t, "odd") { // with a new revision
			case 0:
				m.Cast.Store(drawRoles(t))
				snap = touched(snap)
			case 1:
				_ = m.TidyChart(t.Context(), req.Level)
				snap = touched(snap)
			}
			m.Show(snap)
			if rapid.Bool().Draw(t, "asleep") {
				_ = decoded(t, views, req) // others look meanwhile
				continue
			}
			deltas, newest, ok, err := views.since(req, mine.Revision)
			if err != nil || !ok {
				t.Fatalf("no way from %s: %v", mine.Revision, err)
			}
			for _, d := range deltas {
				event, err := d.Form(false)
				if err != nil {
					t.Fatal(err)
				}
				still.Apply(t, &mine.Topology, event.Plain)
			}
			fresh := decoded(t, views, req)
			if mine.Revision != newest || newest != fresh.Revision {
				t.Fatalf("revision %s, newest %s, fresh %s", mine.Revision, newest, fresh.Revision)
			}
			if d := view.Compare(&mine.Topology, &fresh.Topology); d != nil {
				raw, _ := json.MarshalIndent(d, "", " ")
				t.Fatalf("a fresh answer differs by %s", raw)
			}
		}
	})
}

func decoded(t *rapid.T, v *views, req view.Question) (out Topology) {
	body, revision, err := v.answer(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body.Plain, &out); err != nil || out.Revision != revision {
		t.Fatalf("%v, revision %s and %s", err, out.Revision, revision)
	}
	return out
}

// TestHidingByAgeWaitsForARevision: a view never changes under its revision,
// or viewers who hold it would never learn.
func TestHidingByAgeWaitsForARevision(t *testing.T) {
	quiet := shop.Host("web", "10.0.0.1")
	old := shop.Aged(shop.Aged(shop.Applied(shop.Reports()...), time.Minute, quiet), 10*time.Minute, quiet)
	m := still.New(old)
	m.Set = store.Defaults()
	m.Set.HideAfter = topology.Duration(time.Hour)
	views := newViews(&Options{Model: m, Settings: m, Roles: m, Charts: m, This: "web"})
	req := view.Question{Level: view.LevelService, Hide: "ignored"}
	before, revision, err := views.answer(req)
	if err != nil {
		t.Fatal(err)
	}
	later := shop.Aged(old, 2*time.Hour, quiet)
	if later.Revision() != old.Revision() {
		t.Fatalf("revision %s, then %s", old.Revision(), later.Revision())
	}
	m.Show(later)
	after, again, err := views.answer(req)
	if err != nil {
		t.Fatal(err)
	}
	var a, b Topology
	if json.Unmarshal(before.Plain, &a) != nil || json.Unmarshal(after.Plain, &b) != nil || revision != again || view.Compare(&a.Topology, &b.Topology) != nil {
		t.Errorf("revision %s holds %d connections, %s holds %d", revision, len(a.Connections), again, len(b.Connections))
	}
	m.Show(shop.Aged(later, time.Second, shop.Host("new", "10.0.0.7")))
	if after, again, _ = views.answer(req); again == revision {
		t.Error("a new revision changes nothing")
	}
	var c Topology
	if err := json.Unmarshal(after.Plain, &c); err != nil || len(c.Connections) != 0 {
		t.Errorf("what is hidden by age still shows: %v", c.Connections)
	}
}

// TestKeptIsBounded: neither questions nor deltas pile up.
func TestKeptIsBounded(t *testing.T) {
	snap := shop.Applied(shop.Reports()...)
	m := still.New(snap)
	views := newViews(&Options{Model: m, Settings: m, Roles: m, Charts: m})
	for i := range 3 * keepViews {
		if _, _, err := views.answer(view.Question{Level: view.LevelService, Hide: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(views.kept) > keepViews {
		t.Errorf("%d views are kept", len(views.kept))
	}
	req := view.Question{Level: view.LevelService}
	_, first, _ := views.answer(req)
	for i := range keepDeltas + 1 {
		snap = shop.Aged(snap, time.Second, shop.Host("app", "10.0.0.3").Out("java", fmt.Sprintf("10.0.5.%d", i), 80))
		m.Show(snap)
		if _, _, err := views.answer(req); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(views.of(req).deltas); got != keepDeltas {
		t.Errorf("%d deltas are kept", got)
	}
	if _, _, ok, _ := views.since(req, first); ok {
		t.Error("a way over deltas that are gone")
	}
}

// TestDeltasAreMadeOnce: however many follow, a form of a delta is written once, and one
// that nobody takes never.
func TestDeltasAreMadeOnce(t *testing.T) {
	d := encoded(&view.Delta{From: "e-1", Revision: "e-2"}, time.Time{})
	one, err := d.Form(true)
	other, again := d.Form(true)
	if err != nil || again != nil || one != other || &one.Packed()[0] != &other.Packed()[0] {
		t.Errorf("%p and %p, errors %v, %v", one, other, err, again)
	}
	if whole, err := d.Form(false); err != nil || whole == one {
		t.Errorf("both forms are %p, error %v", whole, err)
	}
}
