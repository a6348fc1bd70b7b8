package export

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// PageMark is the first line of every page that [Pages] makes: who writes them into a
// folder knows by it which of the files there may be replaced.
const PageMark = "<!-- Written by dotm export markdown: changes are lost. -->"

// The bounds of a documentation.
const (
	maxPages   = 100_000
	maxPicture = 60 // boxes that one picture shows
	maxRows    = 500
)

// Page is a file of a documentation.
type Page struct {
	Name string // "nodes/db1.md", in letters that every file system has
	Body []byte
}

// pages makes a documentation.
type pages struct {
	*Chart
	names
	files    map[string]string // by kind and name: "node\x00db1"
	groups   map[string][]*view.Node
	services map[string][]*view.Service
	ids      map[string]*view.Service
	nodes    map[string]*view.Node
	in, out  map[string][]*view.Connection // by node
	to, from map[string][]*view.Connection // by service
	checks   map[string][]Monitored        // by node
}

// Pages is a chart on level service as a documentation: one page for each group, node
// and service, and an index. Nothing in it moves by itself: no counts, no states, of
// times the day alone since when something is known; so a page changes when what it is
// about does. Known are the checks that are listed.
func Pages(c *Chart, known []Monitored) ([]Page, error) {
	if c.Level != view.LevelService {
		return nil, fmt.Errorf("pages are made of a chart on level service, this is one on level %s", c.Level)
	}
	if n := len(c.Nodes) + len(c.Services); n > maxPages {
		return nil, fmt.Errorf("this chart would make %d pages, at most %d are written: take a part of it with --focus and --hops", n, maxPages)
	}
	p := newPages(c, known)
	out := []Page{p.page("README.md", p.index)}
	for _, g := range p.groupIDs() {
		out = append(out, p.page(p.files["group\x00"+g], func(d *sheet) { p.group(d, g) }))
	}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		out = append(out, p.page(p.files["node\x00"+n.Name], func(d *sheet) { p.node(d, n) }))
	}
	for i := range c.Services {
		s := &c.Services[i]
		out = append(out, p.page(p.files["service\x00"+s.ID], func(d *sheet) { p.service(d, s) }))
	}
	return out, nil
}

func newPages(c *Chart, known []Monitored) *pages {
	p := &pages{
		Chart: c, names: c.names(), files: map[string]string{}, groups: map[string][]*view.Node{}, services: map[string][]*view.Service{},
		ids: map[string]*view.Service{}, nodes: map[string]*view.Node{}, checks: map[string][]Monitored{},
		in: map[string][]*view.Connection{}, out: map[string][]*view.Connection{}, to: map[string][]*view.Connection{}, from: map[string][]*view.Connection{},
	}
	nodes, services, groups := make([]string, 0, len(c.Nodes)), make([]string, 0, len(c.Services)), make([]string, 0, len(c.Nodes))
	for i := range c.Nodes {
		n := &c.Nodes[i]
		nodes = append(nodes, n.Name)
		p.nodes[n.Name] = n
		if n.Group != "" {
			groups = append(groups, n.Group)
			p.groups[n.Group] = append(p.groups[n.Group], n)
		}
	}
	for i := range c.Services {
		s := &c.Services[i]
		services = append(services, s.ID)
		p.ids[s.ID] = s
		p.services[s.Node] = append(p.services[s.Node], s)
	}
	for i := range c.Connections {
		e := &c.Connections[i]
		p.out[e.Client.Node] = append(p.out[e.Client.Node], e)
		p.in[e.Server.Node] = append(p.in[e.Server.Node], e)
		p.from[e.Client.Service] = append(p.from[e.Client.Service], e)
		p.to[e.Server.Service] = append(p.to[e.Server.Service], e)
	}
	for _, m := range known {
		p.checks[m.Node] = append(p.checks[m.Node], m)
	}
	p.nameFiles("node", "nodes", nodes)
	p.nameFiles("service", "services", services)
	p.nameGroups(groups)
	return p
}

func (p *pages) nameFiles(kind, folder string, names []string) {
	for name, s := range slugs(names, "-._") {
		p.files[kind+"\x00"+name] = folder + "/" + s + ".md"
	}
}

// nameGroups names the files of groups by what people call them; of those that are
// called the same by their ids.
func (p *pages) nameGroups(groups []string) {
	by := map[string][]string{}
	slices.Sort(groups)
	for _, g := range slices.Compact(groups) {
		s := slug(strings.ToLower(p.groupTitle(g)), "-._")
		by[s] = append(by[s], g)
	}
	for s, list := range by {
		for _, g := range list {
			if len(list) > 1 {
				s = slug(g, "-._")
			}
			p.files["group\x00"+g] = "groups/" + s + ".md"
		}
	}
}

