package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/test/charts"
)

// biggest is the piece of g with most boxes.
func biggest(t interface{ Fatal(args ...any) }, g *graph.Graph) (*graph.Input, graph.Part) {
	in, _, err := graph.Read(g)
	if err != nil {
		t.Fatal(err)
	}
	parts, _ := in.Parts()
	return in, slices.MaxFunc(parts, func(a, b graph.Part) int { return len(a.Boxes) - len(b.Boxes) })
}

func TestProductsAreFound(t *testing.T) {
	for seed := range uint64(3) {
		in, p := biggest(t, charts.Hosts(seed, 401, 1500))
		groups := Of(in, p)
		if len(groups) != 8 {
			t.Errorf("seed %d: %d groups, want the 8 products", seed, len(groups))
		}
		for _, g := range groups {
			first, _, _ := strings.Cut(in.Boxes[g[0]].ID, "-")
			for _, b := range g {
				if product, _, _ := strings.Cut(in.Boxes[b].ID, "-"); product != first {
					t.Errorf("seed %d: %s is in the group of %s", seed, in.Boxes[b].ID, in.Boxes[g[0]].ID)
				}
			}
		}
	}
}

func TestWhatHasNoGroupsStaysWhole(t *testing.T) {
	var dense, small strings.Builder
	for i := range 20 {
		for k := range 150 {
			fmt.Fprintf(&dense, "a%02d>b%03d ", i, k)
		}
		fmt.Fprintf(&small, "a%d>b%d b%d>c%d c%d>a%d a%d>a%d ", i, i, i, i, i, i, i, (i+1)%20)
	}
	for name, words := range map[string]string{"dense": dense.String(), "small": small.String()} {
		in, p := biggest(t, charts.Edges(words))
		if got := Of(in, p); got != nil {
			t.Errorf("%s: %d groups, want none", name, len(got))
		}
	}
}

func TestSidesAreInNoGroup(t *testing.T) {
	in, p := biggest(t, charts.Hosts(1, 401, 1500))
	seen := 0
	for _, g := range Of(in, p) {
		if !slices.IsSorted(g) {
			t.Errorf("group %v is not in rising order", g)
		}
		for _, b := range g {
			if in.Boxes[b].Side != graph.Inside {
				t.Errorf("%s is in a group", in.Boxes[b].ID)
			}
			seen++
		}
	}
	if seen != 400 {
		t.Errorf("%d boxes are in groups, want each of the 400 inside once", seen)
	}
}

// TestModularity compares what unfolding reckons with with the definition: the share of
// edges within groups, less the chance that ends of edges meet there.
func TestModularity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 12).Draw(t, "n")
		var calls []graph.Call
		node := make(map[int32]int32)
		for i := range n {
			node[int32(i)] = int32(i)
		}
		for range rapid.IntRange(1, 30).Draw(t, "calls") {
			a, b := rapid.IntRange(0, n-1).Draw(t, "a"), rapid.IntRange(0, n-1).Draw(t, "b")
			if a != b {
				calls = append(calls, graph.Call{From: int32(a), To: int32(b)})
			}
		}
		if len(calls) == 0 {
			return
		}
		l := newLevel(n, calls, node)
		before := l.modularity()
		group, _ := l.unfold()
		group = renumber(group)
		after := l.fold(group).modularity()
		want, degree := 0.0, make([]float64, n)
		for _, c := range calls {
			if group[c.From] == group[c.To] {
				want += 1 / float64(len(calls))
			}
			degree[group[c.From]]++
			degree[group[c.To]]++
		}
		for _, d := range degree {
			share := d / float64(2*len(calls))
			want -= share * share
		}
		if after < before-1e-9 || after-want > 1e-9 || want-after > 1e-9 {
			t.Fatalf("modularity was %g, is %g, want %g", before, after, want)
		}
	})
}
