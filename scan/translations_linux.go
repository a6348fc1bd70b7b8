package scan

import (
	"context"
	"errors"
	"net/netip"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/conntrack"
	"github.com/devops-trouble-map/dotm/scan/owners"
)

// translations finds out who is really at the other end of sockets whose
// connections the host's address translation changes: those of the host, and of
// its containers, which go through the host.
//
// A connection's translation never changes, so that each socket is asked about
// once. The whole table is read in the first look and then now and then, for it
// costs the kernel a walk over a table that all namespaces share.
type translations struct {
	reader *conntrack.Reader
	table  conntrack.Table
	look   uint32
	// behind are the services that were met behind an address that was called.
	behind  map[called]met
	reason  error // why there are none, this time
	waiting int   // sockets that were not asked about in this look
}

// called is an address that clients call.
type called struct {
	protocol report.Protocol
	address  netip.AddrPort
}

// met is the one service behind an address; the zero address if there were
// several.
type met struct {
	service netip.AddrPort
	look    uint32 // when it was last met
}

const (
	// translatedEvery is in how many looks the whole table is read.
	translatedEvery = 6
	// maxAsked is how many sockets are asked about in one look, some ten
	// microseconds each.
	maxAsked = 2000
	// maxBehind bounds what is remembered of services behind addresses, and
	// forgetBehind for how many looks.
	maxBehind    = 10_000
	forgetBehind = 360
)

func newTranslations(proc string) *translations {
	return &translations{reader: conntrack.New(conntrack.Options{Proc: proc}), behind: map[called]met{}}
}

// apply tells of each socket who is really there. It must run on a thread in
// the host's network namespace.
func (t *translations) apply(ctx context.Context, list []fold.Socket, known []*owners.Holding) error {
	t.look++
	t.reason, t.waiting = nil, 0
	peer, done, err := t.open(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		t.reason = err
		return nil
	}
	defer done()
	asked := 0
	for i := range list {
		s := &list[i]
		if s.Remote.Port() == 0 || s.Remote.Addr().IsLoopback() && s.Local.Addr().IsLoopback() {
			continue
		}
		h := known[i]
		if h != nil && h.Asked {
			s.Real = h.Real
			continue
		}
		if asked++; asked > maxAsked && t.look%translatedEvery != 1 {
			t.waiting++
			continue
		}
		real, ok, err := peer(s.Protocol, s.Local, s.Remote)
		if err != nil {
			t.reason = err
			return nil
		}
		if ok {
			s.Real = &real
			t.learn(called{s.Protocol, s.Remote}, real)
		}
		if h != nil {
			h.Asked, h.Real = true, s.Real
		}
	}
	return nil
}

// peerFinder tells who is really at the other end of a socket.
type peerFinder func(p report.Protocol, local, remote netip.AddrPort) (real netip.AddrPort, ok bool, err error)

// open gives what can be asked in this look: the whole table, or the kernel.
func (t *translations) open(ctx context.Context) (peerFinder, func(), error) {
	if t.look%translatedEvery == 1 {
		if err := t.reader.Read(ctx, &t.table); err != nil {
			return nil, nil, err
		}
		t.learnTable()
		return t.inTable, func() {}, nil
	}
	f, err := t.reader.Open()
	if err != nil {
		return nil, nil, err
	}
	return f.Peer, func() { _ = f.Close() }, nil
}

func (t *translations) inTable(p report.Protocol, local, remote netip.AddrPort) (real netip.AddrPort, ok bool, err error) {
	if real, ok = t.table.Behind(p, local, remote); !ok {
		real, ok = t.table.Caller(p, local, remote)
	}
	return real, ok, nil
}

// learnTable learns from connections that may have closed already.
func (t *translations) learnTable() {
	for c, m := range t.behind {
		if t.look-m.look > forgetBehind {
			delete(t.behind, c)
		}
	}
	for f := range t.table.All() {
		if f.Destination() {
			t.learn(called{f.Protocol, f.Called}, f.Server)
		}
	}
}

func (t *translations) learn(c called, service netip.AddrPort) {
	m, known := t.behind[c]
	if !known && len(t.behind) >= maxBehind {
		return
	}
	if known && m.service != service {
		service = netip.AddrPort{}
	}
	t.behind[c] = met{service, t.look}
}

// service is the one service that was met behind an address that was called.
func (t *translations) service(p report.Protocol, address netip.AddrPort) (netip.AddrPort, bool) {
	m := t.behind[called{p, address}]
	return m.service, m.service.IsValid()
}

// forwards are what the host sends elsewhere of what calls its own addresses.
func (t *translations) forwards(own []netip.Addr) []report.Forward {
	if t.table.Len() == 0 {
		return nil
	}
	ours := setOf(own)
	return t.table.Forwards(func(a netip.Addr) bool { return ours[a] && !a.IsLoopback() })
}

// sources are the connections of others that the host lets out under its own
// addresses.
func (t *translations) sources(own []netip.Addr) []report.Source {
	if t.table.Len() == 0 {
		return nil
	}
	ours := setOf(own)
	return t.table.Sources(func(a netip.Addr) bool { return ours[a] })
}

func setOf(list []netip.Addr) map[netip.Addr]bool {
	set := make(map[netip.Addr]bool, len(list))
	for _, a := range list {
		set[a] = true
	}
	return set
}

// describe says what could not be seen.
func (t *translations) describe(n *notes) {
	switch {
	case t.reason == nil, errors.Is(t.reason, conntrack.ErrInactive):
	case errors.Is(t.reason, conntrack.ErrRefused):
		n.add("translations", "Connections through address translation end at the address that was called: reading them is not permitted.",
			"The services behind: run dotm as root, or with CAP_NET_ADMIN")
	default:
		n.add("translations", "Connections through address translation end at the address that was called: "+t.reason.Error()+".", "")
	}
	if t.table.LeftOut > 0 {
		n.add("translations-truncated", "So many connections are translated that some were left out.", "")
	}
}
