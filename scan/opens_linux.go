package scan

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
)

// opens counts TCP connections as they are made, in the kernel, by edge: also
// those that open and close between two looks (tracepoint
// sock:inet_sock_set_state with BTF; CAP_BPF and CAP_PERFMON). It needs Linux
// 5.14, the first whose hash maps give an element up as they are read.
type opens struct {
	program *ebpf.Collection
	link    link.Link
	ring    *ringbuf.Reader
	done    chan struct{} // closed when the announcements have ended
	lost    uint64        // of the kernel's counter, when last read

	mu    sync.Mutex
	known map[kernelEdge]struct{} // edges that were announced or read before
}

// maxKnown bounds the edges that are remembered; beyond it they are announced
// again.
const maxKnown = 100_000

// kernelEdge and kernelOpens are struct edge and struct opens of
// bpf/kernel.bpf.c.
type kernelEdge struct {
	Addr   [16]byte
	Local  [16]byte
	Comm   [16]byte
	NetNS  uint32
	UID    uint32
	Port   uint16
	Active uint8
	_      uint8
}

type kernelOpens struct{ Opened, Refused, TimedOut, Failed uint64 }

// openOpens starts to count in this thread's network namespace. announce is
// called, from another goroutine, with each edge that is new.
func openOpens(proc string, announce func(kernelEdge)) (*opens, error) {
	netns, err := inode(filepath.Join(proc, "thread-self/ns/net"))
	if err != nil {
		return nil, fmt.Errorf("finding own network namespace: %w", err)
	}
	c, err := loadKernel("states", func(s *ebpf.CollectionSpec) error {
		return s.Variables["only_netns"].Set(netns)
	})
	if err != nil {
		return nil, err
	}
	o := &opens{program: c, done: make(chan struct{}), known: map[kernelEdge]struct{}{}}
	if o.ring, err = ringbuf.NewReader(c.Maps["fresh"]); err != nil {
		c.Close()
		return nil, fmt.Errorf("reading announcements: %w", err)
	}
	if o.link, err = link.AttachTracing(link.TracingOptions{Program: c.Programs["states"]}); err != nil {
		_ = o.ring.Close()
		c.Close()
		return nil, fmt.Errorf("attaching to tracepoint inet_sock_set_state: %w", err)
	}
	go o.listen(announce)
	return o, nil
}

// inode is the number of a namespace.
func inode(path string) (uint32, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.New("no inode")
	}
	return uint32(st.Ino), nil
}

func (o *opens) close() error {
	err := errors.Join(o.link.Close(), o.ring.Close())
	<-o.done
	o.program.Close()
	return err
}

// listen announces new edges until the ring is closed.
func (o *opens) listen(announce func(kernelEdge)) {
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

func (o *opens) isNew(e kernelEdge) bool {
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

// parseEdge reads struct edge from the bytes that the kernel wrote.
func parseEdge(b []byte) (e kernelEdge, ok bool) {
	const size = 60
	if len(b) < size {
		return e, false
	}
	copy(e.Addr[:], b)
	copy(e.Local[:], b[16:])
	copy(e.Comm[:], b[32:])
	e.NetNS, e.UID = word(b[48:]), word(b[52:])
	e.Port, e.Active = uint16(b[56])|uint16(b[57])<<8, b[58] // the object is little-endian
	return e, true
}

// drain reads and empties the counters. lost are the openings that found the
// map full since the last time.
func (o *opens) drain(each func(kernelEdge, kernelOpens)) (lost uint64, err error) {
	edges := o.program.Maps["edges"]
	var read []kernelEdge
	var key kernelEdge
	var value kernelOpens
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
		o.isNew(key)
		each(key, value)
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

// counter is the part of a Scanner that counts connections as they are made.
type counter struct {
	opens   *opens
	refusal error // why there is none
	before  proctext.TCPOpens
	ownComm string
}

// read takes the counts since the last look, as edges of a report. It returns
// nil where the kernel doesn't count.
func (c *counter) read(s *Scanner, cov *report.Coverage) *aggregate.Opens {
	cov.OpensBy = "looks"
	if c.opens == nil {
		return nil
	}
	out := &aggregate.Opens{}
	var seen uint64
	lost, err := c.opens.drain(func(e kernelEdge, n kernelOpens) {
		seen += n.Opened + n.Refused + n.TimedOut + n.Failed
		out.Edges = append(out.Edges, s.edge(e, n))
	})
	if err != nil {
		c.refusal = errors.Join(err, c.opens.close())
		c.opens = nil
		return nil
	}
	cov.OpensBy, cov.OpensSeen, cov.OpensLost = "kernel", seen, lost
	cov.OpensKernel = c.kernelSince(s.proc)
	return out
}

// kernelSince is how many attempts and acceptances the kernel's own counters
// grew by since the last look; the first one has no before.
func (c *counter) kernelSince(proc string) uint64 {
	text, err := os.ReadFile(filepath.Join(proc, "thread-self/net/snmp"))
	if err != nil {
		return 0
	}
	now, err := proctext.ParseTCPOpens(text)
	if err != nil {
		return 0
	}
	grown := now.Active - c.before.Active + now.Passive - c.before.Passive
	c.before = now
	return grown
}

// edge words an edge of the kernel's as one of a report.
func (s *Scanner) edge(e kernelEdge, n kernelOpens) aggregate.Open {
	o := aggregate.Open{
		Active: e.Active != 0, Peer: address(e.Addr), Port: e.Port,
		Opened: n.Opened, Refused: n.Refused, TimedOut: n.TimedOut, Failed: n.Failed,
	}
	if !o.Active {
		o.Local = address(e.Local)
		return o
	}
	comm := unix.ByteSliceToString(e.Comm[:])
	o.Owner = aggregate.Owner{
		Process: report.CleanName(s.owners.processes.fullName(comm)),
		User:    s.owners.processes.users.name(e.UID),
		Own:     comm != "" && comm == s.counter.ownComm,
	}
	return o
}

// fullName completes a comm that the kernel cut, where a process of that name
// is known.
func (ps *processes) fullName(comm string) string {
	if !proctext.Cut(comm) {
		return comm
	}
	for _, p := range ps.byPID {
		if p.comm == comm {
			return p.owner.Process
		}
	}
	return comm
}

// announced words a new edge as an event.
func announced(e kernelEdge, now time.Time) Event {
	c := report.Connection{
		Direction: report.In, Protocol: report.TCP, Peer: address(e.Addr), Port: e.Port, Local: address(e.Local),
	}
	if e.Active != 0 {
		c.Direction, c.Local = report.Out, netip.Addr{}
		c.Process = report.CleanName(unix.ByteSliceToString(e.Comm[:]))
	}
	return Event{Time: now.UTC(), Connection: c}
}
