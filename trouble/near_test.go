package trouble_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	. "github.com/devops-trouble-map/dotm/trouble"
)

// web draws a graph with pools, hosts, cycles and odd edges, and an incident on it.
func web(rt *rapid.T) (*Graph, *Incident) {
	n := rapid.IntRange(2, 24).Draw(rt, "components")
	id := func(name string) string { return fmt.Sprint("n", rapid.IntRange(0, n-1).Draw(rt, name)) }
	var components []Component
	for i := range n {
		c := Component{ID: fmt.Sprint("n", i)}
		if rapid.Bool().Draw(rt, "pooled") {
			c.Pool = fmt.Sprint("p", rapid.IntRange(0, 3).Draw(rt, "pool"))
		}
		components = append(components, c)
	}
	var edges []Edge
	for range rapid.IntRange(0, 3*n).Draw(rt, "edges") {
		e := Edge{Client: id("client"), Server: id("server"), Idle: rapid.IntRange(0, 4).Draw(rt, "idle") == 0}
		switch rapid.IntRange(0, 8).Draw(rt, "how") {
		case 0:
			e.Kind = On
		case 1:
			e.Undirected = true
		case 2:
			e.Load = 5
		}
		edges = append(edges, e)
	}
	g, err := NewGraph(components, edges)
	if err != nil {
		rt.Fatal(err)
	}
	in := &Incident{At: at(10), Watched: map[string]Watch{}}
	for range rapid.IntRange(1, 6).Draw(rt, "alerts") {
		a := critical(id("alert"))
		a.Onset = between(float64(rapid.IntRange(0, 3).Draw(rt, "after")), 4)
		in.Alerts = append(in.Alerts, a)
	}
	for range rapid.IntRange(0, n).Draw(rt, "watched") {
		in.Watched[id("watch")] = Watch{Fine: at(float64(rapid.IntRange(0, 9).Draw(rt, "fine"))), Clock: "m"}
	}
	return g, in
}

// TestNear: a part of the graph says what the whole says, word for word.
func TestNear(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g, in := web(rt)
		var ids []string
		for i := range in.Alerts {
			ids = append(ids, in.Alerts[i].Component)
		}
		part := Near(g, append(ids, "nobody"))
		if d := cmp.Diff(NewRanker().Rank(g, in), NewRanker().Rank(part, in)); d != "" {
			rt.Fatalf("%d of %d components: %s", part.Len(), g.Len(), d)
		}
	})
}

// TestBelow: likewise of what would fail.
func TestBelow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g, in := web(rt)
		if rapid.Bool().Draw(rt, "what if") {
			in = nil
		}
		fails := []string{fmt.Sprint("n", rapid.IntRange(0, g.Len()-1).Draw(rt, "fails"))}
		part := Below(g, fails)
		whole, err := Predict(g, fails, in)
		if err != nil {
			rt.Fatal(err)
		}
		less, err := Predict(part, fails, in)
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(whole, less); d != "" {
			rt.Fatalf("%d of %d components: %s", part.Len(), g.Len(), d)
		}
	})
}

// TestNearIsNear: what has nothing to do with it is left out.
func TestNearIsNear(t *testing.T) {
	g := graph(t, nil, calls("a>b c>d d>e a>dns c>dns")...)
	part := Near(g, []string{"a"})
	for id, want := range map[string]bool{"a": true, "b": true, "dns": true, "c": true, "d": false, "e": false} {
		if _, there := part.Component(id); there != want {
			t.Errorf("%s is there: %t", id, there)
		}
	}
	if below := Below(g, []string{"e"}); below.Len() > 4 {
		t.Errorf("%d components", below.Len())
	}
}
