package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/test/need"
)

var errNoName = &net.DNSError{Err: "no such host", IsNotFound: true}

// answering gives a DNS that answers from a table.
func answering(table map[string][]string, asked *atomic.Int32) *DNS {
	return NewDNS(func(_ context.Context, a string) ([]string, error) {
		asked.Add(1)
		names, ok := table[a]
		if !ok {
			return nil, errNoName
		}
		return names, nil
	})
}

func TestAsk(t *testing.T) {
	var asked atomic.Int32
	n := Names{DNS: answering(map[string][]string{
		"192.0.2.1":   {"db.example.net."},
		"192.0.2.2":   {"b.example.net.", "a.example.net."},
		"192.0.2.3":   {"evil\x1b[31m.example.net.", "10.0.0.1.", "localhost."},
		"192.0.2.4":   {"\u202eevil.example.", "good.example."},
		"2001:db8::1": {"six.example.net."},
	}, &asked)}
	n.Know(addr("192.0.2.7"), "known")
	n.hosts = ParseHosts([]byte("192.0.2.8 written\n"))
	list := []netip.Addr{addr("192.0.2.7"), addr("192.0.2.8"), addr("127.0.0.1"), addr("fe80::1"), {}}
	for i := range 6 {
		list = append(list, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
	}
	list = append(list, addr("::ffff:192.0.2.1"), addr("2001:db8::1"))
	n.Ask(t.Context(), list)
	for a, want := range map[string]string{
		"192.0.2.0": "", "192.0.2.1": "db.example.net", "192.0.2.2": "a.example.net", "192.0.2.3": "", "192.0.2.4": "good.example",
		"192.0.2.7": "known", "192.0.2.8": "written", "2001:db8::1": "six.example.net", "127.0.0.1": "",
	} {
		if got := n.Name(addr(a)); got != want {
			t.Errorf("%s is called %q, want %q", a, got, want)
		}
	}
	if got := asked.Load(); got != 7 {
		t.Errorf("%d questions, want 7: one for each address that has no name otherwise", got)
	}
	n.Ask(t.Context(), list)
	if got := asked.Load(); got != 7 {
		t.Errorf("%d questions after asking again, want 7: answers are remembered, also that there is no name", got)
	}
}

func TestNobodyIsAsked(t *testing.T) {
	var n Names
	n.Ask(t.Context(), []netip.Addr{addr("192.0.2.1")})
	if got := n.Name(addr("192.0.2.1")); got != "" {
		t.Errorf("a name out of nowhere: %q", got)
	}
}

// TestAnswersAge: a name stands for half an hour, that there is none for two
// minutes.
func TestAnswersAge(t *testing.T) {
	var asked atomic.Int32
	d := answering(map[string][]string{"192.0.2.1": {"a.example"}}, &asked)
	now := time.Unix(1e9, 0)
	d.now = func() time.Time { return now }
	n := Names{DNS: d}
	list := []netip.Addr{addr("192.0.2.1"), addr("192.0.2.2")}
	for _, step := range []struct {
		after time.Duration
		asked int32
	}{{0, 2}, {keepNone - 1, 2}, {1, 3}, {keepName - keepNone - 1, 4}, {1, 5}} {
		now = now.Add(step.after)
		n.Ask(t.Context(), list)
		if got := asked.Load(); got != step.asked {
			t.Errorf("after %v more: %d questions, want %d", step.after, got, step.asked)
		}
	}
}

// TestASecondForAll: servers that don't answer cost a second, not one each,
// and then nothing for a while. Never more than 32 are asked at a time.
func TestASecondForAll(t *testing.T) {
	for name, heeds := range map[string]bool{"heeds the end": true, "doesn't": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int32
				end := make(chan struct{})
				defer close(end)
				d := NewDNS(func(ctx context.Context, _ string) ([]string, error) {
					asked.Add(1)
					if heeds {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					<-end
					return []string{"late.example."}, nil
				})
				n := Names{DNS: d}
				list := make([]netip.Addr, 0, 500)
				for i := range 500 {
					list = append(list, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
				}
				started := time.Now()
				n.Ask(t.Context(), list)
				if got := n.Name(list[0]); got != "" {
					t.Errorf("%q came too late", got)
				}
				if took := time.Since(started); took != answerTime {
					t.Errorf("it took %v, want %v", took, answerTime)
				}
				if asked.Load() != maxAsking {
					t.Errorf("%d questions were put before the first was answered, want %d", asked.Load(), maxAsking)
				}
				n.Ask(t.Context(), list)
				if took := time.Since(started); took != answerTime || asked.Load() != maxAsking {
					t.Errorf("asked again while nobody answers, for %v", took)
				}
				d.now = func() time.Time { return time.Now().Add(keepNone) }
				n.Ask(t.Context(), list)
				if asked.Load() != 2*maxAsking {
					t.Errorf("%d questions after a while, want %d", asked.Load(), 2*maxAsking)
				}
				synctest.Wait()
			})
		})
	}
}

