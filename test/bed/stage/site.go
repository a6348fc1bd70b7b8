//go:build linux

package stage

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// Site is one test's hosts with the networks between them.
type Site struct {
	// Hosts are those that are on, by name.
	Hosts    map[string]*Host
	mu       sync.Mutex
	switches map[string]string
}

// Cable joins a host to a switch.
type Cable struct {
	To        string // the switch's name
	Addresses []string
}

// Plan is what a host is made of.
type Plan struct {
	Name   string
	Cables []Cable  // eth0, eth1 and so on
	Routes []string // as ip-route(8) takes them
}

// On is a host with one cable.
func On(to, name string, addresses ...string) Plan {
	return Plan{Name: name, Cables: []Cable{{to, addresses}}}
}

// And is the host with one more cable.
func (p Plan) And(to string, addresses ...string) Plan {
	p.Cables = append(slices.Clip(p.Cables), Cable{to, addresses})
	return p
}

// Via is the host with routes.
func (p Plan) Via(routes ...string) Plan {
	p.Routes = append(slices.Clip(p.Routes), routes...)
	return p
}

// serial numbers the switches and cables of all tests: they lie in one
// namespace.
var serial atomic.Int64

// NewSite starts hosts, all at once.
func NewSite(t testing.TB, plans ...Plan) *Site {
	t.Helper()
	if why := bed.Lacks(); why != "" {
		Cannot(t, why)
	}
	Need(t, "ip")
	s := &Site{Hosts: map[string]*Host{}, switches: map[string]string{}}
	for _, p := range plans {
		for _, c := range p.Cables {
			s.addSwitch(t, c.To)
		}
	}
	var g errgroup.Group
	for _, p := range plans {
		g.Go(func() error { return s.build(t, p) })
	}
	Must(t, g.Wait())
	return s
}

// Add starts one more host, or one anew that lost its power.
func (s *Site) Add(t testing.TB, p Plan) *Host {
	t.Helper()
	Must(t, s.build(t, p))
	return s.Hosts[p.Name]
}

func (s *Site) addSwitch(t testing.TB, name string) {
	if s.switches[name] != "" {
		return
	}
	bridge := fmt.Sprintf("sw%d", serial.Add(1))
	s.switches[name] = bridge
	Must(t, bed.IP("link add "+bridge+" type bridge", "link set "+bridge+" up"))
	t.Cleanup(func() { _ = bed.IP("link del " + bridge) })
}

func (s *Site) build(t testing.TB, p Plan) error {
	h, err := start(t, p.Name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.Hosts[p.Name] = h
	s.mu.Unlock()
	for i, c := range p.Cables {
		if err := h.plug(fmt.Sprintf("eth%d", i), s.switches[c.To], c.Addresses); err != nil {
			return err
		}
	}
	var routes []string
	for _, r := range p.Routes {
		routes = append(routes, "route add "+r)
	}
	if len(routes) == 0 {
		return nil
	}
	return h.Host.IP(routes...)
}

// plug joins the host to a switch.
func (h *Host) plug(device, bridge string, addresses []string) error {
	port := fmt.Sprintf("cable%d", serial.Add(1))
	h.ports[device] = port
	err := bed.IP(
		fmt.Sprintf("link add %s type veth peer name %s netns %d", port, device, h.PID()),
		fmt.Sprintf("link set %s master %s up", port, bridge),
	)
	if err != nil {
		return err
	}
	orders := []string{"link set " + device + " up"}
	for _, a := range addresses {
		if strings.Contains(a, ":") {
			a += " nodad"
		}
		orders = append(orders, "address add "+a+" dev "+device)
	}
	return h.Host.IP(orders...)
}

// Cut takes the host off the network, and Mend puts it back.
func (h *Host) Cut(t testing.TB) { h.link(t, "down") }

// Mend undoes [Host.Cut].
func (h *Host) Mend(t testing.TB) { h.link(t, "up") }

func (h *Host) link(t testing.TB, state string) {
	t.Helper()
	Must(t, bed.IP("link set "+h.ports["eth0"]+" "+state))
}

// Container is a puppet on the host with a network of its own, which hangs on a
// bridge of the host under an address with its network.
func (h *Host) Container(t testing.TB, name, bridge, address string) *Puppet {
	t.Helper()
	p := h.Puppet(t, name, bed.Contained())
	c, err := h.Host.Container(p.Program)
	Must(t, err)
	t.Cleanup(c.Stop)
	port := fmt.Sprintf("cable%d", serial.Add(1))
	Must(t, bed.IP(fmt.Sprintf("link add %s netns %d type veth peer name eth0 netns %d", port, h.PID(), c.PID())))
	h.IP(t, "link set "+port+" master "+bridge+" up")
	Must(t, c.IP("address add "+address+" dev eth0", "link set eth0 up"))
	return p
}
