package notify

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/topology"
)

var update = flag.Bool("update", false, "write the golden files anew")

// night is an incident as people get it.
func night() *Notice {
	at := time.Date(2026, 3, 1, 2, 13, 40, 0, time.UTC)
	return &Notice{News: Opened, At: at.Add(time.Minute), Incident: Incident{
		ID: "k3j2", Title: "postgres on db1 is CRITICAL", Sentence: "connection refused. 9 of 11 alerts and signals are consistent with it.",
		Status: topology.Critical, Opened: at,
		Causes: []Cause{
			{"db1 postgres:5432", "strong", "CRITICAL since 02:13; 9 of 11 alerting services reach it"},
			{"db1", "weak", "its last OK was before any other went bad"},
		},
		Confirmed:  []Effect{{"web1 php-fpm", "CRITICAL since 02:14"}, {"web2 php-fpm", "CRITICAL since 02:14"}},
		Predicted:  []Effect{{"cron1 reports", "it has called db1 postgres:5432 every hour"}},
		NotVisible: []string{"db2 has not reported since 02:10"},
		Link:       "https://map.example/#/incidents/k3j2",
	}}
}

func TestCard(t *testing.T) {
	over := night()
	over.News, over.Incident.Ended = Resolved, over.Incident.Opened.Add(11*time.Minute+20*time.Second)
	bare := &Notice{News: Opened, Incident: Incident{Title: "two\r\nBcc: all@x.example\x1b[31m\u202e", Sentence: "?", Opened: over.At}}
	for i := range 30 {
		bare.Incident.Confirmed = append(bare.Incident.Confirmed, Effect{Component: fmt.Sprint("web", i)})
	}
	for name, n := range map[string]*Notice{"opened": night(), "resolved": over, "hostile": bare} {
		t.Run(name, func(t *testing.T) {
			path := "testdata/" + name + ".txt"
			got := Card(n)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCardHasALimit(t *testing.T) {
	n := night()
	n.Incident.Sentence = strings.Repeat("x", MaxText)
	if got := Card(n); got != "postgres on db1 is CRITICAL\nhttps://map.example/#/incidents/k3j2\n" {
		t.Errorf("%.100q", got)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\r\nb")
	f.Add("\u2028\u202e\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Line(s)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\t\x00\u2028\u202e") || strings.TrimSpace(got) != got {
			t.Errorf("%q is %q", s, got)
		}
	})
}

func TestOptions(t *testing.T) {
	long, short := topology.Duration(25*time.Hour), topology.Duration(-1)
	hook := Options{Name: "hook", Kind: Webhook, URL: "https://chat.example/in"}
	post := Options{Name: "post", Kind: Email, URL: "smtp://mail.example:587", From: "dotm@site.example", To: []string{"oncall@site.example"}}
	with := func(o Options, change func(*Options)) Options { change(&o); return o }
	for name, c := range map[string]struct {
		Options
		want string
	}{
		"webhook":         {hook, ""},
		"alertmanager":    {with(hook, func(o *Options) { o.Kind = Alertmanager }), ""},
		"e-mail":          {post, ""},
		"no name":         {with(hook, func(o *Options) { o.Name = "" }), `name must be 1 to 64 letters, digits, ".", "_" or "-"`},
		"another kind":    {with(hook, func(o *Options) { o.Kind = "pager" }), `kind must be webhook, alertmanager or email, is "pager"`},
		"no URL":          {with(hook, func(o *Options) { o.URL = "chat.example" }), `url must begin with http:// or https:// and name a host, is "chat.example"`},
		"a login in it":   {with(hook, func(o *Options) { o.URL = "https://u:secret@chat.example" }), `url must not hold a login: use user and password, is "https://u:xxxxx@chat.example"`},
		"a login in none": {with(hook, func(o *Options) { o.URL = "https://u:sec ret@[chat.example/secret@x" }), `url must begin with http:// or https:// and name a host, is "xxxxx@x"`},
		"mail by http":    {with(post, func(o *Options) { o.URL = "http://mail.example" }), `url must begin with smtp:// or smtps:// and name a host, is "http://mail.example"`},
		"no sender":       {with(post, func(o *Options) { o.From = "dotm" }), `from must be an address: dotm@site.example, is "dotm"`},
		"nobody":          {with(post, func(o *Options) { o.To = nil }), `to must be 1 to 50 addresses`},
		"half an address": {with(post, func(o *Options) { o.To = []string{"a@b.example", "x"} }), `to[1] must be an address: oncall@site.example, is "x"`},
		"mail by webhook": {with(hook, func(o *Options) { o.To = []string{"a@b.example"} }), `from and to are for kind email only`},
		"password alone":  {with(post, func(o *Options) { o.Password = "p" }), `user must be set where there is a password`},
		"too late":        {with(hook, func(o *Options) { o.After = &long }), `after must be from 0s to 24h0m0s, is "25h0m0s"`},
		"before":          {with(hook, func(o *Options) { o.After = &short }), `after must be from 0s to 24h0m0s, is "-1ns"`},
		"two trusts":      {with(hook, func(o *Options) { o.TLS = TLS{CAFile: "x", SkipVerify: true} }), `tls.skip_verify can't be set beside tls.ca_file: either somebody is trusted or anybody, is "true"`},
		"a template":      {with(hook, func(o *Options) { o.Template = `{"text": {{json .Text}}, "to": {{json .Incident.Title}}}` }), ""},
		"no JSON":         {with(hook, func(o *Options) { o.Template = `{"text": "{{.Text}}"}` }), `template must make JSON`},
		"no such field":   {with(post, func(o *Options) { o.Template = `{{.Incident.Wrong}}` }), `template template: template:1:11: executing "template" at <.Incident.Wrong>: can't evaluate field Wrong`},
		"no template":     {with(post, func(o *Options) { o.Template = `{{` }), `template template: template:1: unclosed action`},
		"without an end": {with(post, func(o *Options) {
			o.Template = `{{range $i, $c := .Text | printf "%70000s"}}{{end}}{{printf "%70000s" .Text}}`
		}), `template template`},
		"text in a letter": {with(post, func(o *Options) { o.Template = `{{.Incident.Title}} at {{utc .At}}` }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.Validate()
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "sec") {
				t.Error("the error tells a secret")
			}
		})
	}
}
