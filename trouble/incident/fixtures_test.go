package incident

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// scene is a site that has alerts come and go.
type scene struct {
	testing.TB
	book   *Book
	graph  *trouble.Graph
	now    time.Time
	alerts map[string]*Alert
	watch  map[string]trouble.Watch
	change []trouble.Change
}

// newScene makes a site of lines "a > b c" (a calls b and c), "a @ h" (a sits on h) and
// "pool x: a b". What is named "host…" is a node.
func newScene(t testing.TB, site string) *scene {
	t.Helper()
	components := map[string]*trouble.Component{}
	var order []string
	get := func(id string) *trouble.Component {
		if components[id] == nil {
			components[id] = &trouble.Component{ID: id}
			if strings.HasPrefix(id, "host") {
				components[id].Kind = trouble.Node
			}
			order = append(order, id)
		}
		return components[id]
	}
	var edges []trouble.Edge
	for line := range strings.Lines(site) {
		f := strings.Fields(line)
		switch {
		case len(f) < 3:
		case f[0] == "pool":
			for _, id := range f[2:] {
				get(id).Pool = f[1]
			}
		default:
			kind := map[string]trouble.EdgeKind{">": trouble.Calls, "@": trouble.On}[f[1]]
			for _, id := range f[2:] {
				get(f[0])
				get(id)
				edges = append(edges, trouble.Edge{Client: f[0], Server: id, Kind: kind})
			}
		}
	}
	var list []trouble.Component
	for _, id := range order {
		list = append(list, *components[id])
	}
	g, err := trouble.NewGraph(list, edges)
	if err != nil {
		t.Fatal(err)
	}
	return &scene{TB: t, book: NewBook(nil), graph: g, now: noon, alerts: map[string]*Alert{}, watch: map[string]trouble.Watch{}}
}

// goes has checks on components go bad: "db", "db/disk" (another check), with a status.
func (s *scene) goes(status topology.Status, ids ...string) *scene {
	for _, id := range ids {
		component, name, _ := strings.Cut(id, "/")
		a := &Alert{Source: "m", Host: component, Kind: topology.ServiceCheck}
		a.ID, a.Component, a.Name, a.Status, a.Trouble = "check "+id, component, name, status, trouble.Failing
		a.Onset = trouble.Onset{After: s.now.Add(-time.Minute), By: s.now, Clock: "m"}
		if old := s.alerts[id]; old != nil {
			a.Onset = old.Onset
		}
		s.alerts[id] = a
	}
	return s
}

func (s *scene) fine(ids ...string) *scene {
	for _, id := range ids {
		delete(s.alerts, id)
	}
	return s
}

// after lets time pass.
func (s *scene) after(d time.Duration) *scene {
	s.now = s.now.Add(d)
	return s
}

// look updates the book, and says what is new: "opened db app".
func (s *scene) look() []string {
	m := &Moment{At: s.now, Graph: s.graph, Watched: s.watch, Changes: s.change}
	for _, a := range s.alerts {
		m.Alerts = append(m.Alerts, *a)
	}
	out := []string{}
	for _, n := range s.book.Update(m) {
		out = append(out, string(n.What)+" "+strings.Join(badOf(n.Incident), " "))
	}
	s.check()
	return out
}

func badOf(in *Incident) (out []string) {
	for i := range in.Alerts {
		if in.Alerts[i].bad() {
			out = append(out, strings.TrimPrefix(in.Alerts[i].ID, "check "))
		}
	}
	slices.Sort(out)
	return out
}

// check holds what must always be so: each open alert is in one open incident, and no
// alert in two.
func (s *scene) check() {
	s.Helper()
	in := map[string]string{}
	for _, i := range s.book.All() {
		if i.State == Resolved && (i.Bad() > 0 || i.Resolved.IsZero()) {
			s.Fatalf("%s is resolved and has %d bad alerts", i.ID, i.Bad())
		}
		if i.State == Open && i.Title == "" {
			s.Fatalf("%s has no title: %+v", i.ID, i)
		}
		for n := range i.Alerts {
			if m := &i.Alerts[n]; m.bad() {
				if in[m.ID] != "" {
					s.Fatalf("%s is in %s and %s", m.ID, in[m.ID], i.ID)
				}
				in[m.ID] = i.ID
			}
		}
	}
	for _, a := range s.alerts {
		if a.open() && in[a.key()] == "" {
			s.Fatalf("%s is in no incident", a.key())
		}
	}
	for id := range in {
		if s.alerts[strings.TrimPrefix(id, "check ")] == nil {
			s.Fatalf("%s is over, and still in one", id)
		}
	}
}

// open are the open incidents as lists of their alerts, sorted.
func (s *scene) open() string {
	var out []string
	for _, in := range s.book.All() {
		if in.State == Open {
			out = append(out, "["+strings.Join(badOf(in), " ")+"]")
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// of is the incident that a check is in.
func (s *scene) of(id string) *Incident {
	s.Helper()
	for _, in := range s.book.All() {
		for i := range in.Alerts {
			if in.Alerts[i].ID == "check "+id && (in.State == Open || in.Into == "") {
				return in
			}
		}
	}
	s.Fatalf("%s is in no incident", id)
	return nil
}

func (s *scene) want(what string, want string) *scene {
	s.Helper()
	s.look()
	if got := s.open(); got != want {
		s.Errorf("%s: %s, want %s", what, got, want)
	}
	return s
}

func each(format string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf(format, i))
	}
	return out
}
