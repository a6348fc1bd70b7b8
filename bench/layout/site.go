package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/layout"
	"github.com/devops-trouble-map/dotm/site"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// siteGraph is the graph of a made-up site with that many hosts, all with agents, as
// the server lays it out on a level: what the agents report, aggregated, with the
// pools, groups and shared services that grouping finds in it.
func siteGraph(hosts int, level view.Level) (*layout.Graph, error) {
	s, err := site.New(site.Options{Hosts: hosts, Seed: 1, Quiet: true})
	if err != nil {
		return nil, err
	}
	snap := &topology.Snapshot{}
	for range 2 { // the second look sees what the first made known
		at := s.Now().Add(s.Interval())
		batch := aggregate.Begin(snap, aggregate.Options{})
		for _, n := range s.Nodes() {
			if r := s.Report(n, at); r != nil {
				batch.Report(r, at)
			}
		}
		snap = batch.Commit(at)
	}
	var memory grouping.Memory
	settings := &view.Settings{Roles: roles{memory.Advance(snap, nil, s.Now())}}
	var seen catcher
	q := view.Question{Level: level, Hide: view.HideAll(view.HideOld, view.HideIgnored, view.HideInfrastructure, view.HideObservers)}
	if _, err := view.NewLive(q, &seen).Advance(snap, settings, s.Now()); err != nil {
		return nil, fmt.Errorf("making the view of %d hosts: %w", hosts, err)
	}
	return seen.graph(), nil
}

// roles tells a view what grouping found.
type roles struct{ *grouping.Roles }

// Pool is part of [view.Roles].
func (r roles) Pool(node string) string {
	if p := r.PoolOf(node); p != nil {
		return p.ID
	}
	return ""
}

// Group is part of [view.Roles].
func (r roles) Group(node string) string { return r.GroupOf(node) }

// Shared is part of [view.Roles].
func (r roles) Shared(node string) bool { return r.IsShared(node) }

// Title is part of [view.Roles].
func (r roles) Title(id string) string {
	if p := r.Roles.Pool(id); p != nil {
		return p.Name
	}
	if g := r.Roles.Group(id); g != nil {
		return g.Name
	}
	return ""
}

// catcher is a placer that keeps the graph that it is given, and stands everything at
// one place.
type catcher struct{ got view.Graph }

// Epoch is part of [view.Placer].
func (c *catcher) Epoch() uint64 { return 0 }

// Place is part of [view.Placer].
func (c *catcher) Place(g *view.Graph) (view.Chart, error) {
	c.got = *g
	return view.Chart{}, nil
}

// graph is what was caught, as the layout takes it, in an order of its own: dot's places
// depend on that.
func (c *catcher) graph() *layout.Graph {
	g := &layout.Graph{}
	for _, b := range c.got.Boxes {
		box := layout.Box{ID: b.ID, W: b.W, H: b.H, Lane: b.Lane}
		switch {
		case b.Entry:
			box.Side = layout.Entry
		case b.Strip:
			box.Side = layout.Strip
		}
		g.Boxes = append(g.Boxes, box)
	}
	for _, e := range c.got.Edges {
		g.Edges = append(g.Edges, layout.Edge{From: e.From, To: e.To, FromY: e.FromY, ToY: e.ToY, Weight: 1, Undirected: e.Undirected})
	}
	slices.SortFunc(g.Boxes, func(a, b layout.Box) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(g.Edges, func(a, b layout.Edge) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.FromY, b.FromY), cmp.Compare(a.ToY, b.ToY))
	})
	return g
}
