package ssh

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
)

// noon is when the answers of these tests are read.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func once(l *collect.Listing) (*report.Report, error) { return l.Report(noon) }

// recorded reads one of testdata's answers.
func recorded(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	must(t, err)
	return string(text)
}

func reportOf(t testing.TB, text string) (*report.Report, error) {
	t.Helper()
	a, err := readAnswer([]byte(text))
	must(t, err)
	return a.report("dotm", once)
}

// lines gives each row of a report a line.
func lines(r *report.Report) (list []string) {
	for _, l := range r.Listeners {
		dual := ""
		if l.Dual {
			dual = " dual"
		}
		list = append(list, fmt.Sprintf("%s %d %s %s:%d%s", l.Process, l.PID, l.Protocol, l.Address, l.Port, dual))
	}
	for _, c := range r.Connections {
		list = append(list, fmt.Sprintf("%s %d %s %s %s %d ×%d", c.Process, c.PID, c.Direction, c.Protocol, c.Peer, c.Port, c.Count))
	}
	slices.Sort(list)
	return list
}

// seen are the rows of the recorded host; what brought the answer is none.
var seen = []string{
	"dnsmasq 26841 in tcp fd77::2 53 ×1",
	"dnsmasq 26841 tcp fd77::2:53",
	"dnsmasq 26841 udp fd77::2:53",
	"orders 26848 out tcp 10.77.0.2 6379 ×2",
	"orders 26848 out tcp fd77::2 53 ×1",
	"orders 26848 out udp 10.77.0.9 514 ×1",
	"orders 26848 tcp :::8080 dual",
	"orders 26848 tcp :::8081",
	"redis-server 26840 in tcp 10.77.0.2 6379 ×2",
	"redis-server 26840 tcp 10.77.0.2:6379",
	"redis-server 26840 tcp 127.0.0.1:6379",
	"sshd 26890 tcp 10.77.0.2:22",
}

// TestRecorded: every way of listing gives the same picture; what it can't tell
// is said.
func TestRecorded(t *testing.T) {
	dual := strings.NewReplacer(":::8081", ":::8081 dual") // of this, only ss tells
	for _, c := range []struct {
		name  string
		line  func(string) string
		notes []string
	}{
		{name: "root-ss"},
		{name: "root-netstat", line: dual.Replace},
		{name: "root-proc", line: dual.Replace, notes: []string{"no-tools"}},
		{name: "root-proc-ifconfig", line: dual.Replace, notes: []string{"no-tools"}},
		{name: "user-ss", notes: []string{"unprivileged"}, line: func(s string) string {
			f := strings.SplitN(s, " ", 3)
			return " 0 " + f[2]
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := reportOf(t, recorded(t, c.name))
			must(t, err)
			want := slices.Clone(seen)
			for i := range want {
				if c.line != nil {
					want[i] = c.line(want[i])
				}
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, lines(r)); diff != "" {
				t.Error(diff)
			}
			checkNotes(t, r, c.notes)
			if r.Node.Name != "db1" || r.Node.Identity != (report.Identity{Kind: report.IdentityMachine, Value: "00f8261e4a02433f95da8db1123f4b21"}) {
				t.Errorf("node is %+v", r.Node)
			}
			addresses := addressesOf(r)
			for _, a := range []string{"10.77.0.2/24", "198.51.100.7/32", "fd77::2/64", "127.0.0.1/8", "::1/128"} {
				if n := count(addresses, a); n != 1 {
					t.Errorf("address %s is there %d times in %v", a, n, addresses)
				}
			}
			r.Agent.Version = "test"
			must(t, r.Validate(noon))
		})
	}
}

func checkNotes(t *testing.T, r *report.Report, want []string) {
	t.Helper()
	want = append(want, "short-connections")
	var got []string
	for _, n := range r.Notes {
		got = append(got, n.Code)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("notes are %+v, want %v", r.Notes, want)
	}
}

