package roster

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/topology"
)

// TestSeveral: it is as a map of lists, whatever is added and removed.
func TestSeveral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, want := Several[string, int]{}, map[string][]int{}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			key, v := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key"), rapid.IntRange(0, 3).Draw(t, "value")
			if rapid.Bool().Draw(t, "remove") {
				s.Remove(key, v)
				want[key] = slices.DeleteFunc(want[key], func(x int) bool { return x == v })
			} else if !slices.Contains(want[key], v) {
				s.Add(key, v)
				want[key] = append(want[key], v)
			}
		}
		for _, key := range []string{"a", "b", "c"} {
			if got := slices.Collect(s.All(key)); !slices.Equal(got, want[key]) {
				t.Fatalf("%s: %v, want %v", key, got, want[key])
			}
			if _, there := s[key]; there != (len(want[key]) > 0) {
				t.Fatalf("%s is kept without values", key)
			}
		}
	})
}

func TestKeys(t *testing.T) {
	addr := netip.MustParseAddr
	for _, tt := range []struct {
		node topology.Node
		want []string
	}{
		{topology.Node{Name: "Web1.example.org", Kind: topology.Host, Addresses: []netip.Addr{addr("10.0.0.1"), addr("127.0.0.1"), addr("fe80::1"), addr("::ffff:10.0.0.2")}}, []string{"web1.example.org", "web1", "10.0.0.1", "10.0.0.2"}},
		{topology.Node{Name: "web1@7f3a", Kind: topology.Host}, []string{"web1", "web1@7f3a"}},
		{topology.Node{Name: "h.example/db.x", Kind: topology.Container}, []string{"h.example/db.x", "db.x", "db"}},
		{topology.Node{Name: "10.0.0.7", Kind: topology.Inferred, Addresses: []netip.Addr{addr("10.0.0.7")}}, []string{"10.0.0.7", "10.0.0.7"}},
		{topology.Node{Name: "b", Kind: topology.Host, Formerly: []topology.Former{{Name: "A"}, {Name: "b"}}}, []string{"b", "a"}},
		{topology.Node{Name: "d", Kind: topology.Host, Addresses: []netip.Addr{addr("172.17.0.1")}, ContainerNetworks: []netip.Prefix{netip.MustParsePrefix("172.17.0.0/16")}}, []string{"d"}},
		{topology.Node{Name: "Internet", Kind: topology.Internet, Addresses: []netip.Addr{addr("10.0.0.1")}}, nil},
		{topology.Node{Name: "10.0.0.0/8", Kind: topology.Network}, nil},
	} {
		var got []string
		for k := range Keys(&tt.node) {
			if k.Address.IsValid() {
				k.Text = k.Address.String()
			}
			got = append(got, k.Text)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.node.Name, got, tt.want)
		}
	}
}

// TestRemoved: what is taken out is found no more, and what is left is.
func TestRemoved(t *testing.T) {
	a := topology.Node{Name: "web1", Kind: topology.Host, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
	b := a
	b.Name = "web2"
	r := New(2)
	r.Add(&a)
	r.Add(&b)
	if node, why := r.Find(&Host{Name: "x", Addresses: []string{"10.0.0.1"}}); node != "" || !why.Ambiguous || len(why.Candidates) != 2 {
		t.Errorf("%q, %+v", node, why)
	}
	r.Remove(&a)
	if node, why := r.Find(&Host{Name: "x", Addresses: []string{"10.0.0.1"}}); node != "web2" {
		t.Errorf("%q, %+v", node, why)
	}
	if got := r.Named("web1"); got != nil {
		t.Errorf("%q is still there", got)
	}
}

// TestManyCandidates: of very many, the first are listed.
func TestManyCandidates(t *testing.T) {
	r := New(0)
	for i := range 100 {
		r.Add(&topology.Node{Name: fmt.Sprintf("host%03d/redis", i), Kind: topology.Container})
	}
	node, why := r.Find(&Host{Name: "redis", Folded: "redis"})
	if node != "" || len(why.Candidates) != MaxCandidates || why.Candidates[0] != "host000/redis" || len(why.Evidence) > 300 {
		t.Errorf("%q, %+v", node, why)
	}
}

func TestItself(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1": true, "::1": true, "0.0.0.0": true, "LOCALHOST": true, "127.0.0.1.": false, "10.0.0.1": false, "": false, "localhost.example.org": false} {
		if Itself(address) != want {
			t.Errorf("%q: want %v", address, want)
		}
	}
}
