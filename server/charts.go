package server

import (
	"context"

	"github.com/devops-trouble-map/dotm/server/charts"
	"github.com/devops-trouble-map/dotm/view"
)

var _ charts.Site = followed{}

// Chart is where the boxes of a level stand, and stood last. It must not be written.
func (s *Server) Chart(level view.Level) view.Chart { return s.charts.Chart(level) }

// KeepChart notes where the boxes of a level stand now.
func (s *Server) KeepChart(level view.Level, c view.Chart) { s.charts.Keep(level, c) }

// Pins are the boxes of a level that people moved. It must not be written.
func (s *Server) Pins(level view.Level) map[string]view.Point { return s.charts.Pins(level) }

// ChartEpoch changes when the boxes of a level are to be placed anew though the same
// ones are there.
func (s *Server) ChartEpoch(level view.Level) uint64 { return s.charts.Epoch(level) }

// ChartOutgrown says whether the places of a level are to be forgotten because the
// chart grew from little; see [charts.Book.Outgrown].
func (s *Server) ChartOutgrown(level view.Level, boxes []view.Box, before []view.Place) bool {
	return s.charts.Outgrown(level, boxes, before)
}

// MoveBoxes puts boxes where they shall stand, for everybody; nil lets one go. A
// [*charts.PinError] says what is wrong with it.
func (s *Server) MoveBoxes(ctx context.Context, level view.Level, pins map[string]*view.Point) error {
	if err := s.charts.Pin(ctx, level, pins); err != nil {
		return err
	}
	return s.redraw(ctx)
}

// TidyChart has the boxes of a level placed anew but those that people moved.
func (s *Server) TidyChart(ctx context.Context, level view.Level) error {
	if err := s.charts.Tidy(ctx, level); err != nil {
		return err
	}
	return s.redraw(ctx)
}

// redraw makes a revision in which the charts are placed anew.
func (s *Server) redraw(ctx context.Context) error {
	_, err := s.handOver(ctx, askTouch, noData, func() error {
		s.Touch()
		return nil
	})
	return err
}
