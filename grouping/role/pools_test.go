package role

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// prof makes a profile of n nodes of one piece; ends are written as "what/part",
// with the options v for vague, p for peers, and s for a single link.
func prof(n int, stem int32, ends ...string) *profile {
	p := &profile{nodes: make([]int32, n), stem: stem}
	for _, text := range ends {
		e := end{pool: -1, lane: -1, density: 1, links: 2}
		fmt.Sscanf(text, "%d/%d", &e.what, &e.part)
		e.vague, e.peers = strings.Contains(text, "v"), strings.Contains(text, "p")
		if strings.Contains(text, "s") {
			e.links = 1
		}
		p.ends = append(p.ends, e)
	}
	return p
}

func TestAgreement(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b *profile
		pool bool
	}{
		{"all alike", prof(9, 0, "0/0", "2/0"), prof(3, 0, "0/0", "2/0"), true},
		{"half alike", prof(9, 0, "0/0", "2/0"), prof(3, 0, "0/0", "2/1"), false},
		{"two thirds alike", prof(9, 0, "0/0", "2/0", "4/0"), prof(3, 0, "0/0", "2/1", "4/0"), true},
		{"nothing alike", prof(9, 0, "0/0"), prof(3, 0, "0/1"), false},
		{"nothing at all", prof(9, 0), prof(3, 0), false},
		{"several lack one of two: blue and green", prof(4, 0, "0/0", "2/0"), prof(4, 0, "0/0"), false},
		{"several lack one of two, of one name", prof(4, 7, "0/0", "2/0"), prof(4, 7, "0/0"), true},
		{"one lacks one of two", prof(4, 0, "0/0", "2/0"), prof(1, 0, "0/0"), true},
		{"one lacks four of five", prof(4, 0, "0/0", "2/0", "4/0", "6/0", "8/0"), prof(1, 0, "0/0"), false},
		{"one lacks four of five, of one name", prof(4, 7, "0/0", "2/0", "4/0", "6/0", "8/0"), prof(1, 7, "0/0"), true},
		{"one does another job", prof(4, 0, "0/0"), prof(1, 0, "0/0", "2/0"), false},
		{"one has a stray call", prof(4, 0, "0/0"), prof(1, 0, "0/0", "2/0s"), true},
		{"two single ones, of which one does another job", prof(1, 0, "0/0", "2/0"), prof(1, 0, "0/0"), false},
		{"two single ones, of which one has a stray call", prof(1, 0, "0/0", "2/0s"), prof(1, 0, "0/0"), true},
		{"one to one, of one name", prof(1, 7, "0/0", "2/0v"), prof(1, 7, "0/0", "2/1v"), true},
		{"one to one, of other names", prof(1, 7, "0/0", "2/0v"), prof(1, 8, "0/0", "2/1v"), false},
		{"primary and replica", prof(2, 0, "0/0", "2/0p"), prof(1, 0, "0/0", "3/0p"), true},
	} {
		if got := agreement(tt.a, tt.b) > 0; got != tt.pool {
			t.Errorf("%s: one pool is %v, want %v", tt.name, got, tt.pool)
		}
	}
	apart := prof(3, 0, "0/0")
	apart.piece = 1
	if agreement(prof(3, 0, "0/0"), apart) > 0 {
		t.Error("pieces that don't touch are one pool")
	}
	hub, other := &profile{nodes: make([]int32, 2), piece: -2}, &profile{nodes: make([]int32, 1), piece: -2}
	if agreement(hub, other) != 1 {
		t.Error("hubs of one class are no pool")
	}
}

func TestAlike(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b end
		want bool
	}{
		{"one part", end{part: 1, pool: -1, lane: -1}, end{part: 1, pool: -1, lane: -1}, true},
		{"two parts", end{part: 1, pool: -1, lane: -1}, end{part: 2, pool: -1, lane: -1}, false},
		{"one part, two pools", end{part: 1, pool: 1, lane: -1}, end{part: 1, pool: 2, lane: -1}, false},
		{"two parts, one pool", end{part: 1, pool: 1, lane: -1}, end{part: 2, pool: 1, lane: -1}, true},
		{"one part, one of no pool", end{part: 1, pool: 1, lane: -1}, end{part: 1, pool: -1, lane: -1}, true},
		{"two parts and pools, one lane and piece", end{part: 1, pool: 1, lane: 5, piece: 3}, end{part: 2, pool: 2, lane: 5, piece: 3}, true},
		{"two parts and pools, one lane, two pieces", end{part: 1, pool: 1, lane: 5, piece: 3}, end{part: 2, pool: 2, lane: 5, piece: 4}, false},
		{"two parts and pools, two lanes", end{part: 1, pool: 1, lane: 5}, end{part: 2, pool: 2, lane: 6}, false},
	} {
		if tt.a.alike(&tt.b) != tt.want || tt.b.alike(&tt.a) != tt.want {
			t.Errorf("%s: alike is not %v", tt.name, tt.want)
		}
	}
}

