package redis

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/devops-trouble-map/dotm/store"
)

// seedRetry is how long after a failure the original's keys are tried again.
const seedRetry = 10 * time.Second

// seedWriter keeps the original's keys as ours change. They are written after
// these, in a round trip of their own: whatever is wrong with them never keeps
// the state from being written. Its methods are called by one write at a time.
type seedWriter struct {
	*seed
	fixed   store.Patch
	log     *slog.Logger
	failing error
	retry   time.Time
}

func newSeedWriter(opt *Options) *seedWriter {
	w := &seedWriter{seed: newSeed(opt.Compat), fixed: opt.Fixed, log: opt.Log}
	if w.mode == "" {
		w.mode = CompatKeys
	}
	return w
}

// beginSeed is called before a write. Only who writes the topology keeps the
// original's keys; when that is another server than before, it begins with what
// the store holds.
func (s *Store) beginSeed(ctx context.Context, c *store.Change) error {
	w := s.seeds
	if w.mode == CompatOff || c.Revision.Epoch == "" || c.Revision.Epoch == w.epoch {
		return nil
	}
	state, err := s.Load(ctx)
	if err != nil {
		return err
	}
	var snapshots []int64
	if w.mode == CompatFull {
		list, err := s.client.LRange(ctx, seedHistory, 0, -1).Result()
		if err != nil {
			return s.failed("reading", err)
		}
		for _, text := range list {
			if at, err := strconv.ParseInt(text, 10, 64); err == nil {
				snapshots = append(snapshots, at)
			}
		}
	}
	w.begin(c.Revision.Epoch, &state, w.fixed, snapshots)
	return nil
}

// writeSeed is called after a write that went through.
func (s *Store) writeSeed(ctx context.Context, c *store.Change) {
	w := s.seeds
	if w.mode == CompatOff || w.epoch == "" {
		return
	}
	w.take(c)
	if c.Settings != nil {
		w.configure(w.fixed.Apply(c.Settings.Apply(store.Defaults())))
	}
	now := time.Now()
	if c.Revision.Epoch == "" || now.Before(w.retry) {
		return // what waits is written with the topology
	}
	plan := w.plan(now)
	err := s.send(ctx, plan.commands)
	if err != nil {
		w.failed(plan)
		w.retry = now.Add(seedRetry)
	} else {
		w.done(plan)
	}
	w.tell(err)
}

// send sends commands of one key each in one round trip.
func (s *Store) send(ctx context.Context, commands [][]any) error {
	p := s.client.Pipeline()
	cmds := make([]*redis.Cmd, len(commands))
	for i, c := range commands {
		cmds[i] = p.Do(ctx, c...)
	}
	err := exec(ctx, p)
	for i, c := range cmds { // the first that failed, by its key
		if c.Err() != nil && err != nil {
			return fmt.Errorf("key %v: %w", commands[i][1], s.hint(c.Err()))
		}
	}
	return err
}

// tell says once that the keys can't be written, and that they can again.
func (w *seedWriter) tell(err error) {
	switch {
	case err != nil && w.failing == nil:
		w.log.Error("the original's keys in redis are not being written; ours are", "error", err)
	case err == nil && w.failing != nil:
		w.log.Info("the original's keys in redis are being written again")
	}
	w.failing = err
}
