package ending

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

const unit = "dotm-agent.service"

// TestJobs: what systemd 257 has to do when it is told each of these things.
func TestJobs(t *testing.T) {
	for _, tt := range []struct {
		name, jobs string
		want       report.Leaving
	}{
		{"nothing", "", report.LeavingStop},
		{"systemctl stop", "dotm-agent.service stop", report.LeavingStop},
		{"systemctl restart", "dotm-agent.service restart", report.LeavingRestart},
		{"systemctl try-restart", "dotm-agent.service try-restart", report.LeavingRestart},
		{"the restart of another", "dotm-agent.service stop, nginx.service restart", report.LeavingStop},
		{"systemctl poweroff", "poweroff.target start, dotm-agent.service stop, shutdown.target start, umount.target start, nginx.service stop", report.LeavingShutdown},
		{"systemctl halt", "shutdown.target start, halt.target start", report.LeavingShutdown},
		{"systemctl reboot", "shutdown.target start, dotm-agent.service stop, reboot.target start", report.LeavingReboot},
		{"systemctl kexec", "shutdown.target start, kexec.target start", report.LeavingReboot},
		{"systemctl soft-reboot", "soft-reboot.target start, shutdown.target start", report.LeavingReboot},
		{"a restart that a shutdown overtakes", "dotm-agent.service restart, poweroff.target start", report.LeavingShutdown},
		{"a shutdown that is given up", "poweroff.target stop, dotm-agent.service stop", report.LeavingStop},
		{"systemctl isolate rescue", "rescue.target start, dotm-agent.service stop", report.LeavingStop},
	} {
		var jobs []job
		for part := range strings.SplitSeq(tt.jobs, ", ") {
			if name, kind, ok := strings.Cut(part, " "); ok {
				jobs = append(jobs, job{name, kind})
			}
		}
		for range 2 { // whatever their order
			if got := ofJobs(jobs, unit); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
			slices.Reverse(jobs)
		}
	}
}

