package views

import (
	"fmt"
	"testing"

	"github.com/devops-trouble-map/dotm/api/coding"
	"github.com/devops-trouble-map/dotm/test/still"
	"github.com/devops-trouble-map/dotm/view"
)

// BenchmarkAnswer makes the answer that a first chart of a large site is made of, from a
// snapshot that is newer than the one before: as plain JSON, and in each coding.
func BenchmarkAnswer(b *testing.B) {
	for _, hosts := range []int{100, 1000, 3000} {
		m, snaps := still.MadeUp(b, hosts)
		for _, level := range []view.Level{view.LevelPool, view.LevelService} {
			q := view.Question{Level: level, Hide: hideUsually}
			name := fmt.Sprintf("%s/%d", level, hosts)
			b.Run(name+"/first", func(b *testing.B) {
				for b.Loop() {
					views := newViews(&Options{Model: m, Settings: m, Roles: m, Charts: still.New(nil)})
					if _, _, err := views.answer(q); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(name+"/again", func(b *testing.B) {
				views := newViews(&Options{Model: m, Settings: m, Roles: m, Charts: m})
				for i := 0; b.Loop(); i++ {
					m.Show(snaps[i%2])
					if _, _, err := views.answer(q); err != nil {
						b.Fatal(err)
					}
				}
			})
			views := newViews(&Options{Model: m, Settings: m, Roles: m, Charts: m})
			body, _, err := views.answer(q)
			if err != nil {
				b.Fatal(err)
			}
			for _, in := range []string{coding.Gzip, coding.Zstd} {
				b.Run(name+"/"+in, func(b *testing.B) {
					for b.Loop() {
						c := &coding.Body{Plain: body.Plain}
						out, _, err := c.In(in)
						if err != nil {
							b.Fatal(err)
						}
						b.ReportMetric(float64(len(out))/1024, "KiB")
						b.ReportMetric(float64(len(c.Plain))/1024, "plain-KiB")
					}
				})
			}
		}
	}
}

// BenchmarkForms tells so many viewers of one chart, far away and so with compression,
// what a look of all hosts changed.
func BenchmarkForms(b *testing.B) {
	m, snaps := still.MadeUp(b, 3000)
	for _, level := range []view.Level{view.LevelPool, view.LevelService} {
		q := view.Question{Level: level, Hide: hideUsually}
		for _, viewers := range []int{0, 1, 100} {
			for form, fields := range map[string]bool{"whole": false, "fields": true} {
				b.Run(fmt.Sprintf("%s/%s/%d", level, form, viewers), func(b *testing.B) {
					views := newViews(&Options{Model: m, Settings: m, Roles: m, Charts: m})
					m.Show(snaps[0])
					_, revision, _, err := views.since(q, "")
					if err != nil {
						b.Fatal(err)
					}
					for i := 1; b.Loop(); i++ {
						m.Show(snaps[i%2])
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
							event, err := deltas[0].Form(fields)
							if err != nil {
								b.Fatal(err)
							}
							b.ReportMetric(float64(len(event.Plain))/1024, "KiB")
							b.ReportMetric(float64(len(event.Packed()))/1024, "packed-KiB")
						}
					}
				})
			}
		}
	}
}
