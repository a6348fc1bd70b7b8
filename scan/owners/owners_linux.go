// Package owners finds the processes that hold sockets: by a list of the
// kernel's, or by a walk through proc(5).
package owners

import (
	"context"
	"net/netip"
	"slices"
	"strconv"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/scan/procfs"
)

// Options are what an Owners needs.
type Options struct {
	FS     *procfs.FS
	Rights procfs.Rights
	Users  *procfs.Users
	// Own tells which processes are dotm's own.
	Own func(pid int) bool
	// Place tells which unit a process belongs to, and the number of its
	// container; 0: none.
	Place func(pid int) (unit string, container int)
	// Descriptors is the kernel's list, nil where it can't be had: then why
	// not is in NoDescriptors. A list that fails is given up.
	Descriptors   Descriptors
	NoDescriptors error
	// Budget is how many descriptors a walk reads before it stops; 0: all. It
	// goes on from there in the next look.
	Budget int
}

// Descriptors lists the sockets behind all descriptors of all processes.
type Descriptors interface {
	// Each calls found for every descriptor that is a socket.
	Each(found func(Held)) error
}

// Held is one descriptor that is a socket.
type Held struct {
	Inode   uint32 // the socket's
	TGID    uint32 // the process; 0: it has no id here
	FD      uint32
	Network uint32 // the inode of the socket's network namespace
}

// Owners finds the process behind a socket, and remembers it. It is for one
// goroutine.
//
// A socket that is known costs little per look. The descriptors of the host are
// searched only if there are sockets whose process isn't known: by a pass of the
// kernel (sweep) where it lets us, else by a walk through /proc. What is
// remembered is checked again in turn. Every process (does it live, what is it
// called now) is, every [RefreshEvery] looks. Every socket (does that process
// still hold it) is, by a sweep all at once, so many looks after new ones were
// found, and every [checkEvery] looks otherwise; by walks a part with each look,
// every [RefreshEvery] looks up to 3,072 sockets, and 512 of them with each look
// beyond (see verifyEvery).
//
// A socket that several processes hold, having been inherited, belongs to the
// one with the lowest id, init aside: that one opens sockets for others.
type Owners struct {
	Options

	processes *processes
	byInode   map[uint32]*Holding
	fresh     []Holding // room for more
	look      uint32
	check     uint32     // the look in which a sweep checks all sockets
	wanted    []*Holding // of this look: those whose process is not known
	at        []*Holding // of the look's sockets, by index; nil without an inode
	before    []*Holding // the same of the look before
	name      []byte     // memory for names
	strangers map[stranger]*fold.Owner

	resume   int  // the process with which the next walk begins
	cut      bool // the last walk stopped for its budget
	searched int  // sockets that were searched in the last look
}

// Holding is what is known of one socket.
type Holding struct {
	proc *process // nil: not known
	// Real is who is at the other end in truth, once that was Asked; nil if it
	// is who seems to be. Both are for who asks.
	Real  *netip.AddrPort
	inode uint32
	uid   uint32
	fd    int32
	place int32  // in owners.at of the last look
	seen  uint32 // the look it was last there
	retry uint32 // the look from which on it is searched again
	// candidate is the process met in a sweep that is under way.
	candidate, candidateFD uint32

	missed uint8 // searched in vain, in succession, up to maxRetry
	// orphan counts how often all processes were seen and none held it.
	orphan uint8
	wanted bool
	Asked  bool
}

// initPID is the process that opens sockets for others (systemd.socket(5)).
const initPID = 1

// maxRetry bounds how many looks pass before a socket without a process is
// searched again; [RefreshEvery] where only init holds it.
const maxRetry = 32

// stranger is an owner that is no process that could be seen.
type stranger struct {
	process string
	uid     uint32
}

// maxStrangers bounds the strangers that are remembered.
const maxStrangers = 10_000

// New returns an Owners that knows of nothing yet.
func New(o Options) *Owners {
	return &Owners{
		Options:   o,
		processes: &processes{fs: o.FS, own: o.Own, users: o.Users, place: o.Place, byPID: map[int]*process{}},
		byInode:   map[uint32]*Holding{},
		strangers: map[stranger]*fold.Owner{},
	}
}

// At is what is known of the sockets that Resolve kept, by index; nil of those
// that no process can hold.
func (o *Owners) At() []*Holding { return o.at }

// Searched is how many sockets the last look had to search.
func (o *Owners) Searched() int { return o.searched }

