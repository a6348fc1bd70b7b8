package chart

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/drift"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/view"
)

// Drift is dotm drift.
type Drift struct {
	client.Flags
	File       string        `arg:"" optional:"" help:"Declaration: rules of dotm, a Compose file, or a Backstage catalog; without it, the one that the server keeps. With --init, the file to write." type:"path"`
	Push       bool          `help:"Have the server keep FILE as its declaration, which then all see on the page; nothing is compared."`
	DeclaredBy string        `help:"Take the dependencies that people told this monitoring system, instead of a file." placeholder:"SOURCE"`
	Init       bool          `help:"Write the declaration that what is seen bears out, to FILE or standard output."`
	Exact      bool          `help:"With --init: name each node of a pool."`
	Topology   string        `help:"A chart as JSON, instead of asking a server: what dotm export json or dotm map --json writes." placeholder:"FILE" type:"existingfile"`
	At         string        `help:"The moment to look at: 2026-01-31T12:00:00Z, or a time ago, --at=-24h; without it, now." placeholder:"T"`
	Focus      string        `help:"Only what is around this node, pool, group or service." placeholder:"NAME"`
	Hops       *int          `help:"How many connections away from the focus, 1 (default) to 4; 0 is the focus alone, such as a group." placeholder:"N"`
	Hide       string        `help:"What to leave out: none, or a list of old, ignored, infrastructure, observers." default:"ignored,infrastructure,observers"`
	Within     time.Duration `help:"What was not open for longer counts as missing." placeholder:"D"`
	Format     string        `help:"text, json, junit (a test report) or markdown." enum:"text,json,junit,markdown" default:"text"`
	FailOn     []string      `help:"What ends the command with status 1." enum:"unexpected,forbidden,missing,nothing" default:"unexpected,forbidden,missing"`
}

// maxChart bounds a chart in a file.
const maxChart = 1 << 28

// Run compares what is declared with what is observed.
func (c *Drift) Run(ctx context.Context, g *console.Globals) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Push {
		return c.push(ctx, g)
	}
	var declared *drift.Declaration
	if !c.Init {
		var err error
		if declared, err = c.declaration(ctx); err != nil {
			return err
		}
	}
	seen, err := c.observed(ctx)
	if err != nil {
		return err
	}
	if c.Init {
		return c.begin(g, seen)
	}
	a := drift.Compare(declared, *seen, drift.Options{Within: c.Within})
	if g.JSON {
		c.Format = string(drift.JSON)
	}
	if err := a.Write(g.Out, drift.Format(c.Format)); err != nil {
		return err
	}
	for what, n := range map[string]int{"unexpected": len(a.Unexpected), "forbidden": len(a.Forbidden), "missing": len(a.Missing)} {
		if n > 0 && slices.Contains(c.FailOn, what) {
			return console.ErrTrouble
		}
	}
	return nil
}

func (c *Drift) check() error {
	switch {
	case c.Init && c.DeclaredBy != "":
		return errors.New("--init writes what is seen: --declared-by can't stand beside it")
	case c.File != "" && c.DeclaredBy != "":
		return errors.New("name a file with a declaration, or a monitoring system with --declared-by: not both")
	case c.Push && (c.File == "" || c.Init || c.Topology != ""):
		return errors.New("--push has the server keep a file: name it, and nothing to compare it with")
	case c.Topology != "" && (c.At != "" || c.Focus != "" || c.DeclaredBy != ""):
		return errors.New("--topology is a chart of one moment: --at, --focus and --declared-by ask a server")
	case c.Exact && !c.Init:
		return errors.New("--exact says how --init names nodes: there is no --init")
	}
	return nil
}

func (c *Drift) declaration(ctx context.Context) (*drift.Declaration, error) {
	if c.DeclaredBy != "" {
		return c.dependencies(ctx)
	}
	if c.File == "" {
		return c.kept(ctx)
	}
	raw, err := c.read()
	if err != nil {
		return nil, err
	}
	return drift.Parse(c.shown(), filepath.Base(filepath.Dir(c.File)), raw)
}

// kept is the declaration that the server keeps.
func (c *Drift) kept(ctx context.Context) (*drift.Declaration, error) {
	var k drift.Kept
	if err := c.Get(ctx, "/drift/declaration", &k); err != nil {
		return nil, fmt.Errorf("no file is named, so what the server keeps is asked for: %w", err)
	}
	return k.Parse()
}

