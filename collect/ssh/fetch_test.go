package ssh

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/devops-trouble-map/dotm/collect"
)

// short are limits for servers that never do their part.
const short = 300 * time.Millisecond

// refuses checks in which way asking failed, and that the words say why.
func refuses(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want one that is %v", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %v, which does not say %q", err, w)
		}
	}
}

// TestFetch: the command arrives to the letter, what it prints comes back whole.
func TestFetch(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", MaxAnswer/16-8)
	var got string
	s := (&server{banner: "Authorised use only.\n", run: func(command string, ch gossh.Channel) {
		got = command
		_, _ = io.WriteString(ch.Stderr(), "bash: warning: setlocale\n")
		_, _ = io.WriteString(ch, "@dotm-ssh 1 w\n"+long)
		exitWith(ch, 0)
	}}).start(t)
	text, err := fetch(t, options(t, s), s.hop)
	must(t, err)
	if got != Command {
		t.Errorf("ran %q", got)
	}
	if text != "@dotm-ssh 1 w\n"+long {
		t.Errorf("%d bytes came back of %d", len(text), len(long)+14)
	}
}

// TestCommands: what a node prints that does not run our command, or not to its
// end.
func TestCommands(t *testing.T) {
	for _, c := range []struct {
		name  string
		s     *server
		kind  error
		words []string
	}{
		{"no shell", &server{run: prints("This account is currently not available.\n", 1)}, collect.ErrUnreadable, []string{`"This account is currently not available."`, "dotm node ssh-command"}},
		{"another command", &server{run: prints("total 12\ndrwxr-xr-x 2 root\n", 0)}, collect.ErrUnreadable, []string{"something else", `total 12\ndrwx`}},
		{"nothing", &server{run: prints("", 0)}, collect.ErrUnreadable, []string{"printed nothing"}},
		{"only complaints", &server{run: func(_ string, ch gossh.Channel) {
			_, _ = io.WriteString(ch.Stderr(), "sh: not found\n")
			exitWith(ch, 127)
		}}, collect.ErrUnreadable, []string{"sh: not found"}},
		{"an early end", &server{run: prints("@dotm-ssh 1 w\n@dotm-ssh w host\n", 137)}, collect.ErrUnreadable, []string{"status 137"}},
		{"no status", &server{run: func(_ string, ch gossh.Channel) { _, _ = io.WriteString(ch, "@dotm-ssh 1 w\n") }}, collect.ErrUnreadable, []string{"ended within the answer"}},
		{"a connection that ends", &server{run: func(_ string, ch gossh.Channel) {}}, collect.ErrUnreadable, []string{"ended before the answer"}},
		{"no session", &server{refuse: true}, collect.ErrRefused, []string{"no session is opened"}},
		{"no command", &server{deny: true}, collect.ErrRefused, []string{"no command may be run"}},
		{"an endless answer", &server{run: func(_ string, ch gossh.Channel) { endless(ch) }}, collect.ErrTooLarge, []string{"more than 8 MiB"}},
		{"endless complaints", &server{run: func(_ string, ch gossh.Channel) { endless(ch.Stderr()) }}, collect.ErrTooLarge, []string{"more than 8 MiB"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.s.start(t)
			_, err := fetch(t, options(t, s), s.hop)
			refuses(t, err, c.kind, c.words...)
		})
	}
}

// endless writes until nobody reads any more.
func endless(w io.Writer) {
	junk := make([]byte, 32<<10)
	for {
		if _, err := w.Write(junk); err != nil {
			return
		}
	}
}

// hang keeps a connection open until the other end closes it.
func hang(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// TestConnections: servers that are none, or bad ones.
func TestConnections(t *testing.T) {
	for _, c := range []struct {
		name  string
		raw   func(net.Conn)
		kind  error
		words []string
	}{
		{"never speaks", hang, collect.ErrSilent, []string{"does not complete the login"}},
		{"stops after its version", func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-x\r\n")
			hang(c)
		}, collect.ErrSilent, nil},
		{"closes at once", func(net.Conn) {}, collect.ErrUnreachable, []string{"does not complete the login"}},
		{"closes after its version", func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n") }, collect.ErrUnreachable, nil},
		{"another protocol", func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
		}, collect.ErrUnreachable, nil},
		{"endless lines before its version", func(c net.Conn) { endlessLines(c) }, collect.ErrUnreachable, []string{"overflow"}},
		{"an endless line", endlessRaw, collect.ErrUnreachable, []string{"overflow"}},
		{"a huge packet", func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-x\r\n")
			_ = binary.Write(c, binary.BigEndian, []uint32{1 << 31, 0})
			hang(c)
		}, collect.ErrUnreachable, []string{"packet"}},
		{"endless packets", func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-x\r\n")
			ignored := append([]byte{0, 0, 0x80, 0, 4, 2}, make([]byte, 0x8000-2)...) // SSH_MSG_IGNORE
			for {
				if _, err := c.Write(ignored); err != nil {
					return
				}
			}
		}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := (&server{raw: c.raw}).start(t)
			o := options(t, s)
			o.Timeout = short
			if c.kind != collect.ErrSilent {
				o.Timeout = DefaultTimeout
			}
			_, err := fetch(t, o, s.hop)
			if c.kind == nil && (errors.Is(err, collect.ErrUnreachable) || errors.Is(err, collect.ErrTooLarge)) {
				return
			}
			refuses(t, err, c.kind, c.words...)
		})
	}
}

