package printout

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/proctext/listing"
	"github.com/google/go-cmp/cmp"
)

// TestAppendNetstat prints the rows of a real answer of the original agent, and
// must come to the same bytes, but for what only the command line tells.
func TestAppendNetstat(t *testing.T) {
	text, err := os.ReadFile("../listing/testdata/original-agent.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rows []Row
	lines := strings.Split(string(text), "\n")
	for _, r := range listing.Parse(text).Rows {
		rows = append(rows, Row{
			strings.HasPrefix(lines[r.Line-1], "tcp6"), r.RecvQ, r.SendQ, r.Local.AddrPort(), r.Remote.AddrPort(), r.State, r.PID, r.Process,
		})
	}
	want := strings.NewReplacer("redis-server 0.0 ", "redis-server     ", "./dotm_node", "dotm_node  ").Replace(strings.Join(lines[1:22], "\n") + "\n")
	if diff := cmp.Diff(want, string(AppendNetstat(nil, rows))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNetstatRow(t *testing.T) {
	at := netip.MustParseAddrPort
	for _, c := range []struct {
		name string
		row  Row
		want string
	}{
		{"a cut name", Row{false, 0, 0, at("127.0.0.1:80"), at("0.0.0.0:0"), proctext.Listening, 1234, "a-very-long-name"}, "tcp        0      0 127.0.0.1:80            0.0.0.0:*               LISTEN      1234/a-very-long-na "},
		{"nobody's", Row{false, 1, 2, at("127.0.0.1:80"), at("127.0.0.1:81"), proctext.TimeWait, 0, ""}, "tcp        1      2 127.0.0.1:80            127.0.0.1:81            TIME_WAIT   -                   "},
		{"mapped", Row{true, 0, 0, at("[::ffff:127.0.0.1]:80"), at("[::ffff:127.0.0.1]:81"), proctext.CloseWait, 7, "x"}, "tcp6       0      0 127.0.0.1:80            127.0.0.1:81            CLOSE_WAIT  7/x                 "},
		{"cut addresses", Row{true, 0, 0, at("[fd00:9:1234:5678:9abc:def0:1234:5678]:9090"), at("[fd00:9:1234:5678:9abc:def0:1234:5678]:59118"), proctext.Established, 0, ""}, "tcp6       0      0 fd00:9:1234:5678:9:9090 fd00:9:1234:5678::59118 ESTABLISHED -                   "},
	} {
		lines := strings.Split(string(AppendNetstat(nil, []Row{c.row})), "\n")
		if lines[2] != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, lines[2], c.want)
		}
	}
}

// TestStates: every state is read as it is printed.
func TestStates(t *testing.T) {
	for s := proctext.Established; s <= proctext.Closing; s++ {
		at := netip.MustParseAddrPort("127.0.0.1:80")
		text := AppendNetstat(nil, []Row{{Local: at, Remote: at, State: s}})
		if rows := listing.Parse(text).Rows; len(rows) != 1 || rows[0].State != s {
			t.Errorf("%d is printed as %s and read as %v", s, netstatState(s), rows)
		}
	}
	if netstatState(0) != "UNKNOWN" {
		t.Error("no state has a name")
	}
}

// TestAppendAddresses: what is printed is read back.
func TestAppendAddresses(t *testing.T) {
	links := []Link{
		{net.Interface{Index: 1, Name: "lo", MTU: 65536, Flags: net.FlagUp | net.FlagLoopback | net.FlagRunning}, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}},
		{net.Interface{Index: 2, Name: "eth0", MTU: 1500, Flags: net.FlagUp | net.FlagBroadcast | net.FlagMulticast, HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 1}}, []netip.Prefix{netip.MustParsePrefix("10.9.0.11/24"), netip.MustParsePrefix("fe80::1/64"), netip.MustParsePrefix("fd00:9::11/64")}},
		{net.Interface{Index: 3, Name: "tun0", MTU: 1400, Flags: net.FlagPointToPoint}, nil},
	}
	const want = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
    inet6 ::1/128 scope host 
2: eth0: <BROADCAST,MULTICAST,UP> mtu 1500
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 10.9.0.11/24 scope global eth0
    inet6 fe80::1/64 scope link 
    inet6 fd00:9::11/64 scope global 
3: tun0: <POINTOPOINT> mtu 1400
    link/none 
`
	text := AppendAddresses(nil, links)
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	l := listing.Parse(text)
	for i, got := range l.Interfaces {
		if got.Name != links[i].Name || !cmp.Equal(got.Addresses, links[i].Addresses, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })) {
			t.Errorf("%v is read as %v", links[i], got)
		}
	}
	if len(l.Interfaces) != 3 || l.ProblemCount > 0 {
		t.Errorf("%d interfaces, %v", len(l.Interfaces), l.Problems)
	}
}
