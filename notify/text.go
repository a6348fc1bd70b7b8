package notify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"
	"unicode"

	"github.com/devops-trouble-map/dotm/topology"
)

// MaxText is the most bytes that a template may make.
const MaxText = 64 << 10

var errLong = errors.New("makes too long a text")

// card is the text of a card, as on the screen: what was observed, what is likely
// behind it, what follows, what is not known.
const card = `{{with .Incident}}{{line .Title}}
{{if eq $.News "resolved"}}Resolved {{utc .Ended}}, after {{lasted .Opened .Ended}}.{{else}}Since {{utc .Opened}}.{{end}}

{{line .Sentence}}
{{if .Causes}}
{{if .Unclear}}Possible{{else}}Likely{{end}} causes
{{range $i, $c := .Causes}}{{if lt $i 3}}{{inc $i}}. {{line $c.Component}} ({{$c.Strength}}): {{line $c.Sentence}}
{{end}}{{end}}{{end}}{{if .Confirmed}}
Confirmed
{{range head .Confirmed}}- {{line .Component}}{{with .Why}}: {{line .}}{{end}}
{{end}}{{more .Confirmed}}{{end}}{{if .Predicted}}
Likely next
{{range head .Predicted}}- {{line .Component}}{{with .Why}}: {{line .}}{{end}}
{{end}}{{more .Predicted}}{{end}}{{if .NotVisible}}
Not visible
{{range headline .NotVisible}}- {{line .}}
{{end}}{{end}}{{with .Link}}
{{.}}
{{end}}{{end}}`

// most is how many of a list a text has.
const most = 20

var helpers = template.FuncMap{
	"utc":      func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"lasted":   func(from, to time.Time) string { return to.Sub(from).Round(time.Second).String() },
	"inc":      func(i int) int { return i + 1 },
	"line":     Line,
	"head":     func(l []Effect) []Effect { return l[:min(len(l), most)] },
	"headline": func(l []string) []string { return l[:min(len(l), most)] },
	"more": func(l []Effect) string {
		if len(l) <= most {
			return ""
		}
		return fmt.Sprintf("- and %d more\n", len(l)-most)
	},
	"join": strings.Join,
	"json": func(v any) (string, error) {
		raw, err := json.Marshal(v)
		return string(raw), err
	},
}

var cardTemplate = template.Must(template.New("card").Funcs(helpers).Parse(card))

// Line is a text from outside on one line: what would break a header, or turn the
// direction of writing, is a blank.
func Line(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return ' '
		}
		return r
	}, s)), " ")
}

// Writer makes a text of a notice.
type Writer struct{ template *template.Template }

// Writer is that of the receiver's template, or nil if it has none. The template is
// tried on a notice that is made up.
func (o *Options) Writer() (*Writer, error) {
	if o.Template == "" {
		return nil, nil //nolint:nilnil // none is no error
	}
	t, err := template.New("template").Funcs(helpers).Parse(o.Template)
	if err != nil {
		return nil, err
	}
	w := &Writer{t}
	text, err := w.Write(sample())
	if err != nil {
		return nil, err
	}
	if o.Kind == Webhook && !json.Valid([]byte(text)) {
		return nil, fmt.Errorf("must make JSON (write {{json .Text}} for a text), makes %.80q", text)
	}
	return w, nil
}

// Write makes the text.
func (w *Writer) Write(n *Notice) (string, error) {
	var out limited
	if err := w.template.Execute(&out, n); err != nil {
		return "", err
	}
	return out.String(), nil
}

// Card is what a notice says as plain text.
func Card(n *Notice) string {
	text, err := (&Writer{cardTemplate}).Write(n)
	if err != nil { // too long
		return Line(n.Incident.Title) + "\n" + n.Incident.Link + "\n"
	}
	return text
}

// limited is a buffer that refuses to grow beyond [MaxText].
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > MaxText {
		return 0, fmt.Errorf("%w: at most %d bytes", errLong, MaxText)
	}
	return l.Buffer.Write(p)
}

// sample is a notice to try things with.
func sample() *Notice {
	at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	n := &Notice{News: Test, At: at, Incident: Incident{
		ID: "test", Title: "Test: this is no incident", Sentence: "Somebody tries whether notices of dotm arrive.",
		Status: topology.OK, Opened: at, Causes: []Cause{{"none", "weak", "This is a test."}},
		Confirmed: []Effect{{"none", "this is a test"}}, Predicted: []Effect{{"none", "this is a test"}}, NotVisible: []string{"none"},
	}}
	n.Text = Card(n)
	return n
}

// Sample is a notice of an incident that is none, to see whether it arrives.
func Sample(at time.Time) *Notice {
	n := sample()
	n.At, n.Incident.Opened = at, at
	n.Incident.Causes, n.Incident.Confirmed, n.Incident.Predicted, n.Incident.NotVisible = nil, nil, nil, nil
	n.Text = Card(n)
	return n
}