func (p *pages) groupTitle(id string) string {
	for i := range p.Lanes {
		if p.Lanes[i].ID == id {
			return laneName(&p.Lanes[i])
		}
	}
	return clean(id)
}

func (p *pages) groupIDs() []string {
	out := make([]string, 0, len(p.groups))
	for g := range p.groups {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(strings.Compare(p.groupTitle(a), p.groupTitle(b)), strings.Compare(a, b))
	})
	return out
}

// sheet is a page that is being written.
type sheet struct {
	bytes.Buffer
	*pages
	name string
}

func (p *pages) page(name string, write func(*sheet)) Page {
	d := &sheet{pages: p, name: name}
	d.put(PageMark, "\n\n")
	write(d)
	return Page{name, d.Bytes()}
}

func (d *sheet) put(texts ...string) {
	for _, t := range texts {
		d.WriteString(t)
	}
}

// head is a page's title, and what it isn't.
func (d *sheet) head(title string) {
	d.put("# ", escapeMarkdown(title), "\n\n")
	for _, mark := range d.marks() {
		d.put("**", strings.ToUpper(mark[:1]), escapeMarkdown(mark[1:]), ".** ")
	}
	if d.Past {
		d.put("**This is the past:** how it was then. ")
	}
	if d.name != "README.md" {
		d.put("[All](../README.md)\n")
	}
}

// link is a link to the page of something; its name alone if there is no page.
func (d *sheet) link(kind, name, text string) string {
	file, is := d.files[kind+"\x00"+name]
	if !is {
		return escapeMarkdown(text)
	}
	if dir := path.Dir(d.name); dir == path.Dir(file) {
		file = path.Base(file)
	} else if dir != "." {
		file = "../" + file
	}
	return "[" + escapeMarkdown(text) + "](" + file + ")"
}

func (d *sheet) nodeLink(name string) string { return d.link("node", name, d.of(name)) }

// table writes a table whose cells are escaped; without rows it says none.
func (d *sheet) table(title, none string, head []string, rows [][]string) {
	d.put("\n## ", title, "\n\n")
	if len(rows) == 0 {
		d.put(none, "\n")
		return
	}
	d.put("| ", strings.Join(head, " | "), " |\n|", strings.Repeat(" --- |", len(head)), "\n")
	slices.SortFunc(rows, slices.Compare)
	rows = slices.CompactFunc(rows, slices.Equal[[]string])
	for _, row := range rows[:min(maxRows, len(rows))] {
		d.put("| ", strings.Join(row, " | "), " |\n")
	}
	if n := len(rows) - maxRows; n > 0 {
		d.put("\n", fmt.Sprintf("And %d more.", n), "\n")
	}
}

// facts are what a thing is, a line for each that is known.
func (d *sheet) facts(list ...[2]string) {
	d.put("\n")
	for _, f := range list {
		if f[1] != "" {
			d.put("- ", f[0], ": ", f[1], "\n")
		}
	}
}

// day is since when something is known; "" if that is not known.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02")
}

// index is the page that leads to all others.
func (p *pages) index(d *sheet) {
	d.head("What runs here")
	d.put("As dotm sees it in the sockets of the hosts: ", escapeMarkdown(p.heading()), ".")
	if p.URL != "" {
		d.put(" [The live chart](", linkTo(p.URL, "#/chart"), ").")
	}
	d.put("\n")
	rows := make([][]string, 0, len(p.groups))
	for _, g := range p.groupIDs() {
		rows = append(rows, []string{d.link("group", g, p.groupTitle(g)), strconv.Itoa(len(p.groups[g]))})
	}
	d.table("Groups", "No group is known.", []string{"Group", "Nodes"}, rows)
	p.picture(d, p.groupPicture())
	rows = nil
	for i := range p.Nodes {
		n := &p.Nodes[i]
		rows = append(rows, []string{d.nodeLink(n.Name), string(n.Kind), p.groupCell(d, n), strconv.Itoa(len(p.services[n.Name]))})
	}
	d.table("Nodes", "No node is known.", []string{"Node", "Kind", "Group", "Services"}, rows)
}

func (p *pages) groupCell(d *sheet, n *view.Node) string {
	if n.Group == "" {
		return ""
	}
	return d.link("group", n.Group, p.groupTitle(n.Group))
}

