// Package procfs reads a mounted proc(5) cheaply: small files, links, and folders
// of numbers. It knows what this process may see there of others, and what users
// are called.
package procfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// FS reads small files, links and directories under a mounted proc(5), into
// memory that each call uses again. It is for one goroutine.
type FS struct {
	Path string // where it is mounted
	Dir  int    // a descriptor of that, held open
	text []byte
	link []byte
	dir  []byte
}

// Open holds a mount open.
func Open(path string) (*FS, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return &FS{
		Path: path, Dir: fd,
		text: make([]byte, 4<<10),
		link: make([]byte, unix.PathMax),
		dir:  make([]byte, 32<<10),
	}, nil
}

// Close lets go of the mount.
func (p *FS) Close() error { return unix.Close(p.Dir) }

// Read gives the first 4 KiB of a file, which hold all that is read here. The
// bytes are valid until the next call.
func (p *FS) Read(name string) ([]byte, error) {
	fd, err := OpenAt(p.Dir, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd) //nolint:errcheck // reading only
	n := 0
	for n < len(p.text) {
		m, err := unix.Read(fd, p.text[n:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if m == 0 {
			break
		}
		n += m
	}
	return p.text[:n], nil
}

// Readlink gives what a link points to.
func (p *FS) Readlink(name string) (string, error) {
	target, err := p.ReadlinkAt(p.Dir, append([]byte(name), 0))
	return string(target), err
}

// ReadlinkAt gives what a link in a held directory points to. name ends with a
// NUL. The bytes are valid until the next call. Unlike [unix.Readlinkat] it
// copies nothing: it is called once per descriptor of the host.
func (p *FS) ReadlinkAt(dir int, name []byte) ([]byte, error) {
	n, _, no := unix.Syscall6(unix.SYS_READLINKAT, uintptr(dir),
		uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&p.link[0])), uintptr(len(p.link)), 0, 0) //nolint:gosec // both outlive the call, and the kernel writes within len
	if no != 0 {
		return nil, no
	}
	return p.link[:n], nil
}

// Numbers calls yield for each entry of a directory whose name is a number, as
// those of processes and descriptors are, until yield says false. The entry's
// name ends with a NUL.
func (p *FS) Numbers(dir int, yield func(n int, name []byte) bool) error {
	if _, err := unix.Seek(dir, 0, 0); err != nil {
		return err
	}
	for {
		n, err := unix.Getdents(dir, p.dir)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return err
		}
		if !eachNumber(p.dir[:n], yield) {
			return nil
		}
	}
}

// Of struct linux_dirent64 (getdents(2)).
const (
	direntReclen = 16
	direntName   = 19
)

// eachNumber reads what getdents64 gave. It says false once yield has.
func eachNumber(b []byte, yield func(n int, name []byte) bool) bool {
	for len(b) > direntName {
		size := int(binary.NativeEndian.Uint16(b[direntReclen:]))
		if size <= direntName || size > len(b) {
			return true
		}
		name := b[direntName:size]
		if n, end := number(name); end > 0 && !yield(n, name[:end+1]) {
			return false
		}
		b = b[size:]
	}
	return true
}

// number reads the digits in front of a NUL; end is where the NUL stands, 0 if
// name is no such thing.
func number(name []byte) (n, end int) {
	for i, c := range name {
		switch {
		case c == 0:
			return n, i
		case c < '0' || c > '9' || i > 9:
			return 0, 0
		}
		n = n*10 + int(c-'0')
	}
	return 0, 0
}

// OpenAt opens a file in a held directory, which the caller closes.
func OpenAt(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// Under names a file of a process.
func Under(pid int, file string) string { return strconv.Itoa(pid) + "/" + file }

// IsGone tells a process that ended from one that may not be looked at.
func IsGone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) }
