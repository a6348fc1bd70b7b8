package netlink

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Taker takes the messages of an answer, but for those that netlink itself
// knows. The bytes are valid during the call. It says which kinds it doesn't
// know.
type Taker interface {
	Take(kind uint16, body []byte) (known bool, err error)
}

// Answer is how far the kernel's answer to one request has come.
type Answer struct {
	Done        bool // the kernel said that this was all
	Interrupted bool // the kernel said that it may be inconsistent (NLM_F_DUMP_INTR)
}

// Parse reads the messages of one part of an answer, in place.
func (a *Answer) Parse(b []byte, t Taker) error {
	for len(b) > 0 && !a.Done {
		if len(b) < unix.SizeofNlMsghdr {
			return fmt.Errorf("netlink message must have %d bytes, has %d", unix.SizeofNlMsghdr, len(b))
		}
		size := int64(binary.NativeEndian.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > int64(len(b)) {
			return fmt.Errorf("netlink message must have %d to %d bytes, has %d", unix.SizeofNlMsghdr, len(b), size)
		}
		if err := a.message(b[:size], t); err != nil {
			return err
		}
		b = b[min(Align(int(size)), len(b)):]
	}
	return nil
}

func (a *Answer) message(b []byte, t Taker) error {
	kind, flags := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:])
	a.Interrupted = a.Interrupted || flags&unix.NLM_F_DUMP_INTR != 0
	body := b[unix.SizeofNlMsghdr:]
	switch kind {
	case unix.NLMSG_NOOP:
		return nil
	case unix.NLMSG_DONE: // may carry an errno that came up late
		a.Done = true
		return answerError(body)
	case unix.NLMSG_ERROR:
		a.Done = true
		if len(body) < 4 {
			return fmt.Errorf("netlink error must have 4 bytes, has %d", len(body))
		}
		return answerError(body)
	}
	known, err := t.Take(kind, body)
	if !known {
		return fmt.Errorf("netlink message has the unexpected type %d", kind)
	}
	return err
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

// attributeType masks the flags off an attribute's type (NLA_TYPE_MASK of
// linux/netlink.h).
const attributeType = 1<<14 - 1

// Attributes walks over struct nlattr. One that is broken ends the walk: what
// lies behind can't be told.
type Attributes struct {
	Kind  uint16 // without flags
	Value []byte
	rest  []byte
}

// AttributesOf is the walk over what follows a message's own struct, or is
// nested in an attribute. It begins with Next.
func AttributesOf(b []byte) Attributes { return Attributes{rest: b} }

// Next goes on to the next attribute; false if there is none.
func (a *Attributes) Next() bool {
	if len(a.rest) < unix.SizeofNlAttr {
		return false
	}
	size := int(binary.NativeEndian.Uint16(a.rest))
	if size < unix.SizeofNlAttr || size > len(a.rest) {
		return false
	}
	a.Kind = binary.NativeEndian.Uint16(a.rest[2:]) & attributeType
	a.Value = a.rest[unix.SizeofNlAttr:size]
	a.rest = a.rest[min(Align(size), len(a.rest)):]
	return true
}

// AppendHeader appends the struct nlmsghdr of a message of so many bytes in all.
// Sequence and port stay zero: nobody else writes to a [Conn].
func AppendHeader(b []byte, total int, kind, flags uint16) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(total))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0)
}

// AppendAttribute appends the struct nlattr of an attribute of so many bytes
// with it.
func AppendAttribute(b []byte, kind uint16, size int) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(size))
	return binary.NativeEndian.AppendUint16(b, kind)
}

// Align rounds up to a multiple of 4 (NLMSG_ALIGN, NLA_ALIGN).
func Align(n int) int { return (n + 3) &^ 3 }
