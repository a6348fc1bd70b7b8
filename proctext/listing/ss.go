package listing

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/proctext/listing/endpoint"
)

// ssStyle is what a whole listing of ss tells about its rows.
type ssStyle struct {
	rows []int // rows that need judging, by index
	// unnamed are the rows of the table that name no protocol, and noState says
	// that they name no state either.
	unnamed       []int
	noState       bool
	isTCP, isUDP  bool
	stars, dotted bool // wildcards of IPv4 are printed as * or as 0.0.0.0
	homeless      map[int]bool
}

// ssTable begins a new table. The one before is of TCP or UDP, if it didn't
// say: only TCP listens, only UDP is unconnected (TCP very rarely). Where only
// open connections are shown, with their state, ss was asked for TCP: of UDP it
// would not show the state. Without state nothing tells, and the rows are left
// out.
func (p *parser) ssTable(noState bool) {
	s := &p.ss
	switch {
	case len(s.unnamed) == 0 || s.isTCP:
	case s.isUDP:
		for _, i := range s.unnamed {
			p.out.Rows[i].Protocol = proctext.UDP
		}
	case s.noState:
		p.problemAt(p.out.Rows[s.unnamed[0]].Line,
			fmt.Sprintf("%d sockets are left out: the table says neither TCP nor UDP", len(s.unnamed)), "list both: ss -tuan")
		for _, i := range s.unnamed {
			s.homeless[i] = true
		}
	}
	s.unnamed, s.noState, s.isTCP, s.isUDP = nil, noState, false, false
}

// ssState knows the states as ss spells them; a row without protocol begins
// with one.
func ssState(word string) bool {
	switch word {
	case "ESTAB", "LISTEN", "UNCONN", "TIME-WAIT", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "LAST-ACK", "CLOSING", "CLOSED", "UNKNOWN":
		return true
	}
	return false
}

// ssRow reads "[netid] [state] recv-q send-q local peer [process and more]" of
// ss(8). A table that is asked for one state doesn't name it.
func (p *parser) ssRow(line, netID string) bool {
	p.enterSS(netID != "")
	r, rest := Row{Protocol: proctext.TCP}, line
	if netID != "" {
		r.Protocol, _, _ = endpoint.ParseProtocol(netID)
		_, rest = next(rest)
	}
	var word, recv, send, local, peer string
	if word, _ = next(rest); ssState(word) {
		r.State, _ = parseState(word)
		p.ss.noState = false
		_, rest = next(rest)
	}
	recv, rest = next(rest)
	send, rest = next(rest)
	local, rest = next(rest)
	peer, rest = next(rest)
	if peer == "" || !isNumber(recv) || !isNumber(send) {
		p.problem("row ends in the middle: "+endpoint.Quote(line), "")
		return true
	}
	s, ok := p.ends(&r, endpoint.AnyFamily, local, peer, strings.TrimSpace(rest) == "")
	if !ok {
		return true
	}
	r.RecvQ, r.SendQ = queue(recv), queue(send)
	p.endSS(r, s, netID == "", rest)
	return true
}

// enterSS begins a table without heading.
func (p *parser) enterSS(netID bool) {
	if p.kind != ssTool {
		p.kind, p.columns = ssTool, columns{netID: netID}
		p.ssTable(false)
	}
}

func queue(field string) uint32 {
	n, _ := number(field, 10, 32)
	return uint32(n)
}

// endSS completes a row and remembers what it tells of the others.
func (p *parser) endSS(r Row, s shape, unnamed bool, rest string) {
	switch {
	case r.State != 0:
	case r.Remote.Port != 0:
		r.State = proctext.Established // or one of those that end; ss was asked for it
	case r.Protocol == proctext.TCP:
		r.State = proctext.Listening
	default:
		r.State = proctext.Closed
	}
	if r.State == proctext.Listening {
		r.QueueMax = r.SendQ
	}
	before := len(p.out.Rows)
	p.add(r, s)
	if len(p.out.Rows) == before {
		return
	}
	if unnamed {
		p.ss.unnamed = append(p.ss.unnamed, before)
		p.unnamedIs(&p.out.Rows[before])
	}
	star := r.Local.Name == "*" || r.Remote.Name == "*"
	p.ss.stars = p.ss.stars || r.Local.Addr.Is4() && r.Remote.Name == "*"
	p.ss.dotted = p.ss.dotted || r.Local.Addr == netip.IPv4Unspecified() || r.Remote.Addr == netip.IPv4Unspecified()
	if star || r.Local.Addr == netip.IPv6Unspecified() {
		p.ss.rows = append(p.ss.rows, before)
	}
	p.ssOwner(rest)
}

