package metrics

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/limit"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/notify"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// Site is what is looked up when somebody asks. Nothing of it may wait for long.
type Site struct {
	Model interface {
		Snapshot() *topology.Snapshot
		Ready() error
	}
	History interface {
		Extent(ctx context.Context) (store.Extent, error)
		Losses() store.Losses
	}
	Monitoring interface {
		Sources(ctx context.Context) ([]monitor.State, error)
	}
	Telling   interface{ Receivers() []notify.Delivery }
	Incidents interface{ Incidents() []*incident.Incident }
	// Agents are those that enrolled; nil if none can.
	Agents *auth.Agents
	// Limits are what is held back; nil if nothing is.
	Limits *limit.Limits
	// Vitals are how the server fares; nil if that isn't known.
	Vitals func() Vitals
	// Certificates are when those end that this server shows, by what they are for; nil
	// without TLS.
	Certificates func() map[string]time.Time
	// Now is the time of what is shown.
	Now func() time.Time
	// Version, Revision and Go say what runs.
	Version, Revision, Go string
}

// Vitals are how a server fares at a moment.
type Vitals struct {
	// Queue is how many reports wait for the writer, of Room that may.
	Queue, Room int
	// Busy is how long the writer worked so far, Longest how long on one thing lately.
	Busy, Longest time.Duration
	// Waiting are events that are not written yet; Behind is the age of the oldest
	// change that the store doesn't hold.
	Waiting int
	Behind  time.Duration
	// StoreBytes is the size of the embedded store's file; 0 for another store.
	StoreBytes int64
	// Replica is what the server is among those of its store; nil if it is alone.
	Replica *Replica
}

// Replica is one of several servers of a store.
type Replica struct {
	Role string
	// Lease is how long ago the store said who leads.
	Lease time.Duration
	// Lag is how old the leader's newest snapshot was when it was shown here, by both
	// clocks; 0 on the leader.
	Lag time.Duration
	// Waiting are bytes that are not yet told to the others.
	Waiting int
}

// Handler serves the figures in Prometheus' formats.
func (m *Meter) Handler(s *Site) http.Handler {
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&chartCollector{s}, newHistoryCollector(s), &sourceCollector{s}, &vitalsCollector{s}, &troubleCollector{s}, &accessCollector{s}, &limitsCollector{s},
	)
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// askWithin bounds what a scrape may wait for another server.
const askWithin = 2 * time.Second

// figure describes one.
func figure(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func describe(ch chan<- *prometheus.Desc, list ...*prometheus.Desc) {
	for _, d := range list {
		ch <- d
	}
}

// seconds is a moment as Prometheus has it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
