package bolt

import (
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"
)

// counts are how much history there is, so that nobody has to walk through it.
type counts struct {
	Events  int64 `json:"events"`
	Records int64 `json:"records"`
	Uses    int64 `json:"uses"`
	// Bytes are those of keys and values; the file's pages take up to twice that.
	Bytes int64 `json:"bytes"`
}

func (c *counts) add(n *int64, key, value []byte) {
	*n++
	c.Bytes += int64(len(key) + len(value))
}

func (c *counts) drop(n *int64, key, value []byte) {
	*n--
	c.Bytes -= int64(len(key) + len(value))
}

// put writes an entry, and counts it once.
func (c *counts) put(b *bbolt.Bucket, n *int64, key, value []byte) error {
	if old := b.Get(key); old != nil {
		c.drop(n, key, old)
	}
	c.add(n, key, value)
	return b.Put(key, value)
}

// delete drops what a cursor stands on.
func (c *counts) delete(cur *bbolt.Cursor, n *int64, key, value []byte) error {
	c.drop(n, key, value)
	return cur.Delete()
}

func readCounts(tx *bbolt.Tx) (c counts, err error) {
	if raw := tx.Bucket(bucketMeta).Get(keyCounts); raw != nil {
		if err := json.Unmarshal(raw, &c); err != nil {
			return c, fmt.Errorf("counts: %w", err)
		}
	}
	return c, nil
}

func (c *counts) write(tx *bbolt.Tx) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encoding counts: %w", err)
	}
	return tx.Bucket(bucketMeta).Put(keyCounts, raw)
}
