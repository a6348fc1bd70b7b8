package grouping

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

var noAddr netip.Addr

// product adds lb, web, app, db and cache, wired as usual.
func (p *plan) product(name string, webs, apps int) (lb []string) {
	lb = p.hosts(name+"-lb", 1, "haproxy:443", "sshd:22", "node_exporter:9100")
	web := p.hosts(name+"-web", webs, "nginx:80", "sshd:22", "node_exporter:9100")
	app := p.hosts(name+"-app", apps, "java:8080", "sshd:22", "node_exporter:9100")
	db := p.hosts(name+"-db", 2, "postgres:5432", "sshd:22", "node_exporter:9100")
	cache := p.hosts(name+"-cache", 2, "redis-server:6379", "sshd:22", "node_exporter:9100")
	p.all(lb, "haproxy", web, "80")
	p.all(web, "nginx", app, "8080")
	p.all(app, "java", db, "5432")
	p.all(app, "java", cache, "6379")
	return lb
}

func (p *plan) internet(to []string, port string) {
	p.host(topology.InternetName)
	for _, t := range to {
		p.call(topology.InternetName, "", t, port)
	}
}

// hubs adds four shared services that all others use.
func (p *plan) hubs() {
	hosts := p.names()
	p.host("dns1", "named:53/udp", "sshd:22", "node_exporter:9100")
	p.host("log1", "java:5044", "sshd:22", "node_exporter:9100")
	p.host("puppet1", "java:8140", "sshd:22", "node_exporter:9100")
	p.host("prom1", "prometheus:9090", "sshd:22", "node_exporter:9100")
	for _, h := range hosts {
		if h == topology.InternetName {
			continue
		}
		p.call(h, "systemd-resolve", "dns1", "53/udp")
		p.call(h, "filebeat", "log1", "5044")
		p.call(h, "puppet", "puppet1", "8140")
		p.call("prom1", "prometheus", h, "9100")
	}
}

