package site

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/report"
)

var morning = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func made(t testing.TB, opt Options) *Site {
	t.Helper()
	if opt.Begin.IsZero() {
		opt.Begin = morning
	}
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// round are the reports of all nodes that run, by name.
func round(s *Site, at time.Time) map[string]*report.Report {
	out := map[string]*report.Report{}
	for _, n := range s.Nodes() {
		if r := s.Report(n, at); r != nil {
			out[n] = r
		}
	}
	return out
}

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		opt  Options
		says string
	}{
		{Options{Hosts: 2}, "hosts must be 3 to 50000, is 2"},
		{Options{Hosts: MaxHosts + 1}, "hosts must be"},
		{Options{Hosts: 10, Products: -1}, "products must be 0 to 200, is -1"},
		{Options{Hosts: 10, Products: maxProducts + 1}, "products must be"},
	} {
		if _, err := New(tt.opt); !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v, want %q", tt.opt, err, tt.says)
		}
	}
}

// TestSizes: sites of all sizes have as many hosts as asked for, each with a name
// and an address of its own, and all tell valid reports.
func TestSizes(t *testing.T) {
	for _, n := range []int{3, 4, 5, 6, 9, 10, 17, 40, 100, 333, 1000} {
		s := made(t, Options{Hosts: n, Seed: uint64(n)})
		names, addresses := map[string]bool{}, map[netip.Addr]string{}
		for _, h := range s.hosts {
			names[h.name] = true
			if other, twice := addresses[h.address]; twice {
				t.Errorf("%d hosts: %s and %s have %s", n, h.name, other, h.address)
			}
			addresses[h.address] = h.name
		}
		if len(names) != n || len(s.Nodes()) != n {
			t.Errorf("%d hosts: %d names, %d nodes", n, len(names), len(s.Nodes()))
		}
		for name, r := range round(s, morning) {
			if err := r.Validate(morning); err != nil {
				t.Errorf("%d hosts: report of %s: %v", n, name, err)
			}
			if r.Node.Name != name {
				t.Errorf("%s reports as %s", name, r.Node.Name)
			}
		}
	}
}

// TestManyProducts: the largest number of products has addresses for all.
func TestManyProducts(t *testing.T) {
	s := made(t, Options{Hosts: 3000, Products: maxProducts, Seed: 1})
	if n := len(s.Truth().Groups); n != maxProducts {
		t.Errorf("%d groups", n)
	}
	seen := map[string]bool{}
	for _, g := range s.Truth().Groups {
		if seen[g.Name] || len(g.Nodes) == 0 {
			t.Errorf("group %s has %d nodes, or is there twice", g.Name, len(g.Nodes))
		}
		seen[g.Name] = true
	}
}

// key names a connection of a site as both of its ends see it.
type key struct {
	client, server netip.Addr
	port           uint16
	protocol       report.Protocol
}

// ends are the rows of a round by what they are about, those of clients and those
// of servers. What leaves the site is left out.
func ends(reports map[string]*report.Report) (clients, servers map[key][]report.Connection) {
	clients, servers = map[key][]report.Connection{}, map[key][]report.Connection{}
	for _, r := range reports {
		own := r.Interfaces[1].Addresses[0].Addr()
		for _, c := range r.Connections {
			switch {
			case !c.Peer.Is4() || c.Peer.As4()[0] != 10:
			case c.Direction == report.Out:
				k := key{own, c.Peer, c.Port, c.Protocol}
				clients[k] = append(clients[k], c)
			case c.Direction == report.In:
				k := key{c.Peer, own, c.Port, c.Protocol}
				servers[k] = append(servers[k], c)
			}
		}
	}
	return clients, servers
}

// TestBothEnds: what a client tells its server tells too, of as many connections,
// with the same tuples where no address is translated; and the server has a
// listener for it.
func TestBothEnds(t *testing.T) {
	s := made(t, Options{Hosts: 120, Seed: 2, Quiet: true})
	round(s, morning)
	at := morning.Add(10 * time.Second)
	reports := round(s, at)
	clients, servers := ends(reports)
	if len(clients) < 500 {
		t.Errorf("only %d connections", len(clients))
	}
	confirmed := 0
	for k, out := range clients {
		in := servers[k]
		if len(in) != 1 {
			t.Errorf("%v: %d rows of the server", k, len(in))
			continue
		}
		count, tuples := 0, []uint64{}
		for _, c := range out {
			count += c.Count
			if c.Namespace == 0 {
				tuples = append(tuples, c.Tuples...)
			}
		}
		if count != in[0].Count {
			t.Errorf("%v: the client has %d open, the server %d", k, count, in[0].Count)
		}
		for _, tuple := range in[0].Tuples {
			if slices.Contains(tuples, tuple) {
				confirmed++
				break
			}
		}
	}
	for k := range servers {
		if len(clients[k]) == 0 {
			t.Errorf("%v: no row of the client", k)
		}
	}
	if confirmed < len(clients)*8/10 {
		t.Errorf("%d of %d connections are confirmed by tuples", confirmed, len(clients))
	}
	for name, r := range reports {
		for _, c := range r.Connections {
			if c.Direction == report.In && !slices.ContainsFunc(r.Listeners, func(l report.Listener) bool {
				return l.Port == c.Port && l.Protocol == c.Protocol && l.Process == c.Process
			}) {
				t.Errorf("%s accepted connections at %s %d, where %s does not listen", name, c.Protocol, c.Port, c.Process)
			}
		}
	}
}

