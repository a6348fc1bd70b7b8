package scan

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/netns"
)

// counting is a Scanner that counts connections in the kernel.
func counting(t testing.TB) *Scanner {
	t.Helper()
	needRoot(t)
	if withoutKernel() {
		t.Skip("this run is without eBPF")
	}
	s := newScanner(t, Options{})
	if s.counter.opens == nil {
		netns.Cannot(t, "the kernel doesn't count: "+s.counter.refusal.Error())
	}
	return s
}

// callAndClose connects n times and closes at once, and waits until the server
// has seen the end of each.
func callAndClose(t testing.TB, network, address string, n int) {
	t.Helper()
	l, err := net.Listen(network, address)
	must(t, err)
	defer l.Close()
	for range n {
		c, err := net.Dial(network, l.Addr().String())
		must(t, err)
		a, err := l.Accept()
		must(t, err)
		must(t, c.Close())
		_, err = a.Read(make([]byte, 1))
		if err == nil {
			t.Fatal("the connection is still open")
		}
		must(t, a.Close())
	}
}

func rowsOn(r *report.Report, port uint16) (rows []string) {
	for _, c := range r.Connections {
		if c.Port == port {
			rows = append(rows, fmt.Sprintf("%s %s %s open %d opened %d refused %d timed out %d failed %d",
				c.Direction, c.Process, c.Peer, c.Count, c.Opened, c.Refused, c.TimedOut, c.Failed))
		}
	}
	return rows
}

// ownName is the name of this program as the kernel cuts it, or whole where it is
// known.
func ownName(t testing.TB) string {
	t.Helper()
	comm, err := os.ReadFile("/proc/self/comm")
	must(t, err)
	return strings.TrimSpace(string(comm))
}

// TestShortConnections: every connection counts at both ends, be it ever so
// short, and the kernel's own counters agree.
func TestShortConnections(t *testing.T) {
	const n = 2000
	for network, address := range map[string]string{"tcp4": "127.0.0.1:8080", "tcp6": "[::1]:8080"} {
		t.Run(network, func(t *testing.T) {
			s := counting(t)
			look(t, s)
			callAndClose(t, network, address, n)
			r := look(t, s)
			peer := netip.MustParseAddrPort(address).Addr()
			want := []string{
				fmt.Sprintf("in  %s open 0 opened %d refused 0 timed out 0 failed 0", peer, n), // the listener is gone
				fmt.Sprintf("out %s %s open 0 opened %d refused 0 timed out 0 failed 0", ownName(t), peer, n),
			}
			if got := rowsOn(r, 8080); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if c := r.Coverage; c.OpensBy != "kernel" || c.OpensSeen != 2*n || c.OpensKernel != 2*n || c.OpensLost != 0 {
				t.Errorf("coverage %+v, want %d seen and counted by the kernel", c, 2*n)
			}
			if rows := rowsOn(look(t, s), 8080); len(rows) != 0 {
				t.Errorf("the next look has %q again", rows)
			}
		})
	}
}

// TestFailedConnects: what was refused or got no answer is counted by
// destination.
func TestFailedConnects(t *testing.T) {
	s := counting(t)
	look(t, s)
	for range 7 {
		if c, err := net.Dial("tcp4", "127.0.0.1:8081"); err == nil {
			_ = c.Close()
			t.Fatal("somebody listens")
		}
	}
	want := []string{fmt.Sprintf("out %s 127.0.0.1 open 0 opened 0 refused 7 timed out 0 failed 0", ownName(t))}
	if got := rowsOn(look(t, s), 8081); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFullMap: more edges than there is room for are counted as lost, and said to
// be: what was seen and what was lost is all that there was.
func TestFullMap(t *testing.T) {
	s := counting(t)
	look(t, s)
	const edges = 17_000 // room is for 16,384
	for i := range edges {
		to := fmt.Sprintf("127.%d.%d.1:9", 1+i/250, i%250)
		if c, err := net.Dial("tcp4", to); err == nil {
			_ = c.Close()
			t.Fatal("somebody listens on ", to)
		}
	}
	c := look(t, s).Coverage
	if c.OpensSeen != 16_384 || c.OpensLost != edges-16_384 || c.OpensKernel != edges {
		t.Errorf("coverage is %+v, want 16384 seen and the rest of %d lost", c, edges)
	}
	if c := look(t, s).Coverage; c.OpensLost != 0 || c.OpensSeen != 0 {
		t.Errorf("the next look has %+v", c)
	}
}

// TestEvents: a new edge is told at once, with who calls whom, and once.
func TestEvents(t *testing.T) {
	s := counting(t)
	callAndClose(t, "tcp4", "127.0.0.1:8082", 3)
	var got []string
	for len(got) < 2 {
		select {
		case e := <-s.Events():
			got = append(got, fmt.Sprintf("%s %s %s:%d", e.Connection.Direction, e.Connection.Process, e.Connection.Peer, e.Connection.Port))
		case <-time.After(10 * time.Second):
			t.Fatalf("only %q", got)
		}
	}
	slices.Sort(got)
	if want := []string{"in  127.0.0.1:8082", "out " + ownName(t) + " 127.0.0.1:8082"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	look(t, s)
	callAndClose(t, "tcp4", "127.0.0.1:8082", 1)
	look(t, s)
	select {
	case e := <-s.Events():
		t.Errorf("a known edge is told again: %+v", e)
	default:
	}
}

// TestOtherNetworkIsNotCounted: connections of another network namespace are
// not this node's.
func TestOtherNetworkIsNotCounted(t *testing.T) {
	s := counting(t)
	look(t, s)
	p := startPeerIn(t, "elsewhere", &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET})
	p.do("loopback")
	p.do("listen", "tcp4", "127.0.0.1:8083")
	p.do("dial", "tcp4", "127.0.0.1:8083", 5)
	r := look(t, s)
	if rows := rowsOn(r, 8083); len(rows) != 0 || r.Coverage.OpensSeen != 0 {
		t.Errorf("got %q and %d seen", rows, r.Coverage.OpensSeen)
	}
}

// TestCountingCloses: nothing goes on after Close, and the channel of events ends.
func TestCountingCloses(t *testing.T) {
	s := counting(t)
	must(t, s.Close())
	callAndClose(t, "tcp4", "127.0.0.1:8084", 1)
	for e := range s.Events() {
		t.Errorf("event after Close: %+v", e)
	}
}

// BenchmarkConnectClose is a loop that connects and closes, without and with
// the counting program attached.
func BenchmarkConnectClose(b *testing.B) {
	needRoot(b)
	run := func(b *testing.B) { callAndClose(b, "tcp4", "127.0.0.1:0", b.N) }
	b.Run("plain", run)
	b.Run("counted", func(b *testing.B) {
		s := newScanner(b, Options{})
		if s.counter.opens == nil {
			b.Skip(s.counter.refusal)
		}
		run(b)
	})
}
