package mapping

import (
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping/pattern"
	"github.com/devops-trouble-map/dotm/mapping/roster"
	"github.com/devops-trouble-map/dotm/topology"
)

// Place is where something belongs.
type Place struct {
	// Node is empty if that is none of the topology; Service is empty if it is the
	// node as a whole.
	Node, Service string
	// Mapping says why. It is never nil, and shared: it must not be written. Without
	// a node it says why there is none; its candidates are nodes then.
	Mapping *topology.Mapping
}

// host is a monitored host with where it belongs.
type host struct {
	roster.Host
	given Host // what the monitoring system says of it
	place Place
	// preface says which node it is where its name doesn't; empty where it does.
	preface string
	known   bool  // it was given, and not only named by a check
	number  int32 // in the mapper's list; -1 if it is not remembered
	fits    []fit // which rules are for it, by their number; nil if not asked yet
}

// names are what a monitored host is known by.
func names(h *Host) roster.Host {
	return roster.Host{Name: h.Name, Folded: pattern.Fold(h.Name), Alias: h.Alias, Display: h.Display, Addresses: h.Addresses}
}

// merge adds what another description of the same host says.
func (h *host) merge(other *Host) {
	h.Addresses = roster.Distinct(slices.Concat(h.Addresses, other.Addresses))
	h.Alias, h.Display = lesser(h.Alias, other.Alias), lesser(h.Display, other.Display)
	h.given.Addresses, h.given.Alias, h.given.Display = h.Addresses, h.Alias, h.Display
}

// lesser is the first of two texts, of those that aren't empty.
func lesser(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}

// find finds a host's node: by the settings, else by what it is known by.
func (m *Mapper) find(h *host) {
	var node string
	var why *topology.Mapping
	if to, ok := m.rules.aliases[h.Folded]; ok {
		node, why = m.nodes.Alias(&h.Host, to)
	} else {
		node, why = m.nodes.Find(&h.Host)
	}
	h.place = Place{Node: node, Mapping: why}
	h.preface = preface(h)
}

// preface says which node a host is, for the evidence of its checks; empty where
// the names say it.
func preface(h *host) string {
	if h.place.Node == "" {
		return ""
	}
	node := pattern.Fold(h.place.Node)
	if node == h.Folded || node == roster.Short(h.Folded) || roster.Short(node) == h.Folded {
		return ""
	}
	return h.place.Mapping.Evidence + "; "
}

// listen enters a host under all that it looks for.
func (m *Mapper) listen(h *host) {
	for a := range h.IPs() {
		m.byAddress.Add(a, h.number)
	}
	if node, ok := m.rules.aliases[h.Folded]; ok {
		alias := roster.Host{Name: node}
		for text := range alias.Texts() {
			m.byText.Add(text, h.number)
		}
	}
	for text := range h.Texts() {
		m.byText.Add(text, h.number)
	}
}

// host is the host of a name; one that was not given has nothing but its name.
func (m *Mapper) host(name string) *host {
	if h := m.hosts[name]; h != nil {
		return h
	}
	h := &host{Host: roster.Host{Name: name, Folded: pattern.Fold(name)}, number: -1}
	m.find(h)
	if m.strangers >= maxStrangers {
		return h
	}
	m.strangers++
	h.number = int32(len(m.list))
	m.hosts[name], m.list = h, append(m.list, h)
	m.listen(h)
	if h.place.Node != "" {
		m.watch(h, watch{node: h.place.Node})
	}
	return h
}

// Host is where a monitored host belongs. Its service is empty.
func (m *Mapper) Host(name string) Place { return m.host(name).place }

// Hosts are those that were given, in no particular order.
func (m *Mapper) Hosts() []Host {
	out := make([]Host, 0, len(m.list)-m.strangers)
	for _, h := range m.list {
		if h.known {
			out = append(out, h.given)
		}
	}
	return out
}

// Stray is a monitored host that is no node.
type Stray struct {
	Host Host
	// Mapping says why; its candidates are nodes.
	Mapping *topology.Mapping
}

// Strays lists the monitored hosts that are no nodes, sorted by name: of those that
// were given.
func (m *Mapper) Strays() (out []Stray) {
	for _, h := range m.list {
		if h.known && h.place.Node == "" {
			out = append(out, Stray{h.given, h.place.Mapping})
		}
	}
	slices.SortFunc(out, func(a, b Stray) int { return strings.Compare(a.Host.Name, b.Host.Name) })
	return out
}
