package role

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// classesOf tells the classes of a site: "{a b} {c}", of those with a class.
func classesOf(s *site) string {
	members := make([][]string, s.classes)
	for i, c := range s.class {
		if c >= 0 {
			members[c] = append(members[c], s.Nodes[i].Name)
		}
	}
	var out []string
	for _, m := range members {
		out = append(out, "{"+strings.Join(m, " ")+"}")
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestClasses(t *testing.T) {
	for _, tt := range []struct{ name, site, want string }{
		{"nothing served", "a\nb\n", ""},
		{"the same", "a x:1\nb x:1\n", "{a b}"},
		{"another port", "a x:1\nb x:2\n", "{a} {b}"},
		{"another program", "a x:1\nb y:1\n", "{a} {b}"},
		{"agents don't count", "a x:1 sshd:22\nb x:1\nc sshd:22\n", "{a b}"},
		{"an ephemeral port doesn't count", "a x:40000\nb x:50000\n", "{a b}"},
		{"one that does more", "a x:1\nb x:1\nc x:1 y:2\n", "{a b c}"},
		{"one that does much more", "a x:1\nb x:1\nc x:1 y:2 z:3\n", "{a b} {c}"},
		{"two that do more", "a x:1\nb x:1\nc x:1 y:2\nd x:1 y:2\n", "{a b} {c d}"},
		{"two that do a little more", "a w:0 x:1 y:2\nb w:0 x:1 y:2\nc x:1 y:2\nd x:1 y:2\n", "{a b c d}"},
		{"a program that isn't known", "lone a :1\nlone b :1\nc x:1\n", "{a b c}"},
		{"clients by their program", "a x > s 1\nb x > s 1\nc y > s 1\ns v:1\n", "{a b} {c} {s}"},
		{"what is called counts before what isn't", "a x:1 odd:9\nb x:1\nc v > a 1\n", "{a b} {c}"},
		{"what nobody calls, if there is nothing else", "a odd:9\nb odd:9\n", "{a b}"},
		{"an agent's process that many call", "l rsyslogd:514\na x > l 514\nb x > l 514\nc x > l 514\nd x > l 514\n", "{a b c d} {l}"},
		{"an agent's process that few call", "l rsyslogd:514\na x > l 514\nb x > l 514\n", "{a b}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(parse(t, tt.site))
			s.markCalled()
			s.markAgents()
			s.classify(false)
			if got := classesOf(s); got != tt.want {
				t.Errorf("classes are %s, want %s", got, tt.want)
			}
		})
	}
}

func TestLikeness(t *testing.T) {
	set := func(nodes int, traits ...trait) *traitSet {
		return &traitSet{traits: traits, nodes: make([]int32, nodes)}
	}
	web := []trait{serves | 1, listens | 80}
	more := []trait{serves | 1, serves | 2, listens | 80, listens | 90}
	for _, tt := range []struct {
		name string
		a, b *traitSet
		want float64
	}{
		{"the same", set(5, web...), set(5, web...), 1},
		{"twice as much, one node", set(5, web...), set(1, more...), 0.5},
		{"twice as much, two nodes", set(5, web...), set(2, more...), 0},
		{"three quarters, two nodes", set(5, more...), set(2, more[:3]...), 0.75},
		{"ports alone", set(5, web...), set(3, listens|80), 1},
		{"other ports", set(5, web...), set(3, listens|81), 0},
		{"nothing to compare", set(1), set(1), 0},
		{"a client and a server", set(1, runs|1), set(1, serves|1, listens|80), 0},
		{"a container and a host", set(5, web...), &traitSet{contained: true, traits: web, nodes: make([]int32, 5)}, 0},
	} {
		if got := likeness(tt.a, tt.b); got != tt.want {
			t.Errorf("%s: %f, want %f", tt.name, got, tt.want)
		}
		if got := likeness(tt.b, tt.a); got != tt.want {
			t.Errorf("%s, the other way: %f, want %f", tt.name, got, tt.want)
		}
	}
}

// TestUsualCallers: what most hosts lack is called by nobody there.
func TestUsualCallers(t *testing.T) {
	var b strings.Builder
	for i := range 9 {
		fmt.Fprintf(&b, "h%d sshd:22 node_exporter:9100\nprom p > h%d 9100\nmon p > h%d 9100\n", i, i, i)
	}
	b.WriteString("time chronyd:123\n")
	for i := range 9 {
		fmt.Fprintf(&b, "h%d x > time 123\n", i)
	}
	s := newSite(parse(t, b.String()))
	s.markAgents()
	usual := s.usualCallers()
	for process, want := range map[string]int{"node_exporter": 2, "sshd": 0, "chronyd": 0} {
		if got := usual[int32(slices.Index(s.Words, process))]; got != want {
			t.Errorf("%s usually has %d callers, want %d", process, got, want)
		}
	}
}
