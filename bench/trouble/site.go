package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/devops-trouble-map/dotm/trouble"
)

// site is a made-up site. What is true of it beyond what the ranker gets to know is
// in part.
type site struct {
	parts []part
	needs []need
	uses  map[int][]int // needs by client
	used  map[int][]int // needs by server
	// hosts, racks and services are indexes of parts.
	hosts, racks, services, databases []int
}

// part is one component and who stands in for it.
type part struct {
	id   string
	kind trouble.Kind
	pool string
	host int // of a service, else -1
}

// need is one edge. Only the ranker's view of it is told: not whether the client
// can do without.
type need struct {
	client, server int
	kind           trouble.EdgeKind
	vital          bool
	idle           bool
	load           float64
	since          time.Time
	failed, follow int
}

// makeSite makes a site: racks of hosts; pools of web and application services,
// databases with or without a stand-in, caches, a resolver and a log collector
// that all use, and a balancer before the web.
func makeSite(rnd *rand.Rand) *site {
	s := &site{uses: map[int][]int{}, used: map[int][]int{}}
	for range 2 + rnd.IntN(3) {
		s.racks = append(s.racks, s.part(trouble.Place, "", -1))
	}
	for i := range 24 + rnd.IntN(50) {
		h := s.part(trouble.Node, "", -1)
		s.hosts = append(s.hosts, h)
		s.need(need{client: h, server: s.racks[i%len(s.racks)], kind: trouble.On, vital: true})
	}
	resolver := s.pool(rnd, 1+rnd.IntN(2))
	logs := s.pool(rnd, 1)
	databases, products := 3+rnd.IntN(5), 5+rnd.IntN(8)
	apps, stores := make([][]int, 0, products), make([][]int, 0, databases)
	for range databases {
		stores = append(stores, s.pool(rnd, 1+rnd.IntN(4)/3))
		s.databases = append(s.databases, stores[len(stores)-1]...)
	}
	for range products {
		app := s.pool(rnd, 1+rnd.IntN(3))
		for range 1 + rnd.IntN(2) {
			s.call(rnd, app, stores[rnd.IntN(len(stores))], .95)
		}
		for len(apps) > 0 && rnd.Float64() < .45 {
			s.call(rnd, app, apps[rnd.IntN(len(apps))], .9)
			break
		}
		apps = append(apps, app)
	}
	for range 2 + rnd.IntN(3) {
		web := s.pool(rnd, 2+rnd.IntN(3))
		for range 1 + rnd.IntN(3) {
			s.call(rnd, web, apps[rnd.IntN(len(apps))], .9)
		}
		s.call(rnd, s.pool(rnd, 1), web, 1)
	}
	s.everybody(rnd, resolver, logs)
	s.pasts(rnd)
	return s
}

func (s *site) part(kind trouble.Kind, pool string, host int) int {
	i := len(s.parts)
	s.parts = append(s.parts, part{id: fmt.Sprintf("n%d", i), kind: kind, pool: pool, host: host})
	return i
}

func (s *site) need(n need) {
	for _, i := range s.uses[n.client] {
		if s.needs[i].server == n.server {
			return
		}
	}
	s.uses[n.client] = append(s.uses[n.client], len(s.needs))
	s.used[n.server] = append(s.used[n.server], len(s.needs))
	s.needs = append(s.needs, n)
}

// pool makes n services that do the same, on different hosts.
func (s *site) pool(rnd *rand.Rand, n int) []int {
	name := ""
	if n > 1 {
		name = fmt.Sprintf("p%d", len(s.parts))
	}
	first := rnd.IntN(len(s.hosts))
	out := make([]int, 0, n)
	for i := range n {
		host := s.hosts[(first+i)%len(s.hosts)]
		svc := s.part(trouble.Service, name, host)
		s.need(need{client: svc, server: host, kind: trouble.On, vital: true})
		s.services = append(s.services, svc)
		out = append(out, svc)
	}
	return out
}

// call connects all of one pool with all of another; some clients are bound to one
// member. An edge that the clients can do without is idle half of the time.
func (s *site) call(rnd *rand.Rand, clients, servers []int, vital float64) {
	needed := rnd.Float64() < vital
	idle := !needed && rnd.Float64() < .5
	bound := len(servers) > 1 && rnd.Float64() < .15
	for i, c := range clients {
		to := servers
		if bound {
			to = servers[i%len(servers) : i%len(servers)+1]
		}
		for _, server := range to {
			s.need(need{client: c, server: server, kind: trouble.Calls, vital: needed, idle: idle})
		}
	}
}

// everybody uses the resolver, which some remember the answers of, and sends what
// happens to the collector, which nobody needs.
func (s *site) everybody(rnd *rand.Rand, resolver, logs []int) {
	for _, svc := range s.services {
		if svc == logs[0] || svc == resolver[0] || svc == resolver[len(resolver)-1] {
			continue
		}
		for _, r := range resolver {
			s.need(need{client: svc, server: r, kind: trouble.Calls, vital: rnd.Float64() < .8})
		}
		s.need(need{client: svc, server: logs[0], kind: trouble.Calls, follow: 0, failed: 3})
	}
}

// pasts says of some edges what followed when their server failed before.
func (s *site) pasts(rnd *rand.Rand) {
	for i := range s.needs {
		n := &s.needs[i]
		if n.kind != trouble.Calls || n.failed > 0 || rnd.Float64() > .3 {
			continue
		}
		n.failed = 1 + rnd.IntN(3)
		if n.vital {
			n.follow = n.failed
		}
	}
}

// graph is the site as the ranker gets to know it.
func (s *site) graph() (*trouble.Graph, error) {
	components := make([]trouble.Component, 0, len(s.parts))
	for _, p := range s.parts {
		components = append(components, trouble.Component{ID: p.id, Kind: p.kind, Pool: p.pool})
	}
	edges := make([]trouble.Edge, 0, len(s.needs))
	for _, n := range s.needs {
		edges = append(edges, trouble.Edge{
			Client: s.parts[n.client].id, Server: s.parts[n.server].id, Kind: n.kind,
			Load: n.load, LoadSince: n.since, Idle: n.idle, Failed: n.failed, Followed: n.follow,
		})
	}
	return trouble.NewGraph(components, edges)
}
