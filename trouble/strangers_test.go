package trouble_test

import (
	"testing"

	. "github.com/devops-trouble-map/dotm/trouble"
)

// TestStrangers: alerts on what the graph doesn't know leave it as it is.
func TestStrangers(t *testing.T) {
	g := graph(t, nil, calls("a>b")...)
	in := &Incident{
		Alerts: criticals("a b x x y"), Paged: []string{"z"}, Changes: []Change{{Component: "w", At: at(0), What: "came"}},
		Watched: map[string]Watch{"v": {Fine: at(1)}},
	}
	r := NewRanker().Rank(g, in)
	if first(t, r).Component != "b" || place(r, "x") < 0 || place(r, "y") < 0 || place(r, "v") >= 0 || place(r, "w") >= 0 {
		t.Errorf("%+v", r.Causes)
	}
	if g.Len() != 2 {
		t.Errorf("%d components now", g.Len())
	}
}

// TestNothing: no graph, no alerts, or neither.
func TestNothing(t *testing.T) {
	if r := NewRanker().Rank(graph(t, nil), &Incident{Alerts: criticals("a")}); len(r.Causes) != 1 || r.Causes[0].Component != "a" {
		t.Errorf("%+v", r)
	}
	for _, g := range []*Graph{graph(t, nil), graph(t, nil, calls("a>b")...)} {
		if r := NewRanker().Rank(g, &Incident{}); len(r.Causes) != 0 || r.Unsure == "" {
			t.Errorf("%+v", r)
		}
	}
	if r := NewRanker().Rank(graph(t, nil, calls("a>b")...), &Incident{Paged: []string{"a"}}); len(r.Causes) == 0 || r.Causes[0].Strength != Weak {
		t.Errorf("%+v", r)
	}
}
