package rank

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/test/charts"
)

// TestBreakCyclesLeavesNone turns arcs of random graphs and then wants every
// box to be ranked, which needs a graph without cycles, with few arcs turned.
func TestBreakCyclesLeavesNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, _, err := graph.Read(charts.Draw(t))
		if err != nil {
			t.Fatal(err)
		}
		r := &ranking{in: in, arcs: arcsOf(in), rank: make([]int32, len(in.Boxes))}
		r.index()
		before := slices.Clone(r.arcs)
		breakCycles(r)
		r.index()
		if topo := r.longestPath(); len(topo) != len(in.Boxes) {
			t.Fatalf("%d of %d boxes are ranked: a cycle is left", len(topo), len(in.Boxes))
		}
		if len(r.arcs) != len(before) {
			t.Fatalf("%d arcs became %d", len(before), len(r.arcs))
		}
		for _, a := range r.arcs {
			if r.rank[a.from] >= r.rank[a.to] {
				t.Fatalf("arc %+v goes from rank %d to %d", a, r.rank[a.from], r.rank[a.to])
			}
		}
	})
}

func TestUntieTurnsTheLightestArcs(t *testing.T) {
	for _, c := range []struct{ name, edges, want string }{
		{"ring", "a>b a>b b>c b>c c>a", "a b c"},
		{"ring with its weak arc elsewhere", "a>b b>c b>c c>a c>a", "b c a"},
		{"entered at b", "a>b b>c c>a x>b x>b", "b c a"},
		{"two rings on one box", "a>b b>a a>c a>c c>a", "a b c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, _, err := graph.Read(charts.Edges(c.edges))
			if err != nil {
				t.Fatal(err)
			}
			r := &ranking{in: in, arcs: arcsOf(in), rank: make([]int32, len(in.Boxes))}
			r.index()
			members := []int32{0, 1, 2}
			place := make([]int, len(in.Boxes))
			newKnot(r, members, strongSets(r.out)).untie(place)
			slices.SortFunc(members, func(a, b int32) int { return place[a] - place[b] })
			var got []string
			for _, m := range members {
				got = append(got, in.Boxes[m].ID)
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("sequence is %q, want %q", s, c.want)
			}
		})
	}
}

func TestDepthsCountFromWhereAKnotIsEntered(t *testing.T) {
	k := &knot{
		members: []int32{10, 11, 12, 13},
		arcs:    []arc{{0, 1, 1}, {1, 2, 1}, {2, 3, 1}, {3, 0, 1}, {0, 2, 1}},
		entered: []float64{0, 0, 0, 5},
		left:    make([]float64, 4),
	}
	if got, want := k.depths(), []int{1, 2, 2, 0}; !slices.Equal(got, want) {
		t.Errorf("depths are %v, want %v", got, want)
	}
	back, all := k.back([]int32{3, 0, 1, 2})
	if back != 1 || all != 5 {
		t.Errorf("%g of %g goes backwards, want 1 of 5", back, all)
	}
}
