package scan

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/owners"
	"github.com/devops-trouble-map/dotm/test/netns"
)

func TestProcessNames(t *testing.T) {
	ownNetwork(t)
	tests := []struct{ program, want string }{
		{"sixteen-letters-", "sixteen-letters-"},                                   // cut to 15, completed
		{"fifteen-letters", "fifteen-letters"},                                     // not cut, though as long
		{"a-name-far-longer-than-15", "a-name-far-longer-than-15"},                 // cut
		{"we\nird", `we\x0aird`},                                                   // cleaned
		{"umlaut-äö", "umlaut-äö"},                                                 // kept
		{"cut-in-a-runeä-here", "cut-in-a-runeä-here"},                             // the kernel cut within ä
		{"b) R 1 (b", "b) R 1 (b"},                                                 // looks like the end of a name
		{"bad\xffbyte", `bad\xffbyte`},                                             // no UTF-8
		{strings.Repeat("x", report.MaxName), strings.Repeat("x", report.MaxName)}, // the longest
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			p := startPeer(t, tt.program, 0)
			p.do("listen", "tcp4", "127.0.0.1:8080")
			r := look(t, newScanner(t, Options{}))
			if len(r.Listeners) != 1 || r.Listeners[0].Process != tt.want {
				t.Errorf("got %+v, want one of %q", r.Listeners, tt.want)
			}
		})
	}
}

// TestEmptyName: a process may take its own name away. It is called by its
// executable's then, for an empty name means one that was not seen.
func TestEmptyName(t *testing.T) {
	ownNetwork(t)
	p := startPeer(t, "nameless", 0)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	p.do("no-name")
	if r := look(t, newScanner(t, Options{})); r.Listeners[0].Process != "nameless" {
		t.Errorf("got %+v, want one of nameless", r.Listeners)
	}
}

// untilNamed looks until the only listener has that process, and fails if that
// takes more looks than are promised.
func untilNamed(t *testing.T, s *Scanner, want string, pid int) {
	t.Helper()
	var got report.Listener
	for range owners.RefreshEvery {
		r := look(t, s)
		if len(r.Listeners) != 1 {
			t.Fatalf("got %d listeners, want 1", len(r.Listeners))
		}
		got = r.Listeners[0]
		if got.Process == want && got.PID == pid {
			return
		}
	}
	t.Errorf("after %d looks the listener is %q (%d)'s, want %q (%d)", owners.RefreshEvery, got.Process, got.PID, want, pid)
}

func TestExecShowsItsNewName(t *testing.T) {
	ownNetwork(t)
	p := startPeer(t, "before", 0)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	s := newScanner(t, Options{})
	untilNamed(t, s, "before", p.pid())
	p.do("exec", program(t, "after"))
	untilNamed(t, s, "after", p.pid())
}

func TestListenerPassedOn(t *testing.T) {
	ownNetwork(t)
	p := startPeer(t, "parent", 0)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	child := atoi(t, p.do("fork", program(t, "child")))
	s := newScanner(t, Options{})
	untilNamed(t, s, "parent", p.pid())
	p.do("drop")
	untilNamed(t, s, "child", child)
}

func TestNewUser(t *testing.T) {
	needRoot(t)
	p := startPeer(t, "server", 0)
	p.do("listen", "tcp4", "127.0.0.1:80")
	s := newScanner(t, Options{})
	if got := look(t, s).Listeners[0].User; got != "root" {
		t.Errorf("user is %q, want root", got)
	}
	p.do("setuid", 65534)
	user := ""
	for range owners.RefreshEvery {
		user = look(t, s).Listeners[0].User
	}
	if user != "nobody" {
		t.Errorf("user is %q, want nobody", user)
	}
}

// TestEndedProcess: a process that ends takes its sockets along, and one that
// gets its id later is another one.
func TestEndedProcess(t *testing.T) {
	ownNetwork(t)
	p := startPeer(t, "server", 0)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	s := newScanner(t, Options{})
	untilNamed(t, s, "server", p.pid())
	p.stop()
	if r := look(t, s); len(r.Listeners) != 0 {
		t.Errorf("got %+v, want no listeners", r.Listeners)
	}
	for range owners.RefreshEvery {
		look(t, s)
	}
	if n := s.owners.Known(); n != 0 {
		t.Errorf("%d processes remembered, want none", n)
	}
}

// TestWarmLookWalksNoDescriptors: a look without new sockets searches nothing.
func TestWarmLookWalksNoDescriptors(t *testing.T) {
	ownNetwork(t)
	p := startPeer(t, "server", 0)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	s := newScanner(t, Options{})
	look(t, s)
	for range 3 * owners.RefreshEvery {
		look(t, s)
		if n := s.owners.Searched(); n != 0 {
			t.Fatalf("%d sockets were searched, want none", n)
		}
	}
}

// TestReusedDescriptor: a new socket on the descriptor of an old one that
// another process still holds is found, at the latest in the second look.
func TestReusedDescriptor(t *testing.T) {
	ownNetwork(t)
	p, other := startPeer(t, "server", 0), startPeer(t, "other", 0)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	p.do("fork", program(t, "worker"))
	s := newScanner(t, Options{})
	look(t, s)
	p.do("drop")
	p.do("listen", "tcp4", "127.0.0.1:8081")
	other.do("listen", "tcp4", "127.0.0.1:8082")
	look(t, s)
	r := look(t, s)
	got := map[uint16]string{}
	for _, l := range r.Listeners {
		got[l.Port] = l.Process
	}
	if got[8081] != "server" || got[8082] != "other" {
		t.Errorf("got %v", got)
	}
}

