package nagios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// web reads the JSON CGIs, which Nagios has since 4.0.7.
type web struct {
	client *monitor.Client
	pages  string // the folder of extinfo.cgi as configured; empty for where the CGIs are
	old    time.Duration
	cgi    string // the CGIs' folder, once found

	conf    *config
	confFor int64         // the program_start it was read for
	texts   monitor.Texts // of the last reading
}

func newWeb(opt monitor.Options) (*web, error) {
	client, err := monitor.NewClient(opt)
	if err != nil {
		return nil, err
	}
	p, err := monitor.PageFolder(opt.Link)
	if err != nil {
		return nil, err
	}
	return &web{client: client, pages: p, old: oldAfter}, nil
}

// result is the head of every answer. Times are milliseconds since 1970.
type result struct {
	QueryTime      int64  `json:"query_time"`
	ProgramStart   int64  `json:"program_start"`
	LastDataUpdate int64  `json:"last_data_update"`
	TypeCode       int    `json:"type_code"`
	TypeText       string `json:"type_text"`
	Message        string `json:"message"`
}

// milli is a time of the CGIs; 0 is never.
func milli(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// query asks one CGI. data gets the answer's lists: it reads the value of a key, or
// says false. Errors come with HTTP status 200.
func (w *web) query(ctx context.Context, folder, query string, data func(j *monitor.JSON, name string) (bool, error)) (*result, error) {
	resp, err := w.client.Get(ctx, folder+"/"+query, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Close()
	return parse(resp.Body, data)
}

// parse reads an answer.
func parse(r io.Reader, data func(j *monitor.JSON, name string) (bool, error)) (*result, error) {
	var (
		res   result
		known bool
	)
	j := monitor.NewJSON(r)
	err := j.Object(func(key string) error {
		switch key {
		case "result":
			known = true
			if err := j.Decode(&res); err != nil {
				return err
			}
			return res.problem()
		case "data":
			return j.Object(func(name string) error {
				if read, err := data(j, name); read || err != nil {
					return err
				}
				return j.Skip()
			})
		}
		return j.Skip()
	})
	switch {
	case errors.Is(err, io.EOF):
		return nil, notRunning("Nagios is stopped: its CGIs answer nothing")
	case err != nil:
		return nil, err
	case !known:
		return nil, &monitor.Error{Reason: monitor.NotIt, Text: "the answer is not that of Nagios' JSON CGIs", Hint: "check kind and url"}
	}
	return &res, nil
}

// problem is what an answer says went wrong; 0 is success.
func (r *result) problem() error {
	if r.TypeCode == 0 {
		return nil
	}
	return &monitor.Error{
		Reason: monitor.NotIt,
		Text:   fmt.Sprintf("Nagios refuses a query: %s: %s", monitor.Clean(r.TypeText, 100), monitor.Clean(r.Message, 300)),
		Hint:   "look into the log of its web server",
	}
}

// program is what the daemon says of itself.
type program struct {
	Version       string `json:"version"`
	ServiceChecks *bool  `json:"execute_service_checks"`
	HostChecks    *bool  `json:"execute_host_checks"`
}

// find asks for the daemon's state, at first in all folders that the CGIs may be in.
func (w *web) find(ctx context.Context) (*program, *result, error) {
	if w.cgi != "" {
		p, res, err := w.program(ctx, w.cgi)
		if monitor.ReasonOf(err) == monitor.NotThere {
			w.cgi = ""
		}
		return p, res, err
	}
	var first error
	for _, folder := range w.folders() {
		p, res, err := w.program(ctx, folder)
		switch {
		case err == nil || monitor.ReasonOf(err) == monitor.NotRunning:
			w.cgi = folder
			return p, res, err
		case !absent(err) && monitor.ReasonOf(err) != monitor.NotIt:
			return nil, nil, err
		case first == nil || absent(first) && !absent(err):
			first = err
		}
	}
	return nil, nil, w.notFound(first)
}

// folders are where the CGIs may be.
func (w *web) folders() []string {
	return monitor.CGIFolders(w.client.Base(), "nagios4", "nagios")
}

// absent says whether a folder just isn't there.
func absent(err error) bool {
	s, ok := errors.AsType[*monitor.StatusError](err)
	return ok && monitor.ReasonOf(err) == monitor.NotThere && s.Status >= 400
}

// notFound says where the CGIs were looked for.
func (w *web) notFound(err error) error {
	if !absent(err) {
		return err
	}
	return &monitor.Error{
		Reason: monitor.NotThere,
		Text:   "there is no statusjson.cgi in " + monitor.Clean(strings.Join(w.folders(), ", nor in "), 500),
		Hint:   "set url to the folder of Nagios' CGIs; a Nagios before 4.0.7 has none for JSON: read its files (url: file:///...)",
		Err:    errors.Unwrap(err),
	}
}

func (w *web) program(ctx context.Context, folder string) (*program, *result, error) {
	var p program
	res, err := w.query(ctx, folder, "statusjson.cgi?query=programstatus", func(j *monitor.JSON, name string) (bool, error) {
		if name != "programstatus" {
			return false, nil
		}
		return true, j.Decode(&p)
	})
	return &p, res, err
}

// read asks for the state of all, and where Nagios was started again for the
// configuration.
func (w *web) read(ctx context.Context, b *builder) error {
	p, res, err := w.find(ctx)
	if err != nil {
		return err
	}
	b.r.Program, b.r.Version, b.started = "Nagios Core", clean(p.Version), milli(res.ProgramStart)
	if err := w.dated(b.r, res); err != nil {
		return err
	}
	p.say(b.r)
	if err := w.configure(ctx, b, res); err != nil {
		return err
	}
	b.link = w.link
	b.configured(w.conf)
	b.texts = &w.texts
	b.texts.Turn()
	for _, q := range []struct {
		query string
		list  func(b *builder, j *monitor.JSON, name string) (bool, error)
	}{
		{"statusjson.cgi?query=hostlist&details=true", hostList},
		{"statusjson.cgi?query=servicelist&details=true", serviceList},
	} {
		res, err := w.query(ctx, w.cgi, q.query, func(j *monitor.JSON, name string) (bool, error) { return q.list(b, j, name) })
		if err != nil {
			return err
		}
		if err := w.dated(b.r, res); err != nil {
			return err
		}
	}
	return nil
}

// dated notes when Nagios brought its data up to date, and refuses what is old.
// Both times are of its own clock.
func (w *web) dated(r *monitor.Reading, res *result) error {
	r.At, r.Age = milli(res.LastDataUpdate), 0
	if r.At.IsZero() {
		return nil
	}
	if r.Age = max(0, milli(res.QueryTime).Sub(r.At)); r.Age > w.old {
		return tooOld(r.Age, r.At)
	}
	return nil
}

// say notes that Nagios was told not to look.
func (p *program) say(r *monitor.Reading) {
	const hint = "switch them on in Nagios' process information, or in nagios.cfg"
	if p.ServiceChecks != nil && !*p.ServiceChecks {
		r.Say("checks-off", "Nagios was told not to check services", hint)
	}
	if p.HostChecks != nil && !*p.HostChecks {
		r.Say("host-checks-off", "Nagios was told not to check hosts", hint)
	}
}

// configure reads the configuration, if Nagios was started since. If it may not be
// read, the states are good without it.
func (w *web) configure(ctx context.Context, b *builder, res *result) error {
	if w.conf != nil && w.confFor == res.ProgramStart {
		return nil
	}
	conf, err := w.objects(ctx)
	switch reason := monitor.ReasonOf(err); {
	case err == nil:
		w.conf, w.confFor = conf, res.ProgramStart
	case reason == monitor.NoRight || reason == monitor.NotThere || reason == monitor.NotIt:
		w.conf, w.confFor = newConfig(), 0
		b.r.Say("no-objects", "the objects' configuration can't be read: addresses, parents and groups are not known: "+monitor.Clean(err.Error(), 300), "let the login read objectjson.cgi")
	default:
		return err
	}
	return nil
}

// link is the page of a check.
func (w *web) link(k key) string {
	folder := w.pages
	if folder == "" {
		folder = w.cgi
	}
	return monitor.PageLink(folder, k.host, k.name)
}

// stateReader reads what statusjson says of a host or a service, by the names of its
// fields. Only a few of them are needed of very many checks.
type stateReader struct {
	state
	texts              *monitor.Texts
	bits               func(int64) topology.Status
	enabled, scheduled bool
}

// read reads one, which is good until the next.
func (s *stateReader) read(j *monitor.JSON) (*state, error) {
	s.state, s.enabled, s.scheduled = state{}, false, false
	err := j.Fields(s.take)
	s.active = s.enabled && s.scheduled
	return &s.state, err
}

func (s *stateReader) take(name []byte, v monitor.Value) (err error) {
	switch string(name) {
	case "name":
		s.host, err = s.texts.Text(v)
	case "description":
		s.name, err = s.texts.Text(v)
	case "plugin_output":
		s.output, err = s.texts.Text(v)
	case "status":
		var n int64
		n, err = v.Int()
		s.status = s.bits(n)
	case "has_been_checked":
		s.checked, err = v.Bool()
	case "should_be_scheduled":
		s.scheduled, err = v.Bool()
	case "checks_enabled":
		s.enabled, err = v.Bool()
	case "problem_has_been_acknowledged":
		s.ack, err = v.Bool()
	case "is_flapping":
		s.flapping, err = v.Bool()
	case "state_type":
		s.hard, err = positive(v)
	case "scheduled_downtime_depth":
		s.downtime, err = positive(v)
	default:
		err = s.time(name, v)
	}
	return err
}

func positive(v monitor.Value) (bool, error) {
	n, err := v.Int()
	return n > 0, err
}

// time reads one of the times that are needed.
func (s *state) time(name []byte, v monitor.Value) (err error) {
	var to *time.Time
	switch string(name) {
	case "last_check":
		to = &s.lastCheck
	case "next_check":
		to = &s.nextCheck
	case "last_state_change":
		to = &s.since
	case "last_hard_state_change":
		to = &s.sinceHard
	case "last_time_ok", "last_time_up":
		to = &s.lastOK
	default:
		return nil
	}
	n, err := v.Int()
	*to = milli(n)
	return err
}

// hostList reads the states of hosts: a map by their names.
func hostList(b *builder, j *monitor.JSON, name string) (bool, error) {
	if name != "hostlist" {
		return false, nil
	}
	in := &stateReader{texts: b.texts, bits: hostBits}
	return true, j.Object(func(string) error {
		s, err := in.read(j)
		if err != nil {
			return err
		}
		if s.host == "" {
			s.host = b.nameless("\x00hosts")
		}
		s.name = ""
		return b.add(s)
	})
}

// serviceList reads the states of services: a map by host of maps by description,
// in which a key may come twice.
func serviceList(b *builder, j *monitor.JSON, name string) (bool, error) {
	if name != "servicelist" {
		return false, nil
	}
	in := &stateReader{texts: b.texts, bits: serviceBits}
	return true, j.Object(func(host string) error {
		host = b.texts.Of([]byte(host))
		if host == "(null)" {
			host = b.nameless("\x00services")
		}
		return j.Object(func(string) error {
			s, err := in.read(j)
			if err != nil {
				return err
			}
			if s.host = host; s.name == "" {
				s.name = b.nameless(host)
			}
			return b.add(s)
		})
	})
}

// hostBits is the status of a host in statusjson.
func hostBits(bits int64) topology.Status {
	switch bits {
	case 1:
		return topology.Pending
	case 2:
		return topology.Up
	case 4:
		return topology.Down
	case 8:
		return topology.Unreachable
	}
	return topology.Unknown
}

// serviceBits is the status of a service in statusjson.
func serviceBits(bits int64) topology.Status {
	switch bits {
	case 1:
		return topology.Pending
	case 2:
		return topology.OK
	case 4:
		return topology.Warning
	case 16:
		return topology.Critical
	}
	return topology.Unknown // 8, or what isn't known here
}
