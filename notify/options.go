package notify

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Kind is how a receiver is told.
type Kind string

// The kinds of receiver.
const (
	Webhook      Kind = "webhook"      // an HTTP POST with JSON
	Alertmanager Kind = "alertmanager" // POST /api/v2/alerts
	Email        Kind = "email"        // SMTP
)

// The bounds of [Options.After].
const (
	DefaultAfter = time.Minute
	MaxAfter     = 24 * time.Hour
)

// maxTo is how many addresses an e-mail goes to.
const maxTo = 50

// Options are what is known of one receiver.
type Options struct {
	// Name tells it from others: 1 to 64 bytes of letters, digits, ".", "_", "-".
	Name string `json:"name" yaml:"name"`
	Kind Kind   `json:"kind" yaml:"kind"`
	// URL is http or https; for e-mail smtp://host:port (STARTTLS where the server
	// has it; always if there is a user) or smtps://host:port.
	URL string `json:"url" yaml:"url"`
	// User and Password are a Basic or SMTP login; a password alone is a bearer token.
	User     string `json:"user,omitempty" yaml:"user"`
	Password string `json:"-" yaml:"password"`
	TLS      TLS    `json:"tls,omitzero" yaml:"tls"`
	// From and To are addresses of e-mail.
	From string   `json:"from,omitempty" yaml:"from"`
	To   []string `json:"to,omitempty" yaml:"to"`
	// After is how long an incident or a new first cause stands before it is told.
	// Nil is [DefaultAfter].
	After *topology.Duration `json:"after,omitempty" yaml:"after"`
	// Template is a text/template over [Notice]: the text of an e-mail or of an
	// Alertmanager's description, the whole body of a webhook. Empty is ours.
	Template string `json:"template,omitempty" yaml:"template"`
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

// OptionError says what is wrong with an option.
type OptionError struct {
	Field, Rule string
	Value       string // empty for secrets
}

// Error names the field, the rule and the value.
func (e *OptionError) Error() string {
	if e.Value == "" {
		return e.Field + " " + e.Rule
	}
	return fmt.Sprintf("%s %s, is %q", e.Field, e.Rule, e.Value)
}

// Wait is [Options.After] in force.
func (o *Options) Wait() time.Duration {
	if o.After == nil {
		return DefaultAfter
	}
	return time.Duration(*o.After)
}

var names = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Validate says what is wrong with the options; an [*OptionError] each, joined.
func (o *Options) Validate() error {
	var errs []error
	wrong := func(field, rule, value string) { errs = append(errs, &OptionError{field, rule, value}) }
	if !names.MatchString(o.Name) {
		wrong("name", `must be 1 to 64 letters, digits, ".", "_" or "-"`, o.Name)
	}
	if w := o.Wait(); w < 0 || w > MaxAfter {
		wrong("after", fmt.Sprintf("must be from 0s to %s", MaxAfter), w.String())
	}
	if o.TLS.SkipVerify && o.TLS.CAFile != "" {
		wrong("tls.skip_verify", "can't be set beside tls.ca_file: either somebody is trusted or anybody", "true")
	}
	switch o.Kind {
	case Webhook, Alertmanager:
		errs = append(errs, o.checkURL("http", "https"), o.checkNoMail())
	case Email:
		errs = append(errs, o.checkURL("smtp", "smtps"), o.checkMail())
	default:
		wrong("kind", "must be webhook, alertmanager or email", string(o.Kind))
	}
	if _, err := o.Writer(); err != nil {
		wrong("template", err.Error(), "")
	}
	return errors.Join(errs...)
}

func (o *Options) checkURL(schemes ...string) error {
	u, err := url.Parse(o.URL)
	if err == nil && u.User != nil {
		return &OptionError{"url", "must not hold a login: use user and password", u.Redacted()}
	}
	if err != nil || !slices.Contains(schemes, u.Scheme) || u.Hostname() == "" {
		shown := o.URL
		if i := strings.LastIndexByte(shown, '@'); i >= 0 { // what is before it may be a login
			shown = "xxxxx" + shown[i:]
		}
		return &OptionError{"url", fmt.Sprintf("must begin with %s:// and name a host", strings.Join(schemes, ":// or ")), shown}
	}
	return nil
}

func (o *Options) checkNoMail() error {
	if o.From != "" || len(o.To) > 0 {
		return &OptionError{"from", "and to are for kind email only", o.From}
	}
	return nil
}

func (o *Options) checkMail() error {
	if _, err := mail.ParseAddress(o.From); err != nil {
		return &OptionError{"from", "must be an address: dotm@site.example", o.From}
	}
	if len(o.To) == 0 || len(o.To) > maxTo {
		return &OptionError{"to", fmt.Sprintf("must be 1 to %d addresses", maxTo), strings.Join(o.To, ", ")}
	}
	for i, to := range o.To {
		if _, err := mail.ParseAddress(to); err != nil {
			return &OptionError{fmt.Sprintf("to[%d]", i), "must be an address: oncall@site.example", to}
		}
	}
	if o.User == "" && o.Password != "" {
		return &OptionError{"user", "must be set where there is a password", ""}
	}
	return nil
}
