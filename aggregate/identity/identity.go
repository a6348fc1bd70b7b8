// Package identity says which node a report is of ([Register]), by identities and
// not by names, and what is odd about that: clones, namesakes, duplicate
// addresses, clocks that are wrong.
package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Register knows the hosts by their identities.
type Register struct {
	edit       *topology.Edit
	staleAfter time.Duration
	since      time.Time
}

// NewRegister is the one of a topology in the making. A node is silent staleAfter
// its last report if it doesn't say at which interval it reports; since is when
// the server began to listen.
func NewRegister(edit *topology.Edit, staleAfter time.Duration, since time.Time) *Register {
	return &Register{edit, staleAfter, since}
}

// identifier finds the node that a report is of. Hosts are told apart by their
// identity, not by their name: one that has another name now is the same, and
// two that have one name are two nodes. Where that can't be decided yet they are
// kept apart, for what was merged wrongly can't be told apart again.
type identifier struct {
	*Register
	report    *report.Report
	id        string
	addresses []netip.Addr
	now       time.Time
}

// Identify gives the name of the report's node. It is false for a report that
// must be left out: a better one tells of the same host.
func (g *Register) Identify(r *report.Report, now time.Time) (name string, ok bool) {
	i := &identifier{g, r, identityOf(r), address.Of(r).Own, now}
	switch same, others := i.known(); {
	case len(same) > 0:
		if found := i.process(same); found != nil {
			return i.decide(found), true
		}
		return i.second("", i.report.Agent.Instance), true
	case len(others) > 0:
		return i.renamed(others), true
	}
	return i.stranger()
}

func identityOf(r *report.Report) string { return r.Node.Identity.Kind + ":" + r.Node.Identity.Value }

// baseName is the name that a host itself says.
func baseName(node string) string {
	name, _, _ := strings.Cut(node, "@")
	return name
}

// known lists the nodes of the report's identity: those of its name, and the
// others. What is known by its name alone is another one in another zone.
func (i *identifier) known() (same, others []*topology.Block) {
	for _, name := range i.edit.Identified(i.id) {
		block := i.edit.Block(name)
		switch {
		case i.report.Node.Identity.Weak() && block.Node.Zone != i.report.Zone:
		case baseName(name) == i.report.Node.Name:
			same = append(same, block)
		case !i.report.Node.Identity.Weak():
			others = append(others, block)
		}
	}
	return same, others
}

// process finds, among nodes of one name and identity, the one whose agent it
// is. An agent that starts anew is the one of the same addresses, or of one that
// is silent. nil if it is none of them: a clone.
func (i *identifier) process(nodes []*topology.Block) *topology.Block {
	mine := i.report.Agent.Instance
	for _, b := range nodes {
		if mine != "" && b.Node.Instance == mine || len(nodes) == 1 && (mine == "" || b.Node.Instance == "") {
			return b
		}
	}
	for _, b := range nodes {
		if i.shares(&b.Node) {
			return b
		}
	}
	for _, b := range nodes {
		if !i.Fresh(&b.Node, i.now) {
			return b
		}
	}
	return nil
}

// shares tells whether the report has an address of a node, or one of them none
// at all.
func (i *identifier) shares(n *topology.Node) bool {
	own := func(a netip.Addr) bool { return !n.InContainerNetwork(a) && !slices.Contains(n.OnLoopback, a) }
	if len(i.addresses) == 0 || !slices.ContainsFunc(n.Addresses, own) {
		return n.Zone == i.report.Zone
	}
	return n.Zone == i.report.Zone && slices.ContainsFunc(n.Addresses, func(a netip.Addr) bool {
		return own(a) && slices.Contains(i.addresses, a)
	})
}

// Fresh says whether a node reports still, as far as anybody can know: within
// three of its intervals.
func (g *Register) Fresh(n *topology.Node, now time.Time) bool {
	limit := 3 * time.Duration(n.Interval)
	if limit == 0 {
		limit = g.staleAfter
	}
	heard := n.LastReport
	if heard.Before(g.since) {
		heard = g.since
	}
	return n.State == topology.Reporting && now.Sub(heard) <= limit
}

// decide settles whether a node of a known identity was another before: it was
// if that has not reported since this one did, and owes its report.
func (i *identifier) decide(block *topology.Block) string {
	name, twin := block.Node.Name, block.Node.Twin
	if twin.Node == "" {
		return name
	}
	old := i.edit.Block(twin.Node)
	switch {
	case old != nil && !old.Node.LastReport.After(twin.Since) && i.Fresh(&old.Node, i.now):
		return name // not yet
	case old != nil && old.Node.Identity == i.id && !old.Node.LastReport.After(twin.Since):
		i.rename(twin.Node, name, i.now)
	}
	next := *i.edit.Block(name)
	next.Node.Twin = topology.Twin{}
	i.edit.Put(&next)
	return name
}

