package topology

import (
	"cmp"
	"slices"
	"time"
)

// EventKind says what happened to a thing.
type EventKind string

// The kinds of event.
const (
	Appeared EventKind = "appeared"
	Vanished EventKind = "vanished"
	Changed  EventKind = "changed"
)

// Subject says what kind of thing an event is about.
type Subject string

// The subjects of events.
const (
	SubjectNode       Subject = "node"
	SubjectService    Subject = "service"
	SubjectConnection Subject = "connection"
	SubjectCheck      Subject = "check"
)

// Event is one change between two snapshots.
type Event struct {
	At       time.Time `json:"at"`
	Revision string    `json:"revision"`
	Kind     EventKind `json:"kind"`
	Subject  Subject   `json:"subject"`
	// ID is the node's name, or the service's, the connection's or the check's
	// id.
	ID string `json:"id"`
	// Node is the node that it is about: of a connection, the client's.
	Node string `json:"node"`
	// Process is that of the service, or of the connection's client.
	Process string `json:"process,omitempty"`
	// Peer is the node of a connection's server, Port the port there.
	Peer string `json:"peer,omitempty"`
	Port uint16 `json:"port,omitempty"`
	// Check says more of a check.
	Check *CheckEvent `json:"check,omitempty"`
	// Holder is the node whose block holds the thing. It is not kept.
	Holder string `json:"-"`
	// What names the fields that changed, for Changed.
	What []string `json:"what,omitempty"`
}

// CheckEvent is how a check differs. Host and Name are what its source calls it.
type CheckEvent struct {
	Source  string `json:"source"`
	Host    string `json:"host"`
	Name    string `json:"name"`
	Service string `json:"service,omitempty"` // that it is mapped on
	Was     Status `json:"was,omitempty"`     // empty if it was not there
	Status  Status `json:"status,omitempty"`  // empty if it is no more
}

// Diff lists what changed in structure from a to b, in the order of node names
// and ids, with b's time and revision. Times and counts that merely advance
// are no change. A service that stops listening has vanished, though it stays
// on the chart; likewise a connection that turned old. A node that was renamed
// has changed, and nothing else has. A check appears or vanishes only where it is
// trouble; that its source can't be read is no change of it.
func Diff(a, b *Snapshot) []Event {
	d := differ{at: b.at, revision: b.revision.String()}
	Walk(d.renamed(a, b), b.blocks, func(p **Block) string { return (*p).Node.Name }, d.block)
	return settled(d.events)
}

// settled leaves out connections and checks that went from one block to another:
// they neither vanished nor appeared.
func settled(events []Event) []Event {
	vanished := map[string]bool{}
	for i := range events {
		if e := &events[i]; e.Kind == Vanished && e.moves() {
			vanished[e.ID] = true
		}
	}
	moved := map[string]bool{}
	for i := range events {
		if e := &events[i]; e.Kind == Appeared && e.moves() && vanished[e.ID] {
			moved[e.ID] = true
		}
	}
	if len(moved) == 0 {
		return events
	}
	return slices.DeleteFunc(events, func(e Event) bool { return e.moves() && moved[e.ID] })
}

// moves says whether an event is about something that goes from block to block.
func (e *Event) moves() bool { return e.Subject == SubjectConnection || e.Subject == SubjectCheck }

type differ struct {
	at       time.Time
	revision string
	holder   string // whose block is compared
	events   []Event
}

func (d *differ) add(kind EventKind, sub Subject, id, node string, what ...string) {
	if n := len(d.events); n == cap(d.events) && n > 0 {
		d.events = slices.Grow(d.events, n) // there may be very many
	}
	d.events = append(d.events, Event{At: d.at, Revision: d.revision, Kind: kind, Subject: sub, ID: id, Node: node, What: what, Holder: d.holder})
}

func (d *differ) serviceEvent(kind EventKind, s *Service, what ...string) {
	d.add(kind, SubjectService, s.ID, s.Node, what...)
	e := &d.events[len(d.events)-1]
	e.Process, e.Port = s.Process, s.Port
}

func (d *differ) connectionEvent(kind EventKind, c *Connection) {
	d.add(kind, SubjectConnection, c.ID, c.Client.Node)
	e := &d.events[len(d.events)-1]
	e.Process, e.Peer, e.Port = c.Client.Process, c.Server.Node, c.Server.Port
}

// Walk pairs two lists that are sorted by key, and calls pair for every key
// that is in one of them; the side that lacks it is nil.
func Walk[T any](a, b []T, key func(*T) string, pair func(a, b *T)) {
	for len(a) > 0 || len(b) > 0 {
		var order int
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = cmp.Compare(key(&a[0]), key(&b[0]))
		}
		var x, y *T
		if order <= 0 {
			x, a = &a[0], a[1:]
		}
		if order >= 0 {
			y, b = &b[0], b[1:]
		}
		pair(x, y)
	}
}

