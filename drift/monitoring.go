package drift

import "fmt"

// Dependency is one that people told a monitoring system, with what its ends are on
// the chart: see package monitor.
type Dependency struct {
	Of, To Party
}

// Party is one end of it. Name is empty for a host, Node where it is no node, Service
// where it is the node as a whole.
type Party struct{ Host, Name, Node, Service string }

func (p *Party) String() string {
	if p.Name == "" {
		return p.Host
	}
	return p.Host + " " + p.Name
}

func (p *Party) ends() Ends {
	s := Selector{{what: "node", pattern: literal(p.Node)}}
	if p.Service != "" {
		s = append(s, term{what: "service", pattern: literal(p.Service)})
	}
	return Ends{any: []Selector{s}, text: p.String()}
}

// OfDependencies is the declaration that a monitoring source's dependencies make. It
// speaks of connections between the nodes that they name. What depends on itself, or is
// no node, can't be held against a chart.
func OfDependencies(source string, list []Dependency) *Declaration {
	d := &Declaration{Of: source, Form: "monitoring", Reach: BothEnds, Scope: Ends{text: "what has dependencies in " + source}}
	known := map[string]bool{}
	for i := range list {
		of, to := &list[i].Of, &list[i].To
		text := fmt.Sprintf("%s depends on %s", of, to)
		switch {
		case of.Node == "" || to.Node == "":
			d.Loose = append(d.Loose, Loose{Place{File: source}, text + ", and one of them is no node"})
			continue
		case of.Node == to.Node:
			continue // within one node there is nothing to see
		}
		// Who depends is a check: the service that it is about calls by whatever process.
		from := Party{Host: of.Host, Name: of.Name, Node: of.Node}
		d.add(Rule{Place: Place{File: source + ": " + text}, From: from.ends(), To: to.ends(), Why: text})
		for _, p := range []*Party{of, to} {
			if whole := (Party{Host: p.Host, Node: p.Node}); !known[p.Node] {
				known[p.Node] = true
				d.Scope.any = append(d.Scope.any, whole.ends().any...)
			}
		}
	}
	return d
}
