package conntrack

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
)

// TestQuestion compares with the attributes that the kernel's headers ask for.
func TestQuestion(t *testing.T) {
	for _, tt := range []struct {
		local, peer string
		family      byte
	}{
		{"192.0.2.1:1234", "203.0.113.2:80", unix.AF_INET},
		{"[2001:db8::1]:1234", "[2001:db8::2]:80", unix.AF_INET6},
	} {
		local, peer := netip.MustParseAddrPort(tt.local), netip.MustParseAddrPort(tt.peer)
		body := append([]byte{tt.family, 0, 0, 0}, nest(ctaTupleOrig, tupleOf(unix.IPPROTO_UDP, local, peer))...)
		want := message(ctGet, unix.NLM_F_REQUEST, body...)
		if got := appendQuestion(nil, unix.IPPROTO_UDP, pair{endOf(local), endOf(peer)}); !slices.Equal(got, want) {
			t.Errorf("got\n% x\nwant\n% x", got, want)
		}
	}
}

// TestFinder asks about sockets of which there is nothing to tell.
func TestFinder(t *testing.T) {
	s := newSpace(t)
	s.do(func() error { return insert(0, 10, 2) })
	f := s.finder()
	at := netip.MustParseAddrPort
	client, called := inserted(4)
	plain, plainCalled := inserted(5)
	tests := []struct {
		name        string
		protocol    report.Protocol
		local, peer netip.AddrPort
		want        string // empty: not ok
	}{
		{"translated", report.TCP, client, called, "10.0.2.2:80"},
		{"translated, mapped", report.TCP, mapped(client), mapped(called), "10.0.2.2:80"},
		{"plain", report.TCP, plain, plainCalled, ""},
		{"not tracked", report.TCP, at("192.0.2.1:1"), at("192.0.2.2:2"), ""},
		{"not tracked, IPv6", report.TCP, at("[2001:db8::1]:1"), at("[2001:db8::2]:2"), ""},
		{"another protocol", report.UDP, client, called, ""},
		{"unknown protocol", "sctp", client, called, ""},
		{"no address", report.TCP, netip.AddrPort{}, called, ""},
		{"no peer", report.TCP, client, netip.AddrPort{}, ""},
		{"two families", report.TCP, client, at("[2001:db8::2]:2"), ""},
		{"the server of it", report.TCP, at("10.0.2.2:80"), client, ""},
		{"translated, again", report.TCP, client, called, "10.0.2.2:80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, err := f.Peer(tt.protocol, tt.local, tt.peer)
			if err != nil || ok != (tt.want != "") || ok && got.String() != tt.want {
				t.Errorf("got %v, %t, %v, want %q", got, ok, err, tt.want)
			}
		})
	}
	if n := testing.AllocsPerRun(10, func() { f.Peer(report.TCP, client, called) }); n > 0 {
		t.Errorf("a question costs %v allocations", n)
	}
	must(t, f.Close())
	must(t, f.Close())
	if _, ok, err := f.Peer(report.TCP, client, called); ok || err != nil {
		t.Errorf("after the end, got %t, %v", ok, err)
	}
}

func mapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
}

// TestFinderWithoutRights: the first question tells, and the last.
func TestFinderWithoutRights(t *testing.T) {
	s := newSpace(t)
	s.do(func() error { return insert(0, 1, 1) })
	s.do(dropNetAdmin)
	f := s.finder()
	client, called := inserted(0)
	err := s.try(func() error { _, _, err := f.Peer(report.TCP, client, called); return err })
	if !errors.Is(err, ErrRefused) || f.conn != nil {
		t.Errorf("got %v, open %t, want ErrRefused and the end", err, f.conn != nil)
	}
}

// TestFinderInactive: where there is no tracking, a Finder is there, and finds
// nothing.
func TestFinderInactive(t *testing.T) {
	f, err := New(Options{Proc: t.TempDir()}).Open()
	if !errors.Is(err, ErrInactive) {
		t.Errorf("got %v, want ErrInactive", err)
	}
	client, called := inserted(0)
	if _, ok, err := f.Peer(report.TCP, client, called); ok || err != nil {
		t.Errorf("got %t, %v", ok, err)
	}
	must(t, f.Close())
}
