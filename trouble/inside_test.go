package trouble

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"pgregory.net/rapid"
)

var midnight = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func minute(m int) time.Time { return midnight.Add(time.Duration(m) * time.Minute) }

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

// TestSeverity: figures go before statuses, and what is in doubt counts less.
func TestSeverity(t *testing.T) {
	for _, tt := range []struct {
		name string
		a    Alert
		want float64
	}{
		{"down", Alert{Status: topology.Down}, 1},
		{"critical", Alert{Status: topology.Critical}, .8},
		{"warning", Alert{Status: topology.Warning}, .5},
		{"unknown", Alert{Status: topology.Unknown}, .5},
		{"unreachable", Alert{Status: topology.Unreachable}, .3},
		{"fine", Alert{Status: topology.OK}, .05},
		{"no status", Alert{Status: "FINE"}, .05},
		{"soft", Alert{Status: topology.Critical, Soft: true}, .48},
		{"flapping", Alert{Status: topology.Critical, Flapping: true}, .24},
		{"stale", Alert{Status: topology.Critical, Stale: true}, .24},
		{"disputed", Alert{Status: topology.Down, Disputed: "its agent reports"}, .5},
		{"at its limit", Alert{Times: 1, Status: topology.Down}, .05},
		{"below its limit", Alert{Times: .2}, .05},
		{"far above", Alert{Times: math.Sqrt(20)}, .5},
		{"very far above", Alert{Times: 20}, 1},
		{"absurd", Alert{Times: 1e300}, 1},
		{"no number", Alert{Times: math.Inf(1)}, 1},
	} {
		if got := tt.a.severity(); !near(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// gathered is an incident put onto a graph.
func gathered(t testing.TB, components []Component, edges []Edge, in *Incident, without ...Rule) *evidence {
	t.Helper()
	g, err := NewGraph(components, edges)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRanker()
	r.Without = without
	return r.gather(g, in)
}

func (e *evidence) at(id string) int32 { i, _ := e.g.Index(id); return i }

// force is what of a component's trouble gets to another in one step; zero for none.
func force(s spread, e *evidence, from, to string) (first, next float64) {
	for _, st := range s[e.at(from)] {
		if st.to == e.at(to) {
			return st.first, st.next
		}
	}
	return 0, 0
}

// TestForce: how much of a server's trouble gets to its client, by what the edge is.
func TestForce(t *testing.T) {
	w := DefaultWeights()
	pool := []Component{{ID: "s", Pool: "p"}, {ID: "s2", Pool: "p"}, {ID: "s3", Pool: "p"}}
	server := func(by int) Onset { return Onset{After: minute(by - 2), By: minute(by)} }
	for _, tt := range []struct {
		name        string
		components  []Component
		edge        Edge
		more        []Edge
		bad         string
		onset       Onset
		without     Rule
		first, next float64
		back        float64
	}{
		{name: "a call", first: w.Fade, next: w.Far},
		{name: "on a host", edge: Edge{Kind: On}, first: w.FadeOn, next: w.FadeOn},
		{name: "on a host, without the rule", edge: Edge{Kind: On}, without: RuleOn},
		{name: "idle", edge: Edge{Idle: true}, first: w.Fade / 2, next: w.Far / 2},
		{name: "no direction", edge: Edge{Undirected: true}, first: w.Fade / 2, next: w.Far / 2, back: w.Fade / 2},
		{name: "always followed", edge: Edge{Failed: 4, Followed: 4}, first: w.Fade, next: w.Far},
		{name: "never followed", edge: Edge{Failed: 4}, first: w.Fade / 3, next: w.Far / 3},
		{name: "one of three", components: pool, more: []Edge{{Client: "c", Server: "s2"}, {Client: "c", Server: "s3"}}, first: w.Fade / 3, next: w.Far / 3},
		{
			name: "two of three", components: pool, more: []Edge{{Client: "c", Server: "s2"}, {Client: "c", Server: "s3"}}, bad: "s2",
			first: w.Fade * 2 / 3, next: w.Far * 2 / 3,
		},
		{
			name: "one of three, without the rule", components: pool, more: []Edge{{Client: "c", Server: "s2"}, {Client: "c", Server: "s3"}},
			without: RulePool, first: w.Fade, next: w.Far,
		},
		{name: "the only one that it calls", components: pool, first: w.Fade, next: w.Far},
		{name: "a little load", edge: Edge{Load: 2}, first: w.Fade, next: w.Far},
		{name: "load at an unknown time", edge: Edge{Load: 9}, first: w.Fade * .6, next: w.Far * .6, back: .4},
		{
			name: "load before", edge: Edge{Load: 9, LoadSince: minute(5)}, onset: server(9), first: w.Fade * (1 - .95), next: w.Far * (1 - .95), back: .95,
		},
		{name: "load between", edge: Edge{Load: 9, LoadSince: minute(8)}, onset: server(9), first: w.Fade * .2, next: w.Far * .2, back: w.Overload},
		{name: "load after", edge: Edge{Load: 9, LoadSince: minute(10)}, onset: server(9), first: w.Fade, next: w.Far},
		{name: "load, without the rule", edge: Edge{Load: 9}, without: RuleOverload, first: w.Fade, next: w.Far},
	} {
		t.Run(tt.name, func(t *testing.T) {
			edge := tt.edge
			edge.Client, edge.Server = "c", "s"
			in := &Incident{At: minute(20), Alerts: []Alert{{Component: "c", Status: topology.Critical}, {Component: "s", Status: topology.Critical, Onset: tt.onset}}}
			if tt.bad != "" {
				in.Alerts = append(in.Alerts, Alert{Component: tt.bad, Status: topology.Critical})
			}
			e := gathered(t, tt.components, append([]Edge{edge}, tt.more...), in, tt.without)
			s := e.steps()
			if first, next := force(s, e, "s", "c"); !near(first, tt.first) || !near(next, tt.next) {
				t.Errorf("%v, then %v; want %v, %v", first, next, tt.first, tt.next)
			}
			if back, _ := force(s, e, "c", "s"); !near(back, tt.back) {
				t.Errorf("back %v, want %v", back, tt.back)
			}
		})
	}
}

// TestPass: what goes on through a component by what is known of it.
func TestPass(t *testing.T) {
	var edges []Edge
	for i := range hub {
		edges = append(edges, Edge{Client: fmt.Sprint("c", i), Server: "hub"}, Edge{Client: "hub", Server: fmt.Sprint("s", i)})
	}
	bad := Alert{Component: "bad", Status: topology.Critical, Onset: Onset{After: minute(0), By: minute(1)}}
	in := &Incident{At: minute(10), Alerts: []Alert{bad}, Watched: map[string]Watch{
		"fine": {Fine: minute(5)}, "lapsed": {Fine: minute(0)}, "other": {Fine: minute(5), Clock: "x"}, "blind": {Blind: true}, "hub": {Fine: minute(0)},
	}}
	for _, id := range []string{"fine", "lapsed", "other", "blind", "unwatched"} {
		edges = append(edges, Edge{Client: "bad", Server: id})
	}
	e := gathered(t, nil, edges, in)
	for id, want := range map[string]float64{"bad": 1, "fine": .35, "lapsed": .5, "other": .5, "blind": .8, "unwatched": .8, "hub": .25} {
		if got := e.pass(e.at(id)); !near(got, want) {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}

// TestWide: what is left of a component by how many of its clients are in trouble.
func TestWide(t *testing.T) {
	for _, tt := range []struct {
		own                     bool // it has an alert itself
		bad, fine, lapsed, idle int
		want                    float64
	}{
		{true, 1, 0, 0, 0, 1},
		{true, 0, 1, 0, 0, 1},
		{true, 1, 3, 0, 0, .8},
		{true, 0, 9, 0, 0, .2},
		{true, 2, 98, 0, 0, 6. / 101},
		{true, 0, 0, 0, 9, 1},
		{false, 1, 0, 0, 0, 1},
		{false, 1, 1, 0, 0, 2. / 3},
		{false, 3, 0, 0, 0, 1},
		{false, 3, 0, 4, 0, 4. / 6},
		{false, 1, 9, 0, 0, 2. / 11},
	} {
		in := &Incident{At: minute(10), Watched: map[string]Watch{}}
		var edges []Edge
		alert := func(id string) {
			in.Alerts = append(in.Alerts, Alert{Component: id, Status: topology.Critical, Onset: Onset{By: minute(1)}})
		}
		client := func(kind string, n int, fine time.Time) {
			for i := range n {
				id := fmt.Sprint(kind, i)
				edges = append(edges, Edge{Client: id, Server: "s", Idle: kind == "idle"})
				if kind == "bad" {
					alert(id)
				} else {
					in.Watched[id] = Watch{Fine: fine}
				}
			}
		}
		alert("far") // so that something is in trouble
		client("bad", tt.bad, time.Time{})
		client("fine", tt.fine, minute(5))
		client("lapsed", tt.lapsed, minute(0))
		client("idle", tt.idle, minute(5))
		if tt.own {
			alert("s")
		}
		e := gathered(t, nil, edges, in)
		if got := e.wide(e.at("s"), e.breadth(e.at("s"))); !near(got, tt.want) {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// TestAlone: whose trouble is the word of one witness who is explained without it.
func TestAlone(t *testing.T) {
	edges := []Edge{{Client: "web", Server: "bank"}, {Client: "web", Server: "app"}, {Client: "crm", Server: "bank"}, {Client: "crm", Server: "mail"}}
	said := func(component string, witnesses ...string) Alert {
		return Alert{Component: component, Status: topology.Critical, Witnesses: witnesses}
	}
	for _, tt := range []struct {
		name   string
		alerts []Alert
		want   string
	}{
		{"nothing else", []Alert{said("bank", "web")}, ""},
		{"another is known to be bad", []Alert{said("bank", "web"), said("app")}, "bank"},
		{"another is by its word, too", []Alert{said("bank", "web"), said("app", "web")}, ""},
		{"another's of somebody else", []Alert{said("bank", "web"), said("mail")}, ""},
		{"two witnesses", []Alert{said("bank", "web", "crm"), said("app")}, ""},
		{"two witnesses in two alerts", []Alert{said("bank", "web"), said("bank", "crm"), said("app")}, ""},
		{"one witness twice", []Alert{said("bank", "web"), said("bank", "web"), said("app")}, "bank"},
		{"it was looked at as well", []Alert{said("bank", "web"), said("bank"), said("app")}, ""},
		{"looked at first", []Alert{said("bank"), said("bank", "web"), said("app")}, ""},
		{"a stranger's word", []Alert{said("bank", "nobody"), said("app")}, ""},
	} {
		e := gathered(t, nil, edges, &Incident{Alerts: tt.alerts})
		var got []string
		for i := range e.heard {
			if e.heard[i] {
				got = append(got, e.g.At(int32(i)).ID)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// TestOnset: a component went bad with the first of its alerts that can be trusted
// with a time.
func TestOnset(t *testing.T) {
	alert := func(from, by int, how ...func(*Alert)) Alert {
		a := Alert{Component: "a", Status: topology.Critical, Onset: Onset{After: minute(from), By: minute(by), Clock: "m"}}
		for _, h := range how {
			h(&a)
		}
		return a
	}
	flapping := func(a *Alert) { a.Flapping = true }
	stale := func(a *Alert) { a.Stale = true }
	other := func(a *Alert) { a.Onset.Clock = "x" }
	unknown := func(a *Alert) { a.Onset = Onset{} }
	for _, tt := range []struct {
		name   string
		alerts []Alert
		want   int // 0 for none
	}{
		{"one", []Alert{alert(1, 2)}, 2},
		{"the earlier", []Alert{alert(5, 6), alert(1, 2)}, 2},
		{"flapping", []Alert{alert(5, 6), alert(1, 2, flapping)}, 6},
		{"stale", []Alert{alert(5, 6), alert(1, 2, stale)}, 6},
		{"the first clock", []Alert{alert(5, 6), alert(1, 2, other)}, 6},
		{"in the future", []Alert{alert(50, 51)}, 0},
		{"in the next minute", []Alert{alert(50, 31)}, 31},
		{"not known", []Alert{alert(0, 0, unknown)}, 0},
		{"not known, then known", []Alert{alert(0, 0, unknown), alert(5, 6)}, 6},
	} {
		e := gathered(t, nil, nil, &Incident{At: minute(30), Alerts: tt.alerts})
		by := e.onset[e.at("a")].By
		if tt.want == 0 && !by.IsZero() || tt.want > 0 && !by.Equal(minute(tt.want)) {
			t.Errorf("%s: %v", tt.name, by)
		}
	}
}

// TestRecall: the latest change shortly before.
func TestRecall(t *testing.T) {
	alerts := []Alert{
		{Component: "a", Status: topology.Critical, Onset: Onset{By: minute(60)}},
		{Component: "b", Status: topology.Critical, Onset: Onset{By: minute(90)}},
	}
	for _, tt := range []struct {
		component string
		at        int
		kept      bool
	}{
		{"a", 55, true},
		{"a", 60, true},
		{"a", 61, false},
		{"a", 31, true},
		{"a", 29, false},
		{"b", 85, true},
		{"b", 55, false},
		{"c", 55, true},
		{"c", 85, false},
		{"nobody", 55, false},
	} {
		in := &Incident{At: minute(100), Alerts: alerts, Changes: []Change{{tt.component, minute(tt.at), "came"}}}
		e := gathered(t, nil, []Edge{{Client: "a", Server: "c"}}, in)
		if kept := len(e.changes) == 1; kept != tt.kept {
			t.Errorf("%+v: %v", tt, e.changes)
		}
	}
	in := &Incident{At: minute(100), Alerts: alerts, Changes: []Change{{"a", minute(50), "x"}, {"a", minute(55), "y"}, {"a", minute(52), "z"}}}
	e := gathered(t, nil, nil, in)
	if ch := e.changes[e.at("a")]; ch.What != "y" {
		t.Errorf("%+v", ch)
	}
}

// TestWalk: a walk finds the strongest way, whatever the graph, and no way gains
// force.
func TestWalk(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 8).Draw(rt, "components")
		id := func(i int) string { return fmt.Sprint("n", i) }
		var edges []Edge
		for range rapid.IntRange(0, 20).Draw(rt, "edges") {
			edges = append(edges, Edge{
				Client: id(rapid.IntRange(0, n-1).Draw(rt, "client")), Server: id(rapid.IntRange(0, n-1).Draw(rt, "server")),
				Idle: rapid.Bool().Draw(rt, "idle"), Kind: rapid.SampledFrom([]EdgeKind{Calls, On}).Draw(rt, "kind"),
			})
		}
		in := &Incident{}
		for i := range n {
			in.Alerts = append(in.Alerts, Alert{Component: id(i), Status: topology.Critical})
		}
		g, err := NewGraph(nil, edges)
		if err != nil {
			rt.Fatal(err)
		}
		e := NewRanker().gather(g, in)
		w := newWalker(e, e.steps())
		for start := range int32(g.Len()) {
			w.walk(start)
			if w.force[start] != 1 || w.from[start] != -1 {
				rt.Fatalf("the start has %v", w.force[start])
			}
			for _, i := range w.met {
				if from := w.from[i]; from >= 0 && w.force[i] >= w.force[from] {
					rt.Fatalf("%v after %v", w.force[i], w.force[from])
				}
				if p := w.way(i); len(p.Edges) > far || i != start && len(p.Edges) == 0 {
					rt.Fatalf("%+v", p)
				}
			}
		}
	})
}

// TestBound: what a candidate is chosen by is no less than what it then explains, if
// its ways are short.
func TestBound(t *testing.T) {
	edges := []Edge{
		{Client: "a", Server: "s"},
		{Client: "b", Server: "s"},
		{Client: "c", Server: "a"},
		{Client: "d", Server: "a"},
		{Client: "d", Server: "b"},
		{Client: "s", Server: "h", Kind: On},
		{Client: "x", Server: "h", Kind: On},
	}
	in := &Incident{}
	for _, id := range strings.Fields("a b c d s x") {
		in.Alerts = append(in.Alerts, Alert{Component: id, Status: topology.Critical})
	}
	e := gathered(t, nil, edges, in, RuleChange, RulePool)
	s := e.steps()
	mass := e.mass(s)
	w := newWalker(e, s)
	for i := range int32(e.g.Len()) {
		if c := e.judge(w, i); mass[i] < c.score*.7 {
			t.Errorf("%s has %v, and is chosen by %v", e.g.At(i).ID, c.score, mass[i])
		}
	}
}

// TestChosen: of more candidates than are judged one by one, the cause is among those.
func TestChosen(t *testing.T) {
	var edges []Edge
	in := &Incident{}
	for i := range 3 * mostExact {
		id := fmt.Sprint("client", i)
		edges = append(edges, Edge{Client: id, Server: "db"}, Edge{Client: id, Server: fmt.Sprint("own", i)})
		in.Alerts = append(in.Alerts, Alert{Component: id, Status: topology.Critical})
	}
	g, err := NewGraph(nil, edges)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRanker().Rank(g, in)
	if len(r.Causes) != mostCauses || r.Causes[0].Component != "db" {
		t.Errorf("%d causes, the first %+v", len(r.Causes), r.Causes[0])
	}
	if n := len(r.Causes[0].Explains); n != mostWays {
		t.Errorf("%d ways are told", n)
	}
}

// TestSymptom: how much an alert asks for an explanation, beside what it says of its
// own component.
func TestSymptom(t *testing.T) {
	for name, tt := range map[string]struct {
		a            Alert
		own, symptom float64
	}{
		"plain":   {Alert{Status: topology.Critical}, .8, .8},
		"handled": {Alert{Status: topology.Critical, Handled: true}, .8, .4},
		"symptom": {Alert{Status: topology.Critical, Symptom: true}, .8, .24},
	} {
		tt.a.Component = "a"
		e := gathered(t, nil, nil, &Incident{Alerts: []Alert{tt.a}})
		if i := e.at("a"); !near(e.own[i], tt.own) || !near(e.symptom[i], tt.symptom) {
			t.Errorf("%s: %v, %v", name, e.own[i], e.symptom[i])
		}
	}
}

// TestItself: what a component's own state says, by what else explains it.
func TestItself(t *testing.T) {
	w := DefaultWeights()
	in := &Incident{
		At: minute(10), Watched: map[string]Watch{"fine": {Fine: minute(5)}, "blind": {Blind: true}, "lapsed": {}},
		Alerts: []Alert{
			{Component: "plain", Status: topology.Critical, Onset: Onset{By: minute(1)}},
			{Component: "full", Status: topology.Critical, Trouble: Full},
			{Component: "flooded", Status: topology.Critical, Onset: Onset{After: minute(3), By: minute(4)}},
			{Component: "client", Status: topology.Critical},
		},
	}
	edges := []Edge{{Client: "client", Server: "flooded", Load: 9, LoadSince: minute(3)}}
	for _, id := range []string{"fine", "blind", "lapsed", "unwatched"} {
		edges = append(edges, Edge{Client: "client", Server: id})
	}
	e := gathered(t, nil, edges, in)
	e.steps()
	for id, want := range map[string]float64{
		"plain": w.Own * .8, "full": w.Own * .8 * 1.2, "flooded": w.Own * .8 * (1 - .5*.95),
		"fine": -3 * w.Silent, "unwatched": -.8 * w.Silent, "blind": -.4 * w.Silent, "lapsed": -w.Silent,
	} {
		if got := e.itself(e.at(id)); !near(got, want) {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}

// TestAllRules: every rule has a name of its own.
func TestAllRules(t *testing.T) {
	seen := map[Rule]bool{}
	for _, r := range Rules() {
		if seen[r] || r == "" {
			t.Errorf("%q twice", r)
		}
		seen[r] = true
	}
	if len(seen) != 13 {
		t.Errorf("%d rules", len(seen))
	}
}
