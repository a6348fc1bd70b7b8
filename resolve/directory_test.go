package resolve

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// phone is a directory that runs, with a resolver of its own.
type phone struct {
	*Directory
	changes atomic.Int32
	asked   atomic.Int32
	may     atomic.Bool
}

func startDirectory(t *testing.T, hosts string, answers map[string]string) *phone {
	t.Helper()
	p := &phone{}
	p.may.Store(true)
	p.Directory = &Directory{
		HostsFile: filepath.Join(t.TempDir(), "hosts"),
		AskDNS:    p.may.Load,
		Changed:   func() { p.changes.Add(1) },
		DNS: NewDNS(func(_ context.Context, address string) ([]string, error) {
			p.asked.Add(1)
			if name := answers[address]; name != "" {
				return []string{name}, nil
			}
			return nil, errors.New("no such host")
		}),
	}
	p.DNS.now = time.Now
	write(t, p.HostsFile, hosts)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	synctest.Wait()
	return p
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *phone) name(t *testing.T, address, want string) {
	t.Helper()
	if got := p.Name(netip.MustParseAddr(address)); got != want {
		t.Errorf("%s is called %q, want %q", address, got, want)
	}
}

func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the bubble's clock
	synctest.Wait()
}

func TestDirectoryFindsNamesBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startDirectory(t, "10.0.0.1 db1\n", map[string]string{"10.0.0.2": "web1.example.net.", "10.0.0.1": "wrong."})
		p.name(t, "10.0.0.1", "db1")
		p.name(t, "::ffff:10.0.0.1", "db1")
		p.name(t, "10.0.0.2", "")
		before := p.changes.Load()
		pass(lookEvery)
		p.name(t, "10.0.0.2", "web1.example.net")
		if p.changes.Load() != before+1 {
			t.Errorf("told %d times of one name", p.changes.Load()-before)
		}
		pass(10 * lookEvery)
		if p.asked.Load() != 1 {
			t.Errorf("asked %d times for what is known", p.asked.Load())
		}
	})
}

func TestDirectoryAsksOnlyIfItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startDirectory(t, "10.0.0.1 db1\n", map[string]string{"10.0.0.2": "web1.example.net."})
		p.may.Store(false)
		p.name(t, "10.0.0.2", "")
		p.name(t, "10.0.0.1", "db1")
		pass(time.Minute)
		p.name(t, "10.0.0.2", "")
		if p.asked.Load() != 0 {
			t.Errorf("asked %d times", p.asked.Load())
		}
		p.may.Store(true)
		p.name(t, "10.0.0.2", "")
		pass(2 * lookEvery)
		p.name(t, "10.0.0.2", "web1.example.net")
		p.may.Store(false)
		p.name(t, "10.0.0.2", "") // who may not ask doesn't use what was answered
	})
}

func TestDirectoryReadsHostsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startDirectory(t, "10.0.0.1 db1\n", nil)
		if h := p.Hosts(); len(h) != 1 || h[netip.MustParseAddr("10.0.0.1")] != "db1" {
			t.Errorf("hosts are %v", h)
		}
		before := p.changes.Load()
		write(t, p.HostsFile, "10.0.0.1 db2\n")
		pass(readEvery)
		p.name(t, "10.0.0.1", "db2")
		if p.changes.Load() != before+1 {
			t.Error("nobody was told")
		}
		pass(readEvery)
		if p.changes.Load() != before+1 {
			t.Error("told of no change")
		}
	})
}

// TestDirectoryIsBounded: a scan of the site's addresses fills no memory.
func TestDirectoryIsBounded(t *testing.T) {
	d := &Directory{AskDNS: func() bool { return true }}
	a := netip.MustParseAddr("10.0.0.1")
	for range maxWanted + 100 {
		d.Name(a)
		a = a.Next()
	}
	if len(d.wanted) != maxWanted {
		t.Errorf("%d addresses wait", len(d.wanted))
	}
	if d.Name(netip.MustParseAddr("127.0.0.1")) != "" || d.wanted[netip.MustParseAddr("127.0.0.1")] {
		t.Error("loopback addresses are asked for")
	}
}
