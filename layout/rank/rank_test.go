package rank

import (
	"fmt"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/test/charts"
)

func TestRank(t *testing.T) {
	for _, c := range []struct {
		name, edges, entry, exit string
		want                     string // boxes by rank, from -1
	}{
		{"chain", "a>b b>c", "", "", "| a | b | c"},
		{"longest path", "a>b b>c a>c", "", "", "| a | b | c"},
		{"worker beside its database", "a>b b>c c>d w>d", "", "", "| a | b | c w | d"},
		{"worker's caller follows it", "a>b b>c c>d w>d x>w", "", "", "| a | b x | c w | d"},
		{"callers from outside hold a box left", "a>b b>c c>d w>d i>w", "i", "", "i | a w | b | c | d"},
		{"server stays beside its client", "a>b b>c c>d a>e", "", "", "| a | b e | c | d"},
		{"pair", "a>b b>a", "", "", "| a | b"},
		{"ring starts where it is entered", "a>b b>c c>a x>b", "", "", "| x | b | c | a"},
		{"ring entered from outside", "a>b b>c c>a i>c", "i", "", "i | c | a | b"},
		{"ring that is left", "a>b b>c c>a b>z", "", "", "| a | b | c z"},
		{"self edge", "a>a a>b", "", "", "| a | b"},
		{"undirected peers stand right", "a>b b-c b-d", "", "", "| a | b | c d"},
		{"undirected only", "a-b b-c", "", "", "| b | a c"},
		{"undirected does not push", "a>b c>d a-d d-a", "", "", "| a c | b d"},
		{"sides rank nothing", "i>a a>b b>i a>e e>a", "i", "e", "i | a | b | e"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, _, err := graph.Read(charts.Sides(charts.Edges(c.edges), c.entry, c.exit))
			if err != nil {
				t.Fatal(err)
			}
			if got := byRank(in, Of(in)); got != c.want {
				t.Errorf("ranks are %q, want %q", got, c.want)
			}
		})
	}
}

func byRank(in *graph.Input, rank []int32) string {
	last := int32(0)
	for _, r := range rank {
		last = max(last, r)
	}
	ranks := make([]string, last+2)
	for i, b := range in.Boxes {
		ranks[rank[i]+1] += b.ID + " "
	}
	return strings.TrimSpace(strings.Join(ranks, "| "))
}

// TestTiersSurviveRing makes two products call each other's front: the tiers
// stay beside each other and only the calls between the products run back.
func TestTiersSurviveRing(t *testing.T) {
	g := charts.Sides(charts.Edges(tiers("p")+tiers("q")+"i>plb i>qlb papp>qlb qapp>plb"), "i", "")
	in, _, err := graph.Read(g)
	if err != nil {
		t.Fatal(err)
	}
	rank := make(map[string]int32)
	for i, r := range Of(in) {
		rank[in.Boxes[i].ID] = r
	}
	for i, tier := range []string{"lb", "web", "app", "db"} {
		if p, q := rank["p"+tier], rank["q"+tier]; p != int32(i) || q != p {
			t.Errorf("%s has ranks %d and %d, want %d", tier, p, q, i)
		}
	}
}

// tiers are the edges of a product whose tiers call each other often.
func tiers(p string) string {
	var b strings.Builder
	for range 8 {
		fmt.Fprintf(&b, "%[1]slb>%[1]sweb %[1]sweb>%[1]sapp %[1]sapp>%[1]sdb ", p)
	}
	return b.String()
}

func TestStrongSets(t *testing.T) {
	in, _, err := graph.Read(charts.Edges("a>b b>a b>c c>d d>e e>c f>f"))
	if err != nil {
		t.Fatal(err)
	}
	r := &ranking{in: in, arcs: arcsOf(in)}
	r.index()
	set := strongSets(r.out)
	for i, want := range []int{0, 0, 2, 2, 2, 5} {
		if set[i] != set[want] {
			t.Errorf("%s is not in the set of %s: %v", in.Boxes[i].ID, in.Boxes[want].ID, set)
		}
	}
	if set[0] == set[2] || set[0] == set[5] || set[2] == set[5] {
		t.Errorf("sets are not apart: %v", set)
	}
}
