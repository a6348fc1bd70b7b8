//go:build linux

package fleettest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// life is a small site that things happen to: web1's shop calls services on db1,
// on old1, which speaks text, and on legacy1, which is asked over SSH; a neighbour
// without an agent calls web1. What is started anew lives as long as the site.
type life struct {
	site
	t      *testing.T
	d      *dotm
	shop   *stage.Puppet
	text   *stage.Puppet // what speaks on old1
	sshd   *stage.SSHD   // of legacy1
	agents map[string]*stage.Agent
	before *chart.Chart
}

// The hosts that report by agents, and those that are asked.
var (
	lifeAgents = []string{"map1", "web1", "db1"}
	lifeAsked  = []string{"old1", "legacy1"}
)

var lifePlans = map[string]stage.Plan{
	"map1": stage.On("main", "map1", "10.77.0.10/24"), "web1": stage.On("main", "web1", "10.77.0.11/24"),
	"db1": stage.On("main", "db1", "10.77.0.12/24"), "bare1": stage.On("main", "bare1", "10.77.0.13/24"),
	"old1": stage.On("main", "old1", "10.77.0.18/24"), "legacy1": stage.On("main", "legacy1", "10.77.0.19/24"),
}

// newLife starts the site and waits until it is on the chart.
func newLife(t *testing.T) *life {
	t.Helper()
	l := &life{t: t, agents: map[string]*stage.Agent{}}
	l.site = newSite(t, lifePlans["map1"], lifePlans["web1"], lifePlans["bare1"])
	l.startStore()
	l.startText()
	l.startMill()
	var access []string
	l.sshd, access = asks(t, l.Hosts["legacy1"], "10.77.0.19")
	l.shop = l.listens(t, "web1", "shop", "tcp4 10.77.0.11:80")
	l.callStore()
	l.callAsked()
	l.calls(t, "bare1", "browser", "tcp 10.77.0.11:80")
	l.d = l.server(t, "map1", "10.77.0.10:4849", access...)
	l.d.Set(t, `{"stale_after":"10s"}`)
	for _, name := range lifeAgents {
		l.agents[name] = l.d.agent(t, l.Hosts[name])
	}
	l.d.add(t, "text://10.77.0.18:4848", "ssh://"+stage.Operator+"@10.77.0.19")
	l.d.HeardOf(t, slices.Concat(lifeAgents, lifeAsked)...)
	l.before = l.d.Shows(t, l.scene(), lifeAgents...)
	return l
}

// startStore switches db1 on, with its services.
func (l *life) startStore() {
	l.Add(l.t, lifePlans["db1"])
	l.Hosts["db1"].Redis(l.t, 6379, "10.77.0.12")
	l.listens(l.t, "db1", "ledger", "tcp4 10.77.0.12:7001", "udp4 10.77.0.12:514")
}

// callStore has the shop call db1's services. It waits for redis, which is what
// takes a moment to start: whoever else looked would be a client as well.
func (l *life) callStore() {
	stage.Eventually(l.t, "redis answers", func() error { return l.shop.Puppet.Dial(1, "tcp", "10.77.0.12:6379") })
	l.shop.Calls(l.t, "tcp 10.77.0.12:7001", "udp 10.77.0.12:514")
}

// startText switches old1 on.
func (l *life) startText() {
	l.Add(l.t, lifePlans["old1"])
	l.text = speaksText(l.t, l.Hosts["old1"], "10.77.0.18")
	l.listens(l.t, "old1", "archive", "tcp4 10.77.0.18:7002")
	l.calls(l.t, "old1", "mirror", "tcp 10.77.0.12:7001")
}

// startMill switches legacy1 on, without its sshd.
func (l *life) startMill() {
	l.Add(l.t, lifePlans["legacy1"])
	l.listens(l.t, "legacy1", "depot", "tcp4 10.77.0.19:7003")
	mill := l.Hosts["legacy1"].Puppet(l.t, "mill")
	stage.Eventually(l.t, "redis answers", func() error { return mill.Puppet.Dial(1, "tcp", "10.77.0.12:6379") })
}

func (l *life) callAsked() {
	l.shop.Calls(l.t, "tcp 10.77.0.18:7002", "tcp 10.77.0.19:7003")
}

