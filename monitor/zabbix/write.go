package zabbix

import (
	"cmp"
	"slices"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// pages is where the frontend is.
func (s *Source) pages() string {
	if s.link != "" {
		return s.link
	}
	place, _, _ := s.api.known()
	return frontend(place)
}

// problemPage leads to a problem, triggerPage and hostPage to the problems of a trigger
// or host. Before 5.4 their parameters had other names.
func problemPage(pages string, trigger, event uint64) string {
	return monitor.WebLink(pages + "/tr_events.php?triggerid=" + idText(trigger) + "&eventid=" + idText(event))
}

func triggerPage(pages string, v version, id uint64) string {
	return filtered(pages, v, "triggerids", id)
}

func hostPage(pages string, v version, id uint64) string { return filtered(pages, v, "hostids", id) }

func filtered(pages string, v version, parameter string, id uint64) string {
	query := parameter + "%5B%5D=" + idText(id)
	if !v.from(5, 4) {
		query += "&filter_" + query
	}
	return monitor.WebLink(pages + "/zabbix.php?action=problem.view&filter_set=1&" + query)
}

// write makes a reading of all.
func (s *Source) write(r *monitor.Reading, g *inventory, st *state) error {
	pages := s.pages()
	r.Hosts = make([]mapping.Host, 0, len(g.hosts))
	r.Checks = make([]mapping.Check, 0, len(g.hosts)+len(g.triggers))
	r.Dependencies = slices.Clone(g.dependencies)
	for _, h := range g.hosts {
		r.Hosts = append(r.Hosts, h.host)
		if c, ok := st.hostCheck(h); ok {
			r.Checks = append(r.Checks, c)
		}
	}
	for _, t := range g.triggers {
		c, ok := s.check(g, st, t, pages)
		if !ok {
			continue
		}
		for _, id := range t.hosts {
			h := g.byHost[id]
			c.Host = h.host.Name
			c.Downtime = st.downtime(t, h)
			r.Checks = append(r.Checks, c)
		}
		if err := r.Room(); err != nil {
			return err
		}
	}
	g.look(r)
	return nil
}

// hostCheck is the state of a host, if any of its interfaces is asked.
func (st *state) hostCheck(h *host) (c mapping.Check, ok bool) {
	c.Kind, c.Host, c.Hard, c.Link = topology.HostCheck, h.host.Name, true, h.host.Link
	c.Downtime = st.maintained[h.id]
	c.Status, c.Output, c.Since, ok = h.verdict(st.down)
	return c, ok
}

// downtime says whether a check is in maintenance. A maintenance may be for some
// problems only: each says itself whether it is suppressed.
func (st *state) downtime(t *trigger, h *host) bool {
	if p := st.problems[t.id]; p != nil {
		return p.suppressed
	}
	return st.maintained[h.id]
}

// check is a trigger as a check, but for its host. It is none if its severity is hidden.
func (s *Source) check(g *inventory, st *state, t *trigger, pages string) (c mapping.Check, ok bool) {
	c.Kind, c.Name, c.Hard, c.Groups = topology.ServiceCheck, t.name, true, t.groups
	c.Command, c.Hints, c.Link = t.command, t.hints, t.link
	severity := t.severity
	p, why, unknown := st.problems[t.id], "", false
	if p == nil {
		why, unknown = st.unknown[t.id]
	} else {
		severity = p.severity
	}
	switch status := s.sev.of(severity); {
	case status == hidden:
		return c, false
	case p != nil:
		c.Status, c.Output, c.Since = status, p.output(), seconds(p.clock)
		c.Acknowledged, c.Suppressed = p.acknowledged, p.symptom || g.hidden(st, t)
		c.Link = cmp.Or(problemPage(pages, t.id, p.event), c.Link)
		if hints := monitor.OutputHints(c.Output); len(hints) > 0 {
			c.Hints = slices.Concat(c.Hints, hints)
		}
	case unknown:
		c.Status, c.Output = topology.Unknown, cmp.Or(why, "Zabbix can't work out whether it is a problem")
	default:
		c.Status, c.Output, c.Since = topology.OK, t.said, seconds(t.changed)
	}
	return c, true
}

// hidden says whether a trigger depends, be it over others, on one that is a problem:
// Zabbix doesn't show it then.
func (g *inventory) hidden(st *state, t *trigger) bool {
	const most = 1000 // of what is looked at for one
	seen := map[uint64]bool{t.id: true}
	for todo := slices.Clone(t.needs); len(todo) > 0 && len(seen) < most; {
		id := todo[0]
		todo = todo[1:]
		if seen[id] {
			continue
		}
		seen[id] = true
		if st.problems[id] != nil && g.byID[id] != nil {
			return true
		}
		if parent := g.byID[id]; parent != nil {
			todo = append(todo, parent.needs...)
		}
	}
	return false
}

// look says what is odd about a reading: nothing is never all well.
func (g *inventory) look(r *monitor.Reading) {
	switch {
	case len(g.hosts) == 0:
		r.Say("no-hosts", "the login sees no hosts", "in Zabbix give a user group of it the right to read the host groups; is any host enabled?")
	case len(g.triggers) == 0:
		r.Say("no-triggers", "its hosts have no triggers", "are their templates linked, and their items enabled?")
	}
}
