// Package topology holds the words of the map as types: nodes, services and
// the connections between them, as one immutable [Snapshot] of a moment, and
// the events that lie between two snapshots.
//
// It imports nothing but the standard library; everything else imports it.
package topology

import (
	"fmt"
	"net/netip"
	"time"
)

// NodeKind says what a node stands for.
type NodeKind string

// The kinds of node.
const (
	Host      NodeKind = "host"      // a host that reports, or once did
	Container NodeKind = "container" // a network namespace of its own on a host
	Inferred  NodeKind = "inferred"  // an address that reporting nodes talk to
	Virtual   NodeKind = "virtual"   // an address that moves, or sits on several nodes
	Network   NodeKind = "network"   // many addresses of one network
	Internet  NodeKind = "internet"  // everything outside the internal networks
	Pool      NodeKind = "pool"      // nodes of one role, in views alone
	Group     NodeKind = "group"     // what belongs together, in views alone
)

// InternetName is the name of the one node that stands for every address
// outside the internal networks.
const InternetName = "Internet"

// NodeState says whether the node speaks for itself.
type NodeState string

// The states of a node.
const (
	Reporting NodeState = "reporting" // its last report is fresh
	Stale     NodeState = "stale"     // it reported once, and is silent now
	Unheard   NodeState = "inferred"  // it never reported; others see it
	// What a node said itself with its last report, which came at LastReport.
	Left      NodeState = "left"      // its host was shut down
	Rebooting NodeState = "rebooting" // its host went down to start again
	Stopped   NodeState = "stopped"   // its agent was stopped, and nothing else is known
)

// OnPurpose says that a node doesn't report because it said so.
func (s NodeState) OnPurpose() bool { return s == Left || s == Rebooting || s == Stopped }

// Down says that the node's host is down because it said so.
func (s NodeState) Down() bool { return s == Left || s == Rebooting }

// Mute says that a node reported once and doesn't now, whether it said so or not.
func (s NodeState) Mute() bool { return s == Stale || s.OnPurpose() }

// Node is a host, or what stands for one or many.
type Node struct {
	Name      string       `json:"name"`
	Kind      NodeKind     `json:"kind"`
	Zone      string       `json:"zone"`
	Addresses []netip.Addr `json:"addresses"`
	State     NodeState    `json:"state"`
	// Verdict is what the checks on it and on its services say.
	Verdict
	FirstSeen time.Time `json:"first_seen"`
	// LastReport is when the server received the newest report; zero if none.
	LastReport time.Time `json:"last_report,omitzero"`
	// Interval is how often the node says it reports; zero if unknown.
	Interval Duration `json:"interval,omitzero"`
	// Identity tells nodes of one name apart; empty for those that never
	// reported. See the report format for its kinds.
	Identity string `json:"identity,omitempty"`
	// Weak says that the identity is nothing but the name.
	Weak bool `json:"weak_identity,omitempty"`
	// Agent is the version of what reports; empty if nothing does.
	Agent string `json:"agent,omitempty"`
	// Collect is how its reports come in: "agent", "text", "ssh" or "import";
	// empty if it never reported.
	Collect string `json:"collect,omitempty"`
	// Findings are what is odd about it: a clone, another host of its name, an
	// address that others have too, a clock that is wrong.
	Findings []Note `json:"findings,omitempty"`
	// Instance is the process of its agent that reported last; empty if that
	// doesn't say.
	Instance string `json:"agent_instance,omitempty"`
	// Formerly are the names and identities that it had before, the latest
	// first.
	Formerly []Former `json:"formerly,omitempty"`
	// Twin is the node of the same identity that this one may be under another
	// name, or a clone of; the next reports decide.
	Twin Twin `json:"twin,omitzero"`
	// ContainerNetworks are those of its bridges for containers and virtual
	// machines: their addresses mean something on this host only.
	ContainerNetworks []netip.Prefix `json:"container_networks,omitempty"`
	// OnLoopback are those of its addresses that sit on no network (a /32 on lo).
	OnLoopback []netip.Addr `json:"on_loopback,omitempty"`
	// VirtualAddresses are those that it holds and that are nodes of their own.
	VirtualAddresses []netip.Addr `json:"virtual_addresses,omitempty"`
	// AddressChanges are the addresses that came and went a short while ago,
	// beside others that stayed.
	AddressChanges []AddressChange `json:"address_changes,omitempty"`
	// Sources are connections of others that leave through it under one of its
	// addresses (source NAT), sorted.
	Sources []Source `json:"sources,omitempty"`
	// Holders are the nodes that a virtual address sits on, and before that
	// sat on: those that hold it now first, then the latest.
	Holders []Holder `json:"holders,omitempty"`
	// Skew is how far the node's clock is ahead of the server's.
	Skew Duration `json:"clock_skew,omitzero"`
	// SeenBy names the reporting nodes that a node which doesn't report is
	// known from, sorted.
	SeenBy []string `json:"seen_by,omitempty"`
	// Notes say what its agent could not see, and why.
	Notes []Note `json:"notes,omitempty"`
	// HiddenProcesses counts its services and connections without a name.
	HiddenProcesses int `json:"process_names_hidden,omitempty"`
	// Forwards are the addresses whose connections its address translation
	// sends elsewhere, sorted.
	Forwards []Forward `json:"forwards,omitempty"`
	// Shortages are what it is about to run out of, by kind and what has it.
	Shortages []Shortage `json:"shortages,omitempty"`
	// Cost is what its last look cost it.
	Cost Cost `json:"cost,omitzero"`
	// Members are the nodes that a pool or a group stands for, by name.
	Members []BoxMember `json:"members,omitempty"`
}

