// Package past answers for moments gone by, from what the store keeps.
package past

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// keepMoments is how many topologies of the past are kept for who asks again.
const keepMoments = 4

// Reader reads the history. It is safe for concurrent use.
type Reader struct {
	history store.History

	mu      sync.Mutex
	moments []*topology.Snapshot // the newest last
}

// New makes a reader.
func New(h store.History) *Reader { return &Reader{history: h} }

// At is the topology of a past moment, to the millisecond.
func (r *Reader) At(ctx context.Context, at time.Time) (*topology.Snapshot, error) {
	at = at.Truncate(time.Millisecond)
	if s := r.kept(at); s != nil {
		return s, nil
	}
	blocks, err := r.blocks(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("reading the history of %s: %w", at.UTC().Format(time.RFC3339), err)
	}
	s, err := history.Snapshot(at, blocks)
	if err != nil {
		return nil, err
	}
	r.keep(s)
	return s, nil
}

func (r *Reader) kept(at time.Time) *topology.Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.moments {
		if s.At().Equal(at) {
			return s
		}
	}
	return nil
}

func (r *Reader) keep(s *topology.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.moments) == keepMoments {
		r.moments = slices.Delete(r.moments, 0, 1)
	}
	r.moments = append(r.moments, s)
}

// Drop forgets what is kept of the past, because the past was replaced.
func (r *Reader) Drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moments = nil
}

// blocks decodes the records of a moment on all processors.
func (r *Reader) blocks(ctx context.Context, at time.Time) ([]*topology.Block, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	chains := make(chan []history.Record, 64)
	var mu sync.Mutex
	var blocks []*topology.Block
	found := 0
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var d history.Decoder
			var mine []*topology.Block
			n := 0
			for chain := range chains {
				n++
				b, err := d.Decode(chain)
				if err != nil {
					cancel(err)
					break
				}
				if b != nil {
					mine = append(mine, b)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			blocks = append(blocks, mine...)
			found += n
		})
	}
	err := r.history.RecordsAt(ctx, at, func(chain []store.Record) bool {
		select {
		case chains <- chain:
			return true
		case <-ctx.Done():
			return false
		}
	})
	close(chains)
	wg.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case found == 0:
		return nil, history.ErrBefore
	}
	return blocks, nil
}

// Compare tells what changed between two topologies, of which the first may be
// of any moment. What returned is told from what is new by the ledger, too.
func (r *Reader) Compare(ctx context.Context, a, b *topology.Snapshot) (*history.Comparison, error) {
	events := topology.Diff(a, b)
	first, err := r.sights(ctx, appeared(a, b, events))
	if err != nil {
		return nil, err
	}
	return history.Compare(a, b, events, func(sub topology.Subject, id string) time.Time { return first[sight{sub, id}] }), nil
}

// appeared are the services that appeared, or that an edge appeared to, and seem
// to be new.
func appeared(a, b *topology.Snapshot, events []topology.Event) map[string]bool {
	services := map[string]bool{}
	for i := range events {
		e := &events[i]
		switch {
		case e.Kind != topology.Appeared:
		case e.Subject == topology.SubjectService:
			if s := b.Service(e.ID); s != nil && !s.FirstSeen.Before(a.At()) {
				services[e.ID] = true
			}
		case e.Subject == topology.SubjectConnection:
			if c := b.Connection(e.Holder, e.ID); c != nil && !c.FirstSeen.Before(a.At()) {
				services[history.ServiceOf(c)] = true
			}
		}
	}
	return services
}

// asking is how many services the ledger is asked for at a time: where it is
// elsewhere, each answer is a way there and back.
const asking = 16

// sights asks the ledger for the uses of services.
func (r *Reader) sights(ctx context.Context, services map[string]bool) (sights, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	names := make(chan string, asking)
	first := sights{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range asking {
		wg.Go(func() {
			for service := range names {
				err := r.history.Uses(ctx, service, func(u store.Use) bool {
					mu.Lock()
					defer mu.Unlock()
					first.note(&u)
					return true
				})
				if err != nil {
					cancel(fmt.Errorf("reading who used %s: %w", service, err))
				}
			}
		})
	}
	for service := range services {
		if ctx.Err() != nil {
			break
		}
		names <- service
	}
	close(names)
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return first, nil
}

// sights are when things were first seen, by the ledger.
type sights map[sight]time.Time

type sight struct {
	sub topology.Subject
	id  string
}

// note takes in that an edge was used: so it was there, and both of its ends.
func (s sights) note(u *store.Use) {
	node, _, _ := strings.Cut(u.Service, "~")
	for _, at := range []sight{
		{topology.SubjectConnection, u.Connection},
		{topology.SubjectService, u.Service},
		{topology.SubjectNode, strings.ReplaceAll(node, "!", "/")},
		{topology.SubjectNode, u.Client.Node},
	} {
		if first, ok := s[at]; !ok || u.First.Before(first) {
			s[at] = u.First
		}
	}
}

// Used says who used a service since a time. node is the service's.
func (r *Reader) Used(ctx context.Context, service, node string, since, now time.Time) (*history.Usage, error) {
	out := &history.Usage{Since: since, Until: now, Uses: []store.Use{}, Gaps: []store.Gap{}}
	err := r.history.Uses(ctx, service, func(u store.Use) bool {
		if !u.Last.Before(since) {
			out.Uses = append(out.Uses, u)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("reading who used %s: %w", service, err)
	}
	slices.SortFunc(out.Uses, func(a, b store.Use) int { return b.Last.Compare(a.Last) })
	extent, err := r.history.Extent(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading how much history there is: %w", err)
	}
	if out.Gaps, err = r.Gaps(ctx, since, now, node); err != nil {
		return nil, err
	}
	if extent.From.IsZero() || extent.From.After(since) {
		until := now
		if !extent.From.IsZero() {
			until = extent.From
		}
		out.Gaps = append([]store.Gap{{From: since, To: until, Why: "dotm was not there yet"}}, out.Gaps...)
	}
	out.Cover()
	return out, nil
}

// Gaps are those of a range in which nothing was seen, of a node or of all; an
// empty name asks for those of every node.
func (r *Reader) Gaps(ctx context.Context, from, to time.Time, node string) ([]store.Gap, error) {
	out := []store.Gap{}
	err := r.history.Gaps(ctx, from, to, func(g store.Gap) bool {
		if node == "" || g.Node == "" || g.Node == node {
			out = append(out, g)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("reading the gaps: %w", err)
	}
	return out, nil
}

// Events are those of a range that want lets through, the newest first, at most
// limit. more says that there are older ones in the range.
func (r *Reader) Events(ctx context.Context, from, to time.Time, want func(*topology.Event) bool, limit int) (events []topology.Event, more bool, err error) {
	ring := make([]topology.Event, 0, limit)
	dropped := 0
	err = r.history.Events(ctx, from, to, func(e topology.Event) bool {
		if !want(&e) {
			return true
		}
		if len(ring) < limit {
			ring = append(ring, e)
		} else {
			ring[dropped%limit] = e
			dropped++
		}
		return true
	})
	if err != nil {
		return nil, false, fmt.Errorf("reading events: %w", err)
	}
	events = append(slices.Clone(ring[dropped%max(1, limit):]), ring[:dropped%max(1, limit)]...)
	slices.Reverse(events)
	return events, dropped > 0, nil
}

// Extent says how much history there is.
func (r *Reader) Extent(ctx context.Context) (store.Extent, error) {
	e, err := r.history.Extent(ctx)
	if err != nil {
		return e, fmt.Errorf("reading how much history there is: %w", err)
	}
	return e, nil
}
