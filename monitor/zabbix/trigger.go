package zabbix

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

const (
	maxHints  = 8  // of the items of one trigger
	maxGroups = 16 // tags of one trigger
)

// trigger is what becomes a check: a condition that is a problem when it holds.
type trigger struct {
	id       uint64
	name     string // as it is called, with the names of hosts and the like filled in
	said     string // the name with what is measured filled in, if that is part of it
	severity int64
	changed  int64 // when it became a problem or stopped being one
	hosts    []uint64
	needs    []uint64 // triggers that hide it
	groups   []string
	command  string
	hints    []mapping.Hint
	link     string
}

// triggerQuery is what is asked for of the triggers of some hosts. "monitored" leaves out
// what is disabled, be it the trigger, its host or an item.
func triggerQuery(hosts []uint64) map[string]any {
	return map[string]any{
		"hostids": idTexts(hosts), "monitored": true, "expandDescription": true,
		"output":      []string{"triggerid", "description", "priority", "lastchange"},
		"selectHosts": []string{"hostid"}, "selectDependencies": []string{"triggerid"},
		"selectItems": []string{"key_", "interfaceid"}, "selectTags": []string{"tag", "value"},
	}
}

// reader reads triggers. Of many hosts they mostly are the same, and so are kept once.
type reader struct {
	names  map[string]string
	groups map[string][]string
	ways   map[string]*way
	jmx    map[uint64]uint16 // ports of programs, by interface
}

func newReader(hosts []*host) *reader {
	r := &reader{map[string]string{}, map[string][]string{}, map[string]*way{}, map[uint64]uint16{}}
	for _, h := range hosts {
		for _, i := range h.interfaces {
			if i.kind == jmxInterface && i.port != 0 {
				r.jmx[i.id] = i.port
			}
		}
	}
	return r
}

// maxPool is the most that is kept once for all.
const maxPool = 100_000

// pooled is the value that is kept under a key.
func pooled[V any](pool map[string]V, key string, v func() V) V {
	is, ok := pool[key]
	if !ok {
		is = v()
		if len(pool) < maxPool {
			pool[key] = is
		}
	}
	return is
}

