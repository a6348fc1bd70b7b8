package grouping

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/devops-trouble-map/dotm/topology"
)

// truth is what a generated site is made of: the pool and group of each node by
// a name of its own, and the hubs.
type truth struct {
	pool, group map[string]string
	hub         map[string]bool
}

// software is what a role of a product runs; products share it.
type software struct{ process, port string }

var (
	fronts  = []software{{"haproxy", "443"}, {"envoy", "443"}}
	webs    = []software{{"nginx", "80"}, {"apache2", "80"}, {"caddy", "8000"}}
	apps    = []software{{"java", "8080"}, {"gunicorn", "8000"}, {"node", "3000"}, {"beam.smp", "4000"}}
	workers = []software{{"sidekiq", ""}, {"celery", ""}, {"resque", ""}}
	stores  = []software{{"postgres", "5432"}, {"mysqld", "3306"}, {"mongod", "27017"}}
	caches  = []software{{"redis-server", "6379"}, {"memcached", "11211"}}
	queues  = []software{{"rabbitmq", "5672"}, {"nats-server", "4222"}}
	others  = []software{{"elasticsearch", "9200"}, {"minio", "9000"}, {"vault", "8200"}, {"billingd", "7001"}, {"indexd", "7002"}, {"mediad", "7003"}}
)

// generator makes sites that nobody drew, with what is known of them.
type generator struct {
	*plan
	want  truth
	rnd   *rand.Rand
	style int // of names
	count int
}

