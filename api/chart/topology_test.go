package chart_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/view"
)

func TestTopologyOverHTTP(t *testing.T) {
	s := served.New(t, served.Options{})
	empty := served.Read[api.Topology](t, s, api.Prefix+"/topology")
	if empty.Nodes == nil || empty.Services == nil || empty.Connections == nil || empty.Level != view.LevelService {
		t.Errorf("empty is %+v", empty)
	}
	served.Same(t, "hide", empty.Hide, []view.Hide{view.HideIgnored, view.HideInfrastructure, view.HideObservers})
	s.Shop(t)
	for query, want := range map[string]string{
		"?hide=observers,ignored,old,ignored": "[ignored observers old] service",
		"?hide=none":                          "[] service",
		"?level=node":                         "[ignored infrastructure observers] node",
	} {
		v := served.Read[api.Topology](t, s, api.Prefix+"/topology"+query)
		served.Same(t, query, fmt.Sprint(v.Hide, " ", v.Level), want)
		if len(v.Nodes) == 0 || v.Nodes[0].Layout == nil || !strings.Contains(v.Revision, "-") {
			t.Errorf("%s: %+v", query, v)
		}
	}
}
