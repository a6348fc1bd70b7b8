package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
)

// madeLink is a token for embedding, as its maker gets it.
type madeLink struct {
	Token, ID, Link string
	Embed           *people.Embed
}

func embed(t *testing.T, s *served.Site, body string, header ...string) madeLink {
	t.Helper()
	return served.As[madeLink](t, s.Do(t, http.MethodPost, api.Prefix+"/api-tokens", body, header...), http.StatusCreated)
}

// TestEmbed: a link shows its one chart to whoever has it, and opens nothing else, even
// where nobody needs to log in.
func TestEmbed(t *testing.T) {
	s := served.Twins(t)
	made := embed(t, s, `{"name":"wiki","role":"viewer","embed":{"formats":["svg","csv"],"query":"name=web1&level=service&expand="}}`)
	if !strings.HasPrefix(made.Token, "dotm1e."+made.ID+".") || made.Link != "https://dotm.example:4849/api/v1/export/svg?embed="+made.Token || made.Embed.Query != "level=service&name=web1" {
		t.Fatalf("%+v", made)
	}
	path := api.Prefix + "/export/svg?embed=" + made.Token
	a := s.Get(t, path)
	if a.StatusCode != http.StatusOK || !strings.Contains(string(a.Text), "web1") || strings.Contains(string(a.Text), "web2") {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	for name, want := range map[string]string{
		"Cross-Origin-Resource-Policy": "cross-origin", "Referrer-Policy": "no-referrer", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
		"Cache-Control": "private, max-age=30, must-revalidate", "Access-Control-Allow-Origin": "", "X-Content-Type-Options": "nosniff",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if again := s.Get(t, path, "If-None-Match", a.Header.Get("ETag")); again.StatusCode != http.StatusNotModified || len(again.Text) > 0 || again.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("again: %s %v", again.Status, again.Header)
	}
	if csv := s.Get(t, api.Prefix+"/export/csv?embed="+made.Token); csv.StatusCode != http.StatusOK {
		t.Errorf("another format of it: %s", csv.Status)
	}
	for _, wrong := range []string{
		"/export/svg?focus=web2&embed=", "/export/svg?at=-1h&embed=", "/export/svg?level=node&embed=", "/export/svg?incident=x&embed=", "/export/json?embed=", "/export/pdf?embed=",
		"/topology?embed=", "/settings?embed=", "/api-tokens?embed=", "/stream?embed=", "/export/?embed=", "/export/svg/../../topology?embed=",
	} {
		if a := s.Get(t, api.Prefix+wrong+made.Token); a.StatusCode != http.StatusForbidden || a.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: %s %s", wrong, a.Status, a.Text)
		}
	}
	served.Refused(t, s.Get(t, "/metrics?embed="+made.Token), http.StatusForbidden)
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/export/svg?embed="+made.Token, ""), http.StatusForbidden)
	served.Refused(t, s.Get(t, api.Prefix+"/export/svg?embed=dotm1e."+made.ID+".guessed"), http.StatusUnauthorized)
	served.Refused(t, s.Get(t, api.Prefix+"/export/svg?embed="), http.StatusUnauthorized)
	// It is no API token, and an API token is no link.
	served.Refused(t, s.Get(t, api.Prefix+"/topology", served.Bearer(made.Token)...), http.StatusUnauthorized)
	served.Refused(t, s.Get(t, api.Prefix+"/topology", served.Bearer("dotm1t."+strings.TrimPrefix(made.Token, "dotm1e."))...), http.StatusUnauthorized)
	script, _, err := s.Logins.CreateAPIToken(t.Context(), people.TokenOptions{Name: "script", Role: "viewer"})
	if err != nil {
		t.Fatal(err)
	}
	served.Refused(t, s.Get(t, api.Prefix+"/export/svg?embed="+script), http.StatusUnauthorized)
	served.Refused(t, s.Get(t, api.Prefix+"/export/svg?embed=dotm1e."+strings.TrimPrefix(script, "dotm1t.")), http.StatusUnauthorized)
	list := s.Get(t, api.Prefix+"/api-tokens")
	if secret := made.Token[strings.LastIndexByte(made.Token, '.')+1:]; strings.Contains(s.Log.String(), secret) || strings.Contains(string(list.Text), secret) {
		t.Errorf("the secret is in the log or the list: %s", s.Log)
	}
	if !strings.Contains(string(list.Text), `"query":"level=service&name=web1"`) || !strings.Contains(string(list.Text), `"used_from":"127.0.0.1"`) {
		t.Errorf("%s", list.Text)
	}
	if audited := string(s.Get(t, api.Prefix+"/audit").Text); strings.Contains(audited, made.Token) || !strings.Contains(audited, "create-api-token") {
		t.Errorf("%s", audited)
	}
	s.Do(t, http.MethodDelete, api.Prefix+"/api-tokens/"+made.ID, "")
	served.Refused(t, s.Get(t, path), http.StatusUnauthorized)
}

