package main

import (
	"os"
	"path/filepath"
)

// defaultListen is where dotm serves unless told otherwise.
const defaultListen = "127.0.0.1:4849"

// defaultData follows the XDG base directories for people and the file
// hierarchy standard for root.
func defaultData() string {
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

// defaultState is where an identity is kept unless told otherwise: beside the
// default data folder.
func defaultState(name string) string { return filepath.Join(filepath.Dir(defaultData()), name) }
