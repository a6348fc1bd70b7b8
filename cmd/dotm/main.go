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
	"runtime"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/devops-trouble-map/dotm/cmd/dotm/chart"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/look"
	"github.com/devops-trouble-map/dotm/cmd/dotm/manage"
)

// Exit codes.
const (
	exitOK      = 0
	exitTrouble = 1 // trouble was found, and asked for
	exitError   = 2 // wrong usage, or something failed
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// cli are the commands and their flags.
type cli struct {
	console.Globals

	Up      upCmd            `cmd:"" help:"Show this machine: server and agent in one, on loopback, no configuration."`
	Serve   serveCmd         `cmd:"" help:"Run the server for agents on other machines."`
	Agent   agentCmd         `cmd:"" help:"Send this machine's sockets to a server."`
	Demo    demoCmd          `cmd:"" help:"Show a made-up site, with faults that come and go."`
	Replay  replayCmd        `cmd:"" help:"Show a recording of a site."`
	Relay   relayCmd         `cmd:"" help:"Forward the reports of agents that can't reach the server themselves."`
	Scan    look.Scan        `cmd:"" help:"Look at a machine once and print what runs there: this one, or another over SSH."`
	Map     chart.Map        `cmd:"" help:"Print the chart of a running server."`
	Export  chart.Export     `cmd:"" help:"Write the chart of a running server into a file: a picture, a graph, a document, a table."`
	Explain chart.Explain    `cmd:"" help:"Say what the connections between two ends rest on."`
	Why     chart.Why        `cmd:"" help:"Say what is in trouble, and what is likely behind it; or rank causes from files."`
	Impact  chart.Impact     `cmd:"" help:"Say what fails if something does, and who was seen to need it."`
	Notify  manage.Notify    `cmd:"" help:"List and test who is told about incidents."`
	Diff    chart.Diff       `cmd:"" help:"Say what changed on the chart between two moments."`
	Drift   chart.Drift      `cmd:"" help:"Compare what is declared with what is seen: which connections nobody declared, which are missing."`
	Backup  manage.Backup    `cmd:"" help:"Save everything that a running server keeps into a file."`
	Restore manage.Restore   `cmd:"" help:"Replace everything that a running server keeps by a backup."`
	Source  manage.Source    `cmd:"" help:"Add, test, list, refresh and remove monitoring systems."`
	Check   manage.Check     `cmd:"" help:"List what monitoring systems say, and hand over results."`
	Report  chart.Report     `cmd:"" help:"Say what is odd about the site."`
	Node    manage.Node      `cmd:"" help:"Add, remove and list nodes."`
	Import  importCmd        `cmd:"" help:"Take over what another installation keeps."`
	Token   manage.Token     `cmd:"" help:"Make, list and end the tokens with which agents enrol, and those of scripts."`
	User    manage.User      `cmd:"" help:"Add, list and remove those who may log in."`
	Session manage.Sessions  `cmd:"" name:"sessions" help:"List who is logged in, and end sessions."`
	Audit   manage.Audit     `cmd:"" help:"Say who changed what, from where, and what came of it."`
	Agents  manage.Agents    `cmd:"" help:"List the agents that enrolled, and revoke them."`
	Login   manage.LoginLink `cmd:"" name:"login-link" help:"Print a link that sets the password of user admin, once."`
	CA      manage.CA        `cmd:"" name:"ca" help:"Print the certificate of the server's own CA, for --server-ca and for browsers."`
	Config  configCmd        `cmd:"" help:"Check or print the configuration."`
	Version versionCmd       `cmd:"" help:"Print the version."`

	// For packages and shells.
	Man        manCmd        `cmd:"" hidden:"" help:"Print the manual pages."`
	Completion completionCmd `cmd:"" hidden:"" help:"Print what makes a shell complete commands and flags."`
	Complete   completeCmd   `cmd:"" hidden:"" help:"Say what may come next."`
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
	console.Version = version
	c := cli{Globals: console.Globals{Out: out, Err: errOut}}
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
	switch err := k.Run(&c.Globals); {
	case errors.Is(err, console.ErrTrouble):
		return exitTrouble
	case err != nil && !errors.Is(err, context.Canceled):
		return fail(errOut, err)
	}
	return exitOK
}

func fail(w io.Writer, err error) int {
	fmt.Fprintf(w, "dotm: %v%s\n", err, elsewhere(runtime.GOOS, err))
	return exitError
}

// elsewhere says what works on a system on which sockets can't be read.
func elsewhere(system string, err error) string {
	if system == "linux" || !errors.Is(err, errors.ErrUnsupported) {
		return ""
	}
	return ": dotm up, agent and scan need Linux; here work dotm demo, replay, serve, and the commands that ask a server"
}
