package main

import (
	"net/netip"
	"strconv"

	"github.com/devops-trouble-map/dotm/report"
)

// services makes the table of a section's services.
func (p *page) services(s *section) *table {
	columns := []column{{title: "SERVICE"}, {title: "PROTO"}, {title: "LISTENS ON"}, {title: "USER"}}
	if p.wide {
		columns = append(columns, column{"PID", true})
		columns = append(columns, placeColumns...)
	} else {
		columns = append(columns, column{title: "BELONGS TO"})
	}
	columns = append(columns, column{"CLIENTS", true}, column{title: "QUEUE"})
	t := newTable(len(s.services), p.marked, columns...)
	cells := make([]cell, 0, len(columns))
	for i := range s.services {
		v := &s.services[i]
		cells = append(cells[:0], named(orHidden(v.Process)), plain(string(v.Protocol)), plain(listenText(v.Listener)), named(orDash(v.User)))
		if p.wide {
			cells = append(cells, plain(pidText(v.PID)))
			cells = placeCells(cells, s, v.Unit, v.room)
		} else {
			cells = append(cells, named(v.place))
		}
		t.add(v.mark, append(cells, plain(number(uint64(v.clients))), queueText(v.Listener))...)
	}
	return t
}

// connections makes the table of a section's connections.
func (p *page) connections(s *section) *table {
	columns := []column{{title: "CONNECTION"}}
	if p.wide {
		columns = append(columns, column{title: "ADDRESS"})
	}
	columns = append(columns, column{title: "PROTO"}, column{"OPEN", true}, column{"OPENED", true})
	if p.wide {
		columns = append(columns, healthColumns...)
		columns = append(columns, column{title: "USER"}, column{"PID", true})
		columns = append(columns, placeColumns...)
		columns = append(columns, column{title: "LOCAL"}, column{title: "VIA"})
	} else {
		columns = append(columns, column{"RTT", true}, column{title: "TROUBLE"})
	}
	t := newTable(len(s.edges), p.marked, columns...)
	cells := make([]cell, 0, len(columns))
	for _, e := range s.edges {
		cells = append(cells[:0], p.edgeCell(e))
		if p.wide {
			cells = append(cells, plain(p.addressOf(e)))
		}
		cells = append(cells, plain(string(e.Protocol)), plain(strconv.Itoa(e.Count)), plain(number(e.Opened)))
		if p.wide {
			cells = healthCells(cells, e.Connection)
			cells = append(cells, named(orDash(e.User)), plain(pidText(e.PID)))
			cells = placeCells(cells, s, e.Unit, e.room)
			cells = append(cells, plain(validAddress(e.Local)), plain(validEnd(e.Via)))
		} else {
			cells = append(cells, plain(rttOf(e.Health)), troubleText(e.Connection))
		}
		t.add(e.mark, cells...)
	}
	return t
}

// edgeCell reads from client to service: "curl → example.net:443",
// "nginx:80 ← 192.0.2.1"; "x:5000 — 192.0.2.1:6000" where the direction is not
// known.
func (p *page) edgeCell(e *edge) cell {
	lead, own, port := e.who(), "", ":"+strconv.Itoa(int(e.Port))
	if e.told {
		own = " [" + printable(e.place) + "]"
	}
	switch e.Direction {
	case report.In:
		own, port = own+port+" ← ", ""
	case report.Out:
		own += " → "
	case report.Unknown:
		if e.LocalPort != 0 {
			own += ":" + strconv.Itoa(int(e.LocalPort))
		}
		own += " — "
	}
	if e.peers > 0 {
		if e.Direction == report.Out {
			port = ", port " + strconv.Itoa(int(e.Port))
		} else {
			port = ""
		}
		return cell{text: lead + own + "… and " + counted(e.peers, "more peer", "more peers") + port, lead: offset(len(lead))}
	}
	name, isName := p.peerName(e.Peer)
	if !isName && port != "" {
		name = addressText(e.Peer)
	}
	c := cell{text: lead + own + name + port, lead: offset(len(lead))}
	if isName { // an address that is cut would be another one
		c.name = offset(len(lead) + len(own))
		c.nameEnd = offset(len(lead) + len(own) + len(name))
	}
	return c
}

