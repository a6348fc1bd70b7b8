package watch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/mapping/proposal"
	"github.com/devops-trouble-map/dotm/monitor"
)

// Preview lists the checks that other rules would move, by source, host and name.
// Nothing changes.
func (b *Board) Preview(rules *mapping.Rules) []monitor.Moved {
	out := []monitor.Moved{}
	for name, part := range b.parts() {
		for _, m := range proposal.Preview(part.mapper, rules, part.checks) {
			out = append(out, monitor.Moved{ID: m.ID, Source: name, Host: m.Host, Name: m.Name, From: monitor.About(m.From), To: monitor.About(m.To)})
		}
	}
	slices.SortStableFunc(out, func(x, y monitor.Moved) int { return strings.Compare(x.Source, y.Source) })
	return out
}

// part is one source's checks with what maps them.
type part struct {
	mapper *mapping.Mapper
	checks []mapping.Check
}

// parts copies what is mapped, so that it may be looked at without the lock. The
// mappers are made anew: those of the sources go on meanwhile.
func (b *Board) parts() map[string]part {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]part{}
	for name, s := range b.sources {
		if s.mapper == nil {
			continue
		}
		p := part{mapper: mapping.New(b.Topology.Snapshot(), b.rules, s.allHosts())}
		for c := range s.all() {
			p.checks = append(p.checks, c.Check)
		}
		out[name] = p
	}
	return out
}

// Suggest is what to write into the settings so that a check is on a service, or
// with none on a node as a whole. The error wraps [monitor.ErrNoCheck] or
// [proposal.ErrSuggest].
func (b *Board) Suggest(id, node, service string) (proposal.Suggestion, error) {
	for _, p := range b.parts() {
		for i := range p.checks {
			if p.checks[i].ID == id {
				return proposal.Suggest(p.mapper, &p.checks[i], node, service)
			}
		}
	}
	return proposal.Suggestion{}, fmt.Errorf("mapping %s: %w", id, monitor.ErrNoCheck)
}
