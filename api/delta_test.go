package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// patched is a list with some things put and some removed, sorted by key.
func patched[T any](list, put []T, removed []string, key func(T) string) []T {
	all := map[string]T{}
	for _, x := range append(slices.Clone(list), put...) {
		all[key(x)] = x
	}
	for _, k := range removed {
		delete(all, k)
	}
	out := make([]T, 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[k])
	}
	return out
}

// drawReport is some report of one of a few hosts, which call each other,
// people and ignored ports.
func drawReport(t *rapid.T, sequence int) made {
	n := rapid.IntRange(1, 4).Draw(t, "host")
	r := host(fmt.Sprint("h", n), fmt.Sprintf("10.0.0.%d", n))
	r.Sequence = uint64(sequence)
	for _, port := range rapid.SliceOfNDistinct(rapid.SampledFrom([]uint16{22, 80, 443, 5432}), 0, 4, rapid.ID).Draw(t, "ports") {
		r.listen(fmt.Sprint("p", port), port)
	}
	peers := rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.9", "8.8.8.8", "1.1.1.1"})
	for range rapid.IntRange(0, 4).Draw(t, "connections") {
		peer, port := peers.Draw(t, "peer"), rapid.SampledFrom([]uint16{22, 80, 5432}).Draw(t, "port")
		if rapid.Bool().Draw(t, "in") {
			r.in(peer, port)
		} else {
			r.out(rapid.SampledFrom([]string{"curl", "p80"}).Draw(t, "process"), peer, port)
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
			Level: view.Level(rapid.SampledFrom(levels).Draw(t, "level")),
			Hide:  rapid.SampledFrom([]string{"", "old", HideDefault, "ignored,infrastructure,observers,old"}).Draw(t, "hide"),
		}
		snap := topology.Empty(topology.Revision{Epoch: "e"}, noon)
		m := newStill(snap)
		m.set.HideAfter = topology.Duration(20 * time.Minute)
		views := newViews(Options{Model: m, Settings: m, Roles: m, Charts: m, This: "h1"})
		mine := decoded(t, views, req)
		for i := range rapid.IntRange(1, 12).Draw(t, "reports") {
			wait := time.Duration(rapid.SampledFrom([]int{1, 10, 400, 1500}).Draw(t, "seconds")) * time.Second
			snap = aged(snap, wait, drawReport(t, i+1))
			switch rapid.IntRange(0, 9).Draw(t, "odd") { // with a new revision
			case 0:
				m.roles.Store(drawRoles(t))
				snap = touched(snap)
			case 1:
				_ = m.TidyChart(t.Context(), req.Level)
				snap = touched(snap)
			}
			m.show(snap)
			if rapid.Bool().Draw(t, "asleep") {
				_ = decoded(t, views, req) // others look meanwhile
				continue
			}
			deltas, newest, ok, err := views.since(req, mine.Revision)
			if err != nil || !ok {
				t.Fatalf("no way from %s: %v", mine.Revision, err)
			}
			for _, d := range deltas {
				event, err := d.form(false)
				if err != nil {
					t.Fatal(err)
				}
				apply(t, &mine, dataOf(event.plain))
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

// dataOf is the data of one event as it goes out.
func dataOf(event []byte) (data []byte) {
	events(bufio.NewScanner(bytes.NewReader(event)), func(e sse) bool { data = []byte(e.data); return false })
	return data
}

func decoded(t *rapid.T, v *views, req view.Question) (out Topology) {
	body, revision, err := v.answer(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body.plain, &out); err != nil || out.Revision != revision {
		t.Fatalf("%v, revision %s and %s", err, out.Revision, revision)
	}
	return out
}

// TestHidingByAgeWaitsForARevision: a view never changes under its revision,
// or viewers who hold it would never learn.
func TestHidingByAgeWaitsForARevision(t *testing.T) {
	quiet := host("web", "10.0.0.1")
	old := aged(aged(applied(shopReports()...), time.Minute, quiet), 10*time.Minute, quiet)
	m := newStill(old)
	m.set = store.Defaults()
	m.set.HideAfter = topology.Duration(time.Hour)
	views := newViews(Options{Model: m, Settings: m, Roles: m, Charts: m, This: "web"})
	req := view.Question{Level: view.LevelService, Hide: "ignored"}
	before, revision, err := views.answer(req)
	if err != nil {
		t.Fatal(err)
	}
	later := aged(old, 2*time.Hour, quiet)
	if later.Revision() != old.Revision() {
		t.Fatalf("revision %s, then %s", old.Revision(), later.Revision())
	}
	m.show(later)
	after, again, err := views.answer(req)
	if err != nil {
		t.Fatal(err)
	}
	var a, b Topology
	if json.Unmarshal(before.plain, &a) != nil || json.Unmarshal(after.plain, &b) != nil || revision != again || view.Compare(&a.Topology, &b.Topology) != nil {
		t.Errorf("revision %s holds %d connections, %s holds %d", revision, len(a.Connections), again, len(b.Connections))
	}
	m.show(aged(later, time.Second, host("new", "10.0.0.7")))
	if after, again, _ = views.answer(req); again == revision {
		t.Error("a new revision changes nothing")
	}
	var c Topology
	if err := json.Unmarshal(after.plain, &c); err != nil || len(c.Connections) != 0 {
		t.Errorf("what is hidden by age still shows: %v", edges(&c))
	}
}

// TestKeptIsBounded: neither questions nor deltas pile up.
func TestKeptIsBounded(t *testing.T) {
	snap := applied(shopReports()...)
	m := newStill(snap)
	views := newViews(Options{Model: m, Settings: m, Roles: m, Charts: m})
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
		snap = aged(snap, time.Second, host("app", "10.0.0.3").out("java", fmt.Sprintf("10.0.5.%d", i), 80))
		m.show(snap)
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
