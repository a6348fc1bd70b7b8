package look

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/collect/ssh"
	"github.com/devops-trouble-map/dotm/report"
)

// remoteFlags are for looks at other machines; see [sshFlags].
type remoteFlags struct {
	SSHKey     []string `help:"Private key to log in with. Without it: ~/.ssh/id_ed25519, id_ecdsa, id_rsa; and what ssh-agent holds." placeholder:"FILE" type:"path" name:"ssh-key" sep:"none"`
	KnownHosts []string `help:"Files with host keys. Without it: ~/.ssh/known_hosts; and known_hosts in the data folder." placeholder:"FILE" type:"path" sep:"none"`
	TrustNew   bool     `help:"Trust the key of a host of which none is known, show its fingerprint, and keep it in the data folder."`
	Jump       string   `help:"Hosts to go through, in order." placeholder:"USER@HOST:PORT,…"`
	Data       string   `help:"Data folder, where trusted host keys are kept." placeholder:"DIR" type:"path" env:"DOTM_DATA"`
}

// given tells whether one of the flags was.
func (f *remoteFlags) given() bool {
	return len(f.SSHKey) > 0 || len(f.KnownHosts) > 0 || f.TrustNew || f.Jump != ""
}

func (f *remoteFlags) ssh() flags.SSH {
	return flags.SSH{Key: f.SSHKey, KnownHosts: f.KnownHosts, TrustNew: f.TrustNew, Jump: f.Jump}
}

// checkRemote refuses flags that are about the other kind of look.
func (c *Scan) checkRemote() error {
	switch {
	case c.Address == "" && c.given():
		return errors.New("--ssh-key, --known-hosts, --trust-new and --jump are for other machines: dotm scan ssh://USER@HOST")
	case c.Address != "" && c.Explain:
		return errors.New("--explain is about this machine; what another one doesn't show stands below its table")
	case c.Address != "" && c.Namespaces != "":
		return errors.New("--namespaces is about this machine; over SSH only the network namespace of the login is seen")
	}
	return nil
}

// remote looks at another machine.
func (c *Scan) remote(g *console.Globals, address string) (looker, error) {
	var wrong *collect.TargetError
	if _, err := collect.ParseSSHAddress(address); errors.As(err, &wrong) {
		return nil, fmt.Errorf("address %s, is %q", wrong.Rule, wrong.Value)
	}
	options := c.ssh().Options(cmp.Or(c.Data, flags.DefaultData()))
	options.OneLook = !c.Watch
	if c.TrustNew {
		options.TrustNew = func(k ssh.NewKey) bool {
			fmt.Fprintf(g.Err, "%s is new; from now on it is known by %s %s (%s).\n", k.Address, k.Kind, k.Fingerprint, k.File)
			return true
		}
	}
	poller, err := ssh.New(options)
	if err != nil {
		return nil, fmt.Errorf("--jump: %w", err)
	}
	return there{poller, address}, nil
}

// there looks at a machine that is asked.
type there struct {
	collect.Poller
	address string
}

// Scan asks once.
func (t there) Scan(ctx context.Context) (*report.Report, error) { return t.Poll(ctx, t.address) }
