package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/devops-trouble-map/dotm/collect/ssh"
)

type nodeSSHCommandCmd struct {
	For  string `help:"Where it shall stand: in a shell, in authorized_keys (the public key is read from standard input), or in sudoers." enum:"shell,authorized_keys,sudoers" default:"shell" placeholder:"shell|authorized_keys|sudoers"`
	User string `help:"The user on the nodes, for sudoers." default:"dotm"`
	Sudo bool   `help:"Let the command try sudo." default:"true" negatable:""`
}

// Run prints what a node needs so that it can be asked over SSH.
func (c *nodeSSHCommandCmd) Run(g *globals) error { return c.print(g.out, os.Stdin) }

func (c *nodeSSHCommandCmd) print(out io.Writer, in io.Reader) error {
	command := ssh.Command
	if !c.Sudo {
		command = ssh.CommandWithoutSudo
	}
	switch c.For {
	case "sudoers":
		fmt.Fprintf(out, "%s %s\n", c.User, ssh.SudoPrivilege)
	case "authorized_keys":
		key, err := publicKey(in)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "restrict,command=\"%s\" %s\n", command, key)
	default:
		fmt.Fprintln(out, command)
	}
	return nil
}

// publicKey reads the one line of a public key's file.
func publicKey(in io.Reader) (string, error) {
	lines := bufio.NewScanner(io.LimitReader(in, 16<<10))
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && line[0] != '#' {
			return line, nil
		}
	}
	return "", errors.New("the public key is missing: dotm node ssh-command --for authorized_keys < ~/.ssh/id_ed25519.pub")
}
