package scan

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/netns"
)

// rows are what a report must hold, exactly.
type rows struct {
	listeners   []report.Listener
	connections []report.Connection
}

// listens is the row of a listener of the peer; accepted and called are those of
// its connections.
func (p *peer) listens(proto report.Protocol, bound string) report.Listener {
	at := netip.MustParseAddrPort(bound)
	return report.Listener{Protocol: proto, Address: at.Addr(), Port: at.Port(), Process: p.name(), PID: p.pid(), User: "root"}
}

func dual(l report.Listener) report.Listener {
	l.Dual = true
	return l
}

func (p *peer) accepted(proto report.Protocol, bound, from string, count int) report.Connection {
	at := netip.MustParseAddrPort(bound)
	return report.Connection{
		Direction: report.In, Protocol: proto, Process: p.name(), PID: p.pid(), User: "root",
		Peer: netip.MustParseAddr(from), Port: at.Port(), Local: at.Addr(), Count: count,
	}
}

func (p *peer) called(proto report.Protocol, to string, count int) report.Connection {
	at := netip.MustParseAddrPort(to)
	return report.Connection{
		Direction: report.Out, Protocol: proto, Process: p.name(), PID: p.pid(), User: "root",
		Peer: at.Addr(), Port: at.Port(), Count: count,
	}
}

// lowPort counts clients' ports below the ephemeral ones; each serves once, for
// the kernel keeps it in TIME_WAIT.
var lowPort atomic.Int32