// group is the page of a group.
func (p *pages) group(d *sheet, id string) {
	d.head("Group " + p.groupTitle(id))
	inside := map[string]bool{}
	rows, services := make([][]string, 0, len(p.groups[id])), [][]string{}
	for _, n := range p.groups[id] {
		inside[n.Name] = true
		rows = append(rows, []string{d.nodeLink(n.Name), string(n.Kind), poolTitle(p.Chart, n)})
		for _, s := range p.services[n.Name] {
			services = append(services, []string{d.nodeLink(n.Name), d.link("service", s.ID, p.serviceTitle(s))})
		}
	}
	d.table("Nodes", "", []string{"Node", "Kind", "Pool"}, rows)
	d.table("Services", "No service is known.", []string{"Node", "Service"}, services)
	p.uses(d, "Who uses it", "Nobody outside of it was seen to use it.", func(e *view.Connection) bool { return inside[e.Server.Node] && !inside[e.Client.Node] })
	p.uses(d, "What it uses", "It was seen to use nothing outside of it.", func(e *view.Connection) bool { return inside[e.Client.Node] && !inside[e.Server.Node] })
	p.picture(d, p.nodePicture(inside, ""))
}

func poolTitle(c *Chart, n *view.Node) string {
	return escapeMarkdown(clean(cmp.Or(c.Titles[n.Pool], n.Pool)))
}

// node is the page of a node.
func (p *pages) node(d *sheet, n *view.Node) {
	d.head(titleOf(n))
	addresses := make([]string, 0, len(n.Addresses))
	for _, a := range n.Addresses {
		addresses = append(addresses, a.String())
	}
	slices.Sort(addresses)
	speaks := "it reports itself"
	if n.State == topology.Unheard {
		speaks = "known from others only, as it doesn't report"
	}
	d.facts(
		[2]string{"Kind", string(n.Kind)}, [2]string{"Group", p.groupCell(d, n)}, [2]string{"Pool", poolTitle(p.Chart, n)},
		[2]string{"Zone", escapeMarkdown(clean(n.Zone))}, [2]string{"Addresses", escapeMarkdown(some(addresses))},
		[2]string{"Seen", speaks}, [2]string{"Known since", day(n.FirstSeen)}, [2]string{"Serves everyone", yes(n.Shared)},
	)
	rows := make([][]string, 0, len(p.services[n.Name]))
	for _, s := range p.services[n.Name] {
		rows = append(rows, []string{d.link("service", s.ID, p.serviceTitle(s)), day(s.FirstSeen)})
	}
	d.table("Services", "No service is known.", []string{"Service", "Since"}, rows)
	p.edges(d, "Who uses it", "Nobody was seen to use it.", p.in[n.Name], true)
	p.edges(d, "What it uses", "It was seen to use nothing.", p.out[n.Name], false)
	p.checked(d, p.checks[n.Name])
	near := map[string]bool{n.Name: true}
	for _, e := range p.in[n.Name] {
		near[e.Client.Node] = true
	}
	for _, e := range p.out[n.Name] {
		near[e.Server.Node] = true
	}
	p.picture(d, p.nodePicture(near, n.Name))
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}

// service is the page of a service.
func (p *pages) service(d *sheet, s *view.Service) {
	d.head(p.of(s.Node) + " " + p.serviceTitle(s))
	addresses := make([]string, 0, len(s.Addresses))
	for _, a := range s.Addresses {
		addresses = append(addresses, a.String())
	}
	slices.Sort(addresses)
	d.facts(
		[2]string{"Node", d.nodeLink(s.Node)}, [2]string{"Process", escapeMarkdown(process(s.Process))},
		[2]string{"Port", escapeMarkdown(fmt.Sprintf("%s %d", s.Protocol, s.Port))}, [2]string{"Listens on", escapeMarkdown(some(addresses))},
		[2]string{"Unit", escapeMarkdown(clean(s.Unit))}, [2]string{"Container", escapeMarkdown(clean(s.Container))},
		[2]string{"Image", escapeMarkdown(clean(s.Image))}, [2]string{"Known since", day(s.FirstSeen)},
	)
	p.edges(d, "Who uses it", "Nobody was seen to use it.", p.to[s.ID], true)
	p.edges(d, "What it uses", "It was seen to use nothing.", p.from[s.ID], false)
	var checks []Monitored
	for _, m := range p.checks[s.Node] {
		if m.Service == s.ID {
			checks = append(checks, m)
		}
	}
	p.checked(d, checks)
	near := map[string]bool{s.Node: true}
	for _, e := range p.to[s.ID] {
		near[e.Client.Node] = true
	}
	for _, e := range p.from[s.ID] {
		near[e.Server.Node] = true
	}
	p.picture(d, p.nodePicture(near, s.Node))
}

func (p *pages) serviceTitle(s *view.Service) string {
	return process(s.Process) + " " + portText(s.Protocol, s.Port)
}

