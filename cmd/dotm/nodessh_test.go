package main

import (
	"bytes"
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
		cmd                   nodeSSHCommandCmd
	}{
		{name: "for a shell", cmd: nodeSSHCommandCmd{For: "shell", Sudo: true}, want: ssh.Command},
		{name: "without sudo", cmd: nodeSSHCommandCmd{For: "shell"}, want: ssh.CommandWithoutSudo},
		{
			name: "for authorized_keys", cmd: nodeSSHCommandCmd{For: "authorized_keys", Sudo: true}, in: "\n# mine\n" + key,
			want: `restrict,command="` + ssh.Command + `" ` + key,
		},
		{name: "for authorized_keys without a key", cmd: nodeSSHCommandCmd{For: "authorized_keys"}, in: "# mine\n", fails: "the public key is missing"},
		{name: "a private key", cmd: nodeSSHCommandCmd{For: "authorized_keys"}, in: "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n", fails: "that is a private key"},
		{name: "for sudoers", cmd: nodeSSHCommandCmd{For: "sudoers", User: "mapper"}, want: "mapper " + ssh.SudoPrivilege},
	} {
		got, err := c.cmd.text(strings.NewReader(c.in))
		if err == nil && got != c.want || (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
	}
	if _, err := (&nodeSSHCommandCmd{For: "authorized_keys"}).text(failing{}); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got %v", err)
	}
}

// TestNodeSSHCommandLine: the command as people call it.
func TestNodeSSHCommandLine(t *testing.T) {
	for args, want := range map[string]string{
		"node ssh-command":                      ssh.Command + "\n",
		"node ssh-command --no-sudo":            ssh.CommandWithoutSudo + "\n",
		"node ssh-command --for sudoers":        "dotm " + ssh.SudoPrivilege + "\n",
		"node ssh-command --for sudoers --json": `"text": "dotm ALL=(root) NOPASSWD: `,
	} {
		var out, errOut bytes.Buffer
		if code := run(strings.Fields(args), &out, &errOut); code != exitOK || !strings.Contains(out.String(), want) {
			t.Errorf("%s: exit code %d, %s%s", args, code, out.String(), errOut.String())
		}
	}
}

// TestSSHFlags: what is not given comes from the user's own folder, and new keys
// are kept in the data folder.
func TestSSHFlags(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	t.Setenv("SSH_AUTH_SOCK", "/run/agent")
	o := sshFlags{}.options("/data")
	if o.Home != "/home/me" || len(o.Keys) != 0 || len(o.KnownHosts) != 1 || o.KnownHosts[0] != "/home/me/.ssh/known_hosts" ||
		o.TrustFile != "/data/known_hosts" || o.Agent != "/run/agent" || o.User == "" || o.TrustNew != nil {
		t.Errorf("got %+v", o)
	}
	o = sshFlags{Key: []string{"k"}, KnownHosts: []string{"h"}, Jump: "gate"}.options("/data")
	if o.Keys[0] != "k" || o.KnownHosts[0] != "h" || len(o.KnownHosts) != 1 || o.Jump != "gate" {
		t.Errorf("got %+v", o)
	}
	if _, err := (sshFlags{Jump: "a/b"}).poller("/data", nil); err == nil {
		t.Error("a jump host that is none is taken")
	}
}
