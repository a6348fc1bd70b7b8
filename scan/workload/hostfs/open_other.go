//go:build !linux

package hostfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// open opens a file or directory. Users' directories are not read on systems
// other than Linux, which have no cgroups anyway.
func (t Tree) open(path string, _ bool) (*os.File, error) {
	if t.Home != "" {
		return nil, errors.ErrUnsupported
	}
	return os.Open(filepath.Join(t.Root, path))
}

func inode(fs.FileInfo) uint64 { return 0 }
