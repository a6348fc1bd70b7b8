//go:build !linux

package workload

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// open opens a file or directory. Users' directories are not read on systems
// other than Linux, which have no cgroups anyway.
func (t tree) open(path string, _ bool) (*os.File, error) {
	if t.home != "" {
		return nil, errors.ErrUnsupported
	}
	return os.Open(filepath.Join(t.root, path))
}

func inode(fs.FileInfo) uint64 { return 0 }
