package monitor_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

func TestDeclaredOf(t *testing.T) {
	r := &monitor.Reading{
		Hosts: []mapping.Host{
			{Name: "web", Alias: "shop", Addresses: []string{"10.0.0.1"}, Groups: []string{"b", "a", "b"}, Link: "https://n/web", Notes: "https://wiki/web"},
			{Name: "alone"},
			{Name: "edge", Parents: []string{"gw"}},
		},
		Dependencies: []monitor.Dependency{
			{Host: "web", Name: "http", ParentHost: "db", ParentName: "postgres"},
			{Host: "edge", ParentHost: "gw"},
			{Host: "web", Name: "http", ParentHost: "db", ParentName: "postgres"},
		},
	}
	want := &monitor.Declared{
		Hosts: []mapping.Host{
			{Name: "edge", Parents: []string{"gw"}},
			{Name: "web", Alias: "shop", Addresses: []string{"10.0.0.1"}, Groups: []string{"a", "b"}},
		},
		Dependencies: []monitor.Dependency{
			{Host: "edge", ParentHost: "gw"},
			{Host: "web", Name: "http", ParentHost: "db", ParentName: "postgres"},
		},
	}
	got := monitor.DeclaredOf(r)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("declared (-want +got):\n%s", diff)
	}
	if r.Hosts[0].Groups[0] != "b" || r.Hosts[0].Link == "" || r.Dependencies[0].Host != "web" {
		t.Error("the reading was written to")
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var back monitor.Declared
	if err := json.Unmarshal(text, &back); err != nil || !got.Same(&back) {
		t.Errorf("read back it is %+v, %v", back, err)
	}
}

func TestDeclaredSame(t *testing.T) {
	one := &monitor.Declared{Hosts: []mapping.Host{{Name: "a", Groups: []string{"g"}}}}
	for _, c := range []struct {
		name string
		a, b *monitor.Declared
		same bool
	}{
		{"nothing", nil, nil, true},
		{"nothing and empty", nil, &monitor.Declared{}, true},
		{"something and nothing", one, nil, false},
		{"equal", one, &monitor.Declared{Hosts: []mapping.Host{{Name: "a", Groups: []string{"g"}}}}, true},
		{"another group", one, &monitor.Declared{Hosts: []mapping.Host{{Name: "a", Groups: []string{"h"}}}}, false},
		{"another parent", one, &monitor.Declared{Hosts: []mapping.Host{{Name: "a", Groups: []string{"g"}, Parents: []string{"p"}}}}, false},
		{"another address", one, &monitor.Declared{Hosts: []mapping.Host{{Name: "a", Groups: []string{"g"}, Addresses: []string{"10.0.0.1"}}}}, false},
		{"a dependency more", one, &monitor.Declared{Hosts: one.Hosts, Dependencies: []monitor.Dependency{{Host: "a", ParentHost: "b"}}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.a.Same(c.b) != c.same || c.b.Same(c.a) != c.same {
				t.Errorf("same is %v, want %v", !c.same, c.same)
			}
		})
	}
}
