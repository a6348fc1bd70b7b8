package scan

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/networks"
	"github.com/devops-trouble-map/dotm/test/netns"
)

// elsewhere starts a program in a network namespace of its own.
func elsewhere(t testing.TB, name string) *peer {
	t.Helper()
	p := startPeerIn(t, name, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET})
	p.do("loopback")
	return p
}

func runIP(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		netns.Cannot(t, "ip "+strings.Join(args, " ")+": "+err.Error()+": "+string(out))
	}
}

// namespace finds a namespace's index + 1 in a report; 0: it is not there.
func namespace(r *report.Report, name string) int {
	return slices.IndexFunc(r.Namespaces, func(n report.Namespace) bool { return n.Container == name }) + 1
}

// rowsIn lists what a report says of one namespace.
func rowsIn(r *report.Report, index int) (list []string) {
	for _, l := range r.Listeners {
		if l.Namespace == index {
			list = append(list, fmt.Sprintf("%s listens on %s:%d", l.Process, l.Address, l.Port))
		}
	}
	for _, c := range r.Connections {
		if c.Namespace == index {
			list = append(list, fmt.Sprintf("%s %s %s:%d %d open %d opened", c.Process, c.Direction, c.Peer, c.Port, c.Count, c.Opened))
		}
	}
	return list
}

// TestNetworks: every network namespace of the host is seen, by every way of
// reading sockets, and none mixes with another.
func TestNetworks(t *testing.T) {
	needRoot(t)
	for name, m := range methods {
		t.Run(name, func(t *testing.T) {
			here, there := startPeer(t, "here", 0), elsewhere(t, "box")
			here.do("listen", "tcp4", "127.0.0.1:8080")
			here.do("dial", "tcp4", "127.0.0.1:8080", 1)
			there.do("listen", "tcp4", "127.0.0.1:8080")
			there.do("dial", "tcp4", "127.0.0.1:8080", 2)
			there.do("packet", "udp4", "127.0.0.1:53")
			s := newScanner(t, Options{Networks: "all", sockets: m})
			r := look(t, s)
			box := namespace(r, "box")
			want := []string{
				"box listens on 127.0.0.1:8080",
				"box listens on 127.0.0.1:53",
				"box in 127.0.0.1:8080 2 open 0 opened",
				"box out 127.0.0.1:8080 2 open 0 opened",
			}
			atOnce := []string{want[0], want[1], "box in 127.0.0.1:8080 2 open 2 opened", "box out 127.0.0.1:8080 2 open 2 opened"}
			if got := rowsIn(r, box); box == 0 || (!slices.Equal(got, want) && !slices.Equal(got, atOnce)) {
				t.Errorf("in the box: got %q, want %q", got, want)
			}
			if got := rowsIn(r, 0); len(got) != 3 || got[0] != "here listens on 127.0.0.1:8080" {
				t.Errorf("here: got %q", got)
			}
			there.do("dial", "tcp4", "127.0.0.1:8080", 3)
			r = look(t, s)
			if got := rowsIn(r, namespace(r, "box")); !slices.Contains(got, "box out 127.0.0.1:8080 5 open 3 opened") {
				t.Errorf("in the box, later: got %q", got)
			}
		})
	}
}

// TestNetworkAddresses: a namespace comes with its addresses, and what is bound
// to one of them is found behind it.
func TestNetworkAddresses(t *testing.T) {
	needRoot(t)
	box := elsewhere(t, "addressed")
	runIP(t, "link", "add", "va0", "type", "veth", "peer", "name", "va1", "netns", fmt.Sprint(box.pid()))
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", "va0").Run() })
	nsenter := func(args ...string) {
		out, err := exec.Command("nsenter", append([]string{"-t", fmt.Sprint(box.pid()), "-n", "ip"}, args...)...).CombinedOutput()
		if err != nil {
			netns.Cannot(t, "nsenter: "+err.Error()+": "+string(out))
		}
	}
	nsenter("address", "add", "192.0.2.77/24", "dev", "va1")
	nsenter("link", "set", "va1", "up")
	box.do("listen", "tcp4", "192.0.2.77:8080")
	r := look(t, newScanner(t, Options{Networks: "all"}))
	i := namespace(r, "addressed")
	if i == 0 {
		t.Fatalf("namespaces are %+v", r.Namespaces)
	}
	var got []string
	for _, a := range r.Namespaces[i-1].Addresses {
		got = append(got, a.String())
	}
	if !slices.Contains(got, "192.0.2.77") {
		t.Errorf("addresses are %q", got)
	}
}

