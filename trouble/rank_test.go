package trouble_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	. "github.com/devops-trouble-map/dotm/trouble"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }

// between is an onset between two minutes after noon.
func between(after, by float64) Onset { return Onset{After: at(after), By: at(by), Clock: "m"} }

func graph(t testing.TB, components []Component, edges ...Edge) *Graph {
	t.Helper()
	g, err := NewGraph(components, edges)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// calls reads "a>b b>c": a calls b, b calls c; "a@h" says that a sits on h.
func calls(s string) (edges []Edge) {
	for _, f := range strings.Fields(s) {
		if c, h, ok := strings.Cut(f, "@"); ok {
			edges = append(edges, Edge{Client: c, Server: h, Kind: On})
			continue
		}
		c, sv, _ := strings.Cut(f, ">")
		edges = append(edges, Edge{Client: c, Server: sv})
	}
	return edges
}

func critical(id string) Alert {
	return Alert{Component: id, Trouble: Failing, Status: topology.Critical}
}

func criticals(ids string) (out []Alert) {
	for _, id := range strings.Fields(ids) {
		out = append(out, critical(id))
	}
	return out
}

func first(t testing.TB, r Ranking) Cause {
	t.Helper()
	if len(r.Causes) == 0 {
		t.Fatal("no causes")
	}
	return r.Causes[0]
}

func place(r Ranking, id string) int {
	return slices.IndexFunc(r.Causes, func(c Cause) bool { return c.Component == id })
}

// TestRules: what each rule makes of a small site, and that it is that rule which
// does.
func TestRules(t *testing.T) {
	watched := func(ids string) map[string]Watch {
		m := map[string]Watch{}
		for _, id := range strings.Fields(ids) {
			m[id] = Watch{Fine: at(10), Clock: "m"}
		}
		return m
	}
	pool := func(name, ids string) (out []Component) {
		for _, id := range strings.Fields(ids) {
			out = append(out, Component{ID: id, Pool: name})
		}
		return out
	}
	onset := func(a Alert, o Onset) Alert { a.Onset = o; return a }
	warning := func(id string) Alert { return Alert{Component: id, Status: topology.Warning} }
	for _, tt := range []struct {
		name       string
		components []Component
		edges      []Edge
		in         Incident
		want       string
		// rule is the one without which it isn't the first any more; empty if it
		// takes more than one.
		rule Rule
	}{
		{
			name: "the deepest in trouble explains the rest", edges: calls("web>app app>db web>cache"),
			in: Incident{Alerts: criticals("web app db")}, want: "db", rule: RuleReach,
		},
		{
			name: "what many need, not what is merely worst", edges: calls("a>db b>db c>db a>x"),
			in: Incident{Alerts: append(criticals("a b c db"), Alert{Component: "x", Status: topology.Down})}, want: "db", rule: RuleReach,
		},
		{
			name: "a server that is barely over its limit is not behind a storm", edges: calls("web>app app>db"),
			in:   Incident{Alerts: []Alert{{Component: "web", Times: 10}, {Component: "app", Times: 20}, {Component: "db", Times: 1.01}}},
			want: "app", rule: RuleOwn,
		},
		{
			name: "people were called for the one that needs it", edges: calls("shop>pay crm>mail"),
			in: Incident{Alerts: criticals("mail pay"), Paged: []string{"shop"}}, want: "pay",
		},
		{
			name: "one witness against what was looked at", edges: calls("web>lb web>app app>db"),
			in: Incident{
				Alerts: []Alert{
					{Component: "lb", Status: topology.Down, Witnesses: []string{"web"}},
					critical("app"), critical("web"),
				},
			}, want: "app", rule: RuleWitness,
		},
		{
			name: "most clients of the hub are fine", edges: calls("a>dns b>dns c>dns d>dns e>dns f>dns g>dns h>dns a>db b>db"),
			in: Incident{
				Alerts: []Alert{warning("dns"), critical("a"), critical("b"), onset(warning("db"), between(5, 6))}, At: at(11),
				Watched: watched("c d e f g h"),
			}, want: "db", rule: RuleClients,
		},
		{
			name: "what surely came later is no cause", edges: calls("web>app app>db"),
			in: Incident{
				At: at(30), Alerts: []Alert{
					onset(critical("web"), between(0, 1)), onset(critical("app"), between(0, 1)), onset(critical("db"), between(20, 21)),
				},
			}, want: "app", rule: RuleOrder,
		},
		{
			name: "one of a pool of four is no outage", components: pool("p", "m1 m2 m3 m4"),
			edges: calls("x>m1 x>m2 x>m3 x>m4 y>m1 y>m2 y>m3 y>m4 x>db y>db"),
			in:    Incident{Alerts: append(criticals("x y"), critical("m1"), warning("db"))}, want: "db", rule: RulePool,
		},
		{
			name: "what nobody watches", edges: calls("a>nfs b>nfs c>nfs"),
			in: Incident{Alerts: criticals("a b c"), Watched: map[string]Watch{}}, want: "nfs", rule: RuleUnseen,
		},
		{
			name: "not what was found fine since", edges: calls("a>nfs b>nfs c>nfs a>x b>x c>x"),
			in: Incident{
				At: at(12), Alerts: []Alert{onset(critical("a"), between(0, 1)), onset(critical("b"), between(0, 1)), onset(critical("c"), between(0, 1))},
				Watched: watched("nfs"),
			}, want: "x",
		},
		{
			name: "a dead host is one event", edges: calls("s1@h s2@h s3@h web>s1 web>s2"),
			in: Incident{Alerts: append(criticals("s1 s2 s3 web"), Alert{Component: "h", Status: topology.Down})}, want: "h", rule: RuleOn,
		},
		{
			name: "what several dead hosts share", edges: calls("h1@rack h2@rack h3@rack s1@h1 s2@h2 h4@other"),
			in: Incident{Alerts: criticals("h1 h2 h3 s1 s2"), Watched: map[string]Watch{}}, want: "rack", rule: RuleOn,
		},
		{
			name: "of two equals the one that changed", edges: calls("web>a web>b"),
			in: Incident{
				At: at(10), Alerts: []Alert{onset(critical("web"), between(0, 5)), onset(critical("b"), between(0, 5)), onset(critical("a"), between(0, 5))},
				Changes: []Change{{Component: "a", At: at(3), What: "restarted under a new pid"}},
			}, want: "a", rule: RuleChange,
		},
		{
			name: "a client that floods", edges: append(calls("other>db third>db"), Edge{Client: "batch", Server: "db", Load: 12, LoadSince: at(0)}),
			in: Incident{
				At: at(10), Alerts: []Alert{
					onset(critical("other"), between(1, 5)), onset(critical("third"), between(1, 5)),
					onset(critical("db"), between(1, 4)), onset(critical("batch"), between(1, 5)),
				},
			}, want: "batch", rule: RuleOverload,
		},
		{
			name: "clients try again when a server fails", edges: append(calls("other>db"), Edge{Client: "batch", Server: "db", Load: 12, LoadSince: at(9)}),
			in: Incident{
				At: at(10), Alerts: []Alert{onset(critical("other"), between(1, 5)), onset(critical("db"), between(1, 4)), onset(critical("batch"), between(1, 5))},
			}, want: "db",
		},
		{
			name: "a disk is not filled by a server that fails", edges: calls("db>store web>db"),
			in: Incident{Alerts: []Alert{{Component: "db", Trouble: Full, Status: topology.Critical}, warning("store")}}, want: "db", rule: RuleResource,
		},
		{
			name: "silence is not yet a fault", edges: calls("a>db b>db"),
			in: Incident{Alerts: criticals("a db"), Watched: map[string]Watch{"b": {Blind: true}}}, want: "db",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := graph(t, tt.components, tt.edges...)
			r := NewRanker().Rank(g, &tt.in)
			if got := first(t, r); got.Component != tt.want {
				t.Errorf("likely %s: %s\nthen %+v", got.Component, got.Sentence, r.Causes[1:])
			}
			if tt.rule == "" {
				return
			}
			without := NewRanker()
			without.Without = []Rule{tt.rule}
			if r := without.Rank(g, &tt.in); len(r.Causes) > 0 && r.Causes[0].Component == tt.want &&
				(len(r.Causes) == 1 || r.Causes[1].Score < r.Causes[0].Score) {
				t.Errorf("without %q it is the first all the same", tt.rule)
			}
		})
	}
}

