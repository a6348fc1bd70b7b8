package server

import (
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/server/signals"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/signal"
)

var _ signals.Site = followed{}

// Rules are those by which signals are found.
func (s followed) Rules() signal.Rules { return s.settings.Load().Signals }

// Signal hands what dotm saw itself to the source of its own.
func (s followed) Signal(at time.Time, n signal.News) {
	s.board.PassAt(at, mapping.News{Source: topology.SignalSource, Checks: asResults(n.Checks), Gone: asResults(n.Gone)})
}

func asResults(list []topology.Check) []mapping.Check {
	out := make([]mapping.Check, len(list))
	for i := range list {
		out[i].Check = list[i]
	}
	return out
}

// ownSource is the source of signals, which is always there.
func ownSource() monitor.Options {
	return monitor.Options{Name: topology.SignalSource, Kind: monitor.Signals}
}

// builtInError refuses to change the source of signals.
func builtInError() error {
	return &monitor.OptionError{
		Field: "name", Rule: "must not be that of dotm's own source, which can't be changed or removed; its signals are switched off in the settings", Value: topology.SignalSource,
	}
}
