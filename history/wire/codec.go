package wire

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// The flags of a connection.
const (
	flagDirected = 1 << iota
	flagOld
	flagOwn
	flagObserver
	flagBothEnds
	flagConfirmed
	flagHealth
	flagRare    // what most connections don't have follows
	flagService // the server's service has the id that its other fields make
	flagEnds    // both ends saw it, the client's first
	flagPlain   // how addresses were resolved is written as it is; see phrase
)

// The sizes that items take at least, to bound what a damaged record claims.
const (
	minService    = 15
	minConnection = 17
)

// node writes a node as JSON: there is one in a record, of many fields. The
// verdict on it follows from its checks.
func (e *encoder) node(n *topology.Node) {
	plain := *n
	plain.Verdict = topology.Verdict{}
	raw, err := json.Marshal(&plain)
	if err != nil {
		panic(fmt.Sprintf("encoding node: %v", err)) // its types always can be
	}
	e.bytes(raw)
}

func (d *decoder) node(n *topology.Node) {
	raw := d.bytes()
	if d.err != nil {
		return
	}
	if err := json.Unmarshal([]byte(raw), n); err != nil {
		d.err = fmt.Errorf("%w: node: %w", ErrCut, err)
		d.fail()
	}
	n.Verdict = topology.Verdict{}
}

func (e *encoder) service(s *topology.Service) {
	e.string(s.ID)
	e.string(s.Node)
	e.string(string(s.Protocol))
	e.uint(uint64(s.Port))
	for _, text := range [...]string{
		s.Process, s.User, string(s.Scope), string(s.State), s.Unit, s.Container, s.Image, s.Pod,
	} {
		e.string(text)
	}
	e.addrs(s.Addresses)
	e.uint(uint64(s.Queue))
	e.uint(uint64(s.QueueMax))
	e.uint(s.Drops)
	e.bool(s.Own)
	e.time(s.FirstSeen)
	e.time(s.LastSeen)
	e.time(s.LastConnection)
	e.int(int64(s.Clients))
}

func (d *decoder) service(s *topology.Service) {
	s.ID = d.string()
	s.Node = d.string()
	s.Protocol = topology.Protocol(d.string())
	s.Port = uint16(d.uint())
	s.Process, s.User = d.string(), d.string()
	s.Scope, s.State = topology.Scope(d.string()), topology.ServiceState(d.string())
	if d.version == 1 {
		d.string() // its status, of which nobody knew anything
	}
	s.Unit, s.Container, s.Image, s.Pod = d.string(), d.string(), d.string(), d.string()
	s.Addresses = d.addrs()
	s.Queue, s.QueueMax, s.Drops = uint32(d.uint()), uint32(d.uint()), d.uint()
	s.Own = d.byte() != 0
	s.FirstSeen, s.LastSeen, s.LastConnection = d.time(), d.time(), d.time()
	s.Clients = int(d.int())
}

