package watch

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// source is one monitoring instance with what it said last. Its fields are guarded
// by the board's lock.
type source struct {
	opt    monitor.Options
	from   monitor.Source // nil for passive ones
	cancel context.CancelFunc
	again  chan struct{} // holds one: read now

	hosts    []mapping.Host
	checks   map[key]*check
	unplaced []*check // are to be mapped anew
	placed   bool     // what was read was mapped
	mapper   *mapping.Mapper
	declared *monitor.Declared // as of the last reading, or as it was kept
	kept     *monitor.Declared // as far as the store has it
	restored bool              // what the nodes have of it was taken over
	read     time.Time         // when it was read last; zero for never
	at       time.Time         // the system's own time then
	watching bool              // it tells of changes by itself
	told     time.Time         // when it did last
	stale    bool

	state  monitor.State
	begun  time.Time // when it was first to be read
	failed error
}

// key is what a source calls a check.
type key struct{ host, name string }

// check is a result and where it belongs.
type check struct {
	mapping.Check
	seen time.Time // when it was told last
}

// source makes one that is not read yet.
func (b *Board) source(opt monitor.Options) (*source, error) {
	s := &source{opt: opt, checks: map[key]*check{}, again: make(chan struct{}, 1)}
	now := time.Now()
	s.begun = now
	s.state = monitor.State{Options: opt, Login: opt.Password != "", State: monitor.Unread, Since: now}
	s.state.Password = ""
	if s.passive() {
		return s, nil
	}
	from, err := b.Make(opt)
	if err != nil {
		return nil, err
	}
	s.from = from
	return s, nil
}

// passive says that its results are handed over, and not read.
func (s *source) passive() bool { return s.opt.Kind == monitor.Passive || s.own() }

// own says that its results are dotm's, which know where they belong.
func (s *source) own() bool { return s.opt.Kind == monitor.Signals }

func (s *source) stop() {
	if s.cancel != nil {
		s.cancel()
		s.cancel = nil
	}
	s.watching = false
}

func (s *source) refresh() {
	select {
	case s.again <- struct{}{}:
	default:
	}
}

// reset forgets what it said: another server may have heard more since.
func (s *source) reset() {
	s.checks, s.unplaced, s.hosts, s.mapper, s.declared, s.kept = map[key]*check{}, nil, nil, nil, nil, nil
	s.restored, s.read, s.stale, s.failed = false, time.Time{}, false, nil
	s.begun = time.Now()
}

// every is how often it is read.
func (s *source) every() time.Duration {
	if s.watching {
		return max(s.opt.Every(), reconcileEvery)
	}
	return s.opt.Every()
}

// took takes in a reading.
func (b *Board) took(s *source, r *monitor.Reading, took time.Duration, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sources[s.opt.Name] != s || !b.active {
		return
	}
	b.restore(s)
	s.read, s.at, s.failed, s.declared = now, r.At, nil, monitor.DeclaredOf(r)
	news := mapping.News{Source: s.opt.Name}
	if !slices.EqualFunc(s.hosts, r.Hosts, sameHost) {
		s.hosts, s.mapper = r.Hosts, nil
		news.Hosts = r.Hosts
	}
	s.state.Took, s.state.Program, s.state.Version, s.state.Notes = took.Milliseconds(), r.Program, r.Version, r.Notes
	down := downHosts(r.Checks)
	for i := range r.Checks {
		if b.take(s, &r.Checks[i], down, now) {
			news.Checks = append(news.Checks, lasting(r.Checks[i]))
		}
	}
	news.Gone = b.dropMissing(s, now)
	b.note(now, news)
	b.rouse()
}

// told takes in what a source tells by itself.
func (b *Board) told(s *source, checks []mapping.Check, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sources[s.opt.Name] != s || !b.active {
		return
	}
	b.restore(s)
	s.told = now
	news := mapping.News{Source: s.opt.Name}
	for i := range checks {
		if b.take(s, &checks[i], s.down(&checks[i]), now) {
			news.Checks = append(news.Checks, lasting(checks[i]))
		}
	}
	b.note(now, news)
	b.rouse()
}

// note tells what is new to who takes note.
func (b *Board) note(now time.Time, n mapping.News) {
	if b.Note != nil && !n.Empty() {
		b.Note(now, n)
	}
}

// lasting is a result that counts until there is another one: news are told of
// what changes only.
func lasting(c mapping.Check) mapping.Check {
	c.Interval = 0
	return c
}

// down is the host of a check, if that is down by what is known.
func (s *source) down(c *mapping.Check) map[string]bool {
	host := s.checks[key{c.Host, ""}]
	return map[string]bool{c.Host: host != nil && isDown(host.Status)}
}

func downHosts(checks []mapping.Check) map[string]bool {
	down := map[string]bool{}
	for i := range checks {
		if c := &checks[i]; c.Kind == topology.HostCheck && isDown(c.Status) {
			down[c.Host] = true
		}
	}
	return down
}

func isDown(s topology.Status) bool { return s == topology.Down || s == topology.Unreachable }

