package replicas

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/redis"
)

// recover has agents report every second, as they do every ten, until all
// replicas show the same, led by one.
func recovered(t *testing.T, list []*agent, nodes int, replicas ...*replica) time.Duration {
	t.Helper()
	begin := time.Now()
	for {
		once(t, list, replicas...)
		<-time.After(time.Second)
		charts := map[string]bool{}
		leading, following, shown := 0, 0, 0
		for _, r := range replicas {
			c, err := r.chart()
			if err != nil {
				t.Fatal(err)
			}
			charts[strings.Join(append(c.Nodes, c.Edges...), "\n")], shown = true, len(c.Nodes)
			switch r.role(t) {
			case "leading":
				leading++
			case "following":
				following++
			}
		}
		if len(charts) == 1 && leading == 1 && following == len(replicas)-1 && shown == nodes {
			return time.Since(begin)
		}
		if time.Since(begin) > 45*time.Second {
			t.Fatalf("after %s there are %d charts, %d lead, %d follow, %d nodes", time.Since(begin), len(charts), leading, following, shown)
		}
	}
}

// TestRedisAway: without Redis every server goes on alone and says so; with it
// they find together by themselves.
func TestRedisAway(t *testing.T) {
	server := redis.Start(t)
	a, b := start(t, server.URL()), start(t, server.URL())
	list := agents(8)
	once(t, list, a, b)
	agree(t, edges(list), a, b)
	for name, away := range map[string][2]func(){
		"killed":  {server.Kill, func() { server.Again(t) }},
		"hanging": {server.Hang, server.Resume},
	} {
		t.Run(name, func(t *testing.T) {
			away[0]()
			daemon.WaitFor(t, "the servers to notice", func() bool {
				return strings.Contains(trouble(a), "going on alone") || strings.Contains(trouble(a), "can't be reached") && strings.Contains(trouble(b), "can't be reached")
			})
			daemon.WaitFor(t, "both to be alone", func() bool { return a.aloneNow() && b.aloneNow() })
			list[0].peers = append(list[0].peers, "10.9.2."+map[string]string{"killed": "1", "hanging": "2"}[name])
			once(t, list, a) // the live chart goes on
			c, err := a.chart()
			daemon.WaitFor(t, "the new edge", func() bool {
				c, err = a.chart()
				return err == nil && strings.Contains(strings.Join(c.Edges, " "), list[0].peers[len(list[0].peers)-1])
			})
			away[1]()
			t.Logf("together again after %s", recovered(t, list, len(c.Nodes), a, b).Round(100*time.Millisecond))
		})
	}
}

// trouble is what /readyz says.
func trouble(r *replica) string {
	if err := r.get("/readyz", nil); err != nil {
		return err.Error()
	}
	return ""
}

// aloneNow asks without the history, which can't be read now.
func (r *replica) aloneNow() bool { return strings.Contains(trouble(r), "other servers are not heard") }

// TestMasterFailsOver: a Redis that is replaced by its replica is Redis still.
func TestMasterFailsOver(t *testing.T) {
	t.Run("Sentinel", func(t *testing.T) {
		s := redis.StartSentinel(t)
		failOver(t, s.URL(), s.Servers[0].Kill)
	})
	t.Run("Cluster", func(t *testing.T) {
		c := redis.StartCluster(t)
		t.Cleanup(func() {
			if t.Failed() {
				for _, s := range c.Servers {
					t.Logf("%s:\n%s", s.Addr, s.Try("CLUSTER", "NODES"))
				}
			}
		})
		failOver(t, c.URL(), func() { c.Masters()[0].Kill() })
	})
}

func failOver(t *testing.T, url string, kill func()) {
	a, b := start(t, url), start(t, url)
	list := agents(8)
	once(t, list, a, b)
	c, _ := agree(t, edges(list), a, b)
	kill()
	took := recovered(t, list, len(c.Nodes), a, b)
	t.Logf("recovered %s after the master was killed", took.Round(100*time.Millisecond))
	if took > 30*time.Second {
		t.Errorf("the live state took %s to recover", took)
	}
	fresh := start(t, url) // reads what the store holds
	if d := recovered(t, list, len(c.Nodes), a, b, fresh); d > 30*time.Second {
		t.Errorf("a new server took %s", d)
	}
}

// TestRedisForgets: a Redis that comes back empty gets everything again from the
// servers: the chart, who is asked, the settings; servers that start then read it.
func TestRedisForgets(t *testing.T) {
	server := redis.Start(t, "--appendonly", "no")
	a, b := start(t, server.URL()), start(t, server.URL())
	list := agents(8)
	once(t, list, a, b)
	agree(t, edges(list), a, b)
	patch(t, b, map[string]any{"expire_after": "48h"})
	ask(t, b, "text://127.0.0.1:1")
	daemon.WaitFor(t, "the other server to hear of it", func() bool {
		var list json.RawMessage
		return a.get("/api/v1/nodes", &list) == nil && strings.Contains(string(list), "127.0.0.1:1")
	})
	server.Kill()
	server.Again(t)
	took := recovered(t, list, 13, a, b)
	t.Logf("recovered after %s", took.Round(100*time.Millisecond))
	if took > 30*time.Second {
		t.Errorf("the live state took %s to recover", took)
	}
	daemon.WaitFor(t, "the target to be kept again", func() bool {
		return strings.Contains(server.Try("HKEYS", "dotm::v2::documents"), "127.0.0.1:1")
	})
	daemon.WaitFor(t, "the nodes to be kept again", func() bool { return server.Try("SCARD", "dotm::v2::nodes") == "13" })
	daemon.WaitFor(t, "the original's keys", func() bool { return server.Try("LLEN", "dotm::nodes") == "8" })
	fresh := start(t, server.URL())
	recovered(t, list, 13, a, b, fresh)
	var kept struct{ Settings map[string]any }
	if err := fresh.get("/api/v1/settings", &kept); err != nil || kept.Settings["expire_after"] != "48h0m0s" {
		t.Errorf("settings are %v, %v", kept.Settings, err)
	}
}

// ask adds a node to ask.
func ask(t *testing.T, r *replica, url string) {
	t.Helper()
	resp, err := client.Post(r.url+"/api/v1/nodes", "application/json", strings.NewReader(`{"url":"`+url+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("adding a node: %s", resp.Status)
	}
}
