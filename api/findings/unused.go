package findings

import (
	"context"
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// unusedAfter is how long nobody must have been seen using a service before that is
// a finding.
const unusedAfter = 30 * 24 * time.Hour

// unused are the services that listen and that nobody was seen using for long. It
// never says that nobody does: what could not be seen is told, and what is seldom
// used may be missed.
func (h *routes) unused(ctx context.Context, snap *topology.Snapshot, now time.Time) (out []NodeFinding) {
	unwatched := h.Views.Unwatched()
	for b := range snap.Blocks() {
		var gaps []store.Gap
		asked := false
		for i := range b.Services {
			s := &b.Services[i]
			last := s.FirstSeen
			if s.LastConnection.After(last) {
				last = s.LastConnection
			}
			if s.State != topology.Listening || s.Own || s.Clients > 0 || now.Sub(last) < unusedAfter || unwatched(s) {
				continue
			}
			if !asked {
				asked = true
				var err error
				if gaps, err = h.Gaps.Gaps(ctx, last, now, b.Node.Name); err != nil {
					return out
				}
			}
			days := int(now.Sub(last) / (24 * time.Hour))
			out = append(out, NodeFinding{
				Code: "no-use-seen", Node: b.Node.Name, Service: s.ID, Since: last,
				Text: fmt.Sprintf("no use of %s was seen in %d days (%d %% of them covered)", s.ID, days, covered(gaps, last, now)),
				Hint: "standby, yearly and short connections may be missed: ask before it is switched off",
			})
		}
	}
	return out
}

// covered is how much of a time was seen, in percent, rounded down.
func covered(gaps []store.Gap, from, to time.Time) int {
	var blind time.Duration
	end := from
	for _, g := range gaps { // in the order of their starts
		begin, until := g.From, g.To
		if until.IsZero() || until.After(to) {
			until = to
		}
		if begin.Before(end) {
			begin = end
		}
		if until.After(begin) {
			blind += until.Sub(begin)
			end = until
		}
	}
	return int(100 * (1 - float64(blind)/float64(to.Sub(from))))
}
