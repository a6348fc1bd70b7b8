package site

import "slices"

// Truth is what is so, whatever reports and checks show of it.
type Truth struct {
	Pools  []Pool  `json:"pools"`
	Groups []Group `json:"groups"`
	Hubs   []Hub   `json:"hubs"`
	// Faults are those that are on now.
	Faults []Fault `json:"faults"`
}

// Pool is the nodes of one role, those in reserve included.
type Pool struct {
	Name  string   `json:"name"`
	Tier  Tier     `json:"tier"`
	Nodes []string `json:"nodes"`
}

// Group is the nodes of one product.
type Group struct {
	Name  string   `json:"name"`
	Nodes []string `json:"nodes"`
}

// Hub is a service that most hosts use.
type Hub struct {
	Name  string   `json:"name"`
	Nodes []string `json:"nodes"`
}

// Truth tells what is so now. The lists are sorted, and the caller's.
func (s *Site) Truth() Truth {
	t := Truth{}
	for _, q := range s.pools {
		t.Pools = append(t.Pools, Pool{q.name, q.tier, q.names()})
	}
	for _, p := range s.products {
		g := Group{Name: p.name}
		for _, q := range p.pools {
			g.Nodes = append(g.Nodes, q.names()...)
		}
		slices.Sort(g.Nodes)
		t.Groups = append(t.Groups, g)
	}
	for _, b := range s.hubs {
		t.Hubs = append(t.Hubs, Hub{b.kind, b.pool.names()})
	}
	for _, f := range s.faults {
		if f.on {
			t.Faults = append(t.Faults, f.Fault)
		}
	}
	return t
}

func (q *pool) names() []string {
	out := make([]string, 0, len(q.hosts))
	for _, h := range q.hosts {
		out = append(out, h.name)
	}
	slices.Sort(out)
	return out
}
