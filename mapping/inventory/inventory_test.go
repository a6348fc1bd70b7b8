package inventory

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping/lexicon"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func service(node string, port uint16, process string, change func(*topology.Service)) topology.Service {
	s := topology.Service{
		ID: topology.ServiceID(node, "tcp", port, netip.Addr{}), Node: node, Protocol: "tcp", Port: port, Process: process, State: topology.Listening,
		Addresses: []netip.Addr{netip.IPv4Unspecified()}, FirstSeen: noon, LastSeen: noon,
	}
	if change != nil {
		change(&s)
	}
	return s
}

func inventoryOf(t testing.TB, blocks ...*topology.Block) *Inventory {
	t.Helper()
	snap, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return New(lexicon.New(), 0).Of(snap, blocks[0].Node.Name)
}

func ids(items []Item) (out []string) {
	for i := range items {
		out = append(out, fmt.Sprintf("%s:%d", items[i].ID, items[i].At))
	}
	return out
}

func gone(at time.Time) func(*topology.Service) {
	return func(s *topology.Service) { s.State, s.LastSeen = topology.Gone, at }
}

// TestSuccessors: what stopped listening keeps its checks, unless something took its
// place later.
func TestSuccessors(t *testing.T) {
	since := func(at time.Time) func(*topology.Service) {
		return func(s *topology.Service) { s.FirstSeen = at }
	}
	for _, tt := range []struct {
		name     string
		services []topology.Service
		want     int
	}{
		{"alone", []topology.Service{service("a", 1, "x", gone(noon))}, 1},
		{"another port, before", []topology.Service{service("a", 1, "x", gone(noon.Add(time.Hour))), service("a", 2, "x", since(noon))}, 2},
		{"another port, since", []topology.Service{service("a", 1, "x", gone(noon)), service("a", 2, "x", since(noon.Add(time.Hour)))}, 1},
		{"another process", []topology.Service{service("a", 1, "x", gone(noon)), service("a", 2, "y", since(noon.Add(time.Hour)))}, 2},
		{"processes that nobody sees", []topology.Service{service("a", 1, "", gone(noon)), service("a", 2, "", since(noon.Add(time.Hour)))}, 2},
		{"the same port", []topology.Service{service("a", 1, "x", gone(noon)), service("a", 1, "y", func(s *topology.Service) { s.ID += "~10.0.0.1" })}, 1},
		{"one that is gone, too", []topology.Service{service("a", 1, "x", gone(noon)), service("a", 2, "x", gone(noon.Add(time.Hour)))}, 2},
	} {
		b := &topology.Block{Node: topology.Node{Name: "a", Kind: topology.Host}, Services: tt.services}
		if got := inventoryOf(t, b).Items; len(got) != tt.want {
			t.Errorf("%s: %q, want %d", tt.name, ids(got), tt.want)
		}
	}
}

func TestInside(t *testing.T) {
	host := &topology.Block{Node: topology.Node{Name: "h", Kind: topology.Host}, Services: []topology.Service{service("h", 8080, "docker-proxy", nil), service("h", 22, "sshd", nil)}}
	host.Node.Forwards = []topology.Forward{{Protocol: "tcp", From: netip.MustParseAddrPort("10.0.0.1:8080"), To: netip.MustParseAddrPort("[::ffff:172.17.0.2]:80")}}
	web := &topology.Block{Node: topology.Node{Name: "h/web-1", Kind: topology.Container, Addresses: []netip.Addr{netip.MustParseAddr("172.17.0.2")}}, Services: []topology.Service{service("h/web-1", 80, "nginx", nil)}}
	other := &topology.Block{Node: topology.Node{Name: "other/web-1", Kind: topology.Container}, Services: []topology.Service{service("other/web-1", 80, "nginx", nil)}}
	v := inventoryOf(t, host, web, other)
	if got := ids(v.Items); !slices.Equal(got, []string{"h~tcp~22:22", "h~tcp~8080:8080", "h!web-1~tcp~80:8080"}) {
		t.Errorf("items %q", got)
	}
	if got := ids(v.Inside); !slices.Equal(got, []string{"h!web-1~tcp~80:80"}) {
		t.Errorf("inside %q", got)
	}
	if got := ids(v.At(8080, "", netip.Addr{})); !slices.Equal(got, []string{"h!web-1~tcp~80:8080"}) {
		t.Errorf("at 8080 %q", got)
	}
	if got := ids(v.Called("web")); !slices.Equal(got, []string{"h!web-1~tcp~80:8080"}) {
		t.Errorf("called web %q", got)
	}
}

// TestManyItems: with so many that names are indexed, they are found as with few.
func TestManyItems(t *testing.T) {
	b := &topology.Block{Node: topology.Node{Name: "a", Kind: topology.Host}}
	for i := range 3 * fewItems {
		b.Services = append(b.Services, service("a", uint16(i+1), fmt.Sprintf("p%c", 'a'+i%3), func(s *topology.Service) { s.Unit = "app@" + string(rune('k'+i%2)) + ".service" }))
	}
	v := inventoryOf(t, b)
	for name, want := range map[string]int{"pa": fewItems, "app": 3 * fewItems, "k": 3 * fewItems / 2, "x": 0} {
		if got := len(v.Called(name)); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
}

func TestStockForgets(t *testing.T) {
	k := New(lexicon.New(), 0)
	one, two := topology.Empty(topology.Revision{}, noon).Edit(), topology.Empty(topology.Revision{}, noon).Edit()
	one.Put(&topology.Block{Node: topology.Node{Name: "a"}, Services: []topology.Service{service("a", 1, "x", nil)}})
	two.Put(&topology.Block{Node: topology.Node{Name: "a"}})
	a, b := one.Commit(topology.Revision{}, noon), two.Commit(topology.Revision{}, noon)
	if len(k.Of(a, "a").Items) != 1 || len(k.Of(b, "a").Items) != 1 {
		t.Error("it is not kept")
	}
	if k.Forget("a"); len(k.Of(b, "a").Items) != 0 {
		t.Error("it is not forgotten")
	}
	if v := k.Of(b, "nobody"); len(v.Items)+len(v.Inside)+len(v.At(1, "", netip.Addr{})) != 0 {
		t.Errorf("%+v", v)
	}
}
