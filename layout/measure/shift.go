package measure

import (
	"math"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// Shift is how far the boxes that both charts have moved, on average, in percent of
// the diagonal of the chart before.
func Shift(before, after *graph.Chart) float64 {
	was := make(map[string]graph.Point, len(before.Placements))
	for _, p := range before.Placements {
		was[p.ID] = graph.Point{X: p.X, Y: p.Y}
	}
	sum, n := 0.0, 0
	for _, p := range after.Placements {
		if w, found := was[p.ID]; found {
			sum += math.Hypot(p.X-w.X, p.Y-w.Y)
			n++
		}
	}
	if sum == 0 {
		return 0
	}
	return 100 * sum / float64(n) / math.Hypot(before.Width, before.Height)
}
