// Package netlink talks to the kernel over netlink(7): one request, and the
// messages of its answer, in place.
package netlink

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Timeout bounds the wait for an answer that never comes, in seconds.
const Timeout = 5

// Conn is a socket that talks to the kernel and to nobody else: being
// connected, it takes no messages of other processes. Its buffer need not be
// large: of a dump, the kernel makes the next part when one is read.
type Conn struct{ fd int }

// Dial opens a socket of one family (NETLINK_SOCK_DIAG, NETLINK_NETFILTER, …) in
// the calling thread's network namespace. It may be used on any thread.
func Dial(family int) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, family)
	if err != nil {
		return nil, fmt.Errorf("opening netlink socket: %w", err)
	}
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: Timeout})
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	if err != nil {
		unix.Close(fd) //nolint:errcheck // the first error counts
		return nil, fmt.Errorf("connecting netlink socket: %w", err)
	}
	return &Conn{fd}, nil
}

// Close ends the connection. Closing again does nothing.
func (c *Conn) Close() error {
	if c.fd < 0 {
		return nil
	}
	err := unix.Close(c.fd)
	c.fd = -1
	return err
}

// Ask sends a request and reads its answer through buf until a says that it is
// done, or ctx ended. The messages go to t.
func (c *Conn) Ask(ctx context.Context, request, buf []byte, a *Answer, t Taker) error {
	if err := c.Send(request); err != nil {
		return err
	}
	for !a.Done {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := c.Receive(buf)
		if err != nil {
			return err
		}
		if err := a.Parse(buf[:n], t); err != nil {
			return err
		}
	}
	return nil
}

// Send sends a request.
func (c *Conn) Send(request []byte) error {
	if _, err := unix.Write(c.fd, request); err != nil {
		return fmt.Errorf("sending request: %w", err)
	}
	return nil
}

// Receive reads the next part of an answer and returns its size.
func (c *Conn) Receive(buf []byte) (int, error) {
	for {
		n, err := receive(c.fd, buf)
		if errors.Is(err, unix.EAGAIN) { // nothing is there yet
			n, err = unix.Read(c.fd, buf)
		}
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, fmt.Errorf("reading answer: none within %d s", Timeout)
		case err != nil:
			return 0, fmt.Errorf("reading answer: %w", err)
		case n == 0:
			return 0, errors.New("reading answer: it ended early")
		}
		return n, nil
	}
}

// receive is recv(2) without waiting, and without telling Go's scheduler. The
// kernel makes an answer's next part during this call, which takes it a tenth of
// a millisecond: the scheduler would think that it waits, and wake threads to go
// on with other work. Of a look at many sockets that took a twentieth.
func receive(fd int, buf []byte) (int, error) {
	n, _, no := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), //nolint:gosec // as recv(2) wants it
		unix.MSG_DONTWAIT, 0, 0)
	if no != 0 {
		return 0, no
	}
	return int(n), nil
}
