package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/api/agents"
	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
)

// concrete is a request that a pattern serves.
func concrete(pattern string) (method, path string) {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = http.MethodGet, pattern
	}
	return method, strings.NewReplacer("{name}", "nobody", "{id}", "x", "{format}", "svg", "{level}", "node", "{system}", "nagios").Replace(path)
}

// TestEveryRouteHasARule: and every rule a route. What comes new is for
// administrators only until somebody wrote down who else may.
func TestEveryRouteHasARule(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	patterns := api.Patterns(s.Options)
	for _, pattern := range patterns {
		if _, ok := api.Rules()[pattern]; !ok {
			t.Errorf("%s has no rule: say in rules.go which role it takes, and under which name it stands in the audit log", pattern)
		}
	}
	for pattern, ru := range api.Rules() {
		if !slices.Contains(patterns, pattern) {
			t.Errorf("%s has a rule, and nothing serves it", pattern)
		}
		if ru.Role != "" && !ru.Role.Known() {
			t.Errorf("%s takes the role %q", pattern, ru.Role)
		}
	}
}

// TestRoutesTakeTheirRole asks for everything as a stranger, and with a token of
// each role.
func TestRoutesTakeTheirRole(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	tokens := s.Scripts(t)
	special := []string{agents.EnrolPath, agents.CertificatePath, api.LinksPath, api.Prefix + "/stream"} // see the tests of agents, links and the stream
	for pattern, ru := range api.Rules() {
		method, path := concrete(pattern)
		if slices.Contains(special, path) {
			continue
		}
		if a := s.Do(t, method, path, ""); (a.StatusCode == http.StatusUnauthorized) != (ru.Role != "") && path != api.Prefix+"/login" && path != api.Prefix+"/setup" {
			t.Errorf("%s: a stranger is answered %s", pattern, a.Status)
		}
		for role, header := range tokens {
			a := s.Do(t, method, path, "", header...)
			if ru.Role == "" || role.May(ru.Role) {
				if a.StatusCode == http.StatusUnauthorized && ru.Role != "" || a.StatusCode == http.StatusForbidden && path != api.Prefix+"/password" {
					t.Errorf("%s: role %s is refused: %s %s", pattern, role, a.Status, a.Text)
				}
				continue
			}
			want := "this takes the role " + string(ru.Role)
			if pattern == "POST "+api.Prefix+"/reports" {
				want = "agent has no identity"
			}
			if !strings.Contains(string(a.Text), want) || a.StatusCode/100 != 4 {
				t.Errorf("%s: role %s is answered %s %s", pattern, role, a.Status, a.Text)
			}
		}
	}
	served.Refused(t, s.Do(t, http.MethodPost, api.LinksPath, "", tokens[auth.Admin]...), http.StatusForbidden)
	served.Refused(t, s.Get(t, api.Prefix+"/stream"), http.StatusUnauthorized)
}

// TestEveryWriteIsAudited does everything that writes, badly, and looks for its
// entry.
func TestEveryWriteIsAudited(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	doc, _ := served.OpenAPI(t, served.New(t, served.Options{}))
	header := s.Scripts(t)[auth.Admin]
	for pattern, ru := range api.Rules() {
		method, path := concrete(pattern)
		reads := method == http.MethodGet
		_, silent := api.Unwritten()[pattern]
		if !reads && ru.What == "" && !silent {
			t.Errorf("%s writes, and is in no log: name it in rules, or give a reason in unwritten", pattern)
		}
		if silent && (ru.What != "" || reads) {
			t.Errorf("%s has a reason not to be written, and needs none", pattern)
		}
		_, template, _ := strings.Cut(pattern, " ")
		if op, ok := doc.Paths[template][strings.ToLower(method)]; ok && ru.What != "" && op.OperationID != ru.What {
			t.Errorf("%s stands in the log as %s, the description calls it %s", pattern, ru.What, op.OperationID)
		}
		if path == agents.EnrolPath || path == agents.CertificatePath || path == api.Prefix+"/stream" {
			continue // see TestAgentsAreAudited
		}
		before := len(s.Entries(t))
		a := s.Do(t, method, path, "", header...)
		after := s.Entries(t)
		if ru.What == "" {
			if len(after) != before {
				t.Errorf("%s: %d entries come of it: %+v", pattern, len(after)-before, after[0])
			}
			continue
		}
		if len(after) != before+1 {
			t.Errorf("%s: %d entries come of it", pattern, len(after)-before)
			continue
		}
		e := after[0]
		want := audit.Done
		if a.StatusCode >= 500 {
			want = audit.Failed
		} else if a.StatusCode >= 400 {
			want = audit.Refused
		}
		if e.What != ru.What || e.Result != want || e.Status != a.StatusCode || e.Kind != audit.Token || e.Who != "admin" || e.Role != "admin" || e.From != "127.0.0.1" || time.Since(e.At) > time.Minute {
			t.Errorf("%s: %s, and the entry is %+v", pattern, a.Status, e)
		}
		if want != audit.Done && e.Why == "" {
			t.Errorf("%s: the entry doesn't say why: %+v, the answer is %s", pattern, e, a.Text)
		}
	}
}

