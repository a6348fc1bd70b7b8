package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/auth/people"
)

// madeLink is a token for embedding, as its maker gets it.
type madeLink struct {
	Token, ID, Link string
	Embed           *people.Embed
}

func (s *site) embed(t *testing.T, body string, header ...string) madeLink {
	t.Helper()
	return answerOf[madeLink](t, s.do(t, http.MethodPost, Prefix+"/api-tokens", body, header...), http.StatusCreated)
}

// TestEmbed: a link shows its one chart to whoever has it, and opens nothing else, even
// where nobody needs to log in.
func TestEmbed(t *testing.T) {
	s := twins(t)
	made := s.embed(t, `{"name":"wiki","role":"viewer","embed":{"formats":["svg","csv"],"query":"name=web1&level=service&expand="}}`)
	if !strings.HasPrefix(made.Token, "dotm1e."+made.ID+".") || made.Link != "https://dotm.example:4849/api/v1/export/svg?embed="+made.Token || made.Embed.Query != "level=service&name=web1" {
		t.Fatalf("%+v", made)
	}
	path := Prefix + "/export/svg?embed=" + made.Token
	a := s.get(t, path)
	if a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), "web1") || strings.Contains(string(a.body), "web2") {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	for name, want := range map[string]string{
		"Cross-Origin-Resource-Policy": "cross-origin", "Referrer-Policy": "no-referrer", "Content-Security-Policy": embedPolicy,
		"Cache-Control": embedCache, "Access-Control-Allow-Origin": "", "X-Content-Type-Options": "nosniff",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if again := s.get(t, path, "If-None-Match", a.Header.Get("ETag")); again.StatusCode != http.StatusNotModified || len(again.body) > 0 || again.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("again: %s %v", again.Status, again.Header)
	}
	if csv := s.get(t, Prefix+"/export/csv?embed="+made.Token); csv.StatusCode != http.StatusOK {
		t.Errorf("another format of it: %s", csv.Status)
	}
	for _, wrong := range []string{
		"/export/svg?focus=web2&embed=", "/export/svg?at=-1h&embed=", "/export/svg?level=node&embed=", "/export/svg?incident=x&embed=", "/export/json?embed=", "/export/pdf?embed=",
		"/topology?embed=", "/settings?embed=", "/api-tokens?embed=", "/stream?embed=", "/export/?embed=", "/export/svg/../../topology?embed=",
	} {
		if a := s.get(t, Prefix+wrong+made.Token); a.StatusCode != http.StatusForbidden || a.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: %s %s", wrong, a.Status, a.body)
		}
	}
	refused(t, s.get(t, "/metrics?embed="+made.Token), http.StatusForbidden)
	refused(t, s.do(t, http.MethodPost, Prefix+"/export/svg?embed="+made.Token, ""), http.StatusForbidden)
	refused(t, s.get(t, Prefix+"/export/svg?embed=dotm1e."+made.ID+".guessed"), http.StatusUnauthorized)
	refused(t, s.get(t, Prefix+"/export/svg?embed="), http.StatusUnauthorized)
	// It is no API token, and an API token is no link.
	refused(t, s.get(t, Prefix+"/topology", bearer(made.Token)...), http.StatusUnauthorized)
	refused(t, s.get(t, Prefix+"/topology", bearer("dotm1t."+strings.TrimPrefix(made.Token, "dotm1e."))...), http.StatusUnauthorized)
	script, _, err := s.logins.CreateAPIToken(t.Context(), people.TokenOptions{Name: "script", Role: "viewer"})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, s.get(t, Prefix+"/export/svg?embed="+script), http.StatusUnauthorized)
	refused(t, s.get(t, Prefix+"/export/svg?embed=dotm1e."+strings.TrimPrefix(script, "dotm1t.")), http.StatusUnauthorized)
	list := s.get(t, Prefix+"/api-tokens")
	if secret := made.Token[strings.LastIndexByte(made.Token, '.')+1:]; strings.Contains(s.log.String(), secret) || strings.Contains(string(list.body), secret) {
		t.Errorf("the secret is in the log or the list: %s", s.log)
	}
	if !strings.Contains(string(list.body), `"query":"level=service&name=web1"`) || !strings.Contains(string(list.body), `"used_from":"127.0.0.1"`) {
		t.Errorf("%s", list.body)
	}
	if audited := string(s.get(t, Prefix+"/audit").body); strings.Contains(audited, made.Token) || !strings.Contains(audited, "create-api-token") {
		t.Errorf("%s", audited)
	}
	s.do(t, http.MethodDelete, Prefix+"/api-tokens/"+made.ID, "")
	refused(t, s.get(t, path), http.StatusUnauthorized)
}

