package grouping

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/grouping/census"
)

// known makes a memory of nodes a, b, c and so on, by the pool in force of each,
// and what the last finding said where that is another: "p", "p>q", "-".
func known(pools ...string) *Memory {
	m := &Memory{nodes: map[string]*remembered{}}
	for i, text := range pools {
		in, next, ok := strings.Cut(strings.ReplaceAll(text, "-", ""), ">")
		f := field{in: in, next: in}
		if ok {
			f = field{in: in, next: next, since: noon}
		}
		m.nodes[string(rune('a'+i))] = &remembered{pool: f, first: noon.Add(-time.Hour)}
	}
	return m
}

func TestIdentify(t *testing.T) {
	for _, tt := range []struct {
		name  string
		known []string
		found []int32
		want  string // IDs; n1 and so on are new ones
	}{
		{"nothing known", nil, []int32{0, 0, 1, -1}, "n1 n1 n2 -"},
		{"all the same", []string{"p", "p", "q", "q"}, []int32{1, 1, 0, 0}, "p p q q"},
		{"a split: the larger part keeps the ID", []string{"p", "p", "p", "p", "p"}, []int32{0, 0, 1, 1, 1}, "n1 n1 p p p"},
		{"an even split: the first part keeps it", []string{"p", "p", "p", "p"}, []int32{0, 0, 1, 1}, "p p n1 n1"},
		{"a merge: the larger one keeps it", []string{"p", "p", "q", "q", "q"}, []int32{0, 0, 0, 0, 0}, "q q q q q"},
		{"half is replaced", []string{"p", "p"}, []int32{0, 0, 0, 0}, "p p p p"},
		{"some go over", []string{"p", "p", "p", "q", "q", "q"}, []int32{0, 0, 1, 1, 1, 1}, "p p q q q q"},
		{"a split that was seen before", []string{"p", "p", "p>s", "p>s"}, []int32{0, 0, 1, 1}, "p p s s"},
		{"what is in force comes before what may be", []string{"p>s", "p>s", "q>s"}, []int32{0, 0, 0}, "p p p"},
		{"an ID that others still have is not given away", []string{"p", "p", "q", "q>p"}, []int32{0, 0, 1, 2}, "p p q n1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, c := known(tt.known...), &census.Census{}
			for i := range tt.found {
				c.Nodes = append(c.Nodes, census.Node{Name: string(rune('a' + i))})
			}
			got := m.identify("pool~", c, tt.found, func(r *remembered) *field { return &r.pool })
			var fresh []string
			for i, id := range got {
				switch {
				case id == "":
					got[i] = "-"
				case strings.HasPrefix(id, "pool~"):
					k := slices.Index(fresh, id)
					if k < 0 {
						k = len(fresh)
						fresh = append(fresh, id)
					}
					got[i] = fmt.Sprint("n", k+1)
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
}

func TestNewID(t *testing.T) {
	used := map[string]bool{}
	first, second := newID("pool~", "web01", used), newID("pool~", "web01", used)
	if first == second || len(first) != len("pool~")+8 || first != newID("pool~", "web01", map[string]bool{}) {
		t.Errorf("IDs are %s and %s: want two, made of the name", first, second)
	}
}

func TestWinner(t *testing.T) {
	for _, tt := range []struct {
		votes map[string]int
		want  string
	}{
		{nil, ""},
		{map[string]int{"": 2}, ""},
		{map[string]int{"": 2, "g": 1}, ""},
		{map[string]int{"": 2, "g": 2}, "g"},
		{map[string]int{"h": 2, "g": 2}, "g"},
		{map[string]int{"h": 3, "g": 2}, "h"},
		{map[string]int{sharedPlace: 1, "": 1}, sharedPlace},
	} {
		if got := winner(tt.votes); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.votes, got, tt.want)
		}
	}
}

func TestMerged(t *testing.T) {
	c := Choices{Group: map[string]string{"a": "b", "b": "c", "x": "y", "y": "x", "n": "", "s": "s"}}
	for group, want := range map[string]string{"a": "c", "b": "c", "c": "c", "n": "", "": "", "s": "s", "z": "z"} {
		if got := c.merged(group); got != want {
			t.Errorf("%q is merged into %q, want %q", group, got, want)
		}
	}
	if got := c.merged("x"); got != "x" && got != "y" {
		t.Errorf("a circle ends at %q", got)
	}
}

// TestTell: what a finding says of a node, and what is in force then.
func TestTell(t *testing.T) {
	old, young := noon.Add(-time.Hour), noon.Add(-time.Minute)
	for _, tt := range []struct {
		name        string
		node        *remembered // before; nil for a newcomer
		pool, place string
		homes       map[string]home
		want        string // pool and place in force
		waits       bool   // something is not in force yet
	}{
		{"a newcomer without a pool", nil, "", "g", nil, " g", false},
		{"a newcomer of a new pool", nil, "p", "g", nil, "p g", false},
		{"a newcomer goes where its pool is", nil, "p", "g", map[string]home{"p": {place: "h"}}, "p h", true},
		{"an old one waits", &remembered{first: old}, "p", "g", nil, " ", true},
		{"a young one that was nowhere doesn't", &remembered{first: young}, "p", "g", nil, "p g", false},
		{"a young one that was somewhere waits", &remembered{first: young, place: field{in: "h", next: "h"}}, "p", "g", nil, " h", true},
		{"a young one joins a pool where it is", &remembered{first: young, place: field{in: "g", next: "g"}}, "p", "g", nil, "p g", false},
		{"a young pool gets a group", &remembered{first: young, pool: field{in: "p", next: "p"}}, "p", "g", map[string]home{"p": {young: true}}, "p g", false},
		{"an old pool waits for one", &remembered{first: young, pool: field{in: "p", next: "p"}}, "p", "g", map[string]home{"p": {}}, "p ", true},
		{"nothing new", &remembered{first: old, pool: field{in: "p", next: "p"}, place: field{in: "g", next: "g"}}, "p", "g", nil, "p g", false},
		{"back to what is in force", &remembered{first: old, pool: field{in: "p", next: "q", since: young}, place: field{in: "g", next: "g"}}, "p", "g", nil, "p g", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := Memory{nodes: map[string]*remembered{}}
			if tt.node != nil {
				m.nodes["n"] = tt.node
			}
			m.tell("n", tt.pool, tt.place, tt.homes, noon)
			r := m.nodes["n"]
			if got := r.pool.in + " " + r.place.in; got != tt.want {
				t.Errorf("in force is %q, want %q", got, tt.want)
			}
			if waits := !r.pool.since.IsZero() || !r.place.since.IsZero(); waits != tt.waits {
				t.Errorf("something waits: %v, want %v", waits, tt.waits)
			}
			if r.pool.next != tt.pool || r.place.next != tt.place {
				t.Errorf("the finding is noted as %q, %q", r.pool.next, r.place.next)
			}
		})
	}
}
