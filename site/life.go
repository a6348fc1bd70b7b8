package site

import (
	"math"
	"slices"
	"sort"

	"github.com/devops-trouble-map/dotm/report"
)

// Times in milliseconds.
const (
	second int64 = 1000
	minute       = 60 * second
	hour         = 60 * minute
	day          = 24 * hour
)

// event is something that happens at a moment.
type event struct {
	at int64
	do func()
}

// agenda is what will happen, the next first.
type agenda []event

// add keeps events of one moment in the order in which they were added.
func (a *agenda) add(at int64, do func()) {
	i := sort.Search(len(*a), func(i int) bool { return (*a)[i].at > at })
	*a = slices.Insert(*a, i, event{at, do})
}

// extend puts on the agenda what usually happens until the end of the hour.
func (s *Site) extend(now int64) {
	for s.planned <= now {
		begin := s.planned
		s.planned += hour
		if s.opt.Quiet {
			continue
		}
		for _, p := range s.products {
			s.planDeploy(p, begin)
		}
		for _, q := range s.pools {
			if q.least > 0 {
				for at := begin; at < begin+hour; at += 10 * minute {
					s.plannedAfter(at, func() { s.scale(q) })
				}
			}
		}
		for _, h := range s.hosts {
			if r := hash(h.id, uint64(begin), 1); unit(r) < 1.0/400 {
				s.plannedAfter(begin+int64(mix(r)%uint64(hour)), func() { s.reboot(h) })
			}
		}
	}
}

// plannedAfter is for what would be past when the site begins within an hour.
func (s *Site) plannedAfter(at int64, do func()) {
	if at >= s.now {
		s.agenda.add(at, do)
	}
}

// planDeploy has about every third product get a new version within the hour: its
// applications are started anew, one after the other.
func (s *Site) planDeploy(p *product, begin int64) {
	r := source{hash(s.opt.Seed, uint64(p.index), uint64(begin), 4)}
	if q := p.pools[App]; q != nil && r.below(3) == 0 {
		at := begin + int64(r.below(30))*minute
		step := min(30*second, 25*minute/int64(len(q.hosts)))
		for i, h := range q.hosts {
			s.plannedAfter(at+int64(i)*step, func() { s.restart(h.processes[0]) })
		}
	}
}

// restart starts a process anew, under another id.
func (s *Site) restart(p *process) {
	if p.up() {
		s.begin(p)
	}
}

func (s *Site) begin(p *process) {
	p.starts++
	p.begun = s.now
	s.stirred[p.host] = true
}

// bootTime is how long a host is away when it is started anew.
const bootTime = 75 * second

func (s *Site) reboot(h *host) {
	if !h.up() || h.pool.least > 0 && s.index(h) >= h.pool.least {
		return // those that come and go are not rebooted
	}
	s.stop(h, report.LeavingReboot)
	s.agenda.add(s.now+bootTime, func() { s.start(h) })
}

// stop switches a host off, whose agent says so if it was ever heard.
func (s *Site) stop(h *host, why report.Leaving) {
	h.off = true
	if h.told != 0 {
		h.leaving = why
	}
	s.judged = false
	s.stirred[h] = true
}

func (s *Site) index(h *host) int { return slices.Index(h.pool.hosts, h) }

// start switches a host on.
func (s *Site) start(h *host) {
	h.off, h.leaving = false, ""
	h.boot++
	h.sequence, h.told = 0, 0
	for _, p := range h.processes {
		s.begin(p)
	}
	s.judged = false
}

// wanted is how many hosts of a pool the load asks for.
func (s *Site) wanted(q *pool, at int64) int {
	spare := len(q.hosts) - q.least
	part := (load(at) - 0.4) / 0.6
	return q.least + int(math.Round(part*q.product.surge*float64(spare)))
}

// scale switches hosts of a pool on or off, as the load asks for.
func (s *Site) scale(q *pool) {
	on := min(max(s.wanted(q, s.now), q.least), len(q.hosts))
	for i, h := range q.hosts {
		switch off := i >= on; {
		case h.off && !off:
			s.start(h)
		case !h.off && off && h.dead == 0:
			s.stop(h, report.LeavingShutdown)
		}
	}
}

// load is the part of the greatest traffic that there is at a moment, 0.4 to 1: it
// is highest at 14:00 UTC.
func load(at int64) float64 {
	part := float64(at%day)/float64(day) - 14.0/24
	return 0.7 + 0.3*math.Cos(2*math.Pi*part)
}
