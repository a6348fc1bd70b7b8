//go:build linux

package fleettest

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// site is one test's hosts with the networks between them.
type site struct {
	t        *testing.T
	mu       sync.Mutex
	hosts    map[string]*machine
	programs []*bed.Program
	switches map[string]string
}

// machine is a host of a site.
type machine struct {
	*bed.Host
	site  *site
	ports map[string]string // the switch's end of each cable, by the host's
}

// cable joins a host to a switch.
type cable struct {
	to        string // the switch's name
	addresses []string
}

// plan is what a host is made of.
type plan struct {
	name   string
	cables []cable
	routes []string // as ip-route(8) takes them
}

// on is a host with one cable.
func on(to, name string, addresses ...string) plan {
	return plan{name: name, cables: []cable{{to, addresses}}}
}

// serial numbers the switches and cables of all tests: they lie in one
// namespace.
var serial atomic.Int64

// newSite starts hosts, all at once.
func newSite(t *testing.T, plans ...plan) *site {
	t.Helper()
	if why := bed.Lacks(); why != "" {
		cannot(t, why)
	}
	need(t, "ip")
	s := &site{t: t, hosts: map[string]*machine{}, switches: map[string]string{}}
	t.Cleanup(s.end)
	for _, p := range plans {
		for _, c := range p.cables {
			s.addSwitch(c.to)
		}
	}
	var g errgroup.Group
	for _, p := range plans {
		g.Go(func() error { return s.build(p) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) addSwitch(name string) {
	if s.switches[name] != "" {
		return
	}
	bridge := fmt.Sprintf("sw%d", serial.Add(1))
	s.switches[name] = bridge
	if err := bed.IP("link add "+bridge+" type bridge", "link set "+bridge+" up"); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) build(p plan) error {
	h, err := bed.Start(bed.Power{Name: p.name, Machine: fmt.Sprint(s.t.Name(), p.name)})
	if err != nil {
		return err
	}
	m := &machine{Host: h, site: s, ports: map[string]string{}}
	s.mu.Lock()
	s.hosts[p.name] = m
	s.mu.Unlock()
	for i, c := range p.cables {
		if err := m.plug(fmt.Sprintf("eth%d", i), c); err != nil {
			return err
		}
	}
	for i, r := range p.routes {
		p.routes[i] = "route add " + r
	}
	if len(p.routes) == 0 {
		return nil
	}
	return m.IP(p.routes...)
}

// plug joins the host to a switch.
func (m *machine) plug(device string, c cable) error {
	port := fmt.Sprintf("cable%d", serial.Add(1))
	m.ports[device] = port
	err := bed.IP(
		fmt.Sprintf("link add %s type veth peer name %s netns %d", port, device, m.PID()),
		fmt.Sprintf("link set %s master %s up", port, m.site.switches[c.to]),
	)
	if err != nil {
		return err
	}
	orders := []string{"link set " + device + " up"}
	for _, a := range c.addresses {
		if strings.Contains(a, ":") {
			a += " nodad"
		}
		orders = append(orders, "address add "+a+" dev "+device)
	}
	return m.IP(orders...)
}

// cut takes the host off the network, and mend puts it back.
func (m *machine) cut(t *testing.T)  { m.link(t, "down") }
func (m *machine) mend(t *testing.T) { m.link(t, "up") }

func (m *machine) link(t *testing.T, state string) {
	t.Helper()
	if err := bed.IP("link set " + m.ports["eth0"] + " " + state); err != nil {
		t.Fatal(err)
	}
}

// end stops everything, and shows what programs said if the test failed.
func (s *site) end() {
	for _, h := range s.hosts {
		h.Stop()
	}
	for _, b := range s.switches {
		_ = bed.IP("link del " + b)
	}
	if !s.t.Failed() {
		return
	}
	for _, p := range s.programs {
		s.t.Logf("%s\n%s", p, tail(p.Said()))
	}
}

// tail is the end of what a program said.
func tail(text string) string {
	const most = 1000
	return text[max(0, len(text)-most):]
}

// must ends the test on an error of the bed.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start runs a program on the host.
func (m *machine) start(path string, args []string, opts ...bed.Option) *bed.Program {
	m.site.t.Helper()
	p, err := m.Start(path, args, opts...)
	must(m.site.t, err)
	m.site.mu.Lock()
	m.site.programs = append(m.site.programs, p)
	m.site.mu.Unlock()
	return p
}

// puppet starts one on the host.
func (m *machine) puppet(name string, opts ...bed.Option) *bed.Puppet {
	m.site.t.Helper()
	p, err := m.Puppet(name, opts...)
	must(m.site.t, err)
	m.site.mu.Lock()
	m.site.programs = append(m.site.programs, p.Program)
	m.site.mu.Unlock()
	return p
}

// listens is a puppet that serves on addresses, as in "tcp 10.77.0.1:80".
func (m *machine) listens(name string, addresses ...string) *bed.Puppet {
	p := m.puppet(name)
	for _, a := range addresses {
		network, address, _ := strings.Cut(a, " ")
		_, err := p.Listen(network, address)
		must(m.site.t, err)
	}
	return p
}

// calls is a puppet that holds a connection to each address.
func (m *machine) calls(name string, addresses ...string) *bed.Puppet {
	p := m.puppet(name)
	calls(m.site.t, p, addresses...)
	return p
}

func calls(t testing.TB, p *bed.Puppet, addresses ...string) {
	t.Helper()
	for _, a := range addresses {
		network, address, _ := strings.Cut(a, " ")
		must(t, p.Dial(1, network, address))
	}
}

// reachable waits until TCP servers take connections from the host.
func (m *machine) reachable(addresses ...string) {
	m.site.t.Helper()
	for _, a := range addresses {
		eventually(m.site.t, a, func() error { return m.Reachable(m.site.t.Context(), a) })
	}
}

// dotm runs the command on the host.
func (m *machine) dotm(args ...string) *bed.Program {
	m.site.t.Helper()
	return m.start(os.Getenv(envBinary), args, bed.WithEnv("HOME=/run"))
}
