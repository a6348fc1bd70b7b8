package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

// home is where the project lives.
const home = "https://github.com/devops-trouble-map/dotm"

// manCmd prints manual pages (man(7)) that are made of the commands' own help, so
// that they can't say anything else. It is for packages.
type manCmd struct {
	Command string `arg:"" optional:"" help:"The command that the page is about; without it, dotm itself."`
	Dir     string `help:"Write all pages into this folder." placeholder:"DIR" type:"path"`
	Date    string `help:"Date of the pages." placeholder:"YYYY-MM-DD"`

	Markdown bool `help:"All commands as one page of Markdown, as in docs/cli.md."`
}

// exitCodes and ownFiles stand on each page about dotm itself.
var (
	exitCodes = [][2]string{
		{"0", "All went well."},
		{"1", "Trouble was found, and was asked for (drift, --fail)."},
		{"2", "Wrong usage, or something failed."},
	}
	ownFiles = [][2]string{
		{"/etc/default/dotm", "Where the server of the package listens, and its flags."},
		{"/etc/dotm/dotm.yaml", "Its configuration; dotm config print tells all that may stand there, and the defaults."},
		{"/var/lib/dotm", "What it keeps, and the socket by which commands on the same machine reach it."},
		{"/etc/default/dotm-agent", "Where the agent of the package reports to, its token and its flags."},
		{"/var/lib/dotm-agent", "The agent's identity."},
	}
)

// Run prints one page, or writes all of them.
func (c *manCmd) Run(g *console.Globals, k *kong.Context) error {
	root := k.Model.Node
	if c.Markdown {
		return printMarkdown(g.Out, root)
	}
	if c.Dir == "" {
		if c.Command == "" {
			return printPage(g.Out, root, c.Date)
		}
		i := slices.IndexFunc(root.Children, func(n *kong.Node) bool { return n.Name == c.Command })
		if i < 0 {
			return fmt.Errorf("dotm has no command %q (dotm --help lists them)", c.Command)
		}
		return printPage(g.Out, root.Children[i], c.Date)
	}
	for _, n := range append(visible(root), root) {
		if err := writePage(c.Dir, n, c.Date); err != nil {
			return err
		}
	}
	return nil
}

// visible are the commands that help lists, without the help command itself.
func visible(n *kong.Node) (list []*kong.Node) {
	for _, c := range n.Children {
		if !c.Hidden {
			list = append(list, c)
		}
	}
	return list
}

// pageName is what man is asked for: dotm-token for dotm token.
func pageName(n *kong.Node) string { return strings.ReplaceAll(n.FullPath(), " ", "-") }

func writePage(dir string, n *kong.Node, date string) error {
	path := filepath.Join(dir, pageName(n)+".1")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644) //nolint:gosec // a manual is for everybody
	if err != nil {
		return fmt.Errorf("writing manual page: %w", err)
	}
	if err := printPage(f, n, date); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing manual page: %w", err)
	}
	return nil
}

func printPage(w io.Writer, n *kong.Node, date string) error {
	p := &manPage{}
	p.macro("TH", strings.ToUpper(pageName(n)), "1", date, "dotm "+version, "DevOps Trouble Map")
	p.macro("SH", "NAME")
	p.text(pageName(n) + " \\- " + roff(oneLine(n)))
	p.macro("SH", "SYNOPSIS")
	if n.Type == kong.ApplicationNode {
		p.text(`\fBdotm\fR \fICOMMAND\fR [\fIflags\fR]`)
		p.application(n)
	} else {
		for _, leaf := range leaves(n) {
			p.text(synopsis(leaf))
			p.macro("br")
		}
		p.command(n)
	}
	if _, err := io.WriteString(w, p.b.String()); err != nil {
		return fmt.Errorf("writing manual page: %w", err)
	}
	return nil
}

// oneLine is the help as the one line that apropos(1) shows.
func oneLine(n *kong.Node) string {
	_, help, found := strings.Cut(n.Help, "DevOps Trouble Map: ")
	if !found {
		help = strings.ToLower(n.Help[:1]) + n.Help[1:]
	}
	return strings.TrimSuffix(help, ".")
}

// leaves are the commands below one that do something, or it alone.
func leaves(n *kong.Node) []*kong.Node {
	if n.Leaf() {
		return []*kong.Node{n}
	}
	return n.Leaves(true)
}

func synopsis(n *kong.Node) string {
	words := []string{`\fB` + roff(n.FullPath()) + `\fR`}
	for _, a := range n.Positional {
		words = append(words, argument(a, `\fI`+roff(strings.ToUpper(a.Name))+`\fR`))
	}
	return strings.Join(append(words, `[\fIflags\fR]`), " ")
}

