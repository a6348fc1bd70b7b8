// Package declaration keeps what is declared of the site, and tells how that differs from
// what is seen.
package declaration

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/journal"
	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/api/views"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/drift"
	"github.com/devops-trouble-map/dotm/view"
)

// Declaring keeps what is declared of the site.
type Declaring interface {
	// Declarations are the versions that are kept, the newest first.
	Declarations() []drift.Kept
	// KeepDeclaration keeps another version, made of version base, or of whichever
	// there is with -1.
	KeepDeclaration(ctx context.Context, k drift.Kept, base int) (drift.Kept, error)
	// DropDeclaration forgets all of them.
	DropDeclaration(ctx context.Context) error
}

// Path is where the declaration is kept; its body may have MaxBody bytes, more than others.
const (
	Path    = read.Prefix + "/drift/declaration"
	MaxBody = 4 * drift.MaxKept // as JSON
)

// Options are what the routes need. All are required.
type Options struct {
	Views     *views.Views
	Declaring Declaring
	// URL is the server's address as it knows it itself.
	URL string
	Log *slog.Logger
}

// drifts compares what is kept with what is seen; the last answer is kept for all who ask.
type drifts struct {
	Options
	mu   sync.Mutex
	last *drifted
}

type drifted struct {
	read.Question
	version  int
	within   time.Duration
	revision string
	answer   *drift.Answer
}

