package proctext

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// NetstatRow is one TCP socket to be printed as netstat does.
type NetstatRow struct {
	V6           bool // a socket of IPv6, whatever its addresses
	RecvQ, SendQ uint32
	Local        netip.AddrPort
	Remote       netip.AddrPort // unspecified with port 0: none
	State        State
	PID          int // 0: not known
	Process      string
}

// AppendNetstat appends what "LANG=C netstat -antlp" of net-tools prints, byte
// for byte: addresses that are too long for their column are cut as there, and
// so is the process's name, in whose place netstat has the beginning of the
// command line.
func AppendNetstat(b []byte, rows []NetstatRow) []byte {
	b = append(b, "Active Internet connections (servers and established)\n"...)
	b = append(b, "Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name    \n"...)
	for i := range rows {
		r := &rows[i]
		protocol := TCP
		if r.V6 {
			protocol = "tcp6"
		}
		b = fmt.Appendf(b, "%-5s %6d %6d %-23s %-23s %-11s %-20s\n",
			protocol, r.RecvQ, r.SendQ, netstatAddress(r.Local), netstatAddress(r.Remote), netstatState(r.State), netstatProgram(r))
	}
	return b
}

// netstatAddress has, with its port, at most 23 characters.
func netstatAddress(a netip.AddrPort) string {
	port := "*"
	if a.Port() != 0 {
		port = strconv.Itoa(int(a.Port()))
	}
	host := a.Addr().Unmap().WithZone("").String()
	return host[:min(len(host), linuxWhole-1-len(port))] + ":" + port
}

func netstatProgram(r *NetstatRow) string {
	if r.PID == 0 {
		return "-"
	}
	s := strconv.Itoa(r.PID) + "/" + r.Process
	return s[:min(len(s), programWidth-1)]
}

// netstatState spells a state as netstat does.
func netstatState(s State) string {
	switch s {
	case Established:
		return "ESTABLISHED"
	case SynSent:
		return "SYN_SENT"
	case SynReceived:
		return "SYN_RECV"
	case FinWait1:
		return "FIN_WAIT1"
	case FinWait2:
		return "FIN_WAIT2"
	case TimeWait:
		return "TIME_WAIT"
	case Closed:
		return "CLOSE"
	case CloseWait:
		return "CLOSE_WAIT"
	case LastAck:
		return "LAST_ACK"
	case Listening:
		return "LISTEN"
	case Closing:
		return "CLOSING"
	}
	return "UNKNOWN"
}

// Link is a network interface to be printed as ip address does.
type Link struct {
	net.Interface
	Addresses []netip.Prefix
}

// AppendAddresses appends what ip address prints, as far as it is read: the
// interfaces with their flags and their addresses with their scope. What its
// readers skip is left out: queues, the life of addresses.
func AppendAddresses(b []byte, links []Link) []byte {
	for _, l := range links {
		b = fmt.Appendf(b, "%d: %s: <%s> mtu %d\n", l.Index, l.Name, linkFlags(l.Flags), l.MTU)
		switch {
		case l.Flags&net.FlagLoopback != 0:
			b = append(b, "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"...)
		case len(l.HardwareAddr) == 6: // RFC 7042: EUI-48
			b = fmt.Appendf(b, "    link/ether %s brd ff:ff:ff:ff:ff:ff\n", l.HardwareAddr)
		default:
			b = append(b, "    link/none \n"...)
		}
		for _, a := range l.Addresses {
			b = appendAddress(b, l.Name, a)
		}
	}
	return b
}

func appendAddress(b []byte, link string, p netip.Prefix) []byte {
	scope, label := "global", ""
	switch a := p.Addr(); {
	case a.IsLoopback():
		scope = "host"
	case a.IsLinkLocalUnicast():
		scope = "link"
	}
	family := "inet6"
	if p.Addr().Is4() {
		family, label = "inet", link
	}
	return fmt.Appendf(b, "    %s %s scope %s %s\n", family, p, scope, label)
}

// linkFlags are the flags as ip address names them.
func linkFlags(f net.Flags) string {
	var names []string
	for _, n := range []struct {
		flag net.Flags
		name string
	}{
		{net.FlagLoopback, "LOOPBACK"},
		{net.FlagBroadcast, "BROADCAST"},
		{net.FlagPointToPoint, "POINTOPOINT"},
		{net.FlagMulticast, "MULTICAST"},
		{net.FlagUp, "UP"},
		{net.FlagRunning, "LOWER_UP"},
	} {
		if f&n.flag != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ",")
}

// ParseQueues reads the queues of a row that [ParseSocket] reads: bytes to be
// sent and to be received, on a listener the connections that wait.
func ParseQueues(line []byte) (send, receive uint32, ok bool) {
	var cols [5][]byte
	if split(line, cols[:]) < len(cols) {
		return 0, 0, false
	}
	left, right, _ := strings.Cut(string(cols[4]), ":")
	tx, okSend := parseUint([]byte(left), 16, 32)
	rx, okReceive := parseUint([]byte(right), 16, 32)
	return uint32(tx), uint32(rx), okSend && okReceive
}
