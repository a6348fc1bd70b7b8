package scan

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/report"
)

// socketList is the sockets of one look. Its memory serves the next look too.
type socketList struct {
	sockets []aggregate.Socket
	holds   []hold // of the socket with the same index
}

// hold leads from a socket to the process that holds it.
type hold struct {
	inode uint32 // 0: no process holds it
	uid   uint32 // who created it
}

func (l *socketList) truncate(n int) {
	l.sockets, l.holds = l.sockets[:n], l.holds[:n]
}

// add takes one socket as the kernel shows it. Addresses are unmapped here, so
// that an IPv4 client of a dual-stack listener is an IPv4 address, and a peer
// without an address is none.
func (l *socketList) add(s aggregate.Socket, h hold) {
	s.Local = netip.AddrPortFrom(s.Local.Addr().Unmap(), s.Local.Port())
	s.Remote = netip.AddrPortFrom(s.Remote.Addr().Unmap(), s.Remote.Port())
	if s.Remote.Addr().IsUnspecified() {
		s.Remote = netip.AddrPort{}
	}
	l.sockets = append(l.sockets, s)
	l.holds = append(l.holds, h)
}

// The states that are asked for, as bits.
const (
	tcpStates = 1<<aggregate.Established | 1<<aggregate.CloseWait | 1<<aggregate.Listen
	udpStates = 1<<aggregate.Established | 1<<aggregate.Close
)

func statesOf(p report.Protocol) uint32 {
	if p == report.TCP {
		return tcpStates
	}
	return udpStates
}

// maxInterrupted is how often a dump that the kernel calls inconsistent is
// taken again.
const maxInterrupted = 3

// socketReader reads the sockets of this network namespace, by sock_diag as
// long as the kernel lets it, else from /proc/net.
type socketReader struct {
	proc string
	list socketList
	buf  []byte
	// refused is why sock_diag isn't used, by protocol.
	refused map[report.Protocol]error
	// interrupted lists what stayed inconsistent in this look.
	interrupted []report.Protocol
}

// errForced stands for a refusal in tests.
var errForced = errors.New("sock_diag is switched off")

func newSocketReader(proc string, m method) *socketReader {
	r := &socketReader{proc: proc, refused: map[report.Protocol]error{}}
	if m == methodProc {
		r.refused[report.TCP], r.refused[report.UDP] = errForced, errForced
	}
	return r
}

// read replaces the list by the sockets of now.
func (r *socketReader) read(ctx context.Context) error {
	r.list.truncate(0)
	r.interrupted = r.interrupted[:0]
	for _, p := range []report.Protocol{report.TCP, report.UDP} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.readProtocol(p); err != nil {
			return err
		}
	}
	return nil
}

func (r *socketReader) readProtocol(p report.Protocol) error {
	before := len(r.list.sockets)
	if r.refused[p] == nil {
		err := r.readDiag(p)
		if err == nil {
			return nil
		}
		if !isRefusal(err) {
			return fmt.Errorf("asking sock_diag for %s: %w", p, err)
		}
		r.refused[p] = err
		r.list.truncate(before)
	}
	return r.list.readProcNet(filepath.Join(r.proc, "thread-self/net"), p)
}

// isRefusal tells a kernel that doesn't give sock_diag at all (seccomp, a
// module that is missing, no such protocol) from one that fails once.
func isRefusal(err error) bool {
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

// method names how sockets are read: the report's agent.method.
func (r *socketReader) method() string {
	if r.refused[report.TCP] != nil {
		return "proc"
	}
	return "sock_diag"
}

// describe adds notes on how sockets were read, if not as well as can be.
func (r *socketReader) describe(n *notes) {
	var missing []string
	var reason error
	for _, p := range []report.Protocol{report.TCP, report.UDP} {
		if err := r.refused[p]; err != nil {
			missing, reason = append(missing, strings.ToUpper(string(p))), err
		}
	}
	if reason != nil {
		n.add("no-sock-diag",
			fmt.Sprintf("The kernel refuses sock_diag for %s (%v): sockets are read from /proc/net, which is slower.", strings.Join(missing, " and "), reason),
			"Load the kernel modules inet_diag, tcp_diag and udp_diag, or allow AF_NETLINK sockets")
	}
	for _, p := range r.interrupted {
		n.add("interrupted", fmt.Sprintf("The sockets of %s changed faster than the kernel could list them: some may be missing.", strings.ToUpper(string(p))), "")
	}
}
