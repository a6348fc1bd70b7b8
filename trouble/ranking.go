package trouble

import (
	"slices"

	"github.com/devops-trouble-map/dotm/trouble/graph"
	"github.com/devops-trouble-map/dotm/trouble/phrase"
)

// Ranking is the likely causes of one incident.
type Ranking struct {
	// Causes are the likeliest first, at most 20.
	Causes []Cause `json:"causes"`
	// Unsure says why the first is no more than the first of a list; empty if
	// there is no reason to say so.
	Unsure string `json:"unsure,omitempty"`
	// Unexplained are the components in trouble that the first cause doesn't
	// reach.
	Unexplained []string `json:"unexplained,omitempty"`
	// NotVisible are those near the trouble from which nothing comes, or that
	// nobody watches.
	NotVisible []string `json:"not_visible,omitempty"`
}

// Strength is how much speaks for a cause.
type Strength string

// The strengths. They are no probabilities.
const (
	Strong   Strength = "strong"
	Moderate Strength = "moderate"
	Weak     Strength = "weak"
)

// Cause is a component that is likely behind an incident.
type Cause struct {
	Component string `json:"component"`
	// Score orders the causes of one incident, from 1 down; it is no probability,
	// and doesn't compare with that of another incident.
	Score    float64  `json:"score"`
	Strength Strength `json:"strength"`
	// Sentence quotes what was observed, and nothing else.
	Sentence string `json:"sentence"`
	// Chips are the evidence in a few words each: "first of 23".
	Chips []string `json:"chips,omitempty"`
	// Explains are the components in trouble that it reaches, with the ways.
	Explains []Path `json:"explains,omitempty"`
}

// Path is how a symptom needs a cause: the first step's client is the symptom,
// the last step's server the cause. Where a client overloads its servers, the
// steps stay as they are, and lead away from it.
type Path struct {
	To    string `json:"to"`
	Edges []Step `json:"edges"`
}

// Step is one edge of a path.
type Step struct {
	Client string   `json:"client"`
	Server string   `json:"server"`
	Kind   EdgeKind `json:"kind"`
}

// reached is from what share of a symptom on a cause is said to explain it.
const reached = .1

// tell turns the best candidates into what is said of them.
func (e *evidence) tell(w *walker, best []candidate) Ranking {
	var r Ranking
	top := e.r.Weights.Own + e.total + e.r.Weights.Paged*float64(len(e.in.Paged)) + 1e-9
	for i := range best {
		c := &best[i]
		w.walk(c.at)
		facts := e.facts(c)
		r.Causes = append(r.Causes, Cause{
			Component: e.g.At(c.at).ID,
			Score:     round(c.score / top),
			Strength:  e.strength(best, i),
			Sentence:  phrase.Sentence(facts),
			Chips:     phrase.Chips(facts),
			Explains:  e.ways(w, c),
		})
	}
	if len(best) > 0 {
		r.Unsure = e.unsure(best)
		r.Unexplained = e.unexplained(&best[0])
		r.NotVisible = e.notVisible(&best[0])
	}
	return r
}

// mostWays bounds how many ways are told of one cause.
const mostWays = 200

func (e *evidence) ways(w *walker, c *candidate) []Path {
	var out []Path
	for _, s := range c.explain {
		if s.much >= reached && len(out) < mostWays {
			out = append(out, w.way(s.symptom))
		}
	}
	return out
}

// explains is what share of the symptoms a cause reaches, itself included, and
// how many components that are.
func (e *evidence) explains(c *candidate) (part float64, count int) {
	sum := 0.0
	if e.state[c.at] == bad {
		sum, count = e.symptom[c.at], 1
	}
	for _, s := range c.explain {
		if s.much >= reached {
			sum += e.symptom[s.symptom]
			count++
		}
	}
	if e.total > 0 {
		part = min(1, sum/e.total)
	}
	return part, count
}

// unseen is what counts of a rival of which nothing bad is seen, where the first is in
// trouble itself: what nobody watches can be the cause of anything.
const unseen = .85

