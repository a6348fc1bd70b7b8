package grouping

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/grouping/census"
	"github.com/devops-trouble-map/dotm/grouping/role"
	"github.com/devops-trouble-map/dotm/topology"
)

const (
	// Settle is for how long evidence must say the same before a node changes its
	// pool, its group, or whether it is shared.
	Settle = 10 * time.Minute
	// Forget is for how long the roles of a node that is gone are kept.
	Forget = 7 * 24 * time.Hour
	// MaxGone is how many nodes that are gone are remembered; the ones that went
	// first are forgotten first.
	MaxGone = 10_000
	// again is how old a finding may get while nothing changes but that old
	// connections fade.
	again = 24 * time.Hour
	// rest is for how long after a finding none is made, per connection that it
	// looked at: forty times what one costs.
	rest = 20 * time.Microsecond
)

// sharedPlace is the place of a node that serves everyone; that of others is the
// ID of their group, or empty.
const sharedPlace = "*"

// Memory is what is known from before. The zero value knows nothing. It is
// written and read as JSON, so that roles survive a restart. A Memory is for one
// goroutine, and must not be copied.
type Memory struct {
	nodes map[string]*remembered
	names map[string]string // found names of pools and groups, by ID
	// decided is how many nodes there were when all was decided at once.
	decided int

	blocks  []*topology.Block // of the last snapshot
	choices Choices           // of the last call
	roles   *Roles            // in force; nil before the first call
	found   time.Time         // when the last finding was made
	free    time.Time         // from when on the next may be made
	stale   bool              // the site is another one than at the last finding
	due     time.Time         // when the next change settles; zero for none
}

// remembered is a node.
type remembered struct {
	pool  field
	place field
	first time.Time // when it was first there
	gone  time.Time // since when it isn't; zero while it is
	main  string    // the process that it is there for
	front front
}

// front is how far at the front a node is: the lower rank, and then who calls more.
type front struct {
	rank  int // see [frontOrder]
	calls int
}

// field is one thing that is decided of a node.
type field struct {
	in    string    // what is in force
	next  string    // what the last finding says
	since time.Time // since when findings say so; zero if that is what is in force
}

// Advance looks at a snapshot and returns the roles in force. It is cheap if
// nothing structural changed. Choices are in force at once; nil chooses nothing.
// What is found is in force at once for a node that was not there before, and for
// all if most of the site is new; else after [Settle]. Times must not go back.
// See [Memory.Due] for when to call it again.
func (m *Memory) Advance(snap *topology.Snapshot, c *Choices, at time.Time) *Roles {
	came, changed := m.compare(snap)
	m.stale = m.stale || changed
	chosen := !m.choices.equal(c)
	if chosen {
		m.stale = m.stale || !sameShared(&m.choices, c)
		m.choices = c.clone()
	}
	if m.roles != nil && at.Sub(m.found) >= again {
		m.stale = true
	}
	redo := m.stale && (m.roles == nil || chosen || !at.Before(m.free))
	if redo {
		m.find(snap, at)
	}
	settled := !m.due.IsZero() && !at.Before(m.due)
	if settled {
		m.settle(at)
	}
	if m.roles == nil || redo || settled || chosen || came {
		m.roles = m.build(snap)
	}
	return m.roles
}

// Due is when Advance has something to do even if no other snapshot comes; zero
// before the first call.
func (m *Memory) Due() time.Time {
	if m.roles == nil {
		return time.Time{}
	}
	due := m.found.Add(again)
	if m.stale && m.free.Before(due) {
		due = m.free
	}
	if !m.due.IsZero() && m.due.Before(due) {
		due = m.due
	}
	return due
}

func sameShared(a, b *Choices) bool {
	if b == nil {
		return len(a.Shared) == 0
	}
	x := Choices{Shared: a.Shared}
	return x.equal(&Choices{Shared: b.Shared})
}

// compare says whether nodes came or went since the last snapshot, and whether
// anything changed that a finding rests on. Blocks that didn't change are shared
// between snapshots.
func (m *Memory) compare(snap *topology.Snapshot) (came, changed bool) {
	if len(m.blocks) != snap.Len() {
		came = true
	} else {
		i := 0
		for b := range snap.Blocks() {
			if old := m.blocks[i]; old != b {
				came = came || old.Node.Name != b.Node.Name
				changed = changed || came || !census.Same(old, b)
				m.blocks[i] = b
			}
			i++
		}
	}
	if came {
		m.blocks = slices.AppendSeq(m.blocks[:0], snap.Blocks())
	}
	return came, changed || came
}

