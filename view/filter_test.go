package view

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/topology"
)

// TestFilterAsThePage: the page fades by the same rule, and holds the same cases
// (web/src/state/filter.test.ts).
func TestFilterAsThePage(t *testing.T) {
	var same struct {
		Chart Topology
		Cases []struct {
			Trouble                           bool
			Focus, Group, Process, Name, Text string
			Hops                              int
			Signals                           []topology.Signal
			Want                              []string // nil for all
		}
	}
	data, err := os.ReadFile("testdata/filter.json")
	if err == nil {
		err = json.Unmarshal(data, &same)
	}
	if err != nil || len(same.Cases) == 0 {
		t.Fatal("no cases: ", err)
	}
	for _, c := range same.Cases {
		f := Filter{Around: Around{c.Focus, c.Hops}, Trouble: c.Trouble, Group: c.Group, Process: c.Process, Name: c.Name, Text: c.Text}
		part, ok := same.Chart.Narrow(f, c.Signals)
		got := []string{}
		for _, n := range part.boxes() {
			got = append(got, n.Name)
		}
		slices.Sort(got)
		if c.Want == nil {
			if part != &same.Chart || f.Any() {
				t.Errorf("%+v narrows", f)
			}
			continue
		}
		if slices.Sort(c.Want); !slices.Equal(got, c.Want) || ok != (c.Focus != "nobody") {
			t.Errorf("%s: %q (%t), want %q", f.Words(nil), got, ok, c.Want)
		}
	}
}

// TestFilterWords: what is asked for, as files and pages say it.
func TestFilterWords(t *testing.T) {
	for _, c := range []struct {
		filter Filter
		want   string
	}{
		{Filter{}, ""},
		{Filter{Text: " a b ", Process: "nginx", Name: "x", Group: "group~1"}, "a b, process nginx, node x, group Shop"},
		{Filter{Around: Around{"db1", 2}}, "db1 and 2 hops around"},
		{Filter{Around: Around{"db1", 0}}, "db1 alone"},
		{Filter{Around: Around{Hops: 1}, Trouble: true}, "trouble and 1 hop around"},
	} {
		names := func(id string) string {
			if id == "group~1" {
				return "Shop"
			}
			return id
		}
		if got := c.filter.Words(names); got != c.want {
			t.Errorf("%+v: %q, want %q", c.filter, got, c.want)
		}
	}
}
