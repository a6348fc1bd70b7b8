package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/conntrack"
	"github.com/devops-trouble-map/dotm/scan/kernel"
	"github.com/devops-trouble-map/dotm/scan/procfs"
	"github.com/devops-trouble-map/dotm/scan/workload"
)

// privileges are the capabilities that a look can make use of.
var privileges = []struct {
	bit          uint
	name         string
	allows, uses string
}{
	{
		unix.CAP_BPF, "CAP_BPF",
		"load eBPF programs",
		"loads two of its own, which only read; their source is in scan/kernel/bpf",
	},
	{
		unix.CAP_PERFMON, "CAP_PERFMON",
		"read the kernel's memory through such programs, and with it everybody's data",
		"reads which process holds which socket, and which connections open",
	},
	{
		unix.CAP_SYS_PTRACE, "CAP_SYS_PTRACE",
		"read and change the memory of every process",
		"reads where the links /proc/PID/fd, exe and ns lead; it attaches to nothing",
	},
	{
		unix.CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
		"read every file and list every folder",
		"lists /proc/PID/fd, and reads what container runtimes keep of their containers",
	},
	{
		unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
		"do nearly everything that root can",
		"enters the network namespaces of containers to list their sockets; it also loads its eBPF programs where the first two are missing",
	},
	{
		unix.CAP_NET_ADMIN, "CAP_NET_ADMIN",
		"change interfaces, routes and the firewall",
		"reads the table of tracked connections",
	},
}

// Explain tries out what this process can see, and says what it lacks for the
// rest. It takes one look, as [Scanner.Scan] does, and changes nothing. The
// errors are those of [New] and Scan.
func Explain(ctx context.Context, o Options) (Abilities, error) {
	e, err := newExplainer(o)
	if err != nil {
		return Abilities{}, err
	}
	if err := e.try(ctx, o); err != nil {
		return Abilities{}, err
	}
	a := Abilities{Facts: e.facts}
	for _, judge := range []func() Ability{
		e.judgeSockets, e.judgeHealth, e.judgeOwnOwners, e.judgeAllOwners,
		e.judgeShort, e.judgeNetworks, e.judgeTranslations, e.judgeWorkloads,
	} {
		a.Abilities = append(a.Abilities, judge())
	}
	for _, p := range privileges {
		a.Privileges = append(a.Privileges, Privilege{p.name, e.holds(p.bit), p.allows, p.uses})
	}
	return a, nil
}

// explainer holds what was tried, and what came of it.
type explainer struct {
	proc   string
	want   string // Options.Networks
	facts  Facts
	rights procfs.Rights
	caps   uint64

	noDescriptors, noOpens error // of eBPF
	report                 *report.Report
	census                 census
	enter                  error // into a network namespace
	tracked                int
	tracking               error
	workloads              workloads
}

