// Package alertmanager reads Prometheus' Alertmanager by its API v2, and takes what
// its webhooks send. An alert becomes a check; there is no check that is fine, since
// what is over is gone from Alertmanager at once.
//
// Source: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
// and https://prometheus.io/docs/alerting/latest/configuration/#webhook_config.
package alertmanager

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

// After a start Alertmanager knows no alert until it is sent again, which Prometheus
// does at least every minute or every fourth part of the time that an alert lasts.
const (
	restarted = 10 * time.Minute // a start so long ago is none that matters
	grace     = 5 * time.Minute  // how long alerts of before are waited for
)

// Source is one Alertmanager.
type Source struct {
	client      *monitor.Client
	rules       *Rules
	pages       string // where people see it
	acknowledge bool
	now         func() time.Time

	started  time.Time         // when what answered last was started
	watchdog bool              // the alert that always fires was there
	last     []alert           // what it said last
	names    map[string]string // by fingerprint
	missing  map[string]alert  // alerts of before a start, not seen since
	until    time.Time         // when these are given up
}

var (
	_ monitor.Source       = (*Source)(nil)
	_ monitor.Acknowledger = (*Source)(nil)
)

// New makes a source. Its URL is that of the pages, with the path that they are below
// (--web.external-url); its query may hold what [RulesOf] takes. What is wrong with
// the options is a [*monitor.OptionError].
func New(opt monitor.Options) (*Source, error) {
	rules, err := RulesOf(opt)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(opt.URL)
	if err != nil {
		return nil, &monitor.OptionError{Field: "url", Rule: "must be a URL", Value: opt.URL}
	}
	u.RawQuery, u.Fragment = "", ""
	path, _, _ := strings.Cut(u.EscapedPath(), "/api/v2")
	u = u.JoinPath() // a copy
	u.RawPath = strings.TrimRight(path, "/")
	if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
		return nil, &monitor.OptionError{Field: "url", Rule: "must be a URL", Value: opt.URL}
	}
	opt.URL = u.String()
	client, err := monitor.NewClient(opt)
	if err != nil {
		return nil, err
	}
	pages := opt.URL
	if opt.Link != "" {
		if pages = monitor.WebLink(opt.Link); pages == "" {
			return nil, &monitor.OptionError{Field: "link", Rule: "must begin with http:// or https:// and name a host", Value: opt.Link}
		}
	}
	return &Source{client: client, rules: rules, pages: strings.TrimRight(pages, "/"), acknowledge: opt.Acknowledge, now: time.Now}, nil
}

// Is says whether an Alertmanager answers a client.
func Is(ctx context.Context, c *monitor.Client) bool {
	_, err := ask(ctx, c)
	return err == nil
}

// status is what an Alertmanager says of itself.
type status struct {
	Cluster json.RawMessage
	Uptime  time.Time `json:"uptime"` // when it was started
	Version struct {
		Version string `json:"version"`
	} `json:"versionInfo"`
}

func ask(ctx context.Context, c *monitor.Client) (*status, error) {
	resp, err := c.Do(ctx, &monitor.Request{Path: "/api/v2/status", Max: 8 << 20})
	if err != nil {
		return nil, hinted(err)
	}
	defer resp.Close()
	return parseStatus(resp.Body)
}

func parseStatus(r io.Reader) (*status, error) {
	var st status
	if err := monitor.NewJSON(r).Decode(&st); err != nil {
		return nil, empty(err)
	}
	if st.Version.Version == "" && len(st.Cluster) == 0 {
		return nil, &monitor.Error{Reason: monitor.NotIt, Text: "the answer is not that of an Alertmanager", Hint: "check kind and url"}
	}
	return &st, nil
}

// empty is the error for an answer that is none.
func empty(err error) error {
	if errors.Is(err, io.EOF) {
		return &monitor.Error{Reason: monitor.NotIt, Text: "Alertmanager answers nothing", Hint: "look into its log, and that of the proxy before it"}
	}
	return err
}

