package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/view"
)

// edges are the connections in short.
func edges(v *Topology) (list []string) {
	for _, c := range v.Connections {
		list = append(list, fmt.Sprintf("%s/%s>%s:%d", c.Client.Node, c.Client.Process, c.Server.Node, c.Server.Port))
	}
	slices.Sort(list)
	return list
}

func nodeNames(v *Topology) (list []string) {
	for _, n := range v.Nodes {
		list = append(list, n.Name)
	}
	return list
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestTopologyOverHTTP(t *testing.T) {
	s := newSite(t, siteOptions{})
	empty := read200[Topology](t, s, Prefix+"/topology")
	if empty.Nodes == nil || empty.Services == nil || empty.Connections == nil || empty.Level != view.LevelService {
		t.Errorf("empty is %+v", empty)
	}
	same(t, "hide", empty.Hide, []view.Hide{view.HideIgnored, view.HideInfrastructure, view.HideObservers})
	s.shop(t)
	for query, want := range map[string]string{
		"?hide=observers,ignored,old,ignored": "[ignored observers old] service",
		"?hide=none":                          "[] service",
		"?level=node":                         "[ignored infrastructure observers] node",
	} {
		v := read200[Topology](t, s, Prefix+"/topology"+query)
		same(t, query, fmt.Sprint(v.Hide, " ", v.Level), want)
		if len(v.Nodes) == 0 || v.Nodes[0].Layout == nil || !strings.Contains(v.Revision, "-") {
			t.Errorf("%s: %+v", query, v)
		}
	}
}
