package systemd_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/need"
)

// Users that own nothing: the one that dotm runs as, and another one.
const (
	someone = 65534
	other   = 65533
)

// envListen makes this program hold a socket, as another user's.
const envListen = "DOTM_SYSTEMD_TEST_LISTEN"

func TestMain(m *testing.M) {
	if os.Getenv(envListen) != "" {
		listen()
		return
	}
	os.Exit(m.Run())
}

// listen prints its port and stays until standard input ends.
func listen() {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer l.Close()
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// neighbour starts a process of another user that listens, and gives its port.
func neighbour(t *testing.T) uint16 {
	t.Helper()
	path := filepath.Join(openDir(t), "neighbour")
	copyFile(t, os.Args[0], path)
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Env = append(os.Environ(), envListen+"=yes")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: other, Gid: other}}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("the neighbour: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the neighbour says %q: %v", line, err)
	}
	port, err := strconv.ParseUint(strings.TrimSpace(line), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(port)
}

// needRoot skips where users can't be changed or capabilities are withheld.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		need.Lacks(t, "needs root, to run programs as other users")
	}
	have := effective(t, "cat", "/proc/self/status")
	if want := mask(read(t, agentUnit).list("AmbientCapabilities")); have&want != want {
		need.Lacks(t, fmt.Sprintf("needs the capabilities of the unit (%#x), has %#x", want, have))
	}
	if link, err := os.Readlink("/proc/self/ns/user"); err != nil || link != "user:[4026531837]" {
		need.Lacks(t, "needs the host's own user namespace")
	}
}

// numbers are capabilities(7) by name.
var numbers = map[string]uint{
	"CAP_BPF": unix.CAP_BPF, "CAP_PERFMON": unix.CAP_PERFMON, "CAP_SYS_PTRACE": unix.CAP_SYS_PTRACE,
	"CAP_DAC_READ_SEARCH": unix.CAP_DAC_READ_SEARCH, "CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN, "CAP_NET_ADMIN": unix.CAP_NET_ADMIN,
}

func mask(caps []string) (set uint64) {
	for _, c := range caps {
		set |= 1 << numbers[c]
	}
	return set
}

