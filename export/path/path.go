// Package path finds the way of an incident on a chart: where trouble began, whom it
// reached and whom it would reach next. A chart has pools where an incident has nodes, and
// edges that stand for many. The page draws by the same rule (web/src/state/tracing.ts):
// testdata/path.json holds for both.
package path

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
	"github.com/devops-trouble-map/dotm/view"
)

// Way is how an edge is of the path.
type Way string

// The ways.
const (
	Travels Way = "travels" // trouble came along it
	Through Way = "through" // it leads there through what nobody knows to be bad
	Next    Way = "next"    // what would fail next hangs on it
)

// Tag is what stands over a box; Sure is the likely cause, others are no more than
// possible.
type Tag struct {
	Text string
	Sure bool
}

// Path is an incident on one chart.
type Path struct {
	// Tags are by the names of boxes, Edges by the ids of connections.
	Tags  map[string]Tag
	Edges map[string]Way
	// Predicted are boxes of which nothing is bad yet and something would fail next.
	Predicted map[string]bool
	// Bad is how many boxes are in trouble.
	Bad int
	// Worst is how bad: CRITICAL, WARNING or UNKNOWN.
	Worst topology.Status
}

// mostBetween is how many edges may lie between two in trouble of which nobody knows more.
const mostBetween = 3

// Of finds the path of an incident on a chart, as of a moment gone by; a zero moment is
// now, and of what is over all of it.
func Of(t *view.Topology, in *incident.Incident, at time.Time) *Path {
	f := &finder{chart: t, boxes: t.Boxes(), into: map[string][]*view.Connection{}, reached: map[place]bool{}, through: map[string]bool{}, services: map[string]*view.Service{}}
	alerts := badAt(in, at)
	f.path = &Path{Tags: map[string]Tag{}, Edges: map[string]Way{}, Predicted: map[string]bool{}, Worst: worst(alerts)}
	f.begin(in)
	for i := range alerts {
		f.bad = f.place(f.bad, &alerts[i].About)
	}
	if in.State == incident.Open && at.IsZero() {
		for i := range in.Impact.Predicted {
			f.next = f.place(f.next, &in.Impact.Predicted[i].Ref)
		}
	}
	f.spread()
	if len(in.Causes) > 0 && !in.Unclear {
		f.follow(in.Causes[0].Path)
	}
	f.bridge()
	f.foresee()
	f.count()
	return f.path
}

// badAt are the alerts that were bad at a moment.
func badAt(in *incident.Incident, at time.Time) []incident.Member {
	bad := func(then func(*incident.Member) bool) (out []incident.Member) {
		for i := range in.Alerts {
			if then(&in.Alerts[i]) {
				out = append(out, in.Alerts[i])
			}
		}
		return out
	}
	if !at.IsZero() {
		if then := bad(func(m *incident.Member) bool { return !m.Seen.After(at) && (m.Over.IsZero() || m.Over.After(at)) }); len(then) > 0 {
			return then
		}
	}
	if in.State == incident.Open {
		return bad(func(m *incident.Member) bool { return m.Over.IsZero() })
	}
	return in.Alerts
}

// worst is what the path is drawn in.
func worst(alerts []incident.Member) topology.Status {
	found := topology.NoStatus
	for i := range alerts {
		found = topology.Worse(found, alerts[i].Status)
	}
	if found == topology.Warning || found == topology.Unknown {
		return found
	}
	return topology.Critical
}

// place is a component on the chart. A node as a whole has neither port nor process.
type place struct {
	box     string
	port    int
	process string
}

func (p place) whole() bool { return p.port == 0 && p.process == "" }

func (p place) serves(c *view.Connection) bool {
	return c.Server.Node == p.box && (p.whole() || c.Server.Port == 0 || int(c.Server.Port) == p.port)
}

func (p place) calls(c *view.Connection) bool {
	if c.Client.Node != p.box {
		return false
	}
	// Between nodes and between groups one edge stands for all, and has no port.
	port := portOf(c.Client.Service)
	return p.whole() || c.Server.Port == 0 || port != 0 && port == p.port || c.Client.Process != "" && c.Client.Process == p.process
}

// portOf is the port of a service's id; 0 where it has none.
func portOf(service string) int {
	m := portIn.FindStringSubmatch(service)
	if m == nil {
		return 0
	}
	port, _ := strconv.Atoi(m[1])
	return port
}

var (
	portIn  = regexp.MustCompile(`~(?:tcp|udp)~(\d+)`)
	portEnd = regexp.MustCompile(`:\d+$`)
)

// finder is a path that is being found.
type finder struct {
	chart     *view.Topology
	path      *Path
	boxes     map[string]string
	services  map[string]*view.Service
	causes    []place
	bad, next []place
	into      map[string][]*view.Connection // by the box of the server
	reached   map[place]bool
	through   map[string]bool
}

// begin takes in the chart, and the causes.
func (f *finder) begin(in *incident.Incident) {
	for i := range f.chart.Services {
		f.services[f.chart.Services[i].ID] = &f.chart.Services[i]
	}
	for i := range f.chart.Connections {
		if c := &f.chart.Connections[i]; !c.Observer {
			f.into[c.Server.Node] = append(f.into[c.Server.Node], c)
		}
	}
	word := "Cause"
	if in.Unclear {
		word = "Possible"
	}
	for i := range in.Causes {
		found := f.place(nil, &in.Causes[i].Ref)
		if len(found) == 0 {
			continue
		}
		sure := i == 0 && !in.Unclear
		if sure {
			f.causes = found
		}
		if _, tagged := f.path.Tags[found[0].box]; !tagged {
			f.path.Tags[found[0].box] = Tag{fmt.Sprintf("%s %d", word, i+1), sure}
		}
	}
}

