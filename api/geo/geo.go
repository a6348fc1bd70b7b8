// Package geo tells where nodes and their peers are.
package geo

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/api/views"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/resolve"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// Locator tells where public addresses are used.
type Locator interface {
	// Empty says whether it knows nothing of any address.
	Empty() bool
	// Place tells where an address is used; false if that is not known.
	Place(a netip.Addr) (resolve.Place, bool)
}

// Site is a place that the configuration names, and which nodes are there. The
// first that a node fits is its place.
type Site struct {
	Name      string  `json:"name" yaml:"name"`
	Latitude  float64 `json:"latitude" yaml:"latitude"`
	Longitude float64 `json:"longitude" yaml:"longitude"`
	// Networks hold its nodes' addresses; Nodes are their names, with * and ? as in
	// a shell; Zones are theirs.
	Networks []netip.Prefix `json:"networks,omitempty" yaml:"networks,omitempty"`
	Nodes    []string       `json:"nodes,omitempty" yaml:"nodes,omitempty"`
	Zones    []string       `json:"zones,omitempty" yaml:"zones,omitempty"`
}

// has says whether a node is there.
func (s *Site) has(n *topology.Node) bool {
	host, _, _ := strings.Cut(n.Name, "/")
	named := func(pattern string) bool {
		for _, name := range []string{n.Name, host} {
			if fits, err := path.Match(pattern, name); fits && err == nil {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(s.Nodes, named) || (n.Zone != "" && slices.Contains(s.Zones, n.Zone)) ||
		slices.ContainsFunc(s.Networks, func(p netip.Prefix) bool { return slices.ContainsFunc(n.Addresses, p.Contains) })
}

// maxPlaceNodes is how many nodes of a place are listed; the rest is counted.
const maxPlaceNodes = 500

// Node is a node at its place.
type Node struct {
	Name  string             `json:"name"`
	State topology.NodeState `json:"state"`
	topology.Verdict
}

// Place is where nodes are.
type Place struct {
	Name      string   `json:"name"`
	By        string   `json:"by" enum:"configuration,geoip" doc:"who says that they are there"`
	Country   string   `json:"country,omitempty" doc:"ISO 3166-1 alpha-2, as far as known"`
	Latitude  *float64 `json:"latitude" doc:"degrees; null where the country alone is known"`
	Longitude *float64 `json:"longitude"`
	// Verdict sums up what is said of the nodes.
	Status     topology.Status `json:"status"`
	OpenStatus topology.Status `json:"open_status"`
	Total      int             `json:"total" doc:"how many nodes are there"`
	InTrouble  int             `json:"in_trouble" doc:"how many of them have an open alert"`
	Silent     int             `json:"silent" doc:"how many of them reported once and don't now"`
	Nodes      []Node          `json:"nodes" doc:"the worst first, 500 at most"`
}

// Country is what the Internet's part in one country is to the site.
type Country struct {
	Code        string `json:"code" doc:"ISO 3166-1 alpha-2; empty if the files name the country only"`
	Name        string `json:"name"`
	Peers       int    `json:"peers" doc:"addresses there, about"`
	Connections int    `json:"connections" doc:"edges with an end there"`
	In          int    `json:"in" doc:"sockets that are open from there"`
	Out         int    `json:"out" doc:"sockets that are open to there"`
}

// Geo is the answer of GET /geo.
type Geo struct {
	GeoIP     bool      `json:"geoip" doc:"whether files say where public addresses are used (geoip in dotm.yaml)"`
	Sites     bool      `json:"places_configured" doc:"whether dotm.yaml names places"`
	Places    []Place   `json:"places"`
	Countries []Country `json:"countries" doc:"of Internet peers, the busiest first"`
	Unplaced  int       `json:"nodes_without_place"`
	Unknown   int       `json:"peers_without_country" doc:"Internet peers of which the country is not known"`
	Split     string    `json:"internet_split" doc:"while it is not country, peers of many countries may be one edge: these have no country"`
}

// Settings are those in force, with the names of the fixed ones.
type Settings interface {
	Settings() (in store.Settings, fixed []string)
}

// Options are what the map needs. Locator and Places may be nil.
type Options struct {
	Views    *views.Views
	Settings Settings
	Locator  Locator
	Places   []Site
}

type routes struct{ Options }

// Register adds the map.
func Register(a huma.API, opt Options) {
	h := &routes{opt}
	huma.Register(a, read.Op("geo", "/geo", "Where nodes and Internet peers are, as far as files and the configuration say", http.StatusNotFound, http.StatusUnprocessableEntity), h.geo)
}

func (h *routes) geo(ctx context.Context, p *read.Params) (*read.Answer[Geo], error) {
	shown, err := h.Views.List(ctx, p)
	if err != nil {
		return nil, err
	}
	in, _ := h.Settings.Settings()
	return read.Named(shown.Revision, geoOf(shown, h.Places, h.Locator, in.InternetSplit)), nil
}

// geoOf finds the place of every node and the country of every Internet peer.
func geoOf(shown *view.Topology, sites []Site, where Locator, split store.InternetSplit) Geo {
	out := Geo{GeoIP: where != nil && !where.Empty(), Sites: len(sites) > 0, Split: string(split)}
	places, outside := map[string]*Place{}, map[string]bool{}
	for i := range shown.Nodes {
		n := &shown.Nodes[i].Node
		switch n.Kind {
		case topology.Host, topology.Container, topology.Inferred:
			if key, place := placeOf(n, sites, where); place == nil {
				out.Unplaced++
			} else {
				if places[key] == nil {
					places[key] = place
				}
				places[key].add(n)
			}
		case topology.Internet:
			outside[n.Name] = true
		case topology.Virtual, topology.Network, topology.Pool, topology.Group:
		}
	}
	out.Places = sortedPlaces(places)
	out.Countries, out.Unknown = countries(shown.Connections, outside, where, split == store.SplitCountry)
	return out
}

// placeOf finds a node's place, with what tells it from others; nil if none is known.
func placeOf(n *topology.Node, sites []Site, where Locator) (string, *Place) {
	for i := range sites {
		if s := &sites[i]; s.has(n) {
			return "site " + s.Name, &Place{Name: s.Name, By: "configuration", Latitude: &s.Latitude, Longitude: &s.Longitude}
		}
	}
	if where == nil {
		return "", nil
	}
	for _, a := range n.Addresses {
		p, ok := where.Place(a)
		if !ok {
			continue
		}
		place := &Place{Name: cmp.Or(p.City, p.Country), By: "geoip", Country: p.Code}
		if p.Located {
			place.Latitude, place.Longitude = &p.Latitude, &p.Longitude
		}
		return "geoip " + p.Country + "\x00" + p.City, place
	}
	return "", nil
}

func (g *Place) add(n *topology.Node) {
	g.Total++
	g.Status, g.OpenStatus = topology.Worse(cmp.Or(g.Status, topology.NoStatus), n.Status), topology.Worse(cmp.Or(g.OpenStatus, topology.NoStatus), n.OpenStatus)
	if n.OpenStatus.Bad() {
		g.InTrouble++
	}
	if n.State == topology.Stale {
		g.Silent++
	}
	g.Nodes = append(g.Nodes, Node{n.Name, n.State, n.Verdict})
}

func sortedPlaces(places map[string]*Place) []Place {
	out := make([]Place, 0, len(places))
	for _, p := range places {
		slices.SortFunc(p.Nodes, func(a, b Node) int {
			return cmp.Or(cmp.Compare(b.OpenStatus.Severity(), a.OpenStatus.Severity()), strings.Compare(a.Name, b.Name))
		})
		p.Nodes = p.Nodes[:min(len(p.Nodes), maxPlaceNodes)]
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Place) int {
		return cmp.Or(cmp.Compare(b.OpenStatus.Severity(), a.OpenStatus.Severity()), strings.Compare(a.Name, b.Name), strings.Compare(a.By, b.By))
	})
	return out
}

// countries sums up the edges to and from outside by country. An edge that stands
// for many addresses has one only if the Internet is divided by countries.
func countries(edges []view.Connection, outside map[string]bool, where Locator, whole bool) (list []Country, unknown int) {
	sums := map[string]*Country{}
	for i := range edges {
		c := &edges[i].Connection
		inward := outside[c.Client.Node]
		if !inward && !outside[c.Server.Node] {
			continue
		}
		address := c.Evidence.ServerAddress
		if inward {
			address = c.Evidence.ClientAddress
		}
		peers := max(c.Peers, 1)
		p, ok := resolve.Place{}, false
		if a, err := netip.ParseAddr(address); err == nil && where != nil && (whole || peers == 1) {
			p, ok = where.Place(a)
		}
		if !ok {
			unknown += peers
			continue
		}
		sum := sums[p.Country]
		if sum == nil {
			sum = &Country{Code: p.Code, Name: p.Country}
			sums[p.Country] = sum
		}
		sum.Peers += peers
		sum.Connections++
		if inward {
			sum.In += c.Count
		} else {
			sum.Out += c.Count
		}
	}
	list = make([]Country, 0, len(sums))
	for _, s := range sums {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Country) int {
		return cmp.Or(cmp.Compare(b.In+b.Out, a.In+a.Out), cmp.Compare(b.Peers, a.Peers), strings.Compare(a.Name, b.Name))
	})
	return list, unknown
}
