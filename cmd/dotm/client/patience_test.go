package client

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A command that is told to come later reads again, writes only once, and doesn't
// wait for long.
func TestDoPatiently(t *testing.T) {
	asked, after := 0, "0"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked < 3 {
			w.Header().Set("Retry-After", after)
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer srv.Close()
	for _, c := range []struct {
		method, after string
		asked, status int
	}{
		{http.MethodGet, "0", 3, http.StatusOK},
		{http.MethodPost, "0", 1, http.StatusTooManyRequests},
		{http.MethodGet, "60", 1, http.StatusTooManyRequests},
		{http.MethodGet, "", 1, http.StatusTooManyRequests},
	} {
		asked, after = 0, c.after
		req, err := http.NewRequestWithContext(t.Context(), c.method, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := doPatiently(srv.Client(), req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if asked != c.asked || resp.StatusCode != c.status {
			t.Errorf("%s with %q: asked %d times, %s", c.method, c.after, asked, resp.Status)
		}
	}
}
