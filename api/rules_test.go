package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
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
	s := newSite(t, siteOptions{login: true})
	for _, pattern := range s.routes.patterns {
		if _, ok := rules[pattern]; !ok {
			t.Errorf("%s has no rule: say in rules.go which role it takes, and under which name it stands in the audit log", pattern)
		}
	}
	for pattern, ru := range rules {
		if !slices.Contains(s.routes.patterns, pattern) {
			t.Errorf("%s has a rule, and nothing serves it", pattern)
		}
		if ru.role != "" && !ru.role.Known() {
			t.Errorf("%s takes the role %q", pattern, ru.role)
		}
	}
}

// scripts are API tokens of each role, as headers.
func (s *site) scripts(t *testing.T) map[auth.Role][]string {
	t.Helper()
	out := map[auth.Role][]string{}
	for _, r := range []auth.Role{auth.Viewer, auth.Operator, auth.Admin} {
		text, _, err := s.logins.CreateAPIToken(t.Context(), people.TokenOptions{Name: string(r), Role: r})
		if err != nil {
			t.Fatal(err)
		}
		out[r] = bearer(text)
	}
	return out
}

// TestRoutesTakeTheirRole asks for everything as a stranger, and with a token of
// each role.
func TestRoutesTakeTheirRole(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	tokens := s.scripts(t)
	special := []string{enrolPath, certificatePath, linksPath, Prefix + "/stream"} // see the tests of agents, links and the stream
	for pattern, ru := range rules {
		method, path := concrete(pattern)
		if slices.Contains(special, path) {
			continue
		}
		if a := s.do(t, method, path, ""); (a.StatusCode == http.StatusUnauthorized) != (ru.role != "") && path != Prefix+"/login" && path != Prefix+"/setup" {
			t.Errorf("%s: a stranger is answered %s", pattern, a.Status)
		}
		for role, header := range tokens {
			a := s.do(t, method, path, "", header...)
			if ru.role == "" || role.May(ru.role) {
				if a.StatusCode == http.StatusUnauthorized && ru.role != "" || a.StatusCode == http.StatusForbidden && path != Prefix+"/password" {
					t.Errorf("%s: role %s is refused: %s %s", pattern, role, a.Status, a.body)
				}
				continue
			}
			want := "this takes the role " + string(ru.role)
			if pattern == "POST "+Prefix+"/reports" {
				want = "agent has no identity"
			}
			if !strings.Contains(string(a.body), want) || a.StatusCode/100 != 4 {
				t.Errorf("%s: role %s is answered %s %s", pattern, role, a.Status, a.body)
			}
		}
	}
	refused(t, s.do(t, http.MethodPost, linksPath, "", tokens[auth.Admin]...), http.StatusForbidden)
	refused(t, s.get(t, Prefix+"/stream"), http.StatusUnauthorized)
}

// TestUnwrittenRuleIsForAdmins: a route that nobody wrote a rule for is closed.
func TestUnwrittenRuleIsForAdmins(t *testing.T) {
	m := &router{ServeMux: http.NewServeMux()}
	m.HandleFunc("GET /new", func(http.ResponseWriter, *http.Request) {})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/new", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if got := (&handler{mux: m}).ruleOf(r); got.role != auth.Admin || got.what == "" {
		t.Errorf("%+v", got)
	}
}

