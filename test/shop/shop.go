// Package shop makes reports and topologies for tests: of any hosts, and of a small shop.
package shop

import (
	"net/netip"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Noon is when the first report of [Applied] comes.
var Noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Report is one in the making.
type Report struct{ *report.Report }

// Host is what a host with one address in a /24 reports, of which nothing is known yet.
func Host(name, address string) Report {
	return Report{&report.Report{
		Version: report.Version, Sequence: 1, Time: time.Now().UTC(), IntervalMS: 10_000,
		Node:        report.Node{Name: name, Identity: report.Identity{Kind: report.IdentityMachine, Value: name}},
		Agent:       report.Agent{Version: "1.2.3", Method: "sock_diag"},
		Interfaces:  []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr(address), 24)}}},
		Listeners:   []report.Listener{},
		Connections: []report.Connection{},
	}}
}

// Listen adds a process that listens on all addresses.
func (r Report) Listen(process string, port uint16) Report {
	r.Listeners = append(r.Listeners, report.Listener{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: port, Process: process})
	return r
}

// Own adds a listener that is dotm's own.
func (r Report) Own(process string, port uint16) Report {
	r.Listen(process, port).Listeners[len(r.Listeners)-1].Own = true
	return r
}

// Out adds two connections that are open to a peer.
func (r Report) Out(process, peer string, port uint16) Report {
	r.Connections = append(r.Connections, report.Connection{
		Direction: report.Out, Protocol: report.TCP, Process: process, Peer: netip.MustParseAddr(peer), Port: port, Count: 2, Opened: 3,
	})
	return r
}

// In adds a connection that a peer opened.
func (r Report) In(peer string, port uint16) Report {
	r.Connections = append(r.Connections, report.Connection{
		Direction: report.In, Protocol: report.TCP, Peer: netip.MustParseAddr(peer), Local: netip.IPv4Unspecified(), Port: port, Count: 1, Opened: 1,
	})
	return r
}

// ways is how topologies are made of reports.
var ways = aggregate.Options{Ageing: 5 * time.Minute, StaleAfter: time.Minute}

// Applied is the topology after reports, one second apart, the first at noon.
func Applied(reports ...Report) *topology.Snapshot {
	snap := topology.Empty(topology.Revision{Epoch: "e"}, Noon)
	for i, r := range reports {
		at := Noon.Add(time.Duration(i) * time.Second)
		r.Time = at
		snap = aggregate.Apply(snap, r.Report, at, ways)
	}
	return snap
}

// Aged is a snapshot so much later, nothing having been heard meanwhile but
// that all is quiet.
func Aged(snap *topology.Snapshot, by time.Duration, r Report) *topology.Snapshot {
	at := snap.At().Add(by)
	r.Time = at
	b := aggregate.Begin(snap, ways)
	b.Report(r.Report, at)
	b.Age(at)
	return b.Commit(at)
}

// Reports are of a web server that calls a database, a payment provider and a cache
// that doesn't report; people and an administrator call it.
func Reports() []Report {
	return []Report{
		Host("web", "10.0.0.1").Listen("nginx", 80).Listen("sshd", 22).Own("dotm", 4849).
			Out("nginx", "10.0.0.2", 5432).Out("nginx", "8.8.8.8", 443).Out("php", "10.0.0.9", 6379).
			In("203.0.113.7", 80).In("10.0.0.50", 22),
		Host("db", "10.0.0.2").Listen("postgres", 5432).In("10.0.0.1", 5432),
	}
}
