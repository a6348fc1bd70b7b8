// Package sockdiag asks the kernel for the sockets of the calling thread's
// network namespace (sock_diag(7), linux/inet_diag.h): what they are connected
// to, whose they are, and what the kernel measures on them.
//
// It needs no rights. A kernel, or a container's seccomp profile, may refuse
// it: see [IsRefusal].
package sockdiag

import (
	"context"
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/netlink"
)

// Of linux/inet_diag.h.
const (
	tcpdiagGetsock = 18 // the request of old that walks IPv4 and IPv6 at once
	sizeofReq      = 60 // struct inet_diag_req
	sizeofReqV2    = 56 // struct inet_diag_req_v2

	attrInfo      = 2  // INET_DIAG_INFO: struct tcp_info
	attrSKMemInfo = 7  // INET_DIAG_SKMEMINFO
	attrSKV6Only  = 11 // INET_DIAG_SKV6ONLY
)

// The attributes that can be asked for, as bits of a request.
const (
	askInfo      = 1 << (attrInfo - 1)
	askSKMemInfo = 1 << (attrSKMemInfo - 1)
)

// Question is what to ask for.
type Question struct {
	Protocol report.Protocol
	// States are those of the sockets, a set of bits 1<<state.
	States uint32
	// Measured asks for what the kernel measures on connections of TCP too, a
	// quarter of what the answer costs. Listeners and sockets of UDP come with
	// what they turned away in any case.
	Measured bool
}

// bufferSize is what one read can take. The kernel fills at most 32 KiB per
// message of a dump; the rest is room for kernels that fill more.
const bufferSize = 128 << 10

// maxInterrupted is how often a dump that the kernel calls inconsistent is
// taken again.
const maxInterrupted = 3

// ErrInterrupted says that the kernel calls a dump inconsistent
// (NLM_F_DUMP_INTR), time and again: sockets may be missing.
var ErrInterrupted = errors.New("dump was interrupted")

// Reader asks for sockets. The zero value is ready. Its memory serves every
// call; it is for one goroutine.
type Reader struct{ buf []byte }

// Append appends the sockets that the question is about. With [ErrInterrupted]
// the list is as complete as it got; with any other error it is unchanged.
//
// Listeners are asked for by themselves: what they turned away is of no use of
// other sockets, and the kernel has them in a list of their own.
func (r *Reader) Append(ctx context.Context, list []fold.Socket, q Question) ([]fold.Socket, error) {
	if q.Protocol != report.TCP {
		return r.append(ctx, list, q.Protocol, q.States, askSKMemInfo)
	}
	const listen = uint32(1) << fold.Listen
	extensions := byte(0)
	if q.Measured {
		extensions = askInfo
	}
	first, err := r.append(ctx, list, q.Protocol, q.States&listen, askSKMemInfo)
	if err != nil && !errors.Is(err, ErrInterrupted) {
		return list, err
	}
	all, errRest := r.append(ctx, first, q.Protocol, q.States&^listen, extensions)
	if errRest != nil && !errors.Is(errRest, ErrInterrupted) {
		return list, errRest
	}
	return all, errors.Join(err, errRest)
}

// append asks for both families in one walk, or one after the other.
func (r *Reader) append(ctx context.Context, list []fold.Socket, p report.Protocol, states uint32, extensions byte) ([]fold.Socket, error) {
	if states == 0 {
		return list, nil
	}
	if p == report.TCP {
		longer, err := r.dump(ctx, list, p, legacyRequest(states, extensions))
		if err == nil || !IsRefusal(err) {
			return longer, err
		}
	}
	four, err := r.dump(ctx, list, p, requestV2(unix.AF_INET, p, states, extensions))
	if err != nil && !errors.Is(err, ErrInterrupted) {
		return list, err
	}
	both, err6 := r.dump(ctx, four, p, requestV2(unix.AF_INET6, p, states, extensions))
	switch {
	case errors.Is(err6, unix.ENOENT): // a kernel without IPv6 has no such sockets
		return four, err
	case err6 != nil && !errors.Is(err6, ErrInterrupted):
		return list, err6
	}
	return both, errors.Join(err, err6)
}

// IsRefusal tells a kernel that doesn't give sock_diag at all (seccomp, a
// module that is missing, no such protocol) from one that fails once.
func IsRefusal(err error) bool {
	var no unix.Errno
	if !errors.As(err, &no) {
		return false
	}
	switch no { //nolint:exhaustive // these are the refusals, all others are failures
	case unix.EPERM, unix.EACCES, unix.ENOENT, unix.ENOSYS, unix.EINVAL,
		unix.EPROTONOSUPPORT, unix.EAFNOSUPPORT, unix.EOPNOTSUPP, unix.ECONNREFUSED:
		return true
	}
	return false
}

// dump sends one request and appends what comes back, again if the kernel
// says that the answer is inconsistent.
func (r *Reader) dump(ctx context.Context, list []fold.Socket, p report.Protocol, request []byte) ([]fold.Socket, error) {
	if r.buf == nil {
		r.buf = make([]byte, bufferSize)
	}
	var longer []fold.Socket
	for range maxInterrupted {
		d := dump{list: list, protocol: p}
		if err := r.ask(ctx, &d, request); err != nil {
			return list, err
		}
		if longer = d.list; !d.Interrupted {
			return longer, nil
		}
	}
	return longer, ErrInterrupted
}

func (r *Reader) ask(ctx context.Context, d *dump, request []byte) error {
	c, err := netlink.Dial(unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // nothing is lost with it
	return c.Ask(ctx, request, r.buf, &d.Answer, d)
}

// legacyRequest asks for TCP sockets of both families in one walk.
func legacyRequest(states uint32, extensions byte) []byte {
	b := request(tcpdiagGetsock, sizeofReq)
	b[unix.SizeofNlMsghdr+3] = extensions
	binary.NativeEndian.PutUint32(b[unix.SizeofNlMsghdr+52:], states)
	return b
}

// requestV2 asks for the sockets of one protocol and family.
func requestV2(family byte, p report.Protocol, states uint32, extensions byte) []byte {
	b := request(unix.SOCK_DIAG_BY_FAMILY, sizeofReqV2)
	body := b[unix.SizeofNlMsghdr:]
	body[0], body[1], body[2] = family, unix.IPPROTO_TCP, extensions
	if p == report.UDP {
		body[1] = unix.IPPROTO_UDP
	}
	binary.NativeEndian.PutUint32(body[4:], states)
	return b
}

func request(kind uint16, size int) []byte {
	const header = unix.SizeofNlMsghdr
	b := netlink.AppendHeader(make([]byte, 0, header+size), header+size, kind, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	return b[:header+size]
}