// TestRowsAreRows: what a look folds into one row is one row.
func TestRowsAreRows(t *testing.T) {
	s := made(t, Options{Hosts: 200, Seed: 4})
	for name, r := range round(s, morning) {
		seen := map[report.Edge]bool{}
		for i := range r.Connections {
			e := r.Connections[i].Edge()
			if seen[e] {
				t.Errorf("%s tells %+v twice", name, e)
			}
			seen[e] = true
		}
	}
}

// TestSame: the same options and faults give the same reports and results, however
// long the steps are.
func TestSame(t *testing.T) {
	tell := func(step time.Duration) string {
		s := made(t, Options{Hosts: 60, Seed: 7})
		for _, f := range s.Story(morning.Add(3*time.Minute), 10*time.Minute, 5*time.Minute, 5) {
			if err := s.Inject(f); err != nil {
				t.Fatal(err)
			}
		}
		end := morning.Add(64 * time.Minute)
		for at := morning; at.Before(end); at = at.Add(step) {
			s.Advance(at)
		}
		var b strings.Builder
		for _, n := range s.Nodes() {
			raw, err := json.Marshal(s.Report(n, end))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s\n", raw)
		}
		raw, _ := json.Marshal(s.Truth())
		b.Write(raw)
		return b.String()
	}
	want := tell(time.Minute)
	for _, step := range []time.Duration{time.Second, 7 * time.Second, 2 * time.Hour} {
		if tell(step) != want {
			t.Errorf("in steps of %s the site is another one", step)
		}
	}
}

// TestSeeds: another seed is another site.
func TestSeeds(t *testing.T) {
	a, b := made(t, Options{Hosts: 50, Seed: 1}), made(t, Options{Hosts: 50, Seed: 2})
	x, y := a.Report("shop-db01", morning), b.Report("shop-db01", morning)
	if x.Node.Identity == y.Node.Identity || x.Agent.Instance == y.Agent.Instance {
		t.Error("two sites have the same machine")
	}
}

// TestStructureStays: from one report to the next mostly numbers change, and of
// them about a fifth.
func TestStructureStays(t *testing.T) {
	s := made(t, Options{Hosts: 100, Seed: 5, Quiet: true})
	at := morning
	before := round(s, at)
	same, reports, moved, rows := 0, 0, 0, 0
	for range 20 {
		at = at.Add(10 * time.Second)
		after := round(s, at)
		for name, r := range after {
			was := before[name]
			reports++
			if report.Structure(was) != report.Structure(r) {
				continue
			}
			same++
			for i := range r.Connections {
				rows++
				if r.Connections[i].Count != was.Connections[i].Count || rtt(&r.Connections[i]) != rtt(&was.Connections[i]) {
					moved++
				}
			}
		}
		before = after
	}
	if share := float64(same) / float64(reports); share < 0.5 {
		t.Errorf("%.0f %% of the reports have the structure of those before", 100*share)
	}
	if share := float64(moved) / float64(rows); share < 0.1 || share > 0.3 {
		t.Errorf("%.0f %% of the rows moved", 100*share)
	}
}

func rtt(c *report.Connection) uint32 {
	if c.Health == nil {
		return 0
	}
	return c.Health.RTT
}

// TestTruth: every host is in one pool, products are groups of pools, and what all
// use is a hub.
func TestTruth(t *testing.T) {
	s := made(t, Options{Hosts: 300, Seed: 6})
	truth := s.Truth()
	pool, group := map[string]string{}, map[string]string{}
	for _, p := range truth.Pools {
		for _, n := range p.Nodes {
			if pool[n] != "" {
				t.Errorf("%s is in %s and %s", n, pool[n], p.Name)
			}
			pool[n] = p.Name
		}
	}
	for _, g := range truth.Groups {
		for _, n := range g.Nodes {
			group[n] = g.Name
		}
	}
	hubs := map[string]bool{}
	for _, h := range truth.Hubs {
		hubs[h.Name] = true
		for _, n := range h.Nodes {
			if group[n] != "" {
				t.Errorf("%s of hub %s is of product %s", n, h.Name, group[n])
			}
			group[n] = "hub " + h.Name
		}
	}
	for _, n := range s.Nodes() {
		if pool[n] == "" || group[n] == "" {
			t.Errorf("%s is in pool %q and group %q", n, pool[n], group[n])
		}
	}
	for _, want := range []string{"dns", "monitor", "log", "config", "ntp", "mirror", "map"} {
		if !hubs[want] {
			t.Errorf("there is no hub %s", want)
		}
	}
	if len(truth.Groups) < 3 || len(truth.Faults) != 0 {
		t.Errorf("%d groups, %d faults", len(truth.Groups), len(truth.Faults))
	}
}

