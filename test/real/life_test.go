package realtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// A client that leaves is remembered: its connection counts nothing, turns old
// after the ageing time and not before, and stays.
func TestClientLeaves(t *testing.T) {
	const ageing = 2 * time.Second
	h := newHost(t, "web1")
	h.redis(t, 6379, "127.0.0.1")
	h.reachable(t, "127.0.0.1:6379")
	orders, billing := h.puppet(t, "orders"), h.puppet(t, "billing")
	orders.dial(t, 3, "tcp", "127.0.0.1:6379")
	billing.dial(t, 1, "tcp", "127.0.0.1:6379")
	d := h.up(t, openDir(t))
	d.set(t, `{"ageing":"2s"}`)
	with := func(edge string) scene {
		return scene{
			nodes:    []string{"web1 host reporting"},
			services: []string{"web1 redis-server tcp/6379 listening 127.0.0.1 loopback"},
			edges:    []string{"web1/billing → web1/redis-server:6379/tcp ×1 both", edge},
		}
	}
	open := d.shows(t, with("web1/orders → web1/redis-server:6379/tcp ×3 both"), "web1").edge("orders")

	left := time.Now()
	orders.hangUp(t)
	var closed, old *connection
	eventually(t, "the connection turns old", func() error {
		c, err := d.chart(t.Context())
		if err != nil {
			return err
		}
		e := c.edge("orders")
		switch {
		case e == nil:
			t.Fatal("the connection is off the chart")
		case e.Count > 0:
			return errors.New("it is open")
		case e.Status == "old":
			old = e
			if age := c.At.Sub(e.LastSeen); age <= ageing {
				t.Fatalf("the connection is old %s after it was last seen, the ageing time is %s", age, ageing)
			}
			return nil
		}
		closed = e
		return errors.New("it is " + e.Status)
	})
	if closed == nil {
		t.Fatal("the connection was never seen closed and fresh")
	}
	if !closed.LastSeen.Equal(old.LastSeen) || old.LastSeen.After(left.Add(time.Second)) {
		t.Errorf("last seen %s when closed and %s when old; the client left at %s", closed.LastSeen, old.LastSeen, left)
	}
	if old.ID != open.ID || !old.FirstSeen.Equal(open.FirstSeen) {
		t.Errorf("the old connection is %s since %s, was %s since %s", old.ID, old.FirstSeen, open.ID, open.FirstSeen)
	}
	d.shows(t, with("web1/orders → web1/redis-server:6379/tcp ×0 both old"), "web1")

	orders.dial(t, 2, "tcp", "127.0.0.1:6379")
	back := d.shows(t, with("web1/orders → web1/redis-server:6379/tcp ×2 both"), "web1").edge("orders")
	if back.ID != open.ID || !back.FirstSeen.Equal(open.FirstSeen) || back.Opened != open.Opened+2 {
		t.Errorf("the client that came back is %s since %s, opened %d; was %s since %s, opened %d",
			back.ID, back.FirstSeen, back.Opened, open.ID, open.FirstSeen, open.Opened)
	}
}

// A server that is killed is gone but not forgotten, and the stream says so;
// started again it is the same service.
func TestServerKilled(t *testing.T) {
	h := newHost(t, "web1")
	redis := h.redis(t, 6379, "127.0.0.1")
	h.reachable(t, "127.0.0.1:6379")
	h.puppet(t, "orders").dial(t, 2, "tcp", "127.0.0.1:6379")
	d := h.up(t, openDir(t))
	with := func(state string, count int) scene {
		return scene{
			nodes:    []string{"web1 host reporting"},
			services: []string{"web1 redis-server tcp/6379 " + state + " 127.0.0.1 loopback"},
			edges:    []string{fmt.Sprintf("web1/orders → web1/redis-server:6379/tcp ×%d both", count)},
		}
	}
	before := d.shows(t, with("listening", 2), "web1").service("web1", 6379)
	stream := d.stream(t)
	next(t, stream, "the first event", func(m message) bool {
		if m.event != "snapshot" {
			t.Fatalf("the stream begins with %s, want snapshot", m.event)
		}
		return true
	})

	killed := time.Now()
	redis.kill()
	awaitState(t, stream, before.ID, "gone")
	t.Logf("the stream said so %s after the kill, looking every %s", time.Since(killed).Round(time.Millisecond), interval)
	gone := d.shows(t, with("gone", 0), "web1").service("web1", 6379)
	if gone.ID != before.ID || !gone.FirstSeen.Equal(before.FirstSeen) || gone.LastSeen.After(killed) {
		t.Errorf("the service that is gone is %s since %s, last seen %s; was %s since %s and killed at %s",
			gone.ID, gone.FirstSeen, gone.LastSeen, before.ID, before.FirstSeen, killed)
	}

	h.redis(t, 6379, "127.0.0.1")
	awaitState(t, stream, before.ID, "listening")
	again := d.shows(t, with("listening", 0), "web1").service("web1", 6379)
	if again.ID != before.ID || !again.FirstSeen.Equal(before.FirstSeen) {
		t.Errorf("the service started again is %s since %s, was %s since %s", again.ID, again.FirstSeen, before.ID, before.FirstSeen)
	}
}

// awaitState waits until the stream says that a service is in a state. Deltas
// must follow each other without a gap.
func awaitState(t *testing.T, stream <-chan message, id, state string) {
	t.Helper()
	last := ""
	next(t, stream, "service "+state, func(m message) bool {
		if m.event == "beat" {
			return false
		}
		var delta struct {
			From, Revision string
			Services       []service
		}
		if err := json.Unmarshal(m.data, &delta); err != nil || m.event != "delta" {
			t.Fatalf("the stream says %s %s (%v), want a delta", m.event, m.data, err)
		}
		if delta.Revision != m.id || delta.From == delta.Revision || (last != "" && delta.From != last) {
			t.Fatalf("delta from %s to %s has the id %s and follows %s", delta.From, delta.Revision, m.id, last)
		}
		last = delta.Revision
		return slices.ContainsFunc(delta.Services, func(s service) bool { return s.ID == id && s.State == state })
	})
}

// SIGTERM ends dotm at once, without an error, and nothing is left of it.
func TestStartAndEnd(t *testing.T) {
	h := newHost(t, "web1")
	data := openDir(t)
	began := time.Now()
	d := h.up(t, data)
	t.Logf("the host was on the chart %s after exec", time.Since(began).Round(time.Millisecond))
	d.says(t, "Open http://"+local, "this machine only")
	stream := d.stream(t) // a viewer must not hold it back
	if code := d.terminate(t, 5*time.Second); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, d.err.String())
	}
	for range stream { // ends: it is closed with the server
	}
	if text := d.err.String(); text != "" {
		t.Errorf("an ordinary life was commented on standard error:\n%s", text)
	}
	d = h.up(t, data)
	if code := d.terminate(t, 5*time.Second); code != 0 {
		t.Errorf("second time: exit code %d, want 0\n%s", code, d.err.String())
	}
}
