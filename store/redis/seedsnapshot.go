package redis

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// planSnapshot copies the live keys under the time of a snapshot, a part in each
// plan, as often as the settings say, and drops from the list what has expired.
func (s *seed) planSnapshot(p *seedPlan, now time.Time) {
	s.planExpired(p, now)
	if s.copying == 0 {
		if len(p.names) < len(s.queue) || !s.snapshotDue(now) { // first the live keys
			return
		}
		s.copying, s.left = now.Unix(), slices.Sorted(maps.Keys(s.nodes))
		s.copyRest(p, now)
	}
	for _, name := range s.left {
		if len(p.commands) > seedBudget {
			return
		}
		s.copyNode(p, name, now)
		p.copied++
	}
	at := strconv.FormatInt(s.copying, 10)
	p.add("RPUSH", seedHistory, at)
	p.add("SET", seedSnapshot, at)
	p.finished = s.copying
}

func (s *seed) snapshotDue(now time.Time) bool {
	every := time.Duration(s.settings.KeyFrames)
	if every == 0 || len(s.nodes) == 0 {
		return false
	}
	return len(s.snapshots) == 0 || now.Sub(time.Unix(s.snapshots[len(s.snapshots)-1], 0)) >= every
}

func (s *seed) planExpired(p *seedPlan, now time.Time) {
	keep := time.Duration(s.settings.Retention)
	if keep == 0 {
		return
	}
	for _, at := range s.snapshots {
		if now.Sub(time.Unix(at, 0)) <= keep {
			return
		}
		p.add("LREM", seedHistory, 0, at)
		p.expired++
	}
}

// copyKey is a live key's name in the snapshot in the making.
func (s *seed) copyKey(live string) string { return strconv.FormatInt(s.copying, 10) + "::" + live }

// copied has a copy expire with the history.
func (s *seed) copied(p *seedPlan, now time.Time, key string, cmds ...[]any) {
	for _, cmd := range cmds {
		c := slices.Clone(cmd)
		c[1] = key
		p.commands = append(p.commands, c)
	}
	if keep := time.Duration(s.settings.Retention); keep > 0 {
		p.add("EXPIREAT", key, now.Add(keep).Unix())
	}
}

func (s *seed) copyNode(p *seedPlan, name string, now time.Time) {
	n := s.nodes[name]
	if n == nil || n.next == nil {
		return
	}
	keys := s.view().keys(n.next)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		s.copied(p, now, s.copyKey(key), command("HSET", key, slices.Concat(keys[key].fields, keys[key].times)))
	}
	for _, a := range seedAddresses(&n.next.Node) {
		s.copied(p, now, s.copyKey(seedAddress+a.String()), []any{"SET", "", name})
	}
}

// copyRest copies the list of nodes and the settings.
func (s *seed) copyRest(p *seedPlan, now time.Time) {
	var list [][]any
	for part := range slices.Chunk(p.listed, seedListed) {
		list = append(list, command("RPUSH", "", part))
	}
	if list != nil {
		s.copied(p, now, s.copyKey(seedNodes), list...)
	}
	for _, key := range slices.Sorted(maps.Keys(p.config)) {
		cmds := p.config[key]
		if last := cmds[len(cmds)-1]; last[0] != "DEL" {
			s.copied(p, now, s.copyKey(key), last)
		}
	}
}
