//go:build linux

package fleettest

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
	"github.com/devops-trouble-map/dotm/topology"
)

// quick has signals begin and end sooner than they do by themselves.
const quick = `{"signals": {"refused": {"for": "2s"}, "unreachable": {"for": "2s"}, "queue": {"for": "2s"}, "slow": {"for": "2s"}, "stopped": {"for": "2s"}}}`

// With no monitoring at all dotm sees that a service stopped and refuses, that another
// can't be reached, answers late, or doesn't take what waits; and that it is over.
func TestSignals(t *testing.T) {
	t.Parallel()
	hosts := []string{"map1", "web1", "db1", "db2", "db3", "db4"}
	var plans []stage.Plan
	for i, name := range hosts {
		plans = append(plans, stage.On("main", name, fmt.Sprintf("10.77.0.%d/24", i+10)))
	}
	s := newSite(t, plans...)
	db := s.listens(t, "db1", "postgres", "tcp4 10.77.0.12:5432")
	s.listens(t, "db2", "redis", "tcp4 10.77.0.13:6379")
	s.listens(t, "db3", "smtp", "tcp4 10.77.0.14:2525")
	s.Hosts["db4"].Set(t, "net.core.somaxconn=3")
	deaf := s.Hosts["db4"].Puppet(t, "deaf")
	deaf.Do(t, bed.Order{Do: "listen only", Network: "tcp4", Local: "10.77.0.15:8080"})
	shop, mail := s.Hosts["web1"].Puppet(t, "shop"), s.Hosts["web1"].Puppet(t, "mail")
	reader := s.Hosts["web1"].Puppet(t, "reader")
	reader.Dial(t, 1, "tcp4", "10.77.0.13:6379")
	d := s.server(t, "map1", "10.77.0.10:4849")
	d.Set(t, quick)
	d.agents(t, s)
	rounds(t, 300*time.Millisecond, shop, []string{"10.77.0.12:5432"})
	rounds(t, 300*time.Millisecond, mail, []string{"10.77.0.14:2525"})
	talks(t, reader)
	d.signals(t, 30*time.Second) // until it is known what is usual
	reports(t, d, "web1", 25)

	db.Kill()
	s.Hosts["db3"].Rules(t, "table inet t {\n chain in {\n type filter hook input priority 0;\n tcp dport 2525 drop;\n }\n }\n")
	delay(t, s.Hosts["db2"], 6379)
	crowd := s.Hosts["web1"].Puppet(t, "crowd")
	crowd.Dial(t, 4, "tcp4", "10.77.0.15:8080")
	d.signals(
		t, 30*time.Second, // it takes about ten; the machine may be busy
		"db1 refused: web1 shop → postgres:5432", "db1 stopped: postgres:5432", "db2 slow: web1 reader → redis:6379",
		"db3 unreachable: web1 mail → smtp:2525", "db4 queue: deaf:8080",
	)

	s.listens(t, "db1", "postgres", "tcp4 10.77.0.12:5432")
	run(t, s.Hosts["db3"], stage.Need(t, "nft"), "delete", "table", "inet", "t")
	run(t, s.Hosts["db2"], stage.Need(t, "tc"), "qdisc", "del", "dev", "eth0", "root")
	crowd.HangUp(t)
	deaf.Kill()
	s.listens(t, "db4", "deaf", "tcp4 10.77.0.15:8080")
	d.signals(t, 30*time.Second)
	d.resolves(t, "all is over")
}

// delay has what a host answers from a port wait in a queue that moves slowly. (netem(8)
// would do the same with one word, but few kernels of test machines have it.)
func delay(t *testing.T, h *stage.Host, port int) {
	t.Helper()
	tc := stage.Need(t, "tc")
	h.Rules(t, fmt.Sprintf("table inet slow {\n chain out {\n type filter hook output priority 0;\n tcp sport %d meta priority set 1:10\n }\n }\n", port))
	for _, order := range []string{
		"qdisc add dev eth0 root handle 1: htb default 20",
		"class add dev eth0 parent 1: classid 1:10 htb rate 3kbit burst 100 quantum 1000",
		"class add dev eth0 parent 1: classid 1:20 htb rate 1gbit",
		"qdisc add dev eth0 parent 1:10 pfifo limit 4",
	} {
		run(t, h, tc, strings.Fields(order)...)
	}
}

// run runs a program on a host.
func run(t *testing.T, h *stage.Host, program string, args ...string) {
	t.Helper()
	if _, err := h.Run("", program, args...); err != nil {
		stage.Cannot(t, err.Error())
	}
}

// talks has a puppet say something on its connections again and again, until the test
// ends.
func talks(t *testing.T, p *stage.Puppet) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			if _, err := p.Order(bed.Order{Do: "say", Send: "well?"}); err != nil {
				return // it was ended
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// reports waits until a node has reported so many times more.
func reports(t *testing.T, d *dotm, node string, n int) {
	t.Helper()
	seen := map[time.Time]bool{}
	stage.Within(t, time.Duration(3*n)*time.Second, "reports", func() error {
		c, err := d.Chart(t.Context())
		if err != nil {
			return err
		}
		for _, b := range c.Nodes {
			if b.Name == node {
				seen[b.LastReport] = true
			}
		}
		if len(seen) < n {
			return fmt.Errorf("%d reports of %s were seen", len(seen), node)
		}
		return nil
	})
}

// signals waits until these are what there is.
func (d *dotm) signals(t *testing.T, limit time.Duration, want ...string) {
	t.Helper()
	stage.Within(t, limit, "signals", func() error {
		var list struct{ Checks []topology.Check }
		if err := d.Get(t.Context(), "/checks?source="+url.QueryEscape(topology.SignalSource), &list); err != nil {
			return err
		}
		got := map[string]string{}
		for i := range list.Checks {
			c := &list.Checks[i]
			got[c.Node+" "+c.Name] = c.Output
		}
		if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
			return fmt.Errorf("there are\n  %s\nwant\n  %s", strings.Join(names, "\n  "), strings.Join(want, "\n  "))
		}
		for name, output := range got {
			t.Logf("%s: %s", name, output)
		}
		return nil
	})
}