// TestNetworkEndsWithItsProcess: nothing that the scanner holds keeps a
// namespace alive: a device in it ends with the last process there.
func TestNetworkEndsWithItsProcess(t *testing.T) {
	needRoot(t)
	box := elsewhere(t, "mortal")
	box.do("listen", "tcp4", "127.0.0.1:8080")
	runIP(t, "link", "add", "vm0", "type", "veth", "peer", "name", "vm1", "netns", fmt.Sprint(box.pid()))
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", "vm0").Run() })
	s := newScanner(t, Options{Networks: "all"})
	if r := look(t, s); namespace(r, "mortal") == 0 {
		t.Fatalf("namespaces are %+v", r.Namespaces)
	}
	box.stop()
	if r := look(t, s); namespace(r, "mortal") != 0 {
		t.Errorf("it is seen after its end: %+v", r.Namespaces)
	}
	gone := time.NewTicker(10 * time.Millisecond) // the kernel takes its time
	defer gone.Stop()
	for end := time.After(20 * time.Second); ; {
		if _, err := net.InterfaceByName("vm0"); err != nil {
			return
		}
		select {
		case <-end:
			t.Fatal("the namespace lives on")
		case <-gone.C:
		}
	}
}

// TestOneNetwork: one can be asked for by its name, which a tool may have given
// it; and nothing else is said then. An unknown one is an error that lists the
// others.
func TestOneNetwork(t *testing.T) {
	needRoot(t)
	runIP(t, "netns", "add", "dotm-test-kept")
	t.Cleanup(func() { runIP(t, "netns", "del", "dotm-test-kept") })
	here := startPeer(t, "here", 0)
	here.do("listen", "tcp4", "127.0.0.1:8080")
	box := elsewhere(t, "chosen")
	box.do("listen", "tcp4", "127.0.0.1:8081")
	r := look(t, newScanner(t, Options{Networks: "chosen"}))
	if len(r.Listeners) != 1 || r.Listeners[0].Port != 8081 || len(r.Namespaces) != 1 {
		t.Errorf("got %+v in %+v", r.Listeners, r.Namespaces)
	}
	if r := look(t, newScanner(t, Options{Networks: "dotm-test-kept"})); len(r.Listeners) != 0 {
		t.Errorf("an empty one has %+v", r.Listeners)
	}
	_, err := newScanner(t, Options{Networks: "bogus"}).Scan(context.Background())
	if err == nil || !strings.Contains(err.Error(), `no network namespace is named "bogus"; there are: `) || !strings.Contains(err.Error(), "chosen") {
		t.Errorf("got %v", err)
	}
}

// TestOwnNetworkOnly: without the right to enter others, or the wish, only the
// own one is seen, and that is said.
func TestOwnNetworkOnly(t *testing.T) {
	needRoot(t)
	box := elsewhere(t, "unseen")
	box.do("listen", "tcp4", "127.0.0.1:8080")
	r := look(t, newScanner(t, Options{Networks: "own"}))
	if len(r.Listeners) != 0 || len(r.Namespaces) != 0 {
		t.Errorf("got %+v in %+v", r.Listeners, r.Namespaces)
	}
	p := startPeer(t, "user", 0)
	p.do("setuid", 65534)
	r = p.lookAt("/proc", "all")
	if n := note(r, "namespaces"); len(r.Listeners) != 0 || n != nil && !strings.Contains(n.Text, "could not be entered") {
		t.Errorf("got %+v with the notes %+v", r.Listeners, r.Notes)
	}
}

