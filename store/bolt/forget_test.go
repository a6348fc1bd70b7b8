package bolt

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestForgetRecordsByAndBy forgets the records of more nodes than one write looks
// at, always before one and the same moment.
func TestForgetRecordsByAndBy(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	const nodes = 2*cutNodes + 7
	var c store.Change
	for i := range nodes {
		name := fmt.Sprintf("n%05d", i)
		c.Put = append(c.Put, block(name, 0))
		for m := range 4 {
			c.Records = append(c.Records, store.Record{Node: name, At: noon.Add(time.Duration(m) * time.Minute), Data: []byte("x")})
		}
	}
	mustWrite(t, s, c)
	before := noon.Add(3 * time.Minute)
	left := int64(4 * nodes)
	for range 20 {
		mustWrite(t, s, store.Change{Forget: store.Forget{Before: before}})
		e, err := s.Extent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if left-e.Records > 3*cutNodes {
			t.Errorf("one write dropped %d records", left-e.Records)
		}
		left = e.Records
	}
	if left != nodes {
		t.Errorf("%d records are left of %d nodes", left, nodes)
	}
	checkCounts(t, s)
}

// TestForgetLongChain cuts a chain of more records than one write drops: what is
// left of it while that goes on tells nothing, and is no damage.
func TestForgetLongChain(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	c := store.Change{}
	for i := range forgetAtOnce + 100 {
		r := store.Record{Node: "web", At: noon.Add(time.Duration(i) * time.Second), Base: noon, Data: []byte("x")}
		if i == 0 {
			r.Base = time.Time{}
		}
		c.Records = append(c.Records, r)
	}
	end := noon.Add((forgetAtOnce + 200) * time.Second)
	c.Put = append(c.Put, block("web", 0))
	c.Records = append(c.Records, store.Record{Node: "web", At: end, Data: []byte("whole")})
	mustWrite(t, s, c)
	for range 3 {
		mustWrite(t, s, store.Change{Forget: store.Forget{Before: end}})
		n := 0
		old := s.RecordsAt(t.Context(), end.Add(-time.Second), func([]store.Record) bool { n++; return true })
		now := s.RecordsAt(t.Context(), end, func(c []store.Record) bool { n += 10 * len(c); return true })
		if err := errors.Join(old, now); err != nil || n != 10 {
			t.Errorf("told %d, %v", n, err)
		}
	}
	if e, err := s.Extent(t.Context()); err != nil || e.Records != 1 {
		t.Errorf("%d records left, %v", e.Records, err)
	}
}

// TestForgetBytesLosesNoMore holds that what one write leaves of the oldest day
// is gone before the next day is touched, however many nodes there are.
func TestForgetBytesLosesNoMore(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	s.db.NoSync = true
	const nodes, days = 4*cutNodes + 3, 8
	start := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -days)
	for day := range days {
		var c store.Change
		for i := range nodes {
			name := fmt.Sprintf("n%05d", i)
			c.Put = append(c.Put, block(name, 0))
			c.Records = append(c.Records, store.Record{Node: name, At: start.AddDate(0, 0, day), Data: make([]byte, 1000)})
		}
		mustWrite(t, s, c)
	}
	e, err := s.Extent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	limit := e.Bytes * 9 / 10 // one of the eight days is too much
	for range 40 {
		mustWrite(t, s, store.Change{Forget: store.Forget{Bytes: limit}})
	}
	e, err = s.Extent(t.Context())
	if err != nil || e.Records < (days-1)*nodes || e.Bytes > limit {
		t.Errorf("%d records of %d nodes are left, %d bytes of %d, %v", e.Records, nodes, e.Bytes, limit, err)
	}
}

// TestForgetAfterAFailure: what a write that failed had dropped is dropped by the
// next.
func TestForgetAfterAFailure(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	c := store.Change{Put: []*topology.Block{block("a", 0)}}
	for i := range 3 {
		c.Records = append(c.Records, store.Record{Node: "a", At: noon.Add(time.Duration(i) * time.Hour), Data: []byte("x")})
	}
	mustWrite(t, s, c)
	f := store.Forget{Before: noon.Add(2 * time.Hour)}
	s.db.MaxSize = 1 // as if the disk were full
	s.db.AllocSize = 1 << 30
	err := s.Write(t.Context(), store.Change{Forget: f, Keep: []store.Document{{Kind: "k", Key: "k", Value: make([]byte, 8<<20)}}})
	if err == nil {
		t.Fatal("a write beyond the limit succeeds")
	}
	s.db.MaxSize = 0
	mustWrite(t, s, store.Change{Forget: f})
	if e, err := s.Extent(t.Context()); err != nil || e.Records != 1 {
		t.Errorf("%d records are left, %v", e.Records, err)
	}
}
