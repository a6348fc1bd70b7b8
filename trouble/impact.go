package trouble

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/devops-trouble-map/dotm/trouble/graph"
	"github.com/devops-trouble-map/dotm/trouble/phrase"
)

// Impact is what follows when components fail.
type Impact struct {
	// Confirmed need what fails, and are in trouble.
	Confirmed []Effect `json:"confirmed,omitempty"`
	// Predicted are likely to fail next, the surest first.
	Predicted []Effect `json:"predicted,omitempty"`
	// Possible need it in a way that says little: through something that stands
	// between many and many, by an edge that is idle, or by one that was spared
	// before.
	Possible []Effect `json:"possible,omitempty"`
	// Spared need it and stay, as something stands in for it.
	Spared []Effect `json:"spared,omitempty"`
}

// Effect is what becomes of one component.
type Effect struct {
	Component string `json:"component"`
	// Sure is from 0 to 1 how likely it fails if the rules hold. It is calibrated
	// on no site, and no percentage to show.
	Sure float64 `json:"sure"`
	// Why quotes the edge that it hangs on.
	Why string `json:"why"`
	// Hops is how many edges lie between it and what fails.
	Hops int `json:"hops"`
}

// likelyFrom is from which sureness on an effect is predicted.
const likelyFrom = .5

// How sure a client fails with what it needs, by what is known of the edge.
const (
	sureOn   = .98 // what sits on a dead host is dead
	sureCall = .94 // most calls are needed
	sureIdle = .3  // nothing was open for long
	sureHub  = .3  // who is behind a hub for whom can't be told
)

// Predict says what follows when components fail. The incident, if there is one,
// says what has followed already, and what was found fine since; nil if the
// question is "what if". Unknown ids are an error that names the first.
func Predict(g *Graph, fails []string, in *Incident) (Impact, error) {
	p := &prediction{g: g, sure: make([]float64, g.Len()), hops: make([]int, g.Len()), why: make([]string, g.Len())}
	p.from, p.ring = make([]int32, g.Len()), make([]int, g.Len())
	var ring []int32
	for _, id := range fails {
		i, ok := g.Index(id)
		if !ok {
			return Impact{}, fmt.Errorf("no component %q: its id must be one of the graph", id)
		}
		if p.sure[i] == 0 {
			p.sure[i], p.from[i] = 1, -1
			ring = append(ring, i)
		}
	}
	if in != nil {
		p.e = NewRanker().gather(g, in)
	}
	for hops := 1; hops <= far && len(ring) > 0; hops++ {
		ring = p.next(ring, hops)
	}
	return p.result(), nil
}

// prediction is one run of [Predict].
type prediction struct {
	g    *Graph
	e    *evidence // nil without an incident
	sure []float64
	hops []int
	why  []string
	from []int32 // what it fails with; -1 for what was given
	ring []int   // in which ring it was put last
	// spared are clients with something that stands in, in the order met.
	spared []int32
	unhurt []string // by component: why it is spared
}

// next takes one step from what has got surer to what needs it.
func (p *prediction) next(ring []int32, hops int) []int32 {
	var out []int32
	for _, server := range ring {
		for _, a := range p.g.ClientsOf(server) {
			if p.reach(server, a, hops) && p.ring[a.To] != hops {
				p.ring[a.To] = hops
				out = append(out, a.To)
			}
		}
	}
	return out
}

// reach says whether a client got surer by one edge.
func (p *prediction) reach(server int32, a graph.Arc, hops int) bool {
	down, called, living := p.down(a.To, server)
	if living > 0 {
		p.spare(a.To, p.need(server, a.Edge, called, living))
		return false
	}
	sure := down * p.edge(server, a.Edge)
	if p.e != nil && p.e.state[a.To] == fine {
		sure *= .5
	}
	if sure <= p.sure[a.To]+1e-9 || sure < .05 {
		return false
	}
	p.sure[a.To], p.hops[a.To], p.from[a.To] = sure, hops, server
	p.why[a.To] = p.need(server, a.Edge, called, 0)
	return true
}

// down is how sure a client has lost a server and all that stand in for it, how
// many those are, and how many of them are not expected to fail.
func (p *prediction) down(client, server int32) (down float64, called, living int) {
	pool := p.g.At(server).Pool
	if pool == "" {
		return p.sure[server], 1, 0
	}
	down = 1
	for _, a := range p.g.ServersOf(client) {
		if p.g.At(a.To).Pool != pool || p.g.Edge(a.Edge).Kind != Calls {
			continue
		}
		called++
		s := p.sure[a.To]
		if p.e != nil && p.e.state[a.To] == bad {
			s = max(s, p.e.own[a.To])
		}
		if s < .5 {
			living++
		}
		down = min(down, s)
	}
	if called == 0 { // it sits on a member
		return p.sure[server], 1, 0
	}
	return down, called, living
}

// edge is how sure a client fails with what it has lost.
func (p *prediction) edge(server, edge int32) float64 {
	e := p.g.Edge(edge)
	sure := sureCall
	switch {
	case e.Kind == On:
		return sureOn
	case e.Idle:
		sure = sureIdle
	case e.Undirected:
		sure *= .5
	}
	if e.Failed > 0 {
		sure = (float64(e.Followed) + sure) / (float64(e.Failed) + 1)
	}
	hubbed := len(p.g.ClientsOf(server)) >= hub && len(p.g.ServersOf(server)) >= hub
	if hubbed && p.from[server] >= 0 && !p.isBad(server) {
		sure *= sureHub
	}
	return sure
}

func (p *prediction) isBad(i int32) bool { return p.e != nil && p.e.state[i] == bad }

// spare notes that something stands in.
func (p *prediction) spare(client int32, why string) {
	if p.unhurt == nil {
		p.unhurt = make([]string, p.g.Len())
	}
	if p.unhurt[client] == "" {
		p.spared = append(p.spared, client)
	}
	p.unhurt[client] = why
}

// need puts an edge into words.
func (p *prediction) need(server, edge int32, called, living int) string {
	e := p.g.Edge(edge)
	return phrase.Why(phrase.Need{
		Server: p.g.Name(server), On: e.Kind == On, Pooled: p.g.At(server).Pool != "", Called: called, Living: living,
		Idle: e.Idle, Failed: e.Failed, Followed: e.Followed,
	})
}

// result sorts what was found.
func (p *prediction) result() Impact {
	var im Impact
	for i := range p.sure {
		at := int32(i)
		if p.sure[i] == 0 || p.from[i] < 0 && !p.isBad(at) {
			continue
		}
		effect := Effect{Component: p.g.At(at).ID, Sure: round(p.sure[i]), Why: p.why[i], Hops: p.hops[i]}
		switch {
		case p.from[i] < 0:
			effect.Why = "is what fails"
			im.Confirmed = append(im.Confirmed, effect)
		case p.isBad(at):
			im.Confirmed = append(im.Confirmed, effect)
		case p.sure[i] >= likelyFrom:
			im.Predicted = append(im.Predicted, effect)
		default:
			im.Possible = append(im.Possible, effect)
		}
	}
	for _, i := range p.spared {
		if p.sure[i] == 0 {
			im.Spared = append(im.Spared, Effect{Component: p.g.At(i).ID, Why: p.unhurt[i], Hops: 1})
		}
	}
	for _, list := range [][]Effect{im.Confirmed, im.Predicted, im.Possible} {
		slices.SortStableFunc(list, func(a, b Effect) int { return cmp.Compare(b.Sure, a.Sure) })
	}
	return im
}
