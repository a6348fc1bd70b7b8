package monitoring

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

// ReadAlerts reads what the Alertmanager of a source sends to a webhook: the alerts
// that fire, and by host and name those that are over.
type ReadAlerts func(source monitor.Options, body io.Reader) (firing, over []mapping.Check, err error)

// Limits of what a webhook sends.
const maxAlerts = 16 << 20

// WebhookPath is where Alertmanager sends alerts to.
const WebhookPath = read.Prefix + "/webhooks/alertmanager"

// webhooks registers what monitoring systems send by themselves.
func (h *routes) webhooks(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "alertmanager-webhook", Method: http.MethodPost, Path: WebhookPath, Summary: "What Alertmanager sends to a webhook: faster than reading it",
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: maxAlerts, SkipValidateBody: true,
		Errors: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.alertmanager)
}

// Notification is the body of POST /webhooks/alertmanager.
type Notification struct {
	Source  string `query:"source" maxLength:"64" doc:"which source it is of; not needed where there is one of its kind"`
	RawBody []byte `contentType:"application/json"`
}

func (h *routes) alertmanager(ctx context.Context, p *Notification) (*Accepted, error) {
	if h.ReadAlerts == nil {
		return nil, huma.Error404NotFound("this server takes no webhooks")
	}
	source, err := h.webhookSource(ctx, p.Source)
	if err != nil {
		return nil, err
	}
	firing, over, err := h.ReadAlerts(source, bytes.NewReader(p.RawBody))
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	err = h.Systems.PassChecks(ctx, source.Name, firing, over)
	switch {
	case errors.Is(err, monitor.ErrNoSource):
		return nil, huma.Error404NotFound("no source is named " + problem.Quote(source.Name))
	case err != nil:
		return nil, huma.Error503ServiceUnavailable(err.Error()) // it is sent again
	}
	out := &Accepted{}
	out.Body.Accepted = len(firing) + len(over)
	return out, nil
}

// webhookSource is the source that a webhook means.
func (h *routes) webhookSource(ctx context.Context, name string) (o monitor.Options, err error) {
	states, err := h.Systems.Sources(ctx)
	if err != nil {
		return o, huma.Error503ServiceUnavailable(err.Error())
	}
	states = slices.DeleteFunc(states, func(s monitor.State) bool {
		return s.Kind != monitor.Alertmanager || (name != "" && s.Name != name)
	})
	if len(states) != 1 {
		return o, huma.Error404NotFound("name one source of kind alertmanager: " + WebhookPath + "?source=NAME")
	}
	return states[0].Options, nil
}