// TestTwoAtOnce: a second fault comes before the symptoms of the first.
func TestTwoAtOnce(t *testing.T) {
	g := graph(t, nil, calls("w>a w>b v>a v>b a>db1 b>db1 u>c c>db2")...)
	r := NewRanker().Rank(g, &Incident{Alerts: criticals("w v a b db1 u c db2")})
	if place(r, "db1") != 0 || place(r, "db2") != 1 {
		t.Errorf("causes %+v", r.Causes)
	}
	if !slices.Equal(r.Unexplained, []string{"u", "c", "db2"}) {
		t.Errorf("unexplained %v", r.Unexplained)
	}
}

// TestNoWrongCertainty: thin or bad evidence is called that.
func TestNoWrongCertainty(t *testing.T) {
	far := func(id string, h float64) Alert {
		a := critical(id)
		a.Onset = Onset{After: at(60*h - 1), By: at(60 * h), Clock: fmt.Sprint("clock", h)}
		return a
	}
	flapping := func(id string) Alert { a := critical(id); a.Flapping = true; return a }
	for _, tt := range []struct {
		name   string
		edges  []Edge
		in     Incident
		unsure string // part of what is said; empty for any
		most   Strength
	}{
		{"nothing", nil, Incident{}, "nothing is in trouble", Weak},
		{"a stranger", calls("a>b"), Incident{Alerts: criticals("nobody")}, "", Moderate},
		{"two equals", calls("w>a w>b"), Incident{Alerts: criticals("a b w")}, "equally consistent", Weak},
		{"no edges", nil, Incident{Alerts: criticals("a b c d")}, "can't tell", Weak},
		{"all flap", calls("w>a"), Incident{Alerts: []Alert{flapping("a")}}, "say little", Weak},
		{"a cycle", calls("a>b b>c c>a"), Incident{Alerts: criticals("a b c")}, "equally consistent", Weak},
		{"each other", calls("a>b b>a"), Incident{Alerts: criticals("a b")}, "equally consistent", Weak},
		{"clocks an hour off", calls("w>a"), Incident{At: at(61), Alerts: []Alert{far("a", 1), far("w", 0)}}, "", Strong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRanker().Rank(graph(t, nil, tt.edges...), &tt.in)
			if tt.unsure != "" && !strings.Contains(r.Unsure, tt.unsure) {
				t.Errorf("unsure: %q, causes %+v", r.Unsure, r.Causes)
			}
			order := []Strength{Weak, Moderate, Strong}
			if len(r.Causes) > 0 && slices.Index(order, r.Causes[0].Strength) > slices.Index(order, tt.most) {
				t.Errorf("%s: %s", r.Causes[0].Strength, r.Causes[0].Sentence)
			}
		})
	}
}

