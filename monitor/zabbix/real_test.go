package zabbix

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/zabbix"
	"github.com/devops-trouble-map/dotm/topology"
)

// realSource is one for a real Zabbix.
func realSource(t *testing.T, s *zabbix.Server, user string, change func(*monitor.Options)) *Source {
	t.Helper()
	o := monitor.Options{Name: "n", Kind: monitor.Zabbix, URL: s.URL, Password: s.Tokens[user], Acknowledge: true}
	if change != nil {
		change(&o)
	}
	from, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = from.Close() })
	return from
}

// realScene is what the hosts of the test servers are like.
var realScene = map[string]string{
	"web1!": "UP", "gw1!": "DOWN open",
	"web1!HTTP on web server fails": "OK", "web1!/var on web server is almost full": "WARNING acknowledged", "web1!Clock of web server is off by … s": "OK",
	"db1!PostgreSQL refuses connections": "CRITICAL open", "db1!Replica is behind": "WARNING suppressed", "db1!Backup is old": "UNKNOWN open",
	"cache1!Redis does not answer": "OK downtime", `cache1!Größe 91% \ <b>fett</b>`: "WARNING downtime",
	"gw1!gateway is unreachable": "CRITICAL open", "gw1!Load is high": "OK", "gw1!Load is high (average)": "OK",
	"edge1!edge is unreachable": "OK", "edge1!Something is odd": "UNKNOWN open",
}

// briefs are the checks of a reading, each in a line.
func briefs(r *monitor.Reading) map[string]string {
	all := map[string]string{}
	for i := range r.Checks {
		c := &r.Checks[i]
		all[c.Host+"!"+c.Name] = brief(c)
	}
	return all
}

