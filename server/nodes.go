package server

import (
	"context"
	"fmt"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/topology"
)

// RemoveNode forgets a node that reported once; it is false if there is none.
// One whose agent still reports would be back at once: the error wraps
// [collect.ErrReports].
func (s *Server) RemoveNode(ctx context.Context, name string) (there bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("removing %s: %w", name, err)
	}
	data := func() ([]byte, error) { return []byte(name), nil }
	body, err := s.handOver(ctx, askRemove, data, func() (err error) {
		there, err = s.removeNode(name)
		return err
	})
	return there || string(body) == "true", err
}

// removeNode is [Server.RemoveNode] of who leads.
func (s *Server) removeNode(name string) (there bool, err error) {
	stopped := s.order(func(w *writer) {
		var block *topology.Block
		if w.batch != nil {
			w.publish(s.now())
		}
		if block = w.Snapshot().Block(name); block == nil || !block.Node.OwnsAddresses() {
			return
		}
		if there = true; block.Node.State == topology.Reporting && block.Node.Collect == "agent" {
			err = fmt.Errorf("removing %s: %w", name, collect.ErrReports)
			return
		}
		now := s.now()
		w.open().Remove(name, now)
		w.publish(now)
	})
	if stopped != nil {
		return false, stopped
	}
	return there, err
}

// Touch makes a new revision, for what changed outside of the topology that
// readers show with it. It returns when that is done, or when the server stops.
func (s *Server) Touch() {
	_ = s.order(func(w *writer) { // a server that stops needs no new revision
		if w.mirroring {
			return // the leader says which revision it is
		}
		w.open().Touch()
		w.publishSoon(s.now())
	})
}
