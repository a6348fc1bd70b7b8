// Package service turns the listeners of a report into the services of a node
// ([Of]), each the one that it was before if it was there, and finds the service
// that accepts at an address and port ([Ports]).
package service

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Port is a protocol's port on one node.
type Port struct {
	Protocol topology.Protocol
	Number   uint16
}

// At names a port.
func At(proto topology.Protocol, number uint16) Port { return Port{proto, number} }

// Of turns a node's listeners, part of what a report says, into its services: one
// per protocol, port and owner. Services of before that no longer listen stay as
// gone. They are sorted by id.
func Of(node *topology.Node, prev *topology.Block, listeners []report.Listener, says *report.Report, now time.Time) []topology.Service {
	before := map[Port][]*topology.Service{}
	for i := range prev.Services {
		s := &prev.Services[i]
		key := At(s.Protocol, s.Port)
		before[key] = append(before[key], s)
	}
	var out []topology.Service
	for key, groups := range byOwner(listeners, says) {
		out = append(out, match(node, key, groups, before[key], now, prev.Node.LastReport)...)
		delete(before, key)
	}
	for _, left := range before {
		for _, s := range left {
			out = append(out, stop(*s, prev.Node.LastReport))
		}
	}
	slices.SortFunc(out, func(a, b topology.Service) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// byOwner groups listeners into services: by port, then by the process that
// owns them. A process that listens on one port twice (IPv4 and IPv6) is one
// service; so are several sockets whose owner is hidden.
func byOwner(listeners []report.Listener, says *report.Report) map[Port][]topology.Service {
	out := map[Port][]topology.Service{}
	for i := range listeners {
		l := &listeners[i]
		key := At(topology.Protocol(l.Protocol), l.Port)
		groups := out[key]
		in := says.Container(l.Container).Name
		at := slices.IndexFunc(groups, func(s topology.Service) bool {
			return s.Process == l.Process && s.User == l.User && s.Unit == l.Unit && s.Container == in
		})
		if at < 0 {
			groups = append(groups, service(key, l, says.Container(l.Container)))
			at = len(groups) - 1
		}
		groups[at].Queue += l.Queue
		groups[at].QueueMax += l.QueueMax
		groups[at].Drops += l.Drops
		groups[at].Addresses = append(groups[at].Addresses, listenAddresses(l)...)
		out[key] = groups
	}
	for _, groups := range out {
		for i := range groups {
			slices.SortFunc(groups[i].Addresses, netip.Addr.Compare)
			groups[i].Addresses = slices.Compact(groups[i].Addresses)
		}
		slices.SortFunc(groups, func(a, b topology.Service) int {
			return cmp.Or(a.Addresses[0].Compare(b.Addresses[0]), strings.Compare(a.Process, b.Process))
		})
	}
	return out
}

// service is a listener's service, as far as the listener tells.
func service(key Port, l *report.Listener, in report.Container) topology.Service {
	s := topology.Service{
		Protocol: key.Protocol, Port: key.Number, Process: l.Process, PID: l.PID, User: l.User, Own: l.Own,
		Unit: l.Unit, Container: in.Name, Image: in.Image,
	}
	if in.Pod != "" {
		s.Pod = in.PodNamespace + "/" + in.Pod
	}
	return s
}

func listenAddresses(l *report.Listener) []netip.Addr {
	if l.Dual {
		return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	return []netip.Addr{l.Address.WithZone("")}
}

// match finds, for the services that listen on one port now, those they were
// before: the one of the same process at a same address, else of the same
// process, else one that shares an address, else, if nothing else claims it,
// the one that held the port. The rest are new.
func match(node *topology.Node, key Port, now []topology.Service, before []*topology.Service, at, last time.Time) []topology.Service {
	taken := map[*topology.Service]bool{}
	old := make([]*topology.Service, len(now))
	for _, alike := range []func(a, b *topology.Service) bool{sameOwner, sameProcess, shareAddress, anyOwner} {
		for i := range now {
			if old[i] != nil {
				continue
			}
			for _, c := range before {
				if !taken[c] && alike(&now[i], c) {
					old[i], taken[c] = c, true
					break
				}
			}
		}
	}
	var out []topology.Service
	used := map[string]bool{}
	for _, c := range before {
		used[c.ID] = true
		if !taken[c] {
			out = append(out, stop(*c, last))
		}
	}
	for i := range now {
		s := listen(node, key, now[i], old[i], used, at)
		used[s.ID] = true
		out = append(out, s)
	}
	return out
}

func sameOwner(a, b *topology.Service) bool { return sameProcess(a, b) && shareAddress(a, b) }

func sameProcess(a, b *topology.Service) bool { return a.Process == b.Process && a.Process != "" }

func shareAddress(a, b *topology.Service) bool {
	return slices.ContainsFunc(a.Addresses, func(x netip.Addr) bool { return slices.Contains(b.Addresses, x) })
}

func anyOwner(_, b *topology.Service) bool { return b.State == topology.Gone || b.Process == "" }

// listen completes a service that accepts connections now.
func listen(node *topology.Node, key Port, s topology.Service, old *topology.Service, used map[string]bool, at time.Time) topology.Service {
	s.Node, s.State, s.Verdict = node.Name, topology.Listening, topology.NoVerdict
	s.Scope = scope(s.Addresses)
	if node.Kind == topology.Container && s.Container == "" {
		_, s.Container, _ = strings.Cut(node.Name, "/")
	}
	if old != nil {
		s.ID, s.FirstSeen, s.LastSeen = old.ID, old.FirstSeen, old.LastSeen
		s.LastConnection, s.Verdict, s.Clients = old.LastConnection, old.Verdict, old.Clients
		s.Drops += old.Drops
		if s.Process == "" {
			// Seen before, hidden now.
			s.Process, s.User, s.Unit = old.Process, old.User, old.Unit
			s.Container, s.Image, s.Pod = old.Container, old.Image, old.Pod
		}
		return s
	}
	s.FirstSeen, s.LastSeen = at, at
	s.ID = unusedID(node.Name, key, s.Addresses[0], used)
	return s
}

// unusedID is the id of a new service. Sockets that share address and port
// (SO_REUSEPORT) with different owners are numbered.
func unusedID(node string, key Port, addr netip.Addr, used map[string]bool) string {
	id := topology.ServiceID(node, key.Protocol, key.Number, netip.Addr{})
	if !used[id] {
		return id
	}
	second := topology.ServiceID(node, key.Protocol, key.Number, addr)
	id = second
	for n := 2; used[id]; n++ {
		id = second + "~" + strconv.Itoa(n)
	}
	return id
}

func scope(listen []netip.Addr) topology.Scope {
	if slices.ContainsFunc(listen, func(a netip.Addr) bool { return !a.IsLoopback() }) {
		return topology.ScopeHost
	}
	return topology.ScopeLoopback
}

// stop turns a service into one that is gone. It was last seen by the report
// before this one.
func stop(s topology.Service, last time.Time) topology.Service {
	if s.State != topology.Gone {
		if s.Clients > 0 {
			s.LastConnection = last
		}
		s.State, s.LastSeen, s.Clients, s.Queue = topology.Gone, last, 0, 0
	}
	return s
}

// Ports are the services of a node by port.
type Ports struct {
	few  []topology.Service
	many map[Port][]*topology.Service // where they are too many to look at all
}

// fewServices are sooner looked through than sorted.
const fewServices = 16

// ByPort finds services by their ports; it keeps pointers into the list.
func ByPort(services []topology.Service) Ports {
	if len(services) <= fewServices {
		return Ports{few: services}
	}
	p := Ports{many: make(map[Port][]*topology.Service, len(services))}
	for i := range services {
		s := &services[i]
		key := At(s.Protocol, s.Port)
		p.many[key] = append(p.many[key], s)
	}
	return p
}

// Accepting finds the service that accepts at an address and port: one bound to
// the very address, else one bound to all of its family, else one bound to all
// of the other (not every way of looking tells dual-stack sockets); else one
// that did so and is gone, for connections outlive their listener. nil if none.
func (p Ports) Accepting(key Port, addr netip.Addr) *topology.Service {
	var best *topology.Service
	most := 0
	for i := range p.few {
		if s := &p.few[i]; s.Port == key.Number && s.Protocol == key.Protocol {
			if fit := fits(s, addr); fit > most {
				best, most = s, fit
			}
		}
	}
	for _, s := range p.many[key] {
		if fit := fits(s, addr); fit > most {
			best, most = s, fit
		}
	}
	return best
}

// fits ranks how well a service accepts at an address; 0 is not at all.
func fits(s *topology.Service, addr netip.Addr) int {
	fit := 0
	for _, a := range s.Addresses {
		switch {
		case a == addr:
			fit = 3
		case a.IsUnspecified() && a.Is4() == addr.Is4():
			fit = max(fit, 2)
		case a.IsUnspecified():
			fit = max(fit, 1)
		}
	}
	if fit > 0 && s.State != topology.Gone {
		fit += 3
	}
	return fit
}

// Only maps each process of a node that has exactly one service to its
// id, and one with several to nothing.
func Only(services []topology.Service) map[string]string {
	only := map[string]string{}
	for i := range services {
		s := &services[i]
		if s.Process == "" || s.State != topology.Listening {
			continue
		}
		if _, several := only[s.Process]; several {
			only[s.Process] = ""
		} else {
			only[s.Process] = s.ID
		}
	}
	return only
}
