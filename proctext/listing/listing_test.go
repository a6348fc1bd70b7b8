package listing

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// show puts a listing into lines that a person can check.
func show(l *Listing) string {
	var b strings.Builder
	fmt.Fprintf(&b, "host %q, %s, ignored %d, problems %d, cuts %t\n", l.Hostname, l.System, l.Ignored, l.ProblemCount, l.Cuts)
	for _, r := range l.Rows {
		b.WriteString(showRow(r) + "\n")
	}
	for _, i := range l.Interfaces {
		fmt.Fprintf(&b, "interface %q %v\n", i.Name, i.Addresses)
	}
	for _, p := range l.Problems {
		fmt.Fprintf(&b, "%s\n", p)
	}
	return b.String()
}

func showRow(r Row) string {
	s := fmt.Sprintf("%d: %s %s %s → %s", r.Line, r.Protocol, stateNames[r.State], showEnd(r.Local), showEnd(r.Remote))
	if r.V6Only {
		s += ", only v6"
	}
	if r.PID != 0 || r.Process != "" {
		s += fmt.Sprintf(", %q %d", r.Process, r.PID)
	}
	if r.Cut {
		s += ", cut"
	}
	if r.User != "" {
		s += ", user " + r.User
	}
	if r.RecvQ+r.SendQ+r.QueueMax > 0 {
		s += fmt.Sprintf(", queues %d %d of %d", r.RecvQ, r.SendQ, r.QueueMax)
	}
	return s
}

func showEnd(e Endpoint) string {
	var s string
	switch {
	case e.Addr.IsValid():
		s = e.AddrPort().String()
	case e.Name != "" || e.Port != 0:
		s = fmt.Sprintf("%q:%d", e.Name, e.Port)
	default:
		return "nobody"
	}
	if e.Cut {
		s += " (cut)"
	}
	return s
}

var stateNames = map[proctext.State]string{
	proctext.Established: "open", proctext.SynSent: "syn-sent", proctext.SynReceived: "syn-received", proctext.FinWait1: "fin-wait-1", proctext.FinWait2: "fin-wait-2",
	proctext.TimeWait: "time-wait", proctext.Closed: "closed", proctext.CloseWait: "close-wait", proctext.LastAck: "last-ack", proctext.Listening: "listens", proctext.Closing: "closing",
}

// TestParseListing reads what the programs of several systems print, and shows
// it beside what was read.
func TestParseListing(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files of testdata, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := show(Parse(text))
			golden := strings.TrimSuffix(name, ".txt") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkNothingLost(t, string(text), Parse(text))
		})
	}
}

// checkNothingLost: each line that begins like a socket is a row or a problem.
func checkNothingLost(t *testing.T, text string, l *Listing) {
	t.Helper()
	known := map[int]bool{}
	for _, r := range l.Rows {
		known[r.Line] = true
	}
	for _, p := range l.Problems {
		known[p.Line] = true
	}
	for i, line := range strings.Split(text, "\n") {
		f := fields(plainBlanks.Replace(line))
		if len(f) > 1 && (isProtocol(strings.ToLower(f[0])) || ssState(f[0])) && !known[i+1] {
			t.Errorf("line %d is lost: %s", i+1, line)
		}
	}
}

// parse reads lines, the last of them ended.
func parse(lines ...string) *Listing {
	return Parse([]byte(strings.Join(lines, "\n") + "\n"))
}

