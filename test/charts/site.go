// Package charts makes graphs for the tests and benchmarks of package layout:
// sites that look like real ones, and small graphs that are written down.
package charts

import (
	"fmt"
	"math/rand/v2"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// site generates graphs that look like real sites: products of tiers from load
// balancer to database, and a few calls between products. The same seed gives
// the same site.
type site struct {
	rnd   *rand.Rand
	graph graph.Graph
	tiers map[string][]string // boxes by product and tier
	rows  map[string]int      // rows by box
	joint map[[2]string]bool  // pairs that have an edge
}

const (
	boxWidth  = 152
	boxHead   = 32
	rowHeight = 24
)

func newSite(seed uint64) *site {
	return &site{
		rnd:   rand.New(rand.NewPCG(seed, 48)),
		tiers: make(map[string][]string),
		rows:  make(map[string]int),
		joint: make(map[[2]string]bool),
	}
}

// add adds a box with that many rows of services.
func (s *site) add(id, tier string, rows int, side graph.Side) {
	s.graph.Boxes = append(s.graph.Boxes, graph.Box{
		ID: id, W: boxWidth, H: boxHead + float64(rows)*rowHeight, Side: side,
	})
	s.tiers[tier] = append(s.tiers[tier], id)
	s.rows[id] = rows
}

// call adds an edge to one of the server's rows, unless there is one already.
func (s *site) call(from, to string) {
	if from == to || s.joint[[2]string{from, to}] {
		return
	}
	s.joint[[2]string{from, to}] = true
	s.graph.Edges = append(s.graph.Edges, graph.Edge{
		From: from, To: to,
		FromY:  s.row(from),
		ToY:    s.row(to),
		Weight: float64(1 + s.rnd.IntN(200)),
	})
}

func (s *site) row(id string) float64 {
	return boxHead + (float64(s.rnd.IntN(s.rows[id]))+0.5)*rowHeight
}

// some calls n servers of a tier from id.
func (s *site) some(id, tier string, n int) {
	servers := s.tiers[tier]
	for range n {
		s.call(id, servers[s.rnd.IntN(len(servers))])
	}
}

// backends are the tiers behind an application and how many hosts each has.
var backends = []struct {
	name  string
	hosts int
}{{"db", 6}, {"cache", 4}, {"queue", 3}, {"search", 2}}

// Hosts makes a site of exactly that many boxes (hosts and Internet)
// and edges, in products of about 50 hosts.
func Hosts(seed uint64, boxes, edges int) *graph.Graph {
	s := newSite(seed)
	s.add("internet", "internet", 2, graph.Entry)
	products := max(1, boxes/50)
	for len(s.graph.Boxes) < boxes {
		s.addHost(len(s.graph.Boxes)-1, products)
	}
	for p := range products {
		s.joinProduct(fmt.Sprintf("p%02d", p))
	}
	for len(s.graph.Edges) < edges {
		p := fmt.Sprintf("p%02d", s.rnd.IntN(products))
		if s.rnd.IntN(40) == 0 {
			s.callOther(p, products)
			continue
		}
		s.thicken(p)
	}
	s.graph.Edges = s.graph.Edges[:edges]
	return &s.graph
}

// addHost adds the i-th host of the site: products in turn, tiers in the
// proportions of shape.
func (s *site) addHost(i, products int) {
	shape := []string{
		"app", "web", "lb", "app", "db", "cache", "web", "app", "queue", "db",
		"app", "web", "lb", "app", "cache", "search", "app", "web", "app", "db",
		"app", "web", "app", "cache", "app", "web", "app", "db", "queue", "app",
	}
	product, n := fmt.Sprintf("p%02d", i%products), i/products
	tier := product + "-" + shape[n%len(shape)]
	s.add(fmt.Sprintf("%s%02d", tier, len(s.tiers[tier])), tier, 1+s.rnd.IntN(3), graph.Inside)
}

// joinProduct makes sure that every host of a product is called.
func (s *site) joinProduct(p string) {
	for _, lb := range s.tiers[p+"-lb"] {
		s.call("internet", lb)
	}
	above := p + "-lb"
	for _, tier := range []string{p + "-web", p + "-app"} {
		for _, id := range s.tiers[tier] {
			callers := s.tiers[above]
			s.call(callers[s.rnd.IntN(len(callers))], id)
		}
		above = tier
	}
	for _, b := range backends {
		hosts := s.tiers[p+"-"+b.name]
		for i, id := range hosts {
			callers := s.tiers[p+"-app"]
			s.call(callers[s.rnd.IntN(len(callers))], id)
			if i > 0 && b.name != "cache" {
				s.call(id, hosts[0]) // replicas follow the first
			}
		}
	}
}

// thicken adds a random call between two tiers of a product.
func (s *site) thicken(p string) {
	pick := func(tier string) string {
		hosts := s.tiers[p+"-"+tier]
		return hosts[s.rnd.IntN(len(hosts))]
	}
	switch n := s.rnd.IntN(10); {
	case n < 1:
		s.call(pick("lb"), pick("web"))
	case n < 4:
		s.call(pick("web"), pick("app"))
	default:
		b := backends[s.rnd.IntN(len(backends))].name
		if len(s.tiers[p+"-"+b]) > 0 {
			s.call(pick("app"), pick(b))
		}
	}
}

// callOther adds a call from an application to another product's front: most
// often to one of the few platform products that all others build on.
func (s *site) callOther(p string, products int) {
	apps := s.tiers[p+"-app"]
	to := s.rnd.IntN(min(products, 3))
	if s.rnd.IntN(10) == 0 {
		to = s.rnd.IntN(products)
	}
	if server := fmt.Sprintf("p%02d", to); server < p {
		s.some(apps[s.rnd.IntN(len(apps))], server+"-lb", 1)
	}
}

// Pools makes a site drawn in pools: one box for each tier of a
// product.
func Pools(seed uint64, boxes, edges int) *graph.Graph {
	s := newSite(seed)
	s.add("internet", "internet", 2, graph.Entry)
	tiers := []string{"lb", "web", "app", "db", "cache", "queue", "search"}
	products := 0
	for ; len(s.graph.Boxes) < boxes; products++ {
		p := fmt.Sprintf("p%02d", products)
		for _, t := range tiers[:min(len(tiers)-products%3/2, boxes-len(s.graph.Boxes))] {
			s.add(p+"-"+t, p+"-"+t, 1+s.rnd.IntN(2), graph.Inside)
		}
		s.joinPools(p)
	}
	for products > 1 && len(s.graph.Edges) < edges {
		a, b := s.rnd.IntN(products), s.rnd.IntN(products)
		if apps := s.tiers[fmt.Sprintf("p%02d-app", a)]; len(apps) > 0 && a != b {
			s.some(apps[0], fmt.Sprintf("p%02d-lb", b), 1)
		}
	}
	return &s.graph
}

// joinPools joins the pools of a product; five products in eight are reached
// from Internet.
func (s *site) joinPools(p string) {
	chain := []string{p + "-lb", p + "-web", p + "-app"}
	if s.rnd.IntN(8) < 5 {
		s.call("internet", chain[0])
	}
	for i, tier := range chain[1:] {
		if len(s.tiers[tier]) > 0 {
			s.call(chain[i], tier)
		}
	}
	for _, b := range backends {
		if len(s.tiers[p+"-"+b.name]) > 0 {
			s.call(p+"-app", p+"-"+b.name)
		}
	}
}

// Fan makes one host that is called from Internet and calls that many
// peers, from rows of its own; two of its edges have no known direction.
func Fan(rows, peers int) *graph.Graph {
	s := newSite(1)
	s.add("internet", "internet", 3, graph.Entry)
	s.add("web01", "host", rows, graph.Inside)
	for i := range 2 {
		s.call("internet", "web01")
		s.graph.Edges[i].ToY = boxHead + (float64(i)+0.5)*rowHeight
		clear(s.joint)
	}
	for i := range peers {
		id := fmt.Sprintf("10.20.%d.%d", i/256, i%256)
		s.add(id, "peer", 1, graph.Inside)
		s.call("web01", id)
	}
	s.call("web01", "internet")
	for i := range min(2, peers) {
		s.graph.Edges[2+i].Undirected = true
	}
	return &s.graph
}
