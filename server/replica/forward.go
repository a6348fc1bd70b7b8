package replica

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// answerWithin is how long the leader may take for what is handed over to it.
const answerWithin = 10 * time.Second

// ErrMine is returned by [Member.Forward] to a member that does it itself: it
// leads, or is alone.
var ErrMine = errors.New("this server does it itself")

// RemoteError is what the leader answered.
type RemoteError struct {
	// Code is what the leader's side called it; see [Coded].
	Code string
	Text string
}

// Error is the leader's text.
func (e *RemoteError) Error() string { return e.Text }

// Coded is an error with a name by which the other side knows it again.
type Coded interface {
	error
	Code() string
}

// answer is how something went that was handed over.
type answer struct {
	body []byte
	err  error
}

// encodeAnswer writes code and text of an error and then the body, each with
// its length before it; no error has no text.
func encodeAnswer(a answer) []byte {
	code, text := "", ""
	if a.err != nil {
		text = a.err.Error()
		var coded Coded
		if errors.As(a.err, &coded) {
			code = coded.Code()
		}
	}
	return appendField(appendField(appendField(nil, code), text), a.body)
}

func decodeAnswer(raw []byte) (a answer) {
	code, raw, err := cutField(raw)
	text, raw, err2 := cutField(raw)
	body, _, err3 := cutField(raw)
	switch {
	case errors.Join(err, err2, err3) != nil:
		a.err = errCut
	case len(text) > 0:
		a.err = &RemoteError{string(code), string(text)}
	default:
		a.body = body
	}
	return a
}

// Forward has the leader do something, and returns what it answers; errors of
// its side are a [*RemoteError]. While nobody leads it waits. Something may be
// handed over twice, where a leader ended before it answered.
func (m *Member) Forward(ctx context.Context, kind string, data []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	for {
		role, turned := m.position()
		switch role {
		case Leading, Alone:
			return nil, ErrMine
		case Following:
			body, err, again := m.once(ctx, kind, data, turned)
			if !again {
				return body, err
			}
			continue
		case Joining:
		}
		select {
		case <-turned:
		case <-ctx.Done():
			return nil, fmt.Errorf("handing over to the server that leads: %w", ctx.Err())
		}
	}
}

func (m *Member) position() (Role, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.role, m.turn
}

// once asks the leader of the moment; again says that it changed meanwhile.
func (m *Member) once(ctx context.Context, kind string, data []byte, turned <-chan struct{}) (body []byte, err error, again bool) {
	ref, answered := m.expect()
	defer m.forget(ref)
	if err := m.asked.put(entry{kind: kind, ref: ref, data: data}); err != nil {
		return nil, err, false
	}
	select {
	case a := <-answered:
		return a.body, a.err, false
	case <-turned:
		return nil, nil, true
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the server that leads: %w", ctx.Err()), false
	}
}

func (m *Member) expect() (uint64, <-chan answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refs++
	ch := make(chan answer, 1)
	m.pending[m.refs] = ch
	return m.refs, ch
}

func (m *Member) forget(ref uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pending, ref)
}

// answered hands an answer to who waits for it.
func (m *Member) answered(e *entry) { m.settle(e.ref, decodeAnswer(e.data)) }

func (m *Member) settle(ref uint64, a answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ch := m.pending[ref]; ch != nil {
		ch <- a
		delete(m.pending, ref)
	}
}

// unasked fails what could not be handed over.
func (m *Member) unasked(entries []entry, err error) {
	for i := range entries {
		m.settle(entries[i].ref, answer{err: fmt.Errorf("handing over to the server that leads: %w", err)})
	}
}

// unsaid has the leader tell all anew, at the latest when it renews its lease.
func (m *Member) unsaid(entries []entry, err error) {
	m.Log.Warn("telling the other servers failed", "error", err)
	m.mu.Lock()
	m.retell = true
	m.mu.Unlock()
	for i := range entries {
		if entries[i].unsent != nil {
			entries[i].unsent()
		}
	}
}

// Tell lets all other members know of something; see [Server.Heard].
func (m *Member) Tell(kind string, data []byte) error {
	return m.said.put(entry{kind: kind, data: data})
}

// Share says that there is a newer snapshot to tell of. It never blocks. Each of
// applied waits for the others to know that snapshot: it is called with true then,
// at once where nobody is told, and with false if another server leads before. It
// must not block.
func (m *Member) Share(applied ...func(told bool)) {
	m.mu.Lock()
	leads := m.role == Leading
	if leads {
		m.applied = append(m.applied, applied...)
	}
	m.mu.Unlock()
	if !leads {
		call(applied, true)
	}
	select {
	case m.share <- struct{}{}:
	default:
	}
}

func call(applied []func(told bool), told bool) {
	for _, f := range applied {
		f(told)
	}
}

// take hands over who waits to be told of; missed says once that a part of what
// was told did not reach the others.
func (m *Member) take() (applied []func(bool), missed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	applied, missed = m.applied, m.retell
	m.applied, m.retell = nil, false
	return applied, missed
}

// wait puts back who is still to be told of.
func (m *Member) wait(applied []func(bool)) {
	m.mu.Lock()
	m.applied = append(applied, m.applied...)
	role := m.role
	m.mu.Unlock()
	if role != Leading {
		m.release(role)
	}
}

// release answers who waits when this one leads no more: alone it tells nobody;
// else another one must be asked.
func (m *Member) release(role Role) {
	applied, _ := m.take()
	call(applied, role == Alone)
}