// TestRows: single rows of all formats, most of them odd.
func TestRows(t *testing.T) {
	const head = "Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name"
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"no heading", []string{"tcp 0 0 10.0.0.1:22 10.0.0.2:50000 ESTABLISHED 12/sshd: root@pts"}, `1: tcp open 10.0.0.1:22 → 10.0.0.2:50000, "sshd" 12`},
		{"CRLF", []string{"tcp 0 0 10.0.0.1:22 10.0.0.2:50000 ESTABLISHED 12/sshd\r"}, `1: tcp open 10.0.0.1:22 → 10.0.0.2:50000, "sshd" 12`},
		{"no queues", []string{"tcp 10.0.0.1:22 10.0.0.2:50000 ESTABLISHED 12/sshd"}, `1: tcp open 10.0.0.1:22 → 10.0.0.2:50000, "sshd" 12`},
		{"nobody's", []string{head, "tcp        0      0 10.0.0.1:22             10.0.0.2:50000          ESTABLISHED -                   "}, `2: tcp open 10.0.0.1:22 → 10.0.0.2:50000`},
		{"a name with blanks", []string{head, "tcp        0      0 0.0.0.0:80              0.0.0.0:*               LISTEN      9/my odd name       "}, `2: tcp listens 0.0.0.0:80 → 0.0.0.0:0, "my odd name" 9`},
		{"a name with slashes", []string{head, "tcp 0 0 0.0.0.0:80 0.0.0.0:* LISTEN 9/./bin/x"}, `2: tcp listens 0.0.0.0:80 → 0.0.0.0:0, "x" 9`},
		{"a name that ends with a slash", []string{"tcp 0 0 0.0.0.0:80 0.0.0.0:* LISTEN 9/x/"}, `1: tcp listens 0.0.0.0:80 → 0.0.0.0:0, "x/" 9`},
		{"a name that was cut", []string{"tcp 0 0 0.0.0.0:80 0.0.0.0:* LISTEN 1220/dockerd-curren"}, `1: tcp listens 0.0.0.0:80 → 0.0.0.0:0, "dockerd-curren" 1220, cut`},
		{"no name", []string{"tcp 0 0 0.0.0.0:80 0.0.0.0:* LISTEN 1220/"}, `1: tcp listens 0.0.0.0:80 → 0.0.0.0:0, "" 1220`},
		{"broken UTF-8 stays", []string{"tcp 0 0 0.0.0.0:80 0.0.0.0:* LISTEN 1/a\xff\x01b"}, `1: tcp listens 0.0.0.0:80 → 0.0.0.0:0, "a\xff\x01b" 1`},
		{"a timer", []string{"tcp 0 0 10.0.0.1:22 10.0.0.2:50000 ESTABLISHED 0 4711 12/sshd: x on (0.20/0/0)"}, `1: tcp open 10.0.0.1:22 → 10.0.0.2:50000, "sshd" 12, user 0`},
		{"a timer, nobody's", []string{"tcp 0 0 10.0.0.1:22 10.0.0.2:50000 TIME_WAIT - timewait (31.02/0/0)"}, `1: tcp time-wait 10.0.0.1:22 → 10.0.0.2:50000`},
		{"a security context", []string{head + " Security Context", "tcp 0 0 0.0.0.0:22 0.0.0.0:* LISTEN 12/sshd system_u:system_r:sshd_t:s0"}, `2: tcp listens 0.0.0.0:22 → 0.0.0.0:0, "sshd" 12`},
		{"another language listens", []string{"tcp 0 0 0.0.0.0:22 0.0.0.0:* HÖRT 12/sshd"}, `1: tcp listens 0.0.0.0:22 → 0.0.0.0:0, "sshd" 12`},
		{"UDP without state", []string{"udp 0 0 10.0.0.1:40000 10.0.0.2:53 77/dig"}, `1: udp open 10.0.0.1:40000 → 10.0.0.2:53, "dig" 77`},
		{"UDP of a user", []string{"udp 0 0 0.0.0.0:68 0.0.0.0:* 0 20830 1029/dhclient"}, `1: udp closed 0.0.0.0:68 → 0.0.0.0:0, "dhclient" 1029, user 0`},
		{"a mapped address", []string{"tcp 0 0 ::ffff:10.0.0.1:22 ::ffff:10.0.0.2:50000 ESTABLISHED"}, `1: tcp open 10.0.0.1:22 → 10.0.0.2:50000`},
		{"a name with a port's name", []string{"tcp 0 0 web1.example.org:ssh admin.example.:50000 ESTABLISHED"}, `1: tcp open "web1.example.org":22 → "admin.example.":50000`},
		{"SCTP and others are ignored", []string{"sctp 0 0 10.0.0.1:22 10.0.0.2:50000 ESTABLISHED", "raw 0 0 0.0.0.0:1 0.0.0.0:* 7", "udplite 0 0 0.0.0.0:1 0.0.0.0:*"}, ``},

		{"ss: an interface", []string{"udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*"}, `1: udp closed 127.0.0.53:53 → 0.0.0.0:0`},
		{"ss: an interface in brackets", []string{"udp UNCONN 0 0 [fe80::1%eth0]:546 [::]:*"}, `1: udp closed [fe80::1]:546 → [::]:0`},
		{"ss: an interface behind brackets", []string{"udp UNCONN 0 0 [fe80::1]%eth0:546 [::]:*"}, `1: udp closed [fe80::1]:546 → [::]:0`},
		{"ss: no brackets", []string{"tcp ESTAB 0 0 ::ffff:10.0.0.1:22 ::ffff:10.0.0.2:50000"}, `1: tcp open 10.0.0.1:22 → 10.0.0.2:50000`},
		{"ss: all of an interface", []string{"udp UNCONN 0 0 *%eth0:68 *:*"}, `1: udp closed [::]:68 → nobody`},
		{"ss: both families", []string{"tcp LISTEN 0 128 *:80 *:*"}, `1: tcp listens [::]:80 → nobody, queues 0 128 of 128`},
		{"ss: old wildcards", []string{"tcp LISTEN 0 128 *:80 *:*", "tcp LISTEN 0 128 :::80 :::*"}, "1: tcp listens 0.0.0.0:80 → nobody, queues 0 128 of 128\n2: tcp listens [::]:80 → [::]:0, queues 0 128 of 128"},
		{"ss: new wildcards", []string{"tcp LISTEN 0 128 0.0.0.0:80 0.0.0.0:*", "tcp LISTEN 0 128 [::]:80 [::]:*", "tcp LISTEN 0 9 *:81 *:*"}, "1: tcp listens 0.0.0.0:80 → 0.0.0.0:0, queues 0 128 of 128\n2: tcp listens [::]:80 → [::]:0, only v6, queues 0 128 of 128\n3: tcp listens [::]:81 → nobody, queues 0 9 of 9"},
		{"ss: no protocol, TCP", []string{"State Recv-Q Send-Q Local Address:Port Peer Address:Port", "ESTAB 0 0 10.0.0.1:22 10.0.0.2:50000"}, "2: tcp open 10.0.0.1:22 → 10.0.0.2:50000"},
		{"ss: no protocol, UDP", []string{"State Recv-Q Send-Q Local Address:Port Peer Address:Port", "ESTAB 0 0 10.0.0.1:40000 10.0.0.2:53", "UNCONN 0 0 0.0.0.0:53 0.0.0.0:*"}, "2: udp open 10.0.0.1:40000 → 10.0.0.2:53\n3: udp closed 0.0.0.0:53 → 0.0.0.0:0"},
		{"ss: no protocol, no state, UDP", []string{"Recv-Q Send-Q Local Address:Port Peer Address:Port", "0 0 10.0.0.1:40000 10.0.0.2:53", "0 0 0.0.0.0:53 0.0.0.0:*"}, "2: udp open 10.0.0.1:40000 → 10.0.0.2:53\n3: udp closed 0.0.0.0:53 → 0.0.0.0:0"},
		{"ss: no protocol, no state, TCP", []string{"Recv-Q Send-Q Local Address:Port Peer Address:Port", "0 128 0.0.0.0:53 0.0.0.0:*"}, "2: tcp listens 0.0.0.0:53 → 0.0.0.0:0, queues 0 128 of 128"},
		{"ss: no state", []string{"Netid Recv-Q Send-Q Local Address:Port Peer Address:Port", "tcp 0 0 10.0.0.1:22 10.0.0.2:50000"}, "2: tcp open 10.0.0.1:22 → 10.0.0.2:50000"},
		{"ss: several processes", []string{`tcp LISTEN 0 5 0.0.0.0:80 0.0.0.0:* users:(("systemd",pid=1,fd=4),("nginx",pid=30,fd=3),("nginx",pid=20,fd=3))`}, `1: tcp listens 0.0.0.0:80 → 0.0.0.0:0, "nginx" 20, queues 0 5 of 5`},
		{"ss: an evil name", []string{`tcp LISTEN 0 5 0.0.0.0:80 0.0.0.0:* users:(("a",pid=x),("b",pid=7,fd=3)) uid:33 ino:9`}, `1: tcp listens 0.0.0.0:80 → 0.0.0.0:0, "a\",pid=x),(\"b" 7, user 33, queues 0 5 of 5`},
		{"ss: old users", []string{`tcp LISTEN 0 5 0.0.0.0:80 0.0.0.0:* users:(("sshd",1234,3),("sshd",1200,3))`}, `1: tcp listens 0.0.0.0:80 → 0.0.0.0:0, "sshd" 1200, queues 0 5 of 5`},
		{"ss: users on the next line", []string{`tcp LISTEN 0 5 0.0.0.0:80 0.0.0.0:*`, `	 users:(("sshd",pid=12,fd=3)) uid:7`}, `1: tcp listens 0.0.0.0:80 → 0.0.0.0:0, "sshd" 12, user 7, queues 0 5 of 5`},
		{"ss: a comm that fills its room", []string{`tcp LISTEN 0 5 0.0.0.0:80 0.0.0.0:* users:(("dockerd-current",pid=12,fd=3))`}, `1: tcp listens 0.0.0.0:80 → 0.0.0.0:0, "dockerd-current" 12, cut, queues 0 5 of 5`},
		{"ss: a security context", []string{`tcp ESTAB 0 0 10.0.0.1:80 10.0.0.2:90 users:(("nginx",pid=5,proc_ctx=system_u:x,fd=3))`}, `1: tcp open 10.0.0.1:80 → 10.0.0.2:90, "nginx" 5`},

		{"Windows: no heading, no process", []string{"  TCP    10.0.0.5:445  10.0.0.9:49152  ESTABLISHED"}, "1: tcp open 10.0.0.5:445 → 10.0.0.9:49152"},
		{"Windows: a zone", []string{"  UDP    [fe80::1%12]:1900   *:*    1234"}, `1: udp closed [fe80::1]:1900 → 0.0.0.0:0, "" 1234`},
		{"Windows: an unknown language listens", []string{"  TCP  0.0.0.0:80  0.0.0.0:0  听  99", " [nginx.exe]"}, `1: tcp listens 0.0.0.0:80 → 0.0.0.0:0, "nginx.exe" 99`},
		{"BSD: before two hex numbers", []string{"fffff80003ab6100 tcp4 0 0 192.0.2.1.22 192.0.2.2.50000 ESTABLISHED"}, "1: tcp open 192.0.2.1:22 → 192.0.2.2:50000"},
		{"sockstat: states", []string{"USER COMMAND PID FD PROTO LOCAL ADDRESS FOREIGN ADDRESS PATH STATE CONN STATE", "root my prog 12 3 tcp4 192.0.2.1:22 192.0.2.2:99 CLOSE_WAIT"}, `2: tcp close-wait 192.0.2.1:22 → 192.0.2.2:99, "my prog" 12, user root`},
	} {
		l := parse(c.lines...)
		var got []string
		for _, r := range l.Rows {
			got = append(got, showRow(r))
		}
		if s := strings.Join(got, "\n"); s != c.want || l.ProblemCount > 0 {
			t.Errorf("%s:\n got %s\nwant %s\n%v", c.name, s, c.want, l.Problems)
		}
	}
}

