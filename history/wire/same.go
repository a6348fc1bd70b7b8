package wire

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Same says whether two states of a node differ in numbers and times only, so that
// a patch from one to the other would be empty. It finds more than there are
// events for: evidence, owners, notes, what a check is mapped on.
func Same(a, b *topology.Block) bool {
	return a == b || (sameNode(&a.Node, &b.Node) && sameItems(a.Services, b.Services, sameService) &&
		slices.EqualFunc(a.Connections, b.Connections, sameConnection) && sameItems(a.Checks, b.Checks, sameCheck))
}

func sameItems[T any](a, b []T, same func(a, b *T) bool) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if &a[i] != &b[i] && !same(&a[i], &b[i]) {
			return false
		}
	}
	return true
}

// sameNode is [topology.SameNode] but for the verdict, which follows from the
// checks.
func sameNode(a, b *topology.Node) bool {
	x, y := *a, *b
	x.Verdict, y.Verdict = topology.Verdict{}, topology.Verdict{}
	return topology.SameNode(&x, &y)
}

// sameService says whether two states of a service differ in numbers and times
// only.
func sameService(a, b *topology.Service) bool {
	x, y := *a, *b
	for _, s := range []*topology.Service{&x, &y} {
		s.Clients, s.Queue, s.QueueMax, s.Drops = 0, 0, 0, 0
		s.Verdict = topology.Verdict{} // it follows from the checks
		if s.LastConnection = (time.Time{}); s.State != topology.Gone {
			s.LastSeen = time.Time{}
		}
		s.LastSeen = time.UnixMilli(s.LastSeen.UnixMilli())
		s.FirstSeen = time.UnixMilli(s.FirstSeen.UnixMilli())
	}
	return topology.SameService(&x, &y)
}

// sameConnection is [sameService] for connections.
func sameConnection(a, b *topology.Connection) bool {
	return a == b || a.Directed == b.Directed && topology.SameEdge(a, b) && sameMilli(a.FirstSeen, b.FirstSeen) &&
		(a.Status != topology.Old || sameMilli(a.LastSeen, b.LastSeen))
}

// sameMilli says whether two times are written alike.
func sameMilli(a, b time.Time) bool { return a.Equal(b) || a.UnixMilli() == b.UnixMilli() }

// sameCheck says whether two results differ in nothing but when it was looked and
// what was said.
func sameCheck(a, b *topology.Check) bool {
	if a.Since.Equal(b.Since) {
		return topology.SameCheck(a, b)
	}
	x, y := *a, *b
	x.Since, y.Since = time.UnixMilli(x.Since.UnixMilli()), time.UnixMilli(y.Since.UnixMilli())
	return topology.SameCheck(&x, &y)
}