// TestLife: within a day there are deploys, reboots and hosts that come and go.
func TestLife(t *testing.T) {
	s := made(t, Options{Hosts: 150, Seed: 8, Begin: morning.Truncate(24 * time.Hour)})
	app := s.byName["shop-app01"]
	off, reboots, starts := map[string]int{}, 0, app.processes[0].starts
	running := map[int]bool{}
	for at := s.Now(); at.Before(morning.Add(15 * time.Hour)); at = at.Add(30 * time.Second) {
		s.Advance(at)
		up := 0
		for _, h := range s.hosts {
			if h.up() {
				up++
			} else {
				off[h.name]++
			}
		}
		running[up] = true
	}
	for _, h := range s.hosts {
		if h.boot > 1 && h.pool.least == 0 {
			reboots++
			if off[h.name] < 2 {
				t.Errorf("%s was started anew and was never away", h.name)
			}
		}
	}
	if reboots == 0 || reboots > 40 {
		t.Errorf("%d hosts were started anew", reboots)
	}
	if app.processes[0].starts < starts+2 {
		t.Errorf("the application was started %d times in a day", app.processes[0].starts-starts)
	}
	if len(running) < 5 {
		t.Errorf("as many hosts run all day: %v", running)
	}
	if load(14*hour) <= load(9*hour) || load(9*hour) <= load(2*hour) {
		t.Error("the load does not follow the day")
	}
}

