package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/api/door"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/limit"
	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/server"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

var update = flag.Bool("update", false, "write the golden files anew")

// site is all of dotm but its command: HTTP over a server over a bolt store.
type site struct {
	*httptest.Server
	model   *server.Server
	store   *bolt.Store
	logins  *people.Logins
	agents  *auth.Agents
	handler http.Handler
	routes  *router
	systems *systems
	alerts  *ReadAlerts
	log     *lockedBuffer
}

type siteOptions struct {
	systems *systems // instead of the server's own
	fixed   store.Patch
	ui      fs.FS
	public  bool // not on loopback, and open to all (--insecure)
	login   bool // not on loopback: people log in, agents enrol
	// proxies are those before a server of which one logs in.
	proxies []netip.Prefix
	// vouched and provider say who people are.
	vouched  *Vouched
	provider door.Provider
	clock    func() time.Time // of logins and agents
	limits   *limit.Limits
	before   func(*bolt.Store) // fills the store
	names    func(netip.Addr) string
	hosts    func() map[netip.Addr]string
}

func newSite(t *testing.T, opt siteOptions) *site {
	t.Helper()
	st, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if opt.before != nil {
		opt.before(st)
	}
	s := &site{store: st, log: &lockedBuffer{}}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	m, err := server.New(t.Context(), server.Options{
		Store: st, Fixed: opt.fixed, Log: log, Pollers: map[string]collect.Poller{"text": nobody{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	s.model = m
	s.access(t, &opt)
	var monitoring Monitoring = m
	if s.systems = opt.systems; s.systems != nil {
		monitoring = s.systems
	}
	s.alerts = new(ReadAlerts)
	s.routes, s.handler = build(ctx, Options{
		ReadAlerts: func(o monitor.Options, r io.Reader) (firing, over []mapping.Check, err error) {
			return (*s.alerts)(o, r)
		},
		Roles: m, Charts: m, Incidents: m, Telling: m, Monitoring: monitoring, Model: m, Settings: m, Sink: m, History: m, Keeping: m, Fleet: m, Recent: m, Declaring: m, Audit: m, Names: opt.names, Hosts: opt.hosts, UI: opt.ui, This: "web", Log: log, Loopback: !opt.public && !opt.login,
		Logins: s.logins, Agents: s.agents, Issuer: fakeCA{}, Pin: auth.Fingerprint{7}, Proxies: opt.proxies, Vouched: opt.vouched, Provider: opt.provider, Limits: opt.limits, URL: "https://dotm.example:4849",
		Version: Version{Version: "1.2.3", Go: "go1", Revision: "abc", Started: noon, Listen: "127.0.0.1:4849", Loopback: !opt.public},
	})
	s.Server = httptest.NewServer(s.handler)
	t.Cleanup(func() {
		cancel()
		s.Close()
		<-ended
		st.Close()
	})
	return s
}

// access gives a site its logins and agents.
func (s *site) access(t *testing.T, opt *siteOptions) {
	t.Helper()
	if opt.clock == nil {
		opt.clock = time.Now
	}
	var err error
	if s.agents, err = auth.NewAgents(documents{s.model}, opt.clock); err != nil {
		t.Fatal(err)
	}
	if opt.public {
		return
	}
	if s.logins, err = people.NewLogins(documents{s.model}, opt.clock, nil); err != nil {
		t.Fatal(err)
	}
}

// documents keep what package auth wants kept.
type documents struct{ *server.Server }

func (d documents) Documents(kind string) (out []auth.Document) {
	for _, x := range d.Server.Documents(kind) {
		out = append(out, auth.Document(x))
	}
	return out
}

func (d documents) ChangeDocuments(ctx context.Context, keep []auth.Document, drop []auth.Key) error {
	var docs []store.Document
	for _, x := range keep {
		docs = append(docs, store.Document(x))
	}
	var keys []store.DocumentKey
	for _, x := range drop {
		keys = append(keys, store.DocumentKey{Kind: x.Kind, Key: x.Name})
	}
	return d.Server.ChangeDocuments(ctx, docs, keys)
}

// fakeCA signs whatever begins with "csr".
type fakeCA struct{}

func (fakeCA) PEM() []byte { return []byte("the CA") }

func (fakeCA) Issue(request []byte, names []string) ([]byte, error) {
	if !bytes.HasPrefix(request, []byte("csr")) {
		return nil, fmt.Errorf("certificate_request is %w", auth.ErrInvalid)
	}
	return fmt.Appendf(nil, "certificate for %v", names), nil
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// answered is an answer with its body read.
type answered struct {
	*http.Response
	body []byte
}

// do asks; header are pairs of names and values, and "Host" is one of them.
func (s *site) do(t *testing.T, method, path, body string, header ...string) answered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header[http.CanonicalHeaderKey(header[i])] = append(req.Header[http.CanonicalHeaderKey(header[i])], header[i+1])
	}
	client := *s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{resp, raw}
}

func (s *site) get(t *testing.T, path string, header ...string) answered {
	t.Helper()
	return s.do(t, http.MethodGet, path, "", header...)
}

// read gets a 200 as a T.
func read200[T any](t *testing.T, s *site, path string) (out T) {
	t.Helper()
	a := s.get(t, path)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %s", path, a.Status, a.body)
	}
	if err := json.Unmarshal(a.body, &out); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return out
}

// problemDoc is RFC 9457's as far as dotm uses it.
type problemDoc struct {
	Type          string
	Title, Detail string
	Status        int
	Errors        []struct {
		Message, Location string
		Value             any
	}
}

// refused checks that an answer is a problem document of the status.
func refused(t *testing.T, a answered, status int) (p problemDoc) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", a.StatusCode, status, a.body)
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	if p.Status != status || p.Title != http.StatusText(status) || p.Detail == "" {
		t.Errorf("problem is %s", a.body)
	}
	return p
}

// put sends a report over HTTP.
func (s *site) put(t *testing.T, r *report.Report) {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.do(t, http.MethodPost, Prefix+"/reports", string(raw)); a.StatusCode != http.StatusOK {
		t.Fatalf("report refused: %s", a.body)
	}
}

// settle waits until everything that was put is published.
func (s *site) settle(t *testing.T, done func(*topology.Snapshot) bool) {
	t.Helper()
	for {
		changed := s.model.Changed()
		if done(s.model.Snapshot()) {
			return
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatal("it never came")
		}
	}
}

// made is a report in the making.
type made struct{ *report.Report }

func host(name, address string) made {
	return made{&report.Report{
		Version: report.Version, Sequence: 1, Time: time.Now().UTC(), IntervalMS: 10_000,
		Node:        report.Node{Name: name, Identity: report.Identity{Kind: report.IdentityMachine, Value: name}},
		Agent:       report.Agent{Version: "1.2.3", Method: "sock_diag"},
		Interfaces:  []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr(address), 24)}}},
		Listeners:   []report.Listener{},
		Connections: []report.Connection{},
	}}
}