// unnamedIs learns from a row which protocol its table is of. In one without
// states, a listener of TCP can be told by its backlog.
func (p *parser) unnamedIs(r *Row) {
	switch {
	case p.ss.noState && r.Remote.Port == 0 && r.SendQ == 0:
		r.State, p.ss.isUDP = proctext.Closed, true
	case p.ss.noState && r.Remote.Port != 0, r.State == proctext.Established:
	case r.State == proctext.Closed:
		p.ss.isUDP = true
	default:
		p.ss.isTCP = true
	}
}

// settleSS gives the rows with * an address. Until 2018 ss printed * for
// 0.0.0.0, and :: or [::] for the IPv6 wildcard; since then * is a listener for
// both, and [::] one for IPv6 alone.
func (p *parser) settleSS() {
	p.ssTable(false)
	v6 := map[uint16]bool{}
	for _, i := range p.ss.rows {
		r := &p.out.Rows[i]
		if r.Local.Addr == netip.IPv6Unspecified() {
			v6[r.Local.Port] = true
		}
	}
	for _, i := range p.ss.rows {
		r := &p.out.Rows[i]
		old := p.ss.stars || !p.ss.dotted && v6[r.Local.Port]
		switch {
		case r.Local.Name == "*" && old:
			r.Local.Addr = netip.IPv4Unspecified()
		case r.Local.Name == "*":
			r.Local.Addr = netip.IPv6Unspecified()
		case r.Local.Addr == netip.IPv6Unspecified():
			r.V6Only = !old
		}
		if r.Local.Name == "*" {
			r.Local.Name = ""
		}
		if r.Remote.Name == "*" {
			r.Remote = Endpoint{}
		}
	}
	p.leaveOut(p.ss.homeless)
}

// leaveOut takes rows out, by index.
func (p *parser) leaveOut(which map[int]bool) {
	if len(which) == 0 {
		return
	}
	n := 0
	for i := range p.out.Rows {
		if !which[i] {
			p.out.Rows[n], p.shapes[n] = p.out.Rows[i], p.shapes[i]
			n++
		}
	}
	p.out.Rows, p.shapes = p.out.Rows[:n], p.shapes[:n]
}

// ssOwner reads what ss prints behind the addresses with -p and -e, on the same
// line or on one below: users:(("nginx",pid=1,fd=2),…) or, before 2015,
// users:(("nginx",1,2)), and uid:N.
func (p *parser) ssOwner(rest string) {
	if len(p.out.Rows) == 0 {
		return
	}
	r := &p.out.Rows[len(p.out.Rows)-1]
	after := rest
	if at := strings.Index(rest, "users:(("); at >= 0 && r.PID == 0 {
		after = p.ssUsers(r, rest[at+len("users:("):])
	}
	for _, f := range fields(after) {
		if n, ok := strings.CutPrefix(f, "uid:"); ok && isNumber(n) {
			r.User = n
		}
		if f == "v6only:1" {
			r.V6Only = true
		}
	}
}

// ssUsers picks the process that stands for a socket of several: the one with
// the lowest id, init aside, which opens sockets for others. It returns what
// stands behind them.
func (p *parser) ssUsers(r *Row, list string) (rest string) {
	for strings.HasPrefix(list, `("`) {
		name, pid, after, ok := ssUser(list)
		if !ok {
			p.problem(fmt.Sprintf("process %s is cut", endpoint.Quote(list)), "")
			return ""
		}
		if r.PID == 0 || better(pid, r.PID) {
			r.PID, r.Process, r.Cut = pid, name, proctext.Cut(name)
		}
		list = strings.TrimPrefix(after, ",")
	}
	return strings.TrimPrefix(list, ")")
}

func better(pid, than int) bool {
	return pid != 0 && (than == 1 && pid != 1 || pid < than && pid != 1)
}

// maxUser bounds what ss prints of a process behind its name.
const maxUser = 512

// ssUser reads one ("name",pid=1,fd=2). The name may hold anything; it ends at
// the first quote with a number behind it.
func ssUser(list string) (name string, pid int, rest string, ok bool) {
	for at := 2; ; {
		i := strings.Index(list[at:], `",`)
		if i < 0 {
			return "", 0, "", false
		}
		at += i
		tail := strings.TrimPrefix(list[at+2:], "pid=")
		digits := tail[:len(tail)-len(strings.TrimLeft(tail, "0123456789"))]
		end := strings.IndexByte(tail[:min(len(tail), maxUser)], ')')
		if digits != "" && end >= 0 && (strings.HasPrefix(tail[len(digits):], ",") || end == len(digits)) {
			return list[2:at], pidOf(digits), tail[end+1:], true
		}
		at += 2
	}
}
