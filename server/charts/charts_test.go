package charts

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/view"
)

// shelf is where a test keeps charts.
type shelf struct {
	mu      sync.Mutex
	decided chan struct{}
	leads   bool
	docs    map[store.DocumentKey][]byte
	writes  int
	broken  error
	touches int
}

func newShelf() *shelf {
	return &shelf{decided: make(chan struct{}), leads: true, docs: map[store.DocumentKey][]byte{}}
}

func (s *shelf) Decided() <-chan struct{} { s.mu.Lock(); defer s.mu.Unlock(); return s.decided }
func (s *shelf) Leads() bool              { s.mu.Lock(); defer s.mu.Unlock(); return s.leads }
func (s *shelf) Touch()                   { s.mu.Lock(); defer s.mu.Unlock(); s.touches++ }

func (s *shelf) Documents(kind string) (out []store.Document) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, value := range s.docs {
		if key.Kind == kind {
			out = append(out, store.Document{Kind: kind, Key: key.Key, Value: value})
		}
	}
	return out
}

func (s *shelf) ChangeDocuments(_ context.Context, keep []store.Document, drop []store.DocumentKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.writes++
	for _, d := range keep {
		s.docs[store.DocumentKey{Kind: d.Kind, Key: d.Key}] = d.Value
	}
	for _, k := range drop {
		delete(s.docs, k)
	}
	return nil
}

// tell says that another server changed documents.
func (s *shelf) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.decided)
	s.decided = make(chan struct{})
}

func open(t *testing.T, s *shelf, log *strings.Builder) (b *Book, stop func()) {
	b = New(s, slog.New(slog.NewTextHandler(log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); b.Run(ctx) }()
	return b, func() { cancel(); <-ended }
}

func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

var chart = view.Chart{
	Places: []view.Place{{ID: "db", Rect: view.Rect{X: 200, Y: 8, W: 120, H: 47}}, {ID: "web", Rect: view.Rect{X: 8, Y: 8, W: 120, H: 47}}},
	Lanes:  []view.Place{{ID: "group~a", Rect: view.Rect{W: 400, H: 100}}}, Width: 400, Height: 100,
	Ghosts: []view.Ghost{{Name: "gone", Kind: "host", Group: "group~a", Since: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Layout: view.Rect{X: 8, Y: 80, W: 120, H: 47}}},
	Left:   []view.Ghost{{Name: "older", Layout: view.Rect{X: 200, Y: 80, W: 120, H: 47, Pinned: true}}},
}

// TestChartsAreKept: written within seconds, once for what doesn't change, at the end
// at once, and read back the same.
func TestChartsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newShelf(), &strings.Builder{}
		b, stop := open(t, s, log)
		b.Keep(view.LevelPool, chart)
		b.Keep(view.LevelPool, chart)
		wait(writeEvery + time.Second)
		b.Keep(view.LevelPool, chart)
		wait(writeEvery)
		if s.writes != 1 {
			t.Errorf("written %d times", s.writes)
		}
		b.Keep(view.LevelNode, view.Chart{Width: 7})
		stop()
		if s.writes != 2 {
			t.Errorf("written %d times in all", s.writes)
		}
		again, stop := open(t, s, log)
		defer stop()
		if diff := cmp.Diff(chart, again.Chart(view.LevelPool)); diff != "" || again.Chart(view.LevelNode).Width != 7 || again.Chart(view.LevelGroup).Width != 0 {
			t.Errorf("read back (-want +got):\n%s", diff)
		}
		if log.Len() > 0 {
			t.Error(log)
		}
	})
}

