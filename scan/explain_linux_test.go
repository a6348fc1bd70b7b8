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

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/conntrack"
	"github.com/devops-trouble-map/dotm/scan/procfs"
	"github.com/devops-trouble-map/dotm/scan/workload"
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
			for i, p := range a.Privileges {
				if held := slices.Contains(tt.caps, uintptr(privileges[i].bit)); p.Held != held {
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
	e.rights.All = true
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

// TestPrivilegeBits: names and numbers are those of linux/capability.h.
func TestPrivilegeBits(t *testing.T) {
	want := map[string]uint{
		"CAP_DAC_READ_SEARCH": 2, "CAP_NET_ADMIN": 12, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39,
	}
	for _, p := range privileges {
		if bit, known := want[p.name]; !known || bit != p.bit {
			t.Errorf("%s is bit %d, want %d", p.name, p.bit, bit)
		}
		if p.allows == "" || p.uses == "" {
			t.Errorf("%s: not said what it allows and what it is for", p.name)
		}
	}
	if len(privileges) != len(want) {
		t.Errorf("%d privileges, want %d", len(privileges), len(want))
	}
	e := explainer{caps: 1<<unix.CAP_BPF | 1<<unix.CAP_NET_ADMIN}
	if got := e.lacks(unix.CAP_SYS_ADMIN, unix.CAP_BPF, unix.CAP_PERFMON); !slices.Equal(got, []string{"CAP_SYS_ADMIN", "CAP_PERFMON"}) {
		t.Errorf("lacks %q", got)
	}
}

// TestJudgeOwners: who finds processes how, and what stands in the way.
func TestJudgeOwners(t *testing.T) {
	host := Facts{HostUser: true, HostProcesses: true, BTF: true}
	const walks = 1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH
	open, shut := census{processes: 9, own: 2}, census{processes: 9, own: 2, shut: 7}
	with := func(change func(*Facts)) Facts {
		f := host
		change(&f)
		return f
	}
	for name, c := range map[string]struct {
		e       explainer
		able    bool
		how     string
		found   string
		missing string
		hint    bool
	}{
		"ebpf":           {explainer{facts: host, census: shut}, true, "ebpf", "9 seen", "", false},
		"nobody":         {explainer{facts: host, census: shut, noDescriptors: unix.EPERM}, false, "proc", "2 of 9 let themselves be looked into", "CAP_BPF;CAP_PERFMON", true},
		"root by walk":   {explainer{facts: host, census: open, noDescriptors: unix.EPERM, caps: walks, rights: procfs.Rights{All: true}}, true, "proc", "9 of 9 let themselves be looked into", "CAP_BPF;CAP_PERFMON", false},
		"some hide":      {explainer{facts: host, census: shut, noDescriptors: unix.EPERM, caps: walks, rights: procfs.Rights{All: true}}, true, "proc", "2 of 9 let themselves be looked into", "CAP_BPF;CAP_PERFMON", false},
		"alone":          {explainer{facts: host, census: census{processes: 2, own: 2}, noDescriptors: unix.EPERM}, true, "proc", "2 of 2 let themselves be looked into", "CAP_BPF;CAP_PERFMON", false},
		"pid namespace":  {explainer{facts: with(func(f *Facts) { f.HostProcesses = false }), census: open}, false, "ebpf", "9 seen", missingPID, true},
		"hidepid":        {explainer{facts: with(func(f *Facts) { f.HidePID = "2" }), census: open}, false, "ebpf", "9 seen", "/proc without hidepid=2, or the group of its option gid", false},
		"hidepid, admin": {explainer{facts: with(func(f *Facts) { f.HidePID = "2" }), census: open, rights: procfs.Rights{All: true}}, true, "ebpf", "9 seen", "", false},
	} {
		a := c.e.judgeAllOwners()
		if a.Able != c.able || a.How != c.how || a.Found != c.found || strings.Join(a.Missing, ";") != c.missing || (a.Hint != "") != c.hint {
			t.Errorf("%s: %+v", name, a)
		}
		if (a.Without == "") != (len(a.Missing) == 0) {
			t.Errorf("%s: what is missing and what that costs go together: %+v", name, a)
		}
	}
}

// TestJudgeOwnOwners: the processes of the user himself may hide from him.
func TestJudgeOwnOwners(t *testing.T) {
	some := census{processes: 9, own: 3, ownShut: 1, shut: 7}
	for name, c := range map[string]struct {
		e       explainer
		able    bool
		found   string
		missing string
	}{
		"ebpf":      {explainer{census: some, facts: Facts{HostUser: true}}, true, "3 seen", ""},
		"some hide": {explainer{census: some, noDescriptors: unix.EPERM, facts: Facts{HostUser: true}}, false, "2 of 3 let themselves be looked into", "CAP_SYS_PTRACE"},
		"container": {explainer{census: some, noDescriptors: unix.EPERM, caps: ^uint64(0)}, false, "2 of 3 let themselves be looked into", missingHost},
		"none hide": {explainer{census: census{own: 3, shut: 7}, noDescriptors: unix.EPERM}, true, "3 of 3 let themselves be looked into", ""},
	} {
		if a := c.e.judgeOwnOwners(); a.Able != c.able || a.Found != c.found || strings.Join(a.Missing, ";") != c.missing {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// TestJudgeSockets: sockets are always there, their health where sock_diag is.
func TestJudgeSockets(t *testing.T) {
	for method, healthy := range map[string]bool{"sock_diag": true, "proc": false} {
		e := explainer{report: &report.Report{Agent: report.Agent{Method: method}, Coverage: report.Coverage{Sockets: 7}}}
		if a := e.judgeSockets(); !a.Able || a.How != method || a.Found != "7 seen" || (len(a.Missing) == 0) != healthy || (a.Hint == "") != healthy {
			t.Errorf("%s: %+v", method, a)
		}
		if a := e.judgeHealth(); a.Able != healthy || (a.How == method) != healthy || (len(a.Missing) == 0) != healthy || (a.Without == "") != healthy {
			t.Errorf("%s: %+v", method, a)
		}
	}
}

func TestJudgeShort(t *testing.T) {
	e := explainer{facts: Facts{HostUser: true, BTF: true}}
	if a := e.judgeShort(); !a.Able || a.How != "ebpf" || len(a.Missing) > 0 || a.Without != "" {
		t.Errorf("got %+v", a)
	}
	e.noOpens = unix.EPERM
	if a := e.judgeShort(); a.Able || a.How != "looks" || !slices.Equal(a.Capabilities, []string{"CAP_BPF", "CAP_PERFMON"}) || a.Without == "" {
		t.Errorf("got %+v", a)
	}
}

// TestCensus: processes are counted that are there, and those that end
// meanwhile are not.
func TestCensus(t *testing.T) {
	ownNetwork(t)
	p, gone := startPeer(t, "there", 0), startPeer(t, "gone", 0)
	c := census{networks: map[uint32]struct{}{}}
	uid := uint32(os.Geteuid())
	c.ask(filepath.Join("/proc", fmt.Sprint(p.pid())), uid)
	if c.processes != 1 || c.own != 1 || c.shut+c.ownShut+c.placeless != 0 || len(c.networks) != 1 {
		t.Errorf("got %+v", c)
	}
	c.ask(filepath.Join("/proc", fmt.Sprint(p.pid())), uid+1)
	if c.processes != 2 || c.own != 1 || len(c.networks) != 1 {
		t.Errorf("got %+v", c)
	}
	pid := gone.pid()
	gone.stop()
	c.ask(filepath.Join("/proc", fmt.Sprint(pid)), uid)
	c.ask(filepath.Join(t.TempDir(), "none"), uid)
	c.ask(t.TempDir(), uid) // a process has namespaces
	if c.processes != 2 {
		t.Errorf("who is gone was counted: %+v", c)
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
	for end := time.After(20 * time.Second); !hasEnded(dir); {
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
	if hasEnded("/proc/self") || !hasEnded(filepath.Join(t.TempDir(), "none")) {
		t.Error("who lives and who doesn't is mixed up")
	}
}

// TestCount: files of /proc that are no processes are none, and the end of
// patience is heeded.
func TestCount(t *testing.T) {
	ownNetwork(t)
	e, err := newExplainer(Options{})
	must(t, err)
	e.workloads.finder = workload.New(workload.Options{})
	must(t, e.count(t.Context()))
	processes, err := filepath.Glob("/proc/[0-9]*")
	must(t, err)
	if n := e.census.processes; n == 0 || n > len(processes)+10 {
		t.Errorf("%d processes, want about %d", n, len(processes))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.count(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	e.proc = filepath.Join(t.TempDir(), "none")
	if err := e.count(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "listing processes: ") {
		t.Errorf("got %v", err)
	}
}

// TestWorkloads: processes are counted by what they belong to.
func TestWorkloads(t *testing.T) {
	proc := t.TempDir()
	id := strings.Repeat("3f1e2d4c5b6a7988", 4)
	for pid, cgroup := range map[string]string{
		"11": "0::/system.slice/nginx.service\n",
		"12": "0::/system.slice/docker-" + id + ".scope\n",
		"13": "0::/system.slice/docker-" + id + ".scope\n",
		"14": "0::/\n",
	} {
		must(t, os.Mkdir(filepath.Join(proc, pid), 0o755))
		must(t, os.WriteFile(filepath.Join(proc, pid, "cgroup"), []byte(cgroup), 0o600))
	}
	w := workloads{finder: workload.New(workload.Options{Root: t.TempDir(), Proc: proc})}
	for pid := range 20 {
		w.ask(pid)
	}
	if w.units != 1 || w.inside != 2 || len(w.containers) != 1 || w.refused != 0 {
		t.Errorf("got %+v", w)
	}
}

func TestReadsDescriptors(t *testing.T) {
	if err := readsDescriptors("/proc/self/fd"); err != nil {
		t.Errorf("own descriptors: %v", err)
	}
	if err := readsDescriptors(t.TempDir()); err != nil {
		t.Errorf("none at all: %v", err)
	}
	if err := readsDescriptors(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no process: %v", err)
	}
}

func TestStatusField(t *testing.T) {
	text := []byte("Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t7\nbroken\n")
	for name, want := range map[string]string{"NoNewPrivs": "1", "Seccomp": "2", "Seccomp_filters": "7", "Cap": "", "broken": "", "": ""} {
		if got := statusField(text, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestFirstLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for text, want := range map[string]string{"": "", "2\n": "2", "2": "2", "a b\nc\n": "a b", "x\x1b[1m\n": `x\x1b[1m`} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		if got := firstLine(path); got != want {
			t.Errorf("of %q the first line is %q, want %q", text, got, want)
		}
	}
	if got := firstLine(path + ".none"); got != "" {
		t.Errorf("of no file it is %q", got)
	}
	if !isThere(path) || isThere(path+".none") {
		t.Error("what is there and what not is mixed up")
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
	for _, p := range privileges {
		if slices.Contains(missing, p.name) {
			caps |= 1 << p.bit
		}
	}
	if caps == 0 {
		t.Fatalf("nothing is to be granted: %+v", a)
	}
	path := program(t, "capable")
	if err := unix.Setxattr(path, "security.capability", fileCapabilities(caps), 0); err != nil {
		cannot(t, "files can't have capabilities here: "+err.Error())
	}
	a = explainProgram(t, path, nobody)
	for _, b := range a.Abilities {
		if !b.Able || len(b.Capabilities) > 0 {
			t.Errorf("still missing: %+v", b)
		}
	}
	for i, p := range a.Privileges {
		if want := caps&(1<<privileges[i].bit) != 0; p.Held != want {
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
