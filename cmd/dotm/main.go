// Command dotm draws the live architecture of a site from the sockets of its
// hosts. This package only parses flags and wires the others together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitOK    = 0
	exitError = 2 // wrong usage, or something failed
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// globals are what every command can use.
type globals struct {
	JSON bool `help:"Answer in JSON; commands that keep running log in JSON." name:"json"`

	out, err io.Writer
}

// cli are the commands and their flags.
type cli struct {
	globals

	Up      upCmd        `cmd:"" help:"Show this machine: server and agent in one, on loopback, no configuration."`
	Serve   serveCmd     `cmd:"" help:"Run the server for agents on other machines."`
	Agent   agentCmd     `cmd:"" help:"Send this machine's sockets to a server."`
	Relay   relayCmd     `cmd:"" help:"Forward the reports of agents that can't reach the server themselves."`
	Scan    scanCmd      `cmd:"" help:"Look at a machine once and print what runs there: this one, or another over SSH."`
	Map     mapCmd       `cmd:"" help:"Print the chart of a running server."`
	Explain explainCmd   `cmd:"" help:"Say what the connections between two ends rest on."`
	Diff    diffCmd      `cmd:"" help:"Say what changed on the chart between two moments."`
	Backup  backupCmd    `cmd:"" help:"Save everything that a running server keeps into a file."`
	Restore restoreCmd   `cmd:"" help:"Replace everything that a running server keeps by a backup."`
	Node    nodeCmd      `cmd:"" help:"Add, remove and list nodes."`
	Import  importCmd    `cmd:"" help:"Take over what another installation keeps."`
	Token   tokenCmd     `cmd:"" help:"Make, list and end the tokens with which agents enrol."`
	Agents  agentsCmd    `cmd:"" help:"List the agents that enrolled, and revoke them."`
	Login   loginLinkCmd `cmd:"" name:"login-link" help:"Print a link that sets the password of user admin, once."`
	Config  configCmd    `cmd:"" help:"Check or print the configuration."`
	Version versionCmd   `cmd:"" help:"Print the version."`
}

// exit is how kong's own exits (help, usage errors) reach run.
type exit int

// run parses the arguments, runs the command and returns the exit code.
func run(args []string, out, errOut io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			c, ok := r.(exit)
			if !ok {
				panic(r)
			}
			code = int(c)
		}
	}()
	c := cli{globals: globals{out: out, err: errOut}}
	parser, err := kong.New(
		&c, kong.Name("dotm"),
		kong.Description("DevOps Trouble Map: the architecture of your site, drawn by the site itself."),
		kong.Writers(out, errOut), kong.Exit(func(n int) { panic(exit(min(n, exitError))) }),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return fail(errOut, err)
	}
	k, err := parser.Parse(args)
	if err != nil {
		return fail(errOut, fmt.Errorf("%w (dotm --help lists the commands and flags)", err))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	if err := k.Run(&c.globals); err != nil && !errors.Is(err, context.Canceled) {
		return fail(errOut, err)
	}
	return exitOK
}

func fail(w io.Writer, err error) int {
	fmt.Fprintf(w, "dotm: %v\n", err)
	return exitError
}
