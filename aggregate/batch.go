// Package aggregate turns what nodes say into the topology: reports into nodes,
// services and connections ([Batch]). How the sockets of a look become the rows
// of a report is in package fold.
//
// Its rooms do it: identity says which node a report is of, address which node an
// address means, service what listens, inference which nodes stand for what
// doesn't report, virtual which addresses move, weave which connections there
// are, and edge how two accounts of one become one. What is left here is the
// order in which they are asked, and what time changes. They share one thing, the
// topology in the making ([topology.Edit]).
//
// It is pure: no clock, no I/O. The same topology, report and time always give
// the same result, so that a recorded stream of reports replays exactly.
//
// # Who holds a connection
//
// A connection lives in the block of its client if that reports, else in the
// block of its server. One report therefore writes the reporter's own block,
// the first sight of an edge a peer already holds is noted on the peer's, and
// nothing else. What one end knows less well (no process, no direction) never
// stands as a second edge beside what the other end knows better.
package aggregate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/aggregate/identity"
	"github.com/devops-trouble-map/dotm/aggregate/inference"
	"github.com/devops-trouble-map/dotm/aggregate/service"
	"github.com/devops-trouble-map/dotm/aggregate/virtual"
	"github.com/devops-trouble-map/dotm/aggregate/weave"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Options steer the aggregation.
type Options struct {
	// Ageing is how long after its last socket closed a connection turns old.
	Ageing time.Duration
	// StaleAfter is how long a node may be silent before it is stale; never
	// less than three of its own intervals.
	StaleAfter time.Duration
	// Internal are the site's networks beside the ones that always are.
	Internal []netip.Prefix
	// Virtual are addresses that move between nodes, or sit on several at once,
	// with the names of the nodes that stand for them. Others are found by
	// themselves.
	Virtual []NamedAddress
	// Outside are known networks beside the Internet, each a node of its own.
	// An address in several is in the smallest.
	Outside []NamedNetwork
	// Split names the part of the Internet that an address belongs to, as its
	// country or the owner of its network; empty where it is not known. It must
	// give the same for the same address as long as the options stand. nil
	// leaves the Internet whole.
	Split func(netip.Addr) string
	// ExpireAfter is how long after they were last seen old connections, gone
	// services and silent nodes are forgotten; 0 is never.
	ExpireAfter time.Duration
	// Since is when the server began to listen: nobody is stale for having
	// been silent before.
	Since time.Time
}

// NamedAddress is an address with the name of the node that stands for it.
type NamedAddress = address.Named

// NamedNetwork is one or more networks with the name of the node that stands for
// them.
type NamedNetwork = address.Network

// AlwaysInternal lists the networks that count as internal whatever the
// settings say.
func AlwaysInternal() []netip.Prefix { return address.AlwaysInternal() }

// Batch is a set of changes to one topology. The zero value is not usable; see
// [Begin]. It is for one goroutine.
type Batch struct {
	prev *topology.Snapshot
	edit *topology.Edit
	opt  Options

	book     *address.Book
	register *identity.Register
	nodes    *inference.Nodes
	virtual  *virtual.Addresses
	loom     *weave.Loom
	again    int // statements in which only numbers changed
}

// Begin starts a batch of changes to prev.
func Begin(prev *topology.Snapshot, opt Options) *Batch {
	b := &Batch{prev: prev, edit: prev.Edit(), opt: opt}
	b.book = address.NewBook(b.edit, address.Settings{Internal: opt.Internal, Virtual: opt.Virtual, Outside: opt.Outside, Split: opt.Split})
	b.register = identity.NewRegister(b.edit, opt.StaleAfter, opt.Since)
	b.nodes = inference.New(b.edit, b.book)
	b.virtual = virtual.New(b.edit, b.book, b.nodes, b.register.Fresh)
	b.loom = weave.NewLoom(b.edit, b.book, b.nodes)
	return b
}

// Commit ends the batch: the topology as of now. Its revision is the next one,
// or the same if nothing but times advanced.
func (b *Batch) Commit(now time.Time) *topology.Snapshot {
	rev := b.prev.Revision()
	if b.edit.Touched() {
		rev = rev.Next()
	}
	return b.edit.Commit(rev, now)
}

// Changed reports whether the batch has changed more than times that advance.
func (b *Batch) Changed() bool { return b.edit.Touched() }

// Touch makes the batch end in a new revision even if nothing changed, for
// changes outside the topology that alter how it is read.
func (b *Batch) Touch() { b.edit.Touch() }

// Apply is a batch of one report that was received at now.
func Apply(prev *topology.Snapshot, r *report.Report, now time.Time, opt Options) *topology.Snapshot {
	b := Begin(prev, opt)
	b.Report(r, now)
	return b.Commit(now)
}

