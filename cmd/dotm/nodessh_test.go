package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/collect/ssh"
)

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
