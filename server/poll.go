package server

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/server/replica"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// Limits of polling.
const (
	// maxTargets is how many nodes are asked.
	maxTargets = 10_000
	// maxPolls is how many are asked at one time.
	maxPolls = 64
	// firstPolls is the time over which the first polls after a start are
	// spread.
	firstPolls = 10 * time.Second
	// pollLease is how long after it should have been asked again a target is
	// another server's.
	pollLease = 15 * time.Second
)

// poller asks the nodes that don't report by themselves, each by a goroutine of
// its own: one that hangs or fails touches no other.
type poller struct {
	*Server
	slots chan struct{}

	mu      sync.Mutex
	targets map[string]*target
	ctx     context.Context // of Run; nil before
	running sync.WaitGroup
}

// target is one node that is asked.
type target struct {
	collect.State
	sequence uint64
	isNew    bool               // nobody asked it before
	stop     context.CancelFunc // nil before Run
	wake     chan struct{}      // the interval changed
}

// loadTargets reads those that people added, and puts those of the
// configuration over them.
func (s *Server) loadTargets() error {
	p := &poller{Server: s, slots: make(chan struct{}, maxPolls), targets: map[string]*target{}}
	for _, d := range s.Documents(collect.TargetKind) {
		var t collect.Target
		if err := json.Unmarshal(d.Value, &t); err != nil {
			return fmt.Errorf("reading target %q: %w", d.Key, err)
		}
		p.targets[t.URL] = newTarget(t, false)
	}
	for i, t := range s.opt.Targets {
		if err := s.checkTarget(&t); err != nil {
			return fmt.Errorf("nodes[%d]: %w", i, err)
		}
		p.targets[t.URL] = newTarget(t, true)
	}
	s.poller = p
	return nil
}

func newTarget(t collect.Target, fixed bool) *target {
	return &target{State: collect.State{Target: t, Fixed: fixed}, wake: make(chan struct{}, 1)}
}

// run asks until ctx ends, and returns when nobody is being asked any more.
func (p *poller) run(ctx context.Context) {
	p.mu.Lock()
	p.ctx = ctx
	for _, t := range p.targets {
		p.start(t)
	}
	p.mu.Unlock()
	<-ctx.Done()
	p.running.Wait()
}

// start begins to ask a target; the caller holds the lock.
func (p *poller) start(t *target) {
	first := rand.N(firstPolls) //nolint:gosec // spreads load, keeps no secret
	if t.isNew {
		first = 0
	}
	ctx, stop := context.WithCancel(p.ctx)
	t.stop = stop
	p.running.Go(func() { p.loop(ctx, t, first) })
}

// loop asks one target again and again, never in step with others.
func (p *poller) loop(ctx context.Context, t *target, first time.Duration) {
	asked := time.Now()
	due := time.NewTimer(first)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
			due.Reset(time.Until(asked.Add(p.pause())))
			continue
		case <-due.C:
		}
		asked = time.Now()
		select {
		case p.slots <- struct{}{}:
			if p.mine(ctx, t) {
				p.ask(ctx, t)
			}
			<-p.slots
		case <-ctx.Done():
			return
		}
		due.Reset(time.Until(asked.Add(p.pause())))
	}
}

// pause is the interval, give or take a tenth.
func (p *poller) pause() time.Duration {
	d := p.interval()
	return d - d/10 + rand.N(d/5) //nolint:gosec // spreads load, keeps no secret
}

func (p *poller) interval() time.Duration { return time.Duration(p.settings.Load().PollInterval) }

