package grouping

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/grouping/census"
	"github.com/devops-trouble-map/dotm/grouping/lane"
	"github.com/devops-trouble-map/dotm/grouping/role"
)

// callGraph makes hosts of the nodes of a graph, copies of each, that run a
// program of their own name.
func callGraph(t *testing.T, name string, copies int) *plan {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".tsv")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlan()
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	of := func(program string) (out []string) { return p.hosts(program, copies) }
	for _, l := range lines {
		f := strings.Split(l, "\t")
		of(f[0])
		for _, h := range of(f[1]) {
			if s := f[1] + ":" + f[2]; p.blocks[h].Services == nil {
				p.host(h, s)
			}
		}
	}
	for _, l := range lines {
		f := strings.Split(l, "\t")
		p.all(of(f[0]), f[0], of(f[1]), f[2])
	}
	return p
}

// TestCallGraphs: what is found in graphs that nobody made for this. They are one
// product each, whose only shared service is what collects telemetry.
func TestCallGraphs(t *testing.T) {
	for _, tt := range []struct {
		name       string
		nodes      int
		shared     []string
		groups     string     // names
		modularity [2]float64 // at least and at most
	}{
		{"online-boutique", 13, nil, "loadgenerator", [2]float64{0, 0}},
		// what calls kafka, and what its load generator calls: the graph lacks the
		// edge between them
		{"otel-demo", 20, []string{"otel-collector01"}, "frontend load-generator", [2]float64{0.05, 0.2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m Memory
			snap := callGraph(t, tt.name, 1).snapshot(t)
			r := m.Advance(snap, nil, noon)
			if !slices.Equal(r.Shared, tt.shared) || len(r.Pools) > 0 {
				t.Errorf("shared are %v, want %v; %d pools, want none", r.Shared, tt.shared, len(r.Pools))
			}
			var groups []string
			for _, g := range r.Groups {
				groups = append(groups, g.Name)
			}
			slices.Sort(groups)
			if got := strings.Join(groups, " "); got != tt.groups || snap.Len() != tt.nodes {
				t.Errorf("groups are %s, want %s; %d nodes, want %d", got, tt.groups, snap.Len(), tt.nodes)
			}
			if q := quality(r, census.Take(snap, noon)); q < tt.modularity[0] || q > tt.modularity[1] {
				t.Errorf("modularity is %.3f, want %v", q, tt.modularity)
			}

			var many Memory
			three := callGraph(t, tt.name, 3)
			r = many.Advance(three.snapshot(t), nil, noon)
			for _, p := range r.Pools {
				if len(p.Members) != 3 {
					t.Errorf("of three copies the pool %s has %v", p.Name, p.Members)
				}
			}
			if len(r.Pools) != snap.Len() || len(r.Shared) != 3*len(tt.shared) {
				t.Errorf("of three copies there are %d pools and %d shared, want %d and %d", len(r.Pools), len(r.Shared), snap.Len(), 3*len(tt.shared))
			}
		})
	}
}

// quality is the modularity of groups.
func quality(r *Roles, c *census.Census) float64 {
	f := role.Find(c, func(string) (bool, bool) { return false, false })
	vertex, edges, through := lane.Contract(f.Links, f.Pool)
	labels := make([]int32, len(through))
	number := map[string]int32{"": -1}
	for i := range c.Nodes {
		id := r.GroupOf(c.Nodes[i].Name)
		if _, ok := number[id]; !ok {
			number[id] = int32(len(number))
		}
		labels[vertex[i]] = number[id]
	}
	return lane.Modularity(len(through), edges, labels)
}
