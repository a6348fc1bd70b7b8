package main

import (
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/devops-trouble-map/dotm/trouble"
	"github.com/devops-trouble-map/dotm/trouble/casefile"
)

// measured is an incident of a made-up application of which nothing is known but
// calls and figures, as in the files that dotm why reads.
type measured struct {
	graph *trouble.Graph
	c     casefile.Case
}

// app is a made-up application: layers of services, the first of which people
// look at, some with a database of their own.
type app struct {
	clients map[int][]int // by server
	order   []int         // in which components were met
	edges   []trouble.Edge
}

func makeApp(rnd *rand.Rand) *app {
	a := &app{clients: map[int][]int{}}
	depth := 2 + rnd.IntN(3)
	layers := append(make([][]int, 0, depth+1), []int{0})
	n := 1
	for range depth {
		width := 3 + rnd.IntN(6)
		layer := make([]int, 0, width)
		for range width {
			last := layers[len(layers)-1]
			a.call(last[rnd.IntN(len(last))], n)
			for rnd.Float64() < .35 {
				l := layers[rnd.IntN(len(layers))]
				a.call(l[rnd.IntN(len(l))], n)
			}
			layer = append(layer, n)
			n++
		}
		layers = append(layers, layer)
	}
	for i := 1; i < n; i++ {
		if rnd.Float64() < .3 {
			a.call(i, n+i)
		}
	}
	return a
}

func (a *app) call(client, server int) {
	for _, c := range a.clients[server] {
		if c == client {
			return
		}
	}
	if len(a.clients[server]) == 0 {
		a.order = append(a.order, server)
	}
	a.clients[server] = append(a.clients[server], client)
	a.edges = append(a.edges, trouble.Edge{Client: strconv.Itoa(client), Server: strconv.Itoa(server)})
}

// measure puts a fault into an application. Figures grow or fall from server to
// client by chance, one in five clients doesn't notice, 15 % of the alerts are
// missing, and up to five have nothing to do with it.
func measure(rnd *rand.Rand) (*measured, bool, error) {
	a := makeApp(rnd)
	cause := a.order[rnd.IntN(len(a.order))]
	z := map[int]float64{cause: math.Exp(4 + .9*rnd.NormFloat64())}
	reached := map[int]bool{cause: true}
	for ring := []int{cause}; len(ring) > 0; ring = ring[1:] {
		for _, c := range a.clients[ring[0]] {
			if rnd.Float64() < .2 {
				continue
			}
			z[c] = max(z[c], z[ring[0]]*math.Exp(.9*rnd.NormFloat64()-.5))
			if !reached[c] {
				reached[c] = true
				ring = append(ring, c)
			}
		}
	}
	for range rnd.IntN(6) {
		i := a.order[rnd.IntN(len(a.order))]
		z[i] = max(z[i], casefile.Limit*math.Exp(.6*math.Abs(rnd.NormFloat64())))
	}
	m := &measured{c: casefile.Case{Target: "0", Metric: "latency", Truth: strconv.Itoa(cause)}}
	for _, i := range append([]int{0}, a.order...) {
		if z[i] > casefile.Limit && rnd.Float64() >= .15 {
			m.c.Alerts = append(m.c.Alerts, casefile.Figure{Component: strconv.Itoa(i), Z: z[i]})
		}
	}
	var err error
	m.graph, err = trouble.NewGraph(nil, a.edges)
	return m, len(m.c.Alerts) > 0, err
}

// scoreMeasured ranks n such incidents.
func scoreMeasured(ranker *trouble.Ranker, seed uint64, n int) (score, error) {
	var s score
	rnd := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // the same every time, on purpose
	for s.n < n {
		m, ok, err := measure(rnd)
		if err != nil {
			return s, err
		}
		if ok {
			s.add(ranker.Rank(m.graph, m.c.Incident(m.graph)), m.c.Truth)
		}
	}
	return s, nil
}
