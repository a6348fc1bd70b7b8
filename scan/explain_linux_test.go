package scan

import (
	"bytes"
	"context"
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

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/conntrack"
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
	cmd := exec.Command(program(t, "explains"), "-test.run=^TestExplainItself$")
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

var allCaps = []uintptr{
	unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH, unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN,
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
				Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: tt.caps,
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
			for i, p := range a.Privileges {
				if held := slices.Contains(tt.caps, uintptr(privileges[i].bit)); p.Held != held {
					t.Errorf("%s is held: %t, want %t", p.Name, p.Held, held)
				}
			}
			if own := ability(t, &a, AbleOwnOwners); !own.Able {
				t.Errorf("own processes: %+v", own)
			}
			checkFacts(t, a.Facts, 65534)
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
	if len(a.Abilities) != 8 || len(a.Privileges) != len(privileges) {
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
		if b := ability(t, &a, code); !slices.Equal(b.Missing, []string{missingSeccomp}) || len(b.Capabilities) != 0 || b.Hint == "" {
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
	if b := ability(t, &a, AbleSockets); !b.Able || b.How != "proc" || !slices.Equal(b.Missing, []string{missingDiag}) {
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
		if b := ability(t, &a, code); b.Able || !slices.Contains(b.Missing, missingHost) {
			t.Errorf("%s: %+v", code, b)
		}
	}

	a = explainAs(t, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID})
	for _, code := range []string{AbleAllOwners, AbleNetworks} {
		if b := ability(t, &a, code); b.Able || !slices.Contains(b.Missing, missingPID) || !strings.Contains(b.Hint, "--pid host") {
			t.Errorf("%s: %+v", code, b)
		}
	}
}

// TestExplainHidden: what hides processes is named.
func TestExplainHidden(t *testing.T) {
	e := explainer{facts: Facts{HostUser: true, HostProcesses: true, HidePID: "invisible", BTF: true}, noDescriptors: nil}
	if b := e.judgeAllOwners(); b.Able || !strings.Contains(strings.Join(b.Missing, ";"), "hidepid=invisible") {
		t.Errorf("got %+v", b)
	}
	e.rights.all = true
	if b := e.judgeAllOwners(); !b.Able {
		t.Errorf("who may look into all processes sees them: %+v", b)
	}
}

// TestLackOfKernel: the reason for which there is no eBPF is the one that
// stands first in the way.
func TestLackOfKernel(t *testing.T) {
	const bpf = 1<<unix.CAP_BPF | 1<<unix.CAP_PERFMON
	host := Facts{HostUser: true, BTF: true, Kernel: "5.4.0"}
	with := func(change func(*Facts)) Facts {
		f := host
		change(&f)
		return f
	}
	for name, c := range map[string]struct {
		caps  uint64
		facts Facts
		err   error
		want  []string
	}{
		"nothing":         {bpf, host, nil, nil},
		"no capabilities": {0, host, unix.EPERM, []string{"CAP_BPF", "CAP_PERFMON"}},
		"only one":        {1 << unix.CAP_BPF, host, unix.EPERM, []string{"CAP_PERFMON"}},
		"admin does":      {1 << unix.CAP_SYS_ADMIN, host, unix.EPERM, []string{missingPolicy}},
		"no BTF":          {bpf, with(func(f *Facts) { f.BTF = false }), errors.New("x"), []string{missingBTF}},
		"container":       {bpf, with(func(f *Facts) { f.HostUser = false }), unix.EPERM, []string{missingHost}},
		"seccomp":         {bpf, with(func(f *Facts) { f.Seccomp = true }), unix.EPERM, []string{missingSeccomp}},
		"locked down":     {bpf, with(func(f *Facts) { f.Lockdown = "confidentiality" }), unix.EPERM, []string{missingLock}},
		"integrity":       {bpf, with(func(f *Facts) { f.Lockdown = "integrity" }), unix.EACCES, []string{missingPolicy}},
		"too old":         {bpf, host, unix.ENOENT, []string{"Linux 5.14 or newer; this is 5.4.0"}},
		"another":         {bpf, host, errors.New("something else"), []string{"something else"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := explainer{caps: c.caps, facts: c.facts}
			var a Ability
			e.lackOfKernel(&a, c.err, "5.14")
			if !slices.Equal(a.Missing, c.want) {
				t.Errorf("missing is %q, want %q", a.Missing, c.want)
			}
		})
	}
}

// TestJudgeTranslations: whether the table may be read is only known where
// there is one.
func TestJudgeTranslations(t *testing.T) {
	for _, c := range []struct {
		caps    uint64
		tracked int
		err     error
		able    bool
		missing string
	}{
		{0, 0, conntrack.ErrInactive, true, ""},
		{0, 0, nil, false, "CAP_NET_ADMIN"},
		{1 << unix.CAP_NET_ADMIN, 0, nil, true, ""},
		{1 << unix.CAP_NET_ADMIN, 7, nil, true, ""},
		{0, 7, conntrack.ErrRefused, false, "CAP_NET_ADMIN"},
		{1 << unix.CAP_NET_ADMIN, 7, conntrack.ErrRefused, false, conntrack.ErrRefused.Error()},
		{1 << unix.CAP_NET_ADMIN, 7, conntrack.ErrUnlisted, false, conntrack.ErrUnlisted.Error()},
	} {
		e := explainer{caps: c.caps, tracked: c.tracked, tracking: c.err}
		a := e.judgeTranslations()
		if a.Able != c.able || strings.Join(a.Missing, ";") != c.missing || (a.How != "") != a.Able {
			t.Errorf("%+v: %+v", c, a)
		}
	}
}

// TestJudgeNetworks: what is able says so, and what is looked at without being
// asked for too.
func TestJudgeNetworks(t *testing.T) {
	host := Facts{HostUser: true, HostProcesses: true, HostNetwork: true}
	inside := host
	inside.HostNetwork = false
	for name, c := range map[string]struct {
		e       explainer
		able    bool
		missing string
		hint    bool
	}{
		"host":          {explainer{facts: host}, true, "", false},
		"own by choice": {explainer{facts: host, want: networksOwn}, true, "", true},
		"elsewhere":     {explainer{facts: inside}, true, "", true},
		"all elsewhere": {explainer{facts: inside, want: networksAll}, true, "", false},
		"shut out":      {explainer{facts: host, enter: unix.EPERM}, false, "CAP_SYS_ADMIN", false},
		"root hides":    {explainer{facts: host, census: census{placeless: 1, processes: 9}, caps: ^uint64(0)}, true, "", false},
		"policy": {
			explainer{facts: host, enter: unix.EPERM, caps: ^uint64(0)},
			false,
			"permission to enter them: operation not permitted", false,
		},
	} {
		if a := c.e.judgeNetworks(); a.Able != c.able || strings.Join(a.Missing, ";") != c.missing || (a.Hint != "") != c.hint ||
			(a.How != "") != a.Able || (a.Without == "") != a.Able {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// TestJudgeWorkloads: what could not be read of containers is what is missing.
func TestJudgeWorkloads(t *testing.T) {
	e := explainer{}
	if a := e.judgeWorkloads(); !a.Able || len(a.Missing) != 0 {
		t.Errorf("got %+v", a)
	}
	e.workloads.notes = []report.Note{{Code: "container-names", Text: "Containers of Docker are called by their ids.", Hint: "Run dotm as root"}}
	e.workloads.refused = 3
	a := e.judgeWorkloads()
	if a.Able || len(a.Missing) != 2 || !slices.Equal(a.Capabilities, []string{"CAP_DAC_READ_SEARCH"}) || a.Hint != "Run dotm as root" {
		t.Errorf("got %+v", a)
	}
}

func TestLockdown(t *testing.T) {
	for line, want := range map[string]string{
		"[none] integrity confidentiality": "", "none [integrity] confidentiality": "integrity",
		"none integrity [confidentiality]": "confidentiality", "": "", "none": "", "[": "",
	} {
		if got := lockdown(line); got != want {
			t.Errorf("lockdown(%q) = %q, want %q", line, got, want)
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
