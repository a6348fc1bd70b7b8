package scan

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
)

// Of linux/inet_diag.h.
const (
	tcpdiagGetsock   = 18 // the request of old that walks IPv4 and IPv6 at once
	inetDiagSKV6Only = 11
	sizeofReq        = 60 // struct inet_diag_req
	sizeofReqV2      = 56 // struct inet_diag_req_v2
)

// diagBuffer is what one read can take. The kernel fills at most 32 KiB per
// message of a dump; the rest is room for kernels that fill more.
const diagBuffer = 128 << 10

// diagTimeout bounds the wait for an answer that never comes, in seconds.
const diagTimeout = 5

// errInterrupted says that the kernel calls a dump inconsistent
// (NLM_F_DUMP_INTR).
var errInterrupted = errors.New("dump was interrupted")

// readDiag appends the sockets of one protocol.
func (r *socketReader) readDiag(p report.Protocol) error {
	before := len(r.list.sockets)
	if p == report.TCP {
		err := r.dump(p, legacyRequest(statesOf(p)))
		if err == nil || !isRefusal(err) {
			return err
		}
		r.list.truncate(before)
	}
	if err := r.dump(p, requestV2(unix.AF_INET, p)); err != nil {
		return err
	}
	err := r.dump(p, requestV2(unix.AF_INET6, p))
	if errors.Is(err, unix.ENOENT) {
		return nil // a kernel without IPv6 has no such sockets
	}
	return err
}

// dump sends one request and appends what comes back, again if the kernel
// says that the answer is inconsistent.
func (r *socketReader) dump(p report.Protocol, request []byte) error {
	if r.buf == nil {
		r.buf = make([]byte, diagBuffer)
	}
	before := len(r.list.sockets)
	for range maxInterrupted {
		r.list.truncate(before)
		err := r.dumpOnce(p, request)
		if !errors.Is(err, errInterrupted) {
			return err
		}
	}
	r.interrupted = append(r.interrupted, p)
	return nil
}

func (r *socketReader) dumpOnce(p report.Protocol, request []byte) error {
	fd, err := openDiag()
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // nothing is lost with it
	if _, err := unix.Write(fd, request); err != nil {
		return fmt.Errorf("sending request: %w", err)
	}
	d := dump{list: &r.list, protocol: p}
	for !d.done {
		n, err := unix.Read(fd, r.buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("reading answer: %w", err)
		case n == 0:
			return errors.New("reading answer: it ended early")
		}
		if err := d.parse(r.buf[:n]); err != nil {
			return err
		}
	}
	if d.interrupted {
		return errInterrupted
	}
	return nil
}

// openDiag returns a socket that talks to the kernel and to nobody else:
// being connected, it takes no messages of other processes.
func openDiag() (fd int, err error) {
	fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return -1, fmt.Errorf("opening netlink socket: %w", err)
	}
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: diagTimeout})
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	if err != nil {
		unix.Close(fd) //nolint:errcheck // the first error counts
		return -1, fmt.Errorf("connecting netlink socket: %w", err)
	}
	return fd, nil
}

// legacyRequest asks for TCP sockets of both families in one walk.
func legacyRequest(states uint32) []byte {
	b := request(tcpdiagGetsock, sizeofReq)
	binary.NativeEndian.PutUint32(b[unix.SizeofNlMsghdr+52:], states)
	return b
}

// requestV2 asks for the sockets of one protocol and family.
func requestV2(family byte, p report.Protocol) []byte {
	b := request(unix.SOCK_DIAG_BY_FAMILY, sizeofReqV2)
	body := b[unix.SizeofNlMsghdr:]
	body[0], body[1] = family, unix.IPPROTO_TCP
	if p == report.UDP {
		body[1] = unix.IPPROTO_UDP
	}
	binary.NativeEndian.PutUint32(body[4:], statesOf(p))
	return b
}

func request(kind uint16, size int) []byte {
	b := make([]byte, unix.SizeofNlMsghdr+size)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	return b
}
