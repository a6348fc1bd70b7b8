// Package icinga reads the classic interface of Icinga 1, status.cgi with
// jsonoutput. It was written after public samples, and not against a running one.
package icinga

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// oldAfter is how old its data may be before an Icinga counts as hung, unless it
// writes them that seldom.
const oldAfter = time.Minute

// Source is one Icinga 1.
type Source struct {
	client *monitor.Client
	pages  string // the folder of extinfo.cgi as configured; empty for where the CGIs are
	now    func() time.Time
	cgi    string // the CGIs' folder, once found

	// begun is when the status of each check began, as it was first said: it comes
	// as a duration, which would give another moment each time.
	begun map[key]beginning
}

type key struct{ host, name string }

type beginning struct {
	status topology.Status
	at     time.Time
}

var _ monitor.Source = (*Source)(nil)

// New makes a source. Its URL is http or https: of the CGIs, or of the pages they
// belong to (http://host/icinga). What is wrong with the options is a
// [*monitor.OptionError].
func New(opt monitor.Options) (*Source, error) {
	client, err := monitor.NewClient(opt)
	if err != nil {
		return nil, err
	}
	pages, err := monitor.PageFolder(opt.Link)
	if err != nil {
		return nil, err
	}
	return &Source{client: client, pages: pages, now: time.Now}, nil
}

const query = "/status.cgi?style=hostservicedetail&jsonoutput"

// Read asks for all hosts and services, at first in all folders that the CGI may
// be in.
func (s *Source) Read(ctx context.Context) (*monitor.Reading, error) {
	if s.cgi != "" {
		r, err := s.ask(ctx, s.cgi)
		if absent(err) {
			s.cgi = ""
		}
		return r, err
	}
	var first error
	for _, folder := range monitor.CGIFolders(s.client.Base(), "icinga", "icinga-classic", "nagios", "nagios3") {
		r, err := s.ask(ctx, folder)
		switch {
		case err == nil || monitor.ReasonOf(err) == monitor.NotRunning || monitor.ReasonOf(err) == monitor.OldData:
			s.cgi = folder
			return r, err
		case !absent(err) && monitor.ReasonOf(err) != monitor.NotIt:
			return nil, err
		case first == nil || absent(first) && !absent(err):
			first = err
		}
	}
	return nil, first
}

// absent says whether a folder just isn't there.
func absent(err error) bool {
	s, ok := errors.AsType[*monitor.StatusError](err)
	return ok && monitor.ReasonOf(err) == monitor.NotThere && s.Status >= 400
}

// ask reads what a folder's status.cgi says.
func (s *Source) ask(ctx context.Context, folder string) (*monitor.Reading, error) {
	resp, err := s.client.Get(ctx, folder+query, nil)
	if err != nil {
		return nil, hinted(err)
	}
	defer resp.Close()
	a := &answer{r: &monitor.Reading{Program: "Icinga"}, pages: s.pages}
	if a.pages == "" {
		a.pages = folder
	}
	err = a.read(resp.Body)
	switch {
	case errors.Is(err, io.EOF):
		return nil, &monitor.Error{Reason: monitor.NotRunning, Text: "Icinga answers nothing", Hint: "is it stopped? look into its log and that of the web server"}
	case err != nil:
		return nil, err
	}
	at := s.now()
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		at = t // its own clock
	}
	return s.finish(a, at.UTC())
}

// hinted says what it may be if a page comes in the place of JSON.
func hinted(err error) error {
	e, ok := errors.AsType[*monitor.Error](err)
	if !ok || e.Reason != monitor.NotIt || e.Err != nil {
		return err
	}
	return &monitor.Error{Reason: e.Reason, Text: e.Text, Hint: "is that Icinga 1? the status.cgi of Nagios has no JSON: set kind to nagios for that"}
}

// program is what it says of itself.
type program struct {
	Age      int64  `json:"status_data_age"` // seconds
	Every    int64  `json:"status_update_interval"`
	Reads    *flag  `json:"reading_status_data_ok"`
	Version  string `json:"program_version"`
	Zone     string `json:"timezone"`
	Format   string `json:"date_format"`
	Services *flag  `json:"service_checks_being_executed"`
	Hosts    *flag  `json:"host_checks_being_executed"`
}

// flag is a boolean: true, 1, "1", "true".
type flag bool