// A real Zabbix: what it says, who sees what of it, what is done to it, and how it is
// when one of its parts is hung or stopped.
func TestReal(t *testing.T) {
	server := zabbix.Start(t)
	server.Settle(t)
	s := realSource(t, server, zabbix.Admin, nil)
	r := read(t, s)
	if diff := cmp.Diff(realScene, briefs(r)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	t.Run("details", func(t *testing.T) { realDetails(t, r) })
	t.Run("logins", func(t *testing.T) { realLogins(t, server) })
	t.Run("flips", func(t *testing.T) { realFlips(t, server, s) })
	t.Run("acknowledge", func(t *testing.T) { realAcknowledge(t, server) })
	t.Run("comes and goes", func(t *testing.T) { realChanges(t, server, s) })
	t.Run("hung", func(t *testing.T) { realHung(t, server, s) })
	t.Run("stopped", func(t *testing.T) {
		server.Stop()
		waitReason(t, s, monitor.NotRunning)
		server.Run(t)
		waitReason(t, s, "")
	})
	t.Run("no database", func(t *testing.T) {
		server.StopDatabase()
		waitReason(t, s, monitor.NotRunning)
		server.RunDatabase(t)
		waitReason(t, s, "")
	})
}

// waitReason waits until a source is read, or is not for a reason.
func waitReason(t *testing.T, s *Source, want monitor.Reason) {
	t.Helper()
	var err error
	daemon.WaitFor(t, "a reading that fails for "+string(want), func() bool {
		_, err = s.Read(within(t))
		return monitor.ReasonOf(err) == want && (err == nil) == (want == "")
	})
	t.Log(err)
}

func realDetails(t *testing.T, r *monitor.Reading) {
	if r.Program != "Zabbix" || !strings.HasPrefix(r.Version, "6.") || time.Since(r.At).Abs() > 2*time.Minute || len(r.Notes) != 0 {
		t.Errorf("%s %s at %s, %+v", r.Program, r.Version, r.At, r.Notes)
	}
	want := []monitor.Dependency{
		{Host: "db1", Name: "Replica is behind", ParentHost: "db1", ParentName: "PostgreSQL refuses connections"},
		{Host: "edge1", Name: "edge is unreachable", ParentHost: "gw1", ParentName: "gateway is unreachable"},
	}
	if diff := cmp.Diff(want, r.Dependencies); diff != "" {
		t.Error(diff)
	}
	if len(r.Hosts) != 6 { // new1 is disabled
		t.Errorf("hosts: %+v", r.Hosts)
	}
	for i := range r.Hosts {
		if h := &r.Hosts[i]; h.Name == "db1" {
			if h.Display != "database" || !cmp.Equal(h.Addresses, []string{"127.0.0.2", "db1.example.test"}) || !cmp.Equal(h.Groups, []string{"Shop"}) || !strings.Contains(h.Link, "hostids%5B%5D=") {
				t.Errorf("%+v", h)
			}
		}
	}
	if c := find(t, r.Checks, "web1", "HTTP on web server fails"); c.Command != "net.tcp.service" || len(c.Hints) != 1 || c.Hints[0].Port != 8080 || !cmp.Equal(c.Groups, []string{"checked", "service: http"}) {
		t.Errorf("%+v", c)
	}
	if c := find(t, r.Checks, "web1", "Clock of web server is off by … s"); c.Output != "Clock of web server is off by 3 s: 3" || c.Since.IsZero() {
		t.Errorf("%q since %s", c.Output, c.Since)
	}
	if c := find(t, r.Checks, "db1", "Backup is old"); !strings.Contains(c.Output, "division by zero") {
		t.Errorf("%q", c.Output)
	}
	if c := find(t, r.Checks, "gw1", ""); c.Kind != topology.HostCheck || c.Output == "" || c.Since.IsZero() {
		t.Errorf("%+v", c)
	}
}

// Who may see less is told so, and nobody is let in who may not.
func realLogins(t *testing.T, server *zabbix.Server) {
	for name, tt := range map[string]struct {
		user   string
		change func(*monitor.Options)
		reason monitor.Reason
		says   string
	}{
		"a wrong token":       {zabbix.Admin, func(o *monitor.Options) { o.Password = "x" }, monitor.NoLogin, "token"},
		"none":                {zabbix.Admin, func(o *monitor.Options) { o.Password = "" }, monitor.NoLogin, "token"},
		"a wrong password":    {"", func(o *monitor.Options) { o.User, o.Password = zabbix.Reader, "x" }, monitor.NoLogin, "user and password"},
		"nobody":              {"", func(o *monitor.Options) { o.User, o.Password = "nobody", "x" }, monitor.NoLogin, "user and password"},
		"not by the API":      {zabbix.Mute, nil, monitor.NoRight, "role"},
		"no page":             {zabbix.Admin, func(o *monitor.Options) { o.URL += "/elsewhere/index.php" }, monitor.NoConnection, ""},
		"https in its place":  {zabbix.Admin, func(o *monitor.Options) { o.URL = "https" + strings.TrimPrefix(o.URL, "http") }, monitor.NoConnection, "http"},
		"the port of another": {zabbix.Admin, func(o *monitor.Options) { o.URL = "http://" + server.Trapper }, "", ""},
	} {
		r, err := realSource(t, server, tt.user, tt.change).Read(within(t))
		switch {
		case name == "no page": // it is found above
			if err != nil || len(r.Hosts) == 0 {
				t.Errorf("%s: %v", name, err)
			}
		case tt.reason == "":
			if err == nil {
				t.Errorf("%s: is read", name)
			}
		case monitor.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.says):
			t.Errorf("%s: %s: %v", name, monitor.ReasonOf(err), err)
		}
	}
	for name, tt := range map[string]struct {
		user         string
		hosts, notes string
	}{
		"user":   {zabbix.User, "cache1 db1 edge1 gw1 web1 zabbix", ""},
		"reader": {zabbix.Reader, "cache1 db1 edge1 gw1 web1", "no-health"},
		"guest":  {zabbix.Guest, "", "no-health no-hosts"},
	} {
		s := realSource(t, server, tt.user, nil)
		r := read(t, s)
		if names := hostNames(r); names != tt.hosts || codes(r) != tt.notes {
			t.Errorf("%s: %s, %s", name, names, codes(r))
		}
	}
	s := realSource(t, server, "", func(o *monitor.Options) { o.User, o.Password = zabbix.User, zabbix.Password })
	read(t, s)
	_, _, session := s.api.known()
	if err := s.api.logout(within(t)); err != nil || session == "" {
		t.Errorf("session %q: %v", session, err)
	}
	s.api.mu.Lock()
	s.api.session = session // which is over
	s.api.mu.Unlock()
	read(t, s)
	if _, _, another := s.api.known(); another == session || another == "" {
		t.Errorf("it goes on with session %q", another)
	}
}

