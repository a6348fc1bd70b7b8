// Package view answers how a topology looks to who asks: on which level, what is
// left out, what stands in the boxes and where these stand. [Build] makes the
// whole answer of any snapshot. [Live] follows the newest one: it builds anew only
// what comes of the blocks that changed, and tells what differs ([Delta]).
//
// It is pure: no clock, no I/O. Who lays out, and who knows names, is given to it.
package view

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view/merge"
)

// Question is what a view is of.
type Question struct {
	Level Level
	// Hide lists what is left out, sorted, comma-separated; see [HideAll].
	Hide string
	// Expand lists the pools that are shown as their nodes on [LevelPool], sorted,
	// comma-separated; see [ExpandAll].
	Expand string
}

// ExpandAll is what a question expands that expands all of these pools, each once.
func ExpandAll(pools ...string) string {
	list := slices.Sorted(slices.Values(pools))
	return strings.Join(slices.Compact(list), ",")
}

// Roles say which nodes stand together. What they say of a node never changes: other
// roles are another value. All of their ids are empty for none, and no node's name.
type Roles interface {
	Pool(node string) string  // of nodes that report, or did
	Group(node string) string // the lane that it stands in
	Shared(node string) bool  // it serves everyone
	Title(id string) string   // what people call a pool or a group
}

// merger makes what brings a topology to the level of the question; nil if it is.
func (q Question) merger(roles Roles) *merge.Merger {
	if in := q.in(roles); in != nil {
		kind := topology.Pool
		if q.Level == LevelGroup {
			kind = topology.Group
		}
		return merge.New(kind, in)
	}
	return nil
}

// in says in which box a node stands, "" if in none; nil if none does.
func (q Question) in(roles Roles) merge.Boxes {
	switch {
	case roles == nil:
	case q.Level == LevelGroup:
		return roles.Group
	case q.Level == LevelPool && q.Expand == "":
		return roles.Pool
	case q.Level == LevelPool:
		expanded := strings.Split(q.Expand, ",")
		return func(node string) string {
			pool := roles.Pool(node)
			if slices.Contains(expanded, pool) {
				return ""
			}
			return pool
		}
	}
	return nil
}

// HideAll is what a question leaves out that leaves out all of these, each once.
func HideAll(what ...Hide) string {
	list := make([]string, 0, len(what))
	for _, h := range what {
		list = append(list, string(h))
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ",")
}

// Hides tells whether the question leaves something out.
func (q Question) Hides(h Hide) bool {
	for one := range strings.SplitSeq(q.Hide, ",") {
		if one == string(h) {
			return true
		}
	}
	return false
}

// hidden is what is left out as a list, which is never nil.
func (q Question) hidden() []Hide {
	list := []Hide{}
	for h := range strings.SplitSeq(q.Hide, ",") {
		if h != "" {
			list = append(list, Hide(h))
		}
	}
	return list
}

// Settings are those by which a topology looks.
type Settings struct {
	// Ageing is how long services that were given any free port stay on the chart
	// once they are gone, HideAfter how long old connections and gone services
	// do; a HideAfter of 0 is for ever.
	Ageing, HideAfter time.Duration
	// IgnoredPorts and IgnoredNames are the services that count as ignored.
	IgnoredPorts []uint16
	IgnoredNames []string
	// This is the name of the node that the server runs on.
	This string
	// Names gives what an address is called, "" if nothing; it never blocks. What
	// it gives may change without notice: such a change alone makes no delta. It
	// may be nil.
	Names func(netip.Addr) string
	// Roles say which nodes stand together. It may be nil.
	Roles Roles
}

// Ignores tells whether a service of the port, or a process of the name, counts
// as ignored.
func (s *Settings) Ignores(port uint16, process string) bool {
	return slices.Contains(s.IgnoredPorts, port) || slices.Contains(s.IgnoredNames, process)
}

// ignores tells whether a connection counts as ignored, for either of its ends.
func (s *Settings) ignores(c *topology.Connection) bool {
	return s.Ignores(c.Server.Port, c.Server.Process) || s.Ignores(0, c.Client.Process)
}

// same tells whether other settings make every topology look the same.
func (s *Settings) same(o *Settings) bool {
	return s.Ageing == o.Ageing && s.HideAfter == o.HideAfter && s.This == o.This && s.Roles == o.Roles &&
		slices.Equal(s.IgnoredPorts, o.IgnoredPorts) && slices.Equal(s.IgnoredNames, o.IgnoredNames)
}

// node is a node as it is shown, without name, rows and place.
func (s *Settings) node(n *topology.Node) Node {
	out := Node{Node: *n, This: n.Name == s.This}
	if out.Addresses == nil {
		out.Addresses = noAddresses
	}
	if s.Roles != nil {
		s.join(&out)
	}
	return out
}

// join says what a node stands together with.
func (s *Settings) join(n *Node) {
	switch n.Kind {
	case topology.Group:
		n.Title = s.Roles.Title(n.Name)
	case topology.Pool:
		n.Title, n.Group = s.Roles.Title(n.Name), s.Roles.Group(n.Members[0].Name)
		n.Shared = s.Roles.Shared(n.Members[0].Name)
	default:
		n.Pool, n.Group, n.Shared = s.Roles.Pool(n.Name), s.Roles.Group(n.Name), s.Roles.Shared(n.Name)
	}
}

// name says what a node is called that is known by its address alone.
func (s *Settings) name(n *Node) {
	if n.Kind == topology.Inferred && len(n.Addresses) == 1 && s.Names != nil {
		n.KnownAs = s.Names(n.Addresses[0])
	}
}
