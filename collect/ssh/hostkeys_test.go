package ssh

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/devops-trouble-map/dotm/collect"
)

// hello is an answer of one section.
func hello() func(string, gossh.Channel) { return prints(made("host", "db1\n", "0"), 0) }

func ecdsaKey(t testing.TB) gossh.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	s, err := gossh.NewSignerFromKey(key)
	must(t, err)
	return s
}

// certify makes a host certificate for a key.
func certify(t testing.TB, key, authority gossh.Signer, until time.Time, hosts ...string) gossh.Signer {
	t.Helper()
	cert := &gossh.Certificate{
		Key: key.PublicKey(), CertType: gossh.HostCert, ValidPrincipals: hosts, KeyId: "test",
		ValidAfter: uint64(until.Add(-2 * time.Hour).Unix()), ValidBefore: uint64(until.Unix()),
	}
	must(t, cert.SignCert(rand.Reader, authority))
	s, err := gossh.NewCertSigner(cert, key)
	must(t, err)
	return s
}

// TestKnownHosts: what known_hosts says decides, in each form that it has.
func TestKnownHosts(t *testing.T) {
	other, authority := newKey(t), newKey(t)
	future, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	marshal := func(key gossh.Signer) string {
		return strings.TrimSpace(string(gossh.MarshalAuthorizedKey(key.PublicKey())))
	}
	for _, c := range []struct {
		name  string
		keys  func(t *testing.T) []gossh.Signer // the server's
		known func(h collect.Hop, keys []gossh.Signer) string
		words []string // of the error; none: it is accepted
	}{
		{name: "plain", known: func(h collect.Hop, k []gossh.Signer) string { return lineOf(h, k[0].PublicKey()) }},
		{name: "hashed", known: func(h collect.Hop, k []gossh.Signer) string {
			return knownhosts.HashHostname(knownhosts.Normalize(h.Dial())) + " " + marshal(k[0])
		}},
		{name: "a pattern", known: func(_ collect.Hop, k []gossh.Signer) string { return "[127.0.0.*]:* " + marshal(k[0]) }, words: []string{"none is known"}},
		{name: "among others and rubbish", known: func(h collect.Hop, k []gossh.Signer) string {
			return "# comment\n\nrubbish\ndb2 " + marshal(other) + "\n" + lineOf(h, k[0].PublicKey())
		}},
		{name: "two keys for it", known: func(h collect.Hop, k []gossh.Signer) string {
			return lineOf(h, other.PublicKey()) + "\n" + lineOf(h, k[0].PublicKey())
		}},
		{
			name: "of another kind than the server's first", keys: func(t *testing.T) []gossh.Signer { return []gossh.Signer{newKey(t), ecdsaKey(t)} },
			known: func(h collect.Hop, k []gossh.Signer) string { return lineOf(h, k[1].PublicKey()) },
		},
		{
			name: "a certificate", keys: func(t *testing.T) []gossh.Signer {
				return []gossh.Signer{certify(t, newKey(t), authority, future, "127.0.0.1")}
			},
			known: func(h collect.Hop, _ []gossh.Signer) string {
				return "@cert-authority " + lineOf(h, authority.PublicKey())
			},
		},
		{
			name: "a certificate of nobody known, its key known", keys: func(t *testing.T) []gossh.Signer {
				key := newKey(t)
				return []gossh.Signer{certify(t, key, authority, future, "127.0.0.1"), key}
			},
			known: func(h collect.Hop, k []gossh.Signer) string { return lineOf(h, k[1].PublicKey()) },
		},
		{
			name: "an old certificate", keys: func(t *testing.T) []gossh.Signer {
				return []gossh.Signer{certify(t, newKey(t), authority, past, "127.0.0.1")}
			},
			known: func(h collect.Hop, _ []gossh.Signer) string {
				return "@cert-authority " + lineOf(h, authority.PublicKey())
			},
			words: []string{"does not vouch for", "known_hosts:1", "expired"},
		},
		{
			name: "another host's certificate", keys: func(t *testing.T) []gossh.Signer {
				return []gossh.Signer{certify(t, newKey(t), authority, future, "db2")}
			},
			known: func(h collect.Hop, _ []gossh.Signer) string {
				return "@cert-authority " + lineOf(h, authority.PublicKey())
			},
			words: []string{"does not vouch for"},
		},
		{
			name: "no certificate where one is due",
			known: func(h collect.Hop, _ []gossh.Signer) string {
				return "@cert-authority " + lineOf(h, authority.PublicKey())
			},
			words: []string{"no certificate of the authority in", "known_hosts:1"},
		},
		{name: "unknown", known: func(collect.Hop, []gossh.Signer) string { return "db2 " + marshal(other) }, words: []string{"none is known of 127.0.0.1", "ssh-ed25519 SHA256:", "--trust-new"}},
		{name: "no file", words: []string{"none is known"}},
		{name: "known for another port", known: func(h collect.Hop, k []gossh.Signer) string { return h.Host + " " + marshal(k[0]) }, words: []string{"none is known"}},
		{
			name: "changed", known: func(h collect.Hop, _ []gossh.Signer) string { return "# mine\n" + lineOf(h, other.PublicKey()) },
			words: []string{"known_hosts:2 says ssh-ed25519 " + gossh.FingerprintSHA256(other.PublicKey()), "shows ssh-ed25519 SHA256:", "set up anew", "delete that line"},
		},
		{
			name: "only a key of another kind known", known: func(h collect.Hop, _ []gossh.Signer) string { return lineOf(h, ecdsaKey(t).PublicKey()) },
			words: []string{"keys of other kinds (ssh-ed25519)", "known_hosts:1 says: ecdsa-sha2-nistp256 SHA256:", "delete that line"},
		},
		{
			name: "revoked", known: func(h collect.Hop, k []gossh.Signer) string {
				return lineOf(h, k[0].PublicKey()) + "\n@revoked * " + marshal(k[0])
			},
			words: []string{"known_hosts:2 revokes"},
		},
		{
			name: "nothing but rubbish", known: func(collect.Hop, []gossh.Signer) string { return "rubbish" },
			words: []string{"reading known host keys", "no valid entries, line 1"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &server{run: hello()}
			if c.keys != nil {
				s.keys = c.keys(t)
			}
			s.start(t)
			o := options(t)
			if c.known != nil {
				write(t, o.KnownHosts[0], c.known(s.hop, s.keys))
			} else {
				must(t, os.Remove(o.KnownHosts[0]))
			}
			_, err := fetch(t, o, s.hop)
			switch {
			case len(c.words) == 0 && err != nil:
				t.Error(err)
			case c.name == "nothing but rubbish":
				refuses(t, err, err, c.words...)
			case len(c.words) > 0:
				refuses(t, err, collect.ErrHostKey, c.words...)
			}
		})
	}
}

