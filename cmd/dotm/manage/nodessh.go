package manage

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/collect/ssh"
)

type nodeSSHCommand struct {
	For  string `help:"Where it shall stand: in a shell, in authorized_keys (the public key is read from standard input), or in sudoers." enum:"shell,authorized_keys,sudoers" default:"shell" placeholder:"shell|authorized_keys|sudoers"`
	User string `help:"The user on the nodes, for sudoers." default:"dotm"`
	Sudo bool   `help:"Let the command try sudo." default:"true" negatable:""`
}

// Run prints what a node needs so that it can be asked over SSH.
func (c *nodeSSHCommand) Run(g *console.Globals) error {
	text, err := c.text(os.Stdin)
	if err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, map[string]string{"for": c.For, "text": text})
	}
	_, err = fmt.Fprintln(g.Out, text)
	return err
}

// Text is the line to print.
func (c *nodeSSHCommand) text(in io.Reader) (string, error) {
	command := ssh.Command
	if !c.Sudo {
		command = ssh.CommandWithoutSudo
	}
	switch c.For {
	case "sudoers":
		return c.User + " " + ssh.SudoPrivilege, nil
	case "authorized_keys":
		key, err := publicKey(in)
		return "restrict,command=\"" + command + "\" " + key, err
	}
	return command, nil
}

// publicKey reads the one line of a public key's file.
func publicKey(in io.Reader) (string, error) {
	lines := bufio.NewScanner(io.LimitReader(in, 16<<10))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "-----BEGIN"):
			return "", errors.New("that is a private key: give the public one, from the file that ends with .pub")
		default:
			return line, nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", fmt.Errorf("reading the public key: %w", err)
	}
	return "", errors.New("the public key is missing: dotm node ssh-command --for authorized_keys < ~/.ssh/id_ed25519.pub")
}
