// Package monitoring has a real dotm read real monitoring systems: what they say
// is on the chart, on the service that it is about, and gone when it is over.
package monitoring

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/program"
	"github.com/devops-trouble-map/dotm/topology"
)

// patience is how long anything may take: that a daemon hangs is known after a
// minute.
const patience = 100 * time.Second

var binary string

func TestMain(m *testing.M) { os.Exit(program.Main(m, &binary)) }

// dotm is a server with the hosts of the scene on its chart.
type dotm struct {
	url, dir string
	log      bytes.Buffer
	cmd      *exec.Cmd
	sequence uint64
	http     uint16 // where web1's nginx listens
}

// start runs dotm serve, and has the hosts of the scene report.
func start(t *testing.T) *dotm { return startOn(t, 80) }

// startOn is start with another port of web1's nginx.
func startOn(t *testing.T, http uint16) *dotm {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	d := &dotm{url: "http://" + address, dir: t.TempDir(), http: http}
	d.cmd = exec.Command(binary, "serve", "--listen", address, "--data", d.dir)
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.cmd.Process.Signal(syscall.SIGTERM)
		_ = d.cmd.Wait()
		if t.Failed() {
			t.Logf("dotm:\n%s", d.log.String())
		}
	})
	waitFor(t, "dotm", func() bool { return d.get("/readyz", nil) == nil })
	d.report(t)
	return d
}

// report has each host of the scene report what runs there.
func (d *dotm) report(t *testing.T) {
	t.Helper()
	d.sequence++
	for i, h := range []struct {
		name      string
		listeners map[string]uint16
	}{
		{"web1", map[string]uint16{"nginx": d.http, "sshd": 22}},
		{"db1", map[string]uint16{"postgres": 5432, "sshd": 22}},
		{"cache1", map[string]uint16{"redis-server": 6379, "sshd": 22}},
		{"gw1", map[string]uint16{"sshd": 22}},
		{"edge1", map[string]uint16{"nginx": 443, "sshd": 22}},
		{"new1", map[string]uint16{"sshd": 22}},
	} {
		r := &report.Report{
			Version: report.Version, Node: report.Node{Name: h.name, Identity: report.Identity{Kind: report.IdentityMachine, Value: "machine of " + h.name}},
			Agent: report.Agent{Version: "test", Method: "sock_diag", Instance: "i"}, Sequence: d.sequence, Time: time.Now(), IntervalMS: 600_000,
			Interfaces: []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.1.0.%d/24", i+1))}}},
		}
		for process, port := range h.listeners {
			r.Listeners = append(r.Listeners, report.Listener{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: port, Process: process})
		}
		slices.SortFunc(r.Listeners, func(a, b report.Listener) int { return int(a.Port) - int(b.Port) })
		if err := d.do(http.MethodPost, "/api/v1/reports", r, nil); err != nil {
			t.Fatal(err)
		}
	}
}

var client = &http.Client{Timeout: 30 * time.Second}

func (d *dotm) get(path string, out any) error { return d.do(http.MethodGet, path, nil, out) }

func (d *dotm) do(method, path string, body, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, d.url+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s %s %w", method, path, resp.Status, answer, err)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// add has dotm read a source.
func (d *dotm) add(t *testing.T, o *monitor.Options) {
	t.Helper()
	if err := d.do(http.MethodPost, "/api/v1/sources", o, nil); err != nil {
		t.Fatal(err)
	}
}

// source is the state of one.
func (d *dotm) source(t *testing.T, name string) monitor.State {
	t.Helper()
	var list struct{ Sources []monitor.State }
	if err := d.get("/api/v1/sources", &list); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list.Sources, func(s monitor.State) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("there is no source %s: %+v", name, list.Sources)
	}
	return list.Sources[i]
}

// checks are spelled: host, name, status, how it is handled, what it is about.
func (d *dotm) checks(t *testing.T) (out []string) {
	t.Helper()
	var list struct{ Checks []topology.Check }
	if err := d.get("/api/v1/checks", &list); err != nil {
		t.Fatal(err)
	}
	for i := range list.Checks {
		out = append(out, spelled(&list.Checks[i]))
	}
	slices.Sort(out)
	return out
}

func spelled(c *topology.Check) string {
	words := []string{c.Host + "/" + c.Name, string(c.Status)}
	for _, how := range []struct {
		on   bool
		word string
	}{
		{!c.Hard, "soft"}, {c.Acknowledged, "acknowledged"}, {c.Downtime, "downtime"}, {c.Flapping, "flapping"}, {c.Suppressed, "symptom"}, {c.Stale, "stale"},
	} {
		if how.on {
			words = append(words, how.word)
		}
	}
	about := c.Node
	if c.Service != "" {
		about = c.Service
	}
	return strings.Join(words, " ") + " @ " + about
}

