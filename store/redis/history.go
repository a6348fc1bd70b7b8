package redis

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// The keys of the history.
const (
	keyDays     = prefix + "events"   // set of days that have events
	keyEvents   = prefix + "events::" // …<day>: sorted set by ms: order of arrival, event as JSON
	keyRecorded = prefix + "recorded" // set of node names that have records
	keyRecord   = prefix + "record::" // …<node>: sorted set by ms: ms, ms of the base, data
	keyUsed     = prefix + "used"     // set of services in the ledger
	keyUses     = prefix + "uses::"   // …<service>: hash: connection → use as JSON
	keyGaps     = prefix + "gaps"     // hash: ms of the start, node → gap as JSON
	keyAudit    = prefix + "audit"    // sorted set by ms: order of arrival, entry of the audit log as JSON
	keyCounts   = prefix + "counts"   // hash: "events", "records", "bytes", about; "from" (ms)
)

const dayFormat = "2006-01-02"

// stampSize is the length of the hexadecimal numbers that begin members of
// sorted sets, so that none is equal to another.
const stampSize = 16

func hex(v uint64) string { return fmt.Sprintf("%0*x", stampSize, v) }

func score(at time.Time) float64 { return float64(at.UnixMilli()) }

func limit(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }

func putEvents(ctx context.Context, p redis.Pipeliner, c *store.Change) error {
	if len(c.Append) == 0 {
		return nil
	}
	arrived := uint64(time.Now().UnixNano())
	days := map[string][]redis.Z{}
	size := 0
	for i := range c.Append {
		e := &c.Append[i]
		raw, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encoding event: %w", err)
		}
		day := e.At.UTC().Format(dayFormat)
		days[day] = append(days[day], redis.Z{Score: score(e.At), Member: hex(arrived) + hex(uint64(i)) + string(raw)})
		size += len(raw)
	}
	for day, events := range days {
		p.ZAdd(ctx, keyEvents+day, events...)
		p.SAdd(ctx, keyDays, day)
	}
	p.HIncrBy(ctx, keyCounts, "events", int64(len(c.Append)))
	p.HIncrBy(ctx, keyCounts, "bytes", int64(size))
	return nil
}

// Events reads the days of a range, each in parts.
func (s *Store) Events(ctx context.Context, from, to time.Time, yield func(topology.Event) bool) error {
	days, err := s.client.SMembers(ctx, keyDays).Result()
	if err != nil {
		return s.failed("reading", err)
	}
	slices.Sort(days)
	first, last := from.UTC().Format(dayFormat), to.UTC().Format(dayFormat)
	for _, day := range days {
		if (day < first && from.Year() >= 0) || (day > last && to.Year() < 10000) {
			continue
		}
		if more, err := s.day(ctx, day, from, to, yield); !more || err != nil {
			return err
		}
	}
	return nil
}

// day yields the events of one day; more says whether yield wants more.
func (s *Store) day(ctx context.Context, day string, from, to time.Time, yield func(topology.Event) bool) (more bool, err error) {
	const part = 2000
	key := keyEvents + day
	start, err := s.client.ZCount(ctx, key, "-inf", "("+limit(from)).Result()
	if err != nil {
		return false, s.failed("reading", err)
	}
	for {
		members, err := s.client.ZRange(ctx, key, start, start+part-1).Result()
		if err != nil {
			return false, s.failed("reading", err)
		}
		for _, m := range members {
			var e topology.Event
			if len(m) < 2*stampSize {
				return false, s.damaged("event " + strconv.Quote(m))
			}
			if err := json.Unmarshal([]byte(m[2*stampSize:]), &e); err != nil {
				return false, s.damaged("event: " + err.Error())
			}
			switch {
			case e.At.Before(from):
			case e.At.UnixMilli() > to.UnixMilli():
				return true, nil
			case !e.At.Before(to):
			case !yield(e):
				return false, nil
			}
		}
		if len(members) < part {
			return true, nil
		}
		start += part
	}
}

