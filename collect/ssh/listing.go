package ssh

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/proctext/listing"
	"github.com/devops-trouble-map/dotm/report"
)

// socketSections are those that list sockets, best first.
var socketSections = []string{"sudo-ss", "ss", "sudo-netstat", "netstat"}

// listing makes of an answer what every node's text becomes.
func (a *answer) listing() (*collect.Listing, error) {
	text := bytes.Join([][]byte{a.text("ip"), a.text("ifconfig")}, nil)
	tool := a.first(socketSections)
	if tool != "" {
		text = append(text, '\n')
		text = append(text, a.text(tool)...)
	}
	l, err := collect.ParseListing(text, collect.MethodSSH)
	if err != nil {
		return nil, err
	}
	if host := a.word("host"); host != "" {
		l.Hostname = report.NodeName(host)
	}
	l.OwnPeer = a.peer()
	if low, high, err := proctext.ParsePortRange(a.text("ports")); err == nil {
		l.Ephemeral = fold.PortRange{Low: low, High: high}
	}
	if !a.well("ip") {
		if err := a.kernelAddresses(l); err != nil {
			return nil, fmt.Errorf("%w: %w", collect.ErrUnreadable, err)
		}
	}
	if tool == "" {
		if l.Rows, err = a.kernelRows(); err != nil {
			return nil, fmt.Errorf("%w: %w", collect.ErrUnreadable, err)
		}
		l.Notes = append(l.Notes, report.Note{
			Code: "no-tools", Text: "Neither ss nor netstat can be used on the node: its sockets were read from /proc, and sudo can't help to see more processes.",
			Hint: "Install iproute2 (or iproute) there, which has ss",
		})
	}
	return l, nil
}

// first is the first of the sections whose command ended well.
func (a *answer) first(names []string) string {
	for _, name := range names {
		if a.well(name) {
			return name
		}
	}
	return ""
}

// peer is our own end of the connection, as the node sees it: the first two
// words of SSH_CONNECTION (ssh(1)).
func (a *answer) peer() netip.AddrPort {
	f := strings.Fields(a.word("us"))
	if len(f) != 4 {
		return netip.AddrPort{}
	}
	addr, err := netip.ParseAddr(f[0])
	port, errPort := strconv.ParseUint(f[1], 10, 16)
	if err != nil || errPort != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr.Unmap().WithZone(""), uint16(port))
}

// kernelAddresses adds the addresses that /proc tells: all of them, or those that
// ifconfig leaves out, which knows one IPv4 address of an interface.
func (a *answer) kernelAddresses(l *collect.Listing) error {
	list, err := proctext.ParseInet6(a.text("inet6"))
	if err != nil {
		return err
	}
	list = append(list, proctext.Interface{Addresses: proctext.ParseFIBTrie(a.text("fib"))})
	known := map[netip.Addr]bool{}
	for _, i := range l.Addresses {
		for _, p := range i.Addresses {
			known[p.Addr()] = true
		}
	}
	for _, i := range list {
		more := slices.DeleteFunc(i.Addresses, func(p netip.Prefix) bool { return known[p.Addr()] })
		if len(more) > 0 {
			l.Addresses = append(l.Addresses, report.Interface{Name: report.CleanName(i.Name), Addresses: more})
		}
	}
	return nil
}

// kernelRows reads the sockets that /proc tells, with the processes whose
// descriptors could be seen.
func (a *answer) kernelRows() ([]listing.Row, error) {
	if !a.well("tcp") {
		return nil, errors.New("the node has neither ss nor netstat, and no /proc/net/tcp")
	}
	holders := readHolders(a.sections["fds"].text, a.sections["names"].text)
	var rows []listing.Row
	for _, name := range []string{"tcp", "tcp6", "udp", "udp6"} {
		for n, line := range slices.Collect(bytes.Lines(a.text(name))) {
			if n == 0 || len(bytes.TrimSpace(line)) == 0 {
				continue // the heading
			}
			s, err := proctext.ParseSocket(line)
			if err != nil {
				return nil, fmt.Errorf("/proc/net/%s: %w", name, err)
			}
			rows = append(rows, kernelRow(s, name[:3], holders))
		}
	}
	return rows, nil
}

func kernelRow(s proctext.Socket, protocol string, holders map[uint64]holder) listing.Row {
	h := holders[s.Inode]
	r := listing.Row{
		Protocol: protocol, State: proctext.State(s.State), PID: h.pid, Process: h.process, Cut: len(h.process) == cutComm,
		User:  strconv.FormatUint(uint64(s.UID), 10),
		Local: listing.Endpoint{Addr: s.Local.Addr().Unmap(), Port: s.Local.Port()},
	}
	if s.Remote.Port() != 0 {
		r.Remote = listing.Endpoint{Addr: s.Remote.Addr().Unmap(), Port: s.Remote.Port()}
	}
	return r
}

// cutComm is the length at which the kernel cuts a process's name
// (proc_pid_comm(5)).
const cutComm = 15

// holder is the process that has a socket open.
type holder struct {
	pid     int
	process string
}

// readHolders reads the listing of descriptors ("/proc/7/fd:", then lines that
// end with "3 -> socket:[123]") and of names ("/proc/7/comm:nginx"). What is no
// such line says nothing. A socket that several hold belongs to the one with
// the lowest number, init aside: that one opens sockets for others.
func readHolders(fds, comms []byte) map[uint64]holder {
	names := map[int]string{}
	for line := range bytes.Lines(comms) {
		path, name, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), ":")
		if pid := pidOf(path, "/comm"); ok && pid > 0 && names[pid] == "" {
			names[pid] = name
		}
	}
	holders := map[uint64]holder{}
	pid := 0
	for line := range bytes.Lines(fds) {
		text := bytes.TrimSpace(line)
		if path, ok := bytes.CutSuffix(text, []byte{':'}); ok {
			pid = pidOf(string(path), "/fd")
			continue
		}
		at := bytes.LastIndex(text, []byte(" -> "))
		if at < 0 || pid == 0 {
			continue
		}
		if inode, ok := proctext.ParseSocketLink(text[at+4:]); ok && before(pid, holders[inode].pid) {
			holders[inode] = holder{pid, names[pid]}
		}
	}
	return holders
}

// pidOf reads /proc/PID and a suffix; 0 if it is something else.
func pidOf(path, suffix string) int {
	middle, ok := strings.CutPrefix(path, "/proc/")
	middle, ends := strings.CutSuffix(middle, suffix)
	pid, err := strconv.Atoi(middle)
	if !ok || !ends || err != nil || pid < 1 {
		return 0
	}
	return pid
}

// before tells whether a process stands for a socket rather than another.
func before(pid, other int) bool {
	const initPID = 1
	return other == 0 || other == initPID || pid != initPID && pid < other
}
