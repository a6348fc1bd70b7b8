package api

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

	"github.com/devops-trouble-map/dotm/view"
)

// sse is one server-sent event.
type sse struct{ id, event, data string }

// events reads a stream to its end.
func events(r *bufio.Scanner, yield func(sse) bool) {
	var e sse
	for r.Scan() {
		name, value, _ := strings.Cut(r.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.event = value
		case "data":
			e.data = value
		case "":
			if !yield(e) {
				return
			}
			e = sse{}
		}
	}
}

// listen opens a stream; the function returned gives its next event.
func (s *site) listen(t *testing.T, query string, header ...string) (next func() sse) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+Prefix+"/stream"+query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	scanner := bufio.NewScanner(resp.Body)
	scanner.Buffer(nil, 1<<20)
	return func() (out sse) {
		events(scanner, func(e sse) bool { out = e; return false })
		return out
	}
}

// TestStream follows a site over HTTP: what the deltas make of the first GET is
// what a fresh GET answers.
func TestStream(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.shop(t)
	next := s.listen(t, "")
	first := next()
	mine := read200[Topology](t, s, Prefix+"/topology")
	if first.event != "snapshot" || first.id != mine.Revision {
		t.Fatalf("the stream begins with %+v, GET is %s", first, mine.Revision)
	}
	s.put(t, host("app", "10.0.0.3").listen("java", 8080).out("java", "10.0.0.2", 5432).Report)
	e := next()
	for e.event == "beat" {
		e = next()
	}
	if e.event != "delta" {
		t.Fatalf("then comes %+v", e)
	}
	apply(t, &mine, []byte(e.data))
	fresh := read200[Topology](t, s, Prefix+"/topology")
	if mine.Revision != fresh.Revision || mine.Revision != e.id {
		t.Errorf("revision %s by event %s, GET is %s", mine.Revision, e.id, fresh.Revision)
	}
	if d := view.Compare(&mine.Topology, &fresh.Topology); d != nil {
		t.Errorf("a fresh GET differs by %+v", d)
	}
	if !strings.Contains(string(s.get(t, "/metrics").body), "\ndotm_stream_viewers 1\n") {
		t.Error("the viewer is not counted")
	}

	t.Run("resume", func(t *testing.T) {
		for _, tt := range []struct{ name, last, want, id string }{
			{"nothing missed", fresh.Revision, "snapshot", fresh.Revision},
			{"a delta missed", first.id, "delta", fresh.Revision},
			{"unknown epoch", "zzz-1", "resync", fresh.Revision},
			{"too old", strings.Split(fresh.Revision, "-")[0] + "-0", "resync", fresh.Revision},
			{"nonsense", "nonsense", "resync", fresh.Revision},
		} {
			got := s.listen(t, "", "Last-Event-ID", tt.last)()
			if got.event != tt.want || got.id != tt.id {
				t.Errorf("%s: %s of %s, want %s of %s", tt.name, got.event, got.id, tt.want, tt.id)
			}
			if asked := s.listen(t, "?after="+tt.last)(); asked != got {
				t.Errorf("%s: %+v in the query, %+v as a header", tt.name, asked, got)
			}
		}
	})
}

// TestStreamOfFields: who asks for fields is told those, in the same events under the same
// revisions; who doesn't is told of whole things as ever.
func TestStreamOfFields(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.shop(t)
	delta := func(next func() sse) sse {
		e := next()
		for e.event == "beat" {
			e = next()
		}
		return e
	}
	whole, fields := s.listen(t, "?delta=whole"), s.listen(t, "?delta=fields")
	whole()
	fields()
	app := host("app", "10.0.0.3").listen("java", 8080).out("java", "10.0.0.2", 5432)
	s.put(t, app.Report)
	first, same := delta(whole), delta(fields)
	app.Sequence++
	app.Connections[0].Count += 3
	s.put(t, app.Report)
	second, short := delta(whole), delta(fields)
	if first.id != same.id || second.id != short.id || second.event != "delta" || short.event != "delta" {
		t.Fatalf("whole %s %s, fields %s %s", first.id, second.id, same.id, short.id)
	}
	var a, b view.Delta
	if err := errors.Join(json.Unmarshal([]byte(second.data), &a), json.Unmarshal([]byte(short.data), &b)); err != nil {
		t.Fatal(err)
	}
	if len(a.Connections) == 0 || a.Changed != nil {
		t.Errorf("whole: %s", second.data)
	}
	if len(b.Connections) != 0 || b.Changed == nil || len(b.Changed.Connections) != len(a.Connections) || len(short.data) >= len(second.data) {
		t.Errorf("fields: %s", short.data)
	}
	refused(t, s.get(t, Prefix+"/stream?delta=some"), http.StatusUnprocessableEntity)
}