// effective runs a command that prints its /proc/PID/status, and gives its
// effective capabilities.
func effective(t *testing.T, argv ...string) uint64 {
	t.Helper()
	out, errOut, err := output(t, argv...)
	found := regexp.MustCompile(`(?m)^CapEff:\s*([0-9a-f]+)$`).FindStringSubmatch(out)
	if err != nil || found == nil {
		t.Fatalf("%v: %v\n%s%s", argv, err, out, errOut)
	}
	set, err := strconv.ParseUint(found[1], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// with is a command that runs another with these capabilities and no others, as
// a user who is nobody, in the way that systemd does it.
func with(t *testing.T, caps []string, argv ...string) []string {
	t.Helper()
	set := "-all"
	for _, c := range caps {
		set += ",+" + strings.ToLower(strings.TrimPrefix(c, "CAP_"))
	}
	id := strconv.Itoa(someone)
	return append([]string{
		need.Program(t, "setpriv"), "--reuid=" + id, "--regid=" + id, "--clear-groups", "--no-new-privs",
		"--inh-caps=" + set, "--ambient-caps=" + set, "--bounding-set=" + set, "--",
	}, argv...)
}

// take runs a dotm command that prints a report, and gives that with the
// listener at a port. Where the walk through /proc left its owner for later,
// because somebody has very many descriptors, it tries again.
func take(t *testing.T, port uint16, argv []string) (*report.Report, report.Listener) {
	t.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range 30 {
		r := takeOnce(t, argv)
		i := slices.IndexFunc(r.Listeners, func(l report.Listener) bool { return l.Port == port && l.Protocol == report.TCP })
		if i < 0 {
			t.Fatalf("port %d is not seen: %+v", port, r.Listeners)
		}
		if r.Listeners[i].Process != "" || !slices.Contains(codes(r), "still-searching") {
			return r, r.Listeners[i]
		}
		<-tick.C
	}
	need.Lacks(t, "this host has too many open descriptors for one walk through /proc")
	return nil, report.Listener{}
}

func takeOnce(t *testing.T, argv []string) *report.Report {
	t.Helper()
	out, errOut, err := output(t, argv...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, errOut)
	}
	var r report.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return &r
}

func codes(r *report.Report) (list []string) {
	for _, n := range r.Notes {
		list = append(list, n.Code)
	}
	return list
}

// TestAgentSees runs dotm with the capabilities of the unit and nothing else:
// it names the process of another user, and each line of the unit buys what
// stands above it.
func TestAgentSees(t *testing.T) {
	needRoot(t)
	dotm := build(t)
	port := neighbour(t)
	all := read(t, agentUnit).list("CapabilityBoundingSet")
	for _, tt := range []struct {
		name    string
		caps    []string
		named   bool
		opensBy string
		lacks   []string // what the notes tell of
	}{
		{"all of the unit", all, true, "kernel", nil},
		{"eBPF alone", []string{"CAP_BPF", "CAP_PERFMON"}, true, "kernel", nil},
		{"the walk through /proc alone", []string{"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"}, true, "looks", []string{"no-ebpf", "short-connections"}},
		{"half of the walk", []string{"CAP_SYS_PTRACE"}, false, "looks", []string{"unprivileged", "short-connections"}},
		{"the rest alone", []string{"CAP_NET_ADMIN"}, false, "looks", []string{"unprivileged", "short-connections"}},
		{"none", nil, false, "looks", []string{"unprivileged", "short-connections"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, want := effective(t, with(t, tt.caps, "cat", "/proc/self/status")...), mask(tt.caps); got != want {
				t.Fatalf("capabilities are %#x, want %#x", got, want)
			}
			var r *report.Report
			for _, command := range [][]string{{"scan", "--json"}, {"agent", "--dry-run"}} {
				var l report.Listener
				r, l = take(t, port, with(t, tt.caps, append([]string{dotm}, command...)...))
				if named := l.Process == "neighbour" && l.PID > 0; named != tt.named || !named && l.Process != "" {
					t.Errorf("dotm %v calls the neighbour %q (%d), its notes are %v", command, l.Process, l.PID, r.Notes)
				}
			}
			if r.Coverage.OpensBy != tt.opensBy {
				t.Errorf("connections are counted by %s, want %s; notes are %v", r.Coverage.OpensBy, tt.opensBy, r.Notes)
			}
			for _, code := range []string{"no-ebpf", "short-connections", "unprivileged"} {
				want := slices.Contains(tt.lacks, code)
				if code == "unprivileged" && tt.named {
					continue // other processes of the host may hide from half of the rights
				}
				if got := slices.Contains(codes(r), code); got != want {
					t.Errorf("note %s is there: %v; notes are %v", code, got, r.Notes)
				}
			}
		})
	}
}

// TestSystemCalls runs server and agent with the rights of their units, while
// the agent sends to the server, and compares what they ask of the kernel with
// what the units let through.
func TestSystemCalls(t *testing.T) {
	needRoot(t)
	strace := need.Program(t, "strace")
	dotm := build(t)
	traces := openDir(t)
	data := filepath.Join(traces, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, someone, someone); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	trace := func(name string, argv ...string) (stop func()) {
		caps := read(t, name).list("CapabilityBoundingSet")
		argv = append([]string{strace, "-f", "-qq", "-o", filepath.Join(traces, name), "--"}, with(t, caps, argv...)...)
		return background(t, argv)
	}
	// For others, so that there are certificates, an identity and a socket.
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	stopServer := trace(serverUnit, dotm, "serve", "--listen", "0.0.0.0:"+port, "--data", data)
	token := eventually(t, dotm, "token", "create", "--data", data)
	tokenFile, state := filepath.Join(traces, "token"), filepath.Join(traces, "state")
	if err := errors.Join(os.WriteFile(tokenFile, []byte(token), 0o644), os.Mkdir(state, 0o700), os.Chown(state, someone, someone)); err != nil {
		t.Fatal(err)
	}
	stopAgent := trace(agentUnit, dotm, "agent", "--server", "https://127.0.0.1:"+port, "--interval", "200ms", "--state", state, "--token-file", tokenFile)
	eventually(t, "sh", "-c", dotm+" map --json --data "+data+" | grep '\"state\": \"reporting\"'")
	neighbour(t) // something happens
	stopAgent()
	stopServer()
	judge(t, read(t, agentUnit), filepath.Join(traces, agentUnit), dotm, "")
	// The library that raises the limit of locked memory asks at each start of any
	// dotm whether it has to. A server has no use for the answer.
	judge(t, read(t, serverUnit), filepath.Join(traces, serverUnit), dotm, "bpf")
}

// call is a line of strace(1): a system call and its arguments.
var call = regexp.MustCompile(`^\d+ +([a-z0-9_]+)\((.*)`)

// judge compares the trace of a program, from its start on, with a unit. One
// system call may be refused.
func judge(t *testing.T, u unit, trace, program, mayFail string) {
	t.Helper()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	_, calls, ok := strings.Cut(string(text), `execve("`+program+`"`)
	if !ok {
		t.Fatalf("%s: %s was not started:\n%.2000s", trace, program, text)
	}
	allowed, seen := filter(t, u), map[string]bool{}
	for line := range strings.Lines(calls) {
		m := call.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if !seen[m[1]] && !allowed[m[1]] && m[1] != mayFail {
			t.Errorf("%s is not let through: %s", m[1], line)
		}
		seen[m[1]] = true
		if broken := forbidden(u, m[1], m[2]); broken != "" {
			t.Errorf("%s forbids %s", broken, line)
		}
	}
	if !seen["futex"] || !seen["socket"] || len(seen) < 20 {
		t.Errorf("%s: only %d system calls were traced", trace, len(seen))
	}
	t.Logf("%s: %d different system calls", filepath.Base(trace), len(seen))
}

// forbidden names the setting of a unit that judges arguments and lets these
// not through.
func forbidden(u unit, name, args string) string {
	switch name {
	case "socket":
		family, _, _ := strings.Cut(args, ",")
		if !slices.Contains(u.list("RestrictAddressFamilies"), family) {
			return "RestrictAddressFamilies"
		}
	case "mmap":
		if strings.Contains(args, "PROT_WRITE|PROT_EXEC") {
			return "MemoryDenyWriteExecute"
		}
	case "mprotect":
		if strings.Contains(args, "PROT_EXEC") {
			return "MemoryDenyWriteExecute"
		}
	case "setns":
		if !strings.Contains(args, "CLONE_NEWNET") {
			return "RestrictNamespaces"
		}
	}
	return ""
}

// filter is what SystemCallFilter of a unit lets through (systemd.exec(5)): the
// first line makes it a list of what is allowed.
func filter(t *testing.T, u unit) map[string]bool {
	t.Helper()
	allowed := map[string]bool{}
	for _, line := range u["SystemCallFilter"] {
		line, taken := strings.CutPrefix(line, "~")
		for _, word := range strings.Fields(line) {
			for _, c := range expand(t, word) {
				allowed[c] = !taken
			}
		}
	}
	if len(allowed) < 100 {
		t.Fatalf("the filter has %d calls", len(allowed))
	}
	return allowed
}

// expand gives the system calls of a set, by systemd's own knowledge.
func expand(t *testing.T, word string) (calls []string) {
	t.Helper()
	if word[0] != '@' {
		return []string{word}
	}
	out, errOut, err := output(t, need.Program(t, "systemd-analyze"), "--no-pager", "syscall-filter", word)
	if err != nil {
		t.Fatalf("%v\n%s", err, errOut)
	}
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line != "" && line != word && line[0] != '#' {
			calls = append(calls, expand(t, line)...)
		}
	}
	return calls
}

// background runs a command and what it starts until stop is called.
func background(t *testing.T, argv []string) (stop func()) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	group := -cmd.Process.Pid
	t.Cleanup(func() { _ = syscall.Kill(group, syscall.SIGKILL) })
	return func() {
		t.Helper()
		_ = syscall.Kill(group, syscall.SIGTERM) // strace lets it pass by
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%v: %v\n%s", argv, err, log.String())
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%v doesn't end", argv)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// eventually runs a command until it succeeds, and gives what it prints.
func eventually(t *testing.T, argv ...string) string {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Second); ; {
		out, errOut, err := output(t, argv...)
		if err == nil {
			return out
		}
		select {
		case <-end:
			t.Fatalf("%v: %v\n%.2000s%.2000s", argv, err, out, errOut)
		case <-tick.C:
		}
	}
}
