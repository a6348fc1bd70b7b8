// Command up measures what `dotm up` costs: the time from its start to the
// first chart, and its processor time and memory at rest and with many
// connections on the host. Run it from the source folder after make build:
//
//	go run ./bench/up -connections 10000 -for 30s
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/up:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	dotm        string
	connections int
	interval    time.Duration
	span        time.Duration
	starts      int
	role        string
	address     string
}

func run(args []string, out io.Writer) error {
	var o options
	f := flag.NewFlagSet("up", flag.ContinueOnError)
	f.StringVar(&o.dotm, "dotm", "bin/dotm", "the binary to measure")
	f.IntVar(&o.connections, "connections", 10_000, "loopback connections of the load")
	f.DurationVar(&o.interval, "interval", 10*time.Second, "dotm's interval")
	f.DurationVar(&o.span, "for", 30*time.Second, "how long each state is measured")
	f.IntVar(&o.starts, "starts", 5, "how many starts are timed")
	f.StringVar(&o.role, "role", "", "internal: server or client")
	f.StringVar(&o.address, "address", "", "internal")
	if err := f.Parse(args); err != nil {
		return err
	}
	switch o.role {
	case "server":
		return serve(out)
	case "client":
		return connect(out, o.address, o.connections)
	}
	return measure(o, out)
}

// measure prints one line per figure.
func measure(o options, out io.Writer) error {
	for range o.starts {
		took, err := timeStart(o)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "start to first chart data   %8.0f ms\n", float64(took.Microseconds())/1e3)
	}
	d, err := startDotm(o)
	if err != nil {
		return err
	}
	defer d.stop()
	if err := d.report(out, "at rest", o.span); err != nil {
		return err
	}
	stop, err := load(o)
	if err != nil {
		return err
	}
	defer stop()
	if err := d.waitFor(o.connections); err != nil {
		return err
	}
	return d.report(out, fmt.Sprintf("with %d connections", o.connections), o.span)
}

// daemon is a running dotm.
type daemon struct {
	cmd  *exec.Cmd
	url  string
	data string
}

func startDotm(o options) (*daemon, error) {
	data, err := os.MkdirTemp("", "dotm-bench-")
	if err != nil {
		return nil, err
	}
	d := &daemon{data: data}
	d.cmd = exec.CommandContext(context.Background(), o.dotm, "up", "--listen", "127.0.0.1:0",
		"--data", filepath.Join(data, "data"), "--interval", o.interval.String())
	stdout, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d.cmd.Stderr = os.Stderr
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (run make build first)", err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), "Open "); ok {
			d.url, _, _ = strings.Cut(rest, " ")
			go io.Copy(io.Discard, stdout) //nolint:errcheck // nothing more to read
			return d, nil
		}
	}
	return nil, errors.New("dotm ended before it served")
}

func (d *daemon) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	_ = d.cmd.Wait()
	_ = os.RemoveAll(d.data)
}

// chart is what is read of the topology.
type chart struct {
	Nodes       []struct{ Layout *struct{ W float64 } }
	Connections []struct{ Count int }
}

func (d *daemon) chart() (chart, error) {
	var c chart
	resp, err := http.Get(d.url + "/api/v1/topology?hide=none")
	if err != nil {
		return c, err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	return c, json.NewDecoder(resp.Body).Decode(&c)
}

// timeStart is the time from the start of the process to a placed chart.
func timeStart(o options) (time.Duration, error) {
	begin := time.Now()
	d, err := startDotm(o)
	if err != nil {
		return 0, err
	}
	defer d.stop()
	for {
		c, err := d.chart()
		if err == nil && len(c.Nodes) > 0 && c.Nodes[0].Layout != nil {
			return time.Since(begin), nil
		}
		if time.Since(begin) > time.Minute {
			return 0, fmt.Errorf("no chart within a minute: %w", err)
		}
	}
}

// waitFor waits until the load is on the chart.
func (d *daemon) waitFor(connections int) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range 120 {
		c, err := d.chart()
		if err != nil {
			return err
		}
		open := 0
		for _, e := range c.Connections {
			open += e.Count
		}
		if open >= connections {
			return nil
		}
		<-tick.C
	}
	return errors.New("the load does not show on the chart")
}

// report measures a span and prints the share of one core and the memory.
func (d *daemon) report(out io.Writer, state string, span time.Duration) error {
	before, err := d.usage()
	if err != nil {
		return err
	}
	<-time.After(span)
	after, err := d.usage()
	if err != nil {
		return err
	}
	cpu := after.cpu - before.cpu
	_, err = fmt.Fprintf(out, "%-27s %8.2f %% of a core (%d ms in %s), %d MiB resident\n",
		state, 100*cpu.Seconds()/span.Seconds(), cpu.Milliseconds(), span, after.rss>>20)
	return err
}

type usage struct {
	cpu time.Duration
	rss int64
}

// usage reads the process's times and memory (proc_pid_stat(5)).
func (d *daemon) usage() (usage, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	if err != nil {
		return usage{}, err
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	number := func(i int) int64 { n, _ := strconv.ParseInt(fields[i], 10, 64); return n }
	const hertz = 100 // USER_HZ on every Linux that Go runs on
	return usage{
		cpu: time.Duration(number(11)+number(12)) * time.Second / hertz,
		rss: number(21) * int64(os.Getpagesize()),
	}, nil
}

// load starts a server and a client process with open connections between
// them.
func load(o options) (stop func(), err error) {
	server, address, err := child("-role", "server")
	if err != nil {
		return nil, err
	}
	client, _, err := child("-role", "client", "-address", address, "-connections", strconv.Itoa(o.connections))
	if err != nil {
		_ = server.Process.Kill()
		return nil, err
	}
	return func() {
		for _, c := range []*exec.Cmd{client, server} {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}, nil
}

// child runs this program in another role and returns its first line.
func child(args ...string) (*exec.Cmd, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	c := exec.CommandContext(context.Background(), self, args...)
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := c.Start(); err != nil {
		return nil, "", err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	return c, strings.TrimSpace(line), err
}

func serve(out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go io.Copy(io.Discard, c) //nolint:errcheck // held open until the other end leaves
	}
}

func connect(out io.Writer, address string, n int) error {
	open := make([]net.Conn, 0, n)
	for range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		open = append(open, c)
	}
	fmt.Fprintln(out, "connected", len(open))
	select {}
}
