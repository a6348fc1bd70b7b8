package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/store"
)

// Shared is a [store.Leaser] and [store.Bus] in memory, for tests with a clock
// of their own: what the engines do is tested with the engines.
type Shared struct {
	mu     sync.Mutex
	topics map[string][]store.Message
	grown  chan struct{} // closed when a topic grows
	leases map[string]lease
	terms  map[string]uint64
}

type lease struct {
	holder string
	until  time.Time
	term   uint64
}

// NewShared makes one without messages or leases.
func NewShared() *Shared {
	return &Shared{topics: map[string][]store.Message{}, grown: make(chan struct{}), leases: map[string]lease{}, terms: map[string]uint64{}}
}

// ErrUnreachable is what a cut [Link] answers.
var ErrUnreachable = errors.New("store can't be reached")

// Link is one server's way to what is shared, which can be cut.
type Link struct {
	*Shared
	mu  sync.Mutex
	cut chan struct{} // closed while it is cut
}

// Link makes a way that is not cut.
func (s *Shared) Link() *Link { return &Link{Shared: s, cut: make(chan struct{})} }

// Cut cuts the way, or mends it.
func (l *Link) Cut(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case cut && !l.isCut():
		close(l.cut)
	case !cut && l.isCut():
		l.cut = make(chan struct{})
	}
}

func (l *Link) isCut() bool {
	select {
	case <-l.cut:
		return true
	default:
		return false
	}
}

func (l *Link) state() (cut <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isCut() {
		err = ErrUnreachable
	}
	return l.cut, err
}

// Lease is that of what is shared.
func (l *Link) Lease(ctx context.Context, name, holder string, ttl time.Duration) (store.Lease, error) {
	if _, err := l.state(); err != nil {
		return store.Lease{}, err
	}
	return l.Shared.Lease(ctx, name, holder, ttl)
}

// Release is that of what is shared.
func (l *Link) Release(ctx context.Context, name, holder string) error {
	if _, err := l.state(); err != nil {
		return err
	}
	return l.Shared.Release(ctx, name, holder)
}

// Publish is that of what is shared.
func (l *Link) Publish(ctx context.Context, topic string, m store.Message) (string, error) {
	if _, err := l.state(); err != nil {
		return "", err
	}
	return l.Shared.Publish(ctx, topic, m)
}

// Tail is that of what is shared, until the way is cut.
func (l *Link) Tail(ctx context.Context, topic, after string, yield func(store.Message) bool) error {
	cut, err := l.state()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-cut:
			cancel(ErrUnreachable)
		case <-ctx.Done():
		}
	}()
	if err := l.Shared.Tail(ctx, topic, after, yield); err != nil {
		return fmt.Errorf("%w: %w", err, context.Cause(ctx))
	}
	return nil
}

// Lease takes, renews or tells a lease.
func (s *Shared) Lease(ctx context.Context, name, holder string, ttl time.Duration) (store.Lease, error) {
	if err := ctx.Err(); err != nil {
		return store.Lease{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l, now := s.leases[name], time.Now()
	if !now.Before(l.until) {
		s.terms[name]++
		l = lease{holder: holder, term: s.terms[name]}
	}
	if l.holder == holder {
		l.until = now.Add(ttl)
	}
	s.leases[name] = l
	return store.Lease{Holder: l.holder, Term: l.term}, nil
}

// Release ends a lease of its holder.
func (s *Shared) Release(_ context.Context, name, holder string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases[name].holder == holder {
		delete(s.leases, name)
	}
	return nil
}

// Publish appends a message.
func (s *Shared) Publish(ctx context.Context, topic string, m store.Message) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m.ID = fmt.Sprintf("%012d", len(s.topics[topic])+1)
	s.topics[topic] = append(s.topics[topic], m)
	close(s.grown)
	s.grown = make(chan struct{})
	return m.ID, nil
}

// Tail yields messages as they come.
func (s *Shared) Tail(ctx context.Context, topic, after string, yield func(store.Message) bool) error {
	for next := 0; ; {
		s.mu.Lock()
		messages, grown := s.topics[topic][next:], s.grown
		s.mu.Unlock()
		next += len(messages)
		for _, m := range messages {
			if m.ID > after && !yield(m) {
				return nil
			}
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
