package main

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// The picture's size, and its margins.
const (
	width, height = 720, 240
	left, bottom  = 70, 24
	top, right    = 28, 12
)

// plot draws a column over time, with its trend after the warm-up.
func plot(s *samples, v *verdict, warm time.Duration) []byte {
	xs, ys := s.column("seconds"), s.column(v.column)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`, width, height)
	fmt.Fprintf(&b, `<text x="%d" y="17" font-size="13">%s %s</text>`, left, v.column, v.unit)
	if len(xs) < 2 {
		b.WriteString("</svg>\n")
		return b.Bytes()
	}
	most := max(slices.Max(ys)*1.08, 1)
	x := func(sec float64) float64 { return left + sec/xs[len(xs)-1]*(width-left-right) }
	y := func(val float64) float64 { return height - bottom - val/most*(height-top-bottom) }
	fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="#eee"/>`, left, top, x(min(warm.Seconds(), xs[len(xs)-1]))-left, height-top-bottom)
	for i := range 5 {
		val := most * float64(i) / 4
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ccc"/><text x="%d" y="%.1f" text-anchor="end">%.4g</text>`, left, y(val), width-right, left-6, y(val)+4, val/v.scale)
		sec := xs[len(xs)-1] * float64(i) / 4
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, x(sec), height-8, time.Duration(sec*float64(time.Second)).Round(time.Second))
	}
	b.WriteString(`<path fill="none" stroke="#06c" stroke-width="1.5" d="`)
	for i := range xs {
		fmt.Fprintf(&b, "%c%.1f %.1f", "ML"[min(i, 1)], x(xs[i]), y(ys[i]))
	}
	b.WriteString(`"/>`)
	end, begin := xs[len(xs)-1], min(warm.Seconds(), xs[len(xs)-1])
	fmt.Fprintf(&b, `<path stroke="#c30" stroke-dasharray="5 4" d="M%.1f %.1fL%.1f %.1f"/>`, x(begin), y(max(0, v.first)), x(end), y(max(0, v.first+v.slope*(end-begin))))
	b.WriteString("</svg>\n")
	return b.Bytes()
}
