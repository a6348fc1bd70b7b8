// Package files gives charts as files.
package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/coding"
	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/api/views"
	"github.com/devops-trouble-map/dotm/trouble/incident"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/export"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// exports makes files of charts, each once for all who ask.
type exports struct {
	Options
	mu   sync.Mutex
	made []file // the newest last
}

// Incidents are what is in trouble.
type Incidents interface {
	// Incident is one of them, or nil.
	Incident(id string) *incident.Incident
}

// Options are what the routes need. All are required.
type Options struct {
	Views     *views.Views
	Incidents Incidents
	// Data is where what is shown comes from.
	Data export.Data
	// URL is the server's address as it knows it itself.
	URL string
	Log *slog.Logger
}

// The bounds of files: that of one, and those that are kept.
const (
	maxFile  = 64 << 20
	maxFiles = 8
)

// file is a chart in a format, as of a revision.
type file struct {
	read.Question
	format   export.Format
	revision string
	past     bool
	incident string // its id, and of when
	name     string
	body     *coding.Body
}

// Params are a format and a chart.
type Params struct {
	Format   string `path:"format" maxLength:"20" doc:"svg, dot, mermaid, graphml, drawio, markdown, csv, json, plantuml, structurizr, backstage or netbox"`
	Incident string `query:"incident" maxLength:"64" doc:"the id of an incident: a picture shows its path"`
	read.ChartParams
}

// Answer is a file.
type Answer struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	Coding       string `header:"Content-Encoding" hidden:"true"`
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Disposition  string `header:"Content-Disposition"`
	Body         []byte
}

// Register adds the routes.
func Register(a huma.API, opt Options) {
	op := read.Op("export", "/export/{format}", "The chart as a file: a picture, a graph, a document or a table", http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	content := map[string]*huma.MediaType{}
	for _, f := range export.Formats() {
		media, _, _ := strings.Cut(f.Media(), ";")
		content[media] = &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
	}
	content["application/json"].Schema = a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[export.Chart](), true, "ExportedChart")
	op.Responses = map[string]*huma.Response{"200": {Description: "The file", Content: content}}
	e := &exports{Options: opt}
	huma.Register(a, op, e.export)
}

func (e *exports) export(ctx context.Context, p *Params) (*Answer, error) {
	format := export.Format(p.Format)
	if !format.Known() {
		list := make([]string, 0, 8)
		for _, f := range export.Formats() {
			list = append(list, string(f))
		}
		wrong := problem.Parameter("format", "must be one of "+strings.Join(list, ", "), p.Format)
		wrong.Errors[0].Location = "path.format"
		return nil, wrong
	}
	req, wrong := p.Question()
	if wrong != nil {
		return nil, wrong
	}
	chart, err := e.chart(ctx, p, req)
	if err != nil {
		return nil, err
	}
	f, err := e.file(format, req, chart)
	if err != nil {
		return nil, err
	}
	revision := f.revision + f.incident
	out := &Answer{Status: http.StatusOK, ContentType: format.Media(), ETag: read.ETag(revision), CacheControl: "no-cache"}
	out.Disposition = `inline; filename="` + f.name + `"`
	if caller.Of(ctx).IsEmbed() {
		out.CacheControl = embedCache
	}
	if p.Holds(revision) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	if out.Body, out.Coding, err = f.body.In(p.Codings); err != nil {
		return nil, problem.Internal(e.Log, "compressing the file", err)
	}
	return out, nil
}

