// Package daemon runs real servers for tests: Redis, Nagios, whatever is installed. Each
// has a file of what it wrote, ends with the test program, and can be ended, killed, made
// to hang and run again while a test looks at what that does to others.
package daemon

import (
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a server may take to do what it was asked.
const Patience = time.Minute

// Daemon is one program, which may have children. The zero value never ran.
type Daemon struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	log string
}

// Run starts cmd, which writes into the file log, behind what is there. Account is whose
// it is; nil is this process's own.
func (d *Daemon) Run(t testing.TB, cmd *exec.Cmd, log string, account *syscall.Credential) {
	t.Helper()
	here := func(start func() error) error {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
		return start()
	}
	d.RunOn(t, here, cmd, log, account)
}

// RunOn is [Daemon.Run] on a host of a test, whose thread calls what it is given. The
// program ends with the host.
func (d *Daemon) RunOn(t testing.TB, host func(func() error) error, cmd *exec.Cmd, log string, account *syscall.Credential) {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	cmd.Stdout, cmd.Stderr = out, out
	// A group of its own: its children end and hang with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account, Setpgid: true}
	if err := host(cmd.Start); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cmd, d.log = cmd, log
}

// Stop ends the program in order, so that it keeps what it knows. It may be called again.
func (d *Daemon) Stop() { d.end(syscall.SIGTERM) }

// Interrupt is [Daemon.Stop] for programs that wait for their clients at SIGTERM.
func (d *Daemon) Interrupt() { d.end(syscall.SIGINT) }

// Kill ends the program and its children as a crash does.
func (d *Daemon) Kill() { d.end(syscall.SIGKILL) }

func (d *Daemon) end(sig syscall.Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd == nil {
		return
	}
	group := -d.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGCONT)
	_ = d.cmd.Process.Signal(sig)
	late := time.AfterFunc(Patience, func() { _ = syscall.Kill(group, syscall.SIGKILL) })
	_ = d.cmd.Wait()
	late.Stop()
	_ = syscall.Kill(group, syscall.SIGKILL) // a child that outlived it
	d.cmd = nil
}

// Hang has the program and its children do nothing, until Resume: its ports stay open.
func (d *Daemon) Hang() { d.signal(syscall.SIGSTOP) }

// Resume ends a hang.
func (d *Daemon) Resume() { d.signal(syscall.SIGCONT) }

func (d *Daemon) signal(sig syscall.Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd != nil {
		_ = syscall.Kill(-d.cmd.Process.Pid, sig)
	}
}

// Log is the end of what the program wrote.
func (d *Daemon) Log() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Tail(d.log)
}

// Tail is the end of a file; nothing, if there is none.
func Tail(path string) []byte {
	const most = 3000
	text, _ := os.ReadFile(path)
	return text[max(0, len(text)-most):]
}

// WaitFor fails the test if something doesn't become true.
func WaitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, Patience)
		}
		<-time.After(25 * time.Millisecond)
	}
}
