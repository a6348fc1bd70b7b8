package server

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/devops-trouble-map/dotm/server/replica"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// ErrFollows refuses what only the server that leads may do.
var ErrFollows = errors.New("another server of this store leads: ask that one")

// Backup writes an archive of all that is kept, as it is now.
func (s *Server) Backup(ctx context.Context, w io.Writer) error {
	if err := s.keeper.Flush(ctx, s.now(), false); err != nil {
		return err
	}
	return store.Dump(ctx, s.opt.Store, w, store.Made{At: s.now(), By: s.opt.Version})
}

// Restore replaces all that is kept by an archive, which was checked, and shows
// that. What nodes report meanwhile is part of it again with their next report.
func (s *Server) Restore(ctx context.Context, archive io.Reader) error {
	if s.member != nil && s.member.Role() != replica.Leading {
		return ErrFollows
	}
	ctx = context.WithoutCancel(ctx) // once begun it ends
	s.keeper.Standby()
	defer s.keeper.Resume(ctx)
	err := s.opt.Store.Replace(ctx, func(fresh store.Store) error { return store.Fill(ctx, fresh, archive) })
	if err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	state, err := s.opt.Store.Load(ctx)
	if err != nil {
		return fmt.Errorf("loading what was restored: %w", err)
	}
	now := s.now()
	snap, err := topology.FromBlocks(topology.Revision{Epoch: epoch(now), Number: state.Revision.Number}, now, state.Blocks)
	if err != nil {
		return fmt.Errorf("loading what was restored: %w", err)
	}
	s.past.Drop()
	s.documents.replace(state.Documents)
	s.poller.sync()
	s.decided.light()
	if err := s.order(func(w *writer) {
		w.batch, w.due, w.last, w.since = nil, nil, reports{}, now
		w.keeper.Load(snap)
		w.show(snap)
	}); err != nil {
		return err
	}
	return s.adopt(state.Settings)
}
