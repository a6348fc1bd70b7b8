package api_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/oidc"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/test/openid"
	"github.com/devops-trouble-map/dotm/test/served"
)

// TestProxyNamesPeople: the proxy is believed who somebody is, and nobody else.
func TestProxyNamesPeople(t *testing.T) {
	vouched := &api.Vouched{UserHeader: "Remote-User", GroupsHeader: "Remote-Groups", Grants: auth.Grants{By: map[string]auth.Role{"ops": auth.Operator, "boss": auth.Admin}}}
	here := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	s := served.New(t, served.Options{Login: true, Proxies: here, Vouched: vouched})
	for _, tt := range []struct {
		header []string
		want   api.Session
	}{
		{nil, api.Session{Needed: true, Setup: true}},
		{[]string{"Remote-User", ""}, api.Session{Needed: true, Setup: true}},
		{[]string{"Remote-User", "anna", "Remote-Groups", "all, ops"}, api.Session{User: "anna", Role: auth.Operator, How: people.ByProxy}},
		{[]string{"Remote-User", "anna", "Remote-Groups", "all", "Remote-Groups", "ops"}, api.Session{User: "anna", Role: auth.Operator, How: people.ByProxy}},
		{[]string{"remote-user", "boss"}, api.Session{User: "boss", Role: auth.Admin, How: people.ByProxy}},
		{[]string{"Remote-User", "eve", "Remote-Groups", "all"}, api.Session{Needed: true, Setup: true}},
		{[]string{"Remote-Groups", "ops"}, api.Session{Needed: true, Setup: true}},
	} {
		if got := served.As[api.Session](t, s.Get(t, api.Prefix+"/session", tt.header...), http.StatusOK); got != tt.want {
			t.Errorf("%v: %+v, want %+v", tt.header, got, tt.want)
		}
	}
	p := served.Refused(t, s.Get(t, api.Prefix+"/topology", "Remote-User", "eve", "Remote-User", "boss"), http.StatusUnauthorized)
	if !strings.Contains(p.Detail, "header Remote-User is there 2 times") {
		t.Error(p.Detail)
	}
	served.Refused(t, s.Get(t, api.Prefix+"/topology", "Remote-User", strings.Repeat("x", 256)), http.StatusUnauthorized)
	served.Refused(t, s.Do(t, http.MethodPatch, api.Prefix+"/settings", `{"ageing":"1m"}`, "Remote-User", "anna", "Remote-Groups", "ops"), http.StatusForbidden)
	if a := s.Do(t, http.MethodPatch, api.Prefix+"/settings", `{"ageing":"1m"}`, "Remote-User", "boss", "Content-Type", "application/json"); a.StatusCode != http.StatusOK {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	if e := s.Entries(t)[0]; e.Who != "boss" || e.How != "proxy" || e.Kind != audit.User {
		t.Errorf("%+v", e)
	}
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/password", `{"before":"x","password":"y"}`, "Remote-User", "boss"), http.StatusForbidden)
	// Who comes past the proxy, or where none is told of, is not believed.
	elsewhere := served.New(t, served.Options{Login: true, Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Vouched: vouched})
	served.Refused(t, elsewhere.Get(t, api.Prefix+"/topology", "Remote-User", "boss"), http.StatusForbidden)
	for _, opt := range []served.Options{{Login: true, Vouched: vouched}, {Login: true, Proxies: here}} {
		served.Refused(t, served.New(t, opt).Get(t, api.Prefix+"/topology", "Remote-User", "boss"), http.StatusUnauthorized)
	}
}

// TestOpenID goes the whole way with a real provider, through the real routes.
func TestOpenID(t *testing.T) {
	const redirect = "https://dotm.example:4849" + api.Prefix + "/login/oidc/callback"
	at := openid.Start(t, []openid.User{{Name: "anna", Groups: []string{"dotm-ops"}}, {Name: "eve"}}, redirect)
	provider, err := oidc.New(oidc.Options{
		Name: "Example login", Issuer: at.URL, ClientID: openid.ClientID, ClientSecret: openid.ClientSecret, Redirect: redirect,
		Grants: auth.Grants{By: map[string]auth.Role{"dotm-ops": auth.Operator}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := served.New(t, served.Options{Login: true, Provider: provider})
	if got := served.Read[api.Session](t, s, api.Prefix+"/session"); got != (api.Session{Needed: true, Provider: "Example login"}) {
		t.Errorf("%+v", got)
	}
	begin := func() (address string, flow *http.Cookie) {
		t.Helper()
		a := s.Get(t, api.Prefix+"/login/oidc")
		if a.StatusCode != http.StatusFound || len(a.Cookies()) != 1 || a.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s %v", a.Status, a.Header)
		}
		return a.Header.Get("Location"), a.Cookies()[0]
	}
	address, flow := begin()
	asked, err := url.Parse(address)
	if err != nil || asked.Query().Get("code_challenge_method") != "S256" || asked.Query().Get("nonce") == "" || asked.Query().Get("state") == "" || strings.Contains(address, strings.Split(flow.Value, ".")[2]) {
		t.Errorf("%s, %v", address, err)
	}
	if flow.Name != "dotm-oidc" || !flow.HttpOnly || flow.SameSite != http.SameSiteLaxMode || flow.MaxAge != 600 {
		t.Errorf("%+v", flow)
	}
	back := at.LogIn(t, openid.Browser(t), address, "anna", openid.Password)
	callback := api.Prefix + "/login/oidc/callback?" + back.RawQuery
	// Somebody else's browser, which did not begin it.
	a := s.Get(t, callback)
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "../../../../login#refused=login" || len(a.Cookies()) != 0 {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	a = s.Get(t, callback, "Cookie", flow.Name+"="+flow.Value)
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "../../../../" || len(a.Cookies()) != 2 {
		t.Fatalf("%s %v %s", a.Status, a.Header, s.Log)
	}
	session := a.Cookies()[1]
	if session.Name != "dotm" || session.SameSite != http.SameSiteStrictMode || session.MaxAge != 12*60*60 {
		t.Errorf("%+v", session)
	}
	header := []string{"Cookie", session.Name + "=" + session.Value}
	if got := served.As[api.Session](t, s.Get(t, api.Prefix+"/session", header...), http.StatusOK); got != (api.Session{User: "anna", Role: auth.Operator, How: people.ByProvider, Provider: "Example login"}) {
		t.Errorf("%+v", got)
	}
	served.Refused(t, s.Get(t, api.Prefix+"/users", header...), http.StatusForbidden)
	// A code is good once.
	if a := s.Get(t, callback, "Cookie", flow.Name+"="+flow.Value); a.Header.Get("Location") != "../../../../login#refused=login" {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	// Who may nothing here is told so.
	address, flow = begin()
	back = at.LogIn(t, openid.Browser(t), address, "eve", openid.Password)
	if a := s.Get(t, api.Prefix+"/login/oidc/callback?"+back.RawQuery, "Cookie", flow.Name+"="+flow.Value); a.Header.Get("Location") != "../../../../login#refused=role" || len(a.Cookies()) != 1 {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	var got []string
	for _, e := range s.Entries(t) {
		got = append(got, e.Who+" "+e.What+" "+string(e.Result)+" "+e.Why)
	}
	want := []string{"eve login-oidc refused user is not permitted", " login-oidc refused login is not accepted: the provider refuses its code", "anna login-oidc done "}
	if len(got) != len(want) {
		t.Errorf("%q", got)
	}
	for i, begins := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], begins) {
			t.Errorf("entry %d of %q should begin with %q", i, got, begins)
		}
	}
}
