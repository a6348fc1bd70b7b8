package site

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// Report is what a node's agent sees at a moment; nil if no host of the name
// runs. Of a host that was shut down or is rebooting it is once its agent's last word:
// [report.Report.Leaving], and no row; who dies says nothing. Moments of a site don't go back: if at is after [Site.Now], the site
// advances to it; reports of all nodes must be asked for in the order of their
// moments. The report is the caller's.
func (s *Site) Report(node string, at time.Time) *report.Report {
	s.Advance(at)
	span := time.Duration(0)
	if h := s.byName[node]; h != nil && h.told != 0 {
		span = time.Duration(s.now-h.told) * time.Millisecond
	}
	return s.ReportOver(node, at, span)
}

// ReportOver is [Site.Report] for an agent whose look before was so long ago, whenever
// it was asked for; 0 is an agent's first look.
func (s *Site) ReportOver(node string, at time.Time, span time.Duration) *report.Report {
	s.Advance(at)
	h := s.byName[node]
	if h == nil || h.dead != 0 || h.off && h.leaving == "" {
		return nil
	}
	s.judge()
	l := look{Site: s, host: h, span: span.Milliseconds()}
	h.told = s.now
	h.sequence++
	if h.off {
		l.head()
		l.out.Leaving, h.leaving = h.leaving, ""
		return &l.out
	}
	return l.take()
}

// look is one at a host.
type look struct {
	*Site
	host    *host
	span    int64 // milliseconds since the one before; 0 if there was none
	out     report.Report
	healths []report.Health
	index   map[string]int // of containers, from 1
	opened  uint64
}

// head says who reports.
func (l *look) head() {
	h := l.host
	l.out = report.Report{
		Version: report.Version,
		Node:    report.Node{Name: h.name, Identity: report.Identity{Kind: report.IdentityMachine, Value: h.machine}},
		Agent: report.Agent{
			Version: l.opt.Version, Method: "sock_diag",
			Instance: fmt.Sprintf("%016x%016x", h.machineHalf(h.boot), h.machineHalf(h.boot+1<<32)),
		},
		Sequence: h.sequence, Time: l.Now(), SpanMS: l.span, IntervalMS: l.opt.Interval.Milliseconds(),
	}
}

func (l *look) take() *report.Report {
	l.head()
	r := &l.out
	l.interfaces()
	l.listeners()
	l.connections()
	l.coverage()
	r.Steady()
	return r
}

// machineHalf is a number that tells the starts of a host apart.
func (h *host) machineHalf(n uint64) uint64 { return hash(h.id, n, 8) }

var (
	loopback4 = netip.MustParsePrefix("127.0.0.1/8")
	loopback6 = netip.MustParsePrefix("::1/128")
	bridge    = netip.MustParsePrefix("172.17.0.1/16")
	everyone  = netip.IPv6Unspecified()
)

func (l *look) interfaces() {
	h, r := l.host, &l.out
	r.Interfaces = []report.Interface{
		{Name: "lo", Addresses: []netip.Prefix{loopback4, loopback6}},
		{Name: "eth0", Addresses: []netip.Prefix{netip.PrefixFrom(h.address, h.network)}},
	}
	if !h.docker {
		return
	}
	r.Interfaces = append(r.Interfaces, report.Interface{Name: "docker0", Addresses: []netip.Prefix{bridge}})
	l.index = map[string]int{}
	for _, p := range h.processes {
		if p.container == "" || !p.up() {
			continue
		}
		r.Containers = append(r.Containers, report.Container{
			Name: p.container, ID: fmt.Sprintf("%016x%016x", hash(p.id, p.starts), hash(p.id, p.starts, 1)), Runtime: "docker", Image: p.image,
		})
		l.index[p.container] = len(r.Containers)
		if p.namespace {
			r.Namespaces = append(r.Namespaces, report.Namespace{Container: p.container, Addresses: []netip.Addr{inside}})
		}
	}
}

// pid is the number of a process since it was started.
func (p *process) pid() int { return 400 + int(hash(p.id, p.starts, 2)%60_000) }

