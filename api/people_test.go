package api

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api/door"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
)

// answerOf reads an answer that must have a status.
func answerOf[T any](t *testing.T, a answered, status int) (out T) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s, want %d", a.Status, a.body, status)
	}
	if err := json.Unmarshal(a.body, &out); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return out
}

type link struct{ Secret, URL string }

// addUser makes a user who set the password, and returns the header of a session.
func (s *site) addUser(t *testing.T, name string, role auth.Role) []string {
	t.Helper()
	made := answerOf[link](t, s.local(t, http.MethodPost, Prefix+"/users", `{"name":"`+name+`","role":"`+string(role)+`"}`), http.StatusCreated)
	if want := "https://dotm.example:4849/login#setup=" + made.Secret + "&user=" + strings.ReplaceAll(name, "@", "%40"); made.URL != want {
		t.Errorf("link is %s, want %s", made.URL, want)
	}
	a := s.do(t, http.MethodPost, Prefix+"/setup", `{"secret":"`+made.Secret+`","password":"`+password+`"}`)
	if got := answerOf[Session](t, a, http.StatusOK); got != (Session{User: name, Role: role, How: people.ByPassword}) {
		t.Errorf("%+v", got)
	}
	return s.session(t, a)
}

func TestUsersOverHTTP(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	admin := s.signIn(t)
	bob := s.addUser(t, "bob@example.org", auth.Viewer)
	list := answerOf[struct{ Users []people.User }](t, s.get(t, Prefix+"/users", admin...), http.StatusOK)
	if len(list.Users) != 2 || list.Users[1].Name != "bob@example.org" || !list.Users[1].Password {
		t.Errorf("%+v", list)
	}
	refused(t, s.do(t, http.MethodPatch, Prefix+"/users/bob@example.org", `{"role":"admin"}`, bob...), http.StatusForbidden)
	if a := s.do(t, http.MethodPatch, Prefix+"/users/bob@example.org", `{"role":"operator"}`, admin...); a.StatusCode != http.StatusNoContent {
		t.Errorf("%s %s", a.Status, a.body)
	}
	if got := answerOf[Session](t, s.get(t, Prefix+"/session", bob...), http.StatusOK); got.Role != auth.Operator {
		t.Errorf("%+v", got)
	}
	// Links: for others by any administrator, for admin on the server's machine.
	refused(t, s.do(t, http.MethodPost, Prefix+"/users/admin/link", "", admin...), http.StatusForbidden)
	made := answerOf[link](t, s.do(t, http.MethodPost, Prefix+"/users/bob@example.org/link", "", admin...), http.StatusOK)
	const other = "another password"
	s.session(t, s.do(t, http.MethodPost, Prefix+"/setup", `{"secret":"`+made.Secret+`","password":"`+other+`"}`))
	refused(t, s.get(t, Prefix+"/topology", bob...), http.StatusUnauthorized)
	bob = s.session(t, s.do(t, http.MethodPost, Prefix+"/login", `{"user":"bob@example.org","password":"`+other+`"}`))
	// A password of one's own.
	p := refused(t, s.do(t, http.MethodPost, Prefix+"/password", `{"before":"wrong","password":"`+password+`"}`, bob...), http.StatusUnprocessableEntity)
	if !strings.Contains(p.Detail, "present password is not valid") {
		t.Error(p.Detail)
	}
	again := s.session(t, s.do(t, http.MethodPost, Prefix+"/password", `{"before":"`+other+`","password":"`+password+`"}`, bob...))
	refused(t, s.get(t, Prefix+"/topology", bob...), http.StatusUnauthorized)
	if a := s.get(t, Prefix+"/topology", again...); a.StatusCode != http.StatusOK {
		t.Error(a.Status)
	}
	if a := s.do(t, http.MethodDelete, Prefix+"/users/bob@example.org", "", admin...); a.StatusCode != http.StatusNoContent {
		t.Errorf("%s %s", a.Status, a.body)
	}
	refused(t, s.get(t, Prefix+"/topology", again...), http.StatusUnauthorized)
	for _, step := range []struct {
		method, path, body string
		want               int
	}{
		{http.MethodDelete, "/users/admin", "", http.StatusForbidden},
		{http.MethodDelete, "/users/bob", "", http.StatusNotFound},
		{http.MethodPatch, "/users/admin", `{"role":"viewer"}`, http.StatusForbidden},
		{http.MethodPost, "/users", `{"name":"a b","role":"viewer"}`, http.StatusUnprocessableEntity},
		{http.MethodPost, "/users", `{"name":"eve","role":"root"}`, http.StatusUnprocessableEntity},
		{http.MethodPost, "/users", `{"name":"eve"}`, http.StatusUnprocessableEntity},
	} {
		refused(t, s.do(t, step.method, Prefix+step.path, step.body, admin...), step.want)
	}
}

