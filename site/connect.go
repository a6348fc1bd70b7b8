package site

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/report"
)

// traffic is how much there is between two tiers, for each pair of hosts.
type traffic struct {
	open, rate, rtt, sent, got float64
	steady                     bool
}

// connect links a client with a server.
func (s *Site) connect(c, v *process, t traffic) *link {
	l := &link{
		id: hash(c.id, v.id), client: c, server: v, protocol: v.protocol, port: v.port,
		open: t.open, rate: t.rate, rtt: t.rtt * (0.7 + 0.6*unit(hash(c.id, v.id, 1))), sent: t.sent, got: t.got, steady: t.steady,
	}
	if q := c.host.pool; q.product != nil {
		l.product = q.product
	}
	c.host.out = append(c.host.out, l)
	v.host.in = append(v.host.in, l)
	return l
}

// each links every client with up to fan servers, so that each of them has about
// as many clients.
func (s *Site) each(clients, servers []*process, fan int, t traffic) {
	for i, c := range clients {
		n := min(fan, len(servers))
		for k := range n {
			v := servers[(i*n+k)%len(servers)]
			if v.host != c.host {
				s.connect(c, v, t)
			}
		}
	}
}

func (p *product) servers(t Tier) []*process {
	if q := p.pools[t]; q != nil {
		return q.servers()
	}
	return nil
}

// wants has the processes of a pool need another one.
func (p *product) wants(t, on Tier, optional bool) {
	q := p.pools[on]
	if q == nil {
		return
	}
	for _, c := range p.servers(t) {
		c.needs = append(c.needs, need{q, optional})
	}
}

// entry is the outermost tier of a product that it has.
func (p *product) entry() Tier {
	for _, t := range []Tier{Edge, Web, App} {
		if p.pools[t] != nil {
			return t
		}
	}
	return DB
}

// connectProduct links the tiers of a product, and the product with others.
func (s *Site) connectProduct(p *product) {
	fan := s.opt.Fan
	edge, web, app := p.servers(Edge), p.servers(Web), p.servers(App)
	s.each(edge, web, max(fan, len(web)), traffic{open: 12, rate: 6, rtt: 220, sent: 40e3, got: 900e3})
	front, frontTier := web, Web
	if len(web) == 0 {
		front, frontTier = edge, Edge
	}
	s.each(front, app, fan, traffic{open: 8, rate: 4, rtt: 260, sent: 30e3, got: 300e3})
	s.each(app, p.servers(Cache), fan, traffic{open: 4, rate: 0.05, rtt: 180, sent: 60e3, got: 400e3})
	s.each(app, p.servers(Search), min(fan, 4), traffic{open: 3, rate: 0.3, rtt: 420, sent: 15e3, got: 90e3})
	s.each(app, p.servers(Queue), min(fan, 3), traffic{open: 2, rate: 0.01, rtt: 240, sent: 20e3, got: 2e3})
	s.each(p.servers(Batch), p.servers(Queue), fan, traffic{open: 3, rate: 0.01, rtt: 240, sent: 4e3, got: 25e3})
	s.connectData(p, app)
	for _, q := range []Tier{Queue, Search, Cache} {
		s.cluster(p.servers(q))
	}
	p.wants(Edge, Web, false)
	p.wants(frontTier, App, false)
	p.wants(App, DB, false)
	p.wants(App, Cache, false)
	p.wants(App, Search, true)
	p.wants(App, Queue, true)
	p.wants(Batch, Queue, false)
	p.wants(Batch, DB, false)
	s.connectOthers(p, app)
	s.connectOutside(p)
}

// connectData links what reads and writes the databases: the first is the primary,
// the others follow it and are read only.
func (s *Site) connectData(p *product, app []*process) {
	dbs := p.servers(DB)
	if len(dbs) == 0 {
		return
	}
	s.each(app, dbs[:1], 1, traffic{open: 6, rate: 0.1, rtt: 300, sent: 25e3, got: 120e3})
	s.each(app, dbs[1:], 3, traffic{open: 4, rate: 0.1, rtt: 300, sent: 12e3, got: 240e3})
	for _, replica := range dbs[1:] {
		s.connect(replica, dbs[0], traffic{open: 1, rtt: 260, sent: 500, got: 180e3})
		replica.needs = append(replica.needs, need{&pool{tier: DB, hosts: dbs[0].host.pool.hosts[:1]}, true})
	}
	for i, w := range p.servers(Batch) {
		s.connect(w, dbs[i%len(dbs)], traffic{open: 2, rate: 0.02, rtt: 320, sent: 8e3, got: 60e3})
	}
	// Every hour a job reads all of the day.
	if jobs := p.servers(Batch); len(jobs) > 0 {
		job := s.run(jobs[0].host, program{"nightly-report", "app", "report.service", "", "", 0, report.TCP})
		l := s.connect(job, dbs[len(dbs)-1], traffic{open: 5, rate: 0.05, rtt: 350, sent: 3e3, got: 6e6, steady: true})
		l.from = int(hash(s.opt.Seed, uint64(p.index), 9) % 40)
		l.to = l.from + 12
	}
}

