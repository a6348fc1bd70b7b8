package history

import (
	"errors"
	"slices"
	"time"
)

// Errors about a moment that was asked for.
var (
	ErrFuture = errors.New("that moment is still to come")
	ErrBefore = errors.New("nothing is known of that moment")
)

// Gap is a time in which nothing was seen: of one node, or, with an empty name,
// of all, because no server ran.
type Gap struct {
	Node string    `json:"node,omitempty"`
	From time.Time `json:"from"`
	// To is zero while it lasts.
	To time.Time `json:"to,omitzero"`
	// Why is a sentence.
	Why string `json:"why"`
}

// Usage is who used a service within some time, and how much of that time was
// seen.
type Usage struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	Uses  []Use     `json:"uses"`
	// Covered is the share of the time in which the service's node, or one of
	// its callers, was seen: 0 to 1.
	Covered float64 `json:"covered" minimum:"0" maximum:"1"`
	// Days are the days (UTC) of which anything was seen.
	Days int `json:"days" doc:"days of which anything was seen"`
	// Gaps are the times in which nothing of it was seen.
	Gaps []Gap `json:"gaps"`
}

// Cover adds up what was seen, from the gaps.
func (u *Usage) Cover() {
	blind := blindness(u.Gaps, u.Since, u.Until)
	if span := u.Until.Sub(u.Since); span > 0 {
		u.Covered = 1 - float64(blind.total)/float64(span)
		u.Days = blind.seenDays
	}
}

// unseen is how much of a time was not seen.
type unseen struct {
	total    time.Duration
	seenDays int
}

// blindness adds gaps up, which may overlap, and counts the days that are not
// wholly in one.
func blindness(gaps []Gap, from, to time.Time) (u unseen) {
	type span struct{ from, to time.Time }
	var spans []span
	for _, g := range gaps {
		s := span{g.From, g.To}
		if s.to.IsZero() || s.to.After(to) {
			s.to = to
		}
		if s.from.Before(from) {
			s.from = from
		}
		if s.from.Before(s.to) {
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	merged := spans[:0]
	for _, s := range spans {
		if n := len(merged); n > 0 && !s.from.After(merged[n-1].to) {
			if s.to.After(merged[n-1].to) {
				merged[n-1].to = s.to
			}
			continue
		}
		merged = append(merged, s)
	}
	for _, s := range merged {
		u.total += s.to.Sub(s.from)
	}
	for day := from.UTC().Truncate(24 * time.Hour); day.Before(to); day = day.Add(24 * time.Hour) {
		start, end := maxTime(day, from), minTime(day.Add(24*time.Hour), to)
		if !slices.ContainsFunc(merged, func(s span) bool { return !s.from.After(start) && !s.to.Before(end) }) {
			u.seenDays++
		}
	}
	return u
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
