package site

import "time"

// Story is a list of faults that come and go one after the other, one in each
// period, of all kinds that the site has targets for. It is not injected yet. The
// first begins at from; each lasts for a part of the period.
func (s *Site) Story(from time.Time, period, lasts time.Duration, n int) []Fault {
	scenes := s.scenes()
	out := make([]Fault, 0, n)
	for i := range n {
		f := scenes[i%len(scenes)]
		f.From = from.Add(time.Duration(i) * period)
		f.To = f.From.Add(lasts)
		out = append(out, f)
	}
	return out
}

// scenes are the faults that a site can have, in the order in which a story tells
// them.
func (s *Site) scenes() (out []Fault) {
	add := func(k Kind, target, with string) {
		f := Fault{Kind: k, Target: target, With: with}
		if s.aim(&fault{Fault: f}) == nil {
			out = append(out, f)
		}
	}
	for i := range s.products {
		p := s.products[i]
		name := func(t Tier) string { return p.name + "/" + string(t) }
		switch i % 4 {
		case 0:
			add(DiskFull, p.first(DB), "")
			add(MemberDies, name(Web), "")
			add(Overload, p.name, "")
		case 1:
			add(ServiceDies, p.first(Cache), "")
			add(Slow, p.first(DB), "")
			add(HostDies, p.last(App), "")
		case 2:
			add(Cut, name(App), name(Queue))
			add(ServiceDies, p.first(DB), "")
			add(MemberDies, name(App), "")
		case 3:
			add(HostDies, p.first(Queue), "")
			add(Slow, name(Search), "")
		}
		if i == 3 {
			break
		}
	}
	if len(out) == 0 { // the smallest sites
		add(ServiceDies, s.products[0].first(App), "")
	}
	return out
}

// first is the first node of a tier, which is the primary of databases; "" if
// there is none.
func (p *product) first(t Tier) string {
	if q := p.pools[t]; q != nil {
		return q.hosts[0].name
	}
	return ""
}

// last is the last node of a tier that is never in reserve.
func (p *product) last(t Tier) string {
	q := p.pools[t]
	if q == nil {
		return ""
	}
	n := len(q.hosts)
	if q.least > 0 {
		n = q.least
	}
	return q.hosts[n-1].name
}
