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

// auditStep is how far back is looked at first; each time that this is not enough, four
// times as far. Beyond auditAll, everything.
const (
	auditStep = 24 * time.Hour
	auditAll  = 1000 * 24 * time.Hour
)

// AuditLog are the entries of a range that a filter lets through, the newest
// first, at most limit; more says that the range has older ones.
func (s *Server) AuditLog(ctx context.Context, from, to time.Time, f audit.Filter, limit int) (entries []audit.Entry, more bool, err error) {
	for step := auditStep; len(entries) <= limit && to.After(from); step *= 4 {
		start := to.Add(-step)
		if start.Before(from) || step > auditAll {
			start = from
		}
		part, err := s.auditPart(ctx, start, to, &f, limit+1-len(entries))
		if err != nil {
			return nil, false, err
		}
		entries, to = append(entries, part...), start
	}
	if len(entries) > limit {
		return entries[:limit], true, nil
	}
	return entries, false, nil
}

// auditPart are the last entries of a range, the newest first. The log is read
// forwards: of what passes, the last ones are kept.
func (s *Server) auditPart(ctx context.Context, from, to time.Time, f *audit.Filter, most int) (entries []audit.Entry, err error) {
	err = s.opt.Store.Audit(ctx, from, to, func(e audit.Entry) bool {
		if !f.Lets(&e) {
			return true
		}
		if len(entries) == 2*most {
			entries = append(entries[:0], entries[most:]...)
		}
		entries = append(entries, e)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("reading audit log: %w", err)
	}
	entries = entries[max(0, len(entries)-most):]
	slices.Reverse(entries)
	return entries, nil
}