func TestUnit(t *testing.T) {
	for text, want := range map[string]string{
		"0::/system.slice/dotm-agent.service\n":                                           unit,
		"0::/system.slice/dotm-agent.service/inner\n":                                     unit,
		"12:cpu:/other.service\n1:name=systemd:/system.slice/dotm-agent.service\n0::/\n":  unit,
		"0::/user.slice/user-1000.slice/session-3.scope\n":                                "",
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/dotm-agent.service\n": "",
		"0::/../../system.slice/docker-0123.scope\n":                                      "",
		"": "",
	} {
		if got := unitOf(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// record is one of utmp(5), with a run level in its PID where it is of that type.
func record(kind uint16, pid uint32) string {
	b := make([]byte, utmpSize)
	binary.NativeEndian.PutUint16(b, kind)
	binary.NativeEndian.PutUint32(b[4:], pid)
	return string(b)
}

// TestFiles: hosts without a bus.
func TestFiles(t *testing.T) {
	const (
		down = "System is going down. Unprivileged users are not permitted to log in anymore. For technical details, see pam_nologin(8)."
		up   = "System is booting up. Unprivileged users are not permitted to log in yet. Please come back later. For technical details, see pam_nologin(8)."
	)
	user, boot := record(7, 812), record(2, 0)
	level := func(now, before byte) string { return record(1, uint32(before)<<8|uint32(now)) }
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  report.Leaving
	}{
		{"a container", nil, report.LeavingStop},
		{"a host that runs", map[string]string{"utmp": boot + level('2', 'N') + user}, report.LeavingStop},
		{"init 0", map[string]string{"utmp": boot + level('0', '2') + user}, report.LeavingShutdown},
		{"init 6", map[string]string{"utmp": boot + level('6', '2') + user}, report.LeavingReboot},
		{"a user whose number is a run level", map[string]string{"utmp": record(7, '6')}, report.LeavingStop},
		{"a file that is cut", map[string]string{"utmp": level('6', '2')[:100]}, report.LeavingStop},
		{"going down", map[string]string{"nologin": down}, report.LeavingShutdown},
		{"a planned reboot", map[string]string{"nologin": down, "systemd/shutdown/scheduled": "USEC=1\nWARN_WALL=1\nMODE=reboot\n"}, report.LeavingReboot},
		{"a planned end", map[string]string{"nologin": down, "systemd/shutdown/scheduled": "USEC=1\nWARN_WALL=1\nMODE=poweroff\n"}, report.LeavingShutdown},
		{"planned for later", map[string]string{"systemd/shutdown/scheduled": "USEC=1\nMODE=reboot\n"}, report.LeavingStop},
		{"coming up", map[string]string{"nologin": up}, report.LeavingStop},
	} {
		root := t.TempDir()
		for name, text := range tt.files {
			write(t, filepath.Join(root, "run", name), text)
		}
		if got := (host{root, time.Second}).why(t.Context()); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// bus answers at the place where a host's bus is, as dbus-daemon 1.16 and systemd 257 do.
type bus struct {
	order  binary.AppendByteOrder
	jobs   []job
	refuse string // what it says instead of letting one in
	fails  bool   // there is no systemd on it
	hangs  bool
	rest   string // what it sends instead of the answer
}

func (b bus) at(t *testing.T, root string) {
	t.Helper()
	path := filepath.Join(root, "run/dbus")
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(path, "system_bus_socket"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- b.serve(l) }()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-ended; err != nil {
			t.Errorf("the bus: %v", err)
		}
	})
}

func (b bus) serve(l net.Listener) error {
	conn, err := l.Accept()
	if err != nil {
		return nil //nolint:nilerr // nobody came
	}
	defer conn.Close() //nolint:errcheck // a test
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	if want := fmt.Sprintf("\x00AUTH EXTERNAL %x\r\n", fmt.Sprint(os.Getuid())); err != nil || line != want {
		return fmt.Errorf("%q, want %q (%w)", line, want, err)
	}
	if b.hangs {
		_, _ = io.Copy(io.Discard, in)
		return nil
	}
	if b.refuse != "" {
		_, err := io.WriteString(conn, b.refuse+"\r\n")
		return err
	}
	_, _ = io.WriteString(conn, "OK 0123456789abcdef0123456789abcdef\r\n")
	if line, err = in.ReadString('\n'); err != nil || line != "BEGIN\r\n" {
		return fmt.Errorf("%q: %w", line, err)
	}
	for serial, member := range []string{1: "Hello", 2: "ListJobs"} {
		if member == "" {
			continue
		}
		m, err := readMessage(in)
		if err != nil || m.kind != kindCall {
			return fmt.Errorf("call %s: %+v, %w", member, m, err)
		}
		_ = serial
	}
	// Its own name, that it has it, and then what was asked for.
	_, _ = conn.Write(b.message(2, 1, "s", b.text(nil, ":1.7")))
	_, _ = conn.Write(b.message(4, 0, "s", b.text(nil, ":1.7")))
	switch {
	case b.rest != "":
		_, _ = io.WriteString(conn, b.rest)
	case b.fails:
		_, _ = conn.Write(b.message(kindError, 2, "s", b.text(nil, "The name org.freedesktop.systemd1 was not provided by any .service files")))
	default:
		_, _ = conn.Write(b.message(2, 2, "a(usssoo)", b.list()))
	}
	return nil
}

func (b bus) text(to []byte, s string) []byte {
	for len(to)%4 != 0 {
		to = append(to, 0)
	}
	return append(append(b.order.AppendUint32(to, uint32(len(s))), s...), 0)
}

func (b bus) list() []byte {
	out := make([]byte, 8) // the length, and up to where the first begins
	for i, j := range b.jobs {
		out = pad(out)
		out = b.order.AppendUint32(out, uint32(100+i))
		for _, s := range []string{j.unit, j.kind, "waiting", fmt.Sprintf("/org/freedesktop/systemd1/job/%d", 100+i), "/org/freedesktop/systemd1/unit/x"} {
			out = b.text(out, s)
		}
	}
	copy(out, b.order.AppendUint32(nil, uint32(len(out)-8)))
	return out
}

func (b bus) message(kind byte, answers uint32, signature string, body []byte) []byte {
	out := []byte{'l', kind, 1, 1}
	if b.order.String() == binary.BigEndian.String() {
		out[0] = 'B'
	}
	out = b.order.AppendUint32(out, uint32(len(body)))
	out = b.order.AppendUint32(out, 9)
	out = append(out, 0, 0, 0, 0)
	out = b.text(append(pad(out), 7, 1, 's', 0), "org.freedesktop.DBus") // who sends it
	if answers != 0 {
		out = b.order.AppendUint32(append(pad(out), 5, 1, 'u', 0), answers)
	}
	out = append(pad(out), 8, 1, 'g', 0, byte(len(signature)))
	out = append(append(out, signature...), 0)
	copy(out[12:], b.order.AppendUint32(nil, uint32(len(out)-16)))
	return append(pad(out), body...)
}

// TestBus: the bus is asked first, and where it can't be, the files are read.
func TestBus(t *testing.T) {
	jobs := []job{{"nginx.service", "stop"}, {"reboot.target", "start"}, {"shutdown.target", "start"}}
	const file = report.LeavingShutdown // what the files say
	for name, tt := range map[string]struct {
		bus  bus
		want report.Leaving
	}{
		"as PCs write":          {bus{order: binary.LittleEndian, jobs: jobs}, report.LeavingReboot},
		"as mainframes write":   {bus{order: binary.BigEndian, jobs: jobs}, report.LeavingReboot},
		"many jobs":             {bus{order: binary.LittleEndian, jobs: append(slices.Repeat([]job{{"x.service", "stop"}}, 900), jobs...)}, report.LeavingReboot},
		"its own restart":       {bus{order: binary.LittleEndian, jobs: []job{{unit, "restart"}}}, report.LeavingRestart},
		"nothing to do":         {bus{order: binary.LittleEndian}, report.LeavingStop},
		"it lets nobody in":     {bus{order: binary.LittleEndian, refuse: "REJECTED EXTERNAL"}, file},
		"no systemd":            {bus{order: binary.LittleEndian, fails: true}, file},
		"it does not answer":    {bus{order: binary.LittleEndian, hangs: true}, file},
		"it ends in the middle": {bus{order: binary.LittleEndian, rest: "l\x02\x01\x01\x00\x10\x00\x00"}, file},
		"it says too much":      {bus{order: binary.LittleEndian, rest: "l\x02\x01\x01\xff\xff\xff\xff\x00\x00\x00\x00\x08\x00\x00\x00"}, file},
		"nonsense":              {bus{order: binary.LittleEndian, rest: strings.Repeat("\xff", 64)}, file},
	} {
		t.Run(name, func(t *testing.T) {
			root, err := os.MkdirTemp("", "dotm") // short: the path of a socket has 108 bytes
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(root) })
			write(t, filepath.Join(root, "proc/self/cgroup"), "0::/system.slice/"+unit+"\n")
			write(t, filepath.Join(root, "run/nologin"), "System is going down.")
			tt.bus.at(t, root)
			wait := 10 * time.Second
			if tt.bus.hangs {
				wait = 20 * time.Millisecond
			}
			if got := (host{root, wait}).why(t.Context()); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestCalls holds the two calls still, as another library writes them.
func TestCalls(t *testing.T) {
	got := call(1, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello")
	want := "l\x01\x02\x01\x00\x00\x00\x00\x01\x00\x00\x00\x6d\x00\x00\x00" +
		"\x01\x01o\x00\x15\x00\x00\x00/org/freedesktop/DBus\x00\x00\x00" +
		"\x02\x01s\x00\x14\x00\x00\x00org.freedesktop.DBus\x00\x00\x00\x00" +
		"\x03\x01s\x00\x05\x00\x00\x00Hello\x00\x00\x00" +
		"\x06\x01s\x00\x14\x00\x00\x00org.freedesktop.DBus\x00\x00\x00\x00"
	if string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// FuzzMessage: what comes over the bus is text of others.
func FuzzMessage(f *testing.F) {
	b := bus{order: binary.LittleEndian, jobs: []job{{"reboot.target", "start"}, {unit, "stop"}}}
	f.Add(b.message(2, 2, "a(usssoo)", b.list()))
	b.order = binary.BigEndian
	f.Add(b.message(2, 2, "a(usssoo)", b.list()))
	f.Add(b.message(kindError, 2, "s", b.text(nil, "no")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := readMessage(bytes.NewReader(raw))
		if err != nil {
			return
		}
		jobs, err := m.jobs()
		if err != nil && jobs != nil || err == nil && len(jobs)*20 > len(raw) {
			t.Errorf("%d jobs of %d bytes, %v", len(jobs), len(raw), err)
		}
	})
}

// TestNow: on whatever host this runs, it is told soon, and without a bus it is no error.
func TestNow(t *testing.T) {
	if _, err := listJobs(t.Context(), filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a bus: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if why := Why(ctx); why != report.LeavingStop {
		t.Skipf("this host says %s", why)
	}
}
