package redis

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/daemon"
)

// What a server was given is there after its death; a server that hangs answers
// nobody until it is resumed.
func TestServer(t *testing.T) {
	s := Start(t)
	s.CLI(t, "SET", "dotm::name", "kept")
	s.Restart(t)
	if got := s.CLI(t, "GET", "dotm::name"); got != "kept" {
		t.Errorf("after the restart it holds %q", got)
	}
	s.Kill()
	if got := s.Try("PING"); !strings.Contains(got, "Could not connect") {
		t.Errorf("the dead says %q", got)
	}
	s.Kill() // who is dead stays so
	s.Again(t)

	s.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	port := s.Addr[strings.LastIndexByte(s.Addr, ':')+1:]
	if out, err := exec.CommandContext(ctx, "redis-cli", "-p", port, "PING").CombinedOutput(); err == nil {
		t.Errorf("while it hangs it says %q", out)
	}
	s.Resume()
	daemon.WaitFor(t, "an answer", func() bool { return s.Try("PING") == "PONG" })
}

// Options are given on, and two servers are not one.
func TestOptions(t *testing.T) {
	s, other := Start(t, "--requirepass", "secret"), Start(t)
	if got := s.Try("GET", "x"); !strings.Contains(got, "NOAUTH") {
		t.Errorf("without the password it says %q", got)
	}
	if s.Addr == other.Addr || s.Dir == other.Dir || s.URL() != "redis://"+s.Addr {
		t.Errorf("%s in %s, %s in %s", s.URL(), s.Dir, other.URL(), other.Dir)
	}
}

// A Cluster keeps keys of all slots, and replaces a master that dies.
func TestCluster(t *testing.T) {
	c := StartCluster(t)
	masters := c.Masters()
	if len(c.Servers) != 6 || len(masters) != 3 || strings.Count(c.URL(), ",") != 5 {
		t.Fatalf("%s has %d servers, %d masters", c.URL(), len(c.Servers), len(masters))
	}
	masters[0].Kill()
	daemon.WaitFor(t, "another master", func() bool { return len(c.Masters()) == 3 })
	masters[0].Again(t)
	daemon.WaitFor(t, "the old master follows", func() bool {
		return strings.HasPrefix(masters[0].Try("ROLE"), "slave") && len(c.Masters()) == 3
	})
}

// The sentinels replace a master that dies or hangs; they are servers too.
func TestSentinel(t *testing.T) {
	s := StartSentinel(t)
	if s.Master() != s.Servers[0] {
		t.Fatalf("the master is %+v, want %s", s.Master(), s.Servers[0].Addr)
	}
	s.Servers[0].Hang()
	daemon.WaitFor(t, "the replica takes over", func() bool { return s.Master() == s.Servers[1] })
	s.Servers[0].Resume()
	daemon.WaitFor(t, "the old master follows", func() bool { return strings.HasPrefix(s.Servers[0].Try("ROLE"), "slave") })
	s.Sentinels[0].Restart(t)
	daemon.WaitFor(t, "the sentinel knows the new master", func() bool {
		_, port, _ := strings.Cut(s.Servers[1].Addr, ":")
		return strings.HasSuffix(s.Sentinels[0].Try("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"), "\n"+port)
	})
}
