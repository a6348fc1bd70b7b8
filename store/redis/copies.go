package redis

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/devops-trouble-map/dotm/store"
)

// copiesEvery is how often it is asked whether there are replicas.
const copiesEvery = 10 * time.Second

// copies waits for replicas to have what was written: a master that dies takes
// what they lack with it. It is used by one write at a time.
type copies struct {
	there bool
	asked time.Time

	unconfirmed atomic.Uint64 // events
}

// waitingBatch begins a write. done is to be called when it went through: it waits
// for a replica, if there is one and the write holds what nobody tells again. On a
// Cluster, whose masters are many, it does not. release is called in the end.
func (s *Store) waitingBatch(ctx context.Context, c *store.Change) (p redis.Pipeliner, done, release func()) {
	nothing := func() {}
	single, ok := s.client.(*redis.Client)
	if !ok || len(c.Append)+len(c.Keep)+len(c.Drop) == 0 && c.Settings == nil || !s.copies.ask(ctx, single) {
		return s.batch(), nothing, nothing
	}
	conn := single.Conn() // WAIT is for what its connection wrote
	done = func() { s.copies.wait(ctx, conn, len(c.Append)) }
	return conn.TxPipeline(), done, func() { _ = conn.Close() } // it goes back to the pool
}

// ask says whether a replica is connected, as of a short while ago.
func (k *copies) ask(ctx context.Context, client *redis.Client) bool {
	if now := time.Now(); now.Sub(k.asked) > copiesEvery {
		k.asked = now
		info, err := client.Info(ctx, "replication").Result()
		k.there = err == nil && strings.Contains(info, "role:master") && strings.Contains(info, "state=online")
	}
	return k.there
}

// wait waits for one replica, for a second at most. If none confirms, the next
// writes don't wait before it was asked again whether there are any.
func (k *copies) wait(ctx context.Context, conn *redis.Conn, events int) {
	if n, err := conn.Wait(ctx, 1, waitForCopy).Result(); err == nil && n > 0 {
		return
	}
	k.there = false
	k.unconfirmed.Add(uint64(events))
}

// Unconfirmed is how many events were written that no replica confirmed within a
// second, where there was one: if the master dies right then, they are lost.
func (s *Store) Unconfirmed() uint64 { return s.copies.unconfirmed.Load() }