// TestClocks: times of two clocks have no order, and one in the future none at all;
// so the deepest stays the likeliest, whatever an hour says.
func TestClocks(t *testing.T) {
	g := graph(t, nil, calls("w>a v>a")...)
	alert := func(id, clock string, from float64) Alert {
		a := critical(id)
		a.Onset = Onset{After: at(from), By: at(from + 1), Clock: clock}
		return a
	}
	for name, alerts := range map[string][]Alert{
		"another clock": {alert("w", "m", 0), alert("v", "m", 0), alert("a", "ahead", 60)},
		"in the future": {alert("w", "m", 0), alert("v", "m", 0), alert("a", "m", 62)},
	} {
		r := NewRanker().Rank(g, &Incident{At: at(61), Alerts: alerts})
		if c := first(t, r); c.Component != "a" || !slices.Contains(c.Chips, "order not known") {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestHandled: what somebody works on can be the cause all the same.
func TestHandled(t *testing.T) {
	db := critical("db")
	db.Handled = true
	r := NewRanker().Rank(graph(t, nil, calls("w>db v>db")...), &Incident{Alerts: append(criticals("w v"), db)})
	if c := first(t, r); c.Component != "db" || c.Strength != Strong {
		t.Errorf("%+v", c)
	}
}

// TestPaths: each symptom has its way to the cause, edge by edge.
func TestPaths(t *testing.T) {
	g := graph(t, nil, calls("web>app app>db s@h db@h")...)
	r := NewRanker().Rank(g, &Incident{Alerts: append(criticals("web app db s"), Alert{Component: "h", Status: topology.Down})})
	c := first(t, r)
	want := map[string]string{"web": "web>app app>db db@h", "app": "app>db db@h", "db": "db@h", "s": "s@h"}
	if c.Component != "h" || len(c.Explains) != len(want) {
		t.Fatalf("%+v", c)
	}
	for _, p := range c.Explains {
		var steps []string
		for _, s := range p.Edges {
			steps = append(steps, s.Client+map[EdgeKind]string{Calls: ">", On: "@"}[s.Kind]+s.Server)
		}
		if got := strings.Join(steps, " "); got != want[p.To] {
			t.Errorf("%s: %s", p.To, got)
		}
	}
}

// TestBlind: the ranks are the same whatever the components are called.
func TestBlind(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		edges, in := draw(rt)
		rename := map[string]string{}
		name := func(id string) string {
			if rename[id] == "" {
				rename[id] = rapid.StringMatching(`[a-z:/ ]{0,6}`).Draw(rt, "name") + strconv.Itoa(len(rename))
			}
			return rename[id]
		}
		g, err := NewGraph(nil, edges)
		if err != nil {
			rt.Fatal(err)
		}
		plain := NewRanker().Rank(g, in)
		for i := range edges {
			edges[i].Client, edges[i].Server = name(edges[i].Client), name(edges[i].Server)
		}
		other := *in
		other.Alerts = slices.Clone(in.Alerts)
		for i := range other.Alerts {
			other.Alerts[i].Component = name(other.Alerts[i].Component)
		}
		other.Watched = map[string]Watch{}
		for id, w := range in.Watched {
			other.Watched[name(id)] = w
		}
		if g, err = NewGraph(nil, edges); err != nil {
			rt.Fatal(err)
		}
		renamed := NewRanker().Rank(g, &other)
		if len(plain.Causes) != len(renamed.Causes) {
			rt.Fatalf("%d causes, renamed %d", len(plain.Causes), len(renamed.Causes))
		}
		for i, c := range plain.Causes {
			if r := renamed.Causes[i]; r.Component != name(c.Component) || r.Score != c.Score || r.Strength != c.Strength {
				rt.Fatalf("%d: %s %v %s, renamed %s %v %s", i, name(c.Component), c.Score, c.Strength, r.Component, r.Score, r.Strength)
			}
		}
	})
}

// draw makes any graph, cycles and all, with any alerts.
func draw(rt *rapid.T) ([]Edge, *Incident) {
	id := rapid.Custom(func(rt *rapid.T) string { return fmt.Sprint("n", rapid.IntRange(0, 11).Draw(rt, "id")) })
	edges := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) Edge {
		return Edge{
			Client: id.Draw(rt, "client"), Server: id.Draw(rt, "server"), Kind: rapid.SampledFrom([]EdgeKind{"", Calls, On}).Draw(rt, "kind"),
			Load: rapid.SampledFrom([]float64{0, 1, 8}).Draw(rt, "load"), Undirected: rapid.Bool().Draw(rt, "undirected"), Idle: rapid.Bool().Draw(rt, "idle"),
		}
	}), 0, 30).Draw(rt, "edges")
	in := &Incident{At: at(30), Watched: map[string]Watch{}}
	in.Alerts = rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) Alert {
		from := rapid.Float64Range(0, 40).Draw(rt, "from")
		return Alert{
			Component: id.Draw(rt, "component"), Status: rapid.SampledFrom([]topology.Status{topology.Warning, topology.Critical, topology.Down, "FINE"}).Draw(rt, "status"),
			Times: rapid.Float64Range(0, 50).Draw(rt, "times"), Onset: between(from-1, from), Flapping: rapid.Bool().Draw(rt, "flapping"),
			Trouble: rapid.SampledFrom([]Trouble{Failing, Slow, Full}).Draw(rt, "trouble"),
		}
	}), 0, 12).Draw(rt, "alerts")
	for _, w := range rapid.SliceOfN(id, 0, 6).Draw(rt, "watched") {
		in.Watched[w] = Watch{Fine: at(rapid.Float64Range(0, 40).Draw(rt, "fine")), Clock: "m", Blind: rapid.Bool().Draw(rt, "blind")}
	}
	return edges, in
}

