package zabbix

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

const (
	// oldAfter is how long a server may not have been heard of until it counts as hung.
	// It tells the database every 5 seconds that it lives.
	oldAfter = time.Minute
	// internalItem is the type of items that Zabbix measures of itself.
	internalItem = 5
	// fewItems is how many of them are asked for.
	fewItems = 50
)

// alive fails if the Zabbix server, which does the work, has stopped or hangs: the
// frontend goes on to show what was found before. Who may see it is told by the server's
// nodes (Super admin, 6.0 and later), else by what Zabbix measures of itself.
func (s *Source) alive(ctx context.Context, r *monitor.Reading) error {
	if s.api.speaks().from(6, 0) && !s.noNodes {
		known, err := s.nodes(ctx, r)
		if known || err != nil {
			return err
		}
	}
	return s.measures(ctx, r)
}

// nodes asks for the nodes of the server: without a cluster there is one, without a
// name. known is false if that may not be seen.
func (s *Source) nodes(ctx context.Context, r *monitor.Reading) (known bool, err error) {
	const active = 3
	var newest, working int64
	n := 0
	params := map[string]any{"output": []string{"lastaccess", "status"}}
	at, err := s.api.call(ctx, list("hanode.get", params, func(j *monitor.JSON) error {
		var seen, status int64
		err := j.Fields(func(name []byte, v monitor.Value) (err error) {
			switch string(name) {
			case "lastaccess":
				seen, err = number(v)
			case "status":
				status, err = number(v)
			}
			return err
		})
		n++
		newest = max(newest, seen)
		if status == active {
			working = max(working, seen)
		}
		return err
	}))
	switch {
	case monitor.ReasonOf(err) == monitor.NoRight:
		s.noNodes = true
		return false, nil
	case err != nil:
		return false, err
	case n == 0 || newest == 0:
		return false, nil // its server never ran, or doesn't tell
	case working == 0:
		return true, &monitor.Error{
			Reason: monitor.NotRunning, Text: "the Zabbix server is stopped, since " + stamp(seconds(newest)),
			Hint: "start zabbix_server: its frontend shows what was found before",
		}
	}
	return true, s.heardOf(r, seconds(working), at, oldAfter)
}

// heardOf notes when the server was last heard of, and refuses what is old. Both times are
// of Zabbix' clocks, but may be of two: whatever they say, one that was heard of since the
// last reading works.
func (s *Source) heardOf(r *monitor.Reading, seen, now time.Time, old time.Duration) error {
	last := s.heard
	s.heard = seen
	r.At, r.Age = seen, max(0, now.Sub(seen))
	if r.Age <= old {
		return nil
	}
	if !last.IsZero() && seen.After(last) {
		r.Age = 0
		return nil
	}
	return &monitor.Error{
		Reason: monitor.OldData, Text: fmt.Sprintf("the Zabbix server has done nothing for %s, since %s", r.Age.Round(time.Second), stamp(seen)),
		Hint: "it hangs or was killed: look whether it runs, and into its log",
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// measures asks when Zabbix measured itself last.
func (s *Source) measures(ctx context.Context, r *monitor.Reading) error {
	params := map[string]any{
		"output": []string{"itemid", "lastclock", "delay"}, "monitored": true, "limit": fewItems,
		"filter": map[string]int{"type": internalItem, "state": 0},
	}
	var (
		newest int64
		often  time.Duration
		n      int
	)
	at, err := s.api.call(ctx, list("item.get", params, func(j *monitor.JSON) error {
		var (
			last  int64
			delay string
		)
		err := j.Fields(func(name []byte, v monitor.Value) (err error) {
			switch string(name) {
			case "lastclock":
				last, err = number(v)
			case "delay":
				delay, err = v.Text()
			}
			return err
		})
		n++
		newest = max(newest, last)
		if d := interval(delay); d > 0 && (often == 0 || d < often) {
			often = d
		}
		return err
	}))
	const hint = "let the login read the host with the template \"Zabbix server health\", or give it a token of a Super admin"
	switch {
	case err != nil && monitor.ReasonOf(err) != monitor.NoRight:
		return err
	case n == 0:
		r.Say("no-health", "whether the Zabbix server works is not seen by this login", hint)
	case newest == 0:
		r.Say("old-data", "Zabbix has measured nothing of itself for a day", "does the Zabbix server run?")
	case often > 0:
		return s.heardOf(r, seconds(newest), at, 3*often+oldAfter)
	}
	return nil
}

// interval is how often an item is measured: "30", "1m", "{$MACRO}"; with times of the
// week behind, "50s;20s/1-5,09:00-18:00". Zero if that doesn't stand there.
func interval(delay string) time.Duration {
	delay, _, _ = strings.Cut(delay, ";")
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}
	unit := time.Second
	if n := len(delay); n > 0 && units[delay[n-1:]] > 0 {
		unit, delay = units[delay[n-1:]], delay[:n-1]
	}
	n, err := strconv.ParseUint(delay, 10, 31)
	if most := uint64(366 * 24 * time.Hour / unit); err != nil || n > most {
		return 0
	}
	return time.Duration(n) * unit
}
