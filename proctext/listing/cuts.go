package listing

import (
	"fmt"
	"net/netip"

	"github.com/devops-trouble-map/dotm/proctext/listing/endpoint"
)

// loopback gives the ends of a row that are called localhost their address,
// where the row's family is known and the other end agrees.
func (r *Row) loopback(fam endpoint.Family) {
	addr := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if fam == endpoint.Six {
		addr = netip.IPv6Loopback()
	}
	ends := []*Endpoint{&r.Local, &r.Remote}
	for i, e := range ends {
		other := ends[1-i]
		if fam != endpoint.AnyFamily && e.LoopbackName() && (other.LoopbackName() || other.Port == 0 || other.Addr.IsLoopback()) {
			e.Addr = addr
		}
	}
	for _, e := range ends {
		if e.Addr.IsValid() {
			e.Name = ""
		}
	}
}

// The widths at which address columns are cut unless wide ones are asked for
// (-W): net-tools cuts the address so that it has, with its port, 23
// characters; BSD cuts an address at 16 characters, and the whole at the
// column's width.
const (
	linuxWhole = 23
	bsdHost    = 16
	bsdWhole   = 22
)

// markCuts marks the addresses that may have been cut. One that is as long as
// the column permits may be whole or the beginning of a longer one; unless the
// listing has longer ones, nothing tells which.
func (p *parser) markCuts() {
	wide := map[kind]bool{}
	for _, s := range p.shapes {
		for _, w := range []span{s.local, s.remote} {
			if s.kind == netstatLinux && w.whole > linuxWhole || s.kind == netstatBSD && w.host > bsdHost {
				wide[s.kind] = true
			}
		}
	}
	for i, s := range p.shapes {
		r := &p.out.Rows[i]
		r.Remote.Cut = mayBeCut(&r.Remote, s.kind, s.remote, wide[s.kind])
		r.Local.Cut = mayBeCut(&r.Local, s.kind, s.local, wide[s.kind])
		for _, e := range []*Endpoint{&r.Local, &r.Remote} {
			if e.Cut && e.Addr.IsValid() {
				e.Name = e.Addr.String()
			}
		}
		p.tellCut(r)
	}
}

// mayBeCut tells whether an endpoint may have been cut.
func mayBeCut(e *Endpoint, k kind, w span, wide bool) bool {
	long := e.Addr.Is6() || !e.Addr.IsValid() && e.Name != "" && e.Name != "*"
	full := k == netstatLinux && w.whole == linuxWhole || k == netstatBSD && w.host == bsdHost
	return e.Cut || long && full && !wide
}

// tellCut makes a row's cut address known, the remote one if both are.
func (p *parser) tellCut(r *Row) {
	name := r.Remote.Name
	if !r.Remote.Cut {
		name = r.Local.Name
	}
	if r.Local.Cut || r.Remote.Cut {
		p.out.Cuts = true
		p.problemAt(r.Line, fmt.Sprintf("address %s may be cut", endpoint.Quote(name)), "list with whole addresses: option -W")
	}
}
