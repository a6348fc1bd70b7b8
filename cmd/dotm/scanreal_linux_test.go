package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/need"
)

// printed gives what a command that must succeed prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if code := run(args, &out, &errOut); code != exitOK || errOut.Len() > 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, errOut.String())
	}
	return out.String()
}

// matching checks that exactly so many lines of a text match a pattern.
func matching(t *testing.T, text, pattern string, want int) {
	t.Helper()
	if got := regexp.MustCompile("(?m)^"+pattern+"$").FindAllString(text, -1); len(got) != want {
		t.Errorf("%d lines match %s, want %d:\n%s", len(got), pattern, want, text)
	}
}

// connected opens connections to a listener of this process, from addresses of
// their own, and accepts some of them.
func connected(t *testing.T, clients, accepted int) (port string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for i := range clients {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 9, byte(i+1))}}
		c, err := d.DialContext(t.Context(), "tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	for range accepted {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// self is what this process is called, as far as the kernel keeps it.
func self(t *testing.T) string {
	t.Helper()
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	return regexp.QuoteMeta(strings.TrimSpace(string(comm)))
}

// TestScanOfRealSockets: a service of this very process shows with its clients,
// folded and not, and with what waits to be accepted.
func TestScanOfRealSockets(t *testing.T) {
	port := connected(t, 12, 10)
	me := self(t)
	var r report.Report
	if err := json.Unmarshal([]byte(printed(t, "scan", "--namespaces", "own", "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if r.Agent.Method != "sock_diag" {
		need.Lacks(t, "the kernel gives no sock_diag, and so no round-trip times")
	}
	rtt := ` +\d[.\d]* ms`

	usual := printed(t, "scan", "--namespaces", "own")
	matching(t, usual, me+` +tcp +127\.0\.0\.1:`+port+` +\S.* 12  2/\d+`, 1)
	matching(t, usual, me+`:`+port+` ← 127\.0\.9\.\d+ +tcp +1( +\d+)?`+rtt, 8)
	matching(t, usual, me+`:`+port+` ← … and 4 more peers +tcp +4( +\d+)?`+rtt, 1)
	matching(t, usual, me+` → 127\.0\.0\.1:`+port+` +tcp +12( +\d+)?`+rtt, 1)
	matching(t, usual, `Some peers are not shown: --wide shows all\.`, 1)

	wide := printed(t, "scan", "--namespaces", "own", "--wide")
	pid := strconv.Itoa(os.Getpid())
	matching(t, wide, me+` +tcp +127\.0\.0\.1:`+port+` .* `+pid+` .*12  2/\d+`, 1)
	matching(t, wide, me+`:`+port+` ← 127\.0\.9\.\d+ +tcp +1 .* \d[.\d]* ± \d[.\d]* ms .* `+pid+` .*127\.0\.0\.1`, 12)
	if strings.Contains(wide, "more peers") || strings.Contains(wide, table.Ellipsis) {
		t.Errorf("something is left out:\n%s", wide)
	}

	peers := 0
	for _, c := range r.Connections {
		if c.Direction == report.In && strconv.Itoa(int(c.Port)) == port {
			peers++
		}
	}
	if r.Version != report.Version || r.Agent.Version != version || peers != 12 {
		t.Errorf("version %q of agent %q, %d peers", r.Version, r.Agent.Version, peers)
	}
}

// TestScanUsage: wrong flags are refused with what would be right.
func TestScanUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		{"scan --namespaces bogus", `no network namespace is named "bogus"; there are: `},
		{"scan --watch --namespaces bogus", `no network namespace is named "bogus"; there are: `},
		{"scan --explain --namespaces bogus", `no network namespace is named "bogus"; there are: `},
		{"scan --watch --interval 1ms", "--interval must be 100ms to 24h0m0s, is 1ms"},
		{"scan --watch --interval 2", "missing unit"},
		{"scan --watch --explain", "can't be used together"},
		{"scan everything", `address must be like ssh://user@host:22 (it must begin with ssh://), is "everything"`},
		{"scan ssh://db1?foo=1", `only jump=HOSTS and sudo=no are known after the question mark, once each, not "foo"), is "ssh://db1?foo=1"`},
		{"scan ssh://db1 everything", "unexpected argument everything"},
		{"scan ssh://me@db1 --explain", "--explain is about this machine"},
		{"scan ssh://me@db1 --namespaces own", "--namespaces is about this machine"},
		{"scan ssh://me@db1 --jump a/b", "--jump: jump host must be like user@host:22"},
		{"scan ssh://me:secret@db1", "passwords are not used"},
		{"scan --trust-new", "are for other machines: dotm scan ssh://USER@HOST"},
		{"scan --ssh-key x", "are for other machines"},
	} {
		var out, errOut bytes.Buffer
		code := run(strings.Fields(c.args), &out, &errOut)
		if code != exitError || !strings.Contains(errOut.String(), c.want) {
			t.Errorf("%s: exit code %d, %s", c.args, code, errOut.String())
		}
	}
}

// TestAgainstSS: what ss(8) lists of this process, the tables have, too:
// every listening socket as a service, every connection in a row of its peer.
func TestAgainstSS(t *testing.T) {
	ss, err := exec.LookPath("ss")
	if err != nil {
		need.Lacks(t, "ss is not installed")
	}
	connected(t, 3, 3)
	for network, address := range map[string]string{"tcp4": "0.0.0.0:0", "tcp6": "[::1]:0", "tcp": "[::]:0"} {
		l, err := net.Listen(network, address)
		if err != nil {
			need.Lacks(t, err.Error())
		}
		defer l.Close()
		to := l.Addr().(*net.TCPAddr)
		if to.IP.IsUnspecified() {
			to.IP = net.IPv4(127, 0, 0, 1)
		}
		for range 2 {
			c, err := net.DialTCP("tcp", nil, to)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
	}
	u, err := net.Dial("udp4", "127.0.0.1:514")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	text, err := exec.Command(ss, "-Htuanp").Output()
	if err != nil {
		need.Lacks(t, "ss: "+err.Error())
	}
	wide := printed(t, "scan", "--namespaces", "own", "--wide")
	me, own := self(t), fmt.Sprintf("pid=%d,", os.Getpid())
	checked := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line) // protocol, state, queues, local, peer, process
		if len(f) < 7 || !strings.Contains(f[6], own) {
			continue
		}
		checked++
		checkAgainst(t, wide, me, f[0], f[1], f[4], f[5])
	}
	if checked < 3+2+3+3*2+1 { // sides that wait to be accepted have no process
		t.Errorf("ss lists %d sockets of this process:\n%s", checked, text)
	}
}