// argument shows a name as what may be left out, or may be repeated.
func argument(a *kong.Positional, name string) string {
	if a.IsCumulative() {
		name += " ..."
	}
	if !a.Required {
		name = "[" + name + "]"
	}
	return name
}

// manPage is a page that is being written.
type manPage struct{ b strings.Builder }

// macro writes a request with its arguments.
func (p *manPage) macro(name string, args ...string) {
	p.b.WriteString("." + name)
	for _, a := range args {
		p.b.WriteString(` "` + strings.ReplaceAll(roff(a), `"`, `\(dq`) + `"`)
	}
	p.b.WriteByte('\n')
}

// Text writes a line that is escaped already.
func (p *manPage) text(s string) {
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	p.b.WriteString(s + "\n")
}

// item writes a term and what it means.
func (p *manPage) item(term, meaning string) {
	p.macro("TP")
	p.text(term)
	p.text(meaning)
}

// roff escapes what groff would take for something else (groff_char(7)): a hyphen
// that is to be copied into a shell has to be a minus.
func roff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
}

func (p *manPage) application(n *kong.Node) {
	p.macro("SH", "DESCRIPTION")
	p.text(roff("dotm looks at the sockets of your hosts and the processes that own them, and draws who talks to whom."))
	p.text(roff("dotm up shows this machine; dotm serve takes in the reports of dotm agent on others."))
	p.macro("SH", "COMMANDS")
	for _, c := range visible(n) {
		p.item(`\fB`+roff(pageName(c))+`\fR(1)`, roff(c.Help))
	}
	p.flags(n)
	p.macro("SH", "EXIT STATUS")
	for _, e := range exitCodes {
		p.item(e[0], roff(e[1]))
	}
	p.macro("SH", "FILES")
	for _, f := range ownFiles {
		p.item(`\fI`+roff(f[0])+`\fR`, roff(f[1]))
	}
	p.macro("SH", "SEE ALSO")
	p.text(roff(home))
}

func (p *manPage) command(n *kong.Node) {
	p.macro("SH", "DESCRIPTION")
	p.text(roff(n.Help))
	if n.Leaf() {
		p.arguments(n)
		p.flags(n)
	} else {
		p.macro("SH", "COMMANDS")
		for _, c := range leaves(n) {
			p.macro("SS", c.FullPath())
			p.text(roff(c.Help))
			p.arguments(c)
			p.options(c.Flags)
		}
	}
	p.environment(n)
	p.macro("SH", "SEE ALSO")
	p.text(`\fBdotm\fR(1), ` + roff(home))
}

// arguments writes those of a command, if it has any.
func (p *manPage) arguments(n *kong.Node) {
	for _, a := range n.Positional {
		p.item(`\fI`+roff(strings.ToUpper(a.Name))+`\fR`, roff(a.Help))
	}
}

// flags writes a section with all of a command's flags.
func (p *manPage) flags(n *kong.Node) {
	p.macro("SH", "OPTIONS")
	var all []*kong.Flag
	for _, group := range n.AllFlags(true) {
		all = append(all, group...)
	}
	p.options(all)
}

func (p *manPage) options(flags []*kong.Flag) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		term := `\fB` + roff(flagName(f)) + `\fR`
		if f.Short != 0 {
			term = `\fB` + roff("-"+string(f.Short)) + `\fR, ` + term
		}
		if !f.IsBool() {
			term += `=\fI` + roff(placeholder(f)) + `\fR`
		}
		p.item(term, roff(flagMeaning(f)))
	}
}

// flagName is a flag as it is typed.
func flagName(f *kong.Flag) string {
	if f.Tag.Negatable != "" {
		return "--[no-]" + f.Name
	}
	return "--" + f.Name
}

// flagMeaning is its help, with what it is without being said.
func flagMeaning(f *kong.Flag) string {
	if f.IsBool() || !f.HasDefault || f.Default == "" {
		return f.Help
	}
	return f.Help + " Default: " + f.Default + "."
}

// placeholder is what stands for a flag's value.
func placeholder(f *kong.Flag) string {
	if f.PlaceHolder == "" {
		return strings.ToUpper(f.Name)
	}
	return f.PlaceHolder
}

// environment writes which variables set which flags.
func (p *manPage) environment(n *kong.Node) {
	sets := map[string]string{}
	for _, leaf := range leaves(n) {
		for _, f := range leaf.Flags {
			for _, env := range f.Envs {
				sets[env] = "--" + f.Name
			}
		}
	}
	if len(sets) == 0 {
		return
	}
	names := make([]string, 0, len(sets))
	for name := range sets {
		names = append(names, name)
	}
	slices.Sort(names)
	p.macro("SH", "ENVIRONMENT")
	for _, name := range names {
		p.item(`\fB`+name+`\fR`, "Sets "+roff(sets[name])+" where that is not given.")
	}
}
