// Package metrics has the figures of a server for Prometheus: what is counted as it
// happens ([Meter]), and what is looked up when somebody asks ([Meter.Handler]).
// docs/metrics.md describes them all; a test holds it against a real server.
//
// Units are those of Prometheus: seconds, bytes. No series is per node, service or
// agent: their number does not grow with the site.
package metrics

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Forms of reports.
const (
	Whole = "whole"
	Beat  = "beat"
)

// Outcomes of reports.
const (
	Taken       = "taken"
	WholeWanted = "whole wanted"
	Refused     = "refused"
)

// Buckets of histograms, in seconds: what the writer and reports take, and what may
// take long. Few, since each is a series.
var (
	quick = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	slow  = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
)

// Meter counts what happens. Its methods are safe for concurrent use, take about 50 ns
// each and allocate nothing.
type Meter struct {
	registry *prometheus.Registry

	reports map[reportKey]prometheus.Counter
	refused *prometheus.CounterVec
	took    map[string]prometheus.Observer // by form
	bytes   map[string]prometheus.Counter  // by form

	waited   prometheus.Histogram
	longest  longest
	snapshot prometheus.Histogram

	views    *prometheus.HistogramVec
	viewers  prometheus.Gauge
	events   *prometheus.CounterVec
	streamed prometheus.Counter
	lag      prometheus.Histogram
	dropped  prometheus.Counter

	written  prometheus.Histogram
	failed   prometheus.Counter
	appended prometheus.Counter

	responses [6]prometheus.Counter // by first digit of the status
}

type reportKey struct{ form, outcome string }

// New makes a meter at which everything is zero.
func New() *Meter {
	m := &Meter{registry: prometheus.NewRegistry(), longest: longest{now: time.Now}}
	m.intake()
	m.writer()
	m.showing()
	m.store()
	m.http()
	return m
}

func (m *Meter) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Meter) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Meter) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}

func (m *Meter) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

// intake makes what counts reports. All series are there from the start: one that comes
// and goes cannot be alerted on.
func (m *Meter) intake() {
	reports := m.counters("dotm_reports_total", "Reports over HTTP, by form and outcome.", "form", "outcome")
	m.refused = m.counters("dotm_reports_refused_total", "Reports that were not taken in, by reason.", "reason")
	for _, r := range reasons {
		m.refused.WithLabelValues(r)
	}
	took := m.histograms("dotm_report_duration_seconds", "From the head of a report's request until it is applied or refused.", quick, "form")
	bytes := m.counters("dotm_report_bytes_total", "Bytes of reports, as they came.", "form")
	m.reports, m.took, m.bytes = map[reportKey]prometheus.Counter{}, map[string]prometheus.Observer{}, map[string]prometheus.Counter{}
	for _, form := range []string{Whole, Beat} {
		m.took[form], m.bytes[form] = took.WithLabelValues(form), bytes.WithLabelValues(form)
		for _, outcome := range []string{Taken, WholeWanted, Refused} {
			if form == Whole && outcome == WholeWanted {
				continue // that can't be
			}
			m.reports[reportKey{form, outcome}] = reports.WithLabelValues(form, outcome)
		}
	}
}

func (m *Meter) writer() {
	m.waited = m.histogram("dotm_writer_wait_seconds", "How long reports waited for the writer, until they were applied.", quick)
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dotm_writer_wait_longest_seconds", Help: "The longest wait for the writer within the last five to ten minutes.",
	}, func() float64 { return m.longest.read().Seconds() }))
	m.snapshot = m.histogram("dotm_snapshot_duration_seconds", "How long making a snapshot took the writer.", quick)
}

