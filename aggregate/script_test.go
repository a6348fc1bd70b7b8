package aggregate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestScripts plays the scenarios of testdata/*.script. A scenario begins with
// "== name"; then a line is one step, or one line of what must stand there:
//
//	a: addr 10.0.0.1 | listen nginx 0.0.0.0:80 | out curl 10.0.0.2:80 x3
//	                     node a reports; see [parseReport] for the clauses
//	a                    node a reports the same once more, at the current time
//	+10s                 time passes
//	age                  what is old or stale is marked
//	remove NODE          a node is forgotten
//	restart              the blocks go through JSON into a new process
//	internal 100.64.0.0/10
//	virtual 10.0.0.100 [NAME]      an address that the settings call virtual
//	outside NAME 198.51.100.0/24   a network that the settings name
//	expire 24h
//	events = EVENT; EVENT          what the last report did, "none" for nothing
//	= EDGE               all edges that must stand, sorted ("= none" for none)
//	~ HEALTH             the health of all edges that have any
//	@ NODE               all nodes
//	$ SERVICE            all services
//	! FINDING            all findings: node, code and text
//	same | changed       what the last report did to the revision
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.script")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, scenario := range strings.Split("\n"+string(raw), "\n== ")[1:] {
			name, body, _ := strings.Cut(scenario, "\n")
			t.Run(strings.TrimSuffix(filepath.Base(file), ".script")+"/"+name, func(t *testing.T) {
				newStage(t).play(body)
			})
		}
	}
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stage is a topology in a scenario.
type stage struct {
	t    testing.TB
	line int
	now  time.Time
	opt  Options
	snap *topology.Snapshot
	prev *topology.Snapshot // before the last report
	said map[string]*report.Report
}

func newStage(t testing.TB) *stage {
	return &stage{
		t: t, now: start,
		opt:  Options{Ageing: 5 * time.Minute, StaleAfter: time.Minute},
		snap: topology.Empty(topology.Revision{Epoch: "e", Number: 1}, start),
		said: map[string]*report.Report{},
	}
}

func (s *stage) play(body string) {
	s.t.Helper()
	lines := strings.Split(body, "\n")
	for i := 0; i < len(lines); i++ {
		s.line = i + 1
		line := strings.TrimSpace(lines[i])
		if line == "" || line[0] == '#' {
			continue
		}
		if kind := line[:1]; strings.Contains("=~@$!", kind) {
			var want []string
			for ; i < len(lines) && strings.HasPrefix(lines[i], kind); i++ {
				want = append(want, strings.TrimSpace(lines[i][1:]))
			}
			i--
			s.expect(kind, want)
			continue
		}
		s.step(line)
		checkInvariants(s.t, s.snap)
	}
}

func (s *stage) step(line string) {
	s.t.Helper()
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case word == "age":
		b := Begin(s.snap, s.opt)
		b.Age(s.now)
		s.prev, s.snap = s.snap, b.Commit(s.now)
	case word == "restart":
		s.restart()
	case word == "remove":
		b := Begin(s.snap, s.opt)
		if !b.Remove(rest, s.now) {
			s.t.Errorf("line %d: there is no %s", s.line, rest)
		}
		s.prev, s.snap = s.snap, b.Commit(s.now)
	case word == "internal":
		s.opt.Internal = append(s.opt.Internal, netip.MustParsePrefix(rest))
	case word == "virtual":
		addr, name, _ := strings.Cut(rest, " ")
		s.opt.Virtual = append(s.opt.Virtual, NamedAddress{Address: netip.MustParseAddr(addr), Name: name})
	case word == "outside":
		name, prefix, _ := strings.Cut(rest, " ")
		s.opt.Outside = append(s.opt.Outside, NamedNetwork{Name: name, Prefixes: []netip.Prefix{netip.MustParsePrefix(prefix)}})
	case word == "expire":
		d, err := time.ParseDuration(rest)
		s.must(err)
		s.opt.ExpireAfter = d
	case word == "events":
		s.expectEvents(strings.TrimPrefix(rest, "= "))
	case word == "same":
		s.expectSame()
	case word == "changed":
		if s.snap.Revision() == s.prev.Revision() {
			s.t.Errorf("line %d: the revision is still %v", s.line, s.snap.Revision())
		}
	case word[0] == '+':
		d, err := time.ParseDuration(word[1:])
		s.must(err)
		s.now = s.now.Add(d)
	case strings.HasSuffix(word, ":"):
		node := strings.TrimSuffix(word, ":")
		r, err := parseReport(node, rest)
		s.must(err)
		s.said[node] = r
		s.report(node)
	default:
		s.report(word)
	}
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("line %d: %v", s.line, err)
	}
}

func (s *stage) report(node string) {
	s.t.Helper()
	r := s.said[node]
	if r == nil {
		s.t.Fatalf("line %d: %s said nothing yet", s.line, node)
	}
	r.Time = s.now.Add(time.Duration(r.Sequence)) // a scripted skew
	s.must(r.Validate(s.now))
	before := written(s.t, s.snap)
	s.prev, s.snap = s.snap, Apply(s.snap, r, s.now, s.opt)
	if diff := cmp.Diff(written(s.t, Apply(unlearned(s.t, s.prev), r, s.now, s.opt)), written(s.t, s.snap)); diff != "" {
		s.t.Fatalf("line %d: what was learned makes a difference (-without +with):\n%s", s.line, diff)
	}
	if diff := cmp.Diff(before, written(s.t, s.prev)); diff != "" {
		s.t.Fatalf("line %d: the report wrote to the snapshot before it:\n%s", s.line, diff)
	}
}

// restart stores the blocks and loads them, as a server does that starts again.
func (s *stage) restart() {
	s.t.Helper()
	var blocks []*topology.Block
	s.must(json.Unmarshal([]byte(written(s.t, s.snap)), &blocks))
	loaded, err := topology.FromBlocks(s.snap.Revision(), s.now, blocks)
	s.must(err)
	if events := topology.Diff(s.snap, loaded); len(events) > 0 {
		s.t.Errorf("line %d: restarting gave %d events: %v", s.line, len(events), events)
	}
	s.opt.Since, s.snap = s.now, loaded
}

// expectSame asks that the last step changed nothing but times: the revision
// stands, the lists are the very ones of before, and there are no events.
func (s *stage) expectSame() {
	s.t.Helper()
	if s.snap.Revision() != s.prev.Revision() {
		s.t.Errorf("line %d: revision %v became %v", s.line, s.prev.Revision(), s.snap.Revision())
	}
	if events := topology.Diff(s.prev, s.snap); len(events) > 0 {
		s.t.Errorf("line %d: events %v", s.line, events)
	}
	for b := range s.snap.Blocks() {
		old := s.prev.Block(b.Node.Name)
		if old == nil || !shared(old.Services, b.Services) || !shared(old.Connections, b.Connections) {
			s.t.Errorf("line %d: the lists of %s were copied", s.line, b.Node.Name)
		}
	}
}

// expectEvents asks for the events of the last step.
func (s *stage) expectEvents(want string) {
	s.t.Helper()
	var got []string
	for _, e := range topology.Diff(s.prev, s.snap) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", e.Kind, e.Subject, e.ID, strings.Join(e.What, ","))))
	}
	if text := strings.Join(got, "; "); text != want && (text != "" || want != "none") {
		s.t.Errorf("line %d: events %q, want %q", s.line, text, want)
	}
}

func shared[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func (s *stage) expect(kind string, want []string) {
	s.t.Helper()
	var got []string
	switch kind {
	case "=":
		got = edgeLines(s.snap)
	case "~":
		got = healthLines(s.snap)
	case "@":
		got = nodeLines(s.snap)
	case "$":
		got = serviceLines(s.snap)
	case "!":
		got = findingLines(s.snap)
	}
	if slices.Equal(want, []string{"none"}) {
		want = nil
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("line %d: %s (-want +got):\n%s", s.line, kind, diff)
	}
}

// edgeLines spells every edge: client(process) -> server:port(process), "--"
// without direction; no parentheses where the service is not known.
func edgeLines(s *topology.Snapshot) (out []string) {
	for c := range s.Connections() {
		arrow := "->"
		if !c.Directed {
			arrow = "--"
		}
		server := c.Server.Node + ":" + strconv.Itoa(int(c.Server.Port))
		if c.Protocol != "tcp" {
			server += "/" + string(c.Protocol)
		}
		if c.Server.Service != "" {
			server += "(" + c.Server.Process + ")"
		}
		line := fmt.Sprintf("%s(%s) %s %s x%d %s", c.Client.Node, c.Client.Process, arrow, server, c.Count, c.Status)
		out = append(out, line+edgeExtras(&c))
	}
	slices.Sort(out)
	return out
}

func edgeExtras(c *topology.Connection) (line string) {
	switch {
	case c.Evidence.Confirmed:
		line += " confirmed"
	case c.Evidence.BothEnds:
		line += " both"
	}
	if c.Observer {
		line += " observer"
	}
	if c.Opened > 0 {
		line += fmt.Sprintf(" opened %d", c.Opened)
	}
	if c.Peers > 0 {
		line += fmt.Sprintf(" peers %d", c.Peers)
	}
	for _, n := range []struct {
		name  string
		value uint64
	}{{"refused", c.Refused}, {"timedout", c.TimedOut}, {"failed", c.Failed}} {
		if n.value > 0 {
			line += fmt.Sprintf(" %s %d", n.name, n.value)
		}
	}
	if c.Own {
		line += " own"
	}
	return line + belongs(c.Client.Unit, c.Client.Container) + since(c.FirstSeen)
}

// belongs spells what a process belongs to.
func belongs(unit, container string) (line string) {
	if unit != "" {
		line += " unit " + unit
	}
	if container != "" {
		line += " box " + container
	}
	return line
}

// healthLines spells what was measured: client(process) -> server:port, the end
// that measured, and then what is not zero.
func healthLines(s *topology.Snapshot) (out []string) {
	for c := range s.Connections() {
		h := c.Health
		if h == nil {
			continue
		}
		line := fmt.Sprintf("%s(%s) -> %s:%d %s", c.Client.Node, c.Client.Process, c.Server.Node, c.Server.Port, h.End)
		if h.RTT+h.RTTVar > 0 {
			line += fmt.Sprintf(" rtt %d±%d", h.RTT, h.RTTVar)
		}
		if h.Sent+h.Received > 0 {
			line += fmt.Sprintf(" sent %d received %d", h.Sent, h.Received)
		}
		if h.Retransmits > 0 {
			line += fmt.Sprintf(" retransmits %v", h.Retransmits)
		}
		if h.Connecting > 0 || !h.ConnectingSince.IsZero() {
			line += fmt.Sprintf(" connecting %d%s", h.Connecting, when(h.ConnectingSince))
		}
		if h.CloseWait > 0 || !h.CloseWaitSince.IsZero() {
			line += fmt.Sprintf(" close-wait %d%s", h.CloseWait, when(h.CloseWaitSince))
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// when spells how long after the start something began.
func when(t time.Time) string { return " since " + t.Sub(start).String() }

func nodeLines(s *topology.Snapshot) (out []string) {
	for b := range s.Blocks() {
		line := fmt.Sprintf("%s %s %s", b.Node.Name, b.Node.Kind, b.Node.State)
		if len(b.Node.SeenBy) > 0 {
			line += " by " + strings.Join(b.Node.SeenBy, ",")
		}
		for i, h := range b.Node.Holders {
			word := map[bool]string{true: "held by", false: "once"}[h.Until.IsZero()]
			if i > 0 && b.Node.Holders[i-1].Until.IsZero() == h.Until.IsZero() {
				word = "and"
			}
			line += " " + word + " " + h.Node
		}
		for _, f := range b.Node.Forwards {
			line += fmt.Sprintf(" %s %s>%s", f.Protocol, f.From, f.To)
		}
		out = append(out, line+since(b.Node.FirstSeen))
	}
	slices.Sort(out)
	return out
}

func serviceLines(s *topology.Snapshot) (out []string) {
	for v := range s.Services() {
		line := fmt.Sprintf("%s %s %s", v.ID, v.Process, v.State)
		for _, a := range v.Addresses {
			line += " " + a.String()
		}
		if v.Clients > 0 {
			line += fmt.Sprintf(" clients %d", v.Clients)
		}
		if v.Queue+v.QueueMax > 0 {
			line += fmt.Sprintf(" queue %d/%d", v.Queue, v.QueueMax)
		}
		if v.Drops > 0 {
			line += fmt.Sprintf(" drops %d", v.Drops)
		}
		line += belongs(v.Unit, v.Container)
		if v.Image != "" {
			line += " image " + v.Image
		}
		if v.Pod != "" {
			line += " pod " + v.Pod
		}
		out = append(out, line+since(v.FirstSeen))
	}
	slices.Sort(out)
	return out
}

func findingLines(s *topology.Snapshot) (out []string) {
	for b := range s.Blocks() {
		for _, f := range b.Node.Findings {
			out = append(out, b.Node.Name+" "+f.Code+": "+f.Text)
		}
	}
	slices.Sort(out)
	return out
}

// since spells how long after the start something was seen first.
func since(t time.Time) string {
	if t.Equal(start) {
		return ""
	}
	return " since " + t.Sub(start).String()
}

// written is all blocks as text; it would show any later write to them.
func written(t testing.TB, s *topology.Snapshot) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(slices.Collect(s.Blocks())); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// fataler is a test, of testing or of rapid.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkInvariants holds what every topology promises, whatever was reported.
func checkInvariants(t fataler, s *topology.Snapshot) {
	t.Helper()
	for b := range s.Blocks() {
		name := b.Node.Name
		if !slices.IsSortedFunc(b.Services, func(x, y topology.Service) int { return cmpUnique(x.ID, y.ID) }) {
			t.Fatalf("services of %s are not sorted or not unique: %v", name, b.Services)
		}
		if !slices.IsSortedFunc(b.Connections, func(x, y *topology.Connection) int { return cmpUnique(x.ID, y.ID) }) {
			t.Fatalf("connections of %s are not sorted or not unique: %v", name, b.Connections)
		}
		for i := range b.Connections {
			checkEdge(t, s, name, b.Connections[i])
		}
		if b.Node.State == topology.Unheard && len(b.Node.SeenBy) == 0 && b.Node.Kind != topology.Virtual {
			t.Fatalf("nobody sees %s", name)
		}
	}
}

func checkEdge(t fataler, s *topology.Snapshot, holder string, c *topology.Connection) {
	t.Helper()
	if c.ID != topology.ConnectionID(c) {
		t.Fatalf("%s holds an edge whose id is not its own: %+v", holder, c)
	}
	if server := s.Block(c.Server.Node); c.Client.Node != holder && c.Server.Node != holder && (server == nil || server.Node.Kind != topology.Virtual) {
		t.Fatalf("%s holds an edge of others: %+v", holder, c)
	}
	if s.Block(c.Client.Node) == nil || s.Block(c.Server.Node) == nil {
		t.Fatalf("an edge of %s ends nowhere: %+v", holder, c)
	}
	if c.Server.Service != "" && s.Service(c.Server.Service) == nil {
		t.Fatalf("an edge of %s calls a service that isn't there: %+v", holder, c)
	}
	if c.FirstSeen.IsZero() || c.LastSeen.Before(c.FirstSeen) {
		t.Fatalf("an edge of %s was seen from %v to %v", holder, c.FirstSeen, c.LastSeen)
	}
	for i, x := range c.Evidence.SeenBy {
		for _, y := range c.Evidence.SeenBy[:i] {
			if x.Node == y.Node && x.End == y.End {
				t.Fatalf("an edge of %s is seen twice by one end: %+v", holder, c.Evidence)
			}
		}
	}
}

// cmpUnique sorts equal ids the wrong way round, so that they don't pass.
func cmpUnique(a, b string) int {
	if a == b {
		return 1
	}
	return strings.Compare(a, b)
}

// parseReport reads the clauses of a report, separated by " | ":
//
//	addr IP…             the node's addresses
//	iface NAME CIDR…     an interface with its addresses
//	name NAME            what the host says it is called; default: the node
//	machine ID           its machine-id; default: its name alone
//	instance ID          of its agent
//	method METHOD        how its sockets were read
//	seq N                its sequence; default 0
//	leaving WHY          its last word
//	skew D               how far its clock is ahead
//	source CLIENT AS SERVER:PORT [xN]    source NAT
//	zone NAME            default: none
//	ns NAME [IP…]        what follows is in the container's namespace
//	box NAME [image I] [pod NAMESPACE/POD]    a container that rows may name
//	forward FROM TO[/udp]
//	listen PROCESS ADDR[/udp] [own] [user U] [queue N/MAX] [drops N] [unit U] [box NAME]
//	                     "-" is a process that was not seen; ADDR of "*:80" is
//	                     a dual-stack socket
//	out PROCESS PEER:PORT[/udp] [xN] [opened N] [refused N] [timedout N] [failed N]
//	                     [own] [via ADDR:PORT] [unit U] [box NAME] [HEALTH…]
//	in PROCESS LISTENER:PORT[/udp] PEER [xN] [opened N] [HEALTH…]
//	both PROCESS LOCALPORT PEER:PORT [xN]     a row without direction
//	interval D           default 10s
//
// Rows may have t=N,N… (their tuples), and those of "in" called=IP.
//
// HEALTH is rtt=MEAN±VAR*SOCKETS, segments=N/RETRANSMITTED, sent=N, received=N,
// connecting=N:AGE, close-wait=N:AGE.
func parseReport(node, text string) (*report.Report, error) {
	r := &report.Report{
		Version: report.Version, Time: start, IntervalMS: 10_000,
		Node: report.Node{Name: node, Identity: report.Identity{Kind: report.IdentityHostname, Value: node}},
	}
	ns := 0
	for clause := range strings.SplitSeq(text, "|") {
		w := strings.Fields(clause)
		if len(w) == 0 {
			continue
		}
		var err error
		switch w[0] {
		case "addr":
			in := report.Interface{Name: "eth0"}
			for _, a := range w[1:] {
				addr := netip.MustParseAddr(a)
				in.Addresses = append(in.Addresses, netip.PrefixFrom(addr, addr.BitLen()))
			}
			r.Interfaces = append(r.Interfaces, in)
		case "iface":
			in := report.Interface{Name: w[1]}
			for _, a := range w[2:] {
				in.Addresses = append(in.Addresses, netip.MustParsePrefix(a))
			}
			r.Interfaces = append(r.Interfaces, in)
		case "name":
			r.Node.Name = w[1]
		case "machine":
			r.Node.Identity = report.Identity{Kind: report.IdentityMachine, Value: w[1]}
		case "instance":
			r.Agent.Instance = w[1]
		case "method":
			r.Agent.Method = w[1]
		case "seq":
			r.Sequence, err = strconv.ParseUint(w[1], 10, 64)
		case "leaving":
			r.Leaving = report.Leaving(w[1])
		case "skew":
			d, e := time.ParseDuration(w[1])
			r.Sequence, err = uint64(d), e
		case "source":
			proto, to, _ := parseEnd(w[3])
			src := report.Source{Protocol: proto, Client: netip.MustParseAddr(w[1]), As: netip.MustParseAddr(w[2]), Server: to, Count: 1}
			if len(w) > 4 {
				src.Count, err = strconv.Atoi(strings.TrimPrefix(w[4], "x"))
			}
			r.Sources = append(r.Sources, src)
		case "zone":
			r.Zone = w[1]
		case "interval":
			d, e := time.ParseDuration(w[1])
			r.IntervalMS, err = d.Milliseconds(), e
		case "ns":
			n := report.Namespace{Container: w[1]}
			for _, a := range w[2:] {
				n.Addresses = append(n.Addresses, netip.MustParseAddr(a))
			}
			r.Namespaces = append(r.Namespaces, n)
			ns = len(r.Namespaces)
		case "box":
			c := report.Container{Name: w[1], Image: after(w, "image")}
			c.PodNamespace, c.Pod, _ = strings.Cut(after(w, "pod"), "/")
			r.Containers = append(r.Containers, c)
		case "forward":
			proto, to, _ := parseEnd(w[2])
			r.Forwards = append(r.Forwards, report.Forward{Protocol: proto, From: netip.MustParseAddrPort(w[1]), To: to, Count: len(r.Forwards) + 1})
		case "listen":
			l := parseListener(ns, w[1:])
			l.Container = boxOf(r, w)
			r.Listeners = append(r.Listeners, l)
		case "out", "in", "both":
			c := parseRow(ns, w)
			c.Container = boxOf(r, w)
			r.Connections = append(r.Connections, c)
		default:
			err = fmt.Errorf("no such clause: %q", clause)
		}
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

// after is the word behind a given one; empty if that is not there.
func after(w []string, word string) string {
	if i := slices.Index(w, word); i >= 0 && i+1 < len(w) {
		return w[i+1]
	}
	return ""
}

// number is the number behind a given word; 0 if that is not there.
func number(w []string, word string) uint64 {
	text := after(w, word)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// boxOf is the index + 1 of the container that a row names; it must be there.
func boxOf(r *report.Report, w []string) int {
	name := after(w, "box")
	if name == "" {
		return 0
	}
	i := slices.IndexFunc(r.Containers, func(c report.Container) bool { return c.Name == name })
	if i < 0 {
		panic("no such box: " + name)
	}
	return i + 1
}

// parseHealth reads the HEALTH words of a row.
func parseHealth(w []string) *report.Health {
	var h report.Health
	scan := func(text, format string, into ...any) {
		if _, err := fmt.Sscanf(text, format, into...); err != nil {
			panic(fmt.Sprintf("%q must be %s: %v", text, format, err))
		}
	}
	aged := func(text string, n *int, ms *int64) {
		count, age, _ := strings.Cut(text, ":")
		d, err := time.ParseDuration(age)
		if err != nil {
			panic(err)
		}
		scan(count, "%d", n)
		*ms = d.Milliseconds()
	}
	for _, word := range w {
		switch key, text, _ := strings.Cut(word, "="); key {
		case "rtt":
			scan(text, "%d±%d*%d", &h.RTT, &h.RTTVar, &h.Measured)
		case "segments":
			scan(text, "%d/%d", &h.Segments, &h.Retransmits)
		case "sent":
			scan(text, "%d", &h.Sent)
		case "received":
			scan(text, "%d", &h.Received)
		case "connecting":
			aged(text, &h.Connecting, &h.ConnectingMS)
		case "close-wait":
			aged(text, &h.CloseWait, &h.CloseWaitMS)
		}
	}
	if h == (report.Health{}) {
		return nil
	}
	return &h
}

func seen(process string) string {
	if process == "-" {
		return ""
	}
	return process
}

func parseEnd(s string) (report.Protocol, netip.AddrPort, bool) {
	s, udp := strings.CutSuffix(s, "/udp")
	proto := report.TCP
	if udp {
		proto = report.UDP
	}
	rest, dual := strings.CutPrefix(s, "*")
	if dual {
		s = "[::]" + rest
	}
	return proto, netip.MustParseAddrPort(s), dual
}

func parseListener(ns int, w []string) report.Listener {
	proto, at, dual := parseEnd(w[1])
	l := report.Listener{
		Namespace: ns, Protocol: proto, Address: at.Addr(), Port: at.Port(), Dual: dual,
		Process: seen(w[0]), User: after(w, "user"), Unit: after(w, "unit"), Own: slices.Contains(w, "own"),
		Drops: number(w, "drops"),
	}
	if queue := after(w, "queue"); queue != "" {
		if _, err := fmt.Sscanf(queue, "%d/%d", &l.Queue, &l.QueueMax); err != nil {
			panic(err)
		}
	}
	return l
}

func parseRow(ns int, w []string) report.Connection {
	c := report.Connection{
		Namespace: ns, Direction: map[string]report.Direction{"out": report.Out, "in": report.In, "both": report.Unknown}[w[0]],
		Process: seen(w[1]), Count: 1, Own: slices.Contains(w, "own"),
	}
	if c.Direction == report.Unknown {
		p, _ := strconv.ParseUint(w[2], 10, 16)
		c.LocalPort = uint16(p)
		w = slices.Delete(slices.Clone(w), 2, 3)
	}
	proto, at, _ := parseEnd(w[2])
	c.Protocol, c.Port, c.Peer = proto, at.Port(), at.Addr()
	if c.Direction == report.In {
		c.Local, c.Peer = at.Addr(), netip.MustParseAddr(w[3])
	}
	for i, word := range w {
		if text, ok := strings.CutPrefix(word, "x"); ok && i > 2 {
			if n, err := strconv.Atoi(text); err == nil {
				c.Count = n
			}
		}
	}
	c.Opened, c.Refused = number(w, "opened"), number(w, "refused")
	c.TimedOut, c.Failed = number(w, "timedout"), number(w, "failed")
	for _, word := range w {
		if text, ok := strings.CutPrefix(word, "called="); ok {
			c.Called = netip.MustParseAddr(text)
		}
		if text, ok := strings.CutPrefix(word, "t="); ok {
			for n := range strings.SplitSeq(text, ",") {
				h, err := strconv.ParseUint(n, 10, 64)
				if err != nil {
					panic(err)
				}
				c.Tuples = append(c.Tuples, h)
			}
		}
	}
	c.Unit, c.Health = after(w, "unit"), parseHealth(w)
	if via := after(w, "via"); via != "" {
		c.Via = netip.MustParseAddrPort(via)
	}
	return c
}
