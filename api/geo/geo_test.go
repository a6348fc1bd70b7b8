package geo

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/resolve"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// atlas knows some addresses.
type atlas map[string]resolve.Place

func (a atlas) Empty() bool { return len(a) == 0 }

func (a atlas) Place(addr netip.Addr) (resolve.Place, bool) {
	p, ok := a[addr.String()]
	return p, ok
}

func located(name, address string, status topology.Status, state topology.NodeState) view.Node {
	n := topology.Node{Name: name, Kind: topology.Host, State: state, Verdict: topology.Verdict{Status: status, OpenStatus: status}}
	if address != "" {
		n.Addresses = []netip.Addr{netip.MustParseAddr(address)}
	}
	return view.Node{Node: n}
}

func outer(inward bool, address string, peers, count int) view.Connection {
	c := topology.Connection{Client: topology.Client{Node: "web1"}, Server: topology.Server{Node: "Internet"}, Peers: peers, Count: count}
	c.Evidence.ServerAddress = address
	if inward {
		c.Client, c.Server = topology.Client{Node: "Internet"}, topology.Server{Node: "web1"}
		c.Evidence = topology.Evidence{ClientAddress: address}
	}
	return view.Connection{Connection: c}
}

func geoSite() *view.Topology {
	internet := view.Node{Node: topology.Node{Name: "Internet", Kind: topology.Internet}}
	container := located("web1/cache", "172.17.0.2", topology.OK, topology.Reporting)
	container.Kind = topology.Container
	return &view.Topology{
		Nodes: []view.Node{
			internet, located("web1", "10.1.0.1", topology.Critical, topology.Reporting), container,
			located("web2", "10.1.0.2", topology.OK, topology.Stale),
			located("edge1", "198.51.100.9", topology.NoStatus, topology.Reporting), located("far1", "", topology.OK, topology.Reporting),
		},
		Connections: []view.Connection{
			outer(true, "198.51.100.1", 1, 5), outer(true, "198.51.100.2", 40, 90), outer(false, "192.0.2.1", 1, 2), outer(false, "203.0.113.1", 1, 1),
			{Connection: topology.Connection{Client: topology.Client{Node: "web1"}, Server: topology.Server{Node: "web2"}, Count: 99}},
		},
	}
}

var (
	known = atlas{
		"198.51.100.1": {Code: "DE", Country: "Germany"}, "198.51.100.2": {Code: "DE", Country: "Germany"},
		"198.51.100.9": {Code: "DE", Country: "Germany", City: "Town", Latitude: 50, Longitude: 8, Located: true},
		"192.0.2.1":    {Code: "NL", Country: "Netherlands"},
	}
	north = Site{Name: "north", Latitude: 53.5, Longitude: 10, Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, Nodes: []string{"web?"}}
)

func TestGeoPlaces(t *testing.T) {
	g := geoOf(geoSite(), []Site{north}, known, store.SplitNone)
	if len(g.Places) != 2 || g.Unplaced != 1 || !g.GeoIP || !g.Sites {
		t.Fatalf("%+v", g)
	}
	n, town := g.Places[0], g.Places[1]
	if n.Name != "north" || n.By != "configuration" || n.Total != 3 || n.InTrouble != 1 || n.Silent != 1 || n.OpenStatus != topology.Critical || *n.Latitude != 53.5 {
		t.Errorf("%+v", n)
	}
	if n.Nodes[0].Name != "web1" || n.Nodes[1].Name != "web1/cache" { // a container is where its host is
		t.Errorf("nodes are %+v: the worst is first", n.Nodes)
	}
	if town.Name != "Town" || town.By != "geoip" || town.Country != "DE" || *town.Longitude != 8 || town.OpenStatus != topology.NoStatus {
		t.Errorf("%+v", town)
	}
}

func TestGeoCountries(t *testing.T) {
	g := geoOf(geoSite(), nil, known, store.SplitNone)
	want := []Country{{"DE", "Germany", 1, 1, 5, 0}, {"NL", "Netherlands", 1, 1, 0, 2}}
	if diff := cmp.Diff(want, g.Countries); diff != "" || g.Unknown != 41 {
		t.Errorf("%d unknown, %s: many addresses of one edge have no country", g.Unknown, diff)
	}
	g = geoOf(geoSite(), nil, known, store.SplitCountry)
	want[0] = Country{"DE", "Germany", 41, 2, 95, 0}
	if diff := cmp.Diff(want, g.Countries); diff != "" || g.Unknown != 1 {
		t.Errorf("%d unknown, %s: divided by countries they have", g.Unknown, diff)
	}
}

func TestGeoOfNothing(t *testing.T) {
	g := geoOf(geoSite(), nil, nil, store.SplitNone)
	if g.GeoIP || g.Sites || len(g.Places)+len(g.Countries) > 0 || g.Unplaced != 5 || g.Unknown != 43 {
		t.Errorf("%+v", g)
	}
	if out, err := json.Marshal(g); err != nil || !strings.Contains(string(out), `"places":[],"countries":[]`) {
		t.Errorf("%s %v", out, err)
	}
}
