package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/store"
)

// putAudit appends to the audit log. What is written again, after an answer that
// was lost, is there twice: better than not at all.
func putAudit(ctx context.Context, p redis.Pipeliner, c *store.Change) error {
	if len(c.Audit) == 0 {
		return nil
	}
	arrived := uint64(time.Now().UnixNano())
	entries := make([]redis.Z, len(c.Audit))
	for i := range c.Audit {
		raw, err := json.Marshal(&c.Audit[i])
		if err != nil {
			return fmt.Errorf("encoding entry of the audit log: %w", err)
		}
		entries[i] = redis.Z{Score: score(c.Audit[i].At), Member: hex(arrived) + hex(uint64(i)) + string(raw)}
	}
	p.ZAdd(ctx, keyAudit, entries...)
	return nil
}

// Audit reads the audit log in parts.
func (s *Store) Audit(ctx context.Context, from, to time.Time, yield func(audit.Entry) bool) error {
	const part = 2000
	first, err := s.client.ZCount(ctx, keyAudit, "-inf", "("+limit(from)).Result()
	if err != nil {
		return s.failed("reading", err)
	}
	for start := first; ; start += part {
		members, err := s.client.ZRange(ctx, keyAudit, start, start+part-1).Result()
		if err != nil {
			return s.failed("reading", err)
		}
		for _, m := range members {
			var e audit.Entry
			if len(m) < 2*stampSize {
				return s.damaged("entry of the audit log " + strconv.Quote(m))
			}
			if err := json.Unmarshal([]byte(m[2*stampSize:]), &e); err != nil {
				return s.damaged("entry of the audit log: " + err.Error())
			}
			switch {
			case !e.At.Before(to):
				return nil
			case !e.At.Before(from) && !yield(e):
				return nil
			}
		}
		if len(members) < part {
			return nil
		}
	}
}
