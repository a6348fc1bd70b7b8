package table

import (
	"os"
	"syscall"
	"unsafe"
)

// TerminalSize gives a terminal's size (ioctl_tty(2), TIOCGWINSZ); ok is false
// if f is none. A terminal that doesn't know its size has 0 columns and lines.
func TerminalSize(f *os.File) (columns, lines int, ok bool) {
	var size struct{ rows, columns, _, _ uint16 }
	_, _, no := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size))) //nolint:gosec // it outlives the call
	return int(size.columns), int(size.rows), no == 0
}