// TestAnything: whatever comes, ranks are in order, paths lead from their symptom to
// the cause, and the same again gives the same.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		edges, in := draw(rt)
		g, err := NewGraph(nil, edges)
		if err != nil {
			rt.Fatal(err)
		}
		r := NewRanker().Rank(g, in)
		for i, c := range r.Causes {
			if c.Score != c.Score || c.Score > 1.5 || i > 1 && c.Score > r.Causes[i-1].Score {
				rt.Fatalf("score %v of %d", c.Score, i)
			}
			if c.Sentence == "" || strings.Contains(c.Sentence, "root cause") {
				rt.Fatalf("sentence %q", c.Sentence)
			}
			for _, p := range c.Explains {
				checkPath(rt, c.Component, p)
			}
		}
		if again := NewRanker().Rank(g, in); fmt.Sprint(again) != fmt.Sprint(r) {
			rt.Fatal("not the same again")
		}
	})
}

func checkPath(rt *rapid.T, cause string, p Path) {
	here := p.To
	for _, s := range p.Edges {
		switch here {
		case s.Client:
			here = s.Server
		case s.Server: // overload, or no direction
			here = s.Client
		default:
			rt.Fatalf("%+v doesn't go on from %s", p, here)
		}
	}
	if here != cause {
		rt.Fatalf("%+v ends at %s, not %s", p, here, cause)
	}
}

