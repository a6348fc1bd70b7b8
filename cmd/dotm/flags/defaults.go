// Package flags holds flags that several commands share, and what they are without.
package flags

import (
	"os"
	"path/filepath"
)

// DefaultListen is where dotm serves unless told otherwise.
const DefaultListen = "127.0.0.1:4849"

// DefaultData follows the XDG base directories for people and the file
// hierarchy standard for root.
func DefaultData() string {
	if os.Geteuid() == 0 {
		return "/var/lib/dotm"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "dotm")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "dotm-data"
	}
	return filepath.Join(home, ".local", "state", "dotm")
}

// DefaultState is where an identity is kept unless told otherwise: beside the
// default data folder.
func DefaultState(name string) string { return filepath.Join(filepath.Dir(DefaultData()), name) }
