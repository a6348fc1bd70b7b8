package role

import (
	"fmt"
	"strings"
	"testing"
)

// rows is a site of n products with a front, programs and a store, each of
// software of its own, so that every role is a class.
func rows(n int) (site string, hosts []string) {
	var b strings.Builder
	for i := range n {
		lb, app, aux, db := fmt.Sprint("lb", i), fmt.Sprint("app", i), fmt.Sprint("aux", i), fmt.Sprint("db", i)
		fmt.Fprintf(&b, "%s lbd%d:80\n%s appd%d:8080\n%s auxd%d:9000\n%s dbd%d:5000\n", lb, i, app, i, aux, i, db, i)
		fmt.Fprintf(&b, "%s lbd%d > %s 8080\n%s appd%d > %s 9000\n%s appd%d > %s 5000\n", lb, i, app, app, i, aux, app, i, db)
		hosts = append(hosts, lb, app, aux, db)
	}
	return b.String(), hosts
}

// calling makes some hosts call a service.
func calling(hosts []string, process, to, port string) string {
	var b strings.Builder
	for _, h := range hosts {
		fmt.Fprintf(&b, "%s %s > %s %s\n", h, process, to, port)
	}
	return b.String()
}

func TestHubs(t *testing.T) {
	site, hosts := rows(3)
	only := func(prefixes ...string) (out []string) {
		for _, h := range hosts {
			for _, p := range prefixes {
				if strings.HasPrefix(h, p) {
					out = append(out, h)
				}
			}
		}
		return out
	}
	for _, tt := range []struct{ name, more, want string }{
		{"none", "", ""},
		{"called by all", "x xd:7\n" + calling(hosts, "q", "x", "7"), "x"},
		{"called by two thirds, at both ends", "x xd:7\n" + calling(append(only("lb", "db"), "app0", "aux0"), "q", "x", "7"), "x"},
		{"called by half", "x xd:7\n" + calling(only("lb", "db"), "q", "x", "7"), ""},
		{"called by half, for names", "x named:53\n" + calling(only("lb", "db"), "q", "x", "53"), "x"},
		{"called by all but the back", "x xd:7\n" + calling(only("lb", "app"), "q", "x", "7"), ""},
		{"called by all but the front", "x xd:7\n" + calling(only("app", "aux", "db"), "q", "x", "7"), ""},
		{"a store called by most", "x redis-server:7\n" + calling(append(only("lb", "db"), "app0", "aux0"), "q", "x", "7"), ""},
		{"a store called by all", "x redis-server:7\n" + calling(hosts, "q", "x", "7"), "x"},
		{"one that doesn't report", "lone x :7\n" + calling(hosts, "q", "x", "7"), "x"},
		{"two kinds, that call each other", "x xd:7\ny yd:8\n" + calling(hosts, "q", "x", "7") + calling(hosts, "q", "y", "8") + "x q > y 8\ny q > x 7\n", "x y"},
		{"one that looks at all", "x xd:7\n" + calling([]string{"x"}, "q", "lb0", "22") + looking("x", hosts), "x"},
		{"two that look at all", "x xd:7\ny yd:7\n" + looking("x", hosts) + looking("y", hosts), "x y"},
		{"one that looks at all but the front", "x xd:7\n" + looking("x", only("app", "aux", "db")), ""},
		{"one of the kind that serves one product only", "x xd:7\ny xd:7\n" + calling(hosts, "q", "x", "7") + many("y", 20), "x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := parse(t, site+tt.more)
			f := Find(c, nobody)
			var got []string
			for i, is := range f.Hub {
				if is {
					got = append(got, c.Nodes[i].Name)
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("hubs are %v, want %s", got, tt.want)
			}
		})
	}
}

// looking makes a host look at others, by ssh.
func looking(from string, hosts []string) string {
	var b strings.Builder
	for _, h := range hosts {
		fmt.Fprintf(&b, "%s sshd:22\n%s look > %s 22\n", h, from, h)
	}
	return b.String()
}

// many makes hosts of one kind call a service, and be called by one of the rows.
func many(to string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "m%d md:99\nm%d md > %s 7\nlb0 lbd0 > m%d 99\n", i, i, to, i)
	}
	return b.String()
}

func TestBits(t *testing.T) {
	b := make(bits, 3)
	for _, i := range []int{0, 63, 64, 191} {
		if !b.first(i) || b.first(i) {
			t.Errorf("%d is not the first time once", i)
		}
	}
	o := newOnce(2)
	for i, tt := range []struct {
		node, class int32
		want        bool
	}{{0, 0, true}, {0, 0, false}, {0, 1, true}, {1, 0, true}, {1, 0, false}} {
		if got := o.first(tt.node, tt.class); got != tt.want {
			t.Errorf("step %d: first is %v, want %v", i, got, tt.want)
		}
	}
}
