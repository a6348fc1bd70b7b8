package trouble_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/topology"
	. "github.com/devops-trouble-map/dotm/trouble"
	"pgregory.net/rapid"
)

// score is a component's, and whether it is a cause at all.
func score(r Ranking, id string) (float64, bool) {
	if i := place(r, id); i >= 0 {
		return r.Causes[i].Score, true
	}
	return 0, false
}

// tree draws a site without cycles: each component but the first calls one or two of
// those before it.
func tree(rt *rapid.T) (edges []Edge, n int) {
	n = rapid.IntRange(3, 14).Draw(rt, "components")
	for i := 1; i < n; i++ {
		for range rapid.IntRange(1, 2).Draw(rt, "calls") {
			server := rapid.IntRange(0, i-1).Draw(rt, "server")
			edges = append(edges, Edge{Client: fmt.Sprint("n", i), Server: fmt.Sprint("n", server)})
		}
	}
	return edges, n
}

// upstream are all that need a component, itself included.
func upstream(g *Graph, id string) []string {
	out := []string{id}
	for i := 0; i < len(out); i++ {
		for _, c := range g.Clients(out[i]) {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// TestWholeOutage: when a component fails, and all that need it and nothing else with
// it, and all are seen, it is the first; and nothing stays unexplained.
func TestWholeOutage(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		edges, n := tree(rt)
		g, err := NewGraph(nil, edges)
		if err != nil {
			rt.Fatal(err)
		}
		cause := fmt.Sprint("n", rapid.IntRange(0, n-1).Draw(rt, "cause"))
		bad := upstream(g, cause)
		in := &Incident{At: at(10), Watched: map[string]Watch{}}
		for i := range n {
			id := fmt.Sprint("n", i)
			if slices.Contains(bad, id) {
				a := critical(id)
				a.Onset = between(0, 2)
				in.Alerts = append(in.Alerts, a)
				continue
			}
			in.Watched[id] = Watch{Fine: at(9), Clock: "m"}
		}
		r := NewRanker().Rank(g, in)
		if r.Causes[0].Component != cause || r.Unsure != "" {
			rt.Fatalf("%s failed; said %s %+v", cause, r.Unsure, r.Causes[0])
		}
		if len(r.Unexplained) > 0 {
			rt.Fatalf("not explained: %v", r.Unexplained)
		}
	})
}

// TestStrangerMatters: an alert on a component that has nothing to do with the others
// changes nothing of their order.
func TestStrangerMatters(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		edges, in := draw(rt)
		if len(in.Alerts) == 0 {
			return
		}
		g, err := NewGraph(nil, edges)
		if err != nil {
			rt.Fatal(err)
		}
		ranker := NewRanker()
		ranker.Without = []Rule{RuleTwo} // what the first explains changes with who is first
		before := ranker.Rank(g, in)
		stranger := critical("stranger")
		stranger.Status = topology.Warning
		in.Alerts = append(slices.Clone(in.Alerts), stranger)
		after := ranker.Rank(g, in)
		var order []string
		for _, c := range after.Causes {
			if c.Component != "stranger" {
				order = append(order, c.Component)
			}
		}
		for i := range min(len(order), len(before.Causes)) {
			if order[i] != before.Causes[i].Component {
				rt.Fatalf("%d was %s, is %s", i, before.Causes[i].Component, order[i])
			}
		}
	})
}

// TestWorse: a component that is worse itself is no less likely for it.
func TestWorse(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		edges, in := draw(rt)
		if len(in.Alerts) == 0 {
			return
		}
		g, err := NewGraph(nil, edges)
		if err != nil {
			rt.Fatal(err)
		}
		ranker := NewRanker()
		ranker.Without = []Rule{RuleTwo}
		i := rapid.IntRange(0, len(in.Alerts)-1).Draw(rt, "alert")
		id := in.Alerts[i].Component
		before := place(ranker.Rank(g, in), id)
		worse := *in
		worse.Alerts = slices.Clone(in.Alerts)
		for j := range worse.Alerts {
			if worse.Alerts[j].Component == id {
				worse.Alerts[j].Times, worse.Alerts[j].Flapping = 50, false
				worse.Alerts[j].Onset = Onset{} // so that only its severity changes
			}
		}
		plain := *in
		plain.Alerts = slices.Clone(worse.Alerts)
		for j := range plain.Alerts {
			if plain.Alerts[j].Component == id {
				plain.Alerts[j].Times = 2
			}
		}
		if x, y := place(ranker.Rank(g, &plain), id), place(ranker.Rank(g, &worse), id); x >= 0 && (y < 0 || betterElsewhere(ranker, g, &plain, &worse, id)) {
			rt.Fatalf("%s was %d (first %d), and is %d", id, x, before, y)
		}
	})
}

