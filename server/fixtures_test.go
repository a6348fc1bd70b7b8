package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/server/incidents"
	"github.com/devops-trouble-map/dotm/server/roles"
	"github.com/devops-trouble-map/dotm/server/signals"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// memory is a store that remembers what was written, and can be made to fail:
// the one thing that a real engine doesn't do on demand.
type memory struct {
	store.History // nil: where it is read, tests use a real engine
	mu            sync.Mutex
	broken        error
	writes        []store.Change
	state         store.State
	events        []topology.Event
}

var _ store.Store = (*memory)(nil)

func (m *memory) Load(context.Context) (store.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := m.state
	state.Documents = slices.Clone(state.Documents)
	return state, m.broken
}

func (m *memory) Write(_ context.Context, c store.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	if !slices.ContainsFunc(c.Keep, func(d store.Document) bool {
		return d.Kind == roles.Kind || d.Kind == signals.Kind || d.Kind == incidents.ChangesKind
	}) { // these come beside what tests are about
		m.writes = append(m.writes, c)
	}
	for _, k := range c.Drop {
		m.state.Documents = slices.DeleteFunc(m.state.Documents, func(d store.Document) bool { return d.Kind == k.Kind && d.Key == k.Key })
	}
	for _, k := range c.Keep {
		m.state.Documents = slices.DeleteFunc(m.state.Documents, func(d store.Document) bool { return d.Kind == k.Kind && d.Key == k.Key })
	}
	m.state.Documents = append(m.state.Documents, c.Keep...)
	m.events = append(m.events, c.Append...)
	return nil
}

func (m *memory) Extent(context.Context) (store.Extent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return store.Extent{Records: 1}, m.broken
}

func (m *memory) Replace(context.Context, func(store.Store) error) error {
	return errors.New("a memory is not replaced")
}

func (m *memory) Close() error { return nil }

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

// take returns what was written since the last take.
func (m *memory) take() []store.Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.writes
	m.writes = nil
	return w
}

// logged keeps what a server says.
type logged struct {
	mu sync.Mutex
	strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.Write(p)
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.String()
}

// running is a server under test.
type running struct {
	*Server
	log  *logged
	stop func() error
}

// start runs a server until stop is called, at the latest by the test's end.
func start(t testing.TB, st store.Store, fixed store.Patch) *running {
	t.Helper()
	return startWith(t, Options{Store: st, Fixed: fixed})
}

// startWith is start with more options.
func startWith(t testing.TB, opt Options) *running {
	t.Helper()
	r := &running{log: &logged{}}
	opt.Log = slog.New(slog.NewTextHandler(r.log, nil))
	var err error
	if r.Server, err = New(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = r.stop() })
	return r
}

func (r *running) put(t testing.TB, rep *report.Report) {
	t.Helper()
	if err := r.Put(t.Context(), rep); err != nil {
		t.Fatal(err)
	}
}

// reporter makes the reports of one node.
type reporter struct {
	name     string
	number   byte
	sequence uint64
}

func (r *reporter) address() netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, r.number}) }

// report is the node's next one: it listens on port 80 and has open
// connections to the given addresses, port 5432.
func (r *reporter) report(peers ...string) *report.Report {
	r.sequence++
	rep := &report.Report{
		Version:    report.Version,
		Node:       report.Node{Name: r.name, Identity: report.Identity{Kind: report.IdentityMachine, Value: "id of " + r.name}},
		Agent:      report.Agent{Version: "test", Method: "sock_diag"},
		Sequence:   r.sequence,
		Time:       time.Now(),
		IntervalMS: 10_000,
		Interfaces: []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.PrefixFrom(r.address(), 24)}}},
		Listeners:  []report.Listener{{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: 80, Process: "nginx"}},
	}
	for _, p := range peers {
		rep.Connections = append(rep.Connections, report.Connection{
			Direction: report.Out, Protocol: report.TCP, Process: "nginx", Peer: netip.MustParseAddr(p), Port: 5432, Count: 1, Opened: 1,
		})
	}
	return rep
}

// connection finds the one connection of a node to a peer.
func connection(t testing.TB, s *topology.Snapshot, node, peer string) topology.Connection {
	t.Helper()
	for c := range s.Connections() {
		if c.Client.Node == node && c.Server.Node == peer {
			return c
		}
	}
	t.Fatalf("no connection from %s to %s", node, peer)
	return topology.Connection{}
}

func duration(d time.Duration) *topology.Duration { return new(topology.Duration(d)) }

// names of the blocks that changes put.
func names(changes []store.Change) (list []string) {
	for _, c := range changes {
		for _, b := range c.Put {
			list = append(list, b.Node.Name)
		}
	}
	return list
}

func ids(events []topology.Event) (list []string) {
	for _, e := range events {
		list = append(list, fmt.Sprint(e.Subject, " ", e.ID, " ", e.Kind))
	}
	return list
}
