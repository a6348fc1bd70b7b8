package stream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/test/still"
	"github.com/devops-trouble-map/dotm/view"
)

// TestStream follows a site over HTTP: what the deltas make of the first GET is
// what a fresh GET answers.
func TestStream(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Shop(t)
	next := s.Listen(t, "")
	first := next()
	mine := served.Read[api.Topology](t, s, api.Prefix+"/topology")
	if first.Name != "snapshot" || first.ID != mine.Revision {
		t.Fatalf("the stream begins with %+v, GET is %s", first, mine.Revision)
	}
	s.Put(t, shop.Host("app", "10.0.0.3").Listen("java", 8080).Out("java", "10.0.0.2", 5432).Report)
	e := next()
	for e.Name == "beat" {
		e = next()
	}
	if e.Name != "delta" {
		t.Fatalf("then comes %+v", e)
	}
	still.Apply(t, &mine.Topology, []byte(e.Data))
	fresh := served.Read[api.Topology](t, s, api.Prefix+"/topology")
	if mine.Revision != fresh.Revision || mine.Revision != e.ID {
		t.Errorf("revision %s by event %s, GET is %s", mine.Revision, e.ID, fresh.Revision)
	}
	if d := view.Compare(&mine.Topology, &fresh.Topology); d != nil {
		t.Errorf("a fresh GET differs by %+v", d)
	}
	if !strings.Contains(string(s.Get(t, "/metrics").Text), "\ndotm_stream_viewers 1\n") {
		t.Error("the viewer is not counted")
	}

	t.Run("resume", func(t *testing.T) {
		for _, tt := range []struct{ name, last, want, id string }{
			{"nothing missed", fresh.Revision, "snapshot", fresh.Revision},
			{"a delta missed", first.ID, "delta", fresh.Revision},
			{"unknown epoch", "zzz-1", "resync", fresh.Revision},
			{"too old", strings.Split(fresh.Revision, "-")[0] + "-0", "resync", fresh.Revision},
			{"nonsense", "nonsense", "resync", fresh.Revision},
		} {
			got := s.Listen(t, "", "Last-Event-ID", tt.last)()
			if got.Name != tt.want || got.ID != tt.id {
				t.Errorf("%s: %s of %s, want %s of %s", tt.name, got.Name, got.ID, tt.want, tt.id)
			}
			if asked := s.Listen(t, "?after="+tt.last)(); asked != got {
				t.Errorf("%s: %+v in the query, %+v as a header", tt.name, asked, got)
			}
		}
	})
}

// TestStreamOfFields: who asks for fields is told those, in the same events under the same
// revisions; who doesn't is told of whole things as ever.
func TestStreamOfFields(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Shop(t)
	delta := func(next func() served.Event) served.Event {
		e := next()
		for e.Name == "beat" {
			e = next()
		}
		return e
	}
	whole, fields := s.Listen(t, "?delta=whole"), s.Listen(t, "?delta=fields")
	whole()
	fields()
	app := shop.Host("app", "10.0.0.3").Listen("java", 8080).Out("java", "10.0.0.2", 5432)
	s.Put(t, app.Report)
	first, same := delta(whole), delta(fields)
	app.Sequence++
	app.Connections[0].Count += 3
	s.Put(t, app.Report)
	second, short := delta(whole), delta(fields)
	if first.ID != same.ID || second.ID != short.ID || second.Name != "delta" || short.Name != "delta" {
		t.Fatalf("whole %s %s, fields %s %s", first.ID, second.ID, same.ID, short.ID)
	}
	var a, b view.Delta
	if err := errors.Join(json.Unmarshal([]byte(second.Data), &a), json.Unmarshal([]byte(short.Data), &b)); err != nil {
		t.Fatal(err)
	}
	if len(a.Connections) == 0 || a.Changed != nil {
		t.Errorf("whole: %s", second.Data)
	}
	if len(b.Connections) != 0 || b.Changed == nil || len(b.Changed.Connections) != len(a.Connections) || len(short.Data) >= len(second.Data) {
		t.Errorf("fields: %s", short.Data)
	}
	served.Refused(t, s.Get(t, api.Prefix+"/stream?delta=some"), http.StatusUnprocessableEntity)
}

// memoryViewer is a connection in memory, so that time can be made up.
type memoryViewer struct {
	header   http.Header
	mu       sync.Mutex
	text     strings.Builder
	deadline time.Time
	stuck    bool // nobody reads
}

