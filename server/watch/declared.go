package watch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

// Know tells what was declared in the sources, by their names, as far as it was
// kept: until a source is read that is what is known of it.
func (b *Board) Know(kept map[string]*monitor.Declared) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, d := range kept {
		if s := b.sources[name]; s != nil && s.read.IsZero() {
			s.declared, s.kept = d, d
		}
	}
}

// keep has what is declared in a source kept if that is new. What can't be kept is
// tried again after the next reading.
func (b *Board) keep(s *source) {
	b.mu.Lock()
	d, is := s.declared, b.sources[s.opt.Name] == s && b.active && !s.declared.Same(s.kept)
	b.mu.Unlock()
	if !is || b.Keep == nil {
		return
	}
	if err := b.Keep(s.opt.Name, d); err != nil {
		b.Log.Warn("what is declared in a monitoring source was not kept; it is tried again", "source", s.opt.Name, "error", err)
		return
	}
	b.mu.Lock()
	s.kept = d
	b.mu.Unlock()
}

// Declared lists what people declared in the monitoring systems that is about a
// node, at either end; with an empty name, all of it. It is sorted by source, kind
// and names. What the sockets tell of it is not filled in.
func (b *Board) Declared(node string) []monitor.Relation {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []monitor.Relation
	for name, s := range b.sources {
		for _, r := range b.declaredIn(s) {
			if node == "" || r.Of.Node == node || r.To != nil && r.To.Node == node {
				r.Source = name
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, compareRelations)
	return out
}

func compareRelations(x, y monitor.Relation) int {
	return cmp.Or(strings.Compare(x.Source, y.Source), strings.Compare(string(x.Kind), string(y.Kind)),
		compareParties(&x.Of, &y.Of), strings.Compare(x.Group, y.Group), compareParties(x.To, y.To))
}

func compareParties(x, y *monitor.Party) int {
	if x == nil || y == nil {
		return 0 // of one kind either all have another end or none
	}
	return cmp.Or(strings.Compare(x.Host, y.Host), strings.Compare(x.Name, y.Name))
}

func (b *Board) declaredIn(s *source) (out []monitor.Relation) {
	d := s.declared
	if d == nil {
		return nil
	}
	m := s.mapper
	if m == nil {
		m = mapping.New(b.Topology.Snapshot(), b.rules, d.Hosts)
	}
	party := func(host, name string) monitor.Party {
		p := monitor.Party{Host: host, Name: name}
		if c := s.get(key{host, name}); c != nil {
			p.Node, p.Service = c.Node, c.Service
		}
		if p.Node == "" {
			p.Node = m.Host(host).Node
		}
		return p
	}
	for i := range d.Hosts {
		h := &d.Hosts[i]
		of := party(h.Name, "")
		for _, g := range h.Groups {
			out = append(out, monitor.Relation{Kind: monitor.InGroup, Of: of, Group: g})
		}
		for _, parent := range h.Parents {
			to := party(parent, "")
			out = append(out, monitor.Relation{Kind: monitor.ReachedBy, Of: of, To: &to})
		}
	}
	for _, dep := range d.Dependencies {
		to := party(dep.ParentHost, dep.ParentName)
		out = append(out, monitor.Relation{Kind: monitor.DependsOn, Of: party(dep.Host, dep.Name), To: &to})
	}
	return out
}
