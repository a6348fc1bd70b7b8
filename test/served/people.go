package served

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
)

// Password is that of those who sign in.
const Password = "correct horse battery"

// Link makes a login link as the socket does.
func (s *Site) Link(t testing.TB) string {
	t.Helper()
	a := s.Local(t, http.MethodPost, api.Prefix+"/login-links", "")
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	var out struct{ Secret, URL string }
	if err := json.Unmarshal(a.Text, &out); err != nil || out.URL != "https://dotm.example:4849/login#setup="+out.Secret {
		t.Fatalf("%s: %v", a.Text, err)
	}
	return out.Secret
}

// SignIn sets the password and returns the header of a session.
func (s *Site) SignIn(t testing.TB) []string {
	t.Helper()
	a := s.Do(t, http.MethodPost, api.Prefix+"/setup", `{"secret":"`+s.Link(t)+`","password":"`+Password+`"}`)
	return s.Session(t, a)
}

// Session is the header of the session that an answer began.
func (s *Site) Session(t testing.TB, a Answer) []string {
	t.Helper()
	if a.StatusCode != http.StatusOK || len(a.Cookies()) != 1 {
		t.Fatalf("%s %s, cookies %v", a.Status, a.Text, a.Cookies())
	}
	return []string{"Cookie", a.Cookies()[0].Name + "=" + a.Cookies()[0].Value}
}

// Token makes an enrolment token through the socket.
func (s *Site) Token(t testing.TB, body string) string {
	t.Helper()
	a := s.Local(t, http.MethodPost, api.Prefix+"/tokens", body)
	var out struct{ Token string }
	if err := json.Unmarshal(a.Text, &out); err != nil || a.StatusCode != http.StatusCreated || out.Token == "" {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	return out.Token
}

// Bearer is the header of a token.
func Bearer(text string) []string { return []string{"Authorization", "Bearer " + text} }

// Enrol exchanges a token for a credential.
func (s *Site) Enrol(t testing.TB, token, name, machine, more string) (id string, header []string) {
	t.Helper()
	secret := auth.NewSecret()
	body := `{"name":"` + name + `","machine":"` + machine + `","secret_hash":"` + auth.HashSecret(secret) + `"` + more + `}`
	a := s.Do(t, http.MethodPost, api.Prefix+"/enrol", body, Bearer(token)...)
	var out auth.EnrolAnswer
	if err := json.Unmarshal(a.Text, &out); err != nil || a.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	return out.ID, Bearer(auth.Credential{ID: out.ID, Secret: secret}.String())
}

// Scripts are API tokens of each role, as headers.
func (s *Site) Scripts(t testing.TB) map[auth.Role][]string {
	t.Helper()
	out := map[auth.Role][]string{}
	for _, r := range []auth.Role{auth.Viewer, auth.Operator, auth.Admin} {
		text, _, err := s.Logins.CreateAPIToken(t.Context(), people.TokenOptions{Name: string(r), Role: r})
		if err != nil {
			t.Fatal(err)
		}
		out[r] = Bearer(text)
	}
	return out
}

// Entries is the audit log, the newest first.
func (s *Site) Entries(t testing.TB) []audit.Entry {
	t.Helper()
	list, _, err := s.Model.AuditLog(t.Context(), time.Time{}, time.Now().Add(time.Hour), audit.Filter{}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// AddUser makes a user who set the password, and returns the header of a session.
func (s *Site) AddUser(t testing.TB, name string, role auth.Role) []string {
	t.Helper()
	made := As[struct{ Secret, URL string }](t, s.Local(t, http.MethodPost, api.Prefix+"/users", `{"name":"`+name+`","role":"`+string(role)+`"}`), http.StatusCreated)
	if want := "https://dotm.example:4849/login#setup=" + made.Secret + "&user=" + strings.ReplaceAll(name, "@", "%40"); made.URL != want {
		t.Errorf("link is %s, want %s", made.URL, want)
	}
	a := s.Do(t, http.MethodPost, api.Prefix+"/setup", `{"secret":"`+made.Secret+`","password":"`+Password+`"}`)
	if got := As[api.Session](t, a, http.StatusOK); got != (api.Session{User: name, Role: role, How: people.ByPassword}) {
		t.Errorf("%+v", got)
	}
	return s.Session(t, a)
}
