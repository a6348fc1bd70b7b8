package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A world is a process in a network namespace of its own. Nothing in there is
// counted but what the job makes; the tools run in it, too.

// job is what is to be done in one world.
type job struct {
	Parts       []string
	Size        size
	Connections int    // of the load
	Tools       []tool // for one-shot
	Kind        string // of short connections
	Blind       bool   // without eBPF
}

// findings are what a job found; what failed later doesn't take away what was
// found before.
type findings struct {
	Load       *loadFigures
	Short      *shortFigures
	Tracepoint *tracepointFigures
	Problem    string
}

// worldLimit bounds the time of one job.
const worldLimit = 40 * time.Minute

// inWorld does a job in a new world.
func inWorld(ctx context.Context, j job, progress io.Writer) (found findings, err error) {
	ctx, cancel := context.WithTimeout(ctx, worldLimit)
	defer cancel()
	text, err := json.Marshal(j)
	if err != nil {
		return findings{}, err
	}
	cmd, err := itself(ctx, roleWorld)
	if err != nil {
		return findings{}, err
	}
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), progress
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return findings{}, ctx.Err()
	case err != nil:
		return findings{}, fmt.Errorf("in a network namespace: %w", err)
	}
	if err := json.Unmarshal(out, &found); err != nil {
		return findings{}, fmt.Errorf("reading what was found: %w", err)
	}
	if found.Problem != "" {
		return found, errors.New(found.Problem)
	}
	return found, nil
}

// world is the process in the namespace.
func world(in io.Reader, out io.Writer) error {
	// Children die with the thread that started them.
	runtime.LockOSThread()
	var j job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var found findings
	if err := j.do(ctx, &found); err != nil {
		found.Problem = err.Error()
	}
	return json.NewEncoder(out).Encode(found)
}

func (j *job) do(ctx context.Context, found *findings) (err error) {
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("bringing the loopback interface up: %w", err)
	}
	switch {
	case slices.Contains(j.Parts, partShort):
		found.Short, err = measureShort(ctx, j)
	case slices.Contains(j.Parts, partTracepoint):
		found.Tracepoint, err = measureTracepoint(ctx, j.Size)
	default:
		err = j.measureLoad(ctx, found)
	}
	return err
}

// measureLoad makes the load and does the parts that need it.
func (j *job) measureLoad(ctx context.Context, found *findings) error {
	if err := limitTimeWait(maxTimeWait); err != nil {
		return err
	}
	l, err := startLoad(ctx, j.Connections, j.Size.Others)
	if err != nil {
		return fmt.Errorf("making the load: %w", err)
	}
	defer l.stop()
	f := &loadFigures{
		Connections: j.Connections, Sockets: l.sockets(), Processes: 2 * pairs, Others: j.Size.Others,
	}
	found.Load = f
	for _, part := range []struct {
		name    string
		measure func() error
	}{
		{partOneShot, func() error { return f.measureTools(ctx, j) }},
		{partWarm, func() error { return f.measureWarm(ctx, j.Size) }},
		{partChurn, func() error { return f.measureChurn(ctx, j.Size, l) }},
	} {
		if !slices.Contains(j.Parts, part.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "  "+part.name)
		if err := part.measure(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		if err := l.check(); err != nil {
			return fmt.Errorf("after %s: %w", part.name, err)
		}
	}
	return nil
}

// maxTimeWait is how many sockets of closed connections stand in TIME-WAIT under
// churn: those of the last 60 s, if 2,400 close every 10 s.
const (
	maxTimeWait   = timeWaitLooks * 2400
	timeWaitLooks = 6
)

// limitTimeWait sets how many sockets may stand in TIME-WAIT in this network
// namespace (tcp_max_tw_buckets of tcp(7)); connections beyond that close at
// once.
func limitTimeWait(n int) error {
	const path = "/proc/sys/net/ipv4/tcp_max_tw_buckets"
	if err := os.WriteFile(path, []byte(strconv.Itoa(n)), 0o600); err != nil {
		return fmt.Errorf("limiting TIME-WAIT: %w", err)
	}
	return nil
}

// loopbackUp sets IFF_UP on lo (netdevice(7)).
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // nothing is lost with it
	var request struct {
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], "lo")
	request.flags = unix.IFF_UP
	_, _, code := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))) //nolint:gosec // the kernel reads it
	if code != 0 {
		return code
	}
	return nil
}
