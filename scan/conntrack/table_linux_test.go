package conntrack

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
)

func rowOf(protocol uint8, from, called, server, seen string) row {
	at := func(s string) end { return endOf(netip.MustParseAddrPort(s)) }
	return row{protocol: protocol, pairs: [2]pair{{at(from), at(called)}, {at(server), at(seen)}}}
}

// tableOf builds a table of TCP connections: from, called, server, seen.
func tableOf(rows ...[4]string) *Table {
	t := &Table{limit: 1 << 20}
	for _, r := range rows {
		w := rowOf(unix.IPPROTO_TCP, r[0], r[1], r[2], r[3])
		t.add(&w)
	}
	t.index()
	return t
}

func TestLookup(t *testing.T) {
	table := tableOf(
		[4]string{"10.0.0.9:40000", "203.0.113.1:80", "10.0.0.2:8080", "10.0.0.9:40000"}, // destination
		[4]string{"10.0.0.9:40001", "203.0.113.1:80", "10.0.0.2:8080", "10.0.0.1:50000"}, // both
		[4]string{"10.0.0.9:40002", "10.0.0.2:8080", "10.0.0.2:8080", "10.0.0.1:50001"},  // source
		[4]string{"[fd00::9]:40000", "[fd00::1]:80", "[fd00::2]:8080", "[fd00::9]:40000"},
		// in two zones, one and the same name, and different servers or callers
		[4]string{"10.0.0.9:40003", "203.0.113.1:80", "10.0.0.2:8080", "10.0.0.9:40003"},
		[4]string{"10.0.0.9:40003", "203.0.113.1:80", "10.0.0.3:8080", "10.0.0.9:40003"},
		[4]string{"10.0.0.8:40004", "203.0.113.1:80", "10.0.0.2:8080", "10.0.0.1:50004"},
		[4]string{"10.0.0.9:40004", "203.0.113.1:80", "10.0.0.2:8080", "10.0.0.1:50004"},
	)
	udp := rowOf(unix.IPPROTO_UDP, "10.0.0.9:40000", "203.0.113.1:80", "10.0.0.4:53", "10.0.0.9:40000")
	table.add(&udp)
	table.index()
	tests := []struct {
		name        string
		ask         func(report.Protocol, netip.AddrPort, netip.AddrPort) (netip.AddrPort, bool)
		protocol    report.Protocol
		local, peer string
		want        string // empty: not ok
	}{
		{"destination", table.Behind, report.TCP, "10.0.0.9:40000", "203.0.113.1:80", "10.0.0.2:8080"},
		{"destination, mapped", table.Behind, report.TCP, "[::ffff:10.0.0.9]:40000", "[::ffff:203.0.113.1]:80", "10.0.0.2:8080"},
		{"destination, from the server", table.Caller, report.TCP, "10.0.0.2:8080", "10.0.0.9:40000", ""},
		{"the same, by UDP", table.Behind, report.UDP, "10.0.0.9:40000", "203.0.113.1:80", "10.0.0.4:53"},
		{"another protocol", table.Behind, report.UDP, "10.0.0.9:40001", "203.0.113.1:80", ""},
		{"unknown protocol", table.Behind, "sctp", "10.0.0.9:40000", "203.0.113.1:80", ""},
		{"another port", table.Behind, report.TCP, "10.0.0.9:40000", "203.0.113.1:81", ""},
		{"both", table.Behind, report.TCP, "10.0.0.9:40001", "203.0.113.1:80", "10.0.0.2:8080"},
		{"both, from the server", table.Caller, report.TCP, "10.0.0.2:8080", "10.0.0.1:50000", "10.0.0.9:40001"},
		{"source", table.Behind, report.TCP, "10.0.0.9:40002", "10.0.0.2:8080", ""},
		{"source, from the server", table.Caller, report.TCP, "10.0.0.2:8080", "10.0.0.1:50001", "10.0.0.9:40002"},
		{"IPv6", table.Behind, report.TCP, "[fd00::9]:40000", "[fd00::1]:80", "[fd00::2]:8080"},
		{"IPv6 with a zone", table.Behind, report.TCP, "[fd00::9%eth0]:40000", "[fd00::1]:80", "[fd00::2]:8080"},
		{"several servers", table.Behind, report.TCP, "10.0.0.9:40003", "203.0.113.1:80", ""},
		{"several callers", table.Caller, report.TCP, "10.0.0.2:8080", "10.0.0.1:50004", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := tt.ask(tt.protocol, netip.MustParseAddrPort(tt.local), netip.MustParseAddrPort(tt.peer))
			if ok != (tt.want != "") || ok && got.String() != tt.want {
				t.Errorf("got %v, %t, want %q", got, ok, tt.want)
			}
		})
	}
	if got, ok := table.Behind(report.TCP, netip.AddrPort{}, netip.MustParseAddrPort("203.0.113.1:80")); ok {
		t.Errorf("no address leads to %v", got)
	}
	if got, ok := table.Caller(report.TCP, netip.MustParseAddrPort("203.0.113.1:80"), netip.AddrPort{}); ok {
		t.Errorf("no peer leads to %v", got)
	}
}

