package look

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/report"
)

// lines gives the connections of a section as they are read, with their counts.
func lines(s *section) (list []string) {
	p := (&Scan{}).newPage(table.Screen{})
	for _, e := range s.edges {
		list = append(list, fmt.Sprintf("%c %s ×%d", e.mark, p.edgeCell(e).Text, e.Count))
	}
	return list
}

// in and out are connections with little to them.
func in(process string, port uint16, peer string, count int) report.Connection {
	return report.Connection{
		Direction: report.In, Protocol: report.TCP, Process: process, Port: port, Peer: addr(peer), Local: addr("0.0.0.0"), Count: count,
	}
}

func out(process, peer string, port uint16, count int) report.Connection {
	return report.Connection{Direction: report.Out, Protocol: report.TCP, Process: process, Peer: addr(peer), Port: port, Count: count}
}

func between(process, peer string, local, remote uint16) report.Connection {
	return report.Connection{
		Direction: report.Unknown, Protocol: report.UDP, Process: process, Peer: addr(peer), LocalPort: local, Port: remote, Count: 1,
	}
}

// finished arranges rows of one namespace as they are printed.
func finished(wide bool, rows ...report.Connection) *section {
	s := arrange(&report.Report{Connections: rows}, wide)[0]
	s.finish(wide)
	return s
}

func TestOrder(t *testing.T) {
	checkRows(
		t, lines(finished(
			false,
			out("", "10.0.0.1", 1, 1), out("b", "10.0.0.2", 80, 1), out("b", "10.0.0.1", 443, 1), out("b", "10.0.0.1", 80, 1),
			between("b", "10.0.0.1", 5, 6), in("b", 443, "10.0.0.1", 1), in("b", 80, "10.0.0.9", 1), in("b", 80, "10.0.0.1", 1),
			in("a", 9, "2001:db8::1", 1), in("a", 9, "192.0.2.1", 1),
		)),
		"  a:9 ← 192.0.2.1 ×1",
		"  a:9 ← 2001:db8::1 ×1",
		"  b:80 ← 10.0.0.1 ×1",
		"  b:80 ← 10.0.0.9 ×1",
		"  b:443 ← 10.0.0.1 ×1",
		"  b → 10.0.0.1:80 ×1",
		"  b → 10.0.0.1:443 ×1",
		"  b → 10.0.0.2:80 ×1",
		"  b:5 — 10.0.0.1:6 ×1",
		"  (hidden) → 10.0.0.1:1 ×1",
	)
}

