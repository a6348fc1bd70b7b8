package view

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// contrast is two moments of a live view, or of a part of it, by the boxes in which they
// may differ.
type contrast struct {
	*Live            // as it is now
	before *Settings // as it was
	sides  []side    // sorted by name
	// part says that only boxes of these names are shown, and of connections those
	// among them.
	part    bool
	was, is map[string]bool
}

// side is a box at the two moments, without a block where it is not there.
type side struct{ was, is *state }

// located is something that is shown, and where it is from.
type located struct {
	*topology.Block
	i       int32
	ignored bool
	process string // of a connection's server
	used    used   // of a service
}

func (k *contrast) nodes(d *Delta) {
	var was, is []Node
	for _, s := range k.sides {
		if s.was.kept {
			was = append(was, nodeOf(k.before, s.was))
		}
		if s.is.kept {
			is = append(is, nodeOf(k.settings, s.is))
		}
	}
	var p patch
	d.boxes(was, is, func(was, is *Node) (Node, boxPatch) {
		out := *is
		k.settings.name(&out)
		if was == nil {
			return out, boxPatch{}
		}
		return out, p.box(was, &out)
	})
}

func (k *contrast) services(d *Delta) {
	var was, is []located
	for _, s := range k.sides {
		if s.is.part != s.was.part || s.is.kept != s.was.kept || !slices.Equal(s.is.used, s.was.used) {
			was, is = s.was.services(was), s.is.services(is)
		}
	}
	sortServices(was)
	sortServices(is)
	same := func(a, b *located) bool {
		x, y := a.service(), b.service()
		return sameService(&x, &y)
	}
	var p patch
	d.Services, d.patches.services, d.Removed.Services = patched(was, is, (*located).serviceID, same, func(was, is *located) (Service, json.RawMessage) {
		out := k.service(is)
		if was == nil {
			return out, nil
		}
		before := was.service()
		return out, p.service(&before, &out)
	})
}

func (l *located) serviceID() string { return l.Services[l.i].ID }

func sortServices(list []located) {
	slices.SortFunc(list, func(a, b located) int { return strings.Compare(a.Services[a.i].ID, b.Services[b.i].ID) })
}

// service is a service as it is shown, complete.
func (l *Live) service(s *located) Service {
	out := Service{l.snap.CompleteService(s.Block, int(s.i)), s.ignored}
	if s.used.connections > 0 {
		out.LastSeen = l.lastUse(out.ID, out.Node)
		out.LastConnection, out.Clients = out.LastSeen, s.used.open
	}
	return out
}

// services appends those of a node that are shown.
func (s *state) services(list []located) []located {
	if !s.kept {
		return list
	}
	for k, one := range s.part.services {
		l := located{Block: s.block, i: one.i, ignored: one.ignored}
		if s.used != nil {
			l.used = s.used[k]
		}
		list = append(list, l)
	}
	return list
}

// service is a service without times that advance.
func (l *located) service() Service {
	s := Service{l.Services[l.i], l.ignored}
	if l.used.connections > 0 {
		s.Clients = l.used.open
	}
	return s
}

func (k *contrast) connections(d *Delta) {
	var was, is []located
	for i := range k.sides {
		was, is = k.apart(&k.sides[i], was, is)
	}
	sortConnections(was)
	sortConnections(is)
	same := func(a, b *located) bool {
		x, y := a.connection(), b.connection()
		return sameConnection(&x, &y)
	}
	var p patch
	d.Connections, d.patches.connections, d.Removed.Connections = patched(was, is, (*located).connectionID, same, func(was, is *located) (Connection, json.RawMessage) {
		out := k.connection(is)
		if was == nil {
			return out, nil
		}
		before := was.connection()
		return out, p.connection(&before, &out)
	})
}

// apart appends what a block brings that may not be the same at both moments. Where both
// share a connection nothing of it differs.
func (k *contrast) apart(s *side, was, is []located) (a, b []located) {
	if s.was.part == s.is.part && !k.part {
		return was, is
	}
	x, y := s.was.shown(), s.is.shown()
	for len(x)+len(y) > 0 {
		var order int
		switch {
		case len(y) == 0:
			order = -1
		case len(x) == 0:
			order = 1
		default:
			order = strings.Compare(s.was.block.Connections[x[0].i].ID, s.is.block.Connections[y[0].i].ID)
		}
		var old, now located
		var there, here bool
		if order <= 0 {
			old, x = s.was.locate(&x[0]), x[1:]
			there = !k.part || old.isAmong(k.was)
		}
		if order >= 0 {
			now, y = s.is.locate(&y[0]), y[1:]
			here = !k.part || now.isAmong(k.is)
		}
		if there && here && old.shares(&now) {
			continue
		}
		if there {
			was = append(was, old)
		}
		if here {
			is = append(is, now)
		}
	}
	return was, is
}

func (l *located) isAmong(near map[string]bool) bool {
	c := l.Connections[l.i]
	return near[c.Client.Node] && near[c.Server.Node]
}

// shares tells whether two moments have one connection.
func (l *located) shares(o *located) bool {
	return l.Connections[l.i] == o.Connections[o.i] && l.ignored == o.ignored && l.process == o.process
}

func (l *located) connectionID() string { return l.Connections[l.i].ID }

func sortConnections(list []located) {
	slices.SortFunc(list, func(a, b located) int { return strings.Compare(a.Connections[a.i].ID, b.Connections[b.i].ID) })
}

// shown are the connections that a block brings.
func (s *state) shown() []shownConnection {
	if s.part == nil {
		return nil
	}
	return s.part.connections
}

func (s *state) locate(one *shownConnection) located {
	return located{Block: s.block, i: one.i, ignored: one.ignored, process: one.process}
}

// connection is a connection as it is shown, complete.
func (l *Live) connection(c *located) Connection {
	return Connection{l.snap.CompleteConnection(c.Block, int(c.i)), c.ignored}
}

// connection is a connection without times that advance.
func (l *located) connection() Connection {
	c := Connection{*l.Connections[l.i], l.ignored}
	c.Server.Process = l.process
	return c
}
