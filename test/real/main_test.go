//go:build linux

// Package realtest runs the real dotm beside real programs: nginx, redis,
// memcached, dnsmasq, and small clients and servers of its own. Every test has
// light hosts of its own, so that every service and every connection of the chart
// can be foretold, and nothing of the machine shows. Who isn't root can run most
// of them.
package realtest

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/collect/ssh"
	"github.com/devops-trouble-map/dotm/test/bed"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

func TestMain(m *testing.M) { os.Exit(bed.LightMain(stage.Prepare, m.Run)) }

const (
	interval = "200ms"          // how often dotm looks in these tests
	local    = "127.0.0.1:4849" // dotm's default address
	all      = "0.0.0.0:4849"   // where a server for others listens
)

// The addresses of two hosts that are joined, and of what the second one
// pretends to be.
const (
	webAddress  = "10.77.0.1"
	webAddress6 = "fd77::1"
	dbAddress   = "10.77.0.2"
	dbAddress6  = "fd77::2"
)

// outsiders are addresses of the second host that belong to no internal
// network (RFC 5737, RFC 3849): they stand for the Internet.
var outsiders = []string{"198.51.100.7", "198.51.100.8", "2001:db8:77::7"}

// stranger is a user who owns nothing. (nginx's worker is nobody, 65534.)
const stranger = 65533

// sudoLine lets the operator list sockets as root.
const sudoLine = stage.Operator + " " + ssh.SudoPrivilege

// host is one of these tests.
type host struct{ *stage.Host }

// newHost makes a host that has nothing but loopback.
func newHost(t *testing.T, name string) host {
	t.Helper()
	return host{stage.NewHost(t, name)}
}

// twoHosts makes web1 and db1, joined by a switch.
func twoHosts(t *testing.T) (web, db host) {
	t.Helper()
	s := stage.NewSite(
		t,
		stage.On("main", "web1", webAddress+"/24", webAddress6+"/64").Via("198.51.100.0/24 dev eth0", "2001:db8:77::/64 dev eth0"),
		stage.On("main", "db1", dbAddress+"/24", dbAddress6+"/64", "198.51.100.7/32", "198.51.100.8/32", "2001:db8:77::7/128"),
	)
	return host{s.Hosts["web1"]}, host{s.Hosts["db1"]}
}

// join is an address with a port.
func join(address string, port int) string { return net.JoinHostPort(address, strconv.Itoa(port)) }

// up starts dotm up on a data folder and waits until it shows its host.
func (h host) up(t *testing.T, data string, opts ...bed.Option) *stage.Server {
	t.Helper()
	d := h.Serve(t, local, []string{"up", "--data", data, "--interval", interval}, opts...)
	d.HeardOf(t, h.Name)
	return d
}

// reporter starts an agent that keeps its identity in a folder.
func (h host) reporter(t *testing.T, server, state string, args []string, opts ...bed.Option) *stage.Agent {
	t.Helper()
	return h.Agent(t, server, state, append([]string{"--interval", interval}, args...), opts...)
}

// output runs dotm with arguments that it must take: exit code 0, nothing on
// standard error.
func (h host) output(t *testing.T, args ...string) string {
	t.Helper()
	p := h.Dotm(t, args)
	if code := p.Wait(t); code != 0 || p.Err() != "" {
		t.Fatalf("dotm %s: exit code %d\n%s", strings.Join(args, " "), code, p.Err())
	}
	return p.Out()
}
