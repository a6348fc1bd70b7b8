//go:build linux

package realtest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// line is a way to a server that loses answers when it is told to, and counts
// what goes over it.
type line struct {
	to   *stage.Server
	mu   sync.Mutex
	lose bool
	// seen counts requests by media type and status of the answer, bytes those
	// of the newest request of a type.
	seen  map[string]int
	bytes map[string]int
}

// line makes one that listens on an address of the host.
func (h host) line(t *testing.T, address string, to *stage.Server) *line {
	t.Helper()
	l := &line{to: to, seen: map[string]int{}, bytes: map[string]int{}}
	var listener net.Listener
	if err := h.Do(func() (err error) { listener, err = net.Listen("tcp", address); return err }); err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: l}
	go s.Serve(listener) //nolint:errcheck // ends with Close
	t.Cleanup(func() { s.Close() })
	return l
}

func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	kind := r.Header.Get("Content-Type")
	l.mu.Lock()
	to := l.to
	l.mu.Unlock()
	req, err := http.NewRequestWithContext(r.Context(), r.Method, to.URL+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req.Header.Set("Content-Type", kind)
	resp, err := to.Client.Do(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[fmt.Sprint(kind, " ", resp.StatusCode)]++
	l.bytes[kind] = len(body)
	if l.lose {
		l.seen["lost"]++
		panic(http.ErrAbortHandler) // the server has it, the agent doesn't know
	}
	w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// losing sets whether answers get lost.
func (l *line) losing(lose bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lose = lose
}

// waits until something was seen so often more.
func (l *line) waits(t *testing.T, what string, more int) {
	t.Helper()
	count := func() int { l.mu.Lock(); defer l.mu.Unlock(); return l.seen[what] }
	from := count()
	stage.Eventually(t, fmt.Sprintf("%d × %s", more, what), func() error {
		if got := count() - from; got < more {
			l.mu.Lock()
			defer l.mu.Unlock()
			return fmt.Errorf("seen %d more, in all %v", got, l.seen)
		}
		return nil
	})
}

// An agent tells by beats what changed. Answers that get lost, and a server that
// starts anew, make it send whole reports again; and what opened counts once.
func TestBeats(t *testing.T) {
	h, data := newHost(t, "web1"), stage.OpenDir(t)
	h.Redis(t, 6379, "127.0.0.1")
	h.Reachable(t, "127.0.0.1:6379")
	orders := h.Puppet(t, "orders")
	serve := []string{"serve", "--listen", local, "--data", data}
	d := h.Serve(t, local, serve)
	l := h.line(t, "127.0.0.1:4850", d)
	h.Dotm(t, []string{"agent", "--server", "http://127.0.0.1:4850", "--interval", interval})
	d.HeardOf(t, "web1")
	const whole, beat = "application/gzip 200", report.BeatType + " 200"
	opened := 0
	dial := func(n int) {
		t.Helper()
		orders.Dial(t, n, "tcp", "127.0.0.1:6379")
		opened += n
	}
	exact := func() {
		t.Helper()
		stage.Eventually(t, "every connection counts once", func() error {
			c, err := l.to.Chart(t.Context())
			if err != nil {
				return err
			}
			if e := c.Edge("orders"); e == nil || e.Opened != opened || e.Count != opened {
				return fmt.Errorf("edge %v, want %d opened", e, opened)
			}
			return nil
		})
	}
	dial(3)
	exact()
	l.waits(t, beat, 3)
	dial(2)
	exact()

	l.losing(true)
	l.waits(t, "lost", 1)
	dial(4)
	l.waits(t, "lost", 2)
	l.losing(false)
	l.waits(t, whole, 1)
	exact()
	l.waits(t, beat, 3)
	exact()

	d.Terminate(t, stage.Patience)
	again := h.Serve(t, local, serve)
	l.mu.Lock()
	l.to = again
	l.mu.Unlock()
	dial(1)
	exact()
	l.waits(t, beat, 3)
	exact()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes[report.BeatType] == 0 || l.bytes[report.BeatType] >= l.bytes["application/gzip"] {
		t.Errorf("bytes %v", l.bytes)
	}
	t.Logf("seen %v, bytes %v", l.seen, l.bytes)
}