func addressesOf(r *report.Report) (list []string) {
	for _, i := range r.Interfaces {
		for _, p := range i.Addresses {
			list = append(list, p.String())
		}
	}
	return list
}

func count(list []string, s string) (n int) {
	for _, l := range list {
		if l == s {
			n++
		}
	}
	return n
}

// replaced replaces what stands in a section of a recorded answer.
func replaced(t testing.TB, text, name, body string, status int) string {
	t.Helper()
	word := strings.Fields(text)[2]
	begin := "@dotm-ssh " + word + " " + name + "\n"
	end := "\n@dotm-ssh " + word + " ended "
	before, rest, ok := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("there is no section %s", name)
	}
	return before + begin + body + end + fmt.Sprint(status) + after[1:]
}

// TestHidden: what is hidden is said with its reason and what helps.
func TestHidden(t *testing.T) {
	user := recorded(t, "user-ss")
	noSudo := strings.Replace(user, " sudo-ss\n", " something-else\n", 1)
	proc := replaced(t, replaced(t, recorded(t, "root-proc"), "user", "1000\n", 0), "fds", "", 1)
	for _, c := range []struct{ name, text, code, want, hint string }{
		{"sudo refused", user, "unprivileged", "10 process names hidden: user dotm is not root, and sudo refused to list the sockets.", "--for sudoers"},
		{"no sudo", noSudo, "unprivileged", "user dotm is not root, and sudo is not there, or not to be tried.", "--for sudoers"},
		{"no tools", proc, "unprivileged", "10 process names hidden", "install ss"},
		{"hidden from root", replaced(t, user, "user", "0\n", 0), "hidden-owners", "10 process names hidden even from root.", ""},
	} {
		r, err := reportOf(t, c.text)
		must(t, err)
		at := slices.IndexFunc(r.Notes, func(n report.Note) bool { return n.Code == c.code })
		if at < 0 || !strings.Contains(r.Notes[at].Text, c.want) || !strings.Contains(r.Notes[at].Hint, c.hint) {
			t.Errorf("%s: notes are %+v", c.name, r.Notes)
		}
		if c.code == "unprivileged" != (r.Coverage.HiddenAsUser == 10) {
			t.Errorf("%s: coverage is %+v", c.name, r.Coverage)
		}
	}
	if names(1) != "1 process name" {
		t.Error(names(1))
	}
}

// TestLacking: an answer that lacks what makes a report is refused as every way
// in does; one that lacks less is used.
func TestLacking(t *testing.T) {
	ss, proc := recorded(t, "root-ss"), recorded(t, "root-proc")
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"no name", replaced(t, ss, "host", "", 127), collect.ErrNoHostname},
		{"no addresses", replaced(t, ss, "ip", "", 0), collect.ErrNoAddresses},
		{"no sockets", replaced(t, ss, "ss", "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port\n", 0), collect.ErrNoSockets},
		{"no socket of /proc", replaced(t, proc, "tcp", "", 1), collect.ErrUnreadable},
		{"rubbish of /proc", replaced(t, proc, "tcp6", "heading\nrubbish\n", 0), collect.ErrUnreadable},
		{"rubbish for addresses", replaced(t, proc, "inet6", "rubbish\n", 0), collect.ErrUnreadable},
	} {
		if r, err := reportOf(t, c.text); !errors.Is(err, c.want) {
			t.Errorf("%s gives %v, %v; want %v", c.name, r, err, c.want)
		}
	}
	r, err := reportOf(t, replaced(t, replaced(t, ss, "machine", "uninitialized\n", 0), "host", "(none)\n", 0))
	must(t, err)
	if r.Node.Name != "none" || !r.Node.Identity.Weak() {
		t.Errorf("without machine-id and name the node is %+v", r.Node)
	}
}

