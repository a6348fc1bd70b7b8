//go:build !linux

package scan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/devops-trouble-map/dotm/report"
)

// Scanner exists on other systems so that programs build there; [New] returns
// none.
type Scanner struct{}

// New says that sockets can be read on Linux only. The error wraps
// [errors.ErrUnsupported].
func New(Options) (*Scanner, error) {
	return nil, fmt.Errorf("looking at this host's sockets works on linux, not on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// Scan is never reached: [New] gives no Scanner.
func (*Scanner) Scan(context.Context) (*report.Report, error) { return nil, ErrClosed }

// Events is never reached: [New] gives no Scanner.
func (*Scanner) Events() <-chan Event { return nil }

// Close does nothing.
func (*Scanner) Close() error { return nil }

// SameProgram is for Linux; here it knows this process only.
func SameProgram() func(pid int) bool {
	self := os.Getpid()
	return func(pid int) bool { return pid == self }
}