// stages sets up sockets, and says which rows they are.
var stages = map[string]func(t *testing.T) rows{
	"tcp4, one connection not yet accepted": func(t *testing.T) rows {
		server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
		server.do("listen", "tcp4", "127.0.0.1:8080")
		client.do("dial", "tcp4", "127.0.0.1:8080", 3)
		server.do("accept", 2)
		return rows{
			[]report.Listener{server.listens(report.TCP, "127.0.0.1:8080")},
			[]report.Connection{
				server.accepted(report.TCP, "127.0.0.1:8080", "127.0.0.1", 3),
				client.called(report.TCP, "127.0.0.1:8080", 3),
			},
		}
	},
	"tcp6": func(t *testing.T) rows {
		server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
		server.do("listen", "tcp6", "[::1]:8080")
		client.do("dial", "tcp6", "[::1]:8080", 2)
		server.do("accept", 2)
		return rows{
			[]report.Listener{server.listens(report.TCP, "[::1]:8080")},
			[]report.Connection{
				server.accepted(report.TCP, "[::1]:8080", "::1", 2),
				client.called(report.TCP, "[::1]:8080", 2),
			},
		}
	},
	"dual-stack listener with clients of both families": func(t *testing.T) rows {
		server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
		server.do("listen", "tcp", "[::]:8080")
		client.do("dial", "tcp4", "127.0.0.1:8080", 2)
		client.do("dial", "tcp6", "[::1]:8080", 1)
		server.do("accept", 3)
		return rows{
			[]report.Listener{dual(server.listens(report.TCP, "[::]:8080"))},
			[]report.Connection{
				server.accepted(report.TCP, "[::]:8080", "127.0.0.1", 2),
				server.accepted(report.TCP, "[::]:8080", "::1", 1),
				client.called(report.TCP, "127.0.0.1:8080", 2),
				client.called(report.TCP, "[::1]:8080", 1),
			},
		}
	},
	"one port, a process for each family": func(t *testing.T) rows {
		four, six, client := startPeer(t, "four", 0), startPeer(t, "six", 0), startPeer(t, "client", 0)
		four.do("listen", "tcp4", "0.0.0.0:8080")
		six.do("listen", "tcp6", "[::]:8080") // Go asks for IPV6_V6ONLY
		client.do("dial", "tcp4", "127.0.0.1:8080", 1)
		client.do("dial", "tcp6", "[::1]:8080", 1)
		return rows{
			[]report.Listener{four.listens(report.TCP, "0.0.0.0:8080"), six.listens(report.TCP, "[::]:8080")},
			[]report.Connection{
				four.accepted(report.TCP, "0.0.0.0:8080", "127.0.0.1", 1),
				six.accepted(report.TCP, "[::]:8080", "::1", 1),
				client.called(report.TCP, "127.0.0.1:8080", 1),
				client.called(report.TCP, "[::1]:8080", 1),
			},
		}
	},
	"closed by the client, not yet by the server": func(t *testing.T) rows {
		server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
		server.do("listen", "tcp4", "127.0.0.1:8080")
		client.do("dial", "tcp4", "127.0.0.1:8080", 1)
		server.do("accept", 1)
		client.do("close-write")
		return rows{
			[]report.Listener{server.listens(report.TCP, "127.0.0.1:8080")},
			[]report.Connection{server.accepted(report.TCP, "127.0.0.1:8080", "127.0.0.1", 1)},
		}
	},
	"server above all of its clients' ports": func(t *testing.T) rows {
		server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
		server.do("listen", "tcp4", "127.0.0.1:65001")
		client.do("dial", "tcp4", "127.0.0.1:65001", 2)
		server.do("accept", 2)
		return rows{
			[]report.Listener{server.listens(report.TCP, "127.0.0.1:65001")},
			[]report.Connection{
				server.accepted(report.TCP, "127.0.0.1:65001", "127.0.0.1", 2),
				client.called(report.TCP, "127.0.0.1:65001", 2),
			},
		}
	},
	"server among the ephemeral ports, client below them": func(t *testing.T) rows {
		server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
		server.do("listen", "tcp4", "127.0.0.1:50123")
		client.do("dial-from", "tcp4", "127.0.0.1:50123", fmt.Sprintf("127.0.0.1:%d", 700+lowPort.Add(1)))
		server.do("accept", 1)
		return rows{
			[]report.Listener{server.listens(report.TCP, "127.0.0.1:50123")},
			[]report.Connection{
				server.accepted(report.TCP, "127.0.0.1:50123", "127.0.0.1", 1),
				client.called(report.TCP, "127.0.0.1:50123", 1),
			},
		}
	},
	"udp, connected and not": func(t *testing.T) rows {
		server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
		server.do("packet", "udp4", "127.0.0.1:5353")
		server.do("packet", "udp", "[::]:514")
		client.do("dial", "udp4", "127.0.0.1:5353", 2)
		client.do("dial", "udp6", "[::1]:514", 1)
		client.do("packet", "udp4", "127.0.0.1:0") // a client: no service
		return rows{
			[]report.Listener{
				dual(server.listens(report.UDP, "[::]:514")),
				server.listens(report.UDP, "127.0.0.1:5353"),
			},
			[]report.Connection{
				client.called(report.UDP, "[::1]:514", 1),
				client.called(report.UDP, "127.0.0.1:5353", 2),
			},
		}
	},
	"two processes hold one listener": func(t *testing.T) rows {
		server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
		server.do("listen", "tcp4", "127.0.0.1:8080")
		server.do("fork", program(t, "worker"))
		client.do("dial", "tcp4", "127.0.0.1:8080", 1)
		return rows{
			[]report.Listener{server.listens(report.TCP, "127.0.0.1:8080")},
			[]report.Connection{
				server.accepted(report.TCP, "127.0.0.1:8080", "127.0.0.1", 1),
				client.called(report.TCP, "127.0.0.1:8080", 1),
			},
		}
	},
	"nobody is there": func(*testing.T) rows { return rows{} },
}

var methods = map[string]method{"sock_diag": methodAuto, "proc": methodProc}

