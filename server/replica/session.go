package replica

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// Kinds of entries that members tell.
const (
	kindHello  = "hello"  // I am here; marks how far a topic was read
	kindUpdate = "update" // the leader's chart
	kindAnswer = "answer" // to what was handed over
	kindMark   = "mark"   // nothing: what came before it is told
)

// errSuperseded ends the session of a leader that is none any more.
var errSuperseded = errors.New("another server leads")

// session is a stretch of time in which the store is reached.
type session struct {
	*Member
	heard    chan store.Message // of the state topic
	requests chan store.Message // while leading
	lost     chan error         // why a topic is no longer read
	renewed  time.Time          // when the lease was asked for last with success
	shared   *topology.Snapshot // while leading: what the others were told
	parts    []*Update          // of an update that is not whole yet
}

// session joins the others, and follows or leads until the store can't be
// reached for as long as a lease lasts.
func (m *Member) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &session{Member: m, heard: make(chan store.Message, 256), requests: make(chan store.Message, 256), lost: make(chan error, 2)}
	if err := s.join(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case msg := <-s.heard:
			s.hear(msg)
		case msg := <-s.requests:
			s.serve(ctx, msg)
		case <-s.share:
			s.tell()
		case <-tick.C:
			if err := s.renew(ctx); err != nil {
				return err
			}
			s.tell() // what could not be told before
		case err := <-s.lost:
			return err
		case <-ctx.Done():
			s.tell()
			return ctx.Err()
		}
	}
}

// join asks for the lead first. Who gets it and was alone, while nobody else
// led, goes on with what it shows. All others read what the store holds and what
// was told since.
func (s *session) join(ctx context.Context) error {
	lease, err := s.ask(ctx)
	if err != nil {
		return err
	}
	role, known := s.Role(), s.knownTerm()
	if lease.Holder == s.Name && role == Alone && lease.Term <= known+1 {
		s.tail(ctx, topicState, "", s.heard)
		return s.lead(ctx, lease.Term, nil)
	}
	s.become(Joining, lease.Holder, lease.Term, nil)
	s.Server.Follow()
	if err := s.Server.Reload(ctx); err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	if lease.Holder == s.Name {
		return s.lead(ctx, lease.Term, s.Server.Snapshot())
	}
	s.become(Following, lease.Holder, lease.Term, nil)
	return nil
}

