package chart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/trouble"
	"github.com/devops-trouble-map/dotm/trouble/casefile"
)

// Why is dotm why.
type Why struct {
	client.Flags
	Fail bool `help:"End with status 1 if there is an open incident."`

	Edges     []string `placeholder:"FILE" type:"existingfile" help:"The dependency graph: lines of client, a tab, server. Of several files each incident takes the one whose name holds its \"scenario\"."`
	Incidents string   `placeholder:"FILE" type:"existingfile" help:"The incidents: a JSON list of objects with \"alerts\" (component and figure) and \"target\" (what people were called for)."`
}

// whyAnswer is what is printed of one incident.
type whyAnswer struct {
	Causes []whyCause `json:"causes"`
	Unsure string     `json:"unsure,omitempty"`
}

type whyCause struct {
	Node     string           `json:"node"`
	Score    float64          `json:"score"`
	Strength trouble.Strength `json:"strength"`
	Sentence string           `json:"sentence"`
}

// Run tells the open incidents of a server, or ranks the likely causes of those in files.
func (c *Why) Run(ctx context.Context, g *console.Globals) error {
	if len(c.Edges) == 0 && c.Incidents == "" {
		return c.ask(ctx, g)
	}
	if len(c.Edges) == 0 || c.Incidents == "" {
		return errors.New("give --edges FILE.tsv and --incidents FILE.json, or neither to ask a server")
	}
	graphs, err := c.graphs()
	if err != nil {
		return err
	}
	cases, err := readFile(c.Incidents, casefile.Incidents)
	if err != nil {
		return err
	}
	answers := make([]whyAnswer, 0, len(cases))
	ranker := trouble.NewRanker()
	for i := range cases {
		graph := c.graphOf(graphs, cases[i].Scenario)
		answers = append(answers, whyOf(ranker.Rank(graph, cases[i].Incident(graph))))
	}
	if g.JSON {
		return console.WriteJSON(g.Out, answers)
	}
	return printWhy(g.Out, answers)
}

func (c *Why) graphs() ([]*trouble.Graph, error) {
	graphs := make([]*trouble.Graph, 0, len(c.Edges))
	for _, name := range c.Edges {
		graph, err := readFile(name, casefile.Graph)
		if err != nil {
			return nil, err
		}
		graphs = append(graphs, graph)
	}
	return graphs, nil
}

// graphOf is the graph whose file's name holds the scenario, else the first.
func (c *Why) graphOf(graphs []*trouble.Graph, scenario string) *trouble.Graph {
	for i, name := range c.Edges {
		if scenario != "" && strings.Contains(filepath.Base(name), scenario) {
			return graphs[i]
		}
	}
	return graphs[0]
}

func readFile[T any](name string, read func(io.Reader) (T, error)) (out T, err error) {
	f, err := os.Open(name)
	if err != nil {
		return out, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if out, err = read(f); err != nil {
		return out, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

func whyOf(r trouble.Ranking) whyAnswer {
	a := whyAnswer{Causes: []whyCause{}, Unsure: r.Unsure}
	for i := range r.Causes {
		c := &r.Causes[i]
		a.Causes = append(a.Causes, whyCause{c.Component, c.Score, c.Strength, c.Sentence})
	}
	return a
}

// mostPrinted is how many causes of an incident are printed for people.
const mostPrinted = 3

func printWhy(out io.Writer, answers []whyAnswer) error {
	var b strings.Builder
	for i := range answers {
		fmt.Fprintf(&b, "incident %d\n", i+1)
		if answers[i].Unsure != "" {
			fmt.Fprintf(&b, "  %s\n", answers[i].Unsure)
		}
		for n, c := range answers[i].Causes[:min(mostPrinted, len(answers[i].Causes))] {
			fmt.Fprintf(&b, "  %d. likely (%s): %s\n     %s\n", n+1, c.Strength, c.Node, c.Sentence)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
