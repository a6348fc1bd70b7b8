package scan

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/scan/explain"
	"github.com/devops-trouble-map/dotm/test/netns"
)

// envExplain is set in a test program that explains itself: to where its proc(5)
// is.
const envExplain = "DOTM_SCAN_TEST_EXPLAIN"

// TestExplainItself is no test of its own: it is what the others start with
// other rights.
func TestExplainItself(t *testing.T) {
	proc := os.Getenv(envExplain)
	if proc == "" {
		return
	}
	if os.Getenv(envExplain+"_BPF") == "denied" {
		must(t, denyBPF())
	}
	if os.Getenv(envExplain+"_DIAG") == "denied" {
		must(t, denyNetlink(unix.NETLINK_SOCK_DIAG))
	}
	a, err := Explain(t.Context(), Options{Proc: proc, noKernel: withoutKernel()})
	must(t, err)
	text, err := json.Marshal(a)
	must(t, err)
	fmt.Printf("\nexplained %s\n", text)
}

// explainAs explains this host to a program with other rights.
func explainAs(t *testing.T, attr *syscall.SysProcAttr, env ...string) Abilities {
	t.Helper()
	return explainProgram(t, program(t, "explains"), attr, env...)
}

// explainProgram does so with one that is there already.
func explainProgram(t *testing.T, path string, attr *syscall.SysProcAttr, env ...string) Abilities {
	t.Helper()
	cmd := exec.Command(path, "-test.run=^TestExplainItself$")
	cmd.Dir = "/"
	cmd.Env = append(append(os.Environ(), envExplain+"=/proc", "GORACE=atexit_sleep_ms=0"), env...)
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, text, found := bytes.Cut(out, []byte("\nexplained "))
	if !found {
		t.Fatalf("nothing is explained: %s", out)
	}
	var a Abilities
	must(t, json.NewDecoder(bytes.NewReader(text)).Decode(&a))
	return a
}

func ability(t *testing.T, a *Abilities, code string) Ability {
	t.Helper()
	for _, b := range a.Abilities {
		if b.Code == code {
			return b
		}
	}
	t.Fatalf("nothing is said of %s", code)
	return Ability{}
}

// ordinary is a user who has no other processes.
var ordinary = &syscall.Credential{Uid: 64_987, Gid: 64_987}

var allCaps = []uintptr{
	unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH, unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN,
}

// bitOf is a capability's number (linux/capability.h).
func bitOf(t *testing.T, name string) uint {
	t.Helper()
	bit, known := map[string]uint{
		"CAP_DAC_READ_SEARCH": 2, "CAP_NET_ADMIN": 12, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39,
	}[name]
	if !known {
		t.Fatalf("no capability %s", name)
	}
	return bit
}

// TestExplainPrivileges: what is explained is what TestPrivileges shows to be
// so, and each capability that is missing is named where it is missed.
func TestExplainPrivileges(t *testing.T) {
	needRoot(t)
	kernelWorks := !withoutKernel()
	for _, tt := range []struct {
		name string
		caps []uintptr
		able string // of allOwners, short, networks, translations
		miss string // capabilities that could be granted for those
	}{
		{"none", nil, "no no no no", "BPF,PERFMON BPF,PERFMON SYS_ADMIN,SYS_PTRACE NET_ADMIN"},
		{"bpf and perfmon", []uintptr{unix.CAP_BPF, unix.CAP_PERFMON}, "yes yes no no", "- - SYS_ADMIN,SYS_PTRACE NET_ADMIN"},
		{"perfmon only", []uintptr{unix.CAP_PERFMON}, "no no no no", "BPF BPF SYS_ADMIN,SYS_PTRACE NET_ADMIN"},
		{
			"ptrace and search",
			[]uintptr{unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH},
			"yes no no no", "BPF,PERFMON BPF,PERFMON SYS_ADMIN NET_ADMIN",
		},
		{"admin and ptrace", []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SYS_PTRACE}, "yes yes yes no", "- - - NET_ADMIN"},
		{"net admin", []uintptr{unix.CAP_NET_ADMIN}, "no no no yes", "BPF,PERFMON BPF,PERFMON SYS_ADMIN,SYS_PTRACE -"},
		{"all", allCaps, "yes yes yes yes", "- - - -"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tracking(t)
			a := explainAs(t, &syscall.SysProcAttr{
				Credential: ordinary, AmbientCaps: tt.caps,
			})
			var able, miss []string
			for _, code := range []string{AbleAllOwners, AbleShort, AbleNetworks, AbleTranslations} {
				b := ability(t, &a, code)
				able = append(able, map[bool]string{true: "yes", false: "no"}[b.Able])
				list := strings.ReplaceAll(strings.Join(b.Capabilities, ","), "CAP_", "")
				miss = append(miss, map[bool]string{true: "-", false: list}[list == ""])
				if !b.Able && (b.Without == "" || len(b.Missing) == 0) {
					t.Errorf("%s: not said what is missing, or what that costs: %+v", code, b)
				}
			}
			if got := strings.Join(able, " "); kernelWorks && got != tt.able {
				t.Errorf("able: %s, want %s", got, tt.able)
			}
			if got := strings.Join(miss, " "); kernelWorks && got != tt.miss {
				t.Errorf("missing: %s, want %s", got, tt.miss)
			}
			for _, p := range a.Privileges {
				if held := slices.Contains(tt.caps, uintptr(bitOf(t, p.Name))); p.Held != held {
					t.Errorf("%s is held: %t, want %t", p.Name, p.Held, held)
				}
			}
			if own := ability(t, &a, AbleOwnOwners); !own.Able {
				t.Errorf("own processes: %+v", own)
			}
			checkFacts(t, a.Facts, ordinary.Uid)
		})
	}
}

