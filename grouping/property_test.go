package grouping

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/topology"
)

// anySite draws a site without plan: hosts of some names with some services, and
// some calls.
func anySite(t *rapid.T) *plan {
	p := newPlan()
	n := rapid.IntRange(0, 16).Draw(t, "nodes")
	var names []string
	for i := range n {
		stem := rapid.SampledFrom([]string{"web", "db", "x", "10.0.0.", "c/"}).Draw(t, "stem")
		name := fmt.Sprintf("%s%d", stem, i)
		var services []string
		for _, s := range rapid.SliceOfN(rapid.SampledFrom([]string{"nginx:80", "java:8080", "postgres:5432", ":5432", "named:53/udp", "sshd:22", "odd:40000"}), 0, 3).Draw(t, "services") {
			if !slices.Contains(services, s) {
				services = append(services, s)
			}
		}
		p.host(name, services...)
		b := p.blocks[name]
		b.Services = slices.CompactFunc(b.Services, func(x, y topology.Service) bool { return x.ID == y.ID })
		if stem == "10.0.0." {
			b.Node.Kind, b.Node.State = topology.Inferred, topology.Unheard
		}
		names = append(names, name)
	}
	if n > 0 {
		p.anyCalls(t, names, rapid.IntRange(0, 60).Draw(t, "calls"))
	}
	return p
}

func (p *plan) anyCalls(t *rapid.T, names []string, n int) {
	for range n {
		from, to := rapid.SampledFrom(names).Draw(t, "from"), rapid.SampledFrom(names).Draw(t, "to")
		port := rapid.SampledFrom([]string{"80", "8080", "5432", "53/udp", "22", "40000"}).Draw(t, "port")
		p.call(from, rapid.SampledFrom([]string{"", "nginx", "java", "filebeat"}).Draw(t, "process"), to, port, func(c *topology.Connection) {
			c.Observer = rapid.IntRange(0, 9).Draw(t, "observer") == 0
			c.Directed = rapid.IntRange(0, 9).Draw(t, "directed") > 0
		})
	}
}

func anyChoices(t *rapid.T, names []string) *Choices {
	node := rapid.SampledFrom(append([]string{"nobody"}, names...))
	ids := rapid.SampledFrom([]string{"", "pool~1", "pool~2", "group~1", "group~2"})
	return &Choices{
		Names:  rapid.MapOfN(ids.Filter(func(s string) bool { return s != "" }), rapid.SampledFrom([]string{"One", "Two"}), 0, 2).Draw(t, "names"),
		Pool:   rapid.MapOfN(node, ids, 0, 4).Draw(t, "pool"),
		Group:  rapid.MapOfN(rapid.OneOf(node, ids.Filter(func(s string) bool { return s != "" })), ids, 0, 4).Draw(t, "group"),
		Shared: rapid.MapOfN(node, rapid.Bool(), 0, 3).Draw(t, "shared"),
	}
}

// TestAlwaysSound: whatever comes, roles are as promised, choices win, and a
// memory that was written and read goes on in the same way.
func TestAlwaysSound(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := anySite(rt)
		var m Memory
		at := noon
		for range rapid.IntRange(1, 5).Draw(rt, "rounds") {
			names := p.names()
			c := anyChoices(rt, names)
			if err := c.Validate(); err != nil {
				rt.Fatal(err)
			}
			var other Memory
			if m.roles != nil {
				text, err := json.Marshal(&m)
				if err != nil {
					rt.Fatal(err)
				}
				if err := json.Unmarshal(text, &other); err != nil {
					rt.Fatal(err)
				}
			}
			r := m.Advance(p.snapshot(t), c, at)
			sound(rt, names, r)
			obeys(rt, c, names, r)
			if got := other.Advance(p.snapshot(t), c, at); tell(got) != tell(r) && len(other.nodes) > 0 && m.found.Equal(at) {
				rt.Errorf("after a restart\n%s\nwant\n%s", tell(got), tell(r))
			}
			at = at.Add(time.Duration(rapid.IntRange(1, 30).Draw(rt, "minutes")) * time.Minute)
			if len(names) > 0 {
				p.anyCalls(rt, names, 5)
			}
			if len(names) > 3 && rapid.Bool().Draw(rt, "remove") {
				(&story{plan: p}).remove(rapid.SampledFrom(names).Draw(rt, "gone"))
			}
		}
	})
}

