// Package alertmanager starts a real Prometheus Alertmanager for tests, with the
// alerts of a small site: firing, silenced, inhibited, without a host. It lives on a
// free port of loopback, below a path and behind a Basic login, in a folder of the
// test, and ends with it.
package alertmanager

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/need"
)

// The login.
const User, Password = "dotm", "dotm-secret"

// Silencer is who silenced an alert of the scene, and Comment why.
const Silencer, Comment = "alice", "cleaning up, ticket 4711"

// Server is one Alertmanager. It can be ended ([Server.Stop]), made to hang
// ([Server.Hang], [Server.Resume]), and started again ([Server.Restart]): then it
// has forgotten its alerts, but not its silences.
type Server struct {
	daemon.Daemon
	// URL is that of the pages, with the path that they are below.
	URL string

	addr, dir string
	client    *http.Client
}

// Alert is one that somebody sends.
type Alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"startsAt,omitzero"`
	EndsAt       time.Time         `json:"endsAt,omitzero"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// Start starts a server that knows no alert yet. It tells what changes to each of
// the webhooks, within two seconds.
func Start(t testing.TB, webhooks ...string) *Server {
	t.Helper()
	need.Programs(t, "prometheus-alertmanager", "htpasswd")
	s := &Server{addr: daemon.FreeAddr(t), dir: t.TempDir(), client: &http.Client{Timeout: 5 * time.Second}}
	s.URL = "http://" + s.addr + "/alerts"
	s.write(t, "alertmanager.yml", configuration(webhooks))
	s.write(t, "web.yml", "basic_auth_users:\n  "+User+": "+hash(t)+"\n")
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("%s:\n%s", s.URL, s.Log())
		}
	})
	s.run(t)
	return s
}

// hash is the password as the server wants it.
func hash(t testing.TB) string {
	t.Helper()
	cmd := exec.Command("htpasswd", "-inB", "-C", "5", User)
	cmd.Stdin = strings.NewReader(Password)
	out, err := cmd.Output()
	_, secret, ok := strings.Cut(strings.TrimSpace(string(out)), ":")
	if err != nil || !ok {
		t.Fatalf("htpasswd: %v", err)
	}
	return secret
}

func configuration(webhooks []string) string {
	text := `route:
  receiver: all
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
inhibit_rules:
  - {source_matchers: ['severity="critical"'], target_matchers: ['severity="warning"'], equal: [host]}
receivers:
  - name: all
`
	if len(webhooks) == 0 {
		return text
	}
	var b strings.Builder
	b.WriteString(text + "    webhook_configs:\n")
	for _, w := range webhooks {
		fmt.Fprintf(&b, "      - {url: %q, send_resolved: true}\n", w)
	}
	return b.String()
}

func (s *Server) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) run(t testing.TB) {
	t.Helper()
	s.Run(t, exec.Command("prometheus-alertmanager",
		"--config.file="+filepath.Join(s.dir, "alertmanager.yml"), "--web.config.file="+filepath.Join(s.dir, "web.yml"),
		"--storage.path="+filepath.Join(s.dir, "data"), "--web.listen-address="+s.addr, "--web.external-url="+s.URL, "--cluster.listen-address="),
		filepath.Join(s.dir, "log"), nil)
	daemon.WaitFor(t, "Alertmanager at "+s.URL, func() bool { return s.try("/api/v2/status", nil, nil) == nil })
}

// Restart ends the server, if it runs, and starts it.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	s.run(t)
}

// try asks the API; with in it posts that.
func (s *Server) try(path string, in, out any) error {
	method, body := http.MethodGet, []byte(nil)
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
		method = http.MethodPost
	}
	req, err := http.NewRequest(method, s.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth(User, Password)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("%s %s: %s %s", method, path, resp.Status, answer), err)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// Send sends alerts as Prometheus does. One without a beginning began now, one
// without an end lasts a day.
func (s *Server) Send(t testing.TB, alerts ...Alert) {
	t.Helper()
	now := time.Now().UTC()
	for i := range alerts {
		if alerts[i].StartsAt.IsZero() {
			alerts[i].StartsAt = now
		}
		if alerts[i].EndsAt.IsZero() {
			alerts[i].EndsAt = now.Add(24 * time.Hour)
		}
	}
	if err := s.try("/api/v2/alerts", alerts, nil); err != nil {
		t.Fatal(err)
	}
}

// Resolve ends an alert.
func (s *Server) Resolve(t testing.TB, a Alert) {
	t.Helper()
	now := time.Now().UTC()
	a.StartsAt, a.EndsAt = now.Add(-time.Hour), now.Add(-time.Second)
	s.Send(t, a)
}

