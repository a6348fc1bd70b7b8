package trouble

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/trouble/graph"
)

// seen is what is known of a component in an incident.
type seen uint8

const (
	unsure    seen = iota // nobody says whether it is watched, or it was last looked at before the trouble
	unwatched             // no check and no signal is about it
	fine                  // it was found to be fine since the trouble began
	blind                 // it was watched, and nothing comes from it now
	bad                   // it has an alert, or people were called for it
)

// evidence is an incident put onto a graph: everything is by the index of a
// component.
type evidence struct {
	g   *Graph
	r   *Ranker
	in  *Incident
	own []float64 // how bad it is itself, 0 to 1
	// symptom is how much it asks for an explanation, 0 to 1.
	symptom  []float64
	heard    []bool // what is known of it is the word of one witness
	full     []bool // it runs out of something of its own
	onset    []Onset
	worst    []*Alert // the alert that says most about it; nil if there is none
	state    []seen
	paged    []bool    // people were called for it
	load     []float64 // what share of its trouble the load of a client explains
	troubled []int32   // what is bad, in the order of the alerts, then of the pages
	// total is the sum of all symptoms.
	total float64
	// badMembers counts those of a pool that are bad.
	badMembers map[string]int
	changes    map[int32]Change
}

func (r *Ranker) gather(g *Graph, in *Incident) *evidence {
	g = g.With(named(in))
	n := g.Len()
	e := &evidence{
		g: g, r: r, in: in, own: make([]float64, n), symptom: make([]float64, n), heard: make([]bool, n), full: make([]bool, n), paged: make([]bool, n), load: make([]float64, n),
		onset: make([]Onset, n), worst: make([]*Alert, n), state: make([]seen, n),
		badMembers: map[string]int{}, changes: map[int32]Change{},
	}
	alone := e.alone()
	for i := range in.Alerts {
		e.hear(&in.Alerts[i], alone)
	}
	for _, id := range in.Paged {
		if !r.off(RulePaged) {
			i, _ := g.Index(id)
			e.mark(i)
			e.paged[i] = true
		}
	}
	for _, i := range e.troubled {
		e.total += e.symptom[i]
		if p := g.At(i).Pool; p != "" {
			e.badMembers[p]++
		}
	}
	e.look()
	e.recall()
	return e
}

// named are the ids that an incident names.
func named(in *Incident) []string {
	ids := make([]string, 0, len(in.Alerts)+len(in.Paged))
	for i := range in.Alerts {
		ids = append(ids, in.Alerts[i].Component)
	}
	return append(ids, in.Paged...)
}

// alone are the components whose trouble is the word of one witness, who has
// another server in trouble that is known by more than that word: what ails the
// witness is explained without them.
func (e *evidence) alone() map[int32]bool {
	witness := e.witness()
	known := map[int32]bool{}
	for i, w := range witness {
		if w < 0 {
			known[i] = true
		}
	}
	alone := map[int32]bool{}
	for i, w := range witness {
		if w < 0 || e.r.off(RuleWitness) {
			continue
		}
		alone[i] = slices.ContainsFunc(e.g.ServersOf(w), func(a graph.Arc) bool { return a.To != i && known[a.To] })
	}
	return alone
}

// witness is, for each component with alerts, the one from whose side alone it
// was seen to be bad; -1 where there are several, or where it was looked at itself.
func (e *evidence) witness() map[int32]int32 {
	witness := map[int32]int32{}
	for i := range e.in.Alerts {
		a := &e.in.Alerts[i]
		c, _ := e.g.Index(a.Component)
		if len(a.Witnesses) == 0 {
			witness[c] = -1
		}
		for _, id := range a.Witnesses {
			w, known := e.g.Index(id)
			is, met := witness[c]
			switch {
			case !known:
			case !met:
				witness[c] = w
			case is != w:
				witness[c] = -1
			}
		}
	}
	return witness
}

func (e *evidence) mark(i int32) {
	if e.state[i] != bad {
		e.state[i] = bad
		e.troubled = append(e.troubled, i)
	}
}

// hear takes in one alert.
func (e *evidence) hear(a *Alert, alone map[int32]bool) {
	i, _ := e.g.Index(a.Component)
	e.mark(i)
	s := a.severity()
	if alone[i] {
		e.heard[i] = true
		s *= e.r.Weights.Witness
	}
	e.full[i] = e.full[i] || a.Trouble == Full
	if s > e.own[i] || e.worst[i] == nil {
		e.own[i], e.worst[i] = s, a
	}
	w := s
	if a.Handled {
		w *= .5
	}
	if a.Symptom {
		w *= .3
	}
	e.symptom[i] = max(e.symptom[i], w)
	e.begin(i, a)
}

// begin notes when a component went bad: by the earliest of its alerts that can
// be trusted with that.
func (e *evidence) begin(i int32, a *Alert) {
	if a.Flapping || a.Stale || a.Onset.By.IsZero() || !e.in.At.IsZero() && a.Onset.By.After(e.in.At.Add(time.Minute)) {
		return
	}
	o := &e.onset[i]
	if o.By.IsZero() || o.Clock == a.Onset.Clock && a.Onset.By.Before(o.By) {
		*o = a.Onset
	}
}

// look decides what is known of what isn't bad.
func (e *evidence) look() {
	if e.in.Watched == nil {
		return
	}
	first := e.first()
	for i := range e.state {
		if e.state[i] == bad {
			continue
		}
		w, watched := e.in.Watched[e.g.At(int32(i)).ID]
		began, known := first[w.Clock]
		switch {
		case !watched:
			e.state[i] = unwatched
		case w.Blind:
			e.state[i] = blind
		case known && !w.Fine.Before(began):
			e.state[i] = fine
		}
	}
}

// first is when the first thing was seen to be bad, by each clock.
func (e *evidence) first() map[string]time.Time {
	first := map[string]time.Time{}
	for _, i := range e.troubled {
		if o := e.onset[i]; !o.By.IsZero() && (first[o.Clock].IsZero() || o.By.Before(first[o.Clock])) {
			first[o.Clock] = o.By
		}
	}
	return first
}

// before is how long before the trouble a change may lie to be told of.
const before = 30 * time.Minute

// recall keeps the latest change of each component that lies shortly before the
// component went bad, or before anything did.
func (e *evidence) recall() {
	var began time.Time
	for _, t := range e.first() {
		if began.IsZero() || t.Before(began) {
			began = t
		}
	}
	for _, c := range e.in.Changes {
		i, ok := e.g.Index(c.Component)
		if !ok || e.r.off(RuleChange) {
			continue
		}
		until := began
		if by := e.onset[i].By; !by.IsZero() {
			until = by
		}
		if c.At.After(until) || c.At.Before(until.Add(-before)) || c.At.Before(e.changes[i].At) {
			continue
		}
		e.changes[i] = c
	}
}
