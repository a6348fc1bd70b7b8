// Package kernel lets the kernel tell by itself, through eBPF programs, what
// costs more to find out otherwise or not at all: which process holds which
// socket ([Descriptors]), and every TCP connection that opens, be it ever so
// short ([Opens]).
//
// What stands of a socket itself is not read this way: on Linux 6.18, passing
// over all TCP sockets (bpf_iter, tcp) took a fifth longer than sock_diag(7)
// with everything that it measures.
//
// It needs CAP_BPF and CAP_PERFMON, and a kernel with BTF. Each part that the
// kernel lacks or forbids is missing alone.
package kernel

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"runtime"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// object is bpf/kernel.bpf.c, compiled: make bpf does that.
//
//go:embed bpf/kernel.bpf.o
var object []byte

// errByteOrder is why there is no eBPF on big-endian machines: the object is
// compiled for the others.
var errByteOrder = errors.New("no object for this processor's byte order")

// Options say what to load.
type Options struct {
	// Network is the inode of the one network namespace whose openings are
	// counted; 0 counts those of all.
	Network uint32
	// Announce is called, from another goroutine, with each edge that is new;
	// nil: openings are not counted.
	Announce func(Edge)
}

// Kernel is what was loaded. A part that is nil is missing for the reason
// beside it.
type Kernel struct {
	Descriptors   *Descriptors
	NoDescriptors error
	Opens         *Opens
	NoOpens       error

	collections []*ebpf.Collection
}

// The programs of the object, and what else in it they use.
const (
	programDescriptors = "owners"
	programOpens       = "states"
)

// Load loads what the kernel lets us.
func Load(o Options) *Kernel {
	wanted := []string{programDescriptors}
	if o.Announce != nil {
		wanted = append(wanted, programOpens)
	}
	k := &Kernel{}
	if c, err := load(o.Network, wanted...); err == nil {
		k.collections = append(k.collections, c)
		k.take(o, c, wanted...)
		return k
	}
	for _, program := range wanted { // one that fails takes no other with it
		c, err := load(o.Network, program)
		if err != nil {
			k.refuse(program, err)
			continue
		}
		k.collections = append(k.collections, c)
		k.take(o, c, program)
	}
	return k
}

// take attaches the programs of a collection.
func (k *Kernel) take(o Options, c *ebpf.Collection, programs ...string) {
	for _, p := range programs {
		var err error
		switch p {
		case programDescriptors:
			k.Descriptors, err = openDescriptors(c)
		case programOpens:
			k.Opens, err = openOpens(c, o.Announce)
		}
		if err != nil {
			k.refuse(p, err)
		}
	}
}

func (k *Kernel) refuse(program string, err error) {
	switch program {
	case programDescriptors:
		k.NoDescriptors = err
	case programOpens:
		k.NoOpens = err
	}
}

// Close detaches and unloads everything. Nothing is announced any more when it
// returns.
func (k *Kernel) Close() error {
	var all error
	if k.Descriptors != nil {
		all = errors.Join(all, k.Descriptors.iter.Close())
	}
	if k.Opens != nil {
		all = errors.Join(all, k.Opens.close())
	}
	for _, c := range k.collections {
		c.Close()
	}
	return all
}

// load loads programs of the object with the maps that they use.
func load(network uint32, programs ...string) (*ebpf.Collection, error) {
	switch runtime.GOARCH {
	case "amd64", "arm64", "riscv64", "loong64", "386", "arm", "ppc64le":
	default:
		return nil, errByteOrder
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return nil, fmt.Errorf("reading eBPF object: %w", err)
	}
	keep(spec, programs)
	if v := spec.Variables["only_netns"]; v != nil {
		if err := v.Set(network); err != nil {
			return nil, fmt.Errorf("choosing a network namespace: %w", err)
		}
	}
	_ = rlimit.RemoveMemlock() // before Linux 5.11 maps count as locked memory
	c, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, fmt.Errorf("loading eBPF programs %v: %w", programs, short(err))
	}
	return c, nil
}

// keep drops from a specification what the programs don't refer to.
func keep(spec *ebpf.CollectionSpec, programs []string) {
	used := map[string]bool{}
	for _, name := range programs {
		if p := spec.Programs[name]; p != nil {
			used[name] = true
			for i := range p.Instructions {
				used[p.Instructions[i].Reference()] = true
			}
		}
	}
	maps.DeleteFunc(spec.Programs, func(name string, _ *ebpf.ProgramSpec) bool { return !used[name] })
	maps.DeleteFunc(spec.Variables, func(_ string, v *ebpf.VariableSpec) bool { return !used[v.SectionName] })
	maps.DeleteFunc(spec.Maps, func(name string, _ *ebpf.MapSpec) bool { return !used[name] })
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

// Refused tells a lack of rights from a kernel that can't.
func Refused(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)
}

// Unable tells a kernel that can't (no BTF, too old) from other failures.
func Unable(err error) bool {
	return errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, unix.ENOENT)
}

// word reads a number of this machine's byte order.
func word(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
