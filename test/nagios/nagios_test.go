package nagios

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/daemon"
)

// The scene is there; a state can be set; the daemon ends and comes back.
func TestServer(t *testing.T) {
	s := Start(t)
	s.Set(t, "web1/http", 2, "HTTP 500")
	daemon.WaitFor(t, "the new state", func() bool {
		b := s.Block("web1", "http")
		return strings.Contains(b, "plugin_output=HTTP 500\n") && strings.Contains(b, "current_state=2\n")
	})
	s.Stop()
	if s.Status() != "" {
		t.Error("status.dat stays behind an orderly end")
	}
	s.Stop() // who has ended stays so
	s.Restart(t)
	s.Kill()
	if s.Status() == "" {
		t.Error("status.dat goes with a crash")
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "objects.cache")); err != nil {
		t.Error(err)
	}
	if s.Block("nobody", "") != "" || s.Block("gw1", "") == s.Block("gw1", "ssh") {
		t.Error("blocks are mixed up")
	}
}
