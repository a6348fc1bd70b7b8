package served

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/mapping/proposal"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// Systems are monitoring systems that say what a test has them say, and note what
// they are told.
type Systems struct {
	mu        sync.Mutex
	List      []topology.Check
	States    []monitor.State
	Unknown   []monitor.Stray
	Relations []monitor.Relation
	Err       error
	did       []string
	Passed    []mapping.Check
}

func (s *Systems) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.did = append(s.did, fmt.Sprintf(format, args...))
}

// Took is what they were told since somebody asked.
func (s *Systems) Took() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := strings.Join(s.did, "; ")
	s.did = nil
	return out
}

func (s *Systems) Sources(context.Context) ([]monitor.State, error) { return s.States, s.Err }

func (s *Systems) PutSource(_ context.Context, o monitor.Options, isNew bool) (monitor.Options, error) {
	if err := o.Validate(); err != nil {
		return o, err
	}
	s.note("put %s %s new %v password %q", o.Name, o.URL, isNew, o.Password)
	return o, s.Err
}

func (s *Systems) RemoveSource(_ context.Context, name string) (bool, error) {
	return name == "n", s.Err
}

func (s *Systems) TestSource(_ context.Context, o monitor.Options) (monitor.Options, *monitor.Summary, error) {
	if s.Err != nil {
		return o, nil, s.Err
	}
	o.Kind = monitor.Nagios
	return o, &monitor.Summary{Program: "Nagios Core", Hosts: 6}, nil
}

func (s *Systems) RefreshSource(_ context.Context, name string) (bool, error) {
	s.note("refresh %s", name)
	return name == "n", s.Err
}

func (s *Systems) Checks(_ context.Context, f monitor.Filter) (out []topology.Check, err error) {
	for i := range s.List {
		if f.Lets(&s.List[i]) {
			out = append(out, s.List[i])
		}
	}
	return out, s.Err
}

func (s *Systems) PassChecks(_ context.Context, source string, checks, gone []mapping.Check) error {
	if source != "passive" {
		return monitor.ErrNoSource
	}
	s.Passed = append(s.Passed, checks...)
	s.note("%d, %d gone", len(checks), len(gone))
	return s.Err
}

func (s *Systems) Acknowledge(_ context.Context, id, author, comment string) (string, error) {
	if id != "a" {
		return "", monitor.ErrNoCheck
	}
	s.note("%s by %s: %s", id, author, comment)
	return "noted", s.Err
}

func (s *Systems) Strays(context.Context) ([]monitor.Stray, error) { return s.Unknown, s.Err }

func (s *Systems) Declared(_ context.Context, node string) (out []monitor.Relation, err error) {
	for _, r := range s.Relations {
		if node == "" || r.Of.Node == node {
			out = append(out, r)
		}
	}
	return out, s.Err
}

func (s *Systems) PreviewMapping(_ context.Context, m mapping.Settings) ([]monitor.Moved, error) {
	if _, err := mapping.Compile(m); err != nil {
		return nil, err
	}
	return []monitor.Moved{{ID: "a", Host: "web", To: monitor.About{Node: "web"}}}, s.Err
}

func (s *Systems) SuggestMapping(ctx context.Context, id, node, service string) (proposal.Suggestion, error) {
	return s.suggest(id, node, service)
}

func (s *Systems) CorrectMapping(_ context.Context, id, node, service string) (proposal.Suggestion, error) {
	s.note("mapped %s on %s %s", id, node, service)
	return s.suggest(id, node, service)
}

func (s *Systems) suggest(id, node, _ string) (proposal.Suggestion, error) {
	if id != "a" {
		return proposal.Suggestion{}, monitor.ErrNoCheck
	}
	return proposal.Suggestion{Rule: &mapping.Rule{Check: "^x$", Node: node}}, s.Err
}
