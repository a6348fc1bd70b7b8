package main

import (
	"math/rand/v2"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

// fault is a kind of fault that is put into a site.
type fault string

// The faults.
const (
	serviceDies fault = "service dies"
	hostDies    fault = "host dies"
	slow        fault = "slow dependency"
	networkCut  fault = "network cut"
	diskFull    fault = "database's disk is full"
	memberDies  fault = "one of a pool dies"
	flood       fault = "a client floods its server"
	twoAtOnce   fault = "two at once"
)

var faults = []fault{serviceDies, hostDies, slow, networkCut, diskFull, memberDies, flood, twoAtOnce}

// health is how a part does.
type health uint8

const (
	healthy health = iota
	limping
	broken
)

// event is what became of a part, and when.
type event struct {
	health health
	at     time.Time
}

// incident is one fault with all that it led to.
type incident struct {
	site   *site
	kind   fault
	truths []int
	became map[int]event
	began  time.Time
}

var midnight = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// strike puts a fault into a site and lets it spread; false if it has no part for
// that, or if nobody would notice.
func strike(rnd *rand.Rand, s *site, kind fault) (*incident, bool) {
	in := &incident{site: s, kind: kind, became: map[int]event{}, began: midnight.Add(time.Duration(rnd.IntN(86400)) * time.Second)}
	to := broken
	switch kind {
	case hostDies:
		in.truths = []int{s.parts[s.pick(rnd, s.services)].host}
	case networkCut:
		in.truths = []int{s.racks[rnd.IntN(len(s.racks))]}
	case diskFull:
		in.truths = []int{s.pick(rnd, s.databases)}
	case memberDies:
		in.truths = s.member(rnd)
	case flood:
		to = limping
		in.truths = s.flooder(rnd)
	case twoAtOnce:
		in.truths = []int{s.pick(rnd, s.services), s.pick(rnd, s.services)}
	case slow:
		to = limping
		in.truths = []int{s.pick(rnd, s.databases)}
	case serviceDies:
		in.truths = []int{s.alone(rnd)}
	}
	if len(in.truths) == 0 || len(in.truths) == 2 && in.truths[0] == in.truths[1] {
		return nil, false
	}
	for _, t := range in.truths {
		in.became[t] = event{to, in.began}
	}
	if kind == flood {
		in.drown(rnd)
	}
	in.run(rnd)
	return in, len(in.became) > 1 || kind == memberDies
}

func (s *site) pick(rnd *rand.Rand, from []int) int { return from[rnd.IntN(len(from))] }

// alone is a service that nothing stands in for and that somebody calls.
func (s *site) alone(rnd *rand.Rand) int {
	for {
		if i := s.pick(rnd, s.services); s.parts[i].pool == "" && len(s.used[i]) > 0 {
			return i
		}
	}
}

// member is one of a pool that somebody calls.
func (s *site) member(rnd *rand.Rand) []int {
	for range 100 {
		if i := s.pick(rnd, s.services); s.parts[i].pool != "" && len(s.used[i]) > 0 {
			return []int{i}
		}
	}
	return nil
}

// flooder is a client of a database.
func (s *site) flooder(rnd *rand.Rand) []int {
	if used := s.used[s.pick(rnd, s.databases)]; len(used) > 0 {
		return []int{s.needs[used[rnd.IntN(len(used))]].client}
	}
	return nil
}

// drown makes the flooder's databases limp.
func (in *incident) drown(rnd *rand.Rand) {
	s := in.site
	for _, n := range s.uses[in.truths[0]] {
		for _, d := range s.databases {
			if s.needs[n].server == d {
				s.needs[n].load, s.needs[n].since = 4+16*rnd.Float64(), in.began
				in.became[d] = event{limping, in.began.Add(in.lag(rnd))}
			}
		}
	}
}

func (in *incident) lag(rnd *rand.Rand) time.Duration {
	return time.Duration(1+rnd.IntN(25)) * time.Second
}

// run lets the fault spread until nothing changes: a part breaks with what it sits
// on, and with what it can't do without if no member of that pool is left; it limps
// with what limps.
func (in *incident) run(rnd *rand.Rand) {
	for changed := true; changed; {
		changed = false
		for i := range in.site.parts {
			if is, later := in.becomes(i); is > in.became[i].health {
				in.became[i] = event{is, later.Add(in.lag(rnd))}
				changed = true
			}
		}
	}
}

// becomes is what a part should be, going by what it needs.
func (in *incident) becomes(i int) (worst health, since time.Time) {
	s := in.site
	for _, n := range s.uses[i] {
		need := &s.needs[n]
		if !need.vital {
			continue
		}
		is, at := in.lost(i, need)
		if is > worst {
			worst, since = is, at
		}
	}
	return worst, since
}

// lost is what is left of one need: the best of the pool's members that the client
// calls.
func (in *incident) lost(client int, n *need) (best health, at time.Time) {
	s := in.site
	pool := s.parts[n.server].pool
	if pool == "" || n.kind == trouble.On {
		e := in.became[n.server]
		return e.health, e.at
	}
	best = broken
	for _, other := range s.uses[client] {
		if m := s.needs[other].server; s.parts[m].pool == pool {
			e := in.became[m]
			best = min(best, e.health)
			if e.at.After(at) {
				at = e.at
			}
		}
	}
	return best, at
}

// broken are the ids of what broke or limps.
func (in *incident) hurt() map[string]bool {
	out := map[string]bool{}
	for i, e := range in.became {
		if e.health != healthy {
			out[in.site.parts[i].id] = true
		}
	}
	return out
}

// blur is how well the site is watched.
type blur struct {
	// missing is the share of alerts that nobody gets to see: half of them as
	// nobody watches, half as the check runs later.
	missing float64
	// noise is at most how many alerts have nothing to do with it.
	noise int
	// skewed is the chance that a second monitoring system's clock is an hour
	// off.
	skewed float64
}

// observe is what monitoring tells of an incident some minutes after it began.
func (in *incident) observe(rnd *rand.Rand, b blur) *trouble.Incident {
	o := &trouble.Incident{At: in.began.Add(6 * time.Minute), Watched: map[string]trouble.Watch{}}
	skew := time.Duration(0)
	if rnd.Float64() < b.skewed {
		skew = time.Hour
	}
	order := rnd.Perm(len(in.site.parts))
	noise := rnd.IntN(b.noise + 1)
	for _, i := range order {
		p := &in.site.parts[i]
		clock, off := "a", time.Duration(0)
		if i%4 == 0 {
			clock, off = "b", skew
		}
		interval := time.Duration(60+rnd.IntN(3)*120) * time.Second
		look := o.At.Add(-time.Duration(rnd.Int64N(int64(interval))))
		if p.kind == trouble.Place {
			continue // nobody watches a rack
		}
		became, hurt := in.became[i]
		switch gone := rnd.Float64(); {
		case hurt && gone < b.missing/2, !hurt && gone < .1:
			continue
		case hurt && (gone < b.missing || became.at.After(look)):
			o.Watched[p.id] = trouble.Watch{Fine: became.at.Add(-time.Duration(rnd.Int64N(int64(interval)))).Add(off), Clock: clock}
			continue
		}
		o.Watched[p.id] = trouble.Watch{Fine: look.Add(off), Clock: clock}
		switch {
		case hurt:
			o.Alerts = append(o.Alerts, in.alert(rnd, i, became, look, interval, clock, off))
		case noise > 0 && rnd.Float64() < .05:
			noise--
			o.Alerts = append(o.Alerts, in.noise(rnd, i, look, interval, clock, off))
		}
	}
	in.rumours(rnd, o)
	in.changes(rnd, o)
	return o
}

// alert is that of a check which ran after the part went bad.
func (in *incident) alert(rnd *rand.Rand, i int, e event, look time.Time, interval time.Duration, clock string, off time.Duration) trouble.Alert {
	by := look
	for by.Add(-interval).After(e.at) {
		by = by.Add(-interval)
	}
	p := &in.site.parts[i]
	a := trouble.Alert{
		Component: p.id, Trouble: trouble.Failing, Status: topology.Critical,
		Onset: trouble.Onset{After: by.Add(-interval).Add(off), By: by.Add(off), Clock: clock},
	}
	switch {
	case e.health == limping:
		a.Trouble = trouble.Slow
		if rnd.Float64() < .6 {
			a.Status = topology.Warning
		}
	case in.kind == diskFull && i == in.truths[0]:
		a.Trouble = trouble.Full
	case p.kind == trouble.Node:
		a.Status = topology.Down
	case p.host >= 0 && in.became[p.host].health == broken && rnd.Float64() < .5:
		a.Symptom = true
	}
	return a
}

// noise is an alert on something that isn't hurt.
func (in *incident) noise(rnd *rand.Rand, i int, look time.Time, interval time.Duration, clock string, off time.Duration) trouble.Alert {
	by := look.Add(-interval * time.Duration(rnd.IntN(4)))
	a := trouble.Alert{
		Component: in.site.parts[i].id, Trouble: trouble.Slow, Status: topology.Warning,
		Onset:    trouble.Onset{After: by.Add(-interval).Add(off), By: by.Add(off), Clock: clock},
		Flapping: rnd.Float64() < .3,
	}
	if rnd.Float64() < .3 {
		a.Status = topology.Critical
	}
	return a
}

// rumours are what clients with an agent saw of broken servers.
func (in *incident) rumours(rnd *rand.Rand, o *trouble.Incident) {
	for i := range in.site.needs {
		n := &in.site.needs[i]
		if n.kind != trouble.Calls || in.became[n.server].health != broken || rnd.Float64() > .2 {
			continue
		}
		at := in.became[n.server].at.Add(time.Duration(rnd.IntN(10)) * time.Second)
		o.Alerts = append(o.Alerts, trouble.Alert{
			Component: in.site.parts[n.server].id, Trouble: trouble.Failing, Status: topology.Critical,
			Onset:     trouble.Onset{After: at.Add(-10 * time.Second), By: at, Clock: "agents"},
			Witnesses: []string{in.site.parts[n.client].id},
		})
	}
}

// changes are some that have to do with it, and some that don't.
func (in *incident) changes(rnd *rand.Rand, o *trouble.Incident) {
	tell := func(i int) {
		o.Changes = append(o.Changes, trouble.Change{
			Component: in.site.parts[i].id, At: in.began.Add(-time.Duration(rnd.IntN(600)) * time.Second), What: "restarted under a new pid",
		})
	}
	if rnd.Float64() < .2 {
		tell(in.truths[0])
	}
	if rnd.Float64() < .3 {
		tell(rnd.IntN(len(in.site.parts)))
	}
}
