package zabbix

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// severityNames are Zabbix' severities, from 0 on, in small letters.
var severityNames = [...]string{"not classified", "information", "warning", "average", "high", "disaster"}

// hidden is the status of problems that are not shown.
const hidden topology.Status = ""

// severities say what each severity is for us.
type severities [len(severityNames)]topology.Status

// usual are the severities where nothing else is said: information is no trouble, and
// what nobody classified is unknown.
func usual() severities {
	return severities{topology.Unknown, topology.OK, topology.Warning, topology.Warning, topology.Critical, topology.Critical}
}

// of is the status of a severity; one that Zabbix doesn't have is unknown.
func (s *severities) of(severity int64) topology.Status {
	if severity < 0 || severity >= int64(len(s)) {
		return topology.Unknown
	}
	return s[severity]
}

// severitiesOf are those of a source, by the query of its URL: "critical", "warning",
// "unknown", "ok" and "hide" are lists of severities with commas, by number or name. The
// triggers of hidden ones are not read. What is wrong is a [*monitor.OptionError].
func severitiesOf(opt monitor.Options) (severities, error) {
	s := usual()
	wrong := func(rule, value string) error {
		return &monitor.OptionError{Field: "url", Rule: rule, Value: value}
	}
	u, err := url.Parse(opt.URL)
	if err != nil {
		return s, wrong("must be a URL", opt.URL)
	}
	if strings.HasSuffix(u.Path, ".php") && !strings.HasSuffix(u.Path, page) {
		return s, nil // a page that somebody looked at, with a query of its own
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return s, wrong("must have a query of NAME=LIST", u.RawQuery)
	}
	meanings := map[string]topology.Status{"critical": topology.Critical, "warning": topology.Warning, "unknown": topology.Unknown, "ok": topology.OK, "hide": hidden}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		status, known := meanings[name]
		if !known {
			return s, wrong("must have nothing in its query but critical, warning, unknown, ok, hide", name)
		}
		for _, word := range strings.Split(strings.Join(query[name], ","), ",") {
			n := severityNumber(word)
			if n < 0 {
				return s, wrong("must have severities of Zabbix behind "+name+": 0 to 5, or their names", word)
			}
			s[n] = status
		}
	}
	return s, nil
}

// severityNumber is a severity by its number or name; -1 if it is none.
func severityNumber(word string) int {
	word = strings.ToLower(strings.TrimSpace(word))
	if len(word) == 1 && word[0] >= '0' && int(word[0]-'0') < len(severityNames) {
		return int(word[0] - '0')
	}
	return slices.Index(severityNames[:], strings.ReplaceAll(word, "_", " "))
}
