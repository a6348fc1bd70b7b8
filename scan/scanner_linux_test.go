package scan

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/netns"
)

func TestReportHead(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.FixedZone("", 7200))
	s := newScanner(t, Options{Now: func() time.Time { return now }})
	r, err := s.Scan(context.Background())
	must(t, err)
	host, err := os.Hostname()
	must(t, err)
	if r.Node.Name != report.NodeName(host) || r.Node.Identity.Value == "" {
		t.Errorf("node is %+v", r.Node)
	}
	if !r.Time.Equal(now) || r.Time.Location() != time.UTC {
		t.Errorf("time is %v, want %v in UTC", r.Time, now)
	}
	if r.Version != "" || r.Sequence != 0 || r.Zone != "" || r.IntervalMS != 0 || r.Agent.Version != "" {
		t.Errorf("%+v holds what is the agent's to say", r)
	}
}

func TestClose(t *testing.T) {
	s, err := New(Options{})
	must(t, err)
	events := s.Events()
	if events == nil {
		t.Fatal("no channel of events")
	}
	must(t, s.Close())
	must(t, s.Close())
	if _, open := <-events; open {
		t.Error("an event came from a closed scanner")
	}
	if _, err := s.Scan(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("scan after close: got %v, want %v", err, ErrClosed)
	}
}

// TestCancelled: a look that was broken off leaves nothing behind that harms
// the next.
func TestCancelled(t *testing.T) {
	ownNetwork(t)
	p := startPeer(t, "server", 0)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	s := newScanner(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Scan(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	m := startMeter()
	must(t, s.readNetworks(context.Background(), &m)) // broken off while searching
	if _, _, err := s.owners.Resolve(ctx, s.sockets.list); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	for range 2 {
		look(t, s)
	}
	rows{listeners: []report.Listener{p.listens(report.TCP, "127.0.0.1:8080")}}.compare(t, look(t, s))
}

func TestConcurrentUse(t *testing.T) {
	s := newScanner(t, Options{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := s.Scan(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestWarmLookAllocatesNothingPerSocket: only the rows take memory.
func TestWarmLookAllocatesNothingPerSocket(t *testing.T) {
	ownNetwork(t)
	server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
	server.do("listen", "tcp4", "127.0.0.1:8080")
	s := newScanner(t, Options{})
	allocations := func() float64 {
		look(t, s)
		return testing.AllocsPerRun(10, func() {
			m := startMeter()
			must(t, s.readSockets(context.Background(), &m))
		})
	}
	client.do("dial", "tcp4", "127.0.0.1:8080", 1)
	server.do("accept", 1)
	few := allocations()
	for range 5 {
		client.do("dial", "tcp4", "127.0.0.1:8080", 100)
		server.do("accept", 100)
	}
	if many := allocations(); many > few+10 {
		t.Errorf("%v allocations with 1,000 more sockets, %v without", many, few)
	}
}

func TestReadInterfaces(t *testing.T) {
	ownNetwork(t)
	got, err := readInterfaces()
	must(t, err)
	want := []report.Interface{{Name: "lo", Addresses: []netip.Prefix{
		netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128"),
	}}}
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); d != "" {
		t.Errorf("interfaces (-want +got):\n%s", d)
	}
}

// TestInterfaceKinds: of a point-to-point link the own address counts; a link
// without addresses is left out.
func TestInterfaceKinds(t *testing.T) {
	needRoot(t)
	ip := func(args ...string) {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			netns.Cannot(t, "ip: "+err.Error()+": "+string(out))
		}
	}
	ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
	t.Cleanup(func() { ip("link", "del", "v0") })
	ip("address", "add", "192.0.2.1", "peer", "192.0.2.2/32", "dev", "v0")
	ip("address", "add", "2001:db8::1/64", "dev", "v0")
	ip("address", "add", "198.51.100.7/24", "dev", "v0")
	got, err := readInterfaces()
	must(t, err)
	want := []string{"192.0.2.1/32", "198.51.100.7/24", "2001:db8::1/64"}
	if len(got) != 2 || got[1].Name != "v0" {
		t.Fatalf("got %+v, want lo and v0", got)
	}
	var addresses []string
	for _, a := range got[1].Addresses {
		addresses = append(addresses, a.String())
	}
	if d := cmp.Diff(want, addresses); d != "" {
		t.Errorf("addresses (-want +got):\n%s", d)
	}
}

func TestJoinInterfacesLimits(t *testing.T) {
	var links []net.Interface
	addresses := map[int][]netip.Prefix{}
	for i := range report.MaxInterfaces + 10 {
		links = append(links, net.Interface{Index: i, Name: "we\x01ird"})
		for range 5 {
			addresses[i] = append(addresses[i], netip.MustParsePrefix("192.0.2.1/24"))
		}
	}
	total := 0
	list := joinInterfaces(links, addresses)
	for _, l := range list {
		total += len(l.Addresses)
	}
	if total != report.MaxAddresses || len(list) > report.MaxInterfaces || list[0].Name != `we\x01ird` {
		t.Errorf("got %d interfaces with %d addresses, the first called %q", len(list), total, list[0].Name)
	}
}

func TestReadEphemeral(t *testing.T) {
	proc := t.TempDir()
	dir := filepath.Join(proc, "sys/net/ipv4")
	if got := readEphemeral(proc); got != fold.DefaultEphemeral {
		t.Errorf("without a file: got %v", got)
	}
	must(t, os.MkdirAll(dir, 0o755))
	for text, want := range map[string]fold.PortRange{
		"1024\t65535\n": {Low: 1024, High: 65535},
		"broken":        fold.DefaultEphemeral,
	} {
		must(t, os.WriteFile(filepath.Join(dir, "ip_local_port_range"), []byte(text), 0o644))
		if got := readEphemeral(proc); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
