package store

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/signal"
)

// Limits of the settings.
const (
	minAgeing   = time.Second
	minPoll     = 5 * time.Second
	maxPoll     = 24 * time.Hour
	minFrames   = time.Minute
	minBytes    = 16 << 20
	maxDuration = 10 * 365 * 24 * time.Hour
	maxEntries  = 1000
	maxNameLen  = 255
)

// InvalidError is a setting that breaks a rule.
type InvalidError struct {
	Field string // as in JSON: "ageing", "ignored_names[2]"
	Rule  string
	Value string
}

// Error gives the field, the rule and the value.
func (e *InvalidError) Error() string { return fmt.Sprintf("%s %s, is %s", e.Field, e.Rule, e.Value) }

// Validate returns the first broken rule as an [*InvalidError].
func (s *Settings) Validate() error {
	for _, check := range []func() error{
		s.checkDurations, s.checkLengths, s.checkNetworks, s.checkOutside, s.checkAddresses, s.checkChoices, s.checkIgnored, s.checkMapping,
		s.checkSignals,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Settings) checkDurations() error {
	for _, d := range []struct {
		field    string
		value    topology.Duration
		min, max time.Duration
	}{
		{"ageing", s.Ageing, minAgeing, maxDuration},
		{"hide_after", s.HideAfter, 0, maxDuration},
		{"expire_after", s.ExpireAfter, 0, maxDuration},
		{"stale_after", s.StaleAfter, minAgeing, maxDuration},
		{"retention", s.Retention, 0, maxDuration},
		{"key_frames", s.KeyFrames, 0, maxDuration},
		{"ledger_retention", s.LedgerRetention, 0, maxDuration},
		{"audit_retention", s.AuditRetention, 0, maxDuration},
		{"poll_interval", s.PollInterval, minPoll, maxPoll},
		{"check_expiry", s.CheckExpiry, 0, maxDuration},
	} {
		if v := time.Duration(d.value); v < d.min || v > d.max {
			return &InvalidError{d.field, fmt.Sprintf("must be %s to %s", d.min, d.max), v.String()}
		}
	}
	if s.ExpireAfter != 0 && s.ExpireAfter < s.Ageing {
		return &InvalidError{"expire_after", "must be 0s (never) or at least the ageing time, " + time.Duration(s.Ageing).String(), time.Duration(s.ExpireAfter).String()}
	}
	if s.KeyFrames != 0 && time.Duration(s.KeyFrames) < minFrames {
		return &InvalidError{"key_frames", fmt.Sprintf("must be 0s (off) or at least %s", minFrames), time.Duration(s.KeyFrames).String()}
	}
	if s.RetentionBytes != 0 && s.RetentionBytes < minBytes {
		return &InvalidError{"retention_bytes", fmt.Sprintf("must be 0 (no limit) or at least %d", minBytes), strconv.FormatInt(s.RetentionBytes, 10)}
	}
	return nil
}

func (s *Settings) checkSignals() error {
	var rule *signal.RuleError
	if errors.As(s.Signals.Validate(), &rule) {
		return &InvalidError{"signals." + rule.Field, rule.Rule, rule.Value}
	}
	return nil
}

func (s *Settings) checkLengths() error {
	for _, l := range []struct {
		field string
		n     int
	}{
		{"internal_networks", len(s.InternalNetworks)},
		{"outside_networks", len(s.OutsideNetworks)},
		{"virtual_addresses", len(s.VirtualAddresses)},
		{"names", len(s.Names)},
		{"ignored_ports", len(s.IgnoredPorts)},
		{"ignored_names", len(s.IgnoredNames)},
	} {
		if l.n > maxEntries {
			return &InvalidError{l.field, fmt.Sprintf("must have at most %d entries", maxEntries), strconv.Itoa(l.n)}
		}
	}
	return nil
}

const networkRule = "must be a network like 203.0.113.0/24"

func (s *Settings) checkNetworks() error {
	for i, p := range s.InternalNetworks {
		if !p.IsValid() || p.Bits() == 0 {
			return &InvalidError{fmt.Sprintf("internal_networks[%d]", i), networkRule, p.String()}
		}
	}
	return nil
}

// checkOutside refuses also what would make one address belong to two networks.
func (s *Settings) checkOutside() error {
	taken := map[netip.Prefix]string{}
	for i, n := range s.OutsideNetworks {
		field := fmt.Sprintf("outside_networks[%d]", i)
		switch {
		case !isName(n.Name) || n.Name == topology.InternetName:
			return &InvalidError{field + ".name", nameRule, fmt.Sprintf("%q", n.Name)}
		case len(n.Networks) == 0 || len(n.Networks) > maxEntries:
			return &InvalidError{field + ".networks", fmt.Sprintf("must have 1 to %d entries", maxEntries), strconv.Itoa(len(n.Networks))}
		}
		for j, p := range n.Networks {
			at := fmt.Sprintf("%s.networks[%d]", field, j)
			if !p.IsValid() || p.Bits() == 0 {
				return &InvalidError{at, networkRule, p.String()}
			}
			if other, ok := taken[p.Masked()]; ok {
				return &InvalidError{at, "must belong to one name, belongs to " + other + " too", p.String()}
			}
			taken[p.Masked()] = n.Name
		}
	}
	return nil
}

const nameRule = "must be a name of 1 to 255 letters, digits, '.', '_', '-' or blanks"

// isName tells what may stand in a box of the chart and in an address of the
// API.
func isName(s string) bool {
	return s != "" && len(s) <= maxNameLen && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._- ", r)
	})
}