// who is the process at this end. The kernel keeps what is left of a closed
// connection for a while, but not whose it was.
func (e *edge) who() string {
	closed := e.Count == 0 && (e.Health == nil || e.Health.Connecting == 0)
	if e.Process == "" && closed && e.Direction != report.In {
		return "(closed)"
	}
	return printable(orHidden(e.Process))
}

// peerName is what a peer is called, else its address.
func (p *page) peerName(a netip.Addr) (name string, isName bool) {
	if name := p.names.Name(a); name != "" {
		return printable(name), true
	}
	return a.String(), false
}

// addressOf is a peer's address where a name stands for it.
func (p *page) addressOf(e *edge) string {
	if _, isName := p.peerName(e.Peer); isName {
		return e.Peer.String()
	}
	return ""
}

// placeColumns are what a process belongs to, in full.
var placeColumns = []column{
	{title: "UNIT"}, {title: "CONTAINER"}, {title: "ID"}, {title: "IMAGE"}, {title: "POD"}, {title: "NAMESPACE"},
}

// shortID is how much of a container's id tells it from others, as its runtime
// shows it.
const shortID = 12

func placeCells(cells []cell, s *section, unit string, c *report.Container) []cell {
	cells = append(cells, named(unit))
	if c == nil {
		return append(cells, cell{}, cell{}, cell{}, cell{}, named(s.name))
	}
	pod := c.Pod
	if c.PodNamespace != "" {
		pod = c.PodNamespace + "/" + c.Pod
	}
	return append(cells, named(c.Name), named(c.ID[:min(len(c.ID), shortID)]), named(c.Image), named(pod), named(s.name))
}

// healthColumns are all that is measured.
var healthColumns = []column{
	{"REFUSED", true},
	{"TIMED OUT", true},
	{"FAILED", true},
	{"WAITING", true},
	{"CLOSE-WAIT", true},
	{"RTT", true},
	{"SENT", true},
	{"RECEIVED", true},
	{"RETRANSMITTED", true},
}

func healthCells(cells []cell, c *report.Connection) []cell {
	for _, n := range []uint64{c.Refused, c.TimedOut, c.Failed} {
		cells = append(cells, toned(number(n), alarm))
	}
	h := c.Health
	if h == nil {
		return append(cells, cell{}, cell{}, cell{}, cell{}, cell{}, cell{})
	}
	rtt := rttOf(h)
	if rtt != "" {
		rtt = decimal(float64(h.RTT), 1000) + " ± " + rttText(h.RTTVar)
	}
	return append(
		cells,
		toned(many(h.Connecting, h.ConnectingMS), waiting), toned(many(h.CloseWait, h.CloseWaitMS), waiting),
		plain(rtt), plain(bytesText(h.Sent)), plain(bytesText(h.Received)), retransmitted(h),
	)
}

func toned(text string, t tone) cell { return cell{text: text, tone: t} }

// many says how many there are, and for how long.
func many(n int, ms int64) string {
	if n == 0 {
		return ""
	}
	return since(strconv.Itoa(n), ms)
}

func retransmitted(h *report.Health) cell {
	if h.Retransmits == 0 || h.Segments == 0 {
		return cell{}
	}
	c := plain(strconv.FormatUint(h.Retransmits, 10) + " (" + share(h.Retransmits, h.Segments) + ")")
	if h.Retransmits*100 > h.Segments {
		c.tone = waiting
	}
	return c
}

func rttOf(h *report.Health) string {
	if h == nil || h.Measured == 0 {
		return ""
	}
	return rttText(h.RTT)
}

func validAddress(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func validEnd(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
