package incidents

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api/read"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// Limits of one question.
const (
	mostAsked = 20
	mostUsers = 500
)

// ImpactParams name what fails.
type ImpactParams struct {
	Of    []string `query:"of" required:"true" minItems:"1" maxItems:"20" doc:"a list of nodes, of services by their id, or of node:port"`
	Since string   `query:"since" default:"-720h" doc:"from when on uses count: RFC 3339, or a duration ago"`
	At    string   `query:"at" doc:"the moment to tell of: RFC 3339, or a duration ago like -24h; empty is now"`
}

// WhatIf is the answer of GET /impact.
type WhatIf struct {
	At time.Time `json:"at"`
	// Of is what fails.
	Of []incident.Ref `json:"of"`
	incident.Impact
	// Users are who was seen to use it.
	Users []User `json:"users" doc:"who was seen to use it, the latest first"`
	More  int    `json:"more_users,omitempty"`
	// Days and Covered say how much of the time was seen.
	Days    int       `json:"covered_days" doc:"days of which anything was seen"`
	Covered float64   `json:"coverage" minimum:"0" maximum:"1" doc:"the part of the time that was seen"`
	Since   time.Time `json:"since"`
	// Text is the same in sentences.
	Text []string `json:"text"`
}

// User is somebody who used a service.
type User struct {
	Node    string    `json:"node"`
	Process string    `json:"process"`
	Service string    `json:"service" doc:"that it used"`
	Last    time.Time `json:"last"`
}

// ImpactAnswer is the answer of GET /impact.
type ImpactAnswer struct{ Body WhatIf }

func (h *routes) impact(ctx context.Context, p *ImpactParams) (*ImpactAnswer, error) {
	if len(p.Of) > mostAsked {
		return nil, huma.Error422UnprocessableEntity(fmt.Sprintf("of must name at most %d, names %d", mostAsked, len(p.Of)))
	}
	now := h.Now()
	since, err := read.Moment("since", p.Since, now)
	if err != nil {
		return nil, err
	}
	snap, err := h.Moments.At(ctx, p.At)
	if err != nil {
		return nil, err
	}
	out := &ImpactAnswer{Body: WhatIf{At: snap.At().UTC(), Since: since.UTC(), Of: []incident.Ref{}, Users: []User{}, Covered: 1, Days: -1}}
	var ids []string
	for _, of := range p.Of {
		list := meant(snap, of)
		if len(list) == 0 {
			return nil, huma.Error404NotFound("nothing is named " + short(of) + ": write a node, node:port, or the id of a service; dotm map lists them")
		}
		out.Body.Of = append(out.Body.Of, list...)
	}
	for i := range out.Body.Of {
		ids = append(ids, out.Body.Of[i].Component)
	}
	if out.Body.Impact, err = h.Model.Impact(snap, ids); err != nil {
		return nil, huma.Error404NotFound(err.Error())
	}
	if err := h.users(ctx, snap, &out.Body, since); err != nil {
		return nil, wrong(err)
	}
	out.Body.Text = sentences(&out.Body)
	return out, nil
}

func short(s string) string {
	if len(s) > 100 {
		s = strings.ToValidUTF8(s[:100], "") + "…"
	}
	return strconv.Quote(s)
}

// meant are the components that somebody wrote: a node, a service, or what listens on a
// port of a node. A node's name may hold colons, as IPv6 addresses do: the longest name
// that exists counts.
func meant(snap *topology.Snapshot, of string) (out []incident.Ref) {
	if b := snap.Block(of); b != nil {
		return []incident.Ref{{Component: of, Name: of, Node: of}}
	}
	if s := snap.Service(of); s != nil {
		return []incident.Ref{refOf(s)}
	}
	i := strings.LastIndexByte(of, ':')
	if i <= 0 {
		return nil
	}
	b := snap.Block(strings.Trim(of[:i], "[]"))
	if b == nil {
		return nil
	}
	for j := range b.Services {
		if s := &b.Services[j]; strconv.Itoa(int(s.Port)) == of[i+1:] && !s.Own {
			out = append(out, refOf(s))
		}
	}
	return out
}

func refOf(s *topology.Service) incident.Ref {
	return incident.Ref{
		Component: s.ID, Node: s.Node, Service: s.ID,
		Name: fmt.Sprintf("%s %s:%d", s.Node, cmp.Or(s.Process, string(s.Protocol)), s.Port),
	}
}

// users adds who was seen to use it, and how much of the time was seen: the least of all
// that is asked about.
func (h *routes) users(ctx context.Context, snap *topology.Snapshot, out *WhatIf, since time.Time) error {
	for _, s := range services(snap, out.Of) {
		u, err := h.History.Used(ctx, s.ID, s.Node, since)
		if err != nil {
			return err
		}
		if out.Days < 0 || u.Days < out.Days {
			out.Days = u.Days
		}
		out.Covered = min(out.Covered, u.Covered)
		for i := range u.Uses {
			if u.Uses[i].Observer {
				continue
			}
			out.Users = append(out.Users, User{u.Uses[i].Client.Node, u.Uses[i].Client.Process, s.ID, u.Uses[i].Last})
		}
	}
	if out.Days < 0 {
		out.Days, out.Covered = 0, 0
	}
	slices.SortFunc(out.Users, func(a, b User) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Process, b.Process), cmp.Compare(a.Service, b.Service))
	})
	if n := len(out.Users); n > mostUsers {
		out.Users, out.More = out.Users[:mostUsers], n-mostUsers
	}
	return nil
}

// services are those that are asked about, or run on what is.
func services(snap *topology.Snapshot, of []incident.Ref) (out []*topology.Service) {
	for i := range of {
		if of[i].Service != "" {
			if s := snap.Service(of[i].Service); s != nil {
				out = append(out, s)
			}
			continue
		}
		b := snap.Block(of[i].Node)
		for j := range b.Services {
			if s := &b.Services[j]; !s.Own && len(out) < mostUsers {
				out = append(out, s)
			}
		}
	}
	return out
}

// sentences tell an impact. They never say that nobody needs something: what could not be
// seen is told.
func sentences(im *WhatIf) []string {
	names := make([]string, 0, len(im.Of))
	for i := range im.Of {
		names = append(names, im.Of[i].Name)
	}
	what := strings.Join(names, ", ")
	verb := "fails"
	if len(names) > 1 {
		verb = "fail"
	}
	now := ""
	if n := len(im.Confirmed); n > 0 {
		now = fmt.Sprintf("%d that need it are in trouble already, ", n)
	}
	out := []string{fmt.Sprintf("If %s %s: %s%d would fail next, %d may, %d would be spared as something stands in.",
		what, verb, now, len(im.Predicted), len(im.Possible), len(im.Spared))}
	days := "days"
	if im.Days == 1 {
		days = "day"
	}
	coverage := fmt.Sprintf("%d covered %s (%d %% coverage)", im.Days, days, int(100*im.Covered))
	if len(im.Users)+im.More == 0 {
		return append(out, fmt.Sprintf("No use of %s was seen in %s; standby, yearly and short connections may be missed.", what, coverage))
	}
	return append(out, fmt.Sprintf("%d were seen to use it in %s.", len(im.Users)+im.More, coverage))
}
