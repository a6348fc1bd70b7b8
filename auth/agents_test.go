package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// token makes one and returns its secret.
func (a *Agents) token(t *testing.T, opt TokenOptions) string {
	t.Helper()
	secret, _, err := a.CreateToken(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// host is something that enrols.
type host struct {
	EnrolRequest
	secret string
}

func newHost(name, machine string) host {
	secret := NewSecret()
	return host{EnrolRequest{Name: name, Machine: machine, Version: "1.2.3", SecretHash: HashSecret(secret)}, secret}
}

func (a *Agents) enrolled(t *testing.T, token string, h host) (id, credential string) {
	t.Helper()
	x, err := a.Enrol(t.Context(), token, h.EnrolRequest)
	if err != nil {
		t.Fatal(err)
	}
	return x.ID, Credential{x.ID, h.secret}.String()
}

func TestEnrol(t *testing.T) {
	k, c := newMemory(), newClock()
	a := newAgents(t, k, c)
	token := a.token(t, TokenOptions{Uses: 2})
	web := newHost("web", "m1")
	id, credential := a.enrolled(t, token, web)
	x, err := a.Authenticate(credential)
	if err != nil || x.ID != id || x.Name != "web" || x.Role != RoleAgent || !x.Enrolled.Equal(noon) {
		t.Fatalf("%+v, %v", x, err)
	}
	// The answer was lost: the same again is no second use.
	if again, _ := a.enrolled(t, token, web); again != id {
		t.Errorf("asked again it is %s, was %s", again, id)
	}
	if other, _ := a.enrolled(t, token, newHost("db", "m2")); other == id {
		t.Error("two hosts have one id")
	}
	_, err = a.Enrol(t.Context(), token, newHost("third", "m3").EnrolRequest)
	isKind(t, err, ErrCredential, "it was used up (dotm token create makes another")
	if again, _ := a.enrolled(t, token, web); again != id {
		t.Errorf("of a used up token it is %s, was %s", again, id)
	}
	if got := a.Tokens(); len(got) != 1 || got[0].Used != 2 {
		t.Errorf("tokens are %+v", got)
	}
}

// TestEnrolAgain: a host that enrols anew stays the same on the chart, clones
// and hosts of one name don't become one.
func TestEnrolAgain(t *testing.T) {
	a := newAgents(t, newMemory(), newClock())
	token := a.token(t, TokenOptions{})
	enrol := func(name, machine, zone string) Agent {
		t.Helper()
		h := newHost(name, machine)
		h.Zone = zone
		x, err := a.Enrol(t.Context(), token, h.EnrolRequest)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	first := enrol("web", "m1", "")
	if first.Identity != first.ID {
		t.Errorf("%+v", first)
	}
	if err := a.Revoke(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if again := enrol("web", "m1", ""); again.ID == first.ID || again.Identity != first.ID {
			t.Errorf("again it is %+v", again)
		}
	}
	for _, other := range []Agent{enrol("web", "m2", ""), enrol("web2", "m1", ""), enrol("web", "m1", "east"), enrol("weak", "", ""), enrol("weak", "", "")} {
		if other.Identity != other.ID {
			t.Errorf("another host has an identity of the past: %+v", other)
		}
	}
}

func TestEnrolRefused(t *testing.T) {
	k, c := newMemory(), newClock()
	a := newAgents(t, k, c)
	short, relay := a.token(t, TokenOptions{Uses: 1, Life: time.Minute}), a.token(t, TokenOptions{Names: []string{"relay1"}})
	long := a.token(t, TokenOptions{Uses: 1, Life: time.Hour})
	dropped, info, err := a.CreateToken(t.Context(), TokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.DropToken(t.Context(), info.ID); err != nil {
		t.Fatal(err)
	}
	c.pass(time.Minute)
	with := func(change func(*EnrolRequest)) EnrolRequest {
		r := newHost("web", "m").EnrolRequest
		change(&r)
		return r
	}
	fine := with(func(*EnrolRequest) {})
	for _, tt := range []struct {
		name, token string
		r           EnrolRequest
		kind        error
		want        string
	}{
		{"made up", NewSecret(), fine, ErrCredential, "this server doesn't know it"},
		{"empty", "", fine, ErrCredential, "this server doesn't know it"},
		{"expired", short, fine, ErrCredential, "it expired at 2026-03-01T12:01:00Z (dotm token create makes another)"},
		{"dropped", dropped, fine, ErrCredential, "doesn't know it"},
		{"a relay's, for an agent", relay, fine, ErrInvalid, "it is a relay's"},
		{"an agent's, for a relay", long, with(func(r *EnrolRequest) { r.Key = []byte("x") }), ErrInvalid, "it is an agent's"},
		{"no name", long, with(func(r *EnrolRequest) { r.Name = "" }), ErrInvalid, "name"},
		{"long name", long, with(func(r *EnrolRequest) { r.Name = strings.Repeat("x", 256) }), ErrInvalid, "name"},
		{"escape in zone", long, with(func(r *EnrolRequest) { r.Zone = "\x1b[31m" }), ErrInvalid, "zone"},
		{"no hash", long, with(func(r *EnrolRequest) { r.SecretHash = "" }), ErrInvalid, "secret_hash"},
		{"upper hash", long, with(func(r *EnrolRequest) { r.SecretHash = strings.ToUpper(r.SecretHash) + "G" }), ErrInvalid, "secret_hash"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := a.Enrol(t.Context(), tt.token, tt.r)
			isKind(t, err, tt.kind, tt.want)
		})
	}
	if n := len(a.List()); n != 0 {
		t.Errorf("%d enrolled", n)
	}
	a.enrolled(t, long, newHost("web", "m")) // what was refused used nothing up
}

// TestEnrolAtOnce: two hosts with the last use of one token.
func TestEnrolAtOnce(t *testing.T) {
	a := newAgents(t, newMemory(), newClock())
	token := a.token(t, TokenOptions{Uses: 3})
	var wg sync.WaitGroup
	failed := make(chan error, 20)
	for i := range 20 {
		wg.Go(func() {
			_, err := a.Enrol(t.Context(), token, newHost(fmt.Sprint("h", i), "").EnrolRequest)
			if err != nil {
				failed <- err
			}
		})
	}
	wg.Wait()
	if len(failed) != 17 || len(a.List()) != 3 {
		t.Errorf("%d were refused, %d enrolled", len(failed), len(a.List()))
	}
}

func TestCheckToken(t *testing.T) {
	a := newAgents(t, newMemory(), newClock())
	secret := a.token(t, TokenOptions{Uses: 1})
	if got, err := a.CheckToken(Token{Secret: secret}.String()); err != nil || got != secret {
		t.Errorf("%q, %v", got, err)
	}
	_, err := a.CheckToken(Token{Secret: NewSecret()}.String())
	isKind(t, err, ErrCredential, "doesn't know it")
	_, err = a.CheckToken("hello")
	isKind(t, err, ErrCredential, "token must look like")
	if a.Tokens()[0].Used != 0 {
		t.Error("looking at a token used it")
	}
}

func TestCreateTokenRefused(t *testing.T) {
	a := newAgents(t, newMemory(), newClock())
	for want, opt := range map[string]TokenOptions{
		"uses is not valid: it must be 0 (any number) to 100000, is -1": {Uses: -1},
		"is 100001": {Uses: 100_001},
		"expires_in is not valid: it must be 1s to 9600h0m0s, is 1ms": {Life: time.Millisecond},
		"is 10000h0m0s": {Life: 10_000 * time.Hour},
		"names is not valid: each must be a host name or an IP address, is \"a b\"": {Names: []string{"relay", "a b"}},
		"is \"*.example\"":             {Names: []string{"*.example"}},
		"is \"\"":                      {Names: []string{""}},
		"there may be 32, are 33":      {Names: make([]string, 33)},
		"is \"-x\"":                    {Names: []string{"-x"}},
		"is \"https://relay.example\"": {Names: []string{"https://relay.example"}},
	} {
		_, _, err := a.CreateToken(t.Context(), opt)
		isKind(t, err, ErrInvalid, want)
	}
	for _, name := range []string{"relay1", "relay-1.example.com", "10.0.0.1", "2001:db8::1", "a_b"} {
		secret, info, err := a.CreateToken(t.Context(), TokenOptions{Names: []string{name}})
		if err != nil || info.Role != RoleRelay || secret == "" {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
}

func TestTokensAreBounded(t *testing.T) {
	a := newAgents(t, newMemory(), newClock())
	for range maxTokens {
		a.token(t, TokenOptions{})
	}
	_, _, err := a.CreateToken(t.Context(), TokenOptions{})
	isKind(t, err, ErrInvalid, "there are 1000 (dotm token remove ends one)")
}

func TestAuthenticateRefuses(t *testing.T) {
	a := newAgents(t, newMemory(), newClock())
	id, credential := a.enrolled(t, a.token(t, TokenOptions{}), newHost("web", "m1"))
	_, other := a.enrolled(t, a.token(t, TokenOptions{}), newHost("db", "m2"))
	for name, text := range map[string]string{
		"nothing": "", "another id": Credential{NewID(), NewSecret()}.String(), "another secret": Credential{id, NewSecret()}.String(),
		"the secret of another": strings.Replace(other, strings.Split(other, ".")[1], id, 1),
	} {
		if _, err := a.Authenticate(text); !errors.Is(err, ErrCredential) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.Revoke(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	_, err := a.Authenticate(credential)
	isKind(t, err, ErrCredential, "agent "+id+" (web) was revoked at 2026-03-01T12:00:00Z (enrol anew")
	err = a.Admit(id, Sighting{Name: "web"})
	isKind(t, err, ErrCredential, "revoked")
	if _, err := a.Authenticate(other); err != nil {
		t.Errorf("another one: %v", err)
	}
	if err := a.Revoke(t.Context(), id); err != nil {
		t.Errorf("revoked twice: %v", err)
	}
	isKind(t, a.Revoke(t.Context(), "nobody"), ErrNotFound, "nobody")
	isKind(t, a.DropToken(t.Context(), "none"), ErrNotFound, "none")
}

// TestSpeaksForItself: an agent reports its own host, whatever it is called.
func TestSpeaksForItself(t *testing.T) {
	k, c := newMemory(), newClock()
	a := newAgents(t, k, c)
	token := a.token(t, TokenOptions{})
	web, _ := a.enrolled(t, token, newHost("web", "m1"))
	db, _ := a.enrolled(t, token, newHost("db", "m2"))
	weak, _ := a.enrolled(t, token, newHost("weak", ""))
	gone, _ := a.enrolled(t, token, newHost("gone", "m3"))
	if err := a.Revoke(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	relay, err := a.Enrol(t.Context(), a.token(t, TokenOptions{Names: []string{"r"}}), EnrolRequest{Name: "r", SecretHash: HashSecret("x"), Key: []byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what, id string
		s        Sighting
		want     string // "" is fine
	}{
		{"its own name", web, Sighting{Name: "web", Machine: "m1"}, ""},
		{"its own name, another machine", web, Sighting{Name: "web", Machine: "m9"}, ""},
		{"somebody else's name", web, Sighting{Name: "db", Machine: "m2"}, `speaks for "web", not for "db"`},
		{"somebody else's name, its own machine", web, Sighting{Name: "db", Machine: "m1"}, `speaks for "web", not for "db"`},
		{"a new name of another machine", web, Sighting{Name: "new", Machine: "m9"}, `speaks for "web", not for "new" (enrol the other host with a token of its own)`},
		{"a new name of no machine", web, Sighting{Name: "new"}, `not for "new"`},
		{"a new name, never had a machine", weak, Sighting{Name: "new"}, `not for "new"`},
		{"a new name", web, Sighting{Name: "new", Machine: "m1"}, ""},
		{"the name of a revoked one", web, Sighting{Name: "gone", Machine: "m1"}, ""},
		{"a name of another zone", web, Sighting{Name: "db", Machine: "m1", Zone: "west"}, ""},
		{"a relay's report", relay.ID, Sighting{Name: "r"}, "r is a relay"},
	} {
		err := a.Admit(tt.id, tt.s)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.what, err)
			}
			continue
		}
		isKind(t, err, ErrForbidden, tt.want)
	}
	// A rename is in force once the report is taken in, and then binds.
	saw := Sighting{Name: "new", Machine: "m1", Address: netip.MustParseAddr("::ffff:10.0.0.5"), Via: "relay1"}
	if err := a.Saw(t.Context(), web, saw); err != nil {
		t.Fatal(err)
	}
	if err := a.Admit(db, Sighting{Name: "new", Machine: "m2"}); !errors.Is(err, ErrForbidden) {
		t.Errorf("another takes the new name: %v", err)
	}
	again := newAgents(t, k, c)
	if err := again.Admit(web, Sighting{Name: "new"}); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	isKind(t, again.Admit(web, Sighting{Name: "web"}), ErrForbidden, `speaks for "new"`)
	if x := a.agents[web]; x.LastAddress != "10.0.0.5" || x.Via != "relay1" || !x.LastReport.Equal(noon) {
		t.Errorf("%+v", x)
	}
	isKind(t, a.Saw(t.Context(), "nobody", saw), ErrNotFound, "nobody")
}

// TestAgentsAfterRestart reads what another process wrote.
func TestAgentsAfterRestart(t *testing.T) {
	k, c := newMemory(), newClock()
	a := newAgents(t, k, c)
	token := a.token(t, TokenOptions{Uses: 2, Life: time.Hour})
	id, credential := a.enrolled(t, token, newHost("web", "m1"))
	revoked, no := a.enrolled(t, token, newHost("db", "m2"))
	c.pass(time.Minute)
	if err := a.Saw(t.Context(), id, Sighting{Name: "web", Zone: "east", Address: home}); err != nil {
		t.Fatal(err)
	}
	if err := a.Revoke(t.Context(), revoked); err != nil {
		t.Fatal(err)
	}
	writes := k.writes
	for range 2 {
		if err := a.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if k.writes != writes+1 {
		t.Errorf("two sweeps made %d writes, want one", k.writes-writes)
	}
	b := newAgents(t, k, c)
	x, err := b.Authenticate(credential)
	if err != nil || x.Zone != "east" || x.LastAddress != home.String() || !x.LastReport.Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v, %v", x, err)
	}
	if _, err := b.Authenticate(no); !errors.Is(err, ErrCredential) {
		t.Errorf("a revoked one came back: %v", err)
	}
	if _, err := b.Enrol(t.Context(), token, newHost("c", "").EnrolRequest); !errors.Is(err, ErrCredential) {
		t.Errorf("a used up token came back: %v", err)
	}
	if list := b.List(); len(list) != 2 || list[0].Name != "db" || list[0].Revoked.IsZero() || list[1].Name != "web" {
		t.Errorf("%+v", list)
	}
}

func TestSweepDropsWhatIsOver(t *testing.T) {
	k, c := newMemory(), newClock()
	a := newAgents(t, k, c)
	token := a.token(t, TokenOptions{Life: time.Hour})
	id, _ := a.enrolled(t, token, newHost("web", "m1"))
	stays, _ := a.enrolled(t, token, newHost("db", "m2"))
	if err := a.Saw(t.Context(), id, Sighting{Name: "web"}); err != nil {
		t.Fatal(err)
	}
	if err := a.Revoke(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	c.pass(time.Hour + showExpired - 1)
	if err := a.Sweep(t.Context()); err != nil || len(a.Tokens()) != 1 {
		t.Errorf("%v, tokens are %v", err, a.Tokens())
	}
	c.pass(1)
	if err := a.Sweep(t.Context()); err != nil || len(a.Tokens()) != 0 || k.count(kindToken) != 0 {
		t.Errorf("%v, tokens are %v", err, a.Tokens())
	}
	c.pass(showRevoked)
	if err := a.Sweep(t.Context()); err != nil || len(a.List()) != 1 || a.List()[0].ID != stays || k.count(kindAgent) != 1 {
		t.Errorf("%v, agents are %v", err, a.List())
	}
}

// TestAgentsStoreFails: what could not be kept did not happen.
func TestAgentsStoreFails(t *testing.T) {
	k, c := newMemory(), newClock()
	a := newAgents(t, k, c)
	token := a.token(t, TokenOptions{Uses: 2})
	id, credential := a.enrolled(t, token, newHost("web", "m1"))
	k.fail(errDisk)
	if _, err := a.Enrol(t.Context(), token, newHost("db", "").EnrolRequest); !errors.Is(err, errDisk) {
		t.Errorf("enrol: %v", err)
	}
	if err := a.Revoke(t.Context(), id); !errors.Is(err, errDisk) {
		t.Errorf("revoke: %v", err)
	}
	if err := a.Saw(t.Context(), id, Sighting{Name: "new", Machine: "m1"}); !errors.Is(err, errDisk) {
		t.Errorf("rename: %v", err)
	}
	if _, _, err := a.CreateToken(t.Context(), TokenOptions{}); !errors.Is(err, errDisk) {
		t.Errorf("token: %v", err)
	}
	if err := a.DropToken(t.Context(), a.Tokens()[0].ID); !errors.Is(err, errDisk) {
		t.Errorf("drop: %v", err)
	}
	if x, err := a.Authenticate(credential); err != nil || x.Name != "web" {
		t.Errorf("%+v, %v", x, err)
	}
	k.fail(nil)
	a.enrolled(t, token, newHost("db", "")) // the use was not counted
}

func TestWriteSecret(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/secret"
	for _, text := range []string{"one", "two"} {
		if err := WriteSecret(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		checkSecretFile(t, path, text)
	}
	if err := WriteSecret(dir+"/none/secret", nil); err == nil {
		t.Error("a file was written where there is no folder")
	}
}
