// Package listing reads what the programs of several systems print about sockets
// and addresses ([Parse]): netstat, ss, sockstat, ip, ifconfig and ipconfig.
//
// It is pure and takes whatever bytes it is given: text of a newer program with
// more fields is read, and text that is broken is a [Problem] that says where.
package listing

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/proctext/listing/endpoint"
)

// Listing is what a host's own programs print about its sockets and addresses,
// read by [Parse].
type Listing struct {
	// Hostname is that of a line "hostname=NAME", or of ipconfig /all; empty if
	// there is none. It is as it was printed, not checked.
	Hostname   string
	Interfaces []proctext.Interface
	Rows       []Row
	// Problems are the first [MaxProblems] parts of the text that could not be
	// read or used, ProblemCount is how many there are.
	Problems     []Problem
	ProblemCount int
	// Ignored counts the rows of sockets that are neither TCP nor UDP.
	Ignored int
	// Cuts is whether an address column was too narrow for its addresses.
	Cuts bool
	// System is what the sockets' format tells of the host: [Linux], [Windows],
	// [BSD], or nothing.
	System string
}

// The systems of [Listing]; BSD stands for macOS too.
const (
	Linux   = "linux"
	Windows = "windows"
	BSD     = "bsd"
)

// system is the one whose programs print a format.
func (k kind) system() string {
	switch k {
	case netstatLinux, ssTool:
		return Linux
	case netstatWindows:
		return Windows
	case netstatBSD, sockstatTool:
		return BSD
	case anything, otherSockets, ipconfigTool:
	}
	return ""
}

// Limits of what [Parse] keeps. Rows beyond are counted as one problem.
const (
	MaxRows      = 200_000
	MaxProblems  = 100
	maxAddresses = 16_384
)

// Problem is a part of a listing that could not be read or used.
type Problem struct {
	Line int    // counted from 1
	What string // what is wrong, with the text it is about
	Hint string // what to do about it; may be empty
}

