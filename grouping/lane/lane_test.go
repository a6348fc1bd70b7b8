package lane

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// graphs are drawn as lists of "a-b" with weight 1.
type drawing struct {
	n     int
	edges []Edge
}

func (d *drawing) join(a, b int, weight float64) {
	d.n = max(d.n, a+1, b+1)
	d.edges = append(d.edges, Edge{int32(min(a, b)), int32(max(a, b)), weight})
}

// clique joins all of some vertices.
func (d *drawing) clique(from, size int) {
	for a := range size {
		for b := range a {
			d.join(from+a, from+b, 1)
		}
	}
}

func middle(n int) []bool { // every vertex calls and is called
	out := make([]bool, n)
	for i := range out {
		out[i] = true
	}
	return out
}

func communities(labels []int32) int {
	return len(membersOf(slices.DeleteFunc(slices.Clone(labels), func(l int32) bool { return l < 0 })))
}

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		name string
		draw func(d *drawing)
		want []int32
	}{
		{"nothing", func(*drawing) {}, []int32{}},
		{"a vertex without edges", func(d *drawing) { d.n = 2 }, []int32{-1, -1}},
		{"two joined", func(d *drawing) { d.join(0, 1, 1) }, []int32{0, 0}},
		{"two cliques and a bridge", func(d *drawing) {
			d.clique(0, 4)
			d.clique(4, 4)
			d.join(0, 4, 1)
		}, []int32{0, 0, 0, 0, 1, 1, 1, 1}},
		{"two cliques that exchange much", func(d *drawing) {
			d.clique(0, 4)
			d.clique(4, 4)
			for i := range 4 {
				d.join(i, 4+i, 1)
			}
		}, []int32{0, 0, 0, 0, 0, 0, 0, 0}},
		{"a chain is one", func(d *drawing) {
			for i := range 5 {
				d.join(i, i+1, 1)
			}
		}, []int32{0, 0, 0, 0, 0, 0}},
		{"a leftover goes where it exchanges most", func(d *drawing) {
			d.clique(0, 4)
			d.clique(4, 4)
			d.join(8, 0, 1)
			d.join(8, 4, 1.5)
		}, []int32{0, 0, 0, 0, 1, 1, 1, 1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d drawing
			tt.draw(&d)
			if got := Find(middle(d.n), d.edges, nil); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestBroker: what stands at the end of many pieces does not make them one, as a
// load balancer of all products doesn't; in the middle of one piece it does.
func TestBroker(t *testing.T) {
	var d drawing
	for i := range 6 {
		d.join(0, 1+2*i, 1)
		d.join(1+2*i, 2+2*i, 1)
	}
	through := middle(d.n)
	through[0] = false
	if got := communities(Find(through, d.edges, nil)); got != 6 {
		t.Errorf("a broker at the end leaves %d pieces, want 6", got)
	}
	if got := communities(Find(middle(d.n), d.edges, nil)); got != 1 {
		t.Errorf("a vertex in the middle leaves %d pieces, want 1", got)
	}
}

// TestManySmall: hundreds of small pieces stay apart, which modularity alone
// merges.
func TestManySmall(t *testing.T) {
	var d drawing
	const pieces, size = 300, 4
	for i := range pieces {
		d.clique(i*size, size)
		d.join(i*size, (i+1)%pieces*size+1, 1)
	}
	labels := Find(middle(d.n), d.edges, nil)
	if got := communities(labels); got != pieces {
		t.Errorf("%d pieces, want %d", got, pieces)
	}
	g := newGraph(d.n, d.edges)
	if got := communities(g.louvain(nil)); got > pieces/2 {
		t.Errorf("modularity alone finds %d pieces: this test tells nothing any more", got)
	}
}

// TestRandomIsOne: where there is nothing to find, nothing is found, in 99 cases of
// 100.
func TestRandomIsOne(t *testing.T) {
	torn := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var d drawing
		for a := range 24 { // 24 clients, each of 4 of 10 servers
			for _, b := range r.Perm(10)[:4] {
				d.join(a, 24+b, 1)
			}
		}
		if communities(Find(middle(d.n), d.edges, nil)) != 1 {
			torn++
		}
	}
	if torn > 2 {
		t.Errorf("%d of 200 are torn, want 2 at most", torn)
	}
}

func TestModularity(t *testing.T) {
	var d drawing
	d.clique(0, 3)
	d.clique(3, 3)
	d.join(0, 3, 1)
	for _, tt := range []struct {
		labels []int32
		want   float64
	}{
		{[]int32{0, 0, 0, 1, 1, 1}, 6.0/7 - 0.5},
		{[]int32{0, 0, 0, 0, 0, 0}, 0},
		{[]int32{-1, -1, -1, -1, -1, -1}, -(2*9 + 4*4) / 196.0},
	} {
		if got := Modularity(d.n, d.edges, tt.labels); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%v: %f, want %f", tt.labels, got, tt.want)
		}
	}
	if got := Modularity(2, nil, []int32{0, 1}); got != 0 {
		t.Errorf("without edges: %f, want 0", got)
	}
}

// TestWarm: a tie stays as it was decided before; what is clearly better doesn't.
func TestWarm(t *testing.T) {
	var d drawing
	d.clique(0, 4)
	d.clique(4, 4)
	d.join(8, 0, 1)
	d.join(8, 4, 1)
	for _, before := range [][]int32{{7, 7, 7, 7, 3, 3, 3, 3, 7}, {7, 7, 7, 7, 3, 3, 3, 3, 3}} {
		got := Find(middle(d.n), d.edges, before)
		if got[8] != got[4*(1-int(before[8])/7)] || got[0] == got[4] {
			t.Errorf("from %v: %v", before, got)
		}
	}
	if got := Find(middle(d.n), d.edges, []int32{0, 1, 0, 1, 0, 1, 0, 1, -1}); got[0] != got[1] || got[0] == got[4] {
		t.Errorf("from nonsense: %v", got)
	}
}

func anyGraph(t *rapid.T) *drawing {
	d := &drawing{n: rapid.IntRange(1, 20).Draw(t, "vertices")}
	seen := map[string]bool{}
	for range rapid.IntRange(0, 40).Draw(t, "edges") {
		a, b := rapid.IntRange(0, d.n-1).Draw(t, "a"), rapid.IntRange(0, d.n-1).Draw(t, "b")
		if k := fmt.Sprint(min(a, b), max(a, b)); a != b && !seen[k] {
			seen[k] = true
			d.join(a, b, rapid.Float64Range(0.01, 10).Draw(t, "weight"))
		}
	}
	return d
}

// TestAlways: whatever the graph, communities are connected pieces' parts, numbers
// count up, and warmth changes nothing of that.
func TestAlways(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := anyGraph(rt)
		through := rapid.SliceOfN(rapid.Bool(), d.n, d.n).Draw(rt, "through")
		var before []int32
		if rapid.Bool().Draw(rt, "warm") {
			before = rapid.SliceOfN(rapid.Int32Range(-1, 4), d.n, d.n).Draw(rt, "before")
		}
		got := Find(through, slices.Clone(d.edges), before)
		if again := Find(through, slices.Clone(d.edges), before); !slices.Equal(got, again) {
			rt.Fatalf("twice: %v and %v", got, again)
		}
		degree, next := make([]int, d.n), int32(0)
		for _, e := range d.edges {
			degree[e.A]++
			degree[e.B]++
		}
		for v, l := range got {
			if (l < 0) != (degree[v] == 0) || l > next {
				rt.Fatalf("vertex %d of %d edges has %d, in %v", v, degree[v], l, got)
			}
			if l == next {
				next++
			}
		}
		for l, list := range membersOf(got) { // nobody is with others for nothing
			for _, v := range list {
				if len(list) > 1 && degree[v] > 0 && !slices.ContainsFunc(d.edges, func(e Edge) bool {
					return (e.A == v || e.B == v) && got[e.A] == got[e.B]
				}) {
					rt.Fatalf("vertex %d exchanges with nobody of its community %d: %v", v, l, got)
				}
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var d drawing
	seen := map[[2]int]bool{}
	for range 20_000 {
		x, y := r.IntN(3000), r.IntN(3000)
		if r.IntN(10) > 0 {
			y = x/12*12 + y%12
		}
		if k := [2]int{min(x, y), max(x, y)}; x != y && !seen[k] {
			seen[k] = true
			d.join(x, y, 1)
		}
	}
	through := middle(d.n)
	b.ReportAllocs()
	for range b.N {
		Find(through, d.edges, nil)
	}
}
