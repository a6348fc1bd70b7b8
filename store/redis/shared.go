package redis

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/devops-trouble-map/dotm/store"
)

// The keys of what servers share. The braces keep the two keys of a lease in one
// slot of a Cluster.
const (
	keyLease = prefix + "lease::{%s}" // string that expires: the holder
	keyTerm  = prefix + "term::{%s}"  // number: how often it changed hands
	keyTopic = prefix + "topic::%s"   // stream: "from", "term", "kind", "data"
)

// Rhythm of the streams.
const (
	keepMessages = 5 * time.Minute
	tailBlock    = time.Second // how long one read waits
	tailCount    = 64
)

// leaseScript takes a lease that is free, renews it for its holder, and tells
// whose it is, in one step.
var leaseScript = redis.NewScript(`
local holder = redis.call('GET', KEYS[1])
if not holder then
	redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
	return {ARGV[1], redis.call('INCR', KEYS[2])}
end
if holder == ARGV[1] then
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {holder, tonumber(redis.call('GET', KEYS[2]) or '0')}
`)

// releaseScript gives a lease back that is the asker's.
var releaseScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
	return redis.call('DEL', KEYS[1])
end
return 0
`)

func leaseKeys(name string) []string {
	name = url.PathEscape(name) // no braces
	return []string{fmt.Sprintf(keyLease, name), fmt.Sprintf(keyTerm, name)}
}

// Lease takes or renews a lease, or tells who has it.
func (s *Store) Lease(ctx context.Context, name, holder string, ttl time.Duration) (store.Lease, error) {
	got, err := leaseScript.Run(ctx, s.client, leaseKeys(name), holder, ttl.Milliseconds()).Slice()
	if err != nil {
		return store.Lease{}, s.failed("asking for a lease of", err)
	}
	if len(got) == 2 {
		who, ok := got[0].(string)
		term, ok2 := got[1].(int64)
		if ok && ok2 {
			return store.Lease{Holder: who, Term: uint64(term)}, nil
		}
	}
	return store.Lease{}, s.damaged(fmt.Sprintf("lease %q is %v", name, got))
}

// Release gives a lease back.
func (s *Store) Release(ctx context.Context, name, holder string) error {
	return s.failed("giving a lease back to", releaseScript.Run(ctx, s.client, leaseKeys(name)[:1], holder).Err())
}

// Publish appends a message, and drops those that are older than five minutes.
func (s *Store) Publish(ctx context.Context, topic string, m store.Message) (string, error) {
	id, err := s.client.XAdd(ctx, &redis.XAddArgs{
		Stream: fmt.Sprintf(keyTopic, topic), MinID: strconv.FormatInt(time.Now().Add(-keepMessages).UnixMilli(), 10), Approx: true,
		Values: []any{"from", m.From, "term", m.Term, "kind", m.Kind, "data", m.Data},
	}).Result()
	return id, s.failed("publishing to", err)
}

// Tail reads messages as they come.
func (s *Store) Tail(ctx context.Context, topic, after string, yield func(store.Message) bool) error {
	if after == "" {
		after = "0"
	}
	for {
		streams, err := s.client.XRead(ctx, &redis.XReadArgs{Streams: []string{fmt.Sprintf(keyTopic, topic), after}, Count: tailCount, Block: tailBlock}).Result()
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("reading %s: %w", s.where, ctx.Err())
		case errors.Is(err, redis.Nil):
			continue
		case err != nil:
			return s.failed("reading", err)
		}
		for _, stream := range streams {
			for _, x := range stream.Messages {
				after = x.ID
				if !yield(message(x)) {
					return nil
				}
			}
		}
	}
}

func message(x redis.XMessage) store.Message {
	text := func(field string) string { v, _ := x.Values[field].(string); return v }
	term, _ := strconv.ParseUint(text("term"), 10, 64)
	return store.Message{ID: x.ID, From: text("from"), Term: term, Kind: text("kind"), Data: []byte(text("data"))}
}