// checkAgainst checks that one socket of ss is in a table.
func checkAgainst(t *testing.T, wide, me, protocol, state, local, peer string) {
	t.Helper()
	split := func(end string) (host, port string) {
		i := strings.LastIndexByte(end, ':')
		host, _, _ = strings.Cut(strings.Trim(end[:i], "[]"), "%")
		return regexp.QuoteMeta(strings.TrimPrefix(host, "::ffff:")), end[i+1:]
	}
	localHost, localPort := split(local)
	host, port := split(peer)
	if state == "LISTEN" {
		if localHost == `0\.0\.0\.0` {
			localHost = `\*`
		}
		if !regexp.MustCompile(`(?m)^` + me + ` +` + protocol + ` +\[?` + localHost + `\]?:` + localPort + ` `).MatchString(wide) {
			t.Errorf("%s %s is no service of\n%s", protocol, local, wide)
		}
		return
	}
	out := me + `.* → \[?` + host + `\]?:` + port
	in := me + `.*:` + localPort + ` ← ` + host
	unknown := me + `.*:` + localPort + ` — \[?` + host + `\]?:` + port
	if !regexp.MustCompile(`(?m)^(` + out + `|` + in + `|` + unknown + `) .*` + protocol + ` +[1-9]`).MatchString(wide) {
		t.Errorf("%s %s to %s is no connection of\n%s", protocol, local, peer, wide)
	}
}
