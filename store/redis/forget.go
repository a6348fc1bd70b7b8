package redis

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/devops-trouble-map/dotm/store"
)

// The most that one write drops, so that a shortened retention never holds up
// the writes behind it.
const (
	cutNodes = 200 // whose records are cut
	cutUses  = 200 // services whose ledger is looked through
)

// forget drops a part of what the history may lose.
func (s *Store) forget(ctx context.Context, f *store.Forget) error {
	before := f.Before
	if f.Bytes > 0 {
		day, err := s.tooMuch(ctx, f.Bytes)
		if err != nil {
			return err
		}
		if day.After(before) {
			before = day
		}
	}
	if !before.IsZero() {
		for _, part := range []func(context.Context, time.Time) error{s.forgetEvents, s.forgetRecords, s.forgetGaps} {
			if err := part(ctx, before); err != nil {
				return err
			}
		}
	}
	if !f.Audit.IsZero() {
		if _, _, err := s.forgetPart(ctx, keyAudit, "("+limit(f.Audit)); err != nil {
			return err
		}
	}
	if f.Uses.IsZero() {
		return nil
	}
	return s.forgetUses(ctx, f.Uses)
}

// tooMuch is the end of the oldest day, if the history is larger than it may be.
func (s *Store) tooMuch(ctx context.Context, bytes int64) (time.Time, error) {
	e, err := s.Extent(ctx)
	if err != nil || e.Bytes <= bytes || e.From.IsZero() {
		return time.Time{}, err
	}
	day := e.From.Truncate(24 * time.Hour).Add(24 * time.Hour)
	if limit := time.Now().Add(-time.Hour); day.After(limit) {
		day = limit // the last hour is kept whatever it takes
	}
	return day, nil
}

// forgetEvents drops whole days by their keys, and the beginning of one.
func (s *Store) forgetEvents(ctx context.Context, before time.Time) error {
	days, err := s.client.SMembers(ctx, keyDays).Result()
	if err != nil {
		return err
	}
	last := before.UTC().Format(dayFormat)
	for _, day := range days {
		var n int64
		var size int64
		switch {
		case day > last:
			continue
		case day == last:
			n, size, err = s.forgetPart(ctx, keyEvents+day, "("+limit(before))
		default:
			n, size, err = s.forgetDay(ctx, day)
		}
		if err != nil {
			return err
		}
		if err := s.count(ctx, "events", n, size); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) forgetDay(ctx context.Context, day string) (n, size int64, err error) {
	if n, size, err = s.forgetPart(ctx, keyEvents+day, "+inf"); err != nil {
		return n, size, err
	}
	left, err := s.client.ZCard(ctx, keyEvents+day).Result()
	if err == nil && left == 0 {
		err = s.client.SRem(ctx, keyDays, day).Err()
	}
	return n, size, err
}

// forgetPart drops the oldest members of a sorted set up to a score, at most
// 10,000 of them.
func (s *Store) forgetPart(ctx context.Context, key, until string) (n, size int64, err error) {
	const part = 10_000
	old, err := s.client.ZRangeByScore(ctx, key, &redis.ZRangeBy{Min: "-inf", Max: until, Count: part}).Result()
	if err != nil || len(old) == 0 {
		return 0, 0, err
	}
	for _, m := range old {
		size += int64(len(m))
	}
	n, err = s.client.ZRemRangeByRank(ctx, key, 0, int64(len(old)-1)).Result()
	return n, size, err
}

// count takes what was dropped off the counters.
func (s *Store) count(ctx context.Context, what string, n, size int64) error {
	if n == 0 {
		return nil
	}
	p := s.client.Pipeline()
	p.HIncrBy(ctx, keyCounts, what, -n)
	p.HIncrBy(ctx, keyCounts, "bytes", -size)
	return exec(ctx, p)
}

// forgetRecords cuts the records of the next nodes in their order: before the
// newest one that is old enough, or the one that this builds on. Nothing is kept
// of a node that is gone since.
func (s *Store) forgetRecords(ctx context.Context, before time.Time) error {
	if e, err := s.Extent(ctx); err != nil || e.From.After(before) || e.From.IsZero() {
		return err // nothing is that old
	}
	p := s.client.Pipeline()
	recorded, current := p.SMembers(ctx, keyRecorded), p.SMembers(ctx, keyNodes)
	p.HSet(ctx, keyCounts, "from", limit(before))
	if err := exec(ctx, p); err != nil {
		return err
	}
	names := recorded.Val()
	slices.Sort(names)
	i, found := slices.BinarySearch(names, s.trimmed)
	if found {
		i++
	}
	part := names[min(i, len(names)):min(i+cutNodes, len(names))]
	if s.trimmed = ""; len(part) == cutNodes {
		s.trimmed = part[len(part)-1]
	}
	newest, err := s.newest(ctx, part, before)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, n := range current.Val() {
		there[n] = true
	}
	for i, r := range newest {
		if r.Node == "" {
			continue
		}
		if err := s.cut(ctx, part[i], &r, there[part[i]]); err != nil {
			return err
		}
	}
	return nil
}

// cut drops what is older than a record and what it builds on.
func (s *Store) cut(ctx context.Context, node string, r *store.Record, there bool) error {
	keep := r.At
	if !r.Base.IsZero() {
		keep = r.Base
	}
	n, size, err := s.forgetPart(ctx, keyRecord+node, "("+limit(keep))
	if err != nil {
		return err
	}
	if err := s.count(ctx, "records", n, size); err != nil || there {
		return err
	}
	last, err := s.client.ZRevRange(ctx, keyRecord+node, 0, 0).Result()
	if err != nil || len(last) == 0 || !strings.HasPrefix(last[0], hex(uint64(r.At.UnixMilli()))) {
		return err // it is told of later, too
	}
	p := s.batch()
	p.Del(ctx, keyRecord+node)
	p.SRem(ctx, keyRecorded, node)
	p.HIncrBy(ctx, keyCounts, "records", -1)
	return exec(ctx, p)
}

func (s *Store) forgetGaps(ctx context.Context, before time.Time) error {
	all, err := s.gaps(ctx)
	if err != nil {
		return err
	}
	var old []string
	for field, g := range all {
		if !g.To.IsZero() && !g.To.After(before) {
			old = append(old, field)
		}
	}
	if old == nil {
		return nil
	}
	return s.client.HDel(ctx, keyGaps, old...).Err()
}

// forgetUses looks through some services of the ledger, chosen by chance.
func (s *Store) forgetUses(ctx context.Context, before time.Time) error {
	services, err := s.client.SRandMemberN(ctx, keyUsed, cutUses).Result()
	if err != nil {
		return err
	}
	p := s.client.Pipeline()
	all := make([]*redis.MapStringStringCmd, len(services))
	for i, service := range services {
		all[i] = p.HGetAll(ctx, keyUses+service)
	}
	if err := exec(ctx, p); err != nil {
		return err
	}
	p = s.client.Pipeline()
	for i, service := range services {
		left := len(all[i].Val())
		for connection, raw := range all[i].Val() {
			var u store.Use
			if err := json.Unmarshal([]byte(raw), &u); err != nil {
				return s.damaged("use: " + err.Error())
			}
			if u.Last.Before(before) {
				p.HDel(ctx, keyUses+service, connection)
				left--
			}
		}
		if left == 0 {
			p.SRem(ctx, keyUsed, service)
		}
	}
	return exec(ctx, p)
}
