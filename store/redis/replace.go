package redis

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// restoring is the format of a store that is being filled.
const restoring = "restoring"

// Replace deletes what the store holds, the original's keys with it, but for leases
// and messages, and has fill write the new. It is not one transaction: if that ends halfway, the store says
// so when it is opened.
func (s *Store) Replace(ctx context.Context, fill func(store.Store) error) error {
	if err := s.client.Set(ctx, prefix+"format", restoring, 0).Err(); err != nil {
		return s.failed("replacing", err)
	}
	if err := s.clear(ctx); err != nil {
		return s.failed("replacing", err)
	}
	s.restart()
	defer s.restart()
	if err := fill(s); err != nil {
		return fmt.Errorf("filling %s: %w", s.where, err)
	}
	return s.failed("replacing", s.client.Set(ctx, prefix+"format", format, 0).Err())
}

// restart forgets what was written, so that nothing is compared with it.
func (s *Store) restart() {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.written, s.seeds.epoch = topology.Revision{}, ""
}

// clear deletes our keys on every master.
func (s *Store) clear(ctx context.Context) error {
	if c, ok := s.client.(*redis.ClusterClient); ok {
		return c.ForEachMaster(ctx, func(ctx context.Context, m *redis.Client) error { return s.clearOne(ctx, m) })
	}
	return s.clearOne(ctx, s.client)
}

func (s *Store) clearOne(ctx context.Context, node redis.Cmdable) error {
	ours := seedPrefix
	if s.seeds.mode == CompatOff {
		ours = prefix
	}
	for cursor := uint64(0); ; {
		keys, next, err := node.Scan(ctx, cursor, ours+"*", perTrip).Result()
		if err != nil {
			return err
		}
		p := s.client.Pipeline() // by slot, on a Cluster
		for _, k := range keys {
			if k != prefix+"format" && !strings.HasPrefix(k, prefix+"lease::") && !strings.HasPrefix(k, prefix+"term::") && !strings.HasPrefix(k, prefix+"topic::") {
				p.Del(ctx, k)
			}
		}
		if err := exec(ctx, p); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// Records reads them all, node by node.
func (s *Store) Records(ctx context.Context, yield func(store.Record) bool) error {
	names, err := s.client.SMembers(ctx, keyRecorded).Result()
	if err != nil {
		return s.failed("reading", err)
	}
	for _, node := range names {
		members, err := s.client.ZRange(ctx, keyRecord+node, 0, -1).Result()
		if err != nil {
			return s.failed("reading", err)
		}
		for _, m := range members {
			r, err := s.record(node, m)
			if err != nil {
				return err
			}
			if !yield(r) {
				return nil
			}
		}
	}
	return nil
}