// TestProblems: what can't be read is said, with its line, and makes no row.
func TestProblems(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"port of an unknown name", "\ntcp 0 0 10.0.0.1:22 10.0.0.2:caerpc ESTABLISHED\n", `line 2: port "caerpc" is no number, and no service known here (list with numbers: option -n)`},
		{"port above", "tcp 0 0 10.0.0.1:22 10.0.0.2:65536 ESTABLISHED\n", `line 1: port "65536" is above 65535`},
		{"no port", "tcp 0 0 localhost 10.0.0.2:1 ESTABLISHED\n", `line 1: "localhost" has no port`},
		{"no address", "tcp 0 0 10.0.0:22 10.0.0.2:1 ESTABLISHED\n", `line 1: "10.0.0" is no address`},
		{"control characters", "tcp 0 0 10.0.0.1:22 10.0.\x1b[0m2:1 ESTABLISHED\n", `line 1: "10.0.\x1b[0m2" is no address`},
		{"unknown state", "tcp 0 0 10.0.0.1:22 10.0.0.2:1 ETABLI\n", `line 1: state "ETABLI" is not known (list in English: LANG=C netstat …)`},
		{"no state", "tcp 0 0 10.0.0.1:22 10.0.0.2:1\n", `line 1: state "" is not known (list in English: LANG=C netstat …)`},
		{"row of one address", "tcp 0 0 10.0.0.1:22\n", `line 1: row ends in the middle: "tcp 0 0 10.0.0.1:22"`},
		{"only a protocol", "udp\n", `line 1: row ends in the middle: "udp"`},
		{"ss: row of one address", "tcp ESTAB 0 0 10.0.0.1:22\n", `line 1: row ends in the middle: "tcp ESTAB 0 0 10.0.0.1:22"`},
		{"Windows: unknown state", "  TCP 10.0.0.1:1 10.0.0.2:2 ITT 4\n", `line 1: state "ITT" is not known (list in English: chcp 437, then netstat)`},
		{"Windows: row of one address", "  TCP 10.0.0.1:1\n", `line 1: row ends in the middle: "  TCP 10.0.0.1:1"`},
		{"sockstat: row of one address", "root sshd 1 3 tcp4 10.0.0.1:1\n", `line 1: row ends in the middle: "root sshd 1 3 tcp4 10.0.0.1:1"`},
		{"garbage with numbers", "lorem 1 ipsum 2\n", `line 1: "lorem 1 ipsum 2" is not understood`},
		{"an address without length", "    inet 10.0.0.x/24 scope global eth0\n", `line 1: "10.0.0.x/24" is no address of an interface`},
		{"a length too long", "    inet 10.0.0.1/33 scope global eth0\n", `line 1: "10.0.0.1/33" is no address of an interface`},
		{"no protocol, no state", "Recv-Q Send-Q Local Address:Port Peer Address:Port\n0 0 10.0.0.1:22 10.0.0.2:1\n", `line 2: 1 sockets are left out: the table says neither TCP nor UDP (list both: ss -tuan)`},
		{"text ends in a port", "tcp 0 0 10.0.0.1:22 10.0.0.2:500", `line 1: text ends within "10.0.0.2:500", which may be cut`},
		{"text ends in a state", "tcp 0 0 10.0.0.1:22 10.0.0.2:50000 ESTABLI", `line 1: state "ESTABLI" is not known (list in English: LANG=C netstat …)`},
		{"ss: text ends in a port", "tcp ESTAB 0 0 10.0.0.1:22 10.0.0.2:500", `line 1: text ends within "10.0.0.2:500", which may be cut`},
		{"sockstat: text ends in a port", "root sshd 1 3 tcp4 10.0.0.1:22 10.0.0.2:500", `line 1: text ends within "10.0.0.2:500", which may be cut`},
		{"text ends in an address", "inet 127.0.0.1 netmask 255.0.0.0\n    inet 10.0.0.1", `line 1: "inet 127.0.0.1 netmask 255.0.0.0" is not understood`},
	} {
		l := Parse([]byte(c.text))
		if len(l.Rows) > 0 || l.ProblemCount == 0 || l.Problems[0].String() != c.want {
			t.Errorf("%s: %d rows, %v\nwant %s", c.name, len(l.Rows), l.Problems, c.want)
		}
	}
}