// generate makes a site of about n hosts. The same seed makes the same site.
func generate(seed uint64, n int) (*plan, truth) {
	g := &generator{newPlan(), truth{map[string]string{}, map[string]string{}, map[string]bool{}}, rand.New(rand.NewPCG(seed, 7)), 0, 0}
	g.style = g.rnd.IntN(3)
	g.host(topology.InternetName)
	var products [][][]string
	for len(g.blocks) < n*9/10 {
		products = append(products, g.product(len(products), max(2, n/60)))
	}
	g.strays(products)
	g.infrastructure(max(1, n/50))
	return g.plan, g.want
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// pool adds hosts of one role.
func (g *generator) pool(product, role string, n int, s software) []string {
	var out []string
	for range n {
		g.count++
		var name string
		switch g.style {
		case 0:
			name = fmt.Sprintf("%s-%s%02d.example.net", product, role, len(out)+1)
		case 1: // all products have one scheme
			name = fmt.Sprintf("%s%03d", role, g.count)
		default:
			name = fmt.Sprintf("ip-10-%d-%d-%d", g.rnd.IntN(100), g.count/250, g.count%250)
		}
		services := []string{"sshd:22", "node_exporter:9100", "zorpd:4999"}
		if s.port != "" {
			services = append(services, s.process+":"+s.port)
		}
		if g.rnd.IntN(30) == 0 { // an odd one
			services = append(services, "oddd:12345")
		}
		g.host(name, services...)
		g.want.pool[name], g.want.group[name] = product+"/"+role, product
		out = append(out, name)
	}
	return out
}

// wire makes a pool call another in one of the ways that load is spread, and
// forgets a call here and there.
func (g *generator) wire(from []string, process string, to []string, port string) {
	way := g.rnd.IntN(4)
	for i, f := range from {
		one, two := i%len(to), g.rnd.IntN(len(to))
		for k, t := range to {
			switch {
			case way == 3 && len(from) >= len(to) && k != one && k != two: // two of them, which stay
				continue
			case way == 1 && len(to) > 4 && g.rnd.IntN(2) == 0: // half of them
				continue
			case way == 2 && len(to) > 6 && (g.rnd.IntN(len(to)) > 3 && k > 0): // some of many
				continue
			case g.rnd.IntN(50) == 0 && len(to) > 1:
				continue
			}
			g.call(f, process, t, port)
		}
	}
}

// product adds one, of some of the usual roles.
func (g *generator) product(k, size int) [][]string {
	name := "prod" + string(rune('a'+k%26)) + string(rune('a'+k/26))
	n := func(few int) int { return few + g.rnd.IntN(max(1, size)) }
	web, app, store := pick(g.rnd, webs), pick(g.rnd, apps), pick(g.rnd, stores)
	webNodes, appNodes := g.pool(name, "web", n(2), web), g.pool(name, "app", n(2), app)
	storeNodes := g.pool(name, "db", 1+g.rnd.IntN(3), store)
	pools := [][]string{webNodes, appNodes, storeNodes}
	if g.rnd.IntN(3) > 0 {
		front := pick(g.rnd, fronts)
		lb := g.pool(name, "lb", 2, front)
		g.wire(lb, front.process, webNodes, web.port)
		g.wire([]string{topology.InternetName}, "", lb, front.port)
		pools = append(pools, lb)
	} else {
		g.wire([]string{topology.InternetName}, "", webNodes, web.port)
	}
	g.wire(webNodes, web.process, appNodes, app.port)
	g.wire(appNodes, app.process, storeNodes, store.port)
	if g.rnd.IntN(2) == 0 {
		s := pick(g.rnd, caches)
		nodes := g.pool(name, "cache", 1+g.rnd.IntN(4), s)
		g.wire(appNodes, app.process, nodes, s.port)
		pools = append(pools, nodes)
	}
	if g.rnd.IntN(2) == 0 {
		q, w := pick(g.rnd, queues), pick(g.rnd, workers)
		queue, work := g.pool(name, "mq", 1+g.rnd.IntN(3), q), g.pool(name, "worker", n(2), w)
		g.wire(appNodes, app.process, queue, q.port)
		g.wire(work, w.process, queue, q.port)
		g.wire(work, w.process, storeNodes, store.port)
		pools = append(pools, queue, work)
	}
	if g.rnd.IntN(3) == 0 {
		s := pick(g.rnd, others)
		nodes := g.pool(name, s.process, n(1), s)
		g.wire(appNodes, app.process, nodes, s.port)
		pools = append(pools, nodes)
	}
	return pools
}

// strays are calls between products: a pool of one calls the web of another,
// and single hosts call what they shouldn't.
func (g *generator) strays(products [][][]string) {
	for i := range products {
		if len(products) < 2 {
			return
		}
		j := (i + 1 + g.rnd.IntN(len(products)-1)) % len(products)
		if g.rnd.IntN(2) == 0 {
			port := "80"
			for _, s := range g.blocks[products[j][0][0]].Services {
				if s.Port != 22 && s.Port != 9100 && s.Port != 4999 && s.Port != 12345 {
					port = fmt.Sprint(s.Port)
				}
			}
			for _, f := range products[i][1] {
				g.call(f, "java", pick(g.rnd, products[j][0]), port)
			}
		}
		from, to := pick(g.rnd, products[i]), products[j][2]
		g.call(pick(g.rnd, from), "psql", pick(g.rnd, to), "5432")
	}
}

// infrastructure adds hubs of software that has no name: per kind some hosts that
// share the load, and one that looks at all.
func (g *generator) infrastructure(n int) {
	hosts := g.names()
	hub := func(role string, n int, s software) []string {
		nodes := g.pool("infra", role, n, s)
		for _, h := range nodes {
			g.want.hub[h] = true
			delete(g.want.group, h)
		}
		return nodes
	}
	kinds := [][]string{
		hub("naming", n, software{"namesd", "1053"}), hub("logs", n, software{"logsd", "6044"}),
		hub("config", n, software{"confd", "9140"}),
	}
	watch := hub("watch", 1, software{"watchd", "9090"})
	for _, h := range hosts {
		if h == topology.InternetName {
			continue
		}
		for k, nodes := range kinds {
			if g.rnd.IntN(40) > 0 {
				g.call(h, "agent"+fmt.Sprint(k), pick(g.rnd, nodes), []string{"1053", "6044", "9140"}[k])
			}
		}
		g.call(watch[0], "watchd", h, "9100")
	}
}

// figures are how well roles meet the truth, over pairs of nodes.
type figures struct {
	poolPrecision, poolRecall, groupPrecision, groupRecall float64
	hubsMissed, hubsWrong                                  int
}

func (f figures) String() string {
	return fmt.Sprintf("pools %.3f/%.3f groups %.3f/%.3f hubs missed %d wrong %d", f.poolPrecision, f.poolRecall, f.groupPrecision, f.groupRecall, f.hubsMissed, f.hubsWrong)
}

func measure(r *Roles, t truth) (f figures) {
	names := make([]string, 0, len(t.pool))
	for n := range t.pool {
		names = append(names, n)
	}
	slices.Sort(names)
	f.poolPrecision, f.poolRecall = pairs(names, t.pool, func(n string) string {
		if p := r.PoolOf(n); p != nil {
			return p.ID
		}
		return ""
	})
	f.groupPrecision, f.groupRecall = pairs(names, t.group, r.GroupOf)
	for _, n := range names {
		switch {
		case t.hub[n] && !r.IsShared(n):
			f.hubsMissed++
		case !t.hub[n] && r.IsShared(n):
			f.hubsWrong++
		}
	}
	return f
}

// pairs compares two divisions: of the pairs that are together in the one that
// was found, how many are in truth, and the other way round.
func pairs(names []string, want map[string]string, got func(string) string) (precision, recall float64) {
	found, real, both := 0, 0, 0
	for i, a := range names {
		for _, b := range names[:i] {
			x, y := got(a) != "" && got(a) == got(b), want[a] != "" && want[a] == want[b]
			if x {
				found++
			}
			if y {
				real++
			}
			if x && y {
				both++
			}
		}
	}
	return float64(both) / float64(max(1, found)), float64(both) / float64(max(1, real))
}