// server is the service of a connection, as a link.
func (p *pages) server(d *sheet, e *view.Connection) string {
	if s := p.ids[e.Server.Service]; s != nil {
		return d.link("service", s.ID, p.serviceTitle(s))
	}
	text := clean(e.Server.Process)
	if e.Server.Port != 0 {
		text = strings.TrimSpace(text + " " + portText(e.Protocol, e.Server.Port))
	}
	return escapeMarkdown(text)
}

// edges are connections of one thing: at the other end of each is a client, or a server.
func (p *pages) edges(d *sheet, title, none string, list []*view.Connection, clients bool) {
	rows := make([][]string, 0, len(list))
	for _, e := range list {
		other, direction := e.Server.Node, ""
		if clients {
			other = e.Client.Node
		}
		if !e.Directed {
			direction = "direction not known"
		}
		who := ""
		if e.Client.Process != "" {
			who = escapeMarkdown(clean(e.Client.Process))
		}
		rows = append(rows, []string{d.nodeLink(other), who, p.server(d, e), direction})
	}
	head := []string{"Server", "Process that calls", "Service", ""}
	if clients {
		head[0] = "Client"
	}
	d.table(title, none, head, rows)
}

// uses are connections over the border of a group.
func (p *pages) uses(d *sheet, title, none string, is func(*view.Connection) bool) {
	var rows [][]string
	for i := range p.Connections {
		if e := &p.Connections[i]; is(e) {
			rows = append(rows, []string{d.nodeLink(e.Client.Node), d.nodeLink(e.Server.Node), p.server(d, e)})
		}
	}
	d.table(title, none, []string{"Client", "Server", "Service"}, rows)
}

// checked are the checks of monitoring systems, whatever they say now.
func (p *pages) checked(d *sheet, list []Monitored) {
	rows := make([][]string, 0, len(list))
	for i := range list {
		m := &list[i]
		name, about := clean(m.Name), "the node"
		if name == "" {
			name = "the host itself"
		}
		about = escapeMarkdown(about)
		if s := p.ids[m.Service]; s != nil {
			about = d.link("service", s.ID, p.serviceTitle(s))
		}
		rows = append(rows, []string{escapeMarkdown(clean(m.Source)), escapeMarkdown(clean(m.Host)), escapeMarkdown(name), about})
	}
	d.table("Checks", "No check is known.", []string{"Source", "Host", "Check", "About"}, rows)
}

// sketch is a picture of Mermaid: boxes by name, and who calls whom.
type sketch struct {
	boxes map[string]string
	edges map[[2]string]bool
}

// nodePicture shows nodes and the connections among them; those of one node alone, if
// it is named.
func (p *pages) nodePicture(of map[string]bool, center string) sketch {
	g := sketch{map[string]string{}, map[[2]string]bool{}}
	for n := range of {
		g.boxes[n] = p.of(n)
	}
	for n := range of {
		for _, e := range p.out[n] {
			if of[e.Server.Node] && e.Server.Node != n && (center == "" || n == center || e.Server.Node == center) {
				g.edges[[2]string{n, e.Server.Node}] = true
			}
		}
	}
	return g
}

// groupPicture shows groups and the connections among them.
func (p *pages) groupPicture() sketch {
	g := sketch{map[string]string{}, map[[2]string]bool{}}
	for id := range p.groups {
		g.boxes[id] = p.groupTitle(id)
	}
	for i := range p.Connections {
		from, to := p.nodes[p.Connections[i].Client.Node], p.nodes[p.Connections[i].Server.Node]
		if from != nil && to != nil && from.Group != to.Group && from.Group != "" && to.Group != "" {
			g.edges[[2]string{from.Group, to.Group}] = true
		}
	}
	return g
}

// picture draws it, if it is one that can be looked at.
func (p *pages) picture(d *sheet, g sketch) {
	if len(g.edges) == 0 || len(g.boxes) > maxPicture {
		return
	}
	names := make([]string, 0, len(g.boxes))
	for n := range g.boxes {
		names = append(names, n)
	}
	slices.Sort(names)
	ids := slugs(names, "_")
	d.put("\n```mermaid\nflowchart LR\n")
	for _, n := range names {
		d.put("  n_", ids[n], "[", quoteMermaid(g.boxes[n]), "]\n")
	}
	edges := make([]string, 0, len(g.edges))
	for e := range g.edges {
		edges = append(edges, "  n_"+ids[e[0]]+" --> n_"+ids[e[1]]+"\n")
	}
	slices.Sort(edges)
	d.put(edges...)
	d.put("```\n")
}
