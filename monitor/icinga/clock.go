package icinga

import (
	"strconv"
	"strings"
	"time"
)

// layouts are the forms of date_format in icinga.cfg.
var layouts = map[string]string{
	"us":             "01-02-2006 15:04:05",
	"euro":           "02-01-2006 15:04:05",
	"iso8601":        "2006-01-02 15:04:05",
	"strict-iso8601": "2006-01-02T15:04:05",
}

// summer are abbreviations that no time zone is called by, with their hours.
var summer = map[string]float64{
	"CEST": 2, "BST": 1, "WEST": 1, "EEST": 3, "MSK": 3, "IST": 5.5, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
	"EDT": -4, "CST": -6, "CDT": -5, "MDT": -6, "PST": -8, "PDT": -7,
}

// clock understands times as text: local ones, without a zone.
type clock struct {
	layout string
	zone   *time.Location
	lost   int // could not be understood
}

// newClock makes one for the zone and the format that Icinga names. If it doesn't
// know the zone it compares the newest of the times with now.
func newClock(zone, format string, list []raw, now time.Time) *clock {
	c := &clock{layout: layouts[strings.ToLower(strings.TrimSpace(format))], zone: time.UTC}
	if hours, ok := summer[zone]; ok {
		c.zone = time.FixedZone(zone, int(hours*3600))
		return c
	}
	if loc, err := time.LoadLocation(zone); err == nil && zone != "" && zone != "Local" {
		c.zone = loc
		return c
	}
	var newest time.Time
	for _, r := range list {
		if t := c.time(r.lastCheck); t.After(newest) {
			newest = t
		}
	}
	c.lost = 0
	const step = 15 * time.Minute // zones differ by that
	if offset := newest.Sub(now).Round(step); !newest.IsZero() && offset.Abs() <= 14*time.Hour {
		c.zone = time.FixedZone("", int(offset.Seconds()))
	}
	return c
}

// time is the time that a text tells; zero for never, or if it can't be
// understood.
func (c *clock) time(s string) time.Time {
	s = strings.TrimSpace(s)
	if s == "" || strings.EqualFold(s, "N/A") || strings.EqualFold(s, "never") {
		return time.Time{}
	}
	layout := c.layout
	switch { // whatever it says the format is
	case len(s) > 10 && s[10] == 'T':
		layout = layouts["strict-iso8601"]
	case len(s) > 4 && s[4] == '-':
		layout = layouts["iso8601"]
	}
	t, err := time.ParseInLocation(layout, s, c.zone)
	if err != nil || layout == "" || t.Year() < 1971 {
		c.lost++
		return time.Time{}
	}
	return t.UTC()
}

// duration understands "0d  2h 11m 20s"; one with a "+" behind it lasts since
// Icinga was started, or longer: then it isn't known.
func duration(s string) (time.Duration, bool) {
	units := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second}
	var sum time.Duration
	words := strings.Fields(s)
	for _, w := range words {
		unit := units[w[len(w)-1]]
		n, err := strconv.ParseUint(w[:len(w)-1], 10, 16)
		if err != nil || unit == 0 {
			return 0, false
		}
		sum += time.Duration(n) * unit
	}
	return sum, len(words) > 0
}
