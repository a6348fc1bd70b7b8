package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/devops-trouble-map/dotm/trouble"
	"github.com/devops-trouble-map/dotm/trouble/casefile"
)

// real are the incidents of a real application.
type real struct {
	graphs map[string]*trouble.Graph
	cases  []casefile.Case
}

// scenarios are those of the PetShop incidents.
var scenarios = []string{"low_traffic", "high_traffic"}

// loadReal reads the incidents from a folder.
func loadReal(dir string) (*real, error) {
	r := &real{graphs: map[string]*trouble.Graph{}}
	for _, s := range scenarios {
		g, err := load(filepath.Join(dir, "petshop-"+s+".edges.tsv"), casefile.Graph)
		if err != nil {
			return nil, err
		}
		r.graphs[s] = g
	}
	var err error
	r.cases, err = load(filepath.Join(dir, "petshop-incidents.json"), casefile.Incidents)
	return r, err
}

func load[T any](name string, read func(io.Reader) (T, error)) (out T, err error) {
	f, err := os.Open(name)
	if err != nil {
		return out, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if out, err = read(f); err != nil {
		return out, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

// score ranks the incidents that a filter lets through; nil lets all.
func (r *real) score(ranker *trouble.Ranker, keep func(*casefile.Case) bool) score {
	var s score
	for i := range r.cases {
		c := &r.cases[i]
		if keep != nil && !keep(c) {
			continue
		}
		g := r.graphs[c.Scenario]
		s.add(ranker.Rank(g, c.Incident(g)), c.Truth)
	}
	return s
}

// shuffled scores the same incidents on graphs of the same shape in which the
// components have changed places, over some rounds. What is left of the score
// then is owed to the alerts alone.
func (r *real) shuffled(ranker *trouble.Ranker, rounds int) (score, error) {
	var s score
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same every time, on purpose
	for range rounds {
		other := &real{graphs: map[string]*trouble.Graph{}, cases: r.cases}
		for _, name := range scenarios {
			g, err := shuffle(r.graphs[name], rnd)
			if err != nil {
				return s, err
			}
			other.graphs[name] = g
		}
		s.join(other.score(ranker, nil))
	}
	return s, nil
}

// shuffle is a graph of the same shape whose components have each other's names.
func shuffle(g *trouble.Graph, rnd *rand.Rand) (*trouble.Graph, error) {
	all := g.Components()
	other := make(map[string]string, len(all))
	for i, j := range rnd.Perm(len(all)) {
		other[all[i].ID] = all[j].ID
	}
	return renamed(g, other)
}

// renamed is a graph with other names; what is missing keeps its own.
func renamed(g *trouble.Graph, other map[string]string) (*trouble.Graph, error) {
	name := func(id string) string {
		if to, ok := other[id]; ok {
			return to
		}
		return id
	}
	components, edges := g.Components(), g.Edges()
	for i := range components {
		components[i].ID = name(components[i].ID)
	}
	for i := range edges {
		edges[i].Client, edges[i].Server = name(edges[i].Client), name(edges[i].Server)
	}
	return trouble.NewGraph(components, edges)
}

// grid are the weights that cross-validation chooses from.
func grid() []trouble.Weights {
	out := make([]trouble.Weights, 0, 96)
	for _, fade := range []float64{.5, .6, .7, .8} {
		for _, far := range []float64{.85, .95} {
			for _, own := range []float64{.8, 1.2, 1.6} {
				for _, witness := range []float64{.2, .4, .6, .8} {
					w := trouble.DefaultWeights()
					w.Fade, w.Far, w.Own, w.Witness = fade, far, own, witness
					out = append(out, w)
				}
			}
		}
	}
	return out
}

// trial is how each incident is ranked with each set of weights of the grid.
type trial struct {
	cases  []casefile.Case
	scores [][]score // by weights, then incident
}

func (r *real) try() *trial {
	t := &trial{cases: r.cases}
	for _, w := range grid() {
		ranker := &trouble.Ranker{Weights: w}
		scores := make([]score, len(r.cases))
		for i := range r.cases {
			g := r.graphs[r.cases[i].Scenario]
			scores[i].add(ranker.Rank(g, r.cases[i].Incident(g)), r.cases[i].Truth)
		}
		t.scores = append(t.scores, scores)
	}
	return t
}

// sum adds up what a set of weights makes of the incidents that a filter lets
// through.
func (t *trial) sum(weights int, keep func(*casefile.Case) bool) (s score) {
	for i := range t.cases {
		if keep(&t.cases[i]) {
			s.join(t.scores[weights][i])
		}
	}
	return s
}

// crossValidate scores each part of the incidents with the weights that are best on
// all other parts; a key names the part.
func (t *trial) crossValidate(key func(*casefile.Case) string) score {
	var parts []string
	for i := range t.cases {
		if k := key(&t.cases[i]); !slices.Contains(parts, k) {
			parts = append(parts, k)
		}
	}
	var all score
	for _, left := range parts {
		best := t.best(func(c *casefile.Case) bool { return key(c) != left })
		all.join(t.sum(best, func(c *casefile.Case) bool { return key(c) == left }))
	}
	return all
}

// best is the set of weights that does best on some incidents. Of those that are
// equally good it is the one in their middle: one at the border is there by chance.
func (t *trial) best(keep func(*casefile.Case) bool) int {
	var ties []int
	most := -1.0
	for i := range t.scores {
		s := t.sum(i, keep)
		v := s.top1() + s.top3()
		if v > most+1e-9 {
			most, ties = v, ties[:0]
		}
		if v > most-1e-9 {
			ties = append(ties, i)
		}
	}
	return ties[len(ties)/2]
}

// ends are the scores of the worst weights and the best, on all incidents.
func (t *trial) ends() (lo, hi score) {
	for i := range t.scores {
		s := t.sum(i, func(*casefile.Case) bool { return true })
		if i == 0 || s.top1() < lo.top1() {
			lo = s
		}
		if s.top1() > hi.top1() {
			hi = s
		}
	}
	return lo, hi
}