// scene is what the chart shows of it, with these hosts silent, or "HOST STATE".
func (l *life) scene(silent ...string) chart.Graph {
	want := chart.Graph{Edges: chart.ReadEdges(l.t, "life.tsv"), Nodes: []string{"10.77.0.13 inferred inferred"}}
	states := map[string]string{}
	for _, s := range silent {
		name, state, _ := strings.Cut(s, " ")
		states[name] = cmp.Or(state, "stale")
	}
	for _, name := range slices.Concat(lifeAgents, lifeAsked) {
		state := cmp.Or(states[name], "reporting")
		want.Nodes = append(want.Nodes, name+" host "+state)
	}
	return want
}

// silent waits until hosts are, which changes nothing else.
func (l *life) silent(t *testing.T, hosts ...string) {
	t.Helper()
	others := slices.DeleteFunc(slices.Clone(lifeAgents), func(h string) bool {
		return slices.ContainsFunc(hosts, func(s string) bool { return strings.HasPrefix(s+" ", h+" ") })
	})
	l.d.Shows(t, l.scene(hosts...), others...)
}

// back waits until hosts report again, and all is as it was before.
func (l *life) back(t *testing.T, hosts ...string) {
	t.Helper()
	l.d.HeardSince(t, time.Now(), hosts...)
	sameEdges(t, l.before, l.d.Shows(t, l.scene(), lifeAgents...))
}

// Hosts are cut off, agents, what is asked and the server are stopped and come
// back, a host is renamed: nothing vanishes that is there, and nothing appears
// anew.
func TestLife(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	begin := time.Now()
	t.Run("hosts are cut off", func(t *testing.T) {
		cut := []string{"db1", "old1", "legacy1"}
		for _, h := range cut {
			l.Hosts[h].Cut(t)
		}
		l.silent(t, cut...)
		for _, h := range cut {
			l.Hosts[h].Mend(t)
		}
		l.back(t, cut...)
	})
	t.Run("the server is started anew", func(t *testing.T) {
		begin := time.Now()
		if code := l.d.Terminate(t, stage.Patience); code != 0 {
			t.Fatalf("the server ended with %d", code)
		}
		l.d.Again(l.t)
		sameEdges(t, l.before, l.d.ChartWhen(t, "the chart", func(*chart.Chart) error { return nil }))
		l.back(t, slices.Concat(lifeAgents, lifeAsked)...)
		if events := l.d.events(t, begin); len(events) > 0 {
			t.Errorf("a restart is said to change %q", events)
		}
	})
	t.Run("an agent is stopped and started", func(t *testing.T) {
		if code := l.agents["web1"].Terminate(t, stage.Patience); code != 0 {
			t.Errorf("the agent ended with %d", code)
		}
		l.silent(t, "web1 stopped")
		l.agents["web1"].Again(l.t)
		l.back(t, "web1")
	})
	t.Run("what is asked stops answering", func(t *testing.T) {
		l.text.Kill()
		l.sshd.Kill()
		l.silent(t, lifeAsked...)
		l.text = speaksText(l.t, l.Hosts["old1"], "10.77.0.18")
		l.sshd.Again(l.t, l.Hosts["legacy1"])
		l.back(t, lifeAsked...)
	})
	t.Run("a host loses its power", func(t *testing.T) {
		l.Hosts["db1"].Stop()
		l.silent(t, "db1")
		l.shop.HangUp(t)
		l.startStore()
		l.agents["db1"].On = l.Hosts["db1"]
		l.agents["db1"].Again(l.t)
		l.callStore()
		l.callAsked()
		l.back(t, "db1")
	})
	t.Run("hosts that are asked lose their power", func(t *testing.T) {
		for _, h := range lifeAsked {
			l.Hosts[h].Stop()
		}
		l.silent(t, lifeAsked...)
		l.startText()
		l.startMill()
		l.sshd.Again(l.t, l.Hosts["legacy1"])
		l.back(t, lifeAsked...)
	})
	// Nothing comes or goes by that, but for dotm's own checks, which tell of the silence.
	if events := slices.DeleteFunc(l.d.events(t, begin), func(e string) bool {
		return !isAbout(e, "vanished") && !isAbout(e, "appeared") || isAbout(e, "vanished check") || isAbout(e, "appeared check")
	}); len(events) > 0 {
		t.Errorf("blindness is said to be change: %q", events)
	}
	changes(t, l)
}

func isAbout(event, kind string) bool { return len(event) > len(kind) && event[:len(kind)] == kind }

