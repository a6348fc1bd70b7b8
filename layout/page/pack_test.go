package page

import (
	"slices"
	"testing"
)

func TestSky(t *testing.T) {
	p := &page{sky: []step{{}}}
	p.cover(0, 100, 50)
	p.cover(100, 150, 20)
	want := []step{{0, 50}, {100, 20}, {150, 0}}
	if !slices.Equal(p.sky, want) {
		t.Fatalf("sky is %v, want %v", p.sky, want)
	}
	for _, c := range []struct {
		from  int
		right float64
		want  float64
	}{{0, 90, 50}, {1, 150, 20}, {1, 300, 20}, {2, 300, 0}} {
		if got := p.floor(c.from, c.right); got != c.want {
			t.Errorf("floor from step %d to %g is %g, want %g", c.from, c.right, got, c.want)
		}
	}
	p.cover(0, 120, 70)
	if want := []step{{0, 70}, {120, 20}, {150, 0}}; !slices.Equal(p.sky, want) {
		t.Errorf("sky is %v, want %v", p.sky, want)
	}
}
