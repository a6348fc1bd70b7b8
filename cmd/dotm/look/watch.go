package look

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/report"
)

// Control sequences (ECMA-48): the cursor to the top left, and erase from the
// cursor to the end of the line, and of the screen. Lines are written over, so
// that nothing flickers.
const (
	cursorHome = "\x1b[H"
	eraseLine  = "\x1b[K"
	eraseBelow = "\x1b[J"
)

// watch looks with each tick, until ctx ends. Where the screen can be cleared,
// each look takes the place of the one before; elsewhere it follows, after a
// line with the time. In JSON, each look is one line.
func (c *Scan) watch(ctx context.Context, g *console.Globals, l looker, tick <-chan time.Time) error {
	w := watcher{Scan: c, Globals: g, past: past{}}
	for n := uint64(1); ; n++ {
		r, err := look(ctx, l)
		if err != nil {
			return err
		}
		r.Sequence, r.IntervalMS = n, c.Interval.Milliseconds()
		if err := w.show(ctx, r); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
	}
}

// watcher shows one look after the other.
type watcher struct {
	*Scan
	*console.Globals
	page *page
	past past
}

func (w *watcher) show(ctx context.Context, r *report.Report) error {
	if w.JSON {
		return json.NewEncoder(w.Out).Encode(r)
	}
	s := table.ScreenOf(w.Out) // it may have changed its size
	if w.page == nil {
		w.page = w.newPage(s)
		w.page.marked = true
	}
	w.page.Screen = s
	if w.Wide {
		w.page.Width = 0
	}
	w.page.know(ctx, r)
	sections := arrange(r, w.Wide)
	sections = w.past.mark(sections, w.Wide)
	w.page.finish(sections)
	_, err := w.Out.Write(w.frame(r, sections))
	return err
}

// frame is one look with its heading.
func (w *watcher) frame(r *report.Report, sections []*section) []byte {
	head := console.Printable(r.Node.Name) + " at " + r.Time.Local().Format(time.RFC3339) + ", every " + w.Interval.String() + ": " + summary(r)
	var b []byte
	if w.page.Clears {
		b = w.page.Colour(b, table.Heading, head)
	} else {
		b = append(b, "--- "+head...)
	}
	b = append(b, '\n')
	for _, part := range [][]byte{w.page.tables(nil, sections), w.page.notes(nil, r)} {
		if len(part) > 0 {
			b = append(append(b, '\n'), part...)
		}
	}
	if w.page.Clears {
		return redraw(b, table.ScreenOf(w.Out))
	}
	return append(b, '\n')
}

// redraw writes text over what stands on a screen, as many lines as have room.
func redraw(text []byte, s table.Screen) []byte {
	b := []byte(cursorHome)
	lines := bytes.Split(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\n'})
	room := s.Height - 1 // the cursor's line stays free
	for i, line := range lines {
		if room -= rowsOf(line, s.Width); s.Height > 0 && room < 1 && i < len(lines)-1 {
			return append(b, "… and "+console.Counted(len(lines)-i, "more line", "more lines")+eraseLine+"\n"+eraseBelow...)
		}
		b = append(b, line...)
		b = append(b, eraseLine+"\n"...)
	}
	return append(b, eraseBelow...)
}

// rowsOf is how many rows of a screen a line takes.
func rowsOf(line []byte, width int) int {
	seen, inside := 0, false // of a control sequence
	for _, r := range string(line) {
		switch {
		case inside:
			inside = r < '@' || r > '~' || r == '['
		case r == '\x1b':
			inside = true
		default:
			seen++
		}
	}
	if width < 1 {
		return 1
	}
	return max(1, (seen+width-1)/width)
}

// past is what the look before showed.
type past struct {
	services map[serviceKey]service
	edges    map[edgeKey]*edge
	titles   map[string]string // of sections, by name
}

// mark marks what is new since the look before, and adds what has closed since,
// without numbers. In the first look nothing is new.
func (p *past) mark(sections []*section, wide bool) []*section {
	was, now := *p, past{services: map[serviceKey]service{}, edges: map[edgeKey]*edge{}, titles: map[string]string{}}
	for _, s := range sections {
		now.titles[s.name] = s.title
		for i := range s.services {
			v := &s.services[i]
			key := s.serviceKey(v)
			if _, known := was.services[key]; !known && was.services != nil {
				v.mark = '+'
			}
			now.services[key] = *v
		}
		for _, e := range s.edges {
			key := s.edgeKey(e, wide)
			if before := was.edges[key]; was.edges != nil && e.Made() && (before == nil || !before.Made()) {
				e.mark = '+'
			}
			now.edges[key] = e
		}
	}
	*p = now
	return was.closed(&now, sections)
}

// closed adds what was there and is no more.
func (p *past) closed(now *past, sections []*section) []*section {
	byName := map[string]*section{}
	for _, s := range sections {
		byName[s.name] = s
	}
	in := func(name string) *section {
		s := byName[name]
		if s == nil { // the namespace has ended
			s = &section{name: name, title: p.titles[name]}
			byName[name] = s
			sections = append(sections, s)
		}
		return s
	}
	for key, v := range p.services {
		if _, there := now.services[key]; !there {
			v.mark, v.clients = '-', 0
			s := in(key.section)
			s.services = append(s.services, v)
		}
	}
	for key, e := range p.edges {
		if e.Count == 0 {
			continue
		}
		switch after := now.edges[key]; {
		case after == nil:
			s := in(key.section)
			s.edges = append(s.edges, e.closed())
		case after.Count == 0:
			after.mark = '-'
		}
	}
	slices.SortStableFunc(sections, bySection)
	return sections
}

// closed is the edge without its numbers.
func (e *edge) closed() *edge {
	c := *e.Connection
	c.Count, c.Opened, c.Refused, c.TimedOut, c.Failed, c.Health = 0, 0, 0, 0, 0, nil
	return &edge{Connection: &c, place: e.place, room: e.room, told: e.told, mark: '-'}
}
