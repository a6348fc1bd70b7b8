package view

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Changed tells what is new of things that a viewer has already: far less than all of
// each, where numbers move.
type Changed struct {
	Pools       FieldList `json:"pools,omitempty" doc:"by name"`
	Groups      FieldList `json:"groups,omitempty" doc:"by name"`
	Nodes       FieldList `json:"nodes,omitempty" doc:"by name"`
	Members     FieldList `json:"members,omitempty" doc:"of pools and groups, by the name of the box: what a patch would do to an object that has its members by their names"`
	Services    FieldList `json:"services,omitempty"`
	Connections FieldList `json:"connections,omitempty"`
}

func (c *Changed) empty() bool {
	return len(c.Pools)+len(c.Groups)+len(c.Nodes)+len(c.Members)+len(c.Services)+len(c.Connections) == 0
}

// Fields are what changed of one thing, as [id, patch] in JSON. The patch is one by RFC
// 7396: fields that it has are to be put in place, those that are null to be taken away.
type Fields struct {
	ID    string
	Patch json.RawMessage
}

// FieldList is what changed of many things. It is written as one text, not piece by piece.
type FieldList []Fields

// MarshalJSON writes the pairs.
func (l FieldList) MarshalJSON() ([]byte, error) {
	out := []byte{'['}
	for i := range l {
		if i > 0 {
			out = append(out, ',')
		}
		out = l[i].append(out)
	}
	return append(out, ']'), nil
}

// MarshalJSON writes the pair.
func (f Fields) MarshalJSON() ([]byte, error) { return f.append(nil), nil }

func (f *Fields) append(out []byte) []byte {
	out = appendText(append(out, '['), f.ID)
	return append(append(append(out, ','), f.Patch...), ']')
}

// appendText is a text as encoding/json writes it.
func appendText(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, _ := json.Marshal(s) // a string always can be
			return append(out, text...)
		}
	}
	return append(append(append(out, '"'), s...), '"')
}

// UnmarshalJSON reads the pair.
func (f *Fields) UnmarshalJSON(data []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return fmt.Errorf("reading what changed: %w", err)
	}
	if err := json.Unmarshal(pair[0], &f.ID); err != nil {
		return fmt.Errorf("reading the id of what changed: %w", err)
	}
	f.Patch = pair[1]
	return nil
}

// patches are those of a delta's things, in their order; nil for what can only be told as
// a whole.
type patches struct {
	pools, groups, nodes  []boxPatch
	services, connections []json.RawMessage
}

// Fields is the delta for a viewer that takes fields: what a patch says enough of is told
// by that, and only the rest as a whole. A time that merely advances is told with other
// changes of its thing, if it is the thing's own, and when it stands still.
func (d *Delta) Fields() *Delta {
	out := *d
	c := &Changed{}
	out.Pools, c.Pools = c.boxes(d.Pools, d.patches.pools)
	out.Groups, c.Groups = c.boxes(d.Groups, d.patches.groups)
	if out.Nodes, c.Nodes = c.boxes(d.Nodes, d.patches.nodes); out.Nodes == nil {
		out.Nodes = []Node{}
	}
	out.Services, c.Services = parted(d.Services, d.patches.services, func(s *Service) string { return s.ID })
	out.Connections, c.Connections = parted(d.Connections, d.patches.connections, func(c *Connection) string { return c.ID })
	if !c.empty() {
		out.Changed = c
	}
	return &out
}

// boxes are those without a patch, and the patches of the others; those of their members
// are noted.
func (c *Changed) boxes(all []Node, patches []boxPatch) (whole []Node, fields []Fields) {
	for i := range all {
		var p boxPatch
		if i < len(patches) {
			p = patches[i]
		}
		if p.own == nil && p.members == nil {
			whole = append(whole, all[i])
		}
		if p.own != nil {
			fields = append(fields, Fields{all[i].Name, p.own})
		}
		if p.members != nil {
			c.Members = append(c.Members, Fields{all[i].Name, p.members})
		}
	}
	return whole, fields
}

