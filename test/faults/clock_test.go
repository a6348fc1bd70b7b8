//go:build linux

package faults

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAgentClock: a clock that is wrong by an hour, or jumps by one, changes
// nothing of what happened when: the server's clock orders. One that is too far
// ahead is refused, with field, rule and value, and taken again when it is right.
func TestAgentClock(t *testing.T) {
	s := start(t, t.TempDir(), "")
	s.mustPut(t, host("web1", 1, 80))
	began := time.Now()
	back := host("web1", 2, 80, 81)
	back.Time = time.Now().Add(-time.Hour).UTC()
	s.mustPut(t, back)
	s.shows(t, "web1", 81)
	node := s.chart(t).Nodes[0]
	if node.State != "reporting" || node.LastReport.Before(began.Add(-time.Minute)) {
		t.Errorf("an hour behind: %+v", node)
	}
	skewed := false
	for _, f := range node.Findings {
		skewed = skewed || f.Kind == "clock-skew" || f.Code == "clock-skew"
	}
	if !skewed {
		t.Errorf("nobody says that the clock is wrong: %+v", node.Findings)
	}
	ahead := host("web1", 3, 80, 82)
	ahead.Time = time.Now().Add(time.Hour).UTC()
	status, answer, err := s.put(t.Context(), ahead)
	if err != nil || status != http.StatusUnprocessableEntity || !strings.Contains(string(answer), "time must be at most 10m0s ahead") {
		t.Errorf("an hour ahead: %d %v %s", status, err, answer)
	}
	s.mustPut(t, host("web1", 4, 80, 83))
	s.shows(t, "web1", 83)
	if s.chart(t).holds("web1", 82) {
		t.Error("a report that was refused is on the chart")
	}
	var events struct{ Events []struct{ At time.Time } }
	eventually(t, "what happened is written", func() error {
		if s.get(t, "/api/v1/events?from=-2h", &events); len(events.Events) < 4 {
			return fmt.Errorf("%d events", len(events.Events))
		}
		return nil
	})
	for i, e := range events.Events {
		if e.At.Before(began.Add(-time.Minute)) || e.At.After(time.Now().Add(time.Minute)) {
			t.Errorf("event %d is of %s", i, e.At)
		}
	}
}
