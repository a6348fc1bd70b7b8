package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

func nodeName(i int) string {
	return fmt.Sprintf("%s%04d", []string{"web", "app", "db", "cache", "queue"}[i%5], i)
}

func address(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255) }

// block is a node with four services and its connections.
func (g *site) block(i int) *topology.Block {
	name := nodeName(i)
	b := &topology.Block{Node: topology.Node{
		Name: name, Kind: topology.Host, State: topology.Reporting, Verdict: topology.NoVerdict, Agent: "1.0.0", Collect: "agent",
		Addresses: []netip.Addr{netip.MustParseAddr(address(i))}, FirstSeen: g.begin, LastReport: g.begin, Interval: topology.Duration(10 * time.Second),
		Identity: fmt.Sprintf("machine:%032x", i), Instance: fmt.Sprintf("i%06d", i),
	}}
	for _, port := range []uint16{22, 443, 80, 9100} {
		b.Services = append(b.Services, topology.Service{
			ID: topology.ServiceID(name, "tcp", port, netip.Addr{}), Node: name, Protocol: "tcp", Port: port, Process: "nginx", User: "www-data",
			Addresses: []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}, State: topology.Listening, Verdict: topology.NoVerdict,
			Unit: "nginx.service", FirstSeen: g.begin, LastSeen: g.begin,
		})
	}
	slices.SortFunc(b.Services, func(x, y topology.Service) int { return strings.Compare(x.ID, y.ID) })
	for range g.Connections {
		b.Connections = append(b.Connections, g.connection(i))
	}
	slices.SortFunc(b.Connections, func(x, y *topology.Connection) int { return strings.Compare(x.ID, y.ID) })
	return b
}

// connection is a new one of node i to any other; each has its own id.
func (g *site) connection(i int) *topology.Connection {
	to := g.rng.IntN(g.Nodes)
	server, port := nodeName(to), uint16(5000+g.rng.IntN(50))
	g.next++
	c := &topology.Connection{
		Client:   topology.Client{Node: nodeName(i), Process: fmt.Sprintf("worker%d", g.next%9), Service: nodeName(i) + "~tcp~443"},
		Server:   topology.Server{Node: server, Port: port, Service: fmt.Sprintf("%s~tcp~%d", server, port)},
		Protocol: "tcp", Directed: true, Status: topology.Fresh, FirstSeen: g.now, LastSeen: g.now, LastConnection: g.now,
		Evidence: topology.Evidence{
			BothEnds: true, Confirmed: true, SeenBy: []topology.Sighting{{Node: nodeName(i), End: "client", At: g.now}, {Node: server, End: "server", At: g.now}},
			ClientAddress: address(i), ServerAddress: address(to), ClientResolved: "reported by the client", ServerResolved: "address of " + server,
		},
	}
	c.ID = fmt.Sprintf("%016x", uint64(g.next)*0x9e3779b97f4a7c15) // another one each time
	g.count(c)
	return c
}

// count changes the numbers of a connection.
func (g *site) count(c *topology.Connection) {
	c.Count = 1 + g.rng.IntN(20)
	c.Opened += uint64(g.rng.IntN(50))
	c.Health = &topology.Health{
		End: "client", RTT: uint64(100 + 10*g.rng.IntN(90)), RTTVar: uint64(10 * g.rng.IntN(90)),
		Sent: uint64(100 * g.rng.IntN(99)), Received: uint64(100 * g.rng.IntN(99)),
	}
}

// rss is the process's resident memory, see proc_pid_statm(5).
func rss() int64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// cpu is what the process has used of processors so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
