package prometheus

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/need"
	"github.com/devops-trouble-map/dotm/test/redis"
)

// never are figures that no server of these tests has: its alerts were never read.
var never = map[string]served{
	"dotm_source_last_read_timestamp_seconds": {"gauge", "`source`, `kind`"},
}

// documented are the figures of the tables.
func documented(t *testing.T) map[string]served {
	t.Helper()
	out := map[string]served{}
	row := regexp.MustCompile("(?m)^\\| `(dotm_\\w+)` \\| (\\w+) \\|([^|]*)\\|([^|]*)\\|")
	for _, m := range row.FindAllStringSubmatch(read(t, "docs", "metrics.md"), -1) {
		if _, twice := out[m[1]]; twice {
			t.Errorf("%s is documented twice", m[1])
		}
		out[m[1]] = served{m[2], strings.Join(labelsOf(m[3]), ", ")}
	}
	return out
}

func labelsOf(cell string) []string {
	list := regexp.MustCompile("`\\w+`").FindAllString(cell, -1)
	slices.Sort(list)
	return list
}

// TestFigures: the document, the dashboard and the alerts speak of the figures that
// servers have, and the document of all of them.
func TestFigures(t *testing.T) {
	t.Parallel()
	alone, shared := serve(t), serve(t, "--redis", redis.Start(t).URL())
	have := alone.figures(t)
	maps.Copy(have, shared.figures(t))
	maps.Copy(have, never)
	for name, f := range have {
		f.labels = strings.Join(labelsOf(f.labels), ", ")
		have[name] = f
	}
	if diff := cmp.Diff(have, documented(t), cmp.AllowUnexported(served{})); diff != "" {
		t.Errorf("docs/metrics.md (-what servers have +what it says):\n%s", diff)
	}
	used := regexp.MustCompile(`\bdotm_\w+`)
	for _, file := range [][]string{{"packaging", "grafana", "dotm.json"}, {"packaging", "prometheus", "dotm.rules.yml"}, {"packaging", "prometheus", "dotm.rules.test.yml"}} {
		for _, name := range used.FindAllString(read(t, file...), -1) {
			_, plain := have[name]
			of := suffix.ReplaceAllString(name, "")
			if !plain && have[of].kind != "histogram" {
				t.Errorf("%s: there is no %s", filepath.Join(file...), name)
			}
		}
	}
}