func (m made) listen(process string, port uint16) made {
	m.Listeners = append(m.Listeners, report.Listener{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: port, Process: process})
	return m
}

func (m made) own(process string, port uint16) made {
	m.listen(process, port).Listeners[len(m.Listeners)-1].Own = true
	return m
}

func (m made) out(process, peer string, port uint16) made {
	m.Connections = append(m.Connections, report.Connection{
		Direction: report.Out, Protocol: report.TCP, Process: process, Peer: netip.MustParseAddr(peer), Port: port, Count: 2, Opened: 3,
	})
	return m
}

func (m made) in(peer string, port uint16) made {
	m.Connections = append(m.Connections, report.Connection{
		Direction: report.In, Protocol: report.TCP, Peer: netip.MustParseAddr(peer), Local: netip.IPv4Unspecified(), Port: port, Count: 1, Opened: 1,
	})
	return m
}

// shop is a web server that calls a database, a payment provider and a cache
// that doesn't report; people and an administrator call it.
func (s *site) shop(t *testing.T) {
	t.Helper()
	s.put(t, host("web", "10.0.0.1").listen("nginx", 80).listen("sshd", 22).own("dotm", 4849).
		out("nginx", "10.0.0.2", 5432).out("nginx", "8.8.8.8", 443).out("php", "10.0.0.9", 6379).
		in("203.0.113.7", 80).in("10.0.0.50", 22).Report)
	s.put(t, host("db", "10.0.0.2").listen("postgres", 5432).in("10.0.0.1", 5432).Report)
	s.settle(t, func(snap *topology.Snapshot) bool { return snap.Block("db") != nil })
}

