package scan

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/procfs"
)

// network is one network namespace (network_namespaces(7)).
type network struct {
	inode     uint32
	index     int    // in the report; 0: the agent's own
	name      string // differs from every other's; empty for the agent's own
	pid       int    // the process with the lowest id in it; 0: none
	path      string // leads to it, to enter it by
	addresses []netip.Addr
	opens     proctext.TCPOpens // when last read
}

// networks knows the network namespaces that are looked at.
//
// Nothing is held open between looks: a namespace lives as long as anything
// refers to it, and a container's shall end with the container.
type networks struct {
	fs   *procfs.FS
	want string // Options.Networks
	own  *network
	// inHosts says that the own one is known to be the host's.
	inHosts bool
	// others are those beside the own one, in the order in which they were
	// made, while want includes them.
	others []*network
	byPID  map[int]uint32
	known  map[uint32]*network
	turn   int
	// refused is how many could not be entered in this look, and why.
	refused int
	reason  error
	name    []byte
}

// The wishes that are no names.
const (
	networksOwn = "own"
	networksAll = "all"
)

// namedNetworks are where tools keep namespaces that need no process
// (ip-netns(8); Docker's sandboxes).
var namedNetworks = []string{"/run/netns", "/run/docker/netns"}

// newNetworks knows this thread's own namespace. Without a wish, all are looked
// at from the host's own, and none but its own from another.
func newNetworks(fs *procfs.FS, want string, r procfs.Rights) (*networks, error) {
	inHosts := r.SeesHostNetwork(fs.Path)
	if want == "" {
		want = networksOwn
		if inHosts {
			want = networksAll
		}
	}
	path := filepath.Join(fs.Path, "thread-self/ns/net")
	link, err := os.Readlink(path)
	if err != nil {
		return nil, fmt.Errorf("finding own network namespace: %w", err)
	}
	ino, ok := proctext.ParseNamespaceLink([]byte(link))
	if !ok {
		return nil, fmt.Errorf("finding own network namespace: %s is %q", path, link)
	}
	own := &network{inode: ino, path: path}
	return &networks{
		fs: fs, want: want, own: own, inHosts: inHosts,
		byPID: map[int]uint32{}, known: map[uint32]*network{ino: own},
	}, nil
}

// only is the namespace whose connections are counted, for [kernel.Options].
func (ns *networks) only() uint32 {
	if ns.want == networksOwn {
		return ns.own.inode
	}
	return 0
}

// looksAtOwn says whether the agent's own namespace is looked at.
func (ns *networks) looksAtOwn() bool { return ns.want == networksOwn || ns.want == networksAll }

// maxPIDs is how many processes are asked for their namespace in one look,
// beside new ones.
const maxPIDs = 2000

// maxNetworks bounds how many namespaces are looked at.
const maxNetworks = report.MaxNamespaces

// refresh finds the namespaces that there are now.
func (ns *networks) refresh(call func(pid int) string) error {
	ns.refused, ns.reason = 0, nil
	if ns.want == networksOwn {
		return nil
	}
	first, err := ns.byProcess()
	if err != nil {
		return err
	}
	paths := named()
	found := map[uint32]*network{}
	add := func(ino uint32, pid int, path string) {
		if ino == ns.own.inode || found[ino] != nil || len(found) >= maxNetworks {
			return
		}
		n := ns.known[ino]
		if n == nil {
			n = &network{inode: ino}
		}
		n.pid, n.path = pid, path
		found[ino] = n
	}
	for ino, pid := range first {
		add(ino, pid, filepath.Join(ns.fs.Path, strconv.Itoa(pid), "ns/net"))
	}
	for path, ino := range paths {
		add(ino, 0, path)
	}
	return ns.settle(found, paths, call)
}

// settle makes the found namespaces those that are looked at.
func (ns *networks) settle(found map[uint32]*network, paths map[string]uint32, call func(int) string) error {
	ns.others = ns.others[:0]
	clear(ns.known)
	ns.known[ns.own.inode] = ns.own
	for ino, n := range found {
		ns.known[ino] = n
		ns.others = append(ns.others, n)
	}
	slices.SortFunc(ns.others, func(a, b *network) int { return cmp.Compare(a.inode, b.inode) })
	ns.christen(paths, call)
	if ns.want != networksAll {
		names := make([]string, 0, len(ns.others))
		for _, n := range ns.others {
			names = append(names, n.name)
		}
		ns.others = slices.DeleteFunc(ns.others, func(n *network) bool { return n.name != ns.want })
		if len(ns.others) == 0 {
			return fmt.Errorf("no network namespace is named %q; there are: %s", ns.want, cmp.Or(strings.Join(names, ", "), "none"))
		}
	}
	for i, n := range ns.others {
		n.index = i + 1
	}
	return nil
}