// UnmarshalJSON takes all of these.
func (f *flag) UnmarshalJSON(b []byte) error {
	word := strings.ToLower(strings.Trim(string(b), `"`))
	*f = flag(word == "true" || word == "1" || word == "yes")
	return nil
}

// finish checks whether the data are good, and turns its times into ours. now is
// the time of the answer.
func (s *Source) finish(a *answer, now time.Time) (*monitor.Reading, error) {
	p := &a.program
	if p.Reads != nil && !bool(*p.Reads) {
		return nil, &monitor.Error{Reason: monitor.NotRunning, Text: "Icinga's status data can't be read by its own pages", Hint: "it is stopped: start it, or look into its log"}
	}
	a.r.Version, a.r.Age = monitor.Clean(p.Version, 100), time.Duration(max(0, min(p.Age, 1<<31)))*time.Second
	a.r.At = now.Add(-a.r.Age)
	if limit := max(oldAfter, 3*time.Duration(min(p.Every, 3600))*time.Second); a.r.Age > limit {
		return nil, &monitor.Error{
			Reason: monitor.OldData,
			Text:   fmt.Sprintf("Icinga has not brought its data up to date for %s, since %s", a.r.Age, a.r.At.Format("2006-01-02 15:04:05 UTC")),
			Hint:   "it hangs or was killed: look whether it runs, and into its log",
		}
	}
	clock := newClock(p.Zone, p.Format, a.raw, now)
	begun := make(map[key]beginning, len(a.raw))
	for i := range a.raw {
		c := &a.r.Checks[i]
		c.LastCheck = clock.time(a.raw[i].lastCheck)
		c.Since = s.since(begun, &c.Check, a.raw[i].duration, now)
		if (c.Status == topology.OK || c.Status == topology.Up) && !c.LastCheck.IsZero() {
			c.LastOK = c.LastCheck
		}
	}
	s.begun = begun
	a.say(clock)
	return a.r, nil
}

// since is when the status of a check began; as long as it says the same, within
// the seconds that a duration is rounded by, that is what it was before.
func (s *Source) since(begun map[key]beginning, c *topology.Check, text string, now time.Time) time.Time {
	const slack = 3 * time.Second
	d, ok := duration(text)
	if !ok || c.Status == topology.Pending {
		return time.Time{}
	}
	k, at := key{c.Host, c.Name}, now.Add(-d).Truncate(time.Second)
	if old, ok := s.begun[k]; ok && old.status == c.Status && old.at.Sub(at).Abs() <= slack {
		at = old.at
	}
	begun[k] = beginning{c.Status, at}
	return at
}

// answer is what status.cgi said.
type answer struct {
	r       *monitor.Reading
	program program
	pages   string
	raw     []raw          // beside each check of r
	hosts   map[string]int // where each is in r
}

// raw is what can be understood only when all is read.
type raw struct{ lastCheck, duration string }

// blanks turns control characters into blanks: older versions write tabs and
// newlines into strings as they are, which is no JSON.
type blanks struct{ r io.Reader }

func (b blanks) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	for i := range p[:n] {
		if p[i] < ' ' {
			p[i] = ' '
		}
	}
	return n, err
}

func (a *answer) read(r io.Reader) error {
	a.hosts = map[string]int{}
	known := false
	j := monitor.NewJSON(blanks{r})
	err := j.Object(func(name string) error {
		switch name {
		case "icinga_status":
			known = true
			return j.Decode(&a.program)
		case "status":
			known = true
			return j.Object(func(name string) error { return a.list(j, name) })
		case "error":
			return failed(j)
		}
		return j.Skip()
	})
	if err == nil && !known {
		return &monitor.Error{Reason: monitor.NotIt, Text: "the answer is not that of Icinga 1's status.cgi", Hint: "check kind and url"}
	}
	return err
}

// failed reads what it says went wrong.
func failed(j *monitor.JSON) error {
	var v json.RawMessage
	if err := j.Decode(&v); err != nil {
		return err
	}
	text := monitor.Clean(strings.Trim(string(v), "{}\""), 300)
	e := &monitor.Error{Reason: monitor.NotIt, Text: "Icinga refuses: " + text, Hint: "look into the log of its web server"}
	switch low := strings.ToLower(text); {
	case strings.Contains(low, "status"):
		e.Reason, e.Hint = monitor.NotRunning, "is it stopped? look into its log"
	case strings.Contains(low, "authori"):
		e.Reason, e.Hint = monitor.NoRight, rights
	}
	return e
}

