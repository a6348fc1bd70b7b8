//go:build linux

package stage

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed"
	"github.com/devops-trouble-map/dotm/test/bed/chart"
)

// Chart asks for everything.
func (s *Server) Chart(ctx context.Context) (*chart.Chart, error) {
	c := &chart.Chart{Server: s.On.Name}
	return c, s.Get(ctx, "/topology?hide=none", c)
}

// ChartWhen is the first chart that f takes.
func (s *Server) ChartWhen(t testing.TB, what string, f func(*chart.Chart) error) (c *chart.Chart) {
	t.Helper()
	Eventually(t, what, func() (err error) {
		if c, err = s.Chart(t.Context()); err != nil {
			return err
		}
		return f(c)
	})
	return c
}

// steady is how many reports of each host a chart must stay right for.
const steady = 3

// Shows waits until the chart is as expected, and checks that it stays so while
// each of the hosts reports some more. It returns the last chart. One that is
// wrong is explained, and drawn where pictures are wanted.
func (s *Server) Shows(t testing.TB, want chart.Expectation, hosts ...string) (c *chart.Chart) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	err := bed.Until(ctx, func() (err error) {
		if c, err = s.Chart(t.Context()); err != nil { // not ctx: the last thing to be said is what differs
			return err
		}
		return c.Differ(want)
	})
	if err != nil {
		t.Fatalf("the chart: not within %s: %v%s", Patience, err, s.comment(t, c, want))
	}
	return s.Stays(t, want, steady, hosts...)
}

// Stays checks that the chart is as expected all the time in which each of the
// hosts reports so often, and returns the last one.
func (s *Server) Stays(t testing.TB, want chart.Expectation, reports int, hosts ...string) (c *chart.Chart) {
	t.Helper()
	seen, last := map[string]int{}, map[string]time.Time{}
	Eventually(t, "more reports", func() (err error) {
		if c, err = s.Chart(t.Context()); err != nil {
			return err
		}
		if err := c.Differ(want); err != nil {
			t.Fatalf("the chart was right, and is no more: %v%s", err, s.comment(t, c, want))
		}
		for _, h := range hosts {
			if n := c.Node(h); last[h].IsZero() {
				last[h] = n.LastReport
			} else if n.LastReport.After(last[h]) {
				last[h], seen[h] = n.LastReport, seen[h]+1
			}
			if seen[h] < reports {
				return fmt.Errorf("%s has reported %d times", h, seen[h])
			}
		}
		return nil
	})
	return c
}

// comment is what dotm says about each edge that is not as expected, and where
// there is a picture of it.
func (s *Server) comment(t testing.TB, c *chart.Chart, want chart.Expectation) string {
	return s.explainAll(t.Context(), c, want) + s.picture(t)
}

// explainAll is what dotm says about each edge that is not as expected.
func (s *Server) explainAll(ctx context.Context, c *chart.Chart, want chart.Expectation) string {
	var text strings.Builder
	for _, d := range want.Differences(c) {
		if d.Edge != nil {
			why := s.explain(ctx, d.Edge.Client, fmt.Sprintf("%s:%d", d.Edge.Server, d.Edge.Port))
			fmt.Fprintf(&text, "\n%s\n      %s", d.Edge, why)
		}
	}
	return text.String()
}
