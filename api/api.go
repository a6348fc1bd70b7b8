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

	"github.com/devops-trouble-map/dotm/api/agents"
	"github.com/devops-trouble-map/dotm/api/archive"
	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/chart"
	"github.com/devops-trouble-map/dotm/api/coding"
	"github.com/devops-trouble-map/dotm/api/declaration"
	"github.com/devops-trouble-map/dotm/api/findings"
	"github.com/devops-trouble-map/dotm/api/geo"
	"github.com/devops-trouble-map/dotm/api/journal"
	"github.com/devops-trouble-map/dotm/api/monitoring"
	"github.com/devops-trouble-map/dotm/api/nodes"
	"github.com/devops-trouble-map/dotm/api/page"
	"github.com/devops-trouble-map/dotm/api/past"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/api/settings"
	"github.com/devops-trouble-map/dotm/api/stream"
	"github.com/devops-trouble-map/dotm/api/views"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/devops-trouble-map/dotm/api/door"
	"github.com/devops-trouble-map/dotm/api/incidents"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/limit"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// Prefix is the path of the API's first version.
const Prefix = read.Prefix

// What the API asks of the server.
type (
	// Model is the live topology.
	Model interface {
		stream.Model
		past.Model
	}
	// Settings are the settings in force and how to change them.
	Settings = settings.Settings
	// History is what is known of the past.
	History interface {
		past.History
		// At is the topology of a moment. Errors with a method Moment are the
		// asker's.
		At(ctx context.Context, at time.Time) (*topology.Snapshot, error)
	}
	// Keeping is how everything that is kept is saved, and brought back.
	Keeping = archive.Keeping
	// Fleet is which nodes there are, and how they come to report.
	Fleet = nodes.Fleet
	// Roles says what the nodes are to each other, and takes what people decide of that.
	Roles = chart.Roles
	// Charts keeps where the boxes of the charts stand.
	Charts interface {
		views.Charts
		chart.Boxes
	}
	// Incidents are what is in trouble, and what is new of that.
	Incidents interface {
		incidents.Model
		stream.Incidents
	}
	// Telling is who is told about incidents.
	Telling = incidents.Telling
	// Monitoring is what monitoring systems say, and which of them are read.
	Monitoring interface {
		monitoring.Systems
		findings.Monitoring
	}
	// Declaring keeps what is declared of the site.
	Declaring = declaration.Declaring
	// Recent remembers the numbers of the last hour.
	Recent = nodes.Recent
	// Locator tells where public addresses are used.
	Locator = geo.Locator
	// ReadAlerts reads what the Alertmanager of a source sends to a webhook.
	ReadAlerts = monitoring.ReadAlerts
	// Auditing keeps who changed what.
	Auditing = journal.Keeper
	// Issuer is the server's own CA.
	Issuer = agents.Issuer
)

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

// handler is what judges requests.
type handler struct {
	Options
	mux     *router
	journal *journal.Journal
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
	mux := &router{ServeMux: http.NewServeMux()}
	h := &handler{opt, mux, &journal.Journal{Keeper: opt.Audit, Log: opt.Log}}
	h.metrics(mux)
	h.routes(ctx, describe(mux, opt.Version.Version))
	h.health(mux)
	mux.Handle("/", page.Handler(opt.UI))
	near := func(r *http.Request) bool { return opt.Loopback || caller.IsLocal(r) }
	return mux, byStatus(opt.Meter, guard(opt, h.gate(sized(coding.Handler(mux, stream.Path, near)))))
}

// describe begins the API's description.
func describe(mux *router, version string) huma.API {
	cfg := huma.DefaultConfig("DevOps Trouble Map", version)
	cfg.Info.Description = "The live layer-4 architecture chart of a site. Times are RFC 3339 UTC; errors are RFC 9457 problem documents; the ETag of a read is the revision of what it shows."
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = Prefix+"/openapi", "", ""
	cfg.CreateHooks = nil // no $schema in answers
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	return humago.New(mux, cfg)
}

// schemaName tells the types of reports, of incidents, of the topology and of some rooms
// from those of the same name in answers.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	switch t.PkgPath() {
	case packageOf[report.Report]():
		return prefixed("Report", name)
	case packageOf[incident.Incident]():
		return prefixed("Incident", name)
	case packageOf[incidents.Card]():
		return "Incident" + name
	case packageOf[geo.Geo]():
		return prefixed("Geo", name)
	case packageOf[settings.Answer]():
		return "Settings" + name
	case packageOf[topology.Node]():
		if slices.Contains([]string{"Node", "Service", "Connection"}, t.Name()) {
			return "Plain" + name
		}
	}
	return name
}

func packageOf[T any]() string { return reflect.TypeFor[T]().PkgPath() }

// prefixed is a name of a package's type, but for the one that is called like it.
func prefixed(with, name string) string {
	if name == with {
		return name
	}
	return with + name
}

// maxBody bounds every request body but reports, which have their own limit.
const maxBody = 1 << 20

// sized refuses bodies that are larger than their route takes.
func sized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || (r.URL.Path != Prefix+"/reports" && r.URL.Path != archive.RestorePath && r.URL.Path != monitoring.WebhookPath) {
			most := int64(maxBody)
			if r.URL.Path == declaration.Path {
				most = declaration.MaxBody
			}
			r.Body = http.MaxBytesReader(w, r.Body, most)
		}
		next.ServeHTTP(w, r)
	})
}
