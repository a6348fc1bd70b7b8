// Package replica makes several servers that share a store show one chart.
//
// One of them leads, by a lease: it applies all reports, writes the store, and
// tells the others which blocks changed. The others follow: they mirror what it
// tells, and hand what they are sent to it. Where the store can't be reached
// nobody can lead; each goes on alone with what it knows and is sent, until it
// can join the others again.
package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// Role is what a member does at the moment.
type Role string

// The roles.
const (
	Joining   Role = "joining"   // reads what the others told, takes nothing
	Leading   Role = "leading"   // applies, writes, tells
	Following Role = "following" // mirrors, hands over
	Alone     Role = "alone"     // the store can't be reached
)

// The rhythm of a group.
const (
	// LeaseFor is how long a lease lasts that is not renewed: the longest time
	// until another one leads.
	LeaseFor = 6 * time.Second
	// renewEvery is how often the lease is asked for, by all.
	renewEvery = 2 * time.Second
	// margin is how long before its lease ends a leader stops, whose clock may
	// run slower than the store's.
	margin = time.Second
)

// What members share in the store.
const (
	LeaderLease   = "leader"   // who has it leads
	topicState    = "state"    // what the leader shows, its answers, and news of all
	topicRequests = "requests" // what the others hand over to it
)

// Shared is what the servers have in common.
type Shared interface {
	store.Leaser
	store.Bus
}

// Server is what a member acts on. Its methods are called one at a time, but for
// Do.
type Server interface {
	// Lead begins to apply and to write, in an epoch of its own.
	Lead(ctx context.Context, term uint64) error
	// Follow ends that; Reload comes before the next Mirror.
	Follow()
	// Part goes on alone: it applies, and writes if it can.
	Part()
	// Reload reads the state from the store anew.
	Reload(ctx context.Context) error
	// Snapshot is what it shows now.
	Snapshot() *topology.Snapshot
	// Mirror shows what the leader does.
	Mirror(u *Update)
	// Heard takes in what another member told of anything else.
	Heard(kind string, data []byte)
	// Do does what was handed over to the leader.
	Do(ctx context.Context, kind string, data []byte) ([]byte, error)
}

// Options of a member. All are required.
type Options struct {
	// Name tells it from the others; it changes with each start.
	Name   string
	Shared Shared
	Server Server
	Log    *slog.Logger
}

// Member is one of the servers.
type Member struct {
	Options
	packing
	said  *outbox // to all: updates, answers, news
	asked *outbox // to the leader
	share chan struct{}

	mu        sync.Mutex
	role      Role
	term      uint64 // of the leader that is known
	leader    string
	trouble   error
	turn      chan struct{} // closed at the next change of role or leader
	leaseSeen time.Time     // when the store was last asked who leads, and said so
	retell    bool          // the others miss something that was told
	applied   []func(bool)  // while leading: who waits for the others to know
	refs      uint64
	pending   map[uint64]chan<- answer
}

// New makes a member that does nothing before [Member.Run].
func New(opt Options) *Member {
	p := newPacking()
	return &Member{
		Options: opt, packing: p, role: Joining, turn: make(chan struct{}), share: make(chan struct{}, 1),
		said: newOutbox(opt.Shared, topicState, opt.Name, p), asked: newOutbox(opt.Shared, topicRequests, opt.Name, p),
		pending: map[uint64]chan<- answer{},
	}
}

// Status is what a member says of itself.
type Status struct {
	Name   string `json:"name"`
	Role   Role   `json:"role"`
	Leader string `json:"leader"`
	// Trouble is why it is alone.
	Trouble string `json:"trouble,omitempty"`
}

// Status says what the member does, and why.
func (m *Member) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Status{Name: m.Name, Role: m.role, Leader: m.leader}
	if m.trouble != nil {
		s.Trouble = m.trouble.Error()
	}
	return s
}

// Vitals are how a member fares at a moment.
type Vitals struct {
	Role Role
	// Heard is how long ago the store said who leads; zero if it never did.
	Heard time.Duration
	// Waiting are the bytes that are not yet told to the others.
	Waiting int
}

// Vitals tells how the member fares.
func (m *Member) Vitals(now time.Time) Vitals {
	m.mu.Lock()
	v := Vitals{Role: m.role}
	if !m.leaseSeen.IsZero() {
		v.Heard = now.Sub(m.leaseSeen)
	}
	m.mu.Unlock()
	v.Waiting = m.said.bytes() + m.asked.bytes()
	return v
}

// heardAt notes when the store said who leads.
func (m *Member) heardAt(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leaseSeen = at
}

// Role is what the member does now.
func (m *Member) Role() Role {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.role
}

// Err is nil while the member leads or follows.
func (m *Member) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.role {
	case Alone:
		return fmt.Errorf("the store can't be reached, other servers are not heard: %w", m.trouble)
	case Joining:
		return errors.New("this server is still reading what the others know")
	case Leading, Following:
	}
	return nil
}

// Run joins the others and stays until ctx ends; then it gives its lease back.
func (m *Member) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { m.said.run(ctx, m.knownTerm, m.unsaid) })
	wg.Go(func() { m.asked.run(ctx, m.knownTerm, m.unasked) })
	for ctx.Err() == nil {
		switch err := m.session(ctx); {
		case ctx.Err() != nil:
		case errors.Is(err, errSuperseded):
			m.Log.Warn("joining the other servers anew", "error", err)
			m.become(Joining, "", m.knownTerm(), nil)
			m.Server.Follow()
		default:
			m.part(err)
			pause(ctx, renewEvery)
		}
	}
	wg.Wait()
	if m.Role() == Leading {
		m.resign()
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// part goes on alone, and says why.
func (m *Member) part(why error) {
	if m.Role() != Alone {
		m.Log.Error("other servers are not heard: going on alone", "error", why)
		m.Server.Part()
	}
	m.become(Alone, "", m.knownTerm(), why)
}

// resign tells what was not told yet and gives the lease back, so that another
// one leads at once.
func (m *Member) resign() {
	ctx, cancel := context.WithTimeout(context.Background(), renewEvery)
	defer cancel()
	m.said.flush(ctx, m.knownTerm, m.unsaid)
	if err := m.Shared.Release(ctx, LeaderLease, m.Name); err != nil {
		m.Log.Warn("giving the lead back failed; another server takes it when the lease ends", "error", err)
	}
}

// become sets role and leader, and wakes who waits for that.
func (m *Member) become(role Role, leader string, term uint64, trouble error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.role == role && m.leader == leader && m.term == term {
		m.trouble = trouble
		return
	}
	if m.role == Leading && role != Leading {
		defer func() { go m.release(role) }() // without the lock
	}
	if m.role != role {
		m.Log.Info("role among the servers of this store", "role", string(role), "leader", leader)
	}
	m.role, m.leader, m.term, m.trouble = role, leader, term, trouble
	close(m.turn)
	m.turn = make(chan struct{})
}

func (m *Member) knownTerm() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.term
}