func TestEmptyTable(t *testing.T) {
	var table Table
	at := netip.MustParseAddrPort
	_, behind := table.Behind(report.TCP, at("192.0.2.1:1"), at("192.0.2.2:2"))
	_, caller := table.Caller(report.TCP, at("192.0.2.1:1"), at("192.0.2.2:2"))
	if behind || caller || table.Len() != 0 || len(table.Forwards(nil)) != 0 || len(slices.Collect(table.All())) != 0 {
		t.Errorf("an empty table has answers: %+v", table)
	}
}

// TestTwice: what the kernel tells twice is there once, and what it tells of
// two protocols is there for each.
func TestTwice(t *testing.T) {
	one := [4]string{"10.0.0.9:40000", "203.0.113.1:80", "10.0.0.2:8080", "10.0.0.9:40000"}
	two := [4]string{"10.0.0.9:40001", "203.0.113.1:80", "10.0.0.2:8080", "10.0.0.9:40001"}
	table := tableOf(one, two, one, one, two)
	udp := rowOf(unix.IPPROTO_UDP, one[0], one[1], one[2], one[3])
	table.add(&udp)
	table.index()
	if table.Len() != 3 {
		t.Errorf("got %d flows, want 3", table.Len())
	}
	want := []report.Forward{
		{Protocol: report.TCP, From: netip.MustParseAddrPort(one[1]), To: netip.MustParseAddrPort(one[2]), Count: 2},
		{Protocol: report.UDP, From: netip.MustParseAddrPort(one[1]), To: netip.MustParseAddrPort(one[2]), Count: 1},
	}
	if got := table.Forwards(nil); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	client, called := netip.MustParseAddrPort(one[0]), netip.MustParseAddrPort(one[1])
	for _, p := range []report.Protocol{report.TCP, report.UDP} {
		if got, ok := table.Behind(p, client, called); !ok || got.String() != one[2] {
			t.Errorf("behind %s: got %v, %t", p, got, ok)
		}
	}
}

// TestReset: nothing of an earlier filling is left.
func TestReset(t *testing.T) {
	table := tableOf([4]string{"10.0.0.9:40000", "203.0.113.1:80", "10.0.0.2:8080", "10.0.0.9:40000"})
	table.Tracked, table.LeftOut, table.Incomplete = 5, 6, true
	table.reset(7)
	_, ok := table.Behind(report.TCP, netip.MustParseAddrPort("10.0.0.9:40000"), netip.MustParseAddrPort("203.0.113.1:80"))
	if ok || table.Len() != 0 || table.Tracked != 0 || table.LeftOut != 0 || table.Incomplete || table.limit != 7 {
		t.Errorf("found %t, table is %+v", ok, table)
	}
}

// TestManyFlows: many that differ little are all found.
func TestManyFlows(t *testing.T) {
	const n = 20_000
	table := &Table{limit: n}
	server := endOf(netip.MustParseAddrPort("10.0.2.2:80"))
	for i := range n + 3 {
		client, called := inserted(i)
		w := row{protocol: unix.IPPROTO_TCP, pairs: [2]pair{{endOf(client), endOf(called)}, {server, endOf(client)}}}
		table.add(&w)
	}
	table.index()
	for i := range n + 3 {
		client, called := inserted(i)
		got, ok := table.Behind(report.TCP, client, called)
		if ok != (i < n) || ok && got.String() != "10.0.2.2:80" {
			t.Fatalf("flow %d: got %v, %t", i, got, ok)
		}
	}
	if table.LeftOut != 3 {
		t.Errorf("left out are %d, want 3", table.LeftOut)
	}
}

func TestForwards(t *testing.T) {
	table := tableOf(
		[4]string{"10.0.0.9:40000", "203.0.113.1:80", "10.0.0.2:8080", "10.0.0.9:40000"},
		[4]string{"10.0.0.9:40001", "203.0.113.1:80", "10.0.0.3:8080", "10.0.0.9:40001"},
		[4]string{"10.0.0.9:40002", "203.0.113.1:80", "10.0.0.2:8080", "10.0.0.1:50000"},
		[4]string{"10.0.0.9:40003", "198.51.100.1:80", "10.0.0.2:8080", "10.0.0.9:40003"},
		[4]string{"10.0.0.9:40004", "10.0.0.2:8080", "10.0.0.2:8080", "10.0.0.1:50001"}, // source only
		[4]string{"[fd00::9]:40000", "[fd00::1]:80", "[fd00::2]:8080", "[fd00::9]:40000"},
		[4]string{"10.0.0.9:40005", "0.0.0.0:80", "10.0.0.2:8080", "10.0.0.9:40005"}, // what no report may name
		[4]string{"10.0.0.9:40006", "203.0.113.1:0", "10.0.0.2:8080", "10.0.0.9:40006"},
		[4]string{"10.0.0.9:40007", "203.0.113.1:80", "10.0.0.2:0", "10.0.0.9:40007"},
	)
	f := func(from, to string, n int) report.Forward {
		return report.Forward{Protocol: report.TCP, From: netip.MustParseAddrPort(from), To: netip.MustParseAddrPort(to), Count: n}
	}
	all := []report.Forward{
		f("198.51.100.1:80", "10.0.0.2:8080", 1),
		f("203.0.113.1:80", "10.0.0.2:8080", 2),
		f("203.0.113.1:80", "10.0.0.3:8080", 1),
		f("[fd00::1]:80", "[fd00::2]:8080", 1),
	}
	if got := table.Forwards(nil); !reflect.DeepEqual(got, all) {
		t.Errorf("got\n%v\nwant\n%v", got, all)
	}
	own := netip.MustParseAddr("203.0.113.1")
	if got := table.Forwards(func(a netip.Addr) bool { return a == own }); !reflect.DeepEqual(got, all[1:3]) {
		t.Errorf("of %v got\n%v\nwant\n%v", own, got, all[1:3])
	}
}

