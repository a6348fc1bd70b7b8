package api

import (
	"net/http"
	"testing"

	"github.com/devops-trouble-map/dotm/auth"
)

// TestUnwrittenRuleIsForAdmins: a route that nobody wrote a rule for is closed.
func TestUnwrittenRuleIsForAdmins(t *testing.T) {
	m := &router{ServeMux: http.NewServeMux()}
	m.HandleFunc("GET /new", func(http.ResponseWriter, *http.Request) {})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/new", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if got := (&handler{mux: m}).ruleOf(r); got.role != auth.Admin || got.what == "" {
		t.Errorf("%+v", got)
	}
}
