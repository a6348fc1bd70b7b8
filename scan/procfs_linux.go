package scan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// procfs reads small files, links and directories under a mounted proc(5),
// into memory that each call uses again.
type procfs struct {
	path string
	fd   int // the mount, held open
	text []byte
	link []byte
	dir  []byte
}

func openProcfs(path string) (*procfs, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return &procfs{
		path: path, fd: fd,
		text: make([]byte, 4<<10),
		link: make([]byte, unix.PathMax),
		dir:  make([]byte, 32<<10),
	}, nil
}

func (p *procfs) close() error { return unix.Close(p.fd) }

// read gives the first 4 KiB of a file, which hold all that is read here. The
// bytes are valid until the next call.
func (p *procfs) read(name string) ([]byte, error) {
	fd, err := openAt(p.fd, name, unix.O_RDONLY)
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

// readlink gives what a link points to.
func (p *procfs) readlink(name string) (string, error) {
	target, err := p.readlinkAt(p.fd, append([]byte(name), 0))
	return string(target), err
}

// readlinkAt gives what a link in a held directory points to. name ends with a
// NUL. The bytes are valid until the next call. Unlike [unix.Readlinkat] it
// copies nothing: it is called once per descriptor of the host.
func (p *procfs) readlinkAt(dir int, name []byte) ([]byte, error) {
	n, _, no := unix.Syscall6(unix.SYS_READLINKAT, uintptr(dir),
		uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&p.link[0])), uintptr(len(p.link)), 0, 0) //nolint:gosec // both outlive the call, and the kernel writes within len
	if no != 0 {
		return nil, no
	}
	return p.link[:n], nil
}

// numbers calls yield for each entry of a directory whose name is a number, as
// those of processes and descriptors are, until yield says false. The entry's
// name ends with a NUL.
func (p *procfs) numbers(dir int, yield func(n int, name []byte) bool) error {
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

func openAt(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// under names a file of a process.
func under(pid int, file string) string { return strconv.Itoa(pid) + "/" + file }

// isGone tells a process that ended from one that may not be looked at.
func isGone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) }
