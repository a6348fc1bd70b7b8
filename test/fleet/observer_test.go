//go:build linux

package fleettest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// A health checker and a port scanner look at every service for a moment, and a
// shop uses one of them: the former are observers, the latter is none.
func TestObservers(t *testing.T) {
	t.Parallel()
	hosts := []string{"map1", "srv1", "srv2", "srv3", "mon1", "web1"}
	var plans []stage.Plan
	for i, name := range hosts {
		plans = append(plans, stage.On("main", name, fmt.Sprintf("10.77.0.%d/24", i+10)))
	}
	s := newSite(t, plans...)
	var open, all []string
	for i := range 3 {
		server := fmt.Sprintf("srv%d", i+1)
		for port := 9001; port <= 9020; port++ {
			address := fmt.Sprintf("10.77.0.%d:%d", i+11, port)
			if all = append(all, address); port <= 9006 {
				s.listens(t, server, fmt.Sprintf("api%d", port-9000), "tcp4 "+address)
				open = append(open, address)
			}
		}
	}
	s.calls(t, "web1", "shop", "tcp "+open[0])
	d := s.server(t, "map1", "10.77.0.10:4849")
	d.agents(t, s)
	checker, scanner := s.Hosts["mon1"].Puppet(t, "checker"), s.Hosts["mon1"].Puppet(t, "scanner")
	rounds(t, 1500*time.Millisecond, checker, open)
	rounds(t, 1500*time.Millisecond, scanner, all)

	want := chart.Graph{Edges: chart.ReadEdges(t, "observers.tsv"), Nodes: chart.Reporting(hosts...)}
	d.Shows(t, want, hosts...)
	d.ChartWhen(t, "observers are known", func(c *chart.Chart) error {
		for _, k := range c.Connections {
			if watches := k.Client.Node == "mon1"; !k.Own && k.Observer != watches {
				return fmt.Errorf("%s/%s → %s:%d is of an observer: %t", k.Client.Node, k.Client.Process, k.Server.Node, k.Server.Port, k.Observer)
			}
		}
		return nil
	})
	var c chart.Chart
	stage.Must(t, d.Get(t.Context(), "/topology?hide=observers", &c))
	if edges := c.Edges(); len(edges) != 1 {
		t.Errorf("without observers the chart has %d edges, want the shop's alone: %v", len(edges), edges)
	}
}

// rounds has a puppet touch addresses, again and again until the test ends.
func rounds(t *testing.T, every time.Duration, p *stage.Puppet, addresses []string) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			if _, err := p.Touch(addresses...); err != nil {
				return // it was ended
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}
