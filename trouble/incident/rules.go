package incident

import (
	"cmp"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

// How near in time and on the graph alerts must be to be one incident.
const (
	// window is within what time of each other a cause and its effect are told. While
	// what fails goes on failing its effects may come later; see [folder.inTime].
	window = 30 * time.Minute
	// poolWindow is the same for members of a pool, which nothing but that connects.
	poolWindow = 10 * time.Minute
	// late is how late a source may tell. What says that it went bad longer ago did so
	// then; else when it was told counts, as clocks of sources may be wrong.
	late = 2 * time.Hour
	// wide is from how many different clients, or servers, on a component stands between
	// things that have nothing else in common. Members of a pool are one.
	wide = 12
	// steps is how many edges may lie between two alerts, with nothing between them that
	// is known to be fine.
	steps = 4
	// mostMet bounds how much is looked at for each.
	mostMet = 400
)

// unit is a component with alerts: these always belong together.
type unit struct {
	id     string
	at     int32 // in the graph; -1 if it isn't there
	pool   string
	alerts []int
	seen   time.Time // when the first of them was told
	fails  bool      // one of them is critical, and to be believed
	weak   bool      // none is to be believed: it joins others, and joins no two of them
	was    *Incident // the open one that it is in
	serves bool      // it serves many that have nothing else in common
	uses   bool      // it uses many such
}

// folder finds out which alerts belong together, for one moment.
type folder struct {
	g        *trouble.Graph
	watched  map[string]trouble.Watch
	units    []unit
	of       map[int32]int // unit of a component
	bound    []int         // union-find
	spot     map[int32]bool
	shares   map[int32]float64
	programs map[int32]bool
}

// pieces are the alerts that have to do with each other, as lists of units in their
// order.
func (f *folder) pieces() [][]int {
	f.of, f.bound, f.shares = map[int32]int{}, make([]int, len(f.units)), map[int32]float64{}
	f.programs = map[int32]bool{}
	for i := range f.units {
		f.bound[i] = i
		if at := f.units[i].at; at >= 0 {
			f.of[at] = i
		}
	}
	f.spread()
	for i := range f.units {
		if u := &f.units[i]; u.at >= 0 {
			u.serves, u.uses = f.degree(u.at, true) >= wide, f.degree(u.at, false) >= wide
		}
	}
	var loose []pair
	for i := range f.units {
		if f.units[i].at >= 0 {
			loose = append(loose, f.walk(i)...)
		}
	}
	f.siblings()
	f.pools()
	f.attach(loose)
	return f.gather()
}

// pair is two units that have to do with each other, of which one binds nobody.
type pair struct{ loose, to int }

func (f *folder) root(i int) int {
	for f.bound[i] != i {
		f.bound[i] = f.bound[f.bound[i]]
		i = f.bound[i]
	}
	return i
}

func (f *folder) bind(i, j int) {
	a, b := f.root(i), f.root(j)
	f.bound[max(a, b)] = min(a, b)
}

// gather lists what is bound together.
func (f *folder) gather() [][]int {
	var out [][]int
	at := map[int]int{}
	for i := range f.units {
		r := f.root(i)
		n, known := at[r]
		if !known {
			n = len(out)
			at[r] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], i)
	}
	return out
}

// spread marks what is in trouble: components with alerts, and the programs that their
// services sit on.
func (f *folder) spread() {
	f.spot = map[int32]bool{}
	for at := range f.of {
		f.spot[at] = true
		for _, a := range f.g.ServersOf(at) {
			if f.program(a.To) {
				f.spot[a.To] = true
			}
		}
	}
}

// program says whether a component is a program that services sit on.
func (f *folder) program(i int32) (is bool) {
	if f.g.At(i).Kind != trouble.Service {
		return false
	}
	if is, known := f.programs[i]; known {
		return is
	}
	for _, a := range f.g.ClientsOf(i) {
		is = is || f.g.Edge(a.Edge).Kind == trouble.On
	}
	f.programs[i] = is
	return is
}

