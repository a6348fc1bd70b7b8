// Package livestatus reads Livestatus, the query language of Nagios, Naemon,
// Checkmk and Shinken (MK Livestatus) that Icinga 2 speaks as well, over TCP or a
// unix socket. It has no login: over TCP it belongs onto loopback, into a tunnel, or
// behind TLS.
//
// Source: https://docs.checkmk.com/latest/en/livestatus_references.html, and what
// Icinga 2 answers.
package livestatus

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// defaultPort is where Livestatus listens if nobody says otherwise.
const defaultPort = "6557"

// Source is one Livestatus.
type Source struct {
	at    address
	trust monitor.TLS
	link  string

	status, hosts, services table
}

var (
	_ monitor.Source       = (*Source)(nil)
	_ monitor.Acknowledger = (*Source)(nil)
)

// New makes a source of options; an [*monitor.OptionError] says what is wrong with
// them. The URL is tcp://host:port or unix:///path; over TCP it speaks TLS if any
// of opt.TLS is set.
func New(opt monitor.Options) (*Source, error) {
	at, err := addressOf(opt.URL)
	switch {
	case err != nil:
		return nil, err
	case opt.User != "" || opt.Password != "":
		return nil, &monitor.OptionError{Field: "user", Rule: "must be empty, as the password: Livestatus has no login", Value: opt.User}
	case at.network == "unix" && opt.TLS != (monitor.TLS{}):
		return nil, &monitor.OptionError{Field: "tls", Rule: "must be empty for a unix socket"}
	}
	return &Source{at: at, trust: opt.TLS, link: opt.Link, status: statusTable(), hosts: hostTable(), services: serviceTable()}, nil
}

func addressOf(raw string) (address, error) {
	wrong := func(rule string) (address, error) {
		return address{}, &monitor.OptionError{Field: "url", Rule: rule, Value: raw}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return wrong("must be tcp://host:6557 or unix:///path")
	}
	switch {
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		return address{"unix", u.Path}, nil
	case u.Scheme != "tcp" || u.Hostname() == "":
		return wrong("must be tcp://host:6557 or unix:///path")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return wrong("must have nothing behind the port")
	}
	port := u.Port()
	if port == "" {
		port = defaultPort
	}
	return address{"tcp", net.JoinHostPort(u.Hostname(), port)}, nil
}

func statusTable() table {
	return table{name: "status", must: []string{"program_start"}, may: []string{
		"program_version", "livestatus_version", "interval_length", "execute_host_checks", "execute_service_checks",
	}}
}

// common are the columns that hosts and services share.
func common(more ...string) []string {
	return append([]string{
		"state_type", "has_been_checked", "acknowledged", "scheduled_downtime_depth", "is_flapping", "plugin_output",
		"last_check", "last_state_change", "last_hard_state_change", "check_interval", "active_checks_enabled", "check_command", "groups",
	}, more...)
}

func hostTable() table {
	return table{name: "hosts", must: []string{"name", "state"}, may: common("alias", "display_name", "address", "parents", "last_time_up", "notes_url_expanded")}
}

func serviceTable() table {
	return table{name: "services", must: []string{"host_name", "description", "state"}, may: common("last_time_ok")}
}

// Read asks for the status, the hosts and the services. Each is one query on a
// connection of its own.
func (s *Source) Read(ctx context.Context) (*monitor.Reading, error) {
	in := &reader{reading: &monitor.Reading{}, link: s.link, unit: time.Minute}
	if err := s.read(ctx, &s.status, "", in.status); err != nil {
		return nil, err
	}
	if err := s.read(ctx, &s.hosts, "", in.host); err != nil {
		return nil, err
	}
	if err := s.read(ctx, &s.services, "", in.service); err != nil {
		return nil, err
	}
	in.look()
	return in.reading, nil
}

// reader makes a reading of rows.
type reader struct {
	reading *monitor.Reading
	link    string
	unit    time.Duration // of check_interval
}

// status is the one row of the table status.
func (in *reader) status(r *row) error {
	in.reading.Program, in.reading.Version = program(r.name("program_version"), r.name("livestatus_version"))
	if n, ok := r.number("interval_length"); ok && n >= 1 && n <= 3600 {
		in.unit = time.Duration(n * float64(time.Second))
	}
	for _, what := range []string{"host", "service"} {
		if n, ok := r.number("execute_" + what + "_checks"); ok && n == 0 {
			in.reading.Say("checks-off-"+what, "it runs no checks of "+what+"s", "active checks are switched off in the monitoring as a whole: what it says is what it knew then")
		}
	}
	return nil
}

// program names what answers: Icinga 2 says "r2.13.6-1-icinga2"; all others give
// the version of the core, and that of Livestatus.
func program(version, livestatus string) (name, number string) {
	if v, ok := strings.CutSuffix(version, "-icinga2"); ok {
		return "Icinga 2", strings.TrimPrefix(v, "r")
	}
	for mark, name := range map[string]string{"naemon": "Naemon", "shinken": "Shinken"} {
		if strings.Contains(strings.ToLower(version), mark) {
			return name, version
		}
	}
	if livestatus != "" {
		return "Livestatus", livestatus
	}
	return "Livestatus", version
}