// Set has an alert begin, or end with code 0, as the check of another system would
// change its state: what is "web1/http", code 1 is a warning, 2 critical, 3 neither.
func (s *Server) Set(t testing.TB, what string, code int, text string) {
	t.Helper()
	host, name, _ := strings.Cut(what, "/")
	a := Alert{Labels: map[string]string{"alertname": name, "host": host}, Annotations: map[string]string{"summary": text}}
	// The severity is a part of an alert's identity.
	for i, severity := range []string{"warning", "critical", ""} {
		if a.Labels["severity"] = severity; severity == "" {
			delete(a.Labels, "severity")
		}
		if i+1 == code {
			s.Send(t, a)
		} else {
			s.Resolve(t, a)
		}
	}
}

// Silenced says whether an alert is silenced, by its name.
func (s *Server) Silenced(t testing.TB, name string) bool {
	t.Helper()
	var list []struct {
		Labels map[string]string
		Status struct{ SilencedBy []string }
	}
	if err := s.try("/api/v2/alerts", nil, &list); err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		if a.Labels["alertname"] == name {
			return len(a.Status.SilencedBy) > 0
		}
	}
	return false
}

// Matcher is a condition of a silence.
type Matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual bool   `json:"isEqual"`
}

// Silence is one that the server knows.
type Silence struct {
	Matchers  []Matcher `json:"matchers"`
	StartsAt  time.Time `json:"startsAt"`
	EndsAt    time.Time `json:"endsAt"`
	CreatedBy string    `json:"createdBy"`
	Comment   string    `json:"comment"`
}

// Silences are all of them, those of the past too.
func (s *Server) Silences(t testing.TB) (list []Silence) {
	t.Helper()
	if err := s.try("/api/v2/silences", nil, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// Scene sends the alerts of the scene, and waits until they show what they are to
// show: DiskFull is silenced, ReplicationLag inhibited by PostgresDown.
func (s *Server) Scene(t testing.TB) {
	t.Helper()
	s.Send(t, Scene()...)
	s.silence(t, "DiskFull", "web1")
	daemon.WaitFor(t, "the scene", func() bool {
		var list []struct {
			Status struct{ State string }
		}
		if err := s.try("/api/v2/alerts", nil, &list); err != nil {
			return false
		}
		suppressed := 0
		for _, a := range list {
			if a.Status.State == "suppressed" {
				suppressed++
			}
		}
		return len(list) == len(Scene()) && suppressed == 2
	})
}

func (s *Server) silence(t testing.TB, name, host string) {
	t.Helper()
	now := time.Now().UTC()
	err := s.try("/api/v2/silences", &Silence{
		Matchers: []Matcher{{Name: "alertname", Value: name, IsEqual: true}, {Name: "host", Value: host, IsEqual: true}},
		StartsAt: now, EndsAt: now.Add(24 * time.Hour), CreatedBy: Silencer, Comment: Comment,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// Scene are the alerts of the scene.
func Scene() []Alert {
	said := func(text string) map[string]string { return map[string]string{"summary": text} }
	return []Alert{
		{
			Labels:       map[string]string{"alertname": "HostDown", "severity": "critical", "host": "gw1", "instance": "127.0.0.4:9100", "job": "node"},
			Annotations:  map[string]string{"summary": "gw1 does not answer", "description": "no scrape of 127.0.0.4:9100 for 5 minutes"},
			GeneratorURL: "http://prometheus.example.test/graph?g0.expr=up+%3D%3D+0",
		},
		{Labels: map[string]string{"alertname": "PostgresDown", "severity": "critical", "host": "db1", "instance": "127.0.0.2:5432", "job": "postgres"}, Annotations: said("connection refused on port 5432")},
		{Labels: map[string]string{"alertname": "ReplicationLag", "severity": "warning", "host": "db1", "instance": "127.0.0.2:5432", "job": "postgres"}, Annotations: said("replica is 900 s behind")},
		{Labels: map[string]string{"alertname": "DiskFull", "severity": "warning", "host": "web1", "instance": "127.0.0.1:9100", "job": "node", "mountpoint": "/var"}, Annotations: said("/var is 91% full")},
		{Labels: map[string]string{"alertname": "MemoryHigh", "severity": "warning", "instance": "cache1", "job": "redis"}, Annotations: said(`Größe 91% "voll" <b>fett</b> \ C:\temp`)},
		{Labels: map[string]string{"alertname": "Watchdog", "severity": "none"}, Annotations: said("always firing, belongs to no host")},
		{Labels: map[string]string{"alertname": "BackupMissing", "team": "storage"}, Annotations: said("nobody says how bad that is, nor where")},
	}
}
