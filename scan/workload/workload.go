// Package workload tells what a process belongs to: its systemd unit, and its
// container with name, image, runtime, pod and namespace.
//
// The unit and the container's id stand in the process's cgroup
// ([proctext.ParseCgroup]); the rest is in the files that the runtimes keep of
// their containers on the host. Those are read, under a root that can be
// chosen, and nothing else is done: no program is run, no library of a runtime
// linked. Docker alone is also asked through its socket, where its files may
// not be read and the socket may.
//
// A file that is missing, unreadable or damaged costs a container its name and
// its image, never the container: it is called by the beginning of its id then,
// and [Finder.Notes] says why.
package workload

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
)

// Workload is what a process belongs to.
type Workload struct {
	// Unit is the systemd unit as systemd spells it (systemd.unit(5)); empty if
	// there is none. For a process in a container it is the unit within, or
	// that of the host which runs the container.
	Unit string
	// Container is the innermost container; nil if there is none. It is shared
	// and never changes: news come as another one.
	Container *Container
}

// Container is one container. All its texts are fit for a report
// ([report.CleanName]).
type Container struct {
	// ID is the runtime's id; empty for those known by name alone (LXC,
	// systemd-nspawn).
	ID string
	// Name is what people call it: in Kubernetes the container's name within
	// its pod ("POD" for the one that holds the pod together). It is never
	// empty: without a better one it is the first 12 digits of the id.
	Name string
	// Runtime is "docker", "podman", "containerd", "cri-o", "lxc",
	// "systemd-nspawn" or "garden"; empty if it can't be told.
	Runtime string
	// Image is what it was started from, as the runtime writes it.
	Image string
	// Pod and PodNamespace are of Kubernetes.
	Pod          string
	PodNamespace string
}

// Options say where to look. The zero value is right for the host that dotm
// runs on.
type Options struct {
	// Root is where the host's file system begins; empty means "/".
	Root string
	// Proc is where its proc(5) is mounted; empty means "proc" under Root.
	Proc string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Limits of what is remembered and read.
const (
	// recheck is how long an answer stands before its file is looked at again:
	// a container may be renamed, or its state written after it was first seen.
	recheck = 30 * time.Second
	// maxRemembered is how many cgroups and how many containers are remembered.
	maxRemembered = 16_384
	// maxRememberedText bounds the texts of those cgroups, in bytes.
	maxRememberedText = 2 << 20
	// maxCgroup bounds what is read of a /proc/PID/cgroup. A path has at most
	// 4 KiB, and version 1 about a dozen hierarchies.
	maxCgroup = 64 << 10
)

// ErrGone is returned for a process that has ended.
var ErrGone = errors.New("process is gone")

// Finder finds workloads, and remembers them. It is not for concurrent use.
type Finder struct {
	proc    string
	now     func() time.Time
	places  *recent[place]
	entries *recent[*entry]
	state   state
	lacks   lacks
	text    []byte
}

// place is what a cgroup's text says. What a runtime's state adds is in the
// entry, which is nil where there is nothing to look up.
type place struct {
	unit      string
	container *Container // where the cgroup alone tells everything
	entry     *entry
}

// New gives a Finder. It reads nothing yet.
func New(o Options) *Finder {
	if o.Root == "" {
		o.Root = "/"
	}
	if o.Proc == "" {
		o.Proc = filepath.Join(o.Root, "proc")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Finder{
		proc:    o.Proc,
		now:     o.Now,
		places:  newRecent[place](maxRemembered, maxRememberedText),
		entries: newRecent[*entry](maxRemembered, maxRememberedText),
		state:   newState(o.Root, o.Now),
		lacks:   newLacks(),
	}
}

// Of tells what the process belongs to. It reads one small file; if that says
// what another process's said within the last 30 seconds, it reads no more.
// The error is [ErrGone] if there is no such process; others say that its
// cgroup can't be read, or is not as cgroups(7) has it.
func (f *Finder) Of(pid int) (Workload, error) {
	text, err := f.read(pid)
	if err != nil || len(text) == 0 {
		return Workload{}, err
	}
	w, err := f.find(text)
	if err != nil {
		return Workload{}, fmt.Errorf("cgroup of process %d: %w", pid, err)
	}
	return w, nil
}

// FromCgroup tells the same from the text of a /proc/PID/cgroup. A text that
// can't be read belongs to nothing.
func (f *Finder) FromCgroup(text []byte) Workload {
	w, _ := f.find(text)
	return w
}

// read gives the text of /proc/PID/cgroup, valid until the next call. It is
// empty if the kernel has no control groups.
func (f *Finder) read(pid int) ([]byte, error) {
	dir := f.proc + "/" + strconv.Itoa(pid)
	n, err := f.readFile(dir + "/cgroup")
	if err == nil {
		return f.text[:n], nil
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		if _, err := os.Lstat(dir); err == nil {
			return nil, nil
		}
		err = ErrGone
	}
	return nil, fmt.Errorf("reading the cgroup of process %d: %w", pid, hostfs.Plain(err))
}

// readFile reads into f.text, which holds every real file of this kind.
func (f *Finder) readFile(path string) (int, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // reading only
	if f.text == nil {
		f.text = make([]byte, maxCgroup)
	}
	n, err := io.ReadFull(file, f.text)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

func (f *Finder) find(text []byte) (Workload, error) {
	p, ok := f.places.get(text)
	if !ok {
		c, err := proctext.ParseCgroup(text)
		if err != nil {
			return Workload{}, err
		}
		p = f.place(c)
		f.places.put(string(text), p)
	}
	if p.entry == nil {
		return Workload{Unit: p.unit, Container: p.container}, nil
	}
	f.refresh(p.entry)
	return Workload{Unit: p.unit, Container: p.entry.container}, nil
}

// place says what a cgroup tells, and what is to be looked up.
func (f *Finder) place(c proctext.Cgroup) place {
	p := place{unit: c.Unit}
	switch {
	case c.ContainerName != "":
		p.container = &Container{Name: report.CleanName(c.ContainerName), Runtime: c.Runtime}
	case c.ContainerID != "", mayBeNamed(c):
		p.entry = f.entry(c)
	}
	return p
}
