package layers

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/measure"
	"github.com/devops-trouble-map/dotm/test/charts"
)

// TestNetIsWhole checks of random graphs that links come in pairs, join
// neighbouring layers, and number the ports of a side from the top.
func TestNetIsWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.Draw(t)
		if len(g.Boxes) == 0 {
			return
		}
		n := netOf(t, g)
		for p := range n.box {
			checkLinks(t, n, int32(p), n.left, n.right, -1)
			checkLinks(t, n, int32(p), n.right, n.left, +1)
			if n.box[p] == noBox && (len(n.left[p]) != 1 || len(n.right[p]) != 1) {
				t.Fatalf("bend %d has %d links left, %d right", p, len(n.left[p]), len(n.right[p]))
			}
		}
	})
}

func checkLinks(t *rapid.T, n *net, p int32, side, back [][]link, step int32) {
	for i, k := range side[p] {
		if n.layer[k.to] != n.layer[p]+step {
			t.Fatalf("link from layer %d to %d", n.layer[p], n.layer[k.to])
		}
		twin := func(b link) bool {
			return b.to == p && b.y == k.toY && b.toY == k.y && b.slot == k.toSlot && b.toSlot == k.slot
		}
		if !slices.ContainsFunc(back[k.to], twin) {
			t.Fatalf("link %+v of point %d is not known at its other end: %+v", k, p, back[k.to])
		}
		if i == 0 {
			continue
		}
		last := side[p][i-1]
		if same := last.y == k.y; k.y < last.y || same != (last.slot == k.slot) || k.slot > last.slot+1 {
			t.Fatalf("ports %+v and %+v are not numbered from the top", last, k)
		}
	}
}

// TestStraightCrossingsAgreeWithMeasure judges a piece while it is ordered and
// when it is done: both must see the same crossings.
func TestStraightCrossingsAgreeWithMeasure(t *testing.T) {
	for name, edges := range map[string]string{
		"plane":   "a>b b>c a>d",
		"crossed": "a>x a>y a>z b>x b>y b>z c>x c>y c>z",
		"long":    "a>b b>c c>d a>d a>c b>d e>b e>d e>c",
	} {
		t.Run(name, func(t *testing.T) {
			g := charts.Edges(edges)
			o, _ := graph.Options{}.WithDefaults()
			n := netOf(t, g)
			got := n.straightCrossings(n.place(o))
			if want := measure.Of(g, drawn(t, g)).Crossings; got != want {
				t.Errorf("judged as %d crossings, measured %d", got, want)
			}
		})
	}
}

// TestLevelEdgesJoinNothing keeps an undirected edge within a layer out of the
// links, and still counts it when a small net is judged.
func TestLevelEdgesJoinNothing(t *testing.T) {
	n := netOf(t, charts.Edges("a>b a>c b-c"))
	for p, links := range n.right {
		if len(links) > 0 && n.layer[p] != 0 {
			t.Errorf("point %d of layer %d has links to the right", p, n.layer[p])
		}
	}
	if len(n.edges) != 3 {
		t.Errorf("net has %d edges, want 3", len(n.edges))
	}
}

// TestLongShortcuts cuts a chain with edges from its head to every box: quadratically
// many bends if they were not bounded.
func TestLongShortcuts(t *testing.T) {
	const length = 600
	var words strings.Builder
	for i := range length - 1 {
		fmt.Fprintf(&words, "%03d>%03d 000>%03d ", i, i+1, i+1)
	}
	g := charts.Edges(words.String())
	n := netOf(t, g)
	if most := bendsPerEdge*(len(g.Edges)+length) + length; len(n.box) > most {
		t.Errorf("net has %d points, want at most %d", len(n.box), most)
	}
	if q := measure.Of(g, drawn(t, g)); q.LeftToRight != 1 || q.Overlaps != 0 {
		t.Errorf("quality is %+v, want all edges left to right and no overlap", q)
	}
}
