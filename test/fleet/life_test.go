//go:build linux

package fleettest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// lifeSite is a small site that things happen to: web1's shop calls services on
// db1, and a neighbour without an agent calls web1.
func lifeSite(t *testing.T) (*site, *bed.Puppet) {
	t.Helper()
	s := newSite(t,
		on("main", "map1", "10.77.0.10/24"), on("main", "web1", "10.77.0.11/24"), on("main", "bare1", "10.77.0.13/24"),
	)
	startStore(t, s)
	shop := s.hosts["web1"].listens("shop", "tcp4 10.77.0.11:80")
	callStore(t, shop)
	s.hosts["bare1"].calls("browser", "tcp 10.77.0.11:80")
	return s, shop
}

// startStore switches db1 on, with its services.
func startStore(t *testing.T, s *site) {
	t.Helper()
	must(t, s.build(on("main", "db1", "10.77.0.12/24")))
	s.hosts["db1"].redis(t, 6379, "10.77.0.12")
	s.hosts["db1"].listens("ledger", "tcp4 10.77.0.12:7001", "udp4 10.77.0.12:514")
}

// callStore has the shop call db1's services. It waits for redis, which is what
// takes a moment to start: whoever else looked would be a client as well.
func callStore(t *testing.T, shop *bed.Puppet) {
	t.Helper()
	eventually(t, "redis answers", func() error { return shop.Dial(1, "tcp", "10.77.0.12:6379") })
	calls(t, shop, "tcp 10.77.0.12:7001", "udp 10.77.0.12:514")
}

// lifeScene is what the chart shows of it, with db1 under some name and in some
// state.
func lifeScene(t *testing.T, db, state string) scene {
	t.Helper()
	want := scene{
		edges: expected(t, "life.tsv"),
		nodes: append(reporting("map1", "web1"), db+" host "+state, "10.77.0.13 inferred inferred"),
	}
	for i := range want.edges {
		if want.edges[i].server == "db1" {
			want.edges[i].server = db
		}
	}
	return want
}

// Hosts are cut off, agents and the server are stopped and come back, a host is
// renamed: nothing vanishes that is there, and nothing appears anew.
func TestLife(t *testing.T) {
	t.Parallel()
	s, shop := lifeSite(t)
	hosts := []string{"map1", "web1", "db1"}
	d := s.hosts["map1"].server(t, "10.77.0.10:4849")
	agents := d.agents(t, hosts...)
	before := d.shows(t, lifeScene(t, "db1", "reporting"), hosts...)

	t.Run("a host is cut off", func(t *testing.T) {
		s.hosts["db1"].cut(t)
		d.shows(t, lifeScene(t, "db1", "stale"), "map1", "web1")
		s.hosts["db1"].mend(t)
		d.heardOf(t, "db1")
		sameEdges(t, before, d.shows(t, lifeScene(t, "db1", "reporting"), hosts...))
	})
	t.Run("the server is started anew", func(t *testing.T) {
		d.stop(t)
		d.start(t)
		sameEdges(t, before, d.chartWhen(t, func(*chart) error { return nil }))
		heardSince(t, d, time.Now(), hosts...)
		sameEdges(t, before, d.shows(t, lifeScene(t, "db1", "reporting"), hosts...))
	})
	t.Run("an agent is stopped and started", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if code, err := agents["web1"].Terminate(ctx); err != nil || code != 0 {
			t.Errorf("the agent ended with %d, %v", code, err)
		}
		stale := lifeScene(t, "db1", "reporting")
		stale.nodes[slices.Index(stale.nodes, "web1 host reporting")] = "web1 host stale"
		d.shows(t, stale, "map1", "db1")
		agents["web1"].start()
		d.heardOf(t, "web1")
		sameEdges(t, before, d.shows(t, lifeScene(t, "db1", "reporting"), hosts...))
	})
	t.Run("a host loses its power", func(t *testing.T) {
		s.hosts["db1"].Stop()
		d.shows(t, lifeScene(t, "db1", "stale"), "map1", "web1")
		must(t, shop.HangUp())
		startStore(t, s)
		a := agents["db1"]
		a.on = s.hosts["db1"]
		a.start()
		d.heardOf(t, "db1")
		callStore(t, shop)
		sameEdges(t, before, d.shows(t, lifeScene(t, "db1", "reporting"), hosts...))
	})
	t.Run("a silent host begins to report", func(t *testing.T) {
		s.hosts["bare1"].agent(d)
		want := lifeScene(t, "db1", "reporting")
		want.nodes[slices.Index(want.nodes, "10.77.0.13 inferred inferred")] = "bare1 host reporting"
		want.edges[slices.IndexFunc(want.edges, func(e edge) bool { return e.client == "10.77.0.13" })] = edge{"bare1", "browser", "web1", "shop", "tcp", 80}
		c := d.shows(t, want, append(hosts, "bare1")...)
		if n := c.node("bare1"); !n.FirstSeen.Equal(before.node("10.77.0.13").FirstSeen) {
			t.Errorf("bare1 is first seen %s, its address was %s", n.FirstSeen, before.node("10.77.0.13").FirstSeen)
		}
	})
	t.Run("a host is renamed", func(t *testing.T) {
		must(t, s.hosts["db1"].Rename("store1"))
		want := lifeScene(t, "store1", "reporting")
		want.nodes[slices.Index(want.nodes, "10.77.0.13 inferred inferred")] = "bare1 host reporting"
		want.edges[slices.IndexFunc(want.edges, func(e edge) bool { return e.client == "10.77.0.13" })] = edge{"bare1", "browser", "web1", "shop", "tcp", 80}
		c := d.shows(t, want, "map1", "web1", "store1")
		if n := c.node("store1"); !slices.ContainsFunc(n.Findings, func(f finding) bool { return f.Code == "renamed" }) {
			t.Errorf("nothing says that store1 was db1: %+v", n.Findings)
		}
		if n := c.node("store1"); !n.FirstSeen.Equal(before.node("db1").FirstSeen) {
			t.Errorf("store1 is first seen %s, db1 was %s", n.FirstSeen, before.node("db1").FirstSeen)
		}
	})
}

// chartWhen is the first chart that f takes.
func (d *dotm) chartWhen(t *testing.T, f func(*chart) error) (c *chart) {
	t.Helper()
	eventually(t, "the chart", func() (err error) {
		if c, err = d.chart(t.Context()); err != nil {
			return err
		}
		return f(c)
	})
	return c
}

// heardSince waits until each host has reported after a moment.
func heardSince(t *testing.T, d *dotm, since time.Time, hosts ...string) {
	t.Helper()
	d.chartWhen(t, func(c *chart) error {
		for _, h := range hosts {
			if n := c.node(h); n == nil || !n.LastReport.After(since) {
				return fmt.Errorf("%s has not reported", h)
			}
		}
		return nil
	})
}