// Cut says that the last look stopped its search for the budget.
func (o *Owners) Cut() bool { return o.cut }

// Known is how many processes are remembered.
func (o *Owners) Known() int { return len(o.processes.byPID) }

// EachContainer calls visit with the container's number of every process that is
// remembered; it may be changed.
func (o *Owners) EachContainer(visit func(container *int)) {
	for _, p := range o.processes.byPID {
		visit(&p.owner.Container)
	}
}

// NameOf is what a process is called; empty if it may not be seen.
func (o *Owners) NameOf(pid int) string {
	p, err := o.processes.read(pid)
	if err != nil {
		return ""
	}
	return p.comm
}

// Called describes a process by its comm and user. A known process of both
// tells its full name, and what it belongs to.
func (o *Owners) Called(comm string, uid uint32) fold.Owner {
	return o.processes.called(comm, o.Users.Name(uid))
}

// Resolve fills in the owner of every socket. Sockets that turn out to have
// closed since they were listed are taken out. doubtful says, in the first
// look, that another one right now would tell more: whether sockets without any
// process stay, and thus are the kernel's.
func (o *Owners) Resolve(ctx context.Context, list []fold.Socket) (kept []fold.Socket, doubtful bool, err error) {
	o.look++
	o.cut = false
	o.Users.Refresh()
	o.processes.refresh(o.look)
	o.recall(list)
	o.searched = len(o.wanted)
	if len(o.wanted) > 0 || o.sweepsAll() {
		complete, err := o.search(ctx)
		o.settle(complete)
		if err != nil {
			return list, false, err
		}
	}
	kept, doubtful = o.assign(list)
	o.prune(len(kept))
	return kept, doubtful, nil
}

// search looks for the processes of the wanted sockets. complete says that no
// socket can have hidden.
//
// What a sweep doesn't find has most likely closed since it was listed. If it
// is still there in the next look, a walk decides whether some process refuses
// to be looked into or the socket is the kernel's: a kernel may leave processes
// out of its list. A sweep that fails is not tried again.
func (o *Owners) search(ctx context.Context) (complete bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if o.Descriptors == nil {
		return o.walk(ctx)
	}
	if err := o.sweep(); err != nil {
		o.Descriptors, o.NoDescriptors = nil, err
		return o.walk(ctx)
	}
	o.settleFound()
	if slices.ContainsFunc(o.wanted, wasMissed) {
		return o.walk(ctx)
	}
	return o.Rights.PIDNS, nil
}

// recall looks every socket up, and collects those whose process must be
// searched.
func (o *Owners) recall(list []fold.Socket) {
	if len(o.byInode) == 0 {
		o.byInode = make(map[uint32]*Holding, len(list))
	}
	o.at, o.before = slices.Grow(o.before[:0], len(list)), o.at
	o.wanted = o.wanted[:0]
	every, next := verifyEvery(len(list)), 0
	for i := range list {
		inode := list[i].Inode
		if inode == 0 {
			o.at = append(o.at, nil)
			continue
		}
		var h *Holding
		h, next = o.known(inode, next)
		o.at = append(o.at, h)
		h.uid = list[i].UID
		first := h.seen != o.look
		h.seen = o.look
		if first && o.mustSearch(h, o.Descriptors == nil && (inode+o.look)%every == 0) {
			h.wanted = true
			o.wanted = append(o.wanted, h)
		}
	}
}

// known is what is remembered of a socket. The kernel lists sockets in much the
// same order each time, so that most are found right behind the one found
// before: next is where in the look before this one is expected.
func (o *Owners) known(inode uint32, next int) (h *Holding, then int) {
	for next < len(o.before) && o.before[next] == nil {
		next++
	}
	if next < len(o.before) && o.before[next].inode == inode {
		return o.before[next], next + 1
	}
	if h = o.byInode[inode]; h == nil {
		return o.hold(inode), next
	}
	return h, int(h.place) + 1
}

// hold begins to remember a socket. Memory is taken for many at once; it is
// given back when none of them is there any more.
func (o *Owners) hold(inode uint32) *Holding {
	if len(o.fresh) == 0 {
		o.fresh = make([]Holding, 256)
	}
	h := &o.fresh[0]
	o.fresh = o.fresh[1:]
	h.inode = inode
	o.byInode[inode] = h
	return h
}

// maxVerified bounds, roughly, how many sockets one look checks.
const maxVerified = 512

// verifyEvery is in how many looks each of n sockets is checked.
func verifyEvery(n int) uint32 { return uint32(max(RefreshEvery, n/maxVerified)) }

