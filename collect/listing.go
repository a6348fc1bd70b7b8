package collect

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/proctext/listing"
	"github.com/devops-trouble-map/dotm/report"
)

// The ways in which the text of a host's own programs came here, as
// [report.Agent.Method] has them.
const (
	MethodText   = "text"
	MethodSSH    = "ssh"
	MethodImport = "import"
)

// MaxListing bounds the text of one node, in bytes.
const MaxListing = 8 << 20

// TextPort is where the original agent serves its text.
const TextPort = 4848

// Listing is what a node's own programs print, on its way to a report.
type Listing struct {
	// Hostname names the node; empty if the text doesn't.
	Hostname  string
	Addresses []report.Interface
	Rows      []listing.Row
	Method    string // one of the constants above
	// Notes say what is missing in the text, and what could not be read.
	Notes []report.Note
	// OwnPort is where the node was asked for the text, 0 if nowhere: the
	// connection that brought it is no part of the picture.
	OwnPort uint16
	// OwnPeer is the other end of the connection that the text came by, where
	// that is no connection of OwnPort: it is no part of the picture either.
	OwnPeer netip.AddrPort
	// OwnProcesses are what dotm's own processes on the node are called, beside
	// those of the agents.
	OwnProcesses []string
	// Ephemeral are the ports that the node's kernel picks by itself: as far as
	// known, or what its system does by default.
	Ephemeral fold.PortRange
}

// ParseListing reads the text that a node's own programs print (see
// [listing.Parse]). What can't be read in it becomes a note. The error,
// which wraps [ErrTooLarge], is for text that is not looked into at all.
func ParseListing(text []byte, method string) (*Listing, error) {
	if len(text) > MaxListing {
		return nil, fmt.Errorf("%w: more than %d MiB", ErrTooLarge, MaxListing>>20)
	}
	found := listing.Parse(text)
	l := &Listing{Hostname: found.Hostname, Rows: found.Rows, Method: method, Ephemeral: ephemeral(found.System)}
	for _, i := range found.Interfaces {
		l.Addresses = append(l.Addresses, report.Interface{Name: report.CleanName(i.Name), Addresses: i.Addresses})
	}
	l.noteProblems(found)
	return l, nil
}

// ephemeral is what a system picks ports from by default: Windows and macOS the
// dynamic ports of RFC 6335, FreeBSD more than that.
func ephemeral(system string) fold.PortRange {
	switch system {
	case listing.Windows:
		return fold.PortRange{Low: 49152, High: 65535}
	case listing.BSD:
		return fold.PortRange{Low: 10000, High: 65535}
	}
	return fold.DefaultEphemeral
}

// maxExamples is how many problems a note quotes.
const maxExamples = 5

// noteProblems says what of a text could not be read or used.
func (l *Listing) noteProblems(found *listing.Listing) {
	if found.ProblemCount == 0 {
		return
	}
	lines := make([]string, 0, maxExamples)
	for _, p := range found.Problems[:min(maxExamples, len(found.Problems))] {
		lines = append(lines, p.String())
	}
	text := fmt.Sprintf("%d parts of the text could not be used: %s", found.ProblemCount, strings.Join(lines, "; "))
	if more := found.ProblemCount - len(lines); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	hint := ""
	if found.Cuts {
		hint = "Addresses that the columns cut: let netstat print wide ones (-W), or use ss"
	}
	l.note("unreadable", text+".", hint)
}

// note adds a note, made fit for a report.
func (l *Listing) note(code, text, hint string) {
	l.Notes = append(l.Notes, report.Note{Code: code, Text: cleanText(text), Hint: hint})
}

// cleanText makes text that others had a part in fit for a note.
func cleanText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > report.MaxText {
		s = strings.ToValidUTF8(s[:report.MaxText-len("…")], "") + "…"
	}
	return s
}

