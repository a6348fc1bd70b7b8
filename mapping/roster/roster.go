// Package roster finds the nodes that monitoring means by a name or an address.
package roster

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping/pattern"
	"github.com/devops-trouble-map/dotm/topology"
)

// Roster finds nodes. It is for one goroutine at a time.
type Roster struct {
	names   Several[string, string] // folded names
	shorts  Several[string, string] // folded names up to the first dot; of containers, without their host
	formers Several[string, string] // folded names that they had before
	addrs   Several[netip.Addr, string]
	domains map[string]int // in how many domains a short name is monitored
}

// New is a roster with room for a number of nodes, and without one.
func New(nodes int) *Roster {
	return &Roster{
		make(Several[string, string], nodes), make(Several[string, string], nodes),
		Several[string, string]{},
		make(Several[netip.Addr, string], 2*nodes),
		map[string]int{},
	}
}

// Add enters a node.
func (r *Roster) Add(n *topology.Node) {
	for k := range Keys(n) {
		if k.kind == byAddress {
			r.addrs.Add(k.Address, n.Name)
		} else {
			r.texts(k.kind).Add(k.Text, n.Name)
		}
	}
}

// Remove takes a node out, as it was entered.
func (r *Roster) Remove(n *topology.Node) {
	for k := range Keys(n) {
		if k.kind == byAddress {
			r.addrs.Remove(k.Address, n.Name)
		} else {
			r.texts(k.kind).Remove(k.Text, n.Name)
		}
	}
}

func (r *Roster) texts(k kind) Several[string, string] {
	switch k {
	case byShort:
		return r.shorts
	case byFormer:
		return r.formers
	default:
		return r.names
	}
}

// Monitored notes that a host of this name, folded, is monitored: with another of the
// same short name in another domain, the short one says nothing. Each name is to be
// noted once.
func (r *Roster) Monitored(folded string) {
	if s := Short(folded); s != folded {
		r.domains[s]++
	}
}

// Named are the nodes of exactly this name, in whatever letters.
func (r *Roster) Named(name string) []string {
	return slices.Collect(r.names.All(pattern.Fold(name)))
}

// Owners are the nodes that have an address, in whatever zone.
func (r *Roster) Owners(a netip.Addr) []string { return slices.Collect(r.addrs.All(a)) }

// Host is what a monitored host is known by. Alias and Display are names for people;
// Addresses are IP addresses or names.
type Host struct {
	Name, Folded   string
	Alias, Display string
	Addresses      []string
}

// The rules that a mapping names.
const (
	ruleAlias   = "alias"
	ruleAddress = "address"
	ruleName    = "name"
)

// finding is a way from a host to nodes.
type finding struct {
	rule  string
	how   string // "its address 10.0.0.1"
	nodes []string
	doubt bool // even if it is one, it may be another
}

// Find finds a host's node: by its addresses, its names, the names that people read.
// Without one it is empty; the mapping says why, in either case.
func (r *Roster) Find(h *Host) (node string, why *topology.Mapping) {
	if found, ok := r.byAddresses(h); ok {
		return settle(h, found)
	}
	for _, name := range h.names() {
		if found, ok := r.byName(name.text); ok {
			found.how = name.what + " " + found.how
			return settle(h, found)
		}
	}
	return "", &topology.Mapping{Rule: ruleName, Evidence: "no node has an address or a name of " + pattern.Quote(h.Name)}
}

// Alias is the node that a host is an alias of.
func (r *Roster) Alias(h *Host, to string) (node string, why *topology.Mapping) {
	found, ok := r.byName(to)
	if !ok {
		return "", &topology.Mapping{Rule: ruleAlias, Evidence: "the settings say that " + pattern.Quote(h.Name) + " is " + pattern.Quote(to) + ", which is no node"}
	}
	found.rule, found.how, found.doubt = ruleAlias, "the settings say that it is "+pattern.Quote(to), false
	if slices.Contains(found.nodes, to) {
		found.nodes = []string{to}
	}
	return settle(h, found)
}

// settle takes the one node that was found; of several none.
func settle(h *Host, found finding) (node string, why *topology.Mapping) {
	if len(found.nodes) == 1 && !found.doubt {
		return found.nodes[0], &topology.Mapping{Rule: found.rule, Evidence: pattern.Quote(h.Name) + " is " + found.nodes[0] + ": " + found.how}
	}
	nodes := Distinct(found.nodes)
	return "", &topology.Mapping{
		Rule: found.rule, Ambiguous: true, Candidates: nodes[:min(len(nodes), MaxCandidates)],
		Evidence: pattern.Quote(h.Name) + " may be " + either(nodes) + ": " + found.how,
	}
}

