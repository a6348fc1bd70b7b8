package monitor

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Kind names a kind of monitoring system.
type Kind string

// The kinds. Passive is for results that are handed over by whoever has them.
const (
	Nagios       Kind = "nagios"
	Icinga       Kind = "icinga" // Icinga 1, and Nagios' classic interface with jsonoutput
	Icinga2      Kind = "icinga2"
	Livestatus   Kind = "livestatus"
	Alertmanager Kind = "alertmanager"
	Zabbix       Kind = "zabbix"
	Passive      Kind = "passive"
	// Signals is the kind of the one source that is built in: what dotm itself sees in
	// the sockets. Nobody adds it.
	Signals Kind = "signals"
)

// Kinds are all that people may add.
func Kinds() []Kind {
	return []Kind{Nagios, Icinga, Icinga2, Livestatus, Alertmanager, Zabbix, Passive}
}

// Options say where a monitoring instance is, and how to ask it.
type Options struct {
	// Name tells it from others: 1 to 64 bytes of letters, digits, ".", "_", "-".
	Name string `json:"name" yaml:"name"`
	// Kind may be empty where it can be found out.
	Kind Kind `json:"kind" yaml:"kind"`
	// URL is where it answers: http, https, tcp, unix, or file for a folder or
	// file on this host. Empty for passive ones.
	URL string `json:"url" yaml:"url"`
	// User is empty if there is no login.
	User string `json:"user,omitempty" yaml:"user"`
	// Password is that of the user, or a token where there is no user. It is
	// written once and never read back.
	Password string `json:"password,omitempty" yaml:"password"`
	// Interval is the time between two reads; 0 is [DefaultInterval].
	Interval topology.Duration `json:"interval,omitzero" yaml:"interval"`
	TLS      TLS               `json:"tls,omitzero" yaml:"tls"`
	// Link is where people see it, if that is not the URL.
	Link string `json:"link,omitempty" yaml:"link"`
	// Acknowledge allows to acknowledge from dotm.
	Acknowledge bool `json:"acknowledge,omitempty" yaml:"acknowledge"`
}

// TLS says whom to trust.
type TLS struct {
	// CAFile is a PEM file on the server with who may have signed; empty is the
	// system's.
	CAFile string `json:"ca_file,omitempty" yaml:"ca_file"`
	// ServerName is the name that the certificate must be for, if that is not the
	// URL's host.
	ServerName string `json:"server_name,omitempty" yaml:"server_name"`
	// SkipVerify trusts anybody.
	SkipVerify bool `json:"skip_verify,omitempty" yaml:"skip_verify"`
}

// The bounds of intervals.
const (
	DefaultInterval = 10 * time.Second
	MinInterval     = time.Second
	MaxInterval     = time.Hour
)

// Every is the interval in force.
func (o *Options) Every() time.Duration {
	if o.Interval == 0 {
		return DefaultInterval
	}
	return time.Duration(o.Interval)
}

// OptionError refuses an option.
type OptionError struct {
	Field string // as in the configuration: "url", "tls.ca_file"
	Rule  string // what it must be
	Value string // what it is; empty for secrets
}

// Error names the field, the rule and the value.
func (e *OptionError) Error() string {
	if e.Value == "" {
		return e.Field + " " + e.Rule
	}
	return fmt.Sprintf("%s %s, is %q", e.Field, e.Rule, e.Value)
}

// Validate says what is wrong with the options; an [*OptionError] each, joined.
func (o *Options) Validate() error {
	var errs []error
	wrong := func(field, rule, value string) { errs = append(errs, &OptionError{field, rule, value}) }
	if !validName(o.Name) {
		wrong("name", `must be 1 to 64 letters, digits, ".", "_" or "-"`, o.Name)
	}
	if o.Kind != "" && !known(o.Kind) {
		wrong("kind", "must be one of "+kindList(), string(o.Kind))
	}
	if o.Kind != Passive {
		if rule, bad := o.urlRule(); bad {
			wrong("url", rule, redacted(o.URL))
		}
	}
	if o.Interval != 0 && (time.Duration(o.Interval) < MinInterval || time.Duration(o.Interval) > MaxInterval) {
		wrong("interval", fmt.Sprintf("must be from %s to %s", MinInterval, MaxInterval), time.Duration(o.Interval).String())
	}
	if o.TLS.SkipVerify && o.TLS.CAFile != "" {
		wrong("tls.skip_verify", "can't be set beside tls.ca_file: either somebody is trusted or anybody", "true")
	}
	return errors.Join(errs...)
}

func validName(s string) bool {
	return len(s) >= 1 && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

func known(k Kind) bool {
	for _, one := range Kinds() {
		if one == k {
			return true
		}
	}
	return false
}

func kindList() string {
	names := make([]string, 0, len(Kinds()))
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func (o *Options) urlRule() (rule string, bad bool) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.Scheme == "":
		return "must be an absolute URL such as https://icinga.example:5665", true
	case u.User != nil:
		return "must hold no login: use user and password", true
	}
	switch u.Scheme {
	case "http", "https", "tcp":
		if u.Host == "" {
			return "must name a host", true
		}
	case "unix", "file":
		if u.Path == "" || u.Host != "" {
			return "must name an absolute path: " + u.Scheme + ":///path", true
		}
	default:
		return "must begin with http, https, tcp, unix or file", true
	}
	return "", false
}

// redacted is a URL without the password that somebody wrote into it.
func redacted(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Opaque == "" {
		return u.Redacted()
	}
	// It is no such URL, so nobody knows where in it a login ends: what is before an @ may be one.
	if i := strings.LastIndexByte(raw, '@'); i >= 0 {
		return "xxxxx" + raw[i:]
	}
	return raw
}
