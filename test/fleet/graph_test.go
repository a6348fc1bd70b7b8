//go:build linux

package fleettest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
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
	text := stage.Read(t, filepath.Join("testdata", file))
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		f := strings.Split(line, "\t")
		if i == 0 || len(f) != 3 {
			continue // the header
		}
		port, err := strconv.Atoi(f[2])
		stage.Must(t, err)
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
	plans := []stage.Plan{stage.On("main", "map1", "10.77.0.250/24")}
	hosts := []string{"map1"}
	where := map[string]int{} // the host's number
	for i, service := range services {
		if where[service] = i/perHost + 1; i%perHost == 0 {
			name := fmt.Sprintf("host%d", where[service])
			hosts = append(hosts, name)
			plans = append(plans, stage.On("main", name, fmt.Sprintf("10.77.0.%d/24", where[service])))
		}
	}
	s := newSite(t, plans...)
	host := func(service string) string { return fmt.Sprintf("host%d", where[service]) }
	address := func(c call) string { return fmt.Sprintf("10.77.0.%d:%d", where[c.server], c.port) }
	puppets, serves := map[string]*stage.Puppet{}, map[string]bool{}
	for _, service := range services {
		puppets[service] = s.Hosts[host(service)].Puppet(t, service)
	}
	want := chart.Graph{Nodes: chart.Reporting(hosts...)}
	for _, c := range graph {
		if !serves[address(c)] {
			serves[address(c)] = true
			puppets[c.server].Serves(t, "tcp4 "+address(c))
		}
		puppets[c.client].Calls(t, "tcp "+address(c))
		want.Edges = append(want.Edges, chart.Edge{
			Client: host(c.client), ClientProcess: c.client, Server: host(c.server), ServerProcess: c.server, Protocol: "tcp", Port: c.port,
		})
	}
	d := s.server(t, "map1", "10.77.0.250:4849")
	d.agents(t, s)
	d.Shows(t, want, hosts...)
}
