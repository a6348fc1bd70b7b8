package scan

import (
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/kernel"
	"github.com/devops-trouble-map/dotm/scan/networks"
)

// counter is the part of a Scanner that counts connections as they are made.
type counter struct {
	opens   *kernel.Opens // nil: the kernel doesn't count
	refusal error         // why
	ownComm string
	// grown is what the kernel's own counters grew by in this look.
	grown uint64
}

// visit adds what the kernel's own counters of the calling thread's network
// namespace grew by since the last look. A namespace that is new counts from
// zero; the first look has no before (see Scanner.count).
func (c *counter) visit(proc string, n *networks.Network) {
	now, ok := readTCPOpens(proc)
	if !ok {
		return
	}
	c.grown += now.Active - n.Opens.Active + now.Passive - n.Opens.Passive
	n.Opens = now
}

// readTCPOpens reads the counters of the calling thread's network namespace.
func readTCPOpens(proc string) (proctext.TCPOpens, bool) {
	text, err := os.ReadFile(filepath.Join(proc, "thread-self/net/snmp"))
	if err != nil {
		return proctext.TCPOpens{}, false
	}
	now, err := proctext.ParseTCPOpens(text)
	return now, err == nil
}

// read takes the counts since the last look, as edges of a report. It returns
// nil where the kernel doesn't count.
func (c *counter) read(s *Scanner, cov *report.Coverage) *fold.Opens {
	cov.OpensBy = "looks"
	if c.opens == nil {
		return nil
	}
	out := &fold.Opens{}
	var seen uint64
	lost, err := c.opens.Drain(func(e kernel.Edge, n kernel.Counts) {
		network := s.networks.Of(e.Network)
		if network == nil {
			return
		}
		seen += n.Opened + n.Refused + n.TimedOut + n.Failed
		out.Edges = append(out.Edges, s.edge(network.Index, e, n))
	})
	if err != nil {
		c.opens, c.refusal = nil, err
		return nil
	}
	cov.OpensBy, cov.OpensSeen, cov.OpensLost, cov.OpensKernel = "kernel", seen, lost, c.grown
	return out
}

// edge words an edge of the kernel's as one of a report.
func (s *Scanner) edge(namespace int, e kernel.Edge, n kernel.Counts) fold.Open {
	o := fold.Open{
		Namespace: namespace, Active: e.Active(), Peer: e.Peer(), Port: e.Port,
		Opened: n.Opened, Refused: n.Refused, TimedOut: n.TimedOut, Failed: n.Failed,
	}
	if !o.Active {
		o.Local = e.Local()
		return o
	}
	at := netip.AddrPortFrom(o.Peer, o.Port)
	if service, ok := s.translations.service(report.TCP, at); ok {
		o.Peer, o.Port, o.Via = service.Addr(), service.Port(), at
	}
	o.Owner = s.owners.Called(e.Comm(), e.UID)
	o.Owner.Own = o.Owner.Own || e.Comm() != "" && e.Comm() == s.counter.ownComm
	return o
}

// announced words a new edge as an event.
func announced(e kernel.Edge, now time.Time) Event {
	c := report.Connection{
		Direction: report.In, Protocol: report.TCP, Peer: e.Peer(), Port: e.Port, Local: e.Local(),
	}
	if e.Active() {
		c.Direction, c.Local = report.Out, netip.Addr{}
		c.Process = report.CleanName(e.Comm())
	}
	return Event{Time: now.UTC(), Connection: c}
}
