package export

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/devops-trouble-map/dotm/export/route"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// The measures of a picture, in chart units, which are pixels.
const (
	svgMargin = 24.0
	svgHead   = 92.0
	svgLeast  = 640.0 // so wide that title and legend have room
	legendRow = 22.0
)

// painter writes one picture.
type painter struct {
	*writer
	*drawing
	width float64 // between the margins
}

// writeSVG draws a chart on white, as it is printed: text is text, every state has its
// shape and its word, and nothing is fetched or run.
func writeSVG(w *writer, c *Chart) {
	d := newDrawing(c)
	p := &painter{writer: w, drawing: d, width: max(d.bounds.W, svgLeast)}
	legend := p.legend()
	rows := wrap(legend, p.width)
	total := d.bounds.H + svgHead + float64(len(rows))*legendRow + 2*svgMargin
	p.putf(`<svg xmlns="http://www.w3.org/2000/svg" role="img" width="%s" height="%s" viewBox="%s %s %s %s" font-family="sans-serif" fill="none">`+"\n",
		num(p.width+2*svgMargin), num(total), num(d.bounds.X-svgMargin), num(d.bounds.Y-svgHead-svgMargin), num(p.width+2*svgMargin), num(total))
	stamps := c.stamps()
	if c.Incident != nil {
		stamps = append(stamps, "with the path of an incident: "+clean(c.Incident.Title))
	}
	p.put("<title>", escapeXML(c.heading()), "</title>\n<desc>", escapeXML(strings.Join(stamps, "; ")), "</desc>\n")
	p.rect(route.Rect{X: d.bounds.X - svgMargin, Y: d.bounds.Y - svgHead - svgMargin, W: p.width + 2*svgMargin, H: total}, 0, white, "", "")
	p.head()
	p.lanes()
	p.lineLayer()
	for _, b := range d.boxes {
		p.box(b)
		p.pathBox(b)
	}
	p.figures()
	p.foot(rows)
	p.put("</svg>\n")
}

