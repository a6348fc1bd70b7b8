package nagios

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// key names a check; name is empty for a host.
type key struct{ host, name string }

// config is what is configured of the objects. It changes only when Nagios starts.
type config struct {
	objects      map[key]*object
	dependencies []monitor.Dependency
}

// object is what is configured of a host or service.
type object struct {
	host     mapping.Host  // of a host
	interval float64       // between two checks, in units of interval_length; see [builder.unit]
	fresh    time.Duration // how long a result that came by itself is good; 0 for ever
	hints    []mapping.Hint
	groups   []string // sorted
	link     string
}

func newConfig() *config { return &config{objects: map[key]*object{}} }

// get is the object of a key, which is made if there is none.
func (c *config) get(k key) *object {
	o := c.objects[k]
	if o == nil {
		o = &object{}
		c.objects[k] = o
	}
	return o
}

// join puts an object into a group; one that isn't known stays so.
func (c *config) join(k key, group string) {
	o := c.objects[k]
	if group = monitor.Clean(group, monitor.MaxName); o == nil || group == "" {
		return
	}
	if i, found := slices.BinarySearch(o.groups, group); !found {
		o.groups = slices.Insert(o.groups, i, group)
	}
}

// depend notes that a needs b; the same is often declared twice, for notifications
// and for checks.
func (c *config) depend(a, b key, seen map[monitor.Dependency]bool) {
	d := monitor.Dependency{Host: clean(a.host), Name: clean(a.name), ParentHost: clean(b.host), ParentName: clean(b.name)}
	if d.Host == "" || d.ParentHost == "" || seen[d] || len(seen) >= monitor.MaxChecks {
		return
	}
	seen[d] = true
	c.dependencies = append(c.dependencies, d)
}

func clean(name string) string { return monitor.Clean(name, monitor.MaxName) }

// host is what is configured of a host.
type host struct {
	name, alias, display, address, notesURL string
	parents                                 []string
	custom                                  map[string]string // names in upper case, without the underscore
}

// setHost describes a host.
func (c *config) setHost(h *host) *object {
	o := c.get(key{host: clean(h.name)})
	o.host = mapping.Host{Name: clean(h.name), Alias: clean(h.alias), Display: clean(h.display)}
	add := func(address string) {
		if address = monitor.Clean(address, 253); address != "" && !slices.Contains(o.host.Addresses, address) {
			o.host.Addresses = append(o.host.Addresses, address)
		}
	}
	add(h.address)
	for name, value := range h.custom {
		if _, err := netip.ParseAddr(value); err == nil && strings.Contains(name, "ADDRESS") || err == nil && strings.HasSuffix(name, "IP") {
			add(value)
		}
	}
	if len(o.host.Addresses) > 1 {
		slices.Sort(o.host.Addresses[1:]) // those of custom variables have no order
	}
	for _, p := range h.parents {
		o.host.Parents = append(o.host.Parents, clean(p))
	}
	o.host.Notes = notes(h)
	return o
}

// notes is the URL of the notes on a host, its macros replaced.
func notes(h *host) string {
	s := strings.NewReplacer("$HOSTNAME$", h.name, "$HOSTADDRESS$", h.address, "$HOSTALIAS$", h.alias, "$HOSTDISPLAYNAME$", h.display).Replace(h.notesURL)
	return monitor.WebLink(s)
}

// customHints are those of custom variables that name a port: _PORT, _HTTP_PORT.
func customHints(custom map[string]string) (out []mapping.Hint) {
	for name, value := range custom {
		var port uint16
		if _, err := fmt.Sscanf(value, "%d", &port); err == nil && port > 0 && (name == "PORT" || strings.HasSuffix(name, "_PORT")) {
			out = append(out, monitor.PortHint("", port, "custom variable _"+clean(name)))
		}
	}
	slices.SortFunc(out, func(a, b mapping.Hint) int { return strings.Compare(a.From, b.From) })
	return out
}

// state is what Nagios says of a check at one moment.
type state struct {
	key
	status                       topology.Status
	checked, hard, ack, flapping bool
	downtime                     bool
	active                       bool // Nagios itself looks now and then
	output                       string
	since, sinceHard             time.Time
	lastCheck, nextCheck, lastOK time.Time
}

// builder makes a reading of states and configuration.
type builder struct {
	r         *monitor.Reading
	started   time.Time // when Nagios was
	conf      *config
	texts     *monitor.Texts   // what was said before; nil for nothing
	link      func(key) string // to the page of what isn't configured, as far as is known
	intervals []float64        // of one unit of interval_length, in seconds, as far as is seen
	nextLooks []time.Duration
	noText    int
	noName    map[string]int
}

// configured sets the configuration, by which a reading's size is known.
func (b *builder) configured(c *config) {
	b.conf = c
	b.r.Checks = make([]mapping.Check, 0, len(c.objects))
	b.nextLooks = make([]time.Duration, 0, len(c.objects))
}

