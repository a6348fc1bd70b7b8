package view

import (
	"encoding/json"
	"slices"

	"github.com/devops-trouble-map/dotm/topology"
)

// boxPatch is what changed of a box: of itself, and of its members by their names. Both
// are nil where it can only be told as a whole.
type boxPatch struct{ own, members json.RawMessage }

// box writes what differs between two states of a box; neither part where that is more than
// its place, its rows, numbers, times and states.
func (p *patch) box(was, is *Node) boxPatch {
	a, b := &was.Node, is.Node // b with what a patch can tell as it was
	b.Verdict, b.State, b.HiddenProcesses, b.Members = a.Verdict, a.State, a.HiddenProcesses, a.Members
	b.Findings, b.Notes, b.SeenBy, b.Shortages = a.Findings, a.Notes, a.SeenBy, a.Shortages
	if was.This != is.This || was.Title != is.Title || was.Group != is.Group || was.Pool != is.Pool || was.Shared != is.Shared ||
		a.Weak != b.Weak || a.Instance != b.Instance || !topology.SameNode(a, &b) ||
		!slices.EqualFunc(a.Members, is.Members, func(x, y topology.BoxMember) bool { return x.Name == y.Name && x.Kind == y.Kind }) {
		return boxPatch{}
	}
	var out boxPatch
	p.begin()
	p.place(was.Layout, is.Layout)
	list(p, "rows", was.Rows, is.Rows)
	if !topology.SameNode(a, &is.Node) {
		p.node(a, &is.Node)
	}
	if is.Kind == topology.Inferred && len(is.Addresses) == 1 { // it may have been told another one
		p.optionalText("known_as", "?", is.KnownAs)
	}
	if any := p.any; any {
		out.own = p.end()
	}
	if !slices.Equal(a.Members, is.Members) {
		out.members = p.members(a.Members, is.Members)
	}
	return out
}

// place tells where a box stands.
func (p *patch) place(a, b *Rect) {
	switch {
	case sameRect(a, b):
	case b == nil:
		p.null("layout")
	case a == nil:
		p.value("layout", b)
	default:
		p.inside("layout", func() {
			p.float("x", a.X, b.X)
			p.float("y", a.Y, b.Y)
			p.float("w", a.W, b.W)
			p.float("h", a.H, b.H)
			p.flag("pinned", a.Pinned, b.Pinned)
		})
	}
}

// node tells what a node says of itself, and with that when it did.
func (p *patch) node(a, b *topology.Node) {
	p.text("state", string(a.State), string(b.State))
	p.verdict(&a.Verdict, &b.Verdict)
	p.optional("process_names_hidden", count(a.HiddenProcesses), count(b.HiddenProcesses))
	list(p, "findings", a.Findings, b.Findings)
	list(p, "notes", a.Notes, b.Notes)
	list(p, "seen_by", a.SeenBy, b.SeenBy)
	list(p, "shortages", a.Shortages, b.Shortages)
	p.optionalTime("last_report", b.LastReport)
	if len(b.Members) > 0 {
		return
	}
	if b.Skew == 0 {
		p.null("clock_skew")
	} else {
		p.value("clock_skew", b.Skew)
	}
	if b.Cost == (topology.Cost{}) {
		p.null("cost")
	} else {
		p.value("cost", b.Cost)
	}
}

// members tells what changed of the members of a box, by their names.
func (p *patch) members(was, is []topology.BoxMember) json.RawMessage {
	p.begin()
	for i := range is {
		a, b := &was[i], &is[i]
		if *a == *b {
			continue
		}
		p.inside(b.Name, func() {
			p.text("state", string(a.State), string(b.State))
			p.verdict(&a.Verdict, &b.Verdict)
			p.optional("process_names_hidden", count(a.HiddenProcesses), count(b.HiddenProcesses))
		})
	}
	return p.end()
}

// verdict tells what checks say.
func (p *patch) verdict(a, b *topology.Verdict) {
	p.text("status", string(a.Status), string(b.Status))
	p.text("open_status", string(a.OpenStatus), string(b.OpenStatus))
	p.flag("status_stale", a.StatusStale, b.StatusStale)
	p.optional("checks", count(a.Checks), count(b.Checks))
	p.optional("open_checks", count(a.Open), count(b.Open))
	p.optional("handled_checks", count(a.Handled), count(b.Handled))
	if !a.StatusChanged.Equal(b.StatusChanged) {
		p.optionalTime("status_changed", b.StatusChanged)
	}
}

// flag tells of one that is left out where it is false.
func (p *patch) flag(name string, was, is bool) {
	switch {
	case was == is:
	case is:
		p.value(name, true)
	default:
		p.null(name)
	}
}

func (p *patch) float(name string, was, is float64) {
	if was != is {
		p.value(name, is)
	}
}

// list tells all of a list, if it is another one.
func list[T comparable](p *patch, name string, was, is []T) {
	switch {
	case slices.Equal(was, is):
	case len(is) == 0:
		p.null(name)
	default:
		p.value(name, is)
	}
}
