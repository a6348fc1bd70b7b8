package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devops-trouble-map/dotm/store"
)

// timeKey sorts as times do; see eventKey.
func timeKey(at time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(nanoseconds(at))^(1<<63))
}

func keyTime(key []byte) time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint64(key)^(1<<63))).UTC()
}

// recordKey sorts records by node, then by time: name, NUL, millisecond.
func recordKey(node string, at time.Time) []byte {
	return append([]byte(node+"\x00"), timeKey(at.Truncate(time.Millisecond))...)
}

func cutRecordKey(key []byte) (node string, at time.Time, ok bool) {
	if len(key) < 10 || key[len(key)-9] != 0 {
		return "", time.Time{}, false
	}
	return string(key[:len(key)-9]), keyTime(key[len(key)-8:]), true
}

func writeRecords(tx *bbolt.Tx, c *store.Change, n *counts) error {
	if len(c.Records) == 0 {
		return nil
	}
	bucket, err := tx.CreateBucketIfNotExists(bucketRecords)
	if err != nil {
		return fmt.Errorf("creating records: %w", err)
	}
	if meta := tx.Bucket(bucketMeta); meta.Get(keyFrom) == nil {
		first := slices.MinFunc(c.Records, func(a, b store.Record) int { return a.At.Compare(b.At) })
		if err := meta.Put(keyFrom, timeKey(first.At.Truncate(time.Millisecond))); err != nil {
			return err
		}
	}
	for i := range c.Records {
		r := &c.Records[i]
		if r.Node == "" || bytes.ContainsRune([]byte(r.Node), 0) {
			return fmt.Errorf("node name must not be empty nor have a NUL, is %q", r.Node)
		}
		base := make([]byte, 8, 8+len(r.Data))
		if !r.Base.IsZero() {
			copy(base, timeKey(r.Base.Truncate(time.Millisecond)))
		}
		if err := n.put(bucket, &n.Records, recordKey(r.Node, r.At), append(base, r.Data...)); err != nil {
			return fmt.Errorf("record of %q: %w", r.Node, err)
		}
	}
	return nil
}

// RecordsAt finds each node's newest record by seeking from one node's end to
// the next's.
func (s *Store) RecordsAt(ctx context.Context, at time.Time, yield func(chain []store.Record) bool) error {
	err := s.guard("reading", func() error {
		return s.view(func(tx *bbolt.Tx) error { return s.recordsAt(ctx, tx, at, yield) })
	})
	return closed(err)
}

// Records reads them all.
func (s *Store) Records(ctx context.Context, yield func(store.Record) bool) error {
	return s.each(ctx, bucketRecords, nil, func(key, raw []byte) (bool, error) {
		node, _, ok := cutRecordKey(key)
		if !ok {
			return false, s.damaged(fmt.Sprintf("record %q", key))
		}
		r, err := s.record(node, key, raw)
		return err == nil && yield(r), err
	})
}

func (s *Store) recordsAt(ctx context.Context, tx *bbolt.Tx, at time.Time, yield func(chain []store.Record) bool) error {
	bucket := tx.Bucket(bucketRecords)
	if bucket == nil {
		return nil
	}
	cur := bucket.Cursor()
	key, _ := cur.First()
	kept := !at.Before(oldest(tx))
	for key != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		node, _, ok := cutRecordKey(key)
		if !ok {
			return s.damaged(fmt.Sprintf("record %q", key))
		}
		chain, err := s.chainAt(cur, node, at, kept)
		if err != nil {
			return err
		}
		if chain != nil && !yield(chain) {
			return nil
		}
		key, _ = cur.Seek([]byte(node + "\x01"))
	}
	return nil
}

// chainAt is the newest record of a node up to a moment, after those that it
// builds on; nil if there is none. Of a moment that is not kept any more, part of
// them may be forgotten.
func (s *Store) chainAt(cur *bbolt.Cursor, node string, at time.Time, kept bool) ([]store.Record, error) {
	last, raw := newestRecord(cur, node, at)
	if last == nil {
		return nil, nil
	}
	r, err := s.record(node, last, raw)
	if err != nil || r.Base.IsZero() {
		return []store.Record{r}, err
	}
	last = bytes.Clone(last)
	var chain []store.Record
	key, raw := cur.Seek(recordKey(node, r.Base))
	for ; key != nil && bytes.Compare(key, last) <= 0; key, raw = cur.Next() {
		link, err := s.record(node, key, raw)
		if err != nil {
			return nil, err
		}
		chain = append(chain, link)
	}
	if len(chain) == 0 || !chain[0].At.Equal(r.Base) {
		if !kept {
			return nil, nil
		}
		return nil, s.damaged(fmt.Sprintf("record %q lacks what it builds on", last))
	}
	return chain, nil
}

func (s *Store) record(node string, key, raw []byte) (r store.Record, err error) {
	_, when, ok := cutRecordKey(key)
	if !ok || len(raw) < 8 {
		return r, s.damaged(fmt.Sprintf("record %q is cut", key))
	}
	r = store.Record{Node: node, At: when, Data: slices.Clone(raw[8:])}
	if !bytes.Equal(raw[:8], make([]byte, 8)) {
		r.Base = keyTime(raw[:8])
	}
	return r, nil
}

