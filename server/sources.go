package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/server/watch"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// maxSources is how many monitoring instances are read.
const maxSources = 200

// SourceKind is the kind of the documents that are sources which people added: by
// name, [monitor.Options] as JSON.
const SourceKind = "source"

// noMonitoring makes sources where none can be made.
func noMonitoring(monitor.Options) (monitor.Source, error) {
	return nil, &monitor.OptionError{Field: "kind", Rule: "must be one that this server reads"}
}

// loadSources puts the sources of the configuration over those that people added.
func (s *Server) loadSources() error {
	b := watch.Options{Topology: boarded{s}, Make: s.opt.Monitors, Keep: s.keepDeclared, Log: s.opt.Log}
	if s.opt.Recorder != nil {
		b.Note = s.opt.Recorder.Checks
	}
	s.board = watch.New(b)
	for i := range s.opt.Sources {
		o := s.opt.Sources[i]
		err := o.Validate()
		if err == nil && o.Kind == "" {
			err = &monitor.OptionError{Field: "kind", Rule: "must be set: dotm source test URL finds it out"}
		}
		if err != nil {
			return fmt.Errorf("sources[%d]: %w", i, err)
		}
	}
	return s.syncSources()
}

// syncSources has the board read those that there are now. One that can't be made
// is left out, and told.
func (s *Server) syncSources() error {
	list, err := s.sources()
	if err != nil {
		return err
	}
	var made []monitor.Options
	for _, o := range list {
		if o.Kind != monitor.Passive && o.Kind != monitor.Signals {
			if _, err := s.opt.Monitors(o); err != nil {
				s.opt.Log.Error("a monitoring source is left out", "source", o.Name, "error", err)
				continue
			}
		}
		made = append(made, o)
	}
	err = s.board.Sources(made)
	s.recall()
	return err
}