func TestSources(t *testing.T) {
	table := tableOf(
		[4]string{"10.1.0.9:40000", "203.0.113.1:80", "203.0.113.1:80", "10.0.0.1:40000"},
		[4]string{"10.1.0.9:40001", "203.0.113.1:80", "203.0.113.1:80", "10.0.0.1:40001"},
		[4]string{"10.1.0.8:40000", "203.0.113.1:80", "203.0.113.1:80", "10.0.0.1:50000"},
		[4]string{"10.1.0.8:40001", "10.0.0.1:443", "10.0.0.7:8443", "10.0.0.1:40001"},    // destination too
		[4]string{"10.0.0.1:40002", "203.0.113.1:80", "203.0.113.1:80", "10.1.0.1:40002"}, // our own
		[4]string{"10.1.0.7:40002", "203.0.113.1:80", "203.0.113.1:80", "10.9.9.9:40002"}, // as somebody else
		[4]string{"10.1.0.9:40005", "203.0.113.1:81", "10.0.0.2:8080", "10.1.0.9:40005"},  // destination only
		[4]string{"10.1.0.9:40006", "203.0.113.1:82", "203.0.113.1:82", "10.1.0.9:50006"}, // another port only
	)
	src := func(client, server string, n int) report.Source {
		return report.Source{
			Protocol: report.TCP, Client: netip.MustParseAddr(client), As: netip.MustParseAddr("10.0.0.1"),
			Server: netip.MustParseAddrPort(server), Count: n,
		}
	}
	want := []report.Source{src("10.1.0.8", "10.0.0.7:8443", 1), src("10.1.0.8", "203.0.113.1:80", 1), src("10.1.0.9", "203.0.113.1:80", 2)}
	ours := func(a netip.Addr) bool {
		return a == netip.MustParseAddr("10.0.0.1") || a == netip.MustParseAddr("10.1.0.1")
	}
	if got := table.Sources(ours); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
	if got := table.Sources(nil); len(got) != 5 {
		t.Errorf("of all got %v", got)
	}
}

// TestManySources: of more than a report takes, some are kept.
func TestManySources(t *testing.T) {
	table := &Table{limit: 2 * report.MaxSources}
	server := endOf(netip.MustParseAddrPort("203.0.113.1:80"))
	as := endOf(netip.MustParseAddrPort("10.0.0.1:40000"))
	for i := range report.MaxSources + 10 {
		client := endOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 40000))
		table.add(&row{protocol: unix.IPPROTO_TCP, pairs: [2]pair{{client, server}, {server, as}}})
	}
	if got := table.Sources(nil); len(got) != report.MaxSources || !slices.IsSortedFunc(got, compareSources) {
		t.Errorf("got %d sources", len(got))
	}
}

// TestManyForwards: of more than a report takes, the busiest are kept, sorted.
func TestManyForwards(t *testing.T) {
	table := &Table{limit: 3 * report.MaxForwards}
	server, client := endOf(netip.MustParseAddrPort("10.0.2.2:80")), endOf(netip.MustParseAddrPort("10.0.0.9:40000"))
	add := func(i, n int) {
		for j := range n {
			called := netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 80)
			client[17] = byte(j)
			table.add(&row{protocol: unix.IPPROTO_TCP, pairs: [2]pair{{client, endOf(called)}, {server, client}}})
		}
	}
	const busy = 1000 // at the end, so that the order can't keep them
	for i := range report.MaxForwards {
		add(i, 1)
	}
	for i := range busy {
		add(report.MaxForwards+i, 2)
	}
	table.index()
	got := table.Forwards(nil)
	if len(got) != report.MaxForwards || !slices.IsSortedFunc(got, compareForwards) {
		t.Fatalf("got %d forwards, sorted %t, want %d", len(got), slices.IsSortedFunc(got, compareForwards), report.MaxForwards)
	}
	kept := 0
	for _, f := range got {
		kept += f.Count - 1
	}
	if kept != busy {
		t.Errorf("%d of the %d busy forwards are kept", kept, busy)
	}
}
