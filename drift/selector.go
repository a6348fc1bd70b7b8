package drift

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// term is one thing that must hold of an end.
type term struct {
	what    string // one of terms
	pattern string
	network netip.Prefix // of an address that is one, or a network
}

// terms are what selectors may ask for.
var terms = []string{"node", "process", "unit", "container", "service", "pool", "group", "address", "zone", "kind", "name"}

// Selector says which ends of connections are meant: all of its terms must hold.
// Without terms it is every end.
type Selector []term

// Ends are those that one of the selectors means, or every end if there are none.
type Ends struct {
	any  []Selector
	text string
}

// String is what stands in the declaration, or says the same.
func (e *Ends) String() string {
	if e.text == "" {
		return "*"
	}
	return e.text
}

func newTerm(what, pattern string) (term, string) {
	t := term{what: what, pattern: pattern}
	switch what {
	case "address":
		if p, err := netip.ParsePrefix(pattern); err == nil {
			t.network = p.Masked()
		} else if a, err := netip.ParseAddr(pattern); err == nil {
			t.network = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		} else if strings.ContainsAny(pattern, "/") {
			return t, "must be an address, a network like 10.0.0.0/8, or a pattern like 10.0.0.*"
		}
	case "kind":
		kinds := []topology.NodeKind{topology.Host, topology.Container, topology.Inferred, topology.Virtual, topology.Network, topology.Internet}
		if !slices.Contains(kinds, topology.NodeKind(pattern)) {
			return t, fmt.Sprintf("must be one of %v", kinds)
		}
	}
	return t, ""
}

// end is one end of a connection, with what is known of it.
type end struct {
	node                                string
	process, unit, container, serviceID string
	address                             string
}

// index finds what a chart knows of its ends.
type index struct {
	nodes    map[string]*view.Node
	services map[string]*view.Service
	titles   map[string]string // of pools and groups
}

func newIndex(t *view.Topology, titles map[string]string) *index {
	x := &index{map[string]*view.Node{}, map[string]*view.Service{}, map[string]string{}}
	for i := range t.Nodes {
		x.nodes[t.Nodes[i].Name] = &t.Nodes[i]
	}
	for i := range t.Services {
		x.services[t.Services[i].ID] = &t.Services[i]
	}
	for i := range t.Lanes {
		x.titles[t.Lanes[i].ID] = t.Lanes[i].Title
	}
	for id, title := range titles {
		x.titles[id] = title
	}
	return x
}

func (x *index) client(c *view.Connection) end {
	return end{c.Client.Node, c.Client.Process, c.Client.Unit, c.Client.Container, c.Client.Service, c.Evidence.ClientAddress}
}

func (x *index) server(c *view.Connection) end {
	e := end{c.Server.Node, c.Server.Process, "", "", c.Server.Service, c.Evidence.ServerAddress}
	if s := x.services[c.Server.Service]; s != nil {
		e.unit, e.container = s.Unit, s.Container
		if e.process == "" {
			e.process = s.Process
		}
	}
	return e
}

// holds says whether a term is true of an end.
func (x *index) holds(t *term, e *end) bool {
	n := x.nodes[e.node]
	switch t.what {
	case "node":
		return glob(t.pattern, e.node) || n != nil && n.KnownAs != "" && glob(t.pattern, n.KnownAs)
	case "process":
		return glob(t.pattern, e.process)
	case "unit":
		return e.unit != "" && glob(t.pattern, e.unit)
	case "container":
		return e.container != "" && glob(t.pattern, e.container) || x.inContainer(t.pattern, n)
	case "service":
		return e.serviceID != "" && glob(t.pattern, e.serviceID)
	case "pool":
		return n != nil && x.titled(t.pattern, n.Pool)
	case "group":
		return n != nil && x.titled(t.pattern, n.Group)
	case "zone":
		return n != nil && glob(t.pattern, n.Zone)
	case "kind":
		return n != nil && string(n.Kind) == t.pattern
	case "address":
		return x.addressed(t, n, e.address)
	}
	return x.named(t.pattern, e, n)
}

// named says whether anything that an end is called is that.
func (x *index) named(pattern string, e *end, n *view.Node) bool {
	for _, what := range []string{"node", "process", "container", "pool", "group"} {
		if x.holds(&term{what: what, pattern: pattern}, e) {
			return true
		}
	}
	return e.unit != "" && (glob(pattern, e.unit) || glob(pattern, strings.TrimSuffix(e.unit, ".service"))) ||
		n != nil && n.Title != "" && glob(pattern, n.Title)
}

// inContainer says whether a node is a container of that name.
func (x *index) inContainer(pattern string, n *view.Node) bool {
	if n == nil || n.Kind != topology.Container {
		return false
	}
	_, name, _ := strings.Cut(n.Name, "/")
	return glob(pattern, name)
}

func (x *index) titled(pattern, id string) bool {
	return id != "" && (glob(pattern, id) || x.titles[id] != "" && glob(pattern, x.titles[id]))
}

func (x *index) addressed(t *term, n *view.Node, seen string) bool {
	list := []netip.Addr{}
	if n != nil {
		list = n.Addresses
	}
	if a, err := netip.ParseAddr(seen); err == nil {
		list = append(slices.Clone(list), a)
	}
	return slices.ContainsFunc(list, func(a netip.Addr) bool {
		if t.network.IsValid() {
			return t.network.Contains(a.Unmap())
		}
		return glob(t.pattern, a.String())
	})
}

// means says whether one of the selectors means an end.
func (x *index) means(list *Ends, e *end) bool {
	return len(list.any) == 0 || slices.ContainsFunc(list.any, func(s Selector) bool {
		for i := range s {
			if !x.holds(&s[i], e) {
				return false
			}
		}
		return true
	})
}

// meansNode says whether an end on a node could be meant, whatever runs there.
func (x *index) meansNode(list *Ends, n *view.Node) bool {
	e := &end{node: n.Name}
	return len(list.any) == 0 || slices.ContainsFunc(list.any, func(s Selector) bool {
		for i := range s {
			switch s[i].what {
			case "process", "unit", "service", "name", "container":
				continue
			}
			if !x.holds(&s[i], e) {
				return false
			}
		}
		return true
	})
}

// glob says whether a text is as a pattern says: * stands for any text, ? for one
// sign, a backslash takes from the next sign what it means.
func glob(pattern, text string) bool {
	p, s := []rune(pattern), []rune(text)
	star, back := -1, 0 // where to go on after the last *
	i, k := 0, 0
	for k < len(s) {
		switch {
		case i < len(p) && p[i] == '*':
			star, back = i, k
			i++
		case i < len(p) && p[i] == '?':
			i, k = i+1, k+1
		case i+1 < len(p) && p[i] == '\\' && p[i+1] == s[k]:
			i, k = i+2, k+1
		case i < len(p) && p[i] != '\\' && p[i] == s[k], i == len(p)-1 && p[i] == '\\' && s[k] == '\\':
			i, k = i+1, k+1
		case star >= 0:
			back++
			i, k = star+1, back
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// literal is the pattern that a text alone is as.
func literal(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(text)
}
