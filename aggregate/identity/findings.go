package identity

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/topology"
)

// tellFormer is how long it is worth telling that a node was another.
const tellFormer = 7 * 24 * time.Hour

// Findings are what is odd about a reporting node, as of its report at now.
func (g *Register) Findings(n, prev *topology.Node, now time.Time) (list []topology.Note) {
	say := func(code, hint, format string, args ...any) {
		list = append(list, topology.Note{Code: code, Text: fmt.Sprintf(format, args...), Hint: hint})
	}
	for _, f := range n.Formerly {
		until := f.Until.UTC().Format("2006-01-02 15:04 UTC")
		switch {
		case now.Sub(f.Until) > tellFormer:
		case f.Name != n.Name:
			say("renamed", "", "was called %s until %s", f.Name, until)
		case f.Identity != n.Identity:
			say("replaced", "", "another machine had this name until %s", until)
		}
	}
	g.findTwins(n, now, say)
	g.findNamesakes(n, now, say)
	g.findDuplicates(n, say)
	findSkew(n, prev, say)
	return list
}

// sayer adds a finding.
type sayer func(code, hint, format string, args ...any)

// findTwins tells of other nodes of the same identity.
func (g *Register) findTwins(n *topology.Node, now time.Time, say sayer) {
	if n.Weak {
		return
	}
	for _, name := range g.edit.Identified(n.Identity) {
		other := g.edit.Block(name)
		if name == n.Name || !g.Fresh(&other.Node, now) {
			continue
		}
		if n.Twin.Node == name && !other.Node.LastReport.After(n.Twin.Since) {
			say("undecided", "", "has the identity of %s, which reported a moment ago: it was renamed, or one is a clone of the other; the next reports decide", name)
			continue
		}
		say("clone", "give each machine its own /etc/machine-id (systemd-machine-id-setup) or enrol its agent anew",
			"has the same identity as %s, and both report: one is a clone of the other", name)
	}
}

// findNamesakes tells of other hosts that say they have the same name.
func (g *Register) findNamesakes(n *topology.Node, now time.Time, say sayer) {
	for other := range g.edit.Namesakes(baseName(n.Name)) {
		if other.Node.Name == n.Name || other.Node.Identity == n.Identity && !n.Weak || !g.Fresh(&other.Node, now) {
			continue
		}
		say("same-name", "give one of them another host name", "%s is another host that calls itself %s", other.Node.Name, baseName(n.Name))
	}
}

// findDuplicates tells of addresses that other hosts of the zone have too.
func (g *Register) findDuplicates(n *topology.Node, say sayer) {
	for _, a := range n.Addresses {
		owners := g.edit.Owners(n.Zone, a)
		if len(owners) < 2 || n.InContainerNetwork(a) {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(owners), func(o string) bool { return address.HostOf(o) == n.Name || strings.Contains(o, "/") })
		if len(others) > 0 {
			say("duplicate-address", "if it belongs to all of them, name it as a virtual address in the settings; if their networks are apart, give them zones",
				"%s also has the address %s, which therefore says nothing about which is meant", strings.Join(others, ", "), a)
		}
	}
}

// Clocks differ when they differ by more than skewed, and no longer below
// unskewed.
const (
	skewed   = 5 * time.Second
	unskewed = 3 * time.Second
)

// findSkew tells of a clock that is wrong. What it says is coarse, so that a
// clock that drifts is not news with every report.
func findSkew(n, prev *topology.Node, say sayer) {
	limit := skewed
	if prev != nil && slices.ContainsFunc(prev.Findings, func(f topology.Note) bool { return f.Code == "clock-skew" }) {
		limit = unskewed
	}
	skew := time.Duration(n.Skew)
	if skew.Abs() <= limit {
		return
	}
	way := "ahead of"
	if skew < 0 {
		way = "behind"
	}
	by := "seconds"
	for _, step := range []struct {
		over time.Duration
		text string
	}{{24 * time.Hour, "more than a day"}, {time.Hour, "more than an hour"}, {10 * time.Minute, "more than ten minutes"}, {time.Minute, "more than a minute"}} {
		if skew.Abs() > step.over {
			by = step.text
			break
		}
	}
	say("clock-skew", "let the clock be set by NTP", "its clock is %s %s the server's", by, way)
}
