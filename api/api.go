// Package api is dotm's HTTP side: the JSON API with its OpenAPI description,
// the live stream, the metrics and the web UI.
package api

import (
	"cmp"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/devops-trouble-map/dotm/api/door"
	"github.com/devops-trouble-map/dotm/api/incidents"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/limit"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// Prefix is the path of the API's first version.
const Prefix = "/api/v1"

// Model is the live topology.
type Model interface {
	// Snapshot is the newest topology.
	Snapshot() *topology.Snapshot
	// Changed returns a channel that is closed when a newer one is there.
	Changed() <-chan struct{}
	// Ready says what is wrong, if something is.
	Ready() error
}

// Settings are the settings in force and how to change them.
type Settings interface {
	// Settings returns those in force and the names of the fixed ones.
	Settings() (in store.Settings, fixed []string)
	// ChangeSettings applies and keeps a patch. Errors that wrap
	// [*store.InvalidError] are the asker's.
	ChangeSettings(ctx context.Context, p store.Patch) error
}

// Options of the API. Model, Settings, Sink, History, Keeping, Fleet, Incidents, Monitoring and Log are required.
type Options struct {
	Model    Model
	Settings Settings
	Sink     collect.Sink
	History  History
	Keeping  Keeping
	Fleet    Fleet
	// Roles says what the nodes are to each other, Charts where they stand.
	Roles  Roles
	Charts Charts
	// Incidents are what is in trouble.
	Incidents Incidents
	// Telling is who is told of that.
	Telling Telling
	// Monitoring is what monitoring systems say.
	Monitoring Monitoring
	// Declaring keeps what is declared of the site.
	Declaring Declaring
	// Recent remembers the numbers of the last hour.
	Recent Recent
	// Locator tells where public addresses are used, Places where nodes are; both
	// may be nil.
	Locator Locator
	Places  []Site
	// ReadAlerts reads what Alertmanager sends to a webhook; nil takes none.
	ReadAlerts ReadAlerts
	// Names gives the name of an address that doesn't report itself, "" if it has
	// none; it never blocks. Hosts lists the names of the server's hosts file.
	// Both may be nil.
	Names func(netip.Addr) string
	Hosts func() map[netip.Addr]string
	// UI is the built web UI; nil if it was not built.
	UI fs.FS
	// Meter counts what happens, of the server, too; nil has one of the API's own.
	// Vitals says how the server fares, Certificates when those end that it shows, by
	// what they are for. Both may be nil.
	Meter        *Meter
	Vitals       func() Vitals
	Certificates func() map[string]time.Time
	// Member says what this server is to others that share its store; nil, or an
	// answer of nil, if there are none.
	Member func() *Member
	// Now is the time of what is shown; nil is the real one.
	Now func() time.Time
	// This is the name of the node that the server runs on.
	This    string
	Version Version
	// Loopback says that only this machine can reach the server: nobody needs
	// to log in, and requests that come from elsewhere by a detour are refused.
	Loopback bool
	// Logins are the people who may log in. Without them everybody who reaches
	// the server may everything (--insecure).
	Logins *people.Logins
	// Provider vouches for people, by OpenID Connect; nil if nobody does.
	Provider door.Provider
	// Audit keeps who changed what; required.
	Audit Auditing
	// Agents are those that enrolled; nil if none can.
	Agents *auth.Agents
	// Issuer is the server's own CA, nil if there is none. Pin is the CA that
	// agents shall know the server by; zero if its certificate comes from
	// elsewhere.
	Issuer Issuer
	Pin    auth.Fingerprint
	// Proxies are the networks of the proxies before the server (--behind-proxy).
	// If there are any, nobody else is answered, and they are believed for whom
	// they ask.
	Proxies []netip.Prefix
	// Vouched is how those say who somebody is; nil if they don't.
	Vouched *Vouched
	// Limits bound what agents, viewers and strangers take; nil doesn't.
	Limits *limit.Limits
	// URL is the server's address as it knows it itself, without a slash at its
	// end.
	URL string
	Log *slog.Logger
}

// Data is where what a server shows comes from.
type Data string

// The sources of data. What isn't live is labelled so on every page.
const (
	Live   Data = "live"
	Demo   Data = "demo"   // made up
	Replay Data = "replay" // recorded before
)

// Version is the answer of GET /version.
type Version struct {
	Version  string    `json:"version"`
	Go       string    `json:"go"`
	Revision string    `json:"revision" doc:"source revision that it was built from"`
	Started  time.Time `json:"started"`
	Listen   string    `json:"listen"`
	Loopback bool      `json:"loopback" doc:"only this machine can reach it"`
	Insecure bool      `json:"insecure" doc:"anyone who reaches it may read and report"`
	Data     Data      `json:"data" enum:"live,demo,replay" doc:"where what is shown comes from: live is the site's own, demo is made up, replay was recorded before; whoever shows or exports the other two says so"`
}

// handler is what the routes share.
type handler struct {
	Options
	mux    *router
	crowd  crowd
	views  *views
	parts  *parts
	assets assets
}

// New makes the handler of everything that dotm serves. Long answers end when
// ctx does.
func New(ctx context.Context, opt Options) http.Handler {
	_, serve := build(ctx, opt)
	return serve
}

// build also returns what serves the routes, for tests to compare with the rules.
func build(ctx context.Context, opt Options) (*router, http.Handler) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Meter == nil {
		opt.Meter = NewMeter()
	}
	opt.Version.Data = cmp.Or(opt.Version.Data, Live)
	h := &handler{Options: opt, views: newViews(opt)}
	h.parts = newParts(h.views)
	mux := &router{ServeMux: http.NewServeMux()}
	h.mux = mux
	h.metrics(mux)
	cfg := huma.DefaultConfig("DevOps Trouble Map", opt.Version.Version)
	cfg.Info.Description = "The live layer-4 architecture chart of a site. Times are RFC 3339 UTC; errors are RFC 9457 problem documents; the ETag of a read is the revision of what it shows."
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = Prefix+"/openapi", "", ""
	cfg.CreateHooks = nil // no $schema in answers
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	a := humago.New(mux, cfg)
	h.routes(a)
	h.people(a)
	h.auditLog(a)
	h.agents(a)
	h.reports(mux, a.OpenAPI())
	h.stream(ctx, mux, a.OpenAPI())
	h.archives(mux)
	h.health(mux)
	h.static(mux)
	return mux, byStatus(opt.Meter, guard(opt, h.gate(sized(compress(&opt, mux)))))
}

