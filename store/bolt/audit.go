package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/store"
)

// writeAudit appends to the audit log, and drops what is too old of it.
func writeAudit(tx *bbolt.Tx, c *store.Change) error {
	if len(c.Audit) == 0 {
		return forgetAudit(tx, c.Forget.Audit)
	}
	bucket, err := tx.CreateBucketIfNotExists(bucketAudit)
	if err != nil {
		return fmt.Errorf("creating audit log: %w", err)
	}
	bucket.FillPercent = 0.95 // they come in their order
	for i := range c.Audit {
		seq, err := bucket.NextSequence()
		if err != nil {
			return err
		}
		raw, err := json.Marshal(&c.Audit[i])
		if err != nil {
			return fmt.Errorf("encoding entry of the audit log: %w", err)
		}
		if err := bucket.Put(eventKey(c.Audit[i].At, seq), raw); err != nil {
			return err
		}
	}
	return forgetAudit(tx, c.Forget.Audit)
}

func forgetAudit(tx *bbolt.Tx, before time.Time) error {
	bucket := tx.Bucket(bucketAudit)
	if bucket == nil || before.IsZero() {
		return nil
	}
	cur := bucket.Cursor()
	limit := eventKey(before, 0)
	left := forgetAtOnce
	for k, _ := cur.First(); k != nil && bytes.Compare(k, limit) < 0 && left > 0; k, _ = cur.First() {
		if err := cur.Delete(); err != nil {
			return err
		}
		left--
	}
	return nil
}

// Audit reads the audit log from from to before to.
func (s *Store) Audit(ctx context.Context, from, to time.Time, yield func(audit.Entry) bool) error {
	limit := eventKey(to, 0)
	return s.each(ctx, bucketAudit, eventKey(from, 0), func(key, raw []byte) (bool, error) {
		if bytes.Compare(key, limit) >= 0 {
			return false, nil
		}
		var e audit.Entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return false, s.damaged(fmt.Sprintf("entry %q of the audit log: %v", key, err))
		}
		return yield(e), nil
	})
}
