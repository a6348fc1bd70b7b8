package conntrack

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/netlink"
)

// message builds a netlink message, padded as the kernel pads.
func message(kind, flags uint16, body ...byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = append(b, make([]byte, 8)...)
	b = append(b, body...)
	return append(b, make([]byte, netlink.Align(len(b))-len(b))...)
}

// attribute builds a struct nlattr.
func attribute(kind uint16, value ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofNlAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, netlink.Align(len(b))-len(b))...)
}

// nest builds an attribute of attributes.
func nest(kind uint16, attributes []byte) []byte {
	return attribute(kind|unix.NLA_F_NESTED, attributes...)
}

// tupleBody builds one direction of TCP.
func tupleBody(src, dst netip.AddrPort) []byte { return tupleOf(unix.IPPROTO_TCP, src, dst) }

func tupleOf(protocol byte, src, dst netip.AddrPort) []byte {
	from, to := uint16(ctaIPv4Src), uint16(ctaIPv4Dst)
	if src.Addr().Is6() {
		from, to = ctaIPv6Src, ctaIPv6Dst
	}
	port := func(kind, p uint16) []byte { return attribute(kind, byte(p>>8), byte(p)) }
	return append(
		nest(ctaTupleIP, append(attribute(from, src.Addr().AsSlice()...), attribute(to, dst.Addr().AsSlice()...)...)),
		nest(ctaTupleProto, slices.Concat(attribute(ctaProtoNum, protocol), port(ctaProtoSrcPort, src.Port()), port(ctaProtoDstPort, dst.Port())))...)
}

// told builds the body of a message about a connection, of both directions and
// more attributes.
func told(protocol byte, from, called, server, seen string, more ...[]byte) []byte {
	at := netip.MustParseAddrPort
	b := []byte{unix.AF_INET, unix.NFNETLINK_V0, 0, 0}
	b = append(b, nest(ctaTupleOrig, tupleOf(protocol, at(from), at(called)))...)
	b = append(b, nest(ctaTupleReply, tupleOf(protocol, at(server), at(seen)))...)
	return append(b, slices.Concat(more...)...)
}

func status(bits uint32) []byte { return appendWord(nil, ctaStatus, bits) }

func tcpState(s State) []byte {
	return nest(ctaProtoinfo, nest(ctaProtoinfoTCP, append(attribute(2, 7), attribute(ctaProtoinfoTCPState, byte(s))...)))
}

func errorBody(no unix.Errno) []byte {
	return binary.NativeEndian.AppendUint32(nil, uint32(-int32(no)))
}

// parse reads a whole answer, or a part.
func (a *answer) parse(b []byte) error { return a.Parse(b, a) }

var done = message(unix.NLMSG_DONE, unix.NLM_F_MULTI, 0, 0, 0, 0)

