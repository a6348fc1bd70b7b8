package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/need"
)

// TestDaemon: a program ends with its children, orderly or not, and says what it wrote.
func TestDaemon(t *testing.T) {
	t.Parallel()
	need.Programs(t, "sh", "sleep")
	log := filepath.Join(t.TempDir(), "log")
	for what, end := range map[string]func(*Daemon){"stop": (*Daemon).Stop, "interrupt": (*Daemon).Interrupt, "kill": (*Daemon).Kill} {
		t.Run(what, func(t *testing.T) {
			// Its child holds the listener's end of a pipe open for as long as it lives.
			var d Daemon
			lives, child, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("sh", "-c", "echo "+what+"; sleep 1000 & wait")
			cmd.ExtraFiles = append(cmd.ExtraFiles, child)
			d.Run(t, cmd, log, nil)
			_ = child.Close()
			WaitFor(t, "its word", func() bool { return strings.Contains(string(d.Log()), what) })
			d.Hang()
			end(&d)
			if _, err := lives.Read(make([]byte, 1)); err == nil {
				t.Error("something was written by a child that should have ended")
			}
			end(&d)
		})
	}
}

// TestFree: several ports are different ones.
func TestFree(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, port := range FreePorts(t, 20) {
		if seen[port] {
			t.Errorf("port %s comes twice", port)
		}
		seen[port] = true
	}
}
