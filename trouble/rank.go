package trouble

import (
	"cmp"
	"math"
	"slices"
)

// Rule is one of the reasons by which causes are ranked; docs/trouble.md says why
// each holds.
type Rule string

// The rules.
const (
	RuleReach    Rule = "reach"     // what much of the trouble depends on is likely behind it
	RuleOwn      Rule = "own"       // what is in trouble itself, and the more the likelier
	RulePaged    Rule = "paged"     // what people were called for asks for an explanation
	RuleWitness  Rule = "witness"   // what one witness says is half as sure
	RuleClients  Rule = "clients"   // most clients of what failed are in trouble
	RuleOrder    Rule = "order"     // what surely came later is no cause
	RulePool     Rule = "pool"      // what stands in for a server takes from its effect
	RuleUnseen   Rule = "unseen"    // what nobody watches can be the cause, what is fine hardly
	RuleOn       Rule = "on"        // what sits on a dead host is dead
	RuleChange   Rule = "change"    // what changed just before is likelier
	RuleOverload Rule = "overload"  // a client that sends far more than ever can be the cause
	RuleResource Rule = "resource"  // a resource that runs out is nobody else's failure
	RuleTwo      Rule = "alongside" // what the first explains needs no second
)

// Rules are all rules, in the order of the documentation.
func Rules() []Rule {
	return []Rule{
		RuleReach, RuleOwn, RulePaged, RuleWitness, RuleClients, RuleOrder, RulePool, RuleUnseen,
		RuleOn, RuleChange, RuleOverload, RuleResource, RuleTwo,
	}
}

// Weights are the numbers in the rules.
type Weights struct {
	// Fade is what share of a server's trouble reaches a client, FadeOn what
	// share of a host's reaches what sits on it, Far what share of trouble that
	// came from further away goes on. All are below 1.
	Fade, FadeOn, Far float64
	// Own is what a component's own trouble counts beside that of what needs it.
	Own float64
	// Paged is what it counts that what people were called for needs a component, by
	// whatever way.
	Paged float64
	// Witness is what the word of a single witness counts.
	Witness float64
	// Unsure is what passes through a component of which nothing is known.
	Unsure float64
	// Later is what is left of an explanation by what surely came later.
	Later float64
	// Silent is what it costs a component that it has no alert, if that is not
	// known to say anything.
	Silent float64
	// Overload is what share of a client's overload reaches the server.
	Overload float64
	// Change is what a change just before counts.
	Change float64
	// Sibling is what each of up to two other members of its pool costs that is in
	// trouble, too, and not by it.
	Sibling float64
	// Two is what a cause loses of what the first one explains as well.
	Two float64
}

// DefaultWeights are round numbers in the middle of the range in which the score
// on incidents hardly moves; see docs/trouble.md.
func DefaultWeights() Weights {
	return Weights{
		Fade: .7, FadeOn: .98, Far: .95, Own: 1.2, Paged: .6, Witness: .4, Unsure: .5, Later: .25,
		Silent: .2, Overload: .8, Change: .3, Sibling: .2, Two: .4,
	}
}

// Ranker ranks the likely causes of incidents. The zero value has no weights: take
// [NewRanker]. It may be used by many at once.
type Ranker struct {
	Weights Weights
	// Without are rules that are left out, to see what they are good for.
	Without []Rule
}

// NewRanker is a ranker with all rules and the default weights.
func NewRanker() *Ranker { return &Ranker{Weights: DefaultWeights()} }

func (r *Ranker) off(rule Rule) bool { return slices.Contains(r.Without, rule) }

// Limits of what is looked at and told.
const (
	mostExact  = 96 // candidates that are judged one by one
	mostCauses = 20 // causes that are returned
)

// candidate is a component that may be the cause.
type candidate struct {
	at      int32
	score   float64
	alone   float64 // the score before what the first explains was taken off
	explain []share // of the symptoms that it reaches, itself not included
	clients breadth
	later   int // symptoms that surely came before it
	first   int // symptoms that surely came after it
}

