package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/agent"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan"
)

// look is what one look cost, and what its report tells.
type look struct {
	CPU, Wall     time.Duration // CPU of the whole process
	Allocations   uint64
	Allocated     uint64 // bytes
	RSS           int64
	Sockets, Rows int
	Hidden        int
	Measured      bool // with what the kernel measures on connections
	Method        string
	OpensBy       string
	Blindness     string // why openings are not counted in the kernel
	Edges         edges
}

// edges are the sums over the rows of one service's port.
type edges struct{ Client, Server, Unknown, Refused uint64 }

func (e *edges) add(o edges) {
	e.Client += o.Client
	e.Server += o.Server
	e.Unknown += o.Unknown
	e.Refused += o.Refused
}

// interval is the time between two looks of an agent, by default. It decides in
// which looks health is asked for.
const interval = 10 * time.Second

// looker looks on command, as an agent would: "look PORT" answers with a look
// as JSON, "memory 0" with the limits in words.
func looker(in io.Reader, out io.Writer) error {
	agent.LimitMemory(agent.DefaultMemory)
	var ahead atomic.Int64 // of the clock: looks come faster here than an agent's
	s, err := scan.New(scan.Options{HealthEvery: agent.HealthEvery, Now: func() time.Time {
		return time.Now().Add(time.Duration(ahead.Load()))
	}})
	if err != nil {
		return err
	}
	err = serveCommands(in, out, func(c []string) (string, error) {
		if c[0] == "memory" {
			return memoryLimits(), nil
		}
		if len(c) != 2 || c[0] != "look" {
			return "", errors.New("unknown command")
		}
		port, err := strconv.ParseUint(c[1], 10, 16)
		if err != nil {
			return "", err
		}
		ahead.Add(int64(interval))
		l, err := takeLook(s, uint16(port))
		if err != nil {
			return "", err
		}
		text, err := json.Marshal(l)
		return string(text), err
	})
	return errors.Join(err, s.Close())
}

func memoryLimits() string {
	percent := debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return fmt.Sprintf("GOMEMLIMIT %d MiB, GOGC %d", debug.SetMemoryLimit(-1)>>20, percent)
}

// takeLook measures one look. Garbage collection during it counts.
func takeLook(s *scan.Scanner, port uint16) (look, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin, cpu := time.Now(), processorTime(unix.RUSAGE_SELF)
	r, err := s.Scan(context.Background())
	l := look{CPU: processorTime(unix.RUSAGE_SELF) - cpu, Wall: time.Since(begin)}
	if err != nil {
		return look{}, err
	}
	runtime.ReadMemStats(&after)
	l.Allocations, l.Allocated = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	if l.RSS, err = memoryOf("self", "VmRSS"); err != nil {
		return look{}, err
	}
	l.tell(r, port)
	l.Measured = s.Measured()
	return l, nil
}

// tell takes over what the report says.
func (l *look) tell(r *report.Report, port uint16) {
	c := &r.Coverage
	l.Sockets, l.Rows, l.Hidden = c.Sockets, len(r.Listeners)+len(r.Connections), c.HiddenProcesses
	l.Method, l.OpensBy = r.Agent.Method, c.OpensBy
	l.Edges = edgesOf(r.Connections, port)
	for _, n := range r.Notes {
		if n.Code == "short-connections" {
			l.Blindness = n.Text
		}
	}
}

// edgesOf sums up the rows of TCP connections to a service's port. Without a
// direction either port may be the service's.
func edgesOf(rows []report.Connection, port uint16) (e edges) {
	for i := range rows {
		c := &rows[i]
		switch {
		case c.Protocol != report.TCP || (c.Port != port && c.LocalPort != port):
		case c.Direction == report.Out:
			e.Client += c.Opened
		case c.Direction == report.In:
			e.Server += c.Opened
		default:
			e.Unknown += c.Opened
		}
		if c.Protocol == report.TCP && c.Port == port {
			e.Refused += c.Refused
		}
	}
	return e
}