// changes are what does change the chart.
func changes(t *testing.T, l *life) {
	bare := func(want chart.Graph) chart.Graph {
		want.Nodes[slices.Index(want.Nodes, "10.77.0.13 inferred inferred")] = "bare1 host reporting"
		i := slices.IndexFunc(want.Edges, func(e chart.Edge) bool { return e.Client == "10.77.0.13" })
		want.Edges[i].Client, want.Edges[i].ClientProcess = "bare1", "browser"
		return want
	}
	firstSeen := func(t *testing.T, n *chart.Node, was string) {
		t.Helper()
		if first := l.before.Node(was).FirstSeen; !n.FirstSeen.Equal(first) {
			t.Errorf("%s is first seen %s, %s was %s", n.Name, n.FirstSeen, was, first)
		}
	}
	t.Run("a silent host begins to report", func(t *testing.T) {
		l.d.agent(l.t, l.Hosts["bare1"])
		c := l.d.Shows(t, bare(l.scene()), append(lifeAgents, "bare1")...)
		firstSeen(t, c.Node("bare1"), "10.77.0.13")
	})
	t.Run("a host is renamed", func(t *testing.T) {
		stage.Must(t, l.Hosts["db1"].Rename("store1"))
		want := bare(l.scene())
		want.Nodes[slices.Index(want.Nodes, "db1 host reporting")] = "store1 host reporting"
		for i := range want.Edges {
			if want.Edges[i].Server == "db1" {
				want.Edges[i].Server = "store1"
			}
		}
		c := l.d.Shows(t, want, "map1", "web1", "store1")
		if n := c.Node("store1"); !slices.ContainsFunc(n.Findings, func(f chart.Finding) bool { return f.Code == "renamed" }) {
			t.Errorf("nothing says that store1 was db1: %+v", n.Findings)
		}
		firstSeen(t, c.Node("store1"), "db1")
	})
}

// A host is off the network for longer than a minute, which is when a server whose
// settings nobody changed calls it silent. That is a gap: it is no event that anything
// vanished, and what opened and closed meanwhile is told afterwards.
func TestMinute(t *testing.T) {
	t.Parallel()
	const rounds, visits = 6, 20
	s := newSite(t, lifePlans["map1"], lifePlans["web1"], lifePlans["db1"])
	db := s.Hosts["db1"]
	db.Redis(t, 6379, "10.77.0.12")
	db.Reachable(t, "10.77.0.12:6379")
	s.calls(t, "web1", "shop", "tcp 10.77.0.12:6379")
	visitor := db.Puppet(t, "visitor")
	stage.Must(t, visitor.Visit(visits, 0, "10.77.0.12:6379"))
	d := s.server(t, "map1", "10.77.0.10:4849")
	d.agents(t, s)
	stage.Must(t, visitor.Visit(visits, 0, "10.77.0.12:6379"))
	want := chart.Graph{
		Nodes: chart.Reporting("map1", "web1", "db1"),
		Edges: []chart.Edge{
			{Client: "web1", ClientProcess: "shop", Server: "db1", ServerProcess: "redis-server", Protocol: "tcp", Port: 6379},
			{Client: "db1", ClientProcess: "visitor", Server: "db1", ServerProcess: "redis-server", Protocol: "tcp", Port: 6379},
		},
	}
	before := d.Shows(t, want, "map1", "web1", "db1")

	cut := time.Now()
	db.Cut(t)
	silent := want
	silent.Nodes = []string{"map1 host reporting", "web1 host reporting", "db1 host stale"}
	for i := range rounds {
		stage.Must(t, visitor.Visit(visits, 0, "10.77.0.12:6379"))
		stage.Within(t, stage.Patience, "the next round", func() error {
			if at := cut.Add(time.Duration(i+1) * time.Minute / rounds); time.Now().Before(at) {
				return fmt.Errorf("it is at %s", at)
			}
			return nil
		})
	}
	d.Shows(t, silent, "map1", "web1")
	if gap := time.Since(cut); gap < time.Minute {
		t.Errorf("it was called silent after %s", gap)
	}

	db.Mend(t)
	opened := before.Edge("visitor").Opened + rounds*visits
	stage.Within(t, 2*time.Minute, "what happened meanwhile is told", func() error { // the agent tries again within a minute
		c, err := d.Chart(t.Context())
		if err != nil {
			return err
		}
		if e := c.Edge("visitor"); e == nil || e.Opened != opened {
			return fmt.Errorf("%s opened %d, want %d", e, e.Opened, opened)
		}
		return nil
	})
	sameEdges(t, before, d.Shows(t, want, "map1", "web1", "db1"))
	if events := d.events(t, cut); !slices.Equal(events, []string{"changed node db1 state", "changed node db1 state"}) {
		t.Errorf("the gap is said to be %q", events)
	}
}
