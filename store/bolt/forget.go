package bolt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devops-trouble-map/dotm/store"
)

// The most that one write drops, so that a shortened retention never holds up
// the writes behind it.
const (
	forgetAtOnce = 10_000 // events or records
	cutNodes     = 500    // whose records are looked at
	cutUses      = 10_000 // entries of the ledger that are looked at
)

// eraser drops what the history may lose. It remembers where it stopped; after a
// restart it begins anew, which costs nothing but time.
type eraser struct {
	node string    // whose records were cut last
	pass time.Time // before when the nodes are cut that come now, at least
	done time.Time // before when all were
	use  []byte    // the key of the ledger that was looked at last
}

func (e *eraser) forget(tx *bbolt.Tx, c *store.Change, n *counts) error {
	before := c.Forget.Before
	if c.Forget.Bytes > 0 && n.Bytes > c.Forget.Bytes {
		if day := e.day(tx, time.Now()); day.After(before) {
			before = day
		}
	}
	if !before.IsZero() {
		if err := forgetEvents(tx, before, n); err != nil {
			return err
		}
		if err := e.forgetRecords(tx, before, n); err != nil {
			return err
		}
		if err := forgetGaps(tx, before); err != nil {
			return err
		}
	}
	if c.Forget.Uses.IsZero() {
		return nil
	}
	return e.forgetUses(tx, c.Forget.Uses, n)
}

// day is before when to forget where there is too much: the end of the first day
// that can be told, once all that is older is gone. Else each write would take one
// day more, while the first still counts.
func (e *eraser) day(tx *bbolt.Tx, now time.Time) time.Time {
	from := oldest(tx)
	first, _ := tx.Bucket(bucketEvents).Cursor().First()
	if e.done.Before(from) || (first != nil && bytes.Compare(first, eventKey(from, 0)) < 0) {
		return from
	}
	return oldestDay(from, now)
}

// oldest is the first moment that can be told; zero if there is none.
func oldest(tx *bbolt.Tx) time.Time {
	if raw := tx.Bucket(bucketMeta).Get(keyFrom); len(raw) == 8 {
		return keyTime(raw)
	}
	return time.Time{}
}

// oldestDay is the end of the first day that can be told. The last hour is kept
// whatever it takes.
func oldestDay(from, now time.Time) time.Time {
	if from.IsZero() {
		return from
	}
	day := from.Truncate(24 * time.Hour).Add(24 * time.Hour)
	if last := now.Add(-time.Hour); day.After(last) {
		return last
	}
	return day
}

func forgetEvents(tx *bbolt.Tx, before time.Time, n *counts) error {
	cur := tx.Bucket(bucketEvents).Cursor()
	limit := eventKey(before, 0)
	left := forgetAtOnce
	for k, v := cur.First(); k != nil && bytes.Compare(k, limit) < 0 && left > 0; k, v = cur.First() {
		if err := n.delete(cur, &n.Events, k, v); err != nil {
			return err
		}
		left--
	}
	return nil
}

// forgetRecords cuts the records of the next nodes in their order.
func (e *eraser) forgetRecords(tx *bbolt.Tx, before time.Time, n *counts) error {
	r, from := recordedIn(tx), oldest(tx)
	if r == nil || from.After(before) || !before.After(e.done) {
		return nil // nothing is that old
	}
	if err := tx.Bucket(bucketMeta).Put(keyFrom, timeKey(before)); err != nil {
		return err
	}
	if e.node == "" {
		e.pass = before
	}
	left := forgetAtOnce
	for range cutNodes {
		node, err := r.next(e.node)
		if err != nil {
			return err
		}
		if node == "" {
			e.node, e.done = "", e.pass
			return nil
		}
		if err := r.cut(tx, node, before, n, &left); err != nil || left == 0 {
			return err // what is left of this node comes next
		}
		e.node = node
	}
	return nil
}

// cut drops what is older than a node's newest record that is old enough, or than
// what that builds on, the oldest first, and what stands by itself before what builds
// on it. Nothing is kept of a node that is gone since.
func (r *recorded) cut(tx *bbolt.Tx, node string, before time.Time, n *counts, left *int) error {
	_, key, value := r.newest(node, before)
	if key == nil {
		return nil
	}
	keep := bytes.Clone(key)
	if base := baseOf(value); base != nil {
		keep = keyOf(node, base)
	}
	if !r.after(node, before) && tx.Bucket(bucketNodes).Get([]byte(node)) == nil {
		keep = append(bytes.Clone(key), 0xff) // after it
	}
	prefix := []byte(node + "\x00")
	for _, cur := range r.cursors() {
		for k, v := cur.Seek(prefix); k != nil && bytes.Compare(k, keep) < 0 && *left > 0; k, v = cur.Seek(prefix) {
			if err := n.delete(cur, &n.Records, k, v); err != nil {
				return err
			}
			*left--
		}
	}
	return nil
}

// after says whether a node has records after a moment.
func (r *recorded) after(node string, at time.Time) bool {
	limit := recordKey(node, at.Add(time.Millisecond))
	for _, cur := range r.cursors() {
		if key, _ := cur.Seek(limit); bytes.HasPrefix(key, []byte(node+"\x00")) {
			return true
		}
	}
	return false
}

func forgetGaps(tx *bbolt.Tx, before time.Time) error {
	bucket := tx.Bucket(bucketGaps)
	if bucket == nil {
		return nil
	}
	var old [][]byte
	cur := bucket.Cursor()
	limit := timeKey(before)
	for k, raw := cur.First(); k != nil && bytes.Compare(k, limit) < 0; k, raw = cur.Next() {
		var g store.Gap
		if err := json.Unmarshal(raw, &g); err != nil {
			return fmt.Errorf("gap %q: %w: %w", k, errUnreadable, err)
		}
		if !g.To.IsZero() && !g.To.After(before) {
			old = append(old, bytes.Clone(k))
		}
	}
	for _, k := range old {
		if err := bucket.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// forgetUses looks at the next entries of the ledger in their order.
func (e *eraser) forgetUses(tx *bbolt.Tx, before time.Time, n *counts) error {
	bucket := tx.Bucket(bucketUses)
	if bucket == nil {
		return nil
	}
	cur := bucket.Cursor()
	k, raw := cur.Seek(e.use)
	for left := cutUses; k != nil && left > 0; left-- {
		var u store.Use
		if err := json.Unmarshal(raw, &u); err != nil {
			return fmt.Errorf("use %q: %w: %w", k, errUnreadable, err)
		}
		e.use = append(bytes.Clone(k), 0)
		if u.Last.Before(before) {
			if err := n.delete(cur, &n.Uses, k, raw); err != nil {
				return err
			}
		}
		k, raw = cur.Seek(e.use)
	}
	if k == nil {
		e.use = nil
	}
	return nil
}
