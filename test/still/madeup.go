package still

import (
	"testing"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/grouping"
	sites "github.com/devops-trouble-map/dotm/site"
	"github.com/devops-trouble-map/dotm/topology"
)

// MadeUp is a site of so many hosts, all with agents, after two looks: a snapshot, and
// one that shows the look after it.
func MadeUp(b testing.TB, hosts int) (*Model, []*topology.Snapshot) {
	b.Helper()
	s, err := sites.New(sites.Options{Hosts: hosts, Seed: 1, Quiet: true})
	if err != nil {
		b.Fatal(err)
	}
	snap := &topology.Snapshot{}
	snaps := make([]*topology.Snapshot, 0, 3)
	at := s.Now()
	for range 3 {
		at = at.Add(s.Interval())
		batch := aggregate.Begin(snap, aggregate.Options{})
		for _, n := range s.Nodes() {
			if r := s.Report(n, at); r != nil {
				batch.Report(r, at)
			}
		}
		snap = batch.Commit(at)
		snaps = append(snaps, snap)
	}
	m := New(snaps[1])
	var memory grouping.Memory
	m.Cast.Store(memory.Advance(snaps[1], nil, s.Now()))
	return m, snaps[1:]
}
