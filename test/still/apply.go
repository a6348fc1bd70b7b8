package still

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/devops-trouble-map/dotm/view"
)

// Apply is what a viewer does with a delta: the event, or its data alone.
func Apply(t interface{ Fatalf(string, ...any) }, v *view.Topology, event []byte) {
	if _, data, found := bytes.Cut(event, []byte("data: ")); found {
		event = data
	}
	var d view.Delta
	if err := json.Unmarshal(event, &d); err != nil {
		t.Fatalf("delta: %v", err)
	}
	if d.From != v.Revision {
		t.Fatalf("delta from %s, holding %s", d.From, v.Revision)
	}
	v.Revision, v.At, v.Width, v.Height, v.Coverage, v.Hidden = d.Revision, d.At, d.Width, d.Height, d.Coverage, d.Hidden
	name := func(n view.Node) string { return n.Name }
	v.Nodes = patched(v.Nodes, d.Nodes, d.Removed.Nodes, name)
	v.Pools = patched(v.Pools, d.Pools, d.Removed.Nodes, name)
	v.Groups = patched(v.Groups, d.Groups, d.Removed.Nodes, name)
	if d.Ghosts != nil {
		v.Ghosts = d.Ghosts
	}
	if d.Lanes != nil {
		v.Lanes = d.Lanes
	}
	v.Services = patched(v.Services, d.Services, d.Removed.Services, func(s view.Service) string { return s.ID })
	v.Connections = patched(v.Connections, d.Connections, d.Removed.Connections, func(c view.Connection) string { return c.ID })
}

// patched is a list with some things put and some removed, sorted by key.
func patched[T any](list, put []T, removed []string, key func(T) string) []T {
	all := map[string]T{}
	for _, x := range append(slices.Clone(list), put...) {
		all[key(x)] = x
	}
	for _, k := range removed {
		delete(all, k)
	}
	out := make([]T, 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[k])
	}
	return out
}
