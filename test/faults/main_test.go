//go:build linux

// Package faults gives real servers what they must outlive: slow and idle
// connections by the thousands, bodies that unpack to gigabytes, a full disk, no
// memory, kills, clocks that are wrong. docs/faults.md is the table of what was
// tried, and what is promised.
package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/program"
)

// patience bounds every wait. Of time nothing is asserted but that it ends, and
// what docs/faults.md promises.
const patience = 40 * time.Second

// binary is the dotm that is tested.
var binary string

func TestMain(m *testing.M) { os.Exit(program.Main(m, &binary)) }

// output is what a process says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// server is a dotm serve on loopback.
type server struct {
	cmd  *exec.Cmd
	said *output
	done chan struct{}
	url  string
	http *http.Client
}

// start runs dotm serve on a free port; before goes before its command line, as
// "prlimit" does.
func start(t *testing.T, data, config string, before ...string) *server {
	t.Helper()
	args := append(before, binary, "serve", "--listen", "127.0.0.1:0", "--data", data)
	if config != "" {
		file := filepath.Join(t.TempDir(), "dotm.yaml")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", file)
	}
	s := &server{cmd: exec.Command(args[0], args[1:]...), said: &output{}, done: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = s.said, s.said
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.cmd.Wait(); close(s.done) }()
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the server said:\n%s", s.said)
		}
	})
	open := regexp.MustCompile(`Open (http://\S+) `)
	eventually(t, "the server starts", func() error {
		m := open.FindStringSubmatch(s.said.String())
		if m == nil {
			select {
			case <-s.done:
				t.Fatalf("the server ended:\n%s", s.said)
			default:
			}
			return errors.New(s.said.String())
		}
		s.url = m[1]
		return nil
	})
	s.http = from("127.0.0.1")
	return s
}

// address is where it listens.
func (s *server) address() string { return strings.TrimPrefix(s.url, "http://") }

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// from makes a client with an address of its own, which connects anew for each
// request, as one does that comes for the first time.
func from(address string) *http.Client {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
}

// ask makes a request and reads the answer.
func (s *server) ask(ctx context.Context, method, path string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// get reads a JSON answer that must be there.
func (s *server) get(t *testing.T, path string, into any) {
	t.Helper()
	status, answer, err := s.ask(t.Context(), http.MethodGet, path, nil)
	if err == nil && status == http.StatusOK {
		err = json.Unmarshal(answer, into)
	}
	if err != nil || status != http.StatusOK {
		t.Fatalf("GET %s: %d %v %.300s", path, status, err, answer)
	}
}

// site is a chart, as far as these tests look at it.
type site struct {
	Revision string
	Nodes    []struct {
		Name, State string
		LastReport  time.Time `json:"last_report"`
		Findings    []struct{ Kind, Code, Text string }
	}
	Services []struct {
		Node string
		Port int
	}
}

// holds reports whether a service is on the chart.
func (c *site) holds(node string, port int) bool {
	for _, s := range c.Services {
		if s.Node == node && s.Port == port {
			return true
		}
	}
	return false
}

func (s *server) chart(t *testing.T) *site {
	t.Helper()
	var c site
	s.get(t, "/api/v1/topology?hide=none", &c)
	return &c
}

// shows waits until a service is on the chart.
func (s *server) shows(t *testing.T, node string, port int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s:%d on the chart", node, port), func() error {
		if c := s.chart(t); !c.holds(node, port) {
			return fmt.Errorf("%d services", len(c.Services))
		}
		return nil
	})
}

// host is a report of a host that listens on ports.
func host(name string, sequence int, ports ...int) *report.Report {
	r := &report.Report{
		Version: report.Version, Sequence: uint64(sequence), Time: time.Now().UTC(), IntervalMS: 10_000,
		Node:        report.Node{Name: name, Identity: report.Identity{Kind: report.IdentityMachine, Value: name}},
		Agent:       report.Agent{Version: "1.2.3", Method: "sock_diag", Instance: "of-" + name},
		Interfaces:  []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{}}},
		Listeners:   []report.Listener{},
		Connections: []report.Connection{},
	}
	for _, p := range ports {
		r.Listeners = append(r.Listeners, report.Listener{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: uint16(p), Process: "app"})
	}
	return r
}

// put hands over a report; the status is what the server says.
func (s *server) put(ctx context.Context, r *report.Report) (status int, answer []byte, err error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return 0, nil, err
	}
	return s.ask(ctx, http.MethodPost, "/api/v1/reports", raw)
}

func (s *server) mustPut(t *testing.T, r *report.Report) {
	t.Helper()
	if status, answer, err := s.put(t.Context(), r); err != nil || status != http.StatusOK {
		t.Fatalf("report of %s: %d %v %s", r.Node.Name, status, err, answer)
	}
}

// memory is a line of proc_pid_status(5), in bytes.
func (s *server) memory(t *testing.T, line string) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(line + `:\s+(\d+) kB`).FindSubmatch(raw)
	if m == nil {
		t.Fatalf("no %s", line)
	}
	kib, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// metric is a figure of /metrics.
func (s *server) metric(t *testing.T, name string) float64 {
	t.Helper()
	_, answer, err := s.ask(t.Context(), http.MethodGet, "/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(answer)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// eventually waits until f returns nil.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	end := time.Now().Add(patience)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: never; at last: %v", what, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// dial opens a connection from an address of loopback.
func (s *server) dial(t *testing.T, address string) (net.Conn, error) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: patience}
	c, err := d.DialContext(t.Context(), "tcp", s.address())
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}
