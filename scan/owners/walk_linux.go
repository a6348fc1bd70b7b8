package owners

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/scan/procfs"
)

// walk searches the descriptors of all processes for the wanted sockets, from
// the lowest process id up, and ends early once each has been found, or the
// budget is spent: then the next walk goes on from there. complete says that no socket can have hidden: every process was there to be seen, and
// let itself be looked into.
func (o *Owners) walk(ctx context.Context) (complete bool, err error) {
	pids, err := o.pids()
	if err != nil {
		return false, err
	}
	w := walk{Owners: o, left: len(o.wanted), thorough: slices.ContainsFunc(o.wanted, wasMissed)}
	for _, pid := range from(pids, o.resume) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if w.left == 0 {
			return false, nil
		}
		if o.Budget > 0 && w.read >= o.Budget {
			o.cut, o.resume = true, pid
			return false, nil
		}
		w.process(pid)
	}
	o.resume = 0
	return o.Rights.SeesAll() && w.refused == 0, nil
}

// from is the list rotated, so that it begins with the first that is not below
// start.
func from(sorted []int, start int) []int {
	i, _ := slices.BinarySearch(sorted, start)
	if i == 0 {
		return sorted
	}
	return slices.Concat(sorted[i:], sorted[:i])
}

func wasMissed(h *Holding) bool { return h.missed > 0 }

// pids lists the processes that live, in rising order.
func (o *Owners) pids() ([]int, error) {
	var pids []int
	err := o.FS.Numbers(o.FS.Dir, func(pid int, _ []byte) bool {
		pids = append(pids, pid)
		return true
	})
	slices.Sort(pids)
	return pids, err
}

// walk is one search.
type walk struct {
	*Owners
	left    int // sockets that are still wanted
	refused int // processes that may not be looked into
	read    int // descriptors that were read
	// thorough reads every descriptor. Otherwise those are passed over whose
	// socket is known and still there; that misses a socket on a descriptor
	// which another process's socket had before, and a thorough walk finds it
	// in the next look.
	thorough bool
}

// process searches the descriptors of one process. One that ends meanwhile
// holds nothing any more.
func (w *walk) process(pid int) {
	dir, err := procfs.OpenAt(w.FS.Dir, procfs.Under(pid, "fd"), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		w.count(err)
		return
	}
	defer unix.Close(dir) //nolint:errcheck // reading only
	s := search{walk: w, pid: pid, dir: dir, known: w.processes.byPID[pid]}
	if s.known != nil {
		s.known, _ = w.processes.of(pid) // the id may have passed to another
	}
	w.count(w.FS.Numbers(dir, s.descriptor))
	if s.refused {
		w.refused++
	}
}

func (w *walk) count(err error) {
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		w.refused++
	}
}

// search is a walk within one process.
type search struct {
	*walk
	pid     int
	dir     int      // its directory of descriptors, held open
	known   *process // nil until it is known to hold a socket
	refused bool     // a descriptor could not be read
}

// descriptor looks at one descriptor. It says false when nothing is wanted any
// more, or nothing more can be seen here.
func (s *search) descriptor(fd int, name []byte) bool {
	if s.passOver(fd) {
		return true
	}
	s.read++
	target, err := s.FS.ReadlinkAt(s.dir, name)
	if err != nil {
		s.refused = s.refused || !procfs.IsGone(err)
		return !s.refused
	}
	inode, isSocket := proctext.ParseSocketLink(target)
	if s.known != nil {
		s.known.remember(fd, uint32(inode))
	}
	if !isSocket {
		return true
	}
	if h := s.byInode[uint32(inode)]; h != nil && h.wanted {
		s.take(h, fd, name)
	}
	return s.left > 0
}

// passOver tells whether a descriptor still is the socket that it was.
func (s *search) passOver(fd int) bool {
	if s.thorough || s.known == nil {
		return false
	}
	h := s.byInode[s.known.remembered(fd)]
	return h != nil && h.seen == s.look && !h.wanted
}

// take makes the process the owner of a socket. It asks once more whether the
// descriptor is there: a held directory answers for its own process only, so
// that the name read in between is that process's too.
func (s *search) take(h *Holding, fd int, name []byte) {
	if s.known == nil {
		p, err := s.processes.of(s.pid)
		if err != nil {
			return
		}
		if _, err := s.FS.ReadlinkAt(s.dir, name); err != nil {
			return
		}
		s.known = p
		p.remember(fd, h.inode)
	}
	if s.pid == initPID {
		h.proc, h.fd = s.known, int32(fd)
		return
	}
	h.proc, h.fd, h.wanted = s.known, int32(fd), false
	s.left--
}