// TestOrderIsStable: the order of a report's rows doesn't show.
func TestOrderIsStable(t *testing.T) {
	r := shop()
	want := lines(finishedReport(r))
	for range 20 {
		rand.Shuffle(len(r.Listeners), func(i, j int) { r.Listeners[i], r.Listeners[j] = r.Listeners[j], r.Listeners[i] })
		// Rows that look alike come one after the other in every report.
		slices.SortFunc(r.Connections, func(a, b report.Connection) int { return strings.Compare(a.User, b.User) })
		slices.SortStableFunc(r.Connections, func(a, b report.Connection) int { return strings.Compare(b.Process, a.Process) })
		slices.SortStableFunc(r.Connections, func(a, b report.Connection) int { return a.Peer.Compare(b.Peer) })
		slices.SortStableFunc(r.Connections, func(a, b report.Connection) int { return int(a.Port) - int(b.Port) })
		if got := lines(finishedReport(r)); !slices.Equal(got, want) {
			t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func finishedReport(r *report.Report) *section {
	s := arrange(r, false)[0]
	s.finish(false)
	return s
}

// TestMerge: rows that would look alike are one, unless the table is wide.
func TestMerge(t *testing.T) {
	a, b, c := out("app", "10.0.0.1", 80, 1), out("app", "10.0.0.1", 80, 2), out("app", "10.0.0.1", 80, 4)
	a.User, b.User, c.User = "alice", "bob", "carol"
	b.Opened, b.Refused, b.TimedOut, b.Failed = 1, 2, 3, 4
	a.Health = &report.Health{Measured: 1, RTT: 100, RTTVar: 10, Segments: 5, Retransmits: 1, Sent: 10, CloseWait: 1, CloseWaitMS: 5000}
	c.Health = &report.Health{Measured: 3, RTT: 200, RTTVar: 30, Segments: 7, Received: 9, Connecting: 2, ConnectingMS: 70, CloseWait: 1, CloseWaitMS: 9}
	rows := []report.Connection{a, b, c}
	s := finished(false, rows...)
	checkRows(t, lines(s), "  app → 10.0.0.1:80 ×7")
	got := *s.edges[0].Connection
	want := a
	want.Count, want.Opened, want.Refused, want.TimedOut, want.Failed = 7, 1, 2, 3, 4
	want.Health = &report.Health{
		Measured: 4, RTT: 175, RTTVar: 25, Segments: 12, Retransmits: 1, Sent: 10, Received: 9,
		Connecting: 2, ConnectingMS: 70, CloseWait: 2, CloseWaitMS: 5000,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v with %+v\nwant %+v with %+v", got, got.Health, want, want.Health)
	}
	if !reflect.DeepEqual(rows[0], a) || a.Health.Measured != 1 {
		t.Error("the report was changed")
	}
	checkRows(
		t, lines(finished(true, rows...)),
		"  app → 10.0.0.1:80 ×1", "  app → 10.0.0.1:80 ×2", "  app → 10.0.0.1:80 ×4",
	)
	b.Health, c.Health, a.Health = c.Health, nil, nil
	if got := finished(false, a, b, c).edges[0].Health; got == nil || got.RTT != 200 || got.Measured != 3 {
		t.Errorf("health of one row of three is %+v", got)
	}
}

// TestPlaces: processes of one name are told apart by where they run.
func TestPlaces(t *testing.T) {
	a, b, c, d := out("python3", "10.0.0.1", 80, 1), out("python3", "10.0.0.1", 80, 2), out("nginx", "10.0.0.1", 80, 4), out("python3", "10.0.0.2", 80, 8)
	a.Unit, b.Container, c.Unit = "a.service", 1, "nginx.service"
	r := &report.Report{Connections: []report.Connection{c, a, b, d}, Containers: []report.Container{{Name: "batch", Pod: "night"}}}
	s := arrange(r, false)[0]
	s.finish(false)
	checkRows(
		t, lines(s),
		"  nginx → 10.0.0.1:80 ×4",
		"  python3 → 10.0.0.2:80 ×8",
		"  python3 [a.service] → 10.0.0.1:80 ×1",
		"  python3 [night/batch] → 10.0.0.1:80 ×2",
	)
	s = arrange(r, true)[0]
	s.finish(true)
	if got := strings.Join(lines(s), "\n"); strings.Contains(got, "[") {
		t.Errorf("a wide table has columns for this:\n%s", got)
	}
}

// TestClients: the clients of a service are those that came in by its address.
func TestClients(t *testing.T) {
	any4, own := netip.IPv4Unspecified(), addr("192.0.2.1")
	at := func(local netip.Addr, port uint16, namespace, count int) report.Connection {
		c := in("x", port, "10.0.0.1", count)
		c.Local, c.Namespace = local, namespace
		return c
	}
	r := &report.Report{
		Namespaces: []report.Namespace{{Container: "box"}},
		Listeners: []report.Listener{
			{Protocol: report.TCP, Address: any4, Port: 80},
			{Protocol: report.TCP, Address: own, Port: 80},
			{Protocol: report.TCP, Address: any4, Port: 81},
			{Protocol: report.UDP, Address: any4, Port: 80},
			{Protocol: report.TCP, Address: any4, Port: 80, Namespace: 1},
		},
		Connections: []report.Connection{
			at(any4, 80, 0, 1), at(own, 80, 0, 2), at(any4, 80, 0, 4), at(any4, 82, 0, 8), at(any4, 80, 1, 16), out("x", "10.0.0.1", 80, 32),
			{Direction: report.In, Protocol: report.TCP, Process: "x", Port: 80, Peer: own, Count: 64}, // nobody listens any more
		},
	}
	var got []string
	for _, s := range arrange(r, false) {
		s.finish(false)
		for _, v := range s.services {
			got = append(got, fmt.Sprintf("%s %s %s:%d %d", s.name, v.Protocol, v.Address, v.Port, v.clients))
		}
	}
	checkRows(t, got, " tcp 0.0.0.0:80 5", " tcp 192.0.2.1:80 2", " udp 0.0.0.0:80 0", " tcp 0.0.0.0:81 0", "box tcp 0.0.0.0:80 16")
}

// TestFold: of many peers the table shows those in trouble, then the busiest,
// and the sum of the rest; nine are all shown, for the ninth line costs no more.
func TestFold(t *testing.T) {
	rows := func(n int) (list []report.Connection) {
		for i := range n {
			list = append(list, in("nginx", 443, fmt.Sprintf("10.0.0.%d", i+1), i))
		}
		return list
	}
	if s := finished(false, rows(9)...); len(s.edges) != 9 {
		t.Errorf("of 9 peers %d lines remain", len(s.edges))
	}
	list := rows(20)
	list[2].Refused = 1                                                   // 10.0.0.3
	list[4].Health = &report.Health{CloseWait: 1}                         // 10.0.0.5
	list[6].Opened, list[7].Opened = 3, 4                                 // count for nothing against open ones
	list[9].Health = &report.Health{Measured: 9, RTT: 1000, Segments: 50} // in the sum
	s := finished(false, append(list, out("nginx", "10.0.0.1", 443, 1), in("nginx", 80, "10.0.0.1", 1))...)
	checkRows(
		t, lines(s),
		"  nginx:80 ← 10.0.0.1 ×1",
		"  nginx:443 ← 10.0.0.3 ×2",
		"  nginx:443 ← 10.0.0.5 ×4",
		"  nginx:443 ← 10.0.0.15 ×14",
		"  nginx:443 ← 10.0.0.16 ×15",
		"  nginx:443 ← 10.0.0.17 ×16",
		"  nginx:443 ← 10.0.0.18 ×17",
		"  nginx:443 ← 10.0.0.19 ×18",
		"  nginx:443 ← 10.0.0.20 ×19",
		"  nginx:443 ← … and 12 more peers ×85",
		"  nginx → 10.0.0.1:443 ×1",
	)
	rest := s.edges[9]
	if rest.Opened != 7 || rest.Health == nil || rest.Health.RTT != 1000 || rest.Refused != 0 || rest.mark != ' ' {
		t.Errorf("the rest is %+v with %+v", rest.Connection, rest.Health)
	}
	if s := finished(true, list...); len(s.edges) != 20 {
		t.Errorf("of 20 peers %d lines remain in a wide table", len(s.edges))
	}
}

// TestFoldTotals: folding loses nothing.
func TestFoldTotals(t *testing.T) {
	total := func(s *section) (count int, opened uint64, peers int) {
		for _, e := range s.edges {
			count, opened, peers = count+e.Count, opened+e.Opened, peers+max(1, e.peers)
		}
		return count, opened, peers
	}
	var list []report.Connection
	for i := range 5000 {
		c := out(fmt.Sprintf("p%d", i%3), fmt.Sprintf("10.0.%d.%d", i>>8, i&255), uint16(80+i%2), i%7)
		c.Opened = uint64(i % 5)
		list = append(list, c)
	}
	folded, all := finished(false, list...), finished(true, list...)
	c1, o1, p1 := total(folded)
	c2, o2, p2 := total(all)
	if c1 != c2 || o1 != o2 || p1 != p2 || len(folded.edges) != 6*(maxPeers+1) {
		t.Errorf("%d lines with %d open, %d opened, %d peers; want %d, %d, %d", len(folded.edges), c1, o1, p1, c2, o2, p2)
	}
}

// TestFoldUnknown: where the service's end is not known, every pair of ports
// is a row, and they fold by process.
func TestFoldUnknown(t *testing.T) {
	var list []report.Connection
	for i := range 40 {
		list = append(list, between("torrent", fmt.Sprintf("10.0.0.%d", i%4+1), uint16(1000+i), uint16(2000+i)))
	}
	got := lines(finished(false, list...))
	if want := "  torrent — … and 4 more peers ×32"; len(got) != maxPeers+1 || got[maxPeers] != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if want := "  torrent:1000 — 10.0.0.1:2000 ×1"; got[0] != want {
		t.Errorf("got %q, want %q", got[0], want)
	}
	for i := range list {
		list[i] = out("crawler", fmt.Sprintf("2001:db8::%d", i+1), 443, 1)
	}
	got = lines(finished(false, list...))
	if want := "  crawler → … and 32 more peers, port 443 ×32"; got[maxPeers] != want || got[0] != "  crawler → [2001:db8::1]:443 ×1" {
		t.Errorf("got %q and %q", got[0], got[maxPeers])
	}
}

// TestWho: a process that can't be seen is told from one that isn't known any
// more.
func TestWho(t *testing.T) {
	waits := out("", "10.0.0.3", 80, 0)
	waits.Health = &report.Health{Connecting: 1}
	checkRows(
		t, lines(finished(false, out("", "10.0.0.1", 80, 1), opened(out("", "10.0.0.2", 80, 0), 2), waits, out("app", "10.0.0.4", 80, 0), opened(in("", 22, "10.0.0.5", 0), 1))),
		"  app → 10.0.0.4:80 ×0",
		"  (hidden):22 ← 10.0.0.5 ×0", // the service is still there
		"  (hidden) → 10.0.0.1:80 ×1",
		"  (closed) → 10.0.0.2:80 ×0",
		"  (hidden) → 10.0.0.3:80 ×0",
	)
}

func TestTitles(t *testing.T) {
	l := func(namespace, container int) report.Listener {
		return report.Listener{Namespace: namespace, Container: container, Protocol: report.TCP, Address: addr("0.0.0.0"), Port: 80}
	}
	r := &report.Report{
		Namespaces: []report.Namespace{{Container: "a"}, {Container: "b"}, {Container: "c"}, {Container: "d"}, {Container: "e"}, {Container: "f"}},
		Containers: []report.Container{
			{Name: "cache", Runtime: "docker", Image: "redis:7"},
			{Name: "plain"},
			{Name: "other"},
			{Name: "POD", Pod: "night", PodNamespace: "jobs", Runtime: "cri-o"},
			{Name: "app", Pod: "night", PodNamespace: "jobs", Runtime: "cri-o"},
		},
		Listeners: []report.Listener{l(0, 0), l(1, 1), l(1, 1), l(2, 2), l(3, 2), l(3, 3), l(4, 4), l(4, 5), l(5, 1), l(5, 0), l(6, 99)},
	}
	r.Connections = []report.Connection{out("", "10.0.0.1", 80, 0), out("known", "10.0.0.1", 80, 0)}
	r.Connections[0].Namespace = 1 // the process of what closed isn't known
	r.Connections[1].Namespace, r.Connections[1].Container = 2, 2
	var got []string
	for _, s := range arrange(r, false) {
		got = append(got, s.title)
	}
	checkRows(
		t, got, "",
		"in container cache (docker, redis:7):",
		"in container plain:",
		"in containers of c:",
		"in pod night (jobs, cri-o):",
		"in network namespace e:",
		"in network namespace f:",
	)
}