func TestIdlePlace(t *testing.T) {
	web, api := prof(4, 1, "0/0"), prof(4, 2, "0/1")
	hubs := prof(4, 0, "0/0")
	hubs.piece = -2
	for _, tt := range []struct {
		name    string
		leaders []*profile
		stem    int32
		want    int
	}{
		{"no pool", nil, 1, -1},
		{"of one name", []*profile{web, api}, 2, 1},
		{"the only one", []*profile{web}, 3, 0},
		{"one of two", []*profile{web, api}, 3, -1},
		{"a single node", []*profile{prof(1, 9, "0/0")}, 3, -1},
		{"hubs", []*profile{hubs}, 3, -1},
	} {
		if got := idlePlace(tt.leaders, prof(1, tt.stem)); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestStrongest(t *testing.T) {
	d := densities{}
	got := d.strongest([]end{{part: 2, pool: 1}, {part: 1, pool: -1}, {part: 2, pool: 1}, {part: 3, pool: 1}})
	if got.part != 2 || got.links != 2 {
		t.Errorf("strongest is %+v, want part 2 with 2 links", got)
	}
	if tie := d.strongest([]end{{part: 5, pool: -1}, {part: 4, pool: -1}}); tie.part != 4 {
		t.Errorf("of equal ones it is %+v, want the first", tie)
	}
	d.strongest([]end{{part: 2, pool: 1}})
	if got := d.of(&end{pool: 1}, 4); got != 4.0/(3*4) {
		t.Errorf("density is %f, want 4 links of 3 times 4", got)
	}
}

// partsOf tells the parts of all relations of a site, by clients: "a b|c".
func partsOf(t *testing.T, text string) string {
	t.Helper()
	s := newSite(parse(t, text))
	s.markCalled()
	s.markAgents()
	s.link()
	s.classify(true)
	parts := map[int32][]string{}
	var order []int32
	for _, tie := range s.relations() {
		if parts[tie.part] == nil {
			order = append(order, tie.part)
		}
		if n := s.Nodes[tie.node].Name; !slices.Contains(parts[tie.part], n) {
			parts[tie.part] = append(parts[tie.part], n)
		}
	}
	var out []string
	for _, p := range order {
		out = append(out, strings.Join(parts[p], " "))
	}
	slices.Sort(out)
	return strings.Join(out, "|")
}

func TestParts(t *testing.T) {
	wire := func(pairs ...string) string {
		var b strings.Builder
		for _, p := range pairs {
			from, to, _ := strings.Cut(p, ">")
			fmt.Fprintf(&b, "%s w:1\n%s p:2\n%s w > %s 2\n", from, to, from, to)
		}
		return b.String()
	}
	full := func(from, to string, n, m int) (out []string) {
		for i := range n {
			for k := range m {
				out = append(out, fmt.Sprintf("%s%d>%s%d", from, i, to, k))
			}
		}
		return out
	}
	two := append(full("a", "x", 4, 2), full("b", "y", 4, 2)...)
	for _, tt := range []struct{ name, site, want string }{
		{"one", wire(full("a", "x", 3, 2)...), "a0 a1 a2"},
		{"two that don't touch", wire(two...), "a0 a1 a2 a3|b0 b1 b2 b3"},
		{"a stray call", wire(append(two, "a0>y0")...), "a0 a1 a2 a3|b0 b1 b2 b3"},
		{"half of all", wire(append(two, "a0>y0", "a1>y1", "b0>x0", "b1>x1", "a2>y0", "b2>x0", "a3>y1", "b3>x1")...), "a0 a1 a2 a3 b0 b1 b2 b3"},
		{"one to one", wire("a0>x0", "a1>x1", "a2>x2"), "a0|a1|a2"},
	} {
		if got := partsOf(t, tt.site); got != tt.want {
			t.Errorf("%s: parts are %s, want %s", tt.name, got, tt.want)
		}
	}
}
