package server

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/store"
)

func TestJudgeReports(t *testing.T) {
	type step struct {
		instance string
		sequence uint64
		second   int // of the agent's clock
		want     verdict
	}
	for name, steps := range map[string][]step{
		"in order":                           {{"a", 1, 0, news}, {"a", 2, 10, news}, {"a", 3, 20, news}},
		"the last one again":                 {{"a", 1, 0, news}, {"a", 2, 10, news}, {"a", 2, 10, repeated}, {"a", 3, 20, news}},
		"an old one":                         {{"a", 1, 0, news}, {"a", 2, 10, news}, {"a", 1, 0, replayed}, {"a", 3, 20, news}},
		"some were lost":                     {{"a", 1, 0, news}, {"a", 9, 90, news}, {"a", 8, 80, replayed}},
		"the clock goes back":                {{"a", 1, 100, news}, {"a", 2, 50, news}, {"a", 3, 40, news}},
		"one number, two moments":            {{"a", 1, 0, news}, {"a", 1, 10, replayed}},
		"a new process":                      {{"a", 7, 70, news}, {"b", 1, 80, news}, {"b", 2, 90, news}},
		"a new process, the clock went back": {{"a", 7, 70, news}, {"b", 1, 10, news}},
		"the process before":                 {{"a", 7, 70, news}, {"b", 1, 80, news}, {"a", 7, 70, repeated}, {"a", 6, 60, replayed}},
		"an agent that doesn't say":          {{"", 1, 0, news}, {"", 2, 10, news}, {"", 2, 10, repeated}, {"", 1, 0, replayed}, {"", 2, 5, replayed}},
		"it starts anew":                     {{"", 7, 70, news}, {"", 1, 80, news}, {"", 7, 70, news}},
		"no sequence":                        {{"", 0, 0, news}, {"", 0, 0, news}, {"a", 0, 0, news}, {"a", 0, 0, news}},
	} {
		t.Run(name, func(t *testing.T) {
			m := reports{}
			for i, s := range steps {
				r := (&reporter{name: "web"}).report()
				r.Agent.Instance, r.Sequence, r.Time = s.instance, s.sequence, time.Unix(int64(s.second), 0)
				if got := m.judge(r); got != s.want {
					t.Errorf("step %d is %d, want %d", i, got, s.want)
				}
			}
		})
	}
}

// TestJudgeTellsNodesApart, and remembers a bounded number of processes.
func TestJudgeTellsNodesApart(t *testing.T) {
	m := reports{}
	at := func(name, identity, instance string) verdict {
		r := (&reporter{name: name}).report()
		r.Node.Identity = report.Identity{Kind: report.IdentityMachine, Value: identity}
		r.Agent.Instance = instance
		return m.judge(r)
	}
	for _, node := range [][2]string{{"web", "1"}, {"web", "2"}, {"db", "1"}} {
		if got := at(node[0], node[1], "a"); got != news {
			t.Errorf("%v: %d", node, got)
		}
	}
	for i := range 100 {
		at("web", "1", fmt.Sprint(i))
	}
	if n := len(m["machine-id 1 web"]); n != maxInstances {
		t.Errorf("%d processes are remembered", n)
	}
}

func TestReplayedReport(t *testing.T) {
	s := start(t, &memory{}, store.Patch{})
	web := &reporter{name: "web", number: 1}
	first, second := web.report(), web.report("10.0.0.2")
	second.Time = first.Time.Add(time.Second)
	s.put(t, first)
	s.put(t, second)
	if err := s.Put(t.Context(), first); !errors.Is(err, collect.ErrReplayed) {
		t.Errorf("Put returns %v", err)
	}
	s.put(t, second) // its sender got no answer
	s.put(t, web.report())
}