// TestMultipath: connections of Multipath TCP (RFC 8684), whose sockets are not
// those that carry their packets, are those of their processes, and counted
// once.
func TestMultipath(t *testing.T) {
	ownNetwork(t)
	for name, m := range methods {
		t.Run(name, func(t *testing.T) {
			server, client := startPeer(t, "server", 0), startPeer(t, "client", 0)
			server.do("listen", "tcp4", "127.0.0.1:8080") // Go listens for both kinds
			if client.do("dial-mptcp", "127.0.0.1:8080") != "true" {
				netns.Cannot(t, "the kernel has no Multipath TCP")
			}
			server.do("accept", 1)
			client.do("dial-mptcp", "127.0.0.1:8080")
			r := look(t, newScanner(t, Options{sockets: m}))
			rows{
				[]report.Listener{server.listens(report.TCP, "127.0.0.1:8080")},
				[]report.Connection{
					server.accepted(report.TCP, "127.0.0.1:8080", "127.0.0.1", 2),
					client.called(report.TCP, "127.0.0.1:8080", 2),
				},
			}.compare(t, r)
		})
	}
}

// TestRows: sock_diag and /proc/net give the same rows.
func TestRows(t *testing.T) {
	ownNetwork(t)
	for stage, set := range stages {
		for name, m := range methods {
			t.Run(stage+"/"+name, func(t *testing.T) {
				want := set(t)
				s := newScanner(t, Options{sockets: m})
				r := look(t, s)
				want.compare(t, r)
				if r.Agent.Method != name {
					t.Errorf("method is %s, want %s", r.Agent.Method, name)
				}
				if r.Coverage.HiddenProcesses != 0 {
					t.Errorf("%d processes hidden, want none", r.Coverage.HiddenProcesses)
				}
				if refused := note(r, "no-sock-diag") != nil; refused != (m == methodProc) {
					t.Errorf("notes are %+v", r.Notes)
				}
			})
		}
	}
}

func newScanner(t testing.TB, o Options) *Scanner {
	t.Helper()
	o.noKernel = o.noKernel || withoutKernel()
	s, err := New(o)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	s.owners.Budget = 0 // whatever else runs on this host
	return s
}

// withoutKernel says whether this run of the tests does without eBPF.
func withoutKernel() bool { return os.Getenv(envOwners) == "walk" }

// look takes a look, and checks what is true of every report.
func look(t testing.TB, s *Scanner) *report.Report {
	t.Helper()
	r, err := s.Scan(context.Background())
	must(t, err)
	checkReport(t, r)
	return r
}

func checkReport(t testing.TB, r *report.Report) {
	t.Helper()
	complete := *r
	complete.Version = report.Version
	if err := complete.Validate(time.Now()); err != nil {
		t.Errorf("report is not valid: %v", err)
	}
	if r.Listeners == nil || r.Connections == nil || r.Interfaces == nil {
		t.Error("a list is nil: it would be null in JSON")
	}
	if r.Cost.WallMicros <= 0 || r.Cost.RSSBytes <= 0 {
		t.Errorf("cost is %+v", r.Cost)
	}
}

func (w rows) compare(t testing.TB, r *report.Report) {
	t.Helper()
	opts := cmp.Options{
		cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{}), cmpopts.EquateEmpty(),
		// Where the tests run is not theirs to say, and health is tested by itself.
		cmpopts.IgnoreFields(report.Listener{}, "Unit", "Container", "Queue", "QueueMax", "Drops"),
		cmpopts.IgnoreFields(report.Connection{}, "Unit", "Container", "Health"),
	}
	if d := cmp.Diff(w.listeners, r.Listeners, opts); d != "" {
		t.Errorf("listeners (-want +got):\n%s", d)
	}
	if d := cmp.Diff(w.connections, r.Connections, opts); d != "" {
		t.Errorf("connections (-want +got):\n%s", d)
	}
}

func note(r *report.Report, code string) *report.Note {
	for i := range r.Notes {
		if r.Notes[i].Code == code {
			return &r.Notes[i]
		}
	}
	return nil
}
