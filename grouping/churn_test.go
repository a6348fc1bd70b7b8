package grouping

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// TestChurn: of a site in which one connection of a hundred goes and some come,
// hour by hour, few nodes change their role, though all that is found settles.
func TestChurn(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3, 4} {
		p, want := generate(seed, 300)
		rnd := rand.New(rand.NewPCG(seed, 9))
		names := p.names()
		var m Memory
		before := m.Advance(p.snapshot(t), nil, noon)
		moved := 0
		const hours = 10
		for h := range hours {
			p.churn(rnd, names)
			at := noon.Add(time.Duration(h+1) * time.Hour)
			m.Advance(p.snapshot(t), nil, at)
			r := m.Advance(p.snapshot(t), nil, at.Add(Settle))
			for _, n := range names {
				if r.Box(n) != before.Box(n) && (r.PoolOf(n) != nil || before.PoolOf(n) != nil) || r.GroupOf(n) != before.GroupOf(n) {
					moved++
				}
			}
			before = r
		}
		if share := float64(moved) / float64(hours*len(names)); share > 0.01 {
			t.Errorf("seed %d: %.4f of the nodes change their role in an hour, want 0.01 at most", seed, share)
		} else {
			t.Logf("seed %d: %.4f of the nodes change their role in an hour; %v", seed, share, measure(before, want))
		}
	}
}

// churn takes one connection of a hundred away and puts others in, of nodes that
// call the same service from the same pool: a host that calls what its like call.
func (p *plan) churn(rnd *rand.Rand, names []string) {
	for _, n := range names {
		b := p.blocks[n]
		b.Connections = slices.DeleteFunc(b.Connections, func(*topology.Connection) bool { return rnd.IntN(100) == 0 })
	}
	for range len(names) / 20 {
		a := p.blocks[pick(rnd, names)]
		if len(a.Connections) == 0 {
			continue
		}
		c := pick(rnd, a.Connections)
		other := pick(rnd, names)
		if slices.EqualFunc(p.blocks[other].Services, a.Services, func(x, y topology.Service) bool { return x.Process == y.Process }) && other != c.Server.Node {
			p.call(other, c.Client.Process, c.Server.Node, port(c.Server.Port, c.Protocol))
		}
	}
}
