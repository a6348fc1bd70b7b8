//go:build linux

package stage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// Host is one in a test's hands.
type Host struct {
	*bed.Host
	ports map[string]string // the switch's end of each cable, by the host's
}

// NewHost makes a host that has nothing but loopback, until the test ends.
func NewHost(t testing.TB, name string) *Host {
	t.Helper()
	h, err := start(t, name)
	if err != nil {
		Cannot(t, "no host of our own: "+err.Error())
	}
	return h
}

func start(t testing.TB, name string) (*Host, error) {
	if why := bed.Lacks(); why != "" {
		Cannot(t, why)
	}
	h, err := bed.Start(bed.Power{Name: name, Machine: t.Name() + name})
	if err != nil {
		return nil, err
	}
	t.Cleanup(h.Stop)
	return &Host{Host: h, ports: map[string]string{}}, nil
}

// IP runs commands of ip(8) on the host, one a line.
func (h *Host) IP(t testing.TB, commands ...string) {
	t.Helper()
	Need(t, "ip")
	Must(t, h.Host.IP(commands...))
}

// Set writes kernel parameters of the host's network, as [bed.Host.Set] does.
func (h *Host) Set(t testing.TB, parameters ...string) {
	t.Helper()
	Must(t, h.Host.Set(parameters...))
}

// Rules puts rules of nft(8) into force on the host, which forwards then.
func (h *Host) Rules(t testing.TB, rules string) {
	t.Helper()
	if _, err := h.Run(rules, Need(t, "nft"), "-f", "-"); err != nil {
		Cannot(t, err.Error())
	}
	h.Set(t, "net.ipv4.ip_forward=1")
}

// Reachable waits until TCP servers take connections from the host.
func (h *Host) Reachable(t testing.TB, addresses ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	for _, a := range addresses {
		Must(t, h.Host.Reachable(ctx, a))
	}
}

// Program is one in a test's hands.
type Program struct{ *bed.Program }

// Start starts a program on the host until the test ends.
func (h *Host) Start(t testing.TB, path string, args []string, opts ...bed.Option) *Program {
	t.Helper()
	p, err := h.Host.Start(path, args, opts...)
	Must(t, err)
	return &Program{keep(t, p)}
}

// keep ends the program with the test, and shows what it said if that failed.
func keep(t testing.TB, p *bed.Program) *bed.Program {
	t.Cleanup(func() {
		state := p.String()
		p.Kill()
		if t.Failed() {
			t.Logf("%s\n%s", state, tail(p.Said()))
		}
	})
	return p
}

// tail is the end of what a program said.
func tail(text string) string {
	const most = 2000
	return text[max(0, len(text)-most):]
}

// Wait returns the exit code of a program that ends by itself; -1 if a signal
// killed it.
func (p *Program) Wait(t testing.TB) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	select {
	case <-p.Ended:
	case <-ctx.Done():
		t.Fatalf("%s has not ended within %s", p, Patience)
	}
	return p.Code()
}

// Terminate asks the program to end, and returns its exit code. It fails the
// test if the program or one of its children is left after limit.
func (p *Program) Terminate(t testing.TB, limit time.Duration) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	begin := time.Now()
	code, err := p.Program.Terminate(ctx)
	Must(t, err)
	if !p.Alone() {
		t.Errorf("process group of %s still has members after its end", p)
	}
	t.Logf("%s ended %s after SIGTERM", filepath.Base(p.Path()), time.Since(begin).Round(time.Millisecond))
	return code
}

// Says waits until the program has written all of the texts.
func (p *Program) Says(t testing.TB, texts ...string) {
	t.Helper()
	Eventually(t, fmt.Sprintf("%s says %q", filepath.Base(p.Path()), texts), func() error {
		return ContainsAll(p.Said(), texts...)
	})
}

// Dotm runs the dotm that is tested.
func (h *Host) Dotm(t testing.TB, args []string, opts ...bed.Option) *Program {
	t.Helper()
	return h.Start(t, os.Getenv(envBinary), args, opts...)
}

// Ask runs a command of dotm that must succeed, and gives what it prints, without
// the last line's end.
func (h *Host) Ask(t testing.TB, args ...string) string {
	t.Helper()
	p := h.Dotm(t, args)
	if code := p.Wait(t); code != 0 {
		t.Fatalf("dotm %s: exit code %d: %s", strings.Join(args, " "), code, p.Err())
	}
	return strings.TrimSpace(p.Out())
}

// Puppet is one in a test's hands.
type Puppet struct{ *bed.Puppet }

// Puppet starts one on the host, under a name of its own.
func (h *Host) Puppet(t testing.TB, name string, opts ...bed.Option) *Puppet {
	t.Helper()
	p, err := h.Host.Puppet(name, opts...)
	Must(t, err)
	keep(t, p.Program)
	return &Puppet{p}
}

// Do has the puppet obey an order, and returns the address that it listens on.
func (p *Puppet) Do(t testing.TB, o bed.Order) string {
	t.Helper()
	address, err := p.Order(o)
	Must(t, err)
	return address
}

// Listen opens a server on an address and returns it, with the port.
func (p *Puppet) Listen(t testing.TB, network, address string) string {
	t.Helper()
	return p.Do(t, bed.Order{Do: "listen", Network: network, Local: address})
}

// Dial opens n connections and holds them; what breaks is not made again.
func (p *Puppet) Dial(t testing.TB, n int, network, address string) {
	t.Helper()
	p.Do(t, bed.Order{Do: "dial", Network: network, Address: address, Count: n, Once: true})
}

// DialFrom opens one connection from a local address.
func (p *Puppet) DialFrom(t testing.TB, network, local, address string) {
	t.Helper()
	p.Do(t, bed.Order{Do: "dial", Network: network, Local: local, Address: address, Once: true})
}

// Serves opens servers, as in "tcp 10.77.0.1:80", and returns the puppet.
func (p *Puppet) Serves(t testing.TB, addresses ...string) *Puppet {
	t.Helper()
	for _, a := range addresses {
		network, address, _ := strings.Cut(a, " ")
		p.Listen(t, network, address)
	}
	return p
}

// Calls holds a connection to each address, as in "tcp 10.77.0.1:80", and makes
// it again if it breaks. It returns the puppet.
func (p *Puppet) Calls(t testing.TB, addresses ...string) *Puppet {
	t.Helper()
	for _, a := range addresses {
		network, address, _ := strings.Cut(a, " ")
		Must(t, p.Puppet.Dial(1, network, address))
	}
	return p
}

// HangUp closes every connection that was dialled.
func (p *Puppet) HangUp(t testing.TB) {
	t.Helper()
	Must(t, p.Puppet.HangUp())
}
