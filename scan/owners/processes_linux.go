package owners

import (
	"path"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/procfs"
)

// process is one that holds sockets.
type process struct {
	pid   int
	start uint64 // with pid it names one process
	comm  string
	owner fold.Owner
	read  uint32 // the look it was last read for a sweep
	gone  bool   // it ended: whatever refers to it is out of date
	// inodes are the sockets behind its descriptors when last read, by
	// descriptor; 0 is none or unknown.
	inodes []uint32
}

// maxRemembered bounds [process.inodes]: descriptors above it are read in
// every walk.
const maxRemembered = 1 << 20

func (p *process) remember(fd int, inode uint32) {
	if fd >= maxRemembered {
		return
	}
	for fd >= len(p.inodes) {
		p.inodes = append(p.inodes, 0)
	}
	p.inodes[fd] = inode
}

func (p *process) remembered(fd int) uint32 {
	if fd >= len(p.inodes) {
		return 0
	}
	return p.inodes[fd]
}

// processes knows the processes that hold sockets.
type processes struct {
	fs    *procfs.FS
	own   func(pid int) bool
	users *procfs.Users
	byPID map[int]*process
	place func(pid int) (unit string, container int)
}

// of gives the process that has pid now, or an error if there is none.
func (ps *processes) of(pid int) (*process, error) {
	p, err := ps.read(pid)
	if err != nil {
		ps.forget(pid)
		return nil, err
	}
	ps.byPID[pid] = p
	return p, nil
}

// read reads a process, into the one that is known already if it is the same.
func (ps *processes) read(pid int) (*process, error) {
	text, err := ps.fs.Read(procfs.Under(pid, "stat"))
	if err != nil {
		return nil, err
	}
	stat, err := proctext.ParseStat(text)
	if err != nil {
		return nil, err
	}
	text, err = ps.fs.Read(procfs.Under(pid, "status"))
	if err != nil {
		return nil, err
	}
	status, err := proctext.ParseStatus(text)
	if err != nil {
		return nil, err
	}
	p := ps.byPID[pid]
	if p == nil || p.start != stat.Start {
		ps.forget(pid)
		p = &process{pid: pid, start: stat.Start}
	}
	p.comm = stat.Comm
	p.owner = fold.Owner{
		PID:     pid,
		Process: report.CleanName(ps.name(pid, stat.Comm)),
		User:    ps.users.Name(status.UID),
		Own:     ps.own(pid),
	}
	p.owner.Unit, p.owner.Container = ps.place(pid)
	return p, nil
}

// name completes a comm that the kernel cut. A process without any name is
// called by its executable's, so that it doesn't look like one not seen.
func (ps *processes) name(pid int, comm string) string {
	if comm != "" && !proctext.Cut(comm) {
		return comm
	}
	exe := ps.executable(pid)
	if comm != "" {
		return proctext.CompleteName(comm, exe)
	}
	if base := path.Base(exe); base != "." && base != "/" {
		return base
	}
	return "?"
}

// executable is the path of the process's executable, or what it was called
// by where that may not be seen.
func (ps *processes) executable(pid int) string {
	if exe, err := ps.fs.Readlink(procfs.Under(pid, "exe")); err == nil {
		return exe
	}
	cmdline, err := ps.fs.Read(procfs.Under(pid, "cmdline"))
	if err != nil {
		return ""
	}
	return proctext.FirstArgument(cmdline)
}

// forget drops a process that ended; its sockets notice.
func (ps *processes) forget(pid int) {
	if p := ps.byPID[pid]; p != nil {
		p.gone = true
		delete(ps.byPID, pid)
	}
}

// RefreshEvery is in how many looks each process is read again: so many looks
// later at the latest a new name or user shows, or that it ended.
const RefreshEvery = 6

// refresh reads every sixth process again, another sixth with each look.
func (ps *processes) refresh(look uint32) {
	for pid := range ps.byPID {
		if (uint32(pid)+look)%RefreshEvery == 0 {
			ps.of(pid) //nolint:errcheck // a process that ended is forgotten
		}
	}
}

// called describes a process by its comm and user. A known process of both
// tells its full name, and what it belongs to.
func (ps *processes) called(comm, user string) fold.Owner {
	found := fold.Owner{Process: report.CleanName(comm), User: user}
	pid := 0
	for _, p := range ps.byPID {
		if p.comm == comm && p.owner.User == user && (pid == 0 || p.pid < pid) {
			found, pid = p.owner, p.pid
		}
	}
	found.PID = 0 // whichever of them it was
	return found
}
