package hostfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// What a user's directory must not lead to (openat2(2)).
const ownOnly = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS

// open opens a file or directory, to read it or only to look at it. It never
// waits, as for the writer of a pipe. Links in a tree with another root are
// those of its host: "/var/lib/docker" may point to "/data", meaning the
// root's (RESOLVE_IN_ROOT, since Linux 5.6).
func (t Tree) open(path string, read bool) (*os.File, error) {
	flags := unix.O_PATH
	if read {
		flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY
	}
	if t.Home == "" {
		fd, err := openIn(t.Root, path, flags)
		return opened(fd, path, err)
	}
	dir, err := openIn(t.Root, t.Home, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir) //nolint:errcheck // reading only
	fd, err := openat2(dir, strings.TrimPrefix(path, "/"), flags, ownOnly)
	return opened(fd, path, err)
}

func openIn(root, path string, flags int) (int, error) {
	if root == "/" {
		return retry(func() (int, error) { return unix.Open(path, flags|unix.O_CLOEXEC, 0) })
	}
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir) //nolint:errcheck // reading only
	fd, err := openat2(dir, path, flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
	if errors.Is(err, unix.ENOSYS) {
		return retry(func() (int, error) { return unix.Open(filepath.Join(root, path), flags|unix.O_CLOEXEC, 0) })
	}
	return fd, err
}

func openat2(dir int, path string, flags int, resolve uint64) (int, error) {
	how := &unix.OpenHow{Flags: uint64(flags) | unix.O_CLOEXEC, Resolve: resolve}
	return retry(func() (int, error) { return unix.Openat2(dir, path, how) })
}

// retry calls again what a signal or a concurrent rename interrupted, which
// openat2(2) reports by EAGAIN.
func retry(open func() (int, error)) (fd int, err error) {
	for range 8 {
		if fd, err = open(); !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			break
		}
	}
	return fd, err
}

func opened(fd int, path string, err error) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}
