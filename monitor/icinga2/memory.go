package icinga2

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

// memory is what was read last, with what is needed to bring it up to date by events.
type memory struct {
	reading *monitor.Reading // until it is given away
	before  *memory          // what was read before it, until all is read
	texts   *texts
	link    string
	start   float64 // when Icinga 2 started, 0 if not known
	asOf    float64 // when the read began, by Icinga 2's clock; 0 if not known
	sites   map[string]*site
	checks  int // how many there are
	// parents are the objects that others depend on; without the right to read
	// dependencies anything may be one.
	parents           map[key]bool
	dependencies      []monitor.Dependency
	knowsDependencies bool
}

// key names a host, or a service of it.
type key struct{ host, name string }

// site is a host with its services.
type site struct {
	host     *held
	services map[string]*held
}

// held is a check, and what is needed to tell what is newer. While a reading goes on it
// has no check but an index; after that all but check and end stays as it is.
type held struct {
	check *mapping.Check // where it lies in the reading, until it changes
	own   bool           // it changed
	end   float64        // when the check ran, by Icinga 2's clock
	index int            // in the reading
	words *words         // as of the reading; nil if it never ran
	base  string         // what link was made of
	link  string
}

// newMemory is one to read into; before is what was read the last time, nil for nothing.
func newMemory(before *memory) *memory {
	m := &memory{reading: &monitor.Reading{}, before: before, texts: newTexts()}
	n, checks := 0, 0
	if before != nil {
		m.texts = before.texts
		n, checks = len(before.sites), before.checks
	}
	m.texts.turn()
	m.sites = make(map[string]*site, n)
	m.reading.Hosts, m.reading.Checks = make([]mapping.Host, 0, n+n/32), make([]mapping.Check, 0, checks+checks/32)
	return m
}

func (m *memory) site(host string) *site {
	s := m.sites[host]
	if s == nil {
		n := 0
		if m.before != nil && m.before.sites[host] != nil {
			n = len(m.before.sites[host].services)
		}
		s = &site{services: make(map[string]*held, n)}
		m.sites[host] = s
	}
	return s
}

// last is how a check was read the last time; nil if it was not.
func (m *memory) last(host, name string) *held {
	if m.before == nil {
		return nil
	}
	return m.before.held(host, name)
}

// held finds a check by its names as they are kept.
func (m *memory) held(host, name string) *held {
	s := m.sites[host]
	switch {
	case s == nil:
		return nil
	case name == "":
		return s.host
	}
	return s.services[name]
}

// keep takes a check into the reading.
func (m *memory) keep(c *mapping.Check, h held) (*held, error) {
	h.index = len(m.reading.Checks)
	m.reading.Checks = append(m.reading.Checks, *c)
	return &h, m.reading.Room()
}

// change is a check that is held, to be changed: what was given away stays as it was.
func (m *memory) change(h *held) *mapping.Check {
	if m.reading == nil && !h.own {
		c := *h.check
		h.check, h.own = &c, true
	}
	return h.check
}

// host takes a host in.
func (m *memory) host(o *object) (err error) {
	h := o.host(m.link)
	if h.Name == "" {
		return notIcinga("the answer has a host without a name")
	}
	m.reading.Hosts = append(m.reading.Hosts, h)
	c, is := o.hostCheck(m.link, m.last(h.Name, ""))
	m.site(h.Name).host, err = m.keep(&c, is)
	return err
}

// service takes a service in.
func (m *memory) service(o *object) (err error) {
	if o.hostName == "" || o.name == "" {
		return notIcinga("the answer has a service without a name")
	}
	c, h := o.serviceCheck(m.link, m.last(o.hostName, o.name))
	m.site(c.Host).services[c.Name], err = m.keep(&c, h)
	return err
}

// depend takes the dependencies in. Those among hosts are their parents, too.
func (m *memory) depend(list []monitor.Dependency) {
	m.dependencies, m.knowsDependencies = list, true
	m.reading.Dependencies = slices.Clone(list)
	m.parents = map[key]bool{}
	above := map[string][]string{}
	for _, d := range list {
		m.parents[key{d.ParentHost, d.ParentName}] = true
		if d.Name == "" && d.ParentName == "" {
			above[d.Host] = append(above[d.Host], d.ParentHost)
		}
	}
	for i := range m.reading.Hosts {
		h := &m.reading.Hosts[i]
		h.Parents = above[h.Name]
		slices.Sort(h.Parents)
		h.Parents = slices.Compact(h.Parents)
	}
}

// finish finds out what is a mere symptom, once all is read.
func (m *memory) finish() {
	m.before, m.checks = nil, len(m.reading.Checks)
	for _, s := range m.sites {
		if s.host != nil {
			s.host.check = &m.reading.Checks[s.host.index]
		}
		for _, h := range s.services {
			h.check = &m.reading.Checks[h.index]
		}
		m.suppress(s)
	}
}

// write gives the reading away, which nobody changes from then on.
func (m *memory) write() *monitor.Reading {
	r := m.reading
	m.reading = nil
	return r
}

// suppress marks the problems of services whose host has one, as Icinga 2 does when
// it calls them handled, and returns those that are not as they were.
func (m *memory) suppress(s *site) (changed []*held) {
	down := s.host != nil && s.host.check.Status.Bad()
	for _, h := range s.services {
		if was := h.check.Suppressed; was != (down && h.check.Status.Bad()) {
			m.change(h).Suppressed = !was
			changed = append(changed, h)
		}
	}
	return changed
}

// find is a check that is held; nil if there is none.
func (m *memory) find(host, name string) *held {
	if name == "" {
		return m.held(clean(host), "")
	}
	if s := m.sites[clean(host)]; s != nil {
		return s.services[clean(name)]
	}
	return nil
}

// look says what is odd about a reading: nothing is never all well.
func (m *memory) look(me *login) {
	r := m.reading
	switch {
	case len(r.Hosts) == 0 && me.filtered("objects/query/Host"):
		r.Say("no-hosts", "the login "+me.User+" sees no hosts", "the filter of its permission objects/query/Host lets none through")
	case len(r.Hosts) == 0:
		r.Say("no-hosts", "it has no hosts", "is it the right Icinga 2? a satellite knows those of its zone only")
	case len(r.Checks) == len(r.Hosts) && me.may("objects/query/Service"):
		r.Say("no-services", "it shows hosts and no services", "may the login "+me.User+" see them? look for a filter at its permission objects/query/Service")
	}
	if missing := me.blindFor(); len(missing) > 0 {
		r.Say("no-right-events", "the login "+me.User+" is not told of every change at once", grant(missing...))
	}
	m.lookAtAge()
}

// lookAtAge says so if no check ran for long, of those that should.
func (m *memory) lookAtAge() {
	const grace = time.Minute
	r := m.reading
	var newest time.Time
	due := false
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Interval == 0 || c.LastCheck.IsZero() {
			continue
		}
		if r.At.Sub(c.LastCheck) <= 3*time.Duration(c.Interval)+grace {
			return
		}
		due = true
		if c.LastCheck.After(newest) {
			newest = c.LastCheck
		}
	}
	if due && !r.At.IsZero() {
		r.Say("old-data", "no check has run since "+newest.Format(time.RFC3339), "is the feature checker enabled, and are the nodes connected that run the checks?")
	}
}
