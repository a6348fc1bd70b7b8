package monitor

import (
	"cmp"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping"
)

// Declared is what people told a monitoring system of how things hang together. It
// is kept, so that it is known while the system can't be read.
type Declared struct {
	// Hosts are those that are in groups or have parents, by name.
	Hosts []mapping.Host `json:"hosts,omitempty"`
	// Dependencies are sorted, each once.
	Dependencies []Dependency `json:"dependencies,omitempty"`
}

// DeclaredOf is what a reading tells of it.
func DeclaredOf(r *Reading) *Declared {
	d := &Declared{Dependencies: slices.Clone(r.Dependencies)}
	for i := range r.Hosts {
		if h := r.Hosts[i]; len(h.Groups) > 0 || len(h.Parents) > 0 {
			h.Link, h.Notes, h.Groups, h.Parents = "", "", sortedOnce(h.Groups), sortedOnce(h.Parents)
			d.Hosts = append(d.Hosts, h)
		}
	}
	slices.SortFunc(d.Hosts, func(a, b mapping.Host) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(d.Dependencies, compareDependencies)
	d.Dependencies = slices.Compact(d.Dependencies)
	return d
}

func sortedOnce(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

func compareDependencies(a, b Dependency) int {
	return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(a.Name, b.Name),
		strings.Compare(a.ParentHost, b.ParentHost), strings.Compare(a.ParentName, b.ParentName))
}

// Same tells whether two say the same; nil says nothing.
func (d *Declared) Same(o *Declared) bool {
	if d == nil || o == nil {
		return d.empty() && o.empty()
	}
	return slices.Equal(d.Dependencies, o.Dependencies) && slices.EqualFunc(d.Hosts, o.Hosts, sameDeclared)
}

func (d *Declared) empty() bool { return d == nil || len(d.Hosts)+len(d.Dependencies) == 0 }

func sameDeclared(a, b mapping.Host) bool {
	return a.Name == b.Name && a.Alias == b.Alias && a.Display == b.Display && slices.Equal(a.Addresses, b.Addresses) &&
		slices.Equal(a.Groups, b.Groups) && slices.Equal(a.Parents, b.Parents)
}

// RelationKind says what is declared of something.
type RelationKind string

// The kinds of relation.
const (
	DependsOn RelationKind = "dependency" // it needs the other
	ReachedBy RelationKind = "parent"     // the system reaches it through the other
	InGroup   RelationKind = "group"      // it is one of those that a group names
)

// Relation is one thing that people declared in a monitoring system, with what it
// means on the chart.
type Relation struct {
	Source string       `json:"source"`
	Kind   RelationKind `json:"kind" enum:"dependency,parent,group"`
	Of     Party        `json:"of" doc:"what needs, is reached, or is in the group"`
	To     *Party       `json:"to,omitempty" doc:"what is needed, or what it is reached through"`
	Group  string       `json:"group,omitempty"`
	// Observed says what the sockets tell of a dependency.
	Observed Observed `json:"observed,omitempty" enum:"connection,node,none,unknown" doc:"of a dependency: a connection to the very service is seen, or one to its node; none is, though both report; or that can't be told"`
}

// Party is one end of a relation: as the monitoring system calls it, and what that
// is on the chart. Name is empty for a host, Node where it is no node, Service where
// it is the node as a whole.
type Party struct {
	Host    string `json:"host"`
	Name    string `json:"name,omitempty"`
	Node    string `json:"node,omitempty"`
	Service string `json:"service,omitempty"`
}

// Observed is what the sockets tell of a declared dependency.
type Observed string

// What can be told.
const (
	SeenConnection Observed = "connection" // to the very service, or between hosts as such
	SeenNode       Observed = "node"       // to another service of its node
	SeenNone       Observed = "none"       // both ends report, and no connection is known
	SeenUnknown    Observed = "unknown"    // an end is no node, or does not report
)
