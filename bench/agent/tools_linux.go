package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tool is a command that lists TCP sockets.
type tool struct {
	Name    string
	Args    []string
	Owners  bool   // whether it names processes
	Missing string // why it can't be measured
}

// module is the tree that is measured.
const module = "github.com/devops-trouble-map/dotm"

// usual are the tools of Debian, and the package of each.
var usual = []struct {
	command string
	owners  bool
	pkg     string
}{
	{reference, true, "iproute2"},
	{"ss -tanpi", true, "iproute2"},
	{withoutOwner, false, "iproute2"},
	{"netstat -antp", true, "net-tools"},
	{"lsof -nP -iTCP", true, "lsof"},
}

// prepareTools builds what is to be built, into dir, and finds the rest.
func prepareTools(ctx context.Context, dir string, progress io.Writer) ([]tool, error) {
	fmt.Fprintln(progress, "building dotm and the program on gopsutil")
	root, err := goOutput(ctx, "", "list", "-m", "-f", "{{.Dir}}", module)
	if err != nil {
		return nil, fmt.Errorf("finding the source of dotm, in whose folder this is to be run: %w", err)
	}
	dotm := filepath.Join(dir, "dotm")
	if _, err := goOutput(ctx, root, "build", "-buildvcs=false", "-trimpath", "-o", dotm, "./cmd/dotm"); err != nil {
		return nil, fmt.Errorf("building dotm: %w", err)
	}
	list := []tool{
		{Name: ours, Args: []string{dotm, "scan"}, Owners: true},
		{Name: "dotm scan --json", Args: []string{dotm, "scan", "--json"}, Owners: true},
	}
	for _, u := range usual {
		list = append(list, findTool(u.command, u.owners, u.pkg))
	}
	library := tool{Name: "a program on gopsutil", Args: []string{filepath.Join(dir, "gopsutil")}, Owners: true}
	if _, err := goOutput(ctx, filepath.Join(root, "bench/agent/gopsutil"), "build", "-buildvcs=false", "-trimpath", "-o", library.Args[0], "."); err != nil {
		library.Missing = "not built: " + firstLine(err.Error())
	}
	return append(list, library), nil
}

func findTool(command string, owners bool, pkg string) tool {
	args := strings.Fields(command)
	t := tool{Name: command, Args: args, Owners: owners}
	path, err := exec.LookPath(args[0])
	if err != nil {
		t.Missing = "not installed: apt-get install " + pkg
		return t
	}
	t.Args = append([]string{path}, args[1:]...)
	return t
}