// tracking makes the kernel track connections, so that reading them takes a
// right.
func tracking(t *testing.T) {
	t.Helper()
	translate(t, `chain out { type nat hook output priority -100; ip daddr 198.51.100.30 tcp dport 80 dnat to 127.0.0.1:8080; }`)
	p := startPeer(t, "tracked", 0)
	p.do("listen", "tcp4", "127.0.0.1:8099")
	p.do("dial", "tcp4", "127.0.0.1:8099", 1)
}

func checkFacts(t *testing.T, f Facts, uid uint32) {
	t.Helper()
	var name unix.Utsname
	must(t, unix.Uname(&name))
	if f.UID != uid || f.User == "" || f.Kernel != unix.ByteSliceToString(name.Release[:]) || !f.HostUser || !f.HostProcesses || f.Seccomp {
		t.Errorf("facts are %+v", f)
	}
}

// TestExplainRoot: the host's root lacks nothing.
func TestExplainRoot(t *testing.T) {
	needRoot(t)
	if withoutKernel() {
		t.Skip("this run is without eBPF")
	}
	a := explainAs(t, nil)
	for _, b := range a.Abilities {
		if !b.Able || b.How == "" || len(b.Missing)+len(b.Capabilities) > 0 {
			t.Errorf("root lacks %+v", b)
		}
	}
	if len(a.Abilities) != 8 || len(a.Privileges) != 6 {
		t.Errorf("%d abilities and %d privileges", len(a.Abilities), len(a.Privileges))
	}
	checkFacts(t, a.Facts, 0)
	if got := ability(t, &a, AbleSockets); got.How != "sock_diag" {
		t.Errorf("got %+v", got)
	}
}

// TestExplainSeccomp: filters of system calls are blamed where the capabilities
// are there.
func TestExplainSeccomp(t *testing.T) {
	needRoot(t)
	if withoutKernel() {
		t.Skip("this run is without eBPF")
	}
	a := explainAs(t, nil, envExplain+"_BPF=denied")
	for _, code := range []string{AbleShort, AbleAllOwners} {
		if b := ability(t, &a, code); !slices.Equal(b.Missing, []string{explain.MissingSeccomp}) || len(b.Capabilities) != 0 || b.Hint == "" {
			t.Errorf("%s: %+v", code, b)
		}
	}
	if b := ability(t, &a, AbleAllOwners); !b.Able || b.How != "proc" {
		t.Errorf("root walks through /proc: %+v", b)
	}
	if !a.Facts.Seccomp {
		t.Error("the filter isn't told")
	}

	a = explainAs(t, nil, envExplain+"_DIAG=denied")
	if b := ability(t, &a, AbleSockets); !b.Able || b.How != "proc" || !slices.Equal(b.Missing, []string{explain.MissingDiag}) {
		t.Errorf("sockets: %+v", b)
	}
	if b := ability(t, &a, AbleHealth); b.Able || b.How != "" {
		t.Errorf("health: %+v", b)
	}
}

// TestExplainContainer: root of a container's namespaces is told apart from the
// host's.
func TestExplainContainer(t *testing.T) {
	needRoot(t)
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
	a := explainAs(t, &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: ids, GidMappings: ids,
	})
	if a.Facts.HostUser || !a.Facts.HostProcesses || a.Facts.HostNetwork {
		t.Errorf("facts are %+v", a.Facts)
	}
	for _, code := range []string{AbleShort, AbleNetworks} {
		if b := ability(t, &a, code); b.Able || !slices.Contains(b.Missing, explain.MissingHost) {
			t.Errorf("%s: %+v", code, b)
		}
	}

	a = explainAs(t, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID})
	for _, code := range []string{AbleAllOwners, AbleNetworks} {
		if b := ability(t, &a, code); b.Able || !slices.Contains(b.Missing, explain.MissingPID) || !strings.Contains(b.Hint, "--pid host") {
			t.Errorf("%s: %+v", code, b)
		}
	}
}