// Register adds the routes about what is declared, and how that differs from what is seen.
func Register(a huma.API, opt Options) {
	d := &drifts{Options: opt}
	op := read.Op("drift", "/drift", "What differs between the declaration that is kept and the chart", http.StatusNotFound, http.StatusUnprocessableEntity)
	op.Responses = map[string]*huma.Response{"204": {Description: "No declaration is kept: there is nothing to compare with"}}
	huma.Register(a, op, d.compare)
	huma.Register(a, read.Op("initial-declaration", "/drift/initial", "A first declaration, as the chart bears it out", http.StatusUnprocessableEntity), d.initial)
	huma.Register(a, read.Op("declaration", "/drift/declaration", "The declaration that is kept, in its newest version or another", http.StatusNotFound), d.get)
	keep := huma.Operation{
		OperationID: "keep-declaration", Method: http.MethodPut, Path: Path, Summary: "Keep another version of the declaration", MaxBodyBytes: MaxBody,
		Description: "Rules of dotm, a Compose file or a Backstage catalog. Of what is wrong in it the error names line, field, rule and value.",
		Errors:      []int{http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}
	huma.Register(a, keep, d.keep)
	huma.Register(a, huma.Operation{
		OperationID: "drop-declaration", Method: http.MethodDelete, Path: Path, Summary: "Forget the declaration, in all its versions", Errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, d.drop)
}

// noDeclaration is the problem where none is kept.
func noDeclaration() error {
	return huma.Error404NotFound("no declaration is kept: dotm drift --init writes a first one, dotm drift --push FILE keeps it")
}

// Params say what is compared.
type Params struct {
	Hide   string `query:"hide" doc:"none, or a list of old, ignored, infrastructure, observers"`
	At     string `query:"at" doc:"the moment to look at: RFC 3339, or a duration ago like -24h; empty is now"`
	Within string `query:"within" doc:"a duration: what was not open for longer counts as missing"`
	Match  string `header:"If-None-Match"`
	read.Near
}

// Answer is the answer of GET /drift: 204 without a body where nothing is declared,
// which is no error of who asks.
type Answer struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         Drift
}

// Drift is what came of a comparison, and with what.
type Drift struct {
	drift.Answer
	Declaration drift.Kept `json:"declaration" doc:"what was compared, without its text"`
}

func (d *drifts) compare(ctx context.Context, p *Params) (*Answer, error) {
	list := d.Declaring.Declarations()
	if len(list) == 0 {
		return &Answer{Status: http.StatusNoContent, CacheControl: "no-cache"}, nil
	}
	req, opt, wrong := p.question()
	if wrong != nil {
		return nil, wrong
	}
	shown, titles, err := d.observed(ctx, p.At, req)
	if err != nil {
		return nil, err
	}
	a, err := d.answer(&list[0], req, opt, shown, titles, p.At != "")
	if err != nil {
		return nil, err
	}
	out := &Answer{Status: http.StatusOK, ETag: read.ETag(shown.Revision + "-" + strconv.Itoa(list[0].Version)), CacheControl: "no-cache"}
	out.Body.Answer, out.Body.Declaration = *a, list[0]
	out.Body.Declaration.Text = ""
	return out, nil
}

// question reads the parameters.
func (p *Params) question() (req read.Question, opt drift.Options, wrong *huma.ErrorModel) {
	if req.Question, wrong = read.Parse("", p.Hide, "", read.HideDefault); wrong != nil {
		return req, opt, wrong
	}
	if req.Filter, wrong = p.Filter(); wrong != nil || p.Within == "" {
		return req, opt, wrong
	}
	within, err := time.ParseDuration(p.Within)
	if err != nil || within <= 0 {
		return req, opt, problem.Parameter("within", "must be a duration like 168h", p.Within)
	}
	opt.Within = within
	return req, opt, nil
}

// observed is the chart that is compared, with what people call pools.
func (d *drifts) observed(ctx context.Context, at string, req read.Question) (*view.Topology, map[string]string, error) {
	pools := req.Question
	pools.Level = view.LevelPool
	snap, err := d.Views.At(ctx, at)
	if err != nil {
		return nil, nil, err
	}
	look := func(q view.Question) (*view.Topology, error) { return d.Views.Whole(q, snap, at != "") }
	shown, err := look(req.Question)
	if err != nil {
		return nil, nil, problem.Internal(d.Log, "computing the chart", err)
	}
	merged, err := look(pools)
	if err != nil {
		return nil, nil, problem.Internal(d.Log, "computing the pools", err)
	}
	part, there := shown.Narrow(req.Filter, views.SignalsOf(snap))
	if !there {
		return nil, nil, read.NoFocus(req.Focus)
	}
	return part, drift.Titles(merged), nil
}

// answer compares, once for all who ask the same of the same.
func (d *drifts) answer(k *drift.Kept, req read.Question, opt drift.Options, shown *view.Topology, titles map[string]string, past bool) (*drift.Answer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.last; l != nil && !past && l.Question == req && l.version == k.Version && l.within == opt.Within && l.revision == shown.Revision {
		return l.answer, nil
	}
	declared, err := k.Parse()
	if err != nil {
		return nil, problem.Internal(d.Log, "reading the declaration", err)
	}
	a := drift.Compare(declared, drift.Observed{Topology: shown, Titles: titles, From: d.URL}, opt)
	if !past {
		d.last = &drifted{req, k.Version, opt.Within, shown.Revision, a}
	}
	return a, nil
}

// InitialParams say of which chart a first declaration is written.
type InitialParams struct {
	Exact bool `query:"exact" doc:"name each node of a pool"`
	Params
}

// InitialAnswer is the answer of GET /drift/initial.
type InitialAnswer struct {
	Body struct {
		Text string `json:"text"`
	}
}

func (d *drifts) initial(ctx context.Context, p *InitialParams) (*InitialAnswer, error) {
	req, _, wrong := p.question()
	if wrong != nil {
		return nil, wrong
	}
	shown, titles, err := d.observed(ctx, p.At, req)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	if err := drift.Initial(&text, drift.Observed{Topology: shown, Titles: titles}, p.Exact); err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	out := &InitialAnswer{}
	out.Body.Text = text.String()
	return out, nil
}

// Wanted names a version.
type Wanted struct {
	Version int `query:"version" minimum:"0" doc:"0 is the newest"`
}

// Kept is the answer of GET and PUT /drift/declaration.
type Kept struct{ Body Declaration }

// Declaration is what is kept.
type Declaration struct {
	drift.Kept
	Versions []drift.Kept `json:"versions" doc:"that are kept, the newest first, without their texts"`
}

func (d *drifts) get(_ context.Context, p *Wanted) (*Kept, error) {
	list := d.Declaring.Declarations()
	if len(list) == 0 {
		return nil, noDeclaration()
	}
	out := &Kept{Body: Declaration{Kept: list[0], Versions: []drift.Kept{}}}
	found := p.Version == 0
	for _, k := range list {
		if k.Version == p.Version {
			out.Body.Kept, found = k, true
		}
		k.Text = ""
		out.Body.Versions = append(out.Body.Versions, k)
	}
	if !found {
		return nil, huma.Error404NotFound("version " + strconv.Itoa(p.Version) + " of the declaration is not kept")
	}
	return out, nil
}

// NewDeclaration is the body of PUT /drift/declaration.
type NewDeclaration struct {
	Body struct {
		Name   string `json:"name" minLength:"1" maxLength:"200" doc:"of the file: answers name it"`
		Folder string `json:"folder,omitempty" maxLength:"200" doc:"in which the file lay: as which Compose knows a project without a name"`
		Text   string `json:"text" doc:"the file: rules of dotm, a Compose file or a Backstage catalog"`
		Base   *int   `json:"base,omitempty" minimum:"0" doc:"the version that it was made of, 0 for none: another one is a conflict; without it, whichever there is"`
	}
}

func (d *drifts) keep(ctx context.Context, p *NewDeclaration) (*Kept, error) {
	k := drift.Kept{Name: fileName(p.Body.Name), Folder: p.Body.Folder, Text: p.Body.Text, Bytes: len(p.Body.Text)}
	if k.Bytes > drift.MaxKept {
		return nil, wrongDeclaration(&drift.Errors{List: []*drift.Error{{Place: drift.Place{File: k.Name}, Rule: "must be at most " + strconv.Itoa(drift.MaxKept) + " bytes, has " + strconv.Itoa(k.Bytes)}}})
	}
	declared, err := k.Parse()
	if err != nil {
		return nil, wrongDeclaration(err)
	}
	k.Form, k.Rules = declared.Form, len(declared.Rules)
	if k.By = caller.Of(ctx).Name(); k.By == "" {
		k.By = string(caller.Of(ctx).Kind())
	}
	base := -1
	if p.Body.Base != nil {
		base = *p.Body.Base
	}
	kept, err := d.Declaring.KeepDeclaration(ctx, k, base)
	journal.Changed(ctx, k.Name, nil, map[string]any{"version": kept.Version, "form": k.Form, "rules": k.Rules, "bytes": k.Bytes})
	var other interface{ OtherVersion() bool }
	switch {
	case errors.As(err, &other):
		return nil, huma.Error409Conflict(err.Error())
	case err != nil:
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	return d.get(ctx, &Wanted{Version: kept.Version})
}

// fileName is the name of a file as one line of plain text.
func fileName(name string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name))
}

