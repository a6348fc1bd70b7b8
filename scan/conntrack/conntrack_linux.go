// Package conntrack reads which connections of a network namespace the kernel
// translates (NAT), from its connection tracking. So the real service behind a
// virtual address is found, and the real client behind a masqueraded one:
// published ports of containers, services of Kubernetes, rules of nftables,
// iptables and IPVS.
//
// Reading never turns tracking on. A namespace is tracked once a rule needs it
// (nf_ct_netns_get of the kernel), and not because somebody asks for the
// table. But to ask may load modules of the kernel (nfnetlink_rcv_msg), and
// before Linux 4.10 that was enough. So the kernel is only asked where
// something is tracked already.
package conntrack

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
)

// What keeps the table from being read. Errors of [Reader.Read] wrap these.
var (
	// ErrInactive says that the kernel has no connection tracking, or has not
	// loaded it: nothing is translated, and nothing is missed.
	ErrInactive = errors.New("connection tracking is not active")
	// ErrRefused says that the right is missing: the table is for processes
	// with CAP_NET_ADMIN in the namespace's user namespace.
	ErrRefused = errors.New("connection tracking may be read with CAP_NET_ADMIN only")
	// ErrUnlisted says that connections are tracked, but that the kernel can't
	// list them: it has no nf_conntrack_netlink, or may not load it.
	ErrUnlisted = errors.New("the kernel can't list tracked connections (no nf_conntrack_netlink)")
)

// State is how far a TCP connection has come in the eyes of the tracking
// (enum tcp_conntrack of linux/netfilter/nf_conntrack_tcp.h).
type State uint8

// The states of a tracked TCP connection. None is also what other protocols
// have, and connections that were handed to a flow table: of those, the kernel
// doesn't tell.
const (
	None State = iota
	SynSent
	SynReceived
	Established
	FinWait
	CloseWait
	LastAck
	TimeWait
	Close
	SynSent2 // both ends have sent a SYN
)

// Flow is one tracked connection with a translated address. Addresses of IPv4
// are plain, never mapped into IPv6.
type Flow struct {
	Protocol report.Protocol
	From     netip.AddrPort // who called
	Called   netip.AddrPort // what it called
	Server   netip.AddrPort // who answers: the real service
	Seen     netip.AddrPort // what the server takes for its peer
	State    State          // of TCP
	// Answered says that packets went both ways, Assured that the kernel took
	// it for a living connection (IPS_SEEN_REPLY and IPS_ASSURED of
	// linux/netfilter/nf_conntrack_common.h).
	Answered, Assured bool
}

// Destination tells whether the server is another than was called.
func (f Flow) Destination() bool { return f.Called != f.Server }

// Source tells whether the server takes another for its peer than who called.
func (f Flow) Source() bool { return f.From != f.Seen }

// Options says where and how much to read. The zero value is ready to use.
type Options struct {
	// Proc is where proc(5) is mounted; empty is /proc.
	Proc string
	// Limit is how many translated connections one [Table] holds at most; 0
	// or less is [DefaultLimit].
	Limit int
}

// DefaultLimit takes about 10 MB of memory when it is reached.
const DefaultLimit = 100_000

// maxAttempts is how often a table is asked for whose answer was disturbed.
const maxAttempts = 3

// answerBuffer is what one read can take. The kernel fills at most 32 KiB per
// message of a dump (netlink_recvmsg of the kernel).
const answerBuffer = 64 << 10

// Reader reads tables of connections. It keeps nothing but memory between two
// reads, so that one Reader serves any number of namespaces. It is not for
// several goroutines at once.
type Reader struct {
	files files
	limit int
	talk  exchange
	buf   []byte
}

// New returns a Reader.
func New(o Options) *Reader {
	if o.Proc == "" {
		o.Proc = "/proc"
	}
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	return &Reader{files: filesOf(o.Proc), limit: o.Limit, talk: talk}
}

// Read fills t with the translated connections of the calling thread's network
// namespace; callers that change namespaces hold on to their thread
// (runtime.LockOSThread). What t held before is gone, its memory is used again.
//
// Where nothing is tracked, t is empty and the kernel isn't even asked. Else it
// goes through a table that all namespaces of the host share, which takes it
// about 12 ms for the usual 262,144 places, however few of them are t's.
//
// Errors wrap [ErrInactive], [ErrRefused] or [ErrUnlisted] where one of these
// is why. With an error t is empty, but t.Tracked is set if that could be read.
func (r *Reader) Read(ctx context.Context, t *Table) error {
	t.reset(r.limit)
	var err error
	if t.Tracked, err = r.files.tracked(); err != nil || t.Tracked == 0 {
		return err
	}
	if r.buf == nil {
		r.buf = make([]byte, answerBuffer)
	}
	for range maxAttempts {
		t.clear()
		if err = r.dump(ctx, t); !isPassing(err) {
			break
		}
	}
	if t.Incomplete = isPassing(err); err != nil && !t.Incomplete {
		t.clear()
		return fmt.Errorf("reading tracked connections: %w", explain(err))
	}
	t.index()
	return nil
}

// isPassing tells whether err is about this one answer, so that the next may
// be better: the kernel ran out of room for it, or calls it inconsistent.
func isPassing(err error) bool {
	return errors.Is(err, unix.ENOBUFS) || errors.Is(err, errInterrupted)
}

// explain names what an error of the kernel means here.
func explain(err error) error {
	for _, no := range []struct {
		unix.Errno
		means error
	}{
		// EPERM is of the kernel's nfnetlink_rcv, the others of what may stand
		// before it: SELinux, and RestrictAddressFamilies= of systemd.exec(5).
		{unix.EPERM, ErrRefused},
		{unix.EACCES, ErrRefused},
		{unix.EAFNOSUPPORT, ErrRefused},
		// EINVAL is nfnetlink_rcv_msg's word for a subsystem that isn't there,
		// EPROTONOSUPPORT that of socket(2) for all of nfnetlink.
		{unix.EINVAL, ErrUnlisted},
		{unix.EPROTONOSUPPORT, ErrUnlisted},
	} {
		if errors.Is(err, no.Errno) {
			return fmt.Errorf("%w: %w", no.means, err)
		}
	}
	return err
}
