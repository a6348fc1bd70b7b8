package report

import (
	"crypto/sha256"
	"encoding/hex"
	"math/bits"
	"net/netip"
	"strconv"
)

// Structure names the structure of a valid report: who reports, where, and
// which rows there are, without any number that changes from look to look. Two
// reports of one structure differ in numbers alone, so that a [Beat] can tell
// one from the other by rows.
//
// It is the first half of the SHA-256 of a text, in hex. The text has one line
// for each thing, in the report's order, with fields that are separated by tabs
// (names hold no control characters) and addresses without zone:
//
//	node        name, kind and value of the identity, zone
//	agent       version, method, instance
//	interface   name, addresses
//	namespace   container, addresses
//	container   name, id, runtime, image, pod, its namespace
//	listener    namespace, protocol, address, dual, port, process, user, unit, container, own
//	connection  namespace, direction, protocol, process, user, unit, container,
//	            peer, network of peers, port, local, called, local port, via, own
//	forward     protocol, from, to
//	source      protocol, the binary digits of count, client, as, server: beats
//	            tell no counts of sources, which are needed roughly
//	note        code, text, hint
func Structure(r *Report) string {
	t := canon{buf: make([]byte, 0, 1024+128*(len(r.Listeners)+len(r.Connections)))}
	t.line("node", r.Node.Name, r.Node.Identity.Kind, r.Node.Identity.Value, r.Zone)
	t.line("agent", r.Agent.Version, r.Agent.Method, r.Agent.Instance)
	for _, in := range r.Interfaces {
		t.line("interface", in.Name)
		for _, p := range in.Addresses {
			t.buf = p.AppendTo(append(t.buf, '\t'))
		}
	}
	for _, ns := range r.Namespaces {
		t.line("namespace", ns.Container)
		for _, a := range ns.Addresses {
			t.address(a)
		}
	}
	for _, c := range r.Containers {
		t.line("container", c.Name, c.ID, c.Runtime, c.Image, c.Pod, c.PodNamespace)
	}
	for i := range r.Listeners {
		t.listener(&r.Listeners[i])
	}
	for i := range r.Connections {
		t.connection(r.Connections[i].Edge())
	}
	for _, f := range r.Forwards {
		t.line("forward", string(f.Protocol))
		t.port(f.From)
		t.port(f.To)
	}
	for _, s := range r.Sources {
		t.line("source", string(s.Protocol), strconv.Itoa(bits.Len(uint(max(s.Count, 0)))))
		t.address(s.Client)
		t.address(s.As)
		t.port(s.Server)
	}
	for _, n := range r.Notes {
		t.line("note", n.Code, n.Text, n.Hint)
	}
	sum := sha256.Sum256(t.buf)
	return hex.EncodeToString(sum[:len(sum)/2])
}

// canon is the text under [Structure] in the making.
type canon struct{ buf []byte }

// line begins a new line.
func (t *canon) line(fields ...string) {
	for i, f := range fields {
		end := byte('\t')
		if i == 0 {
			end = '\n'
		}
		t.buf = append(append(t.buf, end), f...)
	}
}

func (t *canon) more(fields ...string) {
	for _, f := range fields {
		t.buf = append(append(t.buf, '\t'), f...)
	}
}

func (t *canon) number(n int) { t.buf = strconv.AppendInt(append(t.buf, '\t'), int64(n), 10) }

func (t *canon) flag(b bool) { t.buf = strconv.AppendBool(append(t.buf, '\t'), b) }

func (t *canon) address(a netip.Addr) {
	plain(&a)
	t.buf = append(t.buf, '\t')
	if a.IsValid() {
		t.buf = a.AppendTo(t.buf)
	}
}

func (t *canon) port(a netip.AddrPort) {
	t.address(a.Addr())
	t.number(int(a.Port()))
}

func (t *canon) listener(l *Listener) {
	t.line("listener")
	t.number(l.Namespace)
	t.more(string(l.Protocol))
	t.address(l.Address)
	t.flag(l.Dual)
	t.number(int(l.Port))
	t.more(l.Process, l.User, l.Unit)
	t.number(l.Container)
	t.flag(l.Own)
}

func (t *canon) connection(e Edge) {
	t.line("connection")
	t.number(e.Namespace)
	t.more(string(e.Direction), string(e.Protocol), e.Process, e.User, e.Unit)
	t.number(e.Container)
	t.address(e.Peer)
	t.buf = append(t.buf, '\t')
	if e.PeerNetwork.IsValid() {
		t.buf = e.PeerNetwork.AppendTo(t.buf)
	}
	t.number(int(e.Port))
	t.address(e.Local)
	t.address(e.Called)
	t.number(int(e.LocalPort))
	t.port(e.Via)
	t.flag(e.Own)
}

// Edge is what makes a row of connections itself: all of [Connection] but the
// numbers that a [Beat] tells. It can be compared.
type Edge struct {
	Namespace, Container int
	Direction            Direction
	Protocol             Protocol
	Process, User, Unit  string
	Peer                 netip.Addr
	PeerNetwork          netip.Prefix
	Port, LocalPort      uint16
	Local, Called        netip.Addr
	Via                  netip.AddrPort
	Own                  bool
}

// Edge is the row without its numbers.
func (c *Connection) Edge() Edge {
	return Edge{
		Namespace: c.Namespace, Container: c.Container, Direction: c.Direction, Protocol: c.Protocol,
		Process: c.Process, User: c.User, Unit: c.Unit, Peer: c.Peer, PeerNetwork: c.PeerNetwork,
		Port: c.Port, LocalPort: c.LocalPort, Local: c.Local, Called: c.Called, Via: c.Via, Own: c.Own,
	}
}

// Connection is a row of the edge, with no numbers.
func (e *Edge) Connection() Connection {
	return Connection{
		Namespace: e.Namespace, Container: e.Container, Direction: e.Direction, Protocol: e.Protocol,
		Process: e.Process, User: e.User, Unit: e.Unit, Peer: e.Peer, PeerNetwork: e.PeerNetwork,
		Port: e.Port, LocalPort: e.LocalPort, Local: e.Local, Called: e.Called, Via: e.Via, Own: e.Own,
	}
}
