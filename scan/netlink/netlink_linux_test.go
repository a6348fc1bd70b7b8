package netlink

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAsk: the kernel answers a question about the sockets of UDP (sock_diag(7)),
// message by message, and refuses one that is too short.
func TestAsk(t *testing.T) {
	ask := func(ctx context.Context, size int, a *Answer) error {
		c, err := Dial(unix.NETLINK_SOCK_DIAG)
		must(t, err)
		defer func() { must(t, errors.Join(c.Close(), c.Close())) }()
		b := AppendHeader(nil, unix.SizeofNlMsghdr+size, unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
		b = append(b, make([]byte, size)...)
		copy(b[unix.SizeofNlMsghdr:], []byte{unix.AF_INET, unix.IPPROTO_UDP})
		return c.Ask(ctx, b, make([]byte, 32<<10), a, anything{})
	}
	var a Answer
	if err := ask(t.Context(), 1, &a); !errors.Is(err, unix.EINVAL) {
		t.Errorf("got %v, want %v", err, unix.EINVAL)
	}
	if err := ask(t.Context(), 56, &Answer{}); err != nil && !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ask(ended, 56, &Answer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

type anything struct{}

func (anything) Take(uint16, []byte) (bool, error) { return true, nil }

// TestReceive: an answer that doesn't come, or ends, is told apart; one that
// comes late is waited for.
func TestReceive(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	c := Conn{fds[0]}
	buf := make([]byte, 8)
	go unix.Write(fds[1], []byte{1, 2, 3})
	if n, err := c.Receive(buf); n != 3 || err != nil || buf[2] != 3 {
		t.Errorf("got %d bytes, %v", n, err)
	}
	must(t, unix.SetsockoptTimeval(fds[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 1000}))
	for _, tt := range []struct {
		before func() error
		want   string
	}{
		{func() error { return nil }, "reading answer: none within 5 s"},
		{func() error { return unix.Close(fds[1]) }, "reading answer: it ended early"},
		{func() error { return unix.Close(fds[0]) }, "reading answer: bad file descriptor"},
	} {
		must(t, tt.before())
		if _, err := c.Receive(buf); err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}
