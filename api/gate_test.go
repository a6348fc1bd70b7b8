package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

// taken reports whether a report was.
func taken(a served.Answer) bool { return a.StatusCode/100 == 2 }

// TestNothingWithoutLogin asks for everything that there is.
func TestNothingWithoutLogin(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	doc, _ := served.OpenAPI(t, served.New(t, served.Options{}))
	open := map[string]bool{"get /session": true, "post /login": true, "post /logout": true, "post /setup": true, "get /login/oidc": true, "get /login/oidc/callback": true, "get /ca": true}
	asked := 0
	for path, operations := range doc.Paths {
		concrete := strings.NewReplacer("{name}", "web", "{id}", "x", "{format}", "svg").Replace(path)
		for method := range operations {
			asked++
			a := s.Do(t, strings.ToUpper(method), concrete, "")
			if denied := a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusForbidden; denied == open[method+" "+strings.TrimPrefix(path, api.Prefix)] {
				t.Errorf("%s %s: %s %s", method, path, a.Status, a.Text)
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d operations are described", asked)
	}
	for _, path := range []string{api.Prefix + "/stream", api.Prefix + "/openapi.json", api.Prefix + "/nothing", "/api/", "/metrics", api.Prefix + "/%73tream"} {
		p := served.Refused(t, s.Get(t, path), http.StatusUnauthorized)
		if !strings.Contains(p.Detail, "log in first") {
			t.Errorf("%s: %s", path, p.Detail)
		}
	}
	for _, path := range []string{"/", "/healthz", "/readyz", api.Prefix + "/session", api.Prefix + "/ca"} {
		if a := s.Get(t, path); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	// Ways around the names of paths lead back to them.
	for _, path := range []string{"//api/v1/topology", "/x/../api/v1/topology", "/./metrics"} {
		if a := s.Get(t, path); a.StatusCode == http.StatusOK {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	if a := s.Do(t, http.MethodHead, api.Prefix+"/topology", ""); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("HEAD: %s", a.Status)
	}
}

func TestLogin(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	if got := served.Read[api.Session](t, s, api.Prefix+"/session"); got != (api.Session{Needed: true, Setup: true}) {
		t.Errorf("%+v", got)
	}
	s.SignIn(t)
	if got := served.Read[api.Session](t, s, api.Prefix+"/session"); got != (api.Session{Needed: true}) {
		t.Errorf("%+v", got)
	}
	p := served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/login", `{"user":"admin","password":"wrong"}`), http.StatusUnauthorized)
	if p.Detail != "user and password are not accepted" {
		t.Errorf("%s", p.Detail)
	}
	a := s.Do(t, http.MethodPost, api.Prefix+"/login", `{"user":"admin","password":"`+served.Password+`"}`)
	header := s.Session(t, a)
	c := a.Cookies()[0]
	if c.Name != "dotm" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure || c.Domain != "" {
		t.Errorf("cookie is %s", a.Header.Get("Set-Cookie"))
	}
	if a.Header.Get("Cache-Control") != "no-store" || strings.Contains(string(a.Text), c.Value) {
		t.Errorf("the answer is %s, %v", a.Text, a.Header)
	}
	var got api.Session
	if err := json.Unmarshal(s.Get(t, api.Prefix+"/session", header...).Text, &got); err != nil || got != (api.Session{User: "admin", Role: auth.Admin, How: people.ByPassword}) {
		t.Errorf("%+v %v", got, err)
	}
	for _, path := range []string{"/topology", "/agents", "/tokens", "/openapi.json", "/settings"} {
		if a := s.Get(t, api.Prefix+path, header...); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	if a := s.Get(t, "/metrics", header...); a.StatusCode != http.StatusOK {
		t.Error(a.Status)
	}
	if a := s.Do(t, http.MethodPatch, api.Prefix+"/settings", `{"ageing":"1m"}`, append(header, "Content-Type", "application/json")...); a.StatusCode != http.StatusOK {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	out := s.Do(t, http.MethodPost, api.Prefix+"/logout", "", header...)
	if out.StatusCode != http.StatusOK || out.Cookies()[0].MaxAge >= 0 {
		t.Errorf("%s %v", out.Status, out.Cookies())
	}
	served.Refused(t, s.Get(t, api.Prefix+"/topology", header...), http.StatusUnauthorized)
	if a := s.Do(t, http.MethodPost, api.Prefix+"/logout", "", header...); a.StatusCode != http.StatusOK {
		t.Errorf("logged out twice: %s", a.Status)
	}
	if log := s.Log.String(); !strings.Contains(log, "login was refused") || !strings.Contains(log, "login succeeded") || strings.Contains(log, "wrong") || strings.Contains(log, served.Password) {
		t.Errorf("log is %s", log)
	}
}

// TestBruteForce: the seventh attempt is not judged, whatever it holds.
func TestBruteForce(t *testing.T) {
	now := shop.Noon
	s := served.New(t, served.Options{Login: true, Clock: func() time.Time { return now }})
	s.SignIn(t)
	try := func(password string) served.Answer {
		return s.Do(t, http.MethodPost, api.Prefix+"/login", `{"user":"admin","password":"`+password+`"}`)
	}
	for range 5 {
		served.Refused(t, try("wrong"), http.StatusUnauthorized)
	}
	a := try(served.Password)
	p := served.Refused(t, a, http.StatusTooManyRequests)
	if a.Header.Get("Retry-After") != "2" || !strings.Contains(p.Detail, "try again in 1s") {
		t.Errorf("%s %v", p.Detail, a.Header)
	}
	now = now.Add(time.Second)
	s.Session(t, try(served.Password))
}

// TestCookiesOfStrangers: what a page elsewhere makes a browser send.
func TestCookiesOfStrangers(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	header := s.SignIn(t)
	for _, h := range [][]string{
		{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, {"Origin", "http://evil.example"}, {"Origin", "null"},
	} {
		for _, path := range []string{"/settings", "/tokens", "/logout", "/login"} {
			served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+path, `{}`, append(h, header...)...), http.StatusForbidden)
		}
	}
	for _, cookie := range []string{"dotm=", "dotm=x", "dotm=" + auth.NewSecret(), "__Host-" + header[1], "Dotm" + header[1][4:]} {
		served.Refused(t, s.Get(t, api.Prefix+"/topology", "Cookie", cookie), http.StatusUnauthorized)
	}
}

// TestLinksAreMadeHere: not even an administrator makes one from elsewhere.
func TestLinksAreMadeHere(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	header := s.SignIn(t)
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/login-links", ""), http.StatusForbidden)
	p := served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/login-links", "", header...), http.StatusForbidden)
	if !strings.Contains(p.Detail, "dotm login-link") {
		t.Error(p.Detail)
	}
	onLoopback := served.New(t, served.Options{})
	served.Refused(t, onLoopback.Do(t, http.MethodPost, api.Prefix+"/login-links", ""), http.StatusForbidden)
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/setup", `{"secret":"`+s.Link(t)+`","password":"short"}`), http.StatusUnprocessableEntity)
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/setup", `{"secret":"x","password":"`+served.Password+`"}`), http.StatusUnauthorized)
}

// TestSocket: who comes through it is an administrator, without Host rules.
func TestSocket(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	for _, path := range []string{"/topology", "/agents", "/tokens", "/session"} {
		if a := s.Local(t, http.MethodGet, api.Prefix+path, ""); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	var got api.Session
	if err := json.Unmarshal(s.Local(t, http.MethodGet, api.Prefix+"/session", "").Text, &got); err != nil || got.Role != auth.Admin || got.Needed {
		t.Errorf("%+v %v", got, err)
	}
}

// TestStreamEndsWithSession: who logged out sees no more.
func TestStreamEndsWithSession(t *testing.T) {
	now := shop.Noon
	s := served.New(t, served.Options{Login: true, Clock: func() time.Time { return now }})
	header := s.SignIn(t)
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, api.Prefix+"/stream", nil)
	req.Header.Set(header[0], header[1])
	c, err := api.Identify(s.Options, req)
	if err != nil || c.Person.User != "admin" {
		t.Fatalf("%+v, %v", c, err)
	}
	if !api.Still(s.Options, c) {
		t.Error("the session is over already")
	}
	s.Do(t, http.MethodPost, api.Prefix+"/logout", "", header...)
	if api.Still(s.Options, c) {
		t.Error("the stream goes on")
	}
	if !api.Still(s.Options, &caller.Caller{}) {
		t.Error("without a session there is none to end")
	}
}

func TestEnrolAndReport(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	token := s.Token(t, `{"uses":2}`)
	if !strings.HasPrefix(token, "dotm1."+(auth.Fingerprint{7}).String()+".") {
		t.Errorf("token is %s", token)
	}
	id, header := s.Enrol(t, token, "web", "web", "")
	if a := s.Do(t, http.MethodPost, api.Prefix+"/reports", served.Body(t, shop.Host("web", "10.0.0.1").Listen("nginx", 80).Report), header...); !taken(a) {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	s.Settle(t, func(snap *topology.Snapshot) bool { return snap.Block("web") != nil })
	if got := s.Model.Snapshot().Block("web").Node.Identity; got != "enrolled:"+id {
		t.Errorf("identity is %q: it must come from the credential", got)
	}
	var list struct{ Agents []auth.Agent }
	if err := json.Unmarshal(s.Local(t, http.MethodGet, api.Prefix+"/agents", "").Text, &list); err != nil || len(list.Agents) != 1 {
		t.Fatalf("%+v %v", list, err)
	}
	if x := list.Agents[0]; x.ID != id || x.LastAddress != "127.0.0.1" || x.LastReport.IsZero() || x.Via != "" {
		t.Errorf("%+v", x)
	}
	// An agent reads nothing and makes nothing.
	for _, call := range []string{"GET /topology", "GET /agents", "GET /session/x", "POST /tokens", "PATCH /settings", "DELETE /agents/" + id, "POST /certificate", "GET /stream"} {
		method, path, _ := strings.Cut(call, " ")
		served.Refused(t, s.Do(t, method, api.Prefix+path, "{}", header...), http.StatusForbidden)
	}
	// Revoked is revoked at once.
	if a := s.Local(t, http.MethodDelete, api.Prefix+"/agents/"+id, ""); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	p := served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/reports", served.Body(t, shop.Host("web", "10.0.0.1").Report), header...), http.StatusUnauthorized)
	if !strings.Contains(p.Detail, "agent "+id+" (web) was revoked") {
		t.Error(p.Detail)
	}
	if a := s.Local(t, http.MethodDelete, api.Prefix+"/agents/nobody", ""); a.StatusCode != http.StatusNotFound {
		t.Error(a.Status)
	}
}

// TestReportsOfOthers: an agent speaks for its own host.
func TestReportsOfOthers(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	token := s.Token(t, `{"uses":0}`)
	_, web := s.Enrol(t, token, "web", "id-web", "")
	_, db := s.Enrol(t, token, "db", "id-db", "")
	send := func(header []string, name, machine string, sequence uint64) served.Answer {
		r := shop.Host(name, "10.0.0.1").Report
		r.Node.Identity.Value, r.Sequence = machine, sequence
		return s.Do(t, http.MethodPost, api.Prefix+"/reports", served.Body(t, r), header...)
	}
	p := served.Refused(t, send(web, "db", "id-db", 1), http.StatusForbidden)
	if !strings.Contains(p.Detail, `"web"`) || !strings.Contains(p.Detail, `"db"`) {
		t.Errorf("detail is %s, want both names", p.Detail)
	}
	served.Refused(t, send(web, "db", "id-web", 1), http.StatusForbidden)
	served.Refused(t, send(web, "new", "id-new", 1), http.StatusForbidden)
	if s.Model.Snapshot().Len() != 0 {
		t.Error("a refused report is on the chart")
	}
	if a := send(web, "renamed", "id-web", 1); !taken(a) {
		t.Errorf("a renamed host: %s %s", a.Status, a.Text)
	}
	served.Refused(t, send(web, "web", "id-other", 2), http.StatusForbidden)
	if a := send(db, "db", "id-db", 1); !taken(a) {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	// A report that breaks a rule renames nobody.
	served.Refused(t, send(db, "a b", "id-db", 2), http.StatusUnprocessableEntity)
	log := s.Log.String()
	for _, want := range []string{`level=WARN msg="report was refused" agent=`, `speaks for \"web\", not for \"db\"`, "node.name must be letters"} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %s: %s", want, log)
		}
	}
	if a := send(db, "db", "id-db", 2); !taken(a) {
		t.Errorf("%s %s", a.Status, a.Text)
	}
}

// TestReplay: what was recorded on the way is no news.
func TestReplay(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	_, header := s.Enrol(t, s.Token(t, `{}`), "web", "id", "")
	var recorded []string
	for i := range uint64(3) {
		r := shop.Host("web", "10.0.0.1").Listen("nginx", uint16(80+i)).Report
		r.Sequence, r.Agent.Instance, r.Time = i+1, "a", r.Time.Add(time.Duration(i)*time.Second)
		recorded = append(recorded, served.Body(t, r))
		if a := s.Do(t, http.MethodPost, api.Prefix+"/reports", recorded[i], header...); !taken(a) {
			t.Fatalf("%s %s", a.Status, a.Text)
		}
	}
	for i := range 2 {
		p := served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/reports", recorded[i], header...), http.StatusConflict)
		if !strings.Contains(p.Detail, "older than one that was taken in already") {
			t.Error(p.Detail)
		}
	}
	if a := s.Do(t, http.MethodPost, api.Prefix+"/reports", recorded[2], header...); !taken(a) {
		t.Errorf("the last one again: %s", a.Status)
	}
}

// TestIdentityIsGiven: nobody takes an enrolled identity by saying so.
func TestIdentityIsGiven(t *testing.T) {
	for _, opt := range []served.Options{{}, {Public: true}} {
		s := served.New(t, opt)
		r := shop.Host("web", "10.0.0.1").Report
		r.Node.Identity = report.Identity{Kind: report.IdentityEnrolled, Value: "somebody"}
		p := served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/reports", served.Body(t, r)), http.StatusUnprocessableEntity)
		if !strings.Contains(p.Detail, "node.identity.kind must not be enrolled") {
			t.Error(p.Detail)
		}
	}
}

// TestOpenServersKnowAgents: where no login is needed, an identity that is
// shown is judged all the same.
func TestOpenServersKnowAgents(t *testing.T) {
	s := served.New(t, served.Options{})
	id, header := s.Enrol(t, s.Token(t, `{}`), "web", "id", "")
	body := served.Body(t, shop.Host("web", "10.0.0.1").Report)
	if a := s.Do(t, http.MethodPost, api.Prefix+"/reports", body, header...); !taken(a) {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	s.Settle(t, func(snap *topology.Snapshot) bool { return snap.Block("web") != nil })
	if got := s.Model.Snapshot().Block("web").Node.Identity; got != "enrolled:"+id {
		t.Errorf("identity is %q", got)
	}
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/reports", body, served.Bearer("dotm1a.x."+auth.NewSecret())...), http.StatusUnauthorized)
}

func TestTokens(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	token := s.Token(t, `{}`)
	for _, header := range [][]string{nil, served.Bearer("x"), served.Bearer(""), {"Authorization", "Basic YTpi"}, served.Bearer(auth.Token{Secret: auth.NewSecret()}.String())} {
		served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/enrol", `{}`, header...), http.StatusUnauthorized)
	}
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/reports", `{}`, served.Bearer(token)...), http.StatusUnauthorized)
	for _, body := range []string{`{}`, `{"name":"a b","secret_hash":"` + auth.HashSecret("x") + `"}`, `{"name":"web","secret_hash":"x"}`, `[]`, `{`} {
		a := s.Do(t, http.MethodPost, api.Prefix+"/enrol", body, served.Bearer(token)...)
		if a.StatusCode != http.StatusUnprocessableEntity && a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s %s", body, a.Status, a.Text)
		}
	}
	s.Enrol(t, token, "web", "", "")
	p := served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/enrol", `{"name":"db","secret_hash":"`+auth.HashSecret("x")+`"}`, served.Bearer(token)...), http.StatusUnauthorized)
	if !strings.Contains(p.Detail, "used up") {
		t.Error(p.Detail)
	}
	for _, body := range []string{`{"uses":-1}`, `{"expires_in":"tomorrow"}`, `{"expires_in":"-1h"}`, `{"names":["a b"]}`} {
		if a := s.Local(t, http.MethodPost, api.Prefix+"/tokens", body); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", body, a.Status)
		}
	}
	var list struct{ Tokens []auth.TokenInfo }
	raw := s.Local(t, http.MethodGet, api.Prefix+"/tokens", "").Text
	if err := json.Unmarshal(raw, &list); err != nil || len(list.Tokens) != 1 || list.Tokens[0].Used != 1 || strings.Contains(string(raw), "hash") {
		t.Fatalf("%s %v", raw, err)
	}
	if a := s.Local(t, http.MethodDelete, api.Prefix+"/tokens/"+list.Tokens[0].ID, ""); a.StatusCode != http.StatusNoContent {
		t.Error(a.Status)
	}
	if a := s.Local(t, http.MethodDelete, api.Prefix+"/tokens/"+list.Tokens[0].ID, ""); a.StatusCode != http.StatusNotFound {
		t.Error(a.Status)
	}
}

// TestRelays forward for others, and are believed for whom.
func TestRelays(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	relayID, relay := s.Enrol(t, s.Token(t, `{"names":["relay1"]}`), "edge", "", `,"certificate_request":"Y3Nydg=="`)
	_, web := s.Enrol(t, s.Token(t, `{}`), "web", "id", "")
	cert := s.Do(t, http.MethodPost, api.Prefix+"/certificate", `{"certificate_request":"Y3Nydg=="}`, relay...)
	if cert.StatusCode != http.StatusCreated || !strings.Contains(string(cert.Text), "certificate for [relay1]") {
		t.Errorf("%s %s", cert.Status, cert.Text)
	}
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/certificate", `{"certificate_request":"eA=="}`, relay...), http.StatusUnprocessableEntity)
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/certificate", `{}`, web...), http.StatusForbidden)
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/reports", served.Body(t, shop.Host("edge", "10.0.0.9").Report), relay...), http.StatusForbidden)
	served.Refused(t, s.Get(t, api.Prefix+"/topology", relay...), http.StatusForbidden)

	through := func(relay string, sequence uint64) served.Answer {
		r := shop.Host("web", "10.0.0.1").Report
		r.Sequence = sequence
		return s.Do(t, http.MethodPost, api.Prefix+"/reports", served.Body(t, r), append(web, "Dotm-Relay", relay, "X-Forwarded-For", "10.9.9.9")...)
	}
	text := strings.TrimPrefix(relay[1], "Bearer ")
	if a := through(text, 1); !taken(a) {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	agent := s.Agents.List()[1]
	if agent.Name != "web" || agent.LastAddress != "10.9.9.9" || agent.Via != "edge" {
		t.Errorf("%+v", agent)
	}
	p := served.Refused(t, through("dotm1a.x."+auth.NewSecret(), 2), http.StatusForbidden) // not 401: the agent's own identity is fine
	if !strings.HasPrefix(p.Detail, "relay: ") {
		t.Error(p.Detail)
	}
	served.Refused(t, through(strings.TrimPrefix(web[1], "Bearer "), 2), http.StatusForbidden)
	if err := s.Agents.Revoke(t.Context(), relayID); err != nil {
		t.Fatal(err)
	}
	served.Refused(t, through(text, 2), http.StatusForbidden)
}

// TestBodyIsNotRead: who may not is told so before a byte of the body is read.
func TestBodyIsNotRead(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	for _, path := range []string{"/reports", "/enrol", "/tokens", "/certificate", "/settings"} {
		body := &counted{}
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, api.Prefix+path, body)
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, req)
		if w.Code != http.StatusUnauthorized || body.read != 0 || w.Header().Get("Connection") != "close" {
			t.Errorf("%s: %d after %d bytes, %v", path, w.Code, body.read, w.Header())
		}
		req.ProtoMajor = 2
		w = httptest.NewRecorder()
		s.Handler.ServeHTTP(w, req)
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
	_, _ = io.WriteString(conn, "POST "+api.Prefix+"/reports HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n")
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
	s := served.New(t, served.Options{Login: true, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}})
	a := s.Do(t, http.MethodPost, api.Prefix+"/setup", `{"secret":"`+s.Link(t)+`","password":"`+served.Password+`"}`, "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https")
	header := s.Session(t, a)
	if c := a.Cookies()[0]; c.Name != "__Host-dotm" || !c.Secure || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie is %s", a.Header.Get("Set-Cookie"))
	}
	if a := s.Get(t, api.Prefix+"/topology", append(header, "Host", "dotm.example", "X-Forwarded-For", "203.0.113.9")...); a.StatusCode != http.StatusOK {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	served.Refused(t, s.Get(t, api.Prefix+"/topology"), http.StatusUnauthorized)
	p := served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/login", `{"user":"admin","password":"`+served.Password+`"}`, "X-Forwarded-Proto", "http"), http.StatusForbidden)
	if !strings.Contains(p.Detail, "log in over https") {
		t.Error(p.Detail)
	}
	if log := s.Log.String(); !strings.Contains(log, "address=203.0.113.9") {
		t.Errorf("log is %s", log)
	}
	other := served.New(t, served.Options{Login: true, Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for _, path := range []string{"/", "/healthz", api.Prefix + "/session", api.Prefix + "/reports"} {
		p := served.Refused(t, other.Get(t, path, "X-Forwarded-For", "10.0.0.1"), http.StatusForbidden)
		if !strings.Contains(p.Detail, "answers its proxy only") {
			t.Error(p.Detail)
		}
	}
}

// TestReadyTellsStrangersLittle: paths and errors are for those who may.
func TestReadyTellsStrangersLittle(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	s.Store.Close()
	put401(t, s)
	var detail string
	for ready := true; ready; {
		a := s.Get(t, "/readyz")
		ready = a.StatusCode == http.StatusOK
		detail = string(a.Text)
		if t.Context().Err() != nil {
			t.Fatal("the store is closed, and nobody noticed")
		}
	}
	if !strings.Contains(detail, "the server's log says why") || strings.Contains(detail, "store") {
		t.Errorf("strangers are told %s", detail)
	}
	if a := s.Local(t, http.MethodGet, "/readyz", ""); !bytes.Contains(a.Text, []byte("store is closed")) {
		t.Errorf("others are told %s", a.Text)
	}
}

// put401 puts a report past the gate: something is to be written.
func put401(t *testing.T, s *served.Site) {
	t.Helper()
	if err := s.Model.Put(t.Context(), shop.Host("web", "10.0.0.1").Report); err != nil {
		t.Fatal(err)
	}
}
