package conntrack

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Of linux/netfilter/nfnetlink_conntrack.h, each enum by its name there.
const (
	ctaTupleOrig  = 1 // ctattr_type
	ctaTupleReply = 2
	ctaProtoinfo  = 4

	ctaTupleIP    = 1 // ctattr_tuple
	ctaTupleProto = 2

	ctaIPv4Src = 1 // ctattr_ip
	ctaIPv4Dst = 2
	ctaIPv6Src = 3
	ctaIPv6Dst = 4

	ctaProtoNum     = 1 // ctattr_l4proto
	ctaProtoSrcPort = 2
	ctaProtoDstPort = 3

	ctaProtoinfoTCP      = 1 // ctattr_protoinfo
	ctaProtoinfoTCPState = 1 // ctattr_protoinfo_tcp
)

// attributeType masks the flags off an attribute's type (NLA_TYPE_MASK of
// linux/netlink.h).
const attributeType = 1<<14 - 1

// answer reads the kernel's answer to one request, message by message and in
// place: a connection that isn't translated costs no memory.
type answer struct {
	table       *Table
	filter      filter
	done        bool // the kernel said that this was all
	interrupted bool // the kernel said that it may be inconsistent
	unfiltered  bool // there was a connection that wasn't asked for
}

// parse reads the messages (netlink(7)) of one read.
func (a *answer) parse(b []byte) error {
	for len(b) > 0 && !a.done {
		if len(b) < unix.SizeofNlMsghdr {
			return fmt.Errorf("netlink message must have %d bytes, has %d", unix.SizeofNlMsghdr, len(b))
		}
		size := int64(binary.NativeEndian.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > int64(len(b)) {
			return fmt.Errorf("netlink message must have %d to %d bytes, has %d", unix.SizeofNlMsghdr, len(b), size)
		}
		if err := a.message(b[:size]); err != nil {
			return err
		}
		b = b[min(align4(int(size)), len(b)):]
	}
	return nil
}

func (a *answer) message(b []byte) error {
	kind, flags := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:])
	a.interrupted = a.interrupted || flags&unix.NLM_F_DUMP_INTR != 0
	body := b[unix.SizeofNlMsghdr:]
	switch kind {
	case unix.NLMSG_NOOP:
		return nil
	case unix.NLMSG_DONE: // may carry an errno that came up late
		a.done = true
		return answerError(body)
	case unix.NLMSG_ERROR:
		a.done = true
		if len(body) < 4 {
			return fmt.Errorf("netlink error must have 4 bytes, has %d", len(body))
		}
		return answerError(body)
	case ctNew:
		return a.connection(body)
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

// connection reads a struct nfgenmsg and the attributes behind it, and keeps
// the connection if it is translated. The attributes of what is kept are gone
// through to the end, for the state of TCP.
func (a *answer) connection(b []byte) error {
	if len(b) < sizeofGenmsg {
		return fmt.Errorf("nfgenmsg must have %d bytes, has %d", sizeofGenmsg, len(b))
	}
	var w row
	var met uint8
	for at := (attributes{rest: b[sizeofGenmsg:]}); at.next(); {
		switch at.kind {
		case ctaTupleOrig:
			met |= w.tuple(original, at.value)
		case ctaTupleReply:
			met |= w.tuple(reply, at.value)
		case ctaStatus:
			if len(at.value) >= 4 {
				w.status = binary.BigEndian.Uint32(at.value)
				a.unfiltered = a.unfiltered || w.status&a.filter.mask != a.filter.want
			}
		case ctaProtoinfo:
			w.state = stateOfTCP(at.value)
		}
	}
	if met == bothTuples && w.translated() {
		a.table.add(&w)
	}
	return nil
}

// bothTuples is what [row.tuple] returned for both directions, together.
const bothTuples = 1<<original | 1<<reply

// tuple reads one direction's addresses and ports. It returns the direction's
// bit if they are all there and the protocol is one that reports know.
func (w *row) tuple(direction int, b []byte) uint8 {
	p := &w.pairs[direction]
	found := 0
	for at := (attributes{rest: b}); at.next(); {
		switch at.kind {
		case ctaTupleIP:
			found += p.addresses(at.value)
		case ctaTupleProto:
			found += w.ports(p, at.value)
		}
	}
	if found != 5 || w.protocol != unix.IPPROTO_TCP && w.protocol != unix.IPPROTO_UDP {
		return 0
	}
	return 1 << direction
}

// addresses reads CTA_TUPLE_IP and returns how many there are.
func (p *pair) addresses(b []byte) (found int) {
	for at := (attributes{rest: b}); at.next(); {
		switch {
		case at.kind == ctaIPv4Src && len(at.value) == 4:
			p[0].set4([4]byte(at.value))
		case at.kind == ctaIPv4Dst && len(at.value) == 4:
			p[1].set4([4]byte(at.value))
		case at.kind == ctaIPv6Src && len(at.value) == 16:
			copy(p[0][:], at.value)
		case at.kind == ctaIPv6Dst && len(at.value) == 16:
			copy(p[1][:], at.value)
		default:
			continue
		}
		found++
	}
	return found
}

// ports reads CTA_TUPLE_PROTO and returns how much of it there is.
func (w *row) ports(p *pair, b []byte) (found int) {
	for at := (attributes{rest: b}); at.next(); {
		switch {
		case at.kind == ctaProtoNum && len(at.value) == 1:
			w.protocol = at.value[0]
		case at.kind == ctaProtoSrcPort && len(at.value) == 2:
			copy(p[0][16:], at.value)
		case at.kind == ctaProtoDstPort && len(at.value) == 2:
			copy(p[1][16:], at.value)
		default:
			continue
		}
		found++
	}
	return found
}

// stateOfTCP finds the state in CTA_PROTOINFO; None if it isn't there.
func stateOfTCP(b []byte) State {
	for at := (attributes{rest: b}); at.next(); {
		if at.kind != ctaProtoinfoTCP {
			continue
		}
		for in := (attributes{rest: at.value}); in.next(); {
			if in.kind == ctaProtoinfoTCPState && len(in.value) == 1 {
				return State(in.value[0])
			}
		}
	}
	return None
}

// attributes walks over struct nlattr (netlink(7)). One that is broken ends
// the walk: what lies behind can't be told.
type attributes struct {
	rest  []byte
	kind  uint16
	value []byte
}

func (a *attributes) next() bool {
	if len(a.rest) < unix.SizeofNlAttr {
		return false
	}
	size := int(binary.NativeEndian.Uint16(a.rest))
	if size < unix.SizeofNlAttr || size > len(a.rest) {
		return false
	}
	a.kind = binary.NativeEndian.Uint16(a.rest[2:]) & attributeType
	a.value = a.rest[unix.SizeofNlAttr:size]
	a.rest = a.rest[min(align4(size), len(a.rest)):]
	return true
}

// align4 rounds up to a multiple of 4 (NLMSG_ALIGN, NLA_ALIGN).
func align4(n int) int { return (n + 3) &^ 3 }