// take takes in one result, and says whether it is another one than before.
func (b *Board) take(s *source, c *mapping.Check, down map[string]bool, now time.Time) bool {
	k := key{c.Host, c.Name}
	old := s.checks[k]
	c.Source = s.opt.Name
	if c.Kind == topology.ServiceCheck && down[c.Host] && c.Status.Bad() {
		c.Suppressed = true
	}
	c.Hard = c.Hard || c.Status == topology.Pending // nothing is tried again
	slices.Sort(c.Groups)
	next := &check{Check: *c, seen: now}
	if old == nil {
		next.ID = topology.CheckID(c.Source, c.Host, c.Name)
	} else {
		next.ID, next.Node, next.Service, next.Mapping = old.ID, old.Node, old.Service, old.Mapping
	}
	if s.own() {
		next.Node, next.Service, next.Mapping = c.Node, c.Service, c.Mapping
	}
	if old == nil || old.Mapping == nil || !slices.Equal(old.Hints, c.Hints) || !slices.Equal(old.Groups, c.Groups) {
		s.unplaced = append(s.unplaced, next)
	}
	if old == nil && s.from == nil && next.Since.IsZero() {
		next.Since = next.LastCheck // the first that is heard of it
	}
	next.complete(old, now)
	next.Stale = s.isStale(next, now)
	s.checks[k] = next
	changed := old == nil || !topology.SameCheck(&old.Check.Check, &next.Check.Check)
	if changed {
		b.touch(next)
	}
	return changed
}

// complete fills in what the system doesn't say and was known before.
func (c *check) complete(old *check, now time.Time) {
	fine := c.Status == topology.OK || c.Status == topology.Up
	switch {
	case fine && c.LastOK.Before(c.LastCheck):
		c.LastOK = c.LastCheck
	case old != nil && c.LastOK.Before(old.LastOK):
		c.LastOK = old.LastOK
	}
	if !c.Since.IsZero() || old == nil {
		return
	}
	if c.Since = old.Since; old.Status != c.Status {
		c.Since = now
	}
}

// dropMissing forgets what the reading of a moment didn't name, and returns that.
func (b *Board) dropMissing(s *source, now time.Time) (gone []mapping.Check) {
	for k, c := range s.checks {
		if !c.seen.Equal(now) {
			delete(s.checks, k)
			b.touch(c)
			gone = append(gone, mapping.Check{Check: topology.Check{Host: k.host, Name: k.name}})
		}
	}
	slices.SortFunc(gone, func(x, y mapping.Check) int { return cmp.Or(cmp.Compare(x.Host, y.Host), cmp.Compare(x.Name, y.Name)) })
	return gone
}

// touch notes that the checks of the node are to be put anew.
func (b *Board) touch(c *check) {
	b.strayed = false
	if c.Node != "" {
		b.dirty[c.Node] = true
	}
}

// forget drops all that a source said.
func (b *Board) forget(s *source) {
	b.restore(s)
	for _, c := range s.checks {
		b.touch(c)
	}
}

// restore takes over what the nodes have of a source: what was known before this
// server read it. Until it is read that stays as it is, and turns stale.
func (b *Board) restore(s *source) {
	if s.restored {
		return
	}
	s.restored = true
	for block := range b.Topology.Snapshot().Blocks() {
		for i := range block.Checks {
			c := &block.Checks[i]
			if k := (key{c.Host, c.Name}); c.Source == s.opt.Name && s.checks[k] == nil {
				s.checks[k] = &check{Check: mapping.Check{Check: *c}}
			}
		}
	}
}

// isStale says whether a result counts no more: its source was not read, or it was
// not looked at, for some of their intervals.
func (s *source) isStale(c *check, now time.Time) bool {
	if s.stale || s.own() {
		return s.stale || c.Stale
	}
	if c.Interval <= 0 || c.LastCheck.IsZero() || s.read.IsZero() && !s.passive() {
		return c.Stale && s.read.IsZero()
	}
	there := now
	switch { // as of when it was read: one that tells of changes is read seldom
	case !s.at.IsZero():
		there = s.at // by its clock
	case !s.read.IsZero() && s.from != nil:
		there = s.read
	}
	return there.Sub(c.LastCheck) > max(staleAfter*time.Duration(c.Interval), leastStale)
}

func sameHost(a, b mapping.Host) bool {
	return a.Name == b.Name && a.Alias == b.Alias && a.Display == b.Display && a.Link == b.Link &&
		slices.Equal(a.Addresses, b.Addresses) && slices.Equal(a.Groups, b.Groups) && slices.Equal(a.Parents, b.Parents)
}

// allHosts are all hosts that checks are of, those that the source describes
// first.
func (s *source) allHosts() []mapping.Host {
	known := map[string]bool{}
	for i := range s.hosts {
		known[s.hosts[i].Name] = true
	}
	out := slices.Clone(s.hosts)
	for k := range s.checks {
		if k.host != "" && !known[k.host] {
			known[k.host] = true
			out = append(out, mapping.Host{Name: k.host})
		}
	}
	slices.SortFunc(out, func(a, b mapping.Host) int { return strings.Compare(a.Name, b.Name) })
	return out
}