// TestCutProcess: a socket stays when its process can't be read.
func TestCutProcess(t *testing.T) {
	l := parse(`tcp LISTEN 0 0 10.0.0.1:22 0.0.0.0:* users:(("ss`)
	if len(l.Rows) != 1 || l.ProblemCount != 1 || l.Problems[0].String() != `line 1: process "(\"ss" is cut` {
		t.Error(show(l))
	}
}

// TestUnendedLine: the last line may be cut, but what stands before the cut
// counts.
func TestUnendedLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"tcp 0 0 10.0.0.1:22 10.0.0.2:50000 ESTABLISHED 12/ss", `1: tcp open 10.0.0.1:22 → 10.0.0.2:50000, "ss" 12, cut`},
		{"udp 0 0 0.0.0.0:53 0.0.0.0:*", `1: udp closed 0.0.0.0:53 → 0.0.0.0:0`},
		{"udp4 0 0 *.514 *.*", `1: udp closed 0.0.0.0:514 → 0.0.0.0:0`},
		{"  TCP 10.0.0.1:22 10.0.0.2:50000 ESTABLISHED 12", `1: tcp open 10.0.0.1:22 → 10.0.0.2:50000`},
		{"tcp ESTAB 0 0 10.0.0.1:22 10.0.0.2:50000 users:((\"x\",pid=1,fd=3))", `1: tcp open 10.0.0.1:22 → 10.0.0.2:50000, "x" 1`},
	} {
		l := Parse([]byte(c.text))
		if len(l.Rows) != 1 || showRow(l.Rows[0]) != c.want || l.ProblemCount > 0 {
			t.Errorf("%q: %s", c.text, show(l))
		}
	}
}

