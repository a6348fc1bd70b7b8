package scan

import (
	"context"
	"net/netip"
	"slices"
	"strconv"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/scan/kernel"
)

// owners finds the process behind a socket, and remembers it.
//
// A socket that is known costs little per look. The descriptors of the host are
// searched only if there are sockets whose process isn't known: by a pass of the
// kernel (sweep) where it lets us, else by a walk through /proc. What is
// remembered is checked again in turn. Every process (does it live, what is it
// called now) is, every [refreshEvery] looks. Every socket (does that process
// still hold it) is, by a sweep all at once, so many looks after new ones were
// found, and every [checkEvery] looks otherwise; by walks a part with each look,
// every [refreshEvery] looks up to 3,072 sockets, and 512 of them with each look
// beyond (see verifyEvery).
//
// A socket that several processes hold, having been inherited, belongs to the
// one with the lowest id, init aside: that one opens sockets for others.
type owners struct {
	fs     *procfs
	rights rights
	// descriptors is the kernel's list, nil where it can't be had: then why
	// not is in noDescriptors.
	descriptors   *kernel.Descriptors
	noDescriptors error

	processes *processes
	byInode   map[uint32]*holding
	fresh     []holding // room for more
	look      uint32
	check     uint32     // the look in which a sweep checks all sockets
	wanted    []*holding // of this look: those whose process is not known
	at        []*holding // of the look's sockets, by index; nil without an inode
	before    []*holding // the same of the look before
	name      []byte     // memory for names
	strangers map[stranger]*aggregate.Owner

	// budget is how many descriptors a walk reads before it stops; 0: all. It
	// goes on from the process resume in the next look, and cut says that it
	// stopped.
	budget int
	resume int
	cut    bool
}

// holding is what is known of one socket.
type holding struct {
	proc *process // nil: not known
	// real is who is at the other end in truth, once that was asked; nil if it
	// is who seems to be.
	real  *netip.AddrPort
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
	asked  bool
}

// initPID is the process that opens sockets for others (systemd.socket(5)).
const initPID = 1

// maxRetry bounds how many looks pass before a socket without a process is
// searched again; [refreshEvery] where only init holds it.
const maxRetry = 32

// stranger is an owner that is no process that could be seen.
type stranger struct {
	process string
	uid     uint32
}

// maxStrangers bounds the strangers that are remembered.
const maxStrangers = 10_000

func newOwners(fs *procfs, r rights, o Options, k *kernel.Kernel) *owners {
	return &owners{
		fs:            fs,
		rights:        r,
		descriptors:   k.Descriptors,
		noDescriptors: k.NoDescriptors,
		processes: &processes{
			fs: fs, own: o.OwnPIDs, users: newUsers(passwdFile), byPID: map[int]*process{},
			workplaces: newWorkplaces(fs.path, o.Now),
		},
		byInode:   map[uint32]*holding{},
		strangers: map[stranger]*aggregate.Owner{},
	}
}

func (o *owners) close() error { return o.fs.close() }

// resolve fills in the owner of every socket. Sockets that turn out to have
// closed since they were listed are taken out. doubtful says, in the first
// look, that another one right now would tell more: whether sockets without any
// process stay, and thus are the kernel's.
func (o *owners) resolve(ctx context.Context, list []aggregate.Socket) (kept []aggregate.Socket, doubtful bool, err error) {
	o.look++
	o.cut = false
	o.processes.users.refresh()
	o.processes.refresh(o.look)
	o.processes.tidy()
	o.recall(list)
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
func (o *owners) search(ctx context.Context) (complete bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if o.descriptors == nil {
		return o.walk(ctx)
	}
	if err := o.sweep(); err != nil {
		o.descriptors, o.noDescriptors = nil, err
		return o.walk(ctx)
	}
	o.settleFound()
	if slices.ContainsFunc(o.wanted, wasMissed) {
		return o.walk(ctx)
	}
	return o.rights.pidNS, nil
}

// recall looks every socket up, and collects those whose process must be
// searched.
func (o *owners) recall(list []aggregate.Socket) {
	if len(o.byInode) == 0 {
		o.byInode = make(map[uint32]*holding, len(list))
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
		var h *holding
		h, next = o.known(inode, next)
		o.at = append(o.at, h)
		h.uid = list[i].UID
		first := h.seen != o.look
		h.seen = o.look
		if first && o.mustSearch(h, o.descriptors == nil && (inode+o.look)%every == 0) {
			h.wanted = true
			o.wanted = append(o.wanted, h)
		}
	}
}

// known is what is remembered of a socket. The kernel lists sockets in much the
// same order each time, so that most are found right behind the one found
// before: next is where in the look before this one is expected.
func (o *owners) known(inode uint32, next int) (h *holding, then int) {
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
func (o *owners) hold(inode uint32) *holding {
	if len(o.fresh) == 0 {
		o.fresh = make([]holding, 256)
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
func verifyEvery(n int) uint32 { return uint32(max(refreshEvery, n/maxVerified)) }

func (o *owners) mustSearch(h *holding, verify bool) bool {
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
func (o *owners) holds(h *holding) bool {
	o.name = strconv.AppendInt(o.name[:0], int64(h.proc.pid), 10)
	o.name = append(o.name, "/fd/"...)
	o.name = strconv.AppendInt(o.name, int64(h.fd), 10)
	target, err := o.fs.readlinkAt(o.fs.fd, append(o.name, 0))
	if err != nil {
		return false
	}
	inode, ok := proctext.ParseSocketLink(target)
	return ok && uint32(inode) == h.inode
}

// settle says of the sockets that were searched when to search again.
func (o *owners) settle(complete bool) {
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
func (o *owners) settleFound() {
	o.wanted = slices.DeleteFunc(o.wanted, func(h *holding) bool {
		if h.proc == nil {
			return false
		}
		h.wanted = false
		h.missed, h.orphan, h.retry = 0, 0, o.look+refreshEvery
		return true
	})
}

// assign gives each socket its owner.
func (o *owners) assign(list []aggregate.Socket) (kept []aggregate.Socket, doubtful bool) {
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
func (o *owners) stranger(key stranger) *aggregate.Owner {
	if owner := o.strangers[key]; owner != nil {
		return owner
	}
	if len(o.strangers) >= maxStrangers {
		clear(o.strangers)
	}
	owner := &aggregate.Owner{
		Process: key.process, User: o.processes.users.name(key.uid),
		Admin: key.process == "" && !o.rights.all && o.descriptors == nil,
	}
	o.strangers[key] = owner
	return owner
}

// prune forgets sockets that are no more, once they are the greater part.
func (o *owners) prune(live int) {
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
func kernelName(s *aggregate.Socket) string {
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