// ask polls a target once and notes how that went.
func (p *poller) ask(ctx context.Context, t *target) {
	at := time.Now()
	r, err := p.opt.Pollers[t.Scheme()].Poll(ctx, t.URL)
	if err == nil {
		err = p.take(ctx, t, r)
	}
	if ctx.Err() != nil {
		return // stopped or removed: not the node's fault
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before := t.Problem
	t.Tried, t.Problem, t.Kind = at, "", ""
	if err != nil {
		t.Problem, t.Kind = err.Error(), collect.Kind(err)
	} else {
		t.Succeeded, t.Node = at, r.Node.Name
	}
	p.tell(t, before)
	p.news(newsTarget, t.State)
}

// mine says whether this server is the one to ask a target: the first one that
// wants to, until it ends.
func (p *poller) mine(ctx context.Context, t *target) bool {
	if p.member == nil || p.member.Role() == replica.Alone {
		return true
	}
	lease, err := p.opt.Shared.Lease(ctx, "target "+t.URL, p.opt.Name, p.interval()+pollLease)
	return err == nil && lease.Holder == p.opt.Name
}

// heard takes in how asking a target went for another server.
func (p *poller) heard(s collect.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.targets[s.URL]; t != nil && s.Tried.After(t.Tried) {
		t.Tried, t.Succeeded, t.Problem, t.Kind, t.Node = s.Tried, s.Succeeded, s.Problem, s.Kind, s.Node
	}
}

// sync asks those that other servers added, and no longer those that they
// removed.
func (p *poller) sync() {
	kept := map[string]collect.Target{}
	for _, d := range p.Documents(collect.TargetKind) {
		var t collect.Target
		if err := json.Unmarshal(d.Value, &t); err != nil {
			p.opt.Log.Error("reading a target that another server added failed", "target", d.Key, "error", err)
			continue
		}
		kept[t.URL] = t
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for url, t := range p.targets {
		if _, ok := kept[url]; !ok && !t.Fixed {
			delete(p.targets, url)
			if t.stop != nil {
				t.stop()
			}
		}
	}
	for url, t := range kept {
		if p.targets[url] != nil {
			continue
		}
		p.targets[url] = newTarget(t, false)
		if p.ctx != nil && p.ctx.Err() == nil {
			p.start(p.targets[url])
		}
	}
}

// tell logs a problem once, and its end.
func (p *poller) tell(t *target, before string) {
	switch t.Problem {
	case before:
	case "":
		p.opt.Log.Info("node answers again", "target", t.URL, "node", t.Node)
	default:
		p.opt.Log.Warn("asking node failed", "target", t.URL, "error", t.Problem)
	}
}

// take completes a report that was asked for, and takes it in. What an agent of
// the node says itself is better: then nothing is taken.
func (p *poller) take(ctx context.Context, t *target, r *report.Report) error {
	if t.Name != "" {
		r.Node.Name = t.Name
	}
	if b := p.Snapshot().Block(r.Node.Name); b != nil && b.Node.Collect == "agent" && b.Node.State == topology.Reporting && b.Node.Zone == t.Zone {
		return fmt.Errorf("asking %s: %w: remove it here, or stop its agent", r.Node.Name, collect.ErrRedundant)
	}
	t.sequence++
	r.Zone, r.Sequence, r.IntervalMS = t.Zone, t.sequence, p.interval().Milliseconds()
	return p.Put(ctx, r)
}

// Targets lists the nodes that are asked, by address.
func (s *Server) Targets() []collect.State {
	p := s.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]collect.State, 0, len(p.targets))
	for _, t := range p.targets {
		out = append(out, t.State)
	}
	slices.SortFunc(out, func(a, b collect.State) int { return strings.Compare(a.URL, b.URL) })
	return out
}

// AddTarget asks a node from now on, at once for the first time. Errors are
// [*collect.TargetError], [collect.ErrTargetExists] or the store's.
func (s *Server) AddTarget(ctx context.Context, t collect.Target) (collect.Target, error) {
	if err := s.checkTarget(&t); err != nil {
		return t, err
	}
	p := s.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.targets[t.URL] != nil:
		return t, fmt.Errorf("adding %s: %w", t.URL, collect.ErrTargetExists)
	case len(p.targets) >= maxTargets:
		return t, &collect.TargetError{Field: "url", Rule: fmt.Sprintf("must be one of at most %d nodes to ask", maxTargets), Value: t.URL}
	}
	t.Added = time.Now().UTC().Truncate(time.Second)
	value, err := json.Marshal(t)
	if err != nil {
		return t, fmt.Errorf("adding %s: %w", t.URL, err)
	}
	if err := s.ChangeDocuments(ctx, []store.Document{{Kind: collect.TargetKind, Key: t.URL, Value: value}}, nil); err != nil {
		return t, err
	}
	added := newTarget(t, false)
	added.isNew = true
	p.targets[t.URL] = added
	if p.ctx != nil && p.ctx.Err() == nil {
		p.start(added)
	}
	s.opt.Log.Info("node added", "target", t.URL, "zone", t.Zone)
	return t, nil
}

// checkTarget gives a target its one form.
func (s *Server) checkTarget(t *collect.Target) (err error) {
	if t.URL, err = collect.ParseTarget(t.URL); err != nil {
		return err
	}
	if s.opt.Pollers[t.Scheme()] == nil {
		return &collect.TargetError{Field: "url", Rule: "must be of a kind that this server asks", Value: t.URL}
	}
	for _, f := range []struct{ field, value string }{{"zone", t.Zone}, {"name", t.Name}} {
		if f.value == "" {
			continue
		}
		if err := report.HostName(f.value); err != nil {
			return &collect.TargetError{Field: f.field, Rule: err.Error(), Value: f.value}
		}
	}
	return nil
}

// RemoveTarget asks a node no longer. It is false if nobody asked it. Errors
// are [*LockedError] for a target of the configuration, or the store's.
func (s *Server) RemoveTarget(ctx context.Context, url string) (bool, error) {
	p := s.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.targets[url]
	switch {
	case t == nil:
		return false, nil
	case t.Fixed:
		return true, &LockedError{"node " + url}
	}
	if err := s.ChangeDocuments(ctx, nil, []store.DocumentKey{{Kind: collect.TargetKind, Key: url}}); err != nil {
		return true, err
	}
	delete(p.targets, url)
	if t.stop != nil {
		t.stop()
	}
	s.opt.Log.Info("node removed", "target", url)
	return true, nil
}

// wakeAll lets every target know that the interval changed.
func (p *poller) wakeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.targets {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}
