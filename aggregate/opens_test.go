package aggregate

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
