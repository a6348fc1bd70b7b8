package conntrack

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/netlink"
)

// Finder asks the kernel about single sockets of one network namespace.
//
// A question takes some microseconds, and a connection's translation never
// changes. So where sockets are remembered, to ask once about each that is new
// costs less than [Reader.Read], for which the kernel goes through the table of
// the whole host, whatever namespace it is asked for. What a Finder can't tell
// is who goes through the host without a socket there.
//
// It uses the memory of its Reader; the two together are not for several
// goroutines at once.
type Finder struct {
	conn    *netlink.Conn // nil: nothing is tracked, so nothing is asked
	request []byte
	buf     []byte
	table   Table
	answer  answer // kept, for it would cost memory with each question
}

// Open returns a Finder for the calling thread's network namespace; it may be
// asked on any thread then. It is for one look: where nothing is tracked at
// the moment, it finds nothing later either. Errors are those of
// [Reader.Read].
func (r *Reader) Open() (*Finder, error) {
	tracked, err := r.files.tracked()
	if err != nil || tracked == 0 {
		return &Finder{}, err
	}
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER)
	if err != nil {
		return &Finder{}, fmt.Errorf("asking for tracked connections: %w", explain(err))
	}
	if r.buf == nil {
		r.buf = make([]byte, answerBuffer)
	}
	return &Finder{conn: conn, buf: r.buf, table: Table{limit: 1}}, nil
}

// Close ends the Finder; it finds nothing any more.
func (f *Finder) Close() error {
	if f.conn == nil {
		return nil
	}
	err := f.conn.Close()
	f.conn = nil
	return err
}

// Peer finds who is really at the other end of a socket, by its own address
// and its peer's: for a client that is what [Table.Behind] says, for a server
// [Table.Caller]. It is not ok where that is the peer itself, and where the
// kernel doesn't track the connection. After an error the Finder is closed;
// the error may wrap [ErrRefused] or [ErrUnlisted].
func (f *Finder) Peer(p report.Protocol, local, peer netip.AddrPort) (end netip.AddrPort, ok bool, err error) {
	number := numberOf(p)
	if f.conn == nil || number == 0 || !sameFamily(local.Addr(), peer.Addr()) {
		return netip.AddrPort{}, false, nil
	}
	f.table.clear()
	f.request = appendQuestion(f.request[:0], number, pair{endOf(local), endOf(peer)})
	if err := f.ask(); err != nil {
		f.Close() //nolint:errcheck // the first error counts
		return netip.AddrPort{}, false, fmt.Errorf("asking for a tracked connection: %w", explain(err))
	}
	f.table.index()
	if end, ok = f.table.Behind(p, local, peer); !ok {
		end, ok = f.table.Caller(p, local, peer)
	}
	return end, ok, nil
}

// sameFamily tells whether a and b are addresses that can talk to each other.
func sameFamily(a, b netip.Addr) bool {
	return a.IsValid() && b.IsValid() && a.Unmap().Is4() == b.Unmap().Is4()
}

// ask sends the question and reads the answer: one connection, or that there
// is none (ENOENT).
func (f *Finder) ask() error {
	if err := f.conn.Send(f.request); err != nil {
		return err
	}
	n, err := f.conn.Receive(f.buf)
	if err != nil {
		return err
	}
	f.answer = answer{table: &f.table}
	if err := f.answer.Parse(f.buf[:n], &f.answer); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

// appendQuestion appends a message that asks for the one connection with a
// direction like this. The kernel compares with both directions, whatever the
// attribute is called.
//
// Its attributes are: the tuple, and in it the addresses and the protocol with
// its ports.
func appendQuestion(b []byte, protocol uint8, socket pair) []byte {
	family, kind, size := uint8(unix.AF_INET), uint16(ctaIPv4Src), 4
	if socket[0].addrPort().Addr().Is6() {
		family, kind, size = unix.AF_INET6, ctaIPv6Src, 16
	}
	ip := unix.SizeofNlAttr + 2*(unix.SizeofNlAttr+size)
	const proto = unix.SizeofNlAttr + 3*(unix.SizeofNlAttr+4)
	total := unix.SizeofNlMsghdr + sizeofGenmsg + unix.SizeofNlAttr + ip + proto

	b = appendHeader(b, total, unix.NLM_F_REQUEST, family)
	b = netlink.AppendAttribute(b, ctaTupleOrig|unix.NLA_F_NESTED, unix.SizeofNlAttr+ip+proto)
	b = netlink.AppendAttribute(b, ctaTupleIP|unix.NLA_F_NESTED, ip)
	b = append(netlink.AppendAttribute(b, kind, unix.SizeofNlAttr+size), socket[0][16-size:16]...)
	b = append(netlink.AppendAttribute(b, kind+1, unix.SizeofNlAttr+size), socket[1][16-size:16]...)
	b = netlink.AppendAttribute(b, ctaTupleProto|unix.NLA_F_NESTED, proto)
	b = append(netlink.AppendAttribute(b, ctaProtoNum, unix.SizeofNlAttr+1), protocol, 0, 0, 0)
	b = append(netlink.AppendAttribute(b, ctaProtoSrcPort, unix.SizeofNlAttr+2), socket[0][16], socket[0][17], 0, 0)
	return append(netlink.AppendAttribute(b, ctaProtoDstPort, unix.SizeofNlAttr+2), socket[1][16], socket[1][17], 0, 0)
}
