package api

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/api/incidents"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// Incidents are what is in trouble, and what is new of that.
type Incidents interface {
	incidents.Model
	// IncidentNews is what is new since a number, and the number of the last; missed
	// says that there was more. more is closed when there is something newer.
	IncidentNews(after uint64) (news []incident.News, last uint64, missed bool, more <-chan struct{})
}

// incidents registers what is about incidents.
func (h *handler) incidents(a huma.API) {
	incidents.Register(a, incidents.Options{
		Model: h.Incidents, Prefix: Prefix, Now: h.Now, Moment: h.moment,
		Used: func(ctx context.Context, service, node string, since time.Time) (*history.Usage, error) {
			return h.History.Used(ctx, service, node, since)
		},
		Parse: func(name, text string, now time.Time) (time.Time, error) {
			at, problem := parseMoment(name, text, now)
			if problem != nil {
				return at, problem
			}
			return at, nil
		},
		Asker: func(ctx context.Context) (string, bool) {
			c := callerOf(ctx)
			return cmp.Or(c.name(), "dotm"), c.role.May(auth.Operator)
		},
		Changed: changed,
		Acknowledge: func(ctx context.Context, id, author, comment string) (string, error) {
			return h.Monitoring.Acknowledge(ctx, id, author, comment)
		},
	})
}

// IncidentEvent is the data of the stream's event "incidents".
type IncidentEvent struct {
	Incidents []IncidentChange `json:"incidents"`
	// Reset says that some changes were missed: ask for the list anew.
	Reset bool `json:"reset,omitempty"`
}

// IncidentChange says that something is new of an incident.
type IncidentChange struct {
	ID     string          `json:"id"`
	State  incident.State  `json:"state"`
	What   incident.What   `json:"what"`
	Status topology.Status `json:"status"`
	Title  string          `json:"title"`
}

// incidentNews follows the news of incidents for one viewer.
type incidentNews struct {
	from Incidents
	last uint64
	more <-chan struct{}
}

// begin skips what is there: a viewer asks for that.
func (n *incidentNews) begin(from Incidents) {
	if n.from = from; from != nil {
		_, n.last, _, n.more = from.IncidentNews(math.MaxUint64)
	}
}

// take is what is new, as the data of an event; nil if nothing is.
func (n *incidentNews) take() []byte {
	if n.from == nil {
		return nil
	}
	news, last, missed, more := n.from.IncidentNews(n.last)
	n.last, n.more = last, more
	if len(news) == 0 && !missed {
		return nil
	}
	e := IncidentEvent{Incidents: make([]IncidentChange, 0, len(news)), Reset: missed}
	for _, x := range news {
		in := x.Incident
		e.Incidents = append(e.Incidents, IncidentChange{in.ID, in.State, x.What, in.Status, in.Title})
	}
	data, _ := json.Marshal(e)
	return data
}

// What the routes about incidents answer.
type (
	// IncidentList is the answer of GET /incidents.
	IncidentList = incidents.Page
	// IncidentCard is that of GET /incidents/{id}.
	IncidentCard = incidents.Card
	// Impact is that of GET /impact.
	Impact = incidents.WhatIf
)