// Check says what the listing lacks to be an answer of a node: its name
// ([ErrNoHostname]), one established connection ([ErrNoSockets]), and one
// address ([ErrNoAddresses]). A file that somebody brings needs no connection
// that is open just now and no addresses, only sockets.
func (l *Listing) Check() error {
	if l.Hostname == "" {
		return ErrNoHostname
	}
	if err := report.HostName(l.Hostname); err != nil {
		return fmt.Errorf("%w: the name %w, is %q", ErrUnreadable, err, cut(l.Hostname))
	}
	open := func(r listing.Row) bool { return r.State == proctext.Established }
	switch {
	case len(l.Rows) == 0, l.Method != MethodImport && !slices.ContainsFunc(l.Rows, open):
		return ErrNoSockets
	case l.Method != MethodImport && !slices.ContainsFunc(l.Addresses, func(i report.Interface) bool { return len(i.Addresses) > 0 }):
		return ErrNoAddresses
	}
	return nil
}

// cut shortens text for an error.
func cut(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// Report makes a report of a single look. It is complete but for the zone and
// the interval, and checked as [Listing.Check] says.
func (l *Listing) Report(now time.Time) (*report.Report, error) {
	return l.report(now, fold.Once)
}

// ReportNext makes the next report of a node that is asked again and again: the
// folder remembers its sockets, so that what opened is counted once.
func (l *Listing) ReportNext(f *fold.Folder, now time.Time) (*report.Report, error) {
	return l.report(now, func(h fold.Host, s []fold.Socket) fold.Look { return f.Fold(h, s, nil) })
}

func (l *Listing) report(now time.Time, into func(fold.Host, []fold.Socket) fold.Look) (*report.Report, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	j := newJoiner(l)
	sockets := j.sockets()
	l.complete(j)
	host := fold.Host{Addresses: [][]netip.Addr{j.own}, Ephemeral: l.Ephemeral, Now: now}
	if host.Ephemeral == (fold.PortRange{}) {
		host.Ephemeral = fold.DefaultEphemeral
	}
	look := into(host, sockets)
	r := &report.Report{
		Version: report.Version, Time: now.UTC(), Sequence: 1,
		Node:       report.Node{Name: l.Hostname, Identity: report.Identity{Kind: report.IdentityHostname, Value: l.Hostname}},
		Agent:      report.Agent{Method: l.Method},
		Interfaces: l.interfaces(j), Listeners: look.Listeners, Connections: look.Connections, Coverage: look.Coverage,
	}
	r.Coverage.OpensBy = "looks"
	l.describe(r, j)
	report.Fit(r)
	return r, nil
}

// interfaces are the node's addresses: those that were listed, or for lack of
// them those of its sockets.
func (l *Listing) interfaces(j *joiner) []report.Interface {
	if len(l.Addresses) > 0 || len(j.seen) == 0 {
		return append([]report.Interface{}, l.Addresses[:min(len(l.Addresses), report.MaxInterfaces)]...)
	}
	of := make([]netip.Prefix, 0, len(j.seen))
	for a := range j.seen {
		of = append(of, netip.PrefixFrom(a, a.BitLen()))
	}
	slices.SortFunc(of, netip.Prefix.Compare)
	return []report.Interface{{Addresses: of[:min(len(of), report.MaxAddresses)]}}
}

// complete adds what the sockets tell where no addresses were listed.
func (l *Listing) complete(j *joiner) {
	if len(l.Addresses) > 0 {
		return
	}
	for a := range j.seen {
		j.own = append(j.own, a)
	}
}

// describe adds the notes on what the text doesn't tell.
func (l *Listing) describe(r *report.Report, j *joiner) {
	r.Notes = append(r.Notes, l.Notes[:min(len(l.Notes), report.MaxNotes-8)]...)
	add := func(code, text, hint string) {
		r.Notes = append(r.Notes, report.Note{Code: code, Text: text, Hint: hint})
	}
	if n := j.unplaced; n > 0 {
		add("unknown-peers", sockets(n)+" left out: the text has names or cut addresses in place of their ends.",
			"List with numbers and whole addresses: netstat -nW, or ss -n")
	}
	if n := r.Coverage.HiddenProcesses; n > 0 {
		add("hidden-owners", fmt.Sprintf("%d process names missing: the program that listed the sockets could not see them, or was not asked to.", n),
			"Names: list as root, with -p (Windows: -b)")
	}
	if j.cutNames > 0 {
		add("cut-names", fmt.Sprintf("%d process names may be cut: they fill their column.", j.cutNames), "")
	}
	switch {
	case len(l.Addresses) == 0 && len(j.seen) == 0:
		add("no-addresses", "The text lists no interfaces, and no socket tells an address: none of the node's is known.",
			"Add the output of ip address, ifconfig or ipconfig")
	case len(l.Addresses) == 0:
		add("no-addresses", "The text lists no interfaces: the node's addresses are those of its sockets.", "Add the output of ip address, ifconfig or ipconfig")
	}
	add("short-connections", "Connections that open and close between two looks are not counted: the text shows one moment.", "Every one: run dotm agent on the node")
}

func sockets(n int) string {
	if n == 1 {
		return "1 socket"
	}
	return fmt.Sprintf("%d sockets", n)
}

// joiner turns rows into sockets.
type joiner struct {
	l      *Listing
	own    []netip.Addr // the node's, as listed
	seen   map[netip.Addr]bool
	dual   map[uint16]bool // TCP and UDP ports with a listener on 0.0.0.0
	owners map[ownerKey]*fold.Owner
	serves bool // something of dotm's listens on OwnPort

	unplaced, cutNames int
}

type ownerKey struct {
	pid           int
	process, user string
	own           bool
}

func newJoiner(l *Listing) *joiner {
	j := &joiner{l: l, seen: map[netip.Addr]bool{}, dual: map[uint16]bool{}, owners: map[ownerKey]*fold.Owner{}}
	for _, i := range l.Addresses {
		for _, p := range i.Addresses {
			j.own = append(j.own, p.Addr().Unmap().WithZone(""))
		}
	}
	for i := range l.Rows {
		r := &l.Rows[i]
		if accepts(r) && r.Local.Addr == netip.IPv4Unspecified() {
			j.dual[portKey(r)] = true
		}
		if r.State == proctext.Listening && l.OwnPort != 0 && r.Local.Port == l.OwnPort && (r.Process == "" || l.isOurs(r.Process)) {
			j.serves = true
		}
		if a := r.Local.Addr; r.Local.Exact() && !accepts(r) && !a.IsUnspecified() && !a.IsLoopback() && r.Remote.Port != 0 {
			j.seen[a] = true
		}
	}
	return j
}

// accepts tells whether a row may be a service.
func accepts(r *listing.Row) bool {
	return r.State == proctext.Listening || r.Protocol == proctext.UDP && r.State == proctext.Closed
}

// portKey tells UDP's ports from TCP's.
func portKey(r *listing.Row) uint16 {
	if r.Protocol == proctext.UDP {
		return ^r.Local.Port
	}
	return r.Local.Port
}

// isOurs knows the processes of dotm, of the original agent and of ours.
func (l *Listing) isOurs(process string) bool {
	return process == "dotm" || process == "dotm_node" || slices.Contains(l.OwnProcesses, process)
}

func (j *joiner) sockets() []fold.Socket {
	out := make([]fold.Socket, 0, len(j.l.Rows))
	for i := range j.l.Rows {
		r := &j.l.Rows[i]
		if r.State == proctext.SynReceived || r.State == proctext.Closed && r.Protocol == proctext.TCP {
			continue // not a connection yet, or none at all
		}
		if p := j.l.OwnPeer; p.IsValid() && (r.Remote.AddrPort() == p || r.Local.AddrPort() == p) {
			continue
		}
		s, ok := j.socket(r)
		if !ok {
			j.unplaced++
			continue
		}
		if r.Cut {
			j.cutNames++
		}
		out = append(out, s)
	}
	return out
}

// socket places one row; ok is false if an end is not known that matters.
func (j *joiner) socket(r *listing.Row) (s fold.Socket, ok bool) {
	local, remote, ok := j.ends(r)
	if !ok || local.Port() == 0 {
		return s, false
	}
	s = fold.Socket{
		Protocol: report.Protocol(r.Protocol), State: fold.State(r.State), Local: local, Remote: remote,
		V6Only: r.V6Only || local.Addr() == netip.IPv6Unspecified() && j.dual[portKey(r)],
		Owner:  j.owner(r, local, remote),
	}
	if r.State == proctext.Listening {
		s.Queue, s.QueueMax = r.RecvQ, r.QueueMax
	}
	if r.Protocol == proctext.TCP && remote.Port() != 0 {
		s.Cookie = maphash.Comparable(cookieSeed, [2]netip.AddrPort{local, remote})
	}
	return s, true
}

// cookieSeed makes cookies of ends, which tell one connection from another
// between two looks.
var cookieSeed = maphash.MakeSeed()

// ends finds out both addresses of a row. A remote one must be known. A local
// one is the node's: a name or the beginning of an address is enough where only
// one of the node's addresses fits, and for the connections of a service any
// will do, for only its port matters.
func (j *joiner) ends(r *listing.Row) (local, remote netip.AddrPort, ok bool) {
	peer := r.Remote.Addr
	loop := r.Local.LoopbackName() || r.Local.Exact() && r.Local.Addr.IsLoopback()
	if r.Remote.Port != 0 {
		switch {
		case r.Remote.Exact():
		case r.Remote.LoopbackName(), loop && !r.Remote.Cut: // loopback talks to loopback
			peer = loopback(r)
		default:
			return local, remote, false
		}
		if peer.IsUnspecified() {
			return local, remote, false
		}
		remote = netip.AddrPortFrom(peer, r.Remote.Port)
	}
	here := r.Local.Addr
	if !r.Local.Exact() {
		here = j.here(r, peer)
	}
	return netip.AddrPortFrom(here, r.Local.Port), remote, here.IsValid()
}

// loopback is the loopback address of a row's family, as far as that shows.
func loopback(r *listing.Row) netip.Addr {
	for _, e := range []listing.Endpoint{r.Local, r.Remote} {
		if e.Addr.Is4() || strings.HasSuffix(e.Name, "4") {
			break
		}
		if e.Addr.Is6() || strings.Contains(e.Name, "6") {
			return netip.IPv6Loopback()
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// here finds the local address of a row that has a name or a part of it.
func (j *joiner) here(r *listing.Row, peer netip.Addr) netip.Addr {
	if r.Local.LoopbackName() {
		return loopback(r)
	}
	var fits []netip.Addr
	for _, a := range j.own {
		switch {
		case r.Local.Cut && r.Local.Addr.IsValid(), r.Local.Cut && strings.Contains(r.Local.Name, ":"):
			if strings.HasPrefix(a.String(), r.Local.Name) {
				fits = append(fits, a)
			}
		case !a.IsLoopback() && !a.IsLinkLocalUnicast() && (!peer.IsValid() || peer.Is4() == a.Is4()):
			fits = append(fits, a)
		}
	}
	switch {
	case len(fits) == 1:
		return fits[0]
	case r.Remote.Port == 0: // a listener: on which address matters
		return netip.Addr{}
	case peer.Is4():
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// owner is the process that a row shows. Rows of the connection that brought
// the text are dotm's own, and so are those of its agents.
func (j *joiner) owner(r *listing.Row, local, remote netip.AddrPort) *fold.Owner {
	port := j.l.OwnPort
	own := j.l.isOurs(r.Process) ||
		port != 0 && j.serves && (local.Port() == port || remote.Port() == port && j.isHere(remote.Addr()))
	key := ownerKey{r.PID, r.Process, r.User, own}
	o := j.owners[key]
	if o == nil {
		o = &fold.Owner{PID: r.PID, Process: report.CleanName(r.Process), User: userName(r.User), Own: own, Admin: r.Process == ""}
		j.owners[key] = o
	}
	return o
}

// isHere tells whether an address is the node's own.
func (j *joiner) isHere(a netip.Addr) bool { return a.IsLoopback() || slices.Contains(j.own, a) }

// userName gives the one number that means the same on every host its name.
func userName(user string) string {
	if user == "0" {
		return "root"
	}
	return report.CleanName(user)
}