// TestEmbedMoment: a link may ask for a moment only if it was made so, and ends when it was
// said to.
func TestEmbedMoment(t *testing.T) {
	now := time.Now()
	s := newSite(t, siteOptions{before: bygone(t), clock: func() time.Time { return now }})
	made := s.embed(t, `{"name":"wiki","role":"viewer","expires_in":"1h","embed":{"formats":["markdown"],"query":"","at":true}}`)
	path := Prefix + "/export/markdown?embed=" + made.Token
	if a := s.get(t, path+"&at="+stamp(hoursAgo(1.5))); a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), "This is the past") {
		t.Errorf("%s %s", a.Status, a.body)
	}
	if a := s.get(t, path); a.StatusCode != http.StatusOK || strings.Contains(string(a.body), "This is the past") {
		t.Errorf("%s %s", a.Status, a.body)
	}
	now = now.Add(time.Hour)
	if p := refused(t, s.get(t, path), http.StatusUnauthorized); !strings.Contains(p.Detail, "it ended at") {
		t.Error(p.Detail)
	}
}

// TestEmbedPace: who asks by a link all the time is told to wait, and others are not.
func TestEmbedPace(t *testing.T) {
	now := noon
	s := newSite(t, siteOptions{clock: func() time.Time { return now }})
	one, other := s.embed(t, `{"name":"a","role":"viewer","embed":{"formats":["csv"],"query":""}}`), s.embed(t, `{"name":"b","role":"viewer","embed":{"formats":["csv"],"query":""}}`)
	for i := range 60 {
		if a := s.get(t, Prefix+"/export/csv?embed="+one.Token); a.StatusCode != http.StatusOK {
			t.Fatalf("%d: %s", i, a.Status)
		}
	}
	a := s.get(t, Prefix+"/export/csv?embed="+one.Token)
	if refused(t, a, http.StatusTooManyRequests); a.Header.Get("Retry-After") != "1" {
		t.Errorf("%v", a.Header)
	}
	if a := s.get(t, Prefix+"/export/csv?embed="+other.Token); a.StatusCode != http.StatusOK {
		t.Errorf("another link: %s", a.Status)
	}
	now = now.Add(time.Second)
	for i := range 6 {
		if a := s.get(t, Prefix+"/export/csv?embed="+one.Token); (a.StatusCode == http.StatusOK) != (i < 5) {
			t.Errorf("a second later, %d: %s", i, a.Status)
		}
	}
}

// TestWrongLinks: what a link shall show is judged when it is made.
func TestWrongLinks(t *testing.T) {
	s := newSite(t, siteOptions{})
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
		if p := refused(t, s.do(t, http.MethodPost, Prefix+"/api-tokens", `{"name":"x",`+c[0]+`}`), http.StatusUnprocessableEntity); !strings.Contains(p.Detail, c[1]) {
			t.Errorf("%s: %s", c[0], p.Detail)
		}
	}
}

// TestEmbedLogin: where people log in a link needs none, and an operator makes none.
func TestEmbedLogin(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	body := `{"name":"wiki","role":"viewer","embed":{"formats":["svg"],"query":""}}`
	refused(t, s.do(t, http.MethodPost, Prefix+"/api-tokens", body), http.StatusUnauthorized)
	refused(t, s.do(t, http.MethodPost, Prefix+"/api-tokens", body, s.scripts(t)["operator"]...), http.StatusForbidden)
	admin := s.signIn(t)
	made := s.embed(t, body, admin...)
	if a := s.get(t, Prefix+"/export/svg?embed="+made.Token, "Origin", "https://wiki.example", "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusOK {
		t.Errorf("%s %s", a.Status, a.body)
	}
	// A link is worth no more in the browser of an administrator.
	refused(t, s.get(t, Prefix+"/topology?embed="+made.Token, admin...), http.StatusForbidden)
	refused(t, s.get(t, Prefix+"/export/svg"), http.StatusUnauthorized)
}
