package server

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/mapping/proposal"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/store"
)

// correction is a mapping on its way to the leader.
type correction struct{ ID, Node, Service string }

// PreviewMapping lists the checks that other aliases and rules would move. Errors
// are those of [mapping.Compile].
func (s *Server) PreviewMapping(ctx context.Context, m mapping.Settings) (moves []monitor.Moved, err error) {
	rules, err := mapping.Compile(m)
	if err != nil {
		return nil, err
	}
	data := func() ([]byte, error) { return json.Marshal(m) }
	body, err := s.handOver(ctx, askPreview, data, func() error {
		moves = s.board.Preview(rules)
		return nil
	})
	if body != nil {
		if err := json.Unmarshal(body, &moves); err != nil {
			return nil, fmt.Errorf("reading the leader's answer: %w", err)
		}
	}
	return moves, err
}

// SuggestMapping is the rule, or the alias, by which a check is on a service, or with
// none on a node as a whole; nothing is written. Errors wrap [monitor.ErrNoCheck] or
// [proposal.ErrSuggest].
func (s *Server) SuggestMapping(ctx context.Context, id, node, service string) (g proposal.Suggestion, err error) {
	data := func() ([]byte, error) { return json.Marshal(correction{id, node, service}) }
	body, err := s.handOver(ctx, askSuggest, data, func() error {
		g, err = s.board.Suggest(id, node, service)
		return err
	})
	if body != nil {
		if err := json.Unmarshal(body, &g); err != nil {
			return g, fmt.Errorf("reading the leader's answer: %w", err)
		}
	}
	return g, err
}

// CorrectMapping writes what [Server.SuggestMapping] says, and returns it. Errors are
// its own, or those of [Server.ChangeSettings].
func (s *Server) CorrectMapping(ctx context.Context, id, node, service string) (proposal.Suggestion, error) {
	g, err := s.SuggestMapping(ctx, id, node, service)
	if err != nil {
		return g, err
	}
	in := s.settings.Load()
	next := g.Apply(in.Monitored())
	p := store.Patch{Aliases: &next.Aliases}
	if g.Rule != nil {
		p = store.Patch{Mapping: &next.Rules}
	}
	return g, s.ChangeSettings(ctx, p)
}

// mappings does for another server what is about mappings.
func (s *Server) mappings(kind string, data []byte) ([]byte, error) {
	if kind == askPreview {
		var m mapping.Settings
		if err := json.Unmarshal(data, &m); err != nil {
			return nil, fmt.Errorf("reading rules: %w", err)
		}
		rules, err := mapping.Compile(m)
		if err != nil {
			return nil, err
		}
		return json.Marshal(s.board.Preview(rules))
	}
	var c correction
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("reading correction: %w", err)
	}
	g, err := s.board.Suggest(c.ID, c.Node, c.Service)
	if err != nil {
		return nil, err
	}
	return json.Marshal(g)
}
