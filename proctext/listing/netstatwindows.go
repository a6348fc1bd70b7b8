package listing

import (
	"fmt"
	"strings"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/proctext/listing/endpoint"
)

// windowsHeading recognises the heading of netstat on Windows in any language:
// it is indented, has no queues and ends with the state or the process id.
func (p *parser) windowsHeading(line string, f []string) bool {
	return strings.HasPrefix(line, "  Proto") || p.kind == netstatWindows && strings.HasPrefix(f[0], "Proto")
}

// windowsRow reads "TCP local foreign state [pid]" and "UDP local *:* [pid]".
// The languages of Windows spell states differently; listeners are told by
// their foreign address.
func (p *parser) windowsRow(line string) bool {
	f := p.fields
	r := Row{Protocol: strings.ToLower(f[0])}
	if r.Protocol != proctext.TCP && r.Protocol != proctext.UDP {
		return false
	}
	p.kind = netstatWindows
	if len(f) < 3 {
		p.problem("row ends in the middle: "+endpoint.Quote(line), "")
		return true
	}
	s, ok := p.ends(&r, endpoint.Four, f[1], f[2], len(f) == 3)
	if !ok {
		return true
	}
	rest := f[3:]
	if n := len(rest); n > 0 && isNumber(rest[n-1]) {
		r.PID, rest = pidOf(rest[n-1]), rest[:n-1]
		if p.open {
			r.PID = 0 // may be cut
		}
	}
	if !p.windowsState(&r, strings.Join(rest, " ")) {
		return true
	}
	if r.PID == systemPID {
		r.Process = "System"
	}
	p.add(r, s)
	return true
}

// systemPID is that of the kernel of Windows.
const systemPID = 4

func (p *parser) windowsState(r *Row, word string) bool {
	none := r.Remote.Port == 0
	s, known := parseState(word)
	switch {
	case r.Protocol == proctext.UDP && none:
		r.State = proctext.Closed
	case r.Protocol == proctext.UDP:
		r.State = proctext.Established
	case known:
		r.State = s
	case none:
		r.State = proctext.Listening
	default:
		p.problem(fmt.Sprintf("state %s is not known", endpoint.Quote(word)), "list in English: chcp 437, then netstat")
		return false
	}
	return true
}

// continuation reads the lines that belong to the row above them.
func (p *parser) continuation(line string) bool {
	switch {
	case p.kind == netstatWindows && (line[0] == ' ' || line[0] == '\t'):
		p.windowsOwner(strings.TrimSpace(line))
	case p.kind == ssTool && (line[0] == ' ' || line[0] == '\t'):
		p.ssOwner(line)
	default:
		return false
	}
	return true
}

// windowsOwner reads what -b prints below a row: the program in brackets,
// before it the service or the modules that it runs. What can't be seen is said
// in the language of the system.
func (p *parser) windowsOwner(line string) {
	name, ok := strings.CutPrefix(line, "[")
	n := len(p.out.Rows)
	if !ok || !strings.HasSuffix(name, "]") || n == 0 {
		return
	}
	// The row right above, not one before others that could not be read.
	if r := &p.out.Rows[n-1]; r.Process == "" && p.line-r.Line <= maxModules {
		r.Process = strings.TrimSuffix(name, "]")
	}
}

// maxModules bounds the lines between a row and its program.
const maxModules = 16
