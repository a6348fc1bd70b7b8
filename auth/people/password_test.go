package people

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/devops-trouble-map/dotm/auth"
)

const good = "correct horse battery"

func TestCheckPassword(t *testing.T) {
	for password, want := range map[string]string{
		"":                           "at least 12 characters",
		"elevenchars":                "at least 12 characters",
		"ééééééééééé":                "at least 12 characters", // 22 bytes are 11 characters
		"twelve chars":               "",
		good:                         "",
		strings.Repeat("x", 256):     "",
		strings.Repeat("x", 257):     "at most 256 bytes",
		strings.Repeat("long", 1000): "at most 256 bytes",
	} {
		err := CheckPassword(password)
		if want == "" {
			if err != nil {
				t.Errorf("%.20q: %v", password, err)
			}
			continue
		}
		isKind(t, err, auth.ErrInvalid, want)
		if password != "" && strings.Contains(err.Error(), password) {
			t.Errorf("%v repeats the password", err)
		}
	}
}

func TestHash(t *testing.T) {
	h := newHasher()
	one, err := h.hash(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	other, err := h.hash(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	if one == other {
		t.Error("two hashes of one password are the same: there is no salt")
	}
	if !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(one, good) {
		t.Errorf("hash is %s", one)
	}
	for _, tt := range []struct {
		name, password, hash string
		want                 bool
	}{
		{"right", good, one, true},
		{"right, other salt", good, other, true},
		{"wrong", good + "!", one, false},
		{"empty", "", one, false},
		{"much too long", strings.Repeat("x", 1<<20), one, false},
		{"nobody", good, "", false},
		{"empty for nobody", "", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := h.verify(t.Context(), tt.password, tt.hash); err != nil || got != tt.want {
				t.Errorf("verify says %t, %v", got, err)
			}
		})
	}
}

// TestKnownHash: the form is that of other programs; made by the argon2 of
// Debian: printf password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32 -e
func TestKnownHash(t *testing.T) {
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := newHasher().verify(t.Context(), "password", hash); err != nil || !ok {
		t.Errorf("verify says %t, %v", ok, err)
	}
}

func TestParsePHCRefuses(t *testing.T) {
	const salt, key = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, s := range []string{
		"", "x", "$argon2id", "$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=4194304,t=2,p=1$" + salt + "$" + key, // 4 GiB
		"$argon2id$v=19$m=19456,t=1000,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=2,p=0$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=2,p=999$" + salt + "$" + key,
		"$argon2id$v=19$m=-1,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=2,p=1$AAAA$" + key,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$AAAA",
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + strings.Repeat("A", 400),
		"$argon2id$v=19$m=19456,t=2,p=1$!!!$" + key,
	} {
		if _, err := parsePHC(s); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
		if ok, err := newHasher().verify(t.Context(), good, s); s != "" && (ok || err == nil) {
			t.Errorf("%q lets somebody in", s)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add(nobody)
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(s)
		if err != nil {
			return
		}
		if p.memory > maxMemory || p.time > maxTime || p.time == 0 || p.lanes == 0 || len(p.key) < 16 {
			t.Errorf("%q is read as %+v", s, p)
		}
		if again, err := parsePHC(p.String()); err != nil || again.String() != p.String() {
			t.Errorf("%q: %v", p.String(), err)
		}
	})
}

// TestHasherBounds: what waits is bounded, and who gives up leaves the queue.
func TestHasherBounds(t *testing.T) {
	h := newHasher()
	var free []func()
	for range maxHashing {
		done, err := h.turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		free = append(free, done)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	started := make(chan struct{}, maxQueue)
	for range maxQueue {
		wg.Go(func() {
			started <- struct{}{}
			if _, err := h.turn(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("turn returns %v", err)
			}
		})
	}
	for range maxQueue {
		<-started
	}
	for h.waiting.Load() < maxQueue+maxHashing { // all are in the queue
		if ctx.Err() != nil || t.Context().Err() != nil {
			t.Fatal("the queue never filled")
		}
	}
	var busy *auth.BusyError
	if _, err := h.turn(t.Context()); !errors.As(err, &busy) || busy.Wait != queueRefusal {
		t.Errorf("one more is told %v", err)
	}
	cancel()
	wg.Wait()
	for _, done := range free {
		done()
	}
	if n := h.waiting.Load(); n != 0 {
		t.Errorf("%d still wait", n)
	}
	if _, err := h.hash(t.Context(), good); err != nil {
		t.Error(err)
	}
}