func TestParse(t *testing.T) {
	at := netip.MustParseAddrPort
	const client, service, backend, masked = "192.0.2.7:40000", "203.0.113.1:443", "10.0.0.2:8443", "10.0.0.1:50000"
	broken := func(b []byte, at int, value byte) []byte {
		b = slices.Clone(b)
		b[at] = value
		return b
	}
	plain := told(unix.IPPROTO_TCP, client, service, service, client, status(0x18e))
	dnat := told(unix.IPPROTO_TCP, client, service, backend, client)
	tests := []struct {
		name string
		body []byte
		want []Flow
	}{
		{"plain", plain, nil},
		{
			"destination", slices.Concat(dnat, status(ipsSeenReply|ipsAssured|ipsDstNAT), tcpState(TimeWait)),
			[]Flow{{report.TCP, at(client), at(service), at(backend), at(client), TimeWait, true, true}},
		},
		{
			"source", told(unix.IPPROTO_UDP, client, service, service, masked, status(ipsSeenReply|ipsSrcNAT)),
			[]Flow{{report.UDP, at(client), at(service), at(service), at(masked), None, true, false}},
		},
		{
			"both, unanswered", told(unix.IPPROTO_TCP, client, service, backend, masked, tcpState(SynSent), status(ipsSrcNAT|ipsDstNAT)),
			[]Flow{{report.TCP, at(client), at(service), at(backend), at(masked), SynSent, false, false}},
		},
		{
			"port of the destination alone", told(unix.IPPROTO_TCP, client, service, "203.0.113.1:8443", client),
			[]Flow{{report.TCP, at(client), at(service), at("203.0.113.1:8443"), at(client), None, false, false}},
		},
		{
			"port of the source alone", told(unix.IPPROTO_TCP, client, service, service, "192.0.2.7:1024"),
			[]Flow{{report.TCP, at(client), at(service), at(service), at("192.0.2.7:1024"), None, false, false}},
		},
		{
			"IPv6", told(unix.IPPROTO_TCP, "[2001:db8::1]:40000", "[2001:db8::2]:443", "[fd00::2]:8443", "[2001:db8::1]:40000"),
			[]Flow{{report.TCP, at("[2001:db8::1]:40000"), at("[2001:db8::2]:443"), at("[fd00::2]:8443"), at("[2001:db8::1]:40000"), None, false, false}},
		},
		{
			"unknown attributes in between", slices.Concat(dnat[:4], attribute(200, 1, 2, 3), dnat[4:], attribute(7, 0, 0, 1, 1), nest(25, attribute(1, 1))),
			[]Flow{{report.TCP, at(client), at(service), at(backend), at(client), None, false, false}},
		},
		{
			"state of another protocol", slices.Concat(dnat, nest(ctaProtoinfo, nest(3, attribute(1, 3)))),
			[]Flow{{report.TCP, at(client), at(service), at(backend), at(client), None, false, false}},
		},
		{"SCTP", told(unix.IPPROTO_SCTP, client, service, backend, client, status(ipsDstNAT)), nil},
		{"no reply", dnat[:4+len(dnat[4:])/2], nil},
		{"no attributes", dnat[:4], nil},
		{"broken attribute", broken(dnat, 4, 3), nil},
		{"attribute beyond the end", broken(dnat, 5, 0xff), nil},
		{"broken address", broken(dnat, 4+4+4, 7), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := Table{limit: 10}
			a := answer{table: &table}
			must(t, a.parse(append(message(ctNew, unix.NLM_F_MULTI, tt.body...), done...)))
			table.index()
			if got := slices.Collect(table.All()); !slices.Equal(got, tt.want) || !a.Done {
				t.Errorf("got %+v, done %t, want %+v", got, a.Done, tt.want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		string(message(ctNew, 0, 1, 2, 3)): "nfgenmsg must have 4 bytes, has 3",
		string(message(99, 0)):             "netlink message has the unexpected type 99",
	} {
		a := answer{table: &Table{limit: 10}}
		if err := a.parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want one with %q", err, want)
		}
	}
}

// TestUnfiltered: a kernel that doesn't heed the filter gives itself away by
// the first connection that wasn't asked for.
func TestUnfiltered(t *testing.T) {
	for _, tt := range []struct {
		filter filter
		status uint32
		want   bool
	}{
		{toAnother, ipsDstNAT | ipsAssured, false},
		{toAnother, ipsDstNAT | ipsSrcNAT, false},
		{toAnother, ipsSrcNAT, true},
		{toAnother, ipsSeenReply, true},
		{fromAnother, ipsSrcNAT | ipsSeenReply, false},
		{fromAnother, ipsSrcNAT | ipsDstNAT, true},
		{fromAnother, 0, true},
		{filter{}, 0, false},
		{filter{}, ipsDstNAT, false},
	} {
		a := answer{table: &Table{}, filter: tt.filter}
		must(t, a.parse(message(ctNew, 0, told(unix.IPPROTO_TCP, "192.0.2.1:1", "192.0.2.2:2", "192.0.2.2:2", "192.0.2.1:1", status(tt.status))...)))
		if a.unfiltered != tt.want {
			t.Errorf("%+v and status %#x: unfiltered %t, want %t", tt.filter, tt.status, a.unfiltered, tt.want)
		}
	}
}

// FuzzParse: whatever comes, the parser neither panics nor reads outside nor
// writes; what it keeps is translated, and found again.
func FuzzParse(f *testing.F) {
	for _, file := range recordings(f) {
		f.Add(recorded(f, file))
	}
	f.Add(append(message(unix.NLMSG_NOOP, 0), message(unix.NLMSG_DONE, unix.NLM_F_DUMP_INTR, 0, 0, 0, 0)...))
	f.Add(message(unix.NLMSG_ERROR, 0, errorBody(unix.EPERM)...))
	f.Add(message(ctNew, 0, told(unix.IPPROTO_UDP, "[2001:db8::1]:1", "[2001:db8::2]:2", "192.0.2.3:3", "[2001:db8::1]:1")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		given := slices.Clip(slices.Clone(b))
		table := Table{limit: 100}
		a := answer{table: &table}
		_ = a.parse(given)
		if !bytes.Equal(given, b) {
			t.Error("the parser wrote into its input")
		}
		if most := len(b) / (unix.SizeofNlMsghdr + sizeofGenmsg); table.Len()+table.LeftOut > most {
			t.Errorf("%d bytes give %d flows", len(b), table.Len()+table.LeftOut)
		}
		table.index()
		for flow := range table.All() {
			checkFound(t, &table, flow)
		}
		for _, r := range table.Forwards(nil) {
			if r.From == r.To || r.Count < 1 {
				t.Errorf("forward is %+v", r)
			}
		}
	})
}

// checkFound checks that a flow of the table is one, and that the table names
// it, or another flow of the same socket.
func checkFound(t *testing.T, table *Table, f Flow) {
	t.Helper()
	if !f.Source() && !f.Destination() || f.Protocol != report.TCP && f.Protocol != report.UDP {
		t.Errorf("flow is %+v", f)
	}
	alike := func(same, other func(Flow) netip.AddrPort, peer func(Flow) netip.AddrPort) (others int) {
		seen := map[netip.AddrPort]bool{}
		for o := range table.All() {
			if o.Protocol == f.Protocol && same(o) == same(f) && peer(o) == peer(f) {
				seen[other(o)] = true
			}
		}
		return len(seen)
	}
	from, called := func(f Flow) netip.AddrPort { return f.From }, func(f Flow) netip.AddrPort { return f.Called }
	server, seen := func(f Flow) netip.AddrPort { return f.Server }, func(f Flow) netip.AddrPort { return f.Seen }
	got, ok := table.Behind(f.Protocol, f.From, f.Called)
	if one := alike(from, server, called) == 1; ok != (one && f.Destination()) || ok && got != f.Server {
		t.Errorf("behind %+v: got %v, %t", f, got, ok)
	}
	got, ok = table.Caller(f.Protocol, f.Server, f.Seen)
	if one := alike(server, from, seen) == 1; ok != (one && f.Source()) || ok && got != f.From {
		t.Errorf("caller of %+v: got %v, %t", f, got, ok)
	}
}
