package aggregate

import (
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// TestResolvedVia: the evidence says which way an address led to its service.
func TestResolvedVia(t *testing.T) {
	const web = " | ns web 172.17.0.2 | listen nginx 0.0.0.0:80"
	s := empty()
	for _, says := range [][2]string{
		{"a", "addr 10.0.0.1 172.17.0.1 | forward 10.0.0.1:8080 172.17.0.2:80 | forward 10.0.0.1:8081 10.0.0.77:81" + web},
		{"b", "addr 10.0.0.2 172.17.0.1" + web},
		{"a", "addr 10.0.0.1 172.17.0.1 | forward 10.0.0.1:8080 172.17.0.2:80 | forward 10.0.0.1:8081 10.0.0.77:81 | out near 172.17.0.2:80 | out over 172.17.0.2:80 via 10.0.0.1:8080" + web},
		{"c", "addr 10.0.0.3 | out through 10.0.0.1:8080 | out out 10.0.0.1:8081 | out none 172.17.0.2:80"},
	} {
		s = Apply(s, parsed(t, says[0], says[1]), start, Options{})
	}
	var got []string
	for c := range s.Connections() {
		got = append(got, c.Client.Process+": "+c.Server.Node+" at "+c.Evidence.ServerAddress+", "+c.Evidence.ServerResolved)
	}
	slices.Sort(got)
	want := []string{
		"near: a/web at 172.17.0.2, address of a/web, on the same host",
		"none: 172.17.0.2 at 172.17.0.2, address of several nodes: a/web, b/web",
		"out: 10.0.0.77 at 10.0.0.77, internal address that no reporting node has, where a sends what calls 10.0.0.1:8081",
		"over: a/web at 172.17.0.2, address of a/web, on the same host, where a sends what calls 10.0.0.1:8080",
		"through: a/web at 172.17.0.2, address of a/web, on the same host, where a sends what calls 10.0.0.1:8080",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// TestGoneContainerIsWordedOnce: the report that ends a container is applied at
// its time; later ones leave its block alone.
func TestGoneContainerIsWordedOnce(t *testing.T) {
	const host = "addr 10.0.0.1"
	s := Apply(empty(), parsed(t, "a", host+" | ns web 172.17.0.2 | listen nginx 0.0.0.0:80 | in nginx 0.0.0.0:80 10.0.0.9"), start, Options{})
	s = Apply(s, parsed(t, "a", host), start.Add(10*time.Second), Options{})
	web := s.Block("a/web")
	service, edge := web.Services[0], web.Connections[0]
	if service.State != topology.Gone || !service.LastSeen.Equal(start) || !service.LastConnection.Equal(start) || service.Clients != 0 {
		t.Errorf("the service is %+v", service)
	}
	if edge.Count != 0 || !edge.LastSeen.Equal(start) {
		t.Errorf("the connection is %+v", edge)
	}
	for i := range 3 {
		s = Apply(s, parsed(t, "a", host), start.Add(time.Duration(i+2)*10*time.Second), Options{})
		if s.Block("a/web") != web {
			t.Fatalf("report %d wrote to a container that was gone", i+3)
		}
	}
}
