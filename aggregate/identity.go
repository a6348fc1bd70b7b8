package aggregate

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Codes of what is found about who a node is.
const (
	findingRenamed  = "renamed"
	findingReplaced = "replaced"
	findingClone    = "clone"
	findingSameName = "same-name"

	findingDuplicate = "duplicate-address"
)

// rememberFor is how long a finding about something that is over stands.
const rememberFor = 7 * 24 * time.Hour

// identityOf is who reports, as a node keeps it.
func identityOf(r *report.Report) string { return r.Node.Identity.Kind + ":" + r.Node.Identity.Value }

// nameOf decides which node a report is about, and makes room for it. The node's
// name is the host's own, unless another host holds that; a host that calls
// itself otherwise now takes its node along. Where it can't be told which of two
// things happened, both nodes stand, and say so: nothing is merged by guessing.
func (b *Batch) nameOf(r *report.Report, now time.Time) string {
	host, id := r.Node.Name, identityOf(r)
	known := b.edit.Block(host)
	switch {
	case known == nil:
		return b.newName(r, now)
	case known.Node.Kind != topology.Host:
		return apartName(host, shortID(r))
	case known.Node.Identity == id || known.Node.Identity == "":
		return host
	}
	for other := range b.edit.Named(host + "@") {
		if other.Node.Kind == topology.Host && other.Node.Identity == id {
			return other.Node.Name // told apart before
		}
	}
	return b.contest(&known.Node, r, now)
}

func apartName(host, by string) string { return host + "@" + by }

// shortID is enough of an identity to tell a few hosts apart.
func shortID(r *report.Report) string {
	if r.Node.Identity.Weak() {
		return cmp.Or(r.Agent.Method, "weak")
	}
	id := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return -1
	}, r.Node.Identity.Value)
	return cmp.Or(id[:min(8, len(id))], "other")
}

// newName is for a name that no node has yet: a new host, or a known one that
// calls itself so now. A host whose old name is reported still, by another
// process, has a clone; or it started anew under another name, which shows when
// the old one stays silent, and had the same address.
func (b *Batch) newName(r *report.Report, now time.Time) string {
	host := r.Node.Name
	old := b.identified(r)
	if old == nil {
		return host
	}
	same := old.Node.Instance != "" && old.Node.Instance == r.Agent.Instance
	if same || old.Node.State == topology.Stale && sharesAddress(&old.Node, hostAddresses(r)) {
		b.renameNode(old.Node.Name, host)
		b.find(host, topology.Finding{
			Code: findingRenamed, Since: now,
			Text: "was called " + old.Node.Name + " before",
			Hint: "nothing, if that was meant",
		})
		return host
	}
	return host
}

// sharesAddress says whether a node had one of some addresses, by which others
// call it. A copy of a machine has addresses of its own.
func sharesAddress(n *topology.Node, addresses []netip.Addr) bool {
	return slices.ContainsFunc(n.Addresses, func(a netip.Addr) bool { return !scopes(n, a) && slices.Contains(addresses, a) })
}

// identified finds the node of a strong identity, or nil: that which reported
// last, if there are several.
func (b *Batch) identified(r *report.Report) (found *topology.Block) {
	if r.Node.Identity.Weak() {
		return nil
	}
	id := identityOf(r)
	for block := range b.edit.Blocks() {
		n := &block.Node
		if n.Kind == topology.Host && n.Identity == id && n.Zone == r.Zone && (found == nil || n.LastReport.After(found.Node.LastReport)) {
			found = block
		}
	}
	return found
}

// contest is for a name that a node of another identity has.
func (b *Batch) contest(known *topology.Node, r *report.Report, now time.Time) string {
	host := r.Node.Name
	kind, _, _ := strings.Cut(known.Identity, ":")
	weak := r.Node.Identity.Weak()
	switch {
	case known.Zone != r.Zone:
		return apartName(host, cmp.Or(r.Zone, "default"))
	case known.Weak && !weak, !weak && kind != r.Node.Identity.Kind:
		return host // the same host, better known
	case known.State == topology.Reporting:
		return apartName(host, shortID(r))
	case !weak:
		b.find(known.Name, topology.Finding{
			Code: findingReplaced, Since: now,
			Text: "another machine reports under this name since then: its identity changed",
			Hint: "nothing, if it was installed anew",
		})
	}
	return host
}

// find adds a finding to a node, in the place of one of the same code.
func (b *Batch) find(name string, f topology.Finding) {
	block := b.edit.Block(name)
	if block == nil || slices.ContainsFunc(block.Node.Findings, func(o topology.Finding) bool { return o.Code == f.Code && o.Text == f.Text }) {
		return
	}
	next := *block
	next.Node.Findings = append(slices.DeleteFunc(slices.Clone(block.Node.Findings), func(o topology.Finding) bool { return o.Code == f.Code }), f)
	b.edit.Put(&next)
	b.changed = true
}

