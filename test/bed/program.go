//go:build linux

package bed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Program is a process on a host.
type Program struct {
	Host     *Host
	cmd      *exec.Cmd
	out, err transcript
	Ended    chan struct{} // closed when the process has ended
	lines    []*os.File    // our ends of its pipes: it ends when they are closed
}

// transcript is what a program has written so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends.
func (tr *transcript) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.Write(p)
}

// String is all of it.
func (tr *transcript) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.String()
}

// Option changes how a program is started.
type Option func(*exec.Cmd)

// As runs the program as another user, with these of root's capabilities
// (capabilities(7)).
func As(id uint32, capabilities ...uintptr) Option {
	return func(c *exec.Cmd) {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: id, Gid: id}
		c.SysProcAttr.AmbientCaps = capabilities
	}
}

// WithEnv sets variables.
func WithEnv(env ...string) Option { return func(c *exec.Cmd) { c.Env = append(c.Env, env...) } }

// Contained gives the program a network namespace of its own.
func Contained() Option {
	return func(c *exec.Cmd) { c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNET }
}

// WithMounts gives the program mounts of its own.
func WithMounts() Option {
	return func(c *exec.Cmd) { c.SysProcAttr.Unshareflags |= syscall.CLONE_NEWNS }
}

func withPipes(in io.Reader, out io.Writer) Option {
	return func(c *exec.Cmd) { c.Stdin, c.Stdout = in, out }
}

// Start starts a program on the host. It ends with the host, if not before.
func (h *Host) Start(path string, args []string, opts ...Option) (*Program, error) {
	return h.launch(&Program{Host: h, cmd: exec.Command(path, args...), Ended: make(chan struct{})}, opts)
}

func (h *Host) launch(p *Program, opts []Option) (*Program, error) {
	p.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "LD_LIBRARY_PATH=" + os.Getenv("LD_LIBRARY_PATH"),
		"HOME=/nonexistent", "LC_ALL=C", "NO_COLOR=1", "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"),
	}
	p.cmd.Dir = "/"
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it ends with its host's process 1
	if h.first == nil {
		p.cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL // or with its host's thread
	}
	for _, o := range opts {
		o(p.cmd)
	}
	if err := h.Do(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("%s: starting %s: %w", h.Name, p.cmd.Path, err)
	}
	go func() {
		_ = p.cmd.Wait() // the code is in ProcessState
		for _, l := range p.lines {
			_ = l.Close()
		}
		close(p.Ended)
	}()
	return p, nil
}

// Path is the executable that was started.
func (p *Program) Path() string { return p.cmd.Path }

// PID is the process, as this process sees it.
func (p *Program) PID() int { return p.cmd.Process.Pid }

// Out is what the program has written to standard output so far.
func (p *Program) Out() string { return p.out.String() }

// Err is what it has written to standard error.
func (p *Program) Err() string { return p.err.String() }

// Said is both, one behind the other.
func (p *Program) Said() string { return p.Out() + p.Err() }

// Code is the exit code of a program that has ended; -1 if a signal killed it.
func (p *Program) Code() int { return p.cmd.ProcessState.ExitCode() }

// Alone says whether nothing is left of what the program started in its group.
func (p *Program) Alone() bool {
	return errors.Is(syscall.Kill(-p.cmd.Process.Pid, 0), syscall.ESRCH)
}

// String tells which program it is, and whether it runs.
func (p *Program) String() string {
	state := "runs"
	select {
	case <-p.Ended:
		state = p.cmd.ProcessState.String()
	default:
	}
	return fmt.Sprintf("%s on %s (%s)", filepath.Base(p.cmd.Path), p.Host.Name, state)
}

// Kill ends the program with all that it started, at once and without a word.
func (p *Program) Kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // may have ended
	<-p.Ended
}

// Terminate asks the program to end, and returns its exit code; -1 if a signal
// killed it.
func (p *Program) Terminate(ctx context.Context) (int, error) {
	_ = syscall.Kill(p.cmd.Process.Pid, syscall.SIGTERM) // may have ended
	select {
	case <-p.Ended:
	case <-ctx.Done():
		return 0, fmt.Errorf("%s has not ended after SIGTERM", p)
	}
	return p.Code(), nil
}

// look is how often [Until] looks.
const look = 20 * time.Millisecond

// Until waits until f returns nil, and returns its last error when ctx ends.
func Until(ctx context.Context, f func() error) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// Reachable waits until a TCP server takes connections from the host.
func (h *Host) Reachable(ctx context.Context, address string) error {
	err := Until(ctx, func() error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		c, err := h.Dial(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return c.Close()
	})
	if err != nil {
		return fmt.Errorf("%s is not reachable from %s: %w", address, h.Name, err)
	}
	return nil
}