// hinted says where else it may be.
func hinted(err error) error {
	e, ok := errors.AsType[*monitor.Error](err)
	if !ok || e.Reason != monitor.NotThere {
		return err
	}
	if s, ok := errors.AsType[*monitor.StatusError](err); !ok || s.Status < http.StatusBadRequest {
		return err
	}
	out := *e
	out.Hint = "Alertmanager may lie below a path (--web.external-url, --web.route-prefix), which belongs into url; before 0.16 it has no API v2"
	return &out
}

// Read asks for all alerts, silenced and inhibited ones too.
func (s *Source) Read(ctx context.Context) (*monitor.Reading, error) {
	st, err := ask(ctx, s.client)
	if err != nil {
		return nil, err
	}
	r := &monitor.Reading{Program: "Alertmanager", Version: monitor.Clean(st.Version.Version, 100)}
	list, err := s.alerts(ctx, s.rules.slim)
	if err != nil {
		return nil, err
	}
	s.beat(r, list)
	kept := s.remember(r, st.Uptime, list)
	list = append(list, kept...)
	list = s.rules.seen(r, list)
	silences := s.silences(ctx, r, list)
	s.names = s.rules.name(list, s.names)
	for i := range list {
		r.Checks = append(r.Checks, s.rules.check(&list[i], s.names[list[i].Fingerprint], s.pages, silences))
	}
	r.Hosts = s.rules.hosts(list)
	return r, r.Room()
}

// alerts asks for them; each is handed over to be made smaller. They have the same
// order every time.
func (s *Source) alerts(ctx context.Context, slim func(*alert)) ([]alert, error) {
	resp, err := s.client.Get(ctx, "/api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=true", nil)
	if err != nil {
		return nil, hinted(err)
	}
	defer resp.Close()
	return parseAlerts(resp.Body, slim)
}

// parseAlerts reads a list of alerts.
func parseAlerts(r io.Reader, slim func(*alert)) (list []alert, err error) {
	j := monitor.NewJSON(r)
	err = j.Array(func() error {
		var a alert
		if err := j.Decode(&a); err != nil {
			return err
		}
		if len(list) == monitor.MaxChecks {
			return (&monitor.Reading{Checks: make([]mapping.Check, monitor.MaxChecks+1)}).Room()
		}
		if !a.own() {
			a.tidy()
			slim(&a)
			list = append(list, a)
		}
		return nil
	})
	if err != nil {
		return nil, empty(err)
	}
	sort(list)
	return list, nil
}

// beat notes whether the alert that always fires is there: without it nobody knows
// whether silence is good news.
func (s *Source) beat(r *monitor.Reading, list []alert) {
	there := false
	for i := range list {
		there = there || list[i].always()
	}
	switch {
	case there:
		s.watchdog = true
	case s.watchdog:
		r.Say("no-watchdog", "the alert that always fires is gone", "Prometheus may not run, or not reach Alertmanager: then silence is no good news")
	case len(list) == 0:
		r.Say("no-alerts", "there is no alert at all", "have a rule that always fires (Watchdog): then its absence shows that Prometheus is gone")
	}
}

// remember returns the alerts of before a start that may still hold: they were not
// over, and nobody had the time to send them again.
func (s *Source) remember(r *monitor.Reading, started time.Time, list []alert) (kept []alert) {
	now := s.now()
	if !s.started.IsZero() && started.After(s.started) && now.Sub(started) < restarted {
		s.missing = map[string]alert{}
		for _, a := range s.last {
			s.missing[a.Fingerprint] = a
		}
		s.until = now.Add(grace)
	}
	s.started, s.last = started, list
	if now.After(s.until) {
		s.missing = nil
	}
	for i := range list {
		delete(s.missing, list[i].Fingerprint)
	}
	for _, a := range s.missing {
		if a.EndsAt.After(now) {
			kept = append(kept, a)
		}
	}
	if len(kept) > 0 {
		r.Say("restarted", "Alertmanager was started again at "+started.UTC().Format("15:04:05 UTC")+", and has forgotten its alerts", "those of before are kept until Prometheus has had the time to send them again")
	}
	sort(kept)
	return kept
}