// TestFollowersTakeOver: what another server keeps counts, and what it forgets is
// forgotten; a follower writes nothing.
func TestFollowersTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newShelf(), &strings.Builder{}
		s.leads = false
		b, stop := open(t, s, log)
		defer stop()
		other := New(s, slog.New(slog.DiscardHandler))
		s.leads = true
		other.Keep(view.LevelPool, chart)
		other.write(t.Context())
		if err := other.Pin(t.Context(), view.LevelPool, map[string]*view.Point{"db": {X: 1, Y: 2}}); err != nil {
			t.Fatal(err)
		}
		s.leads = false
		epoch := b.Epoch(view.LevelPool)
		s.tell()
		synctest.Wait()
		if diff := cmp.Diff(chart, b.Chart(view.LevelPool)); diff != "" || b.Pins(view.LevelPool)["db"] != (view.Point{X: 1, Y: 2}) || b.Epoch(view.LevelPool) == epoch {
			t.Errorf("taken over (-want +got):\n%s", diff)
		}
		epoch = b.Epoch(view.LevelPool)
		s.tell() // about something else
		synctest.Wait()
		if b.Epoch(view.LevelPool) != epoch {
			t.Error("the same places are told to be others")
		}
		writes := s.writes
		b.Keep(view.LevelPool, view.Chart{Width: 9})
		wait(2 * writeEvery)
		if s.writes != writes {
			t.Error("a follower wrote")
		}
		if err := other.Tidy(t.Context(), view.LevelPool); err != nil {
			t.Fatal(err)
		}
		s.tell()
		synctest.Wait()
		if c := b.Chart(view.LevelPool); c.Places != nil {
			t.Errorf("after tidying elsewhere it has %+v", c)
		}
		if b.Pins(view.LevelPool)["db"].X != 1 {
			t.Error("tidying lost what people moved")
		}
	})
}

func TestPins(t *testing.T) {
	s := newShelf()
	b := New(s, slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		id    string
		at    view.Point
		field string
	}{
		{"db", view.Point{X: -1}, "pins[db].x"},
		{"db", view.Point{Y: math.NaN()}, "pins[db].y"},
		{"db", view.Point{X: math.Inf(1)}, "pins[db].x"},
		{"db", view.Point{Y: MaxPlace + 1}, "pins[db].y"},
		{"", view.Point{}, "pins"},
		{strings.Repeat("x", 601), view.Point{}, "pins"},
	} {
		var wrong *PinError
		if err := b.Pin(t.Context(), view.LevelPool, map[string]*view.Point{c.id: &c.at}); !errors.As(err, &wrong) || wrong.Field != c.field {
			t.Errorf("%q at %v: %v", c.id, c.at, err)
		}
	}
	if s.writes != 0 || len(b.Pins(view.LevelPool)) != 0 {
		t.Error("what was refused is kept")
	}
	many := map[string]*view.Point{}
	for i := range MaxPins + 1 {
		many[strings.Repeat("a", i%500+1)+string(rune('b'+i/500))] = &view.Point{}
	}
	var wrong *PinError
	if err := b.Pin(t.Context(), view.LevelPool, many); !errors.As(err, &wrong) || !strings.Contains(wrong.Error(), "at most") {
		t.Errorf("too many: %v", err)
	}
	if err := b.Pin(t.Context(), view.LevelPool, map[string]*view.Point{"db": {X: 5}, "web": {Y: 6}}); err != nil {
		t.Fatal(err)
	}
	if err := b.Pin(t.Context(), view.LevelPool, map[string]*view.Point{"db": nil}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]view.Point{"web": {Y: 6}}, b.Pins(view.LevelPool)); diff != "" {
		t.Errorf("pins (-want +got):\n%s", diff)
	}
	s.broken = errors.New("disk full")
	if err := b.Pin(t.Context(), view.LevelPool, map[string]*view.Point{"web": nil}); !errors.Is(err, s.broken) || len(b.Pins(view.LevelPool)) != 1 {
		t.Errorf("%v, pins %v", err, b.Pins(view.LevelPool))
	}
	if err := b.Tidy(t.Context(), view.LevelPool); !errors.Is(err, s.broken) {
		t.Errorf("%v", err)
	}
}

// TestDamagedCharts: what can't be read is told, and placed anew; what can't be
// written is tried again.
func TestDamagedCharts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newShelf(), &strings.Builder{}
		s.docs[store.DocumentKey{Kind: ChartKind, Key: "pool"}] = []byte(`[`)
		s.docs[store.DocumentKey{Kind: PinsKind, Key: "pool"}] = []byte(`7`)
		b, stop := open(t, s, log)
		defer stop()
		wait(2 * writeEvery) // told once, however often it is looked at
		if strings.Count(log.String(), "level=pool") != 2 || b.Chart(view.LevelPool).Places != nil {
			t.Errorf("told is %s", log)
		}
		s.broken = errors.New("disk full")
		b.Keep(view.LevelPool, chart)
		wait(writeEvery + time.Second)
		if !strings.Contains(log.String(), "disk full") {
			t.Errorf("told is %s", log)
		}
		s.mu.Lock()
		s.broken = nil
		s.mu.Unlock()
		wait(writeEvery)
		if s.writes != 1 {
			t.Errorf("written %d times", s.writes)
		}
	})
}
