package scan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/networks"
	"github.com/devops-trouble-map/dotm/scan/sockdiag"
)

// The states that are asked for, as bits.
const (
	tcpOpen = 1<<fold.Established | 1<<fold.SynSent | 1<<fold.CloseWait | 1<<fold.Listen
	// tcpEnded sockets prove connections that closed. They are asked for where
	// the kernel doesn't count connections.
	tcpEnded = 1<<fold.FinWait1 | 1<<fold.FinWait2 | 1<<fold.TimeWait |
		1<<fold.LastAck | 1<<fold.Closing
	udpStates = 1<<fold.Established | 1<<fold.Close
)

// socketReader reads the sockets of network namespaces, by sock_diag as long as
// the kernel lets it, else from /proc/net. Its memory serves every look.
type socketReader struct {
	proc string
	list []fold.Socket
	diag sockdiag.Reader
	tcp  uint32 // states, as bits
	// measured says that in this look the kernel is asked for what it measures
	// on connections.
	measured bool
	// refused is why sock_diag isn't used, by protocol.
	refused map[report.Protocol]error
	// interrupted lists what stayed inconsistent in this look.
	interrupted []report.Protocol
}

// errForced stands for a refusal in tests.
var errForced = errors.New("sock_diag is switched off")

// newSocketReader reads in the given way. counted says that the kernel counts
// connections.
func newSocketReader(proc string, m method, counted bool) *socketReader {
	r := &socketReader{proc: proc, tcp: tcpOpen, refused: map[report.Protocol]error{}}
	if !counted {
		r.tcp |= tcpEnded
	}
	if m == methodProc {
		r.refused[report.TCP], r.refused[report.UDP] = errForced, errForced
	}
	return r
}

// begin empties the list.
func (r *socketReader) begin(measured bool) {
	r.list, r.interrupted, r.measured = r.list[:0], r.interrupted[:0], measured
}

// read appends the sockets of the calling thread's network namespace, under
// the index that it has in the report.
func (r *socketReader) read(ctx context.Context, n *networks.Network) error {
	from := len(r.list)
	if r.list == nil {
		r.list = make([]fold.Socket, 0, expected(r.proc))
	}
	for _, p := range []report.Protocol{report.TCP, report.UDP} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.readProtocol(ctx, p); err != nil {
			return err
		}
	}
	if n.Index == 0 {
		return nil
	}
	for i := from; i < len(r.list); i++ {
		s := &r.list[i]
		s.Namespace = n.Index
		if s.Cookie != 0 { // older kernels number the sockets of each namespace from 1
			s.Cookie ^= uint64(n.Inode) << 32
		}
	}
	return nil
}

// expected is about how many sockets there are in the calling thread's network
// namespace (/proc/net/sockstat).
func expected(proc string) int {
	text, err := os.ReadFile(filepath.Join(proc, "thread-self/net/sockstat"))
	if err != nil {
		return 0
	}
	n := proctext.ParseSocketsUsed(text)
	return min(n+n/16+64, maxExpected)
}

// maxExpected bounds the memory that is taken in advance.
const maxExpected = 200_000

func (r *socketReader) readProtocol(ctx context.Context, p report.Protocol) error {
	states := uint32(udpStates)
	if p == report.TCP {
		states = r.tcp
	}
	if r.refused[p] == nil {
		list, err := r.diag.Append(ctx, r.list, sockdiag.Question{Protocol: p, States: states, Measured: r.measured})
		switch {
		case err == nil:
			r.list = list
			return nil
		case errors.Is(err, sockdiag.ErrInterrupted):
			r.list, r.interrupted = list, append(r.interrupted, p)
			return nil
		case !sockdiag.IsRefusal(err):
			return fmt.Errorf("asking sock_diag for %s: %w", p, err)
		}
		r.refused[p] = err
	}
	list, err := sockdiag.AppendProcNet(r.list, filepath.Join(r.proc, "thread-self/net"), p, states)
	r.list = list
	return err
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
			fmt.Sprintf("The kernel refuses sock_diag for %s (%v): sockets are read from /proc/net, which is slower and tells nothing of their health.", strings.Join(missing, " and "), reason),
			"Load the kernel modules inet_diag, tcp_diag and udp_diag, or allow AF_NETLINK sockets")
	}
	for _, p := range r.interrupted {
		n.add("interrupted", fmt.Sprintf("The sockets of %s changed faster than the kernel could list them: some may be missing.", strings.ToUpper(string(p))), "")
	}
}
