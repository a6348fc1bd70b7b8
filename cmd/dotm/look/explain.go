package look

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/scan"
)

// explained is what --explain --json prints.
type explained struct {
	scan.Abilities
	// Grants are ways to grant the capabilities that are missing, each a
	// command or a setting; none if no capability is.
	Grants []grant `json:"grants"`
}

// grant is one way to give capabilities.
type grant struct {
	Where string `json:"where"`
	Text  string `json:"text"`
}

// explain says what a look can see here, and what it can't.
func (c *Scan) explain(ctx context.Context, g *console.Globals) error {
	a, err := scan.Explain(ctx, c.options())
	if err != nil {
		return fmt.Errorf("looking at this machine: %w", err)
	}
	e := explained{a, grantsOf(&a, programPath())}
	if g.JSON {
		return console.WriteJSON(g.Out, e)
	}
	p := explaining{Screen: table.ScreenOf(g.Out)}
	_, err = g.Out.Write(p.page(&e))
	return err
}

// programPath is where this program is, as far as can be told.
func programPath() string {
	path, err := os.Executable()
	if err != nil {
		return "dotm"
	}
	return path
}

// grantsOf says how to grant what is missing: every way grants all of it.
func grantsOf(a *scan.Abilities, program string) []grant {
	missing := missingCapabilities(a)
	if len(missing) == 0 {
		return []grant{}
	}
	lower, short := make([]string, 0, len(missing)), make([]string, 0, len(missing))
	for _, c := range missing {
		lower = append(lower, strings.ToLower(c))
		short = append(short, "--cap-add "+strings.TrimPrefix(c, "CAP_"))
	}
	grants := []grant{
		{"On the program, for whoever may run it", "setcap " + strings.Join(lower, ",") + "=ep " + program},
		{"In a systemd unit with User=", "AmbientCapabilities=" + strings.Join(missing, " ")},
		{"In Docker", "docker run --pid host --network host " + strings.Join(short, " ") + " …"},
	}
	if a.Facts.NoNewPrivileges {
		grants = grants[1:] // capabilities of files give nothing then
	}
	return grants
}

// missingCapabilities lists what abilities miss and could be granted, in the
// order of the privileges. Those that are held already are none: they don't
// count where this runs.
func missingCapabilities(a *scan.Abilities) (names []string) {
	for _, p := range a.Privileges {
		lacks := func(b scan.Ability) bool { return slices.Contains(b.Capabilities, p.Name) }
		if !p.Held && slices.ContainsFunc(a.Abilities, lacks) {
			names = append(names, p.Name)
		}
	}
	return names
}

// explaining writes the page of --explain.
type explaining struct {
	table.Screen
	b []byte
}

func (e *explaining) page(x *explained) []byte {
	e.line(table.Quiet, 0, factsText(&x.Facts))
	e.b = append(e.b, '\n')
	e.abilities(x.Abilities.Abilities)
	e.grants(x)
	e.privileges(x.Privileges, x.Facts.HostUser)
	return e.b
}

// abilities is the table, and below it what is to be said of those that are
// not as good as can be.
func (e *explaining) abilities(list []scan.Ability) {
	t := table.New(len(list), false, table.Column{Title: "WHAT"}, table.Column{Title: "SEEN"}, table.Column{Title: "HOW"}, table.Column{Title: "FOUND"})
	for _, a := range list {
		able := table.Plain("yes")
		if !a.Able {
			able = table.Toned("no", table.Waiting)
		}
		t.Add(' ', table.Plain(a.Name), able, table.Plain(console.OrDash(a.How)), table.Plain(console.Printable(a.Found)))
	}
	e.b = t.Append(e.b, table.Screen{Colours: e.Colours})
	for _, a := range list {
		if len(a.Missing)+len(a.Hint) == 0 {
			continue
		}
		e.b = append(e.b, '\n')
		e.line(table.Heading, 0, capital(a.Name))
		e.field("Missing", strings.Join(a.Missing, "; "))
		e.field("Without it", a.Without)
		e.field("What helps", a.Hint)
	}
}

func (e *explaining) field(name, text string) {
	if text != "" {
		e.line(table.Quiet, 2, name+": "+strings.TrimSuffix(console.Printable(text), ".")+".")
	}
}

