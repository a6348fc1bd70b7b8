package trouble_test

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/devops-trouble-map/dotm/trouble"
	"pgregory.net/rapid"
)

func names(list []Effect) string {
	var out []string
	for _, e := range list {
		out = append(out, e.Component)
	}
	return strings.Join(out, " ")
}

// TestPredict: what follows from what fails, and what something stands in for.
func TestPredict(t *testing.T) {
	pool := []Component{{ID: "m1", Pool: "p"}, {ID: "m2", Pool: "p"}}
	var many []Edge
	for i := range 9 {
		many = append(many, calls(fmt.Sprintf("c%d>proxy proxy>s%d", i, i))...)
	}
	for _, tt := range []struct {
		name                                   string
		components                             []Component
		edges                                  []Edge
		fails                                  string
		in                                     *Incident
		confirmed, predicted, possible, spared string
	}{
		{name: "clients of clients", edges: calls("web>app app>db app>cache other>cache"), fails: "db", predicted: "app web"},
		{name: "a host", edges: calls("s1@h s2@h web>s1 h@rack"), fails: "h", predicted: "s1 s2 web"},
		{name: "a rack", edges: calls("s1@h s2@g h@rack g@rack web>s1"), fails: "rack", predicted: "h g s1 s2 web"},
		{name: "one of a pool", components: pool, edges: calls("web>m1 web>m2 old>m1"), fails: "m1", predicted: "old", spared: "web"},
		{name: "all of a pool", components: pool, edges: calls("web>m1 web>m2 old>m1"), fails: "m1 m2", predicted: "web old"},
		{name: "a pool on one host", components: pool, edges: calls("m1@h m2@h web>m1 web>m2"), fails: "h", predicted: "m1 m2 web"},
		{name: "a pool on two hosts", components: pool, edges: calls("m1@h m2@g web>m1 web>m2"), fails: "h", predicted: "m1", spared: "web"},
		{
			name: "the other of the pool is in trouble already", components: pool, edges: calls("web>m1 web>m2"), fails: "m1",
			in: &Incident{Alerts: criticals("m2")}, predicted: "web",
		},
		{
			name: "the other of the pool might fail, too", components: pool, fails: "x",
			edges: append(calls("web>m1 web>m2 m1>x"), Edge{Client: "m2", Server: "x", Idle: true}), predicted: "m1", possible: "m2", spared: "web",
		},
		{name: "a cycle", edges: calls("a>b b>c c>a"), fails: "a", predicted: "c b"},
		{name: "idle", edges: []Edge{{Client: "a", Server: "b", Idle: true}}, fails: "b", possible: "a"},
		{name: "no direction", edges: []Edge{{Client: "a", Server: "b", Undirected: true}}, fails: "b", possible: "a"},
		{name: "spared three times", edges: []Edge{{Client: "a", Server: "b", Failed: 3}}, fails: "b", possible: "a"},
		{name: "followed three times", edges: []Edge{{Client: "a", Server: "b", Failed: 3, Followed: 3}}, fails: "b", predicted: "a"},
		{name: "behind a proxy", edges: many, fails: "s0", predicted: "proxy", possible: "c0 c1 c2 c3 c4 c5 c6 c7 c8"},
		{name: "the proxy itself", edges: many, fails: "proxy", predicted: "c0 c1 c2 c3 c4 c5 c6 c7 c8"},
		{
			name: "in trouble already", edges: calls("web>app app>db"), fails: "db", in: &Incident{Alerts: criticals("db app")},
			confirmed: "db app", predicted: "web",
		},
		{
			name: "found fine since", edges: calls("app>db x>db"), fails: "db", predicted: "x", possible: "app", confirmed: "db",
			in: &Incident{
				At: at(10), Alerts: []Alert{{Component: "db", Status: "CRITICAL", Onset: between(0, 1)}},
				Watched: map[string]Watch{"app": {Fine: at(9), Clock: "m"}},
			},
		},
		{name: "several at once", edges: calls("a>b c>d"), fails: "b d", predicted: "a c"},
		{name: "nothing", edges: calls("a>b"), fails: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			im, err := Predict(graph(t, tt.components, tt.edges...), strings.Fields(tt.fails), tt.in)
			if err != nil {
				t.Fatal(err)
			}
			for what, is := range map[string][2]string{
				"confirmed": {names(im.Confirmed), tt.confirmed}, "predicted": {names(im.Predicted), tt.predicted},
				"possible": {names(im.Possible), tt.possible}, "spared": {names(im.Spared), tt.spared},
			} {
				if is[0] != is[1] {
					t.Errorf("%s: %q, want %q", what, is[0], is[1])
				}
			}
		})
	}
}

