package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

const password = "correct horse battery"

// link makes a login link as the socket does.
func (s *site) link(t *testing.T) string {
	t.Helper()
	a := s.local(t, http.MethodPost, Prefix+"/login-links", "")
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	var out struct{ Secret, URL string }
	if err := json.Unmarshal(a.body, &out); err != nil || out.URL != "https://dotm.example:4849/login#setup="+out.Secret {
		t.Fatalf("%s: %v", a.body, err)
	}
	return out.Secret
}

// local asks through the socket.
func (s *site) local(t *testing.T, method, path, body string) answered {
	t.Helper()
	w := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	req.RemoteAddr, req.Host = "@", "localhost"
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	Local(s.handler).ServeHTTP(w, req)
	return answered{w.Result(), w.Body.Bytes()}
}

// signIn sets the password and returns the header of a session.
func (s *site) signIn(t *testing.T) []string {
	t.Helper()
	a := s.do(t, http.MethodPost, Prefix+"/setup", `{"secret":"`+s.link(t)+`","password":"`+password+`"}`)
	return s.session(t, a)
}

func (s *site) session(t *testing.T, a answered) []string {
	t.Helper()
	if a.StatusCode != http.StatusOK || len(a.Cookies()) != 1 {
		t.Fatalf("%s %s, cookies %v", a.Status, a.body, a.Cookies())
	}
	return []string{"Cookie", a.Cookies()[0].Name + "=" + a.Cookies()[0].Value}
}