// place adds where a component is on the chart, if it is and is not in the list.
func (f *finder) place(list []place, r *incident.Ref) []place {
	box, there := f.boxes[r.Node]
	if !there {
		return list
	}
	p := place{box, portOf(r.Service), r.Process}
	if detail, is := strings.CutPrefix(r.Name, r.Node+" "); is && p.process == "" && r.Service != "" {
		p.process = portEnd.ReplaceAllString(detail, "")
	}
	if slices.Contains(list, p) {
		return list
	}
	return append(list, p)
}

// badOn are those in trouble in a box.
func (f *finder) badOn(box string, is func(place) bool) bool {
	return slices.ContainsFunc(f.bad, func(p place) bool { return p.box == box && is(p) })
}

// spread goes from the cause, or where there is none from all that is bad, along the
// edges to those that are bad and call it.
func (f *finder) spread() {
	queue := slices.Clone(f.causes)
	if len(queue) == 0 {
		queue = slices.Clone(f.bad)
	}
	for _, p := range queue {
		f.reached[p] = true
	}
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		reach := func(p place) {
			if !f.reached[p] {
				f.reached[p] = true
				queue = append(queue, p)
			}
		}
		for _, p := range f.bad {
			if p.box == at.box && (at.whole() || p.whole()) {
				reach(p)
			}
		}
		for _, c := range f.into[at.box] {
			if !at.serves(c) {
				continue
			}
			for _, p := range f.bad {
				if p.calls(c) {
					f.path.Edges[c.ID] = Travels
					reach(p)
				}
			}
		}
	}
}

// follow marks the path that the cause itself tells.
func (f *finder) follow(steps []incident.Step) {
	for i := range steps {
		from, to := f.place(nil, &steps[i].Client), f.place(nil, &steps[i].Server)
		if len(from) == 0 || len(to) == 0 || from[0].box == to[0].box {
			continue
		}
		for _, c := range f.into[to[0].box] {
			if to[0].serves(c) && from[0].calls(c) {
				f.pass(c)
			}
		}
	}
}

func (f *finder) pass(c *view.Connection) {
	if _, known := f.path.Edges[c.ID]; !known {
		f.path.Edges[c.ID] = Through
		if f.badOn(c.Client.Node, func(p place) bool { return p.calls(c) }) {
			f.path.Edges[c.ID] = Travels
		}
	}
	f.through[c.Client.Node], f.through[c.Server.Node] = true, true
}

// bridge looks for ways through what nobody watches to what is bad and not reached yet:
// the shortest is shown.
func (f *finder) bridge() {
	var left []place
	ring := slices.Clone(f.causes)
	for _, p := range f.bad {
		switch {
		case f.reached[p]:
			ring = append(ring, p)
		case !f.path.Tags[p.box].Sure:
			left = append(left, p)
		}
	}
	if len(f.causes) == 0 {
		return
	}
	came := map[string]*view.Connection{}
	for _, p := range ring {
		came[p.box] = nil
	}
	for i := 0; i <= mostBetween && len(left) > 0; i++ {
		ring = f.widen(ring, left, came)
		left = slices.DeleteFunc(left, func(p place) bool {
			_, there := came[p.box]
			return there
		})
	}
}

// widen is what calls a ring, and was not met before.
func (f *finder) widen(ring, left []place, came map[string]*view.Connection) (next []place) {
	for _, at := range ring {
		for _, c := range f.into[at.box] {
			if _, known := came[c.Client.Node]; known || !at.serves(c) {
				continue
			}
			end := slices.ContainsFunc(left, func(p place) bool { return p.calls(c) })
			if !end && f.fine(c) {
				continue
			}
			came[c.Client.Node] = c
			next = append(next, place{box: c.Client.Node})
			for back := c; end && back != nil; back = came[back.Server.Node] {
				f.pass(back)
			}
		}
	}
	return next
}

// fine says that a check found the program which calls to be so: trouble did not come
// through it.
func (f *finder) fine(c *view.Connection) bool {
	s := f.services[c.Client.Service]
	return s != nil && s.Status != topology.NoStatus && s.Status != topology.Pending && !s.Status.Bad()
}

// foresee marks what hangs on what is bad, or would fail before it.
func (f *finder) foresee() {
	for _, s := range slices.Concat(f.causes, f.bad, f.next) {
		for _, c := range f.into[s.box] {
			if _, known := f.path.Edges[c.ID]; !known && s.serves(c) && slices.ContainsFunc(f.next, func(p place) bool { return p.calls(c) }) {
				f.path.Edges[c.ID] = Next
			}
		}
	}
}

func (f *finder) count() {
	bad := map[string]bool{}
	for _, p := range f.bad {
		bad[p.box] = true
	}
	f.path.Bad = len(bad)
	for _, p := range f.next {
		if _, tagged := f.path.Tags[p.box]; !tagged && !bad[p.box] {
			f.path.Predicted[p.box] = true
		}
	}
}
