package nagios

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/test/daemon"
	bed "github.com/devops-trouble-map/dotm/test/nagios"
	"github.com/devops-trouble-map/dotm/topology"
)

// source makes a source; its data are old after 3 seconds.
func source(t *testing.T, opt monitor.Options) *Source {
	t.Helper()
	opt.Name, opt.Kind = "real", monitor.Nagios
	if err := opt.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	switch f := s.from.(type) {
	case *web:
		f.old = 3 * time.Second
	case *files:
		f.old = 3 * time.Second
	}
	return s
}

func read(t *testing.T, s *Source) (*monitor.Reading, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return s.Read(ctx)
}

// must reads and finds a check.
func must(t *testing.T, s *Source, host, name string) *mapping.Check {
	t.Helper()
	r, err := read(t, s)
	if err != nil {
		t.Fatal(err)
	}
	return find(t, r, host, name)
}

func find(t *testing.T, r *monitor.Reading, host, name string) *mapping.Check {
	t.Helper()
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Host == host && c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check %q of %q", name, host)
	return nil
}

func hostOf(t *testing.T, r *monitor.Reading, name string) *mapping.Host {
	t.Helper()
	for i := range r.Hosts {
		if r.Hosts[i].Name == name {
			return &r.Hosts[i]
		}
	}
	t.Fatalf("there is no host %q", name)
	return nil
}

// in writes what counts of a check on one line.
func in(c *mapping.Check) string {
	s := fmt.Sprintf("%s/%s %s", c.Host, c.Name, c.Status)
	for _, f := range []struct {
		is   bool
		word string
	}{{!c.Hard, "soft"}, {c.Acknowledged, "acknowledged"}, {c.Downtime, "downtime"}, {c.Flapping, "flapping"}} {
		if f.is {
			s += " " + f.word
		}
	}
	return s
}

// scene is what the real Nagios shows. The flapping check is what it just is.
var scene = []string{
	"cache1/ UP", "cache1/load flaps", "cache1/memory WARNING", "cache1/redis OK",
	"db1/ UP", "db1/backup UNKNOWN downtime", "db1/postgres CRITICAL", "db1/replication CRITICAL soft",
	"edge1/ UNREACHABLE", "edge1/https CRITICAL", "gw1/ DOWN", "gw1/ssh CRITICAL", "new1/ PENDING",
	"web1/ UP", "web1/Disk /var WARNING acknowledged", "web1/http OK", "web1/ntp PENDING",
}