// renamed is the node of an identity that is known under other names only.
func (i *identifier) renamed(others []*topology.Block) string {
	old := i.process(others)
	name := i.free()
	if old == nil || i.Fresh(&old.Node, i.now) && !i.shares(&old.Node) && !i.sameProcess(old) {
		if old == nil {
			old = others[0]
		}
		i.twin(name, old.Node.Name)
		return name
	}
	i.rename(old.Node.Name, name, i.now)
	return name
}

func (i *identifier) sameProcess(b *topology.Block) bool {
	return i.report.Agent.Instance != "" && i.report.Agent.Instance == b.Node.Instance
}

// twin begins a node that may be another under a new name.
func (i *identifier) twin(name, other string) {
	next := topology.Block{Node: topology.Node{
		Name: name, Kind: topology.Host, Zone: i.report.Zone, State: topology.Reporting, Verdict: topology.NoVerdict,
		FirstSeen: i.now, LastReport: i.now, Identity: i.id, Twin: topology.Twin{Node: other, Since: i.now},
	}}
	if old := i.edit.Block(name); old != nil {
		next = *old
		next.Node.Twin = topology.Twin{Node: other, Since: i.now}
	}
	i.edit.Put(&next)
}

// stranger is the node of an identity that was never seen. It takes the name
// that it says, unless another host has it.
func (i *identifier) stranger() (name string, ok bool) {
	here := i.edit.Block(i.report.Node.Name)
	if here == nil || here.Node.Identity == "" {
		return i.report.Node.Name, true
	}
	weak := i.report.Node.Identity.Weak()
	fresh := i.Fresh(&here.Node, i.now)
	switch shares := i.shares(&here.Node); {
	case weak && here.Node.Zone != i.report.Zone:
		return i.free(), true
	case weak && fresh && shares:
		return "", false
	case fresh && !shares:
		return i.free(), true
	case !shares && (!here.Node.Weak || here.Node.Zone != i.report.Zone):
		i.replaced(here)
	}
	return here.Node.Name, true
}

// replaced notes that another machine had the name.
func (i *identifier) replaced(here *topology.Block) {
	next := *here
	next.Node.Formerly = formerly(here.Node.Formerly, topology.Former{
		Name: here.Node.Name, Identity: here.Node.Identity, Until: here.Node.LastReport,
	})
	i.edit.Put(&next)
}

// maxFormer is how much of what a node was before is remembered.
const maxFormer = 5

func formerly(list []topology.Former, f topology.Former) []topology.Former {
	list = slices.Insert(slices.Clone(list), 0, f)
	return list[:min(len(list), maxFormer)]
}

// free is the name that the report says, or one made of it where another host
// has that.
func (i *identifier) free() string {
	here := i.edit.Block(i.report.Node.Name)
	if here == nil {
		return i.report.Node.Name
	}
	if !i.Fresh(&here.Node, i.now) && here.Node.Zone == i.report.Zone && !i.report.Node.Identity.Weak() {
		i.replaced(here)
		return i.report.Node.Name
	}
	zone := ""
	if here.Node.Zone != i.report.Zone {
		zone = i.report.Zone
	}
	return i.second(zone, i.report.Node.Identity.Value)
}

// second is the name of a node beside another of the name that it says:
// name@zone where that tells them apart, else name@ and how its sockets are read,
// where it has no identity, or the beginning of something that is its own.
func (i *identifier) second(zone, own string) string {
	name := i.report.Node.Name
	taken := func(s string) bool {
		b := i.edit.Block(s)
		return b != nil && b.Node.Identity != i.id
	}
	if zone != "" && !taken(name+"@"+zone) {
		return name + "@" + zone
	}
	if i.report.Node.Identity.Weak() && i.report.Agent.Method != "" && !taken(name+"@"+i.report.Agent.Method) {
		return name + "@" + report.CleanName(i.report.Agent.Method)
	}
	digits := own
	if len(own) < 8 || strings.Trim(own, "0123456789abcdef") != "" {
		sum := sha256.Sum256([]byte(own))
		digits = hex.EncodeToString(sum[:])
	}
	n := 4
	for n < len(digits) && taken(name+"@"+digits[:n]) {
		n++
	}
	return name + "@" + digits[:n]
}

// rename gives a node, with its containers, another name wherever it is named.
// If there is a node of that name, it takes the other in.
func (g *Register) rename(old, name string, now time.Time) {
	before := g.edit.Block(old)
	was := topology.Former{Name: old, Identity: before.Node.Identity, Until: now}
	blocks := slices.Collect(g.edit.Blocks())
	for _, block := range blocks {
		if n := block.Node.Name; n == old || strings.HasPrefix(n, old+"/") {
			g.edit.Delete(n)
		}
	}
	for _, block := range topology.RenameAll(blocks, old, name) {
		if block.Node.Name == name {
			next := *block
			next.Node.Formerly = formerly(block.Node.Formerly, was)
			block = &next
		}
		if g.edit.Block(block.Node.Name) != block {
			g.edit.Put(block)
		}
	}
	g.edit.Touch()
}
