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
)

// Question is what a view is of.
type Question struct {
	Level Level
	// Hide lists what is left out, sorted, comma-separated; see [HideAll].
	Hide string
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
}

// Ignores tells whether a service of the port, or a process of the name, counts
// as ignored.
func (s *Settings) Ignores(port uint16, process string) bool {
	return slices.Contains(s.IgnoredPorts, port) || slices.Contains(s.IgnoredNames, process)
}

// same tells whether other settings make every topology look the same.
func (s *Settings) same(o *Settings) bool {
	return s.Ageing == o.Ageing && s.HideAfter == o.HideAfter && s.This == o.This &&
		slices.Equal(s.IgnoredPorts, o.IgnoredPorts) && slices.Equal(s.IgnoredNames, o.IgnoredNames)
}

// node is a node as it is shown, without rows and place.
func (s *Settings) node(n *topology.Node) Node {
	out := Node{Node: *n, This: n.Name == s.This}
	if out.Addresses == nil {
		out.Addresses = noAddresses
	}
	if n.Kind == topology.Inferred && len(n.Addresses) == 1 && s.Names != nil {
		out.KnownAs = s.Names(n.Addresses[0])
	}
	return out
}
