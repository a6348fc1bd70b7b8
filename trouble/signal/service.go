package signal

import (
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

const (
	// ephemeral is the first of the ports that are given away at random, and so mean
	// no service.
	ephemeral = 32768
	// awaited is for how long after it was last asked for a service that stopped is
	// missed.
	awaited = time.Hour
	// maxClients is of how many clients of a service that stopped it is known whether
	// they still ask.
	maxClients = 64
)

// stop is a service that listens no more and had clients.
type stop struct {
	clients []client
	asked   time.Time // when one of them last did
}

// client is one of them: its edge, and who holds that.
type client struct{ holder, id string }

// services judges the services of the node. was is the block before.
func (l *look) services(was *topology.Block) {
	for i := range l.block.Services {
		s := &l.block.Services[i]
		if s.Own || s.Protocol != "tcp" {
			continue
		}
		before := was.Service(s.ID)
		l.queue(s, before)
		l.stopped(s, before)
	}
	for id := range l.node.stopped {
		if l.block.Service(id) == nil {
			delete(l.node.stopped, id)
			l.drop(key{topology.SignalStopped, id})
		}
	}
}

// queue judges what waits to be accepted.
func (l *look) queue(s, before *topology.Service) {
	limit := float64(s.QueueMax) * l.rules[topology.SignalQueue].Limit
	full := s.State == topology.Listening && s.QueueMax > 0 && float64(s.Queue) > limit
	dropped := uint64(0)
	if before != nil && s.QueueMax > 0 && 2*s.Queue >= s.QueueMax {
		// Of a queue with room the kernel counts what callers reset before it was
		// accepted, as the checks of load balancers do.
		dropped = more(s.Drops, before.Drops)
	}
	if full || dropped > 0 || l.counts[topology.SignalQueue] > 0 {
		l.judge(key{topology.SignalQueue, s.ID}, full || dropped > 0, func() topology.Check { return l.queued(s, limit, dropped) })
	}
}

// stopped judges whether a service is missed that listened.
func (l *look) stopped(s, before *topology.Service) {
	k := key{topology.SignalStopped, s.ID}
	if s.State != topology.Gone {
		delete(l.node.stopped, s.ID)
		if l.counts[k.kind] > 0 {
			l.judge(k, false, nil)
		}
		return
	}
	is := l.node.stopped[s.ID]
	switch {
	case is != nil:
	case l.counts[k.kind] > 0 && l.latches[k] != nil: // it was resumed
		is = &stop{asked: l.at}
	case before == nil || before.State != topology.Listening || s.Port >= ephemeral:
		return
	default:
		is = &stop{clients: l.clientsOf(s), asked: l.at}
		if float64(len(is.clients)) < l.rules[k.kind].Limit {
			return
		}
	}
	if l.node.stopped == nil {
		l.node.stopped = map[string]*stop{}
	}
	l.node.stopped[s.ID] = is
	for _, c := range is.clients {
		if e := l.snap.Connection(c.holder, c.id); e != nil && (e.Status == topology.Fresh || l.latches[key{topology.SignalRefused, c.id}] != nil) {
			is.asked = l.at
		}
	}
	l.judge(k, l.at.Sub(is.asked) <= awaited, func() topology.Check { return l.stoppedCheck(s, is) })
	if l.latches[k] == nil {
		delete(l.node.stopped, s.ID)
	}
}

// clientsOf are those that had a connection to a service a moment ago.
func (l *look) clientsOf(s *topology.Service) (out []client) {
	for block := range l.snap.Blocks() {
		for i := range block.Connections {
			c := block.Connections[i]
			if c.Server.Service != s.ID || c.Own || c.Observer || !c.Directed || c.Status != topology.Fresh {
				continue
			}
			if out = append(out, client{block.Node.Name, c.ID}); len(out) == maxClients {
				return out
			}
		}
	}
	return out
}

// resources judges what the node says is nearly used up.
func (l *look) resources() {
	seen := map[key]bool{}
	for i := range l.block.Node.Shortages {
		s := &l.block.Node.Shortages[i]
		k := key{s.Kind, l.block.Node.Name + "\x00" + s.Of()}
		if specs[k.kind].unit == "" || s.Max == 0 || seen[k] {
			continue
		}
		seen[k] = true
		l.judge(k, float64(s.Used) >= l.rules[k.kind].Limit*float64(s.Max), func() topology.Check { return l.shortage(s) })
	}
	for _, kind := range []topology.SignalKind{topology.SignalPorts, topology.SignalDescriptors} {
		if l.counts[kind] == 0 {
			continue
		}
		for k, is := range l.latches {
			if k.kind == kind && is.holder == l.block.Node.Name && !seen[k] {
				l.judge(k, false, nil)
			}
		}
	}
}
