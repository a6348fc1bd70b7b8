package lane

import (
	"math"
	"slices"
	"testing"
)

func TestContract(t *testing.T) {
	links := []Link{{0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 4}, {3, 4}, {4, 4}, {0, 1}}
	for _, tt := range []struct {
		name    string
		pool    []int32
		vertex  []int32
		edges   []Edge
		through []bool
	}{
		{
			name: "no pools", pool: []int32{-1, -1, -1, -1, -1}, vertex: []int32{0, 1, 2, 3, 4},
			edges:   []Edge{{0, 1, 1}, {0, 2, 1}, {0, 3, 1}, {1, 2, 1}, {1, 3, 1}, {2, 4, 1}, {3, 4, 1}},
			through: []bool{false, true, true, true, false},
		},
		{
			name: "two pools", pool: []int32{7, 7, 3, 3, -1}, vertex: []int32{0, 0, 1, 1, 2},
			edges:   []Edge{{0, 1, math.Log2(5)}, {1, 2, math.Log2(3)}},
			through: []bool{false, true, false},
		},
		{name: "all one", pool: []int32{0, 0, 0, 0, 0}, vertex: []int32{0, 0, 0, 0, 0}, through: []bool{false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			vertex, edges, through := Contract(links, tt.pool)
			if !slices.Equal(vertex, tt.vertex) || !slices.Equal(through, tt.through) {
				t.Errorf("vertices are %v, through %v; want %v, %v", vertex, through, tt.vertex, tt.through)
			}
			if !slices.EqualFunc(edges, tt.edges, func(a, b Edge) bool { return a.A == b.A && a.B == b.B && math.Abs(a.Weight-b.Weight) < 1e-9 }) {
				t.Errorf("edges are %v, want %v", edges, tt.edges)
			}
		})
	}
}

// TestStrayWeighsLittle: a call of one of many to one of many weighs less than one
// between two.
func TestStrayWeighsLittle(t *testing.T) {
	pool := make([]int32, 20)
	for i := range pool {
		pool[i] = int32(i / 10)
	}
	_, edges, _ := Contract([]Link{{0, 10}}, pool)
	if len(edges) != 1 || math.Abs(edges[0].Weight-0.1) > 1e-9 {
		t.Errorf("edges are %v, want one of weight 0.1: one of ten at both ends", edges)
	}
	_, both, _ := Contract([]Link{{0, 10}, {10, 0}}, pool)
	if len(both) != 1 || both[0].Weight <= edges[0].Weight {
		t.Errorf("edges are %v, want one for both directions, of more weight", both)
	}
}