// push has the server keep a file.
func (c *Drift) push(ctx context.Context, g *console.Globals) error {
	raw, err := c.read()
	if err != nil {
		return err
	}
	// What is wrong is said of this file, with its way from here.
	if _, err := drift.Parse(c.shown(), filepath.Base(filepath.Dir(c.File)), raw); err != nil {
		return err
	}
	var k drift.Kept
	body := map[string]any{"name": filepath.Base(c.File), "folder": filepath.Base(filepath.Dir(c.File)), "text": string(raw)}
	if err := c.Do(ctx, http.MethodPut, "/drift/declaration", body, &k); err != nil {
		return err
	}
	if g.JSON {
		k.Text = ""
		return console.WriteJSON(g.Out, k)
	}
	_, err = fmt.Fprintf(g.Out, "%s is kept, version %d: %s. dotm drift compares with it.\n", c.shown(), k.Version, console.Counted(k.Rules, "rule", "rules"))
	return err
}

// read reads the file.
func (c *Drift) read() ([]byte, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return nil, fmt.Errorf("reading the declaration: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	raw, err := io.ReadAll(io.LimitReader(f, drift.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the declaration: %w", err)
	}
	return raw, nil
}

// shown is the file as answers name it: as short as it can be from here.
func (c *Drift) shown() string {
	if here, err := os.Getwd(); err == nil {
		if short, is := strings.CutPrefix(c.File, here+string(os.PathSeparator)); is {
			return short
		}
	}
	return c.File
}

// dependencies are what people told a monitoring system.
func (c *Drift) dependencies(ctx context.Context) (*drift.Declaration, error) {
	var list struct {
		Declared []monitor.Relation `json:"declared"`
	}
	if err := c.Get(ctx, "/declared", &list); err != nil {
		return nil, err
	}
	var out []drift.Dependency
	var sources []string
	for i := range list.Declared {
		r := &list.Declared[i]
		sources = append(sources, r.Source)
		if r.Source == c.DeclaredBy && r.Kind == monitor.DependsOn && r.To != nil {
			out = append(out, drift.Dependency{Of: drift.Party(r.Of), To: drift.Party(*r.To)})
		}
	}
	if len(out) == 0 {
		slices.Sort(sources)
		return nil, fmt.Errorf("no dependencies are declared in %q: dotm source list shows the monitoring systems; something is declared in %s",
			c.DeclaredBy, cmp.Or(strings.Join(slices.Compact(sources), ", "), "none"))
	}
	return drift.OfDependencies(c.DeclaredBy, out), nil
}

// observed is the chart, of a server or a file.
func (c *Drift) observed(ctx context.Context) (*drift.Observed, error) {
	if c.Topology != "" {
		t, err := readFile(c.Topology, readChart)
		return &drift.Observed{Topology: t, From: c.Topology}, err
	}
	q := url.Values{"level": {string(view.LevelService)}, "hide": {c.Hide}}
	for name, value := range map[string]string{"at": c.At, "focus": c.Focus} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if c.Hops != nil {
		q.Set("hops", strconv.Itoa(*c.Hops))
	}
	var t view.Topology
	if err := c.Get(ctx, "/topology?"+q.Encode(), &t); err != nil {
		return nil, err
	}
	q.Set("level", string(view.LevelPool))
	q.Del("focus")
	q.Del("hops")
	var pools view.Topology
	if err := c.Get(ctx, "/topology?"+q.Encode(), &pools); err != nil {
		return nil, err
	}
	server, _, err := c.Find(ctx)
	return &drift.Observed{Topology: &t, Titles: drift.Titles(&pools), From: server}, err
}

// readChart reads a chart on level service.
func readChart(r io.Reader) (*view.Topology, error) {
	in := &io.LimitedReader{R: r, N: maxChart + 1}
	var t view.Topology
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		if in.N == 0 {
			return nil, fmt.Errorf("a chart must be at most %d bytes", maxChart)
		}
		return nil, fmt.Errorf("reading the chart: %w: it is what dotm export json or dotm map --json writes", err)
	}
	if t.Level != view.LevelService {
		return nil, fmt.Errorf("level must be service, is %q: dotm export json --level service writes such a chart", string(t.Level))
	}
	return &t, nil
}

// begin writes a first declaration. What is there already is not lost.
func (c *Drift) begin(g *console.Globals, seen *drift.Observed) error {
	if c.File == "" {
		return drift.Initial(g.Out, *seen, c.Exact)
	}
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // for everyone who reads the repository
	if err != nil {
		return fmt.Errorf("writing the declaration: %w", err)
	}
	if err := errors.Join(drift.Initial(f, *seen, c.Exact), f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.File))
	}
	if g.JSON {
		return console.WriteJSON(g.Out, map[string]string{"file": c.File})
	}
	_, err = fmt.Fprintf(g.Out, "%s: read it, say why, and keep it beside what it is about.\n", c.shown())
	return err
}