// entries is the audit log, the newest first.
func (s *site) entries(t *testing.T) []audit.Entry {
	t.Helper()
	list, _, err := s.model.AuditLog(t.Context(), time.Time{}, time.Now().Add(time.Hour), audit.Filter{}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestEveryWriteIsAudited does everything that writes, badly, and looks for its
// entry.
func TestEveryWriteIsAudited(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	doc, _ := openAPI(t, newSite(t, siteOptions{}))
	header := s.scripts(t)[auth.Admin]
	for pattern, ru := range rules {
		method, path := concrete(pattern)
		reads := method == http.MethodGet
		_, silent := unwritten[pattern]
		if !reads && ru.what == "" && !silent {
			t.Errorf("%s writes, and is in no log: name it in rules, or give a reason in unwritten", pattern)
		}
		if silent && (ru.what != "" || reads) {
			t.Errorf("%s has a reason not to be written, and needs none", pattern)
		}
		_, template, _ := strings.Cut(pattern, " ")
		if op, ok := doc.Paths[template][strings.ToLower(method)]; ok && ru.what != "" && op.OperationID != ru.what {
			t.Errorf("%s stands in the log as %s, the description calls it %s", pattern, ru.what, op.OperationID)
		}
		if path == enrolPath || path == certificatePath || path == Prefix+"/stream" {
			continue // see TestAgentsAreAudited
		}
		before := len(s.entries(t))
		a := s.do(t, method, path, "", header...)
		after := s.entries(t)
		if ru.what == "" {
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
		if e.What != ru.what || e.Result != want || e.Status != a.StatusCode || e.Kind != audit.Token || e.Who != "admin" || e.Role != "admin" || e.From != "127.0.0.1" || time.Since(e.At) > time.Minute {
			t.Errorf("%s: %s, and the entry is %+v", pattern, a.Status, e)
		}
		if want != audit.Done && e.Why == "" {
			t.Errorf("%s: the entry doesn't say why: %+v, the answer is %s", pattern, e, a.body)
		}
	}
}

// TestRefusedIsAudited: who may not is written down, unless it is a stranger, who
// could fill the log.
func TestRefusedIsAudited(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	header := s.scripts(t)[auth.Viewer]
	for range 3 {
		s.do(t, http.MethodPatch, Prefix+"/settings", `{"ageing":"1m"}`)
		s.do(t, http.MethodPatch, Prefix+"/settings", `{"ageing":"1m"}`, bearer("dotm1t.x."+auth.NewSecret())...)
	}
	if got := s.entries(t); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	refused(t, s.do(t, http.MethodPatch, Prefix+"/settings", `{"ageing":"1m"}`, header...), http.StatusForbidden)
	got := s.entries(t)
	if len(got) != 1 || got[0].Result != audit.Refused || got[0].Why != "this takes the role operator, and this login or token has viewer" || got[0].Who != "viewer" || got[0].What != "change-settings" {
		t.Errorf("%+v", got)
	}
}

// TestStrangersCannotFillTheLog: what nobody judged is not in it, and of logins
// only so many.
func TestStrangersCannotFillTheLog(t *testing.T) {
	now := noon
	s := newSite(t, siteOptions{login: true, clock: func() time.Time { return now }})
	for _, call := range []string{"POST /login", "POST /setup", "POST /logout", "POST /enrol", "GET /login/oidc/callback?state=x", "POST /certificate"} {
		method, path, _ := strings.Cut(call, " ")
		s.do(t, method, Prefix+path, "{}")
		s.do(t, method, Prefix+path, "")
	}
	if got := s.entries(t); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	for range mostTries + 10 {
		now = now.Add(2 * time.Hour) // the address is forgiven
		refused(t, s.do(t, http.MethodPost, Prefix+"/setup", `{"secret":"x","password":"x"}`), http.StatusUnauthorized)
	}
	if got := s.entries(t); len(got) != mostTries {
		t.Errorf("%d entries", len(got))
	}
	var c crowd
	for range mostTries + 3 {
		c.lets(noon, &noting{})
	}
	n := &noting{}
	if !c.lets(noon.Add(time.Minute), n) || len(n.Changes) != 1 || n.Changes[0].After != "3" {
		t.Errorf("%+v", n)
	}
}

// deaf is an audit log that can't be written.
type deaf struct{ Auditing }

func (deaf) Note(context.Context, audit.Entry) error { return errors.New("disk full") }

// TestAuditFails: what could not be written there is in the server's own log.
func TestAuditFails(t *testing.T) {
	log := new(lockedBuffer)
	h := &handler{Options: Options{Audit: deaf{}, Log: slog.New(slog.NewTextHandler(log, nil))}}
	h.note(t.Context(), audit.Entry{Kind: audit.User, Who: "anna", What: "change-settings", On: "ageing", From: "192.0.2.7"}, http.StatusOK, "")
	for _, want := range []string{"level=ERROR", "audit log lacks an entry", "disk full", "what=change-settings", "who=anna", "on=ageing", "from=192.0.2.7", "result=done"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, log)
		}
	}
	before := log.String()
	h.note(t.Context(), audit.Entry{What: "login"}, http.StatusTooManyRequests, "")
	if log.String() != before {
		t.Error("an attempt that was not judged is written")
	}
}

// TestBrokenAnswer: a backup that ends in the middle is no done one.
func TestBrokenAnswer(t *testing.T) {
	s := newSite(t, siteOptions{})
	h := &handler{Options: Options{Audit: s.model, Log: slog.New(slog.DiscardHandler)}}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, backupPath, http.NoBody)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("nobody noticed")
			}
		}()
		h.noted(httptest.NewRecorder(), r, &caller{role: auth.Admin}, rule{what: "backup"}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("half"))
			panic(http.ErrAbortHandler)
		}))
	}()
	if e := s.entries(t); len(e) != 1 || e[0].Result != audit.Failed || e[0].Why != "the answer was broken off" {
		t.Errorf("%+v", e)
	}
}

