package scan

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// peer is a program that opens sockets on command: this test program, started
// under another name. It obeys one line at a time and answers each.
type peer struct {
	t     testing.TB
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	ended bool
}

// startPeer starts a program of that name, as user uid (0 is unchanged).
func startPeer(t testing.TB, name string, uid uint32) *peer {
	t.Helper()
	attr := &syscall.SysProcAttr{}
	if uid != 0 {
		attr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	}
	return startPeerIn(t, name, attr)
}

// startPeerIn starts a program of that name with that identity or in those
// namespaces.
func startPeerIn(t testing.TB, name string, attr *syscall.SysProcAttr) *peer {
	t.Helper()
	cmd := exec.Command(program(t, name))
	// With the race detector, a program sleeps a second before it ends.
	cmd.Env = append(os.Environ(), envPeer+"=yes", "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = attr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	p := &peer{t: t, cmd: cmd, in: in, out: bufio.NewReader(out)}
	t.Cleanup(p.stop)
	p.do("hello")
	return p
}

// program copies this test program to another name, so that /proc/PID/exe
// shows that name. Everybody may run it.
func program(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dotm-scan")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755))
	path := filepath.Join(dir, name)
	self, err := os.Executable()
	must(t, err)
	text, err := os.ReadFile(self)
	must(t, err)
	must(t, os.WriteFile(path, text, 0o755))
	return path
}

// do sends a command and gives the answer.
func (p *peer) do(command ...any) string {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, command...); err != nil {
		p.t.Fatalf("telling a peer %v: %v", command, err)
	}
	line, err := p.out.ReadString('\n')
	line = strings.TrimSpace(line)
	if err != nil || strings.HasPrefix(line, "error") {
		p.t.Fatalf("peer on %v: %s (%v)", command, line, err)
	}
	return line
}

// stop ends the peer and waits for it; its sockets are closed then.
func (p *peer) stop() {
	if p.ended {
		return
	}
	p.ended = true
	must(p.t, p.in.Close())
	_, err := io.Copy(io.Discard, p.out) // until whoever inherited the pipe has ended too
	must(p.t, errors.Join(err, p.cmd.Wait()))
}

func (p *peer) pid() int { return p.cmd.Process.Pid }

func (p *peer) name() string { return filepath.Base(p.cmd.Path) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func atoi(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	must(t, err)
	return n
}

// troupe is what a peer holds.
type troupe struct {
	listener net.Listener
	held     []io.Closer
	child    *exec.Cmd
	childIn  io.WriteCloser
	alone    bool
}

// envInherited says that descriptor 3 is a listener; "exec", that the program
// it had before is still to be answered for.
const envInherited = "DOTM_SCAN_TEST_INHERITED"

// runPeer obeys commands from standard input until it ends.
func runPeer() {
	var tr troupe
	if os.Getenv(envInherited) != "" {
		f := os.NewFile(3, "inherited")
		l, err := net.FileListener(f)
		if err = errors.Join(err, f.Close()); err != nil {
			fmt.Println("error", err)
			unix.Exit(1)
		}
		tr.listener = l
	}
	if os.Getenv(envInherited) == "exec" {
		fmt.Println("ok")
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		answer, err := tr.obey(strings.Fields(lines.Text()))
		if err != nil {
			answer = "error: " + err.Error()
		}
		fmt.Println(answer)
	}
	if tr.child != nil {
		if err := errors.Join(tr.childIn.Close(), tr.child.Wait()); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			unix.Exit(1)
		}
	}
	unix.Exit(0) // at once: what a test program does at its end isn't ours
}

