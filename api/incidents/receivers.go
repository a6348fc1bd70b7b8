package incidents

import (
	"context"
	"errors"
	"net/http"

	"github.com/devops-trouble-map/dotm/api/read"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/notify"
)

// Telling is who is told about incidents.
type Telling interface {
	Receivers() []notify.Delivery
	TryReceiver(ctx context.Context, name string) error
}

// ReceiverList is the answer of GET /notify.
type ReceiverList struct {
	Body struct {
		Receivers []notify.Delivery `json:"receivers"`
	}
}

// ReceiverTry names a receiver.
type ReceiverTry struct {
	Name string `path:"name" maxLength:"64"`
}

// receivers registers what is about those who are told.
func (h *routes) receivers(a huma.API) {
	huma.Register(a, read.Op("receivers", "/notify", "Who is told about incidents, and how that goes"), func(context.Context, *struct{}) (*ReceiverList, error) {
		out := &ReceiverList{}
		out.Body.Receivers = h.Telling.Receivers()
		return out, nil
	})
	huma.Register(a, huma.Operation{
		OperationID: "try-receiver", Method: http.MethodPost, Path: read.Prefix + "/notify/{name}/test", Summary: "Send a test to a receiver, and say what came of it",
		DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusBadGateway},
	}, func(ctx context.Context, p *ReceiverTry) (*struct{}, error) {
		err := h.Telling.TryReceiver(ctx, p.Name)
		switch {
		case errors.Is(err, notify.ErrNoReceiver):
			return nil, huma.Error404NotFound(err.Error() + ": those of dotm.yaml are listed by GET " + read.Prefix + "/notify")
		case err != nil:
			return nil, huma.Error502BadGateway(err.Error())
		}
		return nil, nil
	})
}
