package history

import (
	"math"
	"testing"
	"time"
)

func TestCover(t *testing.T) {
	day := 24 * time.Hour
	midnight := noon.Truncate(day)
	gap := func(from, to time.Duration) Gap { return Gap{From: midnight.Add(from), To: midnight.Add(to)} }
	for _, tt := range []struct {
		name    string
		gaps    []Gap
		covered float64
		days    int
	}{
		{"all was seen", nil, 1, 4},
		{"half a day was not", []Gap{gap(0, day/2)}, 7. / 8, 4},
		{"a whole day", []Gap{gap(day, 2*day)}, 3. / 4, 3},
		{"two halves of a day", []Gap{gap(0, day/2), gap(day/2, day)}, 3. / 4, 3},
		{"gaps that overlap count once", []Gap{gap(day/2, 2*day), gap(0, day), gap(day/4, day/2)}, 1. / 2, 2},
		{"one within another", []Gap{gap(0, 2*day), gap(day/2, day)}, 1. / 2, 2},
		{"one that lasts", []Gap{{From: midnight.Add(3 * day)}}, 3. / 4, 3},
		{"one that began before and ends after", []Gap{gap(-day, 5*day)}, 0, 0},
		{"gaps outside", []Gap{gap(-2*day, 0), gap(4*day, 5*day)}, 1, 4},
		{"nothing but a minute", []Gap{gap(0, 4*day-time.Minute)}, 1. / (4 * 24 * 60), 1},
	} {
		u := Usage{Since: midnight, Until: midnight.Add(4 * day), Gaps: tt.gaps}
		u.Cover()
		if math.Abs(u.Covered-tt.covered) > 1e-9 || u.Days != tt.days {
			t.Errorf("%s: %v of %d days, want %v of %d", tt.name, u.Covered, u.Days, tt.covered, tt.days)
		}
	}
}

// TestCoverParts: days that are asked for in part count if any of that was seen.
func TestCoverParts(t *testing.T) {
	u := Usage{Since: noon, Until: noon.Add(24 * time.Hour), Gaps: []Gap{{From: noon.Add(-time.Hour), To: noon.Add(12 * time.Hour)}}}
	u.Cover()
	if u.Covered != 0.5 || u.Days != 1 {
		t.Errorf("%v of %d days", u.Covered, u.Days)
	}
	empty := Usage{Since: noon, Until: noon}
	empty.Cover()
	if empty.Covered != 0 || empty.Days != 0 {
		t.Errorf("of no time: %v of %d days", empty.Covered, empty.Days)
	}
}
