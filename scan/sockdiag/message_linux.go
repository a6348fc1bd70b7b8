package sockdiag

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/netlink"
)

// drops is where SK_MEMINFO_DROPS stands (linux/sock_diag.h).
const drops = 8 * 4

// sizeofMsg is the size of struct inet_diag_msg (linux/inet_diag.h); offsets
// into it are those that the fields have there.
const sizeofMsg = 72

// dump is the kernel's answer to one request, as sockets.
type dump struct {
	netlink.Answer
	list     []fold.Socket
	protocol report.Protocol
}

// Take takes a message, for [netlink.Taker].
func (d *dump) Take(kind uint16, body []byte) (known bool, err error) {
	if kind != tcpdiagGetsock && kind != unix.SOCK_DIAG_BY_FAMILY {
		return false, nil
	}
	return true, d.socket(body)
}

// socket reads one struct inet_diag_msg and the attributes behind it.
// IPv4-mapped addresses are unmapped, so that an IPv4 client of a dual-stack
// listener is an IPv4 address, and a peer without an address is none.
func (d *dump) socket(b []byte) error {
	if len(b) < sizeofMsg {
		return fmt.Errorf("inet_diag_msg must have %d bytes, has %d", sizeofMsg, len(b))
	}
	d.list = append(d.list, fold.Socket{
		Protocol: d.protocol,
		State:    fold.State(b[1]),
		Local:    addrPort(b[0], b[8:24], b[4:6]),
		Remote:   addrPort(b[0], b[24:40], b[6:8]),
		Cookie:   binary.NativeEndian.Uint64(b[44:]), // two words, low first
		UID:      binary.NativeEndian.Uint32(b[64:]),
		Inode:    binary.NativeEndian.Uint32(b[68:]),
	})
	s := &d.list[len(d.list)-1]
	if s.Remote.Addr().IsUnspecified() {
		s.Remote = netip.AddrPort{}
	}
	s.Retries = b[3]
	if s.State == fold.Listen {
		s.Queue, s.QueueMax = binary.NativeEndian.Uint32(b[56:]), binary.NativeEndian.Uint32(b[60:])
	}
	attributes(b[sizeofMsg:], s)
	return nil
}

// addrPort reads an address and a port, both in network byte order.
func addrPort(family byte, addr, port []byte) netip.AddrPort {
	p := binary.BigEndian.Uint16(port)
	if family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(addr[:4])), p)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(addr[:16])).Unmap(), p)
}

// attributes reads the attributes (struct nlattr) that are of use. What is cut
// or unknown is passed over.
func attributes(b []byte, s *fold.Socket) {
	for at := netlink.AttributesOf(b); at.Next(); {
		switch value := at.Value; at.Kind {
		case attrSKV6Only: // of IPv6 sockets in the states LISTEN and CLOSE
			s.V6Only = len(value) > 0 && value[0] != 0
		case attrSKMemInfo:
			if len(value) >= drops+4 {
				s.Drops = binary.NativeEndian.Uint32(value[drops:])
			}
		case attrInfo:
			measures(value, s)
		}
	}
}

// measures reads struct tcp_info (linux/tcp.h), which grew at its end over the
// years: what an older kernel doesn't give stays zero.
func measures(b []byte, s *fold.Socket) {
	if s.State == fold.Listen || s.Protocol != report.TCP {
		return
	}
	word := func(at int) uint32 {
		if len(b) < at+4 {
			return 0
		}
		return binary.NativeEndian.Uint32(b[at:])
	}
	long := func(at int) uint64 {
		if len(b) < at+8 {
			return 0
		}
		return binary.NativeEndian.Uint64(b[at:])
	}
	s.Idle = min(word(52), word(56)) // tcpi_last_data_recv, tcpi_last_ack_recv
	s.RTT, s.RTTVar = word(68), word(72)
	s.Retransmits, s.Segments = word(100), word(156)
	s.Sent, s.Received = long(120), long(128)
}
