package agent

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/report"
)

var sameAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})

func in(namespace, container int, c report.Connection) report.Connection {
	c.Namespace, c.Container = namespace, container
	return c
}

// closed is a row that comes along from an older report.
func closed(c report.Connection) report.Connection { c.Count, c.PID = 0, 0; return c }

func TestLedger(t *testing.T) {
	web, db := report.Container{Name: "web", ID: "1"}, report.Container{Name: "db", ID: "2"}
	spaces := func(names ...string) (list []report.Namespace) {
		for _, n := range names {
			list = append(list, report.Namespace{Container: n})
		}
		return list
	}
	for _, tt := range []struct {
		name            string
		old, next, want report.Report
	}{
		{name: "nothing"},
		{
			name: "counters add up, the newer numbers stand",
			old:  report.Report{Connections: []report.Connection{out("curl", 1, 9, 3)}},
			next: report.Report{Connections: []report.Connection{out("curl", 1, 2, 4)}},
			want: report.Report{Connections: []report.Connection{out("curl", 1, 2, 7)}},
		},
		{
			name: "rows that are gone come along closed",
			old:  report.Report{Connections: []report.Connection{out("curl", 1, 9, 3), out("curl", 2, 1, 1)}},
			next: report.Report{Connections: []report.Connection{out("curl", 3, 1, 0)}},
			want: report.Report{Connections: []report.Connection{out("curl", 3, 1, 0), closed(out("curl", 1, 0, 3)), closed(out("curl", 2, 0, 1))}},
		},
		{
			name: "rows that opened nothing don't",
			old:  report.Report{Connections: []report.Connection{out("curl", 1, 9, 0)}},
			next: report.Report{Connections: []report.Connection{out("curl", 2, 1, 1)}},
			want: report.Report{Connections: []report.Connection{out("curl", 2, 1, 1)}},
		},
		{
			name: "processes stay apart",
			old:  report.Report{Connections: []report.Connection{out("wget", 1, 1, 5)}},
			next: report.Report{Connections: []report.Connection{out("curl", 1, 1, 1)}},
			want: report.Report{Connections: []report.Connection{out("curl", 1, 1, 1), closed(out("wget", 1, 0, 5))}},
		},
		{
			name: "a namespace keeps its rows when others come before it",
			old:  report.Report{Namespaces: spaces("web"), Connections: []report.Connection{in(1, 0, out("curl", 1, 1, 3))}},
			next: report.Report{Namespaces: spaces("cache", "web"), Connections: []report.Connection{in(1, 0, out("curl", 1, 1, 1)), in(2, 0, out("curl", 1, 1, 2))}},
			want: report.Report{Namespaces: spaces("cache", "web"), Connections: []report.Connection{in(1, 0, out("curl", 1, 1, 1)), in(2, 0, out("curl", 1, 1, 5))}},
		},
		{
			name: "a namespace that is gone comes back with what happened in it",
			old:  report.Report{Namespaces: []report.Namespace{{Container: "job", Addresses: []netip.Addr{netip.MustParseAddr("172.17.0.2")}}}, Connections: []report.Connection{in(1, 0, out("curl", 1, 1, 3))}},
			next: report.Report{Namespaces: spaces("cache")},
			want: report.Report{Namespaces: spaces("cache", "job"), Connections: []report.Connection{closed(in(2, 0, out("curl", 1, 0, 3)))}},
		},
		{
			name: "containers keep their rows, also those that are gone",
			old:  report.Report{Containers: []report.Container{web, {Name: "gone"}}, Connections: []report.Connection{in(0, 1, out("curl", 1, 1, 3)), in(0, 2, out("curl", 2, 1, 2))}},
			next: report.Report{Containers: []report.Container{db, web}, Connections: []report.Connection{in(0, 2, out("curl", 1, 4, 1))}},
			want: report.Report{Containers: []report.Container{db, web, {Name: "gone"}}, Connections: []report.Connection{in(0, 2, out("curl", 1, 4, 4)), closed(in(0, 3, out("curl", 2, 0, 2)))}},
		},
		{
			name: "drops of listeners that are there",
			old:  report.Report{Listeners: []report.Listener{{Port: 80, Process: "nginx", Drops: 3}, {Port: 81, Drops: 2}}},
			next: report.Report{Listeners: []report.Listener{{Port: 80, Process: "nginx", Drops: 4}, {Port: 82}}},
			want: report.Report{Listeners: []report.Listener{{Port: 80, Process: "nginx", Drops: 7}, {Port: 82}}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var l ledger
			l.take(&tt.old)
			l.take(&tt.next)
			for _, c := range tt.old.Connections {
				if c.Tried() || c.Idle() {
					t.Errorf("left in the old report: %+v", c)
				}
			}
			l.fill(&tt.next, 10)
			if diff := cmp.Diff(tt.want, tt.next, sameAddresses, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !l.empty() {
				t.Errorf("left in the ledger: %+v", l)
			}
		})
	}
}

// TestLedgerKeepsHealth: what sockets wait for is no counter, and stays with the
// report.
func TestLedgerKeepsHealth(t *testing.T) {
	c := out("curl", 1, 0, 0)
	c.TimedOut, c.Health = 1, &report.Health{Connecting: 1, ConnectingMS: 3000}
	r := report.Report{Connections: []report.Connection{c}}
	var l ledger
	l.take(&r)
	c.TimedOut = 0
	if diff := cmp.Diff([]report.Connection{c}, r.Connections, sameAddresses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLedgerFillsByAndBy: a report brings along what it has room for.
func TestLedgerFillsByAndBy(t *testing.T) {
	var l ledger
	old := report.Report{}
	for n := range byte(10) {
		old.Connections = append(old.Connections, out("curl", n, 0, 1))
	}
	l.take(&old)
	var peers []string
	for range 3 {
		next := report.Report{Connections: []report.Connection{out("curl", 200, 1, 0)}}
		l.fill(&next, 4)
		for _, c := range next.Connections[1:] {
			peers = append(peers, c.Peer.String())
		}
	}
	if len(peers) != 10 || !l.empty() {
		t.Errorf("%v", peers)
	}
	for i, p := range peers {
		if want := fmt.Sprintf("10.0.0.%d", i); p != want {
			t.Errorf("%d: %s, want %s", i, p, want)
		}
	}
}
