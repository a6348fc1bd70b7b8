package flags

import (
	"log/slog"
	"os"
	"os/user"
	"path/filepath"

	"github.com/devops-trouble-map/dotm/collect/ssh"
)

// SSH say how nodes are asked over SSH.
type SSH struct {
	Key        []string `help:"Private key to log in to nodes with. Without it: ~/.ssh/id_ed25519, id_ecdsa, id_rsa; and what ssh-agent holds." placeholder:"FILE" type:"path" sep:"none"`
	KnownHosts []string `help:"Files with the nodes' host keys. Without it: ~/.ssh/known_hosts; and known_hosts in the data folder." placeholder:"FILE" type:"path" sep:"none"`
	TrustNew   bool     `help:"Trust the host key of a node of which none is known, log its fingerprint, and keep it in the data folder."`
	Jump       string   `help:"Hosts to go through to nodes whose address names none." placeholder:"USER@HOST:PORT,…"`
}

// trustFile is where keys that were trusted are kept, in the data folder.
const trustFile = "known_hosts"

// Options says how to log in. What is not given is taken from the user's own
// folder.
func (f SSH) Options(data string) ssh.Options {
	o := ssh.Options{
		Keys: f.Key, KnownHosts: f.KnownHosts, Jump: f.Jump,
		Agent: os.Getenv("SSH_AUTH_SOCK"), TrustFile: filepath.Join(data, trustFile),
	}
	if me, err := user.Current(); err == nil {
		o.User = me.Username
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return o
	}
	o.Home = home
	if len(o.KnownHosts) == 0 {
		o.KnownHosts = []string{filepath.Join(home, ".ssh", "known_hosts")}
	}
	return o
}

// Poller asks nodes over SSH for a server, which tells its log of keys that it
// trusts.
func (f SSH) Poller(data string, log *slog.Logger) (*ssh.Poller, error) {
	o := f.Options(data)
	if f.TrustNew {
		o.TrustNew = func(k ssh.NewKey) bool {
			log.Warn("new host key is trusted from now on", "host", k.Address, "kind", k.Kind, "fingerprint", k.Fingerprint, "file", k.File)
			return true
		}
	}
	return ssh.New(o)
}
