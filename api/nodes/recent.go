package nodes

import (
	"context"
	"net/http"
	"time"

	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/recent"
)

// Recent remembers the numbers of the last hour.
type Recent interface {
	// Recent tells those of a node; false if none were seen.
	Recent(node string) (recent.Hour, bool)
}

// recently registers the reads of the last hour.
func (h *routes) recently(a huma.API) {
	huma.Register(a, read.Op("node-recent", "/nodes/{name}/recent", "The numbers of a node's last hour, as far as this server saw them", http.StatusNotFound), h.recent)
}

// Series are the numbers of a node or a service, one for each step.
type Series struct {
	Open        []*float32 `json:"open" doc:"connections that were open; null is not known, here and in all lists"`
	Failed      []*float32 `json:"failed,omitempty" doc:"attempts within the step that came to nothing: refused, without an answer, or given up"`
	Retransmits []*float32 `json:"retransmit_ratio,omitempty" doc:"share of segments that were sent again, from 0 to 1, the mean over open sockets"`
	RTT         []*float32 `json:"rtt_us,omitempty" doc:"round-trip time in microseconds, the mean over open sockets"`
	Sent        []*float32 `json:"sent_bytes_per_second,omitempty" doc:"payload that the node sent"`
	Received    []*float32 `json:"received_bytes_per_second,omitempty" doc:"payload that it received"`
}

// NodeRecent is the answer of GET /nodes/{name}/recent.
type NodeRecent struct {
	From     time.Time         `json:"from" doc:"when the step of the first number began; all lists begin there and are of one length"`
	Step     int               `json:"step_seconds"`
	Node     Series            `json:"node"`
	Services map[string]Series `json:"services" doc:"by id: the node's services that had a connection within the hour"`
}

// RecentParams name a node.
type RecentParams struct {
	Name string `path:"name" maxLength:"600"`
}

// RecentAnswer is not named by a revision: numbers come without one.
type RecentAnswer struct {
	CacheControl string `header:"Cache-Control"`
	Body         NodeRecent
}

func (h *routes) recent(_ context.Context, p *RecentParams) (*RecentAnswer, error) {
	if h.Model.Snapshot().Block(p.Name) == nil {
		return nil, huma.Error404NotFound("no node is named " + problem.Quote(p.Name))
	}
	hour, ok := h.Recent.Recent(p.Name)
	if !ok {
		hour.From = h.Now() // the first come within a step
	}
	out := &RecentAnswer{CacheControl: "no-cache"}
	out.Body = NodeRecent{
		From: hour.From.UTC(), Step: int(recent.Step.Seconds()), Node: seriesOf(&hour.Node), Services: map[string]Series{},
	}
	if out.Body.Node.Open == nil {
		out.Body.Node.Open = []*float32{}
	}
	for id, s := range hour.Services {
		out.Body.Services[id] = seriesOf(&s)
	}
	return out, nil
}

func seriesOf(s *recent.Series) Series {
	return Series{
		Open: points(s.Open), Failed: points(s.Failed), Retransmits: points(s.Retransmits),
		RTT: points(s.RTT), Sent: points(s.Sent), Received: points(s.Received),
	}
}

// points are numbers as JSON has them: what is none is null.
func points(list []float32) []*float32 {
	if list == nil {
		return nil
	}
	out := make([]*float32, 0, len(list))
	for i := range list {
		if v := list[i]; v == v {
			out = append(out, &v)
		} else {
			out = append(out, nil)
		}
	}
	return out
}