func (in *reader) host(r *row) error {
	name := r.name("name")
	if name == "" {
		return noName("host")
	}
	h := mapping.Host{
		Name: name, Alias: r.name("alias"), Display: r.name("display_name"),
		Groups: r.names("groups"), Parents: r.names("parents"), Link: monitor.PageLink(in.link, name, ""),
		Notes: monitor.WebLink(r.text("notes_url_expanded")),
	}
	if a := r.name("address"); a != "" {
		h.Addresses = []string{a}
	}
	in.reading.Hosts = append(in.reading.Hosts, h)
	c := in.check(r, name, "")
	c.Kind, c.Status, c.LastOK = topology.HostCheck, hostStatus(r), r.time("last_time_up")
	in.reading.Checks = append(in.reading.Checks, c)
	return in.reading.Room()
}

func (in *reader) service(r *row) error {
	host, name := r.name("host_name"), r.name("description")
	if host == "" || name == "" {
		return noName("service")
	}
	c := in.check(r, host, name)
	c.Kind, c.Status, c.LastOK = topology.ServiceCheck, serviceStatus(r), r.time("last_time_ok")
	in.reading.Checks = append(in.reading.Checks, c)
	return in.reading.Room()
}

func noName(of string) error {
	return &monitor.Error{Reason: monitor.NotIt, Text: "the answer of Livestatus has a " + of + " without a name", Hint: "is it a Livestatus of Nagios, Naemon, Checkmk, Shinken or Icinga 2?"}
}

// check is what hosts and services have in common.
func (in *reader) check(r *row, host, name string) mapping.Check {
	output := monitor.Clean(r.text("plugin_output"), monitor.MaxOutput)
	groups := r.names("groups")
	slices.Sort(groups)
	command, _, _ := strings.Cut(r.text("check_command"), "!")
	return mapping.Check{
		Command: monitor.Clean(command, monitor.MaxName),
		Check: topology.Check{
			Host: host, Name: name, Hard: hard(r), Acknowledged: r.truth("acknowledged"), Downtime: r.truth("scheduled_downtime_depth"),
			Flapping: r.truth("is_flapping"), Since: since(r), LastCheck: r.time("last_check"), Interval: in.interval(r),
			Output: output, Link: monitor.PageLink(in.link, host, name), Groups: groups,
		},
		Hints: append(monitor.CommandHints(r.text("check_command")), monitor.OutputHints(output)...),
	}
}

// hard is true where Livestatus doesn't say.
func hard(r *row) bool {
	n, ok := r.number("state_type")
	return !ok || n != 0
}

// since is when the state began. It is 0 for what never left its first one: then
// the moment it became hard is the next best.
func since(r *row) time.Time {
	if t := r.time("last_state_change"); !t.IsZero() {
		return t
	}
	return r.time("last_hard_state_change")
}

// interval is how often the check runs; zero if it waits to be told. A value that
// nobody means is none.
func (in *reader) interval(r *row) topology.Duration {
	n, _ := r.number("check_interval")
	active, known := r.number("active_checks_enabled")
	d := n * float64(in.unit)
	if (known && active == 0) || d < float64(time.Second)/2 || d > float64(366*24*time.Hour) {
		return 0
	}
	return topology.Duration(time.Duration(d).Round(time.Second / 10))
}

// pending says whether it was never checked: the state is then that of a fault, in
// Icinga 2, or of none.
func pending(r *row) bool {
	if n, ok := r.number("has_been_checked"); ok {
		return n == 0
	}
	_, known := r.number("last_check")
	return known && r.time("last_check").IsZero()
}

func hostStatus(r *row) topology.Status {
	return statusOf(r, topology.Up, topology.Down, topology.Unreachable)
}

func serviceStatus(r *row) topology.Status {
	return statusOf(r, topology.OK, topology.Warning, topology.Critical, topology.Unknown)
}

// statusOf is the status by its number, the first of which is 0.
func statusOf(r *row, list ...topology.Status) topology.Status {
	if pending(r) {
		return topology.Pending
	}
	if n, ok := r.number("state"); ok && n >= 0 && int(n) < len(list) {
		return list[int(n)]
	}
	return topology.Unknown
}

// look says what is odd about a reading: nothing is never all well.
func (in *reader) look() {
	services := len(in.reading.Checks) - len(in.reading.Hosts)
	switch {
	case len(in.reading.Hosts) == 0:
		in.reading.Say("no-hosts", "it shows no hosts", "has the monitoring any? is it the right one?")
	case services == 0:
		in.reading.Say("no-services", "it shows hosts and no services", "has the monitoring any? is it the right one?")
	}
}
