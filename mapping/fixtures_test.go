package mapping

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// node makes a host, or a container if its name has a slash. Services are written as
// "port[/udp] process [key=value…]": unit, container, image, addr, or the words gone
// and loopback.
func node(name, addresses string, services ...string) *topology.Block {
	b := &topology.Block{Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting, FirstSeen: noon, LastReport: noon}}
	if strings.Contains(name, "/") {
		b.Node.Kind = topology.Container
	}
	for a := range strings.FieldsSeq(addresses) {
		b.Node.Addresses = append(b.Node.Addresses, netip.MustParseAddr(a))
	}
	seen := map[string]bool{}
	for _, text := range services {
		b.Services = append(b.Services, service(name, text, seen))
	}
	sortServices(b)
	return b
}

func sortServices(b *topology.Block) {
	for i := range b.Services {
		for j := i; j > 0 && b.Services[j].ID < b.Services[j-1].ID; j-- {
			b.Services[j], b.Services[j-1] = b.Services[j-1], b.Services[j]
		}
	}
}

func service(name, text string, seen map[string]bool) topology.Service {
	words := strings.Fields(text)
	number, protocol, ok := strings.Cut(words[0], "/")
	if !ok {
		protocol = "tcp"
	}
	var port uint16
	for _, c := range number {
		port = port*10 + uint16(c-'0')
	}
	s := topology.Service{
		Node: name, Protocol: topology.Protocol(protocol), Port: port, State: topology.Listening, Addresses: []netip.Addr{netip.IPv4Unspecified()},
		FirstSeen: noon, LastSeen: noon, Verdict: topology.NoVerdict,
	}
	for i, word := range words[1:] {
		key, value, pair := strings.Cut(word, "=")
		switch {
		case key == "unit":
			s.Unit = value
		case key == "container":
			s.Container = value
		case key == "image":
			s.Image = value
		case key == "pod":
			s.Pod = value
		case key == "addr":
			s.Addresses = []netip.Addr{netip.MustParseAddr(value)}
		case word == "gone":
			s.State, s.LastSeen = topology.Gone, noon.Add(time.Hour)
		case word == "loopback":
			s.Scope, s.Addresses = topology.ScopeLoopback, []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		case i == 0 && !pair && word != "-":
			s.Process = word
		}
	}
	s.ID = topology.ServiceID(name, s.Protocol, port, netip.Addr{})
	if seen[s.ID] {
		s.ID = topology.ServiceID(name, s.Protocol, port, s.Addresses[0])
	}
	seen[s.ID] = true
	return s
}

func snapshot(t testing.TB, blocks ...*topology.Block) *topology.Snapshot {
	t.Helper()
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compiled(t testing.TB, s Settings) *Rules {
	t.Helper()
	r, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func check(host, name string, hints ...Hint) *Check {
	kind := topology.ServiceCheck
	if name == "" {
		kind = topology.HostCheck
	}
	return &Check{Check: topology.Check{ID: topology.CheckID("test", host, name), Source: "test", Kind: kind, Host: host, Name: name}, Hints: hints}
}

// told is where a check is, for comparing: "service rule", "node rule", or
// "node rule? candidates".
func told(c *Check) string {
	switch {
	case c.Node == "":
		return "-"
	case c.Mapping.Ambiguous:
		return c.Node + " " + c.Mapping.Rule + "? " + strings.Join(c.Mapping.Candidates, " ")
	case c.Service != "":
		return c.Service + " " + c.Mapping.Rule
	}
	return c.Node + " " + c.Mapping.Rule
}