// sources are all of them, by name: those of the configuration, and those that
// people added. Beside them there are always a passive one, and that of dotm's own
// signals, for which nobody else's may be taken.
func (s *Server) sources() ([]monitor.Options, error) {
	list := slices.Clone(s.opt.Sources)
	for _, d := range s.Documents(SourceKind) {
		var o monitor.Options
		if err := json.Unmarshal(d.Value, &o); err != nil {
			return nil, fmt.Errorf("reading source %q: %w", d.Key, err)
		}
		if !slices.ContainsFunc(s.opt.Sources, func(f monitor.Options) bool { return f.Name == o.Name }) {
			list = append(list, o)
		}
	}
	if !slices.ContainsFunc(list, func(o monitor.Options) bool { return o.Name == string(monitor.Passive) }) {
		list = append(list, monitor.Options{Name: string(monitor.Passive), Kind: monitor.Passive})
	}
	if i := slices.IndexFunc(list, func(o monitor.Options) bool { return o.Name == topology.SignalSource }); i < 0 {
		list = append(list, ownSource())
	}
	slices.SortFunc(list, func(a, b monitor.Options) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// fixed says whether the configuration file sets a source.
func (s *Server) fixedSource(name string) bool {
	return slices.ContainsFunc(s.opt.Sources, func(o monitor.Options) bool { return o.Name == name })
}

// impliedSource says whether a source is there though nobody asked for it.
func (s *Server) impliedSource(name string) bool {
	return name == string(monitor.Passive) && !s.fixedSource(name) && len(s.documentsOf(name)) == 0
}

// Sources lists the monitoring sources and how they are, by name. The passive one
// that nobody asked for is left out while it has nothing to say.
func (s *Server) Sources(ctx context.Context) ([]monitor.State, error) {
	body, err := s.handOver(ctx, askSources, noData, func() error { return nil })
	if err != nil {
		return nil, err
	}
	var list []monitor.State
	if body == nil {
		list = s.board.States()
	} else if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("reading the leader's answer: %w", err)
	}
	list = slices.DeleteFunc(list, func(st monitor.State) bool { return st.Checks == 0 && s.impliedSource(st.Name) })
	for i := range list {
		list[i].Fixed = s.fixedSource(list[i].Name)
	}
	return list, nil
}

func noData() ([]byte, error) { return nil, nil }

// PutSource adds a source, or changes one: then an empty password keeps the one
// that is known. Errors are [*monitor.OptionError], [*LockedError],
// [monitor.ErrExists], [monitor.ErrNoSource] or the store's.
func (s *Server) PutSource(ctx context.Context, o monitor.Options, isNew bool) (monitor.Options, error) {
	s.sourcing.Lock()
	defer s.sourcing.Unlock()
	if err := o.Validate(); err != nil {
		return o, err
	}
	old, there := s.knownSource(o.Name)
	switch {
	case old.Kind == monitor.Signals:
		return o, builtInError()
	case s.fixedSource(o.Name):
		return o, &LockedError{"source " + o.Name}
	case isNew && there:
		return o, fmt.Errorf("adding source %s: %w", o.Name, monitor.ErrExists)
	case !isNew && !there:
		return o, fmt.Errorf("changing source %s: %w", o.Name, monitor.ErrNoSource)
	case isNew && len(s.Documents(SourceKind)) >= maxSources:
		return o, &monitor.OptionError{Field: "name", Rule: fmt.Sprintf("must be one of at most %d sources", maxSources), Value: o.Name}
	}
	if !isNew && o.Password == "" && o.URL == old.URL && o.User == old.User { // a secret goes to no other place
		o.Password = old.Password
	}
	if err := s.complete(ctx, &o); err != nil {
		return o, err
	}
	value, err := json.Marshal(o) //nolint:gosec // with its password: it is kept for its use, and never read back
	if err != nil {
		return o, fmt.Errorf("keeping source %s: %w", o.Name, err)
	}
	if err := s.ChangeDocuments(ctx, []store.Document{{Kind: SourceKind, Key: o.Name, Value: value}}, nil); err != nil {
		return o, err
	}
	s.opt.Log.Info("monitoring source kept", "source", o.Name, "kind", string(o.Kind), "url", o.URL)
	return o, s.syncSources()
}

// complete finds out the kind of a source that doesn't name it, and whether it can
// be made.
func (s *Server) complete(ctx context.Context, o *monitor.Options) error {
	if o.Kind == "" {
		if s.opt.Detect == nil {
			return &monitor.OptionError{Field: "kind", Rule: "must be set"}
		}
		kind, err := s.opt.Detect(ctx, *o)
		if err != nil {
			return err
		}
		o.Kind = kind
	}
	if o.Kind == monitor.Passive {
		return nil
	}
	_, err := s.opt.Monitors(*o)
	return err
}

func (s *Server) knownSource(name string) (o monitor.Options, there bool) {
	list, err := s.sources()
	if err != nil {
		return o, false
	}
	i := slices.IndexFunc(list, func(o monitor.Options) bool { return o.Name == name })
	if i < 0 || s.impliedSource(name) {
		return o, false
	}
	return list[i], true
}

func (s *Server) documentsOf(name string) (out []store.Document) {
	for _, d := range s.Documents(SourceKind) {
		if d.Key == name {
			out = append(out, d)
		}
	}
	return out
}

// RemoveSource reads a source no longer, and forgets what it said. It is false if
// there is none.
func (s *Server) RemoveSource(ctx context.Context, name string) (bool, error) {
	s.sourcing.Lock()
	defer s.sourcing.Unlock()
	if s.fixedSource(name) {
		return true, &LockedError{"source " + name}
	}
	switch o, there := s.knownSource(name); {
	case !there:
		return false, nil
	case o.Kind == monitor.Signals:
		return true, builtInError()
	}
	if err := s.ChangeDocuments(ctx, nil, []store.DocumentKey{{Kind: SourceKind, Key: name}, {Kind: declaredKind, Key: name}}); err != nil {
		return true, err
	}
	s.opt.Log.Info("monitoring source removed", "source", name)
	return true, s.syncSources()
}

// TestSource reads a source once, and tells what there is, without keeping
// anything. An empty password is that of the kept source of the name.
func (s *Server) TestSource(ctx context.Context, o monitor.Options) (monitor.Options, *monitor.Summary, error) {
	if o.Name == "" {
		o.Name = "test"
	}
	if err := o.Validate(); err != nil {
		return o, nil, err
	}
	if old, there := s.knownSource(o.Name); there && o.Password == "" && o.URL == old.URL && o.User == old.User {
		o.Password = old.Password
	}
	begin := time.Now()
	if err := s.complete(ctx, &o); err != nil {
		return o, nil, err
	}
	if o.Kind == monitor.Passive {
		return o, &monitor.Summary{}, nil
	}
	from, err := s.opt.Monitors(o)
	if err != nil {
		return o, nil, err
	}
	r, err := from.Read(ctx)
	if err != nil {
		return o, nil, err
	}
	sum := &monitor.Summary{Program: r.Program, Version: r.Version, Checks: len(r.Checks), Took: time.Since(begin).Milliseconds(), Notes: r.Notes}
	sum.Hosts, sum.Unmapped = s.board.Try(r)
	return o, sum, nil
}

// Strays lists the monitored hosts that are no nodes.
func (s *Server) Strays(ctx context.Context) (list []monitor.Stray, err error) {
	body, err := s.handOver(ctx, askStrays, noData, func() error {
		list = s.board.Strays()
		return nil
	})
	if body != nil {
		if err := json.Unmarshal(body, &list); err != nil {
			return nil, fmt.Errorf("reading the leader's answer: %w", err)
		}
	}
	return list, err
}

// RefreshSource reads a source now; false if there is none. An empty name is all.
func (s *Server) RefreshSource(ctx context.Context, name string) (there bool, err error) {
	data := func() ([]byte, error) { return []byte(name), nil }
	body, err := s.handOver(ctx, askRefresh, data, func() error {
		there = s.board.Refresh(name)
		return nil
	})
	return there || string(body) == "true", err
}

// Checks lists the newest results that a filter lets through, with what is said
// and when.
func (s *Server) Checks(ctx context.Context, f monitor.Filter) (list []topology.Check, err error) {
	data := func() ([]byte, error) { return json.Marshal(f) }
	body, err := s.handOver(ctx, askChecks, data, func() error {
		list = s.board.Checks(f.Lets)
		return nil
	})
	if body != nil {
		if err := json.Unmarshal(body, &list); err != nil {
			return nil, fmt.Errorf("reading the leader's answer: %w", err)
		}
	}
	return list, err
}

// passed is what is handed over of a source.
type passed struct {
	Source       string
	Checks, Gone []mapping.Check
}

// PassChecks takes in results that are handed over to a source; see
// [watch.Board.Pass]. The error wraps [monitor.ErrNoSource] if there is none.
func (s *Server) PassChecks(ctx context.Context, source string, checks, gone []mapping.Check) error {
	data := func() ([]byte, error) { return json.Marshal(passed{source, checks, gone}) }
	_, err := s.handOver(ctx, askPass, data, func() error { return s.pass(source, checks, gone) })
	return err
}

func (s *Server) pass(source string, checks, gone []mapping.Check) error {
	if o, _ := s.knownSource(source); o.Kind == monitor.Signals || !s.board.Pass(source, checks, gone) {
		return fmt.Errorf("handing results to source %s: %w", source, monitor.ErrNoSource)
	}
	return nil
}

// acknowledging is an acknowledgement on its way to the leader.
type acknowledging struct{ ID, Author, Comment string }

// Acknowledge tells the source of a check that somebody takes care of it, and
// returns what that did.
func (s *Server) Acknowledge(ctx context.Context, id, author, comment string) (did string, err error) {
	data := func() ([]byte, error) { return json.Marshal(acknowledging{id, author, comment}) }
	body, err := s.handOver(ctx, askAcknowledge, data, func() error {
		did, err = s.board.Acknowledge(ctx, id, author, comment)
		return err
	})
	if body != nil {
		did = string(body)
	}
	return did, err
}

// monitoring does for another server what is about sources.
func (s *Server) monitoring(ctx context.Context, kind string, data []byte) ([]byte, error) {
	switch kind {
	case askSources:
		return json.Marshal(s.board.States())
	case askStrays:
		return json.Marshal(s.board.Strays())
	case askDeclared:
		return json.Marshal(s.board.Declared(string(data)))
	case askRefresh:
		return fmt.Append(nil, s.board.Refresh(string(data))), nil
	case askChecks:
		var f monitor.Filter
		if err := json.Unmarshal(data, &f); err != nil {
			return nil, fmt.Errorf("reading filter: %w", err)
		}
		return json.Marshal(s.board.Checks(f.Lets))
	case askPass:
		var p passed
		if err := json.Unmarshal(data, &p); err != nil {
			return nil, fmt.Errorf("reading results: %w", err)
		}
		return nil, s.pass(p.Source, p.Checks, p.Gone)
	case askAcknowledge:
		var a acknowledging
		if err := json.Unmarshal(data, &a); err != nil {
			return nil, fmt.Errorf("reading acknowledgement: %w", err)
		}
		did, err := s.board.Acknowledge(ctx, a.ID, a.Author, a.Comment)
		return []byte(did), err
	}
	return nil, errors.New("unknown")
}

// boarded is the topology as the board sees it.
type boarded struct{ *Server }

var _ watch.Topology = boarded{}

// PutChecks has the writer put checks onto nodes.
func (s boarded) PutChecks(changes map[string][]topology.Check) error {
	return s.order(func(w *writer) {
		if w.mirroring {
			return
		}
		b := w.open()
		for node, list := range changes {
			b.Checks(node, list)
		}
		if b.Changed() {
			w.publishSoon(w.now())
		}
	})
}
