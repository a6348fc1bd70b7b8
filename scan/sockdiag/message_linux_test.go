package sockdiag

import (
	"cmp"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/netlink"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// message builds a netlink message, padded as the kernel pads.
func message(kind, flags uint16, body ...byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = append(b, make([]byte, 8)...)
	b = append(b, body...)
	return append(b, make([]byte, netlink.Align(len(b))-len(b))...)
}

// diagBody builds a struct inet_diag_msg.
func diagBody(family, state byte, local, remote string, uid, inode uint32, attrs ...byte) []byte {
	b := make([]byte, sizeofMsg)
	b[0], b[1] = family, state
	l, r := netip.MustParseAddrPort(local), netip.MustParseAddrPort(remote)
	binary.BigEndian.PutUint16(b[4:], l.Port())
	binary.BigEndian.PutUint16(b[6:], r.Port())
	copy(b[8:], l.Addr().AsSlice())
	copy(b[24:], r.Addr().AsSlice())
	binary.NativeEndian.PutUint64(b[44:], 0x1122334455667788)
	binary.NativeEndian.PutUint32(b[64:], uid)
	binary.NativeEndian.PutUint32(b[68:], inode)
	return append(b, attrs...)
}

// attribute builds a struct nlattr with one byte.
func attribute(kind uint16, value byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, 5)
	b = binary.NativeEndian.AppendUint16(b, kind)
	return append(b, value, 0, 0, 0)
}

func errorBody(no unix.Errno) []byte {
	return binary.NativeEndian.AppendUint32(nil, uint32(-int32(no)))
}

func TestParseDump(t *testing.T) {
	at := netip.MustParseAddrPort
	tests := []struct {
		name string
		body []byte
		want fold.Socket
	}{
		{
			"IPv4", diagBody(unix.AF_INET, 1, "192.0.2.1:40000", "203.0.113.9:443", 33, 7),
			fold.Socket{State: fold.Established, Local: at("192.0.2.1:40000"), Remote: at("203.0.113.9:443")},
		},
		{
			"IPv6", diagBody(unix.AF_INET6, 8, "[2001:db8::1]:443", "[fe80::2]:50000", 33, 7),
			fold.Socket{State: fold.CloseWait, Local: at("[2001:db8::1]:443"), Remote: at("[fe80::2]:50000")},
		},
		{
			"IPv4 over IPv6", diagBody(unix.AF_INET6, 1, "[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.2]:50000", 33, 7),
			fold.Socket{State: fold.Established, Local: at("192.0.2.1:80"), Remote: at("192.0.2.2:50000")},
		},
		{
			"dual-stack listener", diagBody(unix.AF_INET6, 10, "[::]:80", "[::]:0", 33, 7, attribute(attrSKV6Only, 0)...),
			fold.Socket{State: fold.Listen, Local: at("[::]:80")},
		},
		{
			"listener for IPv6 alone, attribute behind another", diagBody(unix.AF_INET6, 10, "[::]:80", "[::]:0", 33, 7,
				append(attribute(8, 3), attribute(attrSKV6Only, 1)...)...),
			fold.Socket{State: fold.Listen, Local: at("[::]:80"), V6Only: true},
		},
		{
			"broken attributes are passed over", diagBody(unix.AF_INET6, 10, "[::]:80", "[::]:0", 33, 7, 200, 0, attrSKV6Only, 0, 1),
			fold.Socket{State: fold.Listen, Local: at("[::]:80")},
		},
		{
			"attribute without a value", diagBody(unix.AF_INET6, 10, "[::]:80", "[::]:0", 33, 7, 4, 0, attrSKV6Only, 0),
			fold.Socket{State: fold.Listen, Local: at("[::]:80")},
		},
	}
	for _, tt := range tests {
		for _, kind := range []uint16{tcpdiagGetsock, unix.SOCK_DIAG_BY_FAMILY} {
			t.Run(tt.name, func(t *testing.T) {
				d := dump{protocol: report.TCP}
				must(t, d.parse(append(message(kind, 0, tt.body...), message(unix.NLMSG_DONE, 0, 0, 0, 0, 0)...)))
				tt.want.Protocol, tt.want.Cookie, tt.want.Inode, tt.want.UID = report.TCP, 0x1122334455667788, 7, 33
				if !slices.Equal(d.list, []fold.Socket{tt.want}) || !d.Done {
					t.Errorf("got %+v, done %t\nwant %+v", d.list, d.Done, tt.want)
				}
			})
		}
	}
}

