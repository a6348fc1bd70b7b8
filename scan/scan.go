// Package scan looks at the host it runs on: which processes accept
// connections, which are open, and between whom.
//
// One look ([Scanner.Scan]) is one [report.Report]. Sockets come from the
// kernel's sock_diag (sock_diag(7)), or from /proc/net where that is refused;
// their processes from the descriptors under /proc/PID/fd, remembered between
// looks. What could not be seen is said in the report's notes, never guessed.
//
// It needs no rights. Without those of root it sees all sockets, but only the
// processes of its own user.
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
	// OwnPIDs tells which processes are dotm's own; nil means this process.
	OwnPIDs func(pid int) bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// OneLook says that Scan will be called once: nothing is prepared that only
	// pays between looks.
	OneLook bool
	// sockets forces one way of reading sockets, and owners one of finding
	// their processes, for tests.
	sockets method
	owners  finding
}

// method is a way of reading sockets.
type method int

const (
	methodAuto method = iota // sock_diag, /proc/net where it is refused
	methodProc               // /proc/net only
)

// finding is a way of finding the processes of sockets.
type finding int

const (
	ownersAuto finding = iota // by the kernel, by a walk where it refuses
	ownersWalk                // by a walk through /proc only
)

// Event is something seen between two looks.
type Event struct {
	Time       time.Time
	Connection report.Connection
}

// ErrClosed is returned by Scan after Close.
var ErrClosed = errors.New("scanner is closed")