// TestShortConnectionsElsewhere: connections in other namespaces are counted by
// the kernel as well, each in its own.
func TestShortConnectionsElsewhere(t *testing.T) {
	counting(t)
	s := newScanner(t, Options{Networks: "all"})
	box := elsewhere(t, "busy")
	box.do("listen", "tcp4", "127.0.0.1:8080")
	look(t, s)
	for range 20 {
		box.do("dial", "tcp4", "127.0.0.1:8080", 1)
		box.do("accept", 1)
		box.do("close-conns")
	}
	r := look(t, s)
	var got []string
	for _, line := range rowsIn(r, namespace(r, "busy")) {
		if !strings.Contains(line, "listens") {
			got = append(got, line)
		}
	}
	want := []string{"busy in 127.0.0.1:8080 0 open 20 opened", "busy out 127.0.0.1:8080 0 open 20 opened"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if c := r.Coverage; c.OpensSeen != 40 || c.OpensKernel < 40 {
		t.Errorf("coverage is %+v, want 40 seen of as many", c)
	}
}

// TestEndedConnections: without the kernel's counts, connections that closed
// between two looks are proved by what the kernel keeps of them, at the end
// that closed.
func TestEndedConnections(t *testing.T) {
	ownNetwork(t)
	for name, m := range map[string]method{"sock_diag": methodAuto, "proc": methodProc} {
		t.Run(name, func(t *testing.T) {
			s := newScanner(t, Options{noKernel: true, sockets: m, Networks: "own"})
			callAndClose(t, "tcp4", "127.0.0.1:8085", 50) // before the first look: nothing is known of them
			if rows := rowsOn(look(t, s), 8085); len(rows) != 0 {
				t.Errorf("the first look has %q", rows)
			}
			const n = 1000
			callAndClose(t, "tcp4", "127.0.0.1:8086", n)
			r := look(t, s)
			var opened uint64
			var rows []report.Connection
			for _, c := range r.Connections {
				if c.Port == 8086 {
					opened += c.Opened
					rows = append(rows, c)
				}
			}
			if len(rows) != 1 || rows[0].Direction != report.Out || rows[0].Count != 0 || opened < n*99/100 || opened > n {
				t.Errorf("got %+v, want one row with at least 99 %% of %d", rows, n)
			}
			if rows := rowsOn(look(t, s), 8086); len(rows) != 0 {
				t.Errorf("the next look has %q again", rows)
			}
		})
	}
}

// TestEndedJoinsItsProcess: what closed belongs to the row of the process that
// has such connections open, and makes none of its own.
func TestEndedJoinsItsProcess(t *testing.T) {
	ownNetwork(t)
	server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
	server.do("listen", "tcp4", "127.0.0.1:8087")
	s := newScanner(t, Options{noKernel: true, Networks: "own"})
	look(t, s)
	for range 5 {
		client.do("dial", "tcp4", "127.0.0.1:8087", 1)
		server.do("accept", 1)
		client.do("close-all")
	}
	client.do("dial", "tcp4", "127.0.0.1:8087", 1)
	var got []string
	for _, c := range look(t, s).Connections {
		if c.Direction == report.Out && c.Port == 8087 {
			got = append(got, fmt.Sprintf("%s %d open %d opened", c.Process, c.Count, c.Opened))
		}
	}
	if want := []string{"client 1 open 6 opened"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestKernelTellsDirection: a connection between two ephemeral ports whose
// listener is gone has a direction where the kernel saw it open.
func TestKernelTellsDirection(t *testing.T) {
	counting(t)
	s := newScanner(t, Options{Networks: "own"})
	server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
	address := server.do("listen", "tcp4", "127.0.0.1:0") // one of the ephemeral ports
	_, port, err := net.SplitHostPort(address)
	must(t, err)
	client.do("dial", "tcp4", address, 2)
	server.do("accept", 2)
	server.do("drop")
	for range 2 { // it is remembered
		var got []string
		for _, c := range look(t, s).Connections {
			got = append(got, fmt.Sprintf("%s %s :%d %d", c.Process, c.Direction, c.Port, c.Count))
		}
		if want := []string{"server in :" + port + " 2", "client out :" + port + " 2"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestNamespaceOfThread: reading in other namespaces leaves every thread where
// it was.
func TestNamespaceOfThread(t *testing.T) {
	needRoot(t)
	elsewhere(t, "other").do("listen", "tcp4", "127.0.0.1:8080")
	s := newScanner(t, Options{Networks: "all"})
	own := s.networks.Own.Inode
	for range 5 {
		look(t, s)
		if n, err := networks.New(s.fs, "own", s.rights, report.NodeName); err != nil || n.Own.Inode != own {
			t.Fatalf("now in %+v, was in %d (%v)", n.Own, own, err)
		}
	}
}

func TestStatesEnd(t *testing.T) {
	if tcpOpen&tcpEnded != 0 || tcpEnded&(1<<fold.TimeWait) == 0 {
		t.Errorf("open %#x, ended %#x", tcpOpen, tcpEnded)
	}
}
