package sockdiag

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/report"
)

// drops is where SK_MEMINFO_DROPS stands (linux/sock_diag.h).
const drops = 8 * 4

// sizeofMsg is the size of struct inet_diag_msg (linux/inet_diag.h); offsets
// into it are those that the fields have there.
const sizeofMsg = 72

// dump reads the kernel's answer to one request, message by message and in
// place.
type dump struct {
	list        []aggregate.Socket
	protocol    report.Protocol
	done        bool // the kernel said that this was all
	interrupted bool // the kernel said that it may be inconsistent
}

// parse reads the messages (netlink(7)) of one read.
func (d *dump) parse(b []byte) error {
	for len(b) > 0 && !d.done {
		if len(b) < unix.SizeofNlMsghdr {
			return fmt.Errorf("netlink message must have %d bytes, has %d", unix.SizeofNlMsghdr, len(b))
		}
		size := int64(binary.NativeEndian.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > int64(len(b)) {
			return fmt.Errorf("netlink message must have %d to %d bytes, has %d", unix.SizeofNlMsghdr, len(b), size)
		}
		if err := d.message(b[:size]); err != nil {
			return err
		}
		b = b[min(align4(int(size)), len(b)):]
	}
	return nil
}

func (d *dump) message(b []byte) error {
	kind, flags := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:])
	d.interrupted = d.interrupted || flags&unix.NLM_F_DUMP_INTR != 0
	body := b[unix.SizeofNlMsghdr:]
	switch kind {
	case unix.NLMSG_NOOP:
		return nil
	case unix.NLMSG_DONE: // may carry an errno that came up late
		d.done = true
		return answerError(body)
	case unix.NLMSG_ERROR:
		d.done = true
		if len(body) < 4 {
			return fmt.Errorf("netlink error must have 4 bytes, has %d", len(body))
		}
		return answerError(body)
	case tcpdiagGetsock, unix.SOCK_DIAG_BY_FAMILY:
		return d.socket(body)
	}
	return fmt.Errorf("netlink message has the unexpected type %d", kind)
}

// answerError turns the negative errno at the start of body into an error.
func answerError(body []byte) error {
	if len(body) < 4 {
		return nil
	}
	if no := int32(binary.NativeEndian.Uint32(body)); no < 0 {
		return fmt.Errorf("kernel answered: %w", unix.Errno(-int64(no)))
	}
	return nil
}

// socket reads one struct inet_diag_msg and the attributes behind it.
// IPv4-mapped addresses are unmapped, so that an IPv4 client of a dual-stack
// listener is an IPv4 address, and a peer without an address is none.
func (d *dump) socket(b []byte) error {
	if len(b) < sizeofMsg {
		return fmt.Errorf("inet_diag_msg must have %d bytes, has %d", sizeofMsg, len(b))
	}
	d.list = append(d.list, aggregate.Socket{
		Protocol: d.protocol,
		State:    aggregate.State(b[1]),
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
	if s.State == aggregate.Listen {
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
func attributes(b []byte, s *aggregate.Socket) {
	for len(b) >= unix.SizeofNlAttr {
		size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if size < unix.SizeofNlAttr || size > len(b) {
			return
		}
		value := b[unix.SizeofNlAttr:size]
		switch kind {
		case attrSKV6Only: // of IPv6 sockets in the states LISTEN and CLOSE
			s.V6Only = len(value) > 0 && value[0] != 0
		case attrSKMemInfo:
			if len(value) >= drops+4 {
				s.Drops = binary.NativeEndian.Uint32(value[drops:])
			}
		case attrInfo:
			measures(value, s)
		}
		b = b[min(align4(size), len(b)):]
	}
}

// measures reads struct tcp_info (linux/tcp.h), which grew at its end over the
// years: what an older kernel doesn't give stays zero.
func measures(b []byte, s *aggregate.Socket) {
	if s.State == aggregate.Listen || s.Protocol != report.TCP {
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

// align4 rounds up to a multiple of 4 (NLMSG_ALIGN, NLA_ALIGN).
func align4(n int) int { return (n + 3) &^ 3 }