// TestPorts: the node's own range of ports decides directions.
func TestPorts(t *testing.T) {
	text := made(
		"host", "db1\n", "0", "user", "0\n", "0", "ports", "2000 3000\n", "0",
		"ip", "2: eth0    inet 10.0.0.1/24 scope global eth0\n", "0",
		"ss", "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\ntcp ESTAB 0 0 10.0.0.1:2500 10.0.0.2:1000 users:((\"a\",pid=1,fd=2))\n", "0",
	)
	r, err := reportOf(t, text)
	must(t, err)
	if got := lines(r); len(got) != 1 || got[0] != "a 1 out tcp 10.0.0.2 1000 ×1" {
		t.Errorf("got %q", got)
	}
}

func TestPeer(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.9 51000 10.0.0.1 22":               "10.0.0.9:51000",
		"fe80::9%eth0 51000 fe80::1%eth0 22":       "[fe80::9]:51000",
		"::ffff:10.0.0.9 51000 ::ffff:10.0.0.1 22": "10.0.0.9:51000",
		"": "", "x 1 y 2": "", "10.0.0.9 x 10.0.0.1 22": "", "10.0.0.9 1": "",
	} {
		a, err := readAnswer([]byte(made("us", text+"\n", "0")))
		must(t, err)
		got := ""
		if p := a.peer(); p.IsValid() {
			got = p.String()
		}
		if got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

func TestReadHolders(t *testing.T) {
	const fds = `ls: cannot open directory
/proc/1/fd:
lrwx------ 1 0 0 64 Nov 26 12:21 6 -> socket:[1]
lrwx------ 1 0 0 64 Nov 26 12:21 7 -> socket:[2]
/proc/20/fd:
lrwx------ 1 0 0 64 Nov 26 12:21 6 -> socket:[1]
lrwx------ 1 0 0 64 Nov 26 12:21 7 -> /tmp/a -> socket:[3]
lrwx------ 1 0 0 64 Nov 26 12:21 8 -> socket:[x]
/proc/10/fd:
lrwx------ 1 0 0 64 Nov 26 12:21 6 -> socket:[1]
/proc/self/fd:
lrwx------ 1 0 0 64 Nov 26 12:21 6 -> socket:[4]
`
	const names = "/proc/1/comm:systemd\n/proc/10/comm:a:b\n/proc/10/comm:second line\n/proc/20/comm:c\n/proc/x/comm:d\nrubbish\n"
	got := readHolders([]byte(fds), []byte(names))
	want := map[uint64]holder{1: {10, "a:b"}, 2: {1, "systemd"}, 3: {20, "c"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(holder{})); diff != "" {
		t.Error(diff)
	}
}

// FuzzReport: whatever a node prints gives a valid report or an error of a
// known kind.
func FuzzReport(f *testing.F) {
	for _, sockets := range [][]string{ // short ones: long ones are changed and shortened slowly
		{"ss", "tcp ESTAB 0 0 10.0.0.1:2500 10.0.0.2:1000 users:((\"a\",pid=1,fd=2))\n", "0"},
		{"sudo-ss", "", "1", "netstat", "tcp 0 0 10.0.0.1:22 10.0.0.9:51000 ESTABLISHED 7/sshd\n", "0"},
		{
			"tcp", "sl\n0: 0201000A:0016 0900000A:C738 01 00000000:00000000 00:00000000 00000000 0 0 5\n", "0",
			"fds", "/proc/7/fd:\nl 3 -> socket:[5]\n", "0", "names", "/proc/7/comm:sshd\n", "0",
		},
	} {
		f.Add([]byte(made(append([]string{"host", "a", "0", "ip", "2: e inet 10.0.0.1/24\n", "0"}, sockets...)...)))
		f.Add([]byte(made(append([]string{"host", "a", "0", "fib", "|-- 10.0.0.1\n/32 host LOCAL\n", "0"}, sockets...)...)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := readAnswer(text)
		if err != nil {
			return
		}
		r, err := a.report("dotm", once)
		if err != nil {
			if collect.Kind(err) == "other" {
				t.Fatal(err)
			}
			return
		}
		r.Agent.Version = "test"
		if err := r.Validate(noon); err != nil {
			t.Error(err)
		}
	})
}