func putRecords(ctx context.Context, p redis.Pipeliner, c *store.Change) error {
	var names []any
	size := 0
	for i := range c.Records {
		r := &c.Records[i]
		if err := checkName(r.Node); err != nil {
			return err
		}
		base := uint64(0)
		if !r.Base.IsZero() {
			base = uint64(r.Base.UnixMilli())
		}
		key := keyRecord + r.Node
		p.ZRemRangeByScore(ctx, key, limit(r.At), limit(r.At))
		p.ZAdd(ctx, key, redis.Z{Score: score(r.At), Member: hex(uint64(r.At.UnixMilli())) + hex(base) + string(r.Data)})
		names = append(names, r.Node)
		size += len(r.Data)
	}
	if names != nil {
		p.SAdd(ctx, keyRecorded, names...)
		p.HSetNX(ctx, keyCounts, "from", limit(earliest(c.Records)))
		p.HIncrBy(ctx, keyCounts, "records", int64(len(names)))
		p.HIncrBy(ctx, keyCounts, "bytes", int64(size))
	}
	return nil
}

func earliest(records []store.Record) time.Time {
	return slices.MinFunc(records, func(a, b store.Record) int { return a.At.Compare(b.At) }).At
}

// record reads a member of a node's records.
func (s *Store) record(node, member string) (r store.Record, err error) {
	if len(member) < 2*stampSize {
		return r, s.damaged("record of " + strconv.Quote(node) + " is cut")
	}
	at, err := strconv.ParseUint(member[:stampSize], 16, 64)
	base, err2 := strconv.ParseUint(member[stampSize:2*stampSize], 16, 64)
	if err != nil || err2 != nil {
		return r, s.damaged("record of " + strconv.Quote(node) + " has no time")
	}
	r = store.Record{Node: node, At: time.UnixMilli(int64(at)).UTC(), Data: []byte(member[2*stampSize:])}
	if base != 0 {
		r.Base = time.UnixMilli(int64(base)).UTC()
	}
	return r, nil
}

// RecordsAt asks for many nodes in a round trip, and once more for what their
// records build on.
func (s *Store) RecordsAt(ctx context.Context, at time.Time, yield func(chain []store.Record) bool) error {
	names, err := s.client.SMembers(ctx, keyRecorded).Result()
	if err != nil {
		return s.failed("reading", err)
	}
	for part := range slices.Chunk(names, perTrip) {
		records, err := s.newest(ctx, part, at)
		if err != nil {
			return err
		}
		chains, err := s.chains(ctx, records)
		if err != nil {
			return err
		}
		for _, chain := range chains {
			if !yield(chain) {
				return nil
			}
		}
	}
	return nil
}

