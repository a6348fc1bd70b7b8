package declaration_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api/declaration"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/topology"
)

func declare(name, text string, more string) string {
	return fmt.Sprintf(`{"name":%q,"text":%q%s}`, name, text, more)
}

// TestDriftOverHTTP takes an unexpected connection from seen to declared, and on to one
// that is missing.
func TestDriftOverHTTP(t *testing.T) {
	s := served.Twins(t)
	if a := s.Get(t, api.Prefix+"/drift"); a.StatusCode != http.StatusNoContent || len(a.Text) > 0 {
		t.Errorf("nothing is declared: %s %q", a.Status, a.Text)
	}
	if p := served.Refused(t, s.Get(t, api.Prefix+"/drift/declaration"), http.StatusNotFound); !strings.Contains(p.Detail, "dotm drift --push FILE") {
		t.Error(p.Detail)
	}
	first := served.Read[struct{ Text string }](t, s, api.Prefix+"/drift/initial?exact=true").Text
	if !strings.Contains(first, "from: {node: web1, process: php}") {
		t.Fatal(first)
	}
	keep(t, s, declare("site.yaml", first, ""))
	got := served.Read[declaration.Drift](t, s, api.Prefix+"/drift")
	if got.Drift || len(got.Matching) == 0 || got.Declaration.Version != 1 || got.Declaration.Text != "" || got.Declaration.Name != "site.yaml" || got.Declaration.By == "" {
		t.Fatalf("%+v", got)
	}
	// Without the rule of web1 its connection is unexpected, and tells which rule it lacks.
	keep(t, s, declare("site.yaml", "allow:\n  - {from: web2, to: db}\n  - {from: web1, to: web2, port: 80}\n", `,"base":1`))
	got = served.Read[declaration.Drift](t, s, api.Prefix+"/drift")
	if len(got.Unexpected) != 1 || got.Unexpected[0].Client.Node != "web1" || got.Unexpected[0].Since.IsZero() || got.Unexpected[0].Allow != "  - from: {node: web1, process: php}\n    to: {node: db, process: postgres}\n    port: 5432\n" {
		t.Fatalf("%+v", got.Unexpected)
	}
	if len(got.Missing) != 1 || got.Missing[0].String() != "site.yaml:3" || strings.Join(got.Missing[0].FromNodes, "") != "web1" || strings.Join(got.Missing[0].ToNodes, "") != "web2" {
		t.Fatalf("%+v", got.Missing)
	}
	keep(t, s, declare("site.yaml", "allow:\n  - {from: web2, to: db}\n"+got.Unexpected[0].Allow, ""))
	if got = served.Read[declaration.Drift](t, s, api.Prefix+"/drift"); got.Drift || len(got.Matching) != 2 {
		t.Errorf("%+v", got)
	}
	// A part of the chart, and a moment; what is asked again has not changed.
	if part := served.Read[declaration.Drift](t, s, api.Prefix+"/drift?name=web2"); part.Connections != 0 {
		t.Errorf("%+v", part)
	}
	if then := served.Read[declaration.Drift](t, s, api.Prefix+"/drift?at=-0s&hide=none"); then.Connections == 0 {
		t.Errorf("%+v", then)
	}
	versions := served.Read[declaration.Declaration](t, s, api.Prefix+"/drift/declaration?version=1")
	if versions.Version != 1 || versions.Text != first || len(versions.Versions) != 3 || versions.Versions[0].Version != 3 || versions.Versions[0].Text != "" {
		t.Errorf("%+v", versions)
	}
	served.Refused(t, s.Get(t, api.Prefix+"/drift/declaration?version=9"), http.StatusNotFound)
	served.Refused(t, s.Get(t, api.Prefix+"/drift?within=soon"), http.StatusUnprocessableEntity)
	// Who wrote of an older version is told, and nothing is lost.
	served.Refused(t, s.Do(t, http.MethodPut, api.Prefix+"/drift/declaration", declare("x", first, `,"base":1`)), http.StatusConflict)
	if a := s.Do(t, http.MethodDelete, api.Prefix+"/drift/declaration", ""); a.StatusCode != http.StatusNoContent {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	served.Refused(t, s.Do(t, http.MethodDelete, api.Prefix+"/drift/declaration", ""), http.StatusNotFound)
	audited := string(s.Get(t, api.Prefix+"/audit").Text)
	if strings.Count(audited, "keep-declaration") != 4 || !strings.Contains(audited, "drop-declaration") || strings.Contains(audited, "web2, to: db") {
		t.Errorf("%s", audited)
	}
}

func keep(t *testing.T, s *served.Site, body string) {
	t.Helper()
	if a := s.Do(t, http.MethodPut, api.Prefix+"/drift/declaration", body); a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
}

// TestWrongDeclarations: of what is wrong line, field, rule and value are said, and nothing
// is kept.
func TestWrongDeclarations(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Settle(t, func(*topology.Snapshot) bool { return true })
	for _, c := range []struct{ text, rule, value string }{
		{"allow:\n  - {from: a, to: b, port: http}\n", "must be a port from 1 to 65535", `"value":{"line":2,"field":"allow[0].port","value":"http"}`},
		{"allow: [\n", "must be YAML", `"line":`},
		{"", "must hold a declaration", `"value":{}`},
		{"allow:\n" + strings.Repeat("# ", 1<<19), "must be at most", `"value":{}`},
	} {
		a := s.Do(t, http.MethodPut, api.Prefix+"/drift/declaration", declare("f.yaml", c.text, ""))
		if p := served.Refused(t, a, http.StatusUnprocessableEntity); len(p.Errors) != 1 || !strings.Contains(p.Errors[0].Message, c.rule) || !strings.Contains(string(a.Text), c.value) {
			t.Errorf("%.40q: %s", c.text, a.Text)
		}
	}
	a := s.Do(t, http.MethodPut, api.Prefix+"/drift/declaration", declare("f.yaml", "allow:\n- {from: a, to: b, port: 0}\n- {from: a}\n", ""))
	if p := served.Refused(t, a, http.StatusUnprocessableEntity); len(p.Errors) != 2 || !strings.Contains(string(a.Text), `"line":3`) {
		t.Errorf("two errors: %s", a.Text)
	}
	served.Refused(t, s.Get(t, api.Prefix+"/drift/declaration"), http.StatusNotFound)
	// Viewers read, operators write.
	l := served.New(t, served.Options{Login: true})
	scripts := l.Scripts(t)
	body := declare("f.yaml", "allow: []\n", "")
	served.Refused(t, l.Do(t, http.MethodPut, api.Prefix+"/drift/declaration", body, scripts[auth.Viewer]...), http.StatusForbidden)
	if a := l.Do(t, http.MethodPut, api.Prefix+"/drift/declaration", body, scripts[auth.Operator]...); a.StatusCode != http.StatusOK || !strings.Contains(string(a.Text), `"by":"operator"`) {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	if a := l.Get(t, api.Prefix+"/drift", scripts[auth.Viewer]...); a.StatusCode != http.StatusOK {
		t.Errorf("%s %s", a.Status, a.Text)
	}
}
