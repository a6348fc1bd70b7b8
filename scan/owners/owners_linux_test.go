package owners

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/procfs"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestNameWithoutExecutable: where the executable may not be seen, the first
// argument completes a name.
func TestNameWithoutExecutable(t *testing.T) {
	proc := t.TempDir()
	must(t, os.Mkdir(filepath.Join(proc, "7"), 0o755))
	must(t, os.WriteFile(filepath.Join(proc, "7/cmdline"), []byte("/usr/bin/sixteen-letters-\x00--password\x00secret\x00"), 0o644))
	fs, err := procfs.Open(proc)
	must(t, err)
	defer func() { must(t, fs.Close()) }()
	ps := &processes{fs: fs}
	for _, tt := range []struct {
		pid        int
		comm, want string
	}{
		{7, "sixteen-letters", "sixteen-letters-"},
		{7, "another-letters", "another-letters"},
		{7, "", "sixteen-letters-"},
		{8, "sixteen-letters", "sixteen-letters"},
		{8, "", "?"},
	} {
		if got := ps.name(tt.pid, tt.comm); got != tt.want {
			t.Errorf("%d called %q: got %q, want %q", tt.pid, tt.comm, got, tt.want)
		}
	}
}

// TestPrune: sockets that are no more are forgotten.
func TestPrune(t *testing.T) {
	o := &Owners{byInode: map[uint32]*Holding{}, look: 2}
	for inode := range uint32(5000) {
		o.byInode[inode] = &Holding{inode: inode, seen: 1 + inode%2}
	}
	o.prune(2500)
	if len(o.byInode) != 5000 {
		t.Errorf("%d sockets left, want all: most of them live", len(o.byInode))
	}
	o.prune(1000)
	if len(o.byInode) != 2500 {
		t.Errorf("%d sockets left, want the 2500 seen in this look", len(o.byInode))
	}
}

func TestKernelName(t *testing.T) {
	at := netip.MustParseAddrPort
	tests := []struct {
		socket fold.Socket
		want   string
	}{
		{fold.Socket{Protocol: report.TCP, Local: at("0.0.0.0:2049")}, "kernel (nfs)"},
		{fold.Socket{Protocol: report.TCP, Local: at("192.0.2.1:700"), Remote: at("192.0.2.9:2049")}, "kernel (nfs)"},
		{fold.Socket{Protocol: report.TCP, Local: at("0.0.0.0:4789")}, "kernel"},
		{fold.Socket{Protocol: report.UDP, Local: at("[::]:51820")}, "kernel (wireguard)"},
		{fold.Socket{Protocol: report.TCP, Local: at("0.0.0.0:445")}, "kernel (smb)"},
		{fold.Socket{Protocol: report.TCP, Local: at("0.0.0.0:3260")}, "kernel (iscsi)"},
		{fold.Socket{Protocol: report.TCP, Local: at("0.0.0.0:4420")}, "kernel (nvme)"},
		{fold.Socket{Protocol: report.UDP, Local: at("0.0.0.0:6081")}, "kernel (geneve)"},
		{fold.Socket{Protocol: report.TCP, Local: at("0.0.0.0:40001")}, "kernel"},
	}
	for _, tt := range tests {
		if got := kernelName(&tt.socket); got != tt.want {
			t.Errorf("%s %v: got %q, want %q", tt.socket.Protocol, tt.socket.Local, got, tt.want)
		}
	}
}

func TestNominate(t *testing.T) {
	for _, c := range []struct {
		pids []uint32
		want uint32
	}{
		{nil, 0},
		{[]uint32{7}, 7},
		{[]uint32{7, 3, 5}, 3},
		{[]uint32{1}, 1},
		{[]uint32{1, 9}, 9},
		{[]uint32{9, 1, 4}, 4},
	} {
		h := &Holding{}
		for _, pid := range c.pids {
			h.nominate(Held{TGID: pid, FD: pid * 10})
		}
		if h.candidate != c.want || h.candidateFD != c.want*10 {
			t.Errorf("of %v: %d with descriptor %d, want %d", c.pids, h.candidate, h.candidateFD, c.want)
		}
	}
}

// host is a made-up /proc of processes with sockets.
type host struct {
	t    *testing.T
	proc string
	held []Held
	fail error
}

func newHost(t *testing.T) *host { return &host{t: t, proc: t.TempDir()} }

// start makes a process, or another one in the place of an older with its id.
func (h *host) start(pid int, comm string, started int) {
	h.t.Helper()
	dir := filepath.Join(h.proc, fmt.Sprint(pid))
	must(h.t, os.MkdirAll(filepath.Join(dir, "fd"), 0o755))
	stat := fmt.Sprintf("%d (%s) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0", pid, comm, started)
	must(h.t, os.WriteFile(filepath.Join(dir, "stat"), []byte(stat), 0o644))
	must(h.t, os.WriteFile(filepath.Join(dir, "status"), fmt.Appendf(nil, "Name:\t%s\nTgid:\t%d\nUid:\t0\t0\t0\t0\n", comm, pid), 0o644))
}

// Each is the kernel's list.
func (h *host) Each(found func(Held)) error {
	for _, k := range h.held {
		found(k)
	}
	return h.fail
}