// Wrong is what is wrong with a declaration, as the value of the error's detail.
type Wrong struct {
	Line  int    `json:"line,omitempty"`
	Field string `json:"field,omitempty"`
	Value string `json:"value,omitempty"`
}

// wrongDeclaration is the problem of a declaration that can't be read: all that is wrong
// with it.
func wrongDeclaration(err error) error {
	var all *drift.Errors
	if !errors.As(err, &all) {
		return huma.Error422UnprocessableEntity(err.Error())
	}
	details := make([]error, 0, len(all.List))
	for _, e := range all.List {
		details = append(details, &huma.ErrorDetail{Message: e.Rule, Location: "body.text", Value: Wrong{e.Line, e.Field, e.Value}})
	}
	return huma.Error422UnprocessableEntity(err.Error(), details...)
}

func (d *drifts) drop(ctx context.Context, _ *struct{}) (*struct{}, error) {
	list := d.Declaring.Declarations()
	if len(list) == 0 {
		return nil, noDeclaration()
	}
	journal.Changed(ctx, list[0].Name, map[string]any{"version": list[0].Version, "form": list[0].Form, "rules": list[0].Rules}, nil)
	if err := d.Declaring.DropDeclaration(ctx); err != nil {
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	return nil, nil //nolint:nilnil // no content
}
