package look

import (
	"net/netip"
	"strconv"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/report"
)

// services makes the table of a section's services.
func (p *page) services(s *section) *table.Table {
	columns := []table.Column{{Title: "SERVICE"}, {Title: "PROTO"}, {Title: "LISTENS ON"}, {Title: "USER"}}
	if p.wide {
		columns = append(columns, table.Right("PID"))
		columns = append(columns, placeColumns...)
	} else {
		columns = append(columns, table.Column{Title: "BELONGS TO"})
	}
	columns = append(columns, table.Right("CLIENTS"), table.Column{Title: "QUEUE"})
	t := table.New(len(s.services), p.marked, columns...)
	cells := make([]table.Cell, 0, len(columns))
	for i := range s.services {
		v := &s.services[i]
		cells = append(cells[:0], table.Named(console.OrHidden(v.Process)), table.Plain(string(v.Protocol)), table.Plain(listenText(v.Listener)), table.Named(console.OrDash(v.User)))
		if p.wide {
			cells = append(cells, table.Plain(pidText(v.PID)))
			cells = placeCells(cells, s, v.Unit, v.room)
		} else {
			cells = append(cells, table.Named(v.place))
		}
		t.Add(v.mark, append(cells, table.Plain(number(uint64(v.clients))), queueText(v.Listener))...)
	}
	return t
}

// connections makes the table of a section's connections.
func (p *page) connections(s *section) *table.Table {
	columns := []table.Column{{Title: "CONNECTION"}}
	if p.wide {
		columns = append(columns, table.Column{Title: "ADDRESS"})
	}
	columns = append(columns, table.Column{Title: "PROTO"}, table.Right("OPEN"), table.Right("OPENED"))
	if p.wide {
		columns = append(columns, healthColumns...)
		columns = append(columns, table.Column{Title: "USER"}, table.Right("PID"))
		columns = append(columns, placeColumns...)
		columns = append(columns, table.Column{Title: "LOCAL"}, table.Column{Title: "VIA"})
	} else {
		columns = append(columns, table.Right("RTT"), table.Column{Title: "TROUBLE"})
	}
	t := table.New(len(s.edges), p.marked, columns...)
	cells := make([]table.Cell, 0, len(columns))
	for _, e := range s.edges {
		cells = append(cells[:0], p.edgeCell(e))
		if p.wide {
			cells = append(cells, table.Plain(p.addressOf(e)))
		}
		cells = append(cells, table.Plain(string(e.Protocol)), table.Plain(strconv.Itoa(e.Count)), table.Plain(number(e.Opened)))
		if p.wide {
			cells = healthCells(cells, e.Connection)
			cells = append(cells, table.Named(console.OrDash(e.User)), table.Plain(pidText(e.PID)))
			cells = placeCells(cells, s, e.Unit, e.room)
			cells = append(cells, table.Plain(validAddress(e.Local)), table.Plain(validEnd(e.Via)))
		} else {
			cells = append(cells, table.Plain(rttOf(e.Health)), troubleText(e.Connection))
		}
		t.Add(e.mark, cells...)
	}
	return t
}

// edgeCell reads from client to service: "curl → example.net:443",
// "nginx:80 ← 192.0.2.1"; "x:5000 — 192.0.2.1:6000" where the direction is not
// known.
func (p *page) edgeCell(e *edge) table.Cell {
	lead, own, port := e.who(), "", ":"+strconv.Itoa(int(e.Port))
	if e.told {
		own = " [" + console.Printable(e.place) + "]"
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
		return table.Cell{Text: lead + own + "… and " + console.Counted(e.peers, "more peer", "more peers") + port, Lead: table.Offset(len(lead))}
	}
	name, isName := p.peerName(e.Peer)
	if !isName && port != "" {
		name = addressText(e.Peer)
	}
	c := table.Cell{Text: lead + own + name + port, Lead: table.Offset(len(lead))}
	if isName { // an address that is cut would be another one
		c.Name = table.Offset(len(lead) + len(own))
		c.NameEnd = table.Offset(len(lead) + len(own) + len(name))
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
	return console.Printable(console.OrHidden(e.Process))
}

// peerName is what a peer is called, else its address.
func (p *page) peerName(a netip.Addr) (name string, isName bool) {
	if name := p.names.Name(a); name != "" {
		return console.Printable(name), true
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
var placeColumns = []table.Column{
	{Title: "UNIT"}, {Title: "CONTAINER"}, {Title: "ID"}, {Title: "IMAGE"}, {Title: "POD"}, {Title: "NAMESPACE"},
}

// shortID is how much of a container's id tells it from others, as its runtime
// shows it.
const shortID = 12

func placeCells(cells []table.Cell, s *section, unit string, c *report.Container) []table.Cell {
	cells = append(cells, table.Named(unit))
	if c == nil {
		return append(cells, table.Cell{}, table.Cell{}, table.Cell{}, table.Cell{}, table.Named(s.name))
	}
	pod := c.Pod
	if c.PodNamespace != "" {
		pod = c.PodNamespace + "/" + c.Pod
	}
	return append(cells, table.Named(c.Name), table.Named(c.ID[:min(len(c.ID), shortID)]), table.Named(c.Image), table.Named(pod), table.Named(s.name))
}

// healthColumns are all that is measured.
var healthColumns = []table.Column{
	table.Right("REFUSED"),
	table.Right("TIMED OUT"),
	table.Right("FAILED"),
	table.Right("WAITING"),
	table.Right("CLOSE-WAIT"),
	table.Right("RTT"),
	table.Right("SENT"),
	table.Right("RECEIVED"),
	table.Right("RETRANSMITTED"),
}

func healthCells(cells []table.Cell, c *report.Connection) []table.Cell {
	for _, n := range []uint64{c.Refused, c.TimedOut, c.Failed} {
		cells = append(cells, table.Toned(number(n), table.Alarm))
	}
	h := c.Health
	if h == nil {
		return append(cells, table.Cell{}, table.Cell{}, table.Cell{}, table.Cell{}, table.Cell{}, table.Cell{})
	}
	rtt := rttOf(h)
	if rtt != "" {
		rtt = decimal(float64(h.RTT), 1000) + " ± " + rttText(h.RTTVar)
	}
	return append(
		cells,
		table.Toned(many(h.Connecting, h.ConnectingMS), table.Waiting), table.Toned(many(h.CloseWait, h.CloseWaitMS), table.Waiting),
		table.Plain(rtt), table.Plain(bytesText(h.Sent)), table.Plain(bytesText(h.Received)), retransmitted(h),
	)
}

// many says how many there are, and for how long.
func many(n int, ms int64) string {
	if n == 0 {
		return ""
	}
	return since(strconv.Itoa(n), ms)
}

func retransmitted(h *report.Health) table.Cell {
	if h.Retransmits == 0 || h.Segments == 0 {
		return table.Cell{}
	}
	c := table.Plain(strconv.FormatUint(h.Retransmits, 10) + " (" + share(h.Retransmits, h.Segments) + ")")
	if h.Retransmits*100 > h.Segments {
		c.Tone = table.Waiting
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
