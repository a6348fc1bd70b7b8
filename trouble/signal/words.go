package signal

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// check is what all checks of signals have in common.
func check(kind topology.SignalKind, node, service, name, title, output, seenBy string, g topology.Signal) topology.Check {
	g.Kind, g.Unit, g.Title = kind, specs[kind].unit, title
	return topology.Check{
		Node: node, Service: service, Name: name, Output: output, Signal: &g,
		Mapping: &topology.Mapping{Rule: "signal", Evidence: "seen in the sockets of " + seenBy},
	}
}

// atServer is what is seen of a server from a client's side. Of the outside it is on the
// client: nobody looks after the Internet.
func (l *look) atServer(kind topology.SignalKind, c *topology.Connection, what string, g topology.Signal) topology.Check {
	server := l.snap.Block(c.Server.Node)
	if server == nil || server.Node.Kind == topology.Internet || server.Node.Kind == topology.Network {
		return l.atClient(kind, c, what, g)
	}
	service := ""
	if s := server.Service(c.Server.Service); s != nil {
		service = s.ID
	}
	g.Connection, g.Client, g.Server = c.ID, c.Client, c.Server
	from, to := clientName(&c.Client), l.serverName(c)
	title := to + " " + kind.Says() + with[kind] + from
	return check(kind, c.Server.Node, service, fmt.Sprintf("%s: %s → %s", kind, from, l.portName(c)), title, fmt.Sprintf("%s → %s: %s", from, to, what), l.block.Node.Name, g)
}

// with joins what is said of a server to the client that it is said of.
var with = map[topology.SignalKind]string{
	topology.SignalRefused: " of ", topology.SignalUnreachable: " ", topology.SignalRetransmits: " with ",
	topology.SignalSlow: " from ", topology.SignalCloseWait: " of ",
}

// ofClient is what is said of a client, and of the server that it calls.
var ofClient = map[topology.SignalKind]string{
	topology.SignalRefused:     "%s is refused by %s",
	topology.SignalUnreachable: "%s gets no answer from %s",
	topology.SignalRetransmits: "%s loses much of its traffic with %s",
	topology.SignalSlow:        "%s reaches %s slowly",
	topology.SignalCloseWait:   "%s does not close connections to %s",
	topology.SignalGone:        "%s has no connection to %s any more",
}

// atClient is what is seen of a client.
func (l *look) atClient(kind topology.SignalKind, c *topology.Connection, what string, g topology.Signal) topology.Check {
	service := ""
	if s := l.snap.Service(c.Client.Service); c.Client.Service != "" && s != nil {
		service = s.ID
	}
	g.Connection, g.Client, g.Server = c.ID, c.Client, c.Server
	from, to := clientName(&c.Client), l.serverName(c)
	title := fmt.Sprintf(ofClient[kind], from, to)
	return check(kind, c.Client.Node, service, fmt.Sprintf("%s: %s → %s", kind, programName(c.Client.Process), to), title, fmt.Sprintf("%s → %s: %s", from, to, what), l.block.Node.Name, g)
}

func (l *look) refused(c *topology.Connection, f *fails, sum mark) topology.Check {
	what := plural(sum.refused, "attempt") + " to connect refused in the last minute"
	if sum.opened > 0 {
		what += fmt.Sprintf(", %d answered", sum.opened)
	}
	return l.atServer(topology.SignalRefused, c, what+"; usual: "+usualShare(f), topology.Signal{
		Figure: float64(sum.refused), Baseline: two(float64(f.share.mid)), Limit: l.rules[topology.SignalRefused].Limit,
	})
}

// usualShare words what share of the attempts comes to nothing usually.
func usualShare(f *fails) string {
	if f.share.mid < .01 {
		return "none"
	}
	return percent(float64(f.share.mid)) + " of the attempts"
}

