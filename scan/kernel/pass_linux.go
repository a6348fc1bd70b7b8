package kernel

import (
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// pass is an iterator of the kernel (bpf_iter): each reading from its start
// runs the program over all things of a kind, and the program writes records of
// one size.
type pass struct {
	iter *link.Iter
	buf  []byte
	size int
}

func newPass(c *ebpf.Collection, program string, size int) (pass, error) {
	it, err := link.AttachIter(link.IterOptions{Program: c.Programs[program]})
	if err != nil {
		return pass{}, fmt.Errorf("attaching eBPF iterator %s: %w", program, err)
	}
	return pass{iter: it, buf: make([]byte, 64<<10), size: size}, nil
}

// each calls take with every record of one pass. The bytes are valid during
// the call.
func (p *pass) each(take func([]byte)) error {
	r, err := p.iter.Open()
	if err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	defer r.Close() //nolint:errcheck // reading only
	kept := 0
	for {
		n, err := r.Read(p.buf[kept:])
		kept += n
		done := p.parse(kept, take)
		kept = copy(p.buf, p.buf[done:kept])
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, unix.EAGAIN): // it met a million things without a record, and goes on
			continue
		case err != nil:
			return err
		}
	}
}

// parse reads the whole records among the first n bytes and returns how many
// bytes that were.
func (p *pass) parse(n int, take func([]byte)) (done int) {
	for ; n-done >= p.size; done += p.size {
		take(p.buf[done : done+p.size])
	}
	return done
}