func (o *Owners) mustSearch(h *Holding, verify bool) bool {
	if h.proc != nil && (h.proc.gone || verify && !o.holds(h)) {
		h.proc, h.retry = nil, 0
	}
	if h.proc != nil && h.proc.pid != initPID || h.retry > o.look {
		return false
	}
	h.proc = nil
	return true
}

// holds tells whether a socket's process still has it where it was found.
func (o *Owners) holds(h *Holding) bool {
	o.name = strconv.AppendInt(o.name[:0], int64(h.proc.pid), 10)
	o.name = append(o.name, "/fd/"...)
	o.name = strconv.AppendInt(o.name, int64(h.fd), 10)
	target, err := o.FS.ReadlinkAt(o.FS.Dir, append(o.name, 0))
	if err != nil {
		return false
	}
	inode, ok := proctext.ParseSocketLink(target)
	return ok && uint32(inode) == h.inode
}

// settle says of the sockets that were searched when to search again.
func (o *Owners) settle(complete bool) {
	o.settleFound()
	for _, h := range o.wanted {
		h.wanted = false
		if o.cut { // it was not searched everywhere
			h.retry = 0
			continue
		}
		h.retry = o.look + min(uint32(1)<<min(h.missed, 10), maxRetry)
		h.missed = min(h.missed+1, maxRetry)
		if complete {
			h.orphan = min(h.orphan+1, maxRetry)
		} else {
			h.orphan = 0
		}
	}
}

// settleFound takes the sockets whose process was found out of the wanted.
func (o *Owners) settleFound() {
	o.wanted = slices.DeleteFunc(o.wanted, func(h *Holding) bool {
		if h.proc == nil {
			return false
		}
		h.wanted = false
		h.missed, h.orphan, h.retry = 0, 0, o.look+RefreshEvery
		return true
	})
}

// assign gives each socket its owner.
func (o *Owners) assign(list []fold.Socket) (kept []fold.Socket, doubtful bool) {
	n := 0
	for i := range list {
		s, known := &list[i], o.at[i]
		switch {
		case known == nil: // waits to be accepted: its listener's
		case known.proc != nil:
			s.Owner = &known.proc.owner
		case known.orphan == 1: // most likely closed since it was listed
			doubtful = doubtful || o.look == 1
			continue
		case known.orphan > 1 && known.uid == 0:
			s.Owner = o.stranger(stranger{kernelName(s), 0})
		default:
			s.Owner = o.stranger(stranger{"", known.uid})
		}
		if n != i {
			list[n], o.at[n] = *s, known
		}
		if known != nil {
			known.place = int32(n)
		}
		n++
	}
	o.at = o.at[:n]
	return list[:n], doubtful
}

// stranger is the one owner of that name and user.
func (o *Owners) stranger(key stranger) *fold.Owner {
	if owner := o.strangers[key]; owner != nil {
		return owner
	}
	if len(o.strangers) >= maxStrangers {
		clear(o.strangers)
	}
	owner := &fold.Owner{
		Process: key.process, User: o.Users.Name(key.uid),
		Admin: key.process == "" && !o.Rights.All && o.Descriptors == nil,
	}
	o.strangers[key] = owner
	return owner
}

// prune forgets sockets that are no more, once they are the greater part.
func (o *Owners) prune(live int) {
	if len(o.byInode) <= 2*live+1024 {
		return
	}
	for inode, h := range o.byInode {
		if h.seen != o.look {
			delete(o.byInode, inode)
		}
	}
}

// kernelName names a socket that the kernel holds by the port that it serves
// or calls.
func kernelName(s *fold.Socket) string {
	for _, port := range []uint16{s.Local.Port(), s.Remote.Port()} {
		if service := kernelService(string(s.Protocol), port); service != "" {
			return "kernel (" + service + ")"
		}
	}
	return "kernel"
}

// kernelService names what the kernel itself serves on a port (IANA service
// names; 8472 and 51820 by their makers' documentation).
func kernelService(protocol string, port uint16) string {
	switch protocol + strconv.Itoa(int(port)) {
	case "tcp2049", "udp2049":
		return "nfs"
	case "tcp445":
		return "smb"
	case "tcp3260":
		return "iscsi"
	case "tcp4420":
		return "nvme"
	case "udp4789", "udp8472":
		return "vxlan"
	case "udp6081":
		return "geneve"
	case "udp51820":
		return "wireguard"
	}
	return ""
}
