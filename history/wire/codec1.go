package wire

import "github.com/devops-trouble-map/dotm/topology"

// This file reads connections as versions 1 and 2 have them. Their flags are the first eight
// of today's.

const minConnection1 = 20

func (d *decoder) connection1(c *topology.Connection) {
	c.ID = d.id()
	f := uint64(d.byte())
	c.Directed, c.Own, c.Observer = f&flagDirected != 0, f&flagOwn != 0, f&flagObserver != 0
	c.Status = topology.Fresh
	if f&flagOld != 0 {
		c.Status = topology.Old
	}
	c.Client.Node, c.Client.Process, c.Client.Service = d.string(), d.string(), d.string()
	c.Server.Node = d.string()
	c.Server.Port = uint16(d.uint())
	c.Server.Process, c.Server.Service = d.string(), d.string()
	c.Protocol = topology.Protocol(d.string())
	c.Count, c.Opened = int(d.int()), d.uint()
	c.FirstSeen, c.LastSeen, c.LastConnection = d.time(), d.time(), d.time()
	d.evidence(c, flagPlain)
	c.Evidence.BothEnds, c.Evidence.Confirmed = f&flagBothEnds != 0, f&flagConfirmed != 0
	if f&flagHealth != 0 {
		c.Health = &room(&d.healths, 1)[0]
		d.health1(c.Health)
	}
	if f&flagRare != 0 {
		d.rare(c)
	}
}

func (d *decoder) health1(h *topology.Health) {
	h.End = d.string()
	h.RTT, h.RTTVar, h.Sent, h.Received = d.uint(), d.uint(), d.uint(), d.uint()
	h.Retransmits = d.float()
	h.Connecting, h.ConnectingSince = int(d.int()), d.time()
	h.CloseWait, h.CloseWaitSince = int(d.int()), d.time()
}