func (l *look) unreachable(c *topology.Connection, waiting uint64, sum mark) topology.Check {
	var parts []string
	if waiting > 0 {
		wait := l.at.Sub(c.Health.ConnectingSince).Round(time.Second)
		parts = append(parts, fmt.Sprintf("%s to connect without an answer, for up to %s", plural(waiting, "attempt"), wait))
	}
	if sum.silent > 0 {
		parts = append(parts, plural(sum.silent, "attempt")+" given up in the last minute")
	}
	return l.atServer(topology.SignalUnreachable, c, strings.Join(parts, ", "), topology.Signal{
		Figure: float64(max(waiting, sum.silent)), Limit: l.rules[topology.SignalUnreachable].Limit,
	})
}

func (l *look) retransmits(c *topology.Connection) topology.Check {
	end := c.Client.Node
	if c.Health.End == "server" {
		end = c.Server.Node
	}
	limit := l.rules[topology.SignalRetransmits].Limit
	return l.atServer(topology.SignalRetransmits, c, fmt.Sprintf("%s of what %s sends is sent again; limit: %s", percent(c.Health.Retransmits), end, percent(limit)),
		topology.Signal{Figure: c.Health.Retransmits, Limit: limit})
}

func (l *look) slow(c *topology.Connection, e *edge) topology.Check {
	is, was := float64(c.Health.RTT)/1000, math.Exp2(float64(e.trip.mid))/1000
	return l.atServer(topology.SignalSlow, c, fmt.Sprintf("a round trip takes %s ms; usual: %s ms", digits(is), digits(was)),
		topology.Signal{Figure: two(is), Baseline: two(was), Limit: two(was * l.rules[topology.SignalSlow].Limit)})
}

func (l *look) closeWait(c *topology.Connection) topology.Check {
	end, at := c.Client.Process, l.atClient
	if c.Health.End == "server" {
		end, at = c.Server.Process, l.atServer
	}
	what := fmt.Sprintf("%s closed by the other end, and not by %s", plural(uint64(c.Health.CloseWait), "connection"), programName(end))
	return at(topology.SignalCloseWait, c, what, topology.Signal{Figure: float64(c.Health.CloseWait), Limit: l.rules[topology.SignalCloseWait].Limit})
}

func (l *look) goneCheck(c *topology.Connection, days float64) topology.Check {
	d := math.Floor(days)
	what := fmt.Sprintf("no connection is open; on %d days that were seen there always was one", int(d))
	return l.atClient(topology.SignalGone, c, what, topology.Signal{Figure: d, Limit: l.rules[topology.SignalGone].Limit})
}

func (l *look) queued(s *topology.Service, limit float64, dropped uint64) topology.Check {
	g := topology.Signal{Figure: float64(s.Queue), Limit: limit}
	what := fmt.Sprintf("%s to be accepted, %d may", plural(uint64(s.Queue), "connection waits", "connections wait"), s.QueueMax)
	if dropped > 0 {
		what += fmt.Sprintf("; %d turned away since the look before", dropped)
	}
	return check(topology.SignalQueue, s.Node, s.ID, "queue: "+serviceName(s), s.Node+" "+serviceName(s)+" "+topology.SignalQueue.Says(), s.Node+" "+serviceName(s)+": "+what, s.Node, g)
}

func (l *look) stoppedCheck(s *topology.Service, is *stop) topology.Check {
	what := "listens no more"
	var names []string
	for _, c := range is.clients {
		if e := l.snap.Connection(c.holder, c.id); e != nil {
			names = append(names, clientName(&e.Client))
		}
	}
	if n := len(is.clients); n > 0 {
		what += fmt.Sprintf("; %s used it a moment before: %s", plural(uint64(n), "client"), list(names))
	}
	return check(topology.SignalStopped, s.Node, s.ID, "stopped: "+serviceName(s), s.Node+" "+serviceName(s)+" "+topology.SignalStopped.Says(), s.Node+" "+serviceName(s)+" "+what, s.Node,
		topology.Signal{Figure: float64(len(is.clients)), Limit: l.rules[topology.SignalStopped].Limit})
}