// TestTrustNew: a new host's key is trusted once if asked for, and from then on
// only that key is.
func TestTrustNew(t *testing.T) {
	s := (&server{run: hello()}).start(t)
	o := options(t)
	o.TrustFile = filepath.Join(t.TempDir(), "data", "known_hosts")
	must(t, os.MkdirAll(filepath.Dir(o.TrustFile), 0o700))
	write(t, o.TrustFile, "# no line end")
	var offers []NewKey
	answer := false
	o.TrustNew = func(k NewKey) bool {
		offers = append(offers, k)
		return answer
	}
	_, err := fetch(t, o, s.hop)
	refuses(t, err, collect.ErrHostKey, "none is known")
	want := NewKey{Address: s.hop.Dial(), Kind: "ssh-ed25519", Fingerprint: gossh.FingerprintSHA256(s.keys[0].PublicKey()), File: o.TrustFile}
	if len(offers) != 1 || offers[0] != want {
		t.Fatalf("offered %+v, want %+v", offers, want)
	}
	answer = true
	_, err = fetch(t, o, s.hop)
	must(t, err)
	text, err := os.ReadFile(o.TrustFile)
	must(t, err)
	if want := "# no line end\n" + lineOf(s.hop, s.keys[0].PublicKey()) + "\n"; string(text) != want {
		t.Errorf("the file holds %q, want %q", text, want)
	}
	info, err := os.Stat(o.TrustFile)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v", info.Mode())
	}
	if list, _ := os.ReadDir(filepath.Dir(o.TrustFile)); len(list) != 1 {
		t.Errorf("beside it lie %v", list)
	}
	o.TrustNew = nil
	_, err = fetch(t, o, s.hop)
	must(t, err)

	imposter := &server{run: hello()}
	imposter.start(t)
	write(t, o.TrustFile, lineOf(imposter.hop, s.keys[0].PublicKey()))
	o.TrustNew = func(NewKey) bool { t.Error("a changed key is no new one"); return true }
	_, err = fetch(t, o, imposter.hop)
	refuses(t, err, collect.ErrHostKey, o.TrustFile+":1", gossh.FingerprintSHA256(imposter.keys[0].PublicKey()))
}

