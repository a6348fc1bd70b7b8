package site

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/devops-trouble-map/dotm/report"
)

// Tier is the role of a pool.
type Tier string

// The tiers of a product, from its clients inwards, and of what all share.
const (
	Edge   Tier = "lb"
	Web    Tier = "web"
	App    Tier = "app"
	Cache  Tier = "cache"
	DB     Tier = "db"
	Queue  Tier = "queue"
	Search Tier = "search"
	Batch  Tier = "batch"
	Shared Tier = "shared"
)

// maxProducts is how many products a site may have.
const maxProducts = 200

// productNames are those of the first products; more of them have a number.
var productNames = []string{
	"shop", "billing", "catalog", "accounts", "media", "orders", "mail", "analytics", "support", "booking",
	"stock", "shipping", "pricing", "reviews", "feeds", "ads", "chat", "docs", "loyalty", "payments",
}

func productName(i int) string {
	n := len(productNames)
	if i < n {
		return productNames[i]
	}
	return productNames[i%n] + strconv.Itoa(i/n+1)
}

// firstSlots are the tiers that the hosts of a product serve, one after the other,
// and moreSlots those of further hosts, again and again.
var (
	firstSlots = []Tier{App, DB, Web, Edge, Cache, App, Web, Queue, DB, Edge, Batch, Search, App}
	moreSlots  = []Tier{App, Web, App, Batch, App, Web, Cache, App, Search, App, Web, DB, App, Queue, App, Web, App, Web, Edge, App}
)

// limits are how many hosts a pool of a tier has at most; others have no limit.
var limits = map[Tier]int{Edge: 6, DB: 7, Cache: 12, Queue: 5, Search: 15}

// plan makes hosts, processes and links.
func (s *Site) plan() {
	rest := s.planShared()
	products := s.opt.Products
	if products == 0 {
		products = min(max(rest/32, 1), 40)
	}
	products = min(products, max(rest, 1))
	// Shares fall as 1/(i+3): some products are larger than others.
	total := 0.0
	for i := range products {
		total += 1 / float64(i+3)
	}
	left := rest
	for i := range products {
		n := max(1, int(float64(rest)/float64(i+3)/total))
		if i == products-1 {
			n = left
		}
		n = min(n, left-(products-1-i))
		left -= n
		s.planProduct(i, n)
	}
	for _, p := range s.products {
		s.connectProduct(p)
	}
	s.connectShared()
	s.connectMesh()
	for _, h := range s.hosts {
		h.sortLinks()
	}
	s.planChecks()
}

// planProduct gives a product its hosts.
func (s *Site) planProduct(index, n int) {
	p := &product{index: index, name: productName(index), pools: map[Tier]*pool{}, surge: 1}
	s.products = append(s.products, p)
	for i, given := 0, 0; given < n; i++ {
		tier := moreSlots[i%len(moreSlots)]
		if i < len(firstSlots) {
			tier = firstSlots[i]
		}
		q := p.pools[tier]
		if q == nil {
			q = &pool{name: p.name + "/" + string(tier), tier: tier, product: p}
			p.pools[tier] = q
			s.pools = append(s.pools, q)
		}
		if limit := limits[tier]; limit > 0 && len(q.hosts) >= limit {
			continue
		}
		number := len(q.hosts)
		h := s.host(fmt.Sprintf("%s-%s%02d", p.name, tier, number+1), q,
			netip.AddrFrom4([4]byte{10, byte(20 + index), byte(tierNumber(tier)*24 + number/200), byte(10 + number%200)}), 16)
		s.serve(h, programOf(index, tier), index)
		given++
	}
	s.reserve(p)
}

// reserve leaves a part of the large pools switched off until the load asks for
// them.
func (s *Site) reserve(p *product) {
	for _, tier := range []Tier{Web, App} {
		q := p.pools[tier]
		if q == nil || len(q.hosts) < 6 || s.opt.Quiet {
			continue
		}
		q.least = len(q.hosts) * 2 / 3
		on := s.wanted(q, s.now)
		for i, h := range q.hosts {
			h.off = i >= on
		}
	}
}

func tierNumber(t Tier) int {
	return slices.Index([]Tier{Edge, Web, App, Cache, DB, Queue, Search, Batch}, t)
}

// host makes one with what all have: a login over SSH, an exporter, a log shipper
// and an agent.
func (s *Site) host(name string, q *pool, address netip.Addr, bits int) *host {
	h := &host{
		id: hashText(s.opt.Seed, name), name: name, address: address, network: bits, pool: q, boot: 1,
		machine: fmt.Sprintf("%016x%016x", hashText(s.opt.Seed+1, name), hashText(s.opt.Seed+2, name)),
	}
	s.hosts = append(s.hosts, h)
	s.byName[name] = h
	q.hosts = append(q.hosts, h)
	return h
}

