package layers

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/rank"
	"github.com/devops-trouble-map/dotm/test/charts"
)

// netOf cuts the whole graph into layers, whether connected or not.
func netOf(t failer, g *graph.Graph) *net {
	t.Helper()
	in, _, err := graph.Read(g)
	if err != nil {
		t.Fatal(err)
	}
	var all graph.Part
	for i := range in.Boxes {
		all.Boxes = append(all.Boxes, int32(i))
	}
	for _, e := range in.Calls {
		if e.From != e.To {
			all.Calls = append(all.Calls, e)
		}
	}
	return newNet(in, all, rank.Of(in))
}

// crossingsByPair counts crossings the slow way: every pair of links between
// the same layers, by the places of their boxes and then of their ports.
func crossingsByPair(n *net) int {
	type ends struct{ from, fromSlot, to, toSlot int32 }
	sum := 0
	for _, layer := range n.layers {
		var all []ends
		for _, p := range layer {
			for _, k := range n.right[p] {
				all = append(all, ends{n.pos[p], k.slot, n.pos[k.to], k.toSlot})
			}
		}
		for i, a := range all {
			for _, b := range all[i+1:] {
				from := sign(a.from, b.from, a.fromSlot, b.fromSlot)
				if to := sign(a.to, b.to, a.toSlot, b.toSlot); from*to < 0 {
					sum++
				}
			}
		}
	}
	return sum
}

// sign compares places, then slots.
func sign(a, b, aSlot, bSlot int32) int {
	if a == b {
		a, b = aSlot, bSlot
	}
	return int(min(max(a-b, -1), 1))
}

func TestCrossingsAreCountedExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.Draw(t)
		if len(g.Boxes) == 0 {
			return
		}
		n := netOf(t, g)
		if got, want := newSifter(n).crossings(), crossingsByPair(n); got != want {
			t.Fatalf("crossings are %d, counted in pairs %d", got, want)
		}
	})
}

// TestSiftSavesWhatItSays compares the gain of each sift with the count before
// and after.
func TestSiftSavesWhatItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.Draw(t)
		if len(g.Boxes) == 0 {
			return
		}
		n := netOf(t, g)
		s := newSifter(n)
		s.work = 1 << 30
		for l := range n.layers {
			before := s.crossings()
			gain := s.sift(l, 1)
			if after := s.crossings(); gain < 0 || before-gain != after {
				t.Fatalf("sift of layer %d says it saves %d: from %d to %d", l, gain, before, after)
			}
		}
	})
}

// TestOrderKeepsPoints makes sure that ordering only ever permutes a layer.
func TestOrderKeepsPoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.Draw(t)
		if len(g.Boxes) == 0 {
			return
		}
		n := netOf(t, g)
		before := n.copyLayers()
		n.order(newSifter(n).crossings)
		for l := range before {
			slices.Sort(before[l])
			after := slices.Sorted(slices.Values(n.layers[l]))
			if !slices.Equal(before[l], after) {
				t.Fatalf("layer %d held %v, holds %v", l, before[l], after)
			}
			for i, p := range n.layers[l] {
				if n.pos[p] != int32(i) {
					t.Fatalf("point %d is at %d of its layer, pos says %d", p, i, n.pos[p])
				}
			}
		}
	})
}

func TestOrderFindsPlaneOrders(t *testing.T) {
	for _, c := range []struct{ name, edges string }{
		{"tree", "r>a r>b r>c a>a1 a>a2 b>b1 b>b2 c>c1 c>c2"},
		{"two pairs crossed by name", "a>y b>x"},
		{"ladder", "a>b c>d b>e d>f a>d"},
		{"long edge around", "a>b b>c c>d a>d"},
		{"fan in", "a>z b>z c>z z>q q>r q>s"},
		{"two fans", "a>p a>q b>r b>s a>z b>z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := netOf(t, charts.Edges(c.edges))
			n.order(newSifter(n).crossings)
			if got := newSifter(n).crossings(); got != 0 {
				t.Errorf("%d crossings in a graph that can do without: %v", got, n.layers)
			}
		})
	}
}

func TestSweepsNeverMakeItWorse(t *testing.T) {
	for seed := range uint64(10) {
		n := netOf(t, charts.Hosts(seed, 60, 200))
		n.seedDeep(0)
		s := newSifter(n)
		before := s.crossings()
		n.sweeps(s)
		swept := s.crossings()
		s.settle()
		if sifted := s.crossings(); swept > before || sifted > swept {
			t.Errorf("seed %d: %d crossings, %d after sweeps, %d after sifting", seed, before, swept, sifted)
		}
	}
}

func TestExcess(t *testing.T) {
	for _, c := range []struct {
		a, b []int32
		want int
	}{
		{nil, []int32{1}, 0},
		{[]int32{1}, []int32{2}, -1},
		{[]int32{2}, []int32{1}, 1},
		{[]int32{1}, []int32{1}, 0},
		{[]int32{1, 5}, []int32{3}, 0},
		{[]int32{4, 5}, []int32{3, 6}, 0},
		{[]int32{3, 9}, []int32{1, 3, 4}, 3},
		{[]int32{7, 8, 9}, []int32{1, 2}, 6},
	} {
		if got := excess(c.a, c.b); got != c.want {
			t.Errorf("excess(%v, %v) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestBendsPassEveryLayer(t *testing.T) {
	n := netOf(t, charts.Edges("a>b b>c c>d a>d d>a"))
	for p, links := range n.right {
		for _, k := range links {
			if n.layer[k.to] != n.layer[p]+1 {
				t.Errorf("link from layer %d to %d", n.layer[p], n.layer[k.to])
			}
		}
	}
	bends := 0
	for _, b := range n.box {
		if b == noBox {
			bends++
		}
	}
	if bends != 4 {
		t.Errorf("%d bends, want 2 for each of the two long edges", bends)
	}
}

// failer is what helpers need of a test, be it of testing or of rapid.
type failer interface {
	Helper()
	Fatal(args ...any)
}
