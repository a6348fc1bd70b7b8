// Package report is what one node says about itself: the versioned wire format
// between agents (or collectors) and the server, with its limits and its rules.
//
// A report is a complete look at one host. Sockets are already aggregated into
// rows, one per (namespace, process, peer address, service port, direction), so
// that its size follows the shape of the traffic and not its amount.
//
// Compatibility: fields are only ever added within major version 1, unknown
// fields are ignored, and a newer major version is refused ([ErrVersion]).
package report

import (
	"net/netip"
	"time"
)

// Version is the format that this package writes, as "major.minor".
const Version = "1.1"

// Report is one look at one node.
type Report struct {
	// Version is the format's "major.minor"; see [Version].
	Version string `json:"version"`
	// Node says who reports.
	Node Node `json:"node"`
	// Zone is the part of the site in which the node's addresses mean one
	// thing; empty is the default zone. It is spelled as a host's name is.
	Zone string `json:"zone,omitempty"`
	// Agent says what took the look.
	Agent Agent `json:"agent"`
	// Sequence counts the reports of one agent process from 1. Whole reports
	// and beats share it.
	Sequence uint64 `json:"sequence"`
	// Counted is the sequence up to which this report's counters (Opened and
	// those beside it, Drops) count; 0 is Sequence. It stays the same while an
	// agent doesn't know whether the server has them: a server that has counted
	// up to there already takes the rest of the report alone.
	Counted uint64 `json:"counted,omitempty"`
	// Time is the node's own clock at the look. It serves for ages and skew
	// only; the server orders reports by when they arrive.
	Time time.Time `json:"time"`
	// LagMS is how long after Time the report arrives by the agent's own
	// reckoning, in milliseconds: the look, and half of the round trip that the
	// delivery before took. It makes Skew exact.
	LagMS int64 `json:"lag_ms,omitempty"`
	// SpanMS is the time since the look before in milliseconds, which is what
	// the counters of [Health] count over; 0 if there was none.
	SpanMS int64 `json:"span_ms,omitempty"`
	// IntervalMS is the time to the next report that the server may expect,
	// in milliseconds; 0 if there is no next one.
	IntervalMS int64 `json:"interval_ms"`
	// Leaving says that this is the agent's last word, and why it ends; empty while
	// it goes on. Of such a report the server takes nothing else: what a host shows
	// that is going down is no news of its services.
	Leaving Leaving `json:"leaving,omitempty"`
	// Interfaces lists the node's addresses.
	Interfaces []Interface `json:"interfaces"`
	// Namespaces lists the network namespaces that were looked at beside the
	// node's own. Rows refer to them by index + 1; 0 is the node's own.
	Namespaces []Namespace `json:"namespaces,omitempty"`
	// Containers describes the containers that processes run in. Rows refer to
	// them by index + 1; 0 is none.
	Containers []Container `json:"containers,omitempty"`
	// Listeners lists the sockets that accept connections or datagrams.
	Listeners []Listener `json:"listeners"`
	// Connections lists the aggregated connections, never single sockets.
	Connections []Connection `json:"connections"`
	// Forwards lists where the node's address translation sends connections
	// that pass through it, or that it makes itself.
	Forwards []Forward `json:"forwards,omitempty"`
	// Sources lists connections of others that leave through the node under one
	// of its own addresses (source NAT).
	Sources []Source `json:"sources,omitempty"`
	// Shortages lists what the node is about to run out of: at least half of it is
	// taken.
	Shortages []Shortage `json:"shortages,omitempty"`
	// Notes say what could not be seen, and why.
	Notes []Note `json:"notes,omitempty"`
	// Coverage says how much was seen.
	Coverage Coverage `json:"coverage"`
	// Cost is what the look cost the host.
	Cost Cost `json:"cost"`
}

// Leaving is why an agent ends on purpose.
type Leaving string

// Why agents end. A server takes a word that it doesn't know for [LeavingStop].
const (
	LeavingShutdown Leaving = "shutdown" // the host is shut down
	LeavingReboot   Leaving = "reboot"   // the host goes down to start again
	LeavingStop     Leaving = "stop"     // the agent alone is stopped
	LeavingRestart  Leaving = "restart"  // the agent alone is stopped to be started again at once
)

// Node names and identifies the reporting host.
type Node struct {
	// Name is the host's name as gethostname(2) gives it: letters, digits,
	// '.', '_' and '-', at most [MaxName] bytes.
	Name string `json:"name"`
	// Identity tells hosts of the same name apart.
	Identity Identity `json:"identity"`
}