func (a *answer) list(j *monitor.JSON, name string) error {
	switch name {
	case "host_status", "service_status":
		return j.Array(func() error {
			var e element
			if err := j.Decode(&e); err != nil {
				return err
			}
			return a.add(&e, name == "service_status")
		})
	}
	return j.Skip()
}

// element is a host or a service. Older versions have the shorter names.
type element struct {
	HostName     string `json:"host_name"`
	Host         string `json:"host"`
	HostDisplay  string `json:"host_display_name"`
	ServiceName  string `json:"service_description"`
	Service      string `json:"service"`
	Description  string `json:"description"`
	Status       string `json:"status"`
	LastCheck    string `json:"last_check"`
	Duration     string `json:"duration"`
	StateType    string `json:"state_type"`
	Flapping     flag   `json:"is_flapping"`
	Downtime     flag   `json:"in_scheduled_downtime"`
	Acknowledged flag   `json:"has_been_acknowledged"`
	NotesURL     string `json:"notes_url"`
	Output       string `json:"status_information"`
}

func first(names ...string) string {
	for _, n := range names {
		if n = monitor.Clean(n, monitor.MaxName); n != "" {
			return n
		}
	}
	return ""
}

// add takes one element. A service's host need not be listed itself.
func (a *answer) add(e *element, service bool) error {
	host, name := first(e.HostName, e.Host), ""
	if service {
		name = first(e.ServiceName, e.Service, e.Description)
	}
	if host == "" || service != (name != "") {
		a.r.Say("no-name", "it lists checks without a name", "is that an Icinga 1 of version 1.6 or newer?")
		return nil
	}
	if _, ok := a.hosts[host]; !ok {
		a.hosts[host] = len(a.r.Hosts)
		a.r.Hosts = append(a.r.Hosts, mapping.Host{Name: host, Display: monitor.Clean(e.HostDisplay, monitor.MaxName), Link: monitor.PageLink(a.pages, host, "")})
	}
	c := mapping.Check{Check: topology.Check{
		Kind: topology.HostCheck, Host: host, Name: name, Status: status(e.Status, service), Hard: !strings.EqualFold(e.StateType, "SOFT"),
		Acknowledged: bool(e.Acknowledged), Downtime: bool(e.Downtime), Flapping: bool(e.Flapping),
		Output: monitor.Clean(e.Output, monitor.MaxOutput), Link: monitor.PageLink(a.pages, host, name),
	}}
	if service {
		c.Kind = topology.ServiceCheck
	} else {
		a.r.Hosts[a.hosts[host]].Notes = monitor.WebLink(e.NotesURL)
	}
	if c.Status == topology.Pending {
		c.Hard = true
	}
	c.Hints = monitor.OutputHints(c.Output)
	a.r.Checks = append(a.r.Checks, c)
	a.raw = append(a.raw, raw{e.LastCheck, e.Duration})
	return a.r.Room()
}

// status is the status of a word.
func status(word string, service bool) topology.Status {
	s := topology.Status(strings.ToUpper(strings.TrimSpace(word)))
	ok := s == topology.Up || s == topology.Down || s == topology.Unreachable
	if service {
		ok = s == topology.OK || s == topology.Warning || s == topology.Critical
	}
	if ok || s == topology.Pending {
		return s
	}
	return topology.Unknown
}

const rights = "let the login be a contact of the objects, or name it in authorized_for_all_hosts and authorized_for_all_services of cgi.cfg"

// say notes what looks wrong.
func (a *answer) say(c *clock) {
	switch {
	case len(a.r.Hosts) == 0:
		a.r.Say("no-hosts", "Icinga shows no hosts to this login", rights)
	case len(a.r.Checks) == len(a.r.Hosts):
		a.r.Say("no-services", "Icinga shows hosts, but no services to this login", rights)
	}
	if c.lost > 0 {
		a.r.Say("times-lost", fmt.Sprintf("when %d checks were last looked at can't be understood: date_format is %q", c.lost, monitor.Clean(a.program.Format, 50)), "set date_format=iso8601 in icinga.cfg")
	}
	const hint = "switch them on in Icinga's process information, or in icinga.cfg"
	if f := a.program.Services; f != nil && !bool(*f) {
		a.r.Say("checks-off", "Icinga was told not to check services", hint)
	}
	if f := a.program.Hosts; f != nil && !bool(*f) {
		a.r.Say("host-checks-off", "Icinga was told not to check hosts", hint)
	}
}
