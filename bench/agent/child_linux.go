package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// envRole is set in the processes that this program starts of itself.
const envRole = "DOTM_BENCH_AGENT_ROLE"

// The roles.
const (
	roleWorld  = "world"        // does one job in its network namespace
	rolePeer   = "peer"         // holds connections, see peer
	roleLooker = "looker"       // looks with package scan
	roleBlind  = "blind looker" // the same, without the rights for eBPF
)

// play is the whole program in a role; it returns the exit code.
func play(role string, in io.Reader, out, messages io.Writer) int {
	var err error
	switch role {
	case roleWorld:
		err = world(in, out)
	case rolePeer:
		var p peer
		err = serveCommands(in, out, p.obey)
	case roleLooker:
		err = looker(in, out)
	case roleBlind:
		err = becomeBlind()
	default:
		err = errors.New("no such role")
	}
	if err != nil {
		fmt.Fprintf(messages, "bench/agent, %s: %v\n", role, err)
		return 1
	}
	return 0
}

// serveCommands answers commands, one a line, until there are no more. The
// answer is one line, too: "ok" or "error", and the rest.
func serveCommands(in io.Reader, out io.Writer, obey func(command []string) (string, error)) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		command := strings.Fields(lines.Text())
		if len(command) == 0 {
			continue
		}
		answer, err := obey(command)
		if err != nil {
			answer = "error " + strings.ReplaceAll(err.Error(), "\n", " ")
		} else {
			answer = "ok " + answer
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

// child is a process that takes commands.
type child struct {
	role string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  io.ReadCloser
	read *bufio.Reader
}

// itself is this program in another role. It ends when this one does
// (PR_SET_PDEATHSIG of prctl(2)), and when ctx does.
func itself(ctx context.Context, role string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), envRole+"="+role)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = waitDelay
	return cmd, nil
}

// waitDelay is how long a killed process's descendants may hold its pipes.
const waitDelay = 5 * time.Second

func startChild(ctx context.Context, role string) (*child, error) {
	cmd, err := itself(ctx, role)
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	c := &child{role: role, cmd: cmd}
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	c.read = bufio.NewReader(c.out)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a %s: %w", role, err)
	}
	return c, nil
}

// answerLimit is the longest time for one answer.
const answerLimit = 3 * time.Minute

// ask sends a command and waits for the answer.
func (c *child) ask(command ...any) (string, error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("%s on %q: %w", c.role, strings.TrimSpace(fmt.Sprintln(command...)), err)
	}
	if f, ok := c.out.(*os.File); ok {
		_ = f.SetReadDeadline(time.Now().Add(answerLimit))
	}
	if _, err := fmt.Fprintln(c.in, command...); err != nil {
		return fail(err)
	}
	line, err := c.read.ReadString('\n')
	if err != nil {
		return fail(err)
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if word != "ok" {
		return fail(errors.New(rest))
	}
	return rest, nil
}

// stop lets the process end, and waits for it.
func (c *child) stop() error {
	_ = c.in.Close()
	_, _ = io.Copy(io.Discard, c.out)
	return c.cmd.Wait()
}

// kill ends processes at once.
func kill(list ...*child) {
	for _, c := range list {
		_ = c.cmd.Process.Kill()
	}
	for _, c := range list {
		_ = c.cmd.Wait()
	}
}