// label is a name with what it is, for people.
type label struct{ what, text string }

// names are what a host may be called, the most telling first.
func (h *Host) names() []label {
	out := make([]label, 0, 4)
	add := func(what, text string) {
		text = strings.TrimSpace(text)
		if text != "" && !selfName(pattern.Fold(text)) && !slices.ContainsFunc(out, func(l label) bool { return l.text == text }) {
			out = append(out, label{what, text})
		}
	}
	add("its name", h.Name)
	for _, a := range h.Addresses {
		if _, isAddress := ParseAddr(a); !isAddress {
			add("its address "+pattern.Quote(a), a)
		}
	}
	add("its alias "+pattern.Quote(h.Alias), h.Alias)
	add("its display name "+pattern.Quote(h.Display), h.Display)
	return out
}

// Texts yields the names that a host is looked for by, folded.
func (h *Host) Texts() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, name := range h.names() {
			folded := pattern.Fold(name.text)
			if !yield(folded) {
				return
			}
			if s := Short(folded); s != folded && !yield(s) {
				return
			}
		}
	}
}

// byAddresses finds the node that has the host's IP addresses. Where several have
// them, a name may tell which is meant.
func (r *Roster) byAddresses(h *Host) (finding, bool) {
	var sure, maybe []string
	var shown string
	for a := range h.IPs() {
		nodes := slices.Collect(r.addrs.All(a))
		if len(nodes) == 0 {
			continue
		}
		if shown == "" {
			shown = a.String()
		}
		if len(nodes) == 1 {
			sure = append(sure, nodes[0])
		}
		maybe = append(maybe, nodes...)
	}
	if len(maybe) == 0 {
		return finding{}, false
	}
	if sure = Distinct(sure); len(sure) == 1 {
		return finding{rule: ruleAddress, how: "its address " + shown, nodes: sure}, true
	}
	maybe = Distinct(maybe)
	if named := r.called(h, maybe); len(named) == 1 {
		return finding{rule: ruleAddress, how: "its address " + shown + ", and of the nodes that have its addresses the one with its name", nodes: named}, true
	}
	return finding{rule: ruleAddress, how: "they have its addresses, such as " + shown, nodes: maybe}, true
}

// Distinct sorts names, and leaves out what is there twice.
func Distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// IPs yields the IP addresses of a host that mean the same to everybody, also that
// which is its name.
func (h *Host) IPs() func(yield func(netip.Addr) bool) {
	return func(yield func(netip.Addr) bool) {
		for _, text := range h.Addresses {
			if a, ok := ParseAddr(text); ok && meansNode(Plain(a)) && !yield(Plain(a)) {
				return
			}
		}
		if a, ok := ParseAddr(h.Name); ok && meansNode(Plain(a)) {
			yield(Plain(a))
		}
	}
}

// called are those of some nodes that one of the host's names means. nodes are
// sorted.
func (r *Roster) called(h *Host, nodes []string) (out []string) {
	for _, name := range h.names() {
		found, _ := r.byName(name.text)
		for _, n := range found.nodes {
			if _, ok := slices.BinarySearch(nodes, n); ok {
				out = append(out, n)
			}
		}
	}
	return Distinct(out)
}

// byName finds the nodes of a name: those of exactly this name, else those whose
// name is this with or without a domain, else those that were called so before.
func (r *Roster) byName(name string) (finding, bool) {
	folded := pattern.Fold(name)
	if nodes := slices.Collect(r.names.All(folded)); len(nodes) > 0 {
		return finding{rule: ruleName, how: "is the node's", nodes: nodes}, true
	}
	if s := Short(folded); s != folded {
		if nodes := slices.Collect(r.names.All(s)); len(nodes) > 0 && r.domains[s] > 1 {
			return finding{rule: ruleName, how: "without its domain is the node's, but other monitored hosts have that name in other domains", nodes: nodes, doubt: true}, true
		} else if len(nodes) > 0 {
			return finding{rule: ruleName, how: "without its domain is the node's", nodes: nodes}, true
		}
	} else if nodes := slices.Collect(r.shorts.All(folded)); len(nodes) > 0 {
		return finding{rule: ruleName, how: "is the node's, without its domain or host", nodes: nodes}, true
	}
	if nodes := slices.Collect(r.formers.All(folded)); len(nodes) > 0 {
		return finding{rule: ruleName, how: "was the node's before", nodes: nodes}, true
	}
	return finding{}, false
}

// MaxCandidates is how many candidates are listed.
const MaxCandidates = 20

// either lists names; of many the first.
func either(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " or others"
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