// BoxMember is one of the nodes that stand in one box.
type BoxMember struct {
	Name  string    `json:"name"`
	Kind  NodeKind  `json:"kind"`
	State NodeState `json:"state"`
	Verdict
	HiddenProcesses int `json:"process_names_hidden,omitempty"`
}

// Forward is one rule of destination NAT that is in use on a node.
type Forward struct {
	Protocol Protocol       `json:"protocol"`
	From     netip.AddrPort `json:"from"`
	To       netip.AddrPort `json:"to"`
}

// Source says that connections of a client to a server leave through a node
// under an address of that node.
type Source struct {
	Protocol Protocol       `json:"protocol"`
	Client   netip.Addr     `json:"client"`
	As       netip.Addr     `json:"as"`
	Server   netip.AddrPort `json:"server"`
	// Count is how many connections are open so, roughly.
	Count int `json:"count"`
}

// Former is what a node was before: another name, or another machine.
type Former struct {
	Name     string `json:"name"`
	Identity string `json:"identity"`
	// Until is when that ended.
	Until time.Time `json:"until"`
}

// Twin is another node of one identity.
type Twin struct {
	Node string `json:"node"`
	// Since is when the second of the two appeared.
	Since time.Time `json:"since"`
}

// AddressChange is an address that a node gained or lost.
type AddressChange struct {
	Address netip.Addr `json:"address"`
	Gained  bool       `json:"gained"`
	At      time.Time  `json:"at"`
}

// Holder is one node that has, or had, a virtual address.
type Holder struct {
	Node  string    `json:"node"`
	Since time.Time `json:"since"`
	// Until is when it was known to be elsewhere; zero while it is there.
	Until time.Time `json:"until,omitzero"`
}

