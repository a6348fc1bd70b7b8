// Package grouping finds out what a site is made of: which nodes are of one role
// (pools), which belong together (groups, the lanes of a chart), and which serve
// everyone (shared services). It knows topology alone; docs/architecture.md,
// "Pools and groups", tells the rules and why they are so.
//
// The same snapshots at the same times give the same roles.
package grouping

import "slices"

// Pool is nodes of one role. It never spans groups.
type Pool struct {
	// ID is "pool~" and eight hexadecimal digits, or what a person chose. It stays
	// while members come and go.
	ID string `json:"id"`
	// Name is for people: "web". It stays as long as the ID, unless a person gives
	// another one; two pools may have one name.
	Name string `json:"name"`
	// Members are names of nodes, sorted, two at least.
	Members []string `json:"members"`
	// Group is the group that all members are in; empty for none.
	Group string `json:"group"`
}

// Group is nodes that belong together: a lane of the chart.
type Group struct {
	// ID is "group~" and eight hexadecimal digits, or what a person chose.
	ID string `json:"id"`
	// Name is for people, as that of a pool.
	Name string `json:"name"`
	// Members are names of nodes, sorted, one at least.
	Members []string `json:"members"`
}

// Roles is one finding. It is immutable and safe for any number of readers; its
// lists must not be written. Every node is in one pool and one group at most.
type Roles struct {
	// Pools and Groups are sorted by ID.
	Pools  []Pool  `json:"pools"`
	Groups []Group `json:"groups"`
	// Shared are the nodes that serve everyone, sorted. They are in no group.
	Shared []string `json:"shared"`

	pools  map[string]int32 // node → index of Pools
	groups map[string]int32 // node → index of Groups
}

// PoolOf gives the pool that a node is in, or nil. It must not be written.
func (r *Roles) PoolOf(node string) *Pool {
	if i, ok := r.pools[node]; ok {
		return &r.Pools[i]
	}
	return nil
}

// GroupOf gives the ID of the group that a node is in; empty for none.
func (r *Roles) GroupOf(node string) string {
	if i, ok := r.groups[node]; ok {
		return r.Groups[i].ID
	}
	return ""
}

// IsShared says whether a node serves everyone.
func (r *Roles) IsShared(node string) bool {
	_, ok := slices.BinarySearch(r.Shared, node)
	return ok
}

// Box gives what a chart of pools shows a node as: the ID of its pool, else its
// own name. No node has a name that looks like a found pool's ID.
func (r *Roles) Box(node string) string {
	if p := r.PoolOf(node); p != nil {
		return p.ID
	}
	return node
}

// Pool finds a pool by its ID, or nil. It must not be written.
func (r *Roles) Pool(id string) *Pool {
	for i := range r.Pools {
		if r.Pools[i].ID == id {
			return &r.Pools[i]
		}
	}
	return nil
}

// Group finds a group by its ID, or nil. It must not be written.
func (r *Roles) Group(id string) *Group {
	for i := range r.Groups {
		if r.Groups[i].ID == id {
			return &r.Groups[i]
		}
	}
	return nil
}

// index prepares what nodes are looked up by.
func (r *Roles) index() {
	r.pools, r.groups = map[string]int32{}, map[string]int32{}
	for i := range r.Pools {
		for _, m := range r.Pools[i].Members {
			r.pools[m] = int32(i)
		}
	}
	for i := range r.Groups {
		for _, m := range r.Groups[i].Members {
			r.groups[m] = int32(i)
		}
	}
}
