//go:build linux

package realtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// A client that leaves is remembered: its connection counts nothing, turns old
// after the ageing time and not before, and stays.
func TestClientLeaves(t *testing.T) {
	const ageing = 2 * time.Second
	h := newHost(t, "web1")
	h.Redis(t, 6379, "127.0.0.1")
	h.Reachable(t, "127.0.0.1:6379")
	orders, billing := h.Puppet(t, "orders"), h.Puppet(t, "billing")
	orders.Dial(t, 3, "tcp", "127.0.0.1:6379")
	billing.Dial(t, 1, "tcp", "127.0.0.1:6379")
	d := h.up(t, stage.OpenDir(t))
	d.Set(t, `{"ageing":"2s"}`)
	with := func(edge string) chart.Scene {
		return chart.Scene{
			Nodes:    []string{"web1 host reporting"},
			Services: []string{"web1 redis-server tcp/6379 listening 127.0.0.1 loopback"},
			Edges:    []string{"web1/billing → web1/redis-server:6379/tcp ×1 both", edge},
		}
	}
	open := d.Shows(t, with("web1/orders → web1/redis-server:6379/tcp ×3 both"), "web1").Edge("orders")

	left := time.Now()
	orders.HangUp(t)
	var closed, old *chart.Connection
	stage.Eventually(t, "the connection turns old", func() error {
		c, err := d.Chart(t.Context())
		if err != nil {
			return err
		}
		e := c.Edge("orders")
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
	d.Shows(t, with("web1/orders → web1/redis-server:6379/tcp ×0 both old"), "web1")

	orders.Dial(t, 2, "tcp", "127.0.0.1:6379")
	back := d.Shows(t, with("web1/orders → web1/redis-server:6379/tcp ×2 both"), "web1").Edge("orders")
	if back.ID != open.ID || !back.FirstSeen.Equal(open.FirstSeen) || back.Opened != open.Opened+2 {
		t.Errorf("the client that came back is %s since %s, opened %d; was %s since %s, opened %d",
			back.ID, back.FirstSeen, back.Opened, open.ID, open.FirstSeen, open.Opened)
	}
}

// A server that is killed is gone but not forgotten, and the stream says so;
// started again it is the same service.
func TestServerKilled(t *testing.T) {
	h := newHost(t, "web1")
	redis := h.Redis(t, 6379, "127.0.0.1")
	h.Reachable(t, "127.0.0.1:6379")
	h.Puppet(t, "orders").Dial(t, 2, "tcp", "127.0.0.1:6379")
	d := h.up(t, stage.OpenDir(t))
	with := func(state string, count int) chart.Scene {
		return chart.Scene{
			Nodes:    []string{"web1 host reporting"},
			Services: []string{"web1 redis-server tcp/6379 " + state + " 127.0.0.1 loopback"},
			Edges:    []string{fmt.Sprintf("web1/orders → web1/redis-server:6379/tcp ×%d both", count)},
		}
	}
	before := d.Shows(t, with("listening", 2), "web1").Service("web1", 6379)
	stream := d.Stream(t)
	stage.Next(t, stream, "the first event", func(m stage.Message) bool {
		if m.Event != "snapshot" {
			t.Fatalf("the stream begins with %s, want snapshot", m.Event)
		}
		return true
	})

	killed := time.Now()
	redis.Kill()
	awaitState(t, stream, before.ID, "gone")
	t.Logf("the stream said so %s after the kill, looking every %s", time.Since(killed).Round(time.Millisecond), interval)
	gone := d.Shows(t, with("gone", 0), "web1").Service("web1", 6379)
	if gone.ID != before.ID || !gone.FirstSeen.Equal(before.FirstSeen) || gone.LastSeen.After(killed) {
		t.Errorf("the service that is gone is %s since %s, last seen %s; was %s since %s and killed at %s",
			gone.ID, gone.FirstSeen, gone.LastSeen, before.ID, before.FirstSeen, killed)
	}

	h.Redis(t, 6379, "127.0.0.1")
	awaitState(t, stream, before.ID, "listening")
	again := d.Shows(t, with("listening", 0), "web1").Service("web1", 6379)
	if again.ID != before.ID || !again.FirstSeen.Equal(before.FirstSeen) {
		t.Errorf("the service started again is %s since %s, was %s since %s", again.ID, again.FirstSeen, before.ID, before.FirstSeen)
	}
}

// awaitState waits until the stream says that a service is in a state. Deltas
// must follow each other without a gap.
func awaitState(t *testing.T, stream <-chan stage.Message, id, state string) {
	t.Helper()
	last := ""
	stage.Next(t, stream, "service "+state, func(m stage.Message) bool {
		if m.Event == "beat" {
			return false
		}
		var delta struct {
			From, Revision string
			Services       []chart.Service
		}
		if err := json.Unmarshal(m.Data, &delta); err != nil || m.Event != "delta" {
			t.Fatalf("the stream says %s %s (%v), want a delta", m.Event, m.Data, err)
		}
		if delta.Revision != m.ID || delta.From == delta.Revision || (last != "" && delta.From != last) {
			t.Fatalf("delta from %s to %s has the id %s and follows %s", delta.From, delta.Revision, m.ID, last)
		}
		last = delta.Revision
		return slices.ContainsFunc(delta.Services, func(s chart.Service) bool { return s.ID == id && s.State == state })
	})
}

// SIGTERM ends dotm at once, without an error, and nothing is left of it.
func TestStartAndEnd(t *testing.T) {
	h := newHost(t, "web1")
	data := stage.OpenDir(t)
	began := time.Now()
	d := h.up(t, data)
	t.Logf("the host was on the chart %s after exec", time.Since(began).Round(time.Millisecond))
	d.Says(t, "Open http://"+local, "this machine only")
	stream := d.Stream(t) // a viewer must not hold it back
	if code := d.Terminate(t, 5*time.Second); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, d.Err())
	}
	for range stream { // ends: it is closed with the server
	}
	if text := d.Err(); text != "" {
		t.Errorf("an ordinary life was commented on standard error:\n%s", text)
	}
	d = h.up(t, data)
	if code := d.Terminate(t, 5*time.Second); code != 0 {
		t.Errorf("second time: exit code %d, want 0\n%s", code, d.Err())
	}
}
