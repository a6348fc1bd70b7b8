package export

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// Definitions are what monitoring systems read: who needs whom, as the traffic says it.
type Definitions string

// The kinds of definitions.
const (
	Icinga2Dependencies   Definitions = "icinga2-dependencies"
	NagiosDependencies    Definitions = "nagios-dependencies"
	IcingaBusinessProcess Definitions = "icinga-business-process"
)

// maxDefined is how many dependencies a file has at most.
const maxDefined = 20_000

// Monitored is a host or a service of one monitoring system, with what it is about.
type Monitored struct {
	Source     string // the system
	Host, Name string // as it is called there; of a host Name is empty
	Node       string
	Service    string // empty for the node as a whole
	// Rule is why: see [topology.Mapping].
	Rule string
}

// Defined counts what was written, and says what was not, and why.
type Defined struct {
	Dependencies int
	Left         []string
}

// Define writes definitions of who needs whom. The chart is on level service, known are
// the checks of one monitoring system. Who needs is the check on the service whose
// process calls, or the host of a node on whose services there is no check at all; what
// is needed is the check on the service that is called, or the host if there is none.
// Of several checks on a service that counts which is surest about it. What serves
// everyone, observers and edges without direction make no dependency. Where the traffic
// goes round, the youngest dependency is left out. The same chart and checks give the
// same bytes.
func Define(w io.Writer, kind Definitions, c *Chart, known []Monitored) (*Defined, error) {
	if c.Level != view.LevelService {
		return nil, fmt.Errorf("%s is made of a chart on level service, this is one on level %s", kind, c.Level)
	}
	d := newDefiner(c, known)
	out := &writer{Writer: bufio.NewWriter(w)}
	switch kind {
	case Icinga2Dependencies:
		d.dependencies(nil)
		d.icinga2(out)
	case NagiosDependencies:
		d.dependencies(nagiosTakes)
		d.nagios(out)
	case IcingaBusinessProcess:
		d.businessProcess(out)
	default:
		return nil, fmt.Errorf("there are no definitions %q", string(kind))
	}
	if d.Dependencies > maxDefined {
		return nil, fmt.Errorf("%s would have %d dependencies, and has at most %d: take a part of the chart with --focus and --hops", kind, d.Dependencies, maxDefined)
	}
	if out.err == nil {
		out.err = out.Flush()
	}
	if out.err != nil {
		return nil, fmt.Errorf("writing %s: %w", kind, out.err)
	}
	return &d.Defined, nil
}

// object is a host or service as a monitoring system calls it.
type object struct{ host, name string }

func (o object) String() string { return strings.TrimSpace(clean(o.host) + " " + clean(o.name)) }

func compareObjects(a, b object) int {
	return cmp.Or(strings.Compare(a.host, b.host), strings.Compare(a.name, b.name))
}

// dependency is that one object needs another.
type dependency struct {
	child, parent object
	group         string // of those that stand in for each other; empty for one that is needed by itself
	since         time.Time
}

// definer makes definitions.
type definer struct {
	*Chart
	Defined
	nodes    map[string]*view.Node
	ids      map[string]*view.Service
	services map[string]object // the check that is surest about each
	hosts    map[string]object // by node
	checked  map[string]bool   // nodes with checks on their services
	list     []dependency
}

// surest orders why a check is about a service.
var surest = []string{"rule", "port", "address", "known", "name"}

func newDefiner(c *Chart, known []Monitored) *definer {
	d := &definer{
		Chart: c, nodes: map[string]*view.Node{}, ids: map[string]*view.Service{},
		services: map[string]object{}, hosts: map[string]object{}, checked: map[string]bool{},
	}
	for i := range c.Nodes {
		d.nodes[c.Nodes[i].Name] = &c.Nodes[i]
	}
	for i := range c.Services {
		d.ids[c.Services[i].ID] = &c.Services[i]
	}
	known = slices.Clone(known)
	rank := func(m *Monitored) int { return (slices.Index(surest, m.Rule) + len(surest) + 1) % (len(surest) + 1) }
	slices.SortFunc(known, func(a, b Monitored) int {
		return cmp.Or(rank(&a)-rank(&b), strings.Compare(a.Host, b.Host), strings.Compare(a.Name, b.Name))
	})
	for i := range known {
		m := &known[i]
		o := object{m.Host, m.Name}
		switch {
		case m.Node == "":
		case m.Name == "":
			if _, twice := d.hosts[m.Node]; !twice {
				d.hosts[m.Node] = o
			}
		case m.Service != "":
			d.checked[m.Node] = true
			if _, twice := d.services[m.Service]; !twice {
				d.services[m.Service] = o
			}
		}
	}
	return d
}

// counts says whether a connection is one that something needs.
func (d *definer) counts(e *view.Connection) bool {
	server := d.nodes[e.Server.Node]
	return e.Directed && !e.Observer && !e.Own && e.Client.Node != e.Server.Node && server != nil && !server.Shared
}

// child is who needs something, by a connection.
func (d *definer) child(e *view.Connection) (object, bool) {
	if o, is := d.services[e.Client.Service]; is && e.Client.Service != "" {
		return o, true
	}
	if d.checked[e.Client.Node] {
		return object{}, false
	}
	o, is := d.hosts[e.Client.Node]
	return o, is
}

