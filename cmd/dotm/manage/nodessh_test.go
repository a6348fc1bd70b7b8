package manage

import (
	"errors"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/collect/ssh"
)

// failing is a reader that can't be read.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestNodeSSHCommand(t *testing.T) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@here"
	for _, c := range []struct {
		name, in, want, fails string
		cmd                   nodeSSHCommand
	}{
		{name: "for a shell", cmd: nodeSSHCommand{For: "shell", Sudo: true}, want: ssh.Command},
		{name: "without sudo", cmd: nodeSSHCommand{For: "shell"}, want: ssh.CommandWithoutSudo},
		{
			name: "for authorized_keys", cmd: nodeSSHCommand{For: "authorized_keys", Sudo: true}, in: "\n# mine\n" + key,
			want: `restrict,command="` + ssh.Command + `" ` + key,
		},
		{name: "for authorized_keys without a key", cmd: nodeSSHCommand{For: "authorized_keys"}, in: "# mine\n", fails: "the public key is missing"},
		{name: "a private key", cmd: nodeSSHCommand{For: "authorized_keys"}, in: "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n", fails: "that is a private key"},
		{name: "for sudoers", cmd: nodeSSHCommand{For: "sudoers", User: "mapper"}, want: "mapper " + ssh.SudoPrivilege},
	} {
		got, err := c.cmd.text(strings.NewReader(c.in))
		if err == nil && got != c.want || (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
	}
	if _, err := (&nodeSSHCommand{For: "authorized_keys"}).text(failing{}); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got %v", err)
	}
}
