package scan

import (
	"bytes"
	"cmp"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/report"
)

const (
	// askedProcesses is of how many processes a look counts the descriptors.
	askedProcesses = 256
	// leastOpen is below how many open descriptors a process has room: the usual limit
	// is 1024.
	leastOpen = 512
)

// shortages are what the host is about to run out of.
func (s *Scanner) shortages(r *report.Report) []report.Shortage {
	out := append(portsTaken(s.sockets.list, readEphemeral(s.proc)), s.descriptorsOpen(r)...)
	slices.SortStableFunc(out, func(a, b report.Shortage) int { // those that are worst stay
		return cmp.Compare(float64(b.Used)/float64(b.Max), float64(a.Used)/float64(a.Max))
	})
	return out[:min(len(out), report.MaxShortages)]
}

// portsTaken finds addresses that so many connections go to, of whatever state, that
// half of the local ports are taken for them: connections to one address need different
// ones. It is of the host's own namespace, and costs nothing while there are few.
func portsTaken(list []fold.Socket, ephemeral fold.PortRange) (out []report.Shortage) {
	all := uint64(ephemeral.High) - uint64(ephemeral.Low) + 1
	if ephemeral.High < ephemeral.Low || uint64(len(list)) < all/2 {
		return nil
	}
	taken := map[netip.AddrPort]uint64{}
	for i := range list {
		k := &list[i]
		if k.Namespace == 0 && k.Protocol == report.TCP && k.Remote.Port() != 0 && ephemeral.Contains(k.Local.Port()) && !ephemeral.Contains(k.Remote.Port()) {
			taken[k.Remote]++
		}
	}
	for server, n := range taken {
		if n >= all/2 {
			out = append(out, report.Shortage{Kind: report.Ports, Server: server, Used: twoDigits(n), Max: all})
		}
	}
	slices.SortFunc(out, func(a, b report.Shortage) int { return a.Server.Compare(b.Server) })
	return out
}

// descriptorsOpen finds processes that have half of the descriptors open that they may.
// Where there are many processes, it asks of some in each look.
func (s *Scanner) descriptorsOpen(r *report.Report) (out []report.Shortage) {
	type process struct {
		pid  int
		name string
	}
	var all []process
	for i := range r.Listeners {
		all = append(all, process{r.Listeners[i].PID, r.Listeners[i].Process})
	}
	for i := range r.Connections {
		all = append(all, process{r.Connections[i].PID, r.Connections[i].Process})
	}
	slices.SortFunc(all, func(a, b process) int { return cmp.Compare(a.pid, b.pid) })
	all = slices.CompactFunc(all, func(a, b process) bool { return a.pid == b.pid })
	if len(all) > askedProcesses {
		from := s.turn % len(all)
		s.turn += askedProcesses
		all = append(all[from:], all[:from]...)[:askedProcesses]
	}
	for _, p := range all {
		if p.pid == 0 {
			continue
		}
		if used, most := descriptorsOf(s.proc, p.pid); most > 0 && used >= most/2 {
			out = append(out, report.Shortage{Kind: report.Descriptors, Process: p.name, PID: p.pid, Used: twoDigits(used), Max: most})
		}
	}
	return out
}

// descriptorsOf is how many descriptors a process has open, and how many it may; zero
// where it has room, or that can't be seen. The size of /proc/PID/fd is their number
// since Linux 6.2 (proc_pid_fd(5)).
func descriptorsOf(proc string, pid int) (used, most uint64) {
	dir := filepath.Join(proc, strconv.Itoa(pid))
	info, err := os.Stat(filepath.Join(dir, "fd"))
	if err != nil || info.Size() < leastOpen {
		return 0, 0
	}
	text, err := os.ReadFile(filepath.Join(dir, "limits"))
	if err != nil {
		return 0, 0
	}
	return uint64(info.Size()), openFiles(text)
}

// openFiles is the soft limit of descriptors in the text of proc_pid_limits(5); zero for
// none.
func openFiles(text []byte) uint64 {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("Max open files")); ok {
			if words := bytes.Fields(rest); len(words) > 0 {
				n, _ := strconv.ParseUint(string(words[0]), 10, 64) // "unlimited" is none
				return n
			}
		}
	}
	return 0
}

// twoDigits rounds to them.
func twoDigits(n uint64) uint64 {
	if n < 100 {
		return n
	}
	unit := uint64(math.Pow(10, math.Floor(math.Log10(float64(n)))-1))
	return (n + unit/2) / unit * unit
}