// Report applies a valid report that was received at now.
func (b *Batch) Report(r *report.Report, now time.Time) {
	if r.Leaving != "" {
		b.leave(r, now)
		return
	}
	name, ok := b.register.Identify(r, now)
	if !ok || overtaken(b.edit.Block(name), r) {
		return
	}
	r, counted := b.once(name, r)
	all := statements(r, name)
	for _, gone := range b.goneContainers(all) {
		all = append(all, statement{report: r, node: gone.Name, kind: gone.Kind})
	}
	// Everybody's addresses and services must be known before any row is
	// resolved, their own or those of others that meant them all along.
	begun := make([]*begun, len(all))
	for i := range all {
		begun[i] = b.begin(&all[i], now)
	}
	begun[0].next.Counted = counted
	for _, s := range begun {
		s.next.Node.FirstSeen = edge.Earlier(s.next.Node.FirstSeen, b.nodes.Adopt(s.next))
	}
	for _, s := range begun {
		b.statement(s, now)
	}
	for _, s := range begun {
		b.nodes.Dress(&s.next.Node)
	}
}

// goneContainers are the containers that a host's report no longer lists, and
// that still seem to run. They are said to have nothing any more, unless the
// agent says that it can't see them all: blindness is no change.
func (b *Batch) goneContainers(all []statement) (gone []topology.Node) {
	if slices.ContainsFunc(all[0].report.Notes, func(n report.Note) bool { return n.Code == "namespaces" || n.Code == "own-namespace" }) {
		return nil
	}
	listed := map[string]bool{}
	for _, s := range all {
		listed[s.node] = true
	}
	for block := range b.edit.Inside(all[0].node) {
		if block.Node.Kind == topology.Container && !listed[block.Node.Name] && seemsAlive(block) {
			gone = append(gone, block.Node)
		}
	}
	return gone
}

func seemsAlive(b *topology.Block) bool {
	return len(b.Node.Addresses) > 0 || slices.ContainsFunc(b.Services, func(s topology.Service) bool { return s.State == topology.Listening }) ||
		slices.ContainsFunc(b.Connections, func(c *topology.Connection) bool { return c.Count > 0 })
}

// statement is what a report says about one network namespace: the host's own,
// or a container's, which is a node of its own.
type statement struct {
	report      *report.Report
	node        string
	kind        topology.NodeKind
	addresses   address.Set
	listeners   []report.Listener
	connections []report.Connection
}

// statements splits the report of a named node by namespace.
func statements(r *report.Report, name string) []statement {
	out := make([]statement, 1, 1+len(r.Namespaces))
	out[0] = statement{report: r, node: name, kind: topology.Host, addresses: address.Of(r)}
	for _, ns := range r.Namespaces {
		out = append(out, statement{
			report: r, node: name + "/" + ns.Container,
			kind: topology.Container, addresses: address.Set{Own: address.Usable(ns.Addresses)},
		})
	}
	if len(out) == 1 {
		out[0].listeners, out[0].connections = r.Listeners, r.Connections
		return out
	}
	for _, l := range r.Listeners {
		out[l.Namespace].listeners = append(out[l.Namespace].listeners, l)
	}
	for _, c := range r.Connections {
		out[c.Namespace].connections = append(out[c.Namespace].connections, c)
	}
	return out
}

// begun is a statement whose node and services are known.
type begun struct {
	says       *statement
	prev, next *topology.Block
}

func (b *Batch) begin(s *statement, now time.Time) *begun {
	prev := b.edit.Block(s.node)
	next := &topology.Block{Node: b.nodeOf(*s, prev, now)}
	if prev == nil {
		prev = &topology.Block{}
	}
	b.virtual.Part(&next.Node, prev, s.addresses.Virtual, now)
	next.Checks = prev.Checks
	next.Services, next.Rows = service.Of(&next.Node, prev, s.listeners, s.report, now), weave.Rows(s.connections)
	b.edit.Put(&topology.Block{Node: next.Node, Services: next.Services, Connections: prev.Connections, Checks: prev.Checks, Rows: next.Rows, Memo: prev.Memo})
	b.virtual.Settle(&next.Node, &prev.Node, now)
	if s.kind == topology.Host {
		next.Node.Findings = b.register.Findings(&next.Node, &prev.Node, now)
	}
	return &begun{s, prev, next}
}

// statement applies one namespace's part of a report.
func (b *Batch) statement(s *begun, now time.Time) {
	prev, next := s.prev, s.next
	current := b.edit.Block(next.Node.Name)
	prev = &topology.Block{Node: prev.Node, Services: prev.Services, Connections: current.Connections, Checks: prev.Checks, Memo: current.Memo}

	again := b.loom.Weave(next, prev, s.says.report, s.says.connections, now)
	switch {
	case !topology.SameServices(prev.Services, next.Services):
		b.edit.Touch()
	case topology.SamePIDs(prev.Services, next.Services): // else a process restarted, which no chart shows
		next.Services = prev.Services
	}
	if !topology.SameList(prev.Connections, next.Connections) {
		b.edit.Touch()
	}
	if !topology.SameNode(&prev.Node, &next.Node) {
		b.edit.Touch()
	}
	b.edit.Put(next)
	if again {
		b.again++
		return
	}
	b.nodes.Derive(prev, next, now)
}
