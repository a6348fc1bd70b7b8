package export

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/export/path"
	"github.com/devops-trouble-map/dotm/export/route"
)

// The path of an incident is drawn as the page draws it: a line that trouble came along is
// wide, with marks the way that it went, from the server to its client; one that leads on
// through what nobody watches is dotted; one that it would take next is dashed.

// wayLooks are how lines of a path look.
var wayLooks = map[path.Way]struct {
	width float64
	dash  string
	marks bool
	word  string
}{
	path.Travels: {2.2, "", true, "way of trouble"},
	path.Through: {1.3, ` stroke-dasharray="1.5 2.5"`, true, "way, not watched"},
	path.Next:    {1.5, ` stroke-dasharray="4 3"`, false, "would fail next"},
}

// The marks on a line of a path, in chart units: how far apart, how wide to each side.
const (
	chevronPitch = 34.0
	chevronHalf  = 4.0
)

// trace finds the path of the incident that the chart is about, if it is.
func (d *drawing) trace() {
	if d.Incident == nil {
		return
	}
	at := time.Time{}
	if d.Past {
		at = d.At
	}
	d.path = path.Of(&d.Topology, d.Incident, at)
}

// wayOf is how a line is of the path; "" for none.
func (d *drawing) wayOf(id string) path.Way {
	if d.path == nil {
		return ""
	}
	return d.path.Edges[id]
}

// pathColour is what a path is drawn in.
func (d *drawing) pathColour() string { return looks[d.path.Worst].line }

// chevrons writes marks against the arrow of a line.
func (p *painter) chevrons(l *drawnLine, head float64) {
	points := l.path.Points(24)
	length := 0.0
	for i := range points[1:] {
		length += math.Hypot(points[i+1].X-points[i].X, points[i+1].Y-points[i].Y)
	}
	length -= head
	var course strings.Builder
	for next := min(chevronPitch, length) / 2; next < length; next += chevronPitch {
		at, d := pointAt(points, next)
		bx, by := at.X+d.X*chevronHalf, at.Y+d.Y*chevronHalf
		fmt.Fprintf(&course, "M%s %sL%s %sL%s %s", num(bx+d.Y*chevronHalf), num(by-d.X*chevronHalf), num(at.X), num(at.Y), num(bx-d.Y*chevronHalf), num(by+d.X*chevronHalf))
	}
	for _, s := range [][2]string{{white, "4.2"}, {p.pathColour(), "1.8"}} { // a gap lifts them off the line
		p.putf(`<path d="%s" stroke="%s" stroke-width="%s" stroke-linecap="round" stroke-linejoin="round"/>`, course.String(), s[0], s[1])
	}
}

// pointAt is the point so far along a chain of points, with the direction there.
func pointAt(points []route.Point, far float64) (at, d route.Point) {
	for i := range points[1:] {
		a, b := points[i], points[i+1]
		length := math.Hypot(b.X-a.X, b.Y-a.Y)
		if length == 0 {
			continue
		}
		d = route.Point{X: (b.X - a.X) / length, Y: (b.Y - a.Y) / length}
		if far <= length {
			return route.Point{X: a.X + d.X*far, Y: a.Y + d.Y*far}, d
		}
		far -= length
	}
	return points[len(points)-1], d
}

// pathBox writes what the path says of a box: which cause it is, or that it would fail next.
func (p *painter) pathBox(b *drawnBox) {
	if p.path == nil {
		return
	}
	r, colour := b.rect, p.pathColour()
	if p.path.Predicted[b.Name] {
		p.rect(r, 7, "", white, ` stroke-width="1.8"`)
		p.rect(r, 7, "", colour, ` stroke-width="1.8" stroke-dasharray="4 3"`)
	}
	tag, is := p.path.Tags[b.Name]
	if !is {
		return
	}
	l, fill, stroke, said := looks[p.path.Worst], white, ink3, ink
	if tag.Sure {
		p.rect(route.Rect{X: r.X - 3, Y: r.Y - 3, W: r.W + 6, H: r.H + 6}, 10, "", colour, ` stroke-width="6" stroke-opacity="0.18"`)
		p.rect(r, 7, "", colour, ` stroke-width="2.5"`)
		fill, stroke, said = l.tag, "", l.onTag
	}
	w := textWidth(tag.Text, 11, true) + 14
	p.rect(route.Rect{X: r.X - 1, Y: r.Y - 27, W: w, H: 18}, 3, fill, stroke, "")
	p.text(r.X-1+w/2, r.Y-18, style{size: 11, bold: true, colour: said, anchor: "middle"}, tag.Text)
}

// legendPath lists what the path adds.
func (p *painter) legendPath() (list []entry) {
	if p.path == nil {
		return nil
	}
	for _, tag := range p.path.Tags {
		if tag.Sure {
			list = append(list, entry{func(p *painter, x, y float64) {
				p.rect(route.Rect{X: x, Y: y - 5, W: 22, H: 10}, 3, white, p.pathColour(), ` stroke-width="2"`)
			}, "likely cause"})
		}
	}
	for _, way := range []path.Way{path.Travels, path.Through, path.Next} {
		i := slices.IndexFunc(p.lines, func(l *drawnLine) bool { return l.way == way })
		if i < 0 {
			continue
		}
		sample := *p.lines[i]
		sample.trouble = trouble{}
		list = append(list, entry{func(p *painter, x, y float64) {
			sample.path = route.Path{{X: x, Y: y}, {X: x + 10, Y: y}, {X: x + 18, Y: y}, {X: x + 28, Y: y}}
			p.line(&sample)
		}, wayLooks[way].word})
	}
	return list
}
