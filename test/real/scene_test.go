//go:build linux

package realtest

import (
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/bed"
	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// The programs of one host and their clients, over IPv4 and IPv6.
func TestServicesOfOneHost(t *testing.T) {
	h := newHost(t, "web1")
	h.Nginx(t, "location / { return 204; }", "80", "[::]:80", "127.0.0.1:8081")
	h.Redis(t, 6379, "127.0.0.1", "::1")
	h.Reachable(t, "127.0.0.1:80", "127.0.0.1:8081", "127.0.0.1:6379", "[::1]:6379")
	orders, billing := h.Puppet(t, "orders"), h.Puppet(t, "billing")
	orders.Dial(t, 5, "tcp", "127.0.0.1:80")
	orders.Dial(t, 2, "tcp", "[::1]:80")
	orders.Dial(t, 1, "tcp", "127.0.0.1:8081")
	orders.Dial(t, 3, "tcp", "127.0.0.1:6379")
	billing.Dial(t, 4, "tcp", "[::1]:6379")
	d := h.up(t, stage.OpenDir(t))
	c := d.Shows(t, chart.Scene{
		Nodes: []string{"web1 host reporting"},
		Services: []string{
			"web1 nginx tcp/80 listening 0.0.0.0,::",
			"web1 nginx tcp/8081 listening 127.0.0.1 loopback",
			"web1 redis-server tcp/6379 listening 127.0.0.1,::1 loopback",
		},
		Edges: []string{
			"web1/orders → web1/nginx:80/tcp ×7 both",
			"web1/orders → web1/nginx:8081/tcp ×1 both",
			"web1/orders → web1/redis-server:6379/tcp ×3 both",
			"web1/billing → web1/redis-server:6379/tcp ×4 both",
		},
	}, "web1")
	if own := c.Service("web1", 4849); own == nil || !own.Own {
		t.Errorf("dotm's own service is not there, marked: %+v", own)
	}
	if n := c.Node("web1"); !n.This {
		t.Error("the node that dotm runs on is not marked")
	}
}

func TestMemcached(t *testing.T) {
	h := newHost(t, "web1")
	h.Memcached(t, "127.0.0.1")
	h.Reachable(t, "127.0.0.1:11211")
	h.Puppet(t, "orders").Dial(t, 3, "tcp", "127.0.0.1:11211")
	h.up(t, stage.OpenDir(t)).Shows(t, chart.Scene{
		Nodes:    []string{"web1 host reporting"},
		Services: []string{"web1 memcached tcp/11211 listening 127.0.0.1 loopback"},
		Edges:    []string{"web1/orders → web1/memcached:11211/tcp ×3 both"},
	}, "web1")
}

// A proxy is a service of one side and a client of the other.
func TestProxy(t *testing.T) {
	h := newHost(t, "web1")
	h.Puppet(t, "shop").Listen(t, "tcp4", "127.0.0.1:8080")
	h.Nginx(t, "location / { proxy_pass http://127.0.0.1:8080; }", "127.0.0.1:80")
	h.Reachable(t, "127.0.0.1:80")
	for range 2 { // each request keeps a connection to the shop, which never answers
		h.Puppet(t, "browser").Do(t, bed.Order{
			Do: "dial", Network: "tcp", Address: "127.0.0.1:80", Once: true, Send: "GET / HTTP/1.1\r\nHost: shop\r\n\r\n",
		})
	}
	c := h.up(t, stage.OpenDir(t)).Shows(t, chart.Scene{
		Nodes: []string{"web1 host reporting"},
		Services: []string{
			"web1 nginx tcp/80 listening 127.0.0.1 loopback",
			"web1 shop tcp/8080 listening 127.0.0.1 loopback",
		},
		Edges: []string{
			"web1/browser → web1/nginx:80/tcp ×2 both",
			"web1/nginx → web1/shop:8080/tcp ×2 both",
		},
	}, "web1")
	if got, want := c.Edge("nginx").Client.Service, c.Service("web1", 80).ID; got != want {
		t.Errorf("the proxy's call comes from service %q, want %q", got, want)
	}
}

// A name server answers on UDP and TCP; who asks by a connected socket is its
// client, and who waits on a port that the kernel picked is no service.
func TestUDP(t *testing.T) {
	h := newHost(t, "web1")
	h.Dnsmasq(t, 5300, "127.0.0.1")
	h.Reachable(t, "127.0.0.1:5300")
	syslog, orders := h.Puppet(t, "syslog"), h.Puppet(t, "orders")
	syslog.Listen(t, "udp6", "[::1]:514")
	orders.Dial(t, 2, "udp", "127.0.0.1:5300")
	orders.Dial(t, 1, "udp", "[::1]:514")
	orders.Dial(t, 1, "tcp", "127.0.0.1:5300")
	h.Puppet(t, "resolver").Listen(t, "udp4", "0.0.0.0:0")
	h.up(t, stage.OpenDir(t)).Shows(t, chart.Scene{
		Nodes: []string{"web1 host reporting"},
		Services: []string{
			"web1 dnsmasq tcp/5300 listening 127.0.0.1 loopback",
			"web1 dnsmasq udp/5300 listening 127.0.0.1 loopback",
			"web1 syslog udp/514 listening ::1 loopback",
		},
		Edges: []string{
			"web1/orders → web1/dnsmasq:5300/tcp ×1 both",
			"web1/orders → web1/dnsmasq:5300/udp ×2",
			"web1/orders → web1/syslog:514/udp ×1",
		},
	}, "web1")
}

// The ports say nothing where the list of listeners decides.
func TestServerPortAboveClientPorts(t *testing.T) {
	h := newHost(t, "web1")
	shop, orders := h.Puppet(t, "shop"), h.Puppet(t, "orders")
	shop.Listen(t, "tcp4", "127.0.0.1:61000")
	shop.Listen(t, "tcp4", "127.0.0.1:45000") // among the ports that the kernel picks
	for port := 2000; port < 2004; port += 2 {
		orders.DialFrom(t, "tcp", join("127.0.0.1", port), "127.0.0.1:61000")
		orders.DialFrom(t, "tcp", join("127.0.0.1", port+1), "127.0.0.1:45000")
	}
	h.up(t, stage.OpenDir(t)).Shows(t, chart.Scene{
		Nodes: []string{"web1 host reporting"},
		Services: []string{
			"web1 shop tcp/45000 listening 127.0.0.1 loopback",
			"web1 shop tcp/61000 listening 127.0.0.1 loopback",
		},
		Edges: []string{
			"web1/orders → web1/shop:45000/tcp ×2 both",
			"web1/orders → web1/shop:61000/tcp ×2 both",
		},
	}, "web1")
}

// Another host that doesn't report is inferred, as client and as server; what
// lies outside the internal networks is the one node Internet.
func TestOtherHosts(t *testing.T) {
	web, db := twoHosts(t)
	web.Nginx(t, "location / { return 204; }", "80", "[::]:80")
	web.Reachable(t, "127.0.0.1:80")
	orders, remote := web.Puppet(t, "orders"), db.Puppet(t, "remote")
	for _, network := range []string{"tcp", "udp"} {
		remote.Listen(t, network, ":7000")
		orders.Dial(t, 2, network, dbAddress+":7000")
	}
	orders.Dial(t, 1, "tcp", "["+dbAddress6+"]:7000")
	remote.Dial(t, 3, "tcp", webAddress+":80")
	remote.Dial(t, 1, "tcp", "["+webAddress6+"]:80")
	remote.Listen(t, "tcp", ":443")
	for _, address := range outsiders {
		orders.Dial(t, 1, "tcp", join(address, 443))
		target := webAddress
		if strings.Contains(address, ":") {
			target = webAddress6
		}
		remote.DialFrom(t, "tcp", join(address, 0), join(target, 80))
	}
	c := web.up(t, stage.OpenDir(t)).Shows(t, chart.Scene{
		Nodes: []string{
			"web1 host reporting", "Internet internet inferred",
			dbAddress + " inferred inferred", dbAddress6 + " inferred inferred",
		},
		Services: []string{
			"web1 nginx tcp/80 listening 0.0.0.0,::",
			dbAddress + " (hidden) tcp/7000 seen " + dbAddress,
			dbAddress + " (hidden) udp/7000 seen " + dbAddress,
			dbAddress6 + " (hidden) tcp/7000 seen " + dbAddress6,
		},
		Edges: []string{
			"web1/orders → " + dbAddress + ":7000/tcp ×2",
			"web1/orders → " + dbAddress + ":7000/udp ×2",
			"web1/orders → " + dbAddress6 + ":7000/tcp ×1",
			"web1/orders → Internet:443/tcp ×3 3 peers",
			dbAddress + " → web1/nginx:80/tcp ×3",
			dbAddress6 + " → web1/nginx:80/tcp ×1",
			"Internet → web1/nginx:80/tcp ×3 3 peers",
		},
	}, "web1")
	if n := c.Node(dbAddress); len(n.SeenBy) != 1 || n.SeenBy[0] != "web1" {
		t.Errorf("%s is seen by %v, want web1", dbAddress, n.SeenBy)
	}
}

// From one side alone a connection between two ports that the kernel may have
// picked has no direction.
func TestNoFalseArrow(t *testing.T) {
	web, db := twoHosts(t)
	db.Puppet(t, "remote").Listen(t, "tcp4", dbAddress+":50500")
	web.Puppet(t, "orders").DialFrom(t, "tcp4", webAddress+":40000", dbAddress+":50500")
	web.up(t, stage.OpenDir(t)).Shows(t, chart.Scene{
		Nodes: []string{"web1 host reporting", dbAddress + " inferred inferred"},
		Edges: []string{"web1/orders — " + dbAddress + ":50500/tcp ×1"},
	}, "web1")
}