// grants says how to get what is missing, and what that would allow.
func (e *explaining) grants(x *explained) {
	if len(x.Grants) == 0 {
		return
	}
	e.b = append(e.b, '\n')
	e.line(table.Heading, 0, "To grant the capabilities that are missing")
	for _, g := range x.Grants {
		e.line(table.Quiet, 2, g.Where+":")
		e.b = append(e.b, "    "+console.Printable(g.Text)+"\n"...) // never broken: it is to be copied
	}
}

// privileges says what each privilege allows, and what dotm does with it.
func (e *explaining) privileges(list []scan.Privilege, everywhere bool) {
	within := either(everywhere, "", " (in its user namespace only)")
	e.privilegesThat(list, true, "What the capabilities of this process allow it"+within+", and what dotm does with them")
	e.privilegesThat(list, false, "What the others would allow it, and what dotm would do with them")
}

func (e *explaining) privilegesThat(list []scan.Privilege, held bool, title string) {
	for i, p := range slices.DeleteFunc(slices.Clone(list), func(p scan.Privilege) bool { return p.Held != held }) {
		if i == 0 {
			e.b = append(e.b, '\n')
			e.line(table.Heading, 0, title)
		}
		e.line(table.Quiet, 2, p.Name+" may "+p.Allows+". dotm "+p.Use+".")
	}
}

// factsText describes this process and its kernel.
func factsText(f *scan.Facts) string {
	parts := []string{fmt.Sprintf("user %s (%d)", console.Printable(f.User), f.UID), "Linux " + console.Printable(f.Kernel) + " " + either(f.BTF, "with", "without") + " BTF"}
	parts = append(parts, placesText(f))
	if f.Seccomp {
		parts = append(parts, "a seccomp filter")
	}
	if f.NoNewPrivileges {
		parts = append(parts, "no new privileges")
	}
	if f.HidePID != "" {
		parts = append(parts, "/proc with hidepid="+console.Printable(f.HidePID))
	}
	if f.Lockdown != "" {
		parts = append(parts, "kernel locked down ("+console.Printable(f.Lockdown)+")")
	}
	var sysctls []string
	for _, c := range [][2]string{{"unprivileged_bpf_disabled", f.UnprivilegedBPF}, {"perf_event_paranoid", f.PerfParanoid}} {
		if c[1] != "" {
			sysctls = append(sysctls, "kernel."+c[0]+"="+console.Printable(c[1]))
		}
	}
	if len(sysctls) > 0 {
		parts = append(parts, enumerated(sysctls)+" (the same capabilities are needed whatever that says)")
	}
	return "This process: " + strings.Join(parts, "; ") + "."
}

// placesText says which of the namespaces are the host's.
func placesText(f *scan.Facts) string {
	var host, other []string
	for _, n := range []struct {
		name string
		is   bool
	}{{"user", f.HostUser}, {"process", f.HostProcesses}, {"network", f.HostNetwork}} {
		if n.is {
			host = append(host, n.name)
		} else {
			other = append(other, n.name)
		}
	}
	var parts []string
	if len(host) > 0 {
		parts = append(parts, "in the host's "+enumerated(host)+" "+plural(host))
	}
	if len(other) > 0 {
		parts = append(parts, "not known to be in the host's "+enumerated(other)+" "+plural(other))
	}
	return strings.Join(parts, ", ")
}

func plural(list []string) string { return either(len(list) == 1, "namespace", "namespaces") }

// enumerated writes a list in a sentence.
func enumerated(list []string) string {
	last := len(list) - 1
	if last < 1 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:last], ", ") + " and " + list[last]
}

func either(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(string(r)) + s[n:]
}

// line writes a paragraph in lines that fit the screen, all but the first
// indented by two more.
func (e *explaining) line(t table.Tone, indent int, text string) {
	room, at := e.Width, 0
	for i, word := range strings.Fields(text) {
		width := utf8.RuneCountInString(word)
		switch {
		case i == 0:
			e.b = table.AppendBlanks(e.b, indent)
			at = indent
		case room > 0 && at+1+width > room:
			e.b = table.AppendBlanks(append(e.b, '\n'), indent+2)
			at = indent + 2
		default:
			e.b = append(e.b, ' ')
			at++
		}
		e.b = e.Colour(e.b, t, word)
		at += width
	}
	e.b = append(e.b, '\n')
}