// TestAuditTells what changed, and no secret.
func TestAuditTells(t *testing.T) {
	s := newSite(t, siteOptions{login: true, systems: &systems{}})
	cookie := s.signIn(t)
	s.do(t, http.MethodPost, Prefix+"/login", `{"user":"admin","password":"hunter2hunter2"}`)
	s.do(t, http.MethodPost, Prefix+"/login", `{"user":"my password","password":"x"}`)
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
		if a := s.do(t, step.method, Prefix+step.path, step.body, asJSON...); a.StatusCode/100 != 2 {
			t.Fatalf("%s %s: %s %s", step.method, step.path, a.Status, a.body)
		}
	}
	var got []string
	log := s.entries(t)
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
	for _, secret := range []string{"hunter", password, "dotm1t.", "my password"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// TestAgentsAreAudited: enrolling, renewing and being revoked.
func TestAgentsAreAudited(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	id, relay := s.enrol(t, s.token(t, `{"names":["relay1"]}`), "edge", "", `,"certificate_request":"Y3Nydg=="`)
	s.do(t, http.MethodPost, Prefix+"/certificate", `{"certificate_request":"Y3Nydg=="}`, relay...)
	s.do(t, http.MethodPatch, Prefix+"/settings", `{}`, relay...)
	s.local(t, http.MethodDelete, Prefix+"/agents/"+id, "")
	var got []string
	for _, e := range s.entries(t) {
		got = append(got, string(e.Kind)+" "+e.Who+" "+e.Role+" "+e.What+" "+e.On+" "+string(e.Result))
	}
	want := []string{"socket  admin revoke-agent " + id + " done", "agent edge relay change-settings  refused", "agent edge relay renew-certificate  done", "agent   enrol edge done"}
	if len(got) != 5 || !slices.Equal(got[:4], want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

// TestReadingTheAuditLog by the API.
func TestReadingTheAuditLog(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	cookie := s.signIn(t)
	tokens := s.scripts(t)
	viewer := tokens[auth.Viewer]
	for range 3 {
		s.do(t, http.MethodPost, Prefix+"/logout", "", viewer...)
	}
	ask := func(query string) (out struct {
		Entries []audit.Entry
		More    bool
	},
	) {
		t.Helper()
		a := s.get(t, Prefix+"/audit?"+query, cookie...)
		if err := json.Unmarshal(a.body, &out); err != nil || a.StatusCode != http.StatusOK || a.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s %s, %v", a.Status, a.body, err)
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
	refused(t, s.get(t, Prefix+"/audit?from=yesterday", cookie...), http.StatusUnprocessableEntity)
	for role, header := range tokens {
		if a := s.get(t, Prefix+"/audit", header...); (a.StatusCode == http.StatusOK) != (role == auth.Admin) {
			t.Errorf("%s: %s", role, a.Status)
		}
	}
}

// TestOperatorsChangeAFewSettings: those about names and mapping.
func TestOperatorsChangeAFewSettings(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	header := append(s.scripts(t)[auth.Operator], "Content-Type", "application/json")
	for body, want := range map[string]int{
		`{"aliases":{"a":"web"}}`:                          http.StatusOK,
		`{"names":[{"address":"10.0.0.7","name":"lamp"}]}`: http.StatusOK,
		`{"mapping":[]}`:                                   http.StatusOK,
		`{"ageing":"9m"}`:                                  http.StatusForbidden,
		`{"names":[],"audit_retention":"1s"}`:              http.StatusForbidden,
	} {
		a := s.do(t, http.MethodPatch, Prefix+"/settings", body, header...)
		if a.StatusCode != want {
			t.Errorf("%s: %s %s", body, a.Status, a.body)
		}
	}
	if in, _ := s.model.Settings(); in.Ageing != 300*1e9 || len(in.Names) != 1 {
		t.Errorf("%+v", in)
	}
}
