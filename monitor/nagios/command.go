package nagios

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/devops-trouble-map/dotm/monitor"
)

// ack is an acknowledgement that can be put into a command: fields on one line,
// separated by semicolons.
type ack struct{ host, name, author, comment string }

func newAck(a monitor.Acknowledgement) (*ack, error) {
	out := &ack{a.Host, a.Name, part(a.Author, 100), part(a.Comment, monitor.MaxOutput)}
	if strings.ContainsAny(a.Host+a.Name, ";\n\r\x00") || a.Host == "" || strings.HasPrefix(a.Name, lostName) {
		return nil, &monitor.Error{Reason: monitor.NotThere, Text: "Nagios can't be told which check that is", Hint: "acknowledge it in Nagios itself"}
	}
	if out.author == "" {
		out.author = "dotm"
	}
	if out.comment == "" {
		out.comment = "acknowledged"
	}
	return out, nil
}

// part is a text that separates nothing.
func part(s string, limit int) string {
	return monitor.Clean(strings.ReplaceAll(s, ";", ","), limit)
}

// text is the comment with who wrote it: Nagios puts the login in an author's place
// (lock_author_names).
func (a *ack) text() string { return a.comment + " (" + a.author + ")" }

// number is that of the command in cmd.cgi.
func (a *ack) number() string {
	if a.name == "" {
		return "33"
	}
	return "34"
}

// acknowledge fills in the form of cmd.cgi. Since Nagios 4.4 that wants to have
// been asked for before: it gives a cookie that must come back as a field, too.
// While nobody reads the command pipe cmd.cgi hangs, so the daemon is looked at
// first.
func (w *web) acknowledge(ctx context.Context, a *ack) (string, error) {
	_, res, err := w.find(ctx)
	if err != nil {
		return "", err
	}
	if err := w.dated(&monitor.Reading{}, res); err != nil {
		return "", err
	}
	form := url.Values{"cmd_typ": {a.number()}, "host": {a.host}}
	if a.name != "" {
		form.Set("service", a.name)
	}
	page, header, err := w.command(ctx, &monitor.Request{Path: w.cgi + "/cmd.cgi?" + form.Encode()})
	if err != nil {
		return "", err
	}
	if err := refusal(page); err != nil {
		return "", err
	}
	for name, value := range map[string]string{
		"cmd_mod": "2", "sticky_ack": "on", "send_notification": "on", "com_author": a.author, "com_data": a.text(), "btnSubmit": "Commit",
	} {
		form.Set(name, value)
	}
	sent := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if id := formID(header); id != "" {
		form.Set("nagFormId", id)
		sent.Set("Cookie", "NagFormId="+id)
	}
	if page, _, err = w.command(ctx, &monitor.Request{Method: http.MethodPost, Path: w.cgi + "/cmd.cgi", Header: sent, Body: []byte(form.Encode())}); err != nil {
		return "", err
	}
	if !strings.Contains(page, "successfully submitted") {
		if err := refusal(page); err != nil {
			return "", err
		}
		return "", &monitor.Error{Reason: monitor.NotIt, Text: "Nagios does not say that it took the command", Hint: "acknowledge it in Nagios itself, and look what it answers"}
	}
	return "cmd.cgi", nil
}

// command asks cmd.cgi, which answers with a page.
func (w *web) command(ctx context.Context, r *monitor.Request) (string, http.Header, error) {
	r.HTML, r.Max = true, 1<<20
	resp, err := w.client.Do(ctx, r)
	if err != nil {
		return "", nil, err
	}
	defer resp.Close()
	page, err := resp.Bytes()
	return string(page), resp.Header, err
}

// formID is the value of the cookie that cmd.cgi gives.
func formID(h http.Header) string {
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if c.Name == "NagFormId" {
			return c.Value
		}
	}
	return ""
}

var (
	errorBox = regexp.MustCompile(`(?is)<div class=['"]error(?:Message|Description)['"]>(.*?)</div>`)
	tags     = regexp.MustCompile(`<[^>]*>`)
)

// refusal is what a page of cmd.cgi says went wrong; nil if it says nothing.
func refusal(page string) error {
	m := errorBox.FindStringSubmatch(page)
	if m == nil {
		return nil
	}
	text := monitor.Clean(html.UnescapeString(tags.ReplaceAllString(m[1], " ")), 200)
	e := &monitor.Error{Reason: monitor.NotIt, Text: "Nagios refuses the command: " + text, Hint: "acknowledge it in Nagios itself"}
	switch low := strings.ToLower(text); {
	case strings.Contains(low, "not authorized"):
		e.Reason, e.Hint = monitor.NoRight, "let the login be a contact of the objects, or name it in authorized_for_all_host_commands and authorized_for_all_service_commands of cgi.cfg"
	case strings.Contains(low, "command file"):
		e.Reason, e.Hint = monitor.NotRunning, "does Nagios run, with check_external_commands=1, and may the web server write its command pipe?"
	}
	return e
}

// acknowledge writes one line into the command pipe.
func (f *files) acknowledge(_ context.Context, a *ack) (string, error) {
	path := f.commands
	if path == "" {
		folder := filepath.Dir(f.status())
		path = first([]string{filepath.Join(folder, "rw"), folder, "/run/icinga2/cmd"}, "nagios.cmd", filepath.Join(folder, "rw", "nagios.cmd"))
	}
	command := fmt.Sprintf("ACKNOWLEDGE_SVC_PROBLEM;%s;%s", a.host, a.name)
	if a.name == "" {
		command = "ACKNOWLEDGE_HOST_PROBLEM;" + a.host
	}
	line := fmt.Sprintf("[%d] %s;2;1;1;%s;%s\n", f.now().Unix(), command, a.author, a.comment)
	pipe, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", noPipe(path, err)
	}
	defer func() { _ = pipe.Close() }()
	if info, err := pipe.Stat(); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return "", &monitor.Error{Reason: monitor.NotThere, Text: path + " is no command pipe", Hint: "say where it is: file:///…?commands=/…/nagios.cmd"}
	}
	if _, err := io.WriteString(pipe, line); err != nil {
		return "", noPipe(path, err)
	}
	return "its command pipe", nil
}

// noPipe says why nobody takes a command.
func noPipe(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENXIO): // a pipe that nobody reads
		return notRunning("Nagios is stopped: nobody reads " + path)
	case errors.Is(err, fs.ErrPermission):
		return &monitor.Error{Reason: monitor.NoRight, Text: path + " may not be written", Hint: "let the server's user write it: add it to the group that Nagios gave it"}
	case errors.Is(err, fs.ErrNotExist):
		return &monitor.Error{Reason: monitor.NotThere, Text: "there is no command pipe " + path, Hint: "say where it is: file:///…?commands=/…/nagios.cmd; Nagios makes it with check_external_commands=1"}
	}
	return &monitor.Error{Reason: monitor.NotRunning, Text: path + " takes no command", Hint: "does Nagios hang?", Err: err}
}
