package nodes

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/api/read"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// Limits of suggestions.
const (
	maxSuggestions = 500
	maxReasons     = 5
)

// Suggestion is a host that doesn't report, and could.
type Suggestion struct {
	Address  string     `json:"address"`
	Name     string     `json:"name" doc:"what it is called, as far as anybody knows"`
	Zone     string     `json:"zone"`
	Node     string     `json:"node,omitempty" doc:"the node that stands for it on the chart"`
	Evidence []Reason   `json:"evidence" doc:"why it is a host"`
	Try      []string   `json:"try" doc:"addresses to ask it by"`
	weight   int        // connections
	addr     netip.Addr // Address
}

// Reason is one piece of evidence, and whose it is.
type Reason struct {
	By   string `json:"by" doc:"a node, or hosts"`
	Text string `json:"text"`
}

// SuggestionList is the answer of GET /suggestions.
type SuggestionList struct {
	Suggestions []Suggestion `json:"suggestions"`
	Total       int          `json:"total" doc:"also those beyond the first 500"`
}

func (h *routes) suggestions(ctx context.Context, p *read.Params) (*read.Answer[SuggestionList], error) {
	shown, err := h.Views.List(ctx, p)
	if err != nil {
		return nil, err
	}
	s := &suggester{routes: h, view: shown, asked: map[string]bool{}}
	for _, t := range h.Fleet.Targets() {
		s.asked[hostOf(t.URL)] = true
	}
	s.fromPeers()
	s.fromHosts()
	s.fromMonitoring(ctx)
	slices.SortFunc(s.list, func(a, b Suggestion) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), a.addr.Compare(b.addr), cmp.Compare(a.Zone, b.Zone))
	})
	out := SuggestionList{s.list[:min(len(s.list), maxSuggestions)], len(s.list)}
	if out.Suggestions == nil {
		out.Suggestions = []Suggestion{}
	}
	return read.Named(shown.Revision, out), nil
}

// hostOf is the host that a target's URL names.
func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	rest, _, _ = strings.Cut(rest, "?")
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
		rest = rest[:i]
	}
	return strings.Trim(rest, "[]")
}

// suggester collects suggestions from a view.
type suggester struct {
	*routes
	view  *view.Topology
	asked map[string]bool // hosts of targets
	list  []Suggestion
}

func (s *suggester) add(one Suggestion) {
	if s.asked[one.Address] || (one.Name != "" && s.asked[one.Name]) {
		return
	}
	host := cmp.Or(one.Name, one.Address)
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	one.Try = []string{"ssh://" + host, "text://" + host}
	s.list = append(s.list, one)
}

// fromPeers suggests the inferred nodes: reporting nodes talk to them.
func (s *suggester) fromPeers() {
	reasons, weight := map[string][]Reason{}, map[string]int{}
	note := func(node, by, text string) {
		weight[node]++
		r := Reason{by, text}
		if len(reasons[node]) < maxReasons && !slices.Contains(reasons[node], r) {
			reasons[node] = append(reasons[node], r)
		}
	}
	for i := range s.view.Connections {
		c := &s.view.Connections[i]
		if !c.Directed { // who called isn't known, nor which port is the service's
			note(c.Server.Node, c.Client.Node, fmt.Sprintf("%s has a %s connection with it", orUnknown(c.Client.Process), c.Protocol))
			note(c.Client.Node, c.Server.Node, fmt.Sprintf("%s has a %s connection with it", orUnknown(c.Server.Process), c.Protocol))
			continue
		}
		note(c.Server.Node, c.Client.Node, fmt.Sprintf("%s calls its %s port %d", orUnknown(c.Client.Process), c.Protocol, c.Server.Port))
		note(c.Client.Node, c.Server.Node, fmt.Sprintf("it calls %s on %s port %d", orUnknown(c.Server.Process), c.Protocol, c.Server.Port))
	}
	for i := range s.view.Nodes {
		n := &s.view.Nodes[i]
		if n.Kind != topology.Inferred || len(n.Addresses) != 1 || !isHostAddress(n.Addresses[0]) {
			continue
		}
		s.add(Suggestion{
			Address: n.Addresses[0].String(), Name: n.KnownAs, Zone: n.Zone, Node: n.Name,
			Evidence: reasons[n.Name], weight: weight[n.Name], addr: n.Addresses[0],
		})
	}
}

func orUnknown(process string) string { return cmp.Or(process, "a process") }

// fromHosts suggests what the server's hosts file names and nobody reports as.
func (s *suggester) fromHosts() {
	if s.Hosts == nil {
		return
	}
	known := map[netip.Addr]bool{}
	names := map[string]bool{}
	for i := range s.view.Nodes {
		names[s.view.Nodes[i].Name] = true
		for _, a := range s.view.Nodes[i].Addresses {
			known[a] = true
		}
	}
	for a, name := range s.Hosts() {
		short, _, _ := strings.Cut(name, ".")
		if known[a] || names[name] || names[short] || !a.IsPrivate() {
			continue
		}
		s.add(Suggestion{Address: a.String(), Name: name, addr: a, Evidence: []Reason{{"hosts", "the server's hosts file calls it " + name}}})
	}
}

// fromMonitoring suggests the hosts that monitoring systems know by an address of
// which nobody else knows.
func (s *suggester) fromMonitoring(ctx context.Context) {
	list, err := s.Strays.Strays(ctx)
	if err != nil {
		return // the others are still worth something
	}
	there := map[string]bool{}
	for i := range s.list {
		there[s.list[i].Address] = true
	}
	for i := range list {
		stray := &list[i]
		for _, text := range stray.Addresses {
			a, err := netip.ParseAddr(text)
			if err != nil || !isHostAddress(a) || !a.IsPrivate() || there[text] {
				continue
			}
			there[text] = true
			s.add(Suggestion{Address: a.String(), Name: hostNameOr(stray.Host), addr: a, Evidence: []Reason{{
				stray.Source, fmt.Sprintf("%s has %s on it, as %s", stray.Source, stray.Counted(), stray.Host),
			}}})
			break
		}
	}
}

// hostNameOr is a name if a host may have it, else nothing.
func hostNameOr(name string) string {
	if report.HostName(name) != nil {
		return ""
	}
	return name
}

// isHostAddress leaves out what no single host has.
func isHostAddress(a netip.Addr) bool {
	return !a.IsMulticast() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
