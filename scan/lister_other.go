//go:build !linux

package scan

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// Lister exists on other systems so that programs build there; [NewLister]
// returns none.
type Lister struct{}

// NewLister says that sockets can be read on Linux only. The error wraps
// [errors.ErrUnsupported].
func NewLister(Options) (*Lister, error) {
	return nil, fmt.Errorf("listing this host's sockets works on linux, not on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// Text is never reached: [NewLister] gives no Lister.
func (*Lister) Text(context.Context) ([]byte, error) { return nil, ErrClosed }

// Close does nothing.
func (*Lister) Close() error { return nil }