// isPlain tells what may be the name of a node with services, which stands in
// their ids.
func isPlain(s string) bool {
	_, err := netip.ParseAddr(s)
	return err != nil && isName(s) && !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII || r == ' ' })
}

func (s *Settings) checkAddresses() error {
	for _, l := range []struct {
		field string
		list  []NamedAddress
		empty bool // a name may be left out
	}{{"virtual_addresses", s.VirtualAddresses, true}, {"names", s.Names, false}} {
		seen := map[netip.Addr]bool{}
		for i, a := range l.list {
			field := fmt.Sprintf("%s[%d]", l.field, i)
			switch {
			case !a.Address.IsValid() || a.Address.IsUnspecified() || a.Address.IsLoopback():
				return &InvalidError{field + ".address", "must be the address of another host, like 10.0.0.100", a.Address.String()}
			case seen[a.Address]:
				return &InvalidError{field + ".address", "must be listed once", a.Address.String()}
			case l.empty && a.Name != "" && !isPlain(a.Name):
				return &InvalidError{field + ".name", "must be a name of 1 to 255 letters, digits, '.', '_' and '-', and no address", fmt.Sprintf("%q", a.Name)}
			case !l.empty && !isName(a.Name):
				return &InvalidError{field + ".name", nameRule, fmt.Sprintf("%q", a.Name)}
			}
			seen[a.Address] = true
		}
	}
	return nil
}

func (s *Settings) checkChoices() error {
	if !slices.Contains([]NamesBy{NamesByNobody, NamesByHosts, NamesByResolver}, s.NamesBy) {
		return &InvalidError{"names_by", "must be none, hosts or resolver", fmt.Sprintf("%q", s.NamesBy)}
	}
	if !slices.Contains([]InternetSplit{SplitNone, SplitCountry, SplitOwner}, s.InternetSplit) {
		return &InvalidError{"internet_split", "must be none, country or owner", fmt.Sprintf("%q", s.InternetSplit)}
	}
	return nil
}

func (s *Settings) checkMapping() error {
	_, err := mapping.Compile(s.Monitored())
	var wrong *mapping.SettingError
	if errors.As(err, &wrong) {
		rule := wrong.Rule
		if wrong.Err != nil {
			rule += " (" + wrong.Err.Error() + ")"
		}
		return &InvalidError{wrong.Field, rule, fmt.Sprintf("%q", wrong.Value)}
	}
	return err
}

func (s *Settings) checkIgnored() error {
	for i, p := range s.IgnoredPorts {
		if p == 0 {
			return &InvalidError{fmt.Sprintf("ignored_ports[%d]", i), "must be 1 to 65535", "0"}
		}
	}
	for i, n := range s.IgnoredNames {
		if n == "" || len(n) > maxNameLen || strings.ContainsFunc(n, unicode.IsControl) {
			return &InvalidError{fmt.Sprintf("ignored_names[%d]", i), fmt.Sprintf("must be a process name of 1 to %d bytes", maxNameLen), fmt.Sprintf("%q", n)}
		}
	}
	return nil
}
