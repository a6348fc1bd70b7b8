package site

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrCall is wrapped by the errors of [Site.Call].
var ErrCall = errors.New("call")

// Running are the names of the hosts that run now, sorted.
func (s *Site) Running() []string {
	out := make([]string, 0, len(s.hosts))
	for _, h := range s.hosts {
		if h.up() {
			out = append(out, h.name)
		}
	}
	slices.Sort(out)
	return out
}

// Stirred are the names of the hosts on which, since the last call, something was
// started, came or went: the structure of their reports may be another. They are sorted.
func (s *Site) Stirred() []string {
	if len(s.stirred) == 0 {
		return nil
	}
	out := make([]string, 0, len(s.stirred))
	for h := range maps.Keys(s.stirred) {
		out = append(out, h.name)
	}
	clear(s.stirred)
	slices.Sort(out)
	return out
}

// Call has a program of one host call the main service of another from now on. An empty
// name is the client's main program. The error says why that can't be.
func (s *Site) Call(client, name, server string) error {
	c, v, err := s.ends(client, name, server)
	if err != nil {
		return err
	}
	if c == nil {
		c = s.run(s.byName[client], program{name, "root", name + ".service", "", "", 0, v.protocol})
	}
	if linked(c, v) {
		return fmt.Errorf("%w: %s of %s calls %s already", ErrCall, c.name, client, server)
	}
	l := s.connect(c, v, traffic{open: 2, rate: 0.02, rtt: 350, sent: 4e3, got: 9e3})
	l.mended = s.now // its connections are new
	s.rewired(c, v)
	return nil
}

// HangUp ends what [Site.Call] began, or what was so from the beginning. Of what isn't so
// it says nothing.
func (s *Site) HangUp(client, name, server string) {
	c, v, err := s.ends(client, name, server)
	if err != nil || c == nil {
		return
	}
	other := func(l *link) bool { return l.client == c && l.server == v }
	c.host.out = slices.DeleteFunc(c.host.out, other)
	v.host.in = slices.DeleteFunc(v.host.in, other)
	s.rewired(c, v)
}

// ends finds both ends of a call; the client is nil if its program isn't there.
func (s *Site) ends(client, name, server string) (c, v *process, err error) {
	from, to := s.byName[client], s.byName[server]
	if from == nil || to == nil || from == to {
		return nil, nil, fmt.Errorf("%w: it takes two hosts of the site, has %q and %q", ErrCall, client, server)
	}
	at := slices.IndexFunc(to.processes, func(p *process) bool { return p.port != 0 })
	if at < 0 {
		return nil, nil, fmt.Errorf("%w: %s serves nothing", ErrCall, server)
	}
	if name == "" {
		return from.processes[0], to.processes[at], nil
	}
	return from.client(name), to.processes[at], nil
}

func (s *Site) rewired(c, v *process) {
	for _, h := range []*host{c.host, v.host} {
		h.sortLinks()
		s.stirred[h] = true
	}
	s.changes++
}

// Stranger is a host that a client's main program does not call yet, of a pool of which
// it calls another: where one more call changes nothing but itself. pick tells which of
// several; "" is none.
func (s *Site) Stranger(client string, pick uint64) string {
	h := s.byName[client]
	if h == nil || len(h.out) == 0 {
		return ""
	}
	c := h.processes[0]
	for i := range h.out {
		l := h.out[(int(pick%uint64(len(h.out)))+i)%len(h.out)]
		if l.client != c || l.server == nil || l.server.host.pool == h.pool {
			continue
		}
		hosts := l.server.host.pool.hosts
		for k := range hosts {
			v := hosts[(int(mix(pick)%uint64(len(hosts)))+k)%len(hosts)]
			if v != h && v.up() && !linked(c, v.processes[0]) {
				return v.name
			}
		}
	}
	return ""
}
