package icinga2

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/daemon"
)

// The server is what its scene says, keeps that over a restart, and answers
// nobody while it hangs.
func TestServer(t *testing.T) {
	s := Start(t)
	s.Settle(t)
	if got := string(s.API(t, http.MethodGet, "/v1/objects/hosts", map[string]any{"attrs": []string{"name"}})); strings.Count(got, `"type":"Host"`) != len(Hosts()) {
		t.Errorf("hosts: %s", got)
	}
	if got := s.ask(t, "GET services\nStats: state >= 0\n\n"); strings.TrimSpace(got) != "11" {
		t.Errorf("Livestatus counts %q services", got)
	}

	s.Set(t, "web1/http", 2, "HTTP 500")
	s.Until(t, "services", `service.name == "http" && (service.state != 2 || service.state_type != 1 || service.last_check_result.output != "HTTP 500")`)

	s.Hang()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.Livestatus, "tcp://"))
	if err != nil {
		t.Fatalf("while it hangs its port is closed: %v", err)
	}
	_ = conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
	_, _ = conn.Write([]byte("GET status\n\n"))
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("while it hangs it answers")
	}
	_ = conn.Close()
	s.Resume()
	daemon.WaitFor(t, "an answer", func() bool { _, err := s.try(http.MethodGet, "/v1/status", nil); return err == nil })

	s.Restart(t)
	if got := s.ask(t, "GET services\nColumns: acknowledged\nFilter: description = Disk /var\n\n"); strings.TrimSpace(got) != "1" {
		t.Errorf("after the restart it is acknowledged: %q", got)
	}
	s.Stop()
	s.Stop() // who is stopped stays so
	if _, err := s.try(http.MethodGet, "/v1/status", nil); err == nil {
		t.Error("the stopped answers")
	}
}

// ask puts a Livestatus query over the unix socket.
func (s *Server) ask(t *testing.T, query string) string {
	t.Helper()
	conn, err := net.Dial("unix", strings.TrimPrefix(s.Socket, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(daemon.Patience))
	_, _ = conn.Write([]byte(query))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// Two servers are not one.
func TestTwoServers(t *testing.T) {
	a, b := Start(t), Start(t)
	if a.URL == b.URL || a.Livestatus == b.Livestatus || a.Socket == b.Socket || a.Dir == b.Dir {
		t.Errorf("%s %s, %s %s", a.URL, a.Socket, b.URL, b.Socket)
	}
}
