package view

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

type object = map[string]any

// viewer follows a view by deltas in the form of fields, knowing nothing but JSON and
// RFC 7396.
type viewer struct {
	top   object
	lists map[string]map[string]object // by name of the list, then by id
}

var keysOf = map[string]string{"pools": "name", "groups": "name", "nodes": "name", "services": "id", "connections": "id"}

// fataler is a test, of testing or of rapid.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func generic(t fataler, v any) object {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	out := object{}
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func objects(list any) (out []object) {
	all, _ := list.([]any)
	for _, one := range all {
		out = append(out, one.(object))
	}
	return out
}

func watching(t fataler, whole *Topology) *viewer {
	v := &viewer{generic(t, whole), map[string]map[string]object{}}
	for list, key := range keysOf {
		v.lists[list] = map[string]object{}
		for _, one := range objects(v.top[list]) {
			v.lists[list][one[key].(string)] = one
		}
		delete(v.top, list)
	}
	return v
}

// merged is RFC 7396, section 2.
func merged(target, patch any) any {
	p, ok := patch.(object)
	if !ok {
		return patch
	}
	t, ok := target.(object)
	if !ok {
		t = object{}
	}
	for name, value := range p {
		if value == nil {
			delete(t, name)
		} else {
			t[name] = merged(t[name], value)
		}
	}
	return t
}

func (v *viewer) hear(t fataler, d *Delta) {
	told := generic(t, d.Fields())
	for _, name := range []string{"revision", "at", "width", "height", "coverage", "hidden"} {
		v.top[name] = told[name]
	}
	for _, name := range []string{"lanes", "ghosts"} {
		if told[name] != nil {
			v.top[name] = told[name]
		}
	}
	removed := told["removed"].(object)
	for kind, lists := range map[string][]string{"nodes": {"pools", "groups", "nodes"}, "services": {"services"}, "connections": {"connections"}} {
		gone, _ := removed[kind].([]any)
		for _, list := range lists {
			for _, id := range gone {
				delete(v.lists[list], id.(string))
			}
		}
	}
	for list, key := range keysOf {
		for _, one := range objects(told[list]) {
			v.lists[list][one[key].(string)] = one
		}
	}
	changed, _ := told["changed"].(object)
	v.hearMembers(t, changed["members"])
	delete(changed, "members")
	for list, pairs := range changed {
		for _, pair := range pairs.([]any) {
			id, patch := pair.([]any)[0].(string), pair.([]any)[1]
			if v.lists[list][id] == nil {
				t.Fatalf("a patch of %s %s, which nobody has", list, id)
			}
			merged(v.lists[list][id], patch)
		}
	}
}

// hearMembers takes in what changed of the members of boxes, by their names.
func (v *viewer) hearMembers(t fataler, pairs any) {
	all, _ := pairs.([]any)
	for _, pair := range all {
		name, patch := pair.([]any)[0].(string), pair.([]any)[1].(object)
		box := v.lists["pools"][name]
		if box == nil {
			box = v.lists["groups"][name]
		}
		if box == nil {
			t.Fatalf("a patch of the members of %s, which nobody has", name)
		}
		byName := object{}
		for _, one := range objects(box["members"]) {
			byName[one["name"].(string)] = one
		}
		if n := len(byName); len(merged(byName, patch).(object)) != n {
			t.Fatalf("a patch of members of %s that it doesn't have: %v", name, patch)
		}
	}
}

// still is what the viewer sees as JSON, without what merely advances: no delta tells that.
func (v *viewer) still() string {
	out := object{}
	maps.Copy(out, v.top)
	delete(out, "at")
	for list := range keysOf {
		all := []any{}
		for _, id := range slices.Sorted(maps.Keys(v.lists[list])) {
			all = append(all, stilled(list, v.lists[list][id]))
		}
		out[list] = all
	}
	text, _ := json.MarshalIndent(out, "", " ")
	return string(text)
}

func stilled(list string, of object) object {
	out := maps.Clone(of)
	switch list {
	case "connections":
		if out["count"] != json.Number("0") {
			delete(out, "last_seen")
		}
		delete(out, "last_connection") // changes with others only
		out["evidence"] = stilledEvidence(of)
	case "services":
		if out["state"] != "gone" {
			delete(out, "last_seen")
		}
		if out["clients"] != json.Number("0") || out["state"] == "seen" {
			delete(out, "last_connection")
		}
	default:
		for _, name := range []string{"last_report", "cost", "clock_skew", "agent_instance", "weak_identity", "sources"} {
			delete(out, name)
		}
	}
	return out
}