// obeys checks that choices are in force.
func obeys(t *rapid.T, c *Choices, names []string, r *Roles) {
	for n, shared := range c.Shared {
		if slices.Contains(names, n) && r.IsShared(n) != shared {
			t.Errorf("%s is shared: %v, chosen %v", n, r.IsShared(n), shared)
		}
	}
	for n, g := range c.Group {
		if slices.Contains(names, n) && !r.IsShared(n) && r.GroupOf(n) != c.merged(g) {
			t.Errorf("%s is in %q, chosen %q, which is %q", n, r.GroupOf(n), g, c.merged(g))
		}
	}
	for n, pool := range c.Pool {
		if p := r.PoolOf(n); p != nil && p.ID != pool {
			t.Errorf("%s is in %s, chosen %q", n, p.ID, pool)
		}
	}
	for _, p := range r.Pools {
		if n, ok := c.Names[p.ID]; ok && p.Name != n {
			t.Errorf("%s is called %q, chosen %q", p.ID, p.Name, n)
		}
	}
}

// TestSameInAnyOrder: what blocks hold which connections, and in which order they
// came, is no matter.
func TestSameInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := anySite(rt)
		names := p.names()
		var m Memory
		want := m.Advance(p.snapshot(t), nil, noon)
		var blocks []*topology.Block
		for _, n := range names {
			blocks = append(blocks, p.blocks[n].Clone())
		}
		for _, b := range blocks { // the server's end holds some
			for _, c := range p.blocks[b.Node.Name].Connections {
				to := rapid.SampledFrom(blocks).Draw(rt, "holder")
				if to.Node.Name == c.Server.Node && to != b {
					b.Connections = slices.DeleteFunc(b.Connections, func(x *topology.Connection) bool { return x.ID == c.ID })
					to.Connections = append(to.Connections, c)
				}
			}
		}
		blocks = rapid.Permutation(blocks).Draw(rt, "order")
		snap, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, blocks)
		if err != nil {
			rt.Fatal(err)
		}
		var again Memory
		if got := again.Advance(snap, nil, noon); tell(got) != tell(want) || !slices.EqualFunc(got.Pools, want.Pools, func(a, b Pool) bool { return a.ID == b.ID }) {
			rt.Errorf("in another order\n%s\nwant\n%s", tell(got), tell(want))
		}
	})
}

// TestNeverFlaps: within ten minutes a node that is there from the beginning goes
// from nowhere to somewhere at most, whatever is called meanwhile.
func TestNeverFlaps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := anySite(rt)
		names := p.names()
		if len(names) == 0 {
			return
		}
		var m Memory
		type role struct {
			pool, group string
			shared      bool
		}
		was, pools := map[string]role{}, map[string]string{}
		for i := range 6 {
			r := m.Advance(p.snapshot(t), nil, noon.Add(time.Duration(i)*90*time.Second))
			for _, n := range names {
				now := role{group: r.GroupOf(n), shared: r.IsShared(n)}
				if q := r.PoolOf(n); q != nil {
					now.pool = q.ID
				}
				if pools[n] != "" && now.pool != pools[n] {
					rt.Fatalf("round %d: %s went from %s to %q", i, n, pools[n], now.pool)
				}
				if was[n].group != "" && now.group != was[n].group || was[n].shared && !now.shared {
					rt.Fatalf("round %d: %s went from %s to %+v", i, n, was[n].group, now)
				}
				was[n], pools[n] = now, now.pool
			}
			p.anyCalls(rt, names, rapid.IntRange(0, 8).Draw(rt, "more"))
		}
	})
}

// TestIDsOutliveHalf: a pool of which up to half goes while as many come keeps
// its ID.
func TestIDsOutliveHalf(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := begin(t, rapid.Bool().Draw(rt, "hubs"))
		first := s.now(0)
		want := first.PoolOf("shop-web01")
		members := rapid.Permutation(slices.Clone(want.Members)).Draw(rt, "order")
		for _, m := range members[:rapid.IntRange(0, 3).Draw(rt, "go")] {
			s.remove(m)
		}
		for i := range rapid.IntRange(0, 3).Draw(rt, "come") {
			n := fmt.Sprintf("late%d", i)
			s.host(n, "nginx:80")
			s.call("shop-lb01", "haproxy", n, "80")
			s.all([]string{n}, "nginx", []string{"shop-app01", "shop-app02", "shop-app03", "shop-app04"}, "8080")
		}
		for range 3 {
			r := s.now(time.Duration(rapid.IntRange(1, 20).Draw(rt, "minutes")) * time.Minute)
			left := members[len(members)-1]
			if p := r.PoolOf(left); p == nil || p.ID != want.ID || p.Name != want.Name || r.GroupOf(left) != want.Group {
				rt.Fatalf("%s is in %+v of %s, want %s of %s", left, p, r.GroupOf(left), want.ID, want.Group)
			}
		}
	})
}
