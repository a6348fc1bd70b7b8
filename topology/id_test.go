package topology

import (
	"net/netip"
	"net/url"
	"testing"
)

// TestServiceID holds the ids still: stores, links and mappings keep them.
func TestServiceID(t *testing.T) {
	for _, tt := range []struct {
		node   string
		proto  Protocol
		port   uint16
		second string
		want   string
	}{
		{"web1.example", "tcp", 443, "", "web1.example~tcp~443"},
		{"dns", "udp", 53, "", "dns~udp~53"},
		{"dns", "udp", 53, "127.0.0.53", "dns~udp~53~127.0.0.53"},
		{"web1", "tcp", 80, "2001:db8::1", "web1~tcp~80~2001:db8::1"},
		{"web1/shop_cache", "tcp", 6379, "", "web1!shop_cache~tcp~6379"},
		{"10.0.0.9", "tcp", 5432, "", "10.0.0.9~tcp~5432"},
		{"2001:db8::9@west", "tcp", 65535, "", "2001:db8::9@west~tcp~65535"},
	} {
		var second netip.Addr
		if tt.second != "" {
			second = netip.MustParseAddr(tt.second)
		}
		got := ServiceID(tt.node, tt.proto, tt.port, second)
		if got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
		u, err := url.Parse("http://dotm/api/v1/services/" + got)
		if err != nil || u.Path != "/api/v1/services/"+got || u.EscapedPath() != u.Path {
			t.Errorf("%s is not safe in a URL's path: %v, %v", got, u, err)
		}
	}
}

// TestConnectionID holds the ids still, and says what they depend on.
func TestConnectionID(t *testing.T) {
	base := Connection{
		Client: Client{Node: "web1", Process: "php-fpm"}, Protocol: "tcp", Directed: true,
		Server: Server{Node: "db1", Port: 5432, Service: "db1~tcp~5432"},
	}
	const golden = "010bf1d014f1a2ee"
	if got := ConnectionID(&base); got != golden {
		t.Errorf("got %s, want %s", got, golden)
	}
	for _, tt := range []struct {
		name   string
		change func(*Connection)
		same   bool
	}{
		{"client's node", func(c *Connection) { c.Client.Node = "web2" }, false},
		{"client's process", func(c *Connection) { c.Client.Process = "nginx" }, false},
		{"protocol", func(c *Connection) { c.Protocol = "udp" }, false},
		{"server's node", func(c *Connection) { c.Server.Node = "db2" }, false},
		{"server's port", func(c *Connection) { c.Server.Port = 5433 }, false},
		{"server's service", func(c *Connection) { c.Server.Service = "db1~tcp~5432~10.0.0.1" }, false},
		{"direction", func(c *Connection) { c.Directed = false }, false},
		{"client's own service", func(c *Connection) { c.Client.Service = "web1~tcp~9000" }, true},
		{"server's process", func(c *Connection) { c.Server.Process = "postgres" }, true},
		{"numbers", func(c *Connection) { c.Count, c.Opened, c.Peers, c.Status = 5, 6, 7, Old }, true},
		{"times", func(c *Connection) { c.FirstSeen, c.LastSeen = noon, noon }, true},
		{"evidence", func(c *Connection) { c.Evidence = Evidence{BothEnds: true} }, true},
		{"id", func(c *Connection) { c.ID = "x" }, true},
	} {
		c := base
		tt.change(&c)
		if got := ConnectionID(&c) == golden; got != tt.same {
			t.Errorf("%s: the id is the same: %t, want %t", tt.name, got, tt.same)
		}
	}
}