// Note is one sentence about what could not be seen.
type Note struct {
	Code string `json:"code"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// Cost is what a node's agent spends on one look.
type Cost struct {
	CPUMillis  float64 `json:"cpu_ms"`
	WallMillis float64 `json:"wall_ms"`
	RSSBytes   int64   `json:"rss_bytes,omitempty"`
	Sockets    int     `json:"sockets"`
}

// Protocol is a transport: "tcp" or "udp".
type Protocol string

// Scope says who can reach a service by where it listens.
type Scope string

// The scopes of a service.
const (
	ScopeHost     Scope = ""         // reachable through the host's addresses
	ScopeLoopback Scope = "loopback" // reachable from its own host only
)

// ServiceState says whether a service accepts connections.
type ServiceState string

// The states of a service.
const (
	Listening ServiceState = "listening" // its node reports the listener
	Gone      ServiceState = "gone"      // it listened once, and stopped
	Seen      ServiceState = "seen"      // its node doesn't report; a client's connection proves it
)

// Service is something that accepts connections: a node, a protocol and a
// port, with the process that owns the listening socket.
type Service struct {
	// ID is stable and safe in a URL's path; see [ServiceID].
	ID       string   `json:"id"`
	Node     string   `json:"node"`
	Protocol Protocol `json:"protocol"`
	Port     uint16   `json:"port"`
	// Process is empty if it could not be seen.
	Process string `json:"process"`
	User    string `json:"user,omitempty"`
	// PID is the process of the node's last report, by which a restart shows; 0 if
	// that is not known. It is not kept.
	PID int `json:"-"`
	// Addresses are what it listens on; 0.0.0.0 and :: mean every address.
	Addresses []netip.Addr `json:"addresses"`
	Scope     Scope        `json:"scope"`
	State     ServiceState `json:"state"`
	Verdict
	// Unit is the systemd unit that its process belongs to, if any.
	Unit string `json:"unit,omitempty"`
	// Container is the name of the container it runs in, if any; Image is what
	// that was started from, and Pod its pod, as namespace/name.
	Container string `json:"container"`
	Image     string `json:"image,omitempty"`
	Pod       string `json:"pod,omitempty"`
	// Queue is how many connections wait to be accepted, QueueMax how many may
	// wait, and Drops how many were turned away since FirstSeen.
	Queue    uint32 `json:"queue,omitempty"`
	QueueMax uint32 `json:"queue_max,omitempty"`
	Drops    uint64 `json:"drops,omitempty"`
	// Own marks dotm's own services.
	Own       bool      `json:"own"`
	FirstSeen time.Time `json:"first_seen"`
	// LastSeen is when it was last known to accept connections. In a block it
	// is written when it stops; readers of a snapshot get it complete.
	LastSeen time.Time `json:"last_seen"`
	// LastConnection is when a connection to it was last open; zero if never
	// seen. In a block it is written when the last one closes.
	LastConnection time.Time `json:"last_connection,omitzero"`
	// Clients is how many sockets are connected to it now, by its own node's
	// count.
	Clients int `json:"clients"`
}

// ConnectionStatus is a connection's age or trouble.
type ConnectionStatus string

// The statuses of a connection.
const (
	Fresh ConnectionStatus = "fresh" // open now, or a moment ago
	Old   ConnectionStatus = "old"   // not open for longer than the ageing time
)

// Connection is an aggregated, directed edge from a client to a service; never
// one socket.
type Connection struct {
	// ID is stable and safe in a URL's path; see [ConnectionID].
	ID       string   `json:"id"`
	Client   Client   `json:"client"`
	Server   Server   `json:"server"`
	Protocol Protocol `json:"protocol"`
	// Count is how many sockets are open now, counted at the client's end if
	// that reports.
	Count int `json:"count"`
	// Opened is how many were seen opening since FirstSeen.
	Opened uint64 `json:"opened"`
	// Refused, TimedOut and Failed count the attempts since FirstSeen that came
	// to nothing: refused by the server's host, without an answer or a route,
	// for another reason or given up.
	Refused   uint64    `json:"refused,omitempty"`
	TimedOut  uint64    `json:"timed_out,omitempty"`
	Failed    uint64    `json:"failed,omitempty"`
	FirstSeen time.Time `json:"first_seen"`
	// LastSeen is when it was last open. In a block it is written when it
	// closes; readers of a snapshot get it complete.
	LastSeen time.Time `json:"last_seen"`
	// LastConnection is when one of its sockets was last seen opening; the
	// first sight counts.
	LastConnection time.Time `json:"last_connection,omitzero"`
	// Directed is false where it is not known which end is the service.
	Directed bool             `json:"directed"`
	Status   ConnectionStatus `json:"status"`
	// Health is what the kernel of one end measures on its open sockets; nil
	// if nothing is known.
	Health *Health `json:"health,omitempty"`
	// Own marks dotm's own connections.
	Own bool `json:"own"`
	// Observer says that the client only looks at many nodes, briefly:
	// monitoring, health checks, scanners. It counts for nothing.
	Observer bool `json:"observer,omitempty"`
	// Peers is how many addresses stand behind the end that is the Internet
	// or a network; zero for an edge between two nodes.
	Peers    int      `json:"peers,omitempty"`
	Evidence Evidence `json:"evidence"`
}

// Health is what the kernel measures on the open sockets of an edge. Numbers
// are rounded to two digits, so that they change when something does.
type Health struct {
	// End says which end measured: "client" or "server".
	End string `json:"end"`
	// RTT is the mean of the smoothed round-trip times, RTTVar that of their
	// deviations, in microseconds.
	RTT    uint64 `json:"rtt_us,omitempty"`
	RTTVar uint64 `json:"rttvar_us,omitempty"`
	// Sent and Received are bytes of payload per second, from the client to
	// the server and back.
	Sent     uint64 `json:"sent_bytes_per_second,omitempty"`
	Received uint64 `json:"received_bytes_per_second,omitempty"`
	// Retransmits is the share of segments that had to be sent again, from 0
	// to 1, by the end that measured.
	Retransmits float64 `json:"retransmit_ratio,omitempty"`
	// Connecting sockets wait for the server's answer, the oldest since
	// ConnectingSince.
	Connecting      int       `json:"connecting,omitempty"`
	ConnectingSince time.Time `json:"connecting_since,omitzero"`
	// CloseWait sockets were closed by the other end and not by the process of
	// this one, the oldest since CloseWaitSince.
	CloseWait      int       `json:"close_wait,omitempty"`
	CloseWaitSince time.Time `json:"close_wait_since,omitzero"`
}

// Client is the end that opens connections.
type Client struct {
	Node    string `json:"node"`
	Process string `json:"process"`
	// Unit and Container are what the process belongs to, if anything.
	Unit      string `json:"unit,omitempty"`
	Container string `json:"container,omitempty"`
	// Service is the client's own service, where its process has exactly one.
	Service string `json:"service"`
}

// Server is the end that accepts connections.
type Server struct {
	Node    string `json:"node"`
	Port    uint16 `json:"port"`
	Process string `json:"process"`
	// Service is empty where the port alone is known: on the Internet, on a
	// network, or at an end of an edge without direction.
	Service string `json:"service"`
}

// Evidence is what an edge rests on.
type Evidence struct {
	// BothEnds says that the client's and the server's node report it.
	BothEnds bool `json:"both_ends"`
	// Confirmed says that both ends name the same sockets, so that they are
	// one connection whatever addresses lie between.
	Confirmed bool `json:"confirmed,omitempty"`
	// SeenBy lists the nodes that reported it, the client's end first.
	SeenBy []Sighting `json:"seen_by"`
	// ClientAddress and ServerAddress are the addresses that were resolved;
	// one of many where Peers is above one.
	ClientAddress string `json:"client_address,omitempty"`
	ServerAddress string `json:"server_address,omitempty"`
	// ClientResolved and ServerResolved say in words how.
	ClientResolved string `json:"client_resolved,omitempty"`
	ServerResolved string `json:"server_resolved,omitempty"`
}

// Sighting is one node's word for an edge.
type Sighting struct {
	Node string    `json:"node"`
	End  string    `json:"end"` // "client" or "server"
	At   time.Time `json:"at"`
}

// Duration is a [time.Duration] that reads and writes as text, like "5m0s",
// in JSON and YAML alike.
type Duration time.Duration

// MarshalText writes d in the form of [time.Duration.String].
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what [time.ParseDuration] reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("must be a duration like 90s or 5m, is %q", text)
	}
	*d = Duration(v)
	return nil
}
