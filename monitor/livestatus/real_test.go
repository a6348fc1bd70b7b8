package livestatus

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/icinga2"
)

// A real Livestatus, that of Icinga 2: the whole scene over TCP, a unix socket and
// TLS; states that flip; an acknowledgement that shows; and the server hung, stopped
// and started again.
func TestReal(t *testing.T) {
	server := icinga2.Start(t)
	server.Settle(t)
	s := at(t, monitor.Options{URL: server.Livestatus})
	t.Run("scene", func(t *testing.T) { isRealScene(t, read(t, s)) })
	t.Run("scene over a unix socket", func(t *testing.T) { isRealScene(t, read(t, at(t, monitor.Options{URL: server.Socket}))) })
	t.Run("TLS", func(t *testing.T) { overTLS(t, server) })
	t.Run("flip", func(t *testing.T) { flip(t, server, s) })
	t.Run("acknowledge", func(t *testing.T) { acknowledge(t, s) })
	t.Run("hung", func(t *testing.T) {
		server.Hang()
		defer server.Resume()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if r, err := s.Read(ctx); monitor.ReasonOf(err) != monitor.TooSlow {
			t.Errorf("%v, %v", r, err)
		}
	})
	t.Run("resumed", func(t *testing.T) { isThere(t, s) })
	t.Run("stopped", func(t *testing.T) {
		server.Stop()
		for url, want := range map[string]monitor.Reason{server.Livestatus: monitor.NoConnection, server.Socket: monitor.NotRunning} {
			if _, err := at(t, monitor.Options{URL: url}).Read(within(t)); monitor.ReasonOf(err) != want {
				t.Errorf("%s: %v", url, err)
			}
		}
	})
	t.Run("started again", func(t *testing.T) {
		server.Again(t)
		isThere(t, s)
	})
}

// isRealScene says what the captures can't: what newer queries ask for.
func isRealScene(t *testing.T, r *monitor.Reading) {
	t.Helper()
	isScene(t, r)
	if r.Program != "Icinga 2" || r.Version == "" {
		t.Errorf("%s %q", r.Program, r.Version)
	}
	redis := find(t, r, "cache1", "redis")
	if time.Duration(redis.Interval) != 2*time.Second || redis.LastOK.IsZero() || redis.Since.IsZero() || redis.LastCheck.IsZero() {
		t.Errorf("%+v", redis)
	}
	if ntp := find(t, r, "web1", "ntp"); ntp.Interval != 0 {
		t.Errorf("who waits to be told is said to run every %s", time.Duration(ntp.Interval))
	}
	if h := hostOf(t, r, "edge1"); len(h.Parents) != 1 || h.Parents[0] != "gw1" || h.Addresses[0] != icinga2.Hosts()["edge1"] {
		t.Errorf("%+v", h)
	}
}

// waitFor reads until a check is as wanted.
func waitFor(t *testing.T, s *Source, host, name, want string) {
	t.Helper()
	daemon.WaitFor(t, host+"!"+name+" is "+want, func() bool {
		r, err := s.Read(within(t))
		return err == nil && brief(find(t, r, host, name)) == want
	})
}

func flip(t *testing.T, server *icinga2.Server, s *Source) {
	server.Set(t, "web1/http", 2, "HTTP 500")
	server.Set(t, "gw1/host", 0, "PING ok")
	server.Set(t, "edge1/host", 0, "PING ok")
	waitFor(t, s, "web1", "http", "CRITICAL open")
	waitFor(t, s, "gw1", "", "UP")
	waitFor(t, s, "edge1", "", "UP")
	if c := find(t, read(t, s), "web1", "http"); c.Output != "HTTP 500" || time.Since(c.Since) > time.Minute || !c.LastOK.Before(c.LastCheck) {
		t.Errorf("%+v", c)
	}
	server.Set(t, "web1/http", 0, "HTTP 200")
	waitFor(t, s, "web1", "http", "OK")
}

func acknowledge(t *testing.T, s *Source) {
	for _, a := range []monitor.Acknowledgement{
		{Host: "db1", Name: "postgres", Author: "ops;1;2", Comment: "seen; on it\nACKNOWLEDGE_HOST_PROBLEM;db1"},
		{Host: "cache1", Name: "memory", Author: "ops"},
	} {
		if did, err := s.Acknowledge(within(t), a); err != nil || did != "acknowledged until its state changes" {
			t.Errorf("%q, %v", did, err)
		}
		if c := find(t, read(t, s), a.Host, a.Name); !c.Acknowledged || c.Open() {
			t.Errorf("it is %s", brief(c))
		}
		if did, err := s.Acknowledge(within(t), a); err != nil || did != "is acknowledged already" {
			t.Errorf("the second time: %q, %v", did, err)
		}
	}
	for _, a := range []monitor.Acknowledgement{
		{Host: "cache1", Name: "redis"}, // fine
		{Host: "cache1"},                // a host that is up
		{Host: "cache1", Name: "gone"},
		{Host: "db1\nFilter: x", Name: "postgres"},
		{Host: "db1", Name: "a;b"},
	} {
		if did, err := s.Acknowledge(within(t), a); err == nil {
			t.Errorf("%+v: %s", a, did)
		}
	}
}

// isThere waits for an answer.
func isThere(t *testing.T, s *Source) {
	t.Helper()
	daemon.WaitFor(t, "an answer", func() bool {
		r, err := s.Read(within(t))
		return err == nil && len(r.Checks) == len(scene)
	})
}

// overTLS puts TLS before the server, as stunnel does.
func overTLS(t *testing.T, server *icinga2.Server) {
	certs := filepath.Join(server.Dir, "data", "certs", icinga2.NodeName)
	cert, err := tls.LoadX509KeyPair(certs+".crt", certs+".key")
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go pipe(conn, strings.TrimPrefix(server.Livestatus, "tcp://"))
		}
	}()
	url := "tcp://" + l.Addr().String()
	trusted := monitor.TLS{CAFile: server.CAFile, ServerName: icinga2.NodeName}
	isRealScene(t, read(t, at(t, monitor.Options{URL: url, TLS: trusted})))
	isRealScene(t, read(t, at(t, monitor.Options{URL: url, TLS: monitor.TLS{SkipVerify: true}})))
	for says, opt := range map[string]monitor.Options{
		"tls.server_name": {URL: url, TLS: monitor.TLS{CAFile: server.CAFile}},
		"tls.ca_file":     {URL: url, TLS: monitor.TLS{ServerName: icinga2.NodeName}},
	} {
		if _, err := at(t, opt).Read(within(t)); monitor.ReasonOf(err) != monitor.NoTrust || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v", opt.TLS, err)
		}
	}
	if _, err := at(t, monitor.Options{URL: server.Livestatus, TLS: trusted}).Read(within(t)); err == nil {
		t.Error("what speaks no TLS is read as if it did")
	}
}

func pipe(from net.Conn, addr string) {
	defer func() { _ = from.Close() }()
	to, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	go func() { _, _ = io.Copy(to, from) }()
	_, _ = io.Copy(from, to)
	_ = to.Close()
}
