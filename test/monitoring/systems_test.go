package monitoring

import (
	"errors"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/test/alertmanager"
	"github.com/devops-trouble-map/dotm/test/icinga2"
	"github.com/devops-trouble-map/dotm/test/nagios"
	"github.com/devops-trouble-map/dotm/topology"
)

// system is a monitoring system that a test can act on.
type system interface {
	Set(t testing.TB, what string, code int, text string)
	Stop()
	Hang()
	Resume()
	Restart(t testing.TB)
}

// second is how often the tests have sources read.
const second = topology.Duration(time.Second)

func TestNagios(t *testing.T) {
	t.Parallel()
	s := nagios.Start(t)
	life(t, s, &monitor.Options{Name: "n", URL: s.URL, User: nagios.User, Password: nagios.Password, Interval: second}, monitor.Nagios, 80)
}

func TestNagiosFiles(t *testing.T) {
	t.Parallel()
	s := nagios.Start(t)
	life(t, s, &monitor.Options{Name: "n", URL: "file://" + s.Dir, Interval: second}, monitor.Nagios, 80)
}

func TestIcinga2(t *testing.T) {
	t.Parallel()
	s := icinga2.Start(t)
	s.Settle(t)
	life(t, s, &monitor.Options{
		Name: "n", URL: s.URL, User: icinga2.User, Password: icinga2.Password, Interval: second,
		TLS: monitor.TLS{CAFile: s.CAFile, ServerName: icinga2.NodeName},
	}, monitor.Icinga2, 8080) // the port that its check names
}

func TestLivestatus(t *testing.T) {
	t.Parallel()
	s := icinga2.Start(t)
	s.Settle(t)
	life(t, s, &monitor.Options{Name: "n", URL: s.Livestatus, Interval: second}, monitor.Livestatus, 80)
}

// life goes through what happens to a source: its kind is found out, its scene is
// shown, a flipped state comes and goes, the daemon is stopped, hangs, and comes
// back.
func life(t *testing.T, s system, o *monitor.Options, kind monitor.Kind, http uint16) {
	t.Helper()
	d := startOn(t, http)
	d.add(t, o)
	if is := d.source(t, "n"); is.Kind != kind {
		t.Fatalf("the source is taken for %s", is.Kind)
	}
	d.showsScene(t)
	d.showsDeclared(t, kind)

	is := func(service, want string) func() bool {
		return func() bool { return d.verdicts(t)[service] == want }
	}
	begin := time.Now()
	s.Set(t, "web1/http", 2, "HTTP 500")
	t.Logf("a new problem is told %s after it was there", d.told(t, begin, "a new problem", is(d.web(), "CRITICAL CRITICAL")).Round(time.Millisecond))
	begin = time.Now()
	s.Set(t, "web1/http", 0, "HTTP 200")
	t.Logf("its end is told %s after it", d.told(t, begin, "its end", is(d.web(), "OK OK")).Round(time.Millisecond))

	s.Stop()
	waitFor(t, "a stopped daemon to be told", func() bool { return d.source(t, "n").Error != nil })
	t.Logf("stopped: %+v", d.source(t, "n").Error)
	waitFor(t, "what it said to be stale", is("db1~tcp~5432", "CRITICAL NONE"))
	waitFor(t, "the source to be so, too", func() bool { return d.source(t, "n").State == monitor.Blind })
	s.Restart(t)
	d.showsAgain(t)
	if st := d.source(t, "n"); st.State != monitor.Fine || st.Error != nil {
		t.Errorf("the source is %s, %+v", st.State, st.Error)
	}

	s.Hang()
	waitFor(t, "a hanging daemon to be told", func() bool { return d.source(t, "n").Error != nil })
	t.Logf("hanging: %+v", d.source(t, "n").Error)
	waitFor(t, "what it said to be stale", is("db1~tcp~5432", "CRITICAL NONE"))
	s.Resume()
	d.showsAgain(t)
}

