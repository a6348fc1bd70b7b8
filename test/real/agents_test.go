package realtest

import (
	"fmt"
	"slices"
	"testing"
)

// agent starts dotm agent and waits until its host has reported.
func (h *host) agent(t *testing.T, d *dotm) *program {
	t.Helper()
	p := h.dotm(t, []string{"agent", "--server", d.url, "--interval", interval})
	d.heardOf(t, h.name)
	return p
}

// Two hosts report to one server: what one of them sees of the other becomes
// one edge between the two, known from both ends.
func TestAgents(t *testing.T) {
	web, db := twoHosts(t)
	web.nginx(t, "location / { return 204; }", "80", "[::]:80")
	db.redis(t, 6379, dbAddress, dbAddress6)
	web.reachable(t, "127.0.0.1:80")
	db.reachable(t, join(dbAddress, 6379), join(dbAddress6, 6379))
	orders, backup, idle := web.puppet(t, "orders"), db.puppet(t, "backup"), web.puppet(t, "idle")
	orders.dial(t, 3, "tcp", join(dbAddress, 6379))
	orders.dial(t, 1, "tcp", join(dbAddress6, 6379))
	backup.dial(t, 2, "tcp", join(webAddress, 80))
	db.puppet(t, "journal").listen(t, "udp4", dbAddress+":514")
	idle.dial(t, 1, "udp4", dbAddress+":514")
	high := db.puppet(t, "high")
	high.listen(t, "tcp4", dbAddress+":50500")
	idle.dialFrom(t, "tcp4", webAddress+":40000", dbAddress+":50500")

	d := web.server(t, join(webAddress, 4849), []string{"serve", "--insecure", "--listen", join(webAddress, 4849), "--data", openDir(t)})
	d.set(t, `{"stale_after":"1s"}`)
	web.agent(t, d)
	alone := d.shows(t, scene{
		nodes: []string{"web1 host reporting", dbAddress + " inferred inferred", dbAddress6 + " inferred inferred"},
		services: []string{
			"web1 nginx tcp/80 listening 0.0.0.0,::",
			dbAddress + " (hidden) tcp/6379 seen " + dbAddress,
			dbAddress + " (hidden) udp/514 seen " + dbAddress,
			dbAddress6 + " (hidden) tcp/6379 seen " + dbAddress6,
		},
		edges: []string{
			"web1/orders → " + dbAddress + ":6379/tcp ×3",
			"web1/orders → " + dbAddress6 + ":6379/tcp ×1",
			"web1/idle → " + dbAddress + ":514/udp ×1",
			"web1/idle — " + dbAddress + ":50500/tcp ×1",
			dbAddress + " → web1/nginx:80/tcp ×2",
		},
	}, "web1")

	agent := db.agent(t, d)
	both := scene{
		nodes: []string{"web1 host reporting", "db1 host reporting"},
		services: []string{
			"web1 nginx tcp/80 listening 0.0.0.0,::",
			"db1 redis-server tcp/6379 listening 10.77.0.2,fd77::2",
			"db1 journal udp/514 listening 10.77.0.2",
			"db1 high tcp/50500 listening 10.77.0.2",
		},
		edges: []string{
			"web1/orders → db1/redis-server:6379/tcp ×4 both",
			"web1/idle → db1/journal:514/udp ×1",
			"web1/idle → db1/high:50500/tcp ×1 both",
			"db1/backup → web1/nginx:80/tcp ×2 both",
		},
	}
	joined := d.shows(t, both, "web1", "db1")
	sameFirstSight(t, alone, joined)
	checkSightings(t, joined.edge("orders"), "web1", "db1")
	checkSightings(t, joined.edge("backup"), "db1", "web1")
	if n := joined.node("db1"); n.This {
		t.Error("db1 is marked as the node that dotm runs on")
	}

	agent.kill()
	silent := both
	silent.nodes = []string{"web1 host reporting", "db1 host stale"}
	d.shows(t, silent, "web1")
	db.agent(t, d)
	sameFirstSight(t, alone, d.shows(t, both, "web1", "db1"))
}