// TestWhy: each effect quotes the edge that it hangs on.
func TestWhy(t *testing.T) {
	g := graph(t, []Component{{ID: "m1", Pool: "p"}, {ID: "m2", Pool: "p"}, {ID: "m3", Pool: "p"}, {ID: "db", Name: "postgres"}},
		append(calls("app>db s@db one>m1 two>m1 two>m2 three>m1 three>m2 three>m3"), Edge{Client: "old", Server: "db", Idle: true}, Edge{Client: "used", Server: "db", Failed: 4, Followed: 3})...)
	im, err := Predict(g, []string{"db", "m1", "m2"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, list := range [][]Effect{im.Predicted, im.Possible, im.Spared} {
		for _, e := range list {
			got[e.Component] = e.Why
		}
	}
	for component, want := range map[string]string{
		"app":   "calls postgres",
		"s":     "sits on postgres",
		"one":   "calls m1 and no other member of its pool",
		"two":   "calls 2 members of the pool of m1, all of them affected",
		"three": "calls 3 members of the pool of m2, 1 of them not affected",
		"old":   "calls postgres, but not lately",
		"used":  "calls postgres; went bad with it 3 of 4 times before",
	} {
		if got[component] != want {
			t.Errorf("%s: %q, want %q", component, got[component], want)
		}
	}
}

func TestPredictUnknown(t *testing.T) {
	if _, err := Predict(graph(t, nil), []string{"nobody"}, nil); err == nil || !strings.Contains(err.Error(), `no component "nobody"`) {
		t.Errorf("%v", err)
	}
}

// TestPredictAnything: whatever the graph, each is told once, sureness falls with
// the way, and more that fails spares nobody.
func TestPredictAnything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		edges, in := draw(rt)
		g, err := NewGraph([]Component{{ID: "n0", Pool: "p"}, {ID: "n1", Pool: "p"}, {ID: "n2", Pool: "p"}}, edges)
		if err != nil {
			rt.Fatal(err)
		}
		if !rapid.Bool().Draw(rt, "with alerts") {
			in = nil
		}
		im, err := Predict(g, []string{"n0"}, in)
		if err != nil {
			rt.Fatal(err)
		}
		seen := map[string]bool{}
		for _, list := range [][]Effect{im.Confirmed, im.Predicted, im.Possible, im.Spared} {
			for _, e := range list {
				if seen[e.Component] || e.Why == "" || e.Sure < 0 || e.Sure > 1 {
					rt.Fatalf("%+v in %+v", e, im)
				}
				seen[e.Component] = true
			}
		}
		more, err := Predict(g, []string{"n0", "n1"}, in)
		if err != nil {
			rt.Fatal(err)
		}
		if fewer, all := sures(im), sures(more); in == nil {
			for id, s := range fewer {
				if id != "n1" && all[id] < s-1e-6 {
					rt.Fatalf("%s: %v, with more that fails %v", id, s, all[id])
				}
			}
		}
	})
}

func sures(im Impact) map[string]float64 {
	out := map[string]float64{}
	for _, list := range [][]Effect{im.Confirmed, im.Predicted, im.Possible} {
		for _, e := range list {
			out[e.Component] = e.Sure
		}
	}
	return out
}
