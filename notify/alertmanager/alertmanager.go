// Package alertmanager tells a Prometheus Alertmanager of incidents: each is an alert
// there, to be routed, grouped and silenced like others.
package alertmanager

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/notify"
	"github.com/devops-trouble-map/dotm/topology"
)

// The life of an alert: an Alertmanager takes one for resolved when its end has come,
// so an open one is told each minute, with an end some minutes ahead.
const (
	repeat = time.Minute
	ahead  = 5 * time.Minute
)

// alert is a postableAlert of Alertmanager's API v2 (api/v2/openapi.yaml there).
type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// Sender posts to one Alertmanager.
type Sender struct{ opt notify.Options }

var (
	_ notify.Sender   = (*Sender)(nil)
	_ notify.Repeater = (*Sender)(nil)
)

// New makes a sender. The URL is that of the pages, as --web.external-url has it.
func New(opt notify.Options) *Sender { return &Sender{opt} }

// Repeat is how often an open incident is told.
func (*Sender) Repeat() time.Duration { return repeat }

// Send posts the incident as it is now. Labels stay the same for its whole life, for
// they are its identity there; what changes is in annotations.
func (s *Sender) Send(ctx context.Context, n *notify.Notice) error {
	in := &n.Incident
	a := alert{
		Labels:       map[string]string{"alertname": "DotmIncident", "incident": in.ID, "source": "dotm"},
		Annotations:  map[string]string{"summary": notify.Line(in.Title), "description": n.Text, "status": string(in.Status), "news": string(n.News)},
		StartsAt:     in.Opened,
		EndsAt:       n.At.Add(ahead),
		GeneratorURL: in.Link,
	}
	if severe(in.Status) {
		a.Annotations["severity"] = "critical"
	} else {
		a.Annotations["severity"] = "warning"
	}
	if len(in.Causes) > 0 {
		a.Annotations["cause"] = notify.Line(in.Causes[0].Component)
	}
	switch {
	case n.News == notify.Test:
		a.Labels["alertname"] = "DotmTest"
		a.EndsAt = n.At.Add(repeat)
	case !in.Ended.IsZero():
		a.EndsAt = in.Ended
	}
	body, err := json.Marshal([]alert{a})
	if err != nil {
		return &notify.Refused{Err: err}
	}
	return s.opt.Post(ctx, strings.TrimRight(s.opt.URL, "/")+"/api/v2/alerts", body, nil)
}

func severe(s topology.Status) bool { return s == topology.Critical || s == topology.Down }