// read reads a trigger.
func (r *reader) read(j *monitor.JSON) (*trigger, error) {
	t := &trigger{}
	err := j.Fields(func(name []byte, v monitor.Value) (err error) {
		switch string(name) {
		case "triggerid":
			t.id, err = ident(v)
		case "description":
			var s string
			s, err = text(v, monitor.MaxName)
			t.name = pooled(r.names, s, func() string { return s })
		case "priority":
			t.severity, err = number(v)
		case "lastchange":
			t.changed, err = number(v)
		case "hosts":
			t.hosts, err = idents(v, "hostid")
		case "dependencies":
			t.needs, err = idents(v, "triggerid")
		case "items":
			err = r.items(t, v)
		case "tags":
			err = r.tags(t, v)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if t.id == 0 || t.name == "" {
		return nil, notZabbix("the answer has a trigger without a name or ID")
	}
	return t, nil
}

// idents are the IDs in a field of each element of a list.
func idents(v monitor.Value, field string) (ids []uint64, err error) {
	err = v.Elements(func(one monitor.Value) error {
		return one.Fields(func(name []byte, v monitor.Value) error {
			if string(name) != field {
				return nil
			}
			id, err := ident(v)
			ids = append(ids, id)
			return err
		})
	})
	return ids, err
}

// tags are the groups of a check: tag and value, as Zabbix shows them.
func (r *reader) tags(t *trigger, v monitor.Value) error {
	if string(v) == "[]" {
		return nil
	}
	var list []string
	err := v.Elements(func(one monitor.Value) error {
		var tag, value string
		err := one.Fields(func(name []byte, v monitor.Value) (err error) {
			switch string(name) {
			case "tag":
				tag, err = text(v, monitor.MaxName)
			case "value":
				value, err = text(v, monitor.MaxName)
			}
			return err
		})
		if tag != "" && len(list) < maxGroups {
			list = append(list, strings.TrimSuffix(tag+": "+value, ": "))
		}
		return err
	})
	slices.Sort(list)
	list = slices.Compact(list)
	t.groups = pooled(r.groups, strings.Join(list, "\n"), func() []string { return list })
	return err
}

// way is how something is measured.
type way struct {
	command string
	hints   []mapping.Hint
}

// items finds out how the items of a trigger are measured: the command is the name of
// their key, if they have but one.
func (r *reader) items(t *trigger, v monitor.Value) error {
	first := true
	return v.Elements(func(one monitor.Value) error {
		var (
			key  string
			over uint64
		)
		err := one.Fields(func(name []byte, v monitor.Value) (err error) {
			switch string(name) {
			case "key_":
				key, err = v.Text()
			case "interfaceid":
				over, err = ident(v)
			}
			return err
		})
		if err != nil {
			return err
		}
		w := pooled(r.ways, key, func() *way { return wayOf(key) })
		if first {
			t.command = w.command
		} else if t.command != w.command {
			t.command = ""
		}
		first = false
		hints := w.hints
		if port := r.jmx[over]; port != 0 {
			hints = []mapping.Hint{{Port: port, From: "JMX interface"}}
		}
		t.add(hints)
		return nil
	})
}

// add takes hints over, each once. Those of its first item are shared by all triggers
// that have such an item.
func (t *trigger) add(hints []mapping.Hint) {
	if len(t.hints) == 0 {
		t.hints = slices.Clip(hints)
		return
	}
	for _, h := range hints {
		if len(t.hints) < maxHints && !slices.Contains(t.hints, h) {
			t.hints = append(t.hints, h)
		}
	}
}

// measured is a macro that stands for what is measured, with or without a function. What
// a trigger is called would be another thing with each value.
var measured = regexp.MustCompile(`\{\{ITEM\.[^{}]*\}\.[^{}]*\}|\{ITEM\.[^{}]*\}`)

// macro is any macro, in a text where those of what is measured are cut out.
var macro = regexp.MustCompile(`\{\{[^{}]*\}\.[^{}]*\}|\{[^{}]*\}`)

// steady is what a trigger is called whatever is measured: raw is its description with
// all macros in it, full that with their values.
func steady(raw, full string) string {
	parts := measured.Split(raw, -1)
	if len(parts) == 1 {
		return full
	}
	var pattern strings.Builder
	pattern.WriteString("(?s)^")
	for n, part := range parts {
		if n > 0 {
			pattern.WriteString(".*?")
		}
		literals := macro.Split(part, -1)
		pattern.WriteByte('(')
		for m, l := range literals {
			if m > 0 {
				pattern.WriteString(".*?")
			}
			pattern.WriteString(regexp.QuoteMeta(l))
		}
		pattern.WriteByte(')')
	}
	pattern.WriteByte('$')
	if r, err := regexp.Compile(pattern.String()); err == nil {
		if m := r.FindStringSubmatch(full); m != nil {
			parts = m[1:]
		}
	}
	return clean(strings.Join(parts, "…"))
}

// distinct gives triggers of one name on one host different ones: with their severity
// behind, or with their ID. The oldest keeps it as it is.
func distinct(triggers []*trigger) {
	type place struct {
		host uint64
		name string
	}
	taken := make(map[place]bool, len(triggers))
	free := func(t *trigger, name string) bool {
		return !slices.ContainsFunc(t.hosts, func(h uint64) bool { return taken[place{h, name}] })
	}
	slices.SortFunc(triggers, func(a, b *trigger) int { return cmp.Compare(a.id, b.id) })
	for _, t := range triggers {
		if !free(t, t.name) {
			plain := t.name
			t.said = cmp.Or(t.said, plain)
			if t.name = plain + " (" + severityName(t.severity) + ")"; !free(t, t.name) {
				t.name = plain + " (" + idText(t.id) + ")"
			}
		}
		for _, h := range t.hosts {
			taken[place{h, t.name}] = true
		}
	}
}

func severityName(n int64) string {
	if n < 0 || n >= int64(len(severityNames)) {
		return severityNames[0]
	}
	return severityNames[n]
}
