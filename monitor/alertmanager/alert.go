package alertmanager

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// OwnLabel is on every alert that dotm sends itself, whatever its value. What has it
// is never read back.
const OwnLabel = "dotm"

// nameLabel holds the name of an alert's rule.
const nameLabel = "alertname"

// alert is one as the API or a webhook tells it.
type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	UpdatedAt    time.Time         `json:"updatedAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
	Status       state             `json:"status"`

	full string // the name with all labels, once they were dropped
}

// state is how an alert is handled.
type state struct {
	SilencedBy  []string `json:"silencedBy"`
	InhibitedBy []string `json:"inhibitedBy"`
	MutedBy     []string `json:"mutedBy"` // time intervals, since 0.28
}

// own says whether dotm sent it.
func (a *alert) own() bool { return a.Labels[OwnLabel] != "" }

// always says whether it is one that fires for ever, so that its absence is seen.
func (a *alert) always() bool {
	name := strings.ToLower(a.Labels[nameLabel])
	return strings.Contains(name, "watchdog") || strings.Contains(name, "deadman")
}

// tidy gives it a fingerprint if it has none.
func (a *alert) tidy() {
	if a.Fingerprint = monitor.Clean(a.Fingerprint, 64); a.Fingerprint == "" {
		a.Fingerprint = topology.CheckID("", "", fmt.Sprint(a.Labels)) // maps are printed in order
	}
}

// slim drops what is not used of it, so that a reading is not larger than what it
// says.
func (r *Rules) slim(a *alert) {
	a.full = r.long(a)
	text := map[string]string{}
	for _, name := range said {
		if t := a.Annotations[name]; t != "" {
			text[name] = monitor.Clean(t, monitor.MaxOutput)
		}
	}
	labels := map[string]string{}
	for _, list := range [][]string{r.hostLabels, {nameLabel, "instance", "job", r.severity}} {
		for _, name := range list {
			if value, ok := a.Labels[name]; ok {
				labels[name] = strings.Clone(monitor.Clean(value, monitor.MaxName))
			}
		}
	}
	a.Annotations, a.Labels = text, labels
}

// said are the annotations that say what an alert is about, by custom.
var said = []string{"summary", "description", "message", "title"}

// sort orders alerts by age. Of several with one name the oldest has the name.
func sort(list []alert) {
	slices.SortFunc(list, func(a, b alert) int {
		return cmp.Or(a.StartsAt.Compare(b.StartsAt), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
}

// output is what it says, on one line.
func (a *alert) output() string {
	var words []string
	for _, name := range said {
		text := a.Annotations[name]
		if text == "" || slices.Contains(words, text) || len(words) > 0 && name != "description" {
			continue
		}
		words = append(words, text)
	}
	if len(words) == 0 {
		return monitor.Clean(a.Labels[nameLabel], monitor.MaxOutput)
	}
	return monitor.Clean(strings.Join(words, ": "), monitor.MaxOutput)
}

// target is what an instance label names: host:port, a host, or a URL.
func target(instance string) (host string, port uint16) {
	if strings.Contains(instance, "://") {
		u, err := url.Parse(instance)
		if err != nil {
			return "", 0
		}
		if port = number(u.Port()); port == 0 {
			port = map[string]uint16{"http": 80, "https": 443}[u.Scheme]
		}
		return u.Hostname(), port
	}
	if a, err := netip.ParseAddrPort(instance); err == nil {
		return a.Addr().Unmap().String(), a.Port()
	}
	if a, err := netip.ParseAddr(strings.Trim(instance, "[]")); err == nil {
		return a.Unmap().String(), 0
	}
	host, _, _ = strings.Cut(instance, "/")
	if before, after, ok := strings.Cut(host, ":"); ok && number(after) != 0 {
		return before, number(after)
	}
	return host, 0
}

func number(s string) uint16 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

// exporters are ports of exporters beside those of [monitor.ExporterPort], as
// https://github.com/prometheus/prometheus/wiki/Default-port-allocations lists them,
// and ports where something tells of itself beside its own.
var exporters = []uint16{
	9131,                // varnish
	9153,                // CoreDNS' own
	9161,                // oracledb
	9221,                // Proxmox VE
	9253,                // php-fpm
	9273,                // telegraf
	9290,                // ipmi
	9400,                // dcgm
	9427,                // ping
	9547,                // kea
	9558,                // systemd
	9586,                // wireguard
	9633,                // smartctl
	9719,                // pgpool2
	10249, 10250, 10254, // kube-proxy, kubelet, ingress-nginx
}

// measuring are words in the names of jobs whose targets tell of something else.
var measuring = []string{"exporter", "kube-state-metrics", "cadvisor", "kubelet", "pushgateway", "blackbox", "snmp"}

// job is the scrape job, if that says what is looked at.
func (a *alert) job() (name string, measures bool) {
	job := strings.ToLower(a.Labels["job"])
	for _, word := range measuring {
		measures = measures || strings.Contains(job, word)
	}
	if strings.Contains(job, "node") || strings.Contains(job, "kube") { // the host, and not Node.js
		return "", measures
	}
	return monitor.Clean(strings.TrimSuffix(strings.TrimSuffix(job, "_exporter"), "-exporter"), 100), measures
}

// hints are where its instance label says that it looked. host is the check's host,
// and from the label that named it.
func (a *alert) hints(from string) []mapping.Hint {
	host, port := target(a.Labels["instance"])
	if port == 0 {
		return nil
	}
	h := monitor.PortHint("", port, "label instance")
	_, measures := a.job()
	h.Exporter = h.Exporter || measures || slices.Contains(exporters, port)
	if from != "instance" && !h.Exporter {
		h.Address = monitor.Clean(host, monitor.MaxName) // else that of whoever measures the host
	}
	return []mapping.Hint{h}
}

// check makes a check of it.
func (r *Rules) check(a *alert, name, pages string, silences map[string]string) mapping.Check {
	host, from := r.host(a)
	status, _ := r.status(a)
	c := mapping.Check{
		Check: topology.Check{
			Kind: topology.ServiceCheck, Host: host, Name: name, Status: status, Hard: true,
			Acknowledged: len(a.Status.SilencedBy) > 0, Downtime: len(a.Status.MutedBy) > 0, Suppressed: len(a.Status.InhibitedBy) > 0,
			Since: a.StartsAt.UTC(), LastCheck: a.UpdatedAt.UTC(), Output: a.output(), Link: monitor.WebLink(a.GeneratorURL),
		},
		Hints: a.hints(from),
	}
	c.Command, _ = a.job()
	c.Hints = append(c.Hints, monitor.OutputHints(c.Output)...)
	if c.Link == "" && pages != "" {
		c.Link = page(pages, a.Labels[nameLabel])
	}
	for _, id := range a.Status.SilencedBy {
		if who := silences[id]; who != "" {
			c.Output = monitor.Clean(c.Output, monitor.MaxOutput-len(who)-3) + " (" + who + ")"
			break
		}
	}
	return c
}

// page is the list of the alerts of a name in Alertmanager's own pages.
func page(pages, name string) string {
	filter := url.QueryEscape("{" + nameLabel + "=" + strconv.Quote(name) + "}")
	link := pages + "/#/alerts?silenced=true&inhibited=true&active=true&filter=" + strings.ReplaceAll(filter, "+", "%20")
	if len(link) > monitor.MaxLink {
		return ""
	}
	return link
}

// hosts are those that alerts name.
func (r *Rules) hosts(list []alert) (hosts []mapping.Host) {
	seen := map[string]bool{}
	for i := range list {
		name, _ := r.host(&list[i])
		if name == "" || seen[name] {
			continue
		}
		seen[name] = true
		h := mapping.Host{Name: name}
		if _, err := netip.ParseAddr(name); err == nil {
			h.Addresses = []string{name}
		}
		hosts = append(hosts, h)
	}
	return hosts
}