func endlessRaw(c net.Conn) { endless(c) }

func endlessLines(w io.Writer) {
	for {
		if _, err := io.WriteString(w, "Welcome\r\n"); err != nil {
			return
		}
	}
}

// TestNobodyThere: a port that nobody listens on.
func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	hop := hopOf(t, l.Addr())
	must(t, l.Close())
	_, err = fetch(t, options(t), hop)
	refuses(t, err, collect.ErrUnreachable, "connection refused")
	_, err = fetch(t, options(t), collect.Hop{User: "dotm", Host: "nobody.invalid", Port: 22})
	refuses(t, err, collect.ErrUnreachable, "nobody.invalid")
}

// TestSilence: a command that does not end, and one that drips.
func TestSilence(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	s := (&server{run: func(_ string, ch gossh.Channel) {
		_, _ = io.WriteString(ch, "@dotm-ssh 1 w\n")
		<-release
	}}).start(t)
	o := options(t, s)
	o.Timeout = short
	_, err := fetch(t, o, s.hop)
	refuses(t, err, collect.ErrSilent, "after 300ms it has sent")
}

// TestCancelled: who asked went away.
func TestCancelled(t *testing.T) {
	for name, raw := range map[string]func(net.Conn){"in the login": hang, "in the command": nil} {
		t.Run(name, func(t *testing.T) {
			begun, release := make(chan struct{}, 1), make(chan struct{})
			defer close(release)
			s := &server{run: func(string, gossh.Channel) {
				begun <- struct{}{}
				<-release
			}}
			if raw != nil {
				s.raw = func(c net.Conn) {
					begun <- struct{}{}
					raw(c)
				}
			}
			s.start(t)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-begun
				cancel()
			}()
			_, err := newPoller(t, options(t, s)).Poll(ctx, collect.SSHAddress{Hop: s.hop}.String())
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestParallel: no more nodes are asked at once than may be.
func TestParallel(t *testing.T) {
	const most, polls = 2, 6
	entered, release := make(chan struct{}, polls), make(chan struct{})
	s := (&server{run: func(_ string, ch gossh.Channel) {
		entered <- struct{}{}
		<-release
		exitWith(ch, 1)
	}}).start(t)
	o := options(t, s)
	o.Parallel = most
	p := newPoller(t, o)
	results := make(chan error, polls)
	for range polls {
		go func() {
			_, err := p.Poll(t.Context(), collect.SSHAddress{Hop: s.hop}.String())
			results <- err
		}()
	}
	for range most {
		<-entered
	}
	if n := len(p.slots); n != most {
		t.Errorf("%d slots are taken", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Poll(ctx, collect.SSHAddress{Hop: s.hop}.String()); !errors.Is(err, context.Canceled) {
		t.Errorf("one that waits ends with %v", err)
	}
	select {
	case <-entered:
		t.Error("a third one was let in")
	default:
	}
	close(release)
	for range polls {
		refuses(t, <-results, collect.ErrUnreadable)
	}
}

// TestOptions: limits and jump hosts are judged before anything is asked.
func TestOptions(t *testing.T) {
	for _, o := range []Options{{Parallel: -1}, {Timeout: -1}, {Connect: -1}, {Jump: "a/b"}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	p := newPoller(t, Options{})
	for address, want := range map[string]string{
		"ssh://db1":             "no user is named for db1:22: write ssh://USER@db1",
		"text://db1":            "must begin with ssh://",
		"ssh://dotm@db1?jump=g": "no user is named for g:22",
	} {
		if _, err := p.Poll(t.Context(), address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", address, err, want)
		}
	}
}