// add takes one state.
func (b *builder) add(s *state) error {
	s.host, s.name = clean(s.host), clean(s.name)
	o := b.conf.objects[s.key]
	if o == nil {
		o = &object{link: b.page(s.key)}
	}
	c := mapping.Check{Check: topology.Check{
		Kind: topology.ServiceCheck, Host: s.host, Name: s.name, Status: s.status, Hard: s.hard, Acknowledged: s.ack, Downtime: s.downtime,
		Flapping: s.flapping, Since: s.since, LastCheck: s.lastCheck, LastOK: s.lastOK, Output: monitor.Clean(s.output, monitor.MaxOutput), Link: o.link, Groups: o.groups,
	}, Hints: o.hints}
	if s.name == "" {
		c.Kind = topology.HostCheck
		b.addHost(s.host, o)
	}
	if c.Since.IsZero() {
		c.Since = s.sinceHard
	}
	switch good := s.status == topology.OK || s.status == topology.Up; {
	case good && s.checked && c.LastOK.Before(c.LastCheck):
		c.LastOK = c.LastCheck // last_time_ok is one look behind
	case !good && c.LastOK.Sub(b.started).Abs() <= time.Second:
		c.LastOK = time.Time{} // Nagios begins with the belief that all is fine
	}
	if !s.checked {
		c.Status, c.Hard = topology.Pending, true
	} else if c.Output == "" {
		b.noText++
	}
	if said := monitor.OutputHints(c.Output); len(said) > 0 {
		c.Hints = append(slices.Clip(c.Hints), said...)
	}
	b.schedule(&c, s, o)
	b.r.Checks = append(b.r.Checks, c)
	return b.r.Room()
}

// page is the page of a check, or of its host if the check's name was lost.
func (b *builder) page(k key) string {
	if strings.HasPrefix(k.name, lostName) {
		k.name = ""
	}
	if b.link == nil || strings.HasPrefix(k.host, lostName) {
		return ""
	}
	return b.link(k)
}

// addHost takes a host, with what is configured of it.
func (b *builder) addHost(name string, o *object) {
	h := o.host
	h.Name, h.Groups, h.Link = name, o.groups, o.link
	b.r.Hosts = append(b.r.Hosts, h)
}

// maxSeen is how many intervals are looked at to find interval_length.
const maxSeen = 1000

// schedule notes how often a check is made; [builder.finish] turns it into time.
func (b *builder) schedule(c *mapping.Check, s *state, o *object) {
	next := time.Duration(0)
	switch {
	case !s.active:
		c.Interval = topology.Duration(o.fresh)
		b.nextLooks = append(b.nextLooks, -1)
		return
	case s.checked && s.nextCheck.After(s.lastCheck):
		next = s.nextCheck.Sub(s.lastCheck)
	}
	c.Interval = topology.Duration(o.interval * float64(time.Second))
	b.nextLooks = append(b.nextLooks, next)
	if s.hard && next > 0 && o.interval > 0 && len(b.intervals) < maxSeen {
		b.intervals = append(b.intervals, next.Seconds()/o.interval)
	}
}

// unit is interval_length in seconds, which Nagios doesn't tell: 1 or, as most have
// it, 60, by what lies between the last look and the next.
func (b *builder) unit() float64 {
	if len(b.intervals) == 0 {
		return 60
	}
	slices.Sort(b.intervals)
	if b.intervals[len(b.intervals)/2] < 4 {
		return 1
	}
	return 60
}

// finish ends a reading.
func (b *builder) finish() (*monitor.Reading, error) {
	unit := b.unit()
	for i := range b.r.Checks {
		c := &b.r.Checks[i]
		if next := b.nextLooks[i]; next >= 0 {
			c.Interval = topology.Duration(float64(c.Interval) * unit)
			// Out of its hours a check is not late: Nagios means to look later.
			if planned := c.LastCheck.Add(next); time.Duration(c.Interval)*2 < next && planned.After(b.r.At) {
				c.Interval = topology.Duration(next)
			}
		}
	}
	b.r.Dependencies = b.conf.dependencies
	b.say()
	return b.r, nil
}

const rights = "let the login be a contact of the objects, or name it in authorized_for_all_hosts and authorized_for_all_services of cgi.cfg"

// say notes what looks wrong.
func (b *builder) say() {
	services := len(b.r.Checks) - len(b.r.Hosts)
	switch {
	case len(b.r.Hosts) == 0:
		b.r.Say("no-hosts", "Nagios shows no hosts to this login", rights)
	case services == 0:
		b.r.Say("no-services", "Nagios shows hosts, but no services to this login", rights)
	}
	const files = "its JSON loses what is not ASCII: read its files instead (url: file:///var/lib/nagios4)"
	if b.noText > 0 {
		b.r.Say("texts-lost", fmt.Sprintf("the output of %d checks is empty", b.noText), files)
	}
	lost := 0
	for _, n := range b.noName {
		lost += n
	}
	if lost > 0 {
		b.r.Say("names-lost", fmt.Sprintf("%d names of hosts and services are lost", lost), files)
	}
}

// nameless gives a name to what has lost its own; those among the same are numbered
// in the order they come.
func (b *builder) nameless(among string) string {
	if b.noName == nil {
		b.noName = map[string]int{}
	}
	b.noName[among]++
	if n := b.noName[among]; n > 1 {
		return fmt.Sprintf("%s %d)", lostName, n)
	}
	return lostName + ")"
}

const lostName = "(name lost"