// christen names the namespaces: after the container (or pod) of their first
// process, the name under which a tool keeps them, or their first process.
func (ns *networks) christen(paths map[string]uint32, call func(int) string) {
	kept := map[uint32]string{}
	for path, ino := range paths {
		if name := filepath.Base(path); kept[ino] == "" || name < kept[ino] {
			kept[ino] = name
		}
	}
	taken := map[string]bool{}
	for _, n := range ns.others {
		name := ""
		if n.pid != 0 {
			name = call(n.pid)
		}
		name = nodeName(cmp.Or(name, kept[n.inode], "network"))
		if taken[name] || (name == networksAll || name == networksOwn) {
			name = fmt.Sprintf("%s-%d", name, n.inode)
		}
		taken[name] = true
		n.name = name
	}
}

// byProcess gives the first process of each namespace.
func (ns *networks) byProcess() (map[uint32]int, error) {
	first := map[uint32]int{}
	turns := max(1, len(ns.byPID)/maxPIDs)
	ns.turn++
	living := make(map[int]uint32, len(ns.byPID))
	err := ns.fs.Numbers(ns.fs.Dir, func(pid int, _ []byte) bool {
		ino, known := ns.byPID[pid]
		if !known || (pid+ns.turn)%turns == 0 {
			ino = ns.of(pid)
		}
		living[pid] = ino
		if other, there := first[ino]; ino != 0 && (!there || pid < other) {
			first[ino] = pid
		}
		return true
	})
	ns.byPID = living
	return first, err
}

// of gives the inode of a process's namespace; 0 if it may not be seen.
func (ns *networks) of(pid int) uint32 {
	ns.name = strconv.AppendInt(ns.name[:0], int64(pid), 10)
	ns.name = append(ns.name, "/ns/net\x00"...)
	target, err := ns.fs.ReadlinkAt(ns.fs.Dir, ns.name)
	if err != nil {
		return 0
	}
	ino, _ := proctext.ParseNamespaceLink(target)
	return ino
}

// named lists the namespaces that tools keep, by path.
func named() map[string]uint32 {
	found := map[string]uint32{}
	for _, dir := range namedNetworks {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if ino, ok := inodeOfNetwork(path); ok {
				found[path] = ino
			}
		}
	}
	return found
}

// inodeOfNetwork tells whether a path is a namespace that is bound there.
func inodeOfNetwork(path string) (uint32, bool) {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if unix.Statfs(path, &fs) != nil || fs.Type != unix.NSFS_MAGIC || unix.Stat(path, &st) != nil {
		return 0, false
	}
	return uint32(st.Ino), true
}

// visit calls look with this thread in each of the other namespaces. One that
// may not be entered, or has ended, is left out. It runs in a goroutine of its
// own, so that a thread which can't come back is never used again.
func (ns *networks) visit(look func(*network) error) error {
	if len(ns.others) == 0 {
		return nil
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err, home := ns.tour(look)
		if home {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// tour visits one after the other. home says that the thread came back.
func (ns *networks) tour(look func(*network) error) (err error, home bool) {
	own, err := os.Open(filepath.Join(ns.fs.Path, "thread-self/ns/net"))
	if err != nil {
		return fmt.Errorf("remembering own network namespace: %w", err), true
	}
	defer own.Close() //nolint:errcheck // reading only
	away := false
	for _, n := range ns.others {
		if err := enter(n); err != nil {
			ns.refuse(err)
			continue
		}
		away = true
		if err := look(n); err != nil {
			return errors.Join(err, unix.Setns(int(own.Fd()), unix.CLONE_NEWNET)), false
		}
	}
	if !away {
		return nil, true
	}
	if err := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("coming back to own network namespace: %w", err), false
	}
	return nil, true
}

// enter moves this thread into a namespace, if it still is the one meant.
func enter(n *network) error {
	f, err := os.Open(n.path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // reading only
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if uint32(st.Ino) != n.inode {
		return unix.ENOENT // the process id passed on
	}
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}

// refuse counts a namespace that could not be entered; one that ended is no
// loss.
func (ns *networks) refuse(err error) {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		ns.refused++
		ns.reason = err
	}
}

// describe says what was left out.
func (ns *networks) describe(n *notes) {
	switch {
	case ns.refused > 0:
		n.add("namespaces", fmt.Sprintf("%d other network namespaces could not be entered: %v.", ns.refused, ns.reason),
			"Containers, too: run dotm as root, or with CAP_SYS_ADMIN and CAP_SYS_PTRACE")
	case ns.want == networksOwn && ns.inHosts:
		n.add("own-namespace", "Only the host's own network namespace is looked at, as was asked for: containers are not.", "")
	case ns.want == networksOwn:
		n.add("own-namespace", "Only this network namespace is seen, none of other containers or of the host.",
			"All of them: --namespaces all")
	}
}
