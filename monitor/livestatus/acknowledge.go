package livestatus

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// How long, and how often, it is looked whether an acknowledgement shows: the core
// takes commands when it has time.
const (
	showTime = 5 * time.Second
	lookTime = 100 * time.Millisecond
)

// Acknowledges says what Acknowledge does.
func (s *Source) Acknowledges() string { return "acknowledges by Livestatus at " + s.at.String() }

// Acknowledge has the core acknowledge a problem until its state changes, without
// telling anybody. Commands have no answer: it looks whether it shows.
func (s *Source) Acknowledge(ctx context.Context, a monitor.Acknowledgement) (string, error) {
	for field, text := range map[string]string{"host": a.Host, "name": a.Name} {
		if strings.ContainsAny(text, ";\n\r") {
			return "", fmt.Errorf("acknowledging %q: the %s must hold no \";\" and no line break, Livestatus knows no way to write that", a.Host+"!"+a.Name, field)
		}
	}
	state, acked, err := s.problem(ctx, a)
	switch {
	case err != nil:
		return "", err
	case acked:
		return "is acknowledged already", nil
	case state == 0:
		return "", fmt.Errorf("acknowledging %s: it is no problem any more", called(a))
	}
	if err := s.command(ctx, command(a)); err != nil {
		return "", err
	}
	return s.shows(ctx, a)
}

// called is how people call it.
func called(a monitor.Acknowledgement) string {
	if a.Name == "" {
		return a.Host
	}
	return a.Name + " of " + a.Host
}

// problem asks how one check is.
func (s *Source) problem(ctx context.Context, a monitor.Acknowledgement) (state float64, acknowledged bool, err error) {
	t := table{name: "hosts", must: []string{"state", "acknowledged"}}
	filter := "Filter: name = " + a.Host + "\n"
	if a.Name != "" {
		t.name = "services"
		filter = "Filter: host_name = " + a.Host + "\nFilter: description = " + a.Name + "\n"
	}
	found := false
	err = s.read(ctx, &t, filter, func(r *row) error {
		found = true
		state, _ = r.number("state")
		acknowledged = r.truth("acknowledged")
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("acknowledging %s: the monitoring does not know it any more", called(a))
	}
	return state, acknowledged, err
}

// command is the external command of Nagios: not sticky (1), nobody is notified,
// and the comment outlives a restart. ";" separates all but the last. Without an
// author or a comment it would be thrown away.
func command(a monitor.Acknowledgement) string {
	author := cmp.Or(strings.ReplaceAll(monitor.Clean(a.Author, monitor.MaxName), ";", ","), "dotm")
	comment := cmp.Or(monitor.Clean(a.Comment, monitor.MaxOutput), "acknowledged from dotm")
	what := "ACKNOWLEDGE_HOST_PROBLEM;" + a.Host
	if a.Name != "" {
		what = "ACKNOWLEDGE_SVC_PROBLEM;" + a.Host + ";" + a.Name
	}
	return what + ";1;0;1;" + author + ";" + comment
}

func (s *Source) command(ctx context.Context, text string) error {
	w, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	return w.send(fmt.Sprintf("COMMAND [%d] %s\n", time.Now().Unix(), text))
}

// shows looks until the acknowledgement is there.
func (s *Source) shows(ctx context.Context, a monitor.Acknowledgement) (string, error) {
	tick := time.NewTicker(lookTime)
	defer tick.Stop()
	for late := time.After(showTime); ; {
		if _, acked, err := s.problem(ctx, a); err != nil || acked {
			return "acknowledged until its state changes", err
		}
		select {
		case <-tick.C:
		case <-late:
			return "", &monitor.Error{Reason: monitor.NoRight, Text: "the acknowledgement was sent and does not show", Hint: "does the monitoring take external commands (check_external_commands=1)?"}
		case <-ctx.Done():
			return "", s.lost(ctx, ctx.Err())
		}
	}
}
