package scan

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/conntrack"
	"github.com/devops-trouble-map/dotm/scan/explain"
	"github.com/devops-trouble-map/dotm/scan/kernel"
	"github.com/devops-trouble-map/dotm/scan/workload"
)

// Explain tries out what this process can see, and says what it lacks for the
// rest. It takes one look, as [Scanner.Scan] does, and changes nothing. The
// errors are those of [New] and Scan.
func Explain(ctx context.Context, o Options) (Abilities, error) {
	o.Proc = cmp.Or(o.Proc, "/proc")
	finder := workload.New(workload.Options{Proc: o.Proc})
	t := explain.Tried{
		Proc: o.Proc, Want: o.Networks, Notes: finder.Notes,
		Workplace: func(pid int) (string, any, error) {
			found, err := finder.Of(pid)
			if found.Container == nil {
				return found.Unit, nil, err
			}
			return found.Unit, found.Container, err
		},
	}
	t.NoDescriptors, t.NoOpens = tryKernel(o)
	var err error
	if t.Report, err = tryLook(ctx, o); err != nil {
		return Abilities{}, err
	}
	t.Enter = tryEntering(o.Proc)
	var table conntrack.Table
	err = conntrack.New(conntrack.Options{Proc: o.Proc}).Read(ctx, &table)
	if ctx.Err() != nil {
		return Abilities{}, ctx.Err()
	}
	t.Tracking = explain.Tracking{Active: !errors.Is(err, conntrack.ErrInactive), Tracked: table.Tracked, Err: err}
	return explain.Explain(ctx, t)
}

// tryKernel loads the eBPF programs.
func tryKernel(o Options) (noDescriptors, noOpens *explain.Lack) {
	if o.noKernel {
		return lackOf(errForced), lackOf(errForced)
	}
	k := kernel.Load(kernel.Options{Announce: func(kernel.Edge) {}})
	defer k.Close() //nolint:errcheck // what can't be detached ends with the process
	return lackOf(k.NoDescriptors), lackOf(k.NoOpens)
}

func lackOf(err error) *explain.Lack {
	if err == nil {
		return nil
	}
	return &explain.Lack{Err: err, Refused: kernel.Refused(err), Unable: kernel.Unable(err)}
}

func tryLook(ctx context.Context, o Options) (*report.Report, error) {
	o.OneLook = true
	s, err := New(o)
	if err != nil {
		return nil, err
	}
	defer s.Close() //nolint:errcheck // nothing is lost with it
	return s.Scan(ctx)
}

// tryEntering enters the network namespace that the thread is in already,
// which takes the same rights as to enter another (setns(2)).
func tryEntering(proc string) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread() // it is where it was
		f, err := os.Open(filepath.Join(proc, "thread-self/ns/net"))
		if err == nil {
			err = errors.Join(unix.Setns(int(f.Fd()), unix.CLONE_NEWNET), f.Close())
		}
		result <- err
	}()
	return <-result
}
