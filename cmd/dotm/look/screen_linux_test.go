package look

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/need"
)

// terminal is a pseudo-terminal (pty(7)) of some size: what a program writes
// to it can be read.
type terminal struct {
	t       *testing.T
	program *os.File // the end that a program has
	ours    *os.File
}

func openTerminal(t *testing.T, columns, lines int) *terminal {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		need.Lacks(t, "no pseudo-terminals: "+err.Error())
	}
	t.Cleanup(func() { ours.Close() })
	var unlock, number int32
	ioctl(t, ours, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock))
	ioctl(t, ours, syscall.TIOCGPTN, unsafe.Pointer(&number))
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		need.Lacks(t, "no pseudo-terminals: "+err.Error())
	}
	t.Cleanup(func() { program.Close() })
	size := [4]uint16{uint16(lines), uint16(columns)}
	ioctl(t, program, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	return &terminal{t, program, ours}
}

func ioctl(t *testing.T, f *os.File, request uintptr, value unsafe.Pointer) {
	t.Helper()
	if _, _, no := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(value)); no != 0 {
		t.Fatal(no)
	}
}

// shows gives what a terminal is told while f runs.
func (term *terminal) shows(f func(out *os.File)) string {
	term.t.Helper()
	var b bytes.Buffer
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(&b, term.ours)
		done <- err
	}()
	f(term.program)
	if err := term.program.Close(); err != nil {
		term.t.Fatal(err)
	}
	if err := <-done; err != nil && !errors.Is(err, syscall.EIO) { // the other end is closed
		term.t.Fatal(err)
	}
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

// clean unsets the variables that say something of the screen.
func clean(t *testing.T) {
	t.Helper()
	for _, name := range []string{"COLUMNS", "LINES", "NO_COLOR"} {
		t.Setenv(name, "")
	}
	t.Setenv("TERM", "xterm")
}

func TestScreen(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		size [2]int // of a terminal; none if 0
		want table.Screen
	}{
		"a terminal":     {nil, [2]int{132, 50}, table.Screen{Width: 132, Height: 50, Clears: true, Colours: true}},
		"no colours":     {map[string]string{"NO_COLOR": "1"}, [2]int{80, 24}, table.Screen{Width: 80, Height: 24, Clears: true, Colours: false}},
		"a dumb one":     {map[string]string{"TERM": "dumb"}, [2]int{80, 24}, table.Screen{Width: 80, Height: 24, Clears: false, Colours: false}},
		"told otherwise": {map[string]string{"COLUMNS": "70", "LINES": "10"}, [2]int{80, 24}, table.Screen{Width: 70, Height: 10, Clears: true, Colours: true}},
		"told nonsense":  {map[string]string{"COLUMNS": "x", "LINES": "-1"}, [2]int{80, 24}, table.Screen{Width: 80, Height: 24, Clears: true, Colours: true}},
		"told too much":  {map[string]string{"COLUMNS": "10001"}, [2]int{80, 24}, table.Screen{Width: 80, Height: 24, Clears: true, Colours: true}},
		"no terminal":    {map[string]string{"COLUMNS": "70", "LINES": "10"}, [2]int{}, table.Screen{Width: 70}},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			var out io.Writer = &bytes.Buffer{}
			if c.size[0] > 0 {
				out = openTerminal(t, c.size[0], c.size[1]).program
			}
			if got := table.ScreenOf(out); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestNoTerminal(t *testing.T) {
	clean(t)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, f := range []*os.File{null, file} {
		if got := table.ScreenOf(f); got != (table.Screen{Width: 100}) {
			t.Errorf("%s is %+v", f.Name(), got)
		}
	}
}

// TestTerminalWithoutSize: a terminal that doesn't tell its size, as a serial
// line, is taken for one of the usual width, and endless.
func TestTerminalWithoutSize(t *testing.T) {
	clean(t)
	if got, want := table.ScreenOf(openTerminal(t, 0, 0).program), (table.Screen{Width: 100, Height: 0, Clears: true, Colours: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestOnTerminal: trouble is red where there is a terminal to show it.
func TestOnTerminal(t *testing.T) {
	clean(t)
	c := Scan{}
	refused := out("app", "203.0.113.5", 443, 0)
	refused.Refused = 17
	r := scene(noon, []report.Listener{serves("nginx", 80)}, refused)
	text := openTerminal(t, 80, 24).shows(func(f *os.File) {
		if err := c.print(t.Context(), &console.Globals{Out: f}, r); err != nil {
			t.Error(err)
		}
	})
	for _, want := range []string{"\x1b[1mSERVICE\x1b[0m", "\x1b[31m17 refused\x1b[0m\n", "\nnginx    tcp    *:80 "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}

// TestWatchOnTerminal: the second look overwrites the first.
func TestWatchOnTerminal(t *testing.T) {
	clean(t)
	text := openTerminal(t, 80, 9).shows(func(f *os.File) {
		show := watcher{Scan: &Scan{}, Globals: &console.Globals{Out: f}}
		for _, r := range []*report.Report{
			scene(noon, nil, out("app", "10.0.0.1", 80, 1)),
			scene(noon, nil, out("app", "10.0.0.2", 80, 1), out("app", "10.0.0.3", 80, 1), out("app", "10.0.0.4", 80, 1)),
		} {
			if err := show.show(t.Context(), r); err != nil {
				t.Error(err)
			}
		}
	})
	frames := strings.Split(text, cursorHome)
	if len(frames) != 3 || frames[0] != "" {
		t.Fatalf("got %q", frames)
	}
	if want := "  app → 10.0.0.1:80  tcp       1" + eraseLine + "\n" + eraseBelow; !strings.HasSuffix(frames[1], want) {
		t.Errorf("the first look is %q, should end with %q", frames[1], want)
	}
	if want := "- app → 10.0.0.1:80  tcp       0" + eraseLine + "\n"; !strings.Contains(frames[2], want) {
		t.Errorf("%q is not in the second look, %q", want, frames[2])
	}
	rows := 0
	for line := range strings.Lines(strings.TrimSuffix(frames[2], eraseBelow)) {
		rows += rowsOf([]byte(strings.TrimSuffix(line, "\n")), 80)
	}
	if rows != 8 {
		t.Errorf("the second look takes %d rows of a terminal with 9, want all but the cursor's: %q", rows, frames[2])
	}
}
