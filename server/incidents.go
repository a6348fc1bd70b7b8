package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/server/incidents"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

var _ incidents.Site = followed{}

// ErrNoIncident is wrapped where an incident is named that isn't known.
var ErrNoIncident = errors.New("no such incident")

// Looked is when each check was last looked at, by id.
func (s followed) Looked() map[string]time.Time { return s.board.Looked() }

// Astray tells of the bad checks of hosts that are no nodes; see [watch.Board.Astray].
func (s followed) Astray(snap *topology.Snapshot, tell func(c *topology.Check, why string)) (unheard []string) {
	list, unheard := s.board.Astray(snap)
	for i := range list {
		tell(&list[i].Check, list[i].Why)
	}
	return unheard
}

// Incidents are all that are known, the open ones first, then the newest. They must not
// be written.
func (s *Server) Incidents() []*incident.Incident { return s.incidents.Incidents() }

// Incident finds one; nil if there is none.
func (s *Server) Incident(id string) *incident.Incident { return s.incidents.Incident(id) }

// IncidentNews is what is new of incidents since a number; see [incidents.Desk.News].
func (s *Server) IncidentNews(after uint64) (news []incident.News, last uint64, missed bool, more <-chan struct{}) {
	return s.incidents.News(after)
}

// OnIncident has a function told what is new of incidents: on the server that leads, once
// it was kept. It must not block, and is to be set before [Server.Run].
func (s *Server) OnIncident(f func(*incident.Incident, incident.What)) { s.incidents.OnChange(f) }

// Impact says what fails with components of a topology: nodes by name, services by id.
func (s *Server) Impact(snap *topology.Snapshot, of []string) (incident.Impact, error) {
	return s.incidents.Impact(snap, of)
}

// careTaking is that somebody takes care of an incident, on its way to the leader.
type careTaking struct{ ID, By, Comment string }

// AcknowledgeIncident notes that somebody takes care of an incident. The error wraps
// [ErrNoIncident] if there is none.
func (s *Server) AcknowledgeIncident(ctx context.Context, id, by, comment string) (in *incident.Incident, err error) {
	data := func() ([]byte, error) { return json.Marshal(careTaking{id, by, comment}) }
	body, err := s.handOver(ctx, askCareTaking, data, func() error {
		in, err = s.takeCare(ctx, id, by, comment)
		return err
	})
	if err == nil && body != nil {
		in = &incident.Incident{}
		if err := json.Unmarshal(body, in); err != nil {
			return nil, fmt.Errorf("reading the leader's answer: %w", err)
		}
	}
	return in, err
}

func (s *Server) takeCare(ctx context.Context, id, by, comment string) (*incident.Incident, error) {
	in := s.incidents.Acknowledge(ctx, id, by, comment)
	if in == nil {
		return nil, fmt.Errorf("acknowledging %q: %w", id, ErrNoIncident)
	}
	return in, nil
}
