package api

import (
	"net/http"
	"strings"

	"github.com/devops-trouble-map/dotm/api/agents"
	"github.com/devops-trouble-map/dotm/api/archive"
	"github.com/devops-trouble-map/dotm/api/declaration"
	"github.com/devops-trouble-map/dotm/api/monitoring"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/collect/push"
)

// rule says who may ask for a route, and under which name that stands in the
// audit log.
type rule struct {
	// role is the least that a person or an API token needs; "" if everybody may.
	role auth.Role
	// what is the operation in the audit log; empty if it is not written there:
	// what reads, and what unwritten lists.
	what string
	// agents may, too: their own results.
	agents bool
	// weight is when the answer takes a whole chart in memory.
	weight weight
}

// Shorthands of the table below.
var (
	everybody = rule{}
	viewer    = rule{role: auth.Viewer}
	whole     = rule{role: auth.Viewer, weight: always}
	moment    = rule{role: auth.Viewer, weight: ofPast}
)

// weight tells light reads from those that take a whole chart in memory.
type weight int

// When they do. Both are of reads that leave no entry in the audit log.
const (
	never  weight = iota
	ofPast        // with the parameter at
	always
)

func operator(what string) rule { return rule{role: auth.Operator, what: what} }
func admin(what string) rule    { return rule{role: auth.Admin, what: what} }
func anyone(what string) rule   { return rule{what: what} }

// rules are those of all routes, by the pattern that serves them. What is not
// here is for administrators only; a test proves that nothing is missing.
var rules = map[string]rule{
	"/":            everybody, // the files of the UI; see ruleOf for the rest
	"GET /healthz": everybody,
	"GET /readyz":  everybody,
	"GET /metrics": viewer,

	"GET " + Prefix + "/openapi.json":     viewer,
	"GET " + Prefix + "/openapi.yaml":     viewer,
	"GET " + Prefix + "/openapi-3.0.json": viewer,
	"GET " + Prefix + "/openapi-3.0.yaml": viewer,

	// The site.
	"GET " + Prefix + "/topology":                    moment,
	"GET " + Prefix + "/stream":                      viewer,
	"GET " + Prefix + "/nodes":                       whole,
	"GET " + Prefix + "/nodes/{name}":                moment,
	"GET " + Prefix + "/nodes/{name}/recent":         viewer,
	"GET " + Prefix + "/services":                    whole,
	"GET " + Prefix + "/services/{id}":               whole,
	"GET " + Prefix + "/services/{id}/uses":          viewer,
	"GET " + Prefix + "/connections":                 whole,
	"GET " + Prefix + "/suggestions":                 whole,
	"GET " + Prefix + "/report":                      whole,
	"GET " + Prefix + "/report/definitions/{system}": whole,
	"GET " + Prefix + "/explain":                     moment,
	"GET " + Prefix + "/history":                     viewer,
	"GET " + Prefix + "/events":                      viewer,
	"GET " + Prefix + "/events/counts":               viewer,
	"GET " + Prefix + "/diff":                        whole,
	"GET " + Prefix + "/checks":                      moment,
	"GET " + Prefix + "/declared":                    viewer,
	"GET " + Prefix + "/sources":                     viewer,
	"GET " + Prefix + "/incidents":                   moment,
	"GET " + Prefix + "/incidents/{id}":              moment,
	"GET " + Prefix + "/impact":                      moment,
	"GET " + Prefix + "/roles":                       viewer,
	"GET " + Prefix + "/geo":                         whole,
	"GET " + Prefix + "/notify":                      viewer,
	"GET " + Prefix + "/settings":                    viewer,
	"GET " + Prefix + "/version":                     viewer,
	"GET " + Prefix + "/export/{format}":             whole,
	"GET " + Prefix + "/drift":                       whole,
	"GET " + Prefix + "/drift/initial":               whole,
	"GET " + declaration.Path:                        viewer,

	// What operators do: take care, say what belongs to what and what is called
	// how, arrange the chart.
	"POST " + Prefix + "/checks":                  {role: auth.Operator, agents: true},
	"POST " + monitoring.WebhookPath:              {role: auth.Operator, agents: true},
	"POST " + Prefix + "/checks/{id}/acknowledge": operator("acknowledge"),
	"POST " + Prefix + "/checks/{id}/map":         operator("map-check"),
	"POST " + Prefix + "/mapping/preview":         operator(""),
	"PATCH " + Prefix + "/incidents/{id}":         operator("acknowledge-incident"),
	"PATCH " + Prefix + "/roles":                  operator("choose-roles"),
	"PATCH " + Prefix + "/charts/{level}":         operator("move-boxes"),
	"POST " + Prefix + "/charts/{level}/tidy":     operator("tidy-chart"),
	"POST " + Prefix + "/sources/refresh":         operator("refresh-sources"),
	"POST " + Prefix + "/sources/{name}/refresh":  operator("refresh-source"),
	"PUT " + declaration.Path:                     operator("keep-declaration"),
	"DELETE " + declaration.Path:                  operator("drop-declaration"),
	"PATCH " + Prefix + "/settings":               operator("change-settings"), // of them a few: see ofOperators

	// What administrators do: whatever has the server ask an address, holds a
	// secret, or tells others.
	"POST " + Prefix + "/nodes":              admin("add-node"),
	"DELETE " + Prefix + "/nodes/{name}":     admin("remove-node"),
	"DELETE " + Prefix + "/targets":          admin("remove-target"),
	"POST " + Prefix + "/sources":            admin("add-source"),
	"PUT " + Prefix + "/sources/{name}":      admin("change-source"),
	"DELETE " + Prefix + "/sources/{name}":   admin("remove-source"),
	"POST " + Prefix + "/sources/test":       admin("test-source"),
	"POST " + Prefix + "/notify/{name}/test": admin("try-receiver"),
	"GET " + archive.BackupPath:              admin("backup"),
	"POST " + archive.RestorePath:            admin("restore"),
	"GET " + Prefix + "/audit":               admin(""),

	// People and scripts.
	"GET " + Prefix + "/session":                  everybody,
	"POST " + Prefix + "/login":                   anyone("login"),
	"GET " + Prefix + "/login/oidc":               everybody,
	"GET " + Prefix + "/login/oidc/callback":      anyone("login-oidc"),
	"POST " + Prefix + "/setup":                   anyone("setup"),
	"POST " + Prefix + "/logout":                  anyone("logout"),
	"POST " + Prefix + "/password":                {role: auth.Viewer, what: "change-password"},
	"POST " + linksPath:                           admin("new-login-link"), // and through the socket only
	"GET " + Prefix + "/sessions":                 viewer,                  // one's own
	"DELETE " + Prefix + "/sessions/{id}":         {role: auth.Viewer, what: "end-session"},
	"GET " + Prefix + "/users":                    admin(""),
	"POST " + Prefix + "/users":                   admin("add-user"),
	"PATCH " + Prefix + "/users/{name}":           admin("change-user"),
	"DELETE " + Prefix + "/users/{name}":          admin("remove-user"),
	"POST " + Prefix + "/users/{name}/link":       admin("new-user-link"),
	"DELETE " + Prefix + "/users/{name}/sessions": admin("end-sessions"),
	"GET " + Prefix + "/api-tokens":               admin(""),
	"POST " + Prefix + "/api-tokens":              admin("create-api-token"),
	"DELETE " + Prefix + "/api-tokens/{id}":       admin("remove-api-token"),

	// Agents and relays. Their reports are judged by themselves, see permit.
	"POST " + push.Path:                 admin(""),
	"POST " + agents.EnrolPath:          anyone("enrol"),
	"POST " + agents.CertificatePath:    anyone("renew-certificate"),
	"GET " + Prefix + "/ca":             everybody,
	"GET " + Prefix + "/agents":         admin(""),
	"DELETE " + Prefix + "/agents/{id}": admin("revoke-agent"),
	"GET " + Prefix + "/tokens":         admin(""),
	"POST " + Prefix + "/tokens":        admin("create-token"),
	"DELETE " + Prefix + "/tokens/{id}": admin("remove-token"),
}