// What changes is seen with the next reading.
func realFlips(t *testing.T, server *zabbix.Server, s *Source) {
	const name = "HTTP on web server fails"
	is := func(want string) func() bool {
		return func() bool { return brief(find(t, read(t, s).Checks, "web1", name)) == want }
	}
	before := time.Now()
	server.Set(t, "web1/http", 1)
	daemon.WaitFor(t, "a problem", is("CRITICAL open"))
	c := find(t, read(t, s).Checks, "web1", name)
	if c.Since.Before(before.Add(-2*time.Second)) || time.Since(c.Since).Abs() > time.Minute || c.Output != name+": 1" || !strings.Contains(c.Link, "/tr_events.php?triggerid=") {
		t.Errorf("%+v", c)
	}
	server.Set(t, "web1/http", 0)
	daemon.WaitFor(t, "its end", is("OK"))
	if c := find(t, read(t, s).Checks, "web1", name); c.Since.Before(before.Add(-2*time.Second)) || time.Since(c.Since).Abs() > time.Minute {
		t.Errorf("OK since %s", c.Since)
	}
	// What hides another is over: the other shows.
	server.Set(t, "db1/postgres", 0)
	daemon.WaitFor(t, "what was hidden", func() bool { return brief(find(t, read(t, s).Checks, "db1", "Replica is behind")) == "WARNING open" })
	server.Set(t, "db1/postgres", 1)
	daemon.WaitFor(t, "it to be hidden", func() bool {
		return brief(find(t, read(t, s).Checks, "db1", "Replica is behind")) == "WARNING suppressed"
	})
}

func realAcknowledge(t *testing.T, server *zabbix.Server) {
	a := monitor.Acknowledgement{Host: "db1", Name: "PostgreSQL refuses connections", Author: "ops", Comment: "seen; \"on it\""}
	may := realSource(t, server, zabbix.User, nil)
	if _, err := may.Acknowledge(within(t), a); err == nil {
		t.Error("a source that was never read acknowledges")
	}
	mayNot := realSource(t, server, zabbix.Reader, nil)
	read(t, mayNot)
	if _, err := mayNot.Acknowledge(within(t), a); monitor.ReasonOf(err) != monitor.NoRight || !strings.Contains(err.Error(), "acknowledge") {
		t.Errorf("%v", err)
	}
	read(t, may)
	if did, err := may.Acknowledge(within(t), a); err != nil || did == "" {
		t.Errorf("%q, %v", did, err)
	}
	if c := find(t, read(t, may).Checks, "db1", a.Name); brief(c) != "CRITICAL acknowledged" {
		t.Error(brief(c))
	}
	if did, err := may.Acknowledge(within(t), a); err != nil || did != "is acknowledged already" {
		t.Errorf("%q, %v", did, err)
	}
	for _, other := range []monitor.Acknowledgement{{Host: "web1", Name: "HTTP on web server fails"}, {Host: "web1", Name: "no such"}, {Host: "gw1"}} {
		if did, err := may.Acknowledge(within(t), other); err == nil {
			t.Errorf("%+v: %s", other, did)
		}
	}
	if said := string(server.API(t, "event.get", map[string]any{"select_acknowledges": []string{"message"}, "output": []string{"name"}})); !strings.Contains(said, `ops: seen; \"on it\"`) {
		t.Errorf("%s", said)
	}
}

// A trigger that is new is there with its first problem; a host that is disabled is not
// there any more.
func realChanges(t *testing.T, server *zabbix.Server, s *Source) {
	read(t, s)
	server.Add(t, "edge1", "fresh", "Something fresh")
	server.Send(t, "edge1", "fresh", 1)
	daemon.WaitFor(t, "a new trigger", func() bool { return briefs(read(t, s))["edge1!Something fresh"] == "CRITICAL open" })

	server.Disable(t, "edge1")
	late := s.now
	s.now = func() time.Time { return late().Add(2 * inventoryEvery) }
	defer func() { s.now = late }()
	daemon.WaitFor(t, "a host to be gone", func() bool { return hostNames(read(t, s)) == "cache1 db1 gw1 web1 zabbix" })
	if c := briefs(read(t, s)); c["edge1!Something is odd"] != "" {
		t.Errorf("what is disabled is read: %v", c)
	}
}

// A server that hangs is told by when it was last heard of, whoever asks.
func realHung(t *testing.T, server *zabbix.Server, s *Source) {
	user := realSource(t, server, zabbix.User, nil)
	read(t, user)
	server.Hang()
	defer server.Resume()
	for name, s := range map[string]*Source{"by its nodes": s, "by what it measures": user} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		zabbixHangs(ctx, t, name, s)
		cancel()
	}
	server.Resume()
	waitReason(t, s, "")
	waitReason(t, user, "")
}

func zabbixHangs(ctx context.Context, t *testing.T, name string, s *Source) {
	for {
		_, err := s.Read(ctx)
		switch {
		case monitor.ReasonOf(err) == monitor.OldData:
			t.Logf("%s: %v", name, err)
			return
		case err != nil:
			t.Errorf("%s: %v", name, err)
			return
		}
		select {
		case <-ctx.Done():
			t.Errorf("%s: nothing is said", name)
			return
		case <-time.After(time.Second):
		}
	}
}