// verdicts are what the chart shows of the nodes: the worst, and the worst that is
// open, and of each service that has any.
func (d *dotm) verdicts(t *testing.T) map[string]string {
	t.Helper()
	var chart struct {
		Nodes []struct {
			Name, Status string
			Open         string `json:"open_status"`
			Stale        bool   `json:"status_stale"`
		}
		Services []struct {
			ID, Status string
			Open       string `json:"open_status"`
		}
	}
	if err := d.get("/api/v1/topology?hide=none", &chart); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, n := range chart.Nodes {
		if out[n.Name] = n.Status + " " + n.Open; n.Stale {
			out[n.Name] += " stale"
		}
	}
	for _, s := range chart.Services {
		if s.Status != "NONE" {
			out[s.ID] = s.Status + " " + s.Open
		}
	}
	return out
}

// told waits for a change of the stream after which ok says yes, and returns how
// long that took since begin.
func (d *dotm) told(t *testing.T, begin time.Time, what string, ok func() bool) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+"/api/v1/stream?hide=none", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if ok() {
		return time.Since(begin)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data:") && ok() {
			return time.Since(begin)
		}
	}
	t.Fatalf("%s: not told within %s", what, patience)
	return 0
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); <-time.After(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// web is the service that web1's http is about.
func (d *dotm) web() string { return fmt.Sprintf("web1~tcp~%d", d.http) }

// scene is what every system says of its hosts, apart from what it can't tell.
func (d *dotm) scene() []string {
	return []string{
		"cache1/ UP @ cache1",
		"cache1/memory WARNING @ cache1",
		"cache1/redis OK @ cache1~tcp~6379",
		"db1/ UP @ db1",
		"db1/backup UNKNOWN downtime @ db1",
		"db1/postgres CRITICAL @ db1~tcp~5432",
		"db1/replication CRITICAL soft @ db1",
		"edge1/ UNREACHABLE @ edge1",
		"edge1/https CRITICAL symptom @ edge1~tcp~443",
		"gw1/ DOWN @ gw1",
		"gw1/ssh CRITICAL symptom @ gw1~tcp~22",
		"new1/ PENDING @ new1",
		"web1/ UP @ web1",
		"web1/Disk /var WARNING acknowledged @ web1",
		"web1/http OK @ " + d.web(),
		"web1/ntp PENDING @ web1",
	}
}

// showsScene waits until the scene is on the chart as it should be. What flaps has
// either status.
func (d *dotm) showsScene(t *testing.T) {
	t.Helper()
	d.showsChecks(t, func(line string) string { return line })
	var diff string
	ok := func() bool {
		v := d.verdicts(t)
		if v["edge1"] == "CRITICAL UNREACHABLE" { // its service is a mere symptom
			v["edge1"] = "UNREACHABLE UNREACHABLE"
		}
		want := map[string]string{
			"web1": "WARNING UP", "db1": "CRITICAL CRITICAL", "gw1": "DOWN DOWN", "edge1": "UNREACHABLE UNREACHABLE", "new1": "PENDING PENDING",
			d.web(): "OK OK", "db1~tcp~5432": "CRITICAL CRITICAL", "cache1~tcp~6379": "OK OK", "gw1~tcp~22": "CRITICAL NONE", "edge1~tcp~443": "CRITICAL NONE",
		}
		delete(v, "cache1")
		diff = cmp.Diff(want, v)
		return diff == ""
	}
	for end := time.Now().Add(patience); !ok(); <-time.After(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the chart (-want +got):\n%s", diff)
		}
	}
}

// showsAgain is [dotm.showsScene] of a system that may have forgotten what somebody
// did there.
func (d *dotm) showsAgain(t *testing.T) {
	t.Helper()
	d.showsChecks(t, strings.NewReplacer(" acknowledged", "", " downtime", "").Replace)
}

func (d *dotm) showsChecks(t *testing.T, read func(string) string) {
	t.Helper()
	var diff string
	ok := func() bool {
		var want, got []string
		for _, line := range d.scene() {
			want = append(want, read(line))
		}
		for _, line := range d.checks(t) {
			if strings.HasPrefix(line, "db1/replication") { // of the node, or of its only database
				line = strings.TrimSuffix(line, "~tcp~5432")
			}
			if !strings.HasPrefix(line, "cache1/load") {
				got = append(got, read(line))
			}
		}
		diff = cmp.Diff(want, got)
		return diff == ""
	}
	for end := time.Now().Add(patience); !ok(); <-time.After(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the scene (-want +got):\n%s", diff)
		}
	}
}
