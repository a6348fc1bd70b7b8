package chart

import (
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

// leastDoubled is from how many connections on it is told that they doubled.
const leastDoubled = 10

// Changes are what may have to do with trouble that follows: a service that is new,
// stopped listening, or whose process restarted, an edge that is new, one that has
// twice as many connections as before, and a host that says it is going down. What was not there before, or was silent, is no
// change: of that nothing is known.
func Changes(a, b *topology.Snapshot) []trouble.Change {
	w := watcher{a: a, b: b}
	for now := range b.Blocks() {
		was := a.Block(now.Node.Name)
		switch {
		case was == nil || was == now:
		case was.Node.State == now.Node.State:
			w.block(was, now)
		case now.Node.State == topology.Left:
			w.add(now.Node.Name, now.Node.LastReport, "was shut down")
		case now.Node.State == topology.Rebooting:
			w.add(now.Node.Name, now.Node.LastReport, "went down to reboot")
		}
	}
	return w.found
}

type watcher struct {
	a, b  *topology.Snapshot
	found []trouble.Change
}

func (w *watcher) add(component string, at time.Time, what string, args ...any) {
	w.found = append(w.found, trouble.Change{Component: component, At: at, What: fmt.Sprintf(what, args...)})
}

func (w *watcher) block(was, now *topology.Block) {
	at := w.b.At()
	topology.Walk(was.Services, now.Services, func(s *topology.Service) string { return s.ID }, func(x, y *topology.Service) {
		w.service(x, y, at)
	})
	topology.WalkConnections(was.Connections, now.Connections, func(x, y *topology.Connection) { w.connection(x, y, at) })
}

func (w *watcher) service(x, y *topology.Service, at time.Time) {
	was, is := x != nil && x.State == topology.Listening, y != nil && y.State == topology.Listening
	switch {
	case y == nil || y.Own:
	case is && x == nil:
		w.add(y.ID, at, "began to listen")
	case is && !was:
		w.add(y.ID, at, "listens again")
	case was && !is && y.State == topology.Gone:
		w.add(y.ID, at, "stopped listening")
	case is && x.PID != 0 && y.PID != 0 && x.PID != y.PID:
		w.add(y.ID, at, "restarted under a new pid")
	}
}

func (w *watcher) connection(x, y *topology.Connection, at time.Time) {
	switch {
	case y == nil || y.Own || y.Observer || !y.Directed:
	case x == nil && y.Count > 0:
		if !w.moved(y) {
			w.add(w.client(y), at, "connected to %s for the first time", end(&y.Server))
		}
	case x != nil && x.Count >= leastDoubled && y.Count >= 2*x.Count:
		w.add(w.client(y), at, "has %d connections to %s, %d before", y.Count, end(&y.Server), x.Count)
	}
}

// moved says that an edge is held by another block than before, or is known better.
func (w *watcher) moved(c *topology.Connection) bool {
	for _, holder := range []string{c.Client.Node, c.Server.Node} {
		b := w.a.Block(holder)
		if b == nil {
			return true
		}
		for i := range b.Connections {
			o := b.Connections[i]
			if o.Client.Node == c.Client.Node && o.Server.Node == c.Server.Node && o.Server.Port == c.Server.Port &&
				(o.Client.Process == c.Client.Process || o.Client.Process == "") {
				return true
			}
		}
	}
	return false
}

func (w *watcher) client(c *topology.Connection) string {
	if c.Client.Service != "" {
		return c.Client.Service
	}
	return Program(c.Client.Node, c.Client.Process)
}

// end is what people call the called end of an edge.
func end(s *topology.Server) string {
	if s.Process != "" {
		return fmt.Sprintf("%s %s:%d", s.Node, s.Process, s.Port)
	}
	return fmt.Sprintf("%s:%d", s.Node, s.Port)
}