// betterElsewhere says that somebody who doesn't explain a component passed it when
// that got worse.
func betterElsewhere(r *Ranker, g *Graph, plain, worse *Incident, id string) bool {
	x, y := r.Rank(g, plain), r.Rank(g, worse)
	mine, _ := score(x, id)
	now, _ := score(y, id)
	for _, c := range y.Causes {
		explains := slices.ContainsFunc(c.Explains, func(p Path) bool { return p.To == id })
		before, known := score(x, c.Component)
		if c.Component != id && known && !explains && before < mine-1e-6 && c.Score > now+1e-6 {
			return true
		}
	}
	return false
}

// TestSpared: a component that calls all of a pool is spared while one of it lives,
// and is hit when none does.
func TestSpared(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		members := rapid.IntRange(2, 6).Draw(rt, "members")
		down := rapid.IntRange(1, members).Draw(rt, "down")
		var components []Component
		var edges []Edge
		var fails []string
		for i := range members {
			id := fmt.Sprint("m", i)
			components = append(components, Component{ID: id, Pool: "p"})
			edges = append(edges, Edge{Client: "web", Server: id})
			if i < down {
				fails = append(fails, id)
			}
		}
		g, err := NewGraph(components, edges)
		if err != nil {
			rt.Fatal(err)
		}
		im, err := Predict(g, fails, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if hit := names(im.Predicted) == "web"; hit != (down == members) {
			rt.Fatalf("%d of %d down: %+v", down, members, im)
		}
		if spared := names(im.Spared) == "web"; spared != (down < members) {
			rt.Fatalf("%d of %d down: %+v", down, members, im)
		}
	})
}

// TestFlock: the more of a pool are bad, the more of their client's trouble each
// explains.
func TestFlock(t *testing.T) {
	components := []Component{}
	var edges []Edge
	for i := range 4 {
		id := fmt.Sprint("m", i)
		components = append(components, Component{ID: id, Pool: "p"})
		edges = append(edges, Edge{Client: "web", Server: id}, Edge{Client: id, Server: "base"})
	}
	g := graph(t, components, edges...)
	ranker := NewRanker()
	last := -1.0
	for n := 1; n <= 4; n++ {
		in := &Incident{Alerts: criticals("web")}
		for i := range n {
			in.Alerts = append(in.Alerts, critical(fmt.Sprint("m", i)))
		}
		base, ok := score(ranker.Rank(g, in), "base")
		if !ok || base <= last {
			t.Errorf("with %d of 4 what they share has %v, had %v", n, base, last)
		}
		last = base
	}
	in := &Incident{Alerts: criticals("web m0 m1 m2 m3")}
	if c := first(t, ranker.Rank(g, in)); c.Component != "base" {
		t.Errorf("all four: %+v", c)
	}
	in = &Incident{Alerts: criticals("web m0")}
	if c := first(t, ranker.Rank(g, in)); c.Component != "m0" {
		t.Errorf("one of four: %+v", c)
	}
}

// TestAbsent: with each alert that is missing the cause stays among the first three,
// as long as it has one itself, or three of those who need it directly.
func TestAbsent(t *testing.T) {
	edges := calls("w1>a w2>a w1>b w2>c a>db b>db c>db r>db b>other c>mail")
	g := graph(t, nil, edges...)
	all := criticals("w1 w2 a b c r db")
	for mask := range 1 << len(all) {
		in := &Incident{}
		direct, own := 0, mask&(1<<(len(all)-1)) != 0
		for i := range all {
			if mask&(1<<i) != 0 {
				in.Alerts = append(in.Alerts, all[i])
				if i >= 2 && i <= 5 {
					direct++
				}
			}
		}
		if direct < 3 && !own {
			continue
		}
		r := NewRanker().Rank(g, in)
		if p := place(r, "db"); p < 0 || p > 2 {
			t.Errorf("with %v alerts: db is %d of %+v", len(in.Alerts), p, r.Causes[:min(3, len(r.Causes))])
		}
	}
}