// target is a node with the service that is needed there, and those that stand in.
type target struct {
	object
	group string
}

// parents are what a connection needs: one object, or the holders of a virtual address.
func (d *definer) parents(e *view.Connection) []target {
	n := d.nodes[e.Server.Node]
	where := portText(e.Protocol, e.Server.Port)
	if o, is := d.onNode(n.Name, e.Server.Service); is {
		if n.Pool == "" {
			return []target{{object: o}}
		}
		return []target{{o, clean(cmp.Or(d.title(n.Pool), n.Pool)) + " " + where}}
	}
	if n.Kind != topology.Virtual {
		return nil
	}
	var out []target
	for _, h := range n.Holders {
		if !h.Until.IsZero() {
			continue
		}
		if o, is := d.onNode(h.Node, d.serviceAt(h.Node, e.Protocol, e.Server.Port)); is {
			out = append(out, target{o, titleOf(n) + " " + where})
		}
	}
	return out
}

// onNode is the check on a service, or the host if there is none.
func (d *definer) onNode(node, service string) (object, bool) {
	if o, is := d.services[service]; is && service != "" {
		return o, true
	}
	o, is := d.hosts[node]
	return o, is
}

func (d *definer) serviceAt(node string, protocol topology.Protocol, port uint16) string {
	for i := range d.Services {
		if s := &d.Services[i]; s.Node == node && s.Protocol == protocol && s.Port == port && s.State != topology.Gone {
			return s.ID
		}
	}
	return ""
}

// title is what people call a pool, as far as the chart says.
func (d *definer) title(pool string) string { return d.Titles[pool] }

// leave notes what is left out.
func (d *definer) leave(format string, args ...any) {
	d.Left = append(d.Left, fmt.Sprintf(format, args...))
}

// dependencies finds them all; takes says why a system takes one not, if it doesn't.
func (d *definer) dependencies(takes func(dependency) string) {
	found := map[[2]object]dependency{}
	for i := range d.Connections {
		e := &d.Connections[i]
		if !d.counts(e) {
			continue
		}
		child, is := d.child(e)
		if !is {
			continue
		}
		for _, p := range d.parents(e) {
			k := [2]object{child, p.object}
			if child == p.object || p.name == "" && p.host == child.host {
				continue // itself, or its own host, which it needs anyway
			}
			if was, twice := found[k]; !twice || e.FirstSeen.Before(was.since) {
				found[k] = dependency{child, p.object, p.group, e.FirstSeen}
			}
		}
	}
	d.list = d.withoutCycles(d.grouped(found), takes)
	d.Dependencies = len(d.list)
}

// grouped takes those for alone that nothing stands in for.
func (d *definer) grouped(found map[[2]object]dependency) [][]dependency {
	type key struct {
		child object
		group string
	}
	by := map[key][]dependency{}
	for _, one := range found {
		k := key{one.child, one.group}
		if one.group == "" {
			k.group = "\x00" + one.parent.host + "\x00" + one.parent.name
		}
		by[k] = append(by[k], one)
	}
	out := make([][]dependency, 0, len(by))
	for _, list := range by {
		slices.SortFunc(list, func(a, b dependency) int { return compareObjects(a.parent, b.parent) })
		if len(list) == 1 {
			list[0].group = ""
		}
		out = append(out, list)
	}
	oldest := func(list []dependency) time.Time {
		return slices.MinFunc(list, func(a, b dependency) int { return a.since.Compare(b.since) }).since
	}
	slices.SortFunc(out, func(a, b []dependency) int {
		return cmp.Or(oldest(a).Compare(oldest(b)), compareObjects(a[0].child, b[0].child), compareObjects(a[0].parent, b[0].parent))
	})
	return out
}

// withoutCycles takes them in their order, but for those that close a circle: then
// neither they nor what stands in for them.
func (d *definer) withoutCycles(groups [][]dependency, takes func(dependency) string) (out []dependency) {
	g := graph[object]{}
	for _, list := range groups {
		why := ""
		for _, one := range list {
			switch {
			case !writable(one.child) || !writable(one.parent):
				why = "a name that can't be written"
			case takes != nil && takes(one) != "":
				why = takes(one)
			case g.leads(one.parent, one.child, ownHost):
				why = "it would go round"
			}
			if why != "" {
				d.leave("%s needs %s: %s", one.child, one.parent, why)
				break
			}
		}
		if why != "" {
			continue
		}
		for _, one := range list {
			g[one.child] = append(g[one.child], one.parent)
		}
		out = append(out, list...)
	}
	slices.SortFunc(out, func(a, b dependency) int {
		return cmp.Or(compareObjects(a.child, b.child), strings.Compare(a.group, b.group), compareObjects(a.parent, b.parent))
	})
	slices.Sort(d.Left)
	return out
}

// ownHost is what a service needs without anybody saying so.
func ownHost(o object) []object {
	if o.name == "" {
		return nil
	}
	return []object{{host: o.host}}
}

// graph is who needs whom.
type graph[T comparable] map[T][]T

