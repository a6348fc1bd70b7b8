package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/report"
)

// Sockets lists all TCP sockets of the calling thread's network namespace,
// with what the kernel measures on them, by one pass (bpf_iter, tcp: Linux
// 5.9; the sockets' cookies: 5.12). It costs less than sock_diag without
// measures.
type Sockets struct {
	pass
	vars   map[string]*ebpf.Variable
	wanted Wanted // as the program has it
}

// Wanted says what to read.
type Wanted struct {
	States uint32 // as bits 1<<state
	// What the kernel measures on connections is read of one socket in
	// MeasureOf, another one with each Turn; of all if that is 1, of none if it
	// is 0. It costs as much as the rest.
	MeasureOf, Turn uint32
}

// sizeofRow is the size of struct row of bpf/kernel.bpf.c; offsets into it are
// those that the fields have there.
const sizeofRow = 112

func openSockets(c *ebpf.Collection) (*Sockets, error) {
	p, err := newPass(c, programSockets, sizeofRow)
	if err != nil {
		return nil, err
	}
	return &Sockets{pass: p, vars: c.Variables}, nil
}

// Append appends the wanted sockets. An error leaves the list as it was.
func (s *Sockets) Append(list []aggregate.Socket, w Wanted) ([]aggregate.Socket, error) {
	if err := s.want(w); err != nil {
		return list, fmt.Errorf("saying which TCP sockets: %w", err)
	}
	longer := list
	if err := s.each(func(b []byte) { longer = append(longer, parseRow(b)) }); err != nil {
		return list, fmt.Errorf("passing over TCP sockets: %w", err)
	}
	return longer, nil
}

func (s *Sockets) want(w Wanted) error {
	if w == s.wanted {
		return nil
	}
	s.wanted = w
	turn := uint32(0)
	if w.MeasureOf > 0 {
		turn = w.Turn % w.MeasureOf
	}
	return errors.Join(
		s.vars["wanted_states"].Set(w.States),
		s.vars["measure_of"].Set(w.MeasureOf),
		s.vars["measure_turn"].Set(turn),
	)
}

// parseRow reads struct row. Addresses are unmapped, and a peer without an
// address is none.
func parseRow(b []byte) aggregate.Socket {
	s := aggregate.Socket{
		Protocol: report.TCP,
		State:    aggregate.State(b[100]),
		V6Only:   b[102] != 0,
		Measured: b[104] != 0,
		Local:    netip.AddrPortFrom(address([16]byte(b[24:40])), binary.NativeEndian.Uint16(b[96:])),
		Cookie:   long(b),
		Inode:    word(b[56:]), UID: word(b[60:]),
		Measures: aggregate.Measures{
			Sent: long(b[8:]), Received: long(b[16:]),
			Queue: word(b[64:]), QueueMax: word(b[68:]), Drops: word(b[72:]),
			RTT: word(b[76:]), RTTVar: word(b[80:]),
			Retransmits: word(b[84:]), Segments: word(b[88:]),
			Idle: word(b[92:]), Retries: b[103],
		},
	}
	if remote := address([16]byte(b[40:56])); !remote.IsUnspecified() {
		s.Remote = netip.AddrPortFrom(remote, binary.NativeEndian.Uint16(b[98:]))
	}
	return s
}

// address turns 16 bytes into an address, IPv4 unmapped.
func address(b [16]byte) netip.Addr { return netip.AddrFrom16(b).Unmap() }
