package server

import (
	"context"

	"github.com/devops-trouble-map/dotm/notify"
	"github.com/devops-trouble-map/dotm/server/tell"
)

var _ tell.Site = followed{}

// Receivers says how it goes with those who are told about incidents. On a server that
// doesn't lead, nothing is known of what the leader delivered.
func (s *Server) Receivers() []notify.Delivery { return s.teller.Deliveries() }

// TryReceiver sends a notice of an incident that is none. The error wraps
// [notify.ErrNoReceiver] if nobody is called so.
func (s *Server) TryReceiver(ctx context.Context, name string) error { return s.teller.Try(ctx, name) }
