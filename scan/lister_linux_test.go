package scan

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/proctext/listing"
	"github.com/devops-trouble-map/dotm/test/netns"
)

// newLister closes itself.
func newLister(t *testing.T) *Lister {
	t.Helper()
	l, err := NewLister(Options{})
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

func tell(t *testing.T, l *Lister) string {
	t.Helper()
	text, err := l.Text(t.Context())
	must(t, err)
	return string(text)
}

// run runs a program that must be there.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		netns.Cannot(t, "no "+name+" here")
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "LANG=C", "LC_ALL=C")
	out, err := cmd.Output()
	must(t, err)
	return string(out)
}

// TestListerIsNetstat: beside the real programs, on the same sockets, the text
// is theirs: netstat's byte for byte, of ip address the addresses.
func TestListerIsNetstat(t *testing.T) {
	needRoot(t)
	for name, stage := range stages {
		t.Run(name, func(t *testing.T) {
			l := newLister(t)
			stage(t)
			text, netstat := atRest(t, l)
			host, err := os.Hostname()
			must(t, err)
			first, rest, _ := strings.Cut(text, "\n")
			sockets, addresses, ok := strings.Cut(rest, "\n\n")
			if first != "hostname="+host || !ok {
				t.Fatalf("begins with %q, has an empty line: %t", first, ok)
			}
			if diff := cmp.Diff(netstat, sockets+"\n"); diff != "" {
				t.Errorf("sockets (-netstat +ours):\n%s", diff)
			}
			inet := regexp.MustCompile(`(?m)^    inet6? \S+`)
			if diff := cmp.Diff(inet.FindAllString(run(t, "ip", "address"), -1), inet.FindAllString(addresses, -1)); diff != "" {
				t.Errorf("addresses (-ip +ours):\n%s", diff)
			}
		})
	}
}

// atRest is the text, and what netstat prints both before and after.
func atRest(t *testing.T, l *Lister) (text, netstat string) {
	t.Helper()
	for range 50 {
		netstat = run(t, "netstat", "-antlp")
		text = tell(t, l)
		if run(t, "netstat", "-antlp") == netstat {
			break
		}
	}
	return text, netstat
}

// TestListerAgain: a lister that looks again knows new sockets and forgets old
// ones, and what it prints is read back.
func TestListerAgain(t *testing.T) {
	needRoot(t)
	l := newLister(t)
	server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
	server.do("listen", "tcp4", "127.0.0.1:8080")
	for open := range 3 {
		if open > 0 {
			client.do("dial", "tcp4", "127.0.0.1:8080", 1)
			server.do("accept", 1)
		}
		found := listing.Parse([]byte(tell(t, l)))
		byServer := func(r listing.Row) bool {
			return r.Process == "server" && r.PID == server.pid() && r.State == proctext.Established && r.Local.AddrPort() == netip.MustParseAddrPort("127.0.0.1:8080")
		}
		byClient := func(r listing.Row) bool { return r.Process == "client" && r.PID == client.pid() }
		if n := count(found.Rows, byServer); n != open {
			t.Errorf("%d of %d connections at the server's end", n, open)
		}
		if n := count(found.Rows, byClient); n != open {
			t.Errorf("%d of %d connections at the client's end", n, open)
		}
		if found.ProblemCount > 0 {
			t.Errorf("%v", found.Problems)
		}
	}
	server.stop()
	if found := listing.Parse([]byte(tell(t, l))); slices.ContainsFunc(found.Rows, func(r listing.Row) bool { return r.State == proctext.Listening }) {
		t.Error("the server still listens")
	}
}

func count(rows []listing.Row, is func(listing.Row) bool) (n int) {
	for _, r := range rows {
		if is(r) {
			n++
		}
	}
	return n
}

func TestListerErrors(t *testing.T) {
	if _, err := NewLister(Options{Proc: t.TempDir()}); err == nil {
		t.Error("a lister without /proc")
	}
	l := newLister(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	startPeer(t, "server", 0).do("listen", "tcp4", "127.0.0.1:0")
	if _, err := l.Text(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