func TestParseDumpErrors(t *testing.T) {
	for text, want := range map[string]string{
		string(message(tcpdiagGetsock, 0, 1, 2, 3)): "inet_diag_msg must have 72 bytes, has 3",
		string(message(99, 0)):                      "netlink message has the unexpected type 99",
	} {
		d := dump{}
		if err := d.parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want one with %q", err, want)
		}
	}
}

// parse reads a whole answer, or a part.
func (d *dump) parse(b []byte) error { return d.Parse(b, d) }

// refused is what an answer of the kernel with an error becomes.
func refused(no unix.Errno) error {
	return (&dump{}).parse(message(unix.NLMSG_ERROR, 0, errorBody(no)...))
}

func TestIsRefusal(t *testing.T) {
	for err, want := range map[error]bool{
		refused(unix.EPERM):  true,
		refused(unix.ENOENT): true,
		unix.EPROTONOSUPPORT: true,
		refused(unix.ENOMEM): false,
		unix.EAGAIN:          false,
		errors.New("other"):  false,
	} {
		if got := IsRefusal(err); got != want {
			t.Errorf("%v: got %t, want %t", err, got, want)
		}
	}
}

// FuzzParseDump: whatever comes, the parser neither panics nor reads outside,
// and the lists stay as long as each other.
func FuzzParseDump(f *testing.F) {
	f.Add(message(tcpdiagGetsock, 0, diagBody(unix.AF_INET6, 10, "[::]:80", "[::]:0", 33, 7, attribute(attrSKV6Only, 1)...)...))
	f.Add(append(message(unix.NLMSG_NOOP, 0), message(unix.NLMSG_DONE, unix.NLM_F_DUMP_INTR, 0, 0, 0, 0)...))
	f.Add(message(unix.NLMSG_ERROR, 0, errorBody(unix.EPERM)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := dump{protocol: report.TCP}
		_ = d.parse(slices.Clip(slices.Clone(b)))
		if len(d.list) > len(b)/(sizeofMsg+unix.SizeofNlMsghdr) {
			t.Errorf("%d bytes give %d sockets", len(b), len(d.list))
		}
		for _, s := range d.list {
			if !s.Local.IsValid() || s.Local.Addr().Is4In6() || s.Remote.Addr().Is4In6() {
				t.Errorf("socket has the addresses %v and %v", s.Local, s.Remote)
			}
		}
	})
}

// TestParseLargeDump: an answer of 100,000 sockets, in reads that end anywhere
// between two messages, is read whole.
func TestParseLargeDump(t *testing.T) {
	const n = 100_000
	d := dump{protocol: report.TCP}
	for i := 0; i < n; {
		var read []byte
		for ; i < n && len(read) < bufferSize-1024; i++ {
			remote := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 443)
			read = append(read, message(tcpdiagGetsock, 0, diagBody(unix.AF_INET, 1, "192.0.2.1:40000", remote.String(), 33, uint32(i+1), attribute(8, 3)...)...)...)
		}
		must(t, d.parse(read))
	}
	must(t, d.parse(message(unix.NLMSG_DONE, 0, 0, 0, 0, 0)))
	if len(d.list) != n || !d.Done || d.list[n-1].Inode != n || d.list[n-1].Remote.Addr().String() != "10.1.134.159" {
		t.Errorf("%d sockets, done %t, the last %+v", len(d.list), d.Done, d.list[len(d.list)-1])
	}
}

