package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// FuzzHops: whatever X-Forwarded-For says, who asks has an address, the list is
// short, and nobody but a proxy is believed.
func FuzzHops(f *testing.F) {
	f.Add("10.0.0.1:5", "198.51.100.7, 10.0.0.2")
	f.Add("127.0.0.1:5", "[2001:db8::1]:80, unknown, 10.0.0.1")
	f.Add("10.0.0.1:5", "::ffff:10.0.0.1,,10.0.0.1")
	f.Add("@", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18")
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-For", forwarded)
		hops := (&handler{Options: Options{Proxies: proxies}}).hops(r)
		if len(hops) == 0 || len(hops) > maxHops {
			t.Fatalf("%v", hops)
		}
		if from := peer(r); !contains(proxies, from) && hops[0] != from {
			t.Errorf("%s is believed to be %s", from, hops[0])
		}
	})
}

func TestHops(t *testing.T) {
	h := &handler{Options: Options{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	for _, tt := range []struct {
		remote, header, want string
	}{
		{"10.0.0.1:99", "", "10.0.0.1"},
		{"10.0.0.1:99", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:99", "198.51.100.1, 203.0.113.9", "203.0.113.9 198.51.100.1"},
		{"10.0.0.1:99", "203.0.113.9, 10.0.0.2", "203.0.113.9"},
		{"10.0.0.1:99", "203.0.113.9:1234", "203.0.113.9"},
		{"10.0.0.1:99", "[2001:db8::1]:1234", "2001:db8::1"},
		{"10.0.0.1:99", "203.0.113.9, unknown", "10.0.0.1"},
		{"10.0.0.1:99", "<script>", "10.0.0.1"},
		{"203.0.113.9:99", "198.51.100.1", "203.0.113.9 198.51.100.1"},
		{"[::ffff:10.0.0.1]:99", "203.0.113.9", "203.0.113.9"},
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		req.RemoteAddr = tt.remote
		if tt.header != "" {
			req.Header.Set("X-Forwarded-For", tt.header)
		}
		var got []string
		for _, a := range h.hops(req) {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s, %q: %v, want %s", tt.remote, tt.header, got, tt.want)
		}
	}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	req.RemoteAddr = "10.0.0.1:99"
	req.Header.Set("X-Forwarded-For", strings.Repeat("203.0.113.9,", 1000)+"203.0.113.9")
	if n := len(h.hops(req)); n > maxHops {
		t.Errorf("%d hops", n)
	}
}