// lead is how far the first cause is before all others, as a share of its score, and
// which of them is next; 0 if there is none. A service and what it runs on are one
// place: they are no rivals.
func (e *evidence) lead(best []candidate) (ahead float64, next int) {
	if best[0].alone <= 0 {
		return 0, 0
	}
	most := 0.0
	for i := range best[1:] {
		c := &best[i+1]
		if e.together(best[0].at, c.at) {
			continue
		}
		score := c.alone
		if e.own[best[0].at] >= little && e.own[c.at] == 0 {
			score *= unseen
		}
		if score > most {
			most, next = score, i+1
		}
	}
	return 1 - most/best[0].alone, next
}

// together says that one of two components runs on the other.
func (e *evidence) together(a, b int32) bool { return e.runsOn(a, b) || e.runsOn(b, a) }

func (e *evidence) runsOn(service, node int32) bool {
	if e.g.At(service).Kind != Service || e.g.At(node).Kind != Node {
		return false
	}
	return slices.ContainsFunc(e.g.ServersOf(service), func(a graph.Arc) bool {
		return a.To == node && e.g.Edge(a.Edge).Kind == On
	})
}

// strength judges how much speaks for the i-th cause. Only the first can be
// strong, and only if it is in trouble itself by more than one witness's word,
// explains nearly all and is far ahead of the next.
func (e *evidence) strength(best []candidate, i int) Strength {
	c := &best[i]
	part, count := e.explains(c)
	ahead, _ := e.lead(best)
	if i > 0 || c.score <= 0 || c.later > 0 && c.later >= c.first {
		return Weak
	}
	sure := e.own[c.at] >= little && !e.heard[c.at] && e.wide(c.at, c.clients) == 1
	switch {
	case sure && count >= 2 && part >= .75 && ahead >= .2 && !e.outdone(best, part):
		return Strong
	case part >= .5 && ahead >= .08 && (e.own[c.at] >= little || count >= 2):
		return Moderate
	}
	return Weak
}

// outdone says that another of the best explains clearly more than the first.
func (e *evidence) outdone(best []candidate, part float64) bool {
	for i := range best[1:min(6, len(best))] {
		if other, _ := e.explains(&best[i+1]); other > part+.02 {
			return true
		}
	}
	return false
}

// little is how bad all that is seen must be to say anything.
const little = .3

// unsure says why the first cause can't be told from others; empty if it can.
func (e *evidence) unsure(best []candidate) string {
	c := &best[0]
	part, _ := e.explains(c)
	ahead, next := e.lead(best)
	switch {
	case c.score <= 0:
		return "can't tell: nothing that is seen explains the trouble"
	case next > 0 && ahead < .02:
		return "can't tell: " + e.g.Name(c.at) + " and " + e.g.Name(best[next].at) + " are equally consistent with what is seen"
	case part < .34:
		return "can't tell: no one component explains a third of the trouble"
	case e.own[c.at] < little && e.total < little:
		return "can't tell: the only alerts say little (flapping, stale, or barely above their limit)"
	}
	return ""
}

func (e *evidence) unexplained(c *candidate) []string {
	known := map[int32]bool{c.at: true}
	for _, s := range c.explain {
		known[s.symptom] = known[s.symptom] || s.much >= reached
	}
	var out []string
	for _, i := range e.troubled {
		if !known[i] {
			out = append(out, e.g.At(i).ID)
		}
	}
	return out
}

// mostHidden bounds how many are told of.
const mostHidden = 20

// notVisible are the servers of the cause and of what is in trouble from which
// nothing is known.
func (e *evidence) notVisible(c *candidate) []string {
	if e.in.Watched == nil {
		return nil
	}
	var out []string
	for _, from := range append([]int32{c.at}, e.troubled...) {
		for _, a := range e.g.ServersOf(from) {
			id := e.g.At(a.To).ID
			hidden := e.state[a.To] == blind || e.state[a.To] == unwatched
			if hidden && !slices.Contains(out, id) && len(out) < mostHidden {
				out = append(out, id)
			}
		}
	}
	return out
}
