// Package look is dotm scan: one look at a machine, or one after the other, as text or JSON.
package look

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/devops-trouble-map/dotm/agent"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/resolve"
	"github.com/devops-trouble-map/dotm/scan"
)

// Scan is dotm scan.
type Scan struct {
	Address string `arg:"" optional:"" help:"Look at another machine: ssh://USER@HOST[:PORT]. Without it, at this one." placeholder:"ADDRESS"`

	Wide       bool          `help:"Show every peer and every column, and cut nothing."`
	Namespaces string        `help:"Network namespaces to look at: own, all, or the name of one. Without it: all from the host's own, else the own one." placeholder:"own|all|NAME"`
	Resolve    bool          `help:"Ask DNS for the names of peers. Without it nothing leaves this machine: names come from /etc/hosts and from what was seen."`
	Watch      bool          `help:"Look again and again until Ctrl-C. New rows are marked with +, those that closed with -." xor:"mode"`
	Interval   time.Duration `help:"Time between two looks of --watch." default:"2s"`
	Explain    bool          `help:"Say what a look can see here and what not, why, and how to grant it." xor:"mode"`

	remoteFlags
}

// Run looks at a machine, once or again and again.
func (c *Scan) Run(ctx context.Context, g *console.Globals) error {
	if err := agent.CheckInterval(c.Interval); err != nil {
		return fmt.Errorf("--%w", err)
	}
	if err := c.checkRemote(); err != nil {
		return err
	}
	if c.Explain {
		return c.explain(ctx, g)
	}
	if !c.Watch {
		defer withoutCollector()()
	}
	looker, end, err := c.looker(g)
	if err != nil {
		return err
	}
	defer end()
	if c.Watch {
		tick := time.NewTicker(c.Interval)
		defer tick.Stop()
		return c.watch(ctx, g, looker, tick.C)
	}
	r, err := look(ctx, looker)
	if err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, r)
	}
	return c.print(ctx, g, r)
}

// looker is what takes the looks. end gives back what it holds.
func (c *Scan) looker(g *console.Globals) (l looker, end func(), err error) {
	if c.Address != "" {
		l, err = c.remote(g, c.Address)
		return l, func() {}, err
	}
	scanner, err := scan.New(c.options())
	if err != nil {
		return nil, nil, fmt.Errorf("preparing to look at this machine: %w", err)
	}
	return here{scanner}, func() { _ = scanner.Close() }, nil // the process ends
}

// here looks at this machine.
type here struct{ *scan.Scanner }

// Scan takes a look.
func (h here) Scan(ctx context.Context) (*report.Report, error) {
	r, err := h.Scanner.Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking at this machine: %w", err)
	}
	return r, nil
}

func (c *Scan) options() scan.Options {
	return scan.Options{OwnPIDs: scan.SameProgram(), Networks: c.Namespaces, OneLook: !c.Watch}
}

// looker takes looks; a [scan.Scanner] is one.
type looker interface {
	Scan(ctx context.Context) (*report.Report, error)
}

// look takes one look, and adds what a scanner doesn't know.
func look(ctx context.Context, l looker) (*report.Report, error) {
	r, err := l.Scan(ctx)
	if err != nil {
		return nil, err
	}
	r.Version, r.Agent.Version = report.Version, console.Version
	return r, nil
}

// maxMemory is from what size of the heap on a single look collects garbage.
const maxMemory = 256 << 20

// withoutCollector switches garbage collection off, for a program that ends
// Before there is much. The limits of GOGC and GOMEMLIMIT are put back by what
// it returns.
func withoutCollector() (restore func()) {
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		debug.SetMemoryLimit(maxMemory)
	}
	percent := debug.SetGCPercent(-1)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

// print prints one look.
func (c *Scan) print(ctx context.Context, g *console.Globals, r *report.Report) error {
	_, err := g.Out.Write(c.newPage(table.ScreenOf(g.Out)).look(ctx, r))
	return err
}

// page is how looks are printed.
type page struct {
	table.Screen
	wide   bool
	marked bool // rows begin with a mark
	folded bool // some peers are not shown
	names  *resolve.Names
	hosts  string // the file with names of hosts
}

func (c *Scan) newPage(s table.Screen) *page {
	if c.Wide {
		s.Width = 0
	}
	p := &page{Screen: s, wide: c.Wide, names: &resolve.Names{}, hosts: resolve.HostsFile}
	if c.Resolve {
		p.names.DNS = resolve.NewDNS(nil)
	}
	return p
}

// look is one look as text.
func (p *page) look(ctx context.Context, r *report.Report) []byte {
	p.know(ctx, r)
	sections := arrange(r, p.wide)
	p.finish(sections)
	b := p.tables(nil, sections)
	if len(b) > 0 {
		b = append(b, '\n')
	}
	b = append(b, summary(r)...)
	return p.notes(append(b, '\n'), r)
}

// know learns the names of a report's addresses.
func (p *page) know(ctx context.Context, r *report.Report) {
	_ = p.names.ReadHosts(p.hosts) // without it, addresses are shown
	p.names.Forget()
	for _, i := range r.Interfaces {
		for _, a := range i.Addresses {
			p.names.Know(a.Addr(), r.Node.Name)
		}
	}
	for _, n := range r.Namespaces {
		for _, a := range n.Addresses {
			p.names.Know(a, n.Container)
		}
	}
	if p.names.DNS == nil {
		return
	}
	peers := make([]netip.Addr, 0, len(r.Connections))
	for i := range r.Connections {
		peers = append(peers, r.Connections[i].Peer)
	}
	p.names.Ask(ctx, peers)
}

func (p *page) finish(sections []*section) {
	p.folded = false
	for _, s := range sections {
		p.folded = s.finish(p.wide) || p.folded
	}
}

// tables appends the tables of all sections that have rows.
func (p *page) tables(b []byte, sections []*section) []byte {
	between := func() {
		if len(b) > 0 {
			b = append(b, '\n')
		}
	}
	for _, s := range sections {
		if len(s.services)+len(s.edges) == 0 {
			continue
		}
		if s.title != "" {
			between()
			b = append(p.Colour(b, table.Heading, s.title), '\n')
		} else if len(s.services) > 0 {
			between()
		}
		b = p.services(s).Append(b, p.Screen)
		if len(s.edges) > 0 && len(s.services) > 0 {
			b = append(b, '\n')
		}
		b = p.connections(s).Append(b, p.Screen)
	}
	return b
}

// summary is how much was seen, at what cost, and how.
func summary(r *report.Report) string {
	return console.Counted(len(r.Listeners), "service", "services") + ", " +
		console.Counted(len(r.Connections), "connection", "connections") + " from " +
		console.Counted(r.Coverage.Sockets, "socket", "sockets") + " in " +
		strconv.FormatFloat(float64(r.Cost.WallMicros)/1e3, 'f', 1, 64) + " ms (" + r.Agent.Method + ")."
}

// notes says what could not be seen, a line each.
func (p *page) notes(b []byte, r *report.Report) []byte {
	if p.folded {
		b = append(b, "Some peers are not shown: --wide shows all.\n"...)
	}
	for _, n := range r.Notes {
		b = append(b, console.Printable(console.NoteText(n))...)
		b = append(b, '\n')
	}
	return b
}
