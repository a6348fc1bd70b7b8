package topology

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Explain says in sentences what a connection of a snapshot rests on: what it
// is, who saw it and when, how its ends were found, and what is not known. Every
// sentence quotes an observation. The connection must be complete, as
// [Snapshot.Connections] gives it.
func Explain(s *Snapshot, c *Connection) []string {
	e := &explainer{snap: s, c: c}
	e.what()
	e.seen()
	e.resolved()
	e.translated()
	e.virtual()
	e.missing()
	return e.lines
}

// explainer collects sentences.
type explainer struct {
	snap  *Snapshot
	c     *Connection
	lines []string
}

func (e *explainer) say(format string, args ...any) {
	e.lines = append(e.lines, fmt.Sprintf(format, args...))
}

// moment writes a time for people who may be anywhere.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func (e *explainer) what() {
	c := e.c
	arrow := "→"
	if !c.Directed {
		arrow = "—"
	}
	now := "nothing open now, last " + moment(c.LastSeen)
	if c.Count > 0 {
		now = strconv.Itoa(c.Count) + " open now"
	}
	e.say("%s %s %s: %s, %d seen opening since %s.", endName(c.Client.Node, c.Client.Process, 0), arrow,
		endName(c.Server.Node, c.Server.Process, c.Server.Port), now, c.Opened, moment(c.FirstSeen))
	if failed := c.Refused + c.TimedOut + c.Failed; failed > 0 {
		e.say("%d attempts came to nothing: %d refused, %d without an answer, %d otherwise.", failed, c.Refused, c.TimedOut, c.Failed)
	}
	if !c.Directed {
		e.say("Which end is the service is not known: neither end was seen to listen there, and nobody saw a connection open.")
	}
	if c.Observer {
		e.say("Its client looks at many nodes, briefly: it counts as an observer, and for nothing else.")
	}
}

// endName is "node process:port" as far as known.
func endName(node, process string, port uint16) string {
	if process == "" {
		process = "a process that could not be seen"
	}
	if port == 0 {
		return node + " (" + process + ")"
	}
	return fmt.Sprintf("%s (%s, port %d)", node, process, port)
}

func (e *explainer) seen() {
	ends := map[string]string{"client": "the client's end", "server": "the server's end"}
	for _, s := range e.c.Evidence.SeenBy {
		e.say("%s saw it from %s%s.", s.Node, ends[s.End], e.when(s))
	}
	switch ev := &e.c.Evidence; {
	case ev.Confirmed:
		e.say("Both ends name the same sockets: it is one connection, whatever addresses lie between.")
	case ev.BothEnds:
		e.say("Both ends report it, and their addresses fit; that the sockets are the same was not compared.")
	default:
		e.say("One end only reports it.")
	}
}

// when is the time of a sighting: what is open is seen with every report.
func (e *explainer) when(s Sighting) string {
	at := s.At
	if b := e.snap.Block(s.Node); b != nil && e.c.Count > 0 && b.Node.LastReport.After(at) {
		at = b.Node.LastReport
	}
	if at.IsZero() {
		return ""
	}
	return ", last " + moment(at)
}

func (e *explainer) resolved() {
	ev := &e.c.Evidence
	many := ""
	if e.c.Peers > 1 {
		many = fmt.Sprintf(", one of %d", e.c.Peers)
	}
	if ev.ClientAddress != "" && ev.ClientResolved != "" {
		e.say("The client's address is %s%s: %s.", ev.ClientAddress, many, ev.ClientResolved)
	}
	if ev.ServerAddress != "" && ev.ServerResolved != "" {
		e.say("The server's address is %s%s: %s.", ev.ServerAddress, many, ev.ServerResolved)
	}
}

// translated names the rules of address translation that lead to the server.
func (e *explainer) translated() {
	for b := range e.snap.Blocks() {
		for _, f := range b.Node.Forwards {
			if f.Protocol == e.c.Protocol && f.To.Port() == e.c.Server.Port && e.has(e.c.Server.Node, f) {
				e.say("%s sends what calls %s to %s.", b.Node.Name, f.From, f.To)
			}
		}
	}
}

// has says whether a forward leads to an address of a node.
func (e *explainer) has(node string, f Forward) bool {
	b := e.snap.Block(node)
	if b == nil {
		return false
	}
	for _, a := range b.Node.Addresses {
		if a == f.To.Addr() {
			return strings.Contains(e.c.Evidence.ServerResolved, f.From.String())
		}
	}
	return false
}

// virtual says where a virtual address sits.
func (e *explainer) virtual() {
	for _, node := range []string{e.c.Client.Node, e.c.Server.Node} {
		b := e.snap.Block(node)
		if b == nil || b.Node.Kind != Virtual {
			continue
		}
		for _, h := range b.Node.Holders {
			if h.Until.IsZero() {
				e.say("%s is a virtual address, held by %s since %s.", node, h.Node, moment(h.Since))
			} else {
				e.say("%s was held by %s from %s to %s.", node, h.Node, moment(h.Since), moment(h.Until))
			}
		}
	}
}

// missing says which end doesn't speak for itself.
func (e *explainer) missing() {
	for _, node := range []string{e.c.Client.Node, e.c.Server.Node} {
		b := e.snap.Block(node)
		if b == nil {
			continue
		}
		switch b.Node.State {
		case Stale:
			e.say("%s has been silent since %s: what it would say is not known.", node, moment(b.Node.LastReport))
		case Left:
			e.say("%s was shut down at %s: what is told of it is as of then.", node, moment(b.Node.LastReport))
		case Rebooting:
			e.say("%s went down at %s to reboot: what is told of it is as of then.", node, moment(b.Node.LastReport))
		case Stopped:
			e.say("The agent of %s was stopped at %s: what it would say is not known.", node, moment(b.Node.LastReport))
		case Unheard:
			if b.Node.Kind == Inferred {
				e.say("%s does not report itself.", node)
			}
		case Reporting:
		}
	}
}
