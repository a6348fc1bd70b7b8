// Package openid starts a real OpenID provider for tests: that of
// github.com/zitadel/oidc, with its own login page. It speaks the protocol over
// TCP, checks PKCE, and signs with keys of its own.
package openid

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The client that the provider knows, and what all its users have as password.
const (
	ClientID     = "dotm"
	ClientSecret = "a secret of dotm"
	Password     = "verysecure"
)

// User is somebody that the provider knows.
type User struct {
	Name     string
	Email    string
	Verified bool
	Groups   []string
}

// Provider is one that runs.
type Provider struct {
	*httptest.Server
	users map[string]User // by id
}

// Start runs a provider until the test ends. redirects are where it may send
// browsers back to.
func Start(t testing.TB, users []User, redirects ...string) *Provider {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{users: map[string]User{}}
	for i, u := range users {
		p.users[fmt.Sprintf("subject-%d", i)] = u
	}
	clients := map[string]*storage.Client{ClientID: storage.WebClient(ClientID, ClientSecret, redirects...)}
	before := slog.Default() // the provider's example sets it
	router := exampleop.SetupServer("http://"+l.Addr().String(), &kept{storage.NewStorageWithClients(p, clients), p}, slog.New(slog.NewTextHandler(io.Discard, nil)), false, op.WithAllowInsecure())
	slog.SetDefault(before)
	p.Server = &httptest.Server{Listener: l, Config: &http.Server{Handler: router}}
	p.Start()
	t.Cleanup(p.Close)
	return p
}

// GetUserByID is part of the provider's user store.
func (p *Provider) GetUserByID(id string) *storage.User {
	u, ok := p.users[id]
	if !ok {
		return nil
	}
	return &storage.User{ID: id, Username: u.Name, Password: Password, Email: u.Email, EmailVerified: u.Verified}
}

// GetUserByUsername is part of the provider's user store.
func (p *Provider) GetUserByUsername(name string) *storage.User {
	for id, u := range p.users {
		if u.Name == name {
			return p.GetUserByID(id)
		}
	}
	return nil
}

// ExampleClientID is part of the provider's user store.
func (*Provider) ExampleClientID() string { return "service" }

// kept is the provider's storage, which also tells of groups.
type kept struct {
	*storage.Storage
	p *Provider
}

// SetUserinfoFromRequest is what the ID token says.
func (k *kept) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, token op.IDTokenRequest, scopes []string) error {
	if err := k.Storage.SetUserinfoFromRequest(ctx, info, token, scopes); err != nil {
		return err
	}
	k.group(info)
	return nil
}

// SetUserinfoFromToken is what the UserInfo endpoint says.
func (k *kept) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, tokenID, subject, origin string) error {
	if err := k.Storage.SetUserinfoFromToken(ctx, info, tokenID, subject, origin); err != nil {
		return err
	}
	k.group(info)
	return nil
}

func (k *kept) group(info *oidc.UserInfo) {
	if groups := k.p.users[info.Subject].Groups; groups != nil {
		info.AppendClaims("groups", groups)
	}
}

// Browser is one that follows redirects, and keeps cookies.
func Browser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

var formID = regexp.MustCompile(`name="id" value="([^"]*)"`)

// LogIn has a browser go to an address that leads to the provider's login page,
// and fill it in. It stops where the provider sends the browser back, and returns
// that address.
func (p *Provider) LogIn(t testing.TB, browser *http.Client, address, user, password string) (back *url.URL) {
	t.Helper()
	there := *browser
	there.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Query().Get("state") != "" && r.URL.Host != p.Listener.Addr().String() {
			back = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}
	page := get(t, &there, address)
	if back != nil {
		return back
	}
	found := formID.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("%s leads to no login page: %s", address, page)
	}
	form := url.Values{"id": {found[1]}, "username": {user}, "password": {password}}
	resp, err := there.PostForm(p.URL+"/login/username", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || back == nil {
		t.Fatalf("the provider doesn't send back: %s %s, %v", resp.Status, body, err)
	}
	return back
}

func get(t testing.TB, browser *http.Client, address string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
