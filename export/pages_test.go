package export

import (
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/golden"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

func made(t testing.TB, c *Chart, known []Monitored) map[string]string {
	t.Helper()
	pages, err := Pages(c, known)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, p := range pages {
		if _, twice := out[p.Name]; twice {
			t.Errorf("there are two pages %s", p.Name)
		}
		out[p.Name] = string(p.Body)
	}
	return out
}

// TestPages: a page for each thing, with what it is, who uses it, what it uses, its
// checks, since when, and a picture.
func TestPages(t *testing.T) {
	c, known := shop()
	for i := range c.Nodes {
		c.Nodes[i].FirstSeen = noon.Add(-240 * time.Hour)
	}
	got := made(t, c, known)
	if want := 1 + 1 + len(c.Nodes) + len(c.Services); len(got) != want {
		t.Errorf("%d pages, want %d", len(got), want)
	}
	for _, name := range []string{"README.md", "nodes/db1.md", "services/db1-tcp-5432.md"} {
		golden.Check(t, "pages-"+strings.ReplaceAll(name, "/", "-"), []byte(got[name]))
	}
	for name, body := range got {
		if strings.HasPrefix(name, "groups/") {
			golden.Check(t, "pages-group.md", []byte(body))
		}
	}
	if _, err := Pages(small(), nil); err == nil || !strings.Contains(err.Error(), "level pool") {
		t.Errorf("another level: %v", err)
	}
}

// TestPagesAreStill: what moves by itself changes no page; what is gone changes those
// that it has to do with, alone.
func TestPagesAreStill(t *testing.T) {
	c, known := shop()
	before := made(t, c, known)
	c.At, c.Revision = c.At.Add(time.Hour), "e-9"
	for i := range c.Nodes {
		c.Nodes[i].LastReport, c.Nodes[i].State, c.Nodes[i].Verdict = c.At, topology.Stale, verdict(topology.Critical)
	}
	for i := range c.Connections {
		c.Connections[i].Count, c.Connections[i].LastSeen, c.Connections[i].Status = i, c.At, topology.Old
	}
	for name, body := range made(t, c, known) {
		if before[name] != body {
			t.Errorf("%s changed", name)
		}
	}
	c.Connections = c.Connections[1:] // web1 uses db1
	for name, body := range made(t, c, known) {
		changed := before[name] != body
		if concerned := strings.Contains(name, "web1") || strings.Contains(name, "db1") || strings.HasPrefix(name, "groups/"); changed != concerned {
			t.Errorf("%s changed: %t", name, changed)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)<]+)\)`)

// wholePages says what is wrong with pages: links that lead nowhere, rows of other
// lengths, HTML.
func wholePages(t testing.TB, pages map[string]string) {
	t.Helper()
	for name, body := range pages {
		if !regexp.MustCompile(`^(README\.md|(groups|nodes|services)/[a-z0-9][a-z0-9._-]*\.md)$`).MatchString(name) {
			t.Errorf("a page is called %q", name)
		}
		rest, is := strings.CutPrefix(body, PageMark)
		if !is {
			t.Errorf("%s is not marked", name)
		}
		for _, l := range link.FindAllStringSubmatch(rest, -1) {
			if _, there := pages[path.Join(path.Dir(name), l[1])]; !there {
				t.Errorf("%s: nothing is at %s", name, l[1])
			}
		}
		markdownLines(t, rest)
	}
}

func TestPagesAreWhole(t *testing.T) {
	c, known := shop()
	wholePages(t, made(t, c, known))
	if got := made(t, &Chart{Topology: view.Topology{Level: view.LevelService}}, nil); len(got) != 1 {
		t.Errorf("nothing makes %d pages", len(got))
	}
	c.Data, c.Past = Demo, true
	for name, body := range made(t, c, known) {
		if !strings.Contains(body, "made-up") || !strings.Contains(body, "This is the past") {
			t.Errorf("%s does not say what it is", name)
		}
	}
}

// FuzzPages: whatever hosts call themselves, pages are whole.
func FuzzPages(f *testing.F) {
	f.Add(nasty, "web1", "x")
	f.Add("../../etc/passwd", "", "A")
	f.Add("README", ".", "\x00](x)")
	f.Fuzz(func(t *testing.T, name, title, process string) {
		c, known := shop()
		for i := range c.Nodes[1:] {
			if name == c.Nodes[i+1].Name {
				return
			}
		}
		for i := range c.Connections {
			if c.Connections[i].Client.Node == "web1" {
				c.Connections[i].Client.Node, c.Connections[i].Client.Process = name, process
			}
		}
		c.Nodes[0].Name, c.Nodes[0].KnownAs, c.Lanes[0].Title = name, title, title
		c.Services[0].Process, c.Titles["pool~db"], known[2].Name = process, title, process
		wholePages(t, made(t, c, known))
	})
}
