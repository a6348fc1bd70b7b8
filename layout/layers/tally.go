package layers

import (
	"iter"
	"math/bits"
)

// tally is a number for each spot. The spots' lowest bits are one set, the next ones
// another, and so on, so that adding 1 at all spots of a set takes a few steps for each
// 64 of them. Numbers are modulo 2 to the number of sets: what goes below 0 on the way
// comes back.
type tally struct {
	bits  []uint64 // a set of words after the other
	words int      // of a set
}

// newTally is a tally of numbers up to most.
func newTally(words, most int) tally { return newTallies(1, words, most)[0] }

func newTallies(n, words, most int) []tally {
	size := max(1, bits.Len(uint(most))) * words
	all, out := make([]uint64, n*size), make([]tally, n)
	for i := range out {
		out[i] = tally{all[i*size:][:size:size], words}
	}
	return out
}

// more adds 1 at the spots of a word of a set.
func (t tally) more(word int, set uint64) {
	for i := word; set != 0 && i < len(t.bits); i += t.words {
		had := t.bits[i]
		t.bits[i] = had ^ set
		set &= had
	}
}

// less takes away 1 at the spots of a word of a set.
func (t tally) less(word int, set uint64) {
	for i := word; set != 0 && i < len(t.bits); i += t.words {
		had := t.bits[i]
		t.bits[i] = had ^ set
		set &^= had
	}
}

// plus adds another tally of as many words, and no more bits.
func (t tally) plus(o tally) {
	for word := range t.words {
		carry := uint64(0)
		i := word
		for ; i < len(o.bits); i += t.words {
			a, b := t.bits[i], o.bits[i]
			t.bits[i] = a ^ b ^ carry
			carry = a&b | carry&(a|b)
		}
		for ; carry != 0 && i < len(t.bits); i += t.words {
			had := t.bits[i]
			t.bits[i] = had ^ carry
			carry &= had
		}
	}
}

// at is the number of a spot.
func (t tally) at(spot int32) int32 {
	n, shift := uint64(0), uint(0)
	for i := int(spot) / 64; i < len(t.bits); i += t.words {
		n |= t.bits[i] >> (spot % 64) & 1 << shift
		shift++
	}
	return int32(n)
}

// below are the spots from first to end whose numbers are less than that, in their
// order. The tally must not change meanwhile.
func (t tally) below(than, first, end int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for word := first / 64; word*64 < end && than > 0; word++ {
			set := t.less64(int(word), uint64(than))
			if first > word*64 {
				set &= ^uint64(0) << (first % 64)
			}
			if left := end - word*64; left < 64 {
				set &= 1<<left - 1
			}
			for ; set != 0; set &= set - 1 {
				if !yield(word*64 + int32(bits.TrailingZeros64(set))) {
					return
				}
			}
		}
	}
}

// less64 is which spots of a word have less than that.
func (t tally) less64(word int, than uint64) uint64 {
	planes := len(t.bits) / t.words
	if bits.Len64(than) > planes {
		return ^uint64(0)
	}
	less, same := uint64(0), ^uint64(0)
	for k := planes - 1; k >= 0; k-- {
		set := t.bits[k*t.words+word]
		if than>>k&1 != 0 {
			less |= same &^ set
			same &= set
		} else {
			same &^= set
		}
	}
	return less
}
