package fold

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/report"
)

func TestOpens(t *testing.T) {
	listener := Socket{Protocol: report.TCP, State: Listen, Local: netip.MustParseAddrPort("0.0.0.0:80"), Owner: &Owner{PID: 8, Process: "nginx", User: "root"}}
	call := Socket{
		Protocol: report.TCP, State: Established, Cookie: 5,
		Local: netip.MustParseAddrPort("10.0.0.1:40000"), Remote: netip.MustParseAddrPort("10.0.0.9:5432"),
		Owner: &Owner{PID: 7, Process: "app", User: "web"},
	}
	active := func(process, user string, opened, refused uint64) Open {
		return Open{Active: true, Peer: netip.MustParseAddr("10.0.0.9"), Port: 5432, Owner: Owner{Process: process, User: user}, Opened: opened, Refused: refused}
	}
	passive := Open{Peer: netip.MustParseAddr("10.0.0.3"), Port: 80, Local: netip.MustParseAddr("10.0.0.1"), Opened: 9}
	for _, tt := range []struct {
		name    string
		sockets []Socket
		edges   []Open
		want    []string
	}{
		{"adds to the row of the process", []Socket{call}, []Open{active("app", "web", 3, 0)}, []string{"out app@web 10.0.0.9:5432 open 1 opened 3"}},
		{"another user's process of the name", []Socket{call}, []Open{active("app", "other", 3, 0)}, []string{"out app@web 10.0.0.9:5432 open 1 opened 3"}},
		{"another process is another row", []Socket{call}, []Open{active("curl", "web", 2, 0)}, []string{"out app@web 10.0.0.9:5432 open 1 opened 0", "out curl@web 10.0.0.9:5432 open 0 opened 2"}},
		{"a process that slipped away, one row", []Socket{call}, []Open{active("", "", 2, 0)}, []string{"out app@web 10.0.0.9:5432 open 1 opened 2"}},
		{"a process that slipped away, no row", nil, []Open{active("", "web", 2, 0)}, []string{"out @web 10.0.0.9:5432 open 0 opened 2"}},
		{"attempts that came to nothing", nil, []Open{active("app", "web", 0, 4)}, []string{"out app@web 10.0.0.9:5432 open 0 opened 0 refused 4"}},
		{"accepted ones are the listener's", []Socket{listener}, []Open{passive}, []string{"in nginx@root 10.0.0.3:80 via 0.0.0.0 open 0 opened 9"}},
		{"accepted by one that is gone", nil, []Open{passive}, []string{"in @ 10.0.0.3:80 via 10.0.0.1 open 0 opened 9"}},
		{"the same edge twice", nil, []Open{active("app", "web", 1, 0), active("app", "web", 2, 1)}, []string{"out app@web 10.0.0.9:5432 open 0 opened 3 refused 1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFolder()
			f.Fold(thisHost, nil, &Opens{})
			look := f.Fold(thisHost, tt.sockets, &Opens{Edges: tt.edges})
			var got []string
			for _, c := range look.Connections {
				got = append(got, openLine(&c))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func openLine(c *report.Connection) string {
	s := fmt.Sprintf("%s %s@%s %s:%d", c.Direction, c.Process, c.User, c.Peer, c.Port)
	if c.Local.IsValid() {
		s += " via " + c.Local.String()
	}
	s += fmt.Sprintf(" open %d opened %d", c.Count, c.Opened)
	if c.Refused > 0 {
		s += fmt.Sprintf(" refused %d", c.Refused)
	}
	return s
}

// TestOpensReplaceCookies: what the kernel counts is not counted again from
// sockets that are seen for the first time; UDP sockets it doesn't count.
func TestOpensReplaceCookies(t *testing.T) {
	f := NewFolder()
	f.Fold(thisHost, nil, &Opens{})
	look := f.Fold(thisHost, []Socket{
		{Protocol: report.TCP, State: Established, Cookie: 1, Local: netip.MustParseAddrPort("10.0.0.1:40000"), Remote: netip.MustParseAddrPort("10.0.0.9:5432")},
		{Protocol: report.UDP, State: Established, Cookie: 2, Local: netip.MustParseAddrPort("10.0.0.1:40000"), Remote: netip.MustParseAddrPort("10.0.0.9:53")},
	}, &Opens{})
	for _, c := range look.Connections {
		if want := map[report.Protocol]uint64{report.TCP: 0, report.UDP: 1}[c.Protocol]; c.Opened != want {
			t.Errorf("%s: opened %d, want %d", c.Protocol, c.Opened, want)
		}
	}
}

// TestOpensFindTheirRow: an edge that the kernel counted belongs to the row of
// the same process, else to one of the same place, and is a row of its own only
// where there is none.
func TestOpensFindTheirRow(t *testing.T) {
	at := func(cookie uint64, unit string, box int) Socket {
		s := called(cookie, "php")
		s.Owner = &Owner{PID: 9, Process: "php", User: "u", Unit: unit, Container: box}
		return s
	}
	edge := func(o Owner) Open {
		return Open{Active: true, Peer: netip.MustParseAddr("10.0.0.9"), Port: 80, Owner: o, Opened: 2}
	}
	service := func(o Open) Open { // what address translation makes of a call of 10.0.0.9:80
		o.Via = netip.AddrPortFrom(o.Peer, o.Port)
		o.Peer, o.Port = netip.MustParseAddr("172.17.0.2"), 8080
		return o
	}
	php := Owner{Process: "php", User: "u"}
	inUnit, inBox := php, php
	inUnit.Unit, inBox.Container = "b.service", 2
	translated := really("172.17.0.2:8080", at(1, "", 0))
	for _, tt := range []struct {
		name    string
		sockets []Socket
		edges   []Open
		want    []string
	}{
		{"of its unit", []Socket{at(1, "a.service", 0), at(2, "b.service", 0)}, []Open{edge(inUnit)}, []string{"out php 10.0.0.9:80 x1 unit a.service", "out php 10.0.0.9:80 x1 opened 2 unit b.service"}},
		{"of its container", []Socket{at(1, "", 1), at(2, "", 2)}, []Open{edge(inBox)}, []string{"out php 10.0.0.9:80 x1 box 1", "out php 10.0.0.9:80 x1 opened 2 box 2"}},
		{"unit not known", []Socket{at(1, "b.service", 0), at(2, "a.service", 0)}, []Open{edge(php)}, []string{"out php 10.0.0.9:80 x1 opened 2 unit a.service", "out php 10.0.0.9:80 x1 unit b.service"}},
		{"of a unit without sockets", []Socket{at(1, "a.service", 0)}, []Open{edge(inUnit)}, []string{"out php 10.0.0.9:80 x1 opened 2 unit a.service"}},
		{"nobody's, several rows", []Socket{at(1, "b.service", 0), called(2, "curl")}, []Open{edge(nobody)}, []string{"out curl 10.0.0.9:80 x1 opened 2", "out php 10.0.0.9:80 x1 unit b.service"}},
		{"nobody's, before one with a name", nil, []Open{edge(nobody), edge(php)}, []string{"out php 10.0.0.9:80 x0 opened 4"}},
		{"nobody's twice", nil, []Open{edge(Owner{User: "u"}), edge(Owner{User: "v"})}, []string{"out  10.0.0.9:80 x0 opened 4"}},
		{"keeps its unit and container", nil, []Open{edge(Owner{Process: "php", Unit: "a.service", Container: 1})}, []string{"out php 10.0.0.9:80 x0 opened 2 unit a.service box 1"}},
		{"to another namespace's peer", []Socket{inNamespace(1, called(1, "php"))}, []Open{edge(php)}, []string{"out php 10.0.0.9:80 x0 opened 2", "1: out php 10.0.0.9:80 x1"}},
		{"translated, its row", []Socket{translated}, []Open{service(edge(php))}, []string{"out php 172.17.0.2:8080 x1 opened 2 via 10.0.0.9:80"}},
		{"translated, no row", nil, []Open{service(edge(php))}, []string{"out php 172.17.0.2:8080 x0 opened 2 via 10.0.0.9:80"}},
		{"as it was called", []Socket{translated}, []Open{edge(php)}, []string{"out php 172.17.0.2:8080 x1 opened 2 via 10.0.0.9:80"}},
		{"as it was called, nobody's", []Socket{translated}, []Open{edge(nobody)}, []string{"out php 172.17.0.2:8080 x1 opened 2 via 10.0.0.9:80"}},
		{"as it was called, without sockets", nil, []Open{service(edge(php)), edge(nobody)}, []string{"out php 172.17.0.2:8080 x0 opened 4 via 10.0.0.9:80"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFolder()
			f.Fold(thisHost, nil, &Opens{})
			got := counted(f.Fold(thisHost, tt.sockets, &Opens{Edges: tt.edges}))
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestOpensAddUp: every counter of an edge is added, and only those.
func TestOpensAddUp(t *testing.T) {
	f := NewFolder()
	f.Fold(thisHost, []Socket{called(7, "curl")}, &Opens{})
	e := Open{Active: true, Peer: netip.MustParseAddr("10.0.0.9"), Port: 80, Owner: Owner{Process: "curl", User: "u"}, Opened: 1, Refused: 2, TimedOut: 3, Failed: 4}
	f.Fold(thisHost, []Socket{called(7, "curl")}, &Opens{Edges: []Open{e}}) // told, and forgotten
	c := f.Fold(thisHost, []Socket{called(7, "curl")}, &Opens{Edges: []Open{e, e}}).Connections[0]
	if c.Count != 1 || c.PID != 7 || c.Opened != 2 || c.Refused != 4 || c.TimedOut != 6 || c.Failed != 8 {
		t.Errorf("got %+v", c)
	}
}
