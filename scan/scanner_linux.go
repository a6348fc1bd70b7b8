package scan

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/kernel"
	"github.com/devops-trouble-map/dotm/scan/networks"
	"github.com/devops-trouble-map/dotm/scan/owners"
	"github.com/devops-trouble-map/dotm/scan/procfs"
)

// Scanner looks at this host again and again, and remembers between looks
// whose socket is whose. Its methods may be called from several goroutines;
// looks are taken one at a time.
type Scanner struct {
	proc    string
	now     func() time.Time
	oneLook bool
	rights  procfs.Rights
	events  chan Event

	mu       sync.Mutex
	closed   bool
	looks    int
	kernel   *kernel.Kernel
	networks *networks.Networks
	sockets  *socketReader
	fs       *procfs.FS
	owners   *owners.Owners
	folder   *fold.Folder
	counter  counter
	rhythm   rhythm

	turn         int // of the processes whose descriptors are counted next
	workplaces   *workplaces
	translations *translations
}

// maxWalked is how many descriptors a look reads through /proc at most, about
// a tenth of a second's work; the next goes on from there.
const maxWalked = 50_000

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
	r, err := procfs.ReadRights(o.Proc)
	if err != nil {
		return nil, fmt.Errorf("reading own rights: %w", err)
	}
	s := &Scanner{
		proc: o.Proc, now: o.Now, oneLook: o.OneLook, rights: r,
		events: make(chan Event, pendingEvents), kernel: &kernel.Kernel{}, folder: fold.NewFolder(),
		rhythm: rhythm{every: o.HealthEvery, few: fewSockets},
	}
	runtime.LockOSThread() // whose network namespace is the own one
	defer runtime.UnlockOSThread()
	fs, err := procfs.Open(o.Proc)
	if err != nil {
		return nil, err
	}
	if s.networks, err = networks.New(fs, o.Networks, r, report.NodeName); err != nil {
		return nil, errors.Join(err, fs.Close())
	}
	if !o.noKernel {
		s.loadKernel()
	}
	s.sockets = newSocketReader(o.Proc, o.sockets, s.counter.opens != nil)
	s.fs, s.workplaces = fs, newWorkplaces(o.Proc, o.Now)
	s.owners = owners.New(s.searching(o))
	s.translations = newTranslations(o.Proc)
	return s, nil
}

// searching is how the processes of sockets are found.
func (s *Scanner) searching(o Options) owners.Options {
	how := owners.Options{
		FS: s.fs, Rights: s.rights, Users: procfs.NewUsers(procfs.Passwd), Own: o.OwnPIDs,
		Place: s.workplaces.of, NoDescriptors: s.kernel.NoDescriptors,
	}
	if s.kernel.Descriptors != nil {
		how.Descriptors = descriptors{s.kernel.Descriptors}
	}
	if !o.OneLook {
		how.Budget = maxWalked
	}
	return how
}

// descriptors is the kernel's list of descriptors, for [owners.Options].
type descriptors struct{ list *kernel.Descriptors }

// Each calls found for every descriptor that is a socket.
func (d descriptors) Each(found func(owners.Held)) error {
	return d.list.Each(func(h kernel.Held) { found(owners.Held(h)) })
}

// pendingEvents is how many events wait for a reader; more are dropped, for
// the next look sees what they told.
const pendingEvents = 64

// loadKernel loads the eBPF programs that the kernel lets us, and starts to
// count connections, except for a single look.
func (s *Scanner) loadKernel() {
	o := kernel.Options{Network: s.networks.Only()}
	if !s.oneLook {
		o.Announce = func(e kernel.Edge) {
			select {
			case s.events <- announced(e, s.now()):
			default:
			}
		}
	}
	s.kernel = kernel.Load(o)
	s.counter.opens, s.counter.refusal = s.kernel.Opens, s.kernel.NoOpens
	comm, err := os.ReadFile(filepath.Join(s.proc, "self/comm"))
	if err == nil {
		s.counter.ownComm = strings.TrimSuffix(string(comm), "\n")
	}
	s.networks.Own.Opens, _ = readTCPOpens(s.proc)
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
	err := s.kernel.Close() // announces nothing any more
	close(s.events)
	return errors.Join(err, s.fs.Close())
}