// TestEmbedMoment: a link may ask for a moment only if it was made so, and ends when it was
// said to.
func TestEmbedMoment(t *testing.T) {
	now := time.Now()
	s := served.New(t, served.Options{Before: served.Bygone(t), Clock: func() time.Time { return now }})
	made := embed(t, s, `{"name":"wiki","role":"viewer","expires_in":"1h","embed":{"formats":["markdown"],"query":"","at":true}}`)
	path := api.Prefix + "/export/markdown?embed=" + made.Token
	if a := s.Get(t, path+"&at="+served.Stamp(served.HoursAgo(1.5))); a.StatusCode != http.StatusOK || !strings.Contains(string(a.Text), "This is the past") {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	if a := s.Get(t, path); a.StatusCode != http.StatusOK || strings.Contains(string(a.Text), "This is the past") {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	now = now.Add(time.Hour)
	if p := served.Refused(t, s.Get(t, path), http.StatusUnauthorized); !strings.Contains(p.Detail, "it ended at") {
		t.Error(p.Detail)
	}
}

// TestEmbedPace: who asks by a link all the time is told to wait, and others are not.
func TestEmbedPace(t *testing.T) {
	now := shop.Noon
	s := served.New(t, served.Options{Clock: func() time.Time { return now }})
	one, other := embed(t, s, `{"name":"a","role":"viewer","embed":{"formats":["csv"],"query":""}}`), embed(t, s, `{"name":"b","role":"viewer","embed":{"formats":["csv"],"query":""}}`)
	for i := range 60 {
		if a := s.Get(t, api.Prefix+"/export/csv?embed="+one.Token); a.StatusCode != http.StatusOK {
			t.Fatalf("%d: %s", i, a.Status)
		}
	}
	a := s.Get(t, api.Prefix+"/export/csv?embed="+one.Token)
	if served.Refused(t, a, http.StatusTooManyRequests); a.Header.Get("Retry-After") != "1" {
		t.Errorf("%v", a.Header)
	}
	if a := s.Get(t, api.Prefix+"/export/csv?embed="+other.Token); a.StatusCode != http.StatusOK {
		t.Errorf("another link: %s", a.Status)
	}
	now = now.Add(time.Second)
	for i := range 6 {
		if a := s.Get(t, api.Prefix+"/export/csv?embed="+one.Token); (a.StatusCode == http.StatusOK) != (i < 5) {
			t.Errorf("a second later, %d: %s", i, a.Status)
		}
	}
}

// TestWrongLinks: what a link shall show is judged when it is made.
func TestWrongLinks(t *testing.T) {
	s := served.New(t, served.Options{})
	for _, c := range [][2]string{
		{`"role":"viewer","embed":{"formats":["pdf"],"query":""}`, "embed.formats"},
		{`"role":"viewer","embed":{"formats":[],"query":""}`, "embed.formats"},
		{`"role":"admin","embed":{"formats":["svg"],"query":""}`, "viewer"},
		{`"role":"viewer","embed":{"formats":["svg"],"query":"secret=1"}`, "nothing but"},
		{`"role":"viewer","embed":{"formats":["svg"],"query":"level=galaxy"}`, "level"},
		{`"role":"viewer","embed":{"formats":["svg"],"query":"hops=2"}`, "hops"},
		{`"role":"viewer","embed":{"formats":["svg"],"query":"focus=a&focus=b"}`, "once"},
		{`"role":"viewer","embed":{"formats":["svg"],"query":"%zz"}`, "must be a query"},
	} {
		if p := served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/api-tokens", `{"name":"x",`+c[0]+`}`), http.StatusUnprocessableEntity); !strings.Contains(p.Detail, c[1]) {
			t.Errorf("%s: %s", c[0], p.Detail)
		}
	}
}

// TestEmbedLogin: where people log in a link needs none, and an operator makes none.
func TestEmbedLogin(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	body := `{"name":"wiki","role":"viewer","embed":{"formats":["svg"],"query":""}}`
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/api-tokens", body), http.StatusUnauthorized)
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/api-tokens", body, s.Scripts(t)["operator"]...), http.StatusForbidden)
	admin := s.SignIn(t)
	made := embed(t, s, body, admin...)
	if a := s.Get(t, api.Prefix+"/export/svg?embed="+made.Token, "Origin", "https://wiki.example", "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusOK {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	// A link is worth no more in the browser of an administrator.
	served.Refused(t, s.Get(t, api.Prefix+"/topology?embed="+made.Token, admin...), http.StatusForbidden)
	served.Refused(t, s.Get(t, api.Prefix+"/export/svg"), http.StatusUnauthorized)
}
