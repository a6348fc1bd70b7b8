package listing

import (
	"fmt"
	"strings"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/proctext/listing/endpoint"
)

// cutAtWidth takes out rows whose port may be cut: BSD's netstat ends an
// address column at its width, wherever that is.
func (p *parser) cutAtWidth(r *Row, local, remote string) bool {
	width := p.columns.width
	if width == 0 {
		width = bsdWhole
	}
	for _, end := range []struct {
		token string
		e     *Endpoint
	}{{local, &r.Local}, {remote, &r.Remote}} {
		whole := width >= bsdWhole && (end.e.Addr.Is4() || len(end.token) > width || len(end.token) == width && hasPort(end.token))
		if len(end.token) < width || whole {
			continue
		}
		p.out.Cuts = true
		p.problem(fmt.Sprintf("address %s may be cut", endpoint.Quote(end.token)), "list with whole addresses: option -W, without -A")
		return true
	}
	return false
}

// hasPort tells whether an address at the width of the column still has its
// five digits of port: it was cut before them, at 16 characters, if at all.
func hasPort(token string) bool {
	at := strings.LastIndexByte(token, '.')
	return at == bsdHost && len(token)-at-1 == 5
}

// ownerBSD reads what macOS prints with -v: some counters, then the process and
// its id (or the id alone), which the heading tells.
func (p *parser) ownerBSD(r *Row, rest string) {
	if p.columns.owner == 0 {
		return
	}
	for range p.columns.counters {
		var field string
		if field, rest = next(rest); !isNumber(field) {
			return
		}
	}
	if p.columns.owner == 'p' {
		field, _ := next(rest)
		r.PID = pidOf(field)
		return
	}
	rest = strings.TrimLeft(rest, " ")
	for at := 0; at <= 2*macName; at++ { // a name may hold colons and blanks
		i := strings.IndexByte(rest[at:], ':')
		if i < 0 {
			return
		}
		at += i
		if field := rest[at+1:]; field != "" && isNumber(strings.TrimRight(field[:1], " ")) && isNumber(first(field)) {
			r.PID, r.Process = pidOf(first(field)), strings.TrimRight(rest[:at], " ")
			r.Cut = at >= macName
			return
		}
	}
}

func first(s string) string { field, _ := next(s); return field }

// macName is how many bytes of a process's name macOS keeps (MAXCOMLEN).
const macName = 16

func pidOf(field string) int {
	n, ok := number(field, 10, 31)
	if !ok {
		return 0
	}
	return int(n)
}

// sockstatRow reads FreeBSD's sockstat: user, command, process id, descriptor,
// protocol, both ends, with -s the state. A socket that no process has is shown
// with question marks: what is left of a connection that ended.
func (p *parser) sockstatRow(f []string) bool {
	at := 4
	for at < len(f) && (!isProtocol(f[at]) || !isNumber(f[at-2]) && f[at-2] != "?") {
		at++
	}
	if at >= len(f) {
		return false
	}
	var r Row
	protocol, fam, _ := endpoint.ParseProtocol(f[at])
	if r.Protocol = protocol; fam == endpoint.AnyFamily {
		fam = endpoint.Four
	}
	if at+2 >= len(f) {
		p.problem("row ends in the middle: "+endpoint.Quote(strings.Join(f, " ")), "")
		return true
	}
	s, ok := p.ends(&r, fam, f[at+1], f[at+2], at+3 == len(f))
	if !ok {
		return true
	}
	if f[at-2] != "?" {
		r.User, r.PID, r.Process = f[0], pidOf(f[at-2]), strings.Join(f[1:at-2], " ")
	}
	r.State = sockstatState(&r, f[at+3:])
	r.V6Only = fam == endpoint.Six && r.Local.Addr.IsUnspecified()
	p.kind = sockstatTool
	p.add(r, s)
	return true
}

// sockstatState is the state that is printed, or what a socket without must be.
func sockstatState(r *Row, rest []string) proctext.State {
	for i := len(rest) - 1; i >= 0; i-- {
		if s, ok := parseState(rest[i]); ok {
			return s
		}
	}
	switch {
	case r.Remote.Port == 0 && r.Protocol == proctext.TCP:
		return proctext.Listening
	case r.Remote.Port == 0:
		return proctext.Closed
	case r.Process == "" && r.Protocol == proctext.TCP:
		return proctext.TimeWait
	}
	return proctext.Established
}