// hold gives a process a socket, in /proc and in the kernel's list.
func (h *host) hold(pid, fd int, inode uint32) {
	h.t.Helper()
	must(h.t, os.Symlink(fmt.Sprintf("socket:[%d]", inode), filepath.Join(h.proc, fmt.Sprint(pid), "fd", fmt.Sprint(fd))))
	h.held = append(h.held, Held{Inode: inode, TGID: uint32(pid), FD: uint32(fd)})
}

// drop takes it away.
func (h *host) drop(pid, fd int) {
	h.t.Helper()
	must(h.t, os.Remove(filepath.Join(h.proc, fmt.Sprint(pid), "fd", fmt.Sprint(fd))))
	kept := h.held[:0]
	for _, k := range h.held {
		if int(k.TGID) != pid || int(k.FD) != fd {
			kept = append(kept, k)
		}
	}
	h.held = kept
}

func (h *host) owners(listed bool) *Owners {
	fs, err := procfs.Open(h.proc)
	must(h.t, err)
	h.t.Cleanup(func() { must(h.t, fs.Close()) })
	o := Options{
		FS: fs, Rights: procfs.Rights{All: true, PIDNS: true}, Users: procfs.NewUsers(procfs.Passwd),
		Own: func(int) bool { return false }, Place: func(int) (string, int) { return "", 0 },
	}
	if listed {
		o.Descriptors = h
	}
	return New(o)
}

// names resolves sockets with these inodes.
func names(t *testing.T, o *Owners, inodes ...uint32) (list []string) {
	t.Helper()
	var sockets []fold.Socket
	for _, inode := range inodes {
		sockets = append(sockets, fold.Socket{State: fold.Established, Inode: inode, UID: 1})
	}
	kept, _, err := o.Resolve(context.Background(), sockets)
	must(t, err)
	if len(o.At()) != len(kept) {
		t.Fatalf("%d sockets, %d of them known", len(kept), len(o.At()))
	}
	for _, s := range kept {
		list = append(list, s.Owner.Process)
	}
	return list
}

// TestResolve: sockets have the processes that hold them, in whatever order they
// come, whether the kernel lists them or a walk finds them.
func TestResolve(t *testing.T) {
	for _, listed := range []bool{true, false} {
		h := newHost(t)
		h.start(7, "web", 1)
		h.start(9, "db", 1)
		h.hold(7, 3, 100)
		h.hold(9, 3, 101)
		h.hold(9, 4, 102)
		o := h.owners(listed)
		for i, tt := range []struct {
			inodes []uint32
			want   []string
		}{
			{[]uint32{100, 101, 102}, []string{"web", "db", "db"}},
			{[]uint32{100, 101, 102}, []string{"web", "db", "db"}},
			{[]uint32{102, 100}, []string{"db", "web"}},
			{[]uint32{100, 101, 102}, []string{"web", "db", "db"}},
		} {
			if got := names(t, o, tt.inodes...); !slices.Equal(got, tt.want) {
				t.Errorf("listed %t, look %d: got %v, want %v", listed, i, got, tt.want)
			}
			if searched := o.Searched(); i > 0 && searched != 0 {
				t.Errorf("listed %t, look %d: %d were searched", listed, i, searched)
			}
		}
	}
}

// TestPassedOn: a socket that was passed on soon after it was met has its new
// process within [RefreshEvery] looks, and one that was passed on later within
// [checkEvery], or as many as a walk takes to check each.
func TestPassedOn(t *testing.T) {
	for _, listed := range []bool{true, false} {
		h := newHost(t)
		h.start(7, "parent", 1)
		h.start(9, "child", 1)
		h.start(11, "grandchild", 1)
		h.hold(7, 3, 100)
		o := h.owners(listed)
		until := func(want string, most int) {
			t.Helper()
			for range most {
				if got := names(t, o, 100); len(got) == 1 && got[0] == want {
					return
				}
			}
			t.Errorf("listed %t: not %s's within %d looks", listed, want, most)
		}
		until("parent", 1)
		h.hold(9, 5, 100)
		h.drop(7, 3)
		until("child", RefreshEvery)
		for range 2 * RefreshEvery {
			until("child", 1)
		}
		h.hold(11, 5, 100)
		h.drop(9, 5)
		until("grandchild", checkEvery)
	}
}

// TestReusedPID: what is remembered of a process doesn't pass to the next one
// with its id.
func TestReusedPID(t *testing.T) {
	h := newHost(t)
	h.start(7, "before", 1)
	h.hold(7, 3, 100)
	o := h.owners(true)
	if got := names(t, o, 100); fmt.Sprint(got) != "[before]" {
		t.Fatalf("got %v", got)
	}
	old := o.processes.byPID[7]
	h.drop(7, 3)
	h.start(7, "after", 2)
	h.hold(7, 4, 101)
	if got := names(t, o, 101); fmt.Sprint(got) != "[after]" || !old.gone {
		t.Errorf("got %v, the process before is gone: %t", got, old.gone)
	}
}

// TestFailingList: a list of the kernel's that fails is given up for the walk.
func TestFailingList(t *testing.T) {
	h := newHost(t)
	h.start(7, "web", 1)
	h.hold(7, 3, 100)
	h.fail = errors.New("no")
	o := h.owners(true)
	if got := names(t, o, 100); fmt.Sprint(got) != "[web]" || o.Descriptors != nil || !errors.Is(o.NoDescriptors, h.fail) {
		t.Errorf("got %v, then %v", got, o.NoDescriptors)
	}
}