// renameNode gives a node, and its containers, another name, with all that they
// hold and all that others hold of them.
func (b *Batch) renameNode(from, to string) {
	names := map[string]string{from: to}
	for block := range b.edit.Inside(from) {
		names[block.Node.Name] = to + strings.TrimPrefix(block.Node.Name, from)
	}
	for _, block := range slices.Collect(b.edit.Blocks()) {
		if next := renamed(block, names); next != nil {
			if next.Node.Name != block.Node.Name {
				b.edit.Delete(block.Node.Name)
			}
			b.edit.Put(next)
		}
	}
	b.changed = true
}

// renamed is a block in which nodes have other names; nil if none of them is in
// it.
func renamed(block *topology.Block, names map[string]string) *topology.Block {
	next := block.Clone()
	touched := swap(&next.Node.Name, names)
	next.Node.SeenBy = slices.Clone(next.Node.SeenBy)
	for i := range next.Node.SeenBy {
		touched = swap(&next.Node.SeenBy[i], names) || touched
	}
	slices.Sort(next.Node.SeenBy)
	next.Node.Holders = slices.Clone(next.Node.Holders)
	for i := range next.Node.Holders {
		touched = swap(&next.Node.Holders[i].Node, names) || touched
	}
	for i := range next.Services {
		s := &next.Services[i]
		if swap(&s.Node, names) {
			s.ID, touched = movedID(s.ID, s.Node), true
		}
	}
	slices.SortFunc(next.Services, func(a, b topology.Service) int { return strings.Compare(a.ID, b.ID) })
	for i := range next.Connections {
		touched = renamedEdge(&next.Connections[i], names) || touched
	}
	if !touched {
		return nil
	}
	next.Connections = unite(next.Connections)
	return next
}

func renamedEdge(c *topology.Connection, names map[string]string) (touched bool) {
	if swap(&c.Client.Node, names) {
		c.Client.Service, touched = movedID(c.Client.Service, c.Client.Node), true
	}
	if swap(&c.Server.Node, names) {
		c.Server.Service, touched = movedID(c.Server.Service, c.Server.Node), true
	}
	c.Evidence.SeenBy = slices.Clone(c.Evidence.SeenBy)
	for i := range c.Evidence.SeenBy {
		touched = swap(&c.Evidence.SeenBy[i].Node, names) || touched
	}
	for from, to := range names {
		for _, how := range []*string{&c.Evidence.ClientResolved, &c.Evidence.ServerResolved} {
			if *how == "address of "+from {
				*how, touched = "address of "+to, true
			}
		}
	}
	if touched {
		c.ID = topology.ConnectionID(c)
	}
	return touched
}

func swap(name *string, names map[string]string) bool {
	to, ok := names[*name]
	if ok {
		*name = to
	}
	return ok
}

// movedID is a service's id on a node of another name.
func movedID(id, node string) string {
	_, rest, ok := strings.Cut(id, "~")
	if !ok {
		return id
	}
	return strings.ReplaceAll(node, "/", "!") + "~" + rest
}

// findings are what is odd about a host, with the times since when of those that
// were found before.
func (b *Batch) findings(n *topology.Node, prev *topology.Block, now time.Time) []topology.Finding {
	before := prev.Node.Findings
	var out []topology.Finding
	for _, f := range before {
		if (f.Code == findingRenamed || f.Code == findingReplaced) && now.Sub(f.Since) < rememberFor {
			out = append(out, f)
		}
	}
	duplicates, others := b.duplicates(n)
	b.tell(others, now)
	return append(out, dated(slices.Concat(b.sameName(n), b.clones(n, prev, now), skewed(n, before), duplicates), before, now)...)
}

// dated gives findings the times since when they stand.
func dated(list, before []topology.Finding, now time.Time) []topology.Finding {
	for i := range list {
		f := &list[i]
		f.Since = now
		if j := slices.IndexFunc(before, func(o topology.Finding) bool { return o.Code == f.Code && o.Text == f.Text }); j >= 0 {
			f.Since = before[j].Since
		}
	}
	return list
}

// tell lets other hosts that have an address of a node too know, or that it is over.
func (b *Batch) tell(others []string, now time.Time) {
	for _, name := range others {
		block := b.edit.Block(name)
		next := *block
		isDuplicate := func(f topology.Finding) bool { return f.Code == findingDuplicate }
		found, _ := b.duplicates(&next.Node)
		next.Node.Findings = append(slices.DeleteFunc(slices.Clone(block.Node.Findings), isDuplicate), dated(found, block.Node.Findings, now)...)
		if !topology.SameNode(&block.Node, &next.Node) {
			b.edit.Put(&next)
			b.changed = true
		}
	}
}