// TestTrustCertificate: of a certificate, the key is what is trusted.
func TestTrustCertificate(t *testing.T) {
	key := newKey(t)
	s := (&server{run: hello(), keys: []gossh.Signer{certify(t, key, newKey(t), time.Now().Add(time.Hour), "127.0.0.1"), key}}).start(t)
	o := options(t)
	o.TrustFile, o.TrustNew = filepath.Join(t.TempDir(), "k"), func(NewKey) bool { return true }
	write(t, o.KnownHosts[0], "@cert-authority db2 "+string(gossh.MarshalAuthorizedKey(newKey(t).PublicKey())))
	_, err := fetch(t, o, s.hop)
	must(t, err)
	text, _ := os.ReadFile(o.TrustFile)
	if want := lineOf(s.hop, key.PublicKey()) + "\n"; string(text) != want {
		t.Errorf("trusted is %q, want %q", text, want)
	}
}

// TestTrustUnwritable: what can't be remembered is not trusted.
func TestTrustUnwritable(t *testing.T) {
	s := (&server{run: hello()}).start(t)
	o := options(t)
	o.TrustFile, o.TrustNew = filepath.Join(o.Keys[0], "known_hosts"), func(NewKey) bool { return true }
	if _, err := fetch(t, o, s.hop); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("got %v", err)
	}
}

