//go:build linux

package realtest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// matches checks that each of the patterns matches a whole line of a text,
// and exactly one.
func matches(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if n := len(regexp.MustCompile(`(?m)^`+p+`$`).FindAllString(text, -1)); n != 1 {
			t.Errorf("%d lines match %s, want 1:\n%s", n, p, text)
		}
	}
}

// shopScene is one host with a bit of everything, for the commands to show.
func shopScene(t *testing.T) (h host, redis *stage.Program) {
	t.Helper()
	h, _ = twoHosts(t)
	h.Nginx(t, "location / { return 204; }", "80", "[::]:80")
	redis = h.Redis(t, 6379, "127.0.0.1", "::1")
	h.Reachable(t, "127.0.0.1:80", "[::1]:80", "127.0.0.1:6379", "[::1]:6379")
	orders := h.Puppet(t, "orders")
	orders.Dial(t, 2, "tcp", "127.0.0.1:6379")
	orders.Dial(t, 1, "tcp", "[::1]:80")
	orders.Dial(t, 1, "udp", dbAddress+":514")
	return h, redis
}

// sent is a report as the format describes it.
type sent struct {
	Version    string
	IntervalMS int `json:"interval_ms"`
	Node       struct{ Name string }
	Interfaces []struct {
		Name      string
		Addresses []string
	}
	Listeners []struct {
		Protocol, Address, Process, User string
		Port, PID                        int
	}
	Connections []sentRow
	Notes       []struct{ Code string }
}

type sentRow struct {
	Direction, Protocol, Process, Peer string
	Port, Count                        int
}

// lines gives each row of a report a line.
func (r *sent) lines() string {
	var b strings.Builder
	for _, l := range r.Listeners {
		fmt.Fprintf(&b, "%s %s %s %d %s %d\n", l.Process, l.Protocol, l.Address, l.Port, l.User, l.PID)
	}
	for _, c := range r.Connections {
		fmt.Fprintf(&b, "%s %s %s %s %d ×%d\n", c.Process, c.Direction, c.Protocol, c.Peer, c.Port, c.Count)
	}
	return b.String()
}

// checkSent checks a report about the scene.
func checkSent(t *testing.T, text string, redis *stage.Program) {
	t.Helper()
	var r sent
	decode(t, text, &r)
	r.Connections = slices.DeleteFunc(r.Connections, func(c sentRow) bool { return c.Count == 0 }) // closed since the start
	if r.Version != "1.1" || r.Node.Name != "web1" || len(r.Listeners) != 4 || len(r.Connections) != 5 {
		t.Errorf("version %q of %q with %d listeners and %d connections, want 1.1 of web1 with 4 and 5",
			r.Version, r.Node.Name, len(r.Listeners), len(r.Connections))
	}
	pid := redis.PID()
	matches(
		t, r.lines(),
		`nginx tcp 0\.0\.0\.0 80 root \d+`,
		`nginx tcp :: 80 root \d+`,
		fmt.Sprintf(`redis-server tcp 127\.0\.0\.1 6379 root %d`, pid),
		fmt.Sprintf(`redis-server tcp ::1 6379 root %d`, pid),
		`orders out tcp 127\.0\.0\.1 6379 ×2`,
		`redis-server in tcp 127\.0\.0\.1 6379 ×2`,
		`orders out tcp ::1 80 ×1`,
		`nginx in tcp ::1 80 ×1`,
		`orders out udp 10\.77\.0\.2 514 ×1`,
	)
	if err := stage.ContainsAll(fmt.Sprint(r.Interfaces), "eth0", webAddress+"/24", webAddress6+"/64", "lo", "127.0.0.1/8"); err != nil {
		t.Error(err)
	}
}

func TestScan(t *testing.T) {
	h, redis := shopScene(t)
	text := h.output(t, "scan")
	matches(
		t, text,
		`SERVICE +PROTO +LISTENS ON +USER +CLIENTS`,
		`nginx +tcp +\*:80 +root`,
		`nginx +tcp +\[::\]:80 +root +1`,
		`redis-server +tcp +127\.0\.0\.1:6379 +root +2`,
		`redis-server +tcp +\[::1\]:6379 +root`,
		`CONNECTION +PROTO +OPEN +(OPENED +)?RTT`,
		`orders → 127\.0\.0\.1:6379 +tcp +2.*`,
		`redis-server:6379 ← 127\.0\.0\.1 +tcp +2.*`,
		`orders → \[::1\]:80 +tcp +1.*`,
		`nginx:80 ← ::1 +tcp +1.*`,
		`orders → 10\.77\.0\.2:514 +udp +1`,
		`4 services, \d+ connections from \d+ sockets in [\d.]+ ms \(sock_diag\)\.`,
		`Only this network namespace is seen.*`,
	)
	open := 0
	for line := range strings.Lines(text) {
		if (strings.Contains(line, "→") || strings.Contains(line, "←")) && !strings.Contains(line, "(closed)") {
			open++
		}
	}
	if open != 5 {
		t.Errorf("%d connections, want 5:\n%s", open, text)
	}
	checkSent(t, h.output(t, "scan", "--json"), redis)
}

// A dry run prints what would be sent, and sends nothing: there is no server.
func TestDryRun(t *testing.T) {
	h, redis := shopScene(t)
	checkSent(t, h.output(t, "agent", "--dry-run"), redis)
	checkSent(t, h.output(t, "agent", "--dry-run", "--server", "http://127.0.0.1:1"), redis)
}

