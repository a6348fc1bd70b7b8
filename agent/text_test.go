package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/scan"
)

var _ Teller = (*scan.Lister)(nil)

// teller gives a text, or fails; wait, if set, holds it up.
type teller struct {
	text  string
	err   error
	wait  chan struct{}
	looks atomic.Int32
	now   atomic.Int32 // looks under way
}

func (t *teller) Text(ctx context.Context) ([]byte, error) {
	t.looks.Add(1)
	if t.now.Add(1) > 1 {
		return nil, errors.New("two looks overlap")
	}
	defer t.now.Add(-1)
	if t.wait != nil {
		select {
		case <-t.wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return []byte(t.text), t.err
}

// journal is a log that several goroutines write.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// serveText runs a listener until the test ends, and says where it is.
func serveText(t *testing.T, tell Teller, allow ...string) (address string, log *journal) {
	t.Helper()
	log = &journal{}
	opt := TextOptions{Listen: "127.0.0.1:0", Teller: tell, Log: slog.New(slog.NewTextHandler(log, nil))}
	for _, a := range allow {
		opt.Allow = append(opt.Allow, netip.MustParsePrefix(a))
	}
	s, err := NewTextServer(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("listener ended: %v", err)
		}
	})
	return s.Addr().String(), log
}

// read connects, sends a greeting that nobody asked for, and reads to the end.
func read(t *testing.T, address, greeting string) (string, error) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, greeting); err != nil {
		return "", err
	}
	text, err := io.ReadAll(conn)
	return string(text), err
}

func TestTextServer(t *testing.T) {
	long := strings.Repeat("tcp 0 0 10.0.0.1:22 10.0.0.2:1 ESTABLISHED\n", 50_000) // more than the kernel keeps
	for _, c := range []struct{ name, text, greeting string }{
		{"short", "hostname=a\n", ""},
		{"long", long, ""},
		{"a reader that talks", long, "GET / HTTP/1.0\r\n\r\n"},
	} {
		address, log := serveText(t, &teller{text: c.text}, "127.0.0.0/8")
		if got, err := read(t, address, c.greeting); got != c.text || err != nil {
			t.Errorf("%s: %d of %d bytes, %v\n%s", c.name, len(got), len(c.text), err, log)
		}
	}
}

// TestTextRefuses: who is not allowed gets no byte, no look is taken, and the
// log says so once a minute.
func TestTextRefuses(t *testing.T) {
	tell := &teller{text: "hostname=a\n"}
	address, log := serveText(t, tell, "10.0.0.0/8", "2001:db8::/32")
	for range 3 {
		if got, _ := read(t, address, ""); got != "" {
			t.Errorf("got %q", got)
		}
	}
	if n := tell.looks.Load(); n != 0 {
		t.Errorf("%d looks", n)
	}
	if n := strings.Count(log.String(), "not allowed"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log)
	}
}

func TestTextRefusals(t *testing.T) {
	r := refusals{last: map[netip.Addr]*refusal{}}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i, c := range []struct {
		from  netip.Addr
		after time.Duration
		want  int
	}{
		{a, 0, 1}, {a, time.Second, 0}, {b, time.Second, 1}, {a, 59 * time.Second, 0}, {a, time.Minute, 3}, {a, 61 * time.Second, 0}, {a, 2 * time.Minute, 2},
	} {
		if got := r.add(c.from, now.Add(c.after)); got != c.want {
			t.Errorf("%d: told of %d, want %d", i, got, c.want)
		}
	}
	for i := range 3 * maxRefused {
		r.add(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if len(r.last) > maxRefused {
		t.Errorf("%d sources are remembered", len(r.last))
	}
}

// TestTextFresh: readers that come together share one look.
func TestTextFresh(t *testing.T) {
	tell := &teller{text: "hostname=a\n", wait: make(chan struct{})}
	address, log := serveText(t, tell, "127.0.0.1/32")
	var readers sync.WaitGroup
	for range 2 * maxReaders {
		readers.Go(func() {
			if got, err := read(t, address, ""); got != tell.text || err != nil {
				t.Errorf("%q, %v\n%s", got, err, log)
			}
		})
	}
	close(tell.wait)
	readers.Wait()
	if n := tell.looks.Load(); n < 1 || n > 3 {
		t.Errorf("%d looks", n)
	}
}

// TestTextSlowReaders: who connects again and again and reads nothing holds up
// nobody else for long.
func TestTextSlowReaders(t *testing.T) {
	tell := &teller{text: strings.Repeat("x", 32<<20)}
	address, log := serveText(t, tell, "127.0.0.0/8")
	for range 4 * maxReaders {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
		conn, err := d.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	began := time.Now()
	if got, err := read(t, address, ""); len(got) != len(tell.text) || err != nil {
		t.Errorf("%d bytes, %v\n%s", len(got), err, log)
	}
	if took := time.Since(began); took > writeTime {
		t.Errorf("it took %s", took)
	}
}

// TestTextFails: a look that fails closes without a byte, and is logged.
func TestTextFails(t *testing.T) {
	address, log := serveText(t, &teller{err: errors.New("no eyes")}, "127.0.0.1/32")
	if got, err := read(t, address, ""); got != "" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if !strings.Contains(log.String(), "no eyes") {
		t.Errorf("log:\n%s", log)
	}
}

// TestTextStops: the end of the context ends also a reader that waits for a
// look, and one that doesn't read.
func TestTextStops(t *testing.T) {
	for name, tell := range map[string]*teller{
		"waits for a look": {wait: make(chan struct{})},
		"doesn't read":     {text: strings.Repeat("x", 64<<20)},
	} {
		s, err := NewTextServer(t.Context(), TextOptions{
			Listen: "127.0.0.1:0", Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Teller: tell, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if tell.wait == nil {
			if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_ = conn.Close()
	}
}

func TestNewTextServerErrors(t *testing.T) {
	if _, err := NewTextServer(t.Context(), TextOptions{Listen: "127.0.0.1:0"}); !errors.Is(err, ErrNoAllow) {
		t.Errorf("without allow: %v", err)
	}
	allow := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	if _, err := NewTextServer(t.Context(), TextOptions{Listen: "127.0.0.1", Allow: allow}); err == nil {
		t.Error("an address without port")
	}
}

// TestTextOriginalReader reads by the rules of the original server: the answer
// must have a hostname, an ESTABLISHED row and an "inet " row.
func TestTextOriginalReader(t *testing.T) {
	l, err := scan.NewLister(scan.Options{})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	address, log := serveText(t, l, "127.0.0.0/8")
	text, err := read(t, address, "")
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	for _, want := range []string{"hostname=" + host + "\n", "\n\n", "ESTABLISHED", "    inet 127.0.0.1/8 ", fmt.Sprintf(" 127.0.0.1:%s ", port)} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s\n%s", want, text, log)
		}
	}
}
