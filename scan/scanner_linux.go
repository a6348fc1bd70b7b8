package scan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/report"
)

// Scanner looks at this host again and again, and remembers between looks
// whose socket is whose. Its methods may be called from several goroutines;
// looks are taken one at a time.
type Scanner struct {
	proc   string
	now    func() time.Time
	rights rights
	events chan Event

	mu      sync.Mutex
	closed  bool
	sockets *socketReader
	owners  *owners
	folder  *aggregate.Folder
	counter counter
}

// New returns a Scanner. It fails if proc(5) cannot be read at all; whatever
// else is missing shows as notes in the reports.
func New(o Options) (*Scanner, error) {
	if o.Proc == "" {
		o.Proc = "/proc"
	}
	if o.OwnPIDs == nil {
		self := os.Getpid()
		o.OwnPIDs = func(pid int) bool { return pid == self }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r, err := readRights(o.Proc)
	if err != nil {
		return nil, fmt.Errorf("reading own rights: %w", err)
	}
	own, err := newOwners(o.Proc, r, o.OwnPIDs, o.owners != ownersWalk)
	if err != nil {
		return nil, err
	}
	s := &Scanner{
		proc:    o.Proc,
		now:     o.Now,
		rights:  r,
		events:  make(chan Event, pendingEvents),
		sockets: newSocketReader(o.Proc, o.sockets),
		owners:  own,
		folder:  aggregate.NewFolder(),
	}
	if !o.OneLook && o.owners != ownersWalk {
		s.count(o.Now)
	}
	return s, nil
}

// pendingEvents is how many events wait for a reader; more are dropped, for
// the next look sees what they told.
const pendingEvents = 64

// count starts to count connections as they are made, where the kernel lets
// us.
func (s *Scanner) count(now func() time.Time) {
	runtime.LockOSThread() // whose network namespace is counted
	defer runtime.UnlockOSThread()
	comm, err := os.ReadFile(filepath.Join(s.proc, "self/comm"))
	if err == nil {
		s.counter.ownComm = strings.TrimSuffix(string(comm), "\n")
	}
	s.counter.opens, s.counter.refusal = openOpens(s.proc, func(e kernelEdge) {
		select {
		case s.events <- announced(e, now()):
		default:
		}
	})
	s.counter.kernelSince(s.proc)
}

// Events delivers what is seen between looks, as new connections. The channel
// is never nil; Close closes it. Nothing is sent where the kernel gives no
// such events.
func (s *Scanner) Events() <-chan Event { return s.events }

// Close releases what the Scanner holds, and closes the channel of events. A
// look that is under way ends first. Closing again does nothing.
func (s *Scanner) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.counter.opens != nil {
		err = s.counter.opens.close() // announces nothing any more
	}
	close(s.events)
	return errors.Join(err, s.owners.close())
}

// Scan takes one look. The report lacks only what the agent adds: Version,
// Zone, Sequence, IntervalMS and Agent.Version. An error means that sockets
// could not be read at all, or that ctx ended; parts that could not be seen
// are notes.
func (s *Scanner) Scan(ctx context.Context) (*report.Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	// The thread's own CPU time is measured, and its network namespace seen.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	meter := startMeter()
	r := &report.Report{Time: s.now().UTC()}
	var err error
	if r.Node, err = readNode(); err != nil {
		return nil, err
	}
	var notes notes
	r.Interfaces, err = readInterfaces()
	if err != nil {
		notes.add("interfaces", "Addresses of this node could not be read: "+err.Error()+".", "")
	}
	if err := s.readSockets(ctx); err != nil {
		return nil, err
	}
	s.fold(r)
	r.Agent.Method = s.sockets.method()
	s.describe(&notes, r)
	r.Notes = notes
	r.Cost = meter.stop(s.proc)
	return r, nil
}

// readSockets fills the list of sockets with their owners. Where a socket
// turned out to have no owner, it looks a second time: the socket may have
// closed in between, and then nothing is to be said of it.
func (s *Scanner) readSockets(ctx context.Context) error {
	for second := false; ; second = true {
		if err := s.sockets.read(ctx); err != nil {
			return fmt.Errorf("reading sockets: %w", err)
		}
		doubtful, err := s.owners.resolve(ctx, &s.sockets.list)
		if err != nil {
			return fmt.Errorf("finding the processes of sockets: %w", err)
		}
		if !doubtful || second {
			return nil
		}
	}
}

func (s *Scanner) fold(r *report.Report) {
	host := aggregate.Host{Ephemeral: readEphemeral(s.proc)}
	for _, i := range r.Interfaces {
		for _, p := range i.Addresses {
			host.Addresses = append(host.Addresses, p.Addr())
		}
	}
	var counted report.Coverage
	opens := s.counter.read(s, &counted)
	look := s.folder.Fold(host, s.sockets.list.sockets, opens)
	r.Listeners, r.Connections, r.Coverage = look.Listeners, look.Connections, look.Coverage
	r.Coverage.OpensBy, r.Coverage.OpensLost = counted.OpensBy, counted.OpensLost
	r.Coverage.OpensSeen, r.Coverage.OpensKernel = counted.OpensSeen, counted.OpensKernel
}
