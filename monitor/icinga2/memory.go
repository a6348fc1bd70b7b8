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
	link    string
	start   float64 // when Icinga 2 started, 0 if not known
	asOf    float64 // when the read began, by Icinga 2's clock; 0 if not known
	sites   map[string]*site
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

// held is a check, and what is needed to tell what is newer.
type held struct {
	check mapping.Check
	end   float64 // when the check ran, by Icinga 2's clock
	index int     // in the reading
}

func newMemory() *memory {
	return &memory{reading: &monitor.Reading{}, sites: map[string]*site{}}
}

func (m *memory) site(host string) *site {
	s := m.sites[host]
	if s == nil {
		s = &site{services: map[string]*held{}}
		m.sites[host] = s
	}
	return s
}

// keep takes a check into the reading.
func (m *memory) keep(h held) (*held, error) {
	h.index = len(m.reading.Checks)
	m.reading.Checks = append(m.reading.Checks, h.check)
	return &h, m.reading.Room()
}

// host takes a host in.
func (m *memory) host(o *object) (err error) {
	h := o.host(m.link)
	if h.Name == "" {
		return notIcinga("the answer has a host without a name")
	}
	m.reading.Hosts = append(m.reading.Hosts, h)
	m.site(h.Name).host, err = m.keep(o.hostCheck(m.link))
	return err
}

// service takes a service in.
func (m *memory) service(o *object) (err error) {
	h := o.serviceCheck(m.link)
	if h.check.Host == "" || h.check.Name == "" {
		return notIcinga("the answer has a service without a name")
	}
	m.site(h.check.Host).services[h.check.Name], err = m.keep(h)
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
	for _, s := range m.sites {
		s.suppress()
	}
}

// write brings the reading up to what is held, and gives it away.
func (m *memory) write() *monitor.Reading {
	for _, s := range m.sites {
		if s.host != nil {
			m.reading.Checks[s.host.index] = s.host.check
		}
		for _, h := range s.services {
			m.reading.Checks[h.index] = h.check
		}
	}
	r := m.reading
	m.reading = nil
	return r
}

// suppress marks the problems of services whose host has one, as Icinga 2 does when
// it calls them handled, and returns those that are not as they were.
func (s *site) suppress() (changed []*held) {
	down := s.host != nil && s.host.check.Status.Bad()
	for _, h := range s.services {
		if was := h.check.Suppressed; was != (down && h.check.Status.Bad()) {
			h.check.Suppressed = !was
			changed = append(changed, h)
		}
	}
	return changed
}

// find is a check that is held; nil if there is none.
func (m *memory) find(host, name string) *held {
	s := m.sites[clean(host)]
	switch {
	case s == nil:
		return nil
	case name == "":
		return s.host
	}
	return s.services[clean(name)]
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
