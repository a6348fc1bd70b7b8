package served

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

// Twins is a site of two equal web servers before a database.
func Twins(t testing.TB) *Site {
	t.Helper()
	s := New(t, Options{})
	for _, one := range []shop.Report{
		shop.Host("web1", "10.0.0.1").Listen("nginx", 80).Out("php", "10.0.0.3", 5432),
		shop.Host("web2", "10.0.0.2").Listen("nginx", 80).Out("php", "10.0.0.3", 5432),
		shop.Host("db", "10.0.0.3").Listen("postgres", 5432).In("10.0.0.1", 5432).In("10.0.0.2", 5432),
	} {
		s.Put(t, one.Report)
	}
	s.Settle(t, func(snap *topology.Snapshot) bool { return snap.Block("db") != nil })
	return s
}

// Choose changes what people decide, and waits until it is in force.
func (s *Site) Choose(t testing.TB, body string, done func(*grouping.Roles) bool) {
	t.Helper()
	if a := s.Do(t, http.MethodPatch, api.Prefix+"/roles", body); a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", a.Status, a.Text)
	}
	s.Settle(t, func(*topology.Snapshot) bool { return done(s.Model.Roles()) })
}

// Edges are the connections in short.
func Edges(v *api.Topology) (list []string) {
	for _, c := range v.Connections {
		list = append(list, fmt.Sprintf("%s/%s>%s:%d", c.Client.Node, c.Client.Process, c.Server.Node, c.Server.Port))
	}
	slices.Sort(list)
	return list
}

// NodeNames are those of its nodes.
func NodeNames(v *api.Topology) (list []string) {
	for _, n := range v.Nodes {
		list = append(list, n.Name)
	}
	return list
}

// Same holds values against each other as they print.
func Same(t testing.TB, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Levels are those that a chart is asked for.
func Levels() []string { return []string{"service", "node", "pool", "group"} }