// unwritten are the routes that take something in and leave no entry in the audit
// log, with the reason.
var unwritten = map[string]string{
	"POST " + push.Path:                   "reports are what is observed, and come by the second",
	"POST " + Prefix + "/checks":          "results are what is observed, and come by the second",
	"POST " + monitoring.WebhookPath:      "alerts are what is observed, and come by the second",
	"POST " + Prefix + "/mapping/preview": "it changes nothing",
}

// ofOperators are the settings that operators may change: what checks are about,
// and what is called how.
var ofOperators = []string{"aliases", "mapping", "names"}

// ruleOf is the rule of a request: that of the pattern which will serve it.
func (h *handler) ruleOf(r *http.Request) rule {
	_, pattern := h.mux.Handler(r)
	if pattern == "/" { // nothing else serves it
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if reads && !strings.HasPrefix(r.URL.Path, "/api/") {
			return everybody
		}
		return viewer // who is told that there is nothing
	}
	if found, ok := rules[pattern]; ok {
		return found
	}
	return rule{role: auth.Admin, what: pattern}
}

// router notes what it serves, so that a test can compare that with the rules.
type router struct {
	*http.ServeMux
	patterns []string
}

// HandleFunc is [http.ServeMux.HandleFunc].
func (m *router) HandleFunc(pattern string, f func(http.ResponseWriter, *http.Request)) {
	m.patterns = append(m.patterns, pattern)
	m.ServeMux.HandleFunc(pattern, f)
}

// Handle is [http.ServeMux.Handle].
func (m *router) Handle(pattern string, h http.Handler) {
	m.patterns = append(m.patterns, pattern)
	m.ServeMux.Handle(pattern, h)
}