func (l *look) shortage(s *topology.Shortage) topology.Check {
	node := l.block.Node.Name
	g := topology.Signal{Figure: two(float64(s.Used) / float64(s.Max)), Limit: l.rules[s.Kind].Limit}
	of, service := s.Of(), ""
	title := node + " " + of + " " + s.Kind.Says()
	if s.PID == 0 {
		title = node + " " + s.Kind.Says()
	}
	what := fmt.Sprintf("%s %s: %d of %d file descriptors are open", node, of, s.Used, s.Max)
	if s.Kind == topology.SignalPorts {
		what = fmt.Sprintf("%s: %d of %d local ports for calls to %s are taken", node, s.Used, s.Max, of)
		title = node + " " + s.Kind.Says() + " for calls to " + of
	} else {
		service = onlyService(l.block, s.Process)
	}
	return check(s.Kind, node, service, string(s.Kind)+": "+of, title, what, node, g)
}

// onlyService is the service of a process that has one.
func onlyService(b *topology.Block, process string) (id string) {
	for i := range b.Services {
		if s := &b.Services[i]; process != "" && s.Process == process && s.State == topology.Listening {
			if id != "" {
				return ""
			}
			id = s.ID
		}
	}
	return id
}

// silentCheck is what is said of a node that is silent, or of all of them.
func silentCheck(n *topology.Node, g *crew, names []string) topology.Check {
	if g.name == "" {
		return check(topology.SignalSilent, n.Name, "", "silent: "+n.Name, n.Name+" "+topology.SignalSilent.Says(), n.Name+" "+topology.SignalSilent.Says(), "dotm", topology.Signal{Figure: 1, Nodes: 1})
	}
	zone := ""
	if g.zone != "" {
		zone = " of zone " + g.zone
	}
	what := fmt.Sprintf("no data from %s%s: %s", plural(uint64(len(names)), "node"), zone, list(names))
	return check(topology.SignalSilent, n.Name, "", "silent: "+n.Name+" and others", n.Name+" and others report no more", what, "dotm", topology.Signal{Figure: float64(len(names)), Nodes: len(names)})
}

// most is how many names a sentence has.
const most = 3

func list(names []string) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d others", strings.Join(names[:most], ", "), len(names)-most)
}

func clientName(c *topology.Client) string { return c.Node + " " + programName(c.Process) }

func programName(process string) string {
	if process == "" {
		return "(process not seen)"
	}
	return process
}

func serviceName(s *topology.Service) string { return portName(s.Process, s.Protocol, s.Port) }

func portName(process string, p topology.Protocol, port uint16) string {
	if process == "" {
		process = string(p)
	}
	return process + ":" + strconv.Itoa(int(port))
}

func (l *look) serverName(c *topology.Connection) string {
	return c.Server.Node + " " + l.portName(c)
}

// portName is what a server is called on its node, by what is known of its service now.
func (l *look) portName(c *topology.Connection) string {
	if s := l.snap.Service(c.Server.Service); c.Server.Service != "" && s != nil {
		return serviceName(s)
	}
	return portName(c.Server.Process, c.Protocol, c.Server.Port)
}

// plural counts things; more than one may have words of their own.
func plural(n uint64, word string, more ...string) string {
	switch {
	case n == 1:
		return "1 " + word
	case len(more) > 0:
		word = more[0]
	default:
		word += "s"
	}
	return strconv.FormatUint(n, 10) + " " + word
}

func percent(share float64) string { return digits(100*share) + " %" }

// digits are two or more of a figure.
func digits(v float64) string { return strconv.FormatFloat(two(v), 'f', -1, 64) }

// two rounds to two digits, and to whole numbers above 100.
func two(v float64) float64 {
	if v >= 100 || v == 0 {
		return math.Round(v)
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-1)
	return math.Round(math.Round(v/unit)*unit*1e6) / 1e6
}
