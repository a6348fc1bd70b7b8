//go:build linux

package realtest

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/test/bed"
	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// agent starts dotm agent and waits until its host has reported.
func (h host) agent(t *testing.T, d *stage.Server) *stage.Program {
	t.Helper()
	p := h.Dotm(t, []string{"agent", "--server", d.URL, "--interval", interval})
	d.HeardOf(t, h.Name)
	return p
}

// Two hosts report to one server: what one of them sees of the other becomes
// one edge between the two, known from both ends.
func TestAgents(t *testing.T) {
	web, db := twoHosts(t)
	web.Nginx(t, "location / { return 204; }", "80", "[::]:80")
	db.Redis(t, 6379, dbAddress, dbAddress6)
	web.Reachable(t, "127.0.0.1:80")
	db.Reachable(t, join(dbAddress, 6379), join(dbAddress6, 6379))
	orders, backup, idle := web.Puppet(t, "orders"), db.Puppet(t, "backup"), web.Puppet(t, "idle")
	orders.Dial(t, 3, "tcp", join(dbAddress, 6379))
	orders.Dial(t, 1, "tcp", join(dbAddress6, 6379))
	backup.Dial(t, 2, "tcp", join(webAddress, 80))
	db.Puppet(t, "journal").Listen(t, "udp4", dbAddress+":514")
	idle.Dial(t, 1, "udp4", dbAddress+":514")
	high := db.Puppet(t, "high")
	high.Listen(t, "tcp4", dbAddress+":50500")
	idle.DialFrom(t, "tcp4", webAddress+":40000", dbAddress+":50500")

	d := web.Serve(t, join(webAddress, 4849), []string{"serve", "--insecure", "--listen", join(webAddress, 4849), "--data", stage.OpenDir(t)})
	d.Set(t, `{"stale_after":"1s"}`)
	web.agent(t, d)
	alone := d.Shows(t, chart.Scene{
		Nodes: []string{"web1 host reporting", dbAddress + " inferred inferred", dbAddress6 + " inferred inferred"},
		Services: []string{
			"web1 nginx tcp/80 listening 0.0.0.0,::",
			dbAddress + " (hidden) tcp/6379 seen " + dbAddress,
			dbAddress + " (hidden) udp/514 seen " + dbAddress,
			dbAddress6 + " (hidden) tcp/6379 seen " + dbAddress6,
		},
		Edges: []string{
			"web1/orders → " + dbAddress + ":6379/tcp ×3",
			"web1/orders → " + dbAddress6 + ":6379/tcp ×1",
			"web1/idle → " + dbAddress + ":514/udp ×1",
			"web1/idle — " + dbAddress + ":50500/tcp ×1",
			dbAddress + " → web1/nginx:80/tcp ×2",
		},
	}, "web1")

	agent := db.agent(t, d)
	both := chart.Scene{
		Nodes: []string{"web1 host reporting", "db1 host reporting"},
		Services: []string{
			"web1 nginx tcp/80 listening 0.0.0.0,::",
			"db1 redis-server tcp/6379 listening 10.77.0.2,fd77::2",
			"db1 journal udp/514 listening 10.77.0.2",
			"db1 high tcp/50500 listening 10.77.0.2",
		},
		Edges: []string{
			"web1/orders → db1/redis-server:6379/tcp ×4 both",
			"web1/idle → db1/journal:514/udp ×1",
			"web1/idle → db1/high:50500/tcp ×1 both",
			"db1/backup → web1/nginx:80/tcp ×2 both",
		},
	}
	joined := d.Shows(t, both, "web1", "db1")
	sameFirstSight(t, alone, joined)
	checkSightings(t, joined.Edge("orders"), "web1", "db1")
	checkSightings(t, joined.Edge("backup"), "db1", "web1")
	if n := joined.Node("db1"); n.This {
		t.Error("db1 is marked as the node that dotm runs on")
	}

	agent.Kill()
	silent := both
	silent.Nodes = []string{"web1 host reporting", "db1 host stale"}
	d.Shows(t, silent, "web1")
	db.agent(t, d)
	sameFirstSight(t, alone, d.Shows(t, both, "web1", "db1"))
}

