package view

import (
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Live is a view of the newest snapshot. It is for one goroutine at a time.
type Live struct {
	question Question
	drawing  drawing
	snap     *topology.Snapshot
	settings *Settings
	at       time.Time
	view     *Topology
	behind   bool // times of snap are not in view yet
}

// NewLive makes a view that shows nothing yet.
func NewLive(q Question, placer Placer) *Live {
	return &Live{question: q, drawing: drawing{placer: placer}}
}

// Snapshot is the one that the view shows; nil before the first.
func (l *Live) Snapshot() *topology.Snapshot { return l.snap }

// Revision names the state of the view: that of the snapshot in which it changed
// last.
func (l *Live) Revision() string { return l.view.Revision }

// Advance shows a newer snapshot and tells what differs, nil if nothing does or
// nothing was shown before. In snapshots of one revision nothing differs but
// times that advance; they aren't even looked into. Settings that make them look
// different come with a new revision. The moment at, by which old things are
// hidden, must be the same for all snapshots of one revision.
func (l *Live) Advance(snap *topology.Snapshot, settings *Settings, at time.Time) (*Delta, error) {
	if l.snap != nil && l.snap.Revision() == snap.Revision() {
		l.behind = l.behind || l.snap != snap
		l.snap = snap
		return nil, nil
	}
	next := Build(l.question, snap, settings, at)
	if err := l.drawing.place(next); err != nil {
		return nil, err
	}
	var d *Delta
	if l.view != nil {
		if d = Compare(l.view, next); d == nil {
			next.Revision = l.view.Revision
		}
	}
	l.snap, l.settings, l.at, l.view, l.behind = snap, settings, at, next, false
	return d, nil
}

// Whole is the whole view with all places. It must not be written.
func (l *Live) Whole() (*Topology, error) {
	if l.behind {
		next := Build(l.question, l.snap, l.settings, l.at)
		if err := l.drawing.place(next); err != nil {
			return nil, err
		}
		next.Revision = l.view.Revision
		l.view, l.behind = next, false
	}
	return l.view, nil
}

// PlacePast gives a view of the past its places: what is there today stands where
// it stands today, what is not stands below, as it stood to each other.
func (l *Live) PlacePast(view *Topology) error { return l.drawing.placePast(view) }
