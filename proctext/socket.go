package proctext

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Socket is one row of /proc/net/tcp, tcp6, udp or udp6 (proc_pid_net(5)).
type Socket struct {
	Local  netip.AddrPort
	Remote netip.AddrPort // port 0: none
	State  uint8          // numbered as in the kernel's tcp_states.h
	UID    uint32         // who created it
	Inode  uint64         // 0: no process holds it (yet)
}

// The columns of a row that are read, counted from 0. Columns that follow the
// inode differ between protocols and kernels.
const (
	colLocal   = 1
	colRemote  = 2
	colState   = 3
	colUID     = 7
	colInode   = 9
	colsNeeded = 10
)

// ParseSocket reads one row of /proc/net/{tcp,tcp6,udp,udp6}. Addresses come
// back as the kernel shows them: IPv4-mapped ones are not unmapped.
func ParseSocket(line []byte) (Socket, error) {
	var cols [colsNeeded][]byte
	if n := split(line, cols[:]); n < colsNeeded {
		return Socket{}, fmt.Errorf("socket row has %d columns, needs %d: %.80q", n, colsNeeded, line)
	}
	var (
		s   Socket
		err error
	)
	if s.Local, err = parseHexAddrPort(cols[colLocal]); err != nil {
		return Socket{}, fmt.Errorf("local address of socket row: %w", err)
	}
	if s.Remote, err = parseHexAddrPort(cols[colRemote]); err != nil {
		return Socket{}, fmt.Errorf("remote address of socket row: %w", err)
	}
	state, okState := parseUint(cols[colState], 16, 8)
	uid, okUID := parseUint(cols[colUID], 10, 32)
	inode, okInode := parseUint(cols[colInode], 10, 64)
	if !okState || !okUID || !okInode {
		return Socket{}, fmt.Errorf("state, uid or inode of socket row is no number: %.80q", line)
	}
	s.State, s.UID, s.Inode = uint8(state), uint32(uid), inode
	return s, nil
}

// parseHexAddrPort reads "0100007F:07E8": the address in 32-bit words of the
// host's byte order, the port as a plain number.
func parseHexAddrPort(text []byte) (netip.AddrPort, error) {
	host, port, ok := bytes.Cut(text, []byte{':'})
	if !ok || (len(host) != 8 && len(host) != 32) {
		return netip.AddrPort{}, fmt.Errorf("must be 8 or 32 hex digits, ':' and a port, is %.60q", text)
	}
	var raw [16]byte
	for i := 0; i < len(host); i += 8 {
		word, ok := parseUint(host[i:i+8], 16, 32)
		if !ok {
			return netip.AddrPort{}, fmt.Errorf("address must be hex digits, is %.60q", text)
		}
		binary.NativeEndian.PutUint32(raw[i/2:], uint32(word))
	}
	p, ok := parseUint(port, 16, 16)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("port must be hex digits up to FFFF, is %.60q", text)
	}
	if len(host) == 8 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[:4])), uint16(p)), nil
	}
	return netip.AddrPortFrom(netip.AddrFrom16(raw), uint16(p)), nil
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

var socketPrefix = []byte("socket:[")

// ParseSocketLink reads what a descriptor under /proc/PID/fd points to:
// "socket:[12345]" gives 12345 (proc_pid_fd(5)). ok is false for whatever is
// no socket.
func ParseSocketLink(target []byte) (inode uint64, ok bool) {
	rest, ok := bytes.CutPrefix(target, socketPrefix)
	if !ok || len(rest) < 2 || rest[len(rest)-1] != ']' {
		return 0, false
	}
	return parseUint(rest[:len(rest)-1], 10, 64)
}

// ParsePortRange reads /proc/sys/net/ipv4/ip_local_port_range: the lowest and
// the highest port that the kernel picks by itself (ip(7)).
func ParsePortRange(text []byte) (low, high uint16, err error) {
	var cols [3][]byte
	if n := split(text, cols[:]); n != 2 {
		return 0, 0, fmt.Errorf("port range must be two numbers, is %.60q", text)
	}
	l, okLow := parseUint(cols[0], 10, 16)
	h, okHigh := parseUint(cols[1], 10, 16)
	if !okLow || !okHigh || l == 0 || l > h {
		return 0, 0, fmt.Errorf("port range must rise within 1 to 65535, is %.60q", text)
	}
	return uint16(l), uint16(h), nil
}

// split puts the fields of line, which blanks and line ends separate, into
// cols and says how many there were, len(cols) at most. It allocates nothing.
func split(line []byte, cols [][]byte) int {
	n := 0
	for i := 0; i < len(line) && n < len(cols); {
		if isBlank(line[i]) {
			i++
			continue
		}
		end := i
		for end < len(line) && !isBlank(line[end]) {
			end++
		}
		cols[n] = line[i:end]
		n, i = n+1, end
	}
	return n
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// parseUint is strconv.ParseUint without a sign, an underscore or a copy of
// the text.
func parseUint(text []byte, base, bits int) (uint64, bool) {
	if len(text) == 0 || len(text) > 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text), base, bits)
	if err != nil {
		return 0, false
	}
	return n, true
}