// TestLastWords: who is switched off says so once, and who dies says nothing.
func TestLastWords(t *testing.T) {
	s := made(t, Options{Hosts: 150, Seed: 8, Begin: morning})
	dead := "shop-app01"
	if err := s.Inject(Fault{Kind: HostDies, Target: dead, From: morning.Add(time.Hour), To: morning.Add(20 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	last, words := map[string]*report.Report{}, map[report.Leaving]int{}
	for at := s.Now(); at.Before(morning.Add(10 * time.Hour)); at = at.Add(30 * time.Second) {
		s.Advance(at)
		for _, name := range s.Nodes() {
			if s.byName[name].up() && at.Minute() > 0 {
				continue // who runs is asked once an hour
			}
			r, before := s.Report(name, at), last[name]
			if r == nil {
				if before != nil && before.Leaving == "" && name != dead {
					t.Fatalf("%s is gone at %s without a word", name, at)
				}
				continue
			}
			last[name] = r
			if r.Leaving == "" {
				continue
			}
			words[r.Leaving]++
			if err := r.Validate(at); err != nil {
				t.Fatalf("the last word of %s: %v", name, err)
			}
			if name == dead || before == nil || before.Leaving != "" || r.Agent != before.Agent || r.Sequence != before.Sequence+1 || len(r.Connections) > 0 {
				t.Fatalf("%s says %+v after %+v", name, r, before)
			}
		}
	}
	if words[report.LeavingShutdown] < 5 || words[report.LeavingReboot] == 0 || len(words) != 2 {
		t.Errorf("last words: %v", words)
	}
	if r := last[dead]; r == nil || r.Leaving != "" || r.Time.After(morning.Add(time.Hour)) {
		t.Errorf("the dead host said %+v", r)
	}
}

// TestRestart: a process that was started anew has another number, and its
// connections are others, which both ends count as opened.
func TestRestart(t *testing.T) {
	s := made(t, Options{Hosts: 40, Seed: 9, Quiet: true})
	at := morning
	row := func(node string, d report.Direction, port uint16) report.Connection {
		for _, c := range s.Report(node, at).Connections {
			if c.Direction == d && c.Port == port {
				return c
			}
		}
		t.Fatalf("%s has no row %s %d", node, d, port)
		return report.Connection{}
	}
	port := s.byName["shop-cache01"].processes[0].port
	before := row("shop-cache01", report.In, port)
	at = at.Add(time.Second)
	s.Advance(at)
	s.restart(s.byName["shop-cache01"].processes[0])
	at = at.Add(time.Second)
	after := row("shop-cache01", report.In, port)
	if after.PID == before.PID || slices.Equal(after.Tuples, before.Tuples) || after.Opened < uint64(after.Count) {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// TestBatch: a job that runs once an hour is seen only then.
func TestBatch(t *testing.T) {
	s := made(t, Options{Hosts: 100, Seed: 10, Quiet: true})
	node := ""
	for _, h := range s.hosts {
		if h.process("nightly-report") != nil {
			node = h.name
			break
		}
	}
	if node == "" {
		t.Fatal("no host has a job")
	}
	minutes := 0
	for m := range 180 {
		r := s.Report(node, morning.Add(time.Duration(m)*time.Minute))
		if slices.ContainsFunc(r.Connections, func(c report.Connection) bool { return c.Process == "nightly-report" && c.Count > 0 }) {
			minutes++
		}
	}
	if minutes != 36 {
		t.Errorf("the job runs in %d of 180 minutes, want 36", minutes)
	}
}

// TestSequence: sequences rise, spans are those of the reports, and a start begins
// anew under another instance.
func TestSequence(t *testing.T) {
	s := made(t, Options{Hosts: 20, Seed: 11, Quiet: true})
	a := s.Report("shop-db01", morning)
	b := s.Report("shop-db01", morning.Add(10*time.Second))
	if a.Sequence != 1 || b.Sequence != 2 || a.SpanMS != 0 || b.SpanMS != 10_000 || a.Agent.Instance != b.Agent.Instance {
		t.Errorf("%d %d ms, %d %d ms", a.Sequence, a.SpanMS, b.Sequence, b.SpanMS)
	}
	s.start(s.byName["shop-db01"])
	c := s.Report("shop-db01", morning.Add(20*time.Second))
	if c.Sequence != 1 || c.Agent.Instance == b.Agent.Instance {
		t.Errorf("after a start: %d of %s", c.Sequence, c.Agent.Instance)
	}
	if s.Report("nobody", morning.Add(20*time.Second)) != nil {
		t.Error("nobody reports")
	}
}

// TestReportsAreTheCallers: what a caller does to a report does nothing to the next
// ones.
func TestReportsAreTheCallers(t *testing.T) {
	x, y := made(t, Options{Hosts: 30, Seed: 12}), made(t, Options{Hosts: 30, Seed: 12})
	r := x.Report("shop-app01", morning)
	y.Report("shop-app01", morning)
	for i := range r.Connections {
		r.Connections[i] = report.Connection{}
	}
	r.Interfaces, r.Listeners[0].Port = nil, 1
	got, want := x.Report("shop-app01", morning.Add(time.Minute)), y.Report("shop-app01", morning.Add(time.Minute))
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if string(a) != string(b) {
		t.Error("the next report is another one")
	}
}

// TestAnySite: whatever the options and faults, every report is valid, nothing
// counts backwards, and no row is of nobody.
func TestAnySite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opt := Options{
			Hosts: rapid.IntRange(3, 80).Draw(t, "hosts"), Seed: rapid.Uint64().Draw(t, "seed"), Begin: morning,
			Fan: rapid.IntRange(0, 20).Draw(t, "fan"), Products: rapid.IntRange(0, 12).Draw(t, "products"),
			Quiet:      rapid.Bool().Draw(t, "quiet"),
			Monitoring: Monitoring{Missing: 0.2, Noise: 0.1, Late: time.Minute},
		}
		s, err := New(opt)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range s.Story(morning, 4*time.Minute, 3*time.Minute, 6) {
			if err := s.Inject(f); err != nil {
				t.Fatal(err)
			}
		}
		at, sequence := morning, map[string]uint64{}
		for range 8 {
			at = at.Add(time.Duration(rapid.IntRange(0, 240).Draw(t, "seconds")) * time.Second)
			for _, n := range s.Nodes() {
				r := s.Report(n, at)
				if r == nil {
					delete(sequence, n)
					continue
				}
				if err := r.Validate(at); err != nil {
					t.Fatalf("%s: %v", n, err)
				}
				if key := n + r.Agent.Instance; r.Sequence <= sequence[key] {
					t.Fatalf("%s: sequence %d follows %d", n, r.Sequence, sequence[key])
				} else {
					sequence[key] = r.Sequence
				}
				for i := range r.Connections {
					if c := &r.Connections[i]; c.Process == "" || c.PID == 0 || c.Count == 0 && !c.Tried() && c.Health == nil {
						t.Fatalf("%s: row %+v says nothing", n, c)
					}
				}
			}
			results, _ := s.Results()
			for _, c := range results {
				if c.Status.Severity() < 0 || c.Host == "" || c.LastCheck.After(at) || c.Since.After(c.LastCheck) || c.Output == "" {
					t.Fatalf("result %+v", c)
				}
			}
		}
	})
}