// newest are the last records of nodes up to a moment; zero where there is none.
func (s *Store) newest(ctx context.Context, nodes []string, at time.Time) ([]store.Record, error) {
	p := s.client.Pipeline()
	found := make([]*redis.StringSliceCmd, len(nodes))
	for i, n := range nodes {
		found[i] = p.ZRevRangeByScore(ctx, keyRecord+n, &redis.ZRangeBy{Max: limit(at), Min: "-inf", Count: 1})
	}
	if err := exec(ctx, p); err != nil {
		return nil, s.failed("reading", err)
	}
	out := make([]store.Record, len(nodes))
	for i, f := range found {
		if len(f.Val()) == 0 {
			continue
		}
		var err error
		if out[i], err = s.record(nodes[i], f.Val()[0]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// chains are records after those that they build on.
func (s *Store) chains(ctx context.Context, records []store.Record) (out [][]store.Record, err error) {
	p := s.client.Pipeline()
	found := map[int]*redis.StringSliceCmd{}
	for i := range records {
		if r := &records[i]; !r.Base.IsZero() {
			found[i] = p.ZRangeByScore(ctx, keyRecord+r.Node, &redis.ZRangeBy{Min: limit(r.Base), Max: limit(r.At)})
		}
	}
	if err := exec(ctx, p); err != nil {
		return nil, s.failed("reading", err)
	}
	for i := range records {
		r := &records[i]
		switch {
		case r.Node == "":
			continue
		case r.Base.IsZero():
			out = append(out, records[i:i+1:i+1])
			continue
		}
		var chain []store.Record
		for _, member := range found[i].Val() {
			link, err := s.record(r.Node, member)
			if err != nil {
				return nil, err
			}
			chain = append(chain, link)
		}
		if len(chain) == 0 || !chain[0].At.Equal(r.Base) {
			return nil, s.damaged("a record of " + strconv.Quote(r.Node) + " lacks what it builds on")
		}
		out = append(out, chain)
	}
	return out, nil
}

// mergedUses are entries of the ledger with what is there already.
func (s *Store) mergedUses(ctx context.Context, uses []store.Use) ([]store.Use, error) {
	merged := make([]store.Use, 0, len(uses))
	for part := range slices.Chunk(uses, perTrip) {
		p := s.client.Pipeline()
		known := make([]*redis.StringCmd, len(part))
		for i := range part {
			known[i] = p.HGet(ctx, keyUses+part[i].Service, part[i].Connection)
		}
		if err := exec(ctx, p); err != nil {
			return nil, err
		}
		for i, u := range part {
			if raw := known[i].Val(); raw != "" {
				var before store.Use
				if err := json.Unmarshal([]byte(raw), &before); err != nil {
					return nil, s.damaged("use: " + err.Error())
				}
				before.Merge(&u)
				u = before
			}
			merged = append(merged, u)
		}
	}
	return merged, nil
}

func putUses(ctx context.Context, p redis.Pipeliner, uses []store.Use) error {
	services := map[string]bool{}
	for i := range uses {
		raw, err := json.Marshal(&uses[i])
		if err != nil {
			return fmt.Errorf("encoding use: %w", err)
		}
		p.HSet(ctx, keyUses+uses[i].Service, uses[i].Connection, raw)
		services[uses[i].Service] = true
	}
	for service := range services {
		p.SAdd(ctx, keyUsed, service)
	}
	return nil
}

// Uses reads the ledger.
func (s *Store) Uses(ctx context.Context, service string, yield func(store.Use) bool) error {
	services := []string{service}
	if service == "" {
		var err error
		if services, err = s.client.SMembers(ctx, keyUsed).Result(); err != nil {
			return s.failed("reading", err)
		}
	}
	for _, service := range services {
		uses, err := s.client.HVals(ctx, keyUses+service).Result()
		if err != nil {
			return s.failed("reading", err)
		}
		for _, raw := range uses {
			var u store.Use
			if err := json.Unmarshal([]byte(raw), &u); err != nil {
				return s.damaged("use: " + err.Error())
			}
			if !yield(u) {
				return nil
			}
		}
	}
	return nil
}

func putGaps(ctx context.Context, p redis.Pipeliner, c *store.Change) error {
	for i := range c.Gaps {
		g := &c.Gaps[i]
		raw, err := json.Marshal(g)
		if err != nil {
			return fmt.Errorf("encoding gap: %w", err)
		}
		p.HSet(ctx, keyGaps, limit(g.From)+" "+g.Node, raw)
	}
	return nil
}

func (s *Store) gaps(ctx context.Context) (map[string]store.Gap, error) {
	all, err := s.client.HGetAll(ctx, keyGaps).Result()
	if err != nil {
		return nil, s.failed("reading", err)
	}
	out := make(map[string]store.Gap, len(all))
	for field, raw := range all {
		var g store.Gap
		if err := json.Unmarshal([]byte(raw), &g); err != nil {
			return nil, s.damaged("gap: " + err.Error())
		}
		out[field] = g
	}
	return out, nil
}

// Gaps reads them all: there are few.
func (s *Store) Gaps(ctx context.Context, from, to time.Time, yield func(store.Gap) bool) error {
	all, err := s.gaps(ctx)
	if err != nil {
		return err
	}
	sorted := slices.SortedFunc(maps.Values(all), func(a, b store.Gap) int {
		return cmp.Or(a.From.Compare(b.From), strings.Compare(a.Node, b.Node))
	})
	for _, g := range sorted {
		if g.From.Before(to) && (g.To.IsZero() || g.To.After(from)) && !yield(g) {
			return nil
		}
	}
	return nil
}

// Extent reads the counters; what was replaced or cut in the middle makes them
// differ a little from what is there.
func (s *Store) Extent(ctx context.Context) (e store.Extent, err error) {
	p := s.client.Pipeline()
	counts, used := p.HGetAll(ctx, keyCounts), p.SMembers(ctx, keyUsed)
	if err := exec(ctx, p); err != nil {
		return e, s.failed("reading", err)
	}
	number := func(field string) int64 { n, _ := strconv.ParseInt(counts.Val()[field], 10, 64); return max(0, n) }
	e.Events, e.Records, e.Bytes = number("events"), number("records"), number("bytes")
	if ms := number("from"); ms > 0 {
		e.From = time.UnixMilli(ms).UTC()
	}
	p = s.client.Pipeline()
	var sizes []*redis.IntCmd
	for _, service := range used.Val() {
		sizes = append(sizes, p.HLen(ctx, keyUses+service))
	}
	if err := exec(ctx, p); err != nil {
		return e, s.failed("reading", err)
	}
	for _, n := range sizes {
		e.Uses += n.Val()
	}
	return e, nil
}
