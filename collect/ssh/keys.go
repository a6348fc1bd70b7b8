package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/collect/ssh/hostkey"
)

// defaultKeys are the files under ~/.ssh that are tried when none is named, in
// this order. A file that is not there is none.
var defaultKeys = []string{"id_ed25519", "id_ecdsa", "id_rsa"}

// DefaultKeys are the private keys to try in a home folder.
func DefaultKeys(home string) (files []string) {
	for _, name := range defaultKeys {
		file := filepath.Join(home, ".ssh", name)
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		}
	}
	return files
}

// identity is one key to log in with.
type identity struct {
	signer gossh.Signer
	from   string // the file, or "agent"
}

// identities are the keys of one poll.
type identities struct {
	list    []identity
	remarks []string // why others are not among them
	agent   net.Conn
}

func (ids *identities) close() {
	if ids.agent != nil {
		_ = ids.agent.Close() // nothing is lost with it
	}
}

// signers are the keys, in the order in which they are tried.
func (ids *identities) signers() []gossh.Signer {
	list := make([]gossh.Signer, 0, len(ids.list))
	for _, id := range ids.list {
		list = append(list, id.signer)
	}
	return list
}

// String names the keys, for people.
func (ids *identities) String() string {
	var parts []string
	for _, id := range ids.list {
		parts = append(parts, id.from+" ("+hostkey.Show(id.signer.PublicKey())+")")
	}
	return strings.Join(append(parts, ids.remarks...), "; ")
}

// identities loads the keys: files first, then those that an agent holds. A
// file that is locked by a passphrase is fine if the agent has its key.
func (p *Poller) identities(ctx context.Context) (*identities, error) {
	ids := &identities{}
	held := p.askAgent(ctx, ids)
	for _, file := range p.keyFiles() {
		signer, err := loadKey(file)
		var locked *gossh.PassphraseMissingError
		switch {
		case err == nil:
			ids.list = append(ids.list, identity{signer, file})
		case errors.As(err, &locked) && locked.PublicKey != nil && holds(held, locked.PublicKey):
		case errors.As(err, &locked):
			ids.remarks = append(ids.remarks, "key "+file+" is locked by a passphrase: let ssh-agent hold it (ssh-add "+file+"), or make a key without one for this alone")
		default:
			ids.close()
			return nil, fmt.Errorf("reading key %s: %w", file, err)
		}
	}
	for _, s := range held {
		if !ids.has(s.PublicKey()) {
			ids.list = append(ids.list, identity{s, "agent"})
		}
	}
	if len(ids.list) == 0 {
		defer ids.close()
		return nil, fmt.Errorf("%w: %s", collect.ErrRefused, ids.noKey())
	}
	return ids, nil
}

func (p *Poller) keyFiles() []string {
	if len(p.opt.Keys) > 0 || p.opt.Home == "" {
		return p.opt.Keys
	}
	return DefaultKeys(p.opt.Home)
}

// noKey says that there is nothing to log in with.
func (ids *identities) noKey() string {
	if len(ids.remarks) == 0 {
		return "there is no key to log in with: name one (--ssh-key FILE), or run ssh-agent"
	}
	return "there is no key to log in with; " + strings.Join(ids.remarks, "; ")
}

func (ids *identities) has(key gossh.PublicKey) bool { return holds(ids.signers(), key) }

func holds(list []gossh.Signer, key gossh.PublicKey) bool {
	want := hostkey.Plain(key).Marshal()
	for _, s := range list {
		if bytes.Equal(hostkey.Plain(s.PublicKey()).Marshal(), want) {
			return true
		}
	}
	return false
}

// askAgent lists the keys that ssh-agent holds. One that can't be asked is a
// remark, no error: the files may do.
func (p *Poller) askAgent(ctx context.Context, ids *identities) []gossh.Signer {
	if p.opt.Agent == "" {
		return nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", p.opt.Agent)
	if err != nil {
		ids.remarks = append(ids.remarks, "ssh-agent can't be asked: "+err.Error())
		return nil
	}
	ids.agent = conn
	if end, limited := ctx.Deadline(); limited {
		_ = conn.SetDeadline(end) // a socket has deadlines
	}
	held, err := agent.NewClient(conn).Signers()
	if err != nil {
		ids.remarks = append(ids.remarks, "ssh-agent can't be asked: "+err.Error())
		return nil
	}
	return held
}

// maxKey bounds a private key's file, in bytes.
const maxKey = 64 << 10

// loadKey reads a private key, together with the certificate that lies beside it
// as FILE-cert.pub, if any.
func loadKey(file string) (gossh.Signer, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxKey:
		return nil, errors.New("it is no file with a key")
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("others may read it (mode %#o): chmod 600 %s", info.Mode().Perm(), file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	signer, err := gossh.ParsePrivateKey(text)
	if err != nil {
		return nil, err
	}
	return certified(signer, file+"-cert.pub")
}

// certified adds a certificate to a key. A file that is not there is none.
func certified(signer gossh.Signer, file string) (gossh.Signer, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return signer, nil
	} else if err != nil {
		return nil, err
	}
	key, _, _, _, err := gossh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("its certificate %s: %w", file, err)
	}
	cert, ok := key.(*gossh.Certificate)
	if !ok {
		return nil, fmt.Errorf("its certificate %s is none", file)
	}
	withCert, err := gossh.NewCertSigner(cert, signer)
	if err != nil {
		return nil, fmt.Errorf("its certificate %s: %w", file, err)
	}
	return withCert, nil
}
