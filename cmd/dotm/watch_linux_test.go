package main

import (
	"bytes"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/devops-trouble-map/dotm/test/need"
)

// interrupter interrupts this process when the second look is written.
type interrupter struct {
	bytes.Buffer
	looks int
}

func (i *interrupter) Write(b []byte) (int, error) {
	if i.looks++; i.looks == 2 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			return 0, err
		}
	}
	return i.Buffer.Write(b)
}

// TestWatchUntilInterrupted: real looks, which Ctrl-C ends as wished: exit code
// 0.
func TestWatchUntilInterrupted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, format := range []string{"", "--json"} {
		args := []string{"scan", "--watch", "--interval", "100ms", "--namespaces", "own"}
		if format != "" {
			args = append(args, format)
		}
		var out interrupter
		var errOut bytes.Buffer
		code := run(args, &out, &errOut)
		if strings.Contains(errOut.String(), "works on linux") {
			need.Lacks(t, errOut.String())
		}
		if code != exitOK || errOut.Len() > 0 || out.looks < 2 {
			t.Errorf("%v: exit code %d after %d looks: %s", args, code, out.looks, errOut.String())
		}
		if !strings.Contains(out.String(), strings.TrimPrefix(l.Addr().String(), "127.0.0.1:")) {
			t.Errorf("%v: %s is not in %s", args, l.Addr(), out.String())
		}
	}
}
