// Package site makes up sites that look real: hosts in tiers, several products,
// shared services, clients from the Internet, deploys, autoscaling, reboots,
// batch jobs, and faults with what they do to those around them. It tells of a
// site what agents would report ([Site.Report]) and what a monitoring system
// would say ([Site.Results]), and, for scoring, what is true ([Site.Truth]).
//
// It is pure: no clock, no I/O. The same options and faults give the same site,
// moment by moment. It knows nothing of how reports are read or causes ranked.
package site

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// MaxHosts is how many hosts a site may have.
const MaxHosts = 50_000

// Options say which site. The zero value of each field but Hosts is a usable one.
type Options struct {
	// Hosts is how many there are, 3 to [MaxHosts], those in reserve included.
	Hosts int
	// Products is how many products they serve; 0 is as many as such sites have.
	Products int
	// Fan is how many servers of a pool a client is connected with at most; 0 is 8.
	Fan int
	// Connections is how many rows the report of a host has on average, in and out
	// together: where the products' own are fewer, the hosts run agents of a mesh that
	// talk to their neighbours. 0 leaves it at the products' own.
	Connections int
	// Seed tells sites of the same size apart.
	Seed uint64
	// Begin is the first moment; zero is the beginning of 2026.
	Begin time.Time
	// Interval is the time between two reports of a node; 0 is 10 s.
	Interval time.Duration
	// Version is that of the agents.
	Version string
	// Quiet leaves out deploys, autoscaling and reboots.
	Quiet bool
	// Monitoring says how the site is monitored.
	Monitoring Monitoring
}

// Site is a site at one moment. It is for one goroutine.
type Site struct {
	opt      Options
	now      int64 // milliseconds since 1970
	hosts    []*host
	byName   map[string]*host
	products []*product
	pools    []*pool
	hubs     []hub
	agenda   agenda
	planned  int64 // the hour up to which events are on the agenda
	faults   []*fault
	checks   []*check
	ran      int64 // up to when checks have run
	judged   bool  // what fails because of others is up to date
	changes  int64 // of the structure, for tests
	stirred  map[*host]bool
}

// host is one machine.
type host struct {
	id      uint64
	name    string
	address netip.Addr
	network int // bits of its network
	pool    *pool
	machine string

	processes []*process
	out, in   []*link
	docker    bool // it runs containers

	boot     uint64         // how often it was started
	off      bool           // it is not there: in reserve, or being started
	leaving  report.Leaving // what its agent has still to say of that
	dead     int64          // since when a fault has it dead; 0 if none
	full     bool           // its disk is
	told     int64          // its last report
	sequence uint64
}

// up says whether the host runs.
func (h *host) up() bool { return !h.off && h.dead == 0 }

// process is a program that runs on a host.
type process struct {
	id        uint64
	host      *host
	name      string
	user      string
	unit      string
	container string // empty: none
	image     string
	namespace bool // its container has a network of its own
	protocol  report.Protocol
	port      uint16 // 0: it accepts nothing
	own       bool   // dotm's
	check     string // what its check is called, "" if there is none
	command   string
	needs     []need

	starts uint64 // how often it was started
	begun  int64  // when last; 0 for before the site began
	down   int64  // since when a fault has it dead; 0 if none
	slow   float64
	jammed bool // it accepts, and does no work
	fails  bool // by its own fault, or as what it needs fails
	weak   bool // some of what it needs fails
}

// up says whether the process runs.
func (p *process) up() bool { return p.down == 0 && p.host.up() }

// need is a pool that a process can't do without, unless it is optional.
type need struct {
	pool     *pool
	optional bool
}

// product is a group of pools that belong together.
type product struct {
	index int
	name  string
	pools map[Tier]*pool
	surge float64 // what a fault multiplies its traffic with; 1 if none
}

// pool is the hosts of one role.
type pool struct {
	name    string
	tier    Tier
	product *product // nil for shared services
	hosts   []*host
	least   int // those that autoscaling leaves on; all if it is 0
}

// servers are the processes of a pool that others call.
func (p *pool) servers() []*process {
	out := make([]*process, 0, len(p.hosts))
	for _, h := range p.hosts {
		out = append(out, h.processes[0])
	}
	return out
}

// link is all connections of a client's process to a server's.
type link struct {
	id       uint64
	client   *process // nil for one outside
	server   *process // nil for one outside
	outside  netip.Addr
	folded   netip.Prefix // the network that outside clients were folded into
	peers    int
	protocol report.Protocol
	port     uint16

	open    float64 // connections at usual load
	rate    float64 // that are opened in a second at usual load
	rtt     float64 // microseconds
	sent    float64 // bytes in a second by the client
	got     float64 // and by the server
	steady  bool    // the load makes no difference
	product *product
	from    int   // of the hour, in minutes: when it is used
	to      int   // 0: always
	period  int64 // milliseconds from one use to the next; 0: it is used all the time

	cut    int64 // since when nothing gets through; 0 if something does
	mended int64 // since when something does again
	tuples [2]named
}

// named are the tuples of a link as of some state of it, as the client or the
// server sees them.
type named struct {
	count  int
	epoch  uint64
	hashes []uint64
}

// ErrOptions is wrapped by the errors of [New].
var ErrOptions = errors.New("options of a site")

// New makes a site as of opt.Begin.
func New(opt Options) (*Site, error) {
	if opt.Hosts < 3 || opt.Hosts > MaxHosts {
		return nil, fmt.Errorf("%w: hosts must be 3 to %d, is %d", ErrOptions, MaxHosts, opt.Hosts)
	}
	if opt.Products < 0 || opt.Products > maxProducts {
		return nil, fmt.Errorf("%w: products must be 0 to %d, is %d", ErrOptions, maxProducts, opt.Products)
	}
	if opt.Begin.IsZero() {
		opt.Begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	opt.Interval = cmp.Or(opt.Interval, 10*time.Second)
	opt.Fan = cmp.Or(opt.Fan, 8)
	opt.Version = cmp.Or(opt.Version, "1.0.0")
	opt.Monitoring = opt.Monitoring.complete()
	s := &Site{opt: opt, now: opt.Begin.UnixMilli(), byName: map[string]*host{}, stirred: map[*host]bool{}}
	s.ran = s.now
	s.plan()
	s.planned = s.now - s.now%hour
	s.extend(s.now)
	return s, nil
}

// Now is the moment of the site.
func (s *Site) Now() time.Time { return time.UnixMilli(s.now).UTC() }

// Interval is the time between two reports of a node.
func (s *Site) Interval() time.Duration { return s.opt.Interval }

// Nodes are the names of all hosts, those in reserve included, sorted.
func (s *Site) Nodes() []string {
	out := make([]string, 0, len(s.hosts))
	for _, h := range s.hosts {
		out = append(out, h.name)
	}
	slices.Sort(out)
	return out
}

// Advance lets time pass, and happen what happens. A moment before [Site.Now]
// changes nothing.
func (s *Site) Advance(to time.Time) {
	end := to.UnixMilli()
	for s.now < end {
		s.extend(s.now)
		next := min(end, s.planned)
		for len(s.agenda) > 0 && s.agenda[0].at <= next {
			e := s.agenda[0]
			s.agenda = s.agenda[1:]
			s.now = max(s.now, e.at)
			e.do()
			s.changes++
		}
		s.now = next
	}
}
