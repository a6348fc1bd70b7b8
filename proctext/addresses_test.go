package proctext

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fibTrie is what Linux 6.1 shows of a host with 10.77.0.2/24, a second address
// there, an address of its own network, one without any, and loopback.
const fibTrie = `Main:
  +-- 0.0.0.0/0 3 0 4
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.77.0.0/24 2 0 1
        |-- 10.77.0.0
           /16 link UNICAST
           /24 link UNICAST
        |-- 10.77.0.2
           /32 host LOCAL
        |-- 10.77.0.3
           /32 host LOCAL
        |-- 10.77.0.255
           /32 link BROADCAST
     |-- 10.77.9.1
        /32 host LOCAL
     |-- 198.51.100.7
        /32 host LOCAL
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
Local:
     |-- 10.77.0.2
        /32 host LOCAL
`

func TestParseFIBTrie(t *testing.T) {
	var got []string
	for _, p := range ParseFIBTrie([]byte(fibTrie)) {
		got = append(got, p.String())
	}
	want := []string{"10.77.0.2/24", "10.77.0.3/24", "10.77.9.1/16", "127.0.0.1/8", "198.51.100.7/32"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"", "\n\n", "/32 host LOCAL", "|-- x\n/32 host LOCAL", "|-- 10.0.0.1\n/x link UNICAST\n/33 link UNICAST", "|-- ::1\n/32 host LOCAL"} {
		if got := ParseFIBTrie([]byte(text)); len(got) != 0 {
			t.Errorf("%q gives %v", text, got)
		}
	}
}

func TestParseInet6(t *testing.T) {
	const text = `fe8000000000000000fc00fffe000001 04 40 20 80     eth0
fd000000000000000000000000000002 04 40 00 82     eth0
00000000000000000000000000000001 01 80 10 80       lo
`
	got, err := ParseInet6([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Interface{
		{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("fe80::fc:ff:fe00:1/64"), netip.MustParsePrefix("fd00::2/64")}},
		{Name: "lo", Addresses: []netip.Prefix{netip.MustParsePrefix("::1/128")}},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{
		"fe80 04 40 20 80 eth0", strings.Repeat("z", 32) + " 04 40 20 80 eth0",
		strings.Repeat("0", 32) + " 04 81 20 80 eth0", strings.Repeat("0", 32) + " 04 40 20 80",
	} {
		if got, err := ParseInet6([]byte(text)); err == nil {
			t.Errorf("%q gives %v", text, got)
		}
	}
}

// TestAddressesOfThisHost: the kernel that runs here is understood.
func TestAddressesOfThisHost(t *testing.T) {
	fib, err := os.ReadFile("/proc/net/fib_trie")
	if err != nil {
		t.Skip("no /proc/net/fib_trie: " + err.Error())
	}
	if len(ParseFIBTrie(fib)) == 0 && strings.Contains(string(fib), "LOCAL") {
		t.Errorf("no address in %s", fib)
	}
	if v6, err := os.ReadFile("/proc/net/if_inet6"); err == nil {
		if _, err := ParseInet6(v6); err != nil {
			t.Error(err)
		}
	}
}

func FuzzAddresses(f *testing.F) {
	f.Add([]byte(fibTrie))
	f.Add([]byte("fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, p := range ParseFIBTrie(text) {
			if !p.IsValid() || !p.Addr().Is4() {
				t.Errorf("%q gives %v", text, p)
			}
		}
		list, err := ParseInet6(text)
		for _, i := range list {
			for _, p := range i.Addresses {
				if !p.IsValid() || err != nil {
					t.Errorf("%q gives %v, %v", text, p, err)
				}
			}
		}
	})
}