// sameFirstSight checks that a host which began to report keeps the time at
// which others saw it first, and so do its edges.
func sameFirstSight(t *testing.T, alone, joined *chart) {
	t.Helper()
	if got, want := joined.node("db1").FirstSeen, alone.node(dbAddress).FirstSeen; !got.Equal(want) {
		t.Errorf("db1 is first seen %s, its address was first seen %s", got, want)
	}
	if got, want := joined.edge("orders").FirstSeen, alone.edge("orders").FirstSeen; !got.Equal(want) {
		t.Errorf("the edge from orders is first seen %s, was %s", got, want)
	}
	i := slices.IndexFunc(alone.Connections, func(c connection) bool { return c.Client.Node == dbAddress && !c.Own })
	if got, want := joined.edge("backup").FirstSeen, alone.Connections[i].FirstSeen; !got.Equal(want) {
		t.Errorf("the edge from backup is first seen %s, was %s", got, want)
	}
}

// checkSightings checks that an edge was seen at its client's end and at its
// server's.
func checkSightings(t *testing.T, e *connection, client, server string) {
	t.Helper()
	seen := map[string]bool{}
	for _, s := range e.Evidence.SeenBy {
		seen[s.Node+" "+s.End] = true
	}
	if len(e.Evidence.SeenBy) != 2 || !seen[client+" client"] || !seen[server+" server"] {
		t.Errorf("%s was seen by %v, want the client's end by %s, the server's by %s", e, e.Evidence.SeenBy, client, server)
	}
}

// An agent waits for a server that is away, and says so once; what opened and
// closed meanwhile is not lost.
func TestServerAway(t *testing.T) {
	h, data := newHost(t, "web1"), openDir(t)
	h.redis(t, 6379, "127.0.0.1")
	h.reachable(t, "127.0.0.1:6379")
	orders := h.puppet(t, "orders")
	serve := []string{"serve", "--listen", local, "--data", data}
	d := h.server(t, local, serve)
	agent := h.agent(t, d)
	d.terminate(t, patience)
	agent.says(t, "not delivered", d.url)
	orders.dial(t, 3, "tcp", "127.0.0.1:6379")
	d = h.server(t, local, serve)
	d.heardOf(t, "web1")
	c := d.shows(t, scene{
		nodes:    []string{"web1 host reporting"},
		services: []string{"web1 redis-server tcp/6379 listening 127.0.0.1 loopback"},
		edges:    []string{"web1/orders → web1/redis-server:6379/tcp ×3 both"},
	}, "web1")
	if e := c.edge("orders"); e.Opened != 3 {
		t.Errorf("%d connections of orders were seen opening, want 3", e.Opened)
	}
	agent.says(t, "server takes reports again")
}

// Who isn't root sees every service, without the names of other users'
// processes, and is told how many and what to do.
func TestUnprivileged(t *testing.T) {
	needRoot(t)
	h := newHost(t, "web1")
	h.nginx(t, "location / { return 204; }", "80")
	h.redis(t, 6379, "127.0.0.1")
	h.reachable(t, "127.0.0.1:80", "127.0.0.1:6379")
	h.puppet(t, "orders").dial(t, 2, "tcp", "127.0.0.1:6379")
	data := openDir(t)
	own(t, data, stranger)
	d := h.up(t, data, as(stranger))
	c := d.shows(t, scene{
		nodes: []string{"web1 host reporting"},
		services: []string{
			"web1 (hidden) tcp/80 listening 0.0.0.0",
			"web1 (hidden) tcp/6379 listening 127.0.0.1 loopback",
		},
		edges: []string{"web1 → web1:6379/tcp ×2 both"},
	}, "web1")
	d.says(t, "process names hidden: you are not root.", "sudo dotm up")

	hidden := 0 // services and clients; the test's own connection to dotm is one, too
	for i := range c.Services {
		if c.Services[i].Process == "" {
			hidden++
		}
	}
	for i := range c.Connections {
		if c.Connections[i].Client.Process == "" {
			hidden++
		}
	}
	if c.Coverage.Hidden != hidden {
		t.Errorf("%d process names are said to be hidden, the chart lacks %d", c.Coverage.Hidden, hidden)
	}
	want := fmt.Sprintf("%d process names hidden: you are not root.", hidden)
	for _, n := range c.node("web1").Notes {
		if n.Code == "unprivileged" && n.Text == want && n.Hint == "All names: sudo dotm up" {
			return
		}
	}
	t.Errorf("the notes are %+v, want %q with what to do", c.node("web1").Notes, want)
}
