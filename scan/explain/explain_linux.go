package explain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/procfs"
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

// Tried is what came of trying out what a look does.
type Tried struct {
	Proc string // where proc(5) is mounted
	Want string // which network namespaces were asked for
	// NoDescriptors and NoOpens say why eBPF programs don't find processes and
	// don't count connections; nil where they do.
	NoDescriptors, NoOpens *Lack
	Report                 *report.Report // of one look
	Enter                  error          // from entering a network namespace
	Tracking               Tracking
	// Workplace tells what a process belongs to: its unit, or its container, which
	// is nil or a key. Notes says what could not be read for that.
	Workplace func(pid int) (unit string, container any, err error)
	Notes     func() []report.Note
}

// Lack is why the kernel doesn't run a program.
type Lack struct {
	Err     error
	Refused bool // it isn't permitted
	Unable  bool // the kernel is too old, or doesn't describe its types
}

// Tracking is what came of reading the tracked connections.
type Tracking struct {
	Active  bool // the kernel tracks
	Tracked int
	Err     error
}

// Explain says what this process can see, by what was tried and what each process
// lets be seen of it.
func Explain(ctx context.Context, t Tried) (Abilities, error) {
	e, err := newExplainer(t)
	if err != nil {
		return Abilities{}, err
	}
	if err := e.count(ctx); err != nil {
		return Abilities{}, err
	}
	e.workloads.notes = t.Notes()
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
	want   string // which network namespaces were asked for
	facts  Facts
	rights procfs.Rights
	caps   uint64

	noDescriptors, noOpens *Lack
	report                 *report.Report
	census                 census
	enter                  error
	tracking               Tracking
	workloads              workloads
}

func newExplainer(t Tried) (*explainer, error) {
	e := &explainer{
		proc: t.Proc, want: t.Want, report: t.Report,
		noDescriptors: t.NoDescriptors, noOpens: t.NoOpens, enter: t.Enter, tracking: t.Tracking,
		workloads: workloads{of: t.Workplace},
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
	if errors.Is(err, fs.ErrNotExist) || shut && HasEnded(dir) {
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

// HasEnded tells a process that has ended and waits for its parent to notice:
// it holds nothing any more, and isn't its user's any more either.
func HasEnded(dir string) bool {
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
	of            func(pid int) (unit string, container any, err error)
	units, inside int
	containers    map[any]struct{}
	refused       int
	notes         []report.Note
}

func (w *workloads) ask(pid int) {
	unit, container, err := w.of(pid)
	switch {
	case isRefusal(err):
		w.refused++
	case err != nil:
	case container != nil:
		if w.containers == nil {
			w.containers = map[any]struct{}{}
		}
		w.containers[container] = struct{}{}
		w.inside++
	case unit != "":
		w.units++
	}
}
