package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/export"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// exports makes files of charts, each once for all who ask.
type exports struct {
	*handler
	mu   sync.Mutex
	made []file // the newest last
}

// The bounds of files: that of one, and those that are kept.
const (
	maxFile  = 64 << 20
	maxFiles = 8
)

// file is a chart in a format, as of a revision.
type file struct {
	partQuestion
	format   export.Format
	revision string
	past     bool
	incident string // its id, and of when
	name     string
	body     *coded
}

// ExportParams are a format and a chart.
type ExportParams struct {
	Format   string `path:"format" maxLength:"20" doc:"svg, dot, mermaid, graphml, drawio, markdown, csv, json, plantuml, structurizr, backstage or netbox"`
	Incident string `query:"incident" maxLength:"64" doc:"the id of an incident: a picture shows its path"`
	ChartParams
}

// ExportAnswer is a file.
type ExportAnswer struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	Coding       string `header:"Content-Encoding" hidden:"true"`
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Disposition  string `header:"Content-Disposition"`
	Body         []byte
}

// exports registers the files.
func (h *handler) exports(a huma.API) {
	op := read("export", "/export/{format}", "The chart as a file: a picture, a graph, a document or a table", http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	content := map[string]*huma.MediaType{}
	for _, f := range export.Formats() {
		media, _, _ := strings.Cut(f.Media(), ";")
		content[media] = &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
	}
	content["application/json"].Schema = a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[export.Chart](), true, "ExportedChart")
	op.Responses = map[string]*huma.Response{"200": {Description: "The file", Content: content}}
	e := &exports{handler: h}
	huma.Register(a, op, e.export)
}

func (e *exports) export(ctx context.Context, p *ExportParams) (*ExportAnswer, error) {
	format := export.Format(p.Format)
	if !format.Known() {
		list := make([]string, 0, 8)
		for _, f := range export.Formats() {
			list = append(list, string(f))
		}
		problem := wrongParameter("format", "must be one of "+strings.Join(list, ", "), p.Format)
		problem.Errors[0].Location = "path.format"
		return nil, problem
	}
	req, problem := p.question()
	if problem != nil {
		return nil, problem
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
	out := &ExportAnswer{Status: http.StatusOK, ContentType: format.Media(), ETag: etag(revision), CacheControl: "no-cache"}
	out.Disposition = `inline; filename="` + f.name + `"`
	if callerOf(ctx).isEmbed() {
		out.CacheControl = embedCache
	}
	if p.holds(revision) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	if out.Body, out.Coding, err = f.body.in(p.Codings); err != nil {
		return nil, e.internal("compressing the file", err)
	}
	return out, nil
}

// chart is what is exported, with what is known around it.
func (e *exports) chart(ctx context.Context, p *ExportParams, req partQuestion) (*export.Chart, error) {
	snap, err := e.moment(ctx, p.At)
	if err != nil {
		return nil, err
	}
	out := &export.Chart{Data: export.Data(e.Version.Data), Focus: req.Focus, Hops: req.Hops, URL: e.URL}
	if p.At == "" {
		shown, there, err := e.newest(req)
		if err != nil {
			return nil, e.internal("computing the chart", err)
		}
		if !there {
			return nil, noFocus(req.Focus)
		}
		out.Topology = *shown
	} else {
		past, err := e.past(ctx, p.At, snap, req)
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
		return nil, wrongParameter("incident", "must be the id of one that is kept", p.Incident)
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

// newest is a chart as it is now, or a part of it.
func (e *exports) newest(req partQuestion) (shown *view.Topology, there bool, err error) {
	if !req.Any() {
		shown, err = e.views.whole(req.Question)
		return shown, true, err
	}
	k, err := e.parts.newest(req)
	if err != nil {
		return nil, false, err
	}
	defer k.mu.Unlock()
	return k.shown, k.there, nil
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
func (e *exports) file(format export.Format, req partQuestion, c *export.Chart) (*file, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.made {
		if f := &e.made[i]; f.partQuestion == req && f.format == format && f.revision == c.Revision && f.past == c.Past && f.incident == ofIncident(c) {
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
		return nil, e.internal("writing the file", err)
	}
	if len(e.made) == maxFiles {
		e.made = append(e.made[:0:0], e.made[1:]...)
	}
	e.made = append(e.made, file{req, format, c.Revision, c.Past, ofIncident(c), format.FileName(c), &coded{plain: body.Bytes()}})
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
