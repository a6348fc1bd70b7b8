package door_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/api/door"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
)

type link struct{ Secret, URL string }

func TestUsersOverHTTP(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	admin := s.SignIn(t)
	bob := s.AddUser(t, "bob@example.org", auth.Viewer)
	list := served.As[struct{ Users []people.User }](t, s.Get(t, api.Prefix+"/users", admin...), http.StatusOK)
	if len(list.Users) != 2 || list.Users[1].Name != "bob@example.org" || !list.Users[1].Password {
		t.Errorf("%+v", list)
	}
	served.Refused(t, s.Do(t, http.MethodPatch, api.Prefix+"/users/bob@example.org", `{"role":"admin"}`, bob...), http.StatusForbidden)
	if a := s.Do(t, http.MethodPatch, api.Prefix+"/users/bob@example.org", `{"role":"operator"}`, admin...); a.StatusCode != http.StatusNoContent {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	if got := served.As[door.Session](t, s.Get(t, api.Prefix+"/session", bob...), http.StatusOK); got.Role != auth.Operator {
		t.Errorf("%+v", got)
	}
	// Links: for others by any administrator, for admin on the server's machine.
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/users/admin/link", "", admin...), http.StatusForbidden)
	made := served.As[link](t, s.Do(t, http.MethodPost, api.Prefix+"/users/bob@example.org/link", "", admin...), http.StatusOK)
	const other = "another password"
	s.Session(t, s.Do(t, http.MethodPost, api.Prefix+"/setup", `{"secret":"`+made.Secret+`","password":"`+other+`"}`))
	served.Refused(t, s.Get(t, api.Prefix+"/topology", bob...), http.StatusUnauthorized)
	bob = s.Session(t, s.Do(t, http.MethodPost, api.Prefix+"/login", `{"user":"bob@example.org","password":"`+other+`"}`))
	// A password of one's own.
	p := served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/password", `{"before":"wrong","password":"`+served.Password+`"}`, bob...), http.StatusUnprocessableEntity)
	if !strings.Contains(p.Detail, "present password is not valid") {
		t.Error(p.Detail)
	}
	again := s.Session(t, s.Do(t, http.MethodPost, api.Prefix+"/password", `{"before":"`+other+`","password":"`+served.Password+`"}`, bob...))
	served.Refused(t, s.Get(t, api.Prefix+"/topology", bob...), http.StatusUnauthorized)
	if a := s.Get(t, api.Prefix+"/topology", again...); a.StatusCode != http.StatusOK {
		t.Error(a.Status)
	}
	if a := s.Do(t, http.MethodDelete, api.Prefix+"/users/bob@example.org", "", admin...); a.StatusCode != http.StatusNoContent {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	served.Refused(t, s.Get(t, api.Prefix+"/topology", again...), http.StatusUnauthorized)
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
		served.Refused(t, s.Do(t, step.method, api.Prefix+step.path, step.body, admin...), step.want)
	}
}

// TestSessionsOverHTTP: everybody sees and ends their own, an administrator all.
func TestSessionsOverHTTP(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	admin, bob := s.SignIn(t), s.AddUser(t, "bob", auth.Viewer)
	type sessions struct{ Sessions []door.ListedSession }
	all := served.As[sessions](t, s.Get(t, api.Prefix+"/sessions", admin...), http.StatusOK)
	own := served.As[sessions](t, s.Get(t, api.Prefix+"/sessions", bob...), http.StatusOK)
	if len(all.Sessions) != 2 || len(own.Sessions) != 1 || own.Sessions[0].User != "bob" || !own.Sessions[0].This || own.Sessions[0].Address != "127.0.0.1" || !strings.HasPrefix(own.Sessions[0].Program, "Go-http-client") {
		t.Fatalf("%+v\n%+v", all, own)
	}
	theirs := all.Sessions[0]
	if theirs.User == "bob" {
		theirs = all.Sessions[1]
	}
	served.Refused(t, s.Do(t, http.MethodDelete, api.Prefix+"/sessions/"+theirs.ID, "", bob...), http.StatusNotFound)
	if a := s.Do(t, http.MethodDelete, api.Prefix+"/sessions/"+own.Sessions[0].ID, "", admin...); a.StatusCode != http.StatusNoContent {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	served.Refused(t, s.Get(t, api.Prefix+"/sessions", bob...), http.StatusUnauthorized)
	s.Session(t, s.Do(t, http.MethodPost, api.Prefix+"/login", `{"user":"bob","password":"`+served.Password+`"}`))
	if got := served.As[struct{ Ended int }](t, s.Do(t, http.MethodDelete, api.Prefix+"/users/bob/sessions", "", admin...), http.StatusOK); got.Ended != 1 {
		t.Errorf("%+v", got)
	}
	// A script has none.
	for role, header := range s.Scripts(t) {
		got := served.As[sessions](t, s.Get(t, api.Prefix+"/sessions", header...), http.StatusOK)
		if (len(got.Sessions) > 0) != (role == auth.Admin) || got.Sessions == nil {
			t.Errorf("%s sees %+v", role, got)
		}
	}
}

func TestAPITokensOverHTTP(t *testing.T) {
	now := shop.Noon
	s := served.New(t, served.Options{Login: true, Clock: func() time.Time { return now }})
	admin := s.SignIn(t)
	made := served.As[struct{ Token, ID, By string }](t, s.Do(t, http.MethodPost, api.Prefix+"/api-tokens", `{"name":"prometheus","role":"viewer","expires_in":"2160h"}`, admin...), http.StatusCreated)
	if made.By != "admin" || !strings.HasPrefix(made.Token, "dotm1t."+made.ID+".") {
		t.Errorf("%+v", made)
	}
	header := served.Bearer(made.Token)
	for _, path := range []string{"/metrics", api.Prefix + "/export/svg", api.Prefix + "/topology", api.Prefix + "/session"} {
		if a := s.Get(t, path, header...); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s", path, a.Status, a.Text)
		}
	}
	if got := served.As[door.Session](t, s.Get(t, api.Prefix+"/session", header...), http.StatusOK); got != (door.Session{User: "prometheus", Role: auth.Viewer}) {
		t.Errorf("%+v", got)
	}
	// Not in an address, which logs and histories keep, nor in a cookie.
	for _, path := range []string{"/metrics?token=" + made.Token, api.Prefix + "/topology?token=" + made.Token, api.Prefix + "/topology?access_token=" + made.Token} {
		served.Refused(t, s.Get(t, path), http.StatusUnauthorized)
	}
	served.Refused(t, s.Get(t, api.Prefix+"/topology", "Cookie", "dotm="+made.Token), http.StatusUnauthorized)
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/enrol", `{}`, header...), http.StatusUnauthorized)
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/reports", `{}`, header...), http.StatusUnauthorized)
	list := s.Get(t, api.Prefix+"/api-tokens", admin...)
	got := served.As[struct{ Tokens []people.APIToken }](t, list, http.StatusOK)
	if len(got.Tokens) != 1 || got.Tokens[0].UsedFrom != "127.0.0.1" || !got.Tokens[0].Used.Equal(shop.Noon) || strings.Contains(string(list.Text), "hash") {
		t.Errorf("%s", list.Text)
	}
	now = now.Add(2160 * time.Hour)
	p := served.Refused(t, s.Get(t, "/metrics", header...), http.StatusUnauthorized)
	if !strings.Contains(p.Detail, `"prometheus" is not accepted: it ended at`) {
		t.Error(p.Detail)
	}
	now = shop.Noon
	if a := s.Do(t, http.MethodDelete, api.Prefix+"/api-tokens/"+made.ID, "", admin...); a.StatusCode != http.StatusNoContent {
		t.Error(a.Status)
	}
	served.Refused(t, s.Get(t, "/metrics", header...), http.StatusUnauthorized)
	for _, body := range []string{`{}`, `{"name":"x"}`, `{"name":"x","role":"viewer","expires_in":"soon"}`, `{"name":"x","role":"viewer","expires_in":"-1h"}`, `{"name":"","role":"viewer"}`} {
		served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/api-tokens", body, admin...), http.StatusUnprocessableEntity)
	}
}

// TestTokenInTheClear: a token that came unencrypted is not good any more.
func TestTokenInTheClear(t *testing.T) {
	s := served.New(t, served.Options{Login: true, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	header := s.Scripts(t)[auth.Viewer]
	if a := s.Get(t, "/metrics", append(header, "X-Forwarded-Proto", "https")...); a.StatusCode != http.StatusOK {
		t.Error(a.Status)
	}
	p := served.Refused(t, s.Get(t, "/metrics", append(header, "X-Forwarded-Proto", "http")...), http.StatusForbidden)
	if !strings.Contains(p.Detail, "came unencrypted") {
		t.Error(p.Detail)
	}
}

// TestTokensOnLoopback: who shows one there has no more than its role.
func TestTokensOnLoopback(t *testing.T) {
	s := served.New(t, served.Options{})
	header := s.Scripts(t)[auth.Viewer]
	if a := s.Get(t, "/metrics", header...); a.StatusCode != http.StatusOK {
		t.Error(a.Status)
	}
	served.Refused(t, s.Do(t, http.MethodPatch, api.Prefix+"/settings", `{"ageing":"1m"}`, header...), http.StatusForbidden)
	if a := served.New(t, served.Options{Public: true}).Get(t, "/metrics", header...); a.StatusCode != http.StatusOK {
		t.Errorf("where nobody needs one: %s", a.Status)
	}
}
