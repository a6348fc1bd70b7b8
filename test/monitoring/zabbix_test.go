package monitoring

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/test/zabbix"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestZabbix: its kind is found out, what its triggers find is on the chart, a flipped
// state comes and goes, a problem is acknowledged from dotm, and its server is stopped,
// hangs, and comes back.
func TestZabbix(t *testing.T) {
	t.Parallel()
	s := zabbix.Start(t)
	s.Settle(t)
	d := startOn(t, 8080) // the port that an item names
	d.add(t, &monitor.Options{Name: "n", URL: s.URL, Password: s.Tokens[zabbix.Admin], Interval: second, Acknowledge: true})
	if is := d.source(t, "n"); is.Kind != monitor.Zabbix || !strings.Contains(is.Acknowledges, "Zabbix") {
		t.Fatalf("the source is taken for %s, and %q", is.Kind, is.Acknowledges)
	}
	scene := []string{
		"cache1/Größe 91% \\ <b>fett</b> WARNING downtime @ cache1",
		"cache1/Redis does not answer OK downtime @ cache1~tcp~6379",
		"db1/Backup is old UNKNOWN @ db1",
		"db1/PostgreSQL refuses connections CRITICAL @ db1~tcp~5432",
		"db1/Replica is behind WARNING symptom @ db1~tcp~5432", // its item's key begins with pgsql
		"edge1/Something is odd UNKNOWN @ edge1",
		"edge1/edge is unreachable OK @ edge1",
		"gw1/ DOWN @ gw1",
		"gw1/Load is high (average) OK @ gw1",
		"gw1/Load is high OK @ gw1",
		"gw1/gateway is unreachable CRITICAL symptom @ gw1", // of the host that is down
		"web1/ UP @ web1",
		"web1/Clock of web server is off by … s OK @ web1",
		"web1//var on web server is almost full WARNING acknowledged @ web1",
		"web1/HTTP on web server fails OK @ web1~tcp~8080",
	}
	shows := func(want []string) {
		t.Helper()
		var diff string
		for end := time.Now().Add(patience); ; <-time.After(100 * time.Millisecond) {
			got := d.checks(t)
			if diff = cmp.Diff(slices.Sorted(slices.Values(want)), got); diff == "" {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the scene (-want +got):\n%s", diff)
			}
		}
	}
	shows(scene)
	is := func(service, want string) func() bool {
		return func() bool { return d.verdicts(t)[service] == want }
	}
	for n := range 3 {
		begin := time.Now()
		s.Set(t, "web1/http", 1)
		t.Logf("%d: a new problem is told %s after it was there", n, d.told(t, begin, "a new problem", is(d.web(), "CRITICAL CRITICAL")).Round(time.Millisecond))
		begin = time.Now()
		s.Set(t, "web1/http", 0)
		t.Logf("%d: its end is told %s after it", n, d.told(t, begin, "its end", is(d.web(), "OK OK")).Round(time.Millisecond))
	}

	var did struct{ Did string }
	id := topology.CheckID("n", "db1", "PostgreSQL refuses connections")
	if err := d.do(http.MethodPost, "/api/v1/checks/"+id+"/acknowledge", map[string]string{"comment": "on it"}, &did); err != nil || did.Did == "" {
		t.Fatalf("%q, %v", did.Did, err)
	}
	waitFor(t, "the acknowledgement", is("db1~tcp~5432", "CRITICAL NONE"))
	for i := range scene {
		scene[i] = strings.Replace(scene[i], "connections CRITICAL", "connections CRITICAL acknowledged", 1)
	}
	shows(scene)

	s.Stop()
	waitFor(t, "a stopped server to be told", func() bool { return d.source(t, "n").Error != nil })
	t.Logf("stopped: %+v", d.source(t, "n").Error)
	waitFor(t, "what it said to be stale", is("edge1", "UNKNOWN NONE stale"))
	waitFor(t, "the source to be so, too", func() bool { return d.source(t, "n").State == monitor.Blind })
	s.Run(t)
	shows(scene)
	if st := d.source(t, "n"); st.State != monitor.Fine || st.Error != nil {
		t.Errorf("the source is %s, %+v", st.State, st.Error)
	}

	s.Hang()
	waitFor(t, "a hanging server to be told", func() bool { return d.source(t, "n").Error != nil })
	t.Logf("hanging: %+v", d.source(t, "n").Error)
	waitFor(t, "what it said to be stale", is("edge1", "UNKNOWN NONE stale"))
	s.Resume()
	shows(scene)
}
