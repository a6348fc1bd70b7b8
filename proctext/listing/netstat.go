package listing

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/proctext/listing/endpoint"
)

// socket reads a row of TCP or UDP, in whichever format it is.
func (p *parser) socket(line string) bool {
	f := p.fields
	switch {
	case len(f) < 3 && !isProtocol(strings.ToLower(f[0])) && !ssState(f[0]):
		return false
	case isProtocol(f[0]):
		if len(f) > 1 && ssState(f[1]) {
			return p.ssRow(line, f[0])
		}
		if p.kind == ssTool && p.columns.noState {
			return p.ssRow(line, f[0])
		}
		return p.netstatRow(line)
	case isProtocol(strings.ToLower(f[0])):
		return p.windowsRow(line)
	case ssState(f[0]):
		return p.ssRow(line, "")
	case p.kind == ssTool && p.columns.noState && !p.columns.netID && len(f) > 3 && isNumber(f[0]) && isNumber(f[1]):
		return p.ssRow(line, "")
	case isProtocol(f[1]) && isHex(f[0]) && p.kind != sockstatTool, len(f) > 3 && isProtocol(f[2]) && isHex(f[0]) && isHex(f[1]):
		return p.netstatRow(afterHex(line)) // BSD's -A: the address of the control block first
	}
	return p.sockstatRow(f)
}

func isProtocol(name string) bool { _, _, ok := endpoint.ParseProtocol(name); return ok }

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdef") == "" }

// afterHex leaves out the fields before the protocol.
func afterHex(line string) string {
	field, rest := next(line)
	for line != "" && !isProtocol(field) {
		line = rest
		field, rest = next(line)
	}
	return line
}

// next splits the first field off.
func next(line string) (field, rest string) {
	line = strings.TrimLeft(line, " \t")
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return line[:i], line[i:]
	}
	return line, ""
}

// netstatRow reads "tcp 0 0 local foreign [state] …" of Linux and BSD. The
// queues may be missing.
func (p *parser) netstatRow(line string) bool {
	name, rest := next(line)
	protocol, fam, _ := endpoint.ParseProtocol(name)
	r := Row{Protocol: protocol}
	var q [2]uint32
	for i := range q {
		field, after := next(rest)
		n, ok := number(field, 10, 32)
		if !ok {
			break
		}
		q[i], rest = uint32(n), after
	}
	r.RecvQ, r.SendQ = q[0], q[1]
	local, rest := next(rest)
	remote, rest := next(rest)
	if local == "" || remote == "" {
		p.problem("row ends in the middle: "+endpoint.Quote(line), "")
		return true
	}
	bsd := endpoint.Dotted(local)
	if fam == endpoint.AnyFamily {
		fam = endpoint.Four
		if colons := max(strings.Count(local, ":"), strings.Count(remote, ":")); colons > 1 || bsd && colons > 0 {
			fam = endpoint.Six // BusyBox calls both tcp
		}
	}
	if p.kind != netstatBSD && p.kind != netstatLinux || bsd != (p.kind == netstatBSD) {
		p.kind, p.columns = netstatLinux, columns{}
		if bsd {
			p.kind = netstatBSD
		}
	}
	p.endNetstat(r, fam, local, remote, rest, bsd)
	return true
}

// endNetstat reads what is common to the rows of Linux and BSD: the ends, the
// state, the owner.
func (p *parser) endNetstat(r Row, fam endpoint.Family, local, remote, rest string, bsd bool) {
	s, ok := p.ends(&r, fam, local, remote, strings.TrimSpace(rest) == "")
	if !ok {
		return
	}
	if bsd && p.cutAtWidth(&r, local, remote) {
		return
	}
	rest, ok = p.state(&r, rest, remote)
	if !ok {
		return
	}
	if bsd {
		p.ownerBSD(&r, rest)
		r.V6Only = fam == endpoint.Six && r.Local.Addr.IsUnspecified()
	} else {
		p.ownerLinux(&r, rest)
	}
	p.add(r, s)
}

// ends reads both addresses of a row. atEnd says that the line ends behind the
// second.
func (p *parser) ends(r *Row, fam endpoint.Family, local, remote string, atEnd bool) (s shape, ok bool) {
	var reason, hint string
	if r.Local, s.local.host, reason, hint = endpoint.Parse(local, r.Protocol, fam); reason == "" {
		r.Remote, s.remote.host, reason, hint = endpoint.Parse(remote, r.Protocol, fam)
	}
	if reason == "" && p.open && atEnd && !strings.HasSuffix(remote, "*") {
		reason, hint = fmt.Sprintf("text ends within %s, which may be cut", endpoint.Quote(remote)), ""
	}
	if reason != "" {
		p.problem(reason, hint)
		return s, false
	}
	r.loopback(fam)
	s.local.whole, s.remote.whole = len(local), len(remote)
	return s, true
}

