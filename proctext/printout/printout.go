// Package printout prints sockets and addresses as netstat and ip do, for readers
// that expect these programs' text.
package printout

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/proctext"
)

// Row is one TCP socket to be printed as netstat does.
type Row struct {
	V6           bool // a socket of IPv6, whatever its addresses
	RecvQ, SendQ uint32
	Local        netip.AddrPort
	Remote       netip.AddrPort // unspecified with port 0: none
	State        proctext.State
	PID          int // 0: not known
	Process      string
}

// AppendNetstat appends what "LANG=C netstat -antlp" of net-tools prints, byte
// for byte: addresses that are too long for their column are cut as there, and
// so is the process's name, in whose place netstat has the beginning of the
// command line.
func AppendNetstat(b []byte, rows []Row) []byte {
	b = append(b, "Active Internet connections (servers and established)\n"...)
	b = append(b, "Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name    \n"...)
	for i := range rows {
		r := &rows[i]
		protocol := proctext.TCP
		if r.V6 {
			protocol = "tcp6"
		}
		b = fmt.Appendf(b, "%-5s %6d %6d %-23s %-23s %-11s %-20s\n",
			protocol, r.RecvQ, r.SendQ, netstatAddress(r.Local), netstatAddress(r.Remote), netstatState(r.State), netstatProgram(r))
	}
	return b
}

// The widths at which net-tools cuts an address with its port, and the process's
// id with its name and a blank.
const (
	addressWidth = 23
	nameWidth    = 20
)

// netstatAddress has, with its port, at most 23 characters.
func netstatAddress(a netip.AddrPort) string {
	port := "*"
	if a.Port() != 0 {
		port = strconv.Itoa(int(a.Port()))
	}
	host := a.Addr().Unmap().WithZone("").String()
	return host[:min(len(host), addressWidth-1-len(port))] + ":" + port
}

func netstatProgram(r *Row) string {
	if r.PID == 0 {
		return "-"
	}
	s := strconv.Itoa(r.PID) + "/" + r.Process
	return s[:min(len(s), nameWidth-1)]
}

// netstatState spells a state as netstat does.
func netstatState(s proctext.State) string {
	switch s {
	case proctext.Established:
		return "ESTABLISHED"
	case proctext.SynSent:
		return "SYN_SENT"
	case proctext.SynReceived:
		return "SYN_RECV"
	case proctext.FinWait1:
		return "FIN_WAIT1"
	case proctext.FinWait2:
		return "FIN_WAIT2"
	case proctext.TimeWait:
		return "TIME_WAIT"
	case proctext.Closed:
		return "CLOSE"
	case proctext.CloseWait:
		return "CLOSE_WAIT"
	case proctext.LastAck:
		return "LAST_ACK"
	case proctext.Listening:
		return "LISTEN"
	case proctext.Closing:
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