// String gives the problem in one line.
func (p Problem) String() string {
	s := fmt.Sprintf("line %d: %s", p.Line, p.What)
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Endpoint is one end of a socket as a listing prints it.
type Endpoint = endpoint.Endpoint

// Row is one TCP or UDP socket of a listing.
type Row struct {
	Line     int // counted from 1
	Protocol string
	State    proctext.State
	Local    Endpoint
	Remote   Endpoint // port 0: none
	// V6Only says of a listener on :: that it leaves IPv4 alone, as far as the
	// listing tells.
	V6Only bool
	// PID and Process are the owner: 0 and empty if not shown. Process is the
	// kernel's name for it where that could be told, and Cut says that the
	// listing may have cut it.
	PID     int
	Process string
	Cut     bool
	// User is who owns the socket, by name or by number; empty if not shown.
	User string
	// RecvQ and SendQ are as printed: bytes, or on a listener of Linux the
	// connections that wait to be accepted, and (ss only, else 0 in QueueMax)
	// how many may.
	RecvQ, SendQ, QueueMax uint32
}

// kind is a format that rows are in.
type kind uint8

const (
	anything kind = iota // no heading yet, or none of sockets
	netstatLinux
	netstatBSD
	netstatWindows
	ssTool
	sockstatTool
	otherSockets // of the Unix domain, of Bluetooth, …
	ipconfigTool
)

// parser is a Parse that is under way.
type parser struct {
	out  Listing
	line int
	// fields are those of the line.
	fields []string
	open   bool // the line is the last and has no line end: it may be cut
	kind   kind

	// columns are what the last heading said.
	columns columns
	shapes  []shape // of out.Rows, by index
	ss      ssStyle
	byName  map[string]int // interfaces
	at      int            // the interface that addresses belong to; -1: none
	room    int            // for addresses
	dropped int
	masked  bool // the last address waits for its mask (ipconfig)
}

// shape is how the addresses of a row were printed.
type shape struct {
	kind          kind
	local, remote span
}

// span is the width of an address column's text, and of the host's part in it.
type span struct{ whole, host int }

// columns is what a heading says of the rows below it.
type columns struct {
	width    int  // of an address column of BSD's netstat; 0: not known
	counters int  // numbers between state and owner
	owner    byte // 'n': process:pid, 'p': pid, 0: none
	context  bool // a security context ends the row
	noState  bool // ss
	netID    bool // ss
}

// Parse reads the text of netstat (Linux net-tools, BusyBox, BSD, macOS,
// Windows), ss, sockstat, and of ip address, ifconfig or ipconfig, in any
// order and mixture, with or without headings. Each line is read by its own
// form. What can't be read, or not used without guessing, is a [Problem]: no
// row is lost silently. UTF-16 with a byte order mark, as PowerShell writes it,
// is read too.
func Parse(text []byte) *Listing {
	p := &parser{byName: map[string]int{}, at: -1, room: maxAddresses, ss: ssStyle{homeless: map[int]bool{}}}
	rest := decode(text)
	for rest != "" {
		line, after, ended := strings.Cut(rest, "\n")
		p.line++
		p.open = !ended
		p.take(strings.TrimRight(line, "\r"))
		rest = after
	}
	p.finish()
	return &p.out
}

// decode gives the text as UTF-8, without a byte order mark.
func decode(text []byte) string {
	var order binary.ByteOrder
	switch {
	case len(text) >= 3 && string(text[:3]) == "\xef\xbb\xbf":
		return string(text[3:])
	case len(text) >= 2 && text[0] == 0xff && text[1] == 0xfe:
		order = binary.LittleEndian
	case len(text) >= 2 && text[0] == 0xfe && text[1] == 0xff:
		order = binary.BigEndian
	default:
		return string(text)
	}
	units := make([]uint16, 0, len(text)/2)
	for b := text[2:]; len(b) >= 2; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	return string(utf16.Decode(units))
}

// take reads one line.
func (p *parser) take(line string) {
	if strings.ContainsAny(line, "\r\v\f") {
		line = plainBlanks.Replace(line)
	}
	if line = strings.TrimRight(line, " \t"); line == "" {
		return
	}
	p.fields = appendFields(p.fields[:0], line)
	if p.hostname(line) || p.socket(line) || p.heading(line) || p.address(line) || p.continuation(line) || p.foreign(line) {
		return
	}
	p.problem(endpoint.Quote(line)+" is not understood", "")
}

// plainBlanks makes the other blanks of ASCII plain ones.
var plainBlanks = strings.NewReplacer("\r", " ", "\v", " ", "\f", " ")

// fields splits a line at blanks and tabs alone: names may hold the blanks of
// other alphabets.
func fields(line string) []string { return appendFields(nil, line) }

func appendFields(to []string, line string) []string {
	for {
		field, rest := next(line)
		if field == "" {
			return to
		}
		to, line = append(to, field), rest
	}
}

// hostname reads the line that begins the answer of the original agent.
func (p *parser) hostname(line string) bool {
	name, ok := strings.CutPrefix(line, "hostname=")
	if ok && p.out.Hostname == "" {
		p.out.Hostname = strings.TrimSpace(name)
	}
	return ok
}

// heading reads what stands above a table.
func (p *parser) heading(line string) bool {
	f := p.fields
	second := ""
	if len(f) > 1 {
		second = f[1]
	}
	switch {
	case f[0] == "Active" || f[0] == "Aktive" || f[0] == "Registered":
		p.title(line)
	case f[0] == "Proto" && second == "RefCnt", f[0] == "Address" && second == "Type":
		p.kind = otherSockets
	case f[0] == "Proto" && second == "Recv-Q", (f[0] == "Socket" || f[0] == "Tcpcb") && strings.Contains(line, " Recv-Q "):
		p.headNetstat(line)
	case f[0] == "Netid", f[0] == "State" && second == "Recv-Q", f[0] == "Recv-Q" && second == "Send-Q":
		p.kind, p.columns = ssTool, columns{netID: f[0] == "Netid", noState: !strings.Contains(line, "State")}
		p.ssTable(p.columns.noState)
	case f[0] == "USER" && second == "COMMAND":
		p.kind, p.columns = sockstatTool, columns{}
	case p.windowsHeading(line, f):
		p.kind, p.columns = netstatWindows, columns{}
	default:
		return false
	}
	p.at = -1
	return true
}

// title reads the line above a heading: tables of other sockets follow in the
// same output.
func (p *parser) title(line string) {
	p.columns, p.at = columns{}, -1
	p.kind = otherSockets
	if strings.Contains(line, "Internet") || strings.HasSuffix(line, "Connections") {
		p.kind = anything
	}
}

// headNetstat reads the heading of netstat on Linux and BSD.
func (p *parser) headNetstat(line string) {
	p.kind = netstatLinux
	p.columns = columns{context: strings.Contains(line, "Security Context")}
	_, after, isBSD := strings.Cut(line, "(state)")
	if !isBSD {
		_, after, isBSD = strings.Cut(line, "TCP-State")
	}
	if !isBSD {
		return
	}
	p.kind = netstatBSD
	if l, f := strings.Index(line, "Local Address"), strings.Index(line, "Foreign Address"); l >= 0 && f > l {
		p.columns.width = f - l - 1
	}
	for _, name := range fields(after) {
		switch name {
		case "process:pid":
			p.columns.owner = 'n'
			return
		case "pid":
			p.columns.owner = 'p'
			return
		}
		p.columns.counters++
	}
}

// foreign takes what is no TCP or UDP socket, and what programs say beside.
func (p *parser) foreign(line string) bool {
	f := p.fields
	switch {
	case p.kind == otherSockets, len(f) > 1 && otherFamily(f[0]), p.kind == sockstatTool && len(f) > 4 && slices.ContainsFunc(f[4:], otherFamily),
		isHex(f[0]) && slices.ContainsFunc(f[1:min(len(f), 3)], otherFamily): // BSD's -A
		p.out.Ignored++
	case !strings.ContainsAny(line, "0123456789"): // prose: a socket has a port, an interface an address
	default:
		return false
	}
	return true
}

// otherFamily knows what netstat and ss call sockets that are neither TCP nor
// UDP.
func otherFamily(name string) bool {
	switch name {
	case "unix", "raw", "raw6", "raw4", "raw46", "udplite", "udplite6", "udpl", "udpl6", "sctp", "sctp6", "sctp4", "sctp46", "mptcp", "dccp",
		"icm4", "icm6", "icm46", "icmp", "icmp4", "icmp6", "ip", "ip4", "ip6", "ip46", "div4", "div6", "divert", "esp", "esp6", "gre", "ax25", "l2cap", "rfcomm",
		"nl", "u_str", "u_dgr", "u_seq", "p_raw", "p_dgr", "v_str", "v_dgr", "ti_sd", "ti_rd", "ti_sq", "ti_dg", "tipc", "xdp",
		"kctl", "kevt", "stream", "dgram", "seqpac", "seqpack", "seqpacket", "IPX", "ipx", "vsock", "bth":
		return true
	}
	return false
}

// problem takes down what is wrong with the line that is being read.
func (p *parser) problem(what, hint string) { p.problemAt(p.line, what, hint) }

func (p *parser) problemAt(line int, what, hint string) {
	p.out.ProblemCount++
	if len(p.out.Problems) < MaxProblems {
		p.out.Problems = append(p.out.Problems, Problem{line, what, hint})
	}
}

// add keeps a row.
func (p *parser) add(r Row, s shape) {
	if len(p.out.Rows) >= MaxRows {
		p.dropped++
		return
	}
	r.Line, s.kind, p.out.System = p.line, p.kind, p.kind.system()
	p.out.Rows = append(p.out.Rows, r)
	p.shapes = append(p.shapes, s)
}

// finish judges what only the whole listing tells.
func (p *parser) finish() {
	p.settleSS()
	p.markCuts()
	if p.dropped > 0 {
		p.problem(fmt.Sprintf("%d sockets are left out: a listing holds at most %d", p.dropped, MaxRows), "")
	}
}