func (l *look) listeners() {
	r := &l.out
	r.Listeners = make([]report.Listener, 0, 4)
	for _, p := range l.host.processes {
		if p.port == 0 || !p.up() {
			continue
		}
		row := report.Listener{
			Protocol: p.protocol, Address: everyone, Dual: true, Port: p.port,
			Process: p.name, PID: p.pid(), User: p.user, Unit: p.unit, Container: l.index[p.container], Own: p.name == "dotm",
		}
		if p.protocol == report.TCP {
			row.QueueMax = 511
			row.Queue, row.Drops = l.backlog(p)
		}
		r.Listeners = append(r.Listeners, row)
	}
	slices.SortFunc(r.Listeners, func(a, b report.Listener) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port))
	})
}

// backlog is what waits before a process that is too slow for what comes.
func (l *look) backlog(p *process) (queue uint32, drops uint64) {
	switch f := p.slowed(); {
	case p.jammed:
		return 512, whole(0.4*float64(l.span)/1000, hash(p.id, uint64(l.now)))
	case f > 5 && p.host.pool.tier == App:
		return uint32(200 + hash(p.id, uint64(l.now/minute))%312), whole(0.1*float64(l.span)/1000, hash(p.id, uint64(l.now)))
	case f > 1:
		return uint32(hash(p.id, uint64(l.now/minute)) % 40), 0
	}
	return 0, 0
}

func (l *look) connections() {
	h, r := l.host, &l.out
	r.Connections = make([]report.Connection, 0, len(h.in)+len(h.out))
	l.healths = make([]report.Health, 0, len(h.in)+len(h.out))
	for _, k := range h.in {
		if k.server.up() {
			l.incoming(k)
		}
	}
	for _, k := range h.out {
		if k.client.up() {
			l.outgoing(k)
		}
	}
	slices.SortStableFunc(r.Connections, func(a, b report.Connection) int { return cmp.Compare(a.Namespace, b.Namespace) })
}

// incoming adds a row of the server's end. Clients of one host are one row.
func (l *look) incoming(k *link) {
	n := l.numbers(k, false)
	if n.idle() {
		return
	}
	p, r := k.server, &l.out
	if last := len(r.Connections) - 1; last >= 0 && k.client != nil {
		if c := &r.Connections[last]; c.Direction == report.In && c.Port == k.port && c.Protocol == k.protocol && c.Peer == k.clientAddress() {
			n.addTo(c)
			for _, t := range k.named(n.count, true) {
				c.Tuples = least(slices.Clone(c.Tuples), t, report.MaxTuples)
			}
			l.opened += n.opened
			return
		}
	}
	c := report.Connection{
		Direction: report.In, Protocol: k.protocol, Process: p.name, PID: p.pid(), User: p.user, Unit: p.unit, Container: l.index[p.container],
		Peer: k.clientAddress(), PeerNetwork: k.folded, Peers: k.peers, Port: k.port, Local: everyone, Called: p.host.address,
		Own: p.name == "dotm",
	}
	l.add(&c, &n, k.named(n.count, true))
}

// outgoing adds a row of the client's end.
func (l *look) outgoing(k *link) {
	n := l.numbers(k, true)
	if n.idle() {
		return
	}
	p := k.client
	c := report.Connection{
		Namespace: p.space(), Direction: report.Out, Protocol: k.protocol, Process: p.name, PID: p.pid(), User: p.user, Unit: p.unit,
		Container: l.index[p.container], Peer: k.serverAddress(), Port: k.port, Own: p.name == "dotm",
	}
	l.add(&c, &n, k.named(n.count, false))
}

// add adds a row with its numbers.
func (l *look) add(c *report.Connection, n *numbers, tuples []uint64) {
	c.Count, c.Opened, c.Refused, c.TimedOut, c.Tuples = n.count, n.opened, n.refused, n.timedOut, tuples
	if c.Protocol == report.TCP {
		l.opened += n.opened + n.refused + n.timedOut
	}
	if n.health != (report.Health{}) {
		l.healths = append(l.healths, n.health)
		c.Health = &l.healths[len(l.healths)-1]
	}
	l.out.Connections = append(l.out.Connections, *c)
}

func (l *look) coverage() {
	r := &l.out
	sockets := len(r.Listeners)
	for i := range r.Connections {
		sockets += r.Connections[i].Count
	}
	r.Coverage = report.Coverage{Sockets: sockets, OpensBy: "kernel", OpensSeen: l.opened, OpensKernel: l.opened}
	cost := 1200 + int64(sockets)*3 + int64(hash(l.host.id, uint64(l.now))%400)
	r.Cost = report.Cost{CPUMicros: cost, WallMicros: cost * 2, ProcessMicros: cost * 3 / 2, RSSBytes: 14<<20 + int64(sockets)*300}
}
