package api

import (
	"fmt"
	"testing"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/grouping"
	sites "github.com/devops-trouble-map/dotm/site"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// madeUp is a site of so many hosts, all with agents, after two looks: a snapshot, and
// one that shows the look after it.
func madeUp(b *testing.B, hosts int) (*still, []*topology.Snapshot) {
	b.Helper()
	s, err := sites.New(sites.Options{Hosts: hosts, Seed: 1, Quiet: true})
	if err != nil {
		b.Fatal(err)
	}
	snap := &topology.Snapshot{}
	var snaps []*topology.Snapshot
	at := s.Now()
	for range 3 {
		at = at.Add(s.Interval())
		batch := aggregate.Begin(snap, aggregate.Options{})
		for _, n := range s.Nodes() {
			if r := s.Report(n, at); r != nil {
				batch.Report(r, at)
			}
		}
		snap = batch.Commit(at)
		snaps = append(snaps, snap)
	}
	m := newStill(snaps[1])
	var memory grouping.Memory
	m.roles.Store(memory.Advance(snaps[1], nil, s.Now()))
	return m, snaps[1:]
}

// BenchmarkAnswer makes the answer that a first chart of a large site is made of, from a
// snapshot that is newer than the one before: as plain JSON, and in each coding.
func BenchmarkAnswer(b *testing.B) {
	for _, hosts := range []int{100, 1000, 3000} {
		m, snaps := madeUp(b, hosts)
		for _, level := range []view.Level{view.LevelPool, view.LevelService} {
			q := view.Question{Level: level, Hide: hideUsually}
			name := fmt.Sprintf("%s/%d", level, hosts)
			b.Run(name+"/first", func(b *testing.B) {
				for b.Loop() {
					views := newViews(Options{Model: m, Settings: m, Roles: m, Charts: newStill(nil)})
					if _, _, err := views.answer(q); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(name+"/again", func(b *testing.B) {
				views := newViews(Options{Model: m, Settings: m, Roles: m, Charts: m})
				for i := 0; b.Loop(); i++ {
					m.show(snaps[i%2])
					if _, _, err := views.answer(q); err != nil {
						b.Fatal(err)
					}
				}
			})
			views := newViews(Options{Model: m, Settings: m, Roles: m, Charts: m})
			body, _, err := views.answer(q)
			if err != nil {
				b.Fatal(err)
			}
			for _, coding := range []string{codingGzip, codingZstd} {
				b.Run(name+"/"+coding, func(b *testing.B) {
					for b.Loop() {
						c := &coded{plain: body.plain}
						out, _, err := c.in(coding)
						if err != nil {
							b.Fatal(err)
						}
						b.ReportMetric(float64(len(out))/1024, "KiB")
						b.ReportMetric(float64(len(c.plain))/1024, "plain-KiB")
					}
				})
			}
		}
	}
}

// BenchmarkForms tells so many viewers of one chart, far away and so with compression,
// what a look of all hosts changed.
func BenchmarkForms(b *testing.B) {
	m, snaps := madeUp(b, 3000)
	for _, level := range []view.Level{view.LevelPool, view.LevelService} {
		q := view.Question{Level: level, Hide: hideUsually}
		for _, viewers := range []int{0, 1, 100} {
			for form, fields := range map[string]bool{formWhole: false, formFields: true} {
				b.Run(fmt.Sprintf("%s/%s/%d", level, form, viewers), func(b *testing.B) {
					views := newViews(Options{Model: m, Settings: m, Roles: m, Charts: m})
					m.show(snaps[0])
					_, revision, _, err := views.since(q, "")
					if err != nil {
						b.Fatal(err)
					}
					for i := 1; b.Loop(); i++ {
						m.show(snaps[i%2])
						at := revision
						for range max(viewers, 1) {
							deltas, newest, known, err := views.since(q, at)
							if err != nil || !known || len(deltas) != 1 {
								b.Fatal(len(deltas), known, err)
							}
							revision = newest
							if viewers == 0 {
								continue
							}
							event, err := deltas[0].form(fields)
							if err != nil {
								b.Fatal(err)
							}
							b.ReportMetric(float64(len(event.plain))/1024, "KiB")
							b.ReportMetric(float64(len(event.packed()))/1024, "packed-KiB")
						}
					}
				})
			}
		}
	}
}
