package export

import (
	"fmt"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/export/route"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// The shapes of what is no host.
const (
	globe = "M11 0A11 11 0 1 1 -11 0A11 11 0 1 1 11 0ZM-11 0H11M0 -11C7 -5 7 5 0 11C-7 5 -7 -5 0 -11Z"
	// maxTicks is how many members of a pool have a tick each.
	maxTicks = 40
)

// box writes a box with its rows; what it is is its title, for whoever points at it.
func (p *painter) box(b *drawnBox) {
	p.put("<g><title>", escapeXML(p.boxTitle(b.Node)), "</title>\n")
	p.ground(b)
	if b.Kind == topology.Internet {
		p.internet(b)
	} else {
		p.header(b)
		p.members(b)
		for i := range b.Rows {
			p.row(b, i)
		}
	}
	p.tag(b)
	p.put("</g>\n")
}

// boxTitle is all of a box in words.
func (p *painter) boxTitle(n *view.Node) string {
	parts := []string{titleOf(n) + " (" + string(n.Kind) + ")"}
	if t := titleOf(n); t != clean(n.Name) && len(n.Members) == 0 {
		parts = append(parts, clean(n.Name))
	}
	if len(n.Members) > 0 {
		parts = append(parts, plural(len(n.Members), "node", "nodes"))
	}
	for _, a := range n.Addresses[:min(4, len(n.Addresses))] {
		parts = append(parts, a.String())
	}
	for _, s := range []string{stateWord(n), signOf(&n.Verdict).word()} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	for i := range n.Rows {
		parts = append(parts, rowText(&n.Rows[i]))
	}
	return strings.Join(parts, ", ")
}

// unreported tells boxes that stand for a host that never reported.
func unreported(n *view.Node) bool {
	standsForMany := n.Kind == topology.Internet || n.Kind == topology.Network || n.Kind == topology.Virtual
	return !standsForMany && n.State == topology.Unheard && len(n.Members) == 0
}

// ground writes a box's outline: the worst open trouble of it, or how it is known.
func (p *painter) ground(b *drawnBox) {
	r := b.rect
	if len(b.Members) > 0 || b.Kind == topology.Network {
		for _, by := range []float64{6, 3} {
			p.rect(route.Rect{X: r.X + by, Y: r.Y - by, W: r.W - by, H: r.H}, 7, white, boxLine, "")
		}
	}
	fill, stroke, more := white, boxLine, ""
	if b.State.Mute() {
		fill = laneFill
	}
	if unreported(b.Node) {
		stroke, more = tickFill, ` stroke-dasharray="4 3"`
	}
	if l, trouble := looks[openOf(&b.Verdict)]; trouble {
		stroke, more = l.line, ` stroke-width="1.5"`
	}
	if b.Kind == topology.Virtual {
		const cut = 9
		p.putf(`<path d="M%s %sH%sL%s %sV%sL%s %sH%sL%s %sV%sZ" fill="%s" stroke="%s"%s/>`+"\n",
			num(r.X+cut), num(r.Y), num(r.Right()-cut), num(r.Right()), num(r.Y+cut), num(r.Bottom()-cut),
			num(r.Right()-cut), num(r.Bottom()), num(r.X+cut), num(r.X), num(r.Bottom()-cut), num(r.Y+cut), fill, stroke, more)
		return
	}
	p.rect(r, 7, fill, stroke, more)
	if b.Kind == topology.Network {
		p.rect(route.Rect{X: r.X + 4, Y: r.Y + 5, W: 1.2, H: r.H - 10}, 0, boxLine, "", "")
	}
}

func (p *painter) internet(b *drawnBox) {
	x, y, count := b.rect.X+b.rect.W/2, b.rect.Y+b.rect.H/2, 0
	for _, l := range p.lines {
		if l.from == b || l.to == b {
			count += l.Count
		}
	}
	p.putf(`<path d="%s" transform="translate(%s %s)" stroke="%s" stroke-width="1.3"/>`+"\n", globe, num(x), num(y-18), ink2)
	bold := style{size: 12.5, bold: true, colour: ink, anchor: "middle"}
	below := y + 25
	if name, part, is := strings.Cut(titleOf(b.Node), " ("); is { // a part of it, such as a country, has a line of its own
		below = y + 33
		p.text(x, y+5, bold, fit(name, b.rect.W-8, 12.5, true))
		p.text(x, y+19, style{size: 10.5, colour: ink2, anchor: "middle"}, fit(strings.TrimSuffix(part, ")"), b.rect.W-8, 10.5, false))
	} else {
		p.text(x, y+9, bold, fit(name, b.rect.W-8, 12.5, true))
	}
	if count > 0 {
		said := longest(b.rect.W-8, 10.5, plural(count, "connection", "connections"), fmt.Sprintf("%d open", count), shortFigure(count)+" open")
		p.text(x, below, style{size: 10.5, colour: ink3, anchor: "middle"}, said)
	}
}

// nameInk is the colour of a name, by how it is known.
func nameInk(n *view.Node) string {
	switch n.State {
	case topology.Stale, topology.Left, topology.Rebooting, topology.Stopped:
		return ink3
	case topology.Unheard:
		return ink2
	case topology.Reporting:
	}
	return ink
}

// headTag is what stands right of a name.
func headTag(n *view.Node) string {
	switch {
	case len(n.Members) > 0:
		return fmt.Sprintf("×%d", len(n.Members))
	case n.State == topology.Stale:
		return "silent"
	case n.State == topology.Left:
		return "shut down"
	case n.State == topology.Rebooting:
		return "rebooting"
	case n.State == topology.Stopped:
		return "agent stopped"
	case n.Kind == topology.Virtual && len(n.Holders) > 0:
		return "on " + clean(n.Holders[0].Node)
	case n.Kind == topology.Container:
		return "container"
	case n.This:
		return "this node"
	}
	return ""
}

func (p *painter) header(b *drawnBox) {
	r, x, y := b.rect, b.rect.X+10, b.rect.Y+headHeight/2+0.5
	if b.Kind == topology.Network {
		x += 3
	}
	if s := signOf(&b.Verdict); s.way != quiet {
		p.symbol(s.symbol(), x+6, y, 12)
		x += 17
	}
	tag, name := headTag(b.Node), titleOf(b.Node)
	if len(b.Members) == 0 {
		tag = longest(r.Right()-x-18-textWidth(name, 12.5, true), 10.5, tag)
	}
	room := r.Right() - 10 - x
	if tag != "" {
		room -= textWidth(tag, 10.5, false) + 8
		p.text(r.Right()-10, y, style{size: 10.5, colour: ink3, anchor: "end"}, tag)
	}
	p.text(x, y, style{size: 12.5, bold: true, colour: nameInk(b.Node)}, fit(name, room, 12.5, true))
	switch {
	case len(b.Rows) == 0:
		p.second(b, x)
	case b.Kind != topology.Pool:
		p.rect(route.Rect{X: r.X + 1, Y: r.Y + headHeight - 0.5, W: r.W - 2, H: 1}, 0, hairline, "", "")
	}
}

// second writes what stands under the name of a box without rows.
func (p *painter) second(b *drawnBox, x float64) {
	y, room := b.rect.Y+headHeight+(b.rect.H-headHeight)/2-3, b.rect.Right()-10-x
	if b.rect.H < headHeight+14 {
		return
	}
	address := ""
	if len(b.Addresses) > 0 {
		address = b.Addresses[0].String()
	}
	said := longest(room, 11.5, address)
	switch {
	case len(b.Members) > 0:
		said = plural(len(b.Members), "node", "nodes")
	case b.Kind == topology.Network:
		said = "network"
	case b.Kind == topology.Virtual:
		said = longest(room, 11.5, "virtual address", "virtual")
	case unreported(b.Node) && b.KnownAs != "":
		said = longest(room, 11.5, address+", no report", address)
	case unreported(b.Node):
		said = longest(room, 11.5, "does not report", "no report")
	}
	if said != "" {
		p.text(x, y, style{size: 11.5, colour: ink3}, said)
	}
}

// member is how a tick of a pool's strip looks.
type member struct {
	colour string
	tall   bool
	hollow bool
	rank   int
}

func memberOf(m *topology.BoxMember) member {
	if l, trouble := looks[openOf(&m.Verdict)]; trouble {
		return member{l.line, true, false, 2 + openOf(&m.Verdict).Severity()}
	}
	if signOf(&m.Verdict).way == handled {
		return member{mute, true, true, 1}
	}
	if m.State != topology.Reporting {
		return member{mute, false, true, 1}
	}
	return member{tickFill, false, false, 0}
}

// members writes the ticks of a pool's members, each in its place; of many one bar,
// the worst left.
func (p *painter) members(b *drawnBox) {
	if b.Kind != topology.Pool || len(b.Members) == 0 {
		return
	}
	list := make([]member, 0, len(b.Members))
	for i := range b.Members {
		list = append(list, memberOf(&b.Members[i]))
	}
	x, y, w := b.rect.X+10, b.rect.Y+headHeight+3.5, b.rect.W-20
	if len(list) > maxTicks {
		p.memberBar(list, x, y, w)
		return
	}
	pitch := min(15, w/float64(len(list)))
	for i, m := range list {
		p.tick(m, x+float64(i)*pitch, y, max(pitch-min(3, pitch*0.3), 1))
	}
}

func (p *painter) memberBar(list []member, x, y, w float64) {
	slices.SortStableFunc(list, func(a, b member) int { return b.rank - a.rank })
	for i := 0; i < len(list); {
		n := i
		for n < len(list) && list[n] == list[i] {
			n++
		}
		part := max(w*float64(n-i)/float64(len(list)), 2)
		p.tick(list[i], x, y, max(part-1, 1))
		x += part
		i = n
	}
}

// tick writes a member around a height: tall in trouble, hollow where nobody hears of it.
func (p *painter) tick(m member, x, y, w float64) {
	h := 5.0
	if m.tall {
		h = 9
	}
	if m.hollow {
		p.rect(route.Rect{X: x + 0.5, Y: y - h/2 + 0.5, W: max(w-1, 1), H: h - 1}, 0, "", m.colour, "")
		return
	}
	p.rect(route.Rect{X: x, Y: y - h/2, W: w, H: h}, 0, m.colour, "", "")
}

func (p *painter) row(b *drawnBox, i int) {
	row, y, r := &b.Rows[i], b.rows[i], b.rect
	small := style{size: 11.5, colour: ink}
	if row.Kind == "more" {
		small.colour = ink3
		p.text(r.X+25, y, small, rowText(row))
		return
	}
	if row.Kind == "client" || b.State != topology.Reporting && len(b.Members) == 0 || row.Process == "" {
		small.colour = ink3
	}
	if s := p.services[row.Service]; s != nil {
		p.rowState(b, s, y)
		_, small.bold = looks[openOf(&s.Verdict)]
	}
	end := style{size: 10.5, colour: ink3, anchor: "end", mono: true}
	said := portText(row.Protocol, row.Port)
	if row.Kind == "client" {
		said = longest(r.W-45-textWidth(process(row.Process), 11.5, false), 10.5, "client")
	}
	room := r.W - 35 - textWidth(said, 10.5, false)
	if said != "" {
		room -= 6
		p.text(r.Right()-10, y, end, said)
	}
	p.text(r.X+25, y, small, fit(process(row.Process), room, 11.5, small.bold))
}

// rowState writes what the checks on a service say.
func (p *painter) rowState(b *drawnBox, s *view.Service, y float64) {
	if l, trouble := looks[openOf(&s.Verdict)]; trouble {
		p.rect(route.Rect{X: b.rect.X + 4, Y: y - rowHeight/2 + 1, W: b.rect.W - 8, H: rowHeight - 2}, 3, l.ground, "", "")
	}
	marks := signOf(&s.Verdict).symbol()
	if s.State == topology.Gone {
		marks = goneSymbol
	}
	p.symbol(marks, b.rect.X+14, y, 12)
}

// tag writes the word of a box's trouble on its upper edge.
func (p *painter) tag(b *drawnBox) {
	status := openOf(&b.Verdict)
	l, trouble := looks[status]
	if !trouble {
		return
	}
	w := textWidth(string(status), 9, true) + 10
	p.rect(route.Rect{X: b.rect.X + 8, Y: b.rect.Y - 7, W: w, H: 13}, 3, l.tag, "", "")
	p.text(b.rect.X+8+w/2, b.rect.Y-0.5, style{size: 9, bold: true, colour: l.onTag, anchor: "middle"}, string(status))
}