// TestCuts: an address that fills its column may be the beginning of another.
func TestCuts(t *testing.T) {
	const (
		full  = "tcp6 0 0 2001:db8:1:2::abcd:8080 10.0.0.9:1 ESTABLISHED" // 23 characters
		short = "tcp6 0 0 2001:db8:1:2::abc:8080 10.0.0.9:1 ESTABLISHED"
		wide  = "tcp6 0 0 2001:db8:1:2:3:4:5:abc:8080 10.0.0.9:1 ESTABLISHED"
		bsd   = "tcp6 0 0 2001:db8:1:2::ab.8080 2001:db8::1.1 ESTABLISHED" // 16 characters before the port
		port  = "tcp4 0 0 192.0.2.221.5486 192.0.2.26.443 ESTABLISHED"
	)
	for _, c := range []struct {
		name     string
		lines    []string
		cut, out bool // the first row's local address; the row is left out
	}{
		{"full", []string{full}, true, false},
		{"short", []string{short}, false, false},
		{"full among wide ones", []string{full, wide}, false, false},
		{"BSD", []string{bsd}, true, false},
		{"BSD among wide ones", []string{bsd, "tcp6 0 0 2001:db8:1:2:3:4:5:6.8080 2001:db8::1.1 ESTABLISHED"}, false, false},
		{"BSD, port cut", []string{"Proto Recv-Q Send-Q  Local Address    Foreign Address    (state)", port}, false, true},
		{"BSD, IPv4", []string{port}, false, false},
	} {
		l := parse(c.lines...)
		if c.out {
			if len(l.Rows) > 0 || l.ProblemCount != 1 || !l.Cuts {
				t.Errorf("%s: %s", c.name, show(l))
			}
			continue
		}
		if l.Rows[0].Local.Cut != c.cut || l.Cuts != c.cut || (l.ProblemCount > 0) != c.cut || l.Rows[0].Local.Exact() == c.cut {
			t.Errorf("%s: %s", c.name, show(l))
		}
	}
}