// find makes a finding and tells the nodes.
func (m *Memory) find(snap *topology.Snapshot, at time.Time) {
	c := census.Take(snap, at)
	f := role.Find(c, func(node string) (is, ok bool) {
		is, ok = m.choices.Shared[node]
		return is, ok
	})
	lanes := m.lanes(c, f)
	pools := m.identify("pool~", c, f.Pool, func(r *remembered) *field { return &r.pool })
	groups := m.identify("group~", c, lanes, func(r *remembered) *field { return &r.place })
	m.leave(c, at)
	whole := m.mostlyNew(c, at)
	homes := m.homes(at)
	ahead := frontOrder(c, f)
	for i := range c.Nodes {
		place := groups[i]
		if f.Hub[i] {
			place = sharedPlace
		}
		if whole {
			delete(homes, pools[i])
		}
		m.tell(c.Nodes[i].Name, pools[i], place, homes, at)
		r := m.nodes[c.Nodes[i].Name]
		if whole {
			r.pool, r.place = field{in: pools[i], next: pools[i]}, field{in: place, next: place}
		}
		r.main, r.front = c.Words[f.Main[i]], ahead[i]
	}
	m.found, m.stale = at, false
	m.free = at.Add(time.Duration(len(c.Edges)) * rest)
	m.schedule()
}

// mostlyNew says whether all is decided at once: half of the nodes are not there
// for long, and there are twice as many as when this was so last.
func (m *Memory) mostlyNew(c *census.Census, at time.Time) bool {
	old := 0
	for i := range c.Nodes {
		if r := m.nodes[c.Nodes[i].Name]; r != nil && at.Sub(r.first) >= Settle {
			old++
		}
	}
	if 2*old >= len(c.Nodes) || len(c.Nodes) < 2*m.decided {
		return false
	}
	m.decided = len(c.Nodes)
	return true
}

// home is where a pool is.
type home struct {
	place string
	young bool // all its nodes are there for less than [Settle]
}

// homes are the places in force of the pools in force.
func (m *Memory) homes(at time.Time) map[string]home {
	votes := map[string]map[string]int{}
	out := map[string]home{}
	for _, r := range m.nodes {
		id := r.pool.in
		if id == "" || !r.gone.IsZero() {
			continue
		}
		if votes[id] == nil {
			votes[id] = map[string]int{}
			out[id] = home{young: true}
		}
		votes[id][r.place.in]++
		if at.Sub(r.first) >= Settle {
			out[id] = home{}
		}
	}
	for id, v := range votes {
		out[id] = home{winner(v), out[id].young}
	}
	return out
}

// tell notes what a finding says of a node. It is in force at once for a node
// that was not there before, which goes where its pool is; and for one that is
// not there for long and was nowhere.
func (m *Memory) tell(name, pool, place string, homes map[string]home, at time.Time) {
	r := m.nodes[name]
	came := r == nil
	if came {
		r = &remembered{first: at}
		m.nodes[name] = r
	}
	r.gone = time.Time{}
	young := at.Sub(r.first) < Settle
	if (came || young && r.pool.in == "") && pool != "" {
		h, known := homes[pool]
		if !known {
			h.place = place
		}
		if came || r.place.in == "" || r.place.in == h.place {
			r.pool, r.place = field{in: pool, next: pool}, field{in: h.place, next: h.place}
		}
	}
	if young && r.place.in == "" && (r.pool.in == "" || homes[r.pool.in].young && homes[r.pool.in].place == "") {
		r.place = field{in: place, next: place}
	}
	r.pool.tell(pool, at)
	r.place.tell(place, at)
}

// tell notes what a finding says.
func (f *field) tell(next string, at time.Time) {
	switch {
	case next == f.in:
		*f = field{in: next, next: next}
	case next != f.next || f.since.IsZero():
		f.next, f.since = next, at
	}
}

// leave marks the nodes that are gone, and forgets some.
func (m *Memory) leave(c *census.Census, at time.Time) {
	if m.nodes == nil {
		m.nodes = map[string]*remembered{}
	}
	type absent struct {
		name string
		gone time.Time
	}
	var left []absent
	for name, r := range m.nodes {
		if c.Index(name) >= 0 {
			continue
		}
		if r.gone.IsZero() {
			r.gone = at
		}
		if at.Sub(r.gone) >= Forget {
			delete(m.nodes, name)
		} else {
			left = append(left, absent{name, r.gone})
		}
	}
	if len(left) <= MaxGone {
		return
	}
	slices.SortFunc(left, func(a, b absent) int {
		if c := a.gone.Compare(b.gone); c != 0 {
			return c
		}
		return compareText(a.name, b.name)
	})
	for _, l := range left[:len(left)-MaxGone] {
		delete(m.nodes, l.name)
	}
}

// settle puts in force what was said for long enough.
func (m *Memory) settle(at time.Time) {
	for _, r := range m.nodes {
		if r.gone.IsZero() {
			r.pool.settle(at)
			r.place.settle(at)
		}
	}
	m.schedule()
}

func (f *field) settle(at time.Time) {
	if !f.since.IsZero() && at.Sub(f.since) >= Settle {
		*f = field{in: f.next, next: f.next}
	}
}

// schedule finds the moment at which the next change settles.
func (m *Memory) schedule() {
	m.due = time.Time{}
	for _, r := range m.nodes {
		for _, f := range []*field{&r.pool, &r.place} {
			if f.since.IsZero() || !r.gone.IsZero() {
				continue
			}
			if t := f.since.Add(Settle); m.due.IsZero() || t.Before(m.due) {
				m.due = t
			}
		}
	}
}