// golden compares with a file in testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), -update if it is right:\n%s", path, diff)
	}
}

func indented(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// still is a model that shows what it is given, for tests that bring a clock
// of their own.
type still struct {
	snap  atomic.Pointer[topology.Snapshot]
	wake  atomic.Pointer[chan struct{}]
	asked atomic.Int64 // how often the settings were read: once for each view that is built
	set   store.Settings
	err   error
	roles atomic.Pointer[grouping.Roles]
	book
}

// book keeps charts in memory.
type book struct {
	charts map[view.Level]view.Chart
	pins   map[string]view.Point
	epoch  uint64
}

func (b *book) Chart(level view.Level) view.Chart        { return b.charts[level] }
func (b *book) Pins(view.Level) map[string]view.Point    { return b.pins }
func (b *book) ChartEpoch(view.Level) uint64             { return b.epoch }
func (b *book) KeepChart(level view.Level, c view.Chart) { b.charts[level] = c }

func (b *book) ChartOutgrown(view.Level, []view.Box, []view.Place) bool { return false }

func (b *book) MoveBoxes(context.Context, view.Level, map[string]*view.Point) error {
	return errors.ErrUnsupported
}

func (b *book) TidyChart(context.Context, view.Level) error {
	clear(b.charts)
	b.epoch++
	return nil
}

func (m *still) Roles() *grouping.Roles        { return m.roles.Load() }
func (m *still) RoleChoices() grouping.Choices { return grouping.Choices{} }

func (m *still) ChooseRoles(context.Context, func(*grouping.Choices) error) error {
	return errors.ErrUnsupported
}

func newStill(s *topology.Snapshot) *still {
	m := &still{set: store.Defaults(), book: book{charts: map[view.Level]view.Chart{}}}
	m.roles.Store(&grouping.Roles{})
	m.wake.Store(new(make(chan struct{})))
	m.snap.Store(s)
	return m
}

func (m *still) show(s *topology.Snapshot) {
	m.snap.Store(s)
	close(*m.wake.Swap(new(make(chan struct{}))))
}

func (m *still) Snapshot() *topology.Snapshot { return m.snap.Load() }
func (m *still) Changed() <-chan struct{}     { return *m.wake.Load() }
func (m *still) Ready() error                 { return m.err }

func (m *still) Settings() (store.Settings, []string) {
	m.asked.Add(1)
	return m.set, nil
}

func (m *still) ChangeSettings(context.Context, store.Patch) error { return fmt.Errorf("disk full") }

func (m *still) Put(context.Context, *report.Report) error { return server.ErrStopped }

func (m *still) handler(ctx context.Context) http.Handler {
	return New(ctx, Options{Model: m, Settings: m, Roles: m, Charts: m, Sink: m, This: "web", Log: slog.New(slog.DiscardHandler)})
}

// applied is the topology after reports, one second apart, the first at noon.
func applied(reports ...made) *topology.Snapshot {
	snap := topology.Empty(topology.Revision{Epoch: "e"}, noon)
	for i, r := range reports {
		at := noon.Add(time.Duration(i) * time.Second)
		r.Time = at
		snap = aggregate.Apply(snap, r.Report, at, aggregate.Options{Ageing: 5 * time.Minute, StaleAfter: time.Minute})
	}
	return snap
}

// aged is a snapshot so much later, nothing having been heard meanwhile but
// that all is quiet.
func aged(snap *topology.Snapshot, by time.Duration, r made) *topology.Snapshot {
	at := snap.At().Add(by)
	r.Time = at
	b := aggregate.Begin(snap, aggregate.Options{Ageing: 5 * time.Minute, StaleAfter: time.Minute})
	b.Report(r.Report, at)
	b.Age(at)
	return b.Commit(at)
}

func shopReports() []made {
	return []made{
		host("web", "10.0.0.1").listen("nginx", 80).listen("sshd", 22).own("dotm", 4849).
			out("nginx", "10.0.0.2", 5432).out("nginx", "8.8.8.8", 443).out("php", "10.0.0.9", 6379).
			in("203.0.113.7", 80).in("10.0.0.50", 22),
		host("db", "10.0.0.2").listen("postgres", 5432).in("10.0.0.1", 5432),
	}
}