// TestSessionsOverHTTP: everybody sees and ends their own, an administrator all.
func TestSessionsOverHTTP(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	admin, bob := s.signIn(t), s.addUser(t, "bob", auth.Viewer)
	type sessions struct{ Sessions []door.ListedSession }
	all := answerOf[sessions](t, s.get(t, Prefix+"/sessions", admin...), http.StatusOK)
	own := answerOf[sessions](t, s.get(t, Prefix+"/sessions", bob...), http.StatusOK)
	if len(all.Sessions) != 2 || len(own.Sessions) != 1 || own.Sessions[0].User != "bob" || !own.Sessions[0].This || own.Sessions[0].Address != "127.0.0.1" || !strings.HasPrefix(own.Sessions[0].Program, "Go-http-client") {
		t.Fatalf("%+v\n%+v", all, own)
	}
	theirs := all.Sessions[0]
	if theirs.User == "bob" {
		theirs = all.Sessions[1]
	}
	refused(t, s.do(t, http.MethodDelete, Prefix+"/sessions/"+theirs.ID, "", bob...), http.StatusNotFound)
	if a := s.do(t, http.MethodDelete, Prefix+"/sessions/"+own.Sessions[0].ID, "", admin...); a.StatusCode != http.StatusNoContent {
		t.Errorf("%s %s", a.Status, a.body)
	}
	refused(t, s.get(t, Prefix+"/sessions", bob...), http.StatusUnauthorized)
	s.session(t, s.do(t, http.MethodPost, Prefix+"/login", `{"user":"bob","password":"`+password+`"}`))
	if got := answerOf[struct{ Ended int }](t, s.do(t, http.MethodDelete, Prefix+"/users/bob/sessions", "", admin...), http.StatusOK); got.Ended != 1 {
		t.Errorf("%+v", got)
	}
	// A script has none.
	for role, header := range s.scripts(t) {
		got := answerOf[sessions](t, s.get(t, Prefix+"/sessions", header...), http.StatusOK)
		if (len(got.Sessions) > 0) != (role == auth.Admin) || got.Sessions == nil {
			t.Errorf("%s sees %+v", role, got)
		}
	}
}

func TestAPITokensOverHTTP(t *testing.T) {
	now := noon
	s := newSite(t, siteOptions{login: true, clock: func() time.Time { return now }})
	admin := s.signIn(t)
	made := answerOf[struct{ Token, ID, By string }](t, s.do(t, http.MethodPost, Prefix+"/api-tokens", `{"name":"prometheus","role":"viewer","expires_in":"2160h"}`, admin...), http.StatusCreated)
	if made.By != "admin" || !strings.HasPrefix(made.Token, "dotm1t."+made.ID+".") {
		t.Errorf("%+v", made)
	}
	header := bearer(made.Token)
	for _, path := range []string{"/metrics", Prefix + "/export/svg", Prefix + "/topology", Prefix + "/session"} {
		if a := s.get(t, path, header...); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s", path, a.Status, a.body)
		}
	}
	if got := answerOf[Session](t, s.get(t, Prefix+"/session", header...), http.StatusOK); got != (Session{User: "prometheus", Role: auth.Viewer}) {
		t.Errorf("%+v", got)
	}
	// Not in an address, which logs and histories keep, nor in a cookie.
	for _, path := range []string{"/metrics?token=" + made.Token, Prefix + "/topology?token=" + made.Token, Prefix + "/topology?access_token=" + made.Token} {
		refused(t, s.get(t, path), http.StatusUnauthorized)
	}
	refused(t, s.get(t, Prefix+"/topology", "Cookie", "dotm="+made.Token), http.StatusUnauthorized)
	refused(t, s.do(t, http.MethodPost, Prefix+"/enrol", `{}`, header...), http.StatusUnauthorized)
	refused(t, s.do(t, http.MethodPost, Prefix+"/reports", `{}`, header...), http.StatusUnauthorized)
	list := s.get(t, Prefix+"/api-tokens", admin...)
	got := answerOf[struct{ Tokens []people.APIToken }](t, list, http.StatusOK)
	if len(got.Tokens) != 1 || got.Tokens[0].UsedFrom != "127.0.0.1" || !got.Tokens[0].Used.Equal(noon) || strings.Contains(string(list.body), "hash") {
		t.Errorf("%s", list.body)
	}
	now = now.Add(2160 * time.Hour)
	p := refused(t, s.get(t, "/metrics", header...), http.StatusUnauthorized)
	if !strings.Contains(p.Detail, `"prometheus" is not accepted: it ended at`) {
		t.Error(p.Detail)
	}
	now = noon
	if a := s.do(t, http.MethodDelete, Prefix+"/api-tokens/"+made.ID, "", admin...); a.StatusCode != http.StatusNoContent {
		t.Error(a.Status)
	}
	refused(t, s.get(t, "/metrics", header...), http.StatusUnauthorized)
	for _, body := range []string{`{}`, `{"name":"x"}`, `{"name":"x","role":"viewer","expires_in":"soon"}`, `{"name":"x","role":"viewer","expires_in":"-1h"}`, `{"name":"","role":"viewer"}`} {
		refused(t, s.do(t, http.MethodPost, Prefix+"/api-tokens", body, admin...), http.StatusUnprocessableEntity)
	}
}

// TestTokenInTheClear: a token that came unencrypted is not good any more.
func TestTokenInTheClear(t *testing.T) {
	s := newSite(t, siteOptions{login: true, proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	header := s.scripts(t)[auth.Viewer]
	if a := s.get(t, "/metrics", append(header, "X-Forwarded-Proto", "https")...); a.StatusCode != http.StatusOK {
		t.Error(a.Status)
	}
	p := refused(t, s.get(t, "/metrics", append(header, "X-Forwarded-Proto", "http")...), http.StatusForbidden)
	if !strings.Contains(p.Detail, "came unencrypted") {
		t.Error(p.Detail)
	}
}

// TestTokensOnLoopback: who shows one there has no more than its role.
func TestTokensOnLoopback(t *testing.T) {
	s := newSite(t, siteOptions{})
	header := s.scripts(t)[auth.Viewer]
	if a := s.get(t, "/metrics", header...); a.StatusCode != http.StatusOK {
		t.Error(a.Status)
	}
	refused(t, s.do(t, http.MethodPatch, Prefix+"/settings", `{"ageing":"1m"}`, header...), http.StatusForbidden)
	if a := newSite(t, siteOptions{public: true}).get(t, "/metrics", header...); a.StatusCode != http.StatusOK {
		t.Errorf("where nobody needs one: %s", a.Status)
	}
}
