package limit

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
)

// Connections bounds how many connections are open, in all and from one address.
// Nobody is kept out by others: where there is no room, an idle connection of the
// address that has most makes some, and else the oldest of its, as long as that
// address has more than the newcomer's. HTTP clients take another one when they
// need it.
type Connections struct {
	most, each int

	mu     sync.Mutex
	of     map[netip.Addr][]*conn // the oldest first
	total  int
	counts Counts
}

// Counts is what became of connections.
type Counts struct {
	Open int
	// Crowded is how many were closed for others of their address, MadeRoom how
	// many for those of other addresses, and Refused how many were never served.
	Crowded, MadeRoom, Refused uint64
}

// NewConnections bounds them; 0 is no bound.
func NewConnections(most, perAddress int) *Connections {
	return &Connections{most: orMost(most), each: orMost(perAddress), of: map[netip.Addr][]*conn{}}
}

// Lower bounds them to fewer in all, as the process may have no more.
func (c *Connections) Lower(most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = min(c.most, most)
}

// Counts are those of now.
func (c *Connections) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.counts
	n.Open = c.total
	return n
}

// listener accepts within bounds.
type listener struct {
	net.Listener
	conns *Connections
	many  []netip.Prefix
}

// Listener accepts what l does, within bounds. From the networks of proxies there
// may be any number from one address: they speak for many.
func (c *Connections) Listener(l net.Listener, proxies []netip.Prefix) net.Listener {
	return &listener{l, c, proxies}
}

// Accept is part of [net.Listener]. One that finds no room is closed, and the
// next is waited for.
func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err //nolint:wrapcheck // net/http knows it
		}
		if c := l.conns.admit(raw, l.many); c != nil {
			return c, nil
		}
		_ = raw.Close() // nobody was told anything yet
	}
}

// conn is one that is counted.
type conn struct {
	net.Conn
	conns *Connections
	from  netip.Addr
	busy  bool // a request is being answered; guarded by conns.mu
	gone  sync.Once
}

// Close is part of [net.Conn].
func (c *conn) Close() error {
	c.gone.Do(func() { c.conns.forget(c) })
	return c.Conn.Close() //nolint:wrapcheck // net/http knows it
}

// CloseWrite ends one direction, as net/http does before it waits for the other
// end to go.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite() //nolint:wrapcheck // net/http knows it
	}
	return nil
}

// admit counts a connection, or says by nil that there is no room. Whom it makes
// go is closed at once.
func (c *Connections) admit(raw net.Conn, many []netip.Prefix) *conn {
	from := addressOf(raw)
	n := &conn{Conn: raw, conns: c, from: Of(from)}
	c.mu.Lock()
	var going *conn
	switch own := len(c.of[n.from]); {
	case own >= c.each && !slices.ContainsFunc(many, func(p netip.Prefix) bool { return p.Contains(from) }):
		if going = idle(c.of[n.from]); going == nil {
			c.counts.Refused++
			c.mu.Unlock()
			return nil
		}
		c.counts.Crowded++
	case c.total >= c.most:
		if going = c.greediest(own); going == nil {
			c.counts.Refused++
			c.mu.Unlock()
			return nil
		}
		c.counts.MadeRoom++
	}
	c.of[n.from] = append(c.of[n.from], n)
	c.total++
	c.mu.Unlock()
	if going != nil {
		_ = going.Close() // its client takes another
	}
	return n
}

// greediest is the connection that makes room: of the address that has most, if that
// has more than own.
func (c *Connections) greediest(own int) *conn {
	var from netip.Addr
	for a, list := range c.of {
		if len(list) > len(c.of[from]) {
			from = a
		}
	}
	list := c.of[from]
	if len(list) <= own {
		return nil
	}
	if i := idle(list); i != nil {
		return i
	}
	return list[0]
}

// idle is the oldest of them on which nothing is asked; nil if there is none.
func idle(list []*conn) *conn {
	for _, c := range list {
		if !c.busy {
			return c
		}
	}
	return nil
}

func (c *Connections) forget(n *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.of[n.from]
	i := slices.Index(list, n)
	if i < 0 {
		return
	}
	c.total--
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(c.of, n.from)
	} else {
		c.of[n.from] = list
	}
}

// State is for [http.Server.ConnState]: it tells what is idle.
func (c *Connections) State(raw net.Conn, state http.ConnState) {
	if under, ok := raw.(interface{ NetConn() net.Conn }); ok { // TLS
		raw = under.NetConn()
	}
	n, ok := raw.(*conn)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n.busy = state == http.StateActive
}

func addressOf(c net.Conn) netip.Addr {
	at, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return at.AddrPort().Addr().Unmap().WithZone("")
}
