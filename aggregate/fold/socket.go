package fold

import (
	"net/netip"

	"github.com/devops-trouble-map/dotm/report"
)

// State is a socket's state, numbered as in the kernel's tcp_states.h. A UDP
// socket is [Established] when it is connected to one peer, else [Close].
type State uint8

// The states that say something.
const (
	Established State = 1
	SynSent     State = 2
	FinWait1    State = 4
	FinWait2    State = 5
	TimeWait    State = 6
	Close       State = 7
	CloseWait   State = 8
	LastAck     State = 9
	Listen      State = 10
	Closing     State = 11
)

// ends tells whether a socket in this state was closed by its process: what is
// left of it only proves that there was a connection.
func (s State) ends() bool {
	switch s {
	case FinWait1, FinWait2, TimeWait, LastAck, Closing:
		return true
	case Established, SynSent, Close, CloseWait, Listen:
	}
	return false
}

// Owner is the process that holds a socket.
type Owner struct {
	PID       int
	Process   string // empty: not seen
	User      string // empty: not seen
	Unit      string // its systemd unit, if any
	Container int    // its container's index + 1 in the report; 0: none
	Own       bool   // dotm itself
	// Admin says that the process could not be seen but would be by root.
	Admin bool
}

// nobody owns a socket whose process is not known.
var nobody Owner

// Socket is one kernel socket, as every way of looking (sock_diag, ss,
// netstat) can tell it.
type Socket struct {
	Namespace int
	Protocol  report.Protocol
	State     State
	V6Only    bool           // meaningful for listeners on ::
	Local     netip.AddrPort // IPv4-mapped addresses unmapped
	Remote    netip.AddrPort // zero port: none
	// Real is who is really at the other end, where address translation hides
	// it behind Remote; nil: Remote is.
	Real   *netip.AddrPort
	Cookie uint64 // tells sockets apart between looks; 0: unknown
	Inode  uint32 // leads to the process; 0: none holds it
	UID    uint32 // who created it
	Owner  *Owner // nil: not known
	Measures
}

func (s *Socket) owner() *Owner {
	if s.Owner == nil {
		return &nobody
	}
	return s.Owner
}

// peer is who is really at the other end.
func (s *Socket) peer() netip.AddrPort {
	if s.Real == nil {
		return s.Remote
	}
	return *s.Real
}

// Measures is what the kernel measures on one socket, as far as it says so.
// Counters count since the socket opened, and wrap.
type Measures struct {
	// Queue connections wait to be accepted, QueueMax may (listeners).
	Queue, QueueMax uint32
	// Drops counts what a listener, or a socket of UDP, turned away.
	Drops uint32
	// RTT and RTTVar are in microseconds (RFC 6298).
	RTT, RTTVar uint32
	// Segments with payload were sent, Retransmits sent again.
	Segments, Retransmits uint32
	// Sent and Received are bytes of payload.
	Sent, Received uint64
	// Idle is how long ago the peer was last heard, in milliseconds.
	Idle uint32
	// Retries is how often what waits for an answer now was sent again.
	Retries uint8
}

// PortRange is inclusive at both ends, as net.ipv4.ip_local_port_range is.
type PortRange struct{ Low, High uint16 }

// DefaultEphemeral is the kernel's default for net.ipv4.ip_local_port_range.
var DefaultEphemeral = PortRange{32768, 60999}

// Contains reports whether p lies in the range.
func (r PortRange) Contains(p uint16) bool { return p >= r.Low && p <= r.High }
