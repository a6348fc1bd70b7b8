package drift

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/plaintext"
)

// Format is how an answer is written.
type Format string

// The formats.
const (
	Text     Format = "text"
	JSON     Format = "json"
	JUnit    Format = "junit" // a test report, for CI
	Markdown Format = "markdown"
)

// Write writes an answer. The same answer gives the same bytes.
func (a *Answer) Write(w io.Writer, f Format) error {
	out := bufio.NewWriter(w)
	var err error
	switch f {
	case Text:
		a.text(out)
	case JSON:
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(a)
	case JUnit:
		err = a.junit(out)
	case Markdown:
		a.markdown(out)
	default:
		err = fmt.Errorf("there is no format %q", string(f))
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("writing the drift: %w", err)
	}
	return nil
}

// Summary is the answer in one sentence.
func (a *Answer) Summary() string {
	text := fmt.Sprintf("%d unexpected, %d forbidden, %d missing, %d as declared", len(a.Unexpected), len(a.Forbidden), len(a.Missing), len(a.Matching))
	if n := len(a.Unknown); n > 0 {
		text += fmt.Sprintf(", of %d nobody can tell", n)
	}
	return text
}

func (a *Answer) head() string {
	return fmt.Sprintf("%s against %s, as of %s; %d connections judged, %d outside of it; %d of %d nodes report",
		plaintext.Clean(a.Declared), plaintext.Clean(a.Observed), moment(a.At), a.Connections, a.Outside, a.Coverage.Reporting, a.Coverage.Nodes)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// ends are the two ends of a connection in words.
func (u *Unexpected) ends() string {
	arrow := " → "
	if !u.Directed {
		arrow = " – "
	}
	text := named(u.Client.Node, u.Client.Process) + arrow + named(u.Server.Node, u.Server.Process)
	if u.Server.Port != 0 {
		text += fmt.Sprintf(" %s/%d", u.Protocol, u.Server.Port)
	} else {
		text += " " + string(u.Protocol)
	}
	return text
}

func named(node, process string) string {
	return strings.TrimSpace(plaintext.Clean(node) + " " + plaintext.Clean(process))
}

// seen says since when, and from where.
func (u *Unexpected) seen() string {
	text := "since " + moment(u.Since) + ", last " + moment(u.Last)
	switch {
	case u.Both:
		return text + ", seen from both ends"
	case len(u.SeenBy) > 0:
		return text + ", seen from " + plaintext.Clean(u.SeenBy[0])
	}
	return text
}

// because says which rule it is about.
func (u *Unexpected) because(denied bool) string {
	switch {
	case u.Rule == nil:
		return "no rule allows it"
	case denied && u.Rule.Why != "":
		return "denied by " + u.Rule.String() + ": " + plaintext.Clean(u.Rule.Why)
	case denied:
		return "denied by " + u.Rule.String()
	}
	return "allowed at " + plaintext.Clean(u.Rule.Port) + " only, by " + u.Rule.String()
}

func (t *Told) ends() string {
	if t.From == "" && t.To == "" {
		return ""
	}
	return strings.TrimSpace(plaintext.Clean(t.From) + " → " + plaintext.Clean(t.To) + " " + t.Port)
}

func (m *Missing) because() string {
	text := plaintext.Clean(m.Reason)
	if !m.Last.IsZero() {
		text += ", last " + moment(m.Last)
	}
	if m.Why != "" {
		text += " (" + plaintext.Clean(m.Why) + ")"
	}
	return text
}

func (m *Matching) seen() string {
	return fmt.Sprintf("%d seen, since %s, last %s", m.Connections, moment(m.Since), moment(m.Last))
}

// text writes paragraphs that people read, and grep can.
func (a *Answer) text(w *bufio.Writer) {
	fmt.Fprintf(w, "%s\n%s\n", a.Summary(), a.head())
	for _, part := range []struct {
		title  string
		list   []Unexpected
		denied bool
	}{{"UNEXPECTED", a.Unexpected, false}, {"FORBIDDEN", a.Forbidden, true}} {
		for i := range part.list {
			u := &part.list[i]
			fmt.Fprintf(w, "\n%s  %s\n  %s\n  %s\n", part.title, u.ends(), u.seen(), u.because(part.denied))
		}
	}
	for _, part := range []struct {
		title string
		list  []Missing
	}{{"MISSING", a.Missing}, {"UNKNOWN", a.Unknown}} {
		for i := range part.list {
			m := &part.list[i]
			fmt.Fprintf(w, "\n%s  %s\n  %s\n", part.title, strings.TrimSpace(plaintext.Clean(m.String())+"  "+m.ends()), m.because())
		}
	}
	if len(a.Matching) > 0 {
		fmt.Fprint(w, "\n")
	}
	for i := range a.Matching {
		m := &a.Matching[i]
		fmt.Fprintf(w, "as declared  %s  %s: %s\n", plaintext.Clean(m.String()), m.ends(), m.seen())
	}
}

// markdown writes tables, for a merge request or a wiki.
func (a *Answer) markdown(w *bufio.Writer) {
	md := plaintext.Markdown
	fmt.Fprintf(w, "# Drift: %s\n\n%s.\n", md(a.Summary()), md(a.head()))
	table := func(title string, n int, head string, row func(i int) []string) {
		if n == 0 {
			return
		}
		fmt.Fprintf(w, "\n## %s\n\n| %s |\n|%s\n", title, head, strings.Repeat(" --- |", strings.Count(head, "|")+1))
		for i := range n {
			cells := row(i)
			for k := range cells {
				cells[k] = md(cells[k])
			}
			fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	table("Unexpected", len(a.Unexpected), "Connection | Seen | Rule", func(i int) []string {
		u := &a.Unexpected[i]
		return []string{u.ends(), u.seen(), u.because(false)}
	})
	table("Forbidden", len(a.Forbidden), "Connection | Seen | Rule", func(i int) []string {
		u := &a.Forbidden[i]
		return []string{u.ends(), u.seen(), u.because(true)}
	})
	table("Missing", len(a.Missing), "Declared at | What | Why", func(i int) []string {
		m := &a.Missing[i]
		return []string{plaintext.Clean(m.String()), m.ends(), m.because()}
	})
	table("Not known", len(a.Unknown), "Declared at | What | Why", func(i int) []string {
		m := &a.Unknown[i]
		return []string{plaintext.Clean(m.String()), m.ends(), m.because()}
	})
	table("As declared", len(a.Matching), "Declared at | What | Seen", func(i int) []string {
		m := &a.Matching[i]
		return []string{plaintext.Clean(m.String()), m.ends(), m.seen()}
	})
}

// What JUnit's readers take (https://github.com/testmoapp/junitxml).
type (
	suites struct {
		XMLName xml.Name `xml:"testsuites"`
		Suite   suite    `xml:"testsuite"`
	}
	suite struct {
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Time     string     `xml:"timestamp,attr"`
		Cases    []testcase `xml:"testcase"`
	}
	testcase struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Failure *outcome `xml:"failure,omitempty"`
		Skipped *outcome `xml:"skipped,omitempty"`
	}
	outcome struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// junit writes a test report: each rule is a test, and each connection that should not
// be is one that failed.
func (a *Answer) junit(w *bufio.Writer) error {
	s := suite{Name: "dotm drift " + plaintext.Clean(a.Declared), Time: a.At.UTC().Format("2006-01-02T15:04:05"), Cases: []testcase{}}
	for i := range a.Unexpected {
		u := &a.Unexpected[i]
		s.Cases = append(s.Cases, testcase{"unexpected", u.ends(), &outcome{u.because(false), "unexpected", u.seen()}, nil})
	}
	for i := range a.Forbidden {
		u := &a.Forbidden[i]
		s.Cases = append(s.Cases, testcase{"forbidden", u.ends(), &outcome{u.because(true), "forbidden", u.seen()}, nil})
	}
	for i := range a.Missing {
		m := &a.Missing[i]
		s.Cases = append(s.Cases, testcase{plaintext.Clean(m.String()), m.ends(), &outcome{m.because(), "missing", ""}, nil})
	}
	for i := range a.Unknown {
		m := &a.Unknown[i]
		s.Cases = append(s.Cases, testcase{plaintext.Clean(m.String()), m.ends(), nil, &outcome{Message: m.because()}})
	}
	for i := range a.Matching {
		m := &a.Matching[i]
		s.Cases = append(s.Cases, testcase{Class: plaintext.Clean(m.String()), Name: m.ends()})
	}
	s.Tests, s.Failures, s.Skipped = len(s.Cases), len(a.Unexpected)+len(a.Forbidden)+len(a.Missing), len(a.Unknown)
	fmt.Fprint(w, xml.Header)
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(suites{Suite: s}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}
