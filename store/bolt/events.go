package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// eventKey sorts events by time, then by the order of their arrival: the time
// in nanoseconds since 1970, with the sign bit flipped so that bytes sort as
// numbers do, and the bucket's sequence number, both big-endian. Times that
// don't fit into 64 bits become the first or the last that does.
func eventKey(at time.Time, seq uint64) []byte {
	key := make([]byte, 0, 16)
	key = binary.BigEndian.AppendUint64(key, uint64(nanoseconds(at))^(1<<63))
	return binary.BigEndian.AppendUint64(key, seq)
}

func nanoseconds(at time.Time) int64 {
	switch {
	case at.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case at.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return at.UnixNano()
}

func appendEvents(tx *bbolt.Tx, c *store.Change, n *counts) error {
	events := tx.Bucket(bucketEvents)
	events.FillPercent = 0.95 // they come in their order
	for i := range c.Append {
		seq, err := events.NextSequence()
		if err != nil {
			return err
		}
		raw := history.EncodeEvent(&c.Append[i])
		key := eventKey(c.Append[i].At, seq)
		n.add(&n.Events, key, raw)
		if err := events.Put(key, raw); err != nil {
			return err
		}
	}
	return nil
}

// maxEvent bounds an entry of the events: a damaged file may tell of gigabytes.
const maxEvent = 16 << 20

// readEvent reads an entry of the events; those of format 1 are JSON.
func readEvent(key, raw []byte) (e topology.Event, err error) {
	if len(raw) > 0 && raw[0] == '{' {
		if err := json.Unmarshal(raw, &e); err != nil {
			return e, fmt.Errorf("event: %w", err)
		}
		return e, nil
	}
	if len(raw) > maxEvent {
		return e, fmt.Errorf("event %q has %d bytes, the most is %d", key, len(raw), maxEvent)
	}
	if len(key) < 8 {
		return e, fmt.Errorf("event %q has no time", key)
	}
	return history.DecodeEvent(raw, keyTime(key[:8]))
}

// Events reads the history from from to before to.
func (s *Store) Events(ctx context.Context, from, to time.Time, yield func(topology.Event) bool) error {
	err := s.guard("reading", func() error {
		return s.view(func(tx *bbolt.Tx) error { return s.events(ctx, tx, from, to, yield) })
	})
	return closed(err)
}

func (s *Store) events(ctx context.Context, tx *bbolt.Tx, from, to time.Time, yield func(topology.Event) bool) error {
	cur := tx.Bucket(bucketEvents).Cursor()
	limit := eventKey(to, 0)
	for k, raw := cur.Seek(eventKey(from, 0)); k != nil && bytes.Compare(k, limit) < 0; k, raw = cur.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, err := readEvent(k, raw)
		if err != nil {
			return s.damaged(err.Error())
		}
		if !yield(e) {
			return nil
		}
	}
	return nil
}