func newViewer() *memoryViewer { return &memoryViewer{header: http.Header{}} }

func (v *memoryViewer) Header() http.Header { return v.header }
func (v *memoryViewer) WriteHeader(int)     {}
func (v *memoryViewer) Flush()              {}

func (v *memoryViewer) SetWriteDeadline(at time.Time) error {
	v.deadline = at
	return nil
}

func (v *memoryViewer) Write(p []byte) (int, error) {
	if v.stuck {
		<-time.After(time.Until(v.deadline))
		return 0, os.ErrDeadlineExceeded
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.text.Write(p)
}

func (v *memoryViewer) got() (list []served.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	served.Events(bufio.NewScanner(strings.NewReader(v.text.String())), func(e served.Event) bool { list = append(list, e); return true })
	return list
}

// watch runs a stream for v; ended is closed when it ends.
func watch(ctx context.Context, h http.Handler, v *memoryViewer) (ended chan struct{}) {
	ended = make(chan struct{})
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, api.Prefix+"/stream?hide=none", http.NoBody)
	go func() {
		defer close(ended)
		h.ServeHTTP(v, req)
	}()
	return ended
}

func TestBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := still.New(shop.Applied(shop.Reports()...))
		ctx, cancel := context.WithCancel(t.Context())
		v := newViewer()
		ended := watch(ctx, served.Still(t.Context(), m), v)
		time.Sleep(26 * time.Second) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		got := v.got()
		if len(got) != 6 || got[0].Name != "snapshot" {
			t.Fatalf("26 s of quiet are %v", got)
		}
		for _, e := range got[1:] {
			if e.Name != "beat" || e.ID != got[0].ID || !strings.Contains(e.Data, `"revision":"`+e.ID+`"`) {
				t.Errorf("event %+v", e)
			}
		}
		cancel()
		<-ended
	})
}

// TestStreamEndsWithTheServer: a shutdown doesn't wait for viewers.
func TestStreamEndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := still.New(shop.Applied(shop.Reports()...))
		ctx, stop := context.WithCancel(t.Context())
		ended := watch(t.Context(), served.Still(ctx, m), newViewer())
		synctest.Wait()
		stop()
		<-ended
	})
}

func TestViewerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := still.New(shop.Applied(shop.Reports()...))
		v, began := newViewer(), time.Now()
		v.stuck = true
		<-watch(t.Context(), served.Still(t.Context(), m), v)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("dropped after %s", took)
		}
	})
}

// TestViewersShare: a hundred viewers cost one view and one encoding, and get
// the same bytes.
func TestViewersShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		snap := shop.Applied(shop.Reports()...)
		m := still.New(snap)
		ctx, cancel := context.WithCancel(t.Context())
		h := served.Still(t.Context(), m)
		var all []*memoryViewer
		var ended []chan struct{}
		for range 100 {
			v := newViewer()
			all, ended = append(all, v), append(ended, watch(ctx, h, v))
		}
		synctest.Wait()
		for i := range 5 {
			snap = shop.Aged(snap, time.Second, shop.Host("app", "10.0.0.3").Out("java", fmt.Sprintf("10.0.5.%d", i), 80))
			m.Show(snap)
			synctest.Wait()
		}
		if got := m.Asked.Load(); got != 6 {
			t.Errorf("%d views were built, want 6", got)
		}
		for i, v := range all {
			if got := v.got(); len(got) != 6 || v.text.String() != all[0].text.String() {
				t.Errorf("viewer %d got %d events", i, len(got))
			}
		}
		cancel()
		for _, e := range ended {
			<-e
		}
	})
}

// TestNothingNewSendsNothing: reports in which nothing changes are no delta.
func TestNothingNewSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := shop.Host("web", "10.0.0.1").Listen("nginx", 80)
		snap := shop.Applied(r)
		m := still.New(snap)
		ctx, cancel := context.WithCancel(t.Context())
		v := newViewer()
		ended := watch(ctx, served.Still(t.Context(), m), v)
		for range 4 {
			synctest.Wait()
			r.Sequence++
			snap = shop.Aged(snap, time.Second, r)
			m.Show(snap)
		}
		synctest.Wait()
		if got := v.got(); len(got) != 1 {
			t.Errorf("sent %v", got)
		}
		cancel()
		<-ended
	})
}
