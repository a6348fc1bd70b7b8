// Package mapping finds out what a check of a monitoring system is about: which
// node of the topology, and which service on it. Every answer says why.
//
// [Compile] makes the settings ready, [New] a [Mapper] for a snapshot and the hosts
// of one source; [Mapper.Check] maps a check, [Mapper.Renew] goes on with the next
// snapshot. What decides, in this order: a rule of the settings; a port or address
// that the check names; a word for known software, in the check's name or command;
// the name of a process, unit or container. Where several services would do, or
// none does, the check is on the node.
//
// It is pure: no I/O, no clock.
package mapping

import "github.com/devops-trouble-map/dotm/topology"

// Host is a monitored host, as its monitoring system describes it.
type Host struct {
	Name string `json:"name"`
	// Alias and Display are other names for it, as people read them; empty if
	// there are none.
	Alias   string `json:"alias,omitempty"`
	Display string `json:"display,omitempty"`
	// Addresses are where the system looks for it: IP addresses or host names.
	Addresses []string `json:"addresses,omitempty"`
	// Groups it is in, and Parents that it is reached through, by their names.
	Groups  []string `json:"groups,omitempty"`
	Parents []string `json:"parents,omitempty"`
	// Link leads to its page in the monitoring system, Notes to what people wrote
	// about it elsewhere.
	Link  string `json:"link,omitempty"`
	Notes string `json:"notes,omitempty"`
}

// Check is a result with what it tells of where it looks.
type Check struct {
	topology.Check
	// Command is the name of the command or plugin that looks, without arguments:
	// "check_pgsql", "http"; empty if unknown.
	Command string
	// Hints are ports and addresses that the check names itself.
	Hints []Hint
}

// Hint is something that a check says of where it looks.
type Hint struct {
	// Address is an IP address or host name; empty for the check's own host.
	Address string
	// Port is 0 if only an address is named.
	Port uint16
	// From says where that stands, for people: "label instance", "perfdata",
	// "command argument -p".
	From string
	// Exporter says that the port may be that of whoever measures (an exporter, a
	// monitoring agent) and not of what is measured.
	Exporter bool
}
