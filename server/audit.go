package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/store"
)

// Note appends an entry to the audit log. When it returns nil, that is durable.
func (s *Server) Note(ctx context.Context, e audit.Entry) error {
	if err := s.opt.Store.Write(context.WithoutCancel(ctx), store.Change{Audit: []audit.Entry{e.Clean()}}); err != nil {
		return fmt.Errorf("writing audit log: %w", err)
	}
	return nil
}

// AuditLog are the entries of a range that a filter lets through, the newest
// first, at most limit; more says that the range has older ones.
func (s *Server) AuditLog(ctx context.Context, from, to time.Time, f audit.Filter, limit int) (entries []audit.Entry, more bool, err error) {
	// The log is read forwards: of what passes, the last ones are kept.
	err = s.opt.Store.Audit(ctx, from, to, func(e audit.Entry) bool {
		if !f.Lets(&e) {
			return true
		}
		if len(entries) == 2*limit {
			entries, more = append(entries[:0], entries[limit:]...), true
		}
		entries = append(entries, e)
		return true
	})
	if err != nil {
		return nil, false, fmt.Errorf("reading audit log: %w", err)
	}
	if over := len(entries) - limit; over > 0 {
		entries, more = entries[over:], true
	}
	slices.Reverse(entries)
	return entries, more, nil
}