// TestNoIsAnAnswer: a server that knows no name is not silent.
func TestNoIsAnAnswer(t *testing.T) {
	for _, c := range []struct {
		err    error
		silent bool
	}{
		{errNoName, false},
		{&net.DNSError{Err: "server misbehaving", IsTemporary: true}, true},
		{errors.New("no network"), true},
		{nil, false},
	} {
		d := NewDNS(func(context.Context, string) ([]string, error) { return nil, c.err })
		d.ask(t.Context(), []netip.Addr{addr("192.0.2.1")})
		if got := !d.silent.IsZero(); got != c.silent {
			t.Errorf("%v: silent %t, want %t", c.err, got, c.silent)
		}
	}
}

// TestPartOfAnAnswer: net.Resolver gives the fit names along with an error
// about the others.
func TestPartOfAnAnswer(t *testing.T) {
	n := Names{DNS: NewDNS(func(context.Context, string) ([]string, error) {
		return []string{"good.example."}, &net.DNSError{Err: "DNS response contained records which contain invalid names"}
	})}
	n.Ask(t.Context(), []netip.Addr{addr("192.0.2.1")})
	if got := n.Name(addr("192.0.2.1")); got != "good.example" || !n.DNS.silent.IsZero() {
		t.Errorf("got %q", got)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	d := NewDNS(func(context.Context, string) ([]string, error) { return []string{"a.example"}, nil })
	now := time.Unix(1e9, 0)
	d.now = func() time.Time { return now }
	list := make([]netip.Addr, 0, maxAnswers+10)
	for i := range maxAnswers + 10 {
		list = append(list, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	d.ask(t.Context(), list)
	if len(d.answers) > maxAnswers {
		t.Errorf("%d answers are remembered, want at most %d", len(d.answers), maxAnswers)
	}
	now = now.Add(keepName)
	d.ask(t.Context(), []netip.Addr{addr("192.0.2.1")})
	if len(d.answers) != 1 {
		t.Errorf("%d answers are remembered, want only the new one", len(d.answers))
	}
}

// TestRealServer asks dnsmasq, over the network, as a user's resolver is asked.
func TestRealServer(t *testing.T) {
	program, err := exec.LookPath("dnsmasq")
	if err != nil {
		need.Lacks(t, "dnsmasq is not installed")
	}
	port := freePort(t)
	cmd := exec.Command(
		program, "--no-daemon", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--pid-file=",
		"--listen-address=127.0.0.1", "--bind-interfaces", "--port="+strconv.Itoa(port),
		"--ptr-record=7.2.0.192.in-addr.arpa,db.example.net",
		"--ptr-record=8.2.0.192.in-addr.arpa,10.0.0.1",
		"--ptr-record=1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa,six.example.net",
	)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	}}
	ready(t, r, &said)
	n := Names{DNS: NewDNS(r.LookupAddr)}
	list := []netip.Addr{addr("192.0.2.7"), addr("192.0.2.8"), addr("192.0.2.9"), addr("2001:db8::1")}
	n.Ask(t.Context(), list)
	got := make([]string, 0, len(list))
	for _, a := range list {
		got = append(got, n.Name(a))
	}
	if want := "[db.example.net   six.example.net]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s\n%s", got, want, said.String())
	}
}

// ready waits until the server answers.
func ready(t *testing.T, r *net.Resolver, said fmt.Stringer) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); ; {
		if _, err := r.LookupAddr(t.Context(), "192.0.2.7"); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("dnsmasq does not answer:", said)
		}
	}
}

// freePort is a loopback port that nobody uses, for UDP.
func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}
