package collect

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// TargetKind is the kind of the documents that keep targets in the store; their
// keys are the targets' URLs, their values a [Target] in JSON.
const TargetKind = "target"

// Target is a node that the server asks, because it doesn't report by itself.
type Target struct {
	// URL says how and where: "text://host:port", "ssh://user@host:port". It is
	// the target's name, in the form that [ParseTarget] gives it.
	URL string `json:"url"`
	// Zone is the part of the site in which the node's addresses mean one thing.
	Zone string `json:"zone"`
	// Name is what the node is called, whatever it says; empty: as it says.
	Name string `json:"name,omitempty"`
	// Added is when somebody added it; zero for those of dotm.yaml.
	Added time.Time `json:"added,omitzero"`
}

// State is how asking a target goes.
type State struct {
	Target
	// Fixed says that dotm.yaml names the target: it can't be removed elsewhere.
	Fixed bool `json:"fixed,omitempty"`
	// Node is the node that answered; empty if none did yet.
	Node string `json:"node"`
	// Tried and Succeeded are when it was asked last, and when it last answered;
	// zero: never since the server started.
	Tried     time.Time `json:"last_try,omitzero"`
	Succeeded time.Time `json:"last_success,omitzero"`
	// Problem is what went wrong at the last try, empty if nothing did, and Kind
	// in one word: see [Kind].
	Problem string `json:"problem,omitempty"`
	Kind    string `json:"kind,omitempty"`
}

// ErrTargetExists refuses to add a target twice.
var ErrTargetExists = errors.New("node is asked already")

// ErrReports refuses to forget a node that would be back at once.
var ErrReports = errors.New("node still reports: stop its agent first")

// ErrRedundant says that a node that is asked reports by itself too.
var ErrRedundant = errors.New("node reports by itself")

// kinds are the ways in which asking a node fails, for programs.
var kinds = []struct {
	err  error
	kind string
}{
	{ErrRedundant, "redundant"},
	{ErrHostKey, "host-key"},
	{ErrRefused, "refused"},
	{ErrSilent, "silent"},
	{ErrTooLarge, "too-large"},
	{ErrNoHostname, "no-hostname"},
	{ErrNoSockets, "no-sockets"},
	{ErrNoAddresses, "no-addresses"},
	{ErrUnreadable, "unreadable"},
	{ErrUnreachable, "unreachable"},
}

// Kind is the way in which asking a node failed, in one word for programs:
// "unreachable", "refused", "host-key", "silent", "too-large", "no-hostname",
// "no-sockets", "no-addresses", "unreadable", "redundant", else "other".
func Kind(err error) string {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.kind
		}
	}
	return "other"
}

// maxURL bounds a target's URL in bytes.
const maxURL = 1024

// TargetError says what is wrong with a target.
type TargetError struct {
	Field string // "url", "zone" or "name"
	Rule  string
	Value string
}

// Error gives the field, the rule and the value.
func (e *TargetError) Error() string { return fmt.Sprintf("%s %s, is %q", e.Field, e.Rule, e.Value) }

// ParseTarget checks a target's URL and gives it the one form that names it: in
// lower case, with its port only where that is not the scheme's own. Passwords
// are refused: they don't belong into what everybody reads. What may stand in
// one of SSH, [ParseSSHAddress] decides. The error is a [*TargetError].
func ParseTarget(raw string) (string, error) {
	scheme, _, _ := strings.Cut(raw, "://")
	switch strings.ToLower(scheme) {
	case "ssh":
		a, err := ParseSSHAddress(raw)
		if err != nil {
			return "", err
		}
		return a.String(), nil
	case "text":
		return parseText(raw)
	}
	return "", &TargetError{"url", "must be like text://host:4848 or ssh://user@host", raw}
}

func parseText(raw string) (string, error) {
	wrong := func(rule string) (string, error) { return "", &TargetError{"url", rule, raw} }
	if len(raw) > maxURL {
		return wrong(fmt.Sprintf("must be at most %d bytes", maxURL))
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return wrong("must be like text://host:4848")
	}
	host, err := cleanHost(u.Hostname())
	switch {
	case err != nil:
		return wrong("must have a host name of letters, digits, '.', '_' and '-', or an address")
	case u.Port() != "" && !isPort(u.Port()):
		return wrong("must have a port of 1 to 65535")
	case u.Path != "" && u.Path != "/", u.Fragment != "":
		return wrong("must end after host and port")
	case u.User != nil || u.RawQuery != "":
		return wrong("must be like text://host:4848, without a user")
	}
	return textURL(host, u.Port()), nil
}

func textURL(host, port string) string {
	switch {
	case port != "" && port != strconv.Itoa(TextPort):
		host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return (&url.URL{Scheme: "text", Host: host}).String()
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

func notInName(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return r != '.' && r != '-' && r != '_'
}

// Scheme is how a target is asked: "text" or "ssh".
func (t *Target) Scheme() string {
	scheme, _, _ := strings.Cut(t.URL, ":")
	return scheme
}
