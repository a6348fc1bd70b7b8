package grouping

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// formatVersion is that of a written Memory.
const formatVersion = 1

// written is a Memory as JSON.
type written struct {
	Version int                    `json:"version"`
	Decided int                    `json:"decided"`
	Nodes   map[string]writtenNode `json:"nodes"`
	Names   map[string]string      `json:"names"`
}

type writtenNode struct {
	Pool  writtenField `json:"pool,omitzero"`
	Place writtenField `json:"place,omitzero"`
	First time.Time    `json:"first"`
	Gone  time.Time    `json:"gone,omitzero"`
}

type writtenField struct {
	In    string    `json:"in,omitempty"`
	Next  string    `json:"next,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

func (f field) written() writtenField { return writtenField{f.in, f.next, f.since} }

func (f writtenField) read() field { return field{f.In, f.Next, f.Since} }

// MarshalJSON writes all that a restart needs.
func (m *Memory) MarshalJSON() ([]byte, error) {
	w := written{formatVersion, m.decided, make(map[string]writtenNode, len(m.nodes)), m.names}
	for name, r := range m.nodes {
		w.Nodes[name] = writtenNode{r.pool.written(), r.place.written(), r.first, r.gone}
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what [Memory.MarshalJSON] wrote. It leaves m alone if that
// is something else, or of a newer version.
func (m *Memory) UnmarshalJSON(text []byte) error {
	var w written
	if err := json.Unmarshal(text, &w); err != nil {
		return fmt.Errorf("read roles: %w", err)
	}
	if w.Version < 1 || w.Version > formatVersion {
		return fmt.Errorf("read roles: version must be 1 to %d, is %d", formatVersion, w.Version)
	}
	*m = Memory{nodes: make(map[string]*remembered, len(w.Nodes)), names: map[string]string{}, decided: w.Decided}
	for id, name := range w.Names {
		if name != "" {
			m.names[id] = name
		}
	}
	for name, n := range w.Nodes {
		m.nodes[name] = &remembered{pool: n.Pool.read(), place: n.Place.read(), first: n.First, gone: n.Gone}
	}
	return nil
}

// UnmarshalJSON reads roles that were written as JSON.
func (r *Roles) UnmarshalJSON(text []byte) error {
	type plain Roles
	var p plain
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("read roles: %w", err)
	}
	*r = Roles(p)
	slices.Sort(r.Shared)
	r.index()
	return nil
}

// Equal tells whether two findings say the same.
func (r *Roles) Equal(o *Roles) bool {
	if r == nil || o == nil {
		return r == o
	}
	return slices.Equal(r.Shared, o.Shared) &&
		slices.EqualFunc(r.Groups, o.Groups, func(a, b Group) bool {
			return a.ID == b.ID && a.Name == b.Name && slices.Equal(a.Members, b.Members)
		}) &&
		slices.EqualFunc(r.Pools, o.Pools, func(a, b Pool) bool {
			return a.ID == b.ID && a.Name == b.Name && a.Group == b.Group && slices.Equal(a.Members, b.Members)
		})
}
