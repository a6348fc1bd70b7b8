package resolve

import (
	"net/netip"
	"strings"
	"testing"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestHostName(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, c := range []struct {
		in, want string
		ok       bool
	}{
		{"db", "db", true},
		{"db.example.net.", "db.example.net", true},
		{"DB-1.Example.net", "DB-1.Example.net", true},
		{"_dmarc.example.net", "_dmarc.example.net", true},
		{"1.example.net", "1.example.net", true},
		{"xn--bcher-kva.example", "xn--bcher-kva.example", true},
		{long + ".example", long + ".example", true},
		{strings.Repeat(long[:62]+".", 4)[:252] + "a", strings.Repeat(long[:62]+".", 4)[:252] + "a", true},

		{"", "", false},
		{".", "", false},
		{"..", "", false},
		{"db..example", "", false},
		{".db", "", false},
		{"db.example..", "", false},
		{"-db.example", "", false},
		{"db.-example", "", false},
		{"a" + long, "", false},
		{strings.Repeat("a.", 127) + "a", strings.Repeat("a.", 127) + "a", false},
		{"db example", "", false},
		{"db\x1b[31m", "", false},
		{"db\n", "", false},
		{"db\x00", "", false},
		{"bücher.example", "", false},
		{"\u202edb", "", false},
		{"db/../x", "", false},
		{"10.0.0.1", "", false},
		{"10.0.0.1.", "", false},
		{"db.example.7", "", false},
		{"::1", "", false},
		{"localhost", "", false},
		{"LocalHost.", "", false},
		{"db.localhost", "", false},
	} {
		got, ok := HostName(c.in)
		if ok != c.ok || (ok && got != c.want) || (!ok && got != "") {
			t.Errorf("HostName(%q) = %q, %t; want %q, %t", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestNameable(t *testing.T) {
	for s, want := range map[string]bool{
		"192.0.2.1": true, "10.0.0.1": true, "2001:db8::1": true, "fd00::1": true, "::ffff:192.0.2.1": true,
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "::ffff:127.0.0.1": false, "0.0.0.0": false, "::": false,
		"169.254.1.1": false, "fe80::1": false, "fe80::1%eth0": false, "2001:db8::1%eth0": false,
		"224.0.0.251": false, "ff02::fb": false, "255.255.255.255": false,
	} {
		if got := Nameable(addr(s)); got != want {
			t.Errorf("Nameable(%s) = %t, want %t", s, got, want)
		}
	}
	if Nameable(netip.Addr{}) {
		t.Error("no address at all can have a name")
	}
}

// TestKnow: an address has the name that was told, and none if two were.
func TestKnow(t *testing.T) {
	var n Names
	check := func(a, want string) {
		t.Helper()
		if got := n.Name(addr(a)); got != want {
			t.Errorf("%s is called %q, want %q", a, got, want)
		}
	}
	check("10.0.0.1", "")
	n.Know(addr("10.0.0.1"), "web1")
	n.Know(addr("10.0.0.1"), "web1")
	n.Know(addr("172.17.0.2"), "shop")
	n.Know(addr("172.17.0.2"), "cache")
	n.Know(addr("172.17.0.2"), "shop")
	n.Know(addr("172.17.0.3"), "")
	n.Know(addr("172.17.0.3"), "queue")
	n.Know(addr("::ffff:172.17.0.4"), "mapped")
	n.Know(addr("127.0.0.1"), "me")
	n.Know(addr("fe80::1%eth0"), "link")
	check("10.0.0.1", "web1")
	check("::ffff:10.0.0.1", "web1")
	check("172.17.0.2", "")
	check("172.17.0.3", "queue")
	check("172.17.0.4", "mapped")
	check("127.0.0.1", "")
	check("fe80::1%eth0", "")
	n.hosts = ParseHosts([]byte("10.0.0.1 front.example\n172.17.0.2 back.example\n"))
	check("10.0.0.1", "front.example")
	check("172.17.0.2", "back.example")
	n.Forget()
	check("10.0.0.1", "front.example")
	check("172.17.0.3", "")
	if n.Name(netip.Addr{}) != "" {
		t.Error("no address has a name")
	}
}

func TestKnowIsBounded(t *testing.T) {
	var n Names
	for i := range maxKnown + 10 {
		n.Know(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), "x")
	}
	if len(n.known) != maxKnown {
		t.Errorf("%d addresses are known, want %d", len(n.known), maxKnown)
	}
}
