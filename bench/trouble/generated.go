package main

import (
	"math/rand/v2"

	"github.com/devops-trouble-map/dotm/trouble"
)

// told is one generated incident, as the ranker gets to know it, with its truth.
type told struct {
	kind   fault
	graph  *trouble.Graph
	in     *trouble.Incident
	truths []string
	// hurt is what really broke or limps, the truths not included.
	hurt map[string]bool
}

// usual is how well a site is watched, if nothing else is said: a fifth of the
// alerts is missing, up to two have nothing to do with it, and one in ten sites has
// a clock that is an hour off.
var usual = blur{missing: .2, noise: 2, skewed: .1}

// generate makes n incidents of one fault, each on a site of its own. Those of which
// no alert came are left out, as nobody would open one.
func generate(seed uint64, kind fault, n int, b blur) ([]told, error) {
	rnd := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // the same every time, on purpose
	var out []told
	for len(out) < n {
		s := makeSite(rnd)
		in, ok := strike(rnd, s, kind)
		if !ok {
			continue
		}
		g, err := s.graph()
		if err != nil {
			return nil, err
		}
		t := told{kind: kind, graph: g, in: in.observe(rnd, b), hurt: in.hurt()}
		if !noticed(t.in, t.hurt) {
			continue
		}
		for _, i := range in.truths {
			t.truths = append(t.truths, s.parts[i].id)
			delete(t.hurt, s.parts[i].id)
		}
		out = append(out, t)
	}
	return out, nil
}

func noticed(in *trouble.Incident, hurt map[string]bool) bool {
	for i := range in.Alerts {
		if hurt[in.Alerts[i].Component] {
			return true
		}
	}
	return false
}

// sum is what comes of many generated incidents of one fault.
type sum struct {
	kind fault
	// cause is how the first truth is ranked; with two at once the one that is
	// ranked better. both is how often the two are the first two, or three.
	cause, both score
	impact      impact
}

// impact compares what was predicted with what really failed.
type impact struct{ hits, wrong, missed int }

func (m impact) precision() float64 { return float64(m.hits) / float64(max(1, m.hits+m.wrong)) }
func (m impact) recall() float64    { return float64(m.hits) / float64(max(1, m.hits+m.missed)) }

func (m *impact) join(o impact) {
	m.hits += o.hits
	m.wrong += o.wrong
	m.missed += o.missed
}

// sumUp ranks and predicts incidents of one fault.
func sumUp(ranker *trouble.Ranker, list []told) (sum, error) {
	var s sum
	for i := range list {
		t := &list[i]
		s.kind = t.kind
		s.rank(ranker.Rank(t.graph, t.in), t)
		if !t.kind.breaks() {
			continue // what a slow part leads to is no failure
		}
		if err := s.impact.compare(t); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *sum) rank(r trouble.Ranking, t *told) {
	best := t.truths[0]
	for _, other := range t.truths[1:] {
		if hit(r.Causes, other, 1)+hit(r.Causes, other, 3) > hit(r.Causes, best, 1)+hit(r.Causes, best, 3) {
			best = other
		}
	}
	s.cause.add(r, best)
	if len(t.truths) == 2 {
		a, b := t.truths[0], t.truths[1]
		s.both.n++
		s.both.first += min(hit(r.Causes, a, 2), hit(r.Causes, b, 2))
		s.both.three += min(hit(r.Causes, a, 3), hit(r.Causes, b, 3))
	}
}

// compare holds "what if" against what happened.
func (m *impact) compare(t *told) error {
	im, err := trouble.Predict(t.graph, t.truths, nil)
	if err != nil {
		return err
	}
	found := 0
	for _, e := range im.Predicted {
		if t.hurt[e.Component] {
			found++
		} else {
			m.wrong++
		}
	}
	m.hits += found
	m.missed += len(t.hurt) - found
	return nil
}

// counts says that the fault is in the sum of single faults: two are not one, and a
// flood is told on its own, as few sites measure the load that gives it away.
func (f fault) counts() bool { return f != twoAtOnce && f != flood }

// breaks says that the fault breaks something, and doesn't just slow it down.
func (f fault) breaks() bool { return f != slow && f != flood }
