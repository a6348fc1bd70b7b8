package keep

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// lossy is a store that notices when it lost something.
type lossy struct {
	store.Store
	lapses uint64
	last   store.Change
}

func (l *lossy) Lapses() uint64                                { return l.lapses }
func (l *lossy) Extent(context.Context) (store.Extent, error)  { return store.Extent{Records: 1}, nil }
func (l *lossy) Write(_ context.Context, c store.Change) error { l.last = c; return nil }

// TestLapse: what a store lost is written again, once, with records that build on
// nothing that may be gone.
func TestLapse(t *testing.T) {
	l := &lossy{}
	k := New(l, slog.New(slog.NewTextHandler(io.Discard, nil)), unmetered{}, empty(noon), time.Time{})
	told := make(chan struct{}, 2)
	k.OnLapse(func() { told <- struct{}{} })
	k.Keep(moment(t, noon, topology.Node{Name: "web", Kind: topology.Host}), nil)
	flush := func(after time.Duration) store.Change {
		t.Helper()
		l.last = store.Change{}
		if err := k.Flush(t.Context(), noon.Add(after), false); err != nil {
			t.Fatal(err)
		}
		return l.last
	}
	flush(time.Second)
	if c := flush(2 * time.Minute); len(c.Put) != 0 {
		t.Fatalf("written is %v again, before it was lost", c.Put)
	}
	l.lapses++
	flush(4 * time.Minute) // the write that finds out
	<-told
	c := flush(4*time.Minute + time.Second)
	if len(c.Put) != 1 || len(c.Records) != 1 || !c.Records[0].Base.IsZero() {
		t.Errorf("written again are %d nodes and %d records", len(c.Put), len(c.Records))
	}
	if c = flush(4*time.Minute + 2*time.Second); len(c.Put) != 0 {
		t.Errorf("and once more: %v", c.Put)
	}
	if len(told) != 0 {
		t.Error("told twice")
	}
}
