package alertmanager

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// Rules say what labels mean.
type Rules struct {
	hostLabels []string // the first that an alert has names its host
	severity   string   // the label of that
	statuses   map[string]topology.Status
	ignored    map[string]bool // labels that tell no alert from another
}

// hidden is the status of alerts that are no trouble.
const hidden topology.Status = ""

// DefaultRules are those that fit the usual rules of Prometheus.
func DefaultRules() *Rules {
	r := &Rules{
		hostLabels: []string{"host", "hostname", "nodename", "node", "instance", "pod", "device_name", "target"},
		severity:   "severity",
		statuses:   map[string]topology.Status{},
		ignored:    map[string]bool{},
	}
	r.mean(topology.Critical, "critical", "page", "error", "crit", "fatal", "emergency", "disaster", "high", "major")
	r.mean(topology.Warning, "warning", "warn", "minor", "medium", "average", "low")
	r.mean(hidden, "info", "none", "information", "informational", "notice", "debug", "ok")
	r.ignore("prometheus", "replica", "prometheus_replica", "monitor", "cluster", "env", "environment", "stage", "team", "owner", "region", "datacenter", "dc", "az", "alertgroup", "alertstate", "uid")
	return r
}

func (r *Rules) mean(s topology.Status, values ...string) {
	for _, v := range values {
		r.statuses[strings.ToLower(v)] = s
	}
}

func (r *Rules) ignore(labels ...string) {
	for _, l := range labels {
		r.ignored[l] = true
	}
}

// RulesOf are the rules of a source, from the query of its URL. Each is a list with
// commas; what is not there is as in [DefaultRules]:
//
//	host      the labels that name a host, the first that an alert has counts
//	severity  the label of the severity
//	critical  severities that are critical, beside those of the default
//	warning   severities that are a warning
//	hide      severities of alerts that are not read
//	ignore    labels that don't tell alerts of one name and host apart
//
// What is wrong is a [*monitor.OptionError].
func RulesOf(opt monitor.Options) (*Rules, error) {
	wrong := func(rule, value string) error {
		return &monitor.OptionError{Field: "url", Rule: rule, Value: value}
	}
	u, err := url.Parse(opt.URL)
	if err != nil {
		return nil, wrong("must be a URL", opt.URL)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, wrong("must have a query of NAME=LIST", u.RawQuery)
	}
	r := DefaultRules()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		list := words(query[name])
		if len(list) == 0 || len(list) > 100 {
			return nil, wrong(fmt.Sprintf("must have 1 to 100 words in its query behind %q", name), u.RawQuery)
		}
		if !r.set(name, list) {
			return nil, wrong(`must have nothing in its query but host, severity, critical, warning, hide, ignore`, name)
		}
	}
	return r, nil
}

func words(values []string) (list []string) {
	for _, v := range values {
		for w := range strings.SplitSeq(v, ",") {
			if w = strings.TrimSpace(w); w != "" {
				list = append(list, w)
			}
		}
	}
	return list
}

func (r *Rules) set(name string, list []string) bool {
	switch name {
	case "host":
		r.hostLabels = list
	case "severity":
		r.severity = list[0]
	case "critical":
		r.mean(topology.Critical, list...)
	case "warning":
		r.mean(topology.Warning, list...)
	case "hide":
		r.mean(hidden, list...)
	case "ignore":
		r.ignore(list...)
	default:
		return false
	}
	return true
}

// host is what an alert is about, and the label that says so; both are empty if none
// does.
func (r *Rules) host(a *alert) (name, from string) {
	for _, label := range r.hostLabels {
		value := a.Labels[label]
		if label == "instance" || strings.Contains(value, ":") {
			value, _ = target(value)
		}
		if value = monitor.Clean(value, monitor.MaxName); value != "" {
			return value, label
		}
	}
	return "", ""
}

// status is how bad an alert is; false if its severity is a word that nobody knows.
// One without a severity is unknown.
func (r *Rules) status(a *alert) (topology.Status, bool) {
	word := strings.ToLower(a.Labels[r.severity])
	if word == "" {
		return topology.Unknown, true
	}
	s, ok := r.statuses[word]
	if !ok {
		return topology.Unknown, false
	}
	return s, true
}

// seen are the alerts that are no mere information. Severities that nobody knows are
// noted.
func (r *Rules) seen(reading *monitor.Reading, list []alert) (out []alert) {
	var odd []string
	for i := range list {
		s, known := r.status(&list[i])
		if s == hidden {
			continue
		}
		if word := list[i].Labels[r.severity]; !known && len(odd) < 5 && !slices.Contains(odd, word) {
			odd = append(odd, word)
		}
		out = append(out, list[i])
	}
	if len(odd) > 0 {
		reading.Say("severity", "alerts have a severity that says nothing here: "+monitor.Clean(strings.Join(odd, ", "), 200), "they are shown as UNKNOWN; say what it means in the query of url: ?critical=…&warning=…&hide=…")
	}
	return out
}

// name finds the names of checks, by the fingerprint of their alerts. An alert that
// had a name keeps it; of those of one name and host the first one is called by its
// rule alone, others by the labels that tell them apart as well.
func (r *Rules) name(list []alert, before map[string]string) map[string]string {
	names := make(map[string]string, len(list))
	taken := make(map[[2]string]bool, len(list))
	give := func(a *alert, name string) bool {
		host, _ := r.host(a)
		if name == "" || taken[[2]string{host, name}] {
			return false
		}
		taken[[2]string{host, name}] = true
		names[a.Fingerprint] = name
		return true
	}
	for i := range list {
		give(&list[i], before[list[i].Fingerprint])
	}
	for i := range list {
		a := &list[i]
		if names[a.Fingerprint] == "" && !give(a, r.short(a)) && !give(a, r.long(a)) {
			give(a, monitor.Clean(r.long(a), monitor.MaxName-len(a.Fingerprint)-1)+" "+a.Fingerprint)
		}
	}
	return names
}

// short is the name of an alert's rule.
func (r *Rules) short(a *alert) string {
	if name := monitor.Clean(a.Labels[nameLabel], monitor.MaxName); name != "" {
		return name
	}
	return "alert"
}

// long is the name with all labels that may tell an alert from others of its name and
// host.
func (r *Rules) long(a *alert) string {
	if a.full != "" {
		return a.full
	}
	var b strings.Builder
	b.WriteString(r.short(a))
	_, from := r.host(a)
	for _, label := range slices.Sorted(maps.Keys(a.Labels)) {
		value := a.Labels[label]
		if label == "instance" {
			host, port := target(value)
			if label, value = "port", strconv.FormatUint(uint64(port), 10); port == 0 {
				label, value = "instance", host
			}
		}
		if label == nameLabel || label == from || r.ignored[label] {
			continue
		}
		b.WriteString(" " + label + "=" + value)
	}
	return monitor.Clean(b.String(), monitor.MaxName)
}
