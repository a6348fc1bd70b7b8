package scan

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/procfs"
)

// look takes a look as the peer.
func (p *peer) look(proc string) *report.Report {
	p.t.Helper()
	return p.lookAt(proc, "own")
}

func (p *peer) lookAt(proc, networks string) *report.Report {
	p.t.Helper()
	var r report.Report
	must(p.t, json.Unmarshal([]byte(p.do("scan", proc, networks)), &r))
	checkReport(p.t, &r)
	return &r
}

func TestUnprivileged(t *testing.T) {
	needRoot(t)
	server, mine := startPeer(t, "server", 0), startPeer(t, "mine", 65534)
	server.do("listen", "tcp4", "127.0.0.1:8081")
	server.do("listen", "tcp4", "127.0.0.1:8080")
	mine.do("listen", "tcp4", "127.0.0.1:9090")
	mine.do("dial", "tcp4", "127.0.0.1:8080", 1)
	server.do("accept", 1)
	server.do("dial", "tcp4", "127.0.0.1:9090", 1)
	r := mine.look("/proc")
	hidden := func(bound string) report.Listener {
		l := server.listens(report.TCP, bound)
		l.Process, l.PID = "", 0
		return l
	}
	ours := mine.listens(report.TCP, "127.0.0.1:9090")
	in, out := mine.accepted(report.TCP, "127.0.0.1:9090", "127.0.0.1", 1), mine.called(report.TCP, "127.0.0.1:8080", 1)
	ours.User, in.User, out.User = "nobody", "nobody", "nobody"
	ours.Own, in.Own, out.Own = true, true, true // it looks itself
	hiddenIn, hiddenOut := server.accepted(report.TCP, "127.0.0.1:8080", "127.0.0.1", 1), server.called(report.TCP, "127.0.0.1:9090", 1)
	hiddenIn.Process, hiddenIn.PID, hiddenOut.Process, hiddenOut.PID = "", 0, "", 0
	rows{
		[]report.Listener{hidden("127.0.0.1:8080"), hidden("127.0.0.1:8081"), ours},
		[]report.Connection{hiddenIn, in, out, hiddenOut},
	}.compare(t, r)
	if c := r.Coverage; c.HiddenProcesses != 3 || c.HiddenAsUser != 3 {
		t.Errorf("coverage is %+v, want 3 hidden, all of them from this user", c)
	}
	want := report.Note{Code: "unprivileged", Text: "3 process names hidden: you are not root.", Hint: "All names: sudo dotm up"}
	if got := note(r, "unprivileged"); got == nil || *got != want {
		t.Errorf("got %+v, want %+v", r.Notes, want)
	}
	if note(r, "hidden-owners") != nil || note(r, "own-namespace") == nil {
		t.Errorf("got %+v, want own-namespace and not hidden-owners", r.Notes)
	}
}

// TestHiddenFromRoot: a socket that no process holds has no name for anybody.
func TestHiddenFromRoot(t *testing.T) {
	needRoot(t)
	p := startPeer(t, "gone", 65534)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	p.do("orphan")
	s := newScanner(t, Options{})
	for range 3 {
		r := look(t, s)
		rows{listeners: []report.Listener{{
			Protocol: report.TCP, Address: netip.MustParseAddr("127.0.0.1"), Port: 8080, User: "nobody",
		}}}.compare(t, r)
		if c := r.Coverage; c.HiddenProcesses != 1 || c.HiddenAsUser != 0 {
			t.Errorf("coverage is %+v, want 1 hidden, also from root", c)
		}
		if n := note(r, "hidden-owners"); n == nil || n.Text != "1 process name hidden even from root." {
			t.Errorf("notes are %+v", r.Notes)
		}
	}
}

// TestHidePID: a proc that hides processes is said to.
func TestHidePID(t *testing.T) {
	needRoot(t)
	server := startPeer(t, "server", 0)
	server.do("listen", "tcp4", "127.0.0.1:8080")
	p := startPeerIn(t, "mine", &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS})
	proc, err := os.MkdirTemp("", "dotm-scan-proc")
	must(t, err)
	t.Cleanup(func() { must(t, os.Remove(proc)) })
	must(t, os.Chmod(proc, 0o755))
	p.do("mount", proc, "hidepid=2")
	if r := p.look(proc); note(r, "hidepid") != nil || r.Listeners[0].Process != "server" {
		t.Errorf("as root, got %+v with the notes %+v", r.Listeners, r.Notes)
	}
	p.do("setuid", 65534)
	r := p.look(proc)
	if n := note(r, "hidepid"); n == nil || !strings.Contains(n.Text, proc+" is mounted with hidepid=") {
		t.Errorf("notes are %+v", r.Notes)
	}
	if r.Listeners[0].Process != "" || r.Coverage.HiddenAsUser != 1 {
		t.Errorf("got %+v, coverage %+v", r.Listeners, r.Coverage)
	}
}

// TestSeccomp: a container whose profile forbids sock_diag gets the same rows
// from /proc/net; one without any netlink lacks only the addresses.
func TestSeccomp(t *testing.T) {
	ownNetwork(t)
	for name, protocol := range map[string]int{"sock_diag": unix.NETLINK_SOCK_DIAG, "netlink": -1} {
		t.Run(name, func(t *testing.T) {
			p := startPeer(t, "contained", 0)
			p.do("listen", "tcp4", "127.0.0.1:8080")
			p.do("dial", "tcp4", "127.0.0.1:8080", 1)
			want := p.look("/proc")
			p.do("deny-netlink", protocol)
			r := p.look("/proc")
			rows{want.Listeners, want.Connections}.compare(t, r)
			if n := note(r, "no-sock-diag"); n == nil || !strings.Contains(n.Text, "sock_diag for TCP and UDP (opening netlink socket: operation not permitted)") {
				t.Errorf("notes are %+v", r.Notes)
			}
			if r.Agent.Method != "proc" || want.Agent.Method != "sock_diag" {
				t.Errorf("methods are %s, then %s", want.Agent.Method, r.Agent.Method)
			}
			blind := note(r, "interfaces") != nil
			if blind != (protocol < 0) || blind != (len(r.Interfaces) == 0) {
				t.Errorf("interfaces are %+v with the notes %+v", r.Interfaces, r.Notes)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	s := newScanner(t, Options{sockets: methodProc})
	s.rights = procfs.Rights{PIDNS: false, UserNS: true}
	s.sockets.interrupted = []report.Protocol{report.TCP}
	r := &report.Report{Coverage: report.Coverage{HiddenProcesses: 5, HiddenAsUser: 1, Truncated: 7}}
	var n notes
	s.describe(&n, r)
	r.Notes = n
	for code, want := range map[string]string{
		"no-sock-diag":  "The kernel refuses sock_diag for TCP and UDP (sock_diag is switched off): sockets are read from /proc/net, which is slower and tells nothing of their health.",
		"interrupted":   "The sockets of TCP changed faster than the kernel could list them: some may be missing.",
		"unprivileged":  "1 process name hidden: the capability CAP_SYS_PTRACE or CAP_DAC_READ_SEARCH is missing.",
		"hidden-owners": "4 process names hidden even from root.",
		"own-processes": "Only the processes of this container are seen, none outside it.",
		"truncated":     "7 rows left out: a report holds 200000.",
	} {
		if got := note(r, code); got == nil || got.Text != want {
			t.Errorf("%s: got %+v, want %q", code, got, want)
		}
	}
}
