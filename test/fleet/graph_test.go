//go:build linux

package fleettest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// perHost is how many of a system's services share a host.
const perHost = 4

// The call graphs of two public systems, played with real sockets: each service
// is a process, some on one host. Names longer than the kernel keeps are whole.
func TestCallGraphs(t *testing.T) {
	for _, file := range []string{"online-boutique.edges.tsv", "otel-demo.edges.tsv"} {
		t.Run(strings.TrimSuffix(file, ".edges.tsv"), func(t *testing.T) {
			t.Parallel()
			playGraph(t, readGraph(t, file))
		})
	}
}

// call is an edge of such a graph.
type call struct {
	client, server string
	port           int
}

func readGraph(t *testing.T, file string) (graph []call) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	must(t, err)
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		f := strings.Split(line, "\t")
		if i == 0 || len(f) != 3 {
			continue // the header
		}
		port, err := strconv.Atoi(f[2])
		must(t, err)
		graph = append(graph, call{f[0], f[1], port})
	}
	if len(graph) == 0 {
		t.Fatalf("%s holds no calls", file)
	}
	return graph
}

// playGraph opens a connection for each call, and demands its edge.
func playGraph(t *testing.T, graph []call) {
	t.Helper()
	var services []string
	for _, c := range graph {
		services = append(services, c.client, c.server)
	}
	slices.Sort(services)
	services = slices.Compact(services)
	plans := []plan{on("main", "map1", "10.77.0.250/24")}
	hosts := []string{"map1"}
	where := map[string]int{} // the host's number
	for i, service := range services {
		if where[service] = i/perHost + 1; i%perHost == 0 {
			name := fmt.Sprintf("host%d", where[service])
			hosts = append(hosts, name)
			plans = append(plans, on("main", name, fmt.Sprintf("10.77.0.%d/24", where[service])))
		}
	}
	s := newSite(t, plans...)
	host := func(service string) string { return fmt.Sprintf("host%d", where[service]) }
	address := func(c call) string { return fmt.Sprintf("10.77.0.%d:%d", where[c.server], c.port) }
	puppets := map[string]*puppetOf{}
	for _, service := range services {
		puppets[service] = &puppetOf{s.hosts[host(service)].puppet(service), map[string]bool{}}
	}
	want := scene{nodes: reporting(hosts...)}
	for _, c := range graph {
		puppets[c.server].serve(t, address(c))
		calls(t, puppets[c.client].Puppet, "tcp "+address(c))
		want.edges = append(want.edges, edge{host(c.client), c.client, host(c.server), c.server, "tcp", c.port})
	}
	d := s.hosts["map1"].server(t, "10.77.0.250:4849")
	d.agents(t, hosts...)
	d.shows(t, want, hosts...)
}

// puppetOf is a service with the addresses that it serves on.
type puppetOf struct {
	*bed.Puppet
	serves map[string]bool
}

func (p *puppetOf) serve(t *testing.T, address string) {
	t.Helper()
	if p.serves[address] {
		return
	}
	p.serves[address] = true
	_, err := p.Listen("tcp4", address)
	must(t, err)
}
