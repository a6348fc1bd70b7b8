package kernel

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// Descriptors lists the sockets behind all descriptors of all processes, by
// one pass of the kernel itself (bpf_iter, task_file: Linux 5.8).
type Descriptors struct{ pass }

// Held is one descriptor that is a socket of IPv4 or IPv6: struct held of
// bpf/kernel.bpf.c.
type Held struct {
	Inode   uint32 // the socket's
	TGID    uint32 // the process, by its id in the reader's process namespace; 0: it has none there
	FD      uint32
	Network uint32 // the inode of the socket's network namespace
}

const sizeofHeld = 16

func openDescriptors(c *ebpf.Collection) (*Descriptors, error) {
	p, err := newPass(c, programDescriptors, sizeofHeld)
	if err != nil {
		return nil, err
	}
	return &Descriptors{p}, nil
}

// Each calls found for every descriptor that is a socket.
func (d *Descriptors) Each(found func(Held)) error {
	err := d.each(func(b []byte) { found(Held{word(b), word(b[4:]), word(b[8:]), word(b[12:])}) })
	if err != nil {
		return fmt.Errorf("passing over descriptors: %w", err)
	}
	return nil
}
