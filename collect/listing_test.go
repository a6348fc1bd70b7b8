package collect

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/report"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sample reads what a program printed.
func sample(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../proctext/listing/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// reportOf makes a text a report, which must be valid.
func reportOf(t *testing.T, text, method string, change func(*Listing)) *report.Report {
	t.Helper()
	l, err := ParseListing([]byte(text), method)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(l)
	}
	r, err := l.Report(noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(noon); err != nil {
		t.Errorf("the report breaks a rule: %v", err)
	}
	return r
}

// rowsOf shows the rows of a report.
func rowsOf(r *report.Report) (rows []string) {
	for _, l := range r.Listeners {
		s := fmt.Sprintf("%s listens %s", l.Protocol, netip.AddrPortFrom(l.Address, l.Port))
		if l.Dual {
			s += " dual"
		}
		rows = append(rows, owned(s, l.Process, l.User, l.Own))
	}
	for _, c := range r.Connections {
		s := fmt.Sprintf("%s %s %s x%d", c.Protocol, c.Direction, netip.AddrPortFrom(c.Peer, c.Port), c.Count)
		if c.Opened > 0 {
			s += fmt.Sprintf(" opened %d", c.Opened)
		}
		rows = append(rows, owned(s, c.Process, c.User, c.Own))
	}
	return rows
}

func owned(s, process, user string, own bool) string {
	s += fmt.Sprintf(" %q", process)
	if user != "" {
		s += " of " + user
	}
	if own {
		s += ", own"
	}
	return s
}

func codes(r *report.Report) (list []string) {
	for _, n := range r.Notes {
		list = append(list, n.Code)
	}
	return list
}

// TestOriginalAgent: what the original agent writes becomes the report that ours
// would send of that host, but for what netstat doesn't tell.
func TestOriginalAgent(t *testing.T) {
	r := reportOf(t, sample(t, "original-agent.txt"), MethodText, func(l *Listing) { l.OwnPort = TextPort })
	want := []string{
		`tcp listens 0.0.0.0:4848 "dotm_node", own`,
		`tcp listens 0.0.0.0:6379 "redis-server"`,
		`tcp listens [::]:6379 "redis-server"`,
		`tcp listens 10.9.0.11:8080 "python3"`,
		`tcp listens [::]:9090 dual "python3"`,
		`tcp in 127.0.0.1:4848 x1 "dotm_node", own`,
		`tcp in 127.0.0.1:6379 x2 "redis-server"`,
		`tcp in 10.9.0.11:8080 x3 "python3"`,
		`tcp in [fd00:9::11]:9090 x1 "python3"`,
		`tcp out 127.0.0.1:4848 x1 "nc", own`,
		`tcp out 127.0.0.1:6379 x2 "python3"`,
		`tcp out 10.9.0.11:8080 x3 "python3"`,
		`tcp out [fd00:9::11]:9090 x1 "python3"`,
	}
	if diff := cmp.Diff(want, rowsOf(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"short-connections"}, codes(r)); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if r.Node.Name != "web1" || !r.Node.Identity.Weak() || r.Agent.Method != "text" || r.IntervalMS != 0 || len(r.Interfaces) != 3 || r.Coverage.OpensBy != "looks" {
		t.Errorf("%+v %+v, %d interfaces, %+v", r.Node, r.Agent, len(r.Interfaces), r.Coverage)
	}
}

// TestSystems: samples of several systems, with a name given.
func TestSystems(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		want  []string
		notes []string
	}{
		{"CentOS 7, names for numbers", []string{"centos7-netstat-aeep.txt"}, []string{
			`tcp listens 0.0.0.0:22 "sshd" of root`,
			`tcp listens [::]:22 "sshd" of root`,
			`tcp listens 127.0.0.1:25 "master" of root`,
			`tcp listens [::1]:25 "master" of root`,
			`udp listens 0.0.0.0:68 "dhclient" of root`,
			`udp listens 127.0.0.1:323 "chronyd" of root`,
			`udp listens [::1]:323 "chronyd" of root`,
			`tcp in [::1]:22 x1 "sshd" of root`,
			`tcp out [::1]:22 x1 "ssh" of kbrazil`,
		}, []string{"no-addresses", "short-connections"}},
		{"CentOS 7, a cut name of the host", []string{"centos7-netstat-p.txt"}, []string{
			`tcp unknown 192.168.71.1:58727 x1 ""`,
		}, []string{"unreadable", "hidden-owners", "no-addresses", "short-connections"}},
		{"Windows 10", []string{"windows10-ipconfig-all.txt", "windows10-netstat-aonb.txt"}, nil, nil},
		{"FreeBSD", []string{"made-freebsd-sockstat-46.txt", "freebsd12-ifconfig.txt"}, []string{
			`tcp listens [::]:22 "sshd" of root`,
			`tcp listens [::]:80 dual "nginx" of www`,
			`udp listens 0.0.0.0:53 "unbound" of unbound`,
			`tcp unknown 192.0.2.1:60803 x1 "sshd" of root`,
			`udp unknown [::1]:51234 x1 "postgres: writer" of postgres`,
		}, []string{"short-connections"}},
		{"Windows, loopback by name", []string{"windows10-netstat.txt"}, []string{
			`tcp unknown 127.0.0.1:1031 x1 ""`,
			`tcp unknown 127.0.0.1:1032 x1 ""`,
		}, []string{"hidden-owners", "no-addresses", "short-connections"}},
		{"Debian, cut addresses", []string{"debian12-netstat-antlp.txt", "debian12-ip-addr.txt"}, []string{
			`tcp listens 0.0.0.0:6379 "redis-server"`,
			`tcp listens [::]:6379 "redis-server"`,
			`tcp listens [::]:9090 dual "python3"`,
			`tcp listens 127.0.0.1:11211 "memcached"`,
			`tcp in 127.0.0.1:6379 x1 "redis-server"`,
			`tcp in 10.9.0.11:9090 x1 "python3"`,
			`tcp in 127.0.0.1:9090 x1 "python3"`,
			`tcp out 10.9.0.77:80 x0 "python3"`,
			`tcp out 127.0.0.1:6379 x1 "python3"`,
			`tcp out 10.9.0.11:9090 x1 "python3"`,
			`tcp out 127.0.0.1:9090 x1 "python3"`,
		}, []string{"unreadable", "unknown-peers", "short-connections"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := ""
			for _, f := range c.files {
				text += sample(t, f)
			}
			r := reportOf(t, text, MethodImport, func(l *Listing) { l.Hostname = "host" })
			if c.want == nil {
				t.Skip("looked at below")
			}
			if diff := cmp.Diff(c.want, rowsOf(r)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.notes, codes(r)); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWindows(t *testing.T) {
	r := reportOf(t, sample(t, "windows10-ipconfig-all.txt")+sample(t, "windows10-netstat-aonb.txt"), MethodImport, nil)
	if r.Node.Name != "DESKTOP-WIN10-PRO" || len(r.Interfaces) != 3 {
		t.Errorf("%+v, %d interfaces", r.Node, len(r.Interfaces))
	}
	rows := rowsOf(r)
	for _, want := range []string{
		`tcp listens 0.0.0.0:135 "svchost.exe"`,
		`tcp listens [::]:135 "svchost.exe"`,
		`tcp listens 0.0.0.0:445 "System"`,
		`tcp listens 127.0.0.1:29802 "NVIDIA Web Helper.exe"`,
		`udp listens 0.0.0.0:5353 "chrome.exe"`,
	} {
		if !slices.Contains(rows, want) {
			t.Errorf("no row %s among\n%s", want, strings.Join(rows, "\n"))
		}
	}
}

// TestErrors are the seed's cases, each by its error.
func TestErrors(t *testing.T) {
	const (
		name    = "hostname=web1\n"
		open    = "tcp 0 0 10.0.0.1:22 10.0.0.2:50000 ESTABLISHED 1/sshd\n"
		listens = "tcp 0 0 0.0.0.0:22 0.0.0.0:* LISTEN 1/sshd\n"
		inet    = "1: lo: <UP>\n    inet 127.0.0.1/8 scope host lo\n"
	)
	for _, c := range []struct {
		name, text, method string
		want               error
		says               string
	}{
		{"all there", name + open + inet, MethodText, nil, ""},
		{"empty", "", MethodText, ErrNoHostname, ""},
		{"no name", open + inet, MethodText, ErrNoHostname, ""},
		{"an empty name", "hostname=\n" + open + inet, MethodText, ErrNoHostname, ""},
		{"a name with slashes", "hostname=../../etc/passwd\n" + open + inet, MethodText, ErrUnreadable, `is "../../etc/passwd"`},
		{"a name of HTML", "hostname=<b>x</b>\n" + open + inet, MethodSSH, ErrUnreadable, `is "<b>x</b>"`},
		{"a name without end", "hostname=" + strings.Repeat("x", 300) + "\n" + open + inet, MethodText, ErrUnreadable, "at most 255 bytes"},
		{"nothing open", name + listens + inet, MethodText, ErrNoSockets, ""},
		{"no addresses", name + open, MethodText, ErrNoAddresses, ""},
		{"no addresses over SSH", name + open, MethodSSH, ErrNoAddresses, ""},
		{"a file of listeners", name + listens, MethodImport, nil, ""},
		{"a file of addresses", name + inet, MethodImport, ErrNoSockets, ""},
		{"a file without name", listens, MethodImport, ErrNoHostname, ""},
		{"too large", strings.Repeat("x", MaxListing+1), MethodText, ErrTooLarge, "8 MiB"},
	} {
		l, err := ParseListing([]byte(c.text), c.method)
		if err == nil {
			_, err = l.Report(noon)
		}
		if !errors.Is(err, c.want) || c.want == nil && err != nil || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestOwn: what dotm does itself is marked, and nothing else is.
func TestOwn(t *testing.T) {
	const head = "hostname=a\n1: eth0: <UP>\n    inet 10.0.0.1/24 scope global eth0\n"
	for _, c := range []struct{ name, row, want string }{
		{"the agent's listener", "tcp 0 0 0.0.0.0:4848 0.0.0.0:* LISTEN 7/./dotm_node", `tcp listens 0.0.0.0:4848 "dotm_node", own`},
		{"a hidden agent's", "tcp 0 0 0.0.0.0:4848 0.0.0.0:* LISTEN -", `tcp listens 0.0.0.0:4848 "", own`},
		{"our agent elsewhere", "tcp 0 0 0.0.0.0:5000 0.0.0.0:* LISTEN 7/dotm", `tcp listens 0.0.0.0:5000 "dotm", own`},
		{"another program on the port", "tcp 0 0 0.0.0.0:4848 0.0.0.0:* LISTEN 7/game", `tcp listens 0.0.0.0:4848 "game"`},
		{"a client of another node's agent", "tcp 0 0 10.0.0.1:40000 10.0.0.2:4848 ESTABLISHED 9/nc", `tcp out 10.0.0.2:4848 x1 "nc"`},
		{"dotm on the way to its server", "tcp 0 0 10.0.0.1:40000 10.0.0.2:4849 ESTABLISHED 9/dotm", `tcp out 10.0.0.2:4849 x1 "dotm", own`},
	} {
		r := reportOf(t, head+c.row+"\n", MethodImport, func(l *Listing) { l.OwnPort = TextPort })
		if got := rowsOf(r); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	const agent = "tcp 0 0 0.0.0.0:4848 0.0.0.0:* LISTEN 7/dotm_node\ntcp 0 0 10.0.0.1:4848 10.0.0.9:50000 ESTABLISHED -\ntcp 0 0 10.0.0.1:51000 10.0.0.1:4848 ESTABLISHED 9/nc\n"
	r := reportOf(t, head+agent, MethodText, func(l *Listing) { l.OwnPort = TextPort })
	for _, row := range rowsOf(r) {
		if !strings.HasSuffix(row, ", own") {
			t.Errorf("%s is not marked", row)
		}
	}
}

// TestOwnPeer: the connection that the text came by is left out.
func TestOwnPeer(t *testing.T) {
	const text = "hostname=a\ntcp 0 0 0.0.0.0:22 0.0.0.0:* LISTEN 7/sshd\ntcp 0 0 10.0.0.1:22 10.0.0.9:50000 ESTABLISHED 8/sshd\ntcp 0 0 10.0.0.1:22 10.0.0.8:50000 ESTABLISHED 9/sshd\n"
	r := reportOf(t, text, MethodImport, func(l *Listing) { l.OwnPeer = netip.MustParseAddrPort("10.0.0.9:50000") })
	want := []string{`tcp listens 0.0.0.0:22 "sshd"`, `tcp in 10.0.0.8:22 x1 "sshd"`}
	if diff := cmp.Diff(want, rowsOf(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEnds: names and parts of addresses are resolved where only one answer is
// possible, and left out else.
func TestEnds(t *testing.T) {
	const head = "hostname=a\n1: eth0: <UP>\n    inet 10.0.0.1/24 scope global eth0\n    inet6 2001:db8:1:2:aaaa::1/64 scope global\n    inet6 fe80::1/64 scope link\n"
	const listener = "tcp 0 0 10.0.0.1:22 0.0.0.0:* LISTEN 7/sshd\n"
	for _, c := range []struct {
		name, rows string
		want       []string
		left       bool
	}{
		{"the host's name", listener + "tcp 0 0 web1.example.org:22 10.0.0.9:50000 ESTABLISHED 8/sshd", []string{`tcp listens 10.0.0.1:22 "sshd"`, `tcp in 10.0.0.9:22 x1 "sshd"`}, false},
		{"a peer's name", "tcp 0 0 10.0.0.1:22 web2.example.org:50000 ESTABLISHED 8/sshd", nil, true},
		{"loopback by name", "tcp 0 0 localhost:40000 localhost:5432 ESTABLISHED 8/psql", []string{`tcp out 127.0.0.1:5432 x1 "psql"`}, false},
		{"loopback of IPv6 by name", "tcp6 0 0 localhost6:40000 localhost6:5432 ESTABLISHED 8/psql", []string{`tcp out [::1]:5432 x1 "psql"`}, false},
		{"a part of the own address", "tcp6 0 0 2001:db8:1:2:aaaa:40000 10.0.0.9:80 ESTABLISHED 8/curl", []string{`tcp out 10.0.0.9:80 x1 "curl"`}, false},
		{"a part of the peer's", "tcp6 0 0 10.0.0.1:40000 2001:db8:1:2:aaa:40000 ESTABLISHED 8/curl", nil, true},
		{"a listener on a part of an address", "tcp6 0 0 2001:db8:1:2:aaaa:9090 :::* LISTEN 8/x", []string{`tcp listens [2001:db8:1:2:aaaa::1]:9090 "x"`}, false},
		{"a listener on a part that fits none", "tcp6 0 0 2001:db8:7:7:aaaa:9090 :::* LISTEN 8/x", nil, true},
		{"a peer without address", "tcp 0 0 10.0.0.1:40000 0.0.0.0:80 ESTABLISHED 8/x", nil, true},
		{"no port of its own", "tcp 0 0 10.0.0.1:0 10.0.0.9:80 ESTABLISHED 8/x", nil, true},
		{"closed", "tcp 0 0 0.0.0.0:40000 0.0.0.0:* CLOSE 8/x", nil, false},
		{"half open", listener + "tcp 0 0 10.0.0.1:22 10.0.0.9:50000 SYN_RECV -", []string{`tcp listens 10.0.0.1:22 "sshd"`}, false},
	} {
		r := reportOf(t, head+c.rows+"\n", MethodImport, nil)
		if diff := cmp.Diff(c.want, rowsOf(r)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if got := slices.Contains(codes(r), "unknown-peers"); got != c.left {
			t.Errorf("%s: said to be left out: %t", c.name, got)
		}
	}
}

// TestNext: a node that is asked again and again counts what opened once.
func TestNext(t *testing.T) {
	const head = "hostname=a\n1: eth0: <UP>\n    inet 10.0.0.1/24 scope global eth0\ntcp 0 0 0.0.0.0:22 0.0.0.0:* LISTEN 7/sshd\ntcp 0 0 10.0.0.1:22 10.0.0.8:50000 ESTABLISHED 9/sshd\n"
	f := fold.NewFolder()
	for i, c := range []struct{ row, want string }{
		{"", `tcp in 10.0.0.8:22 x1 "sshd"`},
		{"tcp 0 0 10.0.0.1:22 10.0.0.8:50001 ESTABLISHED 9/sshd\n", `tcp in 10.0.0.8:22 x2 opened 1 "sshd"`},
		{"tcp 0 0 10.0.0.1:22 10.0.0.8:50001 TIME_WAIT -\n", `tcp in 10.0.0.8:22 x1 "sshd"`},
		{"tcp 0 0 10.0.0.1:22 10.0.0.8:50002 TIME_WAIT -\n", `tcp in 10.0.0.8:22 x1 opened 1 "sshd"`},
		{"tcp 0 0 10.0.0.1:22 10.0.0.8:50002 TIME_WAIT -\n", `tcp in 10.0.0.8:22 x1 "sshd"`},
	} {
		l, err := ParseListing([]byte(head+c.row), MethodText)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.ReportNext(f, noon.Add(time.Duration(i)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if got := rowsOf(r)[1:]; !slices.Equal(got, []string{c.want}) {
			t.Errorf("look %d: %q, want %q", i+1, got, c.want)
		}
	}
}

// TestNoAddresses: a file without addresses has those of its sockets.
func TestNoAddresses(t *testing.T) {
	r := reportOf(t, "hostname=a\ntcp 0 0 10.0.0.1:40000 10.0.0.9:80 ESTABLISHED 8/x\ntcp 0 0 127.0.0.1:40001 127.0.0.1:81 ESTABLISHED 8/x\n", MethodImport, nil)
	want := []report.Interface{{Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}}}
	if diff := cmp.Diff(want, r.Interfaces, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEvilText: notes and names are fit for a report, whatever the text holds.
func TestEvilText(t *testing.T) {
	text := "hostname=a\ntcp 0 0 10.0.0.1:22 10.0.0.9:50000 ESTABLISHED 8/\x1b[31m\xffx\x00\ntcp 0 0 \xff\x1b\n" + strings.Repeat("tcp 0 0 "+strings.Repeat("\xf0\x9f", 500)+":1 x:1\n", 200)
	r := reportOf(t, text, MethodImport, nil)
	if got := r.Connections[0].Process; got != `\x1b[31m\xffx\x00` {
		t.Errorf("process %q", got)
	}
	if len(r.Notes) == 0 || len(r.Notes[0].Text) > report.MaxText || !strings.HasPrefix(r.Notes[0].Text, "201 parts of the text could not be used: line 3: ") {
		t.Errorf("%+v", r.Notes)
	}
}

// TestManyRows: a report that would be too large leaves out what matters least,
// and says so.
func TestManyRows(t *testing.T) {
	var b strings.Builder
	b.WriteString("hostname=a\n")
	for i := range 80_000 {
		fmt.Fprintf(&b, "tcp 0 0 1.1.1.1:9 1.%d.%d.%d:1 ESTABLISHED\n", i>>16&255, i>>8&255, i&255)
	}
	r := reportOf(t, b.String(), MethodImport, nil)
	raw, err := json.Marshal(r)
	if err != nil || len(raw) > report.MaxBytes || r.Coverage.Truncated == 0 || len(r.Connections)+r.Coverage.Truncated != 80_000 {
		t.Errorf("%d rows, %d left out, %d bytes, %v", len(r.Connections), r.Coverage.Truncated, len(raw), err)
	}
}

func FuzzListing(f *testing.F) {
	for _, name := range []string{"original-agent.txt", "windows10-netstat-aonb.txt", "debian12-ss-tunape.txt", "made-freebsd-sockstat-46.txt"} {
		text, err := os.ReadFile("../proctext/listing/testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := ParseListing(text, MethodImport)
		if err != nil {
			return
		}
		l.OwnPort = TextPort
		if r, err := l.Report(noon); err == nil {
			if err := r.Validate(noon); err != nil {
				t.Errorf("the report breaks a rule: %v", err)
			}
		}
	})
}

// BenchmarkListing reads the text of a node with 1,000 connections and makes a
// report of it.
func BenchmarkListing(b *testing.B) {
	var text strings.Builder
	text.WriteString("hostname=a\ntcp 0 0 0.0.0.0:80 0.0.0.0:* LISTEN 7/nginx\n    inet 10.0.0.1/8 scope global x\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "tcp        0      0 10.0.0.1:80             10.1.%d.%d:50000          ESTABLISHED 7/nginx             \n", i/250, i%250)
	}
	raw := []byte(text.String())
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		l, err := ParseListing(raw, MethodText)
		if err != nil {
			b.Fatal(err)
		}
		if r, err := l.Report(noon); err != nil || len(r.Connections) != 1000 {
			b.Fatal(err)
		}
	}
}

// TestNoteOnAddresses: a note says where a node's addresses come from, if from
// anywhere.
func TestNoteOnAddresses(t *testing.T) {
	for socket, want := range map[string]string{
		"tcp 0 0 10.0.0.1:80 10.0.0.2:40000 ESTABLISHED 1/nginx\n": "addresses are those of its sockets",
		"tcp 0 0 127.0.0.1:80 0.0.0.0:* LISTEN 1/nginx\n":          "none of the node's is known",
	} {
		l, err := ParseListing([]byte("hostname=web1\n"+socket), MethodImport)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Report(noon)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(r.Notes, func(n report.Note) bool { return n.Code == "no-addresses" && strings.Contains(n.Text, want) }) {
			t.Errorf("%s gives %+v", socket, r.Notes)
		}
	}
}
