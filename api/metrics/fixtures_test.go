package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// registry serves what is counted, without what is looked up.
func registry(m *Meter) http.Handler { return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}) }