// program is what a tier runs.
type program struct {
	process, user, unit, check, command string
	port                                uint16
	protocol                            report.Protocol
}

// The programs that a product may run in a tier: it has one of them.
var programs = map[Tier][]program{
	Edge: {
		{"haproxy", "haproxy", "haproxy.service", "https", "check_http", 443, report.TCP},
		{"nginx", "www-data", "nginx.service", "https", "check_http", 443, report.TCP},
		{"envoy", "envoy", "envoy.service", "https", "check_http", 443, report.TCP},
	},
	Web: {
		{"nginx", "www-data", "nginx.service", "http", "check_http", 80, report.TCP},
		{"apache2", "www-data", "apache2.service", "http", "check_http", 80, report.TCP},
	},
	App: {
		{"java", "app", "app.service", "app http", "check_http", 8080, report.TCP},
		{"gunicorn", "app", "gunicorn.service", "app http", "check_http", 8000, report.TCP},
		{"node", "app", "app.service", "app http", "check_http", 3000, report.TCP},
		{"php-fpm8.2", "www-data", "php8.2-fpm.service", "php-fpm", "check_tcp", 9000, report.TCP},
	},
	Cache: {
		{"redis-server", "redis", "redis-server.service", "redis", "check_redis", 6379, report.TCP},
		{"memcached", "memcache", "memcached.service", "memcached", "check_tcp", 11211, report.TCP},
	},
	DB: {
		{"postgres", "postgres", "postgresql@16-main.service", "postgres", "check_postgres", 5432, report.TCP},
		{"mariadbd", "mysql", "mariadb.service", "mysql", "check_mysql", 3306, report.TCP},
		{"mongod", "mongodb", "mongod.service", "mongodb", "check_mongodb", 27017, report.TCP},
	},
	Queue: {
		{"beam.smp", "rabbitmq", "rabbitmq-server.service", "rabbitmq", "check_rabbitmq", 5672, report.TCP},
		{"nats-server", "nats", "nats-server.service", "nats", "check_tcp", 4222, report.TCP},
	},
	Search: {
		{"java", "opensearch", "opensearch.service", "opensearch", "check_http", 9200, report.TCP},
	},
	Batch: {
		{"worker", "app", "worker.service", "", "", 0, report.TCP},
		{"celery", "app", "celery.service", "", "", 0, report.TCP},
	},
}

func programOf(product int, tier Tier) program {
	list := programs[tier]
	return list[product%len(list)]
}

// serve has a host run a tier's program. Some products run theirs in containers:
// applications in those that share the host's network, workers in one with its own.
func (s *Site) serve(h *host, g program, index int) {
	p := s.run(h, g)
	if index%3 == 1 && (h.pool.tier == App || h.pool.tier == Batch) {
		h.docker = true
		p.container, p.unit = h.pool.product.name+"-"+string(h.pool.tier), "docker.service"
		p.image = "registry.example/" + h.pool.product.name + "/" + string(h.pool.tier) + ":2026.1"
		p.namespace = h.pool.tier == Batch
	}
	s.basics(h)
}

// basics are what runs on every host.
func (s *Site) basics(h *host) {
	s.run(h, program{"sshd", "root", "ssh.service", "ssh", "check_ssh", 22, report.TCP})
	s.run(h, program{"node_exporter", "prometheus", "prometheus-node-exporter.service", "", "", 9100, report.TCP})
	s.run(h, program{"vector", "vector", "vector.service", "", "", 0, report.TCP})
	s.run(h, program{"dotm", "dotm", "dotm-agent.service", "", "", 0, report.TCP}).own = true
	s.run(h, program{"systemd-resolved", "systemd-resolve", "systemd-resolved.service", "", "", 0, report.UDP})
	s.run(h, program{"chronyd", "_chrony", "chrony.service", "", "", 0, report.UDP})
	s.run(h, program{"puppet", "root", "puppet.service", "", "", 0, report.TCP})
	s.run(h, program{"apt", "root", "apt-daily.service", "", "", 0, report.TCP})
}

// process is that of a name on a host; nil if there is none.
func (h *host) process(name string) *process {
	for _, p := range h.processes {
		if p.name == name {
			return p
		}
	}
	return nil
}

func (s *Site) run(h *host, g program) *process {
	p := &process{
		id: hash(h.id, uint64(len(h.processes))), host: h, name: g.process, user: g.user, unit: g.unit,
		protocol: g.protocol, port: g.port, check: g.check, command: g.command, starts: 1, slow: 1,
	}
	h.processes = append(h.processes, p)
	return p
}
