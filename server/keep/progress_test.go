package keep

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

type unmetered struct{}

func (unmetered) Wrote(time.Duration, int, error) {}

// noting is a meter that remembers, and a store that fails when told.
type noting struct {
	store.Store
	fails  error
	events int
	writes int
	failed int
}

func (n *noting) Wrote(_ time.Duration, events int, err error) {
	n.writes++
	if err != nil {
		n.failed++
		return
	}
	n.events += events
}

func (n *noting) Write(context.Context, store.Change) error { return n.fails }

func (n *noting) Extent(context.Context) (e store.Extent, err error) { return e, nil }

// TestProgress: what waits is as old as the oldest of it, also while a store fails, and
// nothing waits when all is written or when another server writes.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &noting{fails: errors.New("disk full")}
		k := New(st, slog.New(slog.NewTextHandler(io.Discard, nil)), st, empty(time.Now()), time.Time{})
		look := func(what string, want Progress) {
			t.Helper()
			if got := k.Progress(time.Now()); got != want {
				t.Errorf("%s: %+v, want %+v", what, got, want)
			}
		}
		change := func(id string) { k.Keep(k.snap, []topology.Event{{ID: id, At: time.Now()}}) }
		look("at the start", Progress{})
		change("a")
		<-time.After(3 * time.Second)
		change("b")
		look("before a write", Progress{Waiting: 2, Behind: 3 * time.Second})
		if err := k.Flush(t.Context(), time.Now(), false); err == nil {
			t.Fatal("the write should fail")
		}
		<-time.After(time.Second)
		change("c")
		look("after a failure", Progress{Waiting: 3, Behind: 4 * time.Second})
		st.fails = nil
		if err := k.Flush(t.Context(), time.Now(), false); err != nil {
			t.Fatal(err)
		}
		look("written", Progress{})
		if st.writes != 2 || st.failed != 1 || st.events != 3 {
			t.Errorf("metered: %+v", st)
		}
		change("d")
		k.Standby()
		<-time.After(time.Second)
		change("e")
		look("on standby", Progress{})
	})
}
