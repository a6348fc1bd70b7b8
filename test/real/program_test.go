package realtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of these tests. Nothing is asserted about time
// but that it ends.
const patience = 20 * time.Second

// look is how often [eventually] looks.
const look = 20 * time.Millisecond

// eventually waits until f returns nil, and fails with its last error when
// patience ends.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
	}
}

// program is a process on a host, with those that it starts.
type program struct {
	host     *host
	cmd      *exec.Cmd
	out, err transcript
	ended    chan struct{} // closed when the process has ended
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

// option changes how a program is started.
type option func(*exec.Cmd)

// as runs the program with another user and group id.
func as(id uint32) option {
	return func(c *exec.Cmd) { c.SysProcAttr.Credential = &syscall.Credential{Uid: id, Gid: id} }
}

func withEnv(env ...string) option {
	return func(c *exec.Cmd) { c.Env = append(c.Env, env...) }
}

func withStdin(r io.Reader) option { return func(c *exec.Cmd) { c.Stdin = r } }

func withStdout(w io.Writer) option { return func(c *exec.Cmd) { c.Stdout = w } }

// start runs a program on the host until the test ends.
func (h *host) start(t *testing.T, path string, args []string, opts ...option) *program {
	t.Helper()
	p := &program{host: h, cmd: exec.Command(path, args...), ended: make(chan struct{})} //nolint:gosec // the test says which
	p.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "LD_LIBRARY_PATH=" + os.Getenv("LD_LIBRARY_PATH"),
		"HOME=/nonexistent", "LC_ALL=C", "NO_COLOR=1", "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"),
	}
	p.cmd.Dir = "/"
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	for _, o := range opts {
		o(p.cmd)
	}
	if err := h.do(p.cmd.Start); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	go func() {
		_ = p.cmd.Wait() // the code is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s on %s: %v\n%s%s", filepath.Base(path), h.name, p.cmd.ProcessState, p.out.String(), p.err.String())
		}
	})
	return p
}

// kill ends the program with all that it started, at once and without a word.
func (p *program) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // may have ended
	<-p.ended
}

// terminate asks the program to end, and returns its exit code. It fails the
// test if the program or one of its children is left after limit.
func (p *program) terminate(t *testing.T, limit time.Duration) int {
	t.Helper()
	begin := time.Now()
	_ = syscall.Kill(p.cmd.Process.Pid, syscall.SIGTERM) // may have ended
	code := p.wait(t, limit)
	if err := syscall.Kill(-p.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process group of %s still has members after its end (%v)", p.cmd.Path, err)
	}
	t.Logf("%s ended %s after SIGTERM", filepath.Base(p.cmd.Path), time.Since(begin).Round(time.Millisecond))
	return code
}

// wait returns the exit code of a program that ends by itself; -1 if a signal
// killed it.
func (p *program) wait(t *testing.T, limit time.Duration) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	select {
	case <-p.ended:
	case <-ctx.Done():
		t.Fatalf("%s has not ended within %s", p.cmd, limit)
	}
	return p.cmd.ProcessState.ExitCode()
}

// says waits until the program has written all of the texts.
func (p *program) says(t *testing.T, texts ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s says %q", filepath.Base(p.cmd.Path), texts), func() error {
		return containsAll(p.out.String()+p.err.String(), texts...)
	})
}

func containsAll(text string, parts ...string) error {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return fmt.Errorf("%q is not in %q", part, text)
		}
	}
	return nil
}

// openDir is a folder of the test that any user may enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil { //nolint:gosec // other users run here too
			t.Fatal(err)
		}
	}
	return dir
}

// stranger is a user who owns nothing. (nginx's worker is nobody, 65534.)
const stranger = 65533

// own gives a folder to a user.
func own(t *testing.T, dir string, id int) {
	t.Helper()
	if err := os.Chown(dir, id, id); err != nil {
		t.Fatal(err)
	}
}
