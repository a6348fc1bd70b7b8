package conntrack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// files are those of proc(5) that tell of the calling thread's network
// namespace, all readable for everybody.
type files struct {
	count string // the number of tracked connections
	stat  string // the same, among other things
	size  string // the number of places in the host's table
	ipvs  string // the virtual services of IPVS
}

// filesOf names the files below a mounted proc(5). What lies below /proc/sys
// is about the calling thread's namespace, what lies below /proc/net about
// that of the process's first thread.
func filesOf(proc string) files {
	return files{
		count: filepath.Join(proc, "sys/net/netfilter/nf_conntrack_count"),
		stat:  filepath.Join(proc, "thread-self/net/stat/nf_conntrack"),
		size:  filepath.Join(proc, "sys/net/netfilter/nf_conntrack_buckets"),
		ipvs:  filepath.Join(proc, "thread-self/net/ip_vs"),
	}
}

// tracked returns how many connections are tracked (Documentation/networking/
// nf_conntrack-sysctl.rst of the kernel).
//
// Before Linux 5.7 the sysctl isn't there in a namespace that belongs to a
// user namespace, as that of a rootless container; the statistics are, unless
// the kernel was built without (NF_CONNTRACK_PROCFS).
func (f files) tracked() (int, error) {
	n, err := number(f.count)
	if errors.Is(err, fs.ErrNotExist) {
		return f.entries()
	}
	return n, unreadable(err)
}

// buckets returns how many places the table has that all namespaces share; 0
// if that can't be read.
func (f files) buckets() int {
	if n, err := number(f.size); err == nil {
		return n
	}
	return 0
}

func number(name string) (int, error) {
	text, err := head(name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s must be a number from 0, is %q", name, text)
	}
	return n, nil
}

// entries reads the first column of the statistics' first row, below the
// heading: hexadecimal, and the same for every processor.
func (f files) entries() (int, error) {
	text, err := head(f.stat)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, ErrInactive
	}
	if err != nil {
		return 0, unreadable(err)
	}
	_, rows, _ := bytes.Cut(text, []byte{'\n'})
	column, _, _ := bytes.Cut(rows, []byte{' '})
	n, err := strconv.ParseUint(string(column), 16, 32)
	if err != nil {
		return 0, fmt.Errorf("%s must have a hexadecimal number in its second line, has %q", f.stat, column)
	}
	return int(n), nil
}

// balances tells whether IPVS has virtual services. It changes where a tracked
// connection leads without marking it as translated (ip_vs_update_conntrack of
// the kernel), so that the kernel can't be asked for the marked ones alone.
func (f files) balances() bool {
	text, err := head(f.ipvs)
	return err == nil && bytes.Count(text, []byte{'\n'}) > headingIPVS
}

// headingIPVS is the number of lines above the first virtual service.
const headingIPVS = 3

// maxHead bounds what is read of a file: enough for what is looked for here.
const maxHead = 4 << 10

// head returns the beginning of a file.
func head(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // reading only
	return io.ReadAll(io.LimitReader(f, maxHead))
}

// unreadable says what was to be read, and what is in the way.
func unreadable(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return fmt.Errorf("counting tracked connections: %w", err)
}