// TestRefusedIsAudited: who may not is written down, unless it is a stranger, who
// could fill the log.
func TestRefusedIsAudited(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	header := s.Scripts(t)[auth.Viewer]
	for range 3 {
		s.Do(t, http.MethodPatch, api.Prefix+"/settings", `{"ageing":"1m"}`)
		s.Do(t, http.MethodPatch, api.Prefix+"/settings", `{"ageing":"1m"}`, served.Bearer("dotm1t.x."+auth.NewSecret())...)
	}
	if got := s.Entries(t); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	served.Refused(t, s.Do(t, http.MethodPatch, api.Prefix+"/settings", `{"ageing":"1m"}`, header...), http.StatusForbidden)
	got := s.Entries(t)
	if len(got) != 1 || got[0].Result != audit.Refused || got[0].Why != "this takes the role operator, and this login or token has viewer" || got[0].Who != "viewer" || got[0].What != "change-settings" {
		t.Errorf("%+v", got)
	}
}

// TestStrangersCannotFillTheLog: what nobody judged is not in it, and of logins
// only so many.
func TestStrangersCannotFillTheLog(t *testing.T) {
	now := shop.Noon
	s := served.New(t, served.Options{Login: true, Clock: func() time.Time { return now }})
	for _, call := range []string{"POST /login", "POST /setup", "POST /logout", "POST /enrol", "GET /login/oidc/callback?state=x", "POST /certificate"} {
		method, path, _ := strings.Cut(call, " ")
		s.Do(t, method, api.Prefix+path, "{}")
		s.Do(t, method, api.Prefix+path, "")
	}
	if got := s.Entries(t); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	for range 60 + 10 {
		now = now.Add(2 * time.Hour) // the address is forgiven
		served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/setup", `{"secret":"x","password":"x"}`), http.StatusUnauthorized)
	}
	if got := s.Entries(t); len(got) != 60 {
		t.Errorf("%d entries", len(got))
	}
}

