package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/api/agents"
	"github.com/devops-trouble-map/dotm/api/archive"
	"github.com/devops-trouble-map/dotm/api/chart"
	"github.com/devops-trouble-map/dotm/api/declaration"
	"github.com/devops-trouble-map/dotm/api/door"
	"github.com/devops-trouble-map/dotm/api/files"
	"github.com/devops-trouble-map/dotm/api/findings"
	"github.com/devops-trouble-map/dotm/api/geo"
	"github.com/devops-trouble-map/dotm/api/incidents"
	"github.com/devops-trouble-map/dotm/api/monitoring"
	"github.com/devops-trouble-map/dotm/api/nodes"
	"github.com/devops-trouble-map/dotm/api/past"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/api/settings"
	"github.com/devops-trouble-map/dotm/api/stream"
	"github.com/devops-trouble-map/dotm/api/views"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/export"
)

// routes gives each room what it needs, and has it register its routes.
func (h *handler) routes(ctx context.Context, a huma.API) {
	moments := &read.Moments{Model: h.Model, History: h.History, Now: h.Now, Log: h.Log}
	shown := views.New(views.Options{
		Model: h.Model, Settings: h.Settings, Roles: h.Roles, Charts: h.Charts, Gaps: h.History, Moments: moments,
		This: h.This, Names: h.Names, Meter: h.Meter,
	})
	h.charts(ctx, a, shown)
	h.site(a, shown)
	past.Register(a, past.Options{Model: h.Model, Settings: h.Settings, History: h.History, Moments: moments, Now: h.Now, Member: h.Member})
	monitoring.Register(a, monitoring.Options{Systems: h.Monitoring, Settings: h.Settings, Moments: moments, ReadAlerts: h.ReadAlerts, Now: h.Now})
	incidents.Register(a, incidents.Options{Model: h.Incidents, Moments: moments, History: h.History, Checks: h.Monitoring, Telling: h.Telling, Now: h.Now})
	settings.Register(a, settings.Options{Settings: h.Settings, Theirs: ofOperators, MaxBody: maxBody / 2})
	archive.Register(h.mux, archive.Options{Keeping: h.Keeping, Log: h.Log})
	h.journal.Register(a)
	h.entrances(a)
	huma.Register(a, read.Op("version", "/version", "What runs here"), h.version)
}

// charts are the chart, and what is made of it.
func (h *handler) charts(ctx context.Context, a huma.API, shown *views.Views) {
	chart.Register(a, chart.Options{Views: shown, Roles: h.Roles, Boxes: h.Charts, Log: h.Log})
	files.Register(a, files.Options{Views: shown, Incidents: h.Incidents, Data: export.Data(h.Version.Data), URL: h.URL, Log: h.Log})
	declaration.Register(a, declaration.Options{Views: shown, Declaring: h.Declaring, URL: h.URL, Log: h.Log})
	geo.Register(a, geo.Options{Views: shown, Settings: h.Settings, Locator: h.Locator, Places: h.Places})
	stream.Register(ctx, h.mux, a.OpenAPI(), stream.Options{
		Model: h.Model, Views: shown, Incidents: h.Incidents, Meter: h.Meter, Now: h.Now,
		Seat: h.seat, Full: h.fullStream(), Still: h.still, Beside: h.beside, Log: h.Log,
	})
}

// site is what the chart is made of, and what is odd about that.
func (h *handler) site(a huma.API, shown *views.Views) {
	nodes.Register(a, nodes.Options{
		Model: h.Model, Views: shown, Settings: h.Settings, Fleet: h.Fleet, Recent: h.Recent, Strays: h.Monitoring,
		Agents: h.Agents, Hosts: h.Hosts, Now: h.Now, Log: h.Log,
	})
	findings.Register(a, findings.Options{
		Model: h.Model, Views: shown, Monitoring: h.Monitoring, Gaps: h.History, Agents: h.Agents,
		Revoked: func() map[string]time.Time { return nodes.Revoked(h.Agents) }, Silence: nodes.Silence,
		Targets: func() []collect.State { return h.Fleet.Targets() }, Now: h.Now, Version: h.Version.Version,
	})
}

// entrances are how people, scripts, agents and relays come in.
func (h *handler) entrances(a huma.API) {
	door.Register(a, door.Options{
		Logins: h.Logins, Provider: h.Provider, Open: h.open(), Proxied: len(h.Proxies) > 0, URL: h.URL, Log: h.Log, Question: files.Embeddable,
	})
	agents.Register(a, h.mux, agents.Options{
		Model: h.Model, Settings: h.Settings, Sink: h.Sink, Agents: h.Agents, Issuer: h.Issuer, Pin: h.Pin, Meter: h.Meter,
		Denied: func(doing string, err error) error { return door.Denied(h.Log, doing, err) }, Status: door.Status, Log: h.Log,
	})
}

// VersionAnswer is the answer of GET /version.
type VersionAnswer struct{ Body Version }

func (h *handler) version(context.Context, *struct{}) (*VersionAnswer, error) {
	return &VersionAnswer{h.Version}, nil
}