// TestDeltasAreMadeOnce: however many follow, a form of a delta is written once, and one
// that nobody takes never.
func TestDeltasAreMadeOnce(t *testing.T) {
	d := encoded(&view.Delta{From: "e-1", Revision: "e-2"}, time.Time{})
	one, err := d.form(true)
	other, again := d.form(true)
	if err != nil || again != nil || one != other || &one.packed()[0] != &other.packed()[0] {
		t.Errorf("%p and %p, errors %v, %v", one, other, err, again)
	}
	if whole, err := d.form(false); err != nil || whole == one {
		t.Errorf("both forms are %p, error %v", whole, err)
	}
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

func (v *memoryViewer) got() (list []sse) {
	v.mu.Lock()
	defer v.mu.Unlock()
	events(bufio.NewScanner(strings.NewReader(v.text.String())), func(e sse) bool { list = append(list, e); return true })
	return list
}

// watch runs a stream for v; ended is closed when it ends.
func watch(ctx context.Context, h http.Handler, v *memoryViewer) (ended chan struct{}) {
	ended = make(chan struct{})
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, Prefix+"/stream?hide=none", http.NoBody)
	go func() {
		defer close(ended)
		h.ServeHTTP(v, req)
	}()
	return ended
}

func TestBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newStill(applied(shopReports()...))
		ctx, cancel := context.WithCancel(t.Context())
		v := newViewer()
		ended := watch(ctx, m.handler(t.Context()), v)
		time.Sleep(26 * time.Second) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		got := v.got()
		if len(got) != 6 || got[0].event != "snapshot" {
			t.Fatalf("26 s of quiet are %v", got)
		}
		for _, e := range got[1:] {
			if e.event != "beat" || e.id != got[0].id || !strings.Contains(e.data, `"revision":"`+e.id+`"`) {
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
		m := newStill(applied(shopReports()...))
		ctx, stop := context.WithCancel(t.Context())
		ended := watch(t.Context(), m.handler(ctx), newViewer())
		synctest.Wait()
		stop()
		<-ended
	})
}

func TestViewerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newStill(applied(shopReports()...))
		v, began := newViewer(), time.Now()
		v.stuck = true
		<-watch(t.Context(), m.handler(t.Context()), v)
		if took := time.Since(began); took != writeTimeout {
			t.Errorf("dropped after %s", took)
		}
	})
}

// TestViewersShare: a hundred viewers cost one view and one encoding, and get
// the same bytes.
func TestViewersShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		snap := applied(shopReports()...)
		m := newStill(snap)
		ctx, cancel := context.WithCancel(t.Context())
		h := m.handler(t.Context())
		var all []*memoryViewer
		var ended []chan struct{}
		for range 100 {
			v := newViewer()
			all, ended = append(all, v), append(ended, watch(ctx, h, v))
		}
		synctest.Wait()
		for i := range 5 {
			snap = aged(snap, time.Second, host("app", "10.0.0.3").out("java", fmt.Sprintf("10.0.5.%d", i), 80))
			m.show(snap)
			synctest.Wait()
		}
		if got := m.asked.Load(); got != 6 {
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
		r := host("web", "10.0.0.1").listen("nginx", 80)
		snap := applied(r)
		m := newStill(snap)
		ctx, cancel := context.WithCancel(t.Context())
		v := newViewer()
		ended := watch(ctx, m.handler(t.Context()), v)
		for range 4 {
			synctest.Wait()
			r.Sequence++
			snap = aged(snap, time.Second, r)
			m.show(snap)
		}
		synctest.Wait()
		if got := v.got(); len(got) != 1 {
			t.Errorf("sent %v", got)
		}
		cancel()
		<-ended
	})
}

// apply is what a viewer does with a delta.
func apply(t interface{ Fatalf(string, ...any) }, v *Topology, data []byte) {
	var d view.Delta
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatalf("delta: %v", err)
	}
	if d.From != v.Revision {
		t.Fatalf("delta from %s, holding %s", d.From, v.Revision)
	}
	v.Revision, v.At, v.Width, v.Height, v.Coverage, v.Hidden = d.Revision, d.At, d.Width, d.Height, d.Coverage, d.Hidden
	name := func(n view.Node) string { return n.Name }
	v.Nodes = patched(v.Nodes, d.Nodes, d.Removed.Nodes, name)
	v.Pools = patched(v.Pools, d.Pools, d.Removed.Nodes, name)
	v.Groups = patched(v.Groups, d.Groups, d.Removed.Nodes, name)
	if d.Ghosts != nil {
		v.Ghosts = d.Ghosts
	}
	if d.Lanes != nil {
		v.Lanes = d.Lanes
	}
	v.Services = patched(v.Services, d.Services, d.Removed.Services, func(s view.Service) string { return s.ID })
	v.Connections = patched(v.Connections, d.Connections, d.Removed.Connections, func(c view.Connection) string { return c.ID })
}