// TestRules: Prometheus' own tool takes the alerts, and finds that each fires when it
// should and only then.
func TestRules(t *testing.T) {
	t.Parallel()
	need.Programs(t, "promtool")
	dir, err := filepath.Abs(filepath.Join("..", "..", "packaging", "prometheus"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "rules", "dotm.rules.yml"}, {"test", "rules", "dotm.rules.test.yml"}} {
		cmd := exec.Command("promtool", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	rules, tests, page := read(t, "packaging", "prometheus", "dotm.rules.yml"), read(t, "packaging", "prometheus", "dotm.rules.test.yml"), read(t, "docs", "metrics.md")
	alerts := regexp.MustCompile(`(?s)- alert: (\w+)\n.*?runbook_url: \S+/docs/metrics\.md#(\w+)\n`).FindAllStringSubmatch(rules, -1)
	if len(alerts) == 0 || len(alerts) != strings.Count(rules, "- alert: ") {
		t.Fatalf("of %d alerts %d have a page", strings.Count(rules, "- alert: "), len(alerts))
	}
	for _, a := range alerts {
		if a[2] != strings.ToLower(a[1]) || !strings.Contains(page, "\n### "+a[1]+"\n") {
			t.Errorf("docs/metrics.md does not explain %s at #%s", a[1], a[2])
		}
		for _, outcome := range []string{" fires\n", " is silent\n"} {
			if !strings.Contains(tests, a[1]+outcome) {
				t.Errorf("dotm.rules.test.yml: no case in which %s%s", a[1], outcome)
			}
		}
	}
	if n := strings.Count(page, "\n### Dotm"); n != len(alerts) {
		t.Errorf("docs/metrics.md explains %d alerts of %d", n, len(alerts))
	}
}

// server is a real Prometheus that scrapes a dotm twice a second.
type server struct {
	daemon.Daemon
	url string
}

func scrape(t *testing.T, d *dotm) *server {
	t.Helper()
	program := need.Program(t, "prometheus")
	dir := t.TempDir()
	rules, err := filepath.Abs(filepath.Join("..", "..", "packaging", "prometheus", "dotm.rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(`
global: {scrape_interval: 500ms, evaluation_interval: 500ms}
rule_files: [%q]
scrape_configs:
  - {job_name: dotm, scheme: https, tls_config: {ca_file: %q}, static_configs: [{targets: [%q]}]}
`, rules, d.ca, d.addr))
	s := &server{}
	addr := daemon.FreeAddr(t)
	s.url = "http://" + addr
	cmd := exec.Command(program, "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", addr)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	s.Run(t, cmd, filepath.Join(dir, "log"), nil)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", s.Log())
		}
		s.Kill()
	})
	return s
}

// answer is what Prometheus says (https://prometheus.io/docs/prometheus/latest/querying/api/).
type answer struct {
	Status, Error string
	Data          struct {
		Result []struct {
			Metric map[string]string
			Value  []any
		}
		Groups []struct {
			Rules []struct{ Name, Health, LastError, LastEvaluation, State string }
		}
	}
}

func (s *server) ask(path string, query url.Values) (a answer, err error) {
	resp, err := http.Get(s.url + path + "?" + query.Encode()) //nolint:noctx // a test's
	if err != nil {
		return a, err
	}
	defer func() { _ = resp.Body.Close() }()
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

func (s *server) query(expr string) (answer, error) {
	return s.ask("/api/v1/query", url.Values{"query": {expr}})
}

// mayLack are what questions are about of which a lone server without monitoring has
// nothing to say.
var mayLack = regexp.MustCompile(`dotm_replica_|dotm_source_last_read|dotm_stream_lag|dotm_stream_dropped|== 1|> 0`)

// TestPrometheus: a real Prometheus scrapes a server, evaluates the alerts without an
// error, and has an answer to what the dashboard asks.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	need.Programs(t, "prometheus")
	d := serve(t)
	s := scrape(t, d)
	daemon.WaitFor(t, "three scrapes", func() bool {
		a, err := s.query(`count_over_time(dotm_ready{job="dotm"}[1m]) >= 3`)
		return err == nil && len(a.Data.Result) == 1
	})
	board := dashboard(t)
	for _, expr := range board.exprs() {
		for name, value := range map[string]string{"$__rate_interval": "1m", "$job": "dotm", "$instance": ".*"} {
			expr = strings.ReplaceAll(expr, name, value)
		}
		a, err := s.query(expr)
		switch {
		case err != nil || a.Status != "success":
			t.Errorf("%s: %s %v", expr, a.Error, err)
		case len(a.Data.Result) == 0 && !mayLack.MatchString(expr):
			t.Errorf("%s has no answer", expr)
		}
	}
	firing := map[string]bool{}
	daemon.WaitFor(t, "an evaluation of all alerts", func() bool {
		a, err := s.ask("/api/v1/rules", nil)
		return err == nil && len(a.Data.Groups) > 0 && !slices.ContainsFunc(a.Data.Groups, func(g struct {
			Rules []struct{ Name, Health, LastError, LastEvaluation, State string }
		},
		) bool {
			for _, r := range g.Rules {
				if r.Health == "unknown" {
					return true
				}
				if r.Health != "ok" {
					t.Errorf("%s: %s", r.Name, r.LastError)
				}
				firing[r.Name] = r.State == "firing"
			}
			return false
		})
	})
	for name, on := range firing {
		if on {
			t.Errorf("%s fires at a server that fares well", name)
		}
	}
}

// board is a dashboard, as far as it must be right: the model of
// https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
type board struct {
	Title, UID    string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               *struct{ Type, UID string }
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct {
		Defaults struct{ Unit string }
	}
	Targets []struct {
		RefID, Expr, LegendFormat string
		Datasource                struct{ Type, UID string }
	}
}

func dashboard(t *testing.T) (b board) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, "packaging", "grafana", "dotm.json")), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *board) exprs() (out []string) {
	for i := range b.Panels {
		for _, q := range b.Panels[i].Targets {
			out = append(out, q.Expr)
		}
	}
	return out
}

// TestDashboard: what Grafana takes without a word and then shows wrongly.
func TestDashboard(t *testing.T) {
	b := dashboard(t)
	if b.Title == "" || b.UID == "" || b.SchemaVersion < 36 || len(b.exprs()) < 40 {
		t.Errorf("%+v", b)
	}
	known := []string{"none", "short", "s", "bytes", "Bps", "ops", "reqps", "percentunit"}
	variables := map[string]bool{"__rate_interval": true}
	for _, v := range b.Templating.List {
		variables[v.Name] = true
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for i := range b.Panels {
		p := &b.Panels[i]
		if ids[p.ID] || p.ID == 0 || p.Title == "" {
			t.Errorf("panel %d %q: no id or title of its own", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%q lies on %q or beyond the 24 columns", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if !slices.Contains([]string{"timeseries", "stat"}, p.Type) || p.Description == "" || !slices.Contains(known, p.FieldConfig.Defaults.Unit) || p.Datasource == nil || len(p.Targets) == 0 {
			t.Errorf("%q: %+v", p.Title, p)
		}
		refs := map[string]bool{}
		for _, q := range p.Targets {
			if refs[q.RefID] || q.RefID == "" || q.Datasource.UID != "${datasource}" || q.Datasource.Type != "prometheus" {
				t.Errorf("%q: %+v", p.Title, q)
			}
			refs[q.RefID] = true
			for _, v := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(q.Expr, -1) {
				if !variables[v[1]] {
					t.Errorf("%q: there is no variable %s", p.Title, v[0])
				}
			}
		}
	}
}
