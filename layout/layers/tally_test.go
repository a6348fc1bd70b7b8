package layers

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTally compares a tally with plain numbers.
func TestTally(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.IntRange(1, 5).Draw(t, "words")
		most := rapid.IntRange(1, 300).Draw(t, "most")
		sum, other := newTally(words, 3*most), newTally(words, most)
		want, plain := make([]int32, 64*words), make([]int32, 64*words)
		for range most {
			word, set := rapid.IntRange(0, words-1).Draw(t, "word"), rapid.Uint64().Draw(t, "set")
			other.more(word, set)
			for i := range 64 {
				plain[word*64+i] += int32(set >> i & 1)
			}
		}
		sum.plus(other)
		sum.plus(other)
		for i := range want {
			want[i] = 2 * plain[i]
		}
		word := rapid.IntRange(0, words-1).Draw(t, "word")
		sum.less(word, ^uint64(0)) // below 0 and back
		sum.more(word, ^uint64(0))
		for i := range want {
			if got := sum.at(int32(i)); got != want[i] {
				t.Fatalf("at %d it is %d, want %d", i, got, want[i])
			}
		}
		first := rapid.Int32Range(0, int32(len(want))).Draw(t, "first")
		end := rapid.Int32Range(first, int32(len(want))).Draw(t, "end")
		than := rapid.Int32Range(-1, int32(4*most)).Draw(t, "than")
		var few []int32
		for i := first; i < end; i++ {
			if want[i] < than {
				few = append(few, i)
			}
		}
		if got := slices.Collect(sum.below(than, first, end)); !slices.Equal(got, few) {
			t.Fatalf("below %d from %d to %d are %v, want %v", than, first, end, got, few)
		}
	})
}