// TestExplainErrors: there is nothing to explain without /proc, without the
// namespace asked for, or when nobody waits any more.
func TestExplainErrors(t *testing.T) {
	ownNetwork(t)
	if _, err := Explain(t.Context(), Options{Proc: filepath.Join(t.TempDir(), "none")}); err == nil || !strings.Contains(err.Error(), "reading own rights") {
		t.Errorf("without /proc: %v", err)
	}
	if _, err := Explain(t.Context(), Options{Networks: "bogus", noKernel: true}); err == nil || !strings.Contains(err.Error(), `"bogus"`) {
		t.Errorf("a namespace that isn't there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Explain(ctx, Options{noKernel: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
}

// TestExplainChangesNothing: trying to enter a network namespace leaves the
// process where it is.
func TestExplainChangesNothing(t *testing.T) {
	ownNetwork(t)
	before, err := os.Readlink("/proc/thread-self/ns/net")
	must(t, err)
	_, err = Explain(t.Context(), Options{noKernel: withoutKernel()})
	must(t, err)
	tasks, err := os.ReadDir("/proc/self/task")
	must(t, err)
	for _, task := range tasks {
		if after, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/net"); err == nil && after != before {
			t.Errorf("a thread is in %s, was in %s", after, before)
		}
	}
}

// TestExplainZombie: a process that has ended, and that its parent has not
// waited for, hides nothing.
func TestExplainZombie(t *testing.T) {
	needRoot(t)
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: ordinary}
	must(t, cmd.Start())
	defer cmd.Wait()
	dir := filepath.Join("/proc", fmt.Sprint(cmd.Process.Pid))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); !explain.HasEnded(dir); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it doesn't end")
		}
	}
	a := explainAs(t, &syscall.SysProcAttr{Credential: ordinary})
	if b := ability(t, &a, AbleOwnOwners); !b.Able || b.Found != "1 of 1 let themselves be looked into" {
		t.Errorf("got %+v", b)
	}
}

// TestTryEntering: the host's root may enter network namespaces.
func TestTryEntering(t *testing.T) {
	needRoot(t)
	must(t, tryEntering("/proc"))
	if err := tryEntering(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without /proc: %v", err)
	}
}

// TestExplainGrants: what an ordinary user is told to grant is enough, and the
// way that is said first (capabilities of the program's file) works: such a
// process is guarded from its own user, and sees itself and all others.
func TestExplainGrants(t *testing.T) {
	needRoot(t)
	if withoutKernel() {
		t.Skip("this run is without eBPF")
	}
	tracking(t)
	nobody := &syscall.SysProcAttr{Credential: ordinary}
	a := explainAs(t, nobody)
	var missing []string
	for _, b := range a.Abilities {
		missing = append(missing, b.Capabilities...)
	}
	var caps uint64
	for _, name := range missing {
		caps |= 1 << bitOf(t, name)
	}
	if caps == 0 {
		t.Fatalf("nothing is to be granted: %+v", a)
	}
	path := program(t, "capable")
	if err := unix.Setxattr(path, "security.capability", fileCapabilities(caps), 0); err != nil {
		netns.Cannot(t, "files can't have capabilities here: "+err.Error())
	}
	a = explainProgram(t, path, nobody)
	for _, b := range a.Abilities {
		if !b.Able || len(b.Capabilities) > 0 {
			t.Errorf("still missing: %+v", b)
		}
	}
	for _, p := range a.Privileges {
		if want := caps&(1<<bitOf(t, p.Name)) != 0; p.Held != want {
			t.Errorf("%s is held: %t, want %t", p.Name, p.Held, want)
		}
	}
	if a.Facts.UID != ordinary.Uid {
		t.Errorf("facts are %+v", a.Facts)
	}
}

// fileCapabilities are capabilities as a file has them, in force from the start
// (struct vfs_cap_data of linux/capability.h, revision 2).
func fileCapabilities(caps uint64) []byte {
	const revision2, effective = 0x02000000, 1
	b := binary.LittleEndian.AppendUint32(nil, revision2|effective)
	for _, half := range []uint32{uint32(caps), uint32(caps >> 32)} {
		b = binary.LittleEndian.AppendUint32(b, half) // permitted
		b = binary.LittleEndian.AppendUint32(b, 0)    // inheritable
	}
	return b
}
