package site

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is what a fault does.
type Kind string

// The kinds of fault, with what their target is.
const (
	// ServiceDies ends the main service of a node: its port refuses.
	ServiceDies Kind = "service-dies"
	// HostDies ends a node with all that runs there: nothing answers.
	HostDies Kind = "host-dies"
	// MemberDies ends the service of one node of a pool that has several.
	MemberDies Kind = "member-dies"
	// Slow makes the services of a node or pool answer late: round trips take
	// longer, and connections pile up before them.
	Slow Kind = "slow"
	// Cut lets nothing through between a pool and another one (With).
	Cut Kind = "cut"
	// DiskFull fills the disk of a node: its service accepts, and does no work.
	DiskFull Kind = "disk-full"
	// Overload sends a product many times its traffic.
	Overload Kind = "overload"
)

// Fault is trouble of some time. Targets are names of nodes, of pools
// ("shop/db") or of products.
type Fault struct {
	Kind   Kind      `json:"kind"`
	Target string    `json:"target"`
	With   string    `json:"with,omitempty"` // the other pool of a Cut
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
}

// fault is one that was injected, with what it does it to.
type fault struct {
	Fault
	hosts   []*host
	links   []*link
	product *product
	on      bool
}

// ErrFault is wrapped by the errors of [Site.Inject].
var ErrFault = errors.New("fault of a site")

// Inject has a fault begin and end. It must not begin before [Site.Now]. Faults
// of one kind must not overlap on one target.
func (s *Site) Inject(f Fault) error {
	switch {
	case f.From.UnixMilli() < s.now:
		return fmt.Errorf("%w: %s of %s must not begin before %s, begins at %s", ErrFault, f.Kind, f.Target, s.Now().Format(time.RFC3339), f.From.Format(time.RFC3339))
	case !f.To.After(f.From):
		return fmt.Errorf("%w: %s of %s must end after it begins", ErrFault, f.Kind, f.Target)
	}
	in := &fault{Fault: f}
	if err := s.aim(in); err != nil {
		return err
	}
	for _, other := range s.faults {
		if other.Kind == f.Kind && other.From.Before(f.To) && f.From.Before(other.To) && overlap(other, in) {
			return fmt.Errorf("%w: %s of %s overlaps another one", ErrFault, f.Kind, f.Target)
		}
	}
	s.faults = append(s.faults, in)
	s.agenda.add(f.From.UnixMilli(), func() { s.turn(in, true) })
	s.agenda.add(f.To.UnixMilli(), func() { s.turn(in, false) })
	return nil
}

func overlap(a, b *fault) bool {
	if a.product != b.product {
		return false
	}
	if a.product != nil || len(a.links) > 0 && slices.ContainsFunc(a.links, func(l *link) bool { return slices.Contains(b.links, l) }) {
		return true
	}
	return slices.ContainsFunc(a.hosts, func(h *host) bool { return slices.Contains(b.hosts, h) })
}

// aim finds what a fault does it to.
func (s *Site) aim(f *fault) error {
	wrong := func(what string) error {
		return fmt.Errorf("%w: the target of %s must be %s, is %q", ErrFault, f.Kind, what, f.Target)
	}
	h, q := s.byName[f.Target], s.poolOf(f.Target)
	switch f.Kind {
	case ServiceDies, HostDies, DiskFull:
		if h == nil {
			return wrong("a node")
		}
		f.hosts = []*host{h}
	case MemberDies:
		if q == nil || len(q.hosts) < 2 {
			return wrong("a pool of several nodes")
		}
		f.hosts = []*host{q.hosts[hashText(s.opt.Seed, f.Target)%uint64(max(2, q.least))]}
	case Slow:
		switch {
		case h != nil:
			f.hosts = []*host{h}
		case q != nil:
			f.hosts = q.hosts
		default:
			return wrong("a node or a pool")
		}
	case Cut:
		if f.links = s.between(q, s.poolOf(f.With)); len(f.links) == 0 {
			return fmt.Errorf("%w: %s needs two pools that are connected, has %q and %q", ErrFault, f.Kind, f.Target, f.With)
		}
	case Overload:
		i := slices.IndexFunc(s.products, func(p *product) bool { return p.name == f.Target })
		if i < 0 {
			return wrong("a product")
		}
		f.product = s.products[i]
	default:
		return fmt.Errorf("%w: there is no kind %q", ErrFault, f.Kind)
	}
	return nil
}

func (s *Site) poolOf(name string) *pool {
	for _, q := range s.pools {
		if q.name == name {
			return q
		}
	}
	return nil
}

