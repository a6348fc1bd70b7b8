package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
)

// Sharing is what servers of one store share.
type Sharing interface {
	store.Leaser
	store.Bus
}

// RunShared puts what several servers share through the suite. link opens one
// more way to one and the same, which is new at first.
func RunShared(t *testing.T, link func(t *testing.T) Sharing) {
	t.Run("a lease has one holder", func(t *testing.T) {
		a, b := link(t), link(t)
		first := asked(t, a, "one", "a", time.Minute)
		if second := asked(t, b, "one", "b", time.Minute); first.Holder != "a" || second != first {
			t.Errorf("a was told %+v, b %+v", first, second)
		}
		if again := asked(t, a, "one", "a", time.Minute); again != first {
			t.Errorf("renewed to %+v", again)
		}
		if other := asked(t, b, "two {x} y", "b", time.Minute); other.Holder != "b" {
			t.Errorf("another lease is %+v", other)
		}
	})
	t.Run("a lease that is given back is free", func(t *testing.T) {
		a, b := link(t), link(t)
		first := asked(t, a, "given", "a", time.Minute)
		if err := b.Release(t.Context(), "given", "b"); err != nil { // not his
			t.Fatal(err)
		}
		if got := asked(t, b, "given", "b", time.Minute); got.Holder != "a" {
			t.Errorf("somebody else gave it back: %+v", got)
		}
		if err := a.Release(t.Context(), "given", "a"); err != nil {
			t.Fatal(err)
		}
		if got := asked(t, b, "given", "b", time.Minute); got.Holder != "b" || got.Term <= first.Term {
			t.Errorf("after %+v it is %+v", first, got)
		}
	})
	t.Run("a lease that is not renewed ends", func(t *testing.T) {
		a, b := link(t), link(t)
		first := asked(t, a, "ends", "a", 50*time.Millisecond)
		var got store.Lease
		for end := time.Now().Add(10 * time.Second); got.Holder != "b" && time.Now().Before(end); {
			got = asked(t, b, "ends", "b", time.Minute)
		}
		if got.Holder != "b" || got.Term <= first.Term {
			t.Errorf("after %+v it is %+v", first, got)
		}
	})
	t.Run("messages come in their order", func(t *testing.T) { testBus(t, link(t), link(t)) })
	t.Run("a reader that is told to stop stops", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := link(t).Tail(ctx, "silence", "", func(store.Message) bool { return true }); !errors.Is(err, context.Canceled) {
			t.Errorf("Tail returns %v", err)
		}
	})
}

func asked(t *testing.T, l store.Leaser, name, holder string, ttl time.Duration) store.Lease {
	t.Helper()
	got, err := l.Lease(t.Context(), name, holder, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func testBus(t *testing.T, a, b store.Bus) {
	const n = 300
	send := func(bus store.Bus, i int) string {
		id, err := bus.Publish(t.Context(), "news", store.Message{From: "a", Term: uint64(i), Kind: "k", Data: fmt.Appendf(nil, "\x00%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	var middle string
	for i := range n {
		if id := send(a, i); i == n/2 {
			middle = id
		}
	}
	read := func(bus store.Bus, after string, from, to int) {
		t.Helper()
		next := from
		err := bus.Tail(t.Context(), "news", after, func(m store.Message) bool {
			if m.Term != uint64(next) || m.From != "a" || m.Kind != "k" || string(m.Data) != fmt.Sprintf("\x00%d", next) || m.ID == "" {
				t.Errorf("message %d is %+v", next, m)
			}
			next++
			return next < to && !t.Failed()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	read(b, "", 0, n)
	read(b, middle, n/2+1, n)
	live := make(chan struct{})
	go func() {
		defer close(live)
		for i := n; i < n+50; i++ {
			send(b, i)
		}
	}()
	read(a, "", 0, n+50)
	<-live
	if _, err := a.Publish(t.Context(), "other", store.Message{Kind: "x"}); err != nil {
		t.Fatal(err)
	}
	read(a, middle, n/2+1, n+50) // another topic is not heard
}