func (tr *troupe) obey(args []string) (string, error) {
	switch args[0] {
	case "hello":
		return "hello", nil
	case "loopback": // brings it up
		return "ok", loopbackUp()
	case "listen": // NETWORK ADDRESS
		return tr.listen(args[1], args[2])
	case "accept": // COUNT
		n, err := strconv.Atoi(args[1])
		return "ok", errors.Join(err, tr.accept(n))
	case "dial": // NETWORK ADDRESS COUNT
		return tr.dial(args[1], args[2], args[3])
	case "dial-mptcp": // ADDRESS: by Multipath TCP; says whether that is what it became
		return tr.dialMultipath(args[1])
	case "dial-from": // NETWORK ADDRESS LOCAL
		return tr.dialFrom(args[1], args[2], args[3])
	case "packet": // NETWORK ADDRESS
		return tr.packet(args[1], args[2])
	case "send", "receive": // BYTES, over each connection its share
		n, err := strconv.Atoi(args[1])
		return "ok", errors.Join(err, tr.transfer(args[0] == "send", n))
	case "try": // ADDRESS COUNT: connects, and doesn't wait for it
		return "ok", tr.try(args[1], args[2])
	case "close-write": // the last connection
		return "ok", tr.held[len(tr.held)-1].(*net.TCPConn).CloseWrite()
	case "close-all":
		return "ok", tr.closeAll()
	case "fork": // NAME: another program inherits the listener
		return tr.fork(args[1])
	case "drop": // gives up the listener
		return "ok", tr.listener.Close()
	case "exec": // PATH: becomes another program, that keeps the listener
		return "", tr.exec(args[1])
	case "orphan": // leaves the listener to nobody
		return "ok", tr.orphan()
	case "mount": // DIRECTORY OPTIONS: another proc
		return "ok", unix.Mount("proc", args[1], "proc", 0, strings.Join(args[2:], ","))
	case "alone": // takes its process namespace for the host's
		tr.alone = true
		return "ok", nil
	case "deny-netlink": // PROTOCOL
		protocol, err := strconv.Atoi(args[1])
		return "ok", errors.Join(err, denyNetlink(protocol))
	case "scan": // PROC NETWORKS
		return tr.scan(args[1], args[2])
	case "close-conns": // everything but the listener
		return "ok", tr.closeConnections()
	case "deny-bpf":
		return "ok", denyBPF()
	case "hide": // DIRECTORY: behind an empty one
		return "ok", unix.Mount("none", args[1], "tmpfs", 0, "")
	case "packets": // COUNT
		n, err := strconv.Atoi(args[1])
		for range n {
			if err == nil {
				_, err = tr.packet("udp4", "127.0.0.1:0")
			}
		}
		return "ok", err
	case "name": // HEX
		name, err := hex.DecodeString(args[1])
		return "ok", errors.Join(err, os.WriteFile("/proc/self/comm", name, 0))
	case "no-name":
		return "ok", os.WriteFile("/proc/self/comm", []byte{0}, 0)
	case "setuid":
		uid, err := strconv.Atoi(args[1])
		if err == nil {
			err = syscall.Setuid(uid)
		}
		return "ok", err
	}
	return "", fmt.Errorf("unknown command %q", args[0])
}

func (tr *troupe) listen(network, address string) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), network, address)
	if err != nil {
		return "", err
	}
	tr.listener, tr.held = l, append(tr.held, l)
	return l.Addr().String(), nil
}

func (tr *troupe) accept(n int) error {
	for range n {
		c, err := tr.listener.Accept()
		if err != nil {
			return err
		}
		tr.held = append(tr.held, c)
	}
	return nil
}

func (tr *troupe) dial(network, address, count string) (string, error) {
	n, err := strconv.Atoi(count)
	if err != nil {
		return "", err
	}
	for range n {
		c, err := net.Dial(network, address)
		if err != nil {
			return "", err
		}
		tr.held = append(tr.held, c)
	}
	return tr.held[len(tr.held)-1].(net.Conn).LocalAddr().String(), nil
}

// transfer sends or receives n bytes in all, the same over every connection.
func (tr *troupe) transfer(send bool, n int) error {
	var conns []*net.TCPConn
	for _, h := range tr.held {
		if c, ok := h.(*net.TCPConn); ok {
			conns = append(conns, c)
		}
	}
	for _, c := range conns {
		share := int64(n / len(conns))
		var err error
		if send {
			_, err = c.Write(make([]byte, share))
		} else {
			_, err = io.CopyN(io.Discard, c, share)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// try begins connections, and leaves them to themselves.
func (tr *troupe) try(address, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	to, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return err
	}
	for range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		tr.held = append(tr.held, os.NewFile(uintptr(fd), "trying"))
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())})
		if err != nil && !errors.Is(err, unix.EINPROGRESS) {
			return err
		}
	}
	return nil
}

