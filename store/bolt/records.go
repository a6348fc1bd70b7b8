package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devops-trouble-map/dotm/store"
)

// Records that stand by themselves and those that build on them are in two buckets:
// they differ so much in size that the pages of one would stay half empty. Before
// format 3 all were in the first.

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
	wholes, err := tx.CreateBucketIfNotExists(bucketRecords)
	if err != nil {
		return fmt.Errorf("creating records: %w", err)
	}
	patches, err := tx.CreateBucketIfNotExists(bucketPatches)
	if err != nil {
		return fmt.Errorf("creating patches: %w", err)
	}
	patches.FillPercent = 0.95 // those of a node come in their order
	if meta := tx.Bucket(bucketMeta); meta.Get(keyFrom) == nil {
		first := slices.MinFunc(c.Records, func(a, b store.Record) int { return a.At.Compare(b.At) })
		if err := meta.Put(keyFrom, timeKey(first.At.Truncate(time.Millisecond))); err != nil {
			return err
		}
	}
	for i := range c.Records {
		if err := writeRecord(wholes, patches, &c.Records[i], n); err != nil {
			return fmt.Errorf("record of %q: %w", c.Records[i].Node, err)
		}
	}
	return nil
}

// writeRecord writes one in place of what either bucket has of that moment.
func writeRecord(wholes, patches *bbolt.Bucket, r *store.Record, n *counts) error {
	if r.Node == "" || strings.ContainsRune(r.Node, 0) {
		return fmt.Errorf("node name must not be empty nor have a NUL, is %q", r.Node)
	}
	to, other := wholes, patches
	value := make([]byte, 8, 8+len(r.Data))
	if !r.Base.IsZero() {
		to, other = patches, wholes
		copy(value, timeKey(r.Base.Truncate(time.Millisecond)))
	}
	key := recordKey(r.Node, r.At)
	if old := other.Get(key); old != nil {
		n.drop(&n.Records, key, old)
		if err := other.Delete(key); err != nil {
			return err
		}
	}
	return n.put(to, &n.Records, key, append(value, r.Data...))
}

// recorded is where all records are.
type recorded struct{ wholes, patches *bbolt.Cursor }

// recordedIn is nil if there are no records.
func recordedIn(tx *bbolt.Tx) *recorded {
	wholes := tx.Bucket(bucketRecords)
	if wholes == nil {
		return nil
	}
	r := &recorded{wholes: wholes.Cursor()}
	if patches := tx.Bucket(bucketPatches); patches != nil {
		r.patches = patches.Cursor()
	}
	return r
}

// cursors are those that there are.
func (r *recorded) cursors() []*bbolt.Cursor {
	if r.patches == nil {
		return []*bbolt.Cursor{r.wholes}
	}
	return []*bbolt.Cursor{r.wholes, r.patches}
}

// next is the first node after one that has records; empty if there is none.
func (r *recorded) next(node string) (string, error) {
	after := []byte(node + "\x01")
	if node == "" {
		after = nil
	}
	var first []byte
	for _, cur := range r.cursors() {
		if key, _ := cur.Seek(after); key != nil && (first == nil || bytes.Compare(key, first) < 0) {
			first = key
		}
	}
	if first == nil {
		return "", nil
	}
	name, _, ok := cutRecordKey(first)
	if !ok {
		return "", fmt.Errorf("record %q: %w", first, errUnreadable)
	}
	return name, nil
}

// newest is a node's last record up to a moment, and the cursor that stands on it;
// nil if there is none.
func (r *recorded) newest(node string, at time.Time) (in *bbolt.Cursor, key, value []byte) {
	limit := recordKey(node, at)
	for _, cur := range r.cursors() {
		if k, v := upTo(cur, limit); k != nil && (key == nil || bytes.Compare(k, key) > 0) {
			in, key, value = cur, k, v
		}
	}
	return in, key, value
}

// upTo is a node's last entry up to a key; nil if there is none. The cursor stands on
// it.
func upTo(cur *bbolt.Cursor, limit []byte) (key, value []byte) {
	key, value = cur.Seek(limit)
	if !bytes.Equal(key, limit) {
		if key == nil {
			key, value = cur.Last()
		} else {
			key, value = cur.Prev()
		}
	}
	if node := limit[:len(limit)-8]; len(key) != len(limit) || !bytes.HasPrefix(key, node) {
		return nil, nil
	}
	return key, value
}

// baseOf is the time of what an entry builds on, as in its key; nil if it stands by
// itself.
func baseOf(value []byte) []byte {
	if len(value) < 8 || bytes.Equal(value[:8], make([]byte, 8)) {
		return nil
	}
	return value[:8]
}

