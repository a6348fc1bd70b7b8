package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/mapping/proposal"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/server/replica"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// What the servers of one store tell each other, and hand over to the one that
// leads.
const (
	newsDocuments = "documents" // what people decided, of all kinds
	newsSettings  = "settings"
	newsTarget    = "target" // how asking a node went

	askReport   = "report"
	askRemove   = "remove"
	askSettings = "settings"

	askSources     = "sources"
	askRefresh     = "refresh"
	askStrays      = "strays"
	askChecks      = "checks"
	askPass        = "pass"
	askAcknowledge = "acknowledge"
	askPreview     = "preview"
	askSuggest     = "suggest"
	askDeclared    = "declared"
	askTouch       = "touch"
	askCareTaking  = "care-taking"
)

// group is a server that shares its store with others.
type group struct{ *Server }

var _ replica.Server = group{}

// alone says whether this server applies reports itself: there are no others, or
// it leads them, or can't reach them.
func (s *Server) alone() bool {
	if s.member == nil {
		return true
	}
	role := s.member.Role()
	return role == replica.Leading || role == replica.Alone
}

// Lead begins an epoch: the numbers that follow are this server's.
func (g group) Lead(ctx context.Context, _ uint64) error {
	if err := g.order(func(w *writer) { w.lead() }); err != nil {
		return err
	}
	g.keeper.Resume(ctx)
	g.board.Activate(true)
	g.recall()
	return nil
}

// Part is [group.Lead] without a store.
func (g group) Part() {
	_ = g.order(func(w *writer) { w.lead() }) // a server that stops leads nobody
	g.keeper.Resume(nil)                      //nolint:staticcheck // nil: the store can't be asked
	g.board.Activate(true)
	g.recall()
}

// Follow drops what was not told.
func (g group) Follow() {
	g.keeper.Standby()
	g.board.Activate(false)
	_ = g.order(func(w *writer) {
		for _, answer := range w.applied {
			answer(false)
		}
		w.batch, w.due, w.applied, w.mirroring = nil, nil, nil, true
	})
}

// Reload takes in what the store holds.
func (g group) Reload(ctx context.Context) error {
	state, err := g.opt.Store.Load(ctx)
	if err != nil {
		return fmt.Errorf("loading state: %w", err)
	}
	snap, err := topology.FromBlocks(state.Revision, time.Now(), judged(state.Blocks))
	if err != nil {
		return fmt.Errorf("loading state: %w", err)
	}
	g.documents.replace(state.Documents)
	g.resync()
	if err := g.adopt(state.Settings); err != nil {
		return err
	}
	return g.order(func(w *writer) {
		w.keeper.Load(snap)
		w.show(snap)
	})
}

// Mirror shows what the leader shows.
func (g group) Mirror(u *replica.Update) {
	_ = g.order(func(w *writer) { // a server that stops shows nothing
		prev := w.Snapshot()
		next := u.Apply(prev)
		w.keeper.Keep(next, topology.Diff(prev, next))
		w.show(next)
		w.mirrored.Store(int64(max(0, time.Since(next.At()))))
	})
}

// resync has all that works by documents look at them anew.
func (g group) resync() {
	g.poller.sync()
	if err := g.syncSources(); err != nil {
		g.opt.Log.Error("taking over the monitoring sources failed", "error", err)
	}
	g.decided.light()
}

// Heard takes in what another server told.
func (g group) Heard(kind string, data []byte) {
	var err error
	switch kind {
	case newsDocuments:
		var c documentsChange
		if err = json.Unmarshal(data, &c); err == nil {
			g.documents.take(c)
			g.resync()
		}
	case newsSettings:
		var p store.Patch
		if err = json.Unmarshal(data, &p); err == nil {
			err = g.adopt(p)
		}
	case newsTarget:
		var t collect.State
		if err = json.Unmarshal(data, &t); err == nil {
			g.poller.heard(t)
		}
	default:
		err = errors.New("what it tells is not known here: it may be of another version")
	}
	if err != nil {
		g.opt.Log.Error("hearing another server failed", "kind", kind, "error", err)
	}
}

