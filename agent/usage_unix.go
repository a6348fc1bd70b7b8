//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package agent

import (
	"syscall"
	"time"
)

// ProcessCPU is the processor time that this process took so far, of all its
// threads, in user and kernel mode (RUSAGE_SELF of getrusage(2)). It is 0 where
// the system doesn't tell.
func ProcessCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
