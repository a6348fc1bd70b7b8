package scan

import (
	"cmp"

	"github.com/devops-trouble-map/dotm/report"
)

// compact leaves only those network namespaces and containers in a report that
// have rows, and makes the rows refer to them.
func (s *Scanner) compact(r *report.Report) {
	networks, containers := map[int]int{}, map[int]int{}
	rooms := s.workplaces.list
	visit := func(namespace, container *int) {
		if n := *namespace; n != 0 && networks[n] == 0 {
			o := s.networks.Others[n-1]
			r.Namespaces = append(r.Namespaces, report.Namespace{Container: o.Name, Addresses: o.Addresses})
			networks[n] = len(r.Namespaces)
		}
		if c := *container; c != 0 && containers[c] == 0 {
			r.Containers = append(r.Containers, rooms[c-1])
			containers[c] = len(r.Containers)
		}
		*namespace, *container = networks[*namespace], containers[*container]
	}
	for i := range r.Listeners {
		visit(&r.Listeners[i].Namespace, &r.Listeners[i].Container)
	}
	for i := range r.Connections {
		visit(&r.Connections[i].Namespace, &r.Connections[i].Container)
	}
}

// nameOf is what a network namespace is called after its first process: its pod
// or container, its unit, or itself.
func (s *Scanner) nameOf(pid int) string {
	unit, container := s.workplaces.of(pid)
	if container != 0 {
		c := s.workplaces.list[container-1]
		return cmp.Or(c.Pod, c.Name)
	}
	return cmp.Or(unit, s.owners.NameOf(pid))
}
