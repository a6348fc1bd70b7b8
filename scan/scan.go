// Package scan looks at the host it runs on: which processes accept
// connections, which are open, between whom, and how they fare.
//
// One look ([Scanner.Scan]) is one [report.Report]. Sockets come from the
// kernel's sock_diag (sock_diag(7)), or from /proc/net where that is refused;
// their processes by eBPF, or from the descriptors under /proc/PID/fd,
// remembered between looks. What could not be seen is said in the report's
// notes, never guessed.
//
// It needs no rights. Without those of root it sees all sockets of its network
// namespace, but only the processes of its own user.
package scan

import (
	"errors"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// Options say how to look. The zero value is right for the host that dotm runs
// on.
type Options struct {
	// Proc is where proc(5) is mounted; empty means /proc.
	Proc string
	// Networks says which network namespaces to look at: "own", "all", or the
	// name of one. Empty means all from the host's own namespace, which is that
	// of process 1, and else the own one.
	Networks string
	// OwnPIDs tells which processes are dotm's own; nil means this process.
	OwnPIDs func(pid int) bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// HealthEvery is how often the kernel is asked at least for what it measures
	// on TCP connections, where there are more than some thousand; zero: in every
	// look. The looks between tell again what was measured last.
	HealthEvery time.Duration
	// OneLook says that Scan will be called once: nothing is prepared that only
	// pays between looks, and counters count since the sockets opened.
	OneLook bool
	// sockets forces one way of reading sockets, and noKernel does without
	// eBPF, for tests.
	sockets  method
	noKernel bool
}

// method is a way of reading sockets.
type method int

const (
	methodAuto method = iota // sock_diag, /proc/net where it is refused
	methodProc               // /proc/net only
)

// Event is something seen between two looks.
type Event struct {
	Time       time.Time
	Connection report.Connection
}

// ErrClosed is returned by Scan after Close.
var ErrClosed = errors.New("scanner is closed")