// WalkConnections is [Walk] for the connections of two blocks. Pairs of one
// connection that both share are left out: nothing of it differs.
func WalkConnections(a, b []*Connection, pair func(a, b *Connection)) {
	if SameList(a, b) {
		return
	}
	one := func(p **Connection) *Connection {
		if p == nil {
			return nil
		}
		return *p
	}
	Walk(a, b, func(c **Connection) string { return (*c).ID }, func(x, y **Connection) {
		if a, b := one(x), one(y); a != b {
			pair(a, b)
		}
	})
}

func (d *differ) block(pa, pb **Block) {
	var a, b Block
	switch {
	case pb == nil:
		a = **pa
		d.holder = a.Node.Name
		d.add(Vanished, SubjectNode, a.Node.Name, a.Node.Name)
	case pa == nil:
		b = **pb
		d.holder = b.Node.Name
		d.add(Appeared, SubjectNode, b.Node.Name, b.Node.Name)
	case *pa == *pb:
		return
	default:
		a, b = **pa, **pb
		d.holder = b.Node.Name
		if what := changedNode(&a.Node, &b.Node); what != nil {
			d.add(Changed, SubjectNode, b.Node.Name, b.Node.Name, what...)
		}
	}
	Walk(a.Services, b.Services, func(s *Service) string { return s.ID }, d.service)
	WalkConnections(a.Connections, b.Connections, d.connection)
	if !SameList(a.Checks, b.Checks) {
		Walk(a.Checks, b.Checks, func(c *Check) string { return c.ID }, d.check)
	}
}

func changedNode(a, b *Node) (what []string) {
	return names(
		field{"kind", a.Kind != b.Kind},
		field{"state", a.State != b.State},
		field{"addresses", !slices.Equal(a.Addresses, b.Addresses)},
		field{"identity", a.Identity != b.Identity},
		field{"zone", a.Zone != b.Zone},
		field{"agent", a.Agent != b.Agent},
		field{"holder", heldBy(a) != heldBy(b)},
	)
}

// heldBy is the node that a virtual address sits on, or sat on last.
func heldBy(n *Node) string {
	if len(n.Holders) == 0 {
		return ""
	}
	return n.Holders[0].Node
}

// renamed are a's blocks under the names that they have in b.
func (d *differ) renamed(a, b *Snapshot) []*Block {
	blocks := a.blocks
	for _, now := range b.blocks {
		if len(now.Node.Formerly) == 0 {
			continue
		}
		old := now.Node.Formerly[0].Name
		if old == now.Node.Name || a.Block(old) == nil || b.Block(old) != nil {
			continue
		}
		d.add(Changed, SubjectNode, now.Node.Name, now.Node.Name, "name")
		blocks = RenameAll(blocks, old, now.Node.Name)
	}
	return blocks
}

func (d *differ) service(a, b *Service) {
	was, is := a != nil && a.State != Gone, b != nil && b.State != Gone
	switch {
	case is && !was:
		d.serviceEvent(Appeared, b)
	case was && !is:
		d.serviceEvent(Vanished, a)
	case is:
		what := names(
			field{"process", a.Process != b.Process},
			field{"addresses", !slices.Equal(a.Addresses, b.Addresses)},
			field{"container", a.Container != b.Container},
		)
		if what != nil {
			d.serviceEvent(Changed, b, what...)
		}
	}
}

func (d *differ) connection(a, b *Connection) {
	was, is := a != nil && a.Status != Old, b != nil && b.Status != Old
	switch {
	case is && !was:
		d.connectionEvent(Appeared, b)
	case was && !is:
		d.connectionEvent(Vanished, a)
	}
}

func (d *differ) check(a, b *Check) {
	switch {
	case a == nil && b.Status.Bad():
		d.checkEvent(Appeared, nil, b)
	case b == nil && a.Status.Bad():
		d.checkEvent(Vanished, a, nil)
	case a == nil || b == nil:
	default:
		bad := a.Status.Bad() || b.Status.Bad()
		what := names(
			field{"status", a.Status != b.Status},
			field{"hard", bad && a.Hard != b.Hard},
			field{"acknowledged", a.Acknowledged != b.Acknowledged},
			field{"downtime", a.Downtime != b.Downtime},
			field{"flapping", a.Flapping != b.Flapping},
		)
		if what != nil {
			d.checkEvent(Changed, a, b, what...)
		}
	}
}

func (d *differ) checkEvent(kind EventKind, a, b *Check, what ...string) {
	is := b
	if is == nil {
		is = a
	}
	d.add(kind, SubjectCheck, is.ID, is.Node, what...)
	e := &CheckEvent{Source: is.Source, Host: is.Host, Name: is.Name, Service: is.Service}
	if a != nil {
		e.Was = a.Status
	}
	if b != nil {
		e.Status = b.Status
	}
	d.events[len(d.events)-1].Check = e
}

// field is one that may have changed.
type field struct {
	name    string
	changed bool
}

// names lists the fields that changed; nil if none did.
func names(fields ...field) (changed []string) {
	for _, f := range fields {
		if f.changed {
			changed = append(changed, f.name)
		}
	}
	return changed
}