func (tr *troupe) dialMultipath(address string) (string, error) {
	var d net.Dialer
	d.SetMultipathTCP(true)
	c, err := d.Dial("tcp4", address)
	if err != nil {
		return "", err
	}
	tr.held = append(tr.held, c)
	multipath, err := c.(*net.TCPConn).MultipathTCP()
	return strconv.FormatBool(multipath), err
}

func (tr *troupe) dialFrom(network, address, local string) (string, error) {
	from, err := net.ResolveTCPAddr(network, local)
	if err != nil {
		return "", err
	}
	d := net.Dialer{LocalAddr: from}
	c, err := d.Dial(network, address)
	if err != nil {
		return "", err
	}
	tr.held = append(tr.held, c)
	return c.LocalAddr().String(), nil
}

func (tr *troupe) packet(network, address string) (string, error) {
	c, err := net.ListenPacket(network, address)
	if err != nil {
		return "", err
	}
	tr.held = append(tr.held, c)
	return c.LocalAddr().String(), nil
}

func (tr *troupe) closeAll() error {
	var all error
	for _, c := range tr.held {
		all = errors.Join(all, c.Close())
	}
	tr.held, tr.listener = nil, nil
	return all
}

func (tr *troupe) closeConnections() error {
	var all error
	for _, c := range tr.held {
		if c != io.Closer(tr.listener) {
			all = errors.Join(all, c.Close())
		}
	}
	tr.held = []io.Closer{tr.listener}
	return all
}

func (tr *troupe) fork(path string) (string, error) {
	f, err := tr.listener.(*net.TCPListener).File()
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // the child has its own
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), envInherited+"=yes")
	cmd.ExtraFiles = []*os.File{f}
	if tr.childIn, err = cmd.StdinPipe(); err != nil {
		return "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	tr.child = cmd
	if _, err := fmt.Fprintln(tr.childIn, "hello"); err != nil { // it has the listener once it answers
		return "", err
	}
	_, err = bufio.NewReader(out).ReadString('\n')
	return strconv.Itoa(cmd.Process.Pid), err
}

func (tr *troupe) exec(path string) error {
	f, err := tr.listener.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	if fd := int(f.Fd()); fd == 3 {
		_, err = unix.FcntlInt(3, unix.F_SETFD, 0)
	} else {
		err = unix.Dup3(fd, 3, 0)
	}
	if err != nil {
		return err
	}
	return syscall.Exec(path, []string{path}, append(os.Environ(), envInherited+"=exec"))
}

// orphan puts the listener into a message that nobody takes (unix(7),
// SCM_RIGHTS), and closes it: no process holds it then, yet it listens.
func (tr *troupe) orphan() error {
	f, err := tr.listener.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(int(f.Fd())), nil, 0); err != nil {
		return err
	}
	return errors.Join(f.Close(), tr.closeAll())
}

// scan takes one look and gives the report as JSON.
func (tr *troupe) scan(proc, networks string) (string, error) {
	s, err := New(Options{Proc: proc, Networks: networks, noKernel: withoutKernel()})
	if err != nil {
		return "", err
	}
	defer s.Close() //nolint:errcheck // the program ends soon
	s.owners.Budget = 0
	if tr.alone {
		s.owners.Rights.PIDNS = true
	}
	r, err := s.Scan(context.Background())
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(r)
	return string(text), err
}

// denyNetlink makes socket(2) fail for a netlink protocol, or for all of them
// (-1), as a container's seccomp profile may. The arguments are read as a
// little-endian host has them.
func denyNetlink(protocol int) error {
	const nr, family, proto = 0, 16, 32 // offsets in struct seccomp_data
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: nr},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SOCKET, Jf: 5},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: family},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.AF_NETLINK, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: proto},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(protocol), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if protocol < 0 {
		filter[5] = unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JA}
	}
	return install(filter)
}

// denyBPF makes bpf(2) fail, as a container's seccomp profile does.
func denyBPF() error {
	return install([]unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // nr of struct seccomp_data
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_BPF, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	})
}

// install puts a filter of system calls into force for all threads.
func install(filter []unix.SockFilter) error {
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, no := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if no != 0 {
		return no
	}
	return nil
}
