package zabbix

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/daemon"
)

// The server is what its scene says, keeps that over a restart, and does nothing while
// it hangs.
func TestServer(t *testing.T) {
	begin := time.Now()
	s := Start(t)
	t.Logf("started after %s", time.Since(begin).Round(time.Millisecond))
	s.Settle(t)
	t.Logf("settled after %s", time.Since(begin).Round(time.Millisecond))
	want := []string{
		"/var on web server is almost full", "Clock of web server is off by 3 s", "Replica is behind", "PostgreSQL refuses connections",
		`Größe 91% \ <b>fett</b>`, "gateway is unreachable", "Something is odd",
	}
	if got := s.Problems(t); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	has := func(name string) bool { return slices.Contains(s.Problems(t), name) }
	const fails = "HTTP on web server fails"
	s.Set(t, "web1/http", 1)
	daemon.WaitFor(t, fails, func() bool { return has(fails) })

	s.Hang()
	done := make(chan error, 1)
	go func() { done <- s.send("web1", "net.tcp.service[http,,8080]", 0) }()
	select {
	case err := <-done:
		t.Errorf("while it hangs it takes values: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	s.Resume()
	s.must(t, <-done)
	daemon.WaitFor(t, "its end", func() bool { return !has(fails) })

	s.Restart(t)
	if !has("PostgreSQL refuses connections") {
		t.Error("it forgot a problem")
	}
	s.Stop()
	s.Stop() // who is stopped stays so
	if err := s.send("web1", "net.tcp.service[http,,8080]", 0); err == nil {
		t.Error("the stopped takes values")
	}
	if !has("PostgreSQL refuses connections") {
		t.Error("the frontend does not go on")
	}
	s.StopDatabase()
	if _, err := s.try("apiinfo.version", []string{}, ""); err == nil || !strings.Contains(err.Error(), "database") {
		t.Errorf("without a database: %v", err)
	}
}