// storm is a site of n components in layers, all of the first of which are bad.
func storm(t testing.TB, n, alerts int) (*Graph, *Incident) {
	rnd := rand.New(rand.NewPCG(1, 1))
	var edges []Edge
	id := func(i int) string { return "n" + strconv.Itoa(i) }
	for i := 1; i < n; i++ {
		for range 5 {
			if s := rnd.IntN(i); s != i {
				edges = append(edges, Edge{Client: id(i), Server: id(s / 2)})
			}
		}
		edges = append(edges, Edge{Client: id(i), Server: id(0)}) // a hub that all use
	}
	in := &Incident{At: at(5)}
	for i := range alerts {
		a := critical(id(n - 1 - i))
		a.Onset = between(0, 1+float64(i%3))
		in.Alerts = append(in.Alerts, a)
	}
	return graph(t, nil, edges...), in
}

// TestStorm: 5,000 alerts on 10,000 components take a bounded number of walks.
func TestStorm(t *testing.T) {
	g, in := storm(t, 10_000, 5_000)
	began := time.Now()
	r := NewRanker().Rank(g, in)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	if len(r.Causes) == 0 || len(r.Causes) > 20 || len(r.Causes[0].Explains) > 200 {
		t.Errorf("%d causes", len(r.Causes))
	}
}

func BenchmarkStorm(b *testing.B) {
	g, in := storm(b, 10_000, 5_000)
	for b.Loop() {
		NewRanker().Rank(g, in)
	}
}

func BenchmarkTwenty(b *testing.B) {
	g, in := storm(b, 10_000, 20)
	for b.Loop() {
		NewRanker().Rank(g, in)
	}
}
