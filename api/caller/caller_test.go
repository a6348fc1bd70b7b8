package caller_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
)

// The audit log names whoever it is, and never what proves it.
func TestEntry(t *testing.T) {
	from := netip.MustParseAddr("::ffff:10.0.0.7")
	for name, tt := range map[string]struct {
		caller caller.Caller
		want   audit.Entry
		author string
		known  bool
	}{
		"a stranger": {caller.Caller{Address: from}, audit.Entry{Kind: audit.Nobody, From: "10.0.0.7"}, "dotm", false},
		"the socket": {caller.Caller{Local: true, Role: auth.Admin}, audit.Entry{Kind: audit.Socket, Role: "admin"}, "dotm", true},
		"a person": {
			caller.Caller{Person: people.Person{User: "ann", How: people.ByPassword}, Role: auth.Operator, Session: "secret", Address: from},
			audit.Entry{Kind: audit.User, Who: "ann", How: string(people.ByPassword), Role: "operator", From: "10.0.0.7"},
			"ann", true,
		},
		"a script": {
			caller.Caller{API: &people.APIToken{ID: "7", Name: "wall"}, Role: auth.Viewer, Address: from},
			audit.Entry{Kind: audit.Token, Who: "wall", Role: "viewer", From: "10.0.0.7"},
			"wall", true,
		},
		"an agent behind a relay": {
			caller.Caller{Agent: &auth.Agent{Name: "web", Role: auth.RoleAgent}, Via: "dmz", Address: from},
			audit.Entry{Kind: audit.Agent, Who: "web", Role: string(auth.RoleAgent), Via: "dmz", From: "10.0.0.7"},
			"web", true,
		},
		"something that wants to enrol": {
			caller.Caller{Token: "secret", Address: from}, audit.Entry{Kind: audit.Agent, From: "10.0.0.7"}, "dotm", false,
		},
	} {
		tt.want.What = "try"
		if diff := cmp.Diff(tt.want, tt.caller.Entry("try")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if tt.caller.Author() != tt.author || tt.caller.Known() != tt.known {
			t.Errorf("%s: author %s, known %v", name, tt.caller.Author(), tt.caller.Known())
		}
	}
}

// Only what came through [caller.Local] is from this machine: nothing in a request says so.
func TestLocal(t *testing.T) {
	var local bool
	ask := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { local = caller.IsLocal(r) })
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", http.NoBody)
	req.RemoteAddr = "127.0.0.1:1"
	if ask(httptest.NewRecorder(), req); local {
		t.Error("a request from loopback is taken for one through the socket")
	}
	if caller.Local(ask).ServeHTTP(httptest.NewRecorder(), req); !local {
		t.Error("a request through the socket is not known")
	}
}

// Who a gate let in is found again. Where there is none everybody may everything.
func TestOf(t *testing.T) {
	c := &caller.Caller{Role: auth.Viewer}
	if got := caller.Of(caller.With(t.Context(), c)); got != c {
		t.Errorf("%+v", got)
	}
	if got := caller.Of(t.Context()); got.Role != auth.Admin {
		t.Errorf("without a gate: %+v", got)
	}
}
