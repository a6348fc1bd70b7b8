package conntrack

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/scan/netlink"
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

// answer is the kernel's answer to one request. What isn't translated costs no
// memory.
type answer struct {
	netlink.Answer
	table      *Table
	filter     filter
	unfiltered bool // there was a connection that wasn't asked for
}

// Take takes a message, for [netlink.Taker].
func (a *answer) Take(kind uint16, body []byte) (known bool, err error) {
	if kind != ctNew {
		return false, nil
	}
	return true, a.connection(body)
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
	for at := netlink.AttributesOf(b[sizeofGenmsg:]); at.Next(); {
		switch at.Kind {
		case ctaTupleOrig:
			met |= w.tuple(original, at.Value)
		case ctaTupleReply:
			met |= w.tuple(reply, at.Value)
		case ctaStatus:
			if len(at.Value) >= 4 {
				w.status = binary.BigEndian.Uint32(at.Value)
				a.unfiltered = a.unfiltered || w.status&a.filter.mask != a.filter.want
			}
		case ctaProtoinfo:
			w.state = stateOfTCP(at.Value)
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
	for at := netlink.AttributesOf(b); at.Next(); {
		switch at.Kind {
		case ctaTupleIP:
			found += p.addresses(at.Value)
		case ctaTupleProto:
			found += w.ports(p, at.Value)
		}
	}
	if found != 5 || w.protocol != unix.IPPROTO_TCP && w.protocol != unix.IPPROTO_UDP {
		return 0
	}
	return 1 << direction
}

// addresses reads CTA_TUPLE_IP and returns how many there are.
func (p *pair) addresses(b []byte) (found int) {
	for at := netlink.AttributesOf(b); at.Next(); {
		switch {
		case at.Kind == ctaIPv4Src && len(at.Value) == 4:
			p[0].set4([4]byte(at.Value))
		case at.Kind == ctaIPv4Dst && len(at.Value) == 4:
			p[1].set4([4]byte(at.Value))
		case at.Kind == ctaIPv6Src && len(at.Value) == 16:
			copy(p[0][:], at.Value)
		case at.Kind == ctaIPv6Dst && len(at.Value) == 16:
			copy(p[1][:], at.Value)
		default:
			continue
		}
		found++
	}
	return found
}

// ports reads CTA_TUPLE_PROTO and returns how much of it there is.
func (w *row) ports(p *pair, b []byte) (found int) {
	for at := netlink.AttributesOf(b); at.Next(); {
		switch {
		case at.Kind == ctaProtoNum && len(at.Value) == 1:
			w.protocol = at.Value[0]
		case at.Kind == ctaProtoSrcPort && len(at.Value) == 2:
			copy(p[0][16:], at.Value)
		case at.Kind == ctaProtoDstPort && len(at.Value) == 2:
			copy(p[1][16:], at.Value)
		default:
			continue
		}
		found++
	}
	return found
}

// stateOfTCP finds the state in CTA_PROTOINFO; None if it isn't there.
func stateOfTCP(b []byte) State {
	for at := netlink.AttributesOf(b); at.Next(); {
		if at.Kind != ctaProtoinfoTCP {
			continue
		}
		for in := netlink.AttributesOf(at.Value); in.Next(); {
			if in.Kind == ctaProtoinfoTCPState && len(in.Value) == 1 {
				return State(in.Value[0])
			}
		}
	}
	return None
}
