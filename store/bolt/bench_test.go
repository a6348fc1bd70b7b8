package bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
)

// BenchmarkWrite is one transaction, synced to disk, of blocks with a hundred
// connections each.
func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("blocks=%d", n), func(b *testing.B) {
			s := open(b, b.TempDir())
			defer s.Close()
			var c store.Change
			for i := range n {
				c.Put = append(c.Put, block(fmt.Sprintf("web%04d", i), 100))
			}
			b.ReportAllocs()
			for b.Loop() {
				mustWrite(b, s, c)
			}
		})
	}
}

// BenchmarkLoad is the start of a server of 1,000 nodes with 100 connections
// each.
func BenchmarkLoad(b *testing.B) {
	s := open(b, b.TempDir())
	defer s.Close()
	var c store.Change
	for i := range 1000 {
		c.Put = append(c.Put, block(fmt.Sprintf("web%04d", i), 100))
	}
	mustWrite(b, s, c)
	b.ReportAllocs()
	for b.Loop() {
		if state, err := s.Load(b.Context()); err != nil || len(state.Blocks) != 1000 {
			b.Fatal(len(state.Blocks), err)
		}
	}
}

// BenchmarkAppend is one transaction of 1,000 events, and what an event takes
// on disk.
func BenchmarkAppend(b *testing.B) {
	s := open(b, b.TempDir())
	defer s.Close()
	n := 0
	for b.Loop() {
		var c store.Change
		for range 1000 {
			c.Append = append(c.Append, event(n))
			n++
		}
		mustWrite(b, s, c)
	}
	b.ReportMetric(float64(bytesUsed(b, s))/float64(n), "bytes/event")
}

// BenchmarkOpen is the start of a server of 1,000 nodes with 100 connections each
// and 1 GiB of history, of which a tenth was forgotten.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir)
	s.db.NoSync = true // nothing dies here
	var c store.Change
	for i := range 1000 {
		c.Put = append(c.Put, block(fmt.Sprintf("web%04d", i), 100))
	}
	mustWrite(b, s, c)
	data := make([]byte, 10_000)
	for i := range 110 {
		var c store.Change
		at := noon.Add(time.Duration(i) * time.Hour)
		for j := range 1000 {
			e := event(j)
			e.At = at
			c.Append = append(c.Append, e)
			c.Records = append(c.Records, store.Record{Node: fmt.Sprintf("web%04d", j), At: at, Data: data})
		}
		mustWrite(b, s, c)
	}
	for range 3 {
		mustWrite(b, s, store.Change{Forget: store.Forget{Before: noon.Add(11 * time.Hour)}})
	}
	if err := errors.Join(s.db.Sync(), s.Close()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s := open(b, dir)
		if state, err := s.Load(b.Context()); err != nil || len(state.Blocks) != 1000 {
			b.Fatal(len(state.Blocks), err)
		}
		if _, err := s.Extent(b.Context()); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
	if info, err := os.Stat(filepath.Join(dir, FileName)); err == nil {
		b.ReportMetric(float64(info.Size()), "file-bytes")
	}
}

// bytesUsed is the size of the events' pages.
func bytesUsed(b *testing.B, s *Store) (size int) {
	b.Helper()
	tx, err := s.db.Begin(false)
	if err != nil {
		b.Fatal(err)
	}
	defer tx.Rollback()
	stats := tx.Bucket(bucketEvents).Stats()
	return stats.BranchAlloc + stats.LeafAlloc
}