// num is a length, to a tenth.
func num(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// escapeXML makes a text one that XML reads as that text, in elements and attributes.
// What XML can't hold is replaced.
func escapeXML(text string) string {
	return quoteAll(text, func(r rune) string {
		switch r {
		case '<':
			return "&lt;"
		case '>':
			return "&gt;"
		case '&':
			return "&amp;"
		case '"':
			return "&quot;"
		case '\'':
			return "&#39;"
		case '\t', '\n', '\r':
			return " "
		}
		if r < ' ' || r == 0xFFFE || r == 0xFFFF {
			return "\uFFFD"
		}
		return ""
	})
}

// em is how wide a letter is in a wide sans-serif font, in parts of its size.
func em(r rune) float64 {
	switch {
	case strings.ContainsRune("ijl.,:;'|!", r):
		return 0.33
	case strings.ContainsRune("ftr()[]/-\" ", r):
		return 0.4
	case strings.ContainsRune("mwMW@%", r):
		return 0.95
	case r >= 'A' && r <= 'Z':
		return 0.72
	case r >= 0x1100: // wide scripts and most signs
		return 1
	}
	return 0.62
}

// textWidth is how much room a text takes at most in usual fonts.
func textWidth(text string, size float64, bold bool) (w float64) {
	for _, r := range text {
		w += em(r)
	}
	if bold {
		w *= 1.09
	}
	return w * size
}

// fit is a text in some room, cut in its middle where it must be.
func fit(text string, room, size float64, bold bool) string {
	if textWidth(text, size, bold) <= room {
		return text
	}
	runes := []rune(text)
	for keep := len(runes) - 1; keep > 1; keep-- {
		cut := string(runes[:(keep+1)/2]) + "…" + string(runes[len(runes)-keep/2:])
		if textWidth(cut, size, bold) <= room {
			return cut
		}
	}
	return "…"
}

// style is how a text is written.
type style struct {
	size   float64
	bold   bool
	colour string
	anchor string // "", "middle" or "end"
	mono   bool
	halo   bool
}

// text writes a text around a height.
func (p *painter) text(x, y float64, s style, text string) {
	p.putf(`<text x="%s" y="%s" font-size="%s" fill="%s"`, num(x), num(y+s.size*0.36), num(s.size), s.colour)
	if s.bold {
		p.put(` font-weight="600"`)
	}
	if s.anchor != "" {
		p.putf(` text-anchor="%s"`, s.anchor)
	}
	if s.mono {
		p.put(` font-family="monospace"`)
	}
	if s.halo {
		p.putf(` stroke="%s" stroke-width="3.5" stroke-linejoin="round" paint-order="stroke"`, white)
	}
	p.put(">", escapeXML(text), "</text>\n")
}

// rect writes a rectangle; what is empty it has not.
func (p *painter) rect(r route.Rect, radius float64, fill, stroke, more string) {
	p.putf(`<rect x="%s" y="%s" width="%s" height="%s"`, num(r.X), num(r.Y), num(r.W), num(r.H))
	if radius > 0 {
		p.putf(` rx="%s"`, num(radius))
	}
	if fill != "" {
		p.putf(` fill="%s"`, fill)
	}
	if stroke != "" {
		p.putf(` stroke="%s"`, stroke)
	}
	p.put(more, "/>\n")
}

// symbol writes a symbol around a point.
func (p *painter) symbol(marks []mark, x, y, size float64) {
	scale := size / 14
	p.putf(`<g transform="translate(%s %s) scale(%s)">`, num(x-size/2), num(y-size/2), strconv.FormatFloat(scale, 'f', 3, 64))
	for _, m := range marks {
		if m.width == "" {
			p.putf(`<path d="%s" fill="%s"/>`, m.path, m.colour)
			continue
		}
		p.putf(`<path d="%s" stroke="%s" stroke-width="%s" stroke-linecap="round"`, m.path, m.colour, m.width)
		if m.dash != "" {
			p.putf(` stroke-dasharray="%s"`, m.dash)
		}
		p.put("/>")
	}
	p.put("</g>\n")
}

// head writes what chart it is, of when, and what it isn't.
func (p *painter) head() {
	x, y := p.bounds.X, p.bounds.Y-svgHead
	right := x + p.width
	chips := p.marks()
	if p.Past {
		chips = append(chips, "the past")
	}
	for _, chip := range chips {
		w := textWidth(chip, 12, true) + 12
		right -= w
		p.rect(route.Rect{X: right, Y: y - 3, W: w, H: 22}, 4, "#E8ECFC", "", "")
		p.text(right+w/2, y+8, style{size: 12, bold: true, colour: accent, anchor: "middle"}, chip)
		right -= 8
	}
	p.text(x, y+8, style{size: 20, bold: true, colour: ink}, fit(p.heading(), right-x-12, 20, true))
	for i, said := range []string{moment(p.At) + ", revision " + clean(p.Revision), capital(p.coverageText()), capital(p.hiddenText())} {
		if said != "" {
			p.text(x, y+30+16*float64(i), style{size: 12, colour: ink2}, fit(said, p.width, 12, false))
		}
	}
}

// lanes writes the grounds as outlines, with what stands on them.
func (p *painter) lanes() {
	on := p.byLane()
	services := map[string]int{}
	for i := range p.Services {
		services[p.Services[i].Node]++
	}
	for i := range p.Lanes {
		l := &p.Lanes[i]
		r, nodes, serve, worst := rectOf(&l.Layout), 0, 0, topology.NoStatus
		for _, n := range on[i] {
			nodes += max(1, len(n.Members))
			serve += services[n.Name]
			worst = topology.Worse(worst, openOf(&n.Verdict))
		}
		p.rect(r, 12, "", outline, "")
		x := r.X + 16
		if worst.Bad() {
			p.symbol(sign{worst, open}.symbol(), x+7, r.Y+22, 14)
			x += 20
		}
		told := plural(nodes, "node", "nodes")
		if serve > 0 {
			told += ", " + plural(serve, "service", "services")
		}
		name := style{size: 13, bold: true, colour: ink}
		if l.ID == "" { // the strip's name stands beside its boxes
			p.text(x, r.Y+22, name, "Shared")
			p.text(r.X+16, r.Y+38, name, "services")
			p.text(r.X+16, r.Y+55, style{size: 10.5, colour: ink3}, "lines not drawn")
			continue
		}
		p.text(x, r.Y+22, name, fit(laneName(l), r.Right()-16-x, 13, true))
		p.text(r.X+16, r.Y+39, style{size: 11.5, colour: ink3}, fit(told, r.W-32, 11.5, false))
	}
}

// lineLayer writes the connections, those in trouble over the others, the path of an
// incident over all.
func (p *painter) lineLayer() {
	layer := func(l *drawnLine) int {
		switch {
		case l.way != "":
			return 2
		case l.trouble.failing, l.trouble.strained:
			return 1
		}
		return 0
	}
	for above := range 3 {
		for _, l := range p.lines {
			if layer(l) == above {
				p.line(l)
			}
		}
	}
}

// widths are those of lines by the number of open connections.
var widths = []struct {
	from  int
	width float64
}{{2000, 3.6}, {500, 2.9}, {100, 2.2}, {20, 1.7}, {5, 1.3}, {math.MinInt, 1}}

func lineWidth(count int) float64 {
	i := slices.IndexFunc(widths, func(w struct {
		from  int
		width float64
	},
	) bool {
		return count >= w.from
	})
	return widths[i].width
}

func (l *drawnLine) colour() string {
	switch {
	case l.trouble.failing:
		return critical
	case l.trouble.strained:
		return warnLine
	}
	return edgeLine
}

func (p *painter) line(l *drawnLine) {
	width, colour := lineWidth(l.Count), l.colour()
	look, onPath := wayLooks[l.way]
	old := l.Status == topology.Old && !l.trouble.failing
	dash := ""
	switch {
	case onPath:
		width, dash, colour = look.width, look.dash, p.pathColour()
	case l.Observer:
		width, dash = 1.3, ` stroke-dasharray="0 4" stroke-linecap="round"`
	case old:
		width, dash = 1.3, ` stroke-dasharray="2 4" stroke-linecap="round"`
	}
	head := 0.0
	if l.Directed {
		head = 4 + width
	}
	p.put("<g><title>", escapeXML(p.connection(l.Connection, p.At)), "</title>")
	course := pathText(l.path, head*0.7)
	p.putf(`<path d="%s" stroke="%s" stroke-width="%s"%s/>`, course, colour, num(width), dash)
	if head > 0 {
		end, d := l.path.End(), l.path.Direction()
		half := (head + width) * 0.36
		p.putf(`<path d="M%s %sL%s %sL%s %sZ" fill="%s"/>`, num(end.X), num(end.Y),
			num(end.X-d.X*head-d.Y*half), num(end.Y-d.Y*head+d.X*half), num(end.X-d.X*head+d.Y*half), num(end.Y-d.Y*head-d.X*half), colour)
	}
	switch {
	case l.trouble.failing:
		p.putf(`<path d="%s" stroke="%s" stroke-width="7" stroke-dasharray="1.2 5.8"/>`, pathText(l.path, 9), colour)
	case l.trouble.strained:
		p.putf(`<path d="%s" stroke="%s" stroke-width="7" stroke-dasharray="1.2 14.8"/>`, pathText(l.path, 9), colour)
	}
	if look.marks && l.Directed {
		p.chevrons(l, head)
	}
	p.put("</g>\n")
}

// pathText is a path that ends so much before its end.
func pathText(path route.Path, before float64) string {
	var b strings.Builder
	d := path.Direction()
	fmt.Fprintf(&b, "M%s %s", num(path[0].X), num(path[0].Y))
	for i := 1; i+2 < len(path); i += 3 {
		end := path[i+2]
		if i+3 >= len(path) {
			end = route.Point{X: end.X - d.X*before, Y: end.Y - d.Y*before}
		}
		fmt.Fprintf(&b, "C%s %s %s %s %s %s", num(path[i].X), num(path[i].Y), num(path[i+1].X), num(path[i+1].Y), num(end.X), num(end.Y))
	}
	return b.String()
}

// figures writes the figures of the busiest lines and what is wrong with others, over
// everything, where they cover no box and no other figure.
func (p *painter) figures() {
	var taken []route.Rect
	for _, b := range p.boxes {
		taken = append(taken, b.rect)
	}
	for _, wrong := range []bool{true, false} {
		for _, l := range p.lines {
			ill := l.trouble.failing || l.trouble.strained
			if ill != wrong || (!ill && !l.busy) {
				continue
			}
			said, colour := shortFigure(l.Count), ink2
			if ill {
				if said, colour = l.trouble.text, critical; l.trouble.strained {
					colour = warnText
				}
			}
			w := textWidth(said, 10.5, false) + 4
			if at, free := placeFor(l.path, w, 14, taken); free {
				taken = append(taken, route.Rect{X: at.X - w/2, Y: at.Y - 7, W: w, H: 14})
				p.text(at.X, at.Y, style{size: 10.5, colour: colour, anchor: "middle", halo: true}, said)
			}
		}
	}
}

// placeFor is a place on a path, or over it, for a text, clear of what is taken.
func placeFor(path route.Path, w, h float64, taken []route.Rect) (route.Point, bool) {
	points := path.Points(12)
	middle := len(points) / 2
	for step := range len(points) {
		i := middle + (step+1)/2*(1-2*(step%2))
		if i < 0 || i >= len(points) {
			continue
		}
		for _, up := range []float64{11, -11} {
			at := route.Point{X: points[i].X, Y: points[i].Y - up}
			area := route.Rect{X: at.X - w/2, Y: at.Y - h/2, W: w, H: h}
			if !slices.ContainsFunc(taken, area.Touches) {
				return at, true
			}
		}
	}
	return route.Point{}, false
}

// shortFigure is a count in few letters.
func shortFigure(n int) string {
	switch {
	case n >= 1_000_000:
		return num(float64(n)/1_000_000) + "M"
	case n >= 10_000:
		return strconv.Itoa(n/1000) + "k"
	case n >= 1000:
		return num(float64(n)/1000) + "k"
	}
	return strconv.Itoa(n)
}

// entry is one line of the legend.
type entry struct {
	draw func(p *painter, x, y float64)
	word string
}

func (e entry) width() float64 { return 34 + textWidth(e.word, 11.5, false) + 18 }

// legend lists what this picture contains.
func (p *painter) legend() []entry {
	seen := map[string]sign{}
	for _, b := range p.boxes {
		if signOf(&b.Verdict).way != quiet {
			note(seen, &b.Verdict)
		}
		for i := range b.Rows {
			if s := p.services[b.Rows[i].Service]; s != nil {
				note(seen, &s.Verdict)
			}
		}
	}
	list := make([]entry, 0, len(seen))
	for word, s := range seen {
		list = append(list, entry{func(p *painter, x, y float64) { p.symbol(s.symbol(), x+12, y, 12) }, word})
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.word, b.word) })
	return append(append(list, p.legendPath()...), p.legendLines()...)
}