// state reads the state, if there is one, and judges what there is without.
// Listeners can be told by their foreign address in any language.
func (p *parser) state(r *Row, rest, remote string) (after string, ok bool) {
	word, after := next(rest)
	if s, known := parseState(word); known {
		r.State = s
		if r.Protocol == proctext.UDP && s != proctext.Established {
			r.State = proctext.Closed
		}
		return after, true
	}
	none := r.Remote.Port == 0 && (r.Remote.Name == "*" || r.Remote.Addr.IsUnspecified() || strings.HasPrefix(remote, "*"))
	switch {
	case r.Protocol == proctext.UDP && none:
		r.State = proctext.Closed
		return rest, true
	case r.Protocol == proctext.UDP:
		r.State = proctext.Established
		return rest, true
	case none && word != "" && !isNumber(word[:1]):
		r.State = proctext.Listening // in another language
		return after, true
	case none && p.kind == netstatBSD:
		r.State = proctext.Closed // bound, not listening
		return rest, true
	}
	p.problem(fmt.Sprintf("state %s is not known", endpoint.Quote(word)), "list in English: LANG=C netstat …")
	return rest, false
}

// parseState reads a state as Linux, BSD, Windows and ss spell it.
func parseState(word string) (proctext.State, bool) {
	switch strings.Map(dropDashes, strings.ToUpper(word)) {
	case "ESTABLISHED", "ESTAB", "HERGESTELLT", "VERBUNDEN":
		return proctext.Established, true
	case "SYNSENT", "SYNGESENDET":
		return proctext.SynSent, true
	case "SYNRECV", "SYNRCVD", "SYNRECEIVED", "NEWSYNRECV", "SYNEMPFANGEN":
		return proctext.SynReceived, true
	case "FINWAIT1", "FINWARTEN1":
		return proctext.FinWait1, true
	case "FINWAIT2", "FINWARTEN2":
		return proctext.FinWait2, true
	case "TIMEWAIT", "WARTEND":
		return proctext.TimeWait, true
	case "CLOSE", "CLOSED", "UNCONN", "BOUND", "IDLE", "DELETETCB":
		return proctext.Closed, true
	case "CLOSEWAIT", "SCHLIESSENWARTEN":
		return proctext.CloseWait, true
	case "LASTACK":
		return proctext.LastAck, true
	case "LISTEN", "LISTENING", "ABHÖREN":
		return proctext.Listening, true
	case "CLOSING":
		return proctext.Closing, true
	}
	return 0, false
}

func dropDashes(r rune) rune {
	if r == '-' || r == '_' {
		return -1
	}
	return r
}

// ownerLinux reads what net-tools and BusyBox print behind the state: with -e
// the user and the inode, with -p the process, with -o a timer, with -Z a
// security context.
func (p *parser) ownerLinux(r *Row, rest string) {
	user, after := next(rest)
	inode, behind := next(after)
	if isNumber(inode) && user != "-" && !strings.Contains(user, "/") {
		r.User, rest = user, behind
	}
	rest = strings.TrimSpace(rest)
	if p.columns.context {
		if i := strings.LastIndexAny(rest, " \t"); i >= 0 {
			rest = strings.TrimSpace(rest[:i])
		}
	}
	rest = withoutTimer(rest)
	pid, title, ok := strings.Cut(rest, "/")
	n, isPID := number(pid, 10, 31)
	if !ok || !isPID {
		return
	}
	r.PID, r.Process = int(n), processName(title)
	r.Cut = len(rest) >= programWidth-1 && strings.HasSuffix(title, r.Process) || p.open
}

// programWidth is that of the column "PID/Program name" of net-tools and
// BusyBox, with the blank behind it.
const programWidth = 20

// withoutTimer takes off what -o adds: "keepalive (297.90/0/0)".
func withoutTimer(s string) string {
	open := strings.LastIndexByte(s, '(')
	if open < 0 || !strings.HasSuffix(s, ")") || strings.Count(s[open:], "/") != 2 {
		return s
	}
	s = strings.TrimRight(s[:open], " ")
	return strings.TrimRight(s[:strings.LastIndexByte(s, ' ')+1], " ")
}

// processName gives the kernel's name of a process as well as its title tells.
// netstat prints the beginning of the command line, which programs overwrite to
// tell what they do: the name is what stands
//
//   - behind the last slash ("./dotm_node", "-bash" without the dash of a login
//     shell),
//   - before a colon and a blank, as setproctitle(3) has it ("nginx: worker",
//     "sshd: user"),
//   - before the address of a Redis or one of its kin ("redis-server *:6379",
//     cut to "redis-server 0.0").
//
// Any other blank is part of the name.
func processName(title string) string {
	name, _, _ := strings.Cut(title, ": ")
	name = strings.TrimSuffix(name, ":")
	if first, rest, ok := strings.Cut(name, " "); ok && writesAddress(first) {
		if rest = strings.TrimLeft(rest, " "); rest == "" || strings.ContainsAny(rest[:1], "*[:0123456789") {
			name = first
		}
	}
	if i := strings.LastIndexByte(name, '/'); i >= 0 && i < len(name)-1 {
		name = name[i+1:]
	}
	if len(name) > 1 && name[0] == '-' {
		name = name[1:]
	}
	return name
}

// writesAddress knows the programs that write where they listen into their
// title.
func writesAddress(name string) bool {
	name = name[strings.LastIndexByte(name, '/')+1:]
	for _, kin := range []string{"redis-", "valkey-", "keydb-"} {
		if strings.HasPrefix(name, kin) {
			return true
		}
	}
	return false
}

// number reads a number without a sign, of 20 digits at most.
func number(text string, base, bits int) (uint64, bool) {
	n, err := strconv.ParseUint(text, base, bits)
	return n, err == nil && len(text) <= 20
}