// between are the links between two pools, in both directions.
func (s *Site) between(a, b *pool) (out []*link) {
	if a == nil || b == nil {
		return nil
	}
	for _, pair := range [][2]*pool{{a, b}, {b, a}} {
		for _, h := range pair[0].hosts {
			for _, l := range h.out {
				if l.server != nil && l.server.host.pool == pair[1] {
					out = append(out, l)
				}
			}
		}
	}
	return out
}

// How much a fault does.
const (
	slowness = 30.0 // times the round trip
	surge    = 5.0  // times the traffic
)

// turn begins a fault, or ends it.
func (s *Site) turn(f *fault, on bool) {
	f.on, s.judged = on, false
	since := int64(0)
	if on {
		since = s.now
	}
	for _, l := range f.links {
		if l.cut = since; !on {
			l.mended = s.now
		}
	}
	if f.product != nil {
		f.product.surge = 1
		if on {
			f.product.surge = surge
		}
	}
	for _, h := range f.hosts {
		f.Kind.strike(s, h, since)
	}
	if !on {
		s.faults = slices.DeleteFunc(s.faults, func(other *fault) bool { return other == f })
	}
}

// strike does to a host what a fault of a kind does, or mends it if since is 0.
func (k Kind) strike(s *Site, h *host, since int64) {
	main := h.processes[0]
	switch k {
	case ServiceDies, MemberDies:
		if main.down = since; since == 0 {
			s.begin(main)
		}
	case HostDies:
		s.stirred[h] = true
		if h.dead = since; since == 0 {
			s.start(h)
		}
	case DiskFull:
		h.full, main.jammed = since > 0, since > 0
	case Slow:
		main.slow = 1
		if since > 0 {
			main.slow = slowness
		}
	case Cut, Overload:
	}
}

// judge finds out what fails because of what it needs.
func (s *Site) judge() {
	if s.judged {
		return
	}
	s.judged = true
	for _, h := range s.hosts {
		for _, p := range h.processes {
			p.fails, p.weak = !p.up() || p.jammed, false
		}
	}
	for changed := true; changed; {
		changed = false
		for _, h := range s.hosts {
			for _, p := range h.processes {
				if p.needs != nil && !p.fails {
					changed = p.suffer() || changed
				}
			}
		}
	}
}

// suffer finds out whether a process fails by what it needs now. Of databases it
// needs the primary, of others any that it is linked with.
func (p *process) suffer() (changed bool) {
	fails, weak := false, false
	for _, n := range p.needs {
		all, some := p.lacks(n.pool)
		fails = fails || all && !n.optional
		weak = weak || some || all
	}
	changed = fails != p.fails || weak != p.weak
	p.fails, p.weak = fails, weak
	return changed
}

// lacks says whether none, or not all, of a pool serves a process.
func (p *process) lacks(q *pool) (all, some bool) {
	all, linked := true, false
	for _, l := range p.host.out {
		if l.client != p || l.server == nil || l.server.host.pool != q && !slices.Contains(q.hosts, l.server.host) {
			continue
		}
		if l.server.host.off {
			continue // out of service, and known to be
		}
		linked = true
		bad := l.server.fails || l.cut > 0
		primary := q.tier == DB && l.server.host == q.hosts[0]
		if bad && primary {
			return true, true
		}
		all, some = all && bad, some || bad
	}
	return all && linked, some
}

// slowed is how much longer a process takes to answer than usual, as what it
// calls does; at least 1.
func (p *process) slowed() float64 {
	f := p.slow
	if q := p.host.pool.product; q != nil && q.surge > 1 && (p.host.pool.tier == App || p.host.pool.tier == DB) && p == p.host.processes[0] {
		f = max(f, q.surge*1.5)
	}
	return f
}

// waits is how long a process waits for others: the slowest that it needs and
// those that they need.
func (p *process) waits(depth int) float64 {
	f := p.slowed()
	if depth == 0 {
		return f
	}
	for _, n := range p.needs {
		if n.optional || len(n.pool.hosts) == 0 {
			continue
		}
		for _, l := range p.host.out {
			if l.client == p && l.server != nil && l.server.host.pool == n.pool {
				f = max(f, l.server.waits(depth-1)*0.7)
			}
		}
	}
	return f
}

// String says what a fault is, in a line.
func (f *Fault) String() string {
	parts := []string{string(f.Kind), f.Target}
	if f.With != "" {
		parts = append(parts, "and", f.With)
	}
	return strings.Join(parts, " ")
}
