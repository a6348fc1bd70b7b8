package icinga2

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/icinga2"
)

// source is one for a real server.
func source(t *testing.T, s *icinga2.Server, change func(*monitor.Options)) *Source {
	t.Helper()
	o := monitor.Options{
		Name: "n", Kind: monitor.Icinga2, URL: s.URL, User: icinga2.User, Password: icinga2.Password,
		TLS: monitor.TLS{CAFile: s.CAFile, ServerName: icinga2.NodeName},
	}
	if change != nil {
		change(&o)
	}
	from, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return from
}

// find is a check among others.
func find(t *testing.T, checks []mapping.Check, host, name string) *mapping.Check {
	t.Helper()
	for i := range checks {
		if checks[i].Host == host && checks[i].Name == name {
			return &checks[i]
		}
	}
	t.Fatalf("there is no %s/%s", host, name)
	return nil
}

// board is what a watcher told.
type board struct {
	mu    sync.Mutex
	told  map[key]mapping.Check
	again int
	ended error
}

func (b *board) is(host, name, want string) func() bool {
	return func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		c, ok := b.told[key{host, name}]
		return ok && brief(&c) == want
	}
}

func (b *board) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.again
}

// follow watches a source until the test ends.
func follow(t *testing.T, s *Source) *board {
	t.Helper()
	b := &board{told: map[key]mapping.Check{}}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		err := s.Watch(ctx, func() { close(ready) }, func(checks []mapping.Check) {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, c := range checks {
				b.told[key{c.Host, c.Name}] = c
			}
			if len(checks) == 0 {
				b.again++
			}
		})
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ended = err
	}()
	t.Cleanup(func() { cancel(); <-done })
	select {
	case <-ready:
	case <-done:
		t.Fatal(b.ended)
	}
	read(t, s)
	return b
}

// A real Icinga 2 whose states flip: each kind of event is told, as a whole check;
// what it tells nothing of is read. Then it is hung, stopped, and started again.
func TestReal(t *testing.T) {
	server := icinga2.Start(t)
	server.Settle(t)
	s := source(t, server, nil)
	r := read(t, s)
	isScene(t, r)
	if web := find(t, r.Checks, "web1", "http"); web.Command != "check_file" || len(web.Hints) != 1 || web.Hints[0].Port != 8080 || web.LastOK.IsZero() || time.Since(r.At).Abs() > time.Minute {
		t.Errorf("%+v at %s", web, r.At)
	}
	b := follow(t, s)
	server.Set(t, "cache1/load", 0, "load is fine") // that takes its time to be believed
	t.Run("flips", func(t *testing.T) { flips(t, server, s, b) })
	t.Run("what is done about it", func(t *testing.T) { handled(t, server, s, b) })
	t.Run("objects come and go", func(t *testing.T) { objects(t, server, s, b) })
	t.Run("logins", func(t *testing.T) { logins(t, server) })
	t.Run("hung", func(t *testing.T) {
		server.Hang()
		defer server.Resume()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Read(ctx); monitor.ReasonOf(err) != monitor.TooSlow {
			t.Errorf("%s: %v", monitor.ReasonOf(err), err)
		}
	})
	t.Run("resumed", func(t *testing.T) {
		server.Set(t, "cache1/redis", 2, "refused")
		daemon.WaitFor(t, "the watcher to go on", b.is("cache1", "redis", "CRITICAL open"))
	})
	t.Run("stopped", func(t *testing.T) {
		server.Stop()
		daemon.WaitFor(t, "the watcher to end", func() bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			return monitor.ReasonOf(b.ended) == monitor.NoConnection
		})
		if _, err := s.Read(within(t)); monitor.ReasonOf(err) != monitor.NoConnection {
			t.Error(err)
		}
	})
	t.Run("started again", func(t *testing.T) {
		server.Again(t)
		again := follow(t, s)
		if c := find(t, read(t, s).Checks, "web1", "Disk /var"); !c.Acknowledged {
			t.Errorf("it is %s", brief(c))
		}
		server.Set(t, "cache1/redis", 0, "PONG")
		daemon.WaitFor(t, "an event", again.is("cache1", "redis", "OK"))
	})
}

func flips(t *testing.T, server *icinga2.Server, s *Source, b *board) {
	server.Set(t, "web1/http", 2, "HTTP 500")
	daemon.WaitFor(t, "a problem", b.is("web1", "http", "CRITICAL open"))
	b.mu.Lock()
	c := b.told[key{"web1", "http"}]
	b.mu.Unlock()
	if c.Output != "HTTP 500" || len(c.Hints) != 1 || c.Interval == 0 || time.Since(c.Since) > time.Minute || c.LastOK.IsZero() || c.LastOK.After(c.Since) {
		t.Errorf("it is not whole: %+v", c)
	}
	server.Set(t, "web1/http", 0, "HTTP 200")
	daemon.WaitFor(t, "its end", b.is("web1", "http", "OK"))

	before := b.count()
	server.Set(t, "gw1/host", 0, "PING ok")
	daemon.WaitFor(t, "a host", b.is("gw1", "", "UP"))
	daemon.WaitFor(t, "a symptom that is one no longer", b.is("gw1", "ssh", "CRITICAL open"))
	daemon.WaitFor(t, "a call to read again", func() bool { return b.count() > before })
	daemon.WaitFor(t, "what can be reached again, of which nothing is told", func() bool {
		return brief(find(t, read(t, s).Checks, "edge1", "")) == "DOWN open"
	})
}

