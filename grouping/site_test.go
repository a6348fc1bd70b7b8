package grouping

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// plan is a site in the making: nodes with what they serve, and calls.
type plan struct {
	blocks map[string]*topology.Block
}

func newPlan() *plan { return &plan{map[string]*topology.Block{}} }

// host adds a node; services are written as "nginx:80", with "/udp" for UDP.
func (p *plan) host(name string, services ...string) {
	kind := topology.Host
	switch {
	case strings.Contains(name, "/"):
		kind = topology.Container
	case name == topology.InternetName:
		kind = topology.Internet
	}
	b := p.blocks[name]
	if b == nil {
		b = &topology.Block{Node: topology.Node{Name: name, Kind: kind, State: topology.Reporting, LastReport: noon}}
		p.blocks[name] = b
	}
	for _, s := range services {
		proto := topology.Protocol("tcp")
		if t, ok := strings.CutSuffix(s, "/udp"); ok {
			s, proto = t, "udp"
		}
		process, text, _ := strings.Cut(s, ":")
		port, err := strconv.Atoi(text)
		if err != nil {
			panic(err)
		}
		id := topology.ServiceID(name, proto, uint16(port), noAddr)
		b.Services = append(b.Services, topology.Service{ID: id, Node: name, Protocol: proto, Port: uint16(port), Process: process, State: topology.Listening})
	}
}

// hosts adds hosts named prefix01 and so on, and returns their names.
func (p *plan) hosts(prefix string, n int, services ...string) []string {
	var out []string
	for i := range n {
		name := fmt.Sprintf("%s%02d", prefix, i+1)
		p.host(name, services...)
		out = append(out, name)
	}
	return out
}

// call adds a connection, unless there is one.
func (p *plan) call(from, process, to, target string, edits ...func(*topology.Connection)) {
	proto := topology.Protocol("tcp")
	if t, ok := strings.CutSuffix(target, "/udp"); ok {
		target, proto = t, "udp"
	}
	port, err := strconv.Atoi(target)
	if err != nil {
		panic(err)
	}
	c := topology.Connection{
		Client: topology.Client{Node: from, Process: process}, Server: topology.Server{Node: to, Port: uint16(port)},
		Protocol: proto, Count: 1, Directed: true, FirstSeen: noon, LastSeen: noon,
	}
	if sb := p.blocks[to]; sb != nil && sb.Service(topology.ServiceID(to, proto, uint16(port), noAddr)) != nil {
		c.Server.Service = topology.ServiceID(to, proto, uint16(port), noAddr)
	}
	for _, e := range edits {
		e(&c)
	}
	c.ID = topology.ConnectionID(&c)
	holder := p.blocks[from]
	if holder.Node.State == topology.Unheard || holder.Node.Kind == topology.Internet {
		holder = p.blocks[to]
	}
	if !slices.ContainsFunc(holder.Connections, func(x *topology.Connection) bool { return x.ID == c.ID }) {
		holder.Connections = append(holder.Connections, &c)
	}
}

// all makes every one of some call every one of others.
func (p *plan) all(from []string, process string, to []string, target string) {
	for _, f := range from {
		for _, t := range to {
			p.call(f, process, t, target)
		}
	}
}

func (p *plan) names() []string {
	var out []string
	for n := range p.blocks {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// snapshot is the site as it is now; the plan may go on.
func (p *plan) snapshot(t testing.TB) *topology.Snapshot {
	t.Helper()
	var blocks []*topology.Block
	for _, n := range p.names() {
		b := p.blocks[n].Clone()
		slices.SortFunc(b.Services, func(x, y topology.Service) int { return strings.Compare(x.ID, y.ID) })
		slices.SortFunc(b.Connections, func(x, y *topology.Connection) int { return strings.Compare(x.ID, y.ID) })
		blocks = append(blocks, b)
	}
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tell writes roles down, by names, for comparing.
func tell(r *Roles) string {
	var b strings.Builder
	for _, g := range r.Groups {
		fmt.Fprintf(&b, "group %s:", g.Name)
		var boxes []string
		for _, m := range g.Members {
			box := m
			if p := r.PoolOf(m); p != nil {
				box = fmt.Sprintf("%s×%d", p.Name, len(p.Members))
			}
			if !slices.Contains(boxes, box) {
				boxes = append(boxes, box)
			}
		}
		slices.Sort(boxes)
		fmt.Fprintln(&b, "", strings.Join(boxes, " "))
	}
	var rest []string
	for _, p := range r.Pools {
		if p.Group == "" && !r.IsShared(p.Members[0]) {
			rest = append(rest, fmt.Sprintf("%s×%d", p.Name, len(p.Members)))
		}
	}
	if len(rest) > 0 {
		slices.Sort(rest)
		fmt.Fprintln(&b, "loose:", strings.Join(rest, " "))
	}
	var shared []string
	for _, n := range r.Shared {
		if p := r.PoolOf(n); p != nil {
			n = fmt.Sprintf("%s×%d", p.Name, len(p.Members))
		}
		if !slices.Contains(shared, n) {
			shared = append(shared, n)
		}
	}
	if len(shared) > 0 {
		fmt.Fprintln(&b, "shared:", strings.Join(shared, " "))
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// port writes a port as call reads it.
func port(number uint16, p topology.Protocol) string {
	if p == "udp" {
		return strconv.Itoa(int(number)) + "/udp"
	}
	return strconv.Itoa(int(number))
}
