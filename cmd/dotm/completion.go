package main

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

// shells are the scripts that ask dotm complete.
//
//go:embed completion
var shells embed.FS

// completionCmd prints what makes a shell complete dotm's commands and flags.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints the script.
func (c *completionCmd) Run(g *console.Globals) error {
	script, err := shells.ReadFile("completion/dotm." + c.Shell)
	if err != nil {
		return fmt.Errorf("completion for %s: %w", c.Shell, err)
	}
	_, err = g.Out.Write(script)
	return err
}

// completeCmd answers the scripts: what may stand in the place of the last word.
type completeCmd struct {
	Words []string `arg:"" optional:"" help:"The words after dotm, the last one as far as it was typed."`
}

// What a script completes by itself.
const (
	anyFile   = ":files"
	anyFolder = ":dirs"
)

// Run prints one candidate a line, with a tab and its help; :files and :dirs stand
// for those that begin as the last word does.
func (c *completeCmd) Run(g *console.Globals, k *kong.Context) error {
	for _, candidate := range complete(k.Model.Node, c.Words) {
		if _, err := fmt.Fprintln(g.Out, candidate); err != nil {
			return err
		}
	}
	return nil
}

// complete gives the candidates for the last of the words.
func complete(root *kong.Node, words []string) []string {
	words = rejoin(words)
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	at := place{node: root}
	for _, w := range words[:len(words)-1] {
		at.pass(w)
	}
	switch name, value, hasValue := strings.Cut(last, "="); {
	case at.flag != nil:
		return values(at.flag.Value, at.flag.PlaceHolder, strings.TrimPrefix(last, "="))
	case at.literal || !strings.HasPrefix(last, "-"):
		return at.next(last)
	case hasValue:
		if f := at.find(name); f != nil {
			return values(f.Value, f.PlaceHolder, value)
		}
		return nil
	}
	return at.flags(last)
}

// rejoin undoes that bash takes a colon for a word (COMP_WORDBREAKS).
func rejoin(words []string) (out []string) {
	joins := false
	for i, w := range words {
		if (w == ":" || joins) && len(out) > 0 && i < len(words)-1 {
			out[len(out)-1] += w
		} else {
			out = append(out, w)
		}
		joins = w == ":"
	}
	return out
}

// place is how far words lead into the commands.
type place struct {
	node    *kong.Node
	args    int        // that the command has already
	flag    *kong.Flag // whose value comes next
	literal bool       // after --, nothing is a flag
}

// pass goes on by one word.
func (p *place) pass(word string) {
	name, _, hasValue := strings.Cut(word, "=")
	switch {
	case p.flag != nil && word == "=": // bash takes it for a word
	case p.flag != nil:
		p.flag = nil
	case word == "--":
		p.literal = true
	case !p.literal && strings.HasPrefix(word, "-"):
		if f := p.find(name); f != nil && !f.IsBool() && !hasValue {
			p.flag = f
		}
	default:
		i := slices.IndexFunc(p.node.Children, func(n *kong.Node) bool { return n.Name == word })
		if i < 0 || p.literal {
			p.args++
			return
		}
		p.node, p.args = p.node.Children[i], 0
	}
}

// nodes are the command and the one that stands for it if nothing else is said.
func (p *place) nodes() []*kong.Node {
	if p.node.DefaultCmd != nil {
		return []*kong.Node{p.node, p.node.DefaultCmd}
	}
	return []*kong.Node{p.node}
}

// all are the flags that may stand here.
func (p *place) all() (list []*kong.Flag) {
	for _, n := range p.nodes() {
		for _, group := range n.AllFlags(true) {
			for _, f := range group {
				if !slices.Contains(list, f) {
					list = append(list, f)
				}
			}
		}
	}
	return list
}

func (p *place) find(word string) *kong.Flag {
	for _, f := range p.all() {
		if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
			return f
		}
	}
	return nil
}

// flags are those that begin with a word.
func (p *place) flags(word string) (list []string) {
	for _, f := range p.all() {
		if name := "--" + f.Name; strings.HasPrefix(name, word) {
			list = append(list, name+"\t"+f.Help)
		}
	}
	return list
}

// next are commands and arguments that begin with a word.
func (p *place) next(word string) (list []string) {
	for _, n := range p.node.Children {
		if !n.Hidden && !p.literal && strings.HasPrefix(n.Name, word) {
			list = append(list, n.Name+"\t"+n.Help)
		}
	}
	for _, n := range p.nodes() {
		switch args := n.Positional; {
		case p.args < len(args):
			list = append(list, values(args[p.args], "", word)...)
		case len(args) > 0 && args[len(args)-1].IsCumulative():
			list = append(list, values(args[len(args)-1], "", word)...)
		}
	}
	return list
}

// values are what a flag or an argument may be, as far as that is known.
func values(v *kong.Value, placeholder, word string) (list []string) {
	switch {
	case v.Enum != "":
		for _, e := range v.EnumSlice() {
			if e != "" && strings.HasPrefix(e, word) {
				list = append(list, e+"\t")
			}
		}
	case placeholder == "DIR":
		return []string{anyFolder}
	case placeholder == "FILE" || v.Name == "file" || strings.Contains(v.Tag.Type, "path") || strings.Contains(v.Tag.Type, "file"):
		return []string{anyFile}
	}
	return list
}