// TestEncodings: PowerShell writes UTF-16 with a byte order mark, Notepad UTF-8
// with one.
func TestEncodings(t *testing.T) {
	const text = "\r\n  TCP    10.0.0.5:445  10.0.0.9:49152  ESTABLISHED  77\r\n [Grün.exe]\r\n"
	little, big := []byte{0xff, 0xfe}, []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(text)) {
		little = append(little, byte(u), byte(u>>8))
		big = append(big, byte(u>>8), byte(u))
	}
	for name, raw := range map[string][]byte{
		"UTF-8": []byte(text), "UTF-8 with mark": []byte("\xef\xbb\xbf" + text), "UTF-16 LE": little, "UTF-16 BE": big, "UTF-16 cut": little[:len(little)-1],
	} {
		l := Parse(raw)
		if len(l.Rows) != 1 || l.Rows[0].Process != "Grün.exe" || l.ProblemCount > 0 {
			t.Errorf("%s: %s", name, show(l))
		}
	}
}

func TestLimits(t *testing.T) {
	var b strings.Builder
	for range MaxRows + 7 {
		b.WriteString("udp 0 0 0.0.0.0:53 0.0.0.0:*\n")
	}
	for range MaxProblems + 5 {
		b.WriteString("udp 0 0 1:x\n")
	}
	l := Parse([]byte(b.String()))
	if len(l.Rows) != MaxRows || len(l.Problems) != MaxProblems || l.ProblemCount != MaxProblems+5+1 {
		t.Errorf("%d rows, %d of %d problems", len(l.Rows), len(l.Problems), l.ProblemCount)
	}
	b.Reset()
	for range maxAddresses + 3 {
		b.WriteString("    inet 10.0.0.1/8 scope global x\n")
	}
	if l := Parse([]byte("1: x: <UP>\n" + b.String())); len(l.Interfaces[0].Addresses) != maxAddresses {
		t.Errorf("%d addresses", len(l.Interfaces[0].Addresses))
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"peer", "5: tun0: <UP>\n    inet 10.8.0.1 peer 10.8.0.2/32 scope global tun0\n", `"tun0" [10.8.0.1/32]`},
		{"BSD point to point", "utun0: flags=8051<UP> mtu 2000\n\tinet 10.8.0.1 --> 10.8.0.2 netmask 0xffffffff\n", `"utun0" [10.8.0.1/32]`},
		{"alias", "eth0:1    Link encap:Ethernet\n          inet addr:10.0.0.2  Bcast:10.0.0.255  Mask:255.255.255.0\n", `"eth0:1" [10.0.0.2/24]`},
		{"a mask with holes", "x: flags=1<UP> mtu 1\n\tinet 10.0.0.1 netmask 255.0.255.0\n", `"x" [10.0.0.1/32]`},
		{"brief with a metric", "eth0             UP             10.0.0.1/24 metric 100 fe80::1/64 \n", `"eth0" [10.0.0.1/24 fe80::1/64]`},
		{"no address", "docker0          DOWN           \n", `"docker0" []`},
		{"two looks at one", "1: lo    inet 127.0.0.1/8 scope host lo\n1: lo    inet6 ::1/128 scope host\n", `"lo" [127.0.0.1/8 ::1/128]`},
		{"French", "Configuration IP de Windows\n\nCarte Ethernet :\n\n   Adresse IPv4. . . . . . . . . . . : 192.0.2.4\n", `"Carte Ethernet" [192.0.2.4/32]`},
	} {
		l := Parse([]byte(c.text))
		got := ""
		for _, i := range l.Interfaces {
			got += fmt.Sprintf("%q %v", i.Name, i.Addresses)
		}
		if got != c.want || l.ProblemCount > 0 {
			t.Errorf("%s: %s, want %s\n%v", c.name, got, c.want, l.Problems)
		}
	}
}