func handled(t *testing.T, server *icinga2.Server, s *Source, b *board) {
	if did, err := s.Acknowledge(within(t), monitor.Acknowledgement{Host: "edge1", Author: "ops", Comment: "seen; \"on it\""}); err != nil {
		t.Errorf("%q, %v", did, err)
	}
	daemon.WaitFor(t, "an acknowledgement", b.is("edge1", "", "DOWN acknowledged"))
	if did, err := s.Acknowledge(within(t), monitor.Acknowledgement{Host: "edge1"}); err != nil || did != "is acknowledged already" {
		t.Errorf("once more: %q, %v", did, err)
	}
	for _, a := range []monitor.Acknowledgement{{Host: "cache1", Name: "redis"}, {Host: "cache1"}, {Host: `x" || true || "`, Name: "memory"}} {
		if did, err := s.Acknowledge(within(t), a); err == nil {
			t.Errorf("%+v: %s", a, did)
		}
	}
	of := map[string]any{"type": "Service", "filter": `service.name == "postgres"`, "author": "a", "comment": "c"}
	server.API(t, http.MethodPost, "/v1/actions/acknowledge-problem", of)
	daemon.WaitFor(t, "somebody else's", b.is("db1", "postgres", "CRITICAL acknowledged"))
	server.API(t, http.MethodPost, "/v1/actions/remove-acknowledgement", of)
	daemon.WaitFor(t, "its end", b.is("db1", "postgres", "CRITICAL open"))

	of["start_time"], of["end_time"], of["fixed"] = time.Now().Unix(), time.Now().Unix()+600, true
	server.API(t, http.MethodPost, "/v1/actions/schedule-downtime", of)
	daemon.WaitFor(t, "a downtime", b.is("db1", "postgres", "CRITICAL downtime"))
	before := b.count()
	server.API(t, http.MethodPost, "/v1/actions/remove-downtime", map[string]any{"type": "Service", "filter": `service.name == "postgres"`})
	daemon.WaitFor(t, "a call to read again", func() bool { return b.count() > before })
	if c := find(t, read(t, s).Checks, "db1", "postgres"); brief(c) != "CRITICAL open" {
		t.Errorf("it is %s", brief(c))
	}

	daemon.WaitFor(t, "what stopped flapping", b.is("cache1", "load", "OK"))
}

func objects(t *testing.T, server *icinga2.Server, s *Source, b *board) {
	before := b.count()
	server.API(t, http.MethodPut, "/v1/objects/services/cache1!fresh", map[string]any{"attrs": map[string]any{"check_command": "check_file", "vars.file": "cache1/redis"}})
	daemon.WaitFor(t, "a call to read again", func() bool { return b.count() > before })
	find(t, read(t, s).Checks, "cache1", "fresh")
	before = b.count()
	server.API(t, http.MethodDelete, "/v1/objects/services/cache1!fresh", nil)
	daemon.WaitFor(t, "a call to read again", func() bool { return b.count() > before })
	for _, c := range read(t, s).Checks {
		if c.Name == "fresh" {
			t.Error("what was deleted is read")
		}
	}
}

// logins are those that may less: each is said what it lacks.
func logins(t *testing.T, server *icinga2.Server) {
	for name, tt := range map[string]struct {
		change func(*monitor.Options)
		reason monitor.Reason
		says   string
	}{
		"wrong password": {func(o *monitor.Options) { o.Password = "x" }, monitor.NoLogin, "check user and password"},
		"nobody trusted": {func(o *monitor.Options) { o.TLS.CAFile = "" }, monitor.NoTrust, "tls.ca_file"},
		"another name":   {func(o *monitor.Options) { o.TLS.ServerName = "" }, monitor.NoTrust, "it is for " + icinga2.NodeName},
		"no rights":      {func(o *monitor.Options) { o.User = icinga2.Observer }, monitor.NoRight, "objects/query/Host"},
		"http":           {func(o *monitor.Options) { o.URL = "http" + strings.TrimPrefix(o.URL, "https") }, monitor.NoConnection, "https"},
		"another path":   {func(o *monitor.Options) { o.URL += "/icinga" }, monitor.NotThere, "path"},
	} {
		if _, err := source(t, server, tt.change).Read(within(t)); monitor.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %s: %v", name, monitor.ReasonOf(err), err)
		}
	}
	read(t, source(t, server, func(o *monitor.Options) { o.TLS = monitor.TLS{SkipVerify: true} }))
	as := func(user string) *Source {
		return source(t, server, func(o *monitor.Options) { o.User = user })
	}
	if got := codes(read(t, as(icinga2.Reader))); got != "no-right-dependencies no-right-events" {
		t.Errorf("a reader: %s", got)
	}
	follow(t, as(icinga2.Reader)) // StateChange is all that it may hear of
	r := read(t, as(icinga2.Guest))
	if got := codes(r); len(r.Hosts) != 1 || got != "no-right-status no-right-services no-right-dependencies no-right-events" {
		t.Errorf("a guest sees %d hosts: %s", len(r.Hosts), got)
	}
	if err := as(icinga2.Guest).Watch(within(t), func() {}, nil); monitor.ReasonOf(err) != monitor.NoRight || !strings.Contains(err.Error(), "events/StateChange") {
		t.Error(err)
	}
	if _, err := as(icinga2.Reader).Acknowledge(within(t), monitor.Acknowledgement{Host: "db1", Name: "postgres"}); monitor.ReasonOf(err) != monitor.NoRight || !strings.Contains(err.Error(), "actions/acknowledge-problem") {
		t.Error(err)
	}
}