// showsDeclared looks for what the scene's people declared. Livestatus has no
// dependencies but parents.
func (d *dotm) showsDeclared(t *testing.T, kind monitor.Kind) {
	t.Helper()
	var list struct{ Declared []monitor.Relation }
	if err := d.get("/api/v1/declared", &list); err != nil {
		t.Fatal(err)
	}
	got := map[string]monitor.Relation{}
	for _, r := range list.Declared {
		line := string(r.Kind) + " " + r.Of.Host + "/" + r.Of.Name + " " + r.Group
		if r.To != nil {
			line += r.To.Host + "/" + r.To.Name
		}
		got[line] = r
	}
	want := []string{"group gw1/ branch", "group web1/ shop-hosts", "parent edge1/ gw1/"}
	if kind != monitor.Livestatus {
		want = append(want, "dependency web1/http db1/postgres")
	}
	for _, line := range want {
		if _, is := got[line]; !is {
			t.Errorf("%q is missing among %v", line, slices.Sorted(maps.Keys(got)))
		}
	}
	if r := got["dependency web1/http db1/postgres"]; kind != monitor.Livestatus && (r.Of.Service != d.web() || r.To.Service != "db1~tcp~5432" || r.Observed != monitor.SeenNone) {
		t.Errorf("the dependency is %+v to %+v", r, r.To)
	}
	if kind != monitor.Livestatus {
		d.showsDrift(t)
	}
}

// showsDrift: what people declared and nobody sees is told as such, with status 1.
func (d *dotm) showsDrift(t *testing.T) {
	t.Helper()
	out, err := exec.Command(binary, "drift", "--server", d.url, "--declared-by", "n").Output()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 1 {
		t.Errorf("dotm drift: %v", err)
	}
	if want := "MISSING  n: web1 http depends on db1 postgres  web1 http → db1 postgres\n"; !strings.Contains(string(out), want) {
		t.Errorf("dotm drift says\n%s, and not %s", out, want)
	}
}

// TestAlertmanager: what fires is shown, by reading and, at once, by the webhook;
// what is over is gone.
func TestAlertmanager(t *testing.T) {
	t.Parallel()
	d := start(t)
	s := alertmanager.Start(t, d.url+"/api/v1/webhooks/alertmanager")
	s.Scene(t)
	d.add(t, &monitor.Options{Name: "n", URL: s.URL, User: alertmanager.User, Password: alertmanager.Password, Interval: topology.Duration(10 * time.Second)})
	if is := d.source(t, "n"); is.Kind != monitor.Alertmanager {
		t.Fatalf("the source is taken for %s", is.Kind)
	}
	want := []string{
		"/BackupMissing UNKNOWN @ ",
		"cache1/MemoryHigh WARNING @ cache1~tcp~6379", // its job is redis
		"db1/PostgresDown CRITICAL @ db1~tcp~5432",
		"db1/ReplicationLag WARNING symptom @ db1~tcp~5432",
		"gw1/HostDown CRITICAL @ gw1",
		"web1/DiskFull WARNING acknowledged @ web1",
	}
	var diff string
	scene := func() bool {
		diff = cmp.Diff(want, d.checks(t))
		return diff == ""
	}
	for end := time.Now().Add(patience / 2); !scene(); <-time.After(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the scene (-want +got):\n%s", diff)
		}
	}

	is := func(service, want string) func() bool {
		return func() bool { return d.verdicts(t)[service] == want }
	}
	slow := alertmanager.Alert{Labels: map[string]string{"alertname": "Slow", "severity": "critical", "instance": "web1:80"}}
	begin := time.Now()
	s.Send(t, slow)
	t.Logf("a new alert is told %s after it was sent", d.told(t, begin, "a new alert", is("web1~tcp~80", "CRITICAL CRITICAL")).Round(time.Millisecond))
	begin = time.Now()
	s.Resolve(t, slow)
	t.Logf("its end is told %s after it", d.told(t, begin, "its end", is("web1~tcp~80", "")).Round(time.Millisecond))

	s.Hang()
	waitFor(t, "a hanging Alertmanager to be told", func() bool { return d.source(t, "n").Error != nil })
	waitFor(t, "what it said to be stale", is("db1~tcp~5432", "CRITICAL NONE"))
	s.Resume()
	waitFor(t, "it to be read again", is("db1~tcp~5432", "CRITICAL CRITICAL"))
	s.Stop()
	waitFor(t, "a stopped Alertmanager to be told", func() bool { return d.source(t, "n").Error != nil })
	waitFor(t, "what it said to be stale", is("db1~tcp~5432", "CRITICAL NONE"))
}
