package main

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/site"
)

var morning = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// TestBeats: what a script says is a valid beat of the report that it was made of, and
// every fifth row of it has other numbers.
func TestBeats(t *testing.T) {
	s, err := site.New(site.Options{Hosts: 60, Connections: 30, Seed: 2, Begin: morning, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range s.Nodes() {
		r := s.Report(name, morning)
		r.Sequence = 7
		script, err := newScript(r)
		if err != nil {
			t.Fatal(err)
		}
		at := morning.Add(10 * time.Second)
		text, told := script.beat(nil, moment{"p", 8, 7, at, 10 * time.Second, 10 * time.Second}, rand.NewPCG(1, 2))
		b, err := report.DecodeBeat(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if err := b.Validate(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if b.Structure != report.Structure(r) || len(b.Connections) != told || told != (len(r.Connections)+share-1)/share && told != len(r.Connections)/share {
			t.Errorf("%s: %d rows of %d are told", name, told, len(r.Connections))
		}
		next, err := report.Expand(r, b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := next.Validate(at); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if report.Structure(next) != report.Structure(r) || next.Coverage != r.Coverage || next.Cost != r.Cost {
			t.Errorf("%s: the beat changes more than numbers", name)
		}
		for i := range b.Connections {
			c := &b.Connections[i]
			was := &r.Connections[c.Row]
			if !slices.Equal(was.Tuples, c.Tuples) || was.PID != c.PID || was.Peers != c.Peers || (was.Count == 0) != (c.Count == 0) || (was.Health == nil) != (c.Health == nil) {
				t.Errorf("%s: row %+v is told as %+v", name, was, c)
			}
		}
	}
}
