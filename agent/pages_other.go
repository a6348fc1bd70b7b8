//go:build !linux

package agent

// ReleaseProgram does nothing on this system.
func ReleaseProgram() error { return nil }