// leads says whether one gets from one to another, by the edges and by what more adds.
func (g graph[T]) leads(from, to T, more func(T) []T) bool {
	seen, way := map[T]bool{from: true}, []T{from}
	for len(way) > 0 {
		at := way[len(way)-1]
		way = way[:len(way)-1]
		if at == to {
			return true
		}
		next := g[at]
		if more != nil {
			next = append(slices.Clone(next), more(at)...)
		}
		for _, n := range next {
			if !seen[n] {
				seen[n] = true
				way = append(way, n)
			}
		}
	}
	return false
}

// writable says whether a name is text of one line, as far as its system took it.
func writable(o object) bool {
	return o.host != "" && !strings.ContainsFunc(o.host+o.name, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar })
}

// comments are what stands at the top of a file.
func (d *definer) comments(w *writer, sign, what string) {
	w.put(sign, " ", what, ", as the traffic says that dotm sees: who calls whom.\n")
	w.put(sign, " Generated: write a new one instead of changing it.\n")
	for _, mark := range d.marks() {
		w.put(sign, " ", strings.ToUpper(mark[:1]), mark[1:], ".\n")
	}
}

func (d *definer) leftOut(w *writer, sign string) {
	if len(d.Left) > 0 {
		w.put("\n", sign, " Left out:\n")
	}
	for _, text := range d.Left {
		w.put(sign, " ", text, "\n")
	}
}

// icinga2 writes objects of Icinga 2
// (https://icinga.com/docs/icinga-2/latest/doc/09-object-types/#dependency).
func (d *definer) icinga2(w *writer) {
	d.comments(w, "//", "Dependencies")
	grouped := slices.ContainsFunc(d.list, func(one dependency) bool { return one.group != "" })
	if grouped {
		w.put("\n// That one of several is enough is known to Icinga 2.14 and later; others are not told of it.\n",
			`const DotmRedundancy = !regex("^[rv]?2\\.(\\d|1[0-3])\\.", ApplicationVersion)`, "\n")
	}
	names := map[[3]string]bool{}
	for i := range d.list {
		one := &d.list[i]
		name := "dotm " + simple(one.parent.String())
		for n := 2; names[[3]string{one.child.host, one.child.name, name}]; n++ {
			name = fmt.Sprintf("dotm %s %d", simple(one.parent.String()), n)
		}
		names[[3]string{one.child.host, one.child.name, name}] = true
		one.icinga2(w, name)
	}
	d.leftOut(w, "//")
}

func (one *dependency) icinga2(w *writer, name string) {
	w.put("\n")
	if one.group != "" {
		w.put("if (DotmRedundancy) {\n")
	}
	w.put("object Dependency ", quoteIcinga(name), " {\n")
	line := func(key, value string) {
		if value != "" {
			w.put("  ", key, " = ", quoteIcinga(value), "\n")
		}
	}
	line("child_host_name", one.child.host)
	line("child_service_name", one.child.name)
	line("parent_host_name", one.parent.host)
	line("parent_service_name", one.parent.name)
	line("redundancy_group", one.group)
	w.put("  disable_checks = false\n  disable_notifications = true\n}\n")
	if one.group != "" {
		w.put("}\n")
	}
}

// simple is a text in letters that are harmless in names of objects.
func simple(text string) string {
	return strings.Map(func(r rune) rune {
		if isAlnum(r) || strings.ContainsRune(" ._-:", r) {
			return r
		}
		return '_'
	}, text)
}

func isAlnum(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// quoteIcinga makes a text a string of Icinga 2's language.
func quoteIcinga(text string) string {
	return `"` + quoteAll(text, func(r rune) string {
		if r == '"' || r == '\\' {
			return `\` + string(r)
		}
		return ""
	}) + `"`
}

// nagiosTakes says why Nagios can't be told of a dependency, if it can't.
func nagiosTakes(one dependency) string {
	switch {
	case one.group != "":
		return "others stand in for it, of which Nagios knows nothing"
	case (one.child.name == "") != (one.parent.name == ""):
		return "Nagios knows dependencies between hosts, and between services, alone"
	case strings.ContainsAny(one.child.host+one.child.name+one.parent.host+one.parent.name, ",;!*"):
		return "a name with a sign that means something to Nagios"
	}
	return ""
}

// nagios writes object definitions of Nagios
// (https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/objectdefinitions.html#servicedependency).
func (d *definer) nagios(w *writer) {
	d.comments(w, "#", "Dependencies")
	for i := range d.list {
		one := &d.list[i]
		kind, bad := "service", "u,c"
		if one.child.name == "" {
			kind, bad = "host", "d,u"
		}
		w.put("\ndefine ", kind, "dependency {\n")
		line := func(key, value string) {
			if value != "" {
				w.putf("    %-30s %s\n", key, value)
			}
		}
		line("host_name", one.parent.host)
		line("service_description", one.parent.name)
		line("dependent_host_name", one.child.host)
		line("dependent_service_description", one.child.name)
		line("execution_failure_criteria", "n")
		line("notification_failure_criteria", bad)
		w.put("}\n")
	}
	d.leftOut(w, "#")
}
