// Package webhook tells of incidents by an HTTP POST of JSON.
package webhook

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/devops-trouble-map/dotm/notify"
)

// Version is that of [Body]. Fields are only added within it.
const Version = 1

// maxPicture is the largest SVG that is sent.
const maxPicture = 1 << 20

// Body is what is sent where the receiver has no template.
type Body struct {
	Version int `json:"version"`
	// ID is the same where the same news is sent again.
	ID string `json:"id"`
	notify.Notice
	// Picture is the piece of chart as SVG.
	Picture string `json:"picture_svg,omitempty"`
}

// Sender posts to one URL.
type Sender struct {
	opt    notify.Options
	custom bool
}

var _ notify.Sender = (*Sender)(nil)

// New makes a sender.
func New(opt notify.Options) *Sender { return &Sender{opt, opt.Template != ""} }

// Send posts a notice. The header Idempotency-Key holds its id.
func (s *Sender) Send(ctx context.Context, n *notify.Notice) error {
	body := []byte(n.Text)
	if !s.custom {
		b := Body{Version: Version, ID: n.ID(), Notice: *n}
		if len(n.Picture) <= maxPicture {
			b.Picture = string(n.Picture)
		}
		var err error
		if body, err = json.Marshal(b); err != nil {
			return &notify.Refused{Err: err}
		}
	}
	return s.opt.Post(ctx, s.opt.URL, body, http.Header{"Idempotency-Key": {n.ID()}})
}
