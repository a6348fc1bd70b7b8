package owners

import (
	"golang.org/x/sys/unix"
)

// sweep finds the processes of the wanted sockets by one pass of the kernel
// over all descriptors (see [Descriptors]). Now and then it checks the
// known sockets too: a descriptor may have been passed on.
func (o *Owners) sweep() error {
	started := bootTicks()
	all := o.sweepsAll()
	err := o.Descriptors.Each(func(k Held) {
		if h := o.byInode[k.Inode]; h != nil && h.seen == o.look && (h.wanted || all) {
			h.nominate(k)
		}
	})
	if err != nil {
		return err
	}
	fresh := false
	for _, h := range o.wanted {
		o.elect(h, started)
		fresh = fresh || h.proc != nil
	}
	o.plan(all, fresh)
	if !all {
		return nil
	}
	for _, h := range o.byInode {
		if h.seen == o.look && !h.wanted {
			o.elect(h, started)
		}
	}
	return nil
}

// plan says when all sockets are checked again. A pass costs as much as half a
// look: sockets that are new are soon checked, for a server may pass them on to
// a child; where none are new, that seldom happens.
func (o *Owners) plan(all, fresh bool) {
	if all {
		o.check = o.look + checkEvery
	}
	if fresh {
		o.check = min(o.check, o.look+RefreshEvery)
	}
}

// checkEvery is in how many looks all sockets are checked by a pass of the
// kernel, while none are new.
const checkEvery = 30

// sweepsAll says whether this look's pass checks every socket.
func (o *Owners) sweepsAll() bool { return o.Descriptors != nil && o.look >= o.check }

// nominate takes a descriptor as the socket's if no better one was met: that of
// the process with the lowest id, init's only if it is the only one.
func (h *Holding) nominate(k Held) {
	if h.candidate == 0 || h.candidate == initPID || (k.TGID < h.candidate && k.TGID != initPID) {
		h.candidate, h.candidateFD = k.TGID, k.FD
	}
}

// elect makes the process that was met the socket's owner, unless it ended
// since, and its id passed to one that started after the pass began.
func (o *Owners) elect(h *Holding, started uint64) {
	pid, fd := int(h.candidate), int32(h.candidateFD)
	h.candidate, h.candidateFD = 0, 0
	if pid == 0 {
		h.proc = nil
		return
	}
	p := o.processes.byPID[pid]
	if p == nil || p.read != o.look {
		var err error
		if p, err = o.processes.of(pid); err != nil || p.start > started {
			h.proc = nil
			return
		}
		p.read = o.look
	}
	h.proc, h.fd = p, fd
}

// bootTicks is the time since the boot in the unit of a process's start time
// (starttime of proc_pid_stat(5)).
func bootTicks() uint64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return ^uint64(0)
	}
	const perSecond = 100 // USER_HZ, the same on every architecture
	return uint64(t.Nano()) / (1e9 / perSecond)
}
