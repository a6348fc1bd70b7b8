package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
	"github.com/devops-trouble-map/dotm/config"
	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/monitor/alertmanager"
	"github.com/devops-trouble-map/dotm/monitor/icinga"
	"github.com/devops-trouble-map/dotm/monitor/icinga2"
	"github.com/devops-trouble-map/dotm/monitor/livestatus"
	"github.com/devops-trouble-map/dotm/monitor/nagios"
	"github.com/devops-trouble-map/dotm/monitor/zabbix"
)

// newMonitor makes a source of the kind that it is.
func newMonitor(o monitor.Options) (monitor.Source, error) {
	switch o.Kind {
	case monitor.Nagios:
		return nagios.New(o)
	case monitor.Icinga:
		return icinga.New(o)
	case monitor.Icinga2:
		return icinga2.New(o)
	case monitor.Livestatus:
		return livestatus.New(o)
	case monitor.Alertmanager:
		return alertmanager.New(o)
	case monitor.Zabbix:
		return zabbix.New(o)
	case monitor.Passive, monitor.Signals:
	}
	return nil, &monitor.OptionError{Field: "kind", Rule: "must be one that is read", Value: string(o.Kind)}
}

// candidates are the kinds that a URL may be of, the likeliest first.
func candidates(address string) []monitor.Kind {
	switch scheme, _, _ := strings.Cut(address, ":"); scheme {
	case "tcp", "unix":
		return []monitor.Kind{monitor.Livestatus}
	case "file":
		return []monitor.Kind{monitor.Nagios}
	}
	if strings.Contains(strings.ToLower(address), "zabbix") {
		return []monitor.Kind{monitor.Zabbix, monitor.Alertmanager, monitor.Icinga2, monitor.Nagios, monitor.Icinga}
	}
	return []monitor.Kind{monitor.Alertmanager, monitor.Icinga2, monitor.Zabbix, monitor.Nagios, monitor.Icinga}
}

// tryWithin is how long finding out may take for one kind.
const tryWithin = 8 * time.Second

// detectMonitor finds out of which kind a source is, by reading it as each.
func detectMonitor(ctx context.Context, o monitor.Options) (monitor.Kind, error) {
	var best error
	for _, o.Kind = range candidates(o.URL) {
		err := tryMonitor(ctx, o)
		if err == nil {
			return o.Kind, nil
		}
		switch monitor.ReasonOf(err) {
		case monitor.NoConnection, monitor.NoTrust:
			return "", err // of whatever kind it is
		case monitor.NotRunning, monitor.OldData:
			return o.Kind, nil // it is one, if a sick one
		default:
		}
		if best == nil || rank(err) > rank(best) {
			best = err
		}
	}
	return "", fmt.Errorf("no monitoring system that is known here: %w", best)
}

// rank orders what went wrong by how likely it is that the system was right.
func rank(err error) int {
	switch reason := monitor.ReasonOf(err); reason {
	case monitor.NoLogin:
		return 3
	case monitor.NoRight:
		return 2
	case monitor.NotThere:
		return 0
	default:
		return 1
	}
}

func tryMonitor(ctx context.Context, o monitor.Options) error {
	ctx, cancel := context.WithTimeout(ctx, tryWithin)
	defer cancel()
	s, err := newMonitor(o)
	if err != nil {
		return err
	}
	_, err = s.Read(ctx)
	if c, ok := s.(io.Closer); ok {
		_ = c.Close() // a session that stays open harms nobody
	}
	return err
}

// sourcesOf are those of the configuration, with their passwords.
func sourcesOf(cfg *config.Config) ([]monitor.Options, error) {
	var out []monitor.Options
	for i := range cfg.Sources {
		s := &cfg.Sources[i]
		o := s.Options
		switch {
		case s.PasswordFile != "":
			secret, err := flags.ReadSecret(s.PasswordFile)
			if err != nil {
				return nil, fmt.Errorf("sources[%d].password_file: %w", i, err)
			}
			o.Password = secret
		case o.Password == "":
			o.Password = os.Getenv(passwordVariable("SOURCE", o.Name))
		}
		out = append(out, o)
	}
	return out, nil
}

// passwordVariable is the environment variable that may hold the password of
// something that the configuration names: DOTM_SOURCE_OLD_NAGIOS_PASSWORD for the
// source old-nagios.
func passwordVariable(what, name string) string {
	upper := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.", r) {
			return '_'
		}
		return r
	}, strings.ToUpper(name))
	return "DOTM_" + what + "_" + upper + "_PASSWORD"
}

// readAlerts reads what Alertmanager sends to a webhook, by the rules of its source.
func readAlerts(o monitor.Options, body io.Reader) (firing, over []mapping.Check, err error) {
	rules, err := alertmanager.RulesOf(o)
	if err != nil {
		return nil, nil, err
	}
	n, err := rules.Webhook(body)
	if err != nil {
		return nil, nil, err
	}
	return n.Checks, n.Gone, nil
}
