package lane

import (
	"math"
	"slices"
	"testing"
)

func (d *drawing) graph() *graph {
	g := newGraph(d.n, d.edges)
	g.through = middle(d.n)
	return g
}

func TestMostTorn(t *testing.T) {
	for _, tt := range []struct {
		name   string
		draw   func(d *drawing)
		labels []int32
		a, b   int32
		ok     bool
	}{
		{"nothing between", func(d *drawing) { d.join(0, 1, 1); d.join(2, 3, 1) }, []int32{0, 0, 1, 1}, 0, 0, false},
		{"a fifth", func(d *drawing) { d.join(0, 1, 2); d.join(2, 3, 2); d.join(1, 2, 1) }, []int32{0, 0, 1, 1}, 0, 1, true},
		{"less", func(d *drawing) { d.join(0, 1, 2); d.join(2, 3, 2); d.join(1, 2, 0.9) }, []int32{0, 0, 1, 1}, 0, 0, false},
		{"a fifth of the smaller one", func(d *drawing) { d.join(0, 1, 9); d.join(2, 3, 2); d.join(1, 2, 1) }, []int32{0, 0, 1, 1}, 0, 1, true},
		{"the most of two", func(d *drawing) {
			d.join(0, 1, 2)
			d.join(2, 3, 2)
			d.join(4, 5, 2)
			d.join(1, 2, 1)
			d.join(3, 4, 1.2)
		}, []int32{0, 0, 1, 1, 2, 2}, 1, 2, true},
		{"more outside than within, a little with each", func(d *drawing) {
			d.join(0, 1, 1)
			for i := range 6 {
				d.join(2+2*i, 3+2*i, 9)
				d.join(0, 2+2*i, 0.4+0.01*float64(i))
			}
		}, []int32{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}, 0, 6, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d drawing
			tt.draw(&d)
			a, b, ok := d.graph().mostTorn(tt.labels)
			if a != tt.a || b != tt.b || ok != tt.ok {
				t.Errorf("torn are %d and %d: %v, want %d and %d: %v", a, b, ok, tt.a, tt.b, tt.ok)
			}
		})
	}
}

func TestBrokers(t *testing.T) {
	var d drawing
	for i := 1; i < 4; i++ {
		d.join(0, i, 1)
	}
	g := d.graph()
	for _, tt := range []struct {
		through bool
		labels  []int32
		want    bool
	}{
		{false, []int32{0, 0, 1, 2}, true},
		{true, []int32{0, 0, 1, 2}, false},  // it stands in the middle
		{false, []int32{0, 0, 0, 1}, false}, // most is in one
		{false, []int32{3, 0, 1, 2}, true},
	} {
		g.through[0] = tt.through
		if got := g.brokers(tt.labels); got[0] != tt.want || got[1] || got[2] || got[3] {
			t.Errorf("%v, through %v: brokers are %v, want the first: %v", tt.labels, tt.through, got, tt.want)
		}
	}
}

func TestAdopt(t *testing.T) {
	var d drawing
	d.join(0, 1, 1)
	d.join(1, 2, 3)
	d.join(2, 3, 1)
	d.join(4, 5, 1)
	d.n = 7
	if got := d.graph().adopt([]int32{0, 1, 2, 2, 4, 5, 6}); !slices.Equal(got, []int32{2, 2, 2, 2, 5, 5, 6}) {
		t.Errorf("got %v: who is alone goes where most is, who has nothing stays", got)
	}
}

// TestLevels: contracting keeps all weight, and modularity.
func TestLevels(t *testing.T) {
	var d drawing
	d.clique(0, 4)
	d.clique(4, 3)
	d.join(0, 4, 2)
	d.join(1, 1, 0.5) // a vertex that stands for many
	g := d.graph()
	labels := []int32{0, 0, 0, 0, 1, 1, 1}
	c := g.contract(labels, 2)
	if c.total != g.total || len(c.degree) != 2 || c.inner[0] != 6.5 || c.inner[1] != 3 {
		t.Errorf("contracted: total %f of %f, inner %v", c.total, g.total, c.inner)
	}
	if a, b := g.modularity(labels), c.modularity([]int32{0, 1}); math.Abs(a-b) > 1e-9 {
		t.Errorf("modularity is %f before and %f after", a, b)
	}
	sub := g.induced([]int32{1, 2, 4})
	if len(sub.degree) != 3 || sub.inner[0] != 0.5 || sub.total != 2+1 || len(sub.through) != 3 {
		t.Errorf("induced: %+v", sub)
	}
}

func TestSeed(t *testing.T) {
	for _, tt := range []struct{ seeds, want []int32 }{
		{nil, []int32{0, 1, 2, 3}},
		{[]int32{-1, -1, -1, -1}, []int32{0, 1, 2, 3}},
		{[]int32{9, 4, 9, -1}, []int32{0, 1, 0, 3}},
	} {
		if got := seed(4, tt.seeds); !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.seeds, got, tt.want)
		}
	}
	if got := renumber([]int32{5, -1, 5, 2, 5, 2}); !slices.Equal(got, []int32{0, -1, 0, 1, 0, 1}) {
		t.Errorf("renumbered: %v", got)
	}
}

func TestMerged(t *testing.T) {
	got := merged([]Edge{{1, 2, 1}, {0, 1, 2}, {1, 2, 3}, {0, 0, 1}})
	if want := []Edge{{0, 0, 1}, {0, 1, 2}, {1, 2, 4}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