func TestHandMade(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(p *plan)
		want string
	}{
		{"nothing", func(*plan) {}, ""},
		{"single host", func(p *plan) { p.host("one", "sshd:22", "nginx:80", "postgres:5432") }, ""},
		{"one product", func(p *plan) {
			p.internet(p.product("shop", 24, 8), "443")
		}, "group shop: shop-app×8 shop-cache×2 shop-db×2 shop-lb01 shop-web×24"},
		{"three products, four hubs", func(p *plan) {
			for _, n := range []string{"blog", "shop", "wiki"} {
				p.internet(p.product(n, 4, 3), "443")
			}
			p.hubs()
		}, `
group blog: blog-app×3 blog-cache×2 blog-db×2 blog-lb01 blog-web×4
group shop: shop-app×3 shop-cache×2 shop-db×2 shop-lb01 shop-web×4
group wiki: wiki-app×3 wiki-cache×2 wiki-db×2 wiki-lb01 wiki-web×4
shared: dns1 log1 prom1 puppet1`},
		{"staging and prod", func(p *plan) {
			p.product("prod", 6, 4)
			p.product("staging", 2, 2)
		}, `
group prod: prod-app×4 prod-cache×2 prod-db×2 prod-lb01 prod-web×6
group staging: staging-app×2 staging-cache×2 staging-db×2 staging-lb01 staging-web×2`},
		{"sixty infrastructure hosts that share the load", func(p *plan) {
			for _, n := range []string{"blog", "chat", "mail", "shop", "wiki"} {
				p.internet(p.product(n, 30, 20), "443")
			}
			hosts := p.names()
			infra := p.hosts("infra", 60, "named:53/udp", "zorpd:7331", "sshd:22", "node_exporter:9100")
			for i, h := range hosts {
				if h != topology.InternetName { // each host has one for both
					p.call(h, "anything", infra[i%60], "53/udp")
					p.call(h, "zorp", infra[i*7%60], "7331")
				}
			}
		}, `
group blog: blog-app×20 blog-cache×2 blog-db×2 blog-lb01 blog-web×30
group chat: chat-app×20 chat-cache×2 chat-db×2 chat-lb01 chat-web×30
group mail: mail-app×20 mail-cache×2 mail-db×2 mail-lb01 mail-web×30
group shop: shop-app×20 shop-cache×2 shop-db×2 shop-lb01 shop-web×30
group wiki: wiki-app×20 wiki-cache×2 wiki-db×2 wiki-lb01 wiki-web×30
shared: infra×60`},
		{"sixty infrastructure hosts of one protocol that has no name", func(p *plan) {
			for _, n := range []string{"blog", "shop", "wiki"} {
				p.internet(p.product(n, 30, 20), "443")
			}
			hosts := p.names()
			infra := p.hosts("host", 60, "zorpd:7331", "sshd:22", "node_exporter:9100")
			for i, h := range hosts {
				if h != topology.InternetName {
					p.call(h, "zorp", infra[i%60], "7331")
				}
			}
		}, `
group blog: blog-app×20 blog-cache×2 blog-db×2 blog-lb01 blog-web×30
group shop: shop-app×20 shop-cache×2 shop-db×2 shop-lb01 shop-web×30
group wiki: wiki-app×20 wiki-cache×2 wiki-db×2 wiki-lb01 wiki-web×30
shared: zorpd×60`},
		{"one load balancer for all", func(p *plan) {
			lb := p.hosts("lb", 2, "haproxy:443", "sshd:22")
			p.internet(lb, "443")
			for _, n := range []string{"blog", "shop", "wiki", "zine"} {
				web, db := p.hosts(n+"-web", 3, "nginx:80", "sshd:22"), p.hosts(n+"-db", 2, "postgres:5432", "sshd:22")
				p.all(lb, "haproxy", web, "80")
				p.all(web, "nginx", db, "5432")
			}
			p.hubs()
		}, `
group blog: blog-db×2 blog-web×3
group shop: lb×2 shop-db×2 shop-web×3
group wiki: wiki-db×2 wiki-web×3
group zine: zine-db×2 zine-web×3
shared: dns1 log1 prom1 puppet1`},
		{"the main database of a small site", func(p *plan) {
			p.host("lb", "haproxy:443", "sshd:22")
			p.internet([]string{"lb"}, "443")
			p.host("db", "postgres:5432", "sshd:22")
			p.host("redis", "redis-server:6379", "sshd:22")
			web := p.hosts("web", 2, "nginx:80", "sshd:22")
			p.all([]string{"lb"}, "haproxy", web, "80")
			for _, app := range []string{"api:8080", "admin:8081", "jobs:8082", "mailer:8083", "search:8084"} {
				name, port, _ := strings.Cut(app, ":")
				p.host(name, name+":"+port, "sshd:22")
				p.all(web, "nginx", []string{name}, port)
				p.call(name, name, "db", "5432")
				p.call(name, name, "redis", "6379")
			}
			p.all(web, "nginx", []string{"db"}, "5432")
		}, "group lb: admin api db jobs lb mailer redis search web×2"},
		{"five programs and their database", func(p *plan) {
			p.host("db", "mysqld:3306", "sshd:22")
			for _, app := range []string{"api:8080", "admin:8081", "jobs:8082", "mailer:8083", "search:8084"} {
				name, port, _ := strings.Cut(app, ":")
				p.host(name, name+":"+port, "sshd:22")
				p.call(name, name, "db", "3306")
			}
		}, "group admin: admin api db jobs mailer search"},
		{"blue and green", func(p *plan) {
			p.host("lb", "haproxy:443")
			p.internet([]string{"lb"}, "443")
			blue, green := p.hosts("blue-app", 4, "java:8080"), p.hosts("green-app", 4, "java:8080")
			db := p.hosts("db", 2, "postgres:5432")
			p.all([]string{"lb"}, "haproxy", blue, "8080")
			p.all(blue, "java", db, "5432")
			p.all(green, "java", db, "5432")
		}, "group lb: blue-app×4 db×2 green-app×4 lb"},
		{"a member that does more, one that is idle, one with another name", func(p *plan) {
			p.internet(p.product("shop", 6, 3), "443")
			p.host("shop-web03", "redis-server:6379", "oddd:999")
			p.host("shop-web07", "nginx:80", "sshd:22")
			p.host("pluto", "nginx:80", "sshd:22")
			p.call("shop-lb01", "haproxy", "pluto", "80")
			p.all([]string{"pluto"}, "nginx", []string{"shop-app01", "shop-app02"}, "8080")
		}, "group shop: shop-app×3 shop-cache×2 shop-db×2 shop-lb01 shop-web×8"},
		{"every web server has a database of its own", func(p *plan) {
			p.host("lb", "haproxy:443")
			web, db := p.hosts("web", 12, "nginx:80"), p.hosts("db", 12, "postgres:5432")
			p.all([]string{"lb"}, "haproxy", web, "80")
			for i := range web {
				p.call(web[i], "nginx", db[i], "5432")
			}
		}, "group lb: db×12 lb web×12"},
		{"single programs behind one load balancer are no pool", func(p *plan) {
			p.host("lb", "haproxy:443")
			for _, n := range []string{"blog", "shop", "wiki"} {
				p.host(n, "nginx:80")
				p.host(n+"-db", "postgres:5432")
				p.call("lb", "haproxy", n, "80")
				p.call(n, "nginx", n+"-db", "5432")
			}
		}, "group lb: blog blog-db lb\ngroup shop: shop shop-db\ngroup wiki: wiki wiki-db"},
		{"replicas of a database", func(p *plan) {
			app, db := p.hosts("app", 4, "java:8080"), p.hosts("pg", 3, "postgres:5432")
			p.all(app, "java", db[:1], "5432")
			p.all(db[1:], "walreceiver", db[:1], "5432")
			p.all(app[:2], "java", db[1:], "5432")
		}, "group app: app×4 pg×3"},
		{"containers", func(p *plan) {
			for _, h := range p.hosts("dock", 3, "sshd:22", "dockerd:2376") {
				p.host(h+"/web", "nginx:80")
				p.host(h+"/api", "node:3000")
				p.host(h+"/mongo", "mongod:27017")
			}
			p.internet([]string{"dock01/web", "dock02/web", "dock03/web"}, "80")
			for _, h := range []string{"dock01", "dock02", "dock03"} {
				for _, o := range []string{"dock01", "dock02", "dock03"} {
					p.call(h+"/web", "nginx", o+"/api", "3000")
					p.call(h+"/api", "node", o+"/mongo", "27017")
				}
			}
		}, "group web: api×3 mongo×3 web×3"},
		{"a cluster of containers with its own name service", func(p *plan) {
			for _, h := range p.hosts("knode", 4, "kubelet:10250", "containerd:0", "sshd:22") {
				p.host(h+"/shop-web-7d9f8b6c5-x1", "nginx:8080")
				p.host(h+"/shop-api-5c9d4b7f6-y2", "node:3000")
				p.host(h+"/blog-app-6f5c8d9b7-z3", "gunicorn:8000")
				p.host(h+"/ingress-4b5c6d7e8-q4", "nginx:443", "nginx:80")
			}
			p.host("knode01/coredns-0", "coredns:53/udp", "coredns:9153")
			p.host("knode02/coredns-1", "coredns:53/udp", "coredns:9153")
			p.host("knode03/shop-db-0", "postgres:5432")
			p.host("knode04/blog-db-0", "mysqld:3306")
			p.host(topology.InternetName)
			on := func(part string) (out []string) {
				for _, n := range p.names() {
					if strings.Contains(n, "/"+part) {
						out = append(out, n)
					}
				}
				return out
			}
			p.internet(on("ingress"), "443")
			p.all(on("ingress"), "nginx", on("shop-web"), "8080")
			p.all(on("ingress"), "nginx", on("blog-app"), "8000")
			p.all(on("shop-web"), "nginx", on("shop-api"), "3000")
			p.all(on("shop-api"), "node", on("shop-db"), "5432")
			p.all(on("blog-app"), "gunicorn", on("blog-db"), "3306")
			for i, n := range p.names() {
				if strings.Contains(n, "/") && !strings.Contains(n, "coredns") {
					p.call(n, "any", on("coredns")[i%2], "53/udp")
				}
			}
			p.all([]string{"knode01/coredns-0", "knode02/coredns-1"}, "coredns", []string{"knode01"}, "6443")
		}, `
group ingress: blog-app×4 ingress×4 knode03/shop-db-0 knode04/blog-db-0 shop-api×4 shop-web×4
shared: coredns×2`},
		{"a small site with name service, logs and monitoring", func(p *plan) {
			web := p.hosts("web", 2, "nginx:80", "sshd:22", "node_exporter:9100")
			p.host("db", "postgres:5432", "sshd:22", "node_exporter:9100")
			p.all(web, "nginx", []string{"db"}, "5432")
			p.internet(web, "80")
			p.host("infra", "named:53/udp", "rsyslogd:514", "sshd:22", "node_exporter:9100")
			p.host("mon", "prometheus:9090", "sshd:22", "node_exporter:9100")
			for _, h := range []string{"web01", "web02", "db", "mon"} {
				p.call(h, "systemd-resolve", "infra", "53/udp")
				p.call(h, "rsyslogd", "infra", "514")
				p.call("mon", "prometheus", h, "9100")
			}
		}, "group web: db web×2\nshared: infra"},
		{"a host from which all are reached", func(p *plan) {
			p.product("shop", 4, 3)
			hosts := p.names()
			p.host("bastion", "sshd:22")
			for _, h := range hosts {
				p.call("bastion", "ssh", h, "22")
			}
		}, "group shop: shop-app×3 shop-cache×2 shop-db×2 shop-lb01 shop-web×4\nshared: bastion"},
		{"monitoring that asks everyone in passing", func(p *plan) {
			p.product("shop", 4, 3)
			hosts := p.names()
			p.host("mon", "icinga2:5665")
			for _, h := range hosts {
				p.call("mon", "check_tcp", h, "80", func(c *topology.Connection) { c.Observer = true })
			}
		}, "group shop: shop-app×3 shop-cache×2 shop-db×2 shop-lb01 shop-web×4\nshared: mon"},
		{"hosts that say nothing themselves", func(p *plan) {
			app, db := p.hosts("app", 4, "java:8080"), p.hosts("10.0.0.", 3)
			for _, d := range db {
				p.blocks[d].Node.Kind, p.blocks[d].Node.State = topology.Inferred, topology.Unheard
				p.host(d, ":5432")
			}
			p.all(app, "java", db, "5432")
		}, "group app: app×4 pool×3"},
		{"an address that moves", func(p *plan) {
			app, db := p.hosts("app", 4, "java:8080"), p.hosts("db", 2, "postgres:5432")
			p.host("vip", "postgres:5432")
			p.blocks["vip"].Node.Kind = topology.Virtual
			p.blocks["vip"].Node.Holders = []topology.Holder{{Node: db[0], Since: noon}, {Node: db[1], Since: noon.Add(-time.Hour), Until: noon}}
			p.all(app, "java", []string{"vip"}, "5432")
			p.all(db[1:], "walreceiver", db[:1], "5432")
		}, "group app: app×4 db01 db02 vip"},
		{"what counts for nothing", func(p *plan) {
			a, b := p.hosts("alpha", 2, "nginx:80", "dotm:4849"), p.hosts("beta", 2, "java:8080")
			own := func(c *topology.Connection) { c.Own = true }
			watch := func(c *topology.Connection) { c.Observer = true }
			old := func(c *topology.Connection) {
				c.Count, c.Status, c.LastSeen = 0, topology.Old, noon.Add(-8*24*time.Hour)
			}
			p.call(a[0], "dotm", b[0], "8080", own)
			p.call(a[0], "check_http", b[1], "8080", watch)
			p.call(a[1], "curl", b[0], "8080", old)
			p.call(b[0], "java", b[0], "8080")
		}, "loose: alpha×2 beta×2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlan()
			tt.make(p)
			var m Memory
			if got, want := tell(m.Advance(p.snapshot(t), nil, noon)), strings.TrimSpace(tt.want); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
