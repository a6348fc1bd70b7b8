package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/layout"
)

// dot is Graphviz.
type dot struct {
	path     string
	patience time.Duration
}

// findDot says how to get dot if it is not there.
func findDot(path string, patience time.Duration) (*dot, error) {
	full, err := exec.LookPath(path)
	if err != nil {
		return nil, fmt.Errorf("dot of Graphviz is missing (Debian: apt install graphviz): %w", err)
	}
	return &dot{path: full, patience: patience}, nil
}

// inch is how many chart units dot takes for an inch.
const inch = 72

// place lays out the graph and returns where the boxes are, and what the
// process took.
func (d *dot) place(g *layout.Graph) (*layout.Chart, cost, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d.patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.path, "-Tplain")
	cmd.Stdin = strings.NewReader(source(g))
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	start := time.Now()
	err := cmd.Run()
	took := cost{wall: time.Since(start)}
	if cmd.ProcessState != nil {
		took.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, took, fmt.Errorf("no answer within %s", d.patience)
	case err != nil:
		return nil, took, fmt.Errorf("dot: %w: %s", err, strings.TrimSpace(complaints.String()))
	}
	c, err := parse(out.String(), g)
	return c, took, err
}

// source writes the graph in dot's language: boxes of their sizes, from left to right.
func source(g *layout.Graph) string {
	var b strings.Builder
	b.WriteString("digraph {\nrankdir=LR\nnode [shape=box fixedsize=true label=\"\"]\n")
	for _, box := range g.Boxes {
		fmt.Fprintf(&b, "%q [width=%.4f height=%.4f]\n", box.ID, box.W/inch, box.H/inch)
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "%q -> %q", e.From, e.To)
		if e.Undirected {
			b.WriteString(" [dir=none]")
		}
		b.WriteByte('\n')
	}
	b.WriteString("}\n")
	return b.String()
}

// parse reads what dot prints as plain text: the centres of the nodes, from the bottom
// left.
func parse(text string, g *layout.Graph) (*layout.Chart, error) {
	size := make(map[string]layout.Box, len(g.Boxes))
	for _, b := range g.Boxes {
		size[b.ID] = b
	}
	c := &layout.Chart{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 || f[0] != "graph" && f[0] != "node" {
			continue
		}
		x, err1 := strconv.ParseFloat(f[2], 64)
		y, err2 := strconv.ParseFloat(f[3], 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("reading %q of dot: %w", strings.TrimSpace(line), err)
		}
		if f[0] == "graph" {
			c.Width, c.Height = x*inch, y*inch
			continue
		}
		b, known := size[strings.Trim(f[1], `"`)]
		if !known {
			return nil, fmt.Errorf("dot places %s, which it was not given", f[1])
		}
		c.Placements = append(c.Placements, layout.Placement{
			ID: b.ID, X: x*inch - b.W/2, Y: c.Height - y*inch - b.H/2, W: b.W, H: b.H,
		})
	}
	if len(c.Placements) != len(g.Boxes) {
		return nil, fmt.Errorf("dot places %d of %d boxes", len(c.Placements), len(g.Boxes))
	}
	slices.SortFunc(c.Placements, func(a, b layout.Placement) int { return strings.Compare(a.ID, b.ID) })
	return c, nil
}
