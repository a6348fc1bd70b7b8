package topology

import (
	"slices"
	"strings"
)

// RenameAll gives the blocks, which are sorted by name, with a node and its
// containers under another name, wherever they are named. If there is a node of
// that name, it takes them in. Blocks that don't name them are shared.
func RenameAll(blocks []*Block, old, name string) []*Block {
	r := renamer{old, name}
	out := make([]*Block, len(blocks))
	for i, b := range blocks {
		out[i] = r.block(b)
	}
	slices.SortStableFunc(out, func(a, b *Block) int { return strings.Compare(a.Node.Name, b.Node.Name) })
	return mergeSame(out, blocks)
}

// mergeSame makes two blocks of one name one: that which had the name already
// takes in the other.
func mergeSame(sorted, before []*Block) []*Block {
	had := map[*Block]bool{}
	for _, b := range before {
		had[b] = true
	}
	out := sorted[:0]
	for _, b := range sorted {
		last := len(out) - 1
		if last < 0 || out[last].Node.Name != b.Node.Name {
			out = append(out, b)
			continue
		}
		if kept, other := out[last], b; had[other] {
			out[last] = merge(other, kept)
		} else {
			out[last] = merge(kept, other)
		}
	}
	return out
}

func merge(kept, other *Block) *Block {
	next := kept.Clone()
	if other.Node.FirstSeen.Before(next.Node.FirstSeen) && !other.Node.FirstSeen.IsZero() {
		next.Node.FirstSeen = other.Node.FirstSeen
	}
	for _, s := range other.Services {
		if kept.Service(s.ID) == nil {
			next.Services = append(next.Services, s)
		}
	}
	next.Connections = append(next.Connections, other.Connections...)
	slices.SortFunc(next.Services, func(a, b Service) int { return strings.Compare(a.ID, b.ID) })
	next.Connections = once(next.Connections)
	for _, c := range other.Checks {
		if !slices.ContainsFunc(kept.Checks, func(k Check) bool { return k.ID == c.ID }) {
			next.Checks = append(next.Checks, c)
		}
	}
	next.SetChecks(next.Checks)
	return next
}

// once sorts connections by id and adds up those of one id: the first stands
// for them.
func once(list []*Connection) []*Connection {
	slices.SortStableFunc(list, func(a, b *Connection) int { return strings.Compare(a.ID, b.ID) })
	out := list[:0]
	for _, c := range list {
		if n := len(out); n > 0 && out[n-1].ID == c.ID {
			sum := *out[n-1]
			e := &sum
			out[n-1] = e
			e.Opened, e.Refused, e.TimedOut, e.Failed = e.Opened+c.Opened, e.Refused+c.Refused, e.TimedOut+c.TimedOut, e.Failed+c.Failed
			if c.FirstSeen.Before(e.FirstSeen) {
				e.FirstSeen = c.FirstSeen
			}
			continue
		}
		out = append(out, c)
	}
	return out
}

// renamer puts one name in place of another.
type renamer struct{ old, name string }

// node is the name of a node: the host's, or of a container on it.
func (r *renamer) node(s string) string {
	if rest, ok := strings.CutPrefix(s, r.old); ok && (rest == "" || rest[0] == '/') {
		return r.name + rest
	}
	return s
}

// service is the id of a service.
func (r *renamer) service(id string) string {
	if id == "" {
		return ""
	}
	node, rest, _ := strings.Cut(id, "~")
	return escape(r.node(strings.ReplaceAll(node, "!", "/"))) + "~" + rest
}

func (r *renamer) names(list []string) []string {
	out := slices.Clone(list)
	for i := range out {
		out[i] = r.node(out[i])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *renamer) block(b *Block) *Block {
	if !r.touches(b) {
		return b
	}
	next := b.Clone()
	n := &next.Node
	n.Name, n.SeenBy, n.Holders = r.node(n.Name), r.names(n.SeenBy), slices.Clone(n.Holders)
	for i := range n.Holders {
		n.Holders[i].Node = r.node(n.Holders[i].Node)
	}
	for i := range next.Services {
		s := &next.Services[i]
		s.ID, s.Node = r.service(s.ID), r.node(s.Node)
	}
	for i := range next.Connections {
		r.connection(next.Write(i))
	}
	for i := range next.Checks {
		c := &next.Checks[i]
		c.Node, c.Service = r.node(c.Node), r.service(c.Service)
	}
	slices.SortFunc(next.Services, func(a, b Service) int { return strings.Compare(a.ID, b.ID) })
	next.Connections = once(next.Connections)
	return next
}

func (r *renamer) connection(c *Connection) {
	c.Client.Node, c.Client.Service = r.node(c.Client.Node), r.service(c.Client.Service)
	c.Server.Node, c.Server.Service = r.node(c.Server.Node), r.service(c.Server.Service)
	for _, how := range []*string{&c.Evidence.ClientResolved, &c.Evidence.ServerResolved} {
		if *how == "address of "+r.old {
			*how = "address of " + r.name
		}
	}
	c.Evidence.SeenBy = slices.Clone(c.Evidence.SeenBy)
	for i := range c.Evidence.SeenBy {
		c.Evidence.SeenBy[i].Node = r.node(c.Evidence.SeenBy[i].Node)
	}
	c.ID = ConnectionID(c)
}

// touches tells whether a block names the node.
func (r *renamer) touches(b *Block) bool {
	is := func(s string) bool { return r.node(s) != s }
	return is(b.Node.Name) || slices.ContainsFunc(b.Node.SeenBy, is) ||
		slices.ContainsFunc(b.Node.Holders, func(h Holder) bool { return is(h.Node) }) ||
		slices.ContainsFunc(b.Connections, func(c *Connection) bool {
			return is(c.Client.Node) || is(c.Server.Node) ||
				slices.ContainsFunc(c.Evidence.SeenBy, func(s Sighting) bool { return is(s.Node) })
		})
}
