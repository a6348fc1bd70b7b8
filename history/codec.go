package history

import (
	"encoding/json"
	"fmt"

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
	flagRare // what most connections don't have follows
)

// The sizes that items take at least, to bound what a damaged record claims.
const (
	minService    = 16
	minConnection = 20
)

// node writes a node as JSON: there is one in a record, of many fields.
func (e *encoder) node(n *topology.Node) {
	raw, err := json.Marshal(n)
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
		d.err = fmt.Errorf("%w: node: %w", errCut, err)
		d.fail()
	}
}

func (e *encoder) service(s *topology.Service) {
	e.string(s.ID)
	e.string(s.Node)
	e.string(string(s.Protocol))
	e.uint(uint64(s.Port))
	for _, text := range []string{
		s.Process, s.User, string(s.Scope), string(s.State), string(s.Status), s.Unit, s.Container, s.Image, s.Pod,
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
	s.Scope, s.State, s.Status = topology.Scope(d.string()), topology.ServiceState(d.string()), topology.Status(d.string())
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

func (e *encoder) connection(c *topology.Connection) {
	e.id(c.ID)
	rare := rareOf(c)
	e.byte(flagsOf(c, rare))
	e.string(c.Client.Node)
	e.string(c.Client.Process)
	e.string(c.Client.Service)
	e.string(c.Server.Node)
	e.uint(uint64(c.Server.Port))
	e.string(c.Server.Process)
	e.string(c.Server.Service)
	e.string(string(c.Protocol))
	e.int(int64(c.Count))
	e.uint(c.Opened)
	e.time(c.FirstSeen)
	e.time(c.LastSeen)
	e.time(c.LastConnection)
	e.evidence(&c.Evidence)
	if c.Health != nil {
		e.health(c.Health)
	}
	if rare {
		e.string(c.Client.Unit)
		e.string(c.Client.Container)
		e.uint(c.Refused)
		e.uint(c.TimedOut)
		e.uint(c.Failed)
		e.int(int64(c.Peers))
		e.string(string(c.Status))
	}
}

// rareOf says whether a connection has what few have: a status that has no flag
// among it.
func rareOf(c *topology.Connection) bool {
	return c.Client.Unit != "" || c.Client.Container != "" || c.Refused != 0 || c.TimedOut != 0 || c.Failed != 0 || c.Peers != 0 ||
		(c.Status != topology.Fresh && c.Status != topology.Old)
}

func flagsOf(c *topology.Connection, rare bool) (flags byte) {
	for _, f := range []struct {
		flag byte
		set  bool
	}{
		{flagDirected, c.Directed},
		{flagOld, c.Status == topology.Old},
		{flagOwn, c.Own},
		{flagObserver, c.Observer},
		{flagBothEnds, c.Evidence.BothEnds},
		{flagConfirmed, c.Evidence.Confirmed},
		{flagHealth, c.Health != nil},
		{flagRare, rare},
	} {
		if f.set {
			flags |= f.flag
		}
	}
	return flags
}

func (d *decoder) connection(c *topology.Connection) {
	c.ID = d.id()
	flags := d.byte()
	c.Directed, c.Own, c.Observer = flags&flagDirected != 0, flags&flagOwn != 0, flags&flagObserver != 0
	c.Status = topology.Fresh
	if flags&flagOld != 0 {
		c.Status = topology.Old
	}
	c.Client.Node, c.Client.Process, c.Client.Service = d.string(), d.string(), d.string()
	c.Server.Node = d.string()
	c.Server.Port = uint16(d.uint())
	c.Server.Process, c.Server.Service = d.string(), d.string()
	c.Protocol = topology.Protocol(d.string())
	c.Count, c.Opened = int(d.int()), d.uint()
	c.FirstSeen, c.LastSeen, c.LastConnection = d.time(), d.time(), d.time()
	d.evidence(&c.Evidence)
	c.Evidence.BothEnds, c.Evidence.Confirmed = flags&flagBothEnds != 0, flags&flagConfirmed != 0
	if flags&flagHealth != 0 {
		c.Health = &room(&d.healths, 1)[0]
		d.health(c.Health)
	}
	if flags&flagRare != 0 {
		c.Client.Unit, c.Client.Container = d.string(), d.string()
		c.Refused, c.TimedOut, c.Failed = d.uint(), d.uint(), d.uint()
		c.Peers = int(d.int())
		c.Status = topology.ConnectionStatus(d.string())
	}
}

func (e *encoder) evidence(v *topology.Evidence) {
	e.uint(uint64(len(v.SeenBy)))
	for i := range v.SeenBy {
		e.string(v.SeenBy[i].Node)
		e.string(v.SeenBy[i].End)
		e.time(v.SeenBy[i].At)
	}
	e.string(v.ClientAddress)
	e.string(v.ServerAddress)
	e.string(v.ClientResolved)
	e.string(v.ServerResolved)
}

func (d *decoder) evidence(v *topology.Evidence) {
	if n := d.count(3); n > 0 {
		v.SeenBy = room(&d.sightings, n)
		for i := range v.SeenBy {
			v.SeenBy[i] = topology.Sighting{Node: d.string(), End: d.string(), At: d.time()}
		}
	}
	v.ClientAddress, v.ServerAddress = d.string(), d.string()
	v.ClientResolved, v.ServerResolved = d.string(), d.string()
}

func (e *encoder) health(h *topology.Health) {
	e.string(h.End)
	for _, v := range []uint64{h.RTT, h.RTTVar, h.Sent, h.Received} {
		e.uint(v)
	}
	e.float(h.Retransmits)
	e.int(int64(h.Connecting))
	e.time(h.ConnectingSince)
	e.int(int64(h.CloseWait))
	e.time(h.CloseWaitSince)
}

func (d *decoder) health(h *topology.Health) {
	h.End = d.string()
	h.RTT, h.RTTVar, h.Sent, h.Received = d.uint(), d.uint(), d.uint(), d.uint()
	h.Retransmits = d.float()
	h.Connecting, h.ConnectingSince = int(d.int()), d.time()
	h.CloseWait, h.CloseWaitSince = int(d.int()), d.time()
}