func note(seen map[string]sign, v *topology.Verdict) {
	s := signOf(v)
	word := s.word()
	if word == "" {
		word = "no check"
	}
	if word == string(topology.Up) {
		word = string(topology.OK)
	}
	seen[word] = s
}

func (p *painter) legendLines() []entry {
	kinds := []struct {
		word string
		of   func(*drawnLine) bool
		like view.Connection
	}{
		{"1 connection open", func(l *drawnLine) bool { return l.Directed && l.Count > 0 && lineWidth(l.Count) == 1 }, view.Connection{}},
		{"100 and more", func(l *drawnLine) bool { return l.Count >= 100 }, view.Connection{}},
		{"no arrow: direction not known", func(l *drawnLine) bool { return !l.Directed }, view.Connection{}},
		{"idle for long", func(l *drawnLine) bool { return l.Status == topology.Old }, view.Connection{}},
		{"observer", func(l *drawnLine) bool { return l.Observer }, view.Connection{}},
		{"failing", func(l *drawnLine) bool { return l.trouble.failing }, view.Connection{}},
		{"strained", func(l *drawnLine) bool { return l.trouble.strained }, view.Connection{}},
	}
	var list []entry
	for _, k := range kinds {
		i := slices.IndexFunc(p.lines, k.of)
		if i < 0 {
			continue
		}
		sample := *p.lines[i]
		list = append(list, entry{func(p *painter, x, y float64) {
			sample.path = route.Path{{X: x, Y: y}, {X: x + 10, Y: y}, {X: x + 18, Y: y}, {X: x + 28, Y: y}}
			p.line(&sample)
		}, k.word})
	}
	return list
}

// wrap puts the legend in rows of a width.
func wrap(list []entry, width float64) (rows [][]entry) {
	left := 0.0
	for _, e := range list {
		if left -= e.width(); len(rows) == 0 || left < 0 {
			rows, left = append(rows, nil), width-e.width()
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], e)
	}
	return rows
}

// foot writes the legend.
func (p *painter) foot(rows [][]entry) {
	for i, row := range rows {
		x, y := p.bounds.X, p.bounds.Bottom()+svgMargin+float64(i)*legendRow
		for _, e := range row {
			e.draw(p, x, y)
			p.text(x+34, y, style{size: 11.5, colour: ink2}, e.word)
			x += e.width()
		}
	}
}

// longest is the longest of several wordings that has room, "" if none has.
func longest(room, size float64, wordings ...string) string {
	for _, w := range wordings {
		if w != "" && utf8.ValidString(w) && textWidth(w, size, false) <= room {
			return w
		}
	}
	return ""
}
