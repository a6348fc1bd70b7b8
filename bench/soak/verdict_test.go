package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

// made are samples of ten minutes in which the columns named do as they are told.
func made(of map[string]func(sec float64) float64) *samples {
	s := &samples{}
	for sec := 5.0; sec <= 600; sec += 5 {
		row := make([]float64, len(columns))
		row[0] = sec
		for i, c := range columns {
			if f := of[c]; f != nil {
				row[i] = f(sec)
			}
		}
		s.rows = append(s.rows, row)
	}
	return s
}

func TestJudge(t *testing.T) {
	saw := func(sec float64) float64 { return math.Mod(sec, 37) * (1 << 20) } // what a garbage collector does
	for _, tt := range []struct {
		name string
		f    func(sec float64) float64
		want string
	}{
		{"steady", func(sec float64) float64 { return 100<<20 + saw(sec) }, ""},
		{"grows while it warms up", func(sec float64) float64 { return 100<<20 + min(sec, 200)*(1<<20) + saw(sec) }, ""},
		{"leaks", func(sec float64) float64 { return 100<<20 + sec*(1<<15) + saw(sec) }, "heap_bytes"},
		{"leaks a little", func(sec float64) float64 { return 1000<<20 + sec*(1<<10) + saw(sec) }, ""},
		{"falls", func(sec float64) float64 { return 1000<<20 - sec*(1<<20) }, ""},
	} {
		s := made(map[string]func(float64) float64{"heap_bytes": tt.f})
		err := growth(judge(s, 200*time.Second))
		if (err == nil) != (tt.want == "") || err != nil && !strings.HasSuffix(err.Error(), ": "+tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestSlope(t *testing.T) {
	xs := []float64{0, 1, 2, 3, 4, 5, 6}
	ys := []float64{1, 3, 5, 1000, 9, 11, 13} // one outlier
	if got := slope(xs, ys); got != 2 {
		t.Errorf("slope %v, want 2", got)
	}
}

func TestPlot(t *testing.T) {
	s := made(map[string]func(float64) float64{"goroutines": func(sec float64) float64 { return 50 + sec }})
	for _, v := range judge(s, 200*time.Second) {
		d := xml.NewDecoder(bytes.NewReader(plot(s, &v, 200*time.Second)))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", v.column, err)
			}
		}
	}
}
