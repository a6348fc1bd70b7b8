package conntrack

import (
	"context"
	"fmt"
	"testing"

	"github.com/devops-trouble-map/dotm/report"
)

// load has n connections tracked, one in a hundred of them translated.
func load(b *testing.B, n int) *space {
	b.Helper()
	s := newSpace(b)
	s.do(func() error { return insert(0, n, 100) })
	return s
}

// BenchmarkRead reads a table of which 1 % is translated: as [Reader.Read]
// does it, and by a request for all, as kernels take it that don't filter.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1000, 50_000} {
		s := load(b, n)
		for _, way := range []struct {
			name string
			dump func(*Reader, *Table) error
		}{
			{"read", func(r *Reader, t *Table) error { return r.Read(context.Background(), t) }},
			{"all", func(r *Reader, t *Table) error {
				t.reset(r.limit)
				_, err := r.ask(context.Background(), t, filter{})
				t.index()
				return err
			}},
		} {
			b.Run(fmt.Sprint(way.name, "/", n), func(b *testing.B) {
				r, table := New(Options{}), &Table{}
				s.do(func() error { return r.Read(context.Background(), table) })
				b.ReportAllocs()
				s.do(func() error {
					for b.Loop() {
						if err := way.dump(r, table); err != nil {
							return err
						}
					}
					return nil
				})
				if table.Len() != n/100 {
					b.Errorf("got %d flows, want %d", table.Len(), n/100)
				}
				b.ReportMetric(float64(n), "tracked")
			})
		}
	}
}

// BenchmarkReadNothing reads where nothing is tracked.
func BenchmarkReadNothing(b *testing.B) {
	s := newSpace(b)
	r, table := New(Options{}), &Table{}
	b.ReportAllocs()
	s.do(func() error {
		for b.Loop() {
			if err := r.Read(context.Background(), table); err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkParse parses an answer of 50,000 connections, 1 % translated.
func BenchmarkParse(b *testing.B) {
	s := load(b, 50_000)
	var raw []byte
	s.do(func() (err error) { raw, err = rawTable(); return err })
	table := &Table{}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		table.reset(DefaultLimit)
		a := answer{table: table}
		must(b, a.parse(raw))
		table.index()
	}
}

// BenchmarkLookup asks a table of 100,000 connections about one.
func BenchmarkLookup(b *testing.B) {
	table := &Table{limit: DefaultLimit}
	for i := range DefaultLimit {
		client, called := inserted(i)
		w := rowOf(6, client.String(), called.String(), "10.0.2.2:80", client.String())
		table.add(&w)
	}
	b.Run("index", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			table.index()
		}
	})
	client, called := inserted(DefaultLimit / 2)
	b.Run("behind", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := table.Behind(report.TCP, client, called); !ok {
				b.Fatal("not found")
			}
		}
	})
}

// BenchmarkFinder asks about one connection of 50,000.
func BenchmarkFinder(b *testing.B) {
	f := load(b, 50_000).finder()
	for name, i := range map[string]int{"translated": 500, "plain": 501, "none": 60_000} {
		client, called := inserted(i)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok, err := f.Peer(report.TCP, client, called); ok != (name == "translated") || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
