package trouble

import "github.com/devops-trouble-map/dotm/trouble/graph"

// step is that trouble gets from one component to another.
type step struct {
	to   int32
	edge int32
	// first is what share of its force gets there if nothing has called anything on
	// the way yet; next if it came by a call, and so has shown that it spreads.
	first, next float64
	// call says that it is a call, either way.
	call bool
}

// spread is where trouble gets from each component, by one step, for one
// incident.
type spread [][]step

// hub is how many clients and servers something has that stands between many and
// many, so that who is behind it for whom can't be told.
const hub = 8

// overload is how many times its usual traffic an edge must carry to be one.
const overload = 3

// steps makes the spread: failure to clients, weakened by what stands in for the
// server; overload to servers. What can't get to anything bad in a walk is left out.
func (e *evidence) steps() spread {
	s := make(spread, e.g.Len())
	near := e.g.Upstream(e.troubled, far, func(x *Edge) bool { return x.Undirected || x.Load >= overload })
	for i := range s {
		server := int32(i)
		for _, a := range e.g.ClientsOf(server) {
			if near[server] && near[a.To] {
				e.failure(s, server, a)
			}
		}
	}
	return s
}

// failure adds what one edge passes on.
func (e *evidence) failure(s spread, server int32, a graph.Arc) {
	edge := e.g.Edge(a.Edge)
	if edge.Kind == On && e.r.off(RuleOn) {
		return
	}
	w := &e.r.Weights
	first, next := w.Fade, w.Far
	if edge.Kind == On {
		first, next = w.FadeOn, w.FadeOn
	}
	less := 1.0
	if edge.Idle {
		less *= .5
	}
	if edge.Failed > 0 {
		less *= float64(edge.Followed+2) / float64(edge.Failed+2)
	}
	if edge.Undirected {
		less *= .5
		s[a.To] = append(s[a.To], step{server, a.Edge, first * less, next * less, true})
	}
	less *= e.share(a.To, server)
	if o := e.overload(server, edge); o > 0 {
		s[a.To] = append(s[a.To], step{server, a.Edge, o, o, true})
		less *= 1 - o
		e.load[server] = max(e.load[server], o)
	}
	s[server] = append(s[server], step{a.To, a.Edge, first * less, next * less, edge.Kind == Calls})
}

// overload is what share of a client's overload reaches a server by an edge: none
// if the load grew after the server went bad, as clients try again then; all that
// there is if it surely grew before.
func (e *evidence) overload(server int32, edge *Edge) float64 {
	o := e.onset[server]
	switch {
	case edge.Load < overload || e.r.off(RuleOverload):
		return 0
	case edge.LoadSince.IsZero() || o.By.IsZero():
		return e.r.Weights.Overload * .5
	case edge.LoadSince.After(o.By):
		return 0
	case !edge.LoadSince.After(o.After):
		return min(.95, e.r.Weights.Overload*1.25)
	}
	return e.r.Weights.Overload
}

// share is what part of a client's pool is bad when the server is: 1 if nothing
// stands in for it.
func (e *evidence) share(client, server int32) float64 {
	pool := e.g.At(server).Pool
	if pool == "" || e.r.off(RulePool) {
		return 1
	}
	called, down := 0, 0
	for _, a := range e.g.ServersOf(client) {
		if e.g.At(a.To).Pool != pool {
			continue
		}
		called++
		if a.To == server || e.state[a.To] == bad {
			down++
		}
	}
	return float64(down) / float64(max(called, 1))
}

// pass is what share of the force goes on through a component that trouble came
// to.
func (e *evidence) pass(i int32) float64 {
	f := 1.0
	switch e.state[i] {
	case bad:
		return 1
	case fine:
		f = .35
	case unsure:
		f = e.r.Weights.Unsure
	case unwatched, blind:
		f = .8
	}
	if len(e.g.ClientsOf(i)) >= hub && len(e.g.ServersOf(i)) >= hub {
		f *= .5
	}
	return f
}

// The walk ends where less than faint of the force is left, or after far steps.
const (
	faint = .03
	far   = 8
)

// walker finds how trouble of one component gets to all others by the ways that
// leave most of its force. It is used again, so that a walk costs what it meets
// and not what there is.
type walker struct {
	e      *evidence
	s      spread
	force  []float64
	from   []int32 // the component before it on the way
	edge   []int32 // the edge from there
	called []bool  // whether the way there has a call
	met    []int32 // whose force isn't zero
}

func newWalker(e *evidence, s spread) *walker {
	n := e.g.Len()
	return &walker{e: e, s: s, force: make([]float64, n), from: make([]int32, n), edge: make([]int32, n), called: make([]bool, n)}
}

// walk starts anew from a component.
func (w *walker) walk(start int32) {
	for _, i := range w.met {
		w.force[i] = 0
	}
	w.met = append(w.met[:0], start)
	w.force[start], w.from[start], w.called[start] = 1, -1, false
	edge := []int32{start}
	for hops := 0; hops < far && len(edge) > 0; hops++ {
		edge = w.ring(start, edge)
	}
}

// ring takes one step from each of a ring and returns those that were reached
// with more force than before.
func (w *walker) ring(start int32, ring []int32) []int32 {
	var next []int32
	for _, i := range ring {
		f := w.force[i]
		if i != start {
			f *= w.e.pass(i)
		}
		for _, s := range w.s[i] {
			force := f * s.next
			if !w.called[i] {
				force = f * s.first
			}
			if force < faint || force <= w.force[s.to]*(1+1e-9) {
				continue
			}
			if w.force[s.to] == 0 {
				w.met = append(w.met, s.to)
			}
			w.force[s.to], w.from[s.to], w.edge[s.to] = force, i, s.edge
			w.called[s.to] = w.called[i] || s.call
			next = append(next, s.to)
		}
	}
	return next
}

// way is the path from where the walk started to a component that it met: edges
// from the component to the start, as the client sees them. A cycle can't be part
// of it, as force only gets less.
func (w *walker) way(to int32) Path {
	p := Path{To: w.e.g.At(to).ID}
	for i := to; w.from[i] >= 0 && len(p.Edges) <= far; i = w.from[i] {
		e := w.e.g.Edge(w.edge[i])
		p.Edges = append(p.Edges, Step{Client: e.Client, Server: e.Server, Kind: e.Kind})
	}
	return p
}