// token makes an enrolment token through the socket.
func (s *site) token(t *testing.T, body string) string {
	t.Helper()
	a := s.local(t, http.MethodPost, Prefix+"/tokens", body)
	var out struct{ Token string }
	if err := json.Unmarshal(a.body, &out); err != nil || a.StatusCode != http.StatusCreated || out.Token == "" {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	return out.Token
}

func bearer(text string) []string { return []string{"Authorization", "Bearer " + text} }

// enrol exchanges a token for a credential.
func (s *site) enrol(t *testing.T, token, name, machine, more string) (id string, header []string) {
	t.Helper()
	secret := auth.NewSecret()
	body := `{"name":"` + name + `","machine":"` + machine + `","secret_hash":"` + auth.HashSecret(secret) + `"` + more + `}`
	a := s.do(t, http.MethodPost, Prefix+"/enrol", body, bearer(token)...)
	var out auth.EnrolAnswer
	if err := json.Unmarshal(a.body, &out); err != nil || a.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	return out.ID, bearer(auth.Credential{ID: out.ID, Secret: secret}.String())
}

func reportOf(t *testing.T, r *report.Report) string {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// taken reports whether a report was.
func taken(a answered) bool { return a.StatusCode/100 == 2 }

// TestNothingWithoutLogin asks for everything that there is.
func TestNothingWithoutLogin(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	doc, _ := openAPI(t, newSite(t, siteOptions{}))
	open := map[string]bool{"get /session": true, "post /login": true, "post /logout": true, "post /setup": true, "get /login/oidc": true, "get /login/oidc/callback": true, "get /ca": true}
	asked := 0
	for path, operations := range doc.Paths {
		concrete := strings.NewReplacer("{name}", "web", "{id}", "x", "{format}", "svg").Replace(path)
		for method := range operations {
			asked++
			a := s.do(t, strings.ToUpper(method), concrete, "")
			if denied := a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusForbidden; denied == open[method+" "+strings.TrimPrefix(path, Prefix)] {
				t.Errorf("%s %s: %s %s", method, path, a.Status, a.body)
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d operations are described", asked)
	}
	for _, path := range []string{Prefix + "/stream", Prefix + "/openapi.json", Prefix + "/nothing", "/api/", "/metrics", Prefix + "/%73tream"} {
		p := refused(t, s.get(t, path), http.StatusUnauthorized)
		if !strings.Contains(p.Detail, "log in first") {
			t.Errorf("%s: %s", path, p.Detail)
		}
	}
	for _, path := range []string{"/", "/healthz", "/readyz", Prefix + "/session", Prefix + "/ca"} {
		if a := s.get(t, path); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	// Ways around the names of paths lead back to them.
	for _, path := range []string{"//api/v1/topology", "/x/../api/v1/topology", "/./metrics"} {
		if a := s.get(t, path); a.StatusCode == http.StatusOK {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	if a := s.do(t, http.MethodHead, Prefix+"/topology", ""); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("HEAD: %s", a.Status)
	}
}

func TestLogin(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	if got := read200[Session](t, s, Prefix+"/session"); got != (Session{Needed: true, Setup: true}) {
		t.Errorf("%+v", got)
	}
	s.signIn(t)
	if got := read200[Session](t, s, Prefix+"/session"); got != (Session{Needed: true}) {
		t.Errorf("%+v", got)
	}
	p := refused(t, s.do(t, http.MethodPost, Prefix+"/login", `{"user":"admin","password":"wrong"}`), http.StatusUnauthorized)
	if p.Detail != "user and password are not accepted" {
		t.Errorf("%s", p.Detail)
	}
	a := s.do(t, http.MethodPost, Prefix+"/login", `{"user":"admin","password":"`+password+`"}`)
	header := s.session(t, a)
	c := a.Cookies()[0]
	if c.Name != "dotm" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure || c.Domain != "" {
		t.Errorf("cookie is %s", a.Header.Get("Set-Cookie"))
	}
	if a.Header.Get("Cache-Control") != "no-store" || strings.Contains(string(a.body), c.Value) {
		t.Errorf("the answer is %s, %v", a.body, a.Header)
	}
	var got Session
	if err := json.Unmarshal(s.get(t, Prefix+"/session", header...).body, &got); err != nil || got != (Session{User: "admin", Role: auth.Admin, How: people.ByPassword}) {
		t.Errorf("%+v %v", got, err)
	}
	for _, path := range []string{"/topology", "/agents", "/tokens", "/openapi.json", "/settings"} {
		if a := s.get(t, Prefix+path, header...); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	if a := s.get(t, "/metrics", header...); a.StatusCode != http.StatusOK {
		t.Error(a.Status)
	}
	if a := s.do(t, http.MethodPatch, Prefix+"/settings", `{"ageing":"1m"}`, append(header, "Content-Type", "application/json")...); a.StatusCode != http.StatusOK {
		t.Errorf("%s %s", a.Status, a.body)
	}
	out := s.do(t, http.MethodPost, Prefix+"/logout", "", header...)
	if out.StatusCode != http.StatusOK || out.Cookies()[0].MaxAge >= 0 {
		t.Errorf("%s %v", out.Status, out.Cookies())
	}
	refused(t, s.get(t, Prefix+"/topology", header...), http.StatusUnauthorized)
	if a := s.do(t, http.MethodPost, Prefix+"/logout", "", header...); a.StatusCode != http.StatusOK {
		t.Errorf("logged out twice: %s", a.Status)
	}
	if log := s.log.String(); !strings.Contains(log, "login was refused") || !strings.Contains(log, "login succeeded") || strings.Contains(log, "wrong") || strings.Contains(log, password) {
		t.Errorf("log is %s", log)
	}
}

// TestBruteForce: the seventh attempt is not judged, whatever it holds.
func TestBruteForce(t *testing.T) {
	now := noon
	s := newSite(t, siteOptions{login: true, clock: func() time.Time { return now }})
	s.signIn(t)
	try := func(password string) answered {
		return s.do(t, http.MethodPost, Prefix+"/login", `{"user":"admin","password":"`+password+`"}`)
	}
	for range 5 {
		refused(t, try("wrong"), http.StatusUnauthorized)
	}
	a := try(password)
	p := refused(t, a, http.StatusTooManyRequests)
	if a.Header.Get("Retry-After") != "2" || !strings.Contains(p.Detail, "try again in 1s") {
		t.Errorf("%s %v", p.Detail, a.Header)
	}
	now = now.Add(time.Second)
	s.session(t, try(password))
}

// TestCookiesOfStrangers: what a page elsewhere makes a browser send.
func TestCookiesOfStrangers(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	header := s.signIn(t)
	for _, h := range [][]string{
		{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, {"Origin", "http://evil.example"}, {"Origin", "null"},
	} {
		for _, path := range []string{"/settings", "/tokens", "/logout", "/login"} {
			refused(t, s.do(t, http.MethodPost, Prefix+path, `{}`, append(h, header...)...), http.StatusForbidden)
		}
	}
	for _, cookie := range []string{"dotm=", "dotm=x", "dotm=" + auth.NewSecret(), "__Host-" + header[1], "Dotm" + header[1][4:]} {
		refused(t, s.get(t, Prefix+"/topology", "Cookie", cookie), http.StatusUnauthorized)
	}
}

// TestLinksAreMadeHere: not even an administrator makes one from elsewhere.
func TestLinksAreMadeHere(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	header := s.signIn(t)
	refused(t, s.do(t, http.MethodPost, Prefix+"/login-links", ""), http.StatusForbidden)
	p := refused(t, s.do(t, http.MethodPost, Prefix+"/login-links", "", header...), http.StatusForbidden)
	if !strings.Contains(p.Detail, "dotm login-link") {
		t.Error(p.Detail)
	}
	onLoopback := newSite(t, siteOptions{})
	refused(t, onLoopback.do(t, http.MethodPost, Prefix+"/login-links", ""), http.StatusForbidden)
	refused(t, s.do(t, http.MethodPost, Prefix+"/setup", `{"secret":"`+s.link(t)+`","password":"short"}`), http.StatusUnprocessableEntity)
	refused(t, s.do(t, http.MethodPost, Prefix+"/setup", `{"secret":"x","password":"`+password+`"}`), http.StatusUnauthorized)
}

// TestSocket: who comes through it is an administrator, without Host rules.
func TestSocket(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	for _, path := range []string{"/topology", "/agents", "/tokens", "/session"} {
		if a := s.local(t, http.MethodGet, Prefix+path, ""); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	var got Session
	if err := json.Unmarshal(s.local(t, http.MethodGet, Prefix+"/session", "").body, &got); err != nil || got.Role != auth.Admin || got.Needed {
		t.Errorf("%+v %v", got, err)
	}
}

// TestStreamEndsWithSession: who logged out sees no more.
func TestStreamEndsWithSession(t *testing.T) {
	now := noon
	s := newSite(t, siteOptions{login: true, clock: func() time.Time { return now }})
	header := s.signIn(t)
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, Prefix+"/stream", nil)
	req.Header.Set(header[0], header[1])
	h := &handler{Options: Options{Logins: s.logins}}
	c, err := h.identify(req)
	if err != nil || c.person.User != "admin" {
		t.Fatalf("%+v, %v", c, err)
	}
	req = req.WithContext(context.WithValue(req.Context(), callerKey{}, c))
	if !h.still(req) {
		t.Error("the session is over already")
	}
	s.do(t, http.MethodPost, Prefix+"/logout", "", header...)
	if h.still(req) {
		t.Error("the stream goes on")
	}
	if !h.still(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)) {
		t.Error("without a session there is none to end")
	}
}

func TestEnrolAndReport(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	token := s.token(t, `{"uses":2}`)
	if !strings.HasPrefix(token, "dotm1."+(auth.Fingerprint{7}).String()+".") {
		t.Errorf("token is %s", token)
	}
	id, header := s.enrol(t, token, "web", "web", "")
	if a := s.do(t, http.MethodPost, Prefix+"/reports", reportOf(t, host("web", "10.0.0.1").listen("nginx", 80).Report), header...); !taken(a) {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	s.settle(t, func(snap *topology.Snapshot) bool { return snap.Block("web") != nil })
	if got := s.model.Snapshot().Block("web").Node.Identity; got != "enrolled:"+id {
		t.Errorf("identity is %q: it must come from the credential", got)
	}
	var list struct{ Agents []auth.Agent }
	if err := json.Unmarshal(s.local(t, http.MethodGet, Prefix+"/agents", "").body, &list); err != nil || len(list.Agents) != 1 {
		t.Fatalf("%+v %v", list, err)
	}
	if x := list.Agents[0]; x.ID != id || x.LastAddress != "127.0.0.1" || x.LastReport.IsZero() || x.Via != "" {
		t.Errorf("%+v", x)
	}
	// An agent reads nothing and makes nothing.
	for _, call := range []string{"GET /topology", "GET /agents", "GET /session/x", "POST /tokens", "PATCH /settings", "DELETE /agents/" + id, "POST /certificate", "GET /stream"} {
		method, path, _ := strings.Cut(call, " ")
		refused(t, s.do(t, method, Prefix+path, "{}", header...), http.StatusForbidden)
	}
	// Revoked is revoked at once.
	if a := s.local(t, http.MethodDelete, Prefix+"/agents/"+id, ""); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	p := refused(t, s.do(t, http.MethodPost, Prefix+"/reports", reportOf(t, host("web", "10.0.0.1").Report), header...), http.StatusUnauthorized)
	if !strings.Contains(p.Detail, "agent "+id+" (web) was revoked") {
		t.Error(p.Detail)
	}
	if a := s.local(t, http.MethodDelete, Prefix+"/agents/nobody", ""); a.StatusCode != http.StatusNotFound {
		t.Error(a.Status)
	}
}

// TestReportsOfOthers: an agent speaks for its own host.
func TestReportsOfOthers(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	token := s.token(t, `{"uses":0}`)
	_, web := s.enrol(t, token, "web", "id-web", "")
	_, db := s.enrol(t, token, "db", "id-db", "")
	send := func(header []string, name, machine string, sequence uint64) answered {
		r := host(name, "10.0.0.1").Report
		r.Node.Identity.Value, r.Sequence = machine, sequence
		return s.do(t, http.MethodPost, Prefix+"/reports", reportOf(t, r), header...)
	}
	p := refused(t, send(web, "db", "id-db", 1), http.StatusForbidden)
	if !strings.Contains(p.Detail, `"web"`) || !strings.Contains(p.Detail, `"db"`) {
		t.Errorf("detail is %s, want both names", p.Detail)
	}
	refused(t, send(web, "db", "id-web", 1), http.StatusForbidden)
	refused(t, send(web, "new", "id-new", 1), http.StatusForbidden)
	if s.model.Snapshot().Len() != 0 {
		t.Error("a refused report is on the chart")
	}
	if a := send(web, "renamed", "id-web", 1); !taken(a) {
		t.Errorf("a renamed host: %s %s", a.Status, a.body)
	}
	refused(t, send(web, "web", "id-other", 2), http.StatusForbidden)
	if a := send(db, "db", "id-db", 1); !taken(a) {
		t.Errorf("%s %s", a.Status, a.body)
	}
	// A report that breaks a rule renames nobody.
	refused(t, send(db, "a b", "id-db", 2), http.StatusUnprocessableEntity)
	log := s.log.String()
	for _, want := range []string{`level=WARN msg="report was refused" agent=`, `speaks for \"web\", not for \"db\"`, "node.name must be letters"} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %s: %s", want, log)
		}
	}
	if a := send(db, "db", "id-db", 2); !taken(a) {
		t.Errorf("%s %s", a.Status, a.body)
	}
}

// TestReplay: what was recorded on the way is no news.
func TestReplay(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	_, header := s.enrol(t, s.token(t, `{}`), "web", "id", "")
	var recorded []string
	for i := range uint64(3) {
		r := host("web", "10.0.0.1").listen("nginx", uint16(80+i)).Report
		r.Sequence, r.Agent.Instance, r.Time = i+1, "a", r.Time.Add(time.Duration(i)*time.Second)
		recorded = append(recorded, reportOf(t, r))
		if a := s.do(t, http.MethodPost, Prefix+"/reports", recorded[i], header...); !taken(a) {
			t.Fatalf("%s %s", a.Status, a.body)
		}
	}
	for i := range 2 {
		p := refused(t, s.do(t, http.MethodPost, Prefix+"/reports", recorded[i], header...), http.StatusConflict)
		if !strings.Contains(p.Detail, "older than one that was taken in already") {
			t.Error(p.Detail)
		}
	}
	if a := s.do(t, http.MethodPost, Prefix+"/reports", recorded[2], header...); !taken(a) {
		t.Errorf("the last one again: %s", a.Status)
	}
}

// TestIdentityIsGiven: nobody takes an enrolled identity by saying so.
func TestIdentityIsGiven(t *testing.T) {
	for _, opt := range []siteOptions{{}, {public: true}} {
		s := newSite(t, opt)
		r := host("web", "10.0.0.1").Report
		r.Node.Identity = report.Identity{Kind: report.IdentityEnrolled, Value: "somebody"}
		p := refused(t, s.do(t, http.MethodPost, Prefix+"/reports", reportOf(t, r)), http.StatusUnprocessableEntity)
		if !strings.Contains(p.Detail, "node.identity.kind must not be enrolled") {
			t.Error(p.Detail)
		}
	}
}

// TestOpenServersKnowAgents: where no login is needed, an identity that is
// shown is judged all the same.
func TestOpenServersKnowAgents(t *testing.T) {
	s := newSite(t, siteOptions{})
	id, header := s.enrol(t, s.token(t, `{}`), "web", "id", "")
	body := reportOf(t, host("web", "10.0.0.1").Report)
	if a := s.do(t, http.MethodPost, Prefix+"/reports", body, header...); !taken(a) {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	s.settle(t, func(snap *topology.Snapshot) bool { return snap.Block("web") != nil })
	if got := s.model.Snapshot().Block("web").Node.Identity; got != "enrolled:"+id {
		t.Errorf("identity is %q", got)
	}
	refused(t, s.do(t, http.MethodPost, Prefix+"/reports", body, bearer("dotm1a.x."+auth.NewSecret())...), http.StatusUnauthorized)
}

func TestTokens(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	token := s.token(t, `{}`)
	for _, header := range [][]string{nil, bearer("x"), bearer(""), {"Authorization", "Basic YTpi"}, bearer(auth.Token{Secret: auth.NewSecret()}.String())} {
		refused(t, s.do(t, http.MethodPost, Prefix+"/enrol", `{}`, header...), http.StatusUnauthorized)
	}
	refused(t, s.do(t, http.MethodPost, Prefix+"/reports", `{}`, bearer(token)...), http.StatusUnauthorized)
	for _, body := range []string{`{}`, `{"name":"a b","secret_hash":"` + auth.HashSecret("x") + `"}`, `{"name":"web","secret_hash":"x"}`, `[]`, `{`} {
		a := s.do(t, http.MethodPost, Prefix+"/enrol", body, bearer(token)...)
		if a.StatusCode != http.StatusUnprocessableEntity && a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s %s", body, a.Status, a.body)
		}
	}
	s.enrol(t, token, "web", "", "")
	p := refused(t, s.do(t, http.MethodPost, Prefix+"/enrol", `{"name":"db","secret_hash":"`+auth.HashSecret("x")+`"}`, bearer(token)...), http.StatusUnauthorized)
	if !strings.Contains(p.Detail, "used up") {
		t.Error(p.Detail)
	}
	for _, body := range []string{`{"uses":-1}`, `{"expires_in":"tomorrow"}`, `{"expires_in":"-1h"}`, `{"names":["a b"]}`} {
		if a := s.local(t, http.MethodPost, Prefix+"/tokens", body); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", body, a.Status)
		}
	}
	var list struct{ Tokens []auth.TokenInfo }
	raw := s.local(t, http.MethodGet, Prefix+"/tokens", "").body
	if err := json.Unmarshal(raw, &list); err != nil || len(list.Tokens) != 1 || list.Tokens[0].Used != 1 || strings.Contains(string(raw), "hash") {
		t.Fatalf("%s %v", raw, err)
	}
	if a := s.local(t, http.MethodDelete, Prefix+"/tokens/"+list.Tokens[0].ID, ""); a.StatusCode != http.StatusNoContent {
		t.Error(a.Status)
	}
	if a := s.local(t, http.MethodDelete, Prefix+"/tokens/"+list.Tokens[0].ID, ""); a.StatusCode != http.StatusNotFound {
		t.Error(a.Status)
	}
}

// TestRelays forward for others, and are believed for whom.
func TestRelays(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	relayID, relay := s.enrol(t, s.token(t, `{"names":["relay1"]}`), "edge", "", `,"certificate_request":"Y3Nydg=="`)
	_, web := s.enrol(t, s.token(t, `{}`), "web", "id", "")
	cert := s.do(t, http.MethodPost, Prefix+"/certificate", `{"certificate_request":"Y3Nydg=="}`, relay...)
	if cert.StatusCode != http.StatusCreated || !strings.Contains(string(cert.body), "certificate for [relay1]") {
		t.Errorf("%s %s", cert.Status, cert.body)
	}
	refused(t, s.do(t, http.MethodPost, Prefix+"/certificate", `{"certificate_request":"eA=="}`, relay...), http.StatusUnprocessableEntity)
	refused(t, s.do(t, http.MethodPost, Prefix+"/certificate", `{}`, web...), http.StatusForbidden)
	refused(t, s.do(t, http.MethodPost, Prefix+"/reports", reportOf(t, host("edge", "10.0.0.9").Report), relay...), http.StatusForbidden)
	refused(t, s.get(t, Prefix+"/topology", relay...), http.StatusForbidden)

	through := func(relay string, sequence uint64) answered {
		r := host("web", "10.0.0.1").Report
		r.Sequence = sequence
		return s.do(t, http.MethodPost, Prefix+"/reports", reportOf(t, r), append(web, "Dotm-Relay", relay, "X-Forwarded-For", "10.9.9.9")...)
	}
	text := strings.TrimPrefix(relay[1], "Bearer ")
	if a := through(text, 1); !taken(a) {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	agent := s.agents.List()[1]
	if agent.Name != "web" || agent.LastAddress != "10.9.9.9" || agent.Via != "edge" {
		t.Errorf("%+v", agent)
	}
	p := refused(t, through("dotm1a.x."+auth.NewSecret(), 2), http.StatusForbidden) // not 401: the agent's own identity is fine
	if !strings.HasPrefix(p.Detail, "relay: ") {
		t.Error(p.Detail)
	}
	refused(t, through(strings.TrimPrefix(web[1], "Bearer "), 2), http.StatusForbidden)
	if err := s.agents.Revoke(t.Context(), relayID); err != nil {
		t.Fatal(err)
	}
	refused(t, through(text, 2), http.StatusForbidden)
}

// TestBodyIsNotRead: who may not is told so before a byte of the body is read.
func TestBodyIsNotRead(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	for _, path := range []string{"/reports", "/enrol", "/tokens", "/certificate", "/settings"} {
		body := &counted{}
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, Prefix+path, body)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, req)
		if w.Code != http.StatusUnauthorized || body.read != 0 || w.Header().Get("Connection") != "close" {
			t.Errorf("%s: %d after %d bytes, %v", path, w.Code, body.read, w.Header())
		}
		req.ProtoMajor = 2
		w = httptest.NewRecorder()
		s.handler.ServeHTTP(w, req)
		if w.Header().Get("Connection") != "" {
			t.Errorf("%s: over HTTP/2 the connection is closed, and others' requests with it", path)
		}
	}
	// Over a real connection: a client that waits to be asked for its body is
	// refused without being asked (RFC 9110, 10.1.1).
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST "+Prefix+"/reports HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n")
	raw, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(raw), "HTTP/1.1 401 ") || strings.Contains(string(raw), "100 Continue") {
		t.Errorf("%.200s %v", raw, err)
	}
}

// counted never ends, and counts what is read of it.
type counted struct{ read int }

func (c *counted) Read(p []byte) (int, error) {
	c.read += len(p)
	return len(p), nil
}

// TestBehindProxy: the proxy is believed, and nobody else is answered.
func TestBehindProxy(t *testing.T) {
	s := newSite(t, siteOptions{login: true, proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}})
	a := s.do(t, http.MethodPost, Prefix+"/setup", `{"secret":"`+s.link(t)+`","password":"`+password+`"}`, "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https")
	header := s.session(t, a)
	if c := a.Cookies()[0]; c.Name != "__Host-dotm" || !c.Secure || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie is %s", a.Header.Get("Set-Cookie"))
	}
	if a := s.get(t, Prefix+"/topology", append(header, "Host", "dotm.example", "X-Forwarded-For", "203.0.113.9")...); a.StatusCode != http.StatusOK {
		t.Errorf("%s %s", a.Status, a.body)
	}
	refused(t, s.get(t, Prefix+"/topology"), http.StatusUnauthorized)
	p := refused(t, s.do(t, http.MethodPost, Prefix+"/login", `{"user":"admin","password":"`+password+`"}`, "X-Forwarded-Proto", "http"), http.StatusForbidden)
	if !strings.Contains(p.Detail, "log in over https") {
		t.Error(p.Detail)
	}
	if log := s.log.String(); !strings.Contains(log, "address=203.0.113.9") {
		t.Errorf("log is %s", log)
	}
	other := newSite(t, siteOptions{login: true, proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for _, path := range []string{"/", "/healthz", Prefix + "/session", Prefix + "/reports"} {
		p := refused(t, other.get(t, path, "X-Forwarded-For", "10.0.0.1"), http.StatusForbidden)
		if !strings.Contains(p.Detail, "answers its proxy only") {
			t.Error(p.Detail)
		}
	}
}

func TestHops(t *testing.T) {
	h := &handler{Options: Options{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	for _, tt := range []struct {
		remote, header, want string
	}{
		{"10.0.0.1:99", "", "10.0.0.1"},
		{"10.0.0.1:99", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:99", "198.51.100.1, 203.0.113.9", "203.0.113.9 198.51.100.1"},
		{"10.0.0.1:99", "203.0.113.9, 10.0.0.2", "203.0.113.9"},
		{"10.0.0.1:99", "203.0.113.9:1234", "203.0.113.9"},
		{"10.0.0.1:99", "[2001:db8::1]:1234", "2001:db8::1"},
		{"10.0.0.1:99", "203.0.113.9, unknown", "10.0.0.1"},
		{"10.0.0.1:99", "<script>", "10.0.0.1"},
		{"203.0.113.9:99", "198.51.100.1", "203.0.113.9 198.51.100.1"},
		{"[::ffff:10.0.0.1]:99", "203.0.113.9", "203.0.113.9"},
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		req.RemoteAddr = tt.remote
		if tt.header != "" {
			req.Header.Set("X-Forwarded-For", tt.header)
		}
		var got []string
		for _, a := range h.hops(req) {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s, %q: %v, want %s", tt.remote, tt.header, got, tt.want)
		}
	}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	req.RemoteAddr = "10.0.0.1:99"
	req.Header.Set("X-Forwarded-For", strings.Repeat("203.0.113.9,", 1000)+"203.0.113.9")
	if n := len(h.hops(req)); n > maxHops {
		t.Errorf("%d hops", n)
	}
}

// TestReadyTellsStrangersLittle: paths and errors are for those who may.
func TestReadyTellsStrangersLittle(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	s.store.Close()
	s.put401(t)
	var detail string
	for ready := true; ready; {
		a := s.get(t, "/readyz")
		ready = a.StatusCode == http.StatusOK
		detail = string(a.body)
		if t.Context().Err() != nil {
			t.Fatal("the store is closed, and nobody noticed")
		}
	}
	if !strings.Contains(detail, "the server's log says why") || strings.Contains(detail, "store") {
		t.Errorf("strangers are told %s", detail)
	}
	if a := s.local(t, http.MethodGet, "/readyz", ""); !bytes.Contains(a.body, []byte("store is closed")) {
		t.Errorf("others are told %s", a.body)
	}
}

// put401 puts a report past the gate: something is to be written.
func (s *site) put401(t *testing.T) {
	t.Helper()
	if err := s.model.Put(t.Context(), host("web", "10.0.0.1").Report); err != nil {
		t.Fatal(err)
	}
}
