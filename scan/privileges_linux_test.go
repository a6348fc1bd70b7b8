package scan

import (
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/netns"
)

// startWith starts a program of an ordinary user that has some capabilities.
func startWith(t *testing.T, name string, caps ...uintptr) *peer {
	t.Helper()
	return startPeerIn(t, name, &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: caps,
	})
}

// TestPrivileges: each capability buys what docs/agent.md says, no less and
// no more; what is missing is said.
func TestPrivileges(t *testing.T) {
	needRoot(t)
	kernelCounts := !withoutKernel()
	for _, tt := range []struct {
		name    string
		caps    []uintptr
		names   bool // processes of other users
		counts  bool // every connection
		inside  bool // other network namespaces
		nat     bool // address translation
		missing []string
	}{
		{name: "none", missing: []string{"unprivileged", "short-connections", "translations"}},
		{
			name: "CAP_BPF and CAP_PERFMON", caps: []uintptr{unix.CAP_BPF, unix.CAP_PERFMON},
			names: kernelCounts, counts: kernelCounts, missing: []string{"translations"},
		},
		{
			name: "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH", caps: []uintptr{unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH},
			names: true, missing: []string{"short-connections", "translations"},
		},
		{
			name: "CAP_SYS_ADMIN and CAP_SYS_PTRACE", caps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SYS_PTRACE},
			names: kernelCounts, counts: kernelCounts, inside: true, missing: []string{"translations"}, // it includes the first two
		},
		{name: "CAP_NET_ADMIN", caps: []uintptr{unix.CAP_NET_ADMIN}, nat: true, missing: []string{"unprivileged", "short-connections"}},
		{
			name: "all of them", caps: []uintptr{
				unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH, unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN,
			},
			names: true, counts: kernelCounts, inside: true, nat: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			box, server := elsewhere(t, "box"), startPeer(t, "server", 0)
			box.attach("pr0", "10.99.5")
			box.do("listen", "tcp4", "0.0.0.0:8080")
			server.do("listen", "tcp4", "127.0.0.1:8081")
			translate(t, `chain out { type nat hook output priority -100; ip daddr 198.51.100.30 tcp dport 80 dnat to 10.99.5.2:8080; }`)
			runIP(t, "route", "add", "198.51.100.30/32", "via", "10.99.5.2")
			user := startWith(t, "user", tt.caps...)
			user.do("dial", "tcp4", "198.51.100.30:80", 1)
			networks := "own"
			if tt.inside {
				networks = "all"
			}
			r := user.lookAt("/proc", networks)
			if got := listenerOn(r, 8081).Process == "server"; got != tt.names {
				t.Errorf("names seen: %t, want %t", got, tt.names)
			}
			if got := r.Coverage.OpensBy == "kernel"; got != tt.counts {
				t.Errorf("connections counted by %s", r.Coverage.OpensBy)
			}
			if got := namespace(r, "box") != 0; got != tt.inside {
				t.Errorf("namespaces %+v", r.Namespaces)
			}
			want := "user out 198.51.100.30:80 1"
			if tt.nat {
				want = "user out 10.99.5.2:8080 1 via 198.51.100.30:80"
			}
			if got := connectionsOf(r, 0, "user"); len(got) != 1 || got[0] != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if !tt.names && !slices.Contains(tt.missing, "unprivileged") {
				tt.missing = append(tt.missing, "unprivileged") // in the run without eBPF
			}
			checkMissing(t, r, tt.missing)
		})
	}
}

func listenerOn(r *report.Report, port uint16) (found report.Listener) {
	for _, l := range r.Listeners {
		if l.Port == port {
			found = l
		}
	}
	return found
}

// checkMissing holds the notes about rights against those that must be there.
func checkMissing(t *testing.T, r *report.Report, want []string) {
	t.Helper()
	for _, code := range []string{"unprivileged", "short-connections", "translations", "namespaces"} {
		there, must := note(r, code) != nil, slices.Contains(want, code)
		if withoutKernel() && code == "short-connections" {
			continue // this run has no eBPF on purpose, and nothing is missing then
		}
		if there != must {
			t.Errorf("note %s is there: %t, want %t (%+v)", code, there, must, r.Notes)
		}
	}
}

// TestNoBPF: where bpf(2) is forbidden, as containers' seccomp profiles do, or
// the kernel says nothing of its types, everything is there that the walk and
// looks tell, and the reason is said.
func TestNoBPF(t *testing.T) {
	needRoot(t)
	if withoutKernel() {
		t.Skip("this run is without eBPF")
	}
	for name, spoil := range map[string]func(*peer){
		"seccomp": func(p *peer) { p.do("deny-bpf") },
		"no BTF": func(p *peer) {
			if _, err := exec.Command("sh", "-c", "ls /boot/vmlinux-* /lib/modules/*/vmlinux*").Output(); err == nil {
				netns.Cannot(p.t, "the kernel's types are also kept elsewhere")
			}
			p.do("hide", "/sys/kernel/btf")
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := startPeer(t, "server", 0)
			server.do("listen", "tcp4", "127.0.0.1:8080")
			p := startPeerIn(t, "spoilt", &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS})
			p.do("dial", "tcp4", "127.0.0.1:8080", 1)
			spoil(p)
			r := p.look("/proc")
			if l := listenerOn(r, 8080); l.Process != "server" || len(r.Connections) != 2 {
				t.Errorf("got %+v and %+v", l, r.Connections)
			}
			if note(r, "short-connections") == nil || note(r, "no-ebpf") == nil || r.Coverage.OpensBy != "looks" {
				t.Errorf("notes are %+v", r.Notes)
			}
		})
	}
}

// TestManySockets: a process with 18,000 sockets is seen whole, by every way of
// finding owners.
func TestManySockets(t *testing.T) {
	ownNetwork(t)
	const n = 18_000
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	if limit.Max < n+100 {
		netns.Cannot(t, fmt.Sprintf("only %d descriptors are permitted", limit.Max))
	}
	p := startPeer(t, "many", 0)
	p.do("packets", n)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	r := look(t, newScanner(t, Options{Networks: "own"}))
	if c := r.Coverage; c.Sockets < n || c.HiddenProcesses != 0 {
		t.Errorf("coverage is %+v", c)
	}
	if l := listenerOn(r, 8080); l.Process != "many" || l.PID != p.pid() {
		t.Errorf("got %+v", l)
	}
}

// TestNames: whatever a process calls itself is made fit for a report.
func TestNames(t *testing.T) {
	ownNetwork(t)
	p := startPeer(t, "plain", 0)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	for raw, want := range map[string]string{
		"a\nb": `a\x0ab`, "a\x1b[2Jb": `a\x1b[2Jb`, "\xff\xfe": `\xff\xfe`, "two words": "two words", ") R 1 1 (": ") R 1 1 (", "1) S 0 (x": "1) S 0 (x",
	} {
		p.do("name", fmt.Sprintf("%x", raw))
		if l := listenerOn(look(t, newScanner(t, Options{Networks: "own"})), 8080); l.Process != want {
			t.Errorf("%q is called %q, want %q", raw, l.Process, want)
		}
	}
}
