// Package daemon runs real servers for tests: Redis, Nagios, whatever is installed. Each
// has a file of what it wrote, ends with the test program, and can be ended, killed, made
// to hang and run again while a test looks at what that does to others.
package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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
// It returns when all of their threads have stopped, which those on other processors do a
// moment after they are told.
func (d *Daemon) Hang() {
	group := d.signal(syscall.SIGSTOP)
	for end := time.Now().Add(Patience); group != 0 && runs(group) && time.Now().Before(end); {
		<-time.After(time.Millisecond)
	}
}

// runs tells whether a thread of a process group is not stopped, by the third field of its
// stat (proc_pid_stat(5)); the fifth is the group.
func runs(group int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it is gone
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && !strings.Contains("TtZX", fields[0]) {
			return true
		}
	}
	return false
}

// Resume ends a hang.
func (d *Daemon) Resume() { d.signal(syscall.SIGCONT) }

// signal tells all of the program's group, whose number it returns; 0 if there is none.
func (d *Daemon) signal(sig syscall.Signal) (group int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd != nil {
		group = d.cmd.Process.Pid
		_ = syscall.Kill(-group, sig)
	}
	return group
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
