package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// site reads "a>b": a calls b, and "a@h": a sits on h.
func site(t testing.TB, components []Component, text string) *Graph {
	t.Helper()
	var edges []Edge
	for _, f := range strings.Fields(text) {
		if c, h, ok := strings.Cut(f, "@"); ok {
			edges = append(edges, Edge{Client: c, Server: h, Kind: On})
			continue
		}
		c, s, _ := strings.Cut(f, ">")
		edges = append(edges, Edge{Client: c, Server: s})
	}
	g, err := New(components, edges)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func index(t testing.TB, g *Graph, id string) int32 {
	t.Helper()
	i, ok := g.Index(id)
	if !ok {
		t.Fatalf("no %s", id)
	}
	return i
}

func TestNew(t *testing.T) {
	g := site(t, []Component{{ID: "h", Kind: Node}, {ID: "p1", Pool: "p"}, {ID: "p2", Pool: "p", Name: "second"}}, "a>b a>b a>a b>c a@h b>a a>h")
	if g.Len() != 6 {
		t.Errorf("%d components", g.Len())
	}
	for id, want := range map[string]Kind{"h": Node, "a": Service, "p1": Service} {
		if c, ok := g.Component(id); !ok || c.Kind != want {
			t.Errorf("%s is %+v", id, c)
		}
	}
	if _, ok := g.Component("nobody"); ok {
		t.Error("nobody is there")
	}
	if got := g.Servers("a"); !slices.Equal(got, []string{"b", "h"}) {
		t.Errorf("a needs %v", got)
	}
	if got := g.Clients("h"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("h is needed by %v", got)
	}
	if g.Clients("nobody") != nil || g.Servers("h") != nil {
		t.Error("edges of nothing")
	}
	if got := len(g.Edges()); got != 5 {
		t.Errorf("%d edges: one to itself and one twice are none", got)
	}
	if g.PoolSize("p") != 2 || g.PoolSize("q") != 0 {
		t.Errorf("pools of %d and %d", g.PoolSize("p"), g.PoolSize("q"))
	}
	if a, b := g.Name(index(t, g, "p1")), g.Name(index(t, g, "p2")); a != "p1" || b != "second" {
		t.Errorf("names %s and %s", a, b)
	}
}

func TestTwice(t *testing.T) {
	if _, err := New([]Component{{ID: "a"}, {ID: "a"}}, nil); err == nil || !strings.Contains(err.Error(), `"a" is given twice`) {
		t.Errorf("%v", err)
	}
}

// TestCopies: what is handed out can be written without the graph changing.
func TestCopies(t *testing.T) {
	g := site(t, []Component{{ID: "a"}}, "a>b")
	g.Components()[0].ID = "x"
	g.Edges()[0].Client = "x"
	if _, ok := g.Component("a"); !ok || g.Edges()[0].Client != "a" {
		t.Error("a copy is none")
	}
}

func TestWith(t *testing.T) {
	g := site(t, nil, "a>b")
	if g.With([]string{"a", "b"}) != g {
		t.Error("nothing is missing, and the graph is another")
	}
	wider := g.With([]string{"a", "x", "x", "y"})
	if g.Len() != 2 || wider.Len() != 4 {
		t.Errorf("%d and %d components", g.Len(), wider.Len())
	}
	if _, ok := g.Index("x"); ok {
		t.Error("the graph has changed")
	}
	for _, id := range []string{"a", "b"} {
		if index(t, g, id) != index(t, wider, id) {
			t.Errorf("%s has another index", id)
		}
	}
	if len(wider.ClientsOf(index(t, wider, "x"))) != 0 || !slices.Equal(wider.Servers("a"), []string{"b"}) {
		t.Error("edges got lost, or came")
	}
}

func TestUpstream(t *testing.T) {
	g := site(t, nil, "web>app app>db db@h other>db x>y y>x")
	never := func(*Edge) bool { return false }
	for _, tt := range []struct {
		from  string
		edges int
		back  func(*Edge) bool
		want  string
	}{
		{"web", 9, never, "web app db h"},
		{"web", 2, never, "web app db"},
		{"web", 0, never, "web"},
		{"h", 9, never, "h"},
		{"x", 9, never, "x y"},
		{"web x", 1, never, "web app x y"},
		{"db", 9, func(e *Edge) bool { return e.Client == "other" }, "db h other"},
		{"", 9, never, ""},
	} {
		var from []int32
		for _, id := range strings.Fields(tt.from) {
			from = append(from, index(t, g, id))
		}
		var got []string
		for i, met := range g.Upstream(from, tt.edges, tt.back) {
			if met {
				got = append(got, g.At(int32(i)).ID)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("from %s, %d edges: %v, want %s", tt.from, tt.edges, got, tt.want)
		}
	}
}

// TestBothEnds: each edge is found from either end, once, whatever is given.
func TestBothEnds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		id := rapid.Custom(func(rt *rapid.T) string { return fmt.Sprint("n", rapid.IntRange(0, 6).Draw(rt, "n")) })
		edges := rapid.SliceOf(rapid.Custom(func(rt *rapid.T) Edge {
			return Edge{Client: id.Draw(rt, "client"), Server: id.Draw(rt, "server"), Kind: rapid.SampledFrom([]EdgeKind{"", Calls, On}).Draw(rt, "kind")}
		})).Draw(rt, "edges")
		g, err := New(nil, edges)
		if err != nil {
			rt.Fatal(err)
		}
		seen := map[int32]int{}
		for i := range int32(g.Len()) {
			for _, a := range g.ClientsOf(i) {
				if e := g.Edge(a.Edge); e.Server != g.At(i).ID || e.Client != g.At(a.To).ID || e.Kind == "" {
					rt.Fatalf("%+v at %s", e, g.At(i).ID)
				}
				seen[a.Edge]++
			}
			for _, a := range g.ServersOf(i) {
				if e := g.Edge(a.Edge); e.Client != g.At(i).ID || e.Server != g.At(a.To).ID {
					rt.Fatalf("%+v at %s", e, g.At(i).ID)
				}
				seen[a.Edge]++
			}
		}
		if len(seen) != len(g.Edges()) {
			rt.Fatalf("%d of %d edges are found", len(seen), len(g.Edges()))
		}
		for e, n := range seen {
			if n != 2 {
				rt.Fatalf("edge %d is found %d times", e, n)
			}
		}
		for _, e := range edges {
			if e.Client != e.Server && !slices.Contains(g.Servers(e.Client), e.Server) {
				rt.Fatalf("%+v got lost", e)
			}
		}
	})
}
