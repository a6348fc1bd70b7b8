package stream

import (
	"encoding/json"
	"math"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// Incidents are what is new of what is in trouble.
type Incidents interface {
	// IncidentNews is what is new since a number, and the number of the last; missed
	// says that there was more. more is closed when there is something newer.
	IncidentNews(after uint64) (news []incident.News, last uint64, missed bool, more <-chan struct{})
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