// TestAuditTells what changed, and no secret.
func TestAuditTells(t *testing.T) {
	s := served.New(t, served.Options{Login: true, Monitoring: &served.Systems{}})
	cookie := s.SignIn(t)
	s.Do(t, http.MethodPost, api.Prefix+"/login", `{"user":"admin","password":"hunter2hunter2"}`)
	s.Do(t, http.MethodPost, api.Prefix+"/login", `{"user":"my password","password":"x"}`)
	asJSON := append(cookie, "Content-Type", "application/json")
	for _, step := range []struct{ method, path, body string }{
		{http.MethodPatch, "/settings", `{"ageing":"9m","ignored_ports":[1]}`},
		{http.MethodPost, "/sources", `{"name":"nag","kind":"nagios","url":"https://192.0.2.1/nagios","user":"dotm","password":"hunter3hunter3"}`},
		{http.MethodPut, "/sources/nag", `{"kind":"nagios","url":"https://192.0.2.1/nagios","user":"dotm","password":"hunter4hunter4"}`},
		{http.MethodPatch, "/roles", `{"names":{"pool-x":"shop"}}`},
		{http.MethodPost, "/users", `{"name":"bob","role":"viewer"}`},
		{http.MethodPatch, "/users/bob", `{"role":"operator"}`},
		{http.MethodPost, "/api-tokens", `{"name":"grafana","role":"viewer","expires_in":"1h"}`},
		{http.MethodDelete, "/users/bob", ``},
	} {
		if a := s.Do(t, step.method, api.Prefix+step.path, step.body, asJSON...); a.StatusCode/100 != 2 {
			t.Fatalf("%s %s: %s %s", step.method, step.path, a.Status, a.Text)
		}
	}
	var got []string
	log := s.Entries(t)
	slices.Reverse(log)
	for _, e := range log {
		line := string(e.Kind) + " " + e.Who + " " + e.What + " " + e.On
		for _, c := range e.Changes {
			line += " | " + c.Field + ": " + c.Before + " > " + c.After
		}
		got = append(got, line+" = "+string(e.Result))
	}
	want := []string{
		"socket  new-login-link admin = done",
		"user admin setup admin = done",
		"user admin login  = refused",
		"user  login  = refused",
		`user admin change-settings ageing, ignored_ports | ageing: "5m0s" > "9m0s" | ignored_ports: [22,25,53,111,631,953,2049,4848,4949,5666,24007,24009] > [1] = done`,
	}
	for i, line := range want {
		if i >= len(got) || got[i] != line {
			t.Errorf("line %d is\n%s\nwant\n%s", i, got[min(i, len(got)-1)], line)
		}
	}
	all := strings.Join(got, "\n")
	for _, part := range []string{
		`user admin add-source nag`, `| password:  > (secret)`, `| url:  > "https://192.0.2.1/nagios"`,
		"user admin change-source nag", `user admin choose-roles  | names.pool-x:  > "shop" = done`,
		`user admin add-user bob | role:  > "viewer" = done`, `user admin change-user bob | role: "viewer" > "operator" = done`,
		`user admin create-api-token grafana | expires:  > "1h"`, `user admin remove-user bob | role: "operator" >  = done`,
	} {
		if !strings.Contains(all, part) {
			t.Errorf("the log lacks %s:\n%s", part, all)
		}
	}
	raw, err := json.Marshal(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter", served.Password, "dotm1t.", "my password"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// TestAgentsAreAudited: enrolling, renewing and being revoked.
func TestAgentsAreAudited(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	id, relay := s.Enrol(t, s.Token(t, `{"names":["relay1"]}`), "edge", "", `,"certificate_request":"Y3Nydg=="`)
	s.Do(t, http.MethodPost, api.Prefix+"/certificate", `{"certificate_request":"Y3Nydg=="}`, relay...)
	s.Do(t, http.MethodPatch, api.Prefix+"/settings", `{}`, relay...)
	s.Local(t, http.MethodDelete, api.Prefix+"/agents/"+id, "")
	var got []string
	for _, e := range s.Entries(t) {
		got = append(got, string(e.Kind)+" "+e.Who+" "+e.Role+" "+e.What+" "+e.On+" "+string(e.Result))
	}
	want := []string{"socket  admin revoke-agent " + id + " done", "agent edge relay change-settings  refused", "agent edge relay renew-certificate  done", "agent   enrol edge done"}
	if len(got) != 5 || !slices.Equal(got[:4], want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

// TestReadingTheAuditLog by the API.
func TestReadingTheAuditLog(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	cookie := s.SignIn(t)
	tokens := s.Scripts(t)
	viewer := tokens[auth.Viewer]
	for range 3 {
		s.Do(t, http.MethodPost, api.Prefix+"/logout", "", viewer...)
	}
	ask := func(query string) (out struct {
		Entries []audit.Entry
		More    bool
	},
	) {
		t.Helper()
		a := s.Get(t, api.Prefix+"/audit?"+query, cookie...)
		if err := json.Unmarshal(a.Text, &out); err != nil || a.StatusCode != http.StatusOK || a.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s %s, %v", a.Status, a.Text, err)
		}
		return out
	}
	if got := ask(""); len(got.Entries) != 5 || got.More || got.Entries[0].What != "logout" || got.Entries[4].What != "new-login-link" {
		t.Errorf("%+v", got)
	}
	if got := ask("limit=2"); len(got.Entries) != 2 || !got.More {
		t.Errorf("%+v", got)
	}
	if got := ask("what=setup&who=ADMIN&result=done&find=127.0&from=-1h"); len(got.Entries) != 1 || got.Entries[0].How != "password" && got.Entries[0].How != "" {
		t.Errorf("%+v", got)
	}
	if got := ask("to=-1h"); got.Entries == nil || len(got.Entries) != 0 {
		t.Errorf("%+v", got)
	}
	served.Refused(t, s.Get(t, api.Prefix+"/audit?from=yesterday", cookie...), http.StatusUnprocessableEntity)
	for role, header := range tokens {
		if a := s.Get(t, api.Prefix+"/audit", header...); (a.StatusCode == http.StatusOK) != (role == auth.Admin) {
			t.Errorf("%s: %s", role, a.Status)
		}
	}
}

// TestOperatorsChangeAFewSettings: those about names and mapping.
func TestOperatorsChangeAFewSettings(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	header := append(s.Scripts(t)[auth.Operator], "Content-Type", "application/json")
	for body, want := range map[string]int{
		`{"aliases":{"a":"web"}}`:                          http.StatusOK,
		`{"names":[{"address":"10.0.0.7","name":"lamp"}]}`: http.StatusOK,
		`{"mapping":[]}`:                                   http.StatusOK,
		`{"ageing":"9m"}`:                                  http.StatusForbidden,
		`{"names":[],"audit_retention":"1s"}`:              http.StatusForbidden,
	} {
		a := s.Do(t, http.MethodPatch, api.Prefix+"/settings", body, header...)
		if a.StatusCode != want {
			t.Errorf("%s: %s %s", body, a.Status, a.Text)
		}
	}
	if in, _ := s.Model.Settings(); in.Ageing != 300*1e9 || len(in.Names) != 1 {
		t.Errorf("%+v", in)
	}
}