func (m *Meter) showing() {
	m.views = m.histograms("dotm_view_duration_seconds", "How long a step of a view took: follow a snapshot, placing included; place its boxes; encode the whole.", slow, "level", "step")
	m.viewers = prometheus.NewGauge(prometheus.GaugeOpts{Name: "dotm_stream_viewers", Help: "Viewers connected to the stream."})
	m.registry.MustRegister(m.viewers)
	m.events = m.counters("dotm_stream_events_total", "Events sent to viewers, by kind.", "event")
	for _, e := range []string{"snapshot", "delta", "incidents", "resync", "beat"} {
		m.events.WithLabelValues(e)
	}
	m.streamed = m.counter("dotm_stream_bytes_total", "Bytes sent to viewers of the stream, as they left.")
	m.lag = m.histogram("dotm_stream_lag_seconds", "From a snapshot until a delta that leads to it had left for a viewer.", slow)
	m.dropped = m.counter("dotm_stream_dropped_total", "Viewers that were cut off, because what they were told could not be sent.")
}

func (m *Meter) store() {
	m.written = m.histogram("dotm_store_write_duration_seconds", "How long writes of what changed took, failed ones included.", slow)
	m.failed = m.counter("dotm_store_write_errors_total", "Writes of what changed that failed. They are tried again.")
	m.appended = m.counter("dotm_store_events_written_total", "Events of the history that were written.")
}

func (m *Meter) http() {
	responses := m.counters("dotm_http_responses_total", "Answers over HTTP, by class of status.", "code")
	for i := 1; i < len(m.responses); i++ {
		m.responses[i] = responses.WithLabelValues(strconv.Itoa(i) + "xx")
	}
}

// Report counts one that came over HTTP. reason is why it was not taken in; empty if it
// was.
func (m *Meter) Report(form, outcome, reason string, took time.Duration, bytes int64) {
	if c := m.reports[reportKey{form, outcome}]; c != nil {
		c.Inc()
	}
	if reason != "" {
		m.refused.WithLabelValues(reason).Inc()
	}
	m.took[form].Observe(took.Seconds())
	m.bytes[form].Add(float64(bytes))
}

// Waited says how long a report waited for the writer.
func (m *Meter) Waited(d time.Duration) {
	m.waited.Observe(d.Seconds())
	m.longest.note(d)
}

// Snapshot says how long making one took.
func (m *Meter) Snapshot(d time.Duration) { m.snapshot.Observe(d.Seconds()) }

// Wrote says how a write to the store went, which tried to append so many events.
func (m *Meter) Wrote(d time.Duration, events int, err error) {
	m.written.Observe(d.Seconds())
	if err != nil {
		m.failed.Inc()
		return
	}
	m.appended.Add(float64(events))
}

// Steps of a view.
const (
	Follow = "follow"
	Place  = "place"
	Encode = "encode"
)

// View says how long a step of a view took.
func (m *Meter) View(level, step string, d time.Duration) {
	m.views.WithLabelValues(level, step).Observe(d.Seconds())
}

// Viewer counts who comes (1) and goes (-1).
func (m *Meter) Viewer(n float64) { m.viewers.Add(n) }

// Event counts what was sent to a viewer.
func (m *Meter) Event(kind string, bytes int) {
	m.events.WithLabelValues(kind).Inc()
	m.streamed.Add(float64(bytes))
}

// Lag says how old the snapshot of a delta was when that had left.
func (m *Meter) Lag(d time.Duration) { m.lag.Observe(max(0, d.Seconds())) }

// Dropped counts a viewer that was cut off.
func (m *Meter) Dropped() { m.dropped.Inc() }

// Response counts an answer by its status.
func (m *Meter) Response(status int) {
	if i := status / 100; i > 0 && i < len(m.responses) {
		m.responses[i].Inc()
	}
}

// span is how long [longest] remembers at least; twice as long at most.
const span = 5 * time.Minute

// longest is the longest of the durations noted lately.
type longest struct {
	now func() time.Time

	mu           sync.Mutex
	began        time.Time // of current
	current, old time.Duration
}

func (l *longest) note(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn()
	l.current = max(l.current, d)
}

func (l *longest) read() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn()
	return max(l.current, l.old)
}

// turn forgets what is too old.
func (l *longest) turn() {
	now := l.now()
	switch age := now.Sub(l.began); {
	case age >= 2*span:
		l.began, l.current, l.old = now, 0, 0
	case age >= span:
		l.began, l.old, l.current = l.began.Add(span), l.current, 0
	}
}