// parted are the things without a patch, and the patches of the others.
func parted[T any](all []T, patches []json.RawMessage, key func(*T) string) (whole []T, fields []Fields) {
	whole = []T{}
	for i := range all {
		if i < len(patches) && patches[i] != nil {
			fields = append(fields, Fields{key(&all[i]), patches[i]})
		} else {
			whole = append(whole, all[i])
		}
	}
	return whole, fields
}

// patch is one that is being written. Its methods write a field if it differs, as
// encoding/json does with the tags of its type: optional ones are null where that leaves
// them out.
type patch struct {
	out  []byte
	from int  // where the object begins
	any  bool // it has a field
}

func (p *patch) begin() { p.from, p.any, p.out = len(p.out), false, append(p.out, '{') }

// end is the patch; the next one is written behind it.
func (p *patch) end() json.RawMessage {
	p.out = append(p.out, '}')
	return p.out[p.from:len(p.out):len(p.out)]
}

func (p *patch) name(name string) {
	if p.any {
		p.out = append(p.out, ',')
	}
	p.any = true
	p.out = append(appendText(p.out, name), ':')
}

func (p *patch) null(name string) {
	p.name(name)
	p.out = append(p.out, "null"...)
}

func (p *patch) number(name string, was, is uint64) {
	if was != is {
		p.name(name)
		p.out = strconv.AppendUint(p.out, is, 10)
	}
}

func (p *patch) optional(name string, was, is uint64) {
	if is == 0 && was != 0 {
		p.null(name)
		return
	}
	p.number(name, was, is)
}

// value writes what is seldom another one.
func (p *patch) value(name string, is any) {
	p.name(name)
	text, err := json.Marshal(is)
	if err != nil { // a number that is none, which encoding/json would refuse of the whole, too
		text = []byte("null")
	}
	p.out = append(p.out, text...)
}

func (p *patch) text(name, was, is string) {
	if was != is {
		p.value(name, is)
	}
}

func (p *patch) optionalText(name, was, is string) {
	if is == "" && was != "" {
		p.null(name)
		return
	}
	p.text(name, was, is)
}

func (p *patch) time(name string, is time.Time) {
	p.name(name)
	p.out = append(is.AppendFormat(append(p.out, '"'), time.RFC3339Nano), '"')
}

func (p *patch) optionalTime(name string, is time.Time) {
	if is.IsZero() {
		p.null(name)
		return
	}
	p.time(name, is)
}

// service writes what differs between two states of a service, of which the newer is
// complete; nil where that is more than numbers, times and states.
func (p *patch) service(was, is *Service) json.RawMessage {
	a, b := was.Service, is.Service
	seen := a.State == topology.Seen || b.State == topology.Seen
	x := b // with what a patch can tell as it was
	x.State, x.Verdict = a.State, a.Verdict
	x.Clients, x.Queue, x.QueueMax, x.Drops, x.LastSeen, x.LastConnection = a.Clients, a.Queue, a.QueueMax, a.Drops, a.LastSeen, a.LastConnection
	if was.Ignored != is.Ignored || !topology.SameService(&a, &x) {
		return nil
	}
	p.begin()
	p.text("state", string(a.State), string(b.State))
	p.verdict(&a.Verdict, &b.Verdict)
	p.number("clients", count(a.Clients), count(b.Clients))
	p.optional("queue", uint64(a.Queue), uint64(b.Queue))
	p.optional("queue_max", uint64(a.QueueMax), uint64(b.QueueMax))
	p.optional("drops", a.Drops, b.Drops)
	if a.State != topology.Gone || b.State != topology.Gone || !a.LastSeen.Equal(b.LastSeen) {
		p.time("last_seen", b.LastSeen)
	}
	if seen || a.Clients > 0 || b.Clients > 0 || !a.LastConnection.Equal(b.LastConnection) {
		p.optionalTime("last_connection", b.LastConnection)
	}
	return p.end()
}

// count is a count as it is written; none is below zero.
func count(n int) uint64 { return uint64(max(n, 0)) }

