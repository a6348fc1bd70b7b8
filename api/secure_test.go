package api

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestStrictTransport: a browser is told to come by TLS only where dotm is what
// the host serves.
func TestStrictTransport(t *testing.T) {
	proxied := Options{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	for _, tt := range []struct {
		opt         Options
		host, proto string
		tls         bool
		want        bool
	}{
		{Options{}, "dotm.example", "", true, true},
		{Options{}, "dotm.example:443", "", true, true},
		{Options{}, "[2001:db8::1]", "", true, true},
		{Options{}, "dotm.example:4849", "", true, false},
		{Options{}, "dotm.example", "", false, false},
		{Options{}, "dotm.example", "https", false, false}, // nobody is believed that
		{proxied, "dotm.example", "https", false, true},
		{proxied, "dotm.example", "http", false, false},
		{proxied, "dotm.example:8443", "https", false, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.Host = tt.host
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if tt.proto != "" {
			r.Header.Set("X-Forwarded-Proto", tt.proto)
		}
		w := httptest.NewRecorder()
		guard(tt.opt, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if got := w.Header().Get("Strict-Transport-Security"); (got == "max-age=31536000") != tt.want || got != "" && !tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}