// newestRecord is a node's last entry up to a moment; nil if there is none. The
// cursor stands on it.
func newestRecord(cur *bbolt.Cursor, node string, at time.Time) (key, value []byte) {
	limit := recordKey(node, at)
	key, value = cur.Seek(limit)
	if !bytes.Equal(key, limit) {
		if key == nil {
			key, value = cur.Last()
		} else {
			key, value = cur.Prev()
		}
	}
	if name, _, ok := cutRecordKey(key); !ok || name != node {
		return nil, nil
	}
	return key, value
}

func writeUses(tx *bbolt.Tx, c *store.Change, n *counts) error {
	if len(c.Uses) == 0 {
		return nil
	}
	bucket, err := tx.CreateBucketIfNotExists(bucketUses)
	if err != nil {
		return fmt.Errorf("creating uses: %w", err)
	}
	for i := range c.Uses {
		u := c.Uses[i]
		key := []byte(u.Service + "\x00" + u.Connection)
		if raw := bucket.Get(key); raw != nil {
			var known store.Use
			if err := json.Unmarshal(raw, &known); err != nil {
				return fmt.Errorf("use %q: %w", key, err)
			}
			known.Merge(&u)
			u = known
		}
		raw, err := json.Marshal(&u)
		if err != nil {
			return fmt.Errorf("encoding use: %w", err)
		}
		if err := n.put(bucket, &n.Uses, key, raw); err != nil {
			return err
		}
	}
	return nil
}

// Uses reads the ledger.
func (s *Store) Uses(ctx context.Context, service string, yield func(store.Use) bool) error {
	prefix := []byte{}
	if service != "" {
		prefix = []byte(service + "\x00")
	}
	return s.each(ctx, bucketUses, prefix, func(key, raw []byte) (bool, error) {
		if !bytes.HasPrefix(key, prefix) {
			return false, nil
		}
		var u store.Use
		if err := json.Unmarshal(raw, &u); err != nil {
			return false, s.damaged(fmt.Sprintf("use %q: %v", key, err))
		}
		return yield(u), nil
	})
}

// gapKey sorts gaps by their start, then by node.
func gapKey(g *store.Gap) []byte {
	return append(timeKey(g.From.Truncate(time.Millisecond)), g.Node...)
}

func writeGaps(tx *bbolt.Tx, c *store.Change, _ *counts) error {
	if len(c.Gaps) == 0 {
		return nil
	}
	bucket, err := tx.CreateBucketIfNotExists(bucketGaps)
	if err != nil {
		return fmt.Errorf("creating gaps: %w", err)
	}
	for i := range c.Gaps {
		raw, err := json.Marshal(&c.Gaps[i])
		if err != nil {
			return fmt.Errorf("encoding gap: %w", err)
		}
		if err := bucket.Put(gapKey(&c.Gaps[i]), raw); err != nil {
			return err
		}
	}
	return nil
}

// Gaps reads them all: a gap may begin long before the range that it reaches
// into.
func (s *Store) Gaps(ctx context.Context, from, to time.Time, yield func(store.Gap) bool) error {
	limit := timeKey(to)
	return s.each(ctx, bucketGaps, nil, func(key, raw []byte) (bool, error) {
		if bytes.Compare(key[:min(8, len(key))], limit) >= 0 {
			return false, nil
		}
		var g store.Gap
		if err := json.Unmarshal(raw, &g); err != nil {
			return false, s.damaged(fmt.Sprintf("gap %q: %v", key, err))
		}
		if !g.From.Before(to) || (!g.To.IsZero() && !g.To.After(from)) {
			return true, nil
		}
		return yield(g), nil
	})
}

// each calls f for what is in a bucket, from a key on.
func (s *Store) each(ctx context.Context, bucket, from []byte, f func(key, raw []byte) (more bool, err error)) error {
	err := s.guard("reading", func() error {
		return s.view(func(tx *bbolt.Tx) error {
			b := tx.Bucket(bucket)
			if b == nil {
				return nil
			}
			cur := b.Cursor()
			for key, raw := cur.Seek(from); key != nil; key, raw = cur.Next() {
				if err := ctx.Err(); err != nil {
					return err
				}
				if more, err := f(key, raw); !more || err != nil {
					return err
				}
			}
			return nil
		})
	})
	return closed(err)
}

// Extent reads what was counted.
func (s *Store) Extent(ctx context.Context) (e store.Extent, err error) {
	if err := ctx.Err(); err != nil {
		return e, err
	}
	err = s.guard("reading", func() error {
		return s.view(func(tx *bbolt.Tx) error {
			n, err := readCounts(tx)
			if err != nil {
				return s.damaged(err.Error())
			}
			e = store.Extent{Events: n.Events, Records: n.Records, Uses: n.Uses, Bytes: n.Bytes}
			e.From = oldest(tx)
			return nil
		})
	})
	return e, closed(err)
}