func (e *encoder) bool(v bool) {
	if v {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

// connections writes a list: first all ids, then all the rest.
func (e *encoder) connections(list []*topology.Connection) {
	e.uint(uint64(len(list)))
	ids(e, list, func(c *topology.Connection) string { return c.ID })
	for _, c := range list {
		e.connection(c)
	}
}

// connections reads a list, into a room for it if there is one.
func (d *decoder) connections(room []topology.Connection) []topology.Connection {
	list := items(d, room, minConnection)
	for i, id := range d.ids(len(list)) {
		if d.connection(&list[i]); d.err != nil {
			return nil
		}
		list[i].ID = id
	}
	if d.err != nil {
		return nil
	}
	return list
}

// ids writes names of which most are hashes: 16 hexadecimal digits, as 8 bytes.
func (e *encoder) ids(list []string) { ids(e, list, func(id string) string { return id }) }

func ids[T any](e *encoder, list []T, of func(T) string) {
	begin := len(e.buf)
	e.byte(hashSize)
	for _, item := range list {
		if !e.hash(of(item)) {
			e.buf = append(e.buf[:begin], 0)
			for _, item := range list {
				e.id(of(item))
			}
			return
		}
	}
}

// hash writes a name that is a hash; false if it is none.
func (e *encoder) hash(id string) bool {
	if len(id) != 2*hashSize {
		return false
	}
	for i := 0; i < len(id); i += 2 {
		high, low := digit(id[i]), digit(id[i+1])
		if high|low > 15 {
			return false
		}
		e.buf = append(e.buf, high<<4|low)
	}
	return true
}

// digit is the value of a hexadecimal digit as we write it; more than 15 if it is none.
func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 16
}

const hashSize = 8

// ids reads n names, which are good until the next are read.
func (d *decoder) ids(n int) []string {
	if d.byte() == 0 {
		return d.plainIDs(n)
	}
	d.names = d.names[:0]
	text := hexadecimal(d.take(uint64(n) * hashSize))
	for ; len(text) >= 2*hashSize; text = text[2*hashSize:] {
		d.names = append(d.names, text[:2*hashSize])
	}
	return d.names
}

func (d *decoder) plainIDs(n int) []string {
	d.names = d.names[:0]
	for range n {
		d.names = append(d.names, d.id())
	}
	return d.names
}

// hexadecimal is one text, of which all names are parts.
func hexadecimal(raw string) string {
	const digits = "0123456789abcdef"
	var text strings.Builder
	text.Grow(2 * len(raw))
	for i := range len(raw) {
		text.WriteByte(digits[raw[i]>>4])
		text.WriteByte(digits[raw[i]&15])
	}
	return text.String()
}

// connection writes all but the id. What follows from other fields is not written.
func (e *encoder) connection(c *topology.Connection) {
	v := &c.Evidence
	f := flags(
		c.Directed, c.Status == topology.Old, c.Own, c.Observer, v.BothEnds, v.Confirmed, c.Health != nil, rareOf(c),
		ownsService(c), bothEnds(c), strings.IndexByte(v.ClientResolved, 0) >= 0 || strings.IndexByte(v.ServerResolved, 0) >= 0,
	)
	e.uint(f)
	e.again(clientNode, c.Client.Node)
	e.again(clientProcess, c.Client.Process)
	e.again(clientService, c.Client.Service)
	e.again(serverNode, c.Server.Node)
	e.uint(uint64(c.Server.Port))
	e.again(serverProcess, c.Server.Process)
	e.again(protocol, string(c.Protocol))
	if f&flagService == 0 {
		e.string(c.Server.Service)
	}
	e.int(int64(c.Count))
	e.uint(c.Opened)
	e.time(c.FirstSeen)
	e.time(c.LastSeen)
	e.time(c.LastConnection)
	e.evidence(c, f)
	if c.Health != nil {
		e.health(c.Health)
	}
	if f&flagRare != 0 {
		e.string(c.Client.Unit)
		e.string(c.Client.Container)
		e.uint(c.Refused)
		e.uint(c.TimedOut)
		e.uint(c.Failed)
		e.int(int64(c.Peers))
		e.string(string(c.Status))
	}
}

func (d *decoder) connection(c *topology.Connection) {
	f := d.uint()
	c.Directed, c.Own, c.Observer = f&flagDirected != 0, f&flagOwn != 0, f&flagObserver != 0
	c.Evidence.BothEnds, c.Evidence.Confirmed = f&flagBothEnds != 0, f&flagConfirmed != 0
	c.Status = topology.Fresh
	if f&flagOld != 0 {
		c.Status = topology.Old
	}
	c.Client.Node, c.Client.Process, c.Client.Service = d.string(), d.string(), d.string()
	c.Server.Node = d.string()
	c.Server.Port = uint16(d.uint())
	c.Server.Process = d.string()
	c.Protocol = topology.Protocol(d.string())
	if f&flagService != 0 {
		c.Server.Service = d.ownService(c)
	} else {
		c.Server.Service = d.string()
	}
	c.Count, c.Opened = int(d.int()), d.uint()
	c.FirstSeen, c.LastSeen, c.LastConnection = d.time(), d.time(), d.time()
	d.evidence(c, f)
	if f&flagHealth != 0 {
		c.Health = &room(&d.healths, 1)[0]
		d.health(c.Health)
	}
	if f&flagRare != 0 {
		d.rare(c)
	}
}

func (d *decoder) rare(c *topology.Connection) {
	c.Client.Unit, c.Client.Container = d.string(), d.string()
	c.Refused, c.TimedOut, c.Failed = d.uint(), d.uint(), d.uint()
	c.Peers = int(d.int())
	c.Status = topology.ConnectionStatus(d.string())
}

// rareOf says whether a connection has what few have: a status that has no flag
// among it.
func rareOf(c *topology.Connection) bool {
	return c.Client.Unit != "" || c.Client.Container != "" || c.Refused != 0 || c.TimedOut != 0 || c.Failed != 0 || c.Peers != 0 ||
		(c.Status != topology.Fresh && c.Status != topology.Old)
}

// ownsService says whether the server's service has the id that its other fields make.
func ownsService(c *topology.Connection) bool {
	if strings.IndexByte(c.Server.Node, '/') >= 0 {
		return c.Server.Service == ownService(c)
	}
	rest, ok := strings.CutPrefix(c.Server.Service, c.Server.Node)
	if !ok || len(rest) < 1+len(c.Protocol)+1 || rest[0] != '~' || rest[1:1+len(c.Protocol)] != string(c.Protocol) || rest[1+len(c.Protocol)] != '~' {
		return false
	}
	var port [5]byte
	return rest[len(c.Protocol)+2:] == string(strconv.AppendUint(port[:0], uint64(c.Server.Port), 10))
}

// ownService is the id of the one service that listens at the server's end.
func ownService(c *topology.Connection) string {
	return topology.ServiceID(c.Server.Node, c.Protocol, c.Server.Port, netip.Addr{})
}

// ownService is the same, and makes no garbage for most.
func (d *decoder) ownService(c *topology.Connection) string {
	if strings.IndexByte(c.Server.Node, '/') >= 0 {
		return ownService(c)
	}
	var port [5]byte
	return d.texts.join(c.Server.Node, "~", string(c.Protocol), "~", string(strconv.AppendUint(port[:0], uint64(c.Server.Port), 10)))
}

// The ends of a sighting.
const (
	clientEnd = "client"
	serverEnd = "server"
)

// bothEnds says whether a connection was seen by its two nodes, and nobody else.
func bothEnds(c *topology.Connection) bool {
	seen := c.Evidence.SeenBy
	return len(seen) == 2 && seen[0].Node == c.Client.Node && seen[0].End == clientEnd && seen[1].Node == c.Server.Node && seen[1].End == serverEnd
}

func (e *encoder) evidence(c *topology.Connection, f uint64) {
	v := &c.Evidence
	if f&flagEnds != 0 {
		e.time(v.SeenBy[0].At)
		e.time(v.SeenBy[1].At)
	} else {
		e.uint(uint64(len(v.SeenBy)))
		for i := range v.SeenBy {
			e.string(v.SeenBy[i].Node)
			e.string(v.SeenBy[i].End)
			e.time(v.SeenBy[i].At)
		}
	}
	e.again(clientAddress, v.ClientAddress)
	e.again(serverAddress, v.ServerAddress)
	if f&flagPlain != 0 {
		e.string(v.ClientResolved)
		e.string(v.ServerResolved)
		return
	}
	e.phrase(clientResolved, v.ClientResolved, c.Client.Node)
	e.phrase(serverResolved, v.ServerResolved, c.Server.Node)
}

func (d *decoder) evidence(c *topology.Connection, f uint64) {
	v := &c.Evidence
	if f&flagEnds != 0 {
		v.SeenBy = room(&d.sightings, 2)
		v.SeenBy[0] = topology.Sighting{Node: c.Client.Node, End: clientEnd, At: d.time()}
		v.SeenBy[1] = topology.Sighting{Node: c.Server.Node, End: serverEnd, At: d.time()}
	} else if n := d.count(3); n > 0 {
		v.SeenBy = room(&d.sightings, n)
		for i := range v.SeenBy {
			v.SeenBy[i] = topology.Sighting{Node: d.string(), End: d.string(), At: d.time()}
		}
	}
	v.ClientAddress, v.ServerAddress = d.string(), d.string()
	v.ClientResolved, v.ServerResolved = d.string(), d.string()
	if f&flagPlain == 0 {
		v.ClientResolved = d.said(v.ClientResolved, c.Client.Node)
		v.ServerResolved = d.said(v.ServerResolved, c.Server.Node)
	}
}

// phrase writes a sentence about a node with a NUL for its name: so it is the same for
// most nodes.
func (e *encoder) phrase(place int, s, node string) {
	p := &e.places[place]
	if p.set && p.text == s && p.node == node {
		e.uint(p.index << 1)
		return
	}
	p.text, p.node, p.set = s, node, true
	e.scratch = e.scratch[:0]
	for node != "" {
		before, after, found := strings.Cut(s, node)
		if !found {
			break
		}
		e.scratch, s = append(append(e.scratch, before...), 0), after
	}
	e.scratch = append(e.scratch, s...)
	p.index = e.text(e.scratch)
}

// said is what [encoder.phrase] was made of.
func (d *decoder) said(phrase, node string) string {
	i := strings.IndexByte(phrase, 0)
	if i < 0 {
		return phrase
	}
	rest := phrase[i+1:]
	if strings.IndexByte(rest, 0) >= 0 {
		return strings.ReplaceAll(phrase, "\x00", node)
	}
	return d.texts.join(phrase[:i], node, rest)
}

// texts is room for texts that are put together.
type texts struct{ strings.Builder }

// textRoom is how much room is made at a time.
const textRoom = 8 << 10

func (t *texts) join(parts ...string) string {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if t.Cap()-t.Len() < n {
		t.Reset()
		t.Grow(max(n, textRoom))
	}
	begin := t.Len()
	for _, p := range parts {
		t.WriteString(p)
	}
	return t.String()[begin:]
}

// The flags of what the health of few connections has.
const (
	healthRetransmits = 1 << iota
	healthConnecting
	healthCloseWait
)

func (e *encoder) health(h *topology.Health) {
	e.again(healthEnd, h.End)
	for _, v := range [...]uint64{h.RTT, h.RTTVar, h.Sent, h.Received} {
		e.uint(v)
	}
	f := flags(h.Retransmits != 0, h.Connecting != 0 || !h.ConnectingSince.IsZero(), h.CloseWait != 0 || !h.CloseWaitSince.IsZero())
	e.uint(f)
	if f&healthRetransmits != 0 {
		e.float(h.Retransmits)
	}
	if f&healthConnecting != 0 {
		e.int(int64(h.Connecting))
		e.time(h.ConnectingSince)
	}
	if f&healthCloseWait != 0 {
		e.int(int64(h.CloseWait))
		e.time(h.CloseWaitSince)
	}
}

func (d *decoder) health(h *topology.Health) {
	h.End = d.string()
	h.RTT, h.RTTVar, h.Sent, h.Received = d.uint(), d.uint(), d.uint(), d.uint()
	f := d.uint()
	if f&healthRetransmits != 0 {
		h.Retransmits = d.float()
	}
	if f&healthConnecting != 0 {
		h.Connecting, h.ConnectingSince = int(d.int()), d.time()
	}
	if f&healthCloseWait != 0 {
		h.CloseWait, h.CloseWaitSince = int(d.int()), d.time()
	}
}