// TestTrustTogether: polls at the same time ask once, and the file keeps the
// keys of all.
func TestTrustTogether(t *testing.T) {
	servers := []*server{(&server{run: hello()}).start(t), (&server{run: hello()}).start(t), (&server{run: hello()}).start(t)}
	o := options(t)
	var asked atomic.Int32
	o.TrustFile, o.TrustNew = filepath.Join(t.TempDir(), "k"), func(NewKey) bool { asked.Add(1); return true }
	p := newPoller(t, o)
	var all sync.WaitGroup
	for _, s := range append(servers, servers...) {
		all.Go(func() {
			if _, err := p.fetch(t.Context(), []collect.Hop{s.hop}, Command); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := asked.Load(); n != 3 {
		t.Errorf("asked %d times", n)
	}
	text, _ := os.ReadFile(o.TrustFile)
	for _, s := range servers {
		if !strings.Contains(string(text), lineOf(s.hop, s.keys[0].PublicKey())) {
			t.Errorf("%s is not in %q", s.hop, text)
		}
	}
}

// TestKnownHostsChange: a file that changes holds from the next poll on.
func TestKnownHostsChange(t *testing.T) {
	s := (&server{run: hello()}).start(t)
	o := options(t)
	p := newPoller(t, o)
	_, err := p.fetch(t.Context(), []collect.Hop{s.hop}, Command)
	refuses(t, err, collect.ErrHostKey)
	write(t, o.KnownHosts[0], lineOf(s.hop, s.keys[0].PublicKey()))
	_, err = p.fetch(t.Context(), []collect.Hop{s.hop}, Command)
	must(t, err)
	must(t, os.Remove(o.KnownHosts[0]))
	_, err = p.fetch(t.Context(), []collect.Hop{s.hop}, Command)
	refuses(t, err, collect.ErrHostKey)
	must(t, os.Mkdir(o.KnownHosts[0], 0o700))
	if _, err = p.fetch(t.Context(), []collect.Hop{s.hop}, Command); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("got %v", err)
	}
}

// TestJump: each host on the way is checked and logged in to, and the last one
// is reached through the others.
func TestJump(t *testing.T) {
	gate, inner := (&server{}).start(t), (&server{}).start(t)
	node := (&server{run: hello()}).start(t)
	o := options(t, gate, inner, node)
	text, err := fetch(t, o, gate.hop, inner.hop, node.hop)
	must(t, err)
	if !strings.Contains(text, "db1") {
		t.Errorf("got %q", text)
	}
	t.Run("unknown jump host", func(t *testing.T) {
		_, err := fetch(t, options(t, node), gate.hop, node.hop)
		refuses(t, err, collect.ErrHostKey, "jump host "+gate.hop.String(), "none is known")
	})
	t.Run("unknown node behind it", func(t *testing.T) {
		_, err := fetch(t, options(t, gate), gate.hop, node.hop)
		refuses(t, err, collect.ErrHostKey, "none is known of "+node.hop.Dial())
	})
	t.Run("jump host refuses the login", func(t *testing.T) {
		closed := (&server{permit: newKey(t).PublicKey()}).start(t)
		_, err := fetch(t, options(t, closed, node), closed.hop, node.hop)
		refuses(t, err, collect.ErrRefused, "jump host "+closed.hop.String())
	})
	t.Run("jump host forwards nothing", func(t *testing.T) {
		prohibits := (&server{prohibit: true}).start(t)
		_, err := fetch(t, options(t, prohibits, node), prohibits.hop, node.hop)
		refuses(t, err, collect.ErrUnreachable, "AllowTcpForwarding")
	})
	t.Run("nobody behind it", func(t *testing.T) {
		gone := node.hop
		gone.Port = 1
		_, err := fetch(t, o, gate.hop, gone)
		refuses(t, err, collect.ErrUnreachable, "the jump host can't connect to 127.0.0.1:1", "refused")
	})
	t.Run("silent node behind it", func(t *testing.T) {
		silent := (&server{raw: hang}).start(t)
		o := o
		o.Timeout = short
		_, err := fetch(t, o, gate.hop, silent.hop)
		refuses(t, err, collect.ErrSilent)
	})
	t.Run("endless answer behind it", func(t *testing.T) {
		flood := (&server{run: func(_ string, ch gossh.Channel) { endless(ch) }}).start(t)
		_, err := fetch(t, options(t, gate, flood), gate.hop, flood.hop)
		refuses(t, err, collect.ErrTooLarge)
	})
}

// TestJumpOf: an address's own jump hosts come before those of the options.
func TestJumpOf(t *testing.T) {
	p := newPoller(t, Options{User: "me", Jump: "gate"})
	for address, want := range map[string]string{
		"ssh://db1":               "gate db1",
		"ssh://db1?jump=a,b@c:23": "a b@c:23 db1",
		"ssh://db1?jump=":         "gate db1",
	} {
		a, err := collect.ParseSSHAddress(address)
		must(t, err)
		hops, err := p.hops(a)
		must(t, err)
		var got []string
		for _, h := range hops {
			got = append(got, h.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s goes by %v, want %s", address, got, want)
		}
	}
}

// TestRekey: a server that sends much exchanges keys again, and is checked again.
func TestRekey(t *testing.T) {
	body := strings.Repeat("x", 1<<20)
	s := (&server{run: func(_ string, ch gossh.Channel) {
		_, _ = io.WriteString(ch, "@dotm-ssh 1 w\n"+body)
		exitWith(ch, 0)
	}, rekey: 64 << 10}).start(t)
	text, err := fetch(t, options(t, s), s.hop)
	must(t, err)
	if len(text) != len(body)+14 {
		t.Errorf("%d bytes came", len(text))
	}
}

// TestContextEnds: a route that can't be had in time names what it waits for.
func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newPoller(t, options(t)).fetch(ctx, []collect.Hop{{User: "dotm", Host: "127.0.0.1", Port: 1}}, Command)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
