// Package still is a model of a site that shows what it is given, for tests of charts that
// bring a clock of their own.
package still

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/server"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// Model is a site that stands still until somebody shows another.
type Model struct {
	// Book keeps its charts.
	Book
	// Cast is what its nodes are to each other.
	Cast atomic.Pointer[grouping.Roles]
	// Set are the settings in force, Asked how often they were read: once for each view
	// that is built.
	Set   store.Settings
	Asked atomic.Int64
	// Err is what is wrong.
	Err error

	snap atomic.Pointer[topology.Snapshot]
	wake atomic.Pointer[chan struct{}]
}

// New shows a snapshot.
func New(s *topology.Snapshot) *Model {
	m := &Model{Set: store.Defaults(), Book: Book{Charts: map[view.Level]view.Chart{}}}
	m.Cast.Store(&grouping.Roles{})
	m.wake.Store(new(make(chan struct{})))
	m.snap.Store(s)
	return m
}

// Show shows another one.
func (m *Model) Show(s *topology.Snapshot) {
	m.snap.Store(s)
	close(*m.wake.Swap(new(make(chan struct{}))))
}

// Snapshot is what is shown.
func (m *Model) Snapshot() *topology.Snapshot { return m.snap.Load() }

// Changed is closed when another one is shown.
func (m *Model) Changed() <-chan struct{} { return *m.wake.Load() }

// Ready says what is wrong.
func (m *Model) Ready() error { return m.Err }

// Settings are those in force.
func (m *Model) Settings() (store.Settings, []string) {
	m.Asked.Add(1)
	return m.Set, nil
}

// ChangeSettings can't be kept.
func (m *Model) ChangeSettings(context.Context, store.Patch) error { return errors.New("disk full") }

// Put takes nothing: it has stopped.
func (m *Model) Put(context.Context, *report.Report) error { return server.ErrStopped }

// Roles are those of Cast.
func (m *Model) Roles() *grouping.Roles { return m.Cast.Load() }

// RoleChoices are none.
func (m *Model) RoleChoices() grouping.Choices { return grouping.Choices{} }

// ChooseRoles takes none.
func (m *Model) ChooseRoles(context.Context, func(*grouping.Choices) error) error {
	return errors.ErrUnsupported
}

// Book keeps charts in memory.
type Book struct {
	Charts map[view.Level]view.Chart
	Pinned map[string]view.Point
	Epoch  uint64
}

// Chart is where the boxes of a level stand.
func (b *Book) Chart(level view.Level) view.Chart { return b.Charts[level] }

// Pins are those of all levels.
func (b *Book) Pins(view.Level) map[string]view.Point { return b.Pinned }

// ChartEpoch is that of all levels.
func (b *Book) ChartEpoch(view.Level) uint64 { return b.Epoch }

// KeepChart notes where they stand.
func (b *Book) KeepChart(level view.Level, c view.Chart) { b.Charts[level] = c }

// ChartOutgrown is false.
func (b *Book) ChartOutgrown(view.Level, []view.Box, []view.Place) bool { return false }

// MoveBoxes takes none.
func (b *Book) MoveBoxes(context.Context, view.Level, map[string]*view.Point) error {
	return errors.ErrUnsupported
}

// TidyChart has all placed anew.
func (b *Book) TidyChart(context.Context, view.Level) error {
	clear(b.Charts)
	b.Epoch++
	return nil
}