// adopt puts settings in force that another server keeps.
func (s *Server) adopt(changed store.Patch) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	in, err := s.inForce(changed)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	s.changed = changed
	return s.order(func(w *writer) { w.change(in) })
}

// Do does for another server what only the leader does.
func (g group) Do(ctx context.Context, kind string, data []byte) ([]byte, error) {
	switch kind {
	case askReport:
		var r report.Report
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, fmt.Errorf("reading report: %w", err)
		}
		return nil, coded(g.put(ctx, &r, time.Now()))
	case askRemove:
		there, err := g.removeNode(string(data))
		if err != nil {
			return nil, coded(err)
		}
		return strconv.AppendBool(nil, there), nil
	case askSettings:
		var p store.Patch
		if err := json.Unmarshal(data, &p); err != nil {
			return nil, fmt.Errorf("reading settings: %w", err)
		}
		return nil, g.changeSettings(ctx, p)
	case askSources, askStrays, askRefresh, askChecks, askPass, askAcknowledge, askDeclared:
		out, err := g.monitoring(ctx, kind, data)
		return out, coded(err)
	case askTouch:
		g.Touch()
		return nil, nil
	case askCareTaking:
		var c careTaking
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, fmt.Errorf("reading acknowledgement: %w", err)
		}
		in, err := g.takeCare(ctx, c.ID, c.By, c.Comment)
		if err != nil {
			return nil, coded(err)
		}
		return json.Marshal(in)
	case askPreview, askSuggest:
		out, err := g.mappings(kind, data)
		return out, coded(err)
	}
	return nil, fmt.Errorf("what was handed over is not known here (%q): this server may be older", kind)
}

// codes name the errors that whoever handed over has to know again.
var codes = map[string]error{
	"no-check": monitor.ErrNoCheck, "no-acknowledging": monitor.ErrNoAcknowledging, "no-source": monitor.ErrNoSource,
	"no-rule": proposal.ErrSuggest, "no-incident": ErrNoIncident,
	"replayed": collect.ErrReplayed, "reports": collect.ErrReports, "stopped": ErrStopped,
}

// codedError is an error with its name.
type codedError struct {
	error
	code string
}

// Code is that name.
func (e codedError) Code() string { return e.code }

func (e codedError) Unwrap() error { return e.error }

func coded(err error) error {
	for code, known := range codes {
		if errors.Is(err, known) {
			return codedError{err, code}
		}
	}
	return err
}

// decoded makes the error of the leader's side one of this side's.
func decoded(err error) error {
	var remote *replica.RemoteError
	if errors.As(err, &remote) && codes[remote.Code] != nil {
		return remoteError{remote, codes[remote.Code]}
	}
	return err
}

// remoteError has the leader's words and means the same as an error of ours.
type remoteError struct {
	*replica.RemoteError
	means error
}

func (e remoteError) Unwrap() error { return e.means }

// handOver has the leader do something, unless this server does it itself.
func (s *Server) handOver(ctx context.Context, kind string, data func() ([]byte, error), self func() error) ([]byte, error) {
	for {
		if s.alone() {
			return nil, self()
		}
		raw, err := data()
		if err != nil {
			return nil, err
		}
		body, err := s.member.Forward(ctx, kind, raw)
		if !errors.Is(err, replica.ErrMine) {
			return body, decoded(err)
		}
	}
}

// news tells the other servers, if there are any.
func (s *Server) news(kind string, what any) {
	if s.member == nil {
		return
	}
	raw, err := json.Marshal(what)
	if err == nil {
		err = s.member.Tell(kind, raw)
	}
	if err != nil {
		s.opt.Log.Error("telling the other servers failed: they learn of it at their next start", "kind", kind, "error", err)
	}
}

// Member says what this server is to the others of its store; nil if it shares
// none.
func (s *Server) Member() *replica.Status {
	if s.member == nil {
		return nil
	}
	status := s.member.Status()
	return &status
}