// Scan takes one look. The report lacks only what the agent adds: Version,
// Zone, Sequence, IntervalMS and Agent.Version. An error means that sockets
// could not be read at all, that the one network namespace asked for isn't
// there, or that ctx ended; parts that could not be seen are notes.
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
	if err := s.networks.Refresh(s.nameOf); err != nil {
		return nil, err
	}
	var notes notes
	r.Interfaces, err = readInterfaces()
	if err != nil {
		notes.add("interfaces", "Addresses of this node could not be read: "+err.Error()+".", "")
	}
	s.rhythm.begin(r.Time, len(s.sockets.list))
	if err := s.readSockets(ctx, &meter); err != nil {
		return nil, err
	}
	if err := s.translations.apply(ctx, s.sockets.list, s.owners.At()); err != nil {
		return nil, err
	}
	r.Agent.Method = s.sockets.method()
	s.fold(r)
	s.rhythm.end(r)
	r.Shortages = s.shortages(r)
	s.compact(r)
	s.describe(&notes, r)
	r.Notes = notes
	s.settle()
	r.Cost = meter.stop(s.proc)
	return r, nil
}

// Measured says whether the last look asked the kernel how connections fare; see
// [Options].HealthEvery.
func (s *Scanner) Measured() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rhythm.due
}

// settle gives memory back once all that is remembered between looks has its
// size: loading the programs and growing to that took twice as much.
func (s *Scanner) settle() {
	if s.looks++; s.looks == 2 && !s.oneLook {
		debug.FreeOSMemory()
	}
}

// readSockets fills the list of sockets with their owners. Where a socket
// turned out to have no owner, it looks a second time: the socket may have
// closed in between, and then nothing is to be said of it.
func (s *Scanner) readSockets(ctx context.Context, m *meter) error {
	for second := false; ; second = true {
		if err := s.readNetworks(ctx, m); err != nil {
			return fmt.Errorf("reading sockets: %w", err)
		}
		s.workplaces.tidy(s.owners.EachContainer)
		list, doubtful, err := s.owners.Resolve(ctx, s.sockets.list)
		s.sockets.list = list
		if err != nil {
			return fmt.Errorf("finding the processes of sockets: %w", err)
		}
		if !doubtful || second {
			return nil
		}
	}
}

// readNetworks reads the sockets of all namespaces that are looked at.
func (s *Scanner) readNetworks(ctx context.Context, m *meter) error {
	s.sockets.begin(s.rhythm.due)
	s.counter.grown = 0
	if s.networks.LooksAtOwn() {
		if err := s.sockets.read(ctx, s.networks.Own); err != nil {
			return err
		}
	}
	return s.networks.Visit(func(n *networks.Network) error {
		started := threadCPU()
		defer func() { m.other += threadCPU() - started }()
		n.Addresses = ownAddresses()
		if s.counter.opens != nil {
			s.counter.visit(s.proc, n)
		}
		return s.sockets.read(ctx, n)
	})
}

// ownAddresses lists the addresses of the calling thread's network namespace.
func ownAddresses() (list []netip.Addr) {
	found, err := readAddresses()
	if err != nil {
		return nil
	}
	for _, prefixes := range found {
		for _, p := range prefixes {
			list = append(list, p.Addr())
		}
	}
	return list
}

func (s *Scanner) fold(r *report.Report) {
	host := fold.Host{Ephemeral: readEphemeral(s.proc), Now: r.Time, Unmeasured: !s.rhythm.due}
	var own []netip.Addr
	for _, i := range r.Interfaces {
		for _, p := range i.Addresses {
			own = append(own, p.Addr())
		}
	}
	host.Addresses = append(host.Addresses, own)
	for _, n := range s.networks.Others {
		host.Addresses = append(host.Addresses, n.Addresses)
	}
	r.Forwards, r.Sources = s.translations.forwards(own), s.translations.sources(own)
	if s.networks.LooksAtOwn() && s.counter.opens != nil {
		s.counter.visit(s.proc, s.networks.Own)
	}
	var counted report.Coverage
	opens := s.counter.read(s, &counted)
	var look fold.Look
	if s.oneLook {
		look = fold.Once(host, s.sockets.list)
	} else {
		look = s.folder.Fold(host, s.sockets.list, opens)
	}
	r.Listeners, r.Connections, r.Coverage = look.Listeners, look.Connections, look.Coverage
	r.Coverage.OpensBy, r.Coverage.OpensLost = counted.OpensBy, counted.OpensLost
	r.Coverage.OpensSeen, r.Coverage.OpensKernel = counted.OpensSeen, counted.OpensKernel
}
