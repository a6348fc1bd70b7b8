package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestServeCommands(t *testing.T) {
	in := "first 1\n\n  second  2  \nbad\n"
	var out bytes.Buffer
	err := serveCommands(strings.NewReader(in), &out, func(c []string) (string, error) {
		if c[0] == "bad" {
			return "", errors.New("two\nlines")
		}
		return strings.Join(c, "+"), nil
	})
	must(t, err)
	if want := "ok first+1\nok second+2\nerror two lines\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestPlayUnknownRole(t *testing.T) {
	var messages bytes.Buffer
	if code := play("nobody", nil, nil, &messages); code != 1 || !strings.Contains(messages.String(), "no such role") {
		t.Errorf("code %d, %q", code, messages.String())
	}
}

// TestWorldBadJob: a world that can't read its job says so.
func TestWorldBadJob(t *testing.T) {
	var out bytes.Buffer
	if err := world(strings.NewReader("{"), &out); err == nil || out.Len() > 0 {
		t.Errorf("got %v, %q", err, out.String())
	}
}

func TestPeerRefuses(t *testing.T) {
	for _, command := range []string{
		"nonsense", "nonsense 5", "churn 5", "accepted 1", "closed 1", "dial 127.0.0.1:1 many", "hold socket 1",
		"listen 127.0.0.1:0 5", "short client-closes 5", "rounds fast", "hold null -1", "hold pipe 999999999999",
	} {
		var p peer
		if answer, err := p.obey(strings.Fields(command)); err == nil {
			t.Errorf("%q: answered %q", command, answer)
		}
	}
}

// freePort is a port that nobody listens on at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

func obey(t *testing.T, p *peer, command ...string) string {
	t.Helper()
	answer, err := p.obey(command)
	if err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	return answer
}

// TestPeers: a server counts what a client opened and closed.
// counts are the listener's while it goes on.
func (l *listener) counts() (accepted, closed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted, l.closed
}

func TestPeers(t *testing.T) {
	var server, client peer
	address := freePort(t)
	obey(t, &server, "listen", address, endWaits, "7")
	obey(t, &client, "dial", address, "7")
	obey(t, &server, "accepted", "7")
	first := client.conns[0].LocalAddr().String()
	obey(t, &client, "churn", "10") // every one once, three of them twice
	obey(t, &server, "accepted", "17")
	obey(t, &server, "closed", "10")
	if accepted, closed := server.listener.counts(); accepted != 17 || closed != 10 || len(client.conns) != 7 || client.oldest != 3 {
		t.Errorf("accepted %d, closed %d, %d open, next to close %d", accepted, closed, len(client.conns), client.oldest)
	}
	from := map[string]bool{}
	for _, c := range client.conns {
		host, _, err := net.SplitHostPort(c.LocalAddr().String())
		must(t, err)
		from[host] = true
		if c.LocalAddr().String() == first {
			t.Errorf("the oldest connection %s is still there", first)
		}
		must(t, c.Close())
	}
	if len(from) != 7 {
		t.Errorf("connections come from %v", from)
	}
	obey(t, &server, "closed", "17")
}

func TestHold(t *testing.T) {
	for kind, want := range map[string]string{"pipe": "pipe:", "eventfd": "anon_inode:[eventfd]", "null": "/dev/null"} {
		var p peer
		obey(t, &p, "hold", kind, "4")
		if len(p.held) != 4 {
			t.Errorf("%s: %d descriptors", kind, len(p.held))
		}
		for _, fd := range p.held {
			leads, err := os.Readlink(fmt.Sprint("/proc/self/fd/", fd))
			if err != nil || !strings.HasPrefix(leads, want) {
				t.Errorf("%s: descriptor %d leads to %q (%v)", kind, fd, leads, err)
			}
			must(t, unix.Close(fd))
		}
	}
}

// TestShort: the end that should close first does.
func TestShort(t *testing.T) {
	for kind, end := range map[string]string{kindClient: endWaits, kindServer: endCloses, kindReset: endWaits} {
		t.Run(kind, func(t *testing.T) {
			var server, client peer
			address := freePort(t)
			obey(t, &server, "listen", address, end, "10")
			obey(t, &client, "short", kind, address, "25")
			obey(t, &server, "closed", "25")
			if n, _ := server.listener.counts(); n != 25 {
				t.Errorf("%d connections, want 25", n)
			}
		})
	}
	var client peer
	nobody := freePort(t)
	obey(t, &client, "short", kindRefused, nobody, "5")
	if _, err := client.obey([]string{"short", kindClient, nobody, "5"}); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("without a listener: %v", err)
	}
	obey(t, &client, "listen", nobody, endWaits, "1")
	if _, err := client.obey([]string{"short", kindRefused, nobody, "5"}); err == nil {
		t.Error("somebody listens, and it is called refused")
	}
}

func TestConnectAndClose(t *testing.T) {
	var p peer
	var l lap
	must(t, json.Unmarshal([]byte(obey(t, &p, "rounds", "50")), &l))
	if l.WallMicros <= 0 {
		t.Errorf("rounds cost nothing: %+v", l)
	}
}

// TestPart: the shares of the pairs add up.
func TestPart(t *testing.T) {
	for _, n := range []int{10, 11, 19, 25, 2400, 9999} {
		sum := 0
		for i := range pairs {
			sum += part(n, i)
			if d := part(n, 0) - part(n, i); d < 0 || d > 1 {
				t.Errorf("of %d, one pair has %d and another %d", n, part(n, 0), part(n, i))
			}
		}
		if sum != n {
			t.Errorf("of %d, the pairs have %d", n, sum)
		}
	}
}

// TestNeedFiles: what the limit doesn't allow is said with its number.
func TestNeedFiles(t *testing.T) {
	must(t, needFiles(10))
	if err := needFiles(1 << 40); err == nil || !strings.Contains(err.Error(), "1099511627876") {
		t.Errorf("got %v", err)
	}
}
