package icinga2

import (
	"encoding/json"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// maxDependencies is the most that are kept.
const maxDependencies = 1_000_000

// object is one result of /v1/objects. Numbers come as integers or with a fraction,
// as Icinga 2 likes.
type object struct {
	texts *texts // what was read before; nil for nothing

	name, hostName, display, notesURL, address, address6, command string
	groups                                                        []string

	state, stateType, acknowledgement, downtimeDepth float64
	reachable, flapping, active                      bool
	lastCheck, stateChange, hardStateChange          float64
	lastOK, checkInterval                            float64
	checked                                          bool
	result                                           found

	dependency monitor.Dependency
}

// found is what a check found, as it is listed. Nothing else of it is kept: it names
// files and may hold secrets.
type found struct {
	output  string
	end     float64
	command monitor.Value // good until the next is read
}

// read reads one result of a list: its attributes are all that counts.
func (o *object) read(j *monitor.JSON) error {
	return j.Fields(func(name []byte, v monitor.Value) error {
		if string(name) != "attrs" {
			return nil
		}
		return v.Fields(o.take)
	})
}

// take takes an attribute.
func (o *object) take(name []byte, v monitor.Value) (err error) {
	if text := o.text(name); text != nil {
		*text, err = o.texts.name(v)
		return err
	}
	if number := o.number(name); number != nil {
		*number, err = v.Float()
		return err
	}
	switch string(name) {
	case "last_reachable":
		o.reachable, err = v.Bool()
	case "flapping":
		o.flapping, err = v.Bool()
	case "enable_active_checks":
		o.active, err = v.Bool()
	case "groups":
		o.groups, err = o.texts.names(v)
	case "last_check_result":
		if string(v) != "null" {
			o.checked = true
			err = v.Fields(o.takeResult)
		}
	}
	return err
}

// text is where an attribute goes that is one; nil if it is none.
func (o *object) text(name []byte) *string {
	switch string(name) {
	case "name":
		return &o.name
	case "host_name":
		return &o.hostName
	case "display_name":
		return &o.display
	case "notes_url":
		return &o.notesURL
	case "address":
		return &o.address
	case "address6":
		return &o.address6
	case "check_command":
		return &o.command
	case "parent_host_name":
		return &o.dependency.ParentHost
	case "parent_service_name":
		return &o.dependency.ParentName
	case "child_host_name":
		return &o.dependency.Host
	case "child_service_name":
		return &o.dependency.Name
	}
	return nil
}

// number is where an attribute goes that is one; nil if it is none.
func (o *object) number(name []byte) *float64 {
	switch string(name) {
	case "state":
		return &o.state
	case "state_type":
		return &o.stateType
	case "acknowledgement":
		return &o.acknowledgement
	case "downtime_depth":
		return &o.downtimeDepth
	case "last_check":
		return &o.lastCheck
	case "last_state_change":
		return &o.stateChange
	case "last_hard_state_change":
		return &o.hardStateChange
	case "last_state_up", "last_state_ok":
		return &o.lastOK
	case "check_interval":
		return &o.checkInterval
	}
	return nil
}

// takeResult takes an attribute of a result.
func (o *object) takeResult(name []byte, v monitor.Value) (err error) {
	switch string(name) {
	case "output":
		o.result.output, err = o.texts.text(v)
		o.result.output = monitor.Clean(o.result.output, monitor.MaxOutput)
	case "execution_end":
		o.result.end, err = v.Float()
	case "command":
		o.result.command = v
	}
	return err
}

// commandLine is what was run, the folder of the plugin left out, since it says
// nothing. It comes as a list of words, as one line, or as null.
type commandLine string

// UnmarshalJSON takes it as [monitor.CommandHints] reads it; something else is none.
func (c *commandLine) UnmarshalJSON(text []byte) error {
	var words []string
	if json.Unmarshal(text, &words) != nil {
		var line string
		_ = json.Unmarshal(text, &line) // or it is null
		words = strings.Fields(line)
	}
	if *c = ""; len(words) > 0 {
		words[0] = path.Base(words[0])
		*c = commandLine(strings.Join(words, " "))
	}
	return nil
}

// stateAttrs are the attributes of hosts and services alike.
func stateAttrs(more ...string) []string {
	return append([]string{
		"name", "groups", "state", "state_type", "acknowledgement", "downtime_depth", "flapping", "last_check",
		"last_check_result", "last_state_change", "last_hard_state_change", "check_interval", "enable_active_checks", "check_command",
	}, more...)
}

func hostAttrs() []string {
	return stateAttrs("display_name", "address", "address6", "notes_url", "last_reachable", "last_state_up")
}

func serviceAttrs() []string { return stateAttrs("host_name", "last_state_ok") }

func dependencyAttrs() []string {
	return []string{"parent_host_name", "parent_service_name", "child_host_name", "child_service_name"}
}

func clean(name string) string { return monitor.Clean(name, monitor.MaxName) }

// host is an object as a host. Its parents are among the dependencies.
func (o *object) host(link string) mapping.Host {
	h := mapping.Host{Name: o.name, Groups: o.groups, Link: monitor.PageLink(link, o.name, ""), Notes: o.notes()}
	if o.display != o.name {
		h.Display = o.display
	}
	for _, a := range []string{o.address, o.address6} {
		if a != "" {
			h.Addresses = append(h.Addresses, a)
		}
	}
	return h
}

// notes is the link to what people wrote about a host. Icinga 2 leaves it to the
// reader to put the usual values in.
func (o *object) notes() string {
	values := strings.NewReplacer(
		"$host.name$", o.name, "$host.display_name$", o.display,
		"$host.address$", o.address, "$address$", o.address, "$host.address6$", o.address6, "$address6$", o.address6,
	)
	return monitor.WebLink(values.Replace(o.notesURL))
}

// hostCheck is the state of a host; before is how it was read the last time, nil if it
// was not.
func (o *object) hostCheck(link string, before *held) (mapping.Check, held) {
	c, h := o.check(link, o.name, "", before)
	c.Kind, c.Status = topology.HostCheck, hostStatus(o.checked, o.state, o.reachable)
	return c, h
}

// serviceCheck is the state of a service.
func (o *object) serviceCheck(link string, before *held) (mapping.Check, held) {
	c, h := o.check(link, o.hostName, o.name, before)
	c.Kind, c.Status = topology.ServiceCheck, serviceStatus(o.checked, o.state)
	return c, h
}

// check is what hosts and services have in common.
func (o *object) check(link, host, name string, before *held) (mapping.Check, held) {
	h := held{end: o.result.end}
	if before != nil && before.base == link {
		h.words, h.base, h.link = before.words, link, before.link
	} else {
		h.base, h.link = link, monitor.PageLink(link, host, name)
	}
	c := mapping.Check{Command: o.command, Check: topology.Check{
		Host: host, Name: name, Hard: o.stateType != 0, Acknowledged: o.acknowledgement != 0, Downtime: o.downtimeDepth > 0,
		Flapping: o.flapping, Since: o.since(), LastCheck: seconds(o.lastCheck), LastOK: seconds(o.lastOK), Interval: o.interval(),
		Link: h.link, Groups: o.groups, Output: o.result.output,
	}}
	if o.checked {
		h.words = o.result.words(h.words)
		c.Hints = h.words.hints
	}
	return c, h
}

// words are what tells where a check looked, its command line and its output. They are never
// written again.
type words struct {
	line, output string
	command      []mapping.Hint
	hints        []mapping.Hint // with those of the output
}

// words are read anew as far as they are others than before, which may be nil.
func (f *found) words(before *words) *words {
	if before != nil && before.line == string(f.command) && before.output == f.output {
		return before
	}
	s := &words{output: f.output}
	if before != nil && before.line == string(f.command) {
		s.line, s.command = before.line, before.command
	} else {
		var line commandLine
		_ = line.UnmarshalJSON(f.command) // it never fails
		s.line, s.command = string(f.command), monitor.CommandHints(string(line))
	}
	s.hints = slices.Concat(s.command, monitor.OutputHints(s.output))
	return s
}

// since is when the state began. It is 0 for what never left its first one: then
// the moment it became hard is the next best.
func (o *object) since() time.Time {
	if t := seconds(o.stateChange); !t.IsZero() {
		return t
	}
	return seconds(o.hardStateChange)
}

// interval is how often the check runs; zero if it waits to be told. A value that
// nobody means is none.
func (o *object) interval() topology.Duration {
	const most = 366 * 24 * 3600
	if s := o.checkInterval; o.active && s >= 0.1 && s <= most {
		return topology.Duration(math.Round(s*1000)) * topology.Duration(time.Millisecond)
	}
	return 0
}

// hostStatus is that of a host. What was never checked is first: its state says
// DOWN. Icinga 2 has no state for a host that can't be reached, but says so.
func hostStatus(checked bool, state float64, reachable bool) topology.Status {
	switch {
	case !checked:
		return topology.Pending
	case state == 0:
		return topology.Up
	case !reachable:
		return topology.Unreachable
	}
	return topology.Down
}

// serviceStatus is that of a service. What was never checked is first: its state
// says UNKNOWN.
func serviceStatus(checked bool, state float64) topology.Status {
	if !checked {
		return topology.Pending
	}
	switch state {
	case 0:
		return topology.OK
	case 1:
		return topology.Warning
	case 2:
		return topology.Critical
	}
	return topology.Unknown
}
