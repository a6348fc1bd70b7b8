package views

import (
	"sync"

	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/view"
)

// cast has the roles as views ask for them. It is the same value as long as the roles
// are the same.
type cast struct {
	mu     sync.Mutex
	newest *members
}

// members answers views.
type members struct {
	*grouping.Roles
	titles map[string]string
}

var _ view.Roles = (*members)(nil)

func (c *cast) of(r *grouping.Roles) view.Roles {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.newest != nil && c.newest.Roles == r {
		return c.newest
	}
	m := &members{Roles: r, titles: make(map[string]string, len(r.Pools)+len(r.Groups))}
	for i := range r.Pools {
		m.titles[r.Pools[i].ID] = r.Pools[i].Name
	}
	for i := range r.Groups {
		m.titles[r.Groups[i].ID] = r.Groups[i].Name
	}
	c.newest = m
	return m
}

// Pool is the id of the pool that a node is in.
func (m *members) Pool(node string) string {
	if p := m.PoolOf(node); p != nil {
		return p.ID
	}
	return ""
}

// Group is the id of the group that a node is in.
func (m *members) Group(node string) string { return m.GroupOf(node) }

// Shared says whether a node serves everyone.
func (m *members) Shared(node string) bool { return m.IsShared(node) }

// Title is what people call a pool or a group.
func (m *members) Title(id string) string { return m.titles[id] }
