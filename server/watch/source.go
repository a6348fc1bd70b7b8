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

	hosts []mapping.Host
	shelf
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
	turns    turns

	needs  []monitor.Dependency // as it said them last
	state  monitor.State
	begun  time.Time // when it was first to be read
	failed error
}

// key is what a source calls a check.
type key struct{ host, name string }

// source makes one that is not read yet.
func (b *Board) source(opt monitor.Options) (*source, error) {
	s := &source{opt: opt, shelf: newShelf(b.onNode), again: make(chan struct{}, 1)}
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
	s.clear()
	s.unplaced, s.hosts, s.mapper, s.declared, s.kept, s.needs = nil, nil, nil, nil, nil, nil
	s.restored, s.read, s.stale, s.failed, s.turns = false, time.Time{}, false, nil, turns{}
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
	s.read, s.at, s.failed, s.turns.all = now, r.At, nil, true
	news := mapping.News{Source: s.opt.Name}
	same := slices.EqualFunc(s.hosts, r.Hosts, sameHost)
	if !same || s.declared == nil || !slices.Equal(s.needs, r.Dependencies) {
		s.declared, s.needs = monitor.DeclaredOf(r), r.Dependencies
	}
	if !same {
		s.hosts, s.mapper = r.Hosts, nil
		news.Hosts = r.Hosts
	}
	s.state.Took, s.state.Program, s.state.Version, s.state.Notes = took.Milliseconds(), r.Program, r.Version, r.Notes
	down := downHosts(r.Checks)
	for c := range s.all() {
		c.seen = false
	}
	for i := range r.Checks {
		c := r.Checks[i] // the reading is the source's
		if b.take(s, &c, down[c.Host], now) {
			news.Checks = append(news.Checks, lasting(c))
		}
	}
	news.Gone = b.dropMissing(s)
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
		if b.take(s, &checks[i], s.down(checks[i].Host), now) {
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

// down says whether a host is down by what is known.
func (s *source) down(host string) bool {
	c := s.get(key{host, ""})
	return c != nil && isDown(c.Status)
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

// take takes in one result, which it completes, and says whether it is another one than
// before; down says that its host is.
func (b *Board) take(s *source, c *mapping.Check, down bool, now time.Time) bool {
	old := s.get(key{c.Host, c.Name})
	c.Source = s.opt.Name
	if down && c.Kind == topology.ServiceCheck && c.Status.Bad() {
		c.Suppressed = true
	}
	c.Hard = c.Hard || c.Status == topology.Pending // nothing is tried again
	if !slices.IsSorted(c.Groups) {
		c.Groups = slices.Sorted(slices.Values(c.Groups))
	}
	if old == nil {
		b.add(s, c, now)
		return true
	}
	next := check{Check: *c, seen: true, under: old.under}
	next.share(old)
	next.ID = old.ID
	if !s.own() {
		next.Node, next.Service, next.Mapping = old.Node, old.Service, old.Mapping
	}
	if old.Mapping == nil || !slices.Equal(old.Hints, c.Hints) || !slices.Equal(old.Groups, c.Groups) {
		s.unplaced = append(s.unplaced, old)
	}
	next.complete(old, now)
	next.Stale = s.isStale(&next, now)
	changed := !topology.SameCheck(&old.Check.Check, &next.Check.Check)
	if changed {
		b.touch(old)
	}
	*old = next
	s.turns.expect(s, old)
	if changed {
		s.sort(old)
		b.touch(old)
	}
	return changed
}

// add takes in the first that is heard of a check.
func (b *Board) add(s *source, c *mapping.Check, now time.Time) {
	next := &check{Check: *c, seen: true}
	next.ID = topology.CheckID(c.Source, c.Host, c.Name)
	if !s.own() {
		next.Node, next.Service, next.Mapping = "", "", nil
	}
	if s.from == nil && next.Since.IsZero() {
		next.Since = next.LastCheck
	}
	next.complete(nil, now)
	next.Stale = s.isStale(next, now)
	s.unplaced = append(s.unplaced, next)
	s.put(next)
	s.turns.expect(s, next)
	b.touch(next)
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

// dropMissing forgets what the reading that was taken in didn't name, and returns that.
func (b *Board) dropMissing(s *source) (gone []mapping.Check) {
	for c := range s.all() {
		if !c.seen {
			s.drop(c)
			b.touch(c)
			gone = append(gone, mapping.Check{Check: topology.Check{Host: c.Host, Name: c.Name}})
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
	for c := range s.all() {
		b.touch(c)
	}
	s.clear()
}

// restore takes over what the nodes have of a source: what was known before this
// server read it. Until it is read that stays as it is, and turns stale.
func (b *Board) restore(s *source) {
	if s.restored {
		return
	}
	s.restored, s.turns.all = true, true
	for block := range b.Topology.Snapshot().Blocks() {
		for i := range block.Checks {
			c := &block.Checks[i]
			if c.Source == s.opt.Name && s.get(key{c.Host, c.Name}) == nil {
				s.put(&check{Check: mapping.Check{Check: *c}})
			}
		}
	}
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
	for host := range s.byHost {
		if host != "" && !known[host] {
			out = append(out, mapping.Host{Name: host})
		}
	}
	slices.SortFunc(out, func(a, b mapping.Host) int { return strings.Compare(a.Name, b.Name) })
	return out
}