func TestMap(t *testing.T) {
	h, redis := shopScene(t)
	d := h.up(t, stage.OpenDir(t))
	want := chart.Scene{
		Nodes: []string{"web1 host reporting", dbAddress + " inferred inferred"},
		Services: []string{
			"web1 nginx tcp/80 listening 0.0.0.0,::",
			"web1 redis-server tcp/6379 listening 127.0.0.1,::1 loopback",
			dbAddress + " (hidden) udp/514 seen " + dbAddress,
		},
		Edges: []string{
			"web1/orders → web1/redis-server:6379/tcp ×2 both",
			"web1/orders → web1/nginx:80/tcp ×1 both",
			"web1/orders → " + dbAddress + ":514/udp ×1",
		},
	}
	c := d.Shows(t, want, "web1")
	text := h.output(t, "map")
	matches(
		t, text,
		`web1 \(this machine\)`,
		`  nginx :80`,
		`    ← orders ×1`,
		`  redis-server :6379 \(loopback only\)`,
		`    ← orders ×2`,
		`  → orders → 10\.77\.0\.2:514 ×1`,
		`Reporting: 1 of 2 nodes\. Revision \S+\. Hidden: \d+ \(--hide none shows all\)\.`,
	)
	var shown chart.Chart
	decode(t, h.output(t, "map", "--json", "--hide", "none"), &shown)
	if err := shown.Differ(want); err != nil {
		t.Error(err)
	}
	if shown.Node("web1").Name != c.Node("web1").Name || !shown.Node("web1").FirstSeen.Equal(c.Node("web1").FirstSeen) {
		t.Errorf("the map shows another node than the chart: %+v", shown.Node("web1"))
	}

	redis.Kill()
	want.Services[1] = strings.Replace(want.Services[1], "listening", "gone", 1)
	want.Edges[0] = "web1/orders → web1/redis-server:6379/tcp ×0 both"
	d.Shows(t, want, "web1")
	matches(
		t, h.output(t, "map", "--server", d.URL),
		`  redis-server :6379 \(loopback only\) \(gone since \S+Z\)`,
		`    ← orders ×0`,
	)
}

func TestConfigCommands(t *testing.T) {
	h := newHost(t, "web1")
	path := stage.OpenDir(t) + "/dotm.yaml"
	stage.Write(t, path, "listen: 127.0.0.1:4851\nsettings:\n  ageing: 3s\n  ignored_ports: [6379]\n")
	if got, want := h.output(t, "config", "check", path), path+" is fine.\n"; got != want {
		t.Errorf("config check says %q, want %q", got, want)
	}
	var check struct {
		File string
		OK   bool
	}
	decode(t, h.output(t, "config", "check", "--json", path), &check)
	if !check.OK || check.File != path {
		t.Errorf("config check --json says %+v", check)
	}
	// What print prints is a configuration itself.
	printed := path + ".printed"
	stage.Write(t, printed, h.output(t, "config", "print", path))
	if got := h.output(t, "config", "print", printed); got != h.output(t, "config", "print", path) {
		t.Errorf("what config print printed, printed again, is %q", got)
	}

	d := h.Serve(t, "127.0.0.1:4851", []string{"up", "--config", path, "--data", stage.OpenDir(t)})
	var s struct {
		Settings struct {
			Ageing       string `json:"ageing"`
			IgnoredPorts []int  `json:"ignored_ports"`
		} `json:"settings"`
		Locked []string `json:"locked"`
	}
	if err := d.Get(t.Context(), "/settings", &s); err != nil {
		t.Fatal(err)
	}
	if s.Settings.Ageing != "3s" || fmt.Sprint(s.Settings.IgnoredPorts, s.Locked) != "[6379] [ageing ignored_ports]" {
		t.Errorf("the settings in force are %+v", s)
	}
	for patch, status := range map[string]int{
		`{"ageing":"1m"}`: 409, `{"hide_after":"-1s"}`: 422, `{"hide_after":"soon"}`: 422, `{"hide":"1m"}`: 422, `{"hide_after":"1h"}`: 200,
	} {
		if got, body, err := d.Do(t.Context(), "PATCH", "/settings", "application/json", []byte(patch)); err != nil || got != status {
			t.Errorf("PATCH %s: %d, want %d (%v)\n%s", patch, got, status, err, body)
		}
	}
}

func TestVersion(t *testing.T) {
	h := newHost(t, "web1")
	var v struct{ Version, Revision, Go, Platform string }
	decode(t, h.output(t, "version", "--json"), &v)
	if v.Version == "" || v.Revision == "" || !strings.HasPrefix(v.Go, "go1.") || !strings.HasPrefix(v.Platform, "linux/") {
		t.Errorf("version --json is %+v", v)
	}
	want := fmt.Sprintf("dotm %s (%s, %s, %s)\n", v.Version, v.Revision, v.Go, v.Platform)
	if got := h.output(t, "version"); got != want {
		t.Errorf("version says %q, want %q", got, want)
	}
	var served struct{ Version, Listen string }
	if err := h.up(t, stage.OpenDir(t)).Get(t.Context(), "/version", &served); err != nil || served.Version != v.Version || served.Listen != local {
		t.Errorf("the server says %+v (%v)", served, err)
	}
}
