package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/api/stream"
	"github.com/devops-trouble-map/dotm/monitor"
)

// beside names what the page shows beside the chart.
func (h *handler) beside(ctx context.Context) (out stream.Told) {
	if h.Monitoring == nil || h.History == nil {
		return out // only a part of the API is served
	}
	if open, err := h.Monitoring.Checks(ctx, monitor.Filter{Open: true}); err == nil {
		open = slices.Clone(open)
		for i := range open { // that they were looked at again is no news
			open[i].LastCheck, open[i].LastOK = time.Time{}, time.Time{}
		}
		out.Alerts = stream.NameOf(open)
	}
	if list, err := h.Monitoring.Sources(ctx); err == nil {
		out.Sources, out.Read = namesOfSources(slices.Clone(list))
	}
	out.Store = h.nameOfStore(ctx)
	return out
}

// namesOfSources tells how they are from when they were read.
func namesOfSources(list []monitor.State) (how, read string) {
	type reading struct {
		Name   string
		At     time.Time
		Checks int
	}
	readings := make([]reading, len(list))
	for i := range list {
		readings[i] = reading{list[i].Name, list[i].LastRead, list[i].Checks}
		list[i].LastRead, list[i].Took = time.Time{}, 0
	}
	return stream.NameOf(list), stream.NameOf(readings)
}

// nameOfStore leaves out what grows while all is well.
func (h *handler) nameOfStore(ctx context.Context) string {
	e, failed := h.History.Extent(ctx)
	now := h.Now()
	gaps, err := h.History.Gaps(ctx, now.Add(-30*24*time.Hour), now, "")
	gaps = slices.Clone(gaps)
	for i := range gaps { // one that goes on is the same
		gaps[i].To = time.Time{}
	}
	var member any
	if h.Member != nil {
		member = h.Member()
	}
	problem := ""
	if err := errors.Join(failed, err, h.Model.Ready()); err != nil {
		problem = err.Error()
	}
	return stream.NameOf([]any{e.From, gaps, h.History.Losses(), member, problem})
}
