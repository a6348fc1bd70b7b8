package signal

import (
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// answersKept is for how long it is remembered that a service was found to answer again:
// by then every node has reported since.
const answersKept = time.Hour

// hearken ends what is said of services that monitoring found to answer again: a check of
// the service was bad, and all of them are fine now. The sockets may not say so before
// somebody calls.
func (m *Memory) hearken(s *topology.Snapshot) {
	for service, at := range m.answers {
		if s.At().Sub(at) > answersKept {
			delete(m.answers, service)
		}
	}
	again := map[string]bool{}
	for block := range s.Blocks() {
		n := m.nodes[block.Node.Name]
		if n == nil || n.block == block {
			continue
		}
		for _, service := range recovered(n.block, block) {
			again[service], m.answers[service] = true, s.At()
			delete(n.stopped, service)
		}
	}
	if len(again) == 0 {
		return
	}
	for k, l := range m.latches {
		if again[m.unanswered(k, l)] {
			m.drop(k)
		}
	}
}

// recovered are the services of a node that have no bad check any more, and had one.
// Signals are none.
func recovered(was, now *topology.Block) (services []string) {
	bad := map[string]bool{}
	for i := range was.Checks {
		if c := &was.Checks[i]; c.Signal == nil && c.Service != "" && c.Status.Bad() && !c.Stale {
			bad[c.Service] = true
		}
	}
	if len(bad) == 0 {
		return nil
	}
	fine := map[string]bool{}
	for i := range now.Checks {
		switch c := &now.Checks[i]; {
		case c.Signal != nil || c.Stale:
		case c.Status.Bad():
			delete(bad, c.Service)
		case c.Status == topology.OK:
			fine[c.Service] = true
		}
	}
	for service := range bad {
		if fine[service] {
			services = append(services, service)
		}
	}
	return services
}

// unanswered is the service of which a latch says that it doesn't answer; empty if it says
// something else.
func (m *Memory) unanswered(k key, l *latch) string {
	switch k.kind {
	case topology.SignalStopped:
		return k.about
	case topology.SignalRefused, topology.SignalUnreachable:
		if n := m.nodes[l.holder]; n != nil {
			if c := n.block.Connection(k.about); c != nil {
				return c.Server.Service
			}
		}
	default:
	}
	return ""
}

// answered says that a service was found to answer after the time that the look speaks of
// began: what failed in it may have been before that.
func (l *look) answered(service string) bool {
	at, known := l.answers[service]
	return known && l.before.Before(at)
}
