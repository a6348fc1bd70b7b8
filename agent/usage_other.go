//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd

package agent

import "time"

// ProcessCPU is the processor time that this process took so far; 0, as this
// system doesn't tell.
func ProcessCPU() time.Duration { return 0 }
