package explain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/procfs"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused is that the kernel does not permit a program.
var refused = &Lack{Err: unix.EPERM, Refused: true}

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
		lack  *Lack
		want  []string
	}{
		"nothing":         {bpf, host, nil, nil},
		"no capabilities": {0, host, refused, []string{"CAP_BPF", "CAP_PERFMON"}},
		"only one":        {1 << unix.CAP_BPF, host, refused, []string{"CAP_PERFMON"}},
		"admin does":      {1 << unix.CAP_SYS_ADMIN, host, refused, []string{MissingPolicy}},
		"no BTF":          {bpf, with(func(f *Facts) { f.BTF = false }), &Lack{Err: errors.New("x")}, []string{MissingBTF}},
		"container":       {bpf, with(func(f *Facts) { f.HostUser = false }), refused, []string{MissingHost}},
		"seccomp":         {bpf, with(func(f *Facts) { f.Seccomp = true }), refused, []string{MissingSeccomp}},
		"locked down":     {bpf, with(func(f *Facts) { f.Lockdown = "confidentiality" }), refused, []string{MissingLock}},
		"integrity":       {bpf, with(func(f *Facts) { f.Lockdown = "integrity" }), refused, []string{MissingPolicy}},
		"too old":         {bpf, host, &Lack{Err: unix.ENOENT, Unable: true}, []string{"Linux 5.14 or newer; this is 5.4.0"}},
		"another":         {bpf, host, &Lack{Err: errors.New("something else")}, []string{"something else"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := explainer{caps: c.caps, facts: c.facts}
			var a Ability
			e.lackOfKernel(&a, c.lack, "5.14")
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
		{0, -1, nil, true, ""},
		{0, 0, nil, false, "CAP_NET_ADMIN"},
		{1 << unix.CAP_NET_ADMIN, 0, nil, true, ""},
		{1 << unix.CAP_NET_ADMIN, 7, nil, true, ""},
		{0, 7, unix.EPERM, false, "CAP_NET_ADMIN"},
		{1 << unix.CAP_NET_ADMIN, 7, unix.EPERM, false, unix.EPERM.Error()},
		{1 << unix.CAP_NET_ADMIN, 7, unix.ENOENT, false, unix.ENOENT.Error()},
	} {
		e := explainer{caps: c.caps, tracking: Tracking{Active: c.tracked >= 0, Tracked: c.tracked, Err: c.err}}
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
		"own by choice": {explainer{facts: host, want: wishOwn}, true, "", true},
		"elsewhere":     {explainer{facts: inside}, true, "", true},
		"all elsewhere": {explainer{facts: inside, want: "all"}, true, "", false},
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
		"nobody":         {explainer{facts: host, census: shut, noDescriptors: refused}, false, "proc", "2 of 9 let themselves be looked into", "CAP_BPF;CAP_PERFMON", true},
		"root by walk":   {explainer{facts: host, census: open, noDescriptors: refused, caps: walks, rights: procfs.Rights{All: true}}, true, "proc", "9 of 9 let themselves be looked into", "CAP_BPF;CAP_PERFMON", false},
		"some hide":      {explainer{facts: host, census: shut, noDescriptors: refused, caps: walks, rights: procfs.Rights{All: true}}, true, "proc", "2 of 9 let themselves be looked into", "CAP_BPF;CAP_PERFMON", false},
		"alone":          {explainer{facts: host, census: census{processes: 2, own: 2}, noDescriptors: refused}, true, "proc", "2 of 2 let themselves be looked into", "CAP_BPF;CAP_PERFMON", false},
		"pid namespace":  {explainer{facts: with(func(f *Facts) { f.HostProcesses = false }), census: open}, false, "ebpf", "9 seen", MissingPID, true},
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
		"some hide": {explainer{census: some, noDescriptors: refused, facts: Facts{HostUser: true}}, false, "2 of 3 let themselves be looked into", "CAP_SYS_PTRACE"},
		"container": {explainer{census: some, noDescriptors: refused, caps: ^uint64(0)}, false, "2 of 3 let themselves be looked into", MissingHost},
		"none hide": {explainer{census: census{own: 3, shut: 7}, noDescriptors: refused}, true, "3 of 3 let themselves be looked into", ""},
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
	e.noOpens = refused
	if a := e.judgeShort(); a.Able || a.How != "looks" || !slices.Equal(a.Capabilities, []string{"CAP_BPF", "CAP_PERFMON"}) || a.Without == "" {
		t.Errorf("got %+v", a)
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

// TestCensus: processes are counted that are there, and those that end
// meanwhile are not.
func TestCensus(t *testing.T) {
	c := census{networks: map[uint32]struct{}{}}
	uid := uint32(os.Geteuid())
	c.ask("/proc/self", uid)
	if c.processes != 1 || c.own != 1 || c.shut+c.ownShut+c.placeless != 0 || len(c.networks) != 1 {
		t.Errorf("got %+v", c)
	}
	c.ask("/proc/self", uid+1)
	if c.processes != 2 || c.own != 1 || len(c.networks) != 1 {
		t.Errorf("got %+v", c)
	}
	c.ask(filepath.Join(t.TempDir(), "none"), uid)
	c.ask(t.TempDir(), uid) // a process has namespaces
	if c.processes != 2 {
		t.Errorf("who is gone was counted: %+v", c)
	}
	if HasEnded("/proc/self") || !HasEnded(filepath.Join(t.TempDir(), "none")) {
		t.Error("who lives and who doesn't is mixed up")
	}
}

// TestCount: files of /proc that are no processes are none, and the end of
// patience is heeded.
func TestCount(t *testing.T) {
	e, err := newExplainer(Tried{Proc: "/proc", Workplace: func(int) (string, any, error) { return "", nil, nil }})
	must(t, err)
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
	w := workloads{of: func(pid int) (string, any, error) {
		switch pid {
		case 11:
			return "nginx.service", nil, nil
		case 12, 13:
			return "", "box", nil
		case 14:
			return "", nil, nil
		case 15:
			return "", nil, unix.EACCES
		}
		return "", nil, unix.ENOENT
	}}
	for pid := range 20 {
		w.ask(pid)
	}
	if w.units != 1 || w.inside != 2 || len(w.containers) != 1 || w.refused != 1 {
		t.Errorf("got %+v", w)
	}
}
