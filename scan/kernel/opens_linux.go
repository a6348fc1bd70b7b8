package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"
)

// Opens counts TCP connections as they are made, in the kernel, by edge: also
// those that open and close between two looks (tracepoint
// sock:inet_sock_set_state with BTF). It needs Linux 5.14, the first whose hash
// maps give an element up as they are read.
type Opens struct {
	program *ebpf.Collection
	link    link.Link
	ring    *ringbuf.Reader
	done    chan struct{} // closed when the announcements have ended
	lost    uint64        // of the kernel's counter, when last read

	mu    sync.Mutex
	known map[Edge]struct{} // edges that were announced or read before
}

// maxKnown bounds the edges that are remembered; beyond it they are announced
// again.
const maxKnown = 100_000

// Edge is what openings are counted by: struct edge of bpf/kernel.bpf.c.
type Edge struct {
	addr    [16]byte
	local   [16]byte
	comm    [16]byte
	Network uint32 // the inode of the network namespace
	UID     uint32 // of the client
	Port    uint16 // the service's
	active  uint8
}

// Active says that this end connects; otherwise it accepts.
func (e *Edge) Active() bool { return e.active != 0 }

// Peer is the other end's address, IPv4 unmapped.
func (e *Edge) Peer() netip.Addr { return address(e.addr) }

// Local is this end's address, where it accepts.
func (e *Edge) Local() netip.Addr { return address(e.local) }

// Comm is the client's thread-group leader's, at most 15 bytes; empty where
// this end accepts or the client slipped away.
func (e *Edge) Comm() string { return unix.ByteSliceToString(e.comm[:]) }

// Counts is what happened on an edge: struct opens of bpf/kernel.bpf.c.
type Counts struct{ Opened, Refused, TimedOut, Failed uint64 }

func openOpens(c *ebpf.Collection, announce func(Edge)) (*Opens, error) {
	o := &Opens{program: c, done: make(chan struct{}), known: map[Edge]struct{}{}}
	var err error
	if o.ring, err = ringbuf.NewReader(c.Maps["fresh"]); err != nil {
		return nil, fmt.Errorf("reading announcements: %w", err)
	}
	if o.link, err = link.AttachTracing(link.TracingOptions{Program: c.Programs[programOpens]}); err != nil {
		_ = o.ring.Close()
		return nil, fmt.Errorf("attaching to tracepoint inet_sock_set_state: %w", err)
	}
	go o.listen(announce)
	return o, nil
}

func (o *Opens) close() error {
	err := errors.Join(o.link.Close(), o.ring.Close())
	<-o.done
	return err
}

// listen announces new edges until the ring is closed.
func (o *Opens) listen(announce func(Edge)) {
	defer close(o.done)
	for {
		record, err := o.ring.Read()
		if err != nil {
			return
		}
		if e, ok := parseEdge(record.RawSample); ok && o.isNew(e) {
			announce(e)
		}
	}
}

func (o *Opens) isNew(e Edge) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.known[e]; ok {
		return false
	}
	if len(o.known) >= maxKnown {
		clear(o.known)
	}
	o.known[e] = struct{}{}
	return true
}

const sizeofEdge = 60

// parseEdge reads struct edge from the bytes that the kernel wrote.
func parseEdge(b []byte) (e Edge, ok bool) {
	if len(b) < sizeofEdge {
		return e, false
	}
	copy(e.addr[:], b)
	copy(e.local[:], b[16:])
	copy(e.comm[:], b[32:])
	e.Network, e.UID = word(b[48:]), word(b[52:])
	e.Port, e.active = uint16(b[56])|uint16(b[57])<<8, b[58] // the object is little-endian
	return e, true
}

// Drain reads and empties the counters. lost are the openings that found the
// map full since the last time.
func (o *Opens) Drain(each func(Edge, Counts)) (lost uint64, err error) {
	edges := o.program.Maps["edges"]
	var read [][sizeofEdge]byte
	var key [sizeofEdge]byte
	var value Counts
	for it := edges.Iterate(); it.Next(&key, &value); {
		read = append(read, key)
	}
	for _, key := range read {
		// Read and removed in one step, so that at most a count that is being
		// added at this very moment is lost; OpensKernel would show it.
		if err := edges.LookupAndDelete(key, &value); errors.Is(err, ebpf.ErrKeyNotExist) {
			continue
		} else if err != nil {
			return 0, fmt.Errorf("reading counts of connections: %w", err)
		}
		e, _ := parseEdge(key[:])
		o.isNew(e)
		each(e, value)
	}
	var total uint64
	if err := o.program.Variables["lost"].Get(&total); err != nil {
		return 0, fmt.Errorf("reading lost count: %w", err)
	}
	lost, o.lost = total-o.lost, total
	return lost, nil
}

// address turns 16 bytes into an address, IPv4 unmapped.
func address(b [16]byte) netip.Addr { return netip.AddrFrom16(b).Unmap() }
