package graph

import (
	"fmt"
	"math"
)

const (
	// Grid is the raster, in chart units, on which corners lie.
	Grid = 8
	// MaxSize bounds every length that is given, in chart units.
	MaxSize = 1e6
)

// Options are the measures of a chart, in chart units. Gaps and margin are
// rounded up to Grid. The zero value of a field means its default.
type Options struct {
	GapX   float64 // between columns, at least; default 88; a gap that many edges cross is wider
	GapY   float64 // between boxes of one column; default 24
	Margin float64 // around the chart; default 32
	Aspect float64 // width to height of the page that is aimed at, 0.1 to 10; default 1.6 (16:10)
	Height float64 // a column no higher than this is never wrapped; default 960
}

// WithDefaults fills fields that are zero and refuses values that are no
// measure.
func (o Options) WithDefaults() (Options, error) {
	for _, f := range []struct {
		name  string
		value *float64
		def   float64
		grid  bool
	}{
		{"GapX", &o.GapX, 88, true},
		{"GapY", &o.GapY, 24, true},
		{"Margin", &o.Margin, 32, true},
		{"Aspect", &o.Aspect, 1.6, false},
		{"Height", &o.Height, 960, false},
	} {
		if err := checkRange("options: "+f.name, *f.value, 0, MaxSize); err != nil {
			return o, err
		}
		if *f.value == 0 {
			*f.value = f.def
		}
		if f.grid {
			*f.value = Up(*f.value)
		}
	}
	return o, checkRange("options: Aspect", o.Aspect, 0.1, 10)
}

// checkRange refuses a value outside low to high. NaN is outside everything.
func checkRange(field string, v, low, high float64) error {
	if v >= low && v <= high {
		return nil
	}
	return fmt.Errorf("%s must be from %g to %g, is %g", field, low, high, v)
}

// Up is the next multiple of Grid from v on.
func Up(v float64) float64 { return math.Ceil(v/Grid) * Grid }

// Round is the multiple of Grid that is nearest to v.
func Round(v float64) float64 { return math.Floor(v/Grid+0.5) * Grid }

// What a lane and the strip keep free around their boxes, in chart units.
const (
	LaneTop   = 56  // above the boxes: the lane's title
	LaneSide  = 24  // left and right of them
	LaneFoot  = 24  // below them
	LaneLeast = 240 // no lane is narrower: its title has room
	LaneGapX  = 64  // between two lanes beside each other; edges run there
	LaneGapY  = 24  // between two lanes above each other

	StripGap   = 40  // between the strip and what stands above it
	StripTitle = 112 // left of the boxes of the strip: its title
	StripPad   = 16  // around the boxes of the strip
)
