package text

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/collect"
)

// serve plays a node: it runs play for each connection, and closes it.
func serve(t *testing.T, address string, play func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				play(conn)
			}()
		}
	}()
	return "text://" + l.Addr().String()
}

// original is what the original agent writes.
func original(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../../proctext/listing/testdata/original-agent.txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// writes plays a text, as it is.
func writes(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = c.Write([]byte(text)) }
}

// TestPoll reads what the original agent writes, over both families, in one
// piece and byte by byte.
func TestPoll(t *testing.T) {
	text := original(t)
	for _, c := range []struct {
		name, address string
		play          func(net.Conn)
	}{
		{"IPv4", "127.0.0.1:0", writes(text)},
		{"IPv6", "[::1]:0", writes(text)},
		{"in pieces", "127.0.0.1:0", func(c net.Conn) {
			for i := range len(text) {
				_, _ = c.Write([]byte(text[i : i+1]))
			}
		}},
		{"CRLF", "127.0.0.1:0", writes(strings.ReplaceAll(text, "\n", "\r\n"))},
	} {
		r, err := New(Options{}).Poll(t.Context(), serve(t, c.address, c.play))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err := r.Validate(time.Now()); err != nil {
			t.Errorf("%s: the report breaks a rule: %v", c.name, err)
		}
		if r.Node.Name != "web1" || r.Agent.Method != collect.MethodText || len(r.Listeners) != 5 || len(r.Connections) != 8 {
			t.Errorf("%s: %s by %s, %d listeners, %d connections", c.name, r.Node.Name, r.Agent.Method, len(r.Listeners), len(r.Connections))
		}
	}
}

// TestAgain: a poller remembers a node's sockets.
func TestAgain(t *testing.T) {
	const head = "hostname=a\n    inet 10.0.0.1/8 scope global x\ntcp 0 0 0.0.0.0:22 0.0.0.0:* LISTEN 7/sshd\n"
	var asked atomic.Int32
	address := serve(t, "127.0.0.1:0", func(c net.Conn) {
		fmt.Fprint(c, head)
		for i := range asked.Add(1) {
			fmt.Fprintf(c, "tcp 0 0 10.0.0.1:22 10.0.0.9:%d ESTABLISHED 8/sshd\n", 50000+i)
		}
	})
	p := New(Options{})
	for i, opened := range []uint64{0, 1, 1} {
		r, err := p.Poll(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Connections[0]; c.Count != i+1 || c.Opened != opened {
			t.Errorf("poll %d: %d open, %d opened, want %d opened", i+1, c.Count, c.Opened, opened)
		}
	}
}

// TestFailures: whatever a node does, the poll ends with the right error.
func TestFailures(t *testing.T) {
	endless := func(c net.Conn) {
		for {
			if _, err := c.Write([]byte(strings.Repeat("hostname=a\n", 1000))); err != nil {
				return
			}
		}
	}
	silent := func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) } // until the poller goes
	slow := func(c net.Conn) {
		_, _ = c.Write([]byte("hostname=a\n"))
		silent(c)
	}
	reset := func(c net.Conn) {
		_, _ = c.Write([]byte(strings.Repeat("x", collect.MaxListing/2))) // more than the ways hold: it is being read
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	text := original(t)
	for _, c := range []struct {
		name string
		play func(net.Conn)
		want error
		kind string
		says string
	}{
		{"says nothing and closes", func(net.Conn) {}, collect.ErrNoHostname, "no-hostname", "--allow"},
		{"never starts", silent, collect.ErrSilent, "silent", "not a byte within 100ms"},
		{"never ends", slow, collect.ErrSilent, "silent", "11 bytes within 100ms, and no end"},
		{"sends without end", endless, collect.ErrTooLarge, "too-large", "more than 8 MiB"},
		{"resets", reset, collect.ErrUnreadable, "unreadable", "breaks off"},
		{"garbage", writes("\x00\x01\xfe\xff\r\n\x7fELF 1 2 3"), collect.ErrNoHostname, "no-hostname", ""},
		{"a web server", writes("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), collect.ErrNoHostname, "no-hostname", ""},
		{"only a name", writes("hostname=web1\n"), collect.ErrNoSockets, "no-sockets", ""},
		{"a bad name", writes("hostname=a/b\n" + text[len("hostname=web1\n"):]), collect.ErrUnreadable, "unreadable", `"a/b"`},
		{"no addresses", writes(text[:strings.Index(text, "\n\n")]), collect.ErrNoAddresses, "no-addresses", ""},
	} {
		opt := Options{}
		if errors.Is(c.want, collect.ErrSilent) {
			opt.Read = 100 * time.Millisecond
		}
		_, err := New(opt).Poll(t.Context(), serve(t, "127.0.0.1:0", c.play))
		if !errors.Is(err, c.want) || collect.Kind(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: %v (%s), want %v and %q", c.name, err, collect.Kind(err), c.want, c.says)
		}
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "text://" + l.Addr().String()
	_ = l.Close()
	if _, err := New(Options{}).Poll(t.Context(), address); !errors.Is(err, collect.ErrUnreachable) {
		t.Errorf("refused: %v", err)
	}
	// A name that RFC 2606 promises not to exist.
	if _, err := New(Options{}).Poll(t.Context(), "text://node.invalid"); !errors.Is(err, collect.ErrUnreachable) {
		t.Errorf("no such name: %v", err)
	}
}

// TestCancelled: a poll ends soon after its context.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	address := serve(t, "127.0.0.1:0", func(c net.Conn) {
		cancel()
		_, _ = c.Read(make([]byte, 1))
	})
	if _, err := New(Options{}).Poll(ctx, address); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := New(Options{}).Poll(ctx, address); !errors.Is(err, context.Canceled) {
		t.Errorf("before it began: %v", err)
	}
}

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		address, hostPort string
		port              uint16
		fails             bool
	}{
		{"text://web1", "web1:4848", 4848, false},
		{"text://web1:4848", "web1:4848", 4848, false},
		{"text://10.0.0.1:5000", "10.0.0.1:5000", 5000, false},
		{"text://[2001:db8::1]", "[2001:db8::1]:4848", 4848, false},
		{"text://[2001:db8::1]:99", "[2001:db8::1]:99", 99, false},
		{"ssh://web1", "", 0, true},
		{"web1:4848", "", 0, true},
		{"text://web1/x", "", 0, true},
		{"text://web1:0", "", 0, true},
		{"text://web1:70000", "", 0, true},
		{"text://", "", 0, true},
	} {
		hostPort, port, err := parseAddress(c.address)
		if hostPort != c.hostPort || port != c.port || (err != nil) != c.fails {
			t.Errorf("%s: %q, %d, %v", c.address, hostPort, port, err)
		}
	}
}
