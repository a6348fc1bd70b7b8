package proctext

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseSocket(t *testing.T) {
	tests := []struct {
		name string
		line string
		want Socket
	}{
		{
			"tcp listener",
			"   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 637 1 0000000097b8c8eb 100 0 0 10 0                       ",
			Socket{netip.MustParseAddrPort("0.0.0.0:2024"), netip.MustParseAddrPort("0.0.0.0:0"), 10, 0, 637},
		},
		{
			"tcp client of another user",
			"  13: 020200C0:829C 507100CB:01BB 01 00000000:00000000 02:000002F5 00000000  1000        0 81193 2 00000000f2a4a4b4 21 4 30 10 -1",
			Socket{netip.MustParseAddrPort("192.0.2.2:33436"), netip.MustParseAddrPort("203.0.113.80:443"), 1, 1000, 81193},
		},
		{
			"tcp in time wait: no inode",
			"   1: 020200C0:8222 507100CB:01BB 06 00000000:00000000 03:00000B2C 00000000     0        0 0 3 000000005ff9bd9f",
			Socket{netip.MustParseAddrPort("192.0.2.2:33314"), netip.MustParseAddrPort("203.0.113.80:443"), 6, 0, 0},
		},
		{
			"tcp6 on all addresses",
			"   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22461 1 0000000000000000 100 0 0 10 0",
			Socket{netip.MustParseAddrPort("[::]:22"), netip.MustParseAddrPort("[::]:0"), 10, 0, 22461},
		},
		{
			"tcp6 with an IPv4 peer stays mapped",
			"   1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:C350 08 00000001:00000000 00:00000000 00000000    33        0 99 1 0000000000000000 20 4 0 10 -1",
			Socket{netip.MustParseAddrPort("[::ffff:127.0.0.1]:8080"), netip.MustParseAddrPort("[::ffff:127.0.0.1]:50000"), 8, 33, 99},
		},
		{
			"tcp6 link-local",
			"   2: 000080FE00000000FF00FC000100E0FE:B7A2 B80D0120000000000000000001000000:01BB 01 00000000:00000000 00:00000000 00000000     0        0 7 1 0 20 4 0 10 -1",
			Socket{netip.MustParseAddrPort("[fe80::fc:ff:fee0:1]:47010"), netip.MustParseAddrPort("[2001:db8::1]:443"), 1, 0, 7},
		},
		{
			"udp",
			" 2077: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 16471 2 0000000000000000 0",
			Socket{netip.MustParseAddrPort("127.0.0.53:53"), netip.MustParseAddrPort("0.0.0.0:0"), 7, 101, 16471},
		},
		{
			"inode of 64 bits, line end",
			"   0: 00000000:0001 00000000:0000 0A 0:0 0:0 0 4294967294 0 18446744073709551615\n",
			Socket{netip.MustParseAddrPort("0.0.0.0:1"), netip.MustParseAddrPort("0.0.0.0:0"), 10, 4294967294, 1<<64 - 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseSocket([]byte(tt.line))
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

func TestParseSocketErrors(t *testing.T) {
	const rest = " 0A 0:0 0:0 0 0 0 1"
	tests := []struct{ name, line, want string }{
		{"empty", "", "socket row has 0 columns, needs 10"},
		{"heading", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", "local address of socket row: must be 8 or 32 hex digits"},
		{"cut", "0: 00000000:07E8 00000000:0000 0A", "socket row has 4 columns, needs 10"},
		{"short address", "0: 000000:07E8 00000000:0000" + rest, "local address of socket row: must be 8 or 32"},
		{"no port", "0: 00000000 00000000:0000" + rest, "local address of socket row: must be 8 or 32"},
		{"address of other digits", "0: 0000000x:07E8 00000000:0000" + rest, "local address of socket row: address must be hex"},
		{"port above 16 bits", "0: 00000000:07E8 00000000:10000" + rest, "remote address of socket row: port must be"},
		{"negative port", "0: 00000000:-7E8 00000000:0000" + rest, "port must be"},
		{"state above 8 bits", "0: 00000000:07E8 00000000:0000 100 0:0 0:0 0 0 0 1", "state, uid or inode"},
		{"uid is no number", "0: 00000000:07E8 00000000:0000 0A 0:0 0:0 0 root 0 1", "state, uid or inode"},
		{"inode is no number", "0: 00000000:07E8 00000000:0000 0A 0:0 0:0 0 0 0 ?", "state, uid or inode"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := ParseSocket([]byte(tt.line)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestParseSocketAllocatesNothing(t *testing.T) {
	line := []byte("  13: 020200C0:829C 507100CB:01BB 01 00000000:00000000 02:000002F5 00000000  1000        0 81193 2 00000000f2a4a4b4 21 4 30 10 -1")
	if n := testing.AllocsPerRun(100, func() { _, _ = ParseSocket(line) }); n != 0 {
		t.Errorf("%v allocations per row, want 0", n)
	}
}

func TestParseSocketLink(t *testing.T) {
	tests := []struct {
		target string
		inode  uint64
		ok     bool
	}{
		{"socket:[12345]", 12345, true},
		{"socket:[4294967296]", 1 << 32, true},
		{"socket:[0]", 0, true},
		{"socket:[]", 0, false},
		{"socket:[12345", 0, false},
		{"socket:[12x45]", 0, false},
		{"socket:[-1]", 0, false},
		{"socket:[99999999999999999999]", 0, false},
		{"pipe:[12345]", 0, false},
		{"anon_inode:[eventpoll]", 0, false},
		{"/tmp/socket:[1]", 0, false},
		{"", 0, false},
	}
	for _, tt := range tests {
		if inode, ok := ParseSocketLink([]byte(tt.target)); inode != tt.inode || ok != tt.ok {
			t.Errorf("%q: got %d, %t, want %d, %t", tt.target, inode, ok, tt.inode, tt.ok)
		}
	}
}

func TestParsePortRange(t *testing.T) {
	low, high, err := ParsePortRange([]byte("32768\t60999\n"))
	if low != 32768 || high != 60999 || err != nil {
		t.Errorf("got %d, %d, %v", low, high, err)
	}
	for _, text := range []string{"", "32768", "1 2 3", "60999 32768", "0 100", "1 65536", "-1 5", "a b"} {
		if low, high, err := ParsePortRange([]byte(text)); err == nil {
			t.Errorf("%q: got %d to %d, want an error", text, low, high)
		}
	}
}

func FuzzParseSocket(f *testing.F) {
	f.Add([]byte("   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 637 1 0000000097b8c8eb 100 0 0 10 0"))
	f.Add([]byte("   1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:C350 08 0:0 0:0 0 33 0 99 1"))
	f.Fuzz(func(t *testing.T, line []byte) {
		s, err := ParseSocket(line)
		if err != nil && s != (Socket{}) {
			t.Errorf("an error comes with the socket %+v", s)
		}
		if err == nil && (!s.Local.IsValid() || !s.Remote.IsValid()) {
			t.Errorf("no error, but addresses %v and %v", s.Local, s.Remote)
		}
	})
}

func FuzzParseSocketLink(f *testing.F) {
	f.Add([]byte("socket:[12345]"))
	f.Add([]byte("socket:[]"))
	f.Fuzz(func(t *testing.T, target []byte) {
		if inode, ok := ParseSocketLink(target); !ok && inode != 0 {
			t.Errorf("%q is no socket, but has the inode %d", target, inode)
		}
	})
}

func FuzzParsePortRange(f *testing.F) {
	f.Add([]byte("32768\t60999\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if low, high, err := ParsePortRange(text); err == nil && (low == 0 || low > high) {
			t.Errorf("%q gives %d to %d", text, low, high)
		}
	})
}

func BenchmarkParseSocket(b *testing.B) {
	line := []byte("  13: 020200C0:829C 507100CB:01BB 01 00000000:00000000 02:000002F5 00000000  1000        0 81193 2 00000000f2a4a4b4 21 4 30 10 -1")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseSocket(line); err != nil {
			b.Fatal(err)
		}
	}
}

func TestParseQueues(t *testing.T) {
	const row = "   0: 00000000:07E8 00000000:0000 0A 00000001:0000001F 00:00000000 00000000     0        0 637 1"
	if send, receive, ok := ParseQueues([]byte(row)); send != 1 || receive != 31 || !ok {
		t.Errorf("%d, %d, %t", send, receive, ok)
	}
	for _, bad := range []string{"", "0: 0 0 0A", "0: 0 0 0A 1", "0: 0 0 0A x:1", "0: 0 0 0A 1:100000000"} {
		if _, _, ok := ParseQueues([]byte(bad)); ok {
			t.Errorf("%q has queues", bad)
		}
	}
}
