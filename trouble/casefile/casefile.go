// Package casefile reads a dependency graph and incidents as text, for ranking
// causes without a server.
//
// A graph is lines of "client<TAB>server". Incidents are a JSON list; of each are
// read "alerts", an object of component → figure (a z-score against the days
// without trouble, above a limit of 5), "target", the component that people were
// called for, and "root_cause", the truth if it is known, which is handed on for
// scoring and never to the ranker.
package casefile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

// Limit is the figure from which on a component counts as alerting.
const Limit = 5

// Limits of what is read.
const (
	mostEdges     = 1_000_000
	mostIncidents = 100_000
	mostLine      = 1 << 20
)

// Graph reads a graph. Empty lines and those that begin with # are skipped; a
// line without a tab or with an empty end is an error that names it.
func Graph(r io.Reader) (*trouble.Graph, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, mostLine)
	var edges []trouble.Edge
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		client, server, ok := strings.Cut(line, "\t")
		server, _, _ = strings.Cut(server, "\t")
		if !ok || client == "" || server == "" {
			return nil, fmt.Errorf("line %d: %q is no edge: write client, a tab, server", n, short(line))
		}
		if len(edges) == mostEdges {
			return nil, fmt.Errorf("line %d: more than %d edges", n, mostEdges)
		}
		edges = append(edges, trouble.Edge{Client: client, Server: server})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading edges: %w", err)
	}
	return trouble.NewGraph(nil, edges)
}

func short(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

// Case is one incident of a file.
type Case struct {
	// Scenario names the graph that it belongs to, if the file says.
	Scenario string
	// Alerts are in the order of the file.
	Alerts []Figure
	// Target is what people were called for, Metric what they were called for it.
	Target, Metric string
	// Truth is the cause, if the file has it.
	Truth string
}

// Figure is a component and how far it is off.
type Figure struct {
	Component string
	Z         float64
}

// Incidents reads a list of incidents.
func Incidents(r io.Reader) ([]Case, error) {
	var list []struct {
		Scenario string  `json:"scenario"`
		Target   string  `json:"target"`
		Metric   string  `json:"metric"`
		Truth    string  `json:"root_cause"`
		Alerts   figures `json:"alerts"`
	}
	if err := json.NewDecoder(r).Decode(&list); err != nil {
		return nil, fmt.Errorf("reading incidents: %w: a list of objects is expected, each with \"alerts\"", err)
	}
	if len(list) > mostIncidents {
		return nil, fmt.Errorf("reading incidents: more than %d", mostIncidents)
	}
	out := make([]Case, 0, len(list))
	for _, c := range list {
		out = append(out, Case{Scenario: c.Scenario, Target: c.Target, Metric: c.Metric, Truth: c.Truth, Alerts: c.Alerts})
	}
	return out, nil
}

// figures are an object of numbers, in the order in which they are written.
type figures []Figure

// UnmarshalJSON keeps the order, which a map would lose: equal scores are told in
// that of the alerts.
func (f *figures) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	open, err := d.Token()
	if err != nil || open == nil {
		return err
	}
	if open != json.Delim('{') {
		return errors.New(`"alerts" is no object of component and figure`)
	}
	at := map[string]int{}
	for d.More() {
		if err := f.next(d, at); err != nil {
			return err
		}
	}
	return nil
}

// next reads one component and its figure. Of two figures the last counts.
func (f *figures) next(d *json.Decoder, at map[string]int) error {
	key, err := d.Token()
	if err != nil {
		return err
	}
	name, _ := key.(string)
	var z float64
	if err := d.Decode(&z); err != nil {
		return fmt.Errorf("the figure of %q: %w", short(name), err)
	}
	if i, twice := at[name]; twice {
		(*f)[i].Z = z
		return nil
	}
	at[name] = len(*f)
	*f = append(*f, Figure{name, z})
	return nil
}

// Incident is a case as the ranker takes it. The file doesn't say who measured
// what. What calls others tells of itself; what calls nothing may be known from
// its clients alone, which are then its witnesses.
//
// Figures are taken as times the limit, or of the smallest one if that is below
// it. Where none is above 1 they are mere marks: each is as bad as the other.
func (c *Case) Incident(g *trouble.Graph) *trouble.Incident {
	in := &trouble.Incident{}
	kind := trouble.Failing
	if c.Metric == "latency" {
		kind = trouble.Slow
	}
	limit, marks := c.limit()
	for _, f := range c.Alerts {
		if f.Z <= 0 {
			continue
		}
		a := trouble.Alert{Component: f.Component, Trouble: kind, Status: topology.Critical}
		if !marks {
			a.Status, a.Times = "", f.Z/limit
		}
		if len(g.Servers(f.Component)) == 0 {
			a.Witnesses = g.Clients(f.Component)
		}
		in.Alerts = append(in.Alerts, a)
	}
	if c.Target != "" {
		in.Paged = []string{c.Target}
	}
	return in
}

// limit is from which figure on a component of this case alerts, and whether its
// figures are mere marks.
func (c *Case) limit() (limit float64, marks bool) {
	limit, marks = Limit, true
	for _, f := range c.Alerts {
		if f.Z > 0 {
			limit = min(limit, f.Z)
		}
		marks = marks && f.Z <= 1
	}
	return limit, marks
}
