package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// The keys of the state.
const (
	keyMeta      = prefix + "meta"      // hash: "revision", "settings" (JSON), "alive" (ms)
	keyNodes     = prefix + "nodes"     // set of node names
	keyNode      = prefix + "node::"    // …<name>: see history.BlockCoder
	keyDocuments = prefix + "documents" // hash: kind, NUL, key → value
)

// perTrip is how many keys are read in one round trip.
const perTrip = 500

// Load reads the whole state.
func (s *Store) Load(ctx context.Context) (state store.State, err error) {
	p := s.client.Pipeline()
	meta, names, documents := p.HGetAll(ctx, keyMeta), p.SMembers(ctx, keyNodes), p.HGetAll(ctx, keyDocuments)
	if err := exec(ctx, p); err != nil {
		return state, s.failed("reading", err)
	}
	if err := s.meta(&state, meta.Val()); err != nil {
		return state, err
	}
	for k, v := range documents.Val() {
		kind, key, ok := strings.Cut(k, "\x00")
		if !ok {
			return state, s.damaged(fmt.Sprintf("document %q has no kind", k))
		}
		state.Documents = append(state.Documents, store.Document{Kind: kind, Key: key, Value: []byte(v)})
	}
	return state, s.loadBlocks(ctx, &state, names.Val())
}

func (s *Store) meta(state *store.State, meta map[string]string) error {
	if v := meta["revision"]; v != "" {
		rev, err := topology.ParseRevision(v)
		if err != nil {
			return s.damaged(err.Error())
		}
		state.Revision = rev
	}
	if v := meta["settings"]; v != "" {
		if err := json.Unmarshal([]byte(v), &state.Settings); err != nil {
			return s.damaged("settings: " + err.Error())
		}
	}
	if v := meta["alive"]; v != "" {
		at, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return s.damaged("alive: " + err.Error())
		}
		state.Alive = at
	}
	return nil
}

func (s *Store) loadBlocks(ctx context.Context, state *store.State, names []string) error {
	var blocks history.BlockCoder
	for len(names) > 0 {
		part := names[:min(perTrip, len(names))]
		names = names[len(part):]
		p := s.client.Pipeline()
		values := make([]*redis.StringCmd, len(part))
		for i, name := range part {
			values[i] = p.Get(ctx, keyNode+name)
		}
		if err := exec(ctx, p); err != nil {
			return s.failed("reading", err)
		}
		for i, v := range values {
			if v.Val() == "" {
				continue // a write ended between the name and the block
			}
			b, err := blocks.Decode([]byte(v.Val()))
			if err != nil {
				return s.damaged(fmt.Sprintf("node %q: %v", part[i], err))
			}
			state.Blocks = append(state.Blocks, b)
		}
	}
	return nil
}

func (s *Store) damaged(what string) error {
	return fmt.Errorf("%s: %w: %s: restore a backup, or delete the keys dotm::* to start with an empty history", s.where, store.ErrDamaged, what)
}

// Write applies c. On a Cluster it is not one transaction; see the package.
func (s *Store) Write(ctx context.Context, c store.Change) error {
	if err := ctx.Err(); err != nil {
		return s.failed("writing", err)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.beginSeed(ctx, &c); err != nil {
		return err
	}
	uses, err := s.mergedUses(ctx, c.Uses)
	if err != nil {
		return s.failed("writing", err)
	}
	p, copied, release := s.waitingBatch(ctx, &c)
	defer release()
	for _, step := range []func(context.Context, redis.Pipeliner, *store.Change) error{s.putNodes, putDocuments, putEvents, putRecords, putGaps, putAudit} {
		if err := step(ctx, p, &c); err != nil {
			return s.failed("writing", err)
		}
	}
	if err := putUses(ctx, p, uses); err != nil {
		return s.failed("writing", err)
	}
	if !s.atomic { // the revision names what is there already
		if err := exec(ctx, p); err != nil {
			return s.failed("writing", err)
		}
		p = s.batch()
	}
	before, emptied := p.HGet(ctx, keyMeta, "revision"), p.SetNX(ctx, keyFormat, format, 0) // ours again
	if err := putMeta(ctx, p, &c); err != nil {
		return s.failed("writing", err)
	}
	if err := exec(ctx, p); err != nil {
		return s.failed("writing", err)
	}
	s.compare(before.Val(), emptied.Val(), c.Revision)
	copied()
	s.writeSeed(ctx, &c)
	if err := s.forget(ctx, &c.Forget); err != nil { // the change is there: it must not be written again
		s.log.Warn("dropping old history failed; it is tried again within minutes", "error", s.failed("writing", err))
	}
	return nil
}

// compare notices that Redis lost what was acknowledged, by the revision that was
// there before a write, or that there was nothing: it was restarted without its
// disk, or replaced by a replica that lacked the end. Another server that writes has another epoch.
func (s *Store) compare(before string, emptied bool, now topology.Revision) {
	if now.Epoch == "" {
		return
	}
	there, err := topology.ParseRevision(before)
	if emptied || s.written.Epoch == now.Epoch && (err != nil || there.Epoch != s.written.Epoch || there.Number < s.written.Number) {
		s.lapses.Add(1)
		s.seeds.epoch = "" // begins anew, too
		s.log.Error("redis lost what was written last: the state is written again; events of the last moments may be missing", "written", s.written, "found", before)
	}
	s.written = now
}

// Lapses is how often it was noticed that Redis lost what it had acknowledged.
func (s *Store) Lapses() uint64 { return s.lapses.Load() }

func putMeta(ctx context.Context, p redis.Pipeliner, c *store.Change) error {
	var fields []any
	if c.Revision.Epoch != "" {
		fields = append(fields, "revision", c.Revision.String())
	}
	if !c.Alive.IsZero() {
		fields = append(fields, "alive", c.Alive.UTC().Format(time.RFC3339Nano))
	}
	if c.Settings != nil {
		raw, err := json.Marshal(c.Settings)
		if err != nil {
			return fmt.Errorf("encoding settings: %w", err)
		}
		fields = append(fields, "settings", raw)
	}
	if fields != nil {
		p.HSet(ctx, keyMeta, fields...)
	}
	return nil
}

func (s *Store) putNodes(ctx context.Context, p redis.Pipeliner, c *store.Change) error {
	var names []any
	for _, b := range c.Put {
		if err := checkName(b.Node.Name); err != nil {
			return err
		}
		p.Set(ctx, keyNode+b.Node.Name, s.blocks.Encode(b), 0)
		names = append(names, b.Node.Name)
	}
	var gone []any
	for _, name := range c.Delete {
		gone = append(gone, name)
		p.Del(ctx, keyNode+name)
	}
	if gone != nil {
		p.SRem(ctx, keyNodes, gone...)
	}
	if names != nil {
		p.SAdd(ctx, keyNodes, names...)
	}
	return nil
}

// checkName refuses what can be no node's name.
func checkName(name string) error {
	if name == "" {
		return errors.New("a node has no name")
	}
	return nil
}

func putDocuments(ctx context.Context, p redis.Pipeliner, c *store.Change) error {
	for _, k := range c.Drop {
		p.HDel(ctx, keyDocuments, k.Kind+"\x00"+k.Key)
	}
	for _, d := range c.Keep {
		p.HSet(ctx, keyDocuments, d.Kind+"\x00"+d.Key, d.Value)
	}
	return nil
}
