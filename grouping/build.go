package grouping

import (
	"maps"
	"slices"

	"github.com/devops-trouble-map/dotm/topology"
)

// draft is roles in the making.
type draft struct {
	*Memory
	nodes  []string // of the snapshot, sorted
	pool   map[string]string
	group  map[string]string
	shared map[string]bool
}

// build makes roles of what is in force and what people chose.
func (m *Memory) build(snap *topology.Snapshot) *Roles {
	d := &draft{Memory: m, nodes: make([]string, 0, snap.Len()), pool: map[string]string{}, group: map[string]string{}, shared: map[string]bool{}}
	for b := range snap.Blocks() {
		d.place(b.Node.Name)
	}
	members := d.members(d.pool)
	for _, id := range slices.Sorted(maps.Keys(members)) {
		d.unite(members[id])
	}
	r := &Roles{Pools: []Pool{}, Groups: []Group{}, Shared: slices.Sorted(maps.Keys(d.shared))}
	members = d.members(d.group)
	for _, id := range slices.Sorted(maps.Keys(members)) {
		r.Groups = append(r.Groups, Group{ID: id, Members: members[id]})
	}
	members = d.members(d.pool)
	for _, id := range slices.Sorted(maps.Keys(members)) {
		if list := members[id]; len(list) > 1 {
			r.Pools = append(r.Pools, Pool{ID: id, Members: list, Group: d.group[list[0]]})
		}
	}
	r.index()
	m.name(r)
	return r
}

// members lists the nodes of each ID, sorted.
func (d *draft) members(of map[string]string) map[string][]string {
	out := map[string][]string{}
	for _, n := range d.nodes {
		if id := of[n]; id != "" {
			out[id] = append(out[id], n)
		}
	}
	return out
}

// place says where a node is by itself.
func (d *draft) place(name string) {
	d.nodes = append(d.nodes, name)
	var pool, place string
	if r := d.Memory.nodes[name]; r != nil {
		pool, place = r.pool.in, r.place.in
	}
	if id, ok := d.choices.Pool[name]; ok {
		pool = id
	}
	shared, chosen := d.choices.Shared[name]
	if !chosen {
		shared = place == sharedPlace
	}
	if place == sharedPlace {
		place = ""
	}
	if pool != "" {
		d.pool[name] = pool
	}
	if shared {
		d.shared[name] = true
		return
	}
	if id, ok := d.choices.Group[name]; ok {
		place = id
	} else if id, ok := d.choices.Group[pool]; ok && pool != "" {
		place = id
	}
	if place = d.choices.merged(place); place != "" {
		d.group[name] = place
	}
}

// merged follows the merging of groups to its end.
func (c *Choices) merged(group string) string {
	for range 16 { // a circle ends somewhere
		to, ok := c.Group[group]
		if group == "" || !ok || to == group {
			break
		}
		group = to
	}
	return group
}

// unite puts the nodes of a pool where most of them are. Those that a person put
// elsewhere leave the pool.
func (d *draft) unite(members []string) {
	home := d.vote(members)
	for _, n := range members {
		switch {
		case d.where(n) == home:
		case d.chosen(n):
			delete(d.pool, n)
		default:
			d.move(n, home)
		}
	}
}

func (d *draft) move(node, place string) {
	delete(d.shared, node)
	delete(d.group, node)
	switch place {
	case "":
	case sharedPlace:
		d.shared[node] = true
	default:
		d.group[node] = place
	}
}

// vote is where most nodes are. Nodes that a person put somewhere are only asked if that is all.
func (d *draft) vote(members []string) string {
	votes := map[string]int{}
	for _, n := range members {
		if !d.chosen(n) {
			votes[d.where(n)]++
		}
	}
	if len(votes) == 0 {
		for _, n := range members {
			votes[d.where(n)]++
		}
	}
	return winner(votes)
}

// winner is the place with most votes, the first of several, and nowhere last.
func winner(votes map[string]int) string {
	best, most := "", votes[""]
	for _, place := range slices.Sorted(maps.Keys(votes)) {
		if n := votes[place]; n > most || n == most && best == "" {
			best, most = place, n
		}
	}
	return best
}

func (d *draft) where(node string) string {
	if d.shared[node] {
		return sharedPlace
	}
	return d.group[node]
}

// chosen says whether a person said where a node is.
func (d *draft) chosen(node string) bool {
	_, shared := d.choices.Shared[node]
	_, group := d.choices.Group[node]
	return shared || group
}