// chart is what is exported, with what is known around it.
func (e *exports) chart(ctx context.Context, p *Params, req read.Question) (*export.Chart, error) {
	snap, err := e.Views.At(ctx, p.At)
	if err != nil {
		return nil, err
	}
	out := &export.Chart{Data: e.Data, Focus: req.Focus, Hops: req.Hops, URL: e.URL}
	if p.At == "" {
		shown, there, err := e.Views.Newest(req)
		if err != nil {
			return nil, problem.Internal(e.Log, "computing the chart", err)
		}
		if !there {
			return nil, read.NoFocus(req.Focus)
		}
		out.Topology = *shown
	} else {
		past, err := e.Views.Then(ctx, p.At, snap, req)
		if err != nil {
			return nil, err
		}
		out.Topology, out.Past, out.Gaps = past.Topology, past.Past, past.Gaps
	}
	out.Narrowed = narrowed(req.Filter, &out.Topology)
	out.Alerts = alertsOf(snap, &out.Topology)
	if p.Incident == "" {
		return out, nil
	}
	if out.Incident = e.Incidents.Incident(p.Incident); out.Incident == nil {
		return nil, problem.Parameter("incident", "must be the id of one that is kept", p.Incident)
	}
	if p.At != "" {
		out.Incident = cmp.Or(out.Incident.As(out.At), out.Incident)
	}
	return out, nil
}

// narrowed says in words what a chart is narrowed to beside its focus.
func narrowed(f view.Filter, shown *view.Topology) string {
	f.Focus = ""
	return f.Words(func(id string) string {
		for i := range shown.Lanes {
			if l := &shown.Lanes[i]; l.ID == id && l.Title != "" {
				return l.Title
			}
		}
		return id
	})
}

// alertsOf are the checks in trouble of what a chart shows.
func alertsOf(snap *topology.Snapshot, shown *view.Topology) []export.Alert {
	of := map[string]bool{}
	for _, list := range [][]view.Node{shown.Pools, shown.Groups, shown.Nodes} {
		for i := range list {
			of[list[i].Name] = true
			for k := range list[i].Members {
				of[list[i].Members[k].Name] = true
			}
		}
	}
	alerts := []export.Alert{}
	for b := range snap.Blocks() {
		if !of[b.Node.Name] {
			continue
		}
		for i := range b.Checks {
			if c := &b.Checks[i]; c.Status.Bad() {
				alerts = append(alerts, export.Alert{
					Source: c.Source, Node: b.Node.Name, Service: c.Service, Name: c.Name, Status: c.Status, Since: c.Since,
					Handled: !c.Open() && !c.Stale, Stale: c.Stale,
				})
			}
		}
	}
	export.SortAlerts(alerts)
	return alerts
}

// file makes a file, or finds it made. It holds up others who want one meanwhile, so
// that the same one isn't made twice.
func (e *exports) file(format export.Format, req read.Question, c *export.Chart) (*file, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.made {
		if f := &e.made[i]; f.Question == req && f.format == format && f.revision == c.Revision && f.past == c.Past && f.incident == ofIncident(c) {
			return f, nil
		}
	}
	var body bytes.Buffer
	err := export.Write(&bounded{&body}, format, c)
	var large *export.LimitError
	switch {
	case errors.As(err, &large):
		return nil, huma.NewError(http.StatusRequestEntityTooLarge, large.Error())
	case errors.Is(err, errLargeFile):
		return nil, huma.NewError(http.StatusRequestEntityTooLarge, "the file would be larger than 64 MiB: take level pool or group, or a part of the chart with focus and hops")
	case err != nil:
		return nil, problem.Internal(e.Log, "writing the file", err)
	}
	if len(e.made) == maxFiles {
		e.made = append(e.made[:0:0], e.made[1:]...)
	}
	e.made = append(e.made, file{req, format, c.Revision, c.Past, ofIncident(c), format.FileName(c), &coding.Body{Plain: body.Bytes()}})
	return &e.made[len(e.made)-1], nil
}

// ofIncident names the incident of a chart as it stands: it changes while the chart
// doesn't.
func ofIncident(c *export.Chart) string {
	if c.Incident == nil {
		return ""
	}
	return "-" + c.Incident.ID + "-" + strconv.FormatInt(c.Incident.Updated.UnixMilli(), 36)
}

var errLargeFile = errors.New("the file is too large")

// bounded is a buffer that takes no more than a file may have.
type bounded struct{ *bytes.Buffer }

// Write refuses what is too much.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxFile {
		return 0, errLargeFile
	}
	return b.Buffer.Write(p)
}
