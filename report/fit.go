package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

const (
	// surelyFit is a number of rows that is below MaxBytes however long their
	// names are: a row with two names of MaxName bytes, each byte escaped as
	// \u0000, is below 4 KiB with all its numbers.
	surelyFit = 2000
	// noteRoom is kept free for the note that says what was left out.
	noteRoom = 512
)

// Fit makes a report small enough for [MaxBytes]: it leaves out the
// connections with the fewest sockets, counts them in Coverage.Truncated and
// says so in a note. It returns them, and false if that is not enough.
func Fit(r *Report) (left []Connection, fits bool) {
	if len(r.Listeners)+len(r.Connections) <= surelyFit {
		return nil, true
	}
	size := sizeOf(r)
	if size <= MaxBytes {
		return nil, true
	}
	slices.SortStableFunc(r.Connections, func(a, b Connection) int { return cmp.Compare(b.Count, a.Count) })
	all := r.Connections
	for size > MaxBytes-noteRoom && len(r.Connections) > 0 {
		// A little more than in proportion, for rows differ in length.
		keep := min(int(float64(len(r.Connections))*MaxBytes/float64(size)*0.95), len(r.Connections)-1)
		r.Connections = r.Connections[:keep]
		size = sizeOf(r)
	}
	left = all[len(r.Connections):]
	r.Coverage.Truncated += len(left)
	r.Notes = append(r.Notes, Note{Code: "truncated", Text: fmt.Sprintf(
		"%d connections with the fewest sockets were left out: the report would be larger than %d MiB.", len(left), MaxBytes>>20)})
	return left, size <= MaxBytes-noteRoom
}

// sizeOf is the length of a report as JSON.
func sizeOf(r *Report) int {
	raw, err := json.Marshal(r)
	if err != nil {
		return MaxBytes + 1
	}
	return len(raw)
}