// share is how much of a symptom a candidate explains.
type share struct {
	symptom int32
	much    float64 // 0 to 1, of the symptom
}

// breadth is how many of the clients that would notice are in trouble.
type breadth struct{ bad, clear, unsure int }

// Rank orders what is likely behind an incident, the likeliest first. It takes
// time in proportion to the graph, and at most 96 walks through it, however
// many alerts there are. Equal scores are equal: their order is that of the alerts
// and the graph, and means nothing.
func (r *Ranker) Rank(g *Graph, in *Incident) Ranking {
	e := r.gather(g, in)
	if len(e.troubled) == 0 {
		return Ranking{Unsure: "nothing is in trouble"}
	}
	s := e.steps()
	w := newWalker(e, s)
	var all []candidate
	for _, c := range e.candidates(s) {
		all = append(all, e.judge(w, c))
	}
	slices.SortStableFunc(all, byScore)
	e.alongside(all)
	return e.tell(w, all[:min(len(all), mostCauses)])
}

func byScore(a, b candidate) int { return cmp.Compare(b.score, a.score) }

// candidates are what is in trouble, and what the trouble could come from: the
// most promising ones by a sum that is quickly made.
func (e *evidence) candidates(s spread) []int32 {
	mass := e.mass(s)
	list := make([]int32, 0, len(e.troubled))
	for i := range mass {
		if mass[i] > 0 && (e.state[i] == bad || !e.r.off(RuleUnseen)) {
			list = append(list, int32(i))
		}
	}
	if len(list) <= mostExact {
		return list
	}
	slices.SortStableFunc(list, func(a, b int32) int { return cmp.Compare(mass[b], mass[a]) })
	return list[:mostExact]
}

// mass is an upper bound, for most components a rough one, of what each could
// explain: symptoms flow back to where they may come from, some steps far.
func (e *evidence) mass(s spread) []float64 {
	const rounds = 4
	mass := make([]float64, len(s))
	flow := make([]float64, len(s))
	for _, i := range e.troubled {
		mass[i] = e.r.Weights.Own*e.own[i] + .001
		flow[i] = e.symptom[i]
	}
	for range rounds {
		next := make([]float64, len(s))
		for i := range s {
			for _, st := range s[i] {
				next[i] += st.first * flow[st.to]
			}
		}
		for i := range next {
			mass[i] += next[i] * e.wide(int32(i), e.breadth(int32(i)))
			flow[i] = min(next[i], e.total) * e.pass(int32(i))
		}
	}
	return mass
}

// judge scores one candidate.
func (e *evidence) judge(w *walker, at int32) candidate {
	c := candidate{at: at, clients: e.breadth(at)}
	covered := 0.0
	w.walk(at)
	if !e.r.off(RuleReach) {
		covered = e.covered(w, &c)
	}
	covered *= e.wide(at, c.clients)
	c.alone = round(covered + e.itself(at) + e.changed(at, covered) - e.siblings(w, at))
	c.score = c.alone
	return c
}

// round drops what sums in another order would make of a score.
func round(x float64) float64 { return math.Round(x*1e9) / 1e9 }

// covered is how much of the symptoms a candidate explains.
func (e *evidence) covered(w *walker, c *candidate) (sum float64) {
	for _, i := range e.troubled {
		if i == c.at || w.force[i] == 0 {
			continue
		}
		much := w.force[i] * e.inTime(c, i)
		if e.full[i] && !e.r.off(RuleResource) {
			much *= .4
		}
		c.explain = append(c.explain, share{i, much})
		sum += much * e.symptom[i]
		if e.paged[i] && w.force[i] >= reached {
			sum += e.r.Weights.Paged
		}
	}
	return sum
}

// inTime is what the order of two onsets leaves of an explanation.
func (e *evidence) inTime(c *candidate, symptom int32) float64 {
	mine, its := e.onset[c.at], e.onset[symptom]
	switch {
	case e.r.off(RuleOrder):
	case its.Before(mine):
		c.later++
		return e.r.Weights.Later
	case mine.Before(its):
		c.first++
		return 1.1
	}
	return 1
}

