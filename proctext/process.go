package proctext

import (
	"bytes"
	"fmt"
	"strings"
)

// Stat is what is used of /proc/PID/stat (proc_pid_stat(5)).
type Stat struct {
	PID  int
	Comm string // raw: up to 15 bytes of anything, newlines and brackets too
	// State is the letter that ps(1) shows: R, S, D, Z, …
	State byte
	// Start is when the process started, in clock ticks after boot (field 22).
	// With the PID it names one process for as long as the host is up.
	Start uint64
}

const startField = 22 - 3 // counted from 0 behind the comm

// ParseStat reads /proc/PID/stat. The comm may itself hold brackets, blanks
// and newlines; it ends at the last closing bracket.
func ParseStat(text []byte) (Stat, error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 1 || end < open {
		return Stat{}, fmt.Errorf("stat must hold a name in brackets, is %.80q", text)
	}
	pid, ok := parseUint(bytes.TrimSpace(text[:open]), 10, 31)
	if !ok {
		return Stat{}, fmt.Errorf("stat must begin with a process id, is %.80q", text)
	}
	var cols [startField + 1][]byte
	if n := split(text[end+1:], cols[:]); n <= startField {
		return Stat{}, fmt.Errorf("stat has %d fields, needs %d: %.80q", n+2, startField+3, text)
	}
	start, ok := parseUint(cols[startField], 10, 64)
	if !ok || len(cols[0]) != 1 {
		return Stat{}, fmt.Errorf("state or start time of stat is malformed: %.80q", text)
	}
	return Stat{PID: int(pid), Comm: string(text[open+1 : end]), State: cols[0][0], Start: start}, nil
}

// Status is what is used of /proc/PID/status (proc_pid_status(5)).
type Status struct {
	Tgid int
	// UID is the effective user id.
	UID uint32
	// CapEff are the effective capabilities (capabilities(7)), a bit each.
	CapEff uint64
}

// ParseStatus reads /proc/PID/status. Tgid and Uid must be there; CapEff is 0
// if it is not.
func ParseStatus(text []byte) (Status, error) {
	var (
		s              Status
		hasTgid, hasID bool
	)
	for line := range bytes.Lines(text) {
		key, value, _ := bytes.Cut(line, []byte{':'})
		var cols [2][]byte
		split(value, cols[:])
		switch string(key) {
		case "Tgid":
			n, ok := parseUint(cols[0], 10, 31)
			s.Tgid, hasTgid = int(n), ok
		case "Uid": // real, effective, saved, file system
			n, ok := parseUint(cols[1], 10, 32)
			s.UID, hasID = uint32(n), ok
		case "CapEff":
			s.CapEff, _ = parseUint(cols[0], 16, 64)
		}
	}
	if !hasTgid || !hasID {
		return Status{}, fmt.Errorf("status must hold Tgid and Uid, is %.80q", text)
	}
	return s, nil
}

// ParseResident reads /proc/PID/statm (proc_pid_statm(5)) and gives the
// resident memory in pages.
func ParseResident(text []byte) (pages int64, err error) {
	var cols [2][]byte
	split(text, cols[:])
	n, ok := parseUint(cols[1], 10, 63)
	if !ok {
		return 0, fmt.Errorf("second field of statm must be a number of pages: %.80q", text)
	}
	return int64(n), nil
}

// commLen is how many bytes of a name the kernel keeps: TASK_COMM_LEN less
// the closing NUL (proc_pid_comm(5)).
const commLen = 15

// CompleteName gives the name that a comm was cut from: the base name of path,
// an executable's, if comm has exactly the length at which the kernel cuts and
// the base name begins with it. Otherwise it is comm itself.
func CompleteName(comm, path string) string {
	path = strings.TrimSuffix(path, " (deleted)")
	base := path[strings.LastIndexByte(path, '/')+1:]
	if len(comm) == commLen && strings.HasPrefix(base, comm) {
		return base
	}
	return comm
}

// Cut reports whether the kernel may have cut comm.
func Cut(comm string) bool { return len(comm) == commLen }

// FirstArgument gives argv[0] of the text of /proc/PID/cmdline
// (proc_pid_cmdline(5)), and nothing of the arguments that follow.
func FirstArgument(cmdline []byte) string {
	first, _, _ := bytes.Cut(cmdline, []byte{0})
	return string(first)
}