// catchUp reads what was told until now: up to the own greeting.
func (s *session) catchUp(ctx context.Context) error {
	mark, err := s.Shared.Publish(ctx, topicState, store.Message{From: s.Name, Term: s.knownTerm(), Kind: kindHello})
	if err != nil {
		return fmt.Errorf("greeting the other servers: %w", err)
	}
	s.tail(ctx, topicState, "", s.heard)
	for {
		select {
		case msg := <-s.heard:
			if msg.ID == mark {
				return nil
			}
			s.hear(msg)
		case err := <-s.lost:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tail reads a topic into a channel until ctx ends.
func (s *session) tail(ctx context.Context, topic, after string, into chan<- store.Message) {
	go func() {
		err := s.Shared.Tail(ctx, topic, after, func(m store.Message) bool {
			select {
			case into <- m:
				return true
			case <-ctx.Done():
				return false
			}
		})
		if ctx.Err() == nil {
			s.lost <- fmt.Errorf("hearing the other servers: %w", err)
		}
	}()
}

// ask takes or renews the lease, or finds out who has it.
func (s *session) ask(ctx context.Context) (store.Lease, error) {
	at := time.Now()
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	lease, err := s.Shared.Lease(ctx, LeaderLease, s.Name, LeaseFor)
	if err != nil {
		return lease, fmt.Errorf("asking who leads: %w", err)
	}
	s.renewed = at
	s.heardAt(at)
	return lease, nil
}

// renew keeps the lease, or takes it where it is free. A store that doesn't
// answer is borne until the lease may have ended.
func (s *session) renew(ctx context.Context) error {
	lease, err := s.ask(ctx)
	leading := s.Role() == Leading
	switch {
	case err != nil && time.Since(s.renewed) > LeaseFor-margin-renewEvery:
		return err
	case err != nil:
		return nil //nolint:nilerr // borne, see above
	case lease.Holder == s.Name && !leading:
		return s.succeed(ctx, lease.Term)
	case lease.Holder != s.Name && leading:
		return fmt.Errorf("%w: this one was not heard in time", errSuperseded)
	case lease.Holder == s.Name && lease.Term != s.knownTerm():
		return fmt.Errorf("%w: the lead was lost and found again", errSuperseded)
	case lease.Holder != s.Name:
		s.become(Following, lease.Holder, lease.Term, nil)
	}
	return nil
}

// succeed leads after another one, from what that told last.
func (s *session) succeed(ctx context.Context, term uint64) error {
	mark, err := s.Shared.Publish(ctx, topicState, store.Message{From: s.Name, Term: term, Kind: kindHello})
	if err != nil {
		return fmt.Errorf("greeting the other servers: %w", err)
	}
	for {
		select {
		case msg := <-s.heard:
			if msg.ID == mark {
				return s.lead(ctx, term, s.Server.Snapshot())
			}
			s.hear(msg)
		case err := <-s.lost:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lead begins to lead. shared is what the others show; nil if that is not known.
func (s *session) lead(ctx context.Context, term uint64, shared *topology.Snapshot) error {
	mark, err := s.Shared.Publish(ctx, topicRequests, store.Message{From: s.Name, Term: term, Kind: kindHello})
	if err != nil {
		return fmt.Errorf("taking the lead: %w", err)
	}
	if err := s.Server.Lead(ctx, term); err != nil {
		return fmt.Errorf("taking the lead: %w", err)
	}
	s.parts, s.shared = nil, shared
	s.become(Leading, s.Name, term, nil)
	s.tail(ctx, topicRequests, mark, s.requests)
	s.tell()
	return nil
}

// tell shares what changed since the last time.
func (s *session) tell() {
	if s.Role() != Leading {
		return
	}
	applied, missed := s.take() // before the snapshot: that holds what they wait for
	if missed {
		s.shared = nil
	}
	now := s.Server.Snapshot()
	list := s.entries(now)
	if len(applied) > 0 {
		if len(list) == 0 {
			list = append(list, entry{kind: kindMark})
		}
		last := &list[len(list)-1]
		last.sent = func() { call(applied, true) }
		last.unsent = func() { s.wait(applied) }
	}
	for i := range list {
		if err := s.said.put(list[i]); err != nil {
			s.shared = nil // tells all the next time
			s.wait(applied)
			s.Log.Warn("telling the other servers failed", "error", err)
			return
		}
	}
	s.shared = now
}

// entries are the parts of what the others don't know yet of a snapshot.
func (s *session) entries(now *topology.Snapshot) (list []entry) {
	if now == s.shared {
		return nil
	}
	for _, part := range updateOf(s.shared, now).parts() {
		list = append(list, entry{kind: kindUpdate, data: part.encode()})
	}
	return list
}

// hear takes in what a member said. What one says that led before counts no
// more.
func (s *session) hear(msg store.Message) {
	if msg.From == s.Name || msg.Kind == kindHello {
		return
	}
	entries, err := s.unpack(msg.Data)
	if err != nil {
		s.Log.Error("a server says what can't be read: it may be of another version", "server", msg.From, "error", err)
		return
	}
	for i := range entries {
		s.entry(msg, &entries[i])
	}
}

func (s *session) entry(msg store.Message, e *entry) {
	switch {
	case e.to != "" && e.to != s.Name, e.kind == kindMark:
	case e.kind == kindAnswer:
		s.answered(e)
	case e.kind == kindUpdate:
		s.update(msg, e)
	default:
		s.Server.Heard(e.kind, e.data)
	}
}

// update mirrors what the leader shows, once all of its parts are there.
func (s *session) update(msg store.Message, e *entry) {
	if s.Role() == Leading || msg.Term < s.knownTerm() && s.Role() != Joining {
		return
	}
	u, err := decodeUpdate(e.data)
	if err != nil {
		s.Log.Error("the leader says what can't be read: it may be of another version", "server", msg.From, "error", err)
		return
	}
	if u.Whole {
		s.parts = nil
	}
	s.parts = append(s.parts, u)
	if !u.More {
		s.Server.Mirror(joined(s.parts))
		s.parts = nil
	}
}

// serve does what was handed over, each in its own time, and answers.
func (s *session) serve(ctx context.Context, msg store.Message) {
	if msg.Kind == kindHello || s.Role() != Leading {
		return
	}
	entries, err := s.unpack(msg.Data)
	if err != nil {
		s.Log.Error("a server asks what can't be read: it may be of another version", "server", msg.From, "error", err)
		return
	}
	for _, e := range entries {
		go s.do(ctx, msg.From, e)
	}
}

func (s *session) do(ctx context.Context, from string, e entry) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	body, err := s.Server.Do(ctx, e.kind, e.data)
	if err := s.said.put(entry{kind: kindAnswer, to: from, ref: e.ref, data: encodeAnswer(answer{body, err})}); err != nil {
		s.Log.Warn("answering a server failed", "server", from, "error", err)
	}
}