func stilledEvidence(c object) object {
	out := maps.Clone(c["evidence"].(object))
	delete(out, "client_address") // of many peers, which take turns
	delete(out, "server_address")
	if c["count"] != json.Number("0") {
		out["seen_by"] = tellers(out["seen_by"])
	}
	return out
}

func tellers(list any) (out []any) {
	for _, one := range objects(list) {
		out = append(out, object{"node": one["node"], "end": one["end"]})
	}
	return out
}

// exact holds each thing that a delta tells of against what the viewer has now: the same,
// but for when others told of what is open, and when a box that only moved reported.
func (v *viewer) exact(t fataler, d *Delta) {
	told := generic(t, d)
	for list, key := range keysOf {
		for _, want := range objects(told[list]) {
			got := maps.Clone(v.lists[list][want[key].(string)])
			if list == "connections" && want["count"] != json.Number("0") {
				for _, one := range []object{got, want} {
					evidence := maps.Clone(one["evidence"].(object))
					evidence["seen_by"] = tellers(evidence["seen_by"])
					one["evidence"] = evidence
				}
			}
			if key == "name" {
				got, want = stilled(list, got), stilled(list, want)
			}
			a, _ := json.MarshalIndent(want, "", " ")
			b, _ := json.MarshalIndent(got, "", " ")
			if !bytes.Equal(a, b) {
				t.Fatalf("%s: the delta means\n%s\nthe viewer has\n%s", list, a, b)
			}
		}
	}
}

// TestFieldsLeadToTheWhole: whatever is reported, who follows by fields has what is
// answered as a whole, byte for byte, and what deltas of whole things say.
func TestFieldsLeadToTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := Question{
			Level: rapid.SampledFrom([]Level{LevelService, LevelNode, LevelPool, LevelGroup}).Draw(t, "level"),
			Hide:  rapid.SampledFrom([]string{"", "old", hideDefault}).Draw(t, "hide"),
		}
		set := defaults()
		set.HideAfter, set.This, set.Roles = 20*time.Minute, "h1", drawRoles(t)
		set.Names = func(a netip.Addr) string { return "name-of-" + a.String() }
		w := &walk{snap: topology.Empty(topology.Revision{Epoch: "e"}, shop.Noon), settings: set, began: shop.Noon}
		live := NewLive(q, layouter{})
		var mine *viewer
		for range rapid.IntRange(2, 25).Draw(t, "steps") {
			d, err := live.Advance(w.snap, w.settings, w.began)
			if err != nil {
				t.Fatal(err)
			}
			whole := live.Whole()
			if mine == nil {
				mine = watching(t, whole)
			}
			if d != nil {
				mine.hear(t, d)
				mine.exact(t, d)
			}
			if got, want := mine.still(), watching(t, whole).still(); got != want {
				t.Fatalf("the viewer has\n%s\nthe answer is\n%s", got, want)
			}
			w.step(t)
		}
	})
}

// TestNumbersAreFields: where only numbers moved nothing is told as a whole.
func TestNumbersAreFields(t *testing.T) {
	l := ring(3, 2)
	live := NewLive(Question{Level: LevelService}, layouter{})
	if _, err := live.Advance(l.snap, defaults(), shop.Noon); err != nil {
		t.Fatal(err)
	}
	l.change(1)
	d, err := live.Advance(l.snap, defaults(), shop.Noon)
	if err != nil || d == nil {
		t.Fatalf("delta %v, error %v", d, err)
	}
	f := d.Fields()
	if n := len(d.Connections); n == 0 || len(f.Connections) != 0 || len(f.Services) != 0 || f.Changed == nil || len(f.Changed.Connections) != n {
		t.Fatalf("whole %d connections, %d services, changed %+v", len(f.Connections), len(f.Services), f.Changed)
	}
	one := f.Changed.Connections[0]
	text, err := json.Marshal(one)
	if start := `["` + d.Connections[0].ID + `",{"`; err != nil || !bytes.HasPrefix(text, []byte(start)) || !bytes.Contains(text, []byte(`"opened":`)) || bytes.Contains(text, []byte("client")) {
		t.Errorf("%s, error %v, want %s…", text, err, start)
	}
	var back Fields
	if err := json.Unmarshal(text, &back); err != nil || back.ID != one.ID || !bytes.Equal(back.Patch, one.Patch) {
		t.Errorf("read back as %+v, error %v", back, err)
	}
}