// sameName says that other hosts that report go by the name of a node.
func (b *Batch) sameName(n *topology.Node) []topology.Finding {
	host, _, apart := strings.Cut(n.Name, "@")
	var others []string
	note := func(o *topology.Node) {
		if o.Kind == topology.Host && o.Name != n.Name && o.State == topology.Reporting && o.Identity != n.Identity {
			others = append(others, o.Name)
		}
	}
	if apart {
		if block := b.edit.Block(host); block != nil {
			note(&block.Node)
		}
	}
	for block := range b.edit.Named(host + "@") {
		note(&block.Node)
	}
	if len(others) == 0 {
		return nil
	}
	return []topology.Finding{{
		Code: findingSameName,
		Text: "is called " + host + " by itself, as " + strings.Join(others, ", ") + " is",
		Hint: "give every host a name of its own",
	}}
}

// clones says that another host that reports has a node's identity. One that
// has fallen silent meanwhile was this host, under its old name: it is merged
// into it.
func (b *Batch) clones(n *topology.Node, prev *topology.Block, now time.Time) (out []topology.Finding) {
	was := slices.ContainsFunc(prev.Node.Findings, func(f topology.Finding) bool { return f.Code == findingClone })
	if n.Weak || prev.Node.Name != "" && !was {
		return nil // told by the one that came second
	}
	for _, block := range slices.Collect(b.edit.Blocks()) {
		o := &block.Node
		if o.Kind != topology.Host || o.Identity != n.Identity || o.Name == n.Name || o.Zone != n.Zone {
			continue
		}
		if o.State == topology.Stale {
			if sharesAddress(o, n.Addresses) {
				b.letGo(o.Name, n)
			}
			continue
		}
		out = append(out, cloneOf(o.Name, now))
		b.find(o.Name, cloneOf(n.Name, now))
	}
	return out
}

func cloneOf(other string, since time.Time) topology.Finding {
	return topology.Finding{
		Code: findingClone, Since: since,
		Text: "has the machine-id of " + other + ", and both report: one is a copy of the other, or was renamed a moment ago",
		Hint: "on the copy: remove /etc/machine-id and run systemd-machine-id-setup",
	}
}

// letGo lets a node that turned out to be another's old name go.
func (b *Batch) letGo(old string, n *topology.Node) {
	block := b.edit.Block(old)
	n.FirstSeen = earliest(n.FirstSeen, block.Node.FirstSeen)
	b.Remove(old, n.LastReport)
}

// Bounds of a clock that is wrong, with room in between, so that one at the
// border is not reported again and again.
const (
	skewBegins = 5 * time.Second
	skewEnds   = 2 * time.Second
)

func skewed(n *topology.Node, before []topology.Finding) []topology.Finding {
	limit := skewBegins
	if slices.ContainsFunc(before, func(f topology.Finding) bool { return f.Code == "clock-skew" }) {
		limit = skewEnds
	}
	skew := time.Duration(n.Skew)
	if skew.Abs() <= limit || n.Collect != "agent" {
		return nil
	}
	way := "ahead of"
	if skew < 0 {
		way = "behind"
	}
	return []topology.Finding{{
		Code: "clock-skew", Text: "its clock is " + about(skew.Abs()) + " " + way + " the server's",
		Hint: "run an NTP client on both",
	}}
}

// about says how long a duration is, in words that seldom change: the figure is
// the node's.
func about(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "some seconds"
	case d < time.Hour:
		return "minutes"
	}
	return "hours"
}

// duplicates says that others have an address of a node too, where that is no
// virtual one.
func (b *Batch) duplicates(n *topology.Node) (out []topology.Finding, with []string) {
	for _, a := range n.Addresses {
		if scopes(n, a) || b.virtual(n.Zone, a) != nil {
			continue
		}
		others := b.otherHolders(n, a)
		if len(others) == 0 {
			continue
		}
		out = append(out, topology.Finding{
			Code: findingDuplicate, Text: "has the address " + a.String() + ", as " + strings.Join(others, ", ") + " has: nothing is drawn to it by guessing",
			Hint: "if each means its own network: put one of them into another zone",
		})
		with = append(with, others...)
		if len(out) == maxDuplicates {
			break
		}
	}
	slices.Sort(with)
	return out, slices.Compact(with)
}

// maxDuplicates bounds the findings of one kind about one node.
const maxDuplicates = 8
