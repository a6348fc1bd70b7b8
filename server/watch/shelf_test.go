package watch

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/topology"
)

// rehearsal has a board and a site go through the same random things as another board,
// which looks at all checks each time.
type rehearsal struct {
	*rand.Rand
	now    time.Time
	sites  [2]*site
	boards [2]*Board
}

func (r *rehearsal) both(f func(s *site, b *Board)) {
	for i := range r.sites {
		f(r.sites[i], r.boards[i])
	}
}

// step does one thing.
func (r *rehearsal) step() {
	const hosts = 12
	host, name := nodeName(r.IntN(hosts)), []string{"", "ssh", "http", "load"}[r.IntN(4)]
	source := []string{"a", "b"}[r.IntN(2)]
	switch r.IntN(8) {
	case 0, 1, 2:
		c := result(host, name, []topology.Status{topology.OK, topology.Critical, topology.Warning}[r.IntN(3)], r.now)
		c.Interval = topology.Duration(time.Duration(r.IntN(3)) * 20 * time.Second)
		r.both(func(_ *site, b *Board) { b.PassAt(r.now, mapping.News{Source: source, Checks: []mapping.Check{c}}) })
	case 3:
		r.both(func(_ *site, b *Board) {
			b.PassAt(r.now, mapping.News{Source: source, Gone: []mapping.Check{result(host, name, topology.OK, r.now)}})
		})
	case 4: // a node comes, goes, or another process listens
		what := r.IntN(3)
		r.both(func(s *site, _ *Board) {
			s.edit(func(e *topology.Edit) {
				switch block := e.Block(host); {
				case block == nil:
					e.Put(&topology.Block{Node: topology.Node{Name: host, Kind: topology.Host, State: topology.Reporting}})
				case what == 0:
					e.Delete(host)
				default:
					block = block.Clone()
					block.Services = slices.Clone(newSiteServices(host, what))
					block.Judge()
					e.Put(block)
				}
			})
		})
	case 5:
		expiry := time.Duration(r.IntN(4)) * 30 * time.Second
		r.both(func(_ *site, b *Board) { b.Configure(b.rules, expiry) })
	default:
		r.now = r.now.Add(time.Duration(r.IntN(40)) * time.Second)
	}
}

func newSiteServices(host string, n int) (list []topology.Service) {
	for i := range n {
		port := uint16(22 + i*58)
		list = append(list, topology.Service{ID: fmt.Sprintf("%s~tcp~%d", host, port), Node: host, Protocol: "tcp", Port: port, Process: []string{"sshd", "nginx"}[i], State: topology.Listening})
	}
	return list
}

// TestLookingAtWhatChanged finds what looking at everything finds.
func TestLookingAtWhatChanged(t *testing.T) {
	for seed := range uint64(40) {
		r := &rehearsal{Rand: rand.New(rand.NewPCG(seed, 1)), now: noon}
		for i := range r.sites {
			r.sites[i] = newSite(t, 8)
			r.boards[i] = newBoard(t, r.sites[i], "a", "b")
		}
		for step := range 150 {
			r.step()
			lookAtAll(r.boards[1], r.sites[1].snap)
			r.both(func(_ *site, b *Board) { b.Settle(r.now) })
			for a := range r.sites[0].snap.Blocks() {
				b := r.sites[1].snap.Block(a.Node.Name)
				if diff := cmp.Diff(b.Checks, a.Checks); diff != "" {
					t.Fatalf("seed %d, step %d: %s (-by all +by what changed):\n%s", seed, step, a.Node.Name, diff)
				}
			}
			list := [2][]topology.Check{}
			for i, b := range r.boards {
				list[i] = b.Checks(func(*topology.Check) bool { return true })
				sorted(t, b)
			}
			if diff := cmp.Diff(list[1], list[0]); diff != "" {
				t.Fatalf("seed %d, step %d: the list (-by all +by what changed):\n%s", seed, step, diff)
			}
		}
	}
}

// lookAtAll has a board look at everything.
func lookAtAll(b *Board, snap *topology.Snapshot) {
	for _, s := range b.sources {
		s.turns.all = true
		if !s.own() {
			s.unplaced = slices.AppendSeq(s.unplaced, s.all())
		}
	}
	for block := range snap.Blocks() {
		b.dirty[block.Node.Name] = true
	}
}

// sorted holds what checks are found by against the checks.
func sorted(t *testing.T, b *Board) {
	t.Helper()
	onNode := map[*check]string{}
	for node, list := range b.onNode {
		for _, c := range list {
			onNode[c] = node
		}
	}
	for name, s := range b.sources {
		byHost := map[*check]bool{}
		for host, list := range s.byHost {
			for _, c := range list {
				if byHost[c] = true; c.Host != host {
					t.Errorf("%s: %s is found under %s", name, c.Host, host)
				}
			}
		}
		bad := 0
		for c := range s.all() {
			if !byHost[c] || onNode[c] != c.Node {
				t.Errorf("%s: %s %s is of node %q and found under %q; by host %v", name, c.Host, c.Name, c.Node, onNode[c], byHost[c])
			}
			delete(onNode, c)
			if _, listed := s.bad[c]; listed != c.Status.Bad() {
				t.Errorf("%s: %s %s is %s, among the bad ones: %v", name, c.Host, c.Name, c.Status, listed)
			}
			if c.Status.Bad() {
				bad++
			}
		}
		if len(byHost) != s.len() || len(s.bad) != bad {
			t.Errorf("%s: %d checks, %d by host; %d bad, %d among them", name, s.len(), len(byHost), bad, len(s.bad))
		}
	}
	if len(onNode) > 0 {
		t.Errorf("checks are found that are no more: %d", len(slices.Collect(maps.Keys(onNode))))
	}
}
