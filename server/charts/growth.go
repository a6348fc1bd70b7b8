package charts

import (
	"time"

	"github.com/devops-trouble-map/dotm/view"
)

const (
	// youth is for how long a box is new to those who look at a chart. Grouping is as
	// old when it no longer decides all anew.
	youth = 10 * time.Minute
	// pause is after how long without newcomers a chart has grown up; fewer of them than
	// few, or than that share of all boxes, don't make it grow again.
	pause = 15 * time.Second
	few   = 3
	share = 5
	// lookEvery is how often that is looked at where nobody reports anything.
	lookEvery = 5 * time.Second
)

// growth follows how a chart fills. Newcomers take free slots and lanes free places, so
// that a chart which was begun with a few boxes, or before there were lanes, is not what
// a layout from scratch gives. While most of it is new to everybody it is laid out anew
// for that: when half of the boxes came, or changed their lane, since that was done last,
// and once more when none has come for a while. Then it stays, unless a fifth of it
// comes in its first minutes.
type growth struct {
	area map[string]string    // per box that is shown: lane or side; nil if nothing is known
	came map[string]time.Time // boxes that came, or changed their area, within youth
	late map[string]bool      // those that did so since all was placed from scratch
	last time.Time            // when one did so last
	open bool                 // it grows
	ripe bool                 // it has grown up, and is to be placed anew
}

// areaOf is the part of the chart in which a box stands.
func areaOf(b *view.Box) string {
	switch {
	case b.Entry:
		return "\x00entry"
	case b.Strip:
		return "\x00strip"
	}
	return b.Lane
}

// note takes in what is to be shown, given the places of before: without any, all is
// placed from scratch. What has a place and was not shown is back, and has not come.
func (g *growth) note(boxes []view.Box, before []view.Place, at time.Time) {
	placed := make(map[string]bool, len(before))
	for i := range before {
		placed[before[i].ID] = true
	}
	area, came, late := make(map[string]string, len(boxes)), map[string]time.Time{}, map[string]bool{}
	for i := range boxes {
		id, now := boxes[i].ID, areaOf(&boxes[i])
		was, known := g.area[id]
		switch {
		case known && was != now, !known && !placed[id]:
			came[id], late[id], g.last = at, true, at
		case at.Sub(g.came[id]) < youth:
			came[id], late[id] = g.came[id], g.late[id]
		}
		if !late[id] {
			delete(late, id)
		}
		area[id] = now
	}
	g.area, g.came, g.late = area, came, late
	if len(before) == 0 {
		g.laid(g.young())
	}
}

// young says whether most of the chart is new to everybody.
func (g *growth) young() bool { return len(g.area) > 0 && 2*len(g.came) >= len(g.area) }

// outgrown says whether the places of before are not worth keeping.
func (g *growth) outgrown() bool {
	return g.young() && (g.ripe || 2*len(g.late) >= len(g.area))
}

// laid notes that all boxes are placed from scratch.
func (g *growth) laid(open bool) {
	g.open, g.ripe = open, false
	clear(g.late)
}

// ripen says whether the chart has just grown up, so that it is to be placed anew.
func (g *growth) ripen(at time.Time) bool {
	n := len(g.late)
	if g.ripe {
		return false // and nobody has drawn it since
	}
	g.open = g.open || n >= few && n*share >= len(g.area) && g.young()
	if !g.open || at.Sub(g.last) < pause {
		return false
	}
	g.open, g.ripe = false, n > 0
	return g.ripe
}

// stop ends it: somebody has taken the chart in hand, or another server laid it out.
func (g *growth) stop() {
	g.laid(false)
	clear(g.came)
}

// Outgrown says, when a level is drawn, whether its places are to be forgotten once more
// because the chart grew since all of it was placed: most of it is new to everybody,
// and nobody moved a box. Before are the places that would be built on.
func (b *Book) Outgrown(level view.Level, boxes []view.Box, before []view.Place) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.page(level)
	g := &p.growth
	g.note(boxes, before, time.Now())
	if len(p.pins) > 0 {
		g.laid(false)
		return false
	}
	if !g.outgrown() {
		return false
	}
	g.laid(!g.ripe)
	p.epoch++ // charts of other questions build on this one
	return true
}

// ripen counts up the epoch of a chart that has grown up.
func (p *page) ripen() bool {
	if len(p.pins) > 0 || !p.growth.ripen(time.Now()) {
		return false
	}
	p.epoch++
	return true
}

// look has the charts drawn that have grown up.
func (b *Book) look() {
	b.mu.Lock()
	ripe := false
	for _, p := range b.levels {
		ripe = p.ripen() || ripe
	}
	b.mu.Unlock()
	if ripe {
		b.site.Touch()
	}
}
