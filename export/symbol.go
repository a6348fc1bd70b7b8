package export

import "github.com/devops-trouble-map/dotm/topology"

// The colours of the light theme, on white.
const (
	white    = "#FFFFFF"
	ink      = "#12171E"
	ink2     = "#3F4856"
	ink3     = "#5C6675"
	hairline = "#E0E4EA"
	outline  = "#C3CAD4" // of lanes
	boxLine  = "#C6CDD7"
	laneFill = "#ECEFF3"
	edgeLine = "#7B8899"
	tickFill = "#8893A4"
	mute     = "#566072"
	critical = "#C3241B"
	warning  = "#E39B0B" // filled shapes
	warnLine = "#B57200"
	warnText = "#835000"
	unknown  = "#8A2F9E"
	okColour = "#2A7858"
	accent   = "#3450CF"
)

// look is how trouble colours a thing.
type look struct{ line, text, ground, tag, onTag string }

// looks are those of open trouble; what is no cause of its own colours nothing.
var looks = map[topology.Status]look{
	topology.Down:     {critical, critical, "#FCE9E7", critical, white},
	topology.Critical: {critical, critical, "#FCE9E7", critical, white},
	topology.Warning:  {warnLine, warnText, "#FCF1D8", warning, "#2A1A00"},
	topology.Unknown:  {unknown, unknown, "#F7EAF8", unknown, white},
}

// mark is one stroke or area of a symbol, on a grid of 14 by 14; a width of 0 fills it.
type mark struct {
	path   string
	width  string
	colour string
	dash   string
}

const (
	ring     = "M12.4 7A5.4 5.4 0 1 1 1.6 7A5.4 5.4 0 1 1 12.4 7Z"
	octagon  = "M4.5 1H9.5L13 4.5V9.5L9.5 13H4.5L1 9.5V4.5Z"
	triangle = "M7 1.2L13.4 12.6H0.6Z"
	diamond  = "M7 0.4L13.6 7L7 13.6L0.4 7Z"
	square   = "M2.5 1.2H11.5A1.3 1.3 0 0 1 12.8 2.5V11.5A1.3 1.3 0 0 1 11.5 12.8H2.5A1.3 1.3 0 0 1 1.2 11.5V2.5A1.3 1.3 0 0 1 2.5 1.2Z"
	frame    = "M1.8 1.8H12.2V12.2H1.8Z"
	tick     = "M4.8 7.6L6.4 9.2L9.2 6"
	hatch    = "M4.2 9.2L8 5.4M6.2 10.4L9.8 6.8"
)

// outlines are the shapes of trouble, drawn hollow.
var outlines = map[topology.Status]struct{ path, colour string }{
	topology.Warning:     {"M7 1.9L12.7 12H1.3Z", warnLine},
	topology.Critical:    {"M4.7 1.6H9.3L12.4 4.7V9.3L9.3 12.4H4.7L1.6 9.3V4.7Z", critical},
	topology.Unknown:     {"M7 1.2L12.8 7L7 12.8L1.2 7Z", unknown},
	topology.Down:        {"M2 2H12V12H2Z", critical},
	topology.Unreachable: {frame, mute},
}

// symbols are the shapes of what is not handled: every one differs in outline, not in
// colour alone.
var symbols = map[topology.Status][]mark{
	topology.Warning:     {{path: triangle, colour: warning}, {"M7 5V8.4M7 10.2V11", "1.5", "#2A1A00", ""}},
	topology.Critical:    {{path: octagon, colour: critical}, {"M4.8 4.8L9.2 9.2M9.2 4.8L4.8 9.2", "1.5", white, ""}},
	topology.Unknown:     {{path: diamond, colour: unknown}, {"M5.4 5.6A1.6 1.6 0 1 1 7 7.3V8.2M7 9.6V10.4", "1.3", white, ""}},
	topology.Down:        {{path: square, colour: critical}, {"M7 3.8V10M4.4 7.6L7 10.2L9.6 7.6", "1.5", white, ""}},
	topology.Unreachable: {{frame, "1.3", mute, ""}, {"M4.4 9.6L9.6 4.4", "1.3", mute, ""}},
	topology.Pending:     {{"M12.2 7A5.2 5.2 0 1 1 1.8 7A5.2 5.2 0 1 1 12.2 7Z", "1.4", mute, "2 2.1"}},
	topology.OK:          {{path: "M9.9 7A2.9 2.9 0 1 1 4.1 7A2.9 2.9 0 1 1 9.9 7Z", colour: okColour}},
	topology.Up:          {{path: "M9.9 7A2.9 2.9 0 1 1 4.1 7A2.9 2.9 0 1 1 9.9 7Z", colour: okColour}},
	topology.NoStatus:    {{"M9.4 7A2.4 2.4 0 1 1 4.6 7A2.4 2.4 0 1 1 9.4 7Z", "1.2", ink3, ""}},
}

// goneSymbol is that of a service that stopped listening.
var goneSymbol = []mark{{path: ring, colour: ink2}, {"M4.2 7H9.8", "1.6", white, ""}}

// symbol is the shape of a sign.
func (s sign) symbol() []mark {
	o, trouble := outlines[s.status]
	switch {
	case s.way == stale && !trouble:
		return []mark{{ring, "1.2", ink3, ""}, {hatch, "1.1", ink3, ""}}
	case s.way == stale:
		return []mark{{path: o.path, colour: white}, {o.path, "1.2", ink3, ""}, {hatch, "1.1", ink3, ""}}
	case s.way == handled && trouble:
		return []mark{{path: o.path, colour: white}, {o.path, "1.3", o.colour, ""}, {tick, "1.3", o.colour, ""}}
	}
	if m, known := symbols[s.status]; known {
		return m
	}
	return symbols[topology.NoStatus]
}
