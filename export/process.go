package export

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// role is what several nodes do together, or one alone: it serves at a port.
type role struct {
	place    string // id of the pool, or the node
	protocol topology.Protocol
	port     uint16
}

func compareRoles(a, b role) int {
	return cmp.Or(strings.Compare(a.place, b.place), strings.Compare(string(a.protocol), string(b.protocol)), cmp.Compare(a.port, b.port))
}

// processes are roles that are checked, and what they need.
type processes struct {
	*definer
	checks map[role][]object
	groups map[role]string
	needs  graph[role]
	names  map[role]string
	taken  map[string]bool
}

// businessProcess writes a file of Icinga's module businessprocess
// (https://icinga.com/docs/icinga-business-process-modeling): a process for each group
// whose roles are checked, one for each role, of which one member must be fine, and
// what that needs.
func (d *definer) businessProcess(w *writer) {
	p := &processes{d, map[role][]object{}, map[role]string{}, graph[role]{}, map[role]string{}, map[string]bool{}}
	p.find()
	order := p.sorted()
	w.put("### Business Process Config File ###\n#\n# Title           : Who needs whom\n# Description     : As the traffic says that dotm sees; generated\n#\n###################################\n")
	for _, mark := range d.marks() {
		w.put("# ", strings.ToUpper(mark[:1]), mark[1:], ".\n")
	}
	for _, r := range order {
		p.write(w, r)
	}
	p.writeGroups(w, order)
	d.leftOut(w, "#")
}

// roleOf is the role of a service.
func (p *processes) roleOf(s *view.Service) role {
	place := s.Node
	if n := p.nodes[s.Node]; n != nil && n.Pool != "" {
		place = n.Pool
	}
	return role{place, s.Protocol, s.Port}
}

// find fills in what is checked, and who needs whom, the oldest first.
func (p *processes) find() {
	for i := range p.Services {
		s := &p.Services[i]
		o, is := p.services[s.ID]
		switch {
		case !is:
			continue
		case !writable(o) || strings.ContainsAny(o.host+o.name, "|&+!@;=\"#"):
			p.leave("%s: a name with a sign that means something in such files", o)
			continue
		}
		r := p.roleOf(s)
		p.checks[r] = append(p.checks[r], o)
		if n := p.nodes[s.Node]; n != nil && n.Group != "" && !n.Shared {
			p.groups[r] = n.Group
		}
	}
	type edge struct{ from, to role }
	since := map[edge]time.Time{}
	for i := range p.Connections {
		e := &p.Connections[i]
		from, to := p.ids[e.Client.Service], p.ids[e.Server.Service]
		if !p.counts(e) || from == nil || to == nil {
			continue
		}
		k := edge{p.roleOf(from), p.roleOf(to)}
		if len(p.checks[k.from]) == 0 || len(p.checks[k.to]) == 0 || k.from == k.to {
			continue
		}
		if at, twice := since[k]; !twice || e.FirstSeen.Before(at) {
			since[k] = e.FirstSeen
		}
	}
	edges := make([]edge, 0, len(since))
	for k := range since {
		edges = append(edges, k)
	}
	slices.SortFunc(edges, func(a, b edge) int {
		return cmp.Or(since[a].Compare(since[b]), compareRoles(a.from, b.from), compareRoles(a.to, b.to))
	})
	for _, k := range edges {
		if p.needs.leads(k.to, k.from, nil) {
			p.leave("%s needs %s: it would go round", p.roleTitle(k.from), p.roleTitle(k.to))
			continue
		}
		p.needs[k.from] = append(p.needs[k.from], k.to)
		p.Dependencies++
	}
	slices.Sort(p.Left)
}

// sorted are the roles with each after what it needs; among those in no relation the
// order is that of their names.
func (p *processes) sorted() (order []role) {
	all := make([]role, 0, len(p.checks))
	for r := range p.checks {
		all = append(all, r)
	}
	slices.SortFunc(all, compareRoles)
	done := map[role]bool{}
	var visit func(r role)
	visit = func(r role) {
		if done[r] {
			return
		}
		done[r] = true
		slices.SortFunc(p.needs[r], compareRoles)
		for _, n := range p.needs[r] {
			visit(n)
		}
		order = append(order, r)
	}
	for _, r := range all {
		visit(r)
	}
	for _, r := range order {
		p.names[r] = p.free("dotm_" + simpleID(p.roleTitle(r)))
	}
	return order
}

// roleTitle is what people call a role.
func (p *processes) roleTitle(r role) string {
	place := clean(cmp.Or(p.Titles[r.place], r.place))
	if n := p.nodes[r.place]; n != nil {
		place = titleOf(n)
	}
	return fmt.Sprintf("%s %s/%d", place, r.protocol, r.port)
}

func (p *processes) free(name string) string {
	out := name
	for n := 2; p.taken[out]; n++ {
		out = fmt.Sprintf("%s_%d", name, n)
	}
	p.taken[out] = true
	return out
}

// simpleID is a text in letters that a process's name may have.
func simpleID(text string) string {
	return strings.Map(func(r rune) rune {
		if isAlnum(r) || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, text)
}

// write writes a role: one of its checks must be fine, and all that it needs.
func (p *processes) write(w *writer, r role) {
	checks := slices.Clone(p.checks[r])
	slices.SortFunc(checks, compareObjects)
	checks = slices.Compact(checks)
	list := make([]string, 0, len(checks))
	for _, o := range checks {
		list = append(list, o.host+";"+o.name)
	}
	name, needs := p.names[r], p.needs[r]
	w.put("\n")
	if len(needs) == 0 {
		w.put(name, " = ", strings.Join(list, " | "), "\n")
	} else {
		own := p.free(name + "_itself")
		w.put(own, " = ", strings.Join(list, " | "), "\ndisplay 0;", own, ";", alias(p.roleTitle(r)), " itself\n")
		all := append(make([]string, 0, 1+len(needs)), own)
		for _, n := range needs {
			all = append(all, p.names[n])
		}
		w.put(name, " = ", strings.Join(all, " & "), "\n")
	}
	w.put("display 0;", name, ";", alias(p.roleTitle(r)), "\n")
}

// writeGroups writes the processes at the top: of each group what nobody else of it
// needs, and of what is in none what nobody needs.
func (p *processes) writeGroups(w *writer, order []role) {
	within, needed := map[role]bool{}, map[role]bool{}
	for from, list := range p.needs {
		for _, to := range list {
			needed[to] = true
			within[to] = within[to] || p.groups[from] == p.groups[to]
		}
	}
	tops := map[string][]string{}
	for _, r := range order {
		if g := p.groups[r]; g == "" && !needed[r] || g != "" && !within[r] {
			tops[g] = append(tops[g], p.names[r])
		}
	}
	titles := map[string]string{"": "In no group"}
	for i := range p.Lanes {
		if l := &p.Lanes[i]; l.ID != "" {
			titles[l.ID] = laneName(l)
		}
	}
	groups := make([]string, 0, len(tops))
	for g := range tops {
		groups = append(groups, g)
	}
	slices.Sort(groups)
	for _, g := range groups {
		title := cmp.Or(titles[g], clean(g))
		name := p.free("dotm_group_" + simpleID(title))
		w.put("\n", name, " = ", strings.Join(tops[g], " & "), "\ndisplay 1;", name, ";", alias(title), "\n")
	}
}

// alias is a text as what a process is called.
func alias(text string) string { return strings.ReplaceAll(text, ";", ",") }