// TestBoxesAreFields: a box that moved tells its place, one in which a member got worse
// that member and the sum, and neither is told as a whole; one with another member is.
func TestBoxesAreFields(t *testing.T) {
	pool := func() *Topology {
		n := Node{Layout: &Rect{X: 10, Y: 20, W: 120, H: 80}, Title: "web", Rows: []Row{{Kind: "client", Process: "php"}}}
		n.Name, n.Kind, n.State, n.Verdict, n.LastReport = "pool~web", topology.Pool, topology.Reporting, topology.NoVerdict, shop.Noon
		for _, name := range []string{"web1", "web2", "__proto__"} {
			n.Members = append(n.Members, topology.BoxMember{Name: name, Kind: topology.Host, State: topology.Reporting, Verdict: topology.NoVerdict})
		}
		return &Topology{Revision: "e-1", Pools: []Node{n}}
	}
	bad := topology.Verdict{Status: topology.Critical, OpenStatus: topology.Critical, Checks: 1, Open: 1, StatusChanged: shop.Noon}
	for name, c := range map[string]struct {
		change         func(n *Node)
		whole          int
		pools, members string
	}{
		"moved":       {change: func(n *Node) { n.Layout = &Rect{X: 10, Y: 40, W: 120, H: 80} }, pools: `{"layout":{"y":40}}`},
		"pinned":      {change: func(n *Node) { n.Layout = &Rect{X: 10, Y: 20, W: 120, H: 80, Pinned: true} }, pools: `{"layout":{"pinned":true}}`},
		"another row": {change: func(n *Node) { n.Rows = nil }, pools: `{"rows":null}`},
		"a member got worse": {
			change:  func(n *Node) { n.Members[2].Verdict, n.Verdict = bad, bad },
			pools:   `{"status":"CRITICAL","open_status":"CRITICAL","checks":1,"open_checks":1,"status_changed":"2026-03-01T12:00:00Z","last_report":"2026-03-01T12:00:00Z"}`,
			members: `{"__proto__":{"status":"CRITICAL","open_status":"CRITICAL","checks":1,"open_checks":1,"status_changed":"2026-03-01T12:00:00Z"}}`,
		},
		"a member is silent": {change: func(n *Node) { n.Members[0].State = topology.Stale }, pools: `{"last_report":"2026-03-01T12:00:00Z"}`, members: `{"web1":{"state":"stale"}}`},
		"a member less":      {change: func(n *Node) { n.Members = n.Members[:2] }, whole: 1},
		"another title":      {change: func(n *Node) { n.Title = "shop" }, whole: 1},
		"only times":         {change: func(n *Node) { n.LastReport = shop.Noon.Add(time.Minute) }},
	} {
		a, b := pool(), pool()
		c.change(&b.Pools[0])
		d := Compare(a, b)
		if d == nil {
			if c.pools+c.members != "" || c.whole > 0 {
				t.Errorf("%s: no delta", name)
			}
			continue
		}
		f := d.Fields()
		var changed Changed
		if f.Changed != nil {
			changed = *f.Changed
		}
		if pools, members := patchOf(changed.Pools), patchOf(changed.Members); len(f.Pools) != c.whole || pools != c.pools || members != c.members {
			t.Errorf("%s: %d told as a whole, pools %s, members %s; want %d, %s, %s", name, len(f.Pools), pools, members, c.whole, c.pools, c.members)
		}
		if len(d.Pools) != 1 {
			t.Errorf("%s: who takes whole things is told %d", name, len(d.Pools))
		}
	}
}

// patchOf is the patch of the pool, if it is told.
func patchOf(list FieldList) string {
	if len(list) != 1 || list[0].ID != "pool~web" {
		return ""
	}
	return string(list[0].Patch)
}