// connection writes what differs between two states of a connection, of which the newer
// is complete; nil where that is more than numbers, times and what they rest on.
func (p *patch) connection(was, is *Connection) json.RawMessage {
	a, b := &was.Connection, &is.Connection
	if was.Ignored != is.Ignored || a.Client != b.Client || a.Server != b.Server || a.Protocol != b.Protocol || a.Directed != b.Directed ||
		a.Own != b.Own || a.Observer != b.Observer || !a.FirstSeen.Equal(b.FirstSeen) || noTellers(a) != noTellers(b) {
		return nil
	}
	p.begin()
	p.number("count", count(a.Count), count(b.Count))
	p.number("opened", a.Opened, b.Opened)
	p.optional("refused", a.Refused, b.Refused)
	p.optional("timed_out", a.TimedOut, b.TimedOut)
	p.optional("failed", a.Failed, b.Failed)
	if a.Count > 0 || b.Count > 0 || !a.LastSeen.Equal(b.LastSeen) {
		p.time("last_seen", b.LastSeen)
	}
	if !a.LastConnection.Equal(b.LastConnection) {
		p.optionalTime("last_connection", b.LastConnection)
	}
	p.text("status", string(a.Status), string(b.Status))
	p.health(a.Health, b.Health)
	p.optional("peers", count(a.Peers), count(b.Peers))
	p.evidence(a, b)
	return p.end()
}

// inside writes an object within, if write writes something there.
func (p *patch) inside(name string, write func()) {
	begun, before := len(p.out), p.any
	p.name(name)
	p.out, p.any = append(p.out, '{'), false
	if write(); p.any {
		p.out = append(p.out, '}')
		return
	}
	p.out, p.any = p.out[:begun], before
}

func (p *patch) health(a, b *topology.Health) {
	switch {
	case a == b:
		return
	case b == nil:
		p.null("health")
		return
	case a == nil:
		p.value("health", b)
		return
	}
	p.inside("health", func() {
		p.text("end", a.End, b.End)
		p.optional("rtt_us", a.RTT, b.RTT)
		p.optional("rttvar_us", a.RTTVar, b.RTTVar)
		p.optional("sent_bytes_per_second", a.Sent, b.Sent)
		p.optional("received_bytes_per_second", a.Received, b.Received)
		if a.Retransmits != b.Retransmits {
			if b.Retransmits == 0 {
				p.null("retransmit_ratio")
			} else {
				p.value("retransmit_ratio", b.Retransmits)
			}
		}
		p.optional("connecting", count(a.Connecting), count(b.Connecting))
		if !a.ConnectingSince.Equal(b.ConnectingSince) {
			p.optionalTime("connecting_since", b.ConnectingSince)
		}
		p.optional("close_wait", count(a.CloseWait), count(b.CloseWait))
		if !a.CloseWaitSince.Equal(b.CloseWaitSince) {
			p.optionalTime("close_wait_since", b.CloseWaitSince)
		}
	})
}

// evidence leaves out when the ends told of a connection that is open, which merely
// advances.
func (p *patch) evidence(was, is *topology.Connection) {
	a, b := &was.Evidence, &is.Evidence
	p.inside("evidence", func() {
		p.flags(a, b)
		if is.Count == 0 && (was.Count > 0 || !slices.EqualFunc(a.SeenBy, b.SeenBy, sameSighting)) || !slices.EqualFunc(a.SeenBy, b.SeenBy, sameTeller) {
			p.value("seen_by", b.SeenBy)
		}
		p.optionalText("client_address", a.ClientAddress, b.ClientAddress)
		p.optionalText("server_address", a.ServerAddress, b.ServerAddress)
		p.optionalText("client_resolved", a.ClientResolved, b.ClientResolved)
		p.optionalText("server_resolved", a.ServerResolved, b.ServerResolved)
	})
}

func (p *patch) flags(a, b *topology.Evidence) {
	if a.BothEnds != b.BothEnds {
		p.value("both_ends", b.BothEnds)
	}
	p.flag("confirmed", a.Confirmed, b.Confirmed)
}

// noTellers says whether the list of them is null, which a patch can't tell. Completing
// leaves no such list of what is open.
func noTellers(c *topology.Connection) bool { return c.Count == 0 && c.Evidence.SeenBy == nil }

func sameTeller(a, b topology.Sighting) bool { return a.Node == b.Node && a.End == b.End }

func sameSighting(a, b topology.Sighting) bool { return sameTeller(a, b) && a.At.Equal(b.At) }
