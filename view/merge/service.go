package merge

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// spot is what services of one pool have in common.
type spot struct {
	protocol topology.Protocol
	port     uint16
}

// anywhere is what a service of many nodes listens on: each of them on its own
// addresses.
var anywhere = []netip.Addr{}

// services are those of the members, one for each protocol and port, sorted by id.
func services(key string, members []*topology.Block) []topology.Service {
	found := map[spot]*topology.Service{}
	processes := map[spot]map[string]int{}
	var order []spot
	for _, b := range members {
		for i := range b.Services {
			s := &b.Services[i]
			at := spot{s.Protocol, s.Port}
			all := found[at]
			if all == nil {
				all = first(key, s)
				found[at], processes[at], order = all, map[string]int{}, append(order, at)
			} else {
				joinService(all, s)
			}
			if s.State != topology.Gone {
				processes[at][s.Process]++
			}
		}
	}
	list := make([]topology.Service, 0, len(order))
	for _, at := range order {
		s := found[at]
		if name, any := mostly(processes[at]); any {
			s.Process = name
		}
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b topology.Service) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// first is a service as if the pool had it from one member alone.
func first(key string, s *topology.Service) *topology.Service {
	c := *s
	c.Node, c.ID = key, topology.ServiceID(key, s.Protocol, s.Port, netip.Addr{})
	c.Addresses, c.Container, c.Pod = anywhere, "", ""
	return &c
}

// joinService adds a member's service to one that stands for all.
func joinService(all, s *topology.Service) {
	all.Verdict = Verdicts(all.Verdict, s.Verdict)
	all.State = livelier(all.State, s.State)
	all.Clients += s.Clients
	all.Queue, all.QueueMax = max(all.Queue, s.Queue), max(all.QueueMax, s.QueueMax)
	all.Drops += s.Drops
	all.Own = all.Own && s.Own
	all.User, all.Unit, all.Image = common(all.User, s.User), common(all.Unit, s.Unit), common(all.Image, s.Image)
	if all.Scope != s.Scope {
		all.Scope = topology.ScopeHost
	}
	if s.FirstSeen.Before(all.FirstSeen) {
		all.FirstSeen = s.FirstSeen
	}
	if s.LastSeen.After(all.LastSeen) {
		all.LastSeen = s.LastSeen
	}
	if s.LastConnection.After(all.LastConnection) {
		all.LastConnection = s.LastConnection
	}
}

// common is what both are, else nothing.
func common(a, b string) string {
	if a == b {
		return a
	}
	return ""
}

// livelier is the state of a service that has both among its members.
func livelier(a, b topology.ServiceState) topology.ServiceState {
	rank := func(s topology.ServiceState) int {
		return slices.Index([]topology.ServiceState{topology.Gone, topology.Seen, topology.Listening}, s)
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// mostly is the name that most have; of several it is the first.
func mostly(count map[string]int) (name string, any bool) {
	best := 0
	for n, times := range count {
		if c := cmp.Compare(times, best); c > 0 || c == 0 && n < name {
			name, best = n, times
		}
	}
	return name, best > 0
}

// Verdicts is what two verdicts say together: the worse of the two, and how many
// checks that is in all.
func Verdicts(a, b topology.Verdict) topology.Verdict {
	switch {
	case b.Checks == 0:
		return a
	case a.Checks == 0:
		return b
	}
	a.Status, a.OpenStatus = topology.Worse(a.Status, b.Status), topology.Worse(a.OpenStatus, b.OpenStatus)
	a.StatusStale = a.StatusStale && b.StatusStale
	a.Checks += b.Checks
	a.Open += b.Open
	a.Handled += b.Handled
	if b.StatusChanged.After(a.StatusChanged) {
		a.StatusChanged = b.StatusChanged
	}
	return a
}