// cluster links the members of a pool that keeps data together, each with the one
// after it.
func (s *Site) cluster(members []*process) {
	for i, m := range members {
		if next := members[(i+1)%len(members)]; next.host != m.host && i < (i+1)%len(members) {
			s.connect(m, next, traffic{open: 2, rtt: 200, sent: 9e3, got: 9e3, steady: true})
		}
	}
}

// connectOthers has a product use some of those before it, through their entry.
func (s *Site) connectOthers(p *product, app []*process) {
	if p.index == 0 {
		return
	}
	r := source{hash(s.opt.Seed, uint64(p.index), 2)}
	for range min(p.index, 1+r.below(2)) {
		other := s.products[r.below(min(p.index, 6))]
		entry := other.servers(other.entry())
		for i, c := range app {
			if v := entry[i%len(entry)]; !linked(c, v) {
				s.connect(c, v, traffic{open: 2, rate: 0.4, rtt: 400, sent: 6e3, got: 18e3})
			}
		}
		q := other.pools[other.entry()]
		for _, c := range app {
			c.needs = append(c.needs, need{q, true})
		}
	}
}

func linked(c, v *process) bool {
	return slices.ContainsFunc(c.host.out, func(l *link) bool { return l.client == c && l.server == v })
}

// outsideNetworks are for documentation (RFC 5737): nobody's.
var outsideNetworks = []netip.Prefix{
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("198.51.100.0/24"),
}

// PartnerNetwork is the outside network that some products call.
var PartnerNetwork = netip.MustParsePrefix("192.0.2.0/24")

// connectOutside links the entry of a product with the Internet, and its
// applications with a partner's interface.
func (s *Site) connectOutside(p *product) {
	r := source{hash(s.opt.Seed, uint64(p.index), 3)}
	for _, v := range p.servers(p.entry()) {
		for i := range 6 + r.below(10) {
			n := outsideNetworks[r.below(2)]
			a := n.Addr().As4()
			a[3] = byte(10 + r.below(240))
			l := s.visitor(p, v, netip.AddrFrom4(a), uint64(i))
			if l == nil {
				continue
			}
			l.open, l.rate, l.sent, l.got = r.between(1, 5), r.between(0.05, 0.4), r.between(1e3, 9e3), r.between(9e3, 90e3)
		}
		for i, n := range outsideNetworks {
			a := n.Addr().As4()
			a[3] = 7
			l := s.visitor(p, v, netip.AddrFrom4(a), uint64(100+i))
			if l == nil {
				continue
			}
			l.folded, l.peers = n, 80+r.below(150)
			l.open, l.rate, l.sent, l.got = r.between(60, 300), r.between(9, 40), r.between(90e3, 400e3), r.between(2e6, 9e6)
		}
	}
	if p.index%4 > 1 {
		return
	}
	for _, c := range p.servers(App) {
		a := PartnerNetwork.Addr().As4()
		a[3] = byte(10 + p.index%40)
		l := &link{
			id: hash(c.id, 77), client: c, outside: netip.AddrFrom4(a), protocol: report.TCP, port: 443, product: p,
			open: 1.4, rate: 0.2, rtt: r.between(9e3, 40e3), sent: 4e3, got: 7e3,
		}
		c.host.out = append(c.host.out, l)
	}
}

// visitor is a link from outside; nil if there is one from the address.
func (s *Site) visitor(p *product, v *process, from netip.Addr, i uint64) *link {
	if slices.ContainsFunc(v.host.in, func(l *link) bool { return l.server == v && l.outside == from && !l.folded.IsValid() }) {
		return nil
	}
	l := &link{
		id: hash(v.id, 5, i), server: v, outside: from, protocol: v.protocol, port: v.port, product: p,
		rtt: 8e3 + 60e3*unit(hash(v.id, 6, i)),
	}
	v.host.in = append(v.host.in, l)
	return l
}

// sortLinks puts links into the order of a report's rows.
func (h *host) sortLinks() {
	slices.SortStableFunc(h.out, func(a, b *link) int {
		return cmp.Or(
			cmp.Compare(a.client.space(), b.client.space()), cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.port, b.port),
			a.serverAddress().Compare(b.serverAddress()), cmp.Compare(a.client.name, b.client.name),
		)
	})
	slices.SortStableFunc(h.in, func(a, b *link) int {
		return cmp.Or(
			cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.port, b.port),
			a.clientAddress().Compare(b.clientAddress()), cmp.Compare(a.server.name, b.server.name),
		)
	})
}

// space is the network namespace of a process in its host's reports.
func (p *process) space() int {
	if p.namespace {
		return 1
	}
	return 0
}

// inside is where containers with a network of their own have their address.
var inside = netip.MustParseAddr("172.17.0.2")

// serverAddress is where a client finds the server.
func (l *link) serverAddress() netip.Addr {
	if l.server == nil {
		return l.outside
	}
	return l.server.host.address
}

// clientAddress is where the server sees the client.
func (l *link) clientAddress() netip.Addr {
	if l.client == nil {
		return l.outside
	}
	return l.client.host.address
}
