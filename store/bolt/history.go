package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
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
		if strings.ContainsRune(u.Service, 0) {
			return fmt.Errorf("service of a use must not have a NUL, is %q", u.Service)
		}
		key := []byte(u.Service + "\x00" + u.Connection)
		if raw := bucket.Get(key); raw != nil {
			var known store.Use
			if err := json.Unmarshal(raw, &known); err != nil {
				return fmt.Errorf("use %q: %w: %w", key, errUnreadable, err)
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
