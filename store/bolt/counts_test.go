package bolt

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// checkCounts compares what was counted with what is there.
func checkCounts(t *testing.T, s *Store) {
	t.Helper()
	var want, got counts
	err := s.view(func(tx *bbolt.Tx) (err error) {
		for _, part := range []struct {
			bucket []byte
			n      *int64
		}{{bucketEvents, &want.Events}, {bucketRecords, &want.Records}, {bucketPatches, &want.Records}, {bucketUses, &want.Uses}} {
			b := tx.Bucket(part.bucket)
			if b == nil {
				continue
			}
			if err := b.ForEach(func(k, v []byte) error { want.add(part.n, k, v); return nil }); err != nil {
				return err
			}
		}
		got, err = readCounts(tx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("counted %+v, there is %+v", got, want)
	}
}

// TestCounts writes at random what is new, replaces, merges and is forgotten:
// the counts stay those of what is there, also when a write fails.
func TestCounts(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	s.db.NoSync = true // nothing dies here
	rng := rand.New(rand.NewPCG(5, 6))
	moment := func() time.Time { return noon.Add(time.Duration(rng.IntN(2000)) * time.Second) }
	for round := range 150 {
		var c store.Change
		for range rng.IntN(20) {
			node := fmt.Sprint("n", rng.IntN(9))
			c.Put = append(c.Put, block(node, 0))
			c.Append = append(c.Append, event(rng.IntN(2000)))
			r := store.Record{Node: node, At: moment(), Data: make([]byte, rng.IntN(300))}
			if rng.IntN(2) == 0 {
				r.Base = moment()
			}
			c.Records = append(c.Records, r)
			c.Uses = append(c.Uses, store.Use{Service: node, Connection: fmt.Sprint(rng.IntN(9)), First: noon, Last: moment()})
		}
		switch rng.IntN(5) {
		case 0:
			c.Forget = store.Forget{Before: moment(), Uses: moment()}
		case 1:
			c.Forget = store.Forget{Bytes: int64(1 + rng.IntN(20_000))}
		case 2:
			c.Gaps = []store.Gap{{}, {From: noon, To: moment()}}
			c.Records = append(c.Records, store.Record{}) // which is refused
			if err := s.Write(t.Context(), c); err == nil {
				t.Fatal("a record without a node was written")
			}
			c = store.Change{Put: []*topology.Block{block("n0", 1)}}
		}
		mustWrite(t, s, c)
		if checkCounts(t, s); t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}
