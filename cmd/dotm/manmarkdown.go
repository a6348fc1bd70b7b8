package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// markdown is a page of Markdown that is being written.
type markdown struct{ b strings.Builder }

// printMarkdown writes all commands as one page, in the order of the help.
func printMarkdown(w io.Writer, root *kong.Node) error {
	m := &markdown{}
	m.line("# Commands")
	m.line("")
	m.line("This page is made of the program's own help by `dotm man --markdown`; a test holds it against the program.")
	m.line("`dotm COMMAND --help` says the same, and so does `man dotm-COMMAND` where packages are installed.")
	m.table("command", "does")
	for _, c := range visible(root) {
		m.row("["+c.Name+"](#"+strings.ReplaceAll(c.FullPath(), " ", "-")+")", prose(c.Help))
	}
	m.line("")
	m.line("Flags of every command:")
	m.flags(root.Flags)
	m.table("exit status", "means")
	for _, e := range exitCodes {
		m.row(e[0], prose(e[1]))
	}
	m.table("file of the packages", "is")
	for _, f := range ownFiles {
		m.row("`"+f[0]+"`", prose(f[1]))
	}
	for _, c := range visible(root) {
		m.command(c)
	}
	if _, err := io.WriteString(w, m.b.String()); err != nil {
		return fmt.Errorf("writing the page of commands: %w", err)
	}
	return nil
}

func (m *markdown) line(s string) { m.b.WriteString(s + "\n") }

func (m *markdown) table(left, right string) {
	m.line("\n| " + left + " | " + right + " |")
	m.line("|---|---|")
}

func (m *markdown) row(left, right string) { m.line("| " + left + " | " + right + " |") }

// command writes a section, with a part for each command below.
func (m *markdown) command(n *kong.Node) {
	m.line("\n## " + n.FullPath() + "\n")
	m.line(prose(n.Help))
	if n.Leaf() {
		m.usage(n)
		return
	}
	for _, leaf := range leaves(n) {
		m.line("\n### " + leaf.FullPath() + "\n")
		m.line(prose(leaf.Help))
		m.usage(leaf)
	}
}

// usage writes how a command is typed, its arguments and its flags.
func (m *markdown) usage(n *kong.Node) {
	words := n.FullPath()
	for _, a := range n.Positional {
		words = fmt.Sprintf("%s %s", words, argument(a, strings.ToUpper(a.Name)))
	}
	m.line("\n```text\n" + words + " [flags]\n```")
	flags := slices.DeleteFunc(slices.Clone(n.Flags), func(f *kong.Flag) bool { return f.Hidden })
	if len(n.Positional)+len(flags) == 0 {
		return
	}
	m.table("argument, flag", "is")
	for _, a := range n.Positional {
		m.row("`"+strings.ToUpper(a.Name)+"`", prose(a.Help))
	}
	m.rows(flags)
}

func (m *markdown) flags(flags []*kong.Flag) {
	m.table("flag", "is")
	m.rows(flags)
}

func (m *markdown) rows(flags []*kong.Flag) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		name := flagName(f)
		if !f.IsBool() {
			name += "=" + placeholder(f)
		}
		term := "`" + strings.ReplaceAll(name, "|", `\|`) + "`"
		if f.Short != 0 {
			term = "`-" + string(f.Short) + "`, " + term
		}
		if len(f.Envs) > 0 {
			term += ", `" + strings.Join(f.Envs, "`, `") + "`"
		}
		m.row(term, prose(flagMeaning(f)))
	}
}

// prose escapes what Markdown would take for something else.
func prose(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "<", "&lt;", "|", `\|`, "[", `\[`).Replace(s)
}