// Identity tells one node from another. It survives renames and reboots; the
// boot id is deliberately no part of it.
type Identity struct {
	// Kind is one of [IdentityEnrolled], [IdentityMachine], [IdentityHostname].
	Kind string `json:"kind"`
	// Value is opaque; a machine-id is sent hashed (machine-id(5) asks for
	// that), so that it cannot serve as a key elsewhere.
	Value string `json:"value"`
}

// Kinds of identity, best first.
const (
	IdentityEnrolled = "enrolled"   // given by the server at enrolment
	IdentityMachine  = "machine-id" // machine-id(5), hashed
	IdentityHostname = "hostname"   // nothing better: weak, clones look alike
)

// Weak reports whether the identity is only the host's name.
func (i Identity) Weak() bool { return i.Kind == IdentityHostname }

// Agent says what took the look.
type Agent struct {
	Version string `json:"version"`
	// Method is how sockets were read: "sock_diag", "proc", later also
	// "text" and "ssh".
	Method string `json:"method"`
	// Instance is random for each process of an agent (ours: 128 bits in hex),
	// spelled as a host's name is: sequences of one are not compared with those
	// of another. Empty if the agent doesn't say.
	Instance string `json:"instance,omitempty"`
	// Policy is the name of the [Policy] that it follows, so that the server
	// needs not say it again.
	Policy string `json:"policy,omitempty"`
}

// Interface is one network interface with its addresses.
type Interface struct {
	Name      string         `json:"name"`
	Addresses []netip.Prefix `json:"addresses"`
}

