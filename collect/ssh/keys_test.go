package ssh

import (
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/devops-trouble-map/dotm/collect"
)

// agentWith starts an ssh-agent that holds keys, and returns its socket.
func agentWith(t *testing.T, files ...string) string {
	t.Helper()
	ring := agent.NewKeyring()
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		key, err := gossh.ParseRawPrivateKeyWithPassphrase(text, []byte("secret"))
		if err != nil {
			key, err = gossh.ParseRawPrivateKey(text)
		}
		must(t, err)
		must(t, ring.Add(agent.AddedKey{PrivateKey: key}))
	}
	socket := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", socket)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, c) }()
		}
	}()
	return socket
}

// TestLogin: which keys are tried, and what is said when none is right.
func TestLogin(t *testing.T) {
	good, goodKey := keyFile(t, "")
	bad, badKey := keyFile(t, "")
	locked, lockedKey := keyFile(t, "secret")
	public := filepath.Join(t.TempDir(), "public")
	write(t, public, string(gossh.MarshalAuthorizedKey(goodKey.PublicKey())))
	for _, c := range []struct {
		name   string
		permit gossh.Signer
		keys   []string
		agent  func(t *testing.T) string
		words  []string
	}{
		{name: "a file", permit: goodKey, keys: []string{good}},
		{name: "the second file", permit: goodKey, keys: []string{bad, good}},
		{name: "an agent", permit: goodKey, agent: func(t *testing.T) string { return agentWith(t, bad, good) }},
		{name: "a file, then an agent", permit: goodKey, keys: []string{bad}, agent: func(t *testing.T) string { return agentWith(t, good) }},
		{name: "a locked file that an agent holds", permit: lockedKey, keys: []string{locked}, agent: func(t *testing.T) string { return agentWith(t, locked) }},
		{name: "a locked file beside another", permit: goodKey, keys: []string{locked, good}},
		{
			name: "wrong keys", permit: goodKey, keys: []string{bad}, agent: func(t *testing.T) string { return agentWith(t, locked) },
			words: []string{
				"user dotm at 127.0.0.1:", "tried " + bad + " (ssh-ed25519 " + gossh.FingerprintSHA256(badKey.PublicKey()) + "); agent (ssh-ed25519 ",
				"authorized_keys", "attempted methods [none publickey]",
			},
		},
		{name: "a locked file alone", permit: lockedKey, keys: []string{locked}, words: []string{"no key to log in with", locked + " is locked by a passphrase", "ssh-add " + locked}},
		{name: "wrong and locked", permit: goodKey, keys: []string{bad, locked}, words: []string{"is locked by a passphrase"}},
		{name: "nothing", permit: goodKey, words: []string{"no key to log in with: name one (--ssh-key FILE), or run ssh-agent"}},
		{name: "no agent there", permit: goodKey, agent: func(t *testing.T) string { return filepath.Join(t.TempDir(), "gone") }, words: []string{"ssh-agent can't be asked", "no such file"}},
		{name: "an agent that is none", permit: goodKey, agent: func(t *testing.T) string {
			socket := filepath.Join(t.TempDir(), "mute")
			l, err := net.Listen("unix", socket)
			must(t, err)
			t.Cleanup(func() { _ = l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_ = c.Close()
				}
			}()
			return socket
		}, words: []string{"ssh-agent can't be asked"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := (&server{run: hello(), permit: c.permit.PublicKey()}).start(t)
			o := options(t, s)
			o.Keys = c.keys
			if c.agent != nil {
				o.Agent = c.agent(t)
			}
			_, err := fetch(t, o, s.hop)
			if len(c.words) > 0 {
				refuses(t, err, collect.ErrRefused, c.words...)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestKeyFiles: a file that can't be used is named, with what to do.
func TestKeyFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		must(t, os.Chmod(path, mode))
		return path
	}
	key, _ := keyFile(t, "")
	text, err := os.ReadFile(key)
	must(t, err)
	withCert := func(name, cert string) string {
		file(name+"-cert.pub", cert, 0o600)
		return file(name, string(text), 0o600)
	}
	stranger := certify(t, newKey(t), newKey(t), time.Now().Add(time.Hour), "x").PublicKey()
	for path, want := range map[string]string{
		filepath.Join(dir, "gone"):              "no such file",
		dir:                                     "it is no file with a key",
		file("open", string(text), 0o640):       "others may read it (mode 0640): chmod 600 " + filepath.Join(dir, "open"),
		file("empty", "", 0o600):                "no key found",
		file("public", "ssh-ed25519 AA", 0o600): "no key found",
		file("large", strings.Repeat("x", maxKey+1), 0o600):                          "it is no file with a key",
		withCert("rubbish", "rubbish"):                                               "its certificate " + filepath.Join(dir, "rubbish-cert.pub") + ": ssh: no key found",
		withCert("plain", string(gossh.MarshalAuthorizedKey(newKey(t).PublicKey()))): "is none",
		withCert("other", string(gossh.MarshalAuthorizedKey(stranger))):              "its certificate",
	} {
		s := newPoller(t, Options{Keys: []string{path}})
		_, err := s.identities(t.Context())
		if err == nil || !strings.Contains(err.Error(), "reading key "+path+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", path, err, want)
		}
	}
}

// TestUserCertificate: a certificate beside the key logs in where only its
// authority is known.
func TestUserCertificate(t *testing.T) {
	file, key := keyFile(t, "")
	authority := newKey(t)
	cert := &gossh.Certificate{
		Key: key.PublicKey(), CertType: gossh.UserCert, ValidPrincipals: []string{"dotm"}, ValidBefore: gossh.CertTimeInfinity,
	}
	must(t, cert.SignCert(rand.Reader, authority))
	write(t, file+"-cert.pub", string(gossh.MarshalAuthorizedKey(cert)))
	s := (&server{run: hello(), permit: cert}).start(t)
	o := options(t, s)
	o.Keys = []string{file}
	_, err := fetch(t, o, s.hop)
	must(t, err)
}

func TestDefaultKeys(t *testing.T) {
	home := t.TempDir()
	if got := DefaultKeys(home); len(got) != 0 {
		t.Errorf("an empty home has %v", got)
	}
	must(t, os.Mkdir(filepath.Join(home, ".ssh"), 0o700))
	rsa, ed := filepath.Join(home, ".ssh", "id_rsa"), filepath.Join(home, ".ssh", "id_ed25519")
	write(t, rsa, "")
	write(t, ed, "")
	if got := DefaultKeys(home); len(got) != 2 || got[0] != ed || got[1] != rsa {
		t.Errorf("got %v", got)
	}
}