// itself is what a component's own state says of it.
func (e *evidence) itself(i int32) float64 {
	w := &e.r.Weights
	switch e.state[i] {
	case bad:
		if e.r.off(RuleOwn) {
			return 0
		}
		own := w.Own * e.own[i]
		if e.full[i] && !e.r.off(RuleResource) {
			own *= 1.2
		}
		return own * (1 - .5*e.load[i])
	case fine:
		return -3 * w.Silent
	case unwatched:
		return -.8 * w.Silent
	case blind:
		return -.4 * w.Silent
	case unsure:
	}
	return -w.Silent
}

// siblings is what it costs a member of a pool that others of it are bad which it
// doesn't reach: that several go bad at once by themselves is less likely than that
// they share what is bad.
func (e *evidence) siblings(w *walker, i int32) float64 {
	pool := e.g.At(i).Pool
	if pool == "" || e.badMembers[pool] < 2 || e.state[i] != bad || e.r.off(RulePool) {
		return 0
	}
	others := 0
	for _, t := range e.troubled {
		if t != i && e.g.At(t).Pool == pool && w.force[t] < reached {
			others++
		}
	}
	return e.r.Weights.Sibling * float64(min(2, others))
}

// changed is what a change just before adds to what explains something.
func (e *evidence) changed(i int32, covered float64) float64 {
	if _, ok := e.changes[i]; !ok || covered <= 0 && e.own[i] == 0 {
		return 0
	}
	return e.r.Weights.Change
}

// breadth counts the clients of a component that would notice if it failed.
func (e *evidence) breadth(i int32) (b breadth) {
	for _, a := range e.g.ClientsOf(i) {
		switch {
		case e.g.Edge(a.Edge).Idle:
		case e.state[a.To] == bad:
			b.bad++
		case e.share(a.To, i) < 1:
		case e.state[a.To] == fine:
			b.clear++
		case e.state[a.To] == unsure:
			b.unsure++
		}
	}
	return b
}

// wide is what is left of what a component explains, by how many of its clients are
// in trouble. Half are enough for one that is in trouble itself; one that has no
// alert has nothing but its clients to speak for it.
func (e *evidence) wide(i int32, b breadth) float64 {
	if e.r.off(RuleClients) {
		return 1
	}
	part := b.part()
	if e.state[i] == bad {
		part *= 2
	}
	if e.state[i] == fine && !e.r.off(RuleUnseen) {
		part *= .4
	}
	return min(1, part)
}

// part is the share of clients in trouble, one more of them not counted.
func (b breadth) part() float64 {
	return (float64(b.bad) + 1) / (float64(b.bad+b.clear) + .5*float64(b.unsure) + 1)
}

// behind is how far, as a share of the first one's score, a cause must be behind it
// to lose all that it has in common with it.
const behind = .1

// alongside takes from all but the first what that one explains as well, so that
// a second fault of the same incident comes before the first one's symptoms. What is
// about as good as the first loses nothing: it isn't known which of them is it.
func (e *evidence) alongside(all []candidate) {
	if len(all) < 3 || e.r.off(RuleTwo) {
		return
	}
	explained := map[int32]float64{all[0].at: 1}
	for _, s := range all[0].explain {
		explained[s.symptom] = min(1, s.much)
	}
	rest := all[1:]
	for i := range rest {
		c := &rest[i]
		lost := 0.0
		for _, s := range c.explain {
			lost += s.much * explained[s.symptom] * e.symptom[s.symptom]
		}
		lost = lost*e.wide(c.at, c.clients) + explained[c.at]*max(0, e.itself(c.at))
		apart := min(1, max(0, all[0].alone-c.alone)/(behind*max(all[0].alone, 1e-9)))
		c.score = round(c.alone - apart*e.r.Weights.Two*lost)
	}
	slices.SortStableFunc(rest, byScore)
}
