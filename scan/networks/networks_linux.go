// Package networks knows the network namespaces of a host (network_namespaces(7)),
// names them, and enters them for the time of a look.
package networks

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

// Network is one network namespace.
type Network struct {
	Inode uint32
	Index int    // in the report; 0: the agent's own
	Name  string // differs from every other's; empty for the agent's own
	// Addresses and Opens are its own, when last read. They are for who looks.
	Addresses []netip.Addr
	Opens     proctext.TCPOpens

	pid  int    // the process with the lowest id in it; 0: none
	path string // leads to it, to enter it by
}

// Networks knows the network namespaces that are looked at. It is for one
// goroutine.
//
// Nothing is held open between looks: a namespace lives as long as anything
// refers to it, and a container's shall end with the container.
type Networks struct {
	fs    *procfs.FS
	want  string // a wish, or a name
	spell func(name string) string
	// Own is the calling thread's.
	Own *Network
	// inHosts says that the own one is known to be the host's.
	inHosts bool
	// Others are those beside the own one, in the order in which they were
	// made, as far as they were asked for.
	Others []*Network
	byPID  map[int]uint32
	known  map[uint32]*Network
	turn   int
	// refused is how many could not be entered in this look, and why.
	refused int
	reason  error
	name    []byte
}

// The wishes that are no names.
const (
	WishOwn = "own"
	WishAll = "all"
)

// namedNetworks are where tools keep namespaces that need no process
// (ip-netns(8); Docker's sandboxes).
var namedNetworks = []string{"/run/netns", "/run/docker/netns"}

// New knows this thread's own namespace. Without a wish, all are looked
// at from the host's own, and none but its own from another. spell makes any name
// fit for a report.
func New(fs *procfs.FS, want string, r procfs.Rights, spell func(name string) string) (*Networks, error) {
	inHosts := r.SeesHostNetwork(fs.Path)
	if want == "" {
		want = WishOwn
		if inHosts {
			want = WishAll
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
	own := &Network{Inode: ino, path: path}
	return &Networks{
		fs: fs, want: want, spell: spell, Own: own, inHosts: inHosts,
		byPID: map[int]uint32{}, known: map[uint32]*Network{ino: own},
	}, nil
}

// Only is the namespace whose connections are counted, for [kernel.Options].
func (ns *Networks) Only() uint32 {
	if ns.want == WishOwn {
		return ns.Own.Inode
	}
	return 0
}

// LooksAtOwn says whether the agent's own namespace is looked at.
func (ns *Networks) LooksAtOwn() bool { return ns.want == WishOwn || ns.want == WishAll }

// maxPIDs is how many processes are asked for their namespace in one look,
// beside new ones.
const maxPIDs = 2000

// maxNetworks bounds how many namespaces are looked at.
const maxNetworks = report.MaxNamespaces

// Refresh finds the namespaces that there are now.
func (ns *Networks) Refresh(call func(pid int) string) error {
	ns.refused, ns.reason = 0, nil
	if ns.want == WishOwn {
		return nil
	}
	first, err := ns.byProcess()
	if err != nil {
		return err
	}
	paths := named()
	found := map[uint32]*Network{}
	add := func(ino uint32, pid int, path string) {
		if ino == ns.Own.Inode || found[ino] != nil || len(found) >= maxNetworks {
			return
		}
		n := ns.known[ino]
		if n == nil {
			n = &Network{Inode: ino}
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
func (ns *Networks) settle(found map[uint32]*Network, paths map[string]uint32, call func(int) string) error {
	ns.Others = ns.Others[:0]
	clear(ns.known)
	ns.known[ns.Own.Inode] = ns.Own
	for ino, n := range found {
		ns.known[ino] = n
		ns.Others = append(ns.Others, n)
	}
	slices.SortFunc(ns.Others, func(a, b *Network) int { return cmp.Compare(a.Inode, b.Inode) })
	ns.christen(paths, call)
	if ns.want != WishAll {
		names := make([]string, 0, len(ns.Others))
		for _, n := range ns.Others {
			names = append(names, n.Name)
		}
		ns.Others = slices.DeleteFunc(ns.Others, func(n *Network) bool { return n.Name != ns.want })
		if len(ns.Others) == 0 {
			return fmt.Errorf("no network namespace is named %q; there are: %s", ns.want, cmp.Or(strings.Join(names, ", "), "none"))
		}
	}
	for i, n := range ns.Others {
		n.Index = i + 1
	}
	return nil
}

// christen names the namespaces: after the container (or pod) of their first
// process, the name under which a tool keeps them, or their first process.
func (ns *Networks) christen(paths map[string]uint32, call func(int) string) {
	kept := map[uint32]string{}
	for path, ino := range paths {
		if name := filepath.Base(path); kept[ino] == "" || name < kept[ino] {
			kept[ino] = name
		}
	}
	taken := map[string]bool{}
	for _, n := range ns.Others {
		name := ""
		if n.pid != 0 {
			name = call(n.pid)
		}
		name = ns.spell(cmp.Or(name, kept[n.Inode], "network"))
		if taken[name] || (name == WishAll || name == WishOwn) {
			name = fmt.Sprintf("%s-%d", name, n.Inode)
		}
		taken[name] = true
		n.Name = name
	}
}

// byProcess gives the first process of each namespace.
func (ns *Networks) byProcess() (map[uint32]int, error) {
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
func (ns *Networks) of(pid int) uint32 {
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

// Visit calls look with this thread in each of the other namespaces. One that
// may not be entered, or has ended, is left out. It runs in a goroutine of its
// own, so that a thread which can't come back is never used again.
func (ns *Networks) Visit(look func(*Network) error) error {
	if len(ns.Others) == 0 {
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
func (ns *Networks) tour(look func(*Network) error) (err error, home bool) {
	own, err := os.Open(filepath.Join(ns.fs.Path, "thread-self/ns/net"))
	if err != nil {
		return fmt.Errorf("remembering own network namespace: %w", err), true
	}
	defer own.Close() //nolint:errcheck // reading only
	away := false
	for _, n := range ns.Others {
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
func enter(n *Network) error {
	f, err := os.Open(n.path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // reading only
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if uint32(st.Ino) != n.Inode {
		return unix.ENOENT // the process id passed on
	}
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}

// refuse counts a namespace that could not be entered; one that ended is no
// loss.
func (ns *Networks) refuse(err error) {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		ns.refused++
		ns.reason = err
	}
}

// Notes says what was left out.
func (ns *Networks) Notes() []report.Note {
	switch {
	case ns.refused > 0:
		return []report.Note{{
			Code: "namespaces", Text: fmt.Sprintf("%d other network namespaces could not be entered: %v.", ns.refused, ns.reason),
			Hint: "Containers, too: run dotm as root, or with CAP_SYS_ADMIN and CAP_SYS_PTRACE",
		}}
	case ns.want == WishOwn && ns.inHosts:
		return []report.Note{{
			Code: "own-namespace", Text: "Only the host's own network namespace is looked at, as was asked for: containers are not.",
		}}
	case ns.want == WishOwn:
		return []report.Note{{
			Code: "own-namespace", Text: "Only this network namespace is seen, none of other containers or of the host.",
			Hint: "All of them: --namespaces all",
		}}
	}
	return nil
}

// Of is a namespace that is looked at, by its inode; nil if it isn't.
func (ns *Networks) Of(inode uint32) *Network {
	n := ns.known[inode]
	if n == nil || n.Index == 0 && !ns.LooksAtOwn() {
		return nil
	}
	return n
}