func TestProcessName(t *testing.T) {
	for title, want := range map[string]string{
		"sshd":               "sshd",
		"sshd: kbrazil":      "sshd",
		"sshd: /usr/sb":      "sshd",
		"nginx: master":      "nginx",
		"postgres:":          "postgres",
		"redis-server *":     "redis-server",
		"redis-server *:":    "redis-server",
		"redis-server 0.0":   "redis-server",
		"redis-server [::":   "redis-server",
		"redis-server":       "redis-server",
		"/x/redis-server 1":  "redis-server",
		"valkey-sentinel *:": "valkey-sentinel",
		"redis-server beta":  "redis-server beta",
		"./dotm_node":        "dotm_node",
		"../bin/x":           "x",
		"-bash":              "bash",
		"-":                  "-",
		"my app 2":           "my app 2",
		"a:b":                "a:b",
		"":                   "",
		"/":                  "/",
	} {
		if got := processName(title); got != want {
			t.Errorf("processName(%q) = %q, want %q", title, got, want)
		}
	}
}

// FuzzParseListing: nothing crashes, nothing is lost, and limits hold.
func FuzzParseListing(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("0 tcp\rjjjjjjj0")) // blanks of all kinds
	f.Add([]byte("\xff\xfet\x00c\x00p\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l := Parse(text)
		if len(l.Problems) > l.ProblemCount || len(l.Problems) > MaxProblems {
			t.Errorf("%d of %d problems", len(l.Problems), l.ProblemCount)
		}
		if l.ProblemCount <= MaxProblems && len(text) > 1 && text[0] < 0x80 {
			checkNothingLost(t, string(text), l)
		}
		for i, r := range l.Rows {
			if r.State == 0 || r.Protocol != proctext.TCP && r.Protocol != proctext.UDP || r.Line < 1 {
				t.Errorf("row %d: %+v", i, r)
			}
			if r.Local.Name == "*" || r.Local.Exact() && r.Local.Addr.Zone() != "" {
				t.Errorf("row %d: %+v", i, r)
			}
		}
		for _, i := range l.Interfaces {
			for _, a := range i.Addresses {
				if !a.IsValid() || a.Addr().Zone() != "" {
					t.Errorf("%q has %v", i.Name, a)
				}
			}
		}
	})
}
