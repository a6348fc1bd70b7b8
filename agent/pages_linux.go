package agent

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ReleaseProgram takes the pages of the program's own file out of this process's
// memory; those that it still uses come back from the kernel's cache one by one,
// without being read again. Starting touches most of a program once, and this
// one's file holds far more than an agent uses.
//
// Only parts that nobody can write to, and of which no page was changed (by a
// loader or a debugger), are given back: there is nothing to lose.
func ReleaseProgram() error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("finding the program: %w", err)
	}
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("finding the program in memory: %w", err)
	}
	for _, p := range cleanParts(text, program) {
		if _, _, no := syscall.Syscall(syscall.SYS_MADVISE, p.start, p.end-p.start, syscall.MADV_DONTNEED); no != 0 {
			return fmt.Errorf("releasing the program's pages: %w", no)
		}
	}
	return nil
}

// piece is a piece of this process's memory.
type piece struct{ start, end uintptr }

// cleanParts finds in /proc/self/smaps (proc_pid_smaps(5)) the parts that are of
// one file, cannot be written to, and have no page that isn't the file's.
func cleanParts(smaps []byte, file string) (list []piece) {
	var at piece
	within := false
	for line := range bytes.Lines(smaps) {
		name, rest, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		switch {
		case !strings.HasSuffix(name, ":"):
			at, within = partOf(name, rest, file)
		case within && name == "Anonymous:":
			if strings.TrimSpace(rest) == "0 kB" {
				list = append(list, at)
			}
			within = false
		}
	}
	return list
}

// partOf reads "00400000-00bb6000 r-xp 00000000 fe:00 9983287   /usr/bin/dotm".
func partOf(addresses, rest, file string) (p piece, ok bool) {
	fields := strings.Fields(rest)
	if len(fields) < 5 || strings.Contains(fields[0], "w") || !strings.HasPrefix(fields[0], "r") {
		return piece{}, false
	}
	if _, path, _ := strings.Cut(rest, fields[3]); strings.TrimSpace(path) != file {
		return piece{}, false
	}
	low, high, _ := strings.Cut(addresses, "-")
	start, err := strconv.ParseUint(low, 16, strconv.IntSize)
	if err != nil {
		return piece{}, false
	}
	end, err := strconv.ParseUint(high, 16, strconv.IntSize)
	if err != nil || end <= start {
		return piece{}, false
	}
	return piece{uintptr(start), uintptr(end)}, true
}