// degree is how many different clients, or servers, a component has. Members of one
// pool are one, and so are all programs of which nothing else is known on one side.
func (f *folder) degree(i int32, clients bool) int {
	arcs := f.g.ServersOf(i)
	if clients {
		arcs = f.g.ClientsOf(i)
	}
	if len(arcs) < wide {
		return len(arcs)
	}
	pools, n := map[string]bool{}, 0
	for _, a := range arcs {
		e := f.g.Edge(a.Edge)
		switch pool := f.g.At(a.To).Pool; {
		case e.Kind == trouble.On, e.Idle, pools[pool]:
		case pool != "":
			pools[pool] = true
			n++
		default:
			n++
		}
	}
	return n
}

// walk binds a unit to those that it needs, over what may pass trouble on. Pairs of
// which one binds nobody are returned.
func (f *folder) walk(from int) (loose []pair) {
	u := &f.units[from]
	met := map[int32]bool{u.at: true}
	ring := []int32{u.at}
	for step := 0; step < steps && len(ring) > 0 && len(met) < mostMet; step++ {
		var next []int32
		for _, i := range ring {
			for _, a := range f.g.ServersOf(i) {
				if met[a.To] {
					continue
				}
				e := f.g.Edge(a.Edge)
				to, bad := f.of[a.To]
				switch {
				case bad && f.related(u, &f.units[to], e):
					met[a.To] = true
					if p, isLoose := f.loose(from, to); isLoose {
						loose = append(loose, p...)
					} else {
						f.bind(from, to)
					}
				case !bad && !e.Idle && f.passes(a.To, u):
					met[a.To] = true
					next = append(next, a.To)
				}
			}
		}
		ring = next
	}
	return loose
}

// loose says whether one of two units binds nobody: what is weak, and a hub that is no
// cause to all that use it.
func (f *folder) loose(client, server int) ([]pair, bool) {
	c, s := &f.units[client], &f.units[server]
	if c.was != nil && c.was == s.was {
		return nil, false
	}
	var out []pair
	if c.weak || c.uses {
		out = append(out, pair{client, server})
	}
	if s.weak || s.serves && !s.fails {
		out = append(out, pair{server, client})
	}
	return out, out != nil
}

// related says whether trouble of a client may come from that of a server, by when the
// two went bad. What was together stays together.
func (f *folder) related(c, s *unit, e *trouble.Edge) bool {
	if c.was != nil && c.was == s.was {
		return true
	}
	if e.Idle {
		return false
	}
	return f.inTime(c, s)
}

// inTime says whether two units went bad at about the same time, or the client later
// while the server goes on failing. What serves many must not fold all that comes after.
func (f *folder) inTime(c, s *unit) bool {
	d := c.seen.Sub(s.seen)
	return d.Abs() <= window || d > 0 && s.fails && !s.serves
}

// passes says whether trouble may have come through a component without alerts. What
// was found to be fine since passes none; nor does what serves many of which few are in
// trouble.
func (f *folder) passes(i int32, u *unit) bool {
	if f.fine(i, u.seen) {
		return false
	}
	clients, servers := f.g.ClientsOf(i), f.g.ServersOf(i)
	if len(clients) < wide {
		return true
	}
	return len(servers) < wide && f.share(i) >= .3
}

// fresh is how long before something went bad something else may have been found to be
// fine that still counts as fine.
const fresh = 15 * time.Second

// fine says whether a component was found to be fine since a moment.
func (f *folder) fine(i int32, since time.Time) bool {
	w := f.watched[f.g.At(i).ID]
	return !w.Fine.IsZero() && w.Fine.After(since.Add(-fresh))
}

// share is what part of the clients that use a component are in trouble.
func (f *folder) share(i int32) float64 {
	if s, known := f.shares[i]; known {
		return s
	}
	bad, all := f.clients(i)
	f.shares[i] = float64(len(bad)) / float64(max(1, all))
	return f.shares[i]
}

// clients are the units among those that use a component, or sit on it, and how many
// of these are in trouble or watched: the others could not tell. Where it isn't known what
// is watched, all are.
func (f *folder) clients(i int32) (units []int, all int) {
	for _, a := range f.g.ClientsOf(i) {
		if f.g.Edge(a.Edge).Idle {
			continue
		}
		n, bad, watched := f.heard(a.To)
		if bad {
			units = append(units, n)
		}
		if bad || watched || len(f.watched) == 0 {
			all++
		}
	}
	return units, all
}

