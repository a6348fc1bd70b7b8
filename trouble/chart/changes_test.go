package chart

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// TestChanges: what is told of two snapshots, one after the other.
func TestChanges(t *testing.T) {
	before := site(t)
	for _, tt := range []struct {
		name, node string
		change     func(b *topology.Block)
		want       string
	}{
		{"nothing", "web", func(*topology.Block) {}, ""},
		{"a pid that is known now", "db", func(b *topology.Block) { b.Services[0].PID = 7 }, ""},
		{"a new service", "db", func(b *topology.Block) {
			b.Services = append(b.Services, service("db~9", "x", 9))
		}, "db~9 began to listen"},
		{"a service that stopped", "db", func(b *topology.Block) { b.Services[0].State = topology.Gone }, "db~5432 stopped listening"},
		{"dotm's own", "web", func(b *topology.Block) {
			for i := range b.Services {
				if b.Services[i].Own {
					b.Services[i].State = topology.Gone
				}
			}
		}, ""},
		{"a silent node", "db", func(b *topology.Block) { b.Node.State, b.Services = topology.Stale, nil }, ""},
		{"a host that is shut down", "db", func(b *topology.Block) { b.Node.State, b.Services = topology.Left, nil }, "db was shut down"},
		{"a host that reboots", "db", func(b *topology.Block) { b.Node.State = topology.Rebooting }, "db went down to reboot"},
		{"an agent that is stopped", "db", func(b *topology.Block) { b.Node.State = topology.Stopped }, ""},
		{"a new edge", "web", func(b *topology.Block) {
			c := call("web nginx", "db~5432", "db")
			c.Server.Port, c.Server.Process = 5432, "postgres"
			b.Connections = append(b.Connections, c)
		}, "web|nginx connected to db postgres:5432 for the first time"},
		{"twice as many", "web", func(b *topology.Block) {
			for i := range b.Connections {
				if b.Connections[i].Client.Process == "nginx" {
					b.Write(i).Count = 30
				}
			}
		}, ""},
		{"an observer's edge", "web", func(b *topology.Block) {
			b.Connections = append(b.Connections, call("web scan", "db~5432", "db", func(c *topology.Connection) { c.Observer = true }))
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := before.Block(tt.node).Clone()
			tt.change(b)
			slices.SortFunc(b.Connections, func(x, y *topology.Connection) int { return strings.Compare(x.ID, y.ID) })
			e := before.Edit()
			e.Put(b)
			var got []string
			for _, c := range Changes(before, e.Commit(before.Revision().Next(), noon.Add(time.Second))) {
				got = append(got, strings.ReplaceAll(c.Component, "\x00", "|")+" "+c.What)
			}
			if strings.Join(got, "; ") != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestRestarts: a known pid that is another one, and connections that doubled.
func TestRestarts(t *testing.T) {
	s := site(t)
	step := func(pid, count int) string {
		db, web := s.Block("db").Clone(), s.Block("web").Clone()
		db.Services[0].PID = pid
		for i := range web.Connections {
			if web.Connections[i].Client.Process == "nginx" {
				web.Write(i).Count = count
			}
		}
		e := s.Edit()
		e.Put(db)
		e.Put(web)
		next := e.Commit(s.Revision().Next(), noon)
		var got []string
		for _, c := range Changes(s, next) {
			got = append(got, c.What)
		}
		s = next
		return strings.Join(got, "; ")
	}
	for _, tt := range []struct {
		pid, count int
		want       string
	}{{7, 12, ""}, {8, 20, "restarted under a new pid"}, {8, 40, "has 40 connections to app:0, 20 before"}, {0, 41, ""}} {
		if got := step(tt.pid, tt.count); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

// TestZones: hosts sit in their zone if there are several.
func TestZones(t *testing.T) {
	a, b := host("a"), host("b")
	b.Node.Zone = "east"
	g, err := Graph(snapshot(t, a, b), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := edges(g); got != "a on |zone|\nb on |zone|east" {
		t.Errorf("%s", got)
	}
	if c, ok := g.Component(Zone("east")); !ok || c.Name != "zone east" {
		t.Errorf("%+v", c)
	}
}