// people registers how people and scripts come in.
func (h *handler) people(a huma.API) {
	door.Register(a, door.Options{
		Prefix: Prefix, Logins: h.Logins, Provider: h.Provider, Open: h.open(), Proxied: len(h.Proxies) > 0, URL: h.URL, Log: h.Log,
		Caller:  func(ctx context.Context) *door.Caller { return callerOf(ctx).door() },
		Changed: changed, Tried: tried, Failed: failed, Question: embedQuestion,
	})
}

// denied is the problem document of an error of package auth.
func (h *handler) denied(doing string, err error) error { return door.Denied(h.Log, doing, err) }

// What the routes about people answer.
type (
	// Session is the answer of GET /session.
	Session = door.Session
)

// schemaName tells the types of reports, of incidents and of the topology from those of
// the same name in answers.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.PkgPath() == reflect.TypeFor[report.Report]().PkgPath() && t != reflect.TypeFor[report.Report]() {
		return "Report" + name
	}
	if t.PkgPath() == reflect.TypeFor[incident.Incident]().PkgPath() && t != reflect.TypeFor[incident.Incident]() ||
		t.PkgPath() == reflect.TypeFor[incidents.Card]().PkgPath() {
		return "Incident" + name
	}
	if t.PkgPath() == reflect.TypeFor[topology.Node]().PkgPath() && slices.Contains([]string{"Node", "Service", "Connection"}, t.Name()) {
		return "Plain" + name
	}
	return name
}

// maxBody bounds every request body but reports, which have their own limit.
const maxBody = 1 << 20

func sized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || (r.URL.Path != Prefix+"/reports" && r.URL.Path != restorePath && r.URL.Path != webhookPath) {
			most := int64(maxBody)
			if r.URL.Path == declarationPath {
				most = maxDeclaration
			}
			r.Body = http.MaxBytesReader(w, r.Body, most)
		}
		next.ServeHTTP(w, r)
	})
}