// keyOf is the key of what an entry builds on.
func keyOf(node string, base []byte) []byte { return append([]byte(node+"\x00"), base...) }

// RecordsAt finds each node's newest record by seeking from one node's end to
// the next's.
func (s *Store) RecordsAt(ctx context.Context, at time.Time, yield func(chain []store.Record) bool) error {
	err := s.guard("reading", func() error {
		return s.view(func(tx *bbolt.Tx) error { return s.met(recordsAt(ctx, tx, at, yield)) })
	})
	return closed(err)
}

// met says what to do about damage.
func (s *Store) met(err error) error {
	if errors.Is(err, errUnreadable) {
		return s.damaged(err.Error())
	}
	return err
}

func recordsAt(ctx context.Context, tx *bbolt.Tx, at time.Time, yield func(chain []store.Record) bool) error {
	r := recordedIn(tx)
	if r == nil {
		return nil
	}
	kept := !at.Before(oldest(tx))
	for node := ""; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		next, err := r.next(node)
		if err != nil || next == "" {
			return err
		}
		node = next
		chain, err := r.chainAt(node, at, kept)
		if err != nil {
			return err
		}
		if chain != nil && !yield(chain) {
			return nil
		}
	}
}

// chainAt is the newest record of a node up to a moment, after those that it
// builds on; nil if there is none. Of a moment that is not kept any more, part of
// them may be forgotten.
func (r *recorded) chainAt(node string, at time.Time, kept bool) ([]store.Record, error) {
	in, last, value := r.newest(node, at)
	if last == nil {
		return nil, nil
	}
	c := links{node: node, data: make([]byte, 0, usualChain)}
	base := baseOf(value)
	if base == nil {
		err := c.add(last, value)
		return c.records, err
	}
	from := keyOf(node, base)
	whole, value := r.wholes.Seek(from)
	if !bytes.Equal(whole, from) {
		if !kept {
			return nil, nil
		}
		return nil, fmt.Errorf("record %q lacks what it builds on: %w", last, errUnreadable)
	}
	if err := c.add(whole, value); err != nil {
		return nil, err
	}
	key, value := in.Seek(from) // before format 3 they follow in the same bucket
	for ; key != nil && bytes.Compare(key, last) <= 0; key, value = in.Next() {
		if !bytes.Equal(baseOf(value), base) {
			continue // the first one, or of another chain
		}
		if err := c.add(key, value); err != nil {
			return nil, err
		}
	}
	return c.records, nil
}

// links gathers the records of a node, whose data is in one buffer.
type links struct {
	node    string
	records []store.Record
	data    []byte
}

// usualChain is more than the data of most chains.
const usualChain = 8 << 10

func (c *links) add(key, value []byte) error {
	_, when, ok := cutRecordKey(key)
	if !ok || len(value) < 8 {
		return fmt.Errorf("record %q is cut: %w", key, errUnreadable)
	}
	begin := len(c.data)
	c.data = append(c.data, value[8:]...)
	r := store.Record{Node: c.node, At: when, Data: c.data[begin:len(c.data):len(c.data)]}
	if baseOf(value) != nil {
		r.Base = keyTime(value[:8])
	}
	c.records = append(c.records, r)
	return nil
}

// Records reads them all, of both buckets in one order.
func (s *Store) Records(ctx context.Context, yield func(store.Record) bool) error {
	err := s.guard("reading", func() error {
		return s.view(func(tx *bbolt.Tx) error { return s.met(allRecords(ctx, tx, yield)) })
	})
	return closed(err)
}

func allRecords(ctx context.Context, tx *bbolt.Tx, yield func(store.Record) bool) error {
	r := recordedIn(tx)
	if r == nil {
		return nil
	}
	var patch, data []byte
	whole, value := r.wholes.First()
	if r.patches != nil {
		patch, data = r.patches.First()
	}
	for whole != nil || patch != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		key, raw := whole, value
		if whole == nil || (patch != nil && bytes.Compare(patch, whole) < 0) {
			key, raw = patch, data
			patch, data = r.patches.Next()
		} else {
			whole, value = r.wholes.Next()
		}
		node, _, ok := cutRecordKey(key)
		if !ok {
			return fmt.Errorf("record %q: %w", key, errUnreadable)
		}
		c := links{node: node}
		if err := c.add(key, raw); err != nil {
			return err
		}
		if !yield(c.records[0]) {
			return nil
		}
	}
	return nil
}