// goOutput runs the go command in a folder.
func goOutput(ctx context.Context, folder string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var messages bytes.Buffer
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, bytes.TrimSpace(messages.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// toolLimit is after how long a tool is cut off.
const (
	toolLimit     = 60 * time.Second
	toolLimitText = "60 s"
)

// series are the runs of one tool.
type series struct {
	tool
	lines int
	cut   bool
	runs  []cost
}

// cost is what one run of a command cost.
type cost struct {
	cpu, wall time.Duration
	peak      int64 // of resident memory, in bytes
}

// measureTools runs each tool once to see what it prints, and then all of them
// in turn: what drifts drifts for all.
func (f *loadFigures) measureTools(ctx context.Context, j *job) error {
	f.Runs = j.Size.SmallRuns
	if j.Connections > largeLoad {
		f.Runs = j.Size.LargeRuns
	}
	list := make([]*series, 0, len(j.Tools))
	for _, t := range j.Tools {
		s := &series{tool: t}
		if t.Missing == "" {
			if err := s.tryOut(ctx); err != nil {
				return err
			}
		}
		list = append(list, s)
	}
	for range f.Runs {
		for _, s := range list {
			if err := s.runAgain(ctx); err != nil {
				return err
			}
		}
	}
	for _, s := range list {
		f.OneShot = append(f.OneShot, s.figures())
	}
	return nil
}

// tryOut counts the lines, and warms up whatever a first run does.
func (s *series) tryOut(ctx context.Context) error {
	var lines lineCounter
	c, cut, err := runTool(ctx, s.tool, toolLimit, &lines)
	if err != nil {
		return err
	}
	s.lines, s.cut = int(lines), cut
	if cut {
		s.runs = []cost{c}
	}
	return nil
}

func (s *series) runAgain(ctx context.Context) error {
	if s.Missing != "" || s.cut {
		return nil
	}
	c, cut, err := runTool(ctx, s.tool, toolLimit, nil)
	if err != nil {
		return err
	}
	if cut {
		s.cut, s.runs = true, nil
	}
	s.runs = append(s.runs, c)
	return nil
}

func (s *series) figures() toolFigures {
	f := toolFigures{Name: s.Name, Owners: s.Owners, Missing: s.Missing, Cut: s.cut, Lines: s.lines}
	if len(s.runs) == 0 {
		return f
	}
	f.CPUMillis = median(of(s.runs, func(c cost) float64 { return millis(c.cpu) }))
	f.WallMillis = median(of(s.runs, func(c cost) float64 { return millis(c.wall) }))
	f.PeakBytes = int64(median(of(s.runs, func(c cost) float64 { return float64(c.peak) })))
	return f
}

// runTool runs a command to its end, or until the limit. Where out is nil, the
// output goes to /dev/null without a pipe.
func runTool(ctx context.Context, t tool, limit time.Duration, out io.Writer) (c cost, cut bool, err error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(limited, t.Args[0], t.Args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = waitDelay
	cmd.Stdout = out
	messages := &head{limit: 4096}
	cmd.Stderr = messages
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, false, fmt.Errorf("%s: %w", t.Name, err)
	}
	sampled := samplePeak(cmd.Process.Pid)
	err = cmd.Wait()
	c.wall = time.Since(begin)
	c.peak = sampled()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.cpu = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		c.peak = peakOf(usage.Maxrss<<10, c.peak)
	}
	cut = limited.Err() != nil && ctx.Err() == nil
	if err != nil && !cut {
		return cost{}, false, fmt.Errorf("%s: %w: %s", t.Name, err, messages)
	}
	return c, cut, nil
}

// peakOf chooses between two measures of the largest resident memory. The
// kernel's own of a child (ru_maxrss of getrusage(2)) begins with what its
// parent had when it started the program. Where that hides the child's, the
// largest that was seen while it ran is taken.
func peakOf(kernel, sampled int64) int64 {
	own, err := memoryOf("self", "VmHWM")
	if err != nil || kernel > own || sampled == 0 {
		return kernel
	}
	return sampled
}

// samplePeak watches the largest resident memory of a process, which never
// shrinks, every millisecond until it is asked for.
func samplePeak(pid int) (stop func() int64) {
	done, result := make(chan struct{}), make(chan int64)
	go func() {
		var peak int64
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			if seen, err := memoryOf(strconv.Itoa(pid), "VmHWM"); err == nil {
				peak = seen
			}
			select {
			case <-done:
				result <- peak
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 { close(done); return <-result }
}

// lineCounter counts the lines that are written to it.
type lineCounter int

// Write implements [io.Writer].
func (n *lineCounter) Write(p []byte) (int, error) {
	*n += lineCounter(bytes.Count(p, []byte("\n")))
	return len(p), nil
}

// head keeps the beginning of what is written to it.
type head struct {
	limit int
	text  []byte
}

// Write implements [io.Writer].
func (h *head) Write(p []byte) (int, error) {
	h.text = append(h.text, p[:min(len(p), h.limit-len(h.text))]...)
	return len(p), nil
}

// String is what was kept.
func (h *head) String() string { return string(bytes.TrimSpace(h.text)) }

var (
	_ io.Writer = (*lineCounter)(nil)
	_ io.Writer = (*head)(nil)
)