// An agent that is ended says so: its node is stopped at once, though nothing would be
// silent yet, and no trouble; it is there again when it is started.
func TestAgentLeaves(t *testing.T) {
	h := newHost(t, "web1")
	h.Redis(t, 6379, "127.0.0.1")
	h.Reachable(t, "127.0.0.1:6379")
	orders := h.Puppet(t, "orders")
	orders.Dial(t, 3, "tcp", "127.0.0.1:6379")
	d := h.Serve(t, local, []string{"serve", "--listen", local, "--data", stage.OpenDir(t)})
	scene := func(state string) chart.Scene {
		return chart.Scene{
			Nodes:    []string{"web1 host " + state},
			Services: []string{"web1 redis-server tcp/6379 listening 127.0.0.1 loopback"},
			Edges:    []string{"web1/orders → web1/redis-server:6379/tcp ×3 both"},
		}
	}
	agent := h.agent(t, d)
	d.Shows(t, scene("reporting"), "web1")
	if code := agent.Terminate(t, stage.Patience); code != 0 {
		t.Errorf("the agent ended with %d", code)
	}
	d.Shows(t, scene("stopped"))
	agent.Says(t, "server was told that this agent ends", "why=stop")
	var incidents struct{ Incidents []struct{ Title string } }
	if err := json.Unmarshal([]byte(h.Ask(t, "why", "--server", d.URL, "--json")), &incidents); err != nil || len(incidents.Incidents) > 0 {
		t.Errorf("trouble: %+v (%v)", incidents, err)
	}
	h.agent(t, d)
	d.Shows(t, scene("reporting"), "web1")
}

// sameFirstSight checks that a host which began to report keeps the time at
// which others saw it first, and so do its edges.
func sameFirstSight(t *testing.T, alone, joined *chart.Chart) {
	t.Helper()
	if got, want := joined.Node("db1").FirstSeen, alone.Node(dbAddress).FirstSeen; !got.Equal(want) {
		t.Errorf("db1 is first seen %s, its address was first seen %s", got, want)
	}
	if got, want := joined.Edge("orders").FirstSeen, alone.Edge("orders").FirstSeen; !got.Equal(want) {
		t.Errorf("the edge from orders is first seen %s, was %s", got, want)
	}
	i := slices.IndexFunc(alone.Connections, func(c chart.Connection) bool { return c.Client.Node == dbAddress && !c.Own })
	if got, want := joined.Edge("backup").FirstSeen, alone.Connections[i].FirstSeen; !got.Equal(want) {
		t.Errorf("the edge from backup is first seen %s, was %s", got, want)
	}
}

// checkSightings checks that an edge was seen at its client's end and at its
// server's.
func checkSightings(t *testing.T, e *chart.Connection, client, server string) {
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
	h, data := newHost(t, "web1"), stage.OpenDir(t)
	h.Redis(t, 6379, "127.0.0.1")
	h.Reachable(t, "127.0.0.1:6379")
	orders := h.Puppet(t, "orders")
	serve := []string{"serve", "--listen", local, "--data", data}
	d := h.Serve(t, local, serve)
	agent := h.agent(t, d)
	d.Terminate(t, stage.Patience)
	agent.Says(t, "not delivered", d.URL)
	orders.Dial(t, 3, "tcp", "127.0.0.1:6379")
	d = h.Serve(t, local, serve)
	d.HeardOf(t, "web1")
	c := d.Shows(t, chart.Scene{
		Nodes:    []string{"web1 host reporting"},
		Services: []string{"web1 redis-server tcp/6379 listening 127.0.0.1 loopback"},
		Edges:    []string{"web1/orders → web1/redis-server:6379/tcp ×3 both"},
	}, "web1")
	if e := c.Edge("orders"); e.Opened != 3 {
		t.Errorf("%d connections of orders were seen opening, want 3", e.Opened)
	}
	agent.Says(t, "server takes reports again")
}

// Who isn't root sees every service, without the names of other users'
// processes, and is told how many and what to do.
func TestUnprivileged(t *testing.T) {
	stage.NeedRoot(t)
	h := newHost(t, "web1")
	h.Nginx(t, "location / { return 204; }", "80")
	h.Redis(t, 6379, "127.0.0.1")
	h.Reachable(t, "127.0.0.1:80", "127.0.0.1:6379")
	h.Puppet(t, "orders").Dial(t, 2, "tcp", "127.0.0.1:6379")
	data := stage.OpenDir(t)
	stage.Must(t, os.Chown(data, stranger, stranger))
	d := h.up(t, data, bed.As(stranger))
	c := d.Shows(t, chart.Scene{
		Nodes: []string{"web1 host reporting"},
		Services: []string{
			"web1 (hidden) tcp/80 listening 0.0.0.0",
			"web1 (hidden) tcp/6379 listening 127.0.0.1 loopback",
		},
		Edges: []string{"web1 → web1:6379/tcp ×2 both"},
	}, "web1")
	d.Says(t, "process names hidden: you are not root.", "sudo dotm up")

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
	for _, n := range c.Node("web1").Notes {
		if n.Code == "unprivileged" && n.Text == want && n.Hint == "All names: sudo dotm up" {
			return
		}
	}
	t.Errorf("the notes are %+v, want %q with what to do", c.Node("web1").Notes, want)
}
