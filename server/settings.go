package server

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/store"
)

// Settings returns the settings in force, and the names of those that the
// configuration file fixes.
func (s *Server) Settings() (in store.Settings, fixed []string) {
	return s.settings.Load().Clone(), s.opt.Fixed.Fields()
}

// ChangeSettings stores a patch as a whole, and then puts it in force. A slow
// store holds up the asker and nobody else. Errors are
// [*LockedError], [*store.InvalidError], or the store's.
func (s *Server) ChangeSettings(ctx context.Context, p store.Patch) error {
	fixed := s.opt.Fixed.Fields()
	for _, f := range p.Fields() {
		if slices.Contains(fixed, f) {
			return &LockedError{f}
		}
	}
	data := func() ([]byte, error) { return json.Marshal(p) }
	if in := s.opt.Fixed.Apply(p.Apply(*s.settings.Load())); !s.alone() {
		if err := in.Validate(); err != nil { // here, for the error's fields
			return err
		}
	}
	_, err := s.handOver(ctx, askSettings, data, func() error { return s.changeSettings(ctx, p) })
	return err
}

// changeSettings is [Server.ChangeSettings] of who leads.
func (s *Server) changeSettings(ctx context.Context, p store.Patch) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	merged := s.changed.Merge(p)
	in, err := s.inForce(merged)
	if err != nil {
		return err
	}
	if err := s.opt.Store.Write(context.WithoutCancel(ctx), store.Change{Settings: &merged}); err != nil {
		return fmt.Errorf("saving settings: %w", err)
	}
	s.changed = merged
	s.news(newsSettings, merged)
	return s.order(func(w *writer) { w.change(in) })
}

// inForce computes the settings: the defaults, what people changed, and what
// the configuration file fixes, each over the one before.
func (s *Server) inForce(changed store.Patch) (*store.Settings, error) {
	in := s.opt.Fixed.Apply(changed.Apply(store.Defaults()))
	return &in, in.Validate()
}

func (s *Server) enforce(in *store.Settings) {
	before := s.settings.Swap(in)
	s.keeper.Configure(*in)
	if before == nil || !reflect.DeepEqual(before.Monitored(), in.Monitored()) {
		s.rules, _ = mapping.Compile(in.Monitored()) // they are valid
	}
	s.board.Configure(s.rules, time.Duration(in.CheckExpiry))
}

// change puts settings in force: what came before is judged by the old ones.
func (w *writer) change(in *store.Settings) {
	if w.batch != nil {
		w.publish(w.now())
	}
	before := w.settings.Load()
	w.enforce(in)
	if before.PollInterval != in.PollInterval {
		w.poller.wakeAll()
	}
	if w.mirroring {
		return
	}
	b := w.open()
	b.Touch()
	b.Age(w.now())
	w.publish(w.now())
}