// heard says whether a component, or a service that sits on it, is in trouble, and
// whether it is watched.
func (f *folder) heard(i int32) (n int, bad, watched bool) {
	if n, bad = f.of[i]; bad {
		return n, true, true
	}
	if _, watched = f.watched[f.g.At(i).ID]; watched || f.g.At(i).Kind != trouble.Service {
		return 0, false, watched
	}
	for _, b := range f.g.ClientsOf(i) { // services of a program that calls
		if f.g.Edge(b.Edge).Kind != trouble.On {
			continue
		}
		if n, bad = f.of[b.To]; bad {
			return n, true, true
		}
		_, is := f.watched[f.g.At(b.To).ID]
		watched = watched || is
	}
	return 0, false, watched
}

// siblings binds units that share what they need, or sit on, if that isn't known to be
// fine and most of those who use it are in trouble: it has no alert, and may well be the
// cause.
func (f *folder) siblings() {
	done := map[int32]bool{}
	for i := range f.units {
		u := &f.units[i]
		if u.at < 0 {
			continue
		}
		for _, s := range f.shared(u.at) {
			if !done[s] {
				done[s] = true
				f.common(s, u)
			}
		}
	}
}

// shared are what a component, and the program that it sits on, needs.
func (f *folder) shared(i int32) (out []int32) {
	for _, a := range f.g.ServersOf(i) {
		if _, bad := f.of[a.To]; bad || f.g.Edge(a.Edge).Idle {
			continue
		}
		out = append(out, a.To)
		if f.spot[a.To] {
			for _, b := range f.g.ServersOf(a.To) {
				if _, bad := f.of[b.To]; !bad && !f.g.Edge(b.Edge).Idle {
					out = append(out, b.To)
				}
			}
		}
	}
	return out
}

// common binds the units that use one component.
func (f *folder) common(i int32, u *unit) {
	if f.fine(i, u.seen) || f.g.At(i).ID == topology.InternetName {
		return
	}
	units, all := f.clients(i)
	units = slices.DeleteFunc(units, func(n int) bool { return f.units[n].weak })
	if len(units) < 2 || 2*len(units) < all {
		return
	}
	slices.SortFunc(units, func(a, b int) int { return f.units[a].seen.Compare(f.units[b].seen) })
	for n := 1; n < len(units); n++ {
		if f.units[units[n]].seen.Sub(f.units[units[n-1]].seen) <= window {
			f.bind(units[n-1], units[n])
		}
	}
}

// pools binds members of a pool that went bad at about the same time: that several do
// by themselves is less likely than that they share what is bad.
func (f *folder) pools() {
	last := map[string]int{}
	order := make([]int, len(f.units))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return f.units[a].seen.Compare(f.units[b].seen) })
	for _, i := range order {
		u := &f.units[i]
		if u.pool == "" || u.weak {
			continue
		}
		if j, ok := last[u.pool]; ok && u.seen.Sub(f.units[j].seen) <= poolWindow {
			f.bind(j, i)
		}
		last[u.pool] = i
	}
}

// attach puts units that bind nobody with the one piece that they have most to do with.
func (f *folder) attach(loose []pair) {
	votes := map[int]map[int]int{} // by unit, then by piece
	for _, p := range loose {
		if votes[p.loose] == nil {
			votes[p.loose] = map[int]int{}
		}
		votes[p.loose][f.root(p.to)]++
	}
	units := make([]int, 0, len(votes))
	for i := range votes {
		units = append(units, i)
	}
	slices.Sort(units)
	size := map[int]int{}
	for i := range f.units {
		size[f.root(i)]++
	}
	units = slices.DeleteFunc(units, func(i int) bool { return size[f.root(i)] > 1 }) // these have theirs
	for _, i := range units {
		best := -1
		for piece := range votes[i] {
			if f.root(piece) == f.root(i) {
				best = -1
				break
			}
			if best < 0 || f.closer(votes[i], piece, best) {
				best = piece
			}
		}
		if best >= 0 {
			f.bind(best, i)
		}
	}
}

// closer says whether a unit has more to do with one piece than with another; of equals
// the one that went bad first.
func (f *folder) closer(votes map[int]int, a, b int) bool {
	return cmp.Or(cmp.Compare(votes[b], votes[a]), f.units[a].seen.Compare(f.units[b].seen), cmp.Compare(a, b)) < 0
}