func newExplainer(o Options) (*explainer, error) {
	e := &explainer{proc: o.Proc, want: o.Networks}
	if e.proc == "" {
		e.proc = "/proc"
	}
	var err error
	if e.rights, err = procfs.ReadRights(e.proc); err != nil {
		return nil, fmt.Errorf("reading own rights: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(e.proc, "self/status"))
	if err != nil {
		return nil, fmt.Errorf("reading own rights: %w", err)
	}
	status, err := proctext.ParseStatus(text)
	if err != nil {
		return nil, fmt.Errorf("reading own rights: %w", err)
	}
	e.caps = status.CapEff
	e.facts = Facts{
		UID: status.UID, User: procfs.NewUsers(procfs.Passwd).Name(status.UID),
		Kernel:   firstLine(filepath.Join(e.proc, "sys/kernel/osrelease")),
		BTF:      isThere("/sys/kernel/btf/vmlinux"),
		HostUser: e.rights.UserNS, HostProcesses: e.rights.PIDNS,
		HostNetwork: e.rights.SeesHostNetwork(e.proc),
		Seccomp:     statusField(text, "Seccomp") == "2", NoNewPrivileges: statusField(text, "NoNewPrivs") == "1",
		HidePID:         e.rights.HidePID,
		Lockdown:        lockdown(firstLine("/sys/kernel/security/lockdown")),
		UnprivilegedBPF: firstLine(filepath.Join(e.proc, "sys/kernel/unprivileged_bpf_disabled")),
		PerfParanoid:    firstLine(filepath.Join(e.proc, "sys/kernel/perf_event_paranoid")),
	}
	return e, nil
}

// firstLine gives the first line of a small file; empty if it can't be read.
func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	return report.CleanName(string(line))
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// statusField gives a field of /proc/PID/status; empty if it isn't there.
func statusField(text []byte, name string) string {
	for line := range bytes.Lines(text) {
		if key, value, _ := bytes.Cut(line, []byte{':'}); string(key) == name {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

// lockdown gives the mode in force, which is the one in brackets in the file;
// empty if there is none.
func lockdown(line string) string {
	_, rest, _ := strings.Cut(line, "[")
	mode, _, _ := strings.Cut(rest, "]")
	if mode == "none" {
		return ""
	}
	return mode
}

// try does everything once.
func (e *explainer) try(ctx context.Context, o Options) error {
	e.tryKernel(o)
	if err := e.look(ctx, o); err != nil {
		return err
	}
	e.workloads.finder = workload.New(workload.Options{Proc: e.proc})
	if err := e.count(ctx); err != nil {
		return err
	}
	e.workloads.notes = e.workloads.finder.Notes()
	e.enter = tryEntering(e.proc)
	var table conntrack.Table
	e.tracking = conntrack.New(conntrack.Options{Proc: e.proc}).Read(ctx, &table)
	e.tracked = table.Tracked
	return ctx.Err()
}

func (e *explainer) tryKernel(o Options) {
	if o.noKernel {
		e.noDescriptors, e.noOpens = errForced, errForced
		return
	}
	k := kernel.Load(kernel.Options{Announce: func(kernel.Edge) {}})
	e.noDescriptors, e.noOpens = k.NoDescriptors, k.NoOpens
	_ = k.Close() // what can't be detached ends with the process
}

func (e *explainer) look(ctx context.Context, o Options) error {
	o.OneLook = true
	s, err := New(o)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // nothing is lost with it
	e.report, err = s.Scan(ctx)
	return err
}

// tryEntering enters the network namespace that the thread is in already,
// which takes the same rights as to enter another (setns(2)).
func tryEntering(proc string) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread() // it is where it was
		f, err := os.Open(filepath.Join(proc, "thread-self/ns/net"))
		if err == nil {
			err = errors.Join(unix.Setns(int(f.Fd()), unix.CLONE_NEWNET), f.Close())
		}
		result <- err
	}()
	return <-result
}

// census says how many of the processes let themselves be looked into.
type census struct {
	processes int // those that are there to be seen
	own       int // of them those of this user
	shut      int // descriptors may not be read
	ownShut   int
	placeless int // network namespace may not be read
	networks  map[uint32]struct{}
}

// maxCensus bounds how many processes are asked.
const maxCensus = 20_000

// count asks each process that can be seen.
func (e *explainer) count(ctx context.Context) error {
	e.census.networks = map[uint32]struct{}{}
	dir, err := os.Open(e.proc)
	if err != nil {
		return fmt.Errorf("listing processes: %w", err)
	}
	defer dir.Close() //nolint:errcheck // reading only
	names, err := dir.Readdirnames(0)
	if err != nil {
		return fmt.Errorf("listing processes: %w", err)
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if e.census.processes == maxCensus {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		e.census.ask(filepath.Join(e.proc, name), e.facts.UID)
		e.workloads.ask(pid)
	}
	return nil
}

// ask looks at one process. One that has ended meanwhile isn't counted.
func (c *census) ask(dir string, uid uint32) {
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil {
		return
	}
	shut := isRefusal(readsDescriptors(filepath.Join(dir, "fd")))
	link, err := os.Readlink(filepath.Join(dir, "ns/net"))
	if errors.Is(err, fs.ErrNotExist) || shut && hasEnded(dir) {
		return
	}
	c.processes++
	if shut {
		c.shut++
	}
	if st.Uid == uid {
		c.own++
		if shut {
			c.ownShut++
		}
	}
	if isRefusal(err) {
		c.placeless++
	} else if ino, ok := proctext.ParseNamespaceLink([]byte(link)); ok {
		c.networks[ino] = struct{}{}
	}
}

// hasEnded tells a process that has ended and waits for its parent to notice:
// it holds nothing any more, and isn't its user's any more either.
func hasEnded(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return true
	}
	stat, err := proctext.ParseStat(text)
	return err == nil && (stat.State == 'Z' || stat.State == 'X')
}

// readsDescriptors reads where the first descriptor of a process leads.
func readsDescriptors(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // reading only
	names, err := f.Readdirnames(1)
	if len(names) == 0 {
		if isRefusal(err) {
			return err
		}
		return nil // it has none
	}
	_, err = os.Readlink(filepath.Join(dir, names[0]))
	return err
}

func isRefusal(err error) bool { return errors.Is(err, fs.ErrPermission) }

// workloads counts what the processes belong to.
type workloads struct {
	finder        *workload.Finder
	units, inside int
	containers    map[*workload.Container]struct{}
	refused       int
	notes         []report.Note
}

func (w *workloads) ask(pid int) {
	found, err := w.finder.Of(pid)
	switch {
	case isRefusal(err):
		w.refused++
	case err != nil:
	case found.Container != nil:
		if w.containers == nil {
			w.containers = map[*workload.Container]struct{}{}
		}
		w.containers[found.Container] = struct{}{}
		w.inside++
	case found.Unit != "":
		w.units++
	}
}
