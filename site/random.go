package site

import (
	"math"
	"slices"
)

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable
// pseudorandom number generators, 2014): near numbers become far ones.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash is a number for others, the same each time.
func hash(parts ...uint64) uint64 {
	h := uint64(0x51736974652d3031)
	for _, p := range parts {
		h = mix(h ^ p)
	}
	return h
}

// hashText is hash of a text.
func hashText(seed uint64, text string) uint64 {
	h := seed
	for i := range len(text) {
		h = mix(h ^ uint64(text[i]))
	}
	return mix(h)
}

// unit makes of a hash a number in [0, 1).
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// source is a sequence of numbers (SplitMix64), for decisions that are made once.
type source struct{ state uint64 }

func (r *source) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	return mix(r.state)
}

// below is a number in [0, n); 0 if n is not positive.
func (r *source) below(n int) int {
	if n <= 0 {
		return 0
	}
	return int(r.next() % uint64(n))
}

// between is a number in [low, high).
func (r *source) between(low, high float64) float64 { return low + (high-low)*unit(r.next()) }

// whole rounds x up or down by h, so that the mean of many is x.
func whole(x float64, h uint64) uint64 {
	if x <= 0 {
		return 0
	}
	n := math.Floor(x)
	if unit(h) < x-n {
		n++
	}
	return uint64(n)
}

// least inserts a value into a sorted list of at most limit, without doubles.
func least(list []uint64, v uint64, limit int) []uint64 {
	i, found := slices.BinarySearch(list, v)
	if found || i >= limit {
		return list
	}
	list = slices.Insert(list, i, v)
	return list[:min(len(list), limit)]
}