// TestOpened: each look counts what opened since the one before. The first has
// none before it, unless the kernel counts since the Scanner is there.
func TestOpened(t *testing.T) {
	ownNetwork(t)
	for name, m := range methods {
		t.Run(name, func(t *testing.T) {
			server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
			server.do("listen", "tcp4", "127.0.0.1:8080")
			s := newScanner(t, Options{sockets: m})
			var atOnce uint64
			if s.counter.opens != nil {
				atOnce = 2
			}
			for i, tt := range []struct {
				more, count int
				opened      uint64
			}{{2, 2, atOnce}, {1, 3, 1}, {2, 5, 2}} {
				client.do("dial", "tcp4", "127.0.0.1:8080", tt.more)
				server.do("accept", tt.more)
				r := look(t, s)
				if len(r.Connections) != 2 {
					t.Fatalf("look %d has %d rows, want 2", i, len(r.Connections))
				}
				for _, c := range r.Connections {
					if c.Count != tt.count || c.Opened != tt.opened {
						t.Errorf("look %d: %s has %d, %d opened; want %d and %d", i, c.Direction, c.Count, c.Opened, tt.count, tt.opened)
					}
				}
			}
		})
	}
}

func TestOwnProcesses(t *testing.T) {
	ownNetwork(t)
	mine, theirs := startPeer(t, "mine", 0), startPeer(t, "theirs", 0)
	theirs.do("listen", "tcp4", "127.0.0.1:8080")
	mine.do("dial", "tcp4", "127.0.0.1:8080", 1)
	r := look(t, newScanner(t, Options{OwnPIDs: func(pid int) bool { return pid == mine.pid() }}))
	for _, l := range r.Listeners {
		if l.Own {
			t.Errorf("%+v is marked as dotm's own", l)
		}
	}
	for _, c := range r.Connections {
		if c.Own != (c.Process == "mine") {
			t.Errorf("%+v is marked wrongly", c)
		}
	}
}

// TestKernelSockets: a VXLAN device has a UDP socket that no process holds.
// Only who sees all processes can know it, so a process namespace is made in
// which there is nothing else.
func TestKernelSockets(t *testing.T) {
	needRoot(t)
	ip := func(args ...string) {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			netns.Cannot(t, "ip "+strings.Join(args, " ")+": "+err.Error()+": "+string(out))
		}
	}
	ip("link", "add", "vx0", "type", "vxlan", "id", "7", "dstport", "4789", "local", "127.0.0.1")
	t.Cleanup(func() { ip("link", "del", "vx0") })
	ip("link", "set", "vx0", "up")
	p := startPeerIn(t, "alone", &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS,
	})
	p.do("listen", "tcp4", "127.0.0.1:8080")
	proc := t.TempDir()
	p.do("mount", proc)
	p.do("alone")
	r := p.look(proc)
	alone := p.listens(report.TCP, "127.0.0.1:8080")
	alone.PID, alone.Own = 1, true
	rows{listeners: []report.Listener{
		alone,
		{Protocol: report.UDP, Address: netip.MustParseAddr("0.0.0.0"), Port: 4789, Process: "kernel (vxlan)", User: "root"},
	}}.compare(t, r)
	if r.Coverage.HiddenProcesses != 0 {
		t.Errorf("coverage is %+v, want nothing hidden", r.Coverage)
	}
}

// TestInitPassesOn: a socket that init opened for a service, and holds as well,
// is the service's.
func TestInitPassesOn(t *testing.T) {
	needRoot(t)
	p := startPeerIn(t, "init", &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS,
	})
	proc := t.TempDir()
	p.do("mount", proc)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	if r := p.look(proc); r.Listeners[0].Process != "init" || note(r, "own-processes") == nil {
		t.Errorf("got %+v with the notes %+v, want one of init", r.Listeners, r.Notes)
	}
	p.do("fork", program(t, "service"))
	if r := p.look(proc); r.Listeners[0].Process != "service" {
		t.Errorf("got %+v, want one of service", r.Listeners)
	}
}

// TestCappedWalk: a walk that stops for its budget goes on where it stopped, so
// that every process is found in the end, and says so meanwhile.
func TestCappedWalk(t *testing.T) {
	ownNetwork(t)
	servers := map[uint16]*peer{}
	for i := range uint16(4) {
		p := startPeer(t, fmt.Sprint("server", i), 0)
		p.do("listen", "tcp4", fmt.Sprintf("127.0.0.1:%d", 8080+i))
		servers[8080+i] = p
	}
	s := newScanner(t, Options{noKernel: true})
	s.owners.Budget = 1 // one process, or a few without descriptors, per look
	said, found := false, 0
	for range 10_000 {
		r := look(t, s)
		found = 0
		for _, l := range r.Listeners {
			if l.Process != "" && l.Process != servers[l.Port].name() {
				t.Fatalf("%+v is not of %s", l, servers[l.Port].name())
			}
			if l.Process != "" {
				found++
			}
		}
		if found == len(servers) {
			break
		}
		if note(r, "still-searching") == nil {
			t.Fatalf("%d of %d found, and nothing said: %+v", found, len(servers), r.Notes)
		}
		said = true
	}
	if found != len(servers) || !said {
		t.Errorf("%d of %d found, said so meanwhile: %t", found, len(servers), said)
	}
}