func shows(r *monitor.Reading) (list []string) {
	for i := range r.Checks {
		line := in(&r.Checks[i])
		if r.Checks[i].Name == "load" && r.Checks[i].Flapping {
			line = "cache1/load flaps"
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}

// testScene checks a whole reading.
func testScene(t *testing.T, r *monitor.Reading, cgi string) {
	t.Helper()
	if got := shows(r); !slices.Equal(got, scene) {
		t.Errorf("it shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(scene, "\n"))
	}
	if r.Program != "Nagios Core" || !strings.HasPrefix(r.Version, "4.") || r.Age > 3*time.Second || time.Since(r.At) > 10*time.Second {
		t.Errorf("%s %s of %s, %s old", r.Program, r.Version, r.At, r.Age)
	}
	web1, edge1 := hostOf(t, r, "web1"), hostOf(t, r, "edge1")
	want := &mapping.Host{
		Name: "web1", Alias: "web server", Display: web1.Display, Addresses: []string{"127.0.0.1", "2001:db8::1"}, Groups: []string{"shop-hosts"},
		Notes: "https://wiki.example/web1",
	}
	if cgi != "" {
		want.Link = cgi + "/extinfo.cgi?type=1&host=web1"
	}
	if !reflect.DeepEqual(web1, want) {
		t.Errorf("web1 is  %+v\nwant it to be %+v", web1, want)
	}
	if !slices.Equal(edge1.Parents, []string{"gw1"}) || !slices.Equal(edge1.Groups, []string{"branch"}) {
		t.Errorf("edge1 is %+v", edge1)
	}
	wantDeps := []monitor.Dependency{{Host: "web1", ParentHost: "db1"}, {Host: "web1", Name: "http", ParentHost: "db1", ParentName: "postgres"}}
	deps := slices.Clone(r.Dependencies)
	slices.SortFunc(deps, func(a, b monitor.Dependency) int { return strings.Compare(a.Name, b.Name) })
	if !slices.Equal(deps, wantDeps) {
		t.Errorf("dependencies %+v", r.Dependencies)
	}
	testPostgres(t, find(t, r, "db1", "postgres"))
	disk := find(t, r, "web1", "Disk /var")
	if cgi != "" && disk.Link != cgi+"/extinfo.cgi?type=2&host=web1&service=Disk+%2Fvar" {
		t.Errorf("link %q", disk.Link)
	}
	if ntp := find(t, r, "web1", "ntp"); ntp.Interval != 0 || !ntp.LastCheck.IsZero() || !ntp.Since.IsZero() {
		t.Errorf("what is never looked at: %+v", ntp)
	}
	if got := find(t, r, "db1", "replication").Hints; !slices.Equal(got, []mapping.Hint{{Port: 5433, From: "custom variable _PORT"}}) {
		t.Errorf("replication hints %+v", got)
	}
}

func testPostgres(t *testing.T, c *mapping.Check) {
	t.Helper()
	now := time.Now()
	recent := func(at time.Time) bool { return now.Sub(at) < time.Minute && at.Before(now.Add(time.Second)) }
	if !recent(c.Since) || !recent(c.LastCheck) || c.Since.After(c.LastCheck) || c.Interval != topology.Duration(time.Second) {
		t.Errorf("since %s, looked at %s, every %s", c.Since, c.LastCheck, time.Duration(c.Interval))
	}
	if c.Kind != topology.ServiceCheck || c.Output != "connection refused on port 5432" || !slices.Equal(c.Groups, []string{"shop"}) {
		t.Errorf("postgres is %+v", c)
	}
	if !slices.Contains(c.Hints, mapping.Hint{Port: 5432, From: "command argument -p"}) {
		t.Errorf("postgres hints %+v", c.Hints)
	}
}

func TestReal(t *testing.T) {
	s := bed.Start(t)
	basic := monitor.Options{URL: s.URL, User: bed.User, Password: bed.Password}
	file := monitor.Options{URL: "file://" + s.Dir, Acknowledge: true}
	t.Run("scene", func(t *testing.T) {
		for _, tt := range []struct{ name, url, cgi string }{
			{"pages", s.URL, "/nagios4/cgi-bin"},
			{"host only", strings.TrimSuffix(s.URL, "/nagios4"), "/nagios4/cgi-bin"},
			{"folder of the CGIs", s.URL + "/cgi-bin/", "/nagios4/cgi-bin"},
			{"a CGI", s.URL + "/cgi-bin/status.cgi", "/nagios4/cgi-bin"},
			{"Digest", s.DigestURL, "/digest/cgi-bin"},
			{"no login", s.OpenURL, "/open/cgi-bin"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				r, err := read(t, source(t, monitor.Options{URL: tt.url, User: bed.User, Password: bed.Password}))
				if err != nil {
					t.Fatal(err)
				}
				testScene(t, r, strings.TrimSuffix(s.URL, "/nagios4")+tt.cgi)
				if got := find(t, r, "cache1", "memory").Output; got != "" || len(r.Notes) != 1 || r.Notes[0].Code != "texts-lost" {
					t.Errorf("text that is no ASCII: %q, notes %+v", got, r.Notes)
				}
			})
		}
	})
	t.Run("files", func(t *testing.T) {
		for _, url := range []string{s.Dir, filepath.Join(s.Dir, "status.dat"), filepath.Dir(s.Dir), s.Dir + "/status.dat?objects=" + s.Dir + "/objects.cache"} {
			r, err := read(t, source(t, monitor.Options{URL: "file://" + url}))
			if err != nil {
				t.Fatal(err)
			}
			testScene(t, r, "")
			if got := find(t, r, "cache1", "memory").Output; got != `Größe 91% "voll" <b>fett</b> \ C:\temp & a tab` || len(r.Notes) != 0 {
				t.Errorf("output %q, notes %+v", got, r.Notes)
			}
		}
		opt := file
		opt.Link = "https://nagios.example/nagios4/"
		if got := must(t, source(t, opt), "gw1", "").Link; got != "https://nagios.example/nagios4/cgi-bin/extinfo.cgi?type=1&host=gw1" {
			t.Errorf("link %q", got)
		}
	})
	t.Run("login", func(t *testing.T) { testLogins(t, s) })
	t.Run("flip", func(t *testing.T) { testFlip(t, s, source(t, basic), source(t, file)) })
	t.Run("acknowledge", func(t *testing.T) { testAcknowledge(t, s) })
	t.Run("old data", func(t *testing.T) { testHang(t, s, source(t, basic), source(t, file)) })
	t.Run("stopped", func(t *testing.T) { testStop(t, s, source(t, basic), source(t, file)) })
}

func testLogins(t *testing.T, s *bed.Server) {
	guest := monitor.Options{URL: s.URL, User: bed.GuestUser, Password: bed.GuestPassword}
	r, err := read(t, source(t, guest))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Hosts) != 0 || len(r.Checks) != 0 || len(r.Notes) != 1 || r.Notes[0].Code != "no-hosts" || !strings.Contains(r.Notes[0].Hint, "authorized_for_all_hosts") {
		t.Errorf("a login without rights reads %d hosts, notes %+v", len(r.Hosts), r.Notes)
	}
	for _, url := range []string{s.URL, s.DigestURL} {
		for user, password := range map[string]string{"": "", bed.User: "wrong"} {
			if _, err := read(t, source(t, monitor.Options{URL: url, User: user, Password: password})); monitor.ReasonOf(err) != monitor.NoLogin {
				t.Errorf("%s as %q: %v", url, user, err)
			}
		}
	}
	base := strings.TrimSuffix(s.URL, "/nagios4")
	_, err = read(t, source(t, monitor.Options{URL: base + "/elsewhere"}))
	if monitor.ReasonOf(err) != monitor.NotThere || !strings.Contains(err.Error(), "statusjson.cgi in "+base+"/elsewhere/cgi-bin, nor in") {
		t.Errorf("elsewhere: %v", err)
	}
	_, err = read(t, source(t, monitor.Options{URL: "https" + strings.TrimPrefix(s.URL, "http")}))
	if monitor.ReasonOf(err) != monitor.NotThere || !strings.Contains(err.Error(), "http://") {
		t.Errorf("https: %v", err)
	}
}

// testFlip sets a state and back.
func testFlip(t *testing.T, s *bed.Server, sources ...*Source) {
	for _, step := range []struct {
		code   int
		text   string
		status topology.Status
	}{{2, "HTTP 500", topology.Critical}, {0, "HTTP 200", topology.OK}} {
		s.Set(t, "web1/http", step.code, step.text)
		for _, source := range sources {
			daemon.WaitFor(t, step.text, func() bool {
				c := must(t, source, "web1", "http")
				if c.Status != step.status || !c.Hard || c.Output != step.text {
					return false
				}
				if bad := step.status == topology.Critical; bad != c.LastOK.Before(c.LastCheck) {
					t.Errorf("%s: last fine at %s, looked at %s", step.text, c.LastOK, c.LastCheck)
				}
				return true
			})
		}
	}
}

func testAcknowledge(t *testing.T, s *bed.Server) {
	web := monitor.Options{URL: s.URL, User: bed.User, Password: bed.Password, Acknowledge: true}
	digest := monitor.Options{URL: s.DigestURL, User: bed.User, Password: bed.Password, Acknowledge: true}
	file := monitor.Options{URL: "file://" + s.Dir + "?commands=" + s.Commands, Acknowledge: true}
	for _, tt := range []struct {
		opt        monitor.Options
		host, name string
		did        string
	}{
		{web, "db1", "postgres", "acknowledged in Nagios (cmd.cgi), until it is over"},
		{web, "gw1", "", "acknowledged in Nagios (cmd.cgi), until it is over"},
		{digest, "gw1", "ssh", "acknowledged in Nagios (cmd.cgi), until it is over"},
		{file, "cache1", "memory", "acknowledged in Nagios (its command pipe), until it is over"},
		{file, "edge1", "", "acknowledged in Nagios (its command pipe), until it is over"},
	} {
		src := source(t, tt.opt)
		if c := must(t, src, tt.host, tt.name); c.Acknowledged {
			t.Fatalf("%s %s is acknowledged before", tt.host, tt.name)
		}
		did, err := src.Acknowledge(t.Context(), monitor.Acknowledgement{Host: tt.host, Name: tt.name, Author: "Ada; the first", Comment: "looking; at it\nnow"})
		if err != nil || did != tt.did {
			t.Fatalf("%s %s: %q, %v", tt.host, tt.name, did, err)
		}
		daemon.WaitFor(t, tt.host+" "+tt.name+" to be acknowledged", func() bool { return must(t, src, tt.host, tt.name).Acknowledged })
	}
	if text := s.Status(); !strings.Contains(text, "comment_data=looking, at it now (Ada, the first)") {
		t.Errorf("the comment is not there: %s", text[strings.Index(text, "comment {"):])
	}
	for _, tt := range []struct {
		opt    monitor.Options
		host   string
		reason monitor.Reason
	}{
		{monitor.Options{URL: s.URL, User: bed.GuestUser, Password: bed.GuestPassword, Acknowledge: true}, "db1", monitor.NoRight},
		{monitor.Options{URL: s.URL, User: bed.User, Password: bed.Password}, "db1", monitor.NoRight},
		{monitor.Options{URL: s.URL, User: bed.User, Password: "wrong", Acknowledge: true}, "db1", monitor.NoLogin},
		{web, "db1;x\n", monitor.NotThere},
		{monitor.Options{URL: "file://" + s.Dir + "?commands=/nowhere", Acknowledge: true}, "db1", monitor.NotThere},
		{monitor.Options{URL: "file://" + s.Dir + "?commands=" + s.Dir + "/status.dat", Acknowledge: true}, "db1", monitor.NotThere},
	} {
		if did, err := source(t, tt.opt).Acknowledge(t.Context(), monitor.Acknowledgement{Host: tt.host, Name: "postgres"}); monitor.ReasonOf(err) != tt.reason {
			t.Errorf("%+v: %q, %v", tt, did, err)
		}
	}
}

// testHang stops the daemon where it is: its data grow old, and are good again
// after it goes on.
func testHang(t *testing.T, s *bed.Server, sources ...*Source) {
	s.Hang()
	for _, source := range sources {
		daemon.WaitFor(t, "old data", func() bool {
			_, err := read(t, source)
			if err == nil {
				return false
			}
			if monitor.ReasonOf(err) != monitor.OldData || !strings.Contains(err.Error(), "since 20") {
				t.Fatalf("it hangs: %v", err)
			}
			return true
		})
	}
	s.Resume()
	for _, source := range sources {
		daemon.WaitFor(t, "fresh data", func() bool { _, err := read(t, source); return err == nil })
	}
}

// testStop ends the daemon and starts it again, with another configuration.
func testStop(t *testing.T, s *bed.Server, sources ...*Source) {
	for _, source := range sources {
		if _, err := read(t, source); err != nil {
			t.Fatal(err)
		}
	}
	s.Stop()
	for _, source := range sources {
		if _, err := read(t, source); monitor.ReasonOf(err) != monitor.NotRunning || !strings.Contains(err.Error(), "Nagios is stopped") {
			t.Errorf("stopped: %v", err)
		}
		source.acknowledge = true
		if did, err := source.Acknowledge(t.Context(), monitor.Acknowledgement{Host: "gw1"}); err == nil {
			t.Errorf("a stopped one: %s", did)
		}
	}
	path := filepath.Join(filepath.Dir(s.Dir), "objects.cfg")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "alias web server", "alias renamed", 1)), 0o600|0o044); err != nil {
		t.Fatal(err)
	}
	s.Restart(t)
	for _, source := range sources {
		daemon.WaitFor(t, "the new configuration", func() bool {
			r, err := read(t, source)
			return err == nil && len(r.Hosts) == 6 && hostOf(t, r, "web1").Alias == "renamed"
		})
	}
}
