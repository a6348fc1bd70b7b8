package scan

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
)

// kernelObject is bpf/kernel.bpf.c, compiled: make bpf does that.
//
//go:embed bpf/kernel.bpf.o
var kernelObject []byte

// errByteOrder is why there is no eBPF on big-endian machines: the object is
// compiled for the others.
var errByteOrder = errors.New("no object for this processor's byte order")

// loadKernel loads one program of the object with the maps that it uses. What
// the kernel lacks or forbids is the error; the rest of a look goes on
// without.
func loadKernel(program string, prepare func(*ebpf.CollectionSpec) error) (*ebpf.Collection, error) {
	switch runtime.GOARCH {
	case "amd64", "arm64", "riscv64", "loong64", "386", "arm", "ppc64le":
	default:
		return nil, errByteOrder
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(kernelObject))
	if err != nil {
		return nil, fmt.Errorf("reading eBPF object: %w", err)
	}
	for name := range spec.Programs {
		if name != program {
			delete(spec.Programs, name)
		}
	}
	if err := prepare(spec); err != nil {
		return nil, err
	}
	_ = rlimit.RemoveMemlock() // before Linux 5.11 maps count as locked memory
	c, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, fmt.Errorf("loading eBPF program %s: %w", program, short(err))
	}
	return c, nil
}

// short drops the verifier's log from an error: pages that help nobody who
// reads a report.
func short(err error) error {
	var verifier *ebpf.VerifierError
	if errors.As(err, &verifier) && verifier.Cause != nil {
		return verifier.Cause
	}
	return err
}

// descriptors lists the sockets behind all descriptors of all processes, by
// one pass of the kernel itself (bpf_iter, task_file: Linux 5.8).
type descriptors struct {
	program *ebpf.Collection
	iter    *link.Iter
	buf     []byte
}

// openDescriptors loads the program. It needs CAP_BPF and CAP_PERFMON.
func openDescriptors() (*descriptors, error) {
	c, err := loadKernel("owners", func(s *ebpf.CollectionSpec) error {
		clear(s.Maps)
		clear(s.Variables)
		return nil
	})
	if err != nil {
		return nil, err
	}
	it, err := link.AttachIter(link.IterOptions{Program: c.Programs["owners"]})
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("attaching eBPF iterator: %w", err)
	}
	return &descriptors{program: c, iter: it, buf: make([]byte, 64<<10)}, nil
}

func (d *descriptors) close() error {
	err := d.iter.Close()
	d.program.Close()
	return err
}

// held is one descriptor that is a socket, as bpf/kernel.bpf.c writes it.
type held struct {
	inode, tgid, fd, netns uint32
}

const sizeofHeld = 16

// each calls found for every descriptor that is a socket of IPv4 or IPv6.
func (d *descriptors) each(found func(held)) error {
	r, err := d.iter.Open()
	if err != nil {
		return fmt.Errorf("starting a pass over descriptors: %w", err)
	}
	defer r.Close() //nolint:errcheck // reading only
	kept := 0
	for {
		n, err := r.Read(d.buf[kept:])
		kept += n
		done := d.parse(kept, found)
		kept = copy(d.buf, d.buf[done:kept])
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("passing over descriptors: %w", err)
		}
	}
}

// parse reads the whole records among the first n bytes and returns how many
// bytes that were.
func (d *descriptors) parse(n int, found func(held)) (done int) {
	for ; n-done >= sizeofHeld; done += sizeofHeld {
		b := d.buf[done:]
		found(held{word(b), word(b[4:]), word(b[8:]), word(b[12:])})
	}
	return done
}

// word reads a number of this machine's byte order.
func word(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