// TestRequestsAgree: the request of old and one per family give the same
// sockets.
func TestRequestsAgree(t *testing.T) {
	listen := func(network, address string) net.Listener {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Skipf("no %s here: %v", network, err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	four, six := listen("tcp4", "127.0.0.1:0"), listen("tcp6", "[::1]:0")
	for _, l := range []net.Listener{four, six} {
		for range 2 {
			c, err := net.Dial("tcp", l.Addr().String())
			must(t, err)
			t.Cleanup(func() { _ = c.Close() })
		}
	}
	ports := map[uint16]bool{four.Addr().(*net.TCPAddr).AddrPort().Port(): true, six.Addr().(*net.TCPAddr).AddrPort().Port(): true}
	const states = 1<<fold.Established | 1<<fold.Listen
	collect := func(requests ...[]byte) []fold.Socket {
		var r Reader
		var list []fold.Socket
		for _, q := range requests {
			var err error
			list, err = r.dump(t.Context(), list, report.TCP, q)
			must(t, err)
		}
		list = slices.DeleteFunc(list, func(s fold.Socket) bool { return !ports[s.Local.Port()] && !ports[s.Remote.Port()] })
		for i := range list {
			list[i].Idle = 0 // advances
		}
		slices.SortFunc(list, func(a, b fold.Socket) int { return cmp.Compare(a.Cookie, b.Cookie) })
		return list
	}
	const all = askInfo | askSKMemInfo
	legacy := collect(legacyRequest(states, all))
	both := collect(requestV2(unix.AF_INET, report.TCP, states, all), requestV2(unix.AF_INET6, report.TCP, states, all))
	if !slices.Equal(legacy, both) || len(legacy) != 10 {
		t.Errorf("got %d sockets %+v\nand %d %+v\nwant the same 10", len(legacy), legacy, len(both), both)
	}
}

// TestRefusedRequest: an error of the kernel comes back with its number.
func TestRefusedRequest(t *testing.T) {
	var r Reader
	_, err := r.dump(t.Context(), nil, report.TCP, request(unix.SOCK_DIAG_BY_FAMILY, 1)) // too short
	if !errors.Is(err, unix.EINVAL) || !IsRefusal(err) {
		t.Errorf("got %v, want %v", err, unix.EINVAL)
	}
}

// TestMeasures: struct tcp_info of any length is read as far as it goes.
func TestMeasures(t *testing.T) {
	info := make([]byte, 240)
	for i := range info {
		info[i] = byte(i)
	}
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(info[at:]) }
	for n := range len(info) + 1 {
		s := fold.Socket{Protocol: report.TCP, State: fold.Established}
		measures(info[:n], &s)
		want := fold.Measures{}
		if n >= 56 {
			want.Idle = min(word(52), map[bool]uint32{true: word(56)}[n >= 60])
		}
		if n >= 72 {
			want.RTT = word(68)
		}
		if n >= 76 {
			want.RTTVar = word(72)
		}
		if n >= 104 {
			want.Retransmits = word(100)
		}
		if n >= 128 {
			want.Sent = binary.NativeEndian.Uint64(info[120:])
		}
		if n >= 136 {
			want.Received = binary.NativeEndian.Uint64(info[128:])
		}
		if n >= 160 {
			want.Segments = word(156)
		}
		if s.Measures != want {
			t.Errorf("of %d bytes: got %+v, want %+v", n, s.Measures, want)
		}
	}
}

// BenchmarkParseDump parses an answer of 10,000 sockets.
func BenchmarkParseDump(b *testing.B) {
	one := message(tcpdiagGetsock, 0, diagBody(unix.AF_INET6, 1, "[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.2]:50000", 33, 7, attribute(8, 3)...)...)
	answer := slices.Repeat(one, 10_000)
	var list []fold.Socket
	b.SetBytes(int64(len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		d := dump{list: list[:0], protocol: report.TCP}
		must(b, d.parse(answer))
		list = d.list
	}
}