// processorTime is the user and system time of this process or thread
// (getrusage(2)).
func processorTime(who int) time.Duration {
	var u unix.Rusage
	if unix.Getrusage(who, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sightOf names the two ways to look.
func sightOf(blind bool) string {
	if blind {
		return "without eBPF"
	}
	return "with eBPF"
}

func startLooker(ctx context.Context, blind bool) (*child, error) {
	if blind {
		return startChild(ctx, roleBlind)
	}
	return startChild(ctx, roleLooker)
}

// ask takes one look.
func askLook(c *child, port uint16) (l look, err error) {
	text, err := c.ask("look", port)
	if err != nil {
		return look{}, err
	}
	return l, json.Unmarshal([]byte(text), &l)
}

// doubt says where a look was not of the kind it should be; empty if it was.
func (l *look) doubt(blind bool) string {
	counted := l.OpensBy == "kernel"
	switch {
	case counted && blind:
		return "not measured: eBPF works although the rights for it were given up"
	case !counted && !blind:
		return "not measured, the kernel gives no eBPF: " + orDash(l.Blindness)
	}
	return ""
}

// measureWarm measures looks while nothing changes.
func (f *loadFigures) measureWarm(ctx context.Context, s size) (err error) {
	f.WarmUp, f.Looks = s.WarmUp, s.Looks
	f.Warm, err = f.measureLooks(ctx, s.WarmUp, func() error { return nil })
	return err
}

// measureChurn measures looks between which connections close and open.
func (f *loadFigures) measureChurn(ctx context.Context, s size, l *load) (err error) {
	f.WarmUp, f.Looks, f.Churned = s.WarmUp, s.Looks, s.Churned
	f.Churn, err = f.measureLooks(ctx, f.churnWarmUp(), func() error { return l.churn(s.Churned) })
	return err
}

// measureLooks measures with and without eBPF.
func (f *loadFigures) measureLooks(ctx context.Context, warmUp int, between func() error) (list []*lookFigures, err error) {
	for _, blind := range []bool{false, true} {
		c, err := startLooker(ctx, blind)
		if err != nil {
			return nil, err
		}
		if f.Memory, err = c.ask("memory"); err != nil {
			return nil, errors.Join(err, c.stop())
		}
		figures, err := measureLooker(c, blind, warmUp, f.Looks, between)
		if err := errors.Join(err, c.stop()); err != nil {
			return nil, err
		}
		list = append(list, figures)
	}
	return list, nil
}

func measureLooker(c *child, blind bool, warmUp, n int, between func() error) (*lookFigures, error) {
	looks := make([]look, 0, warmUp+n)
	for range warmUp + n {
		if err := between(); err != nil {
			return nil, err
		}
		l, err := askLook(c, 0)
		if err != nil {
			return nil, err
		}
		if doubt := l.doubt(blind); doubt != "" {
			return &lookFigures{Sight: sightOf(blind), Problem: doubt}, nil
		}
		looks = append(looks, l)
	}
	f := summarize(looks[warmUp:])
	f.Sight = sightOf(blind)
	var err error
	_, f.TimeWait, err = sockstat()
	return f, err
}

// summarize makes medians of looks, of which there is one at least.
func summarize(looks []look) *lookFigures {
	cpu := of(looks, func(l look) float64 { return millis(l.CPU) })
	measured := slices.DeleteFunc(slices.Clone(looks), func(l look) bool { return !l.Measured })
	last := &looks[len(looks)-1]
	return &lookFigures{
		CPUMillis: median(cpu), CPUMean: mean(cpu), Measured: len(measured),
		CPUMeasured: mean(of(measured, func(l look) float64 { return millis(l.CPU) })),
		WallMillis:  median(of(looks, func(l look) float64 { return millis(l.Wall) })),
		Allocations: median(of(looks, func(l look) float64 { return float64(l.Allocations) })),
		Allocated:   median(of(looks, func(l look) float64 { return float64(l.Allocated) })),
		RSSBytes:    last.RSS, Sockets: last.Sockets, Rows: last.Rows, Hidden: last.Hidden,
		Method: last.Method, OpensBy: last.OpensBy,
	}
}

// forEBPF are the capabilities (capabilities(7)) of which one at least is needed
// for eBPF; CAP_SYS_ADMIN holds the other two.
var forEBPF = []int{unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_SYS_ADMIN}

// becomeBlind gives these up, also for what this process executes, and becomes a
// looker.
func becomeBlind() error {
	runtime.LockOSThread() // capabilities are a thread's until execve(2)
	for _, c := range forEBPF {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("dropping capability %d: %w", c, err) // EINVAL: the kernel doesn't know it
		}
	}
	if err := dropNow(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return v == envRole+"="+roleBlind })
	return syscall.Exec(self, []string{self}, append(env, envRole+"="+roleLooker))
}

// dropNow takes the capabilities out of this thread's own sets (capset(2)).
func dropNow() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("reading capabilities: %w", err)
	}
	for _, c := range forEBPF {
		set, bit := &sets[c/32], uint32(1)<<(c%32)
		set.Effective &^= bit
		set.Permitted &^= bit
		set.Inheritable &^= bit
	}
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("giving up capabilities: %w", err)
	}
	return nil
}
