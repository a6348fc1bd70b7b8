package main

import (
	"bytes"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/layout"
	"github.com/devops-trouble-map/dotm/test/charts"
	"github.com/devops-trouble-map/dotm/view"
)

func TestParse(t *testing.T) {
	g := charts.Edges("a>b")
	c, err := parse("graph 1 5 2\nnode a 1 1.5 1.6667 0.7778 \"\" solid box black lightgrey\nnode \"b\" 4 0.5 1.6 0.7 \"\" solid\nedge a b 4 1 1\nstop\n", g)
	if err != nil {
		t.Fatal(err)
	}
	want := []layout.Placement{{ID: "a", X: 12, Y: 8, W: 120, H: 56}, {ID: "b", X: 228, Y: 80, W: 120, H: 56}}
	if c.Width != 360 || c.Height != 144 || len(c.Placements) != 2 || c.Placements[0] != want[0] || c.Placements[1] != want[1] {
		t.Errorf("chart is %+v, want %+v", c, want)
	}
	for _, bad := range []string{"graph 1 5 2\nnode a 1 1 1 1\n", "graph 1 x 2\n", "graph 1 5 2\nnode z 1 1 1 1\n"} {
		if _, err := parse(bad, g); err == nil {
			t.Errorf("%q is read without an error", bad)
		}
	}
}

func TestSourceHasEverything(t *testing.T) {
	got := source(charts.Edges("a>b b-c"))
	for _, want := range []string{`"a" [width=1.6667 height=0.7778]`, `"a" -> "b"`, `"b" -> "c" [dir=none]`} {
		if !strings.Contains(got, want) {
			t.Errorf("source lacks %q:\n%s", want, got)
		}
	}
}

func TestMissingDotIsNamed(t *testing.T) {
	if _, err := findDot("/nowhere/dot", time.Second); err == nil || !strings.Contains(err.Error(), "apt install graphviz") {
		t.Errorf("error is %v, want one that says how to get dot", err)
	}
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, []string{"-only", "^site of 10$", "-patience", "5s", "-json"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"graph":"site of 10","by":"dotm, lanes"`, `"by":"dotm"`, `"overlaps":0`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %s:\n%s", want, out.String())
		}
	}
	if _, err := exec.LookPath("dot"); err == nil && !strings.Contains(out.String(), `"by":"dot"`) {
		t.Errorf("dot is there and not measured:\n%s", out.String())
	}
}

// TestSiteHasItsParts: the graph of a site is what the server lays out: lanes, shared
// services in the strip, clients from outside on the left; and the same each time.
func TestSiteHasItsParts(t *testing.T) {
	for _, level := range []view.Level{view.LevelNode, view.LevelPool} {
		g, err := siteGraph(100, level)
		if err != nil {
			t.Fatal(err)
		}
		entry, strip, lanes := 0, 0, make(map[string]bool)
		for _, b := range g.Boxes {
			switch {
			case b.Side == layout.Entry:
				entry++
			case b.Side == layout.Strip:
				strip++
			case b.Lane != "":
				lanes[b.Lane] = true
			}
		}
		if entry != 1 || strip == 0 || len(lanes) < 2 || len(g.Edges) < len(g.Boxes) {
			t.Errorf("level %s: %d on the left, %d in the strip, %d lanes, %d edges of %d boxes", level, entry, strip, len(lanes), len(g.Edges), len(g.Boxes))
		}
		again, err := siteGraph(100, level)
		if err != nil || !reflect.DeepEqual(again, g) {
			t.Errorf("level %s: another graph the second time (error %v)", level, err)
		}
	}
}

func TestWrongExpressionIsNamed(t *testing.T) {
	if err := run(&bytes.Buffer{}, []string{"-only", "("}); err == nil || !strings.Contains(err.Error(), "-only") {
		t.Errorf("error is %v, want one that names -only", err)
	}
}

func TestLines(t *testing.T) {
	failed := result{Graph: "g", By: "dot", Boxes: 3, Failed: "no answer within 1s"}.line()
	if !strings.Contains(failed, "no answer within 1s") {
		t.Errorf("line is %q", failed)
	}
	fine := result{Graph: "site of 1,000 in pools", By: "dotm, lanes", Millis: 1.26, Crossings: 0.381}.line()
	if len(fine) != len(head()) || !strings.Contains(fine, " 1.3 ") || !strings.Contains(fine, " 0.38 ") {
		t.Errorf("line %q does not stand under %q", fine, head())
	}
}