// Namespace is a network namespace beside the node's own, usually a container's.
type Namespace struct {
	// Container names it, differently from every other namespace of the node;
	// it is spelled as a host's name is.
	Container string       `json:"container"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
}

// Container is a container that processes of the node run in.
type Container struct {
	// Name is what its runtime calls it, else the beginning of its id.
	Name string `json:"name"`
	ID   string `json:"id,omitempty"`
	// Runtime is "docker", "podman", "containerd", "cri-o", "lxc" or
	// "systemd-nspawn"; empty if it could not be told.
	Runtime string `json:"runtime,omitempty"`
	// Image is what it was started from, as its runtime writes it.
	Image string `json:"image,omitempty"`
	// Pod and PodNamespace are of Kubernetes.
	Pod          string `json:"pod,omitempty"`
	PodNamespace string `json:"pod_namespace,omitempty"`
}

// Container is the container that a row of a valid report refers to by its
// index + 1; the zero one for 0, which refers to none.
func (r *Report) Container(index int) Container {
	if index == 0 {
		return Container{}
	}
	return r.Containers[index-1]
}

// Forward says that connections to one address are translated to another
// (destination NAT): published ports of containers, Kubernetes services, rules
// of a firewall.
type Forward struct {
	Protocol Protocol       `json:"protocol"`
	From     netip.AddrPort `json:"from"` // what clients call
	To       netip.AddrPort `json:"to"`   // where they arrive
	// Count is how many connections are tracked so now.
	Count int `json:"count"`
}

// Source says that connections of a client leave through the node with another
// source address (source NAT): routers, hosts of containers. The server sees
// them come from that address.
type Source struct {
	Protocol Protocol       `json:"protocol"`
	Client   netip.Addr     `json:"client"`
	As       netip.Addr     `json:"as"`     // an address of the node
	Server   netip.AddrPort `json:"server"` // where they arrive
	// Count is how many connections are tracked so now.
	Count int `json:"count"`
}

// Protocol is the transport of a row.
type Protocol string

// The protocols of version 1.
const (
	TCP Protocol = "tcp"
	UDP Protocol = "udp"
)

// Listener is one socket that accepts connections (TCP) or datagrams (UDP).
type Listener struct {
	Namespace int      `json:"namespace,omitempty"`
	Protocol  Protocol `json:"protocol"`
	// Address is what it is bound to; 0.0.0.0 and :: mean every address. A
	// dual-stack socket is reported as ::, with Dual set.
	Address netip.Addr `json:"address"`
	Dual    bool       `json:"dual,omitempty"`
	Port    uint16     `json:"port"`
	// Process is the thread-group leader's comm (proc_pid_comm(5)), completed
	// from the executable's name where the kernel cut it; empty if it could
	// not be seen.
	Process string `json:"process,omitempty"`
	PID     int    `json:"pid,omitempty"`
	User    string `json:"user,omitempty"`
	// Unit is the systemd unit that the process belongs to, if any, and
	// Container the index + 1 of its container.
	Unit      string `json:"unit,omitempty"`
	Container int    `json:"container,omitempty"`
	// Queue is how many connections wait to be accepted, QueueMax how many may
	// wait, and Drops how many were turned away since the last report that was
	// delivered (TCP); for UDP, how many datagrams.
	Queue    uint32 `json:"queue,omitempty"`
	QueueMax uint32 `json:"queue_max,omitempty"`
	Drops    uint64 `json:"drops,omitempty"`
	// Own marks sockets of dotm itself.
	Own bool `json:"own,omitempty"`
}

// Direction says which end of a row is the service.
type Direction string

// The directions of a row, seen from the reporting node.
const (
	In      Direction = "in"      // the service is on this node
	Out     Direction = "out"     // the service is at the peer
	Unknown Direction = "unknown" // it could not be decided: no arrow is better than a false one
)

// Connection is one aggregated row.
type Connection struct {
	Namespace int       `json:"namespace,omitempty"`
	Direction Direction `json:"direction"`
	Protocol  Protocol  `json:"protocol"`
	// Process is this node's end: the client for Out, the service for In.
	Process string `json:"process,omitempty"`
	PID     int    `json:"pid,omitempty"`
	User    string `json:"user,omitempty"`
	// Unit and Container are those of the process, as in [Listener].
	Unit      string `json:"unit,omitempty"`
	Container int    `json:"container,omitempty"`
	// Peer is the other end's address. IPv4-mapped addresses are unmapped.
	Peer netip.Addr `json:"peer"`
	// PeerNetwork is the network that the agent folded peers into, where there
	// were too many of them outside the internal networks; Peer is one of them
	// then, and Peers is how many there were.
	PeerNetwork netip.Prefix `json:"peer_network,omitzero"`
	Peers       int          `json:"peers,omitempty"`
	// Port is the service's port: the local one for In, the peer's otherwise.
	Port uint16 `json:"port"`
	// Local is, for In, the address that the accepting listener is bound to.
	Local netip.Addr `json:"local,omitzero"`
	// Called is, for In through a listener on all addresses, the node's address
	// that the peer called.
	Called netip.Addr `json:"called,omitzero"`
	// Tuples name some of the row's open connections, those with the smallest
	// hashes in ascending order, so that both ends pick the same; see [Tuple].
	Tuples []uint64 `json:"tuples,omitempty"`
	// LocalPort is set for Unknown only, where either end may be the service.
	LocalPort uint16 `json:"local_port,omitempty"`
	// Via is, for Out, what the process called where the node's address
	// translation made that Peer and Port.
	Via netip.AddrPort `json:"via,omitzero"`
	// Count is how many sockets are open now.
	Count int `json:"count"`
	// Opened is how many were seen opening since the last report that was
	// delivered. Rows may have opened and closed in between: Count is 0 then.
	Opened uint64 `json:"opened"`
	// Refused, TimedOut and Failed count the attempts to connect that came to
	// nothing, since the same moment: refused by the peer, without an answer
	// or a route, for another reason or given up.
	Refused  uint64 `json:"refused,omitempty"`
	TimedOut uint64 `json:"timed_out,omitempty"`
	Failed   uint64 `json:"failed,omitempty"`
	// Health is what the kernel measures on the row's sockets; nil if nothing.
	Health *Health `json:"health,omitempty"`
	// Own marks connections of dotm itself.
	Own bool `json:"own,omitempty"`
}

// Health is what the kernel measures on the TCP sockets of one row (struct
// tcp_info of linux/tcp.h), summed up. Counters count over the report's span
// ([Report].SpanMS), and only what happened while a look could see it; they are
// measures of a rate, and those of a report that was not delivered are lost.
type Health struct {
	// Measured is how many open sockets RTT and RTTVar are the means of, in
	// microseconds: the smoothed round-trip time and its mean deviation
	// (RFC 6298).
	Measured int    `json:"measured,omitempty"`
	RTT      uint32 `json:"rtt_us,omitempty"`
	RTTVar   uint32 `json:"rttvar_us,omitempty"`
	// Segments were sent, Retransmits of them again.
	Segments    uint64 `json:"segments,omitempty"`
	Retransmits uint64 `json:"retransmits,omitempty"`
	// Sent and Received are bytes of payload: acknowledged by the peer, and
	// arrived here.
	Sent     uint64 `json:"sent_bytes,omitempty"`
	Received uint64 `json:"received_bytes,omitempty"`
	// Connecting sockets wait for an answer of the peer (SYN-SENT), the oldest
	// for at least ConnectingMS milliseconds.
	Connecting   int   `json:"connecting,omitempty"`
	ConnectingMS int64 `json:"connecting_ms,omitempty"`
	// CloseWait sockets were closed by the peer and not by the process, the
	// oldest at least CloseWaitMS milliseconds ago.
	CloseWait   int   `json:"close_wait,omitempty"`
	CloseWaitMS int64 `json:"close_wait_ms,omitempty"`
}

// Tried reports whether connections opened, or attempts to open one came to
// nothing, since the last report.
func (c *Connection) Tried() bool { return c.Opened+c.Refused+c.TimedOut+c.Failed > 0 }

// Made reports whether a connection is open, or was made since the last report.
func (c *Connection) Made() bool { return c.Count > 0 || c.Opened > 0 }

// AddCounts adds the counters of another row of the same edge.
func (c *Connection) AddCounts(o *Connection) {
	c.Opened += o.Opened
	c.Refused += o.Refused
	c.TimedOut += o.TimedOut
	c.Failed += o.Failed
	if o.Health == nil {
		return
	}
	h := Health{}
	if c.Health != nil {
		h = *c.Health
	}
	h.Segments += o.Health.Segments
	h.Retransmits += o.Health.Retransmits
	h.Sent += o.Health.Sent
	h.Received += o.Health.Received
	if h != (Health{}) {
		c.Health = &h
	}
}

// Shortage is what a node is about to run out of.
type Shortage struct {
	// Kind is [Ports] or [Descriptors].
	Kind string `json:"kind"`
	// Process and PID are whose descriptors they are.
	Process string `json:"process,omitempty"`
	PID     int    `json:"pid,omitempty"`
	// Server is the address that the ports are taken for: connections to it need
	// different ones.
	Server netip.AddrPort `json:"server,omitzero"`
	// Used of Max are taken; Used is rounded to two digits, so that it changes when
	// something does.
	Used uint64 `json:"used"`
	Max  uint64 `json:"max"`
}

// What a node may run out of.
const (
	Ports       = "ports"       // local ones for calling out, see ip_local_port_range (ip(7))
	Descriptors = "descriptors" // of a process, see RLIMIT_NOFILE (getrlimit(2))
)

// Note says that something could not be seen, why, and what would help.
type Note struct {
	// Code is stable, for programs: "unprivileged", "hidden-owners", …
	Code string `json:"code"`
	// Text is one sentence for people.
	Text string `json:"text"`
	// Hint is what to do about it, if anything.
	Hint string `json:"hint,omitempty"`
}

// Coverage says how much of the node's traffic was seen.
type Coverage struct {
	// Sockets is the number of sockets looked at.
	Sockets int `json:"sockets"`
	// HiddenProcesses is the number of services and connections whose process
	// could not be seen.
	HiddenProcesses int `json:"hidden_processes"`
	// HiddenAsUser is how many of those an administrator would see.
	HiddenAsUser int `json:"hidden_as_user,omitempty"`
	// OpensBy says how Opened was counted: "kernel" (every TCP connection),
	// "looks" (those that were open during a look).
	OpensBy string `json:"opens_by,omitempty"`
	// OpensSeen are the attempts and acceptances of TCP connections that were
	// counted since the last look, OpensKernel those that the kernel's own
	// counters (ActiveOpens and PassiveOpens of RFC 4022) tell of, OpensLost
	// those that found no room to be counted by edge.
	OpensSeen   uint64 `json:"opens_seen,omitempty"`
	OpensKernel uint64 `json:"opens_kernel,omitempty"`
	OpensLost   uint64 `json:"opens_lost,omitempty"`
	// Truncated is the number of rows left out because of the limits.
	Truncated int `json:"truncated,omitempty"`
}

// Cost is what a look cost the host.
type Cost struct {
	CPUMicros  int64 `json:"cpu_us"`
	WallMicros int64 `json:"wall_us"`
	// ProcessMicros is the CPU time that the whole agent took since the look
	// before, deliveries included; 0 where it does more than that.
	ProcessMicros int64 `json:"process_cpu_us,omitempty"`
	// RSSBytes is the agent's resident memory.
	RSSBytes int64 `json:"rss_bytes,omitempty"`
}
