package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/devops-trouble-map/dotm/store"
)

// extentEvery is how often the store is asked how much history there is: for Redis that
// is many small questions.
const extentEvery = time.Minute

// historyCollector tells how much is kept, and what was lost of it.
type historyCollector struct {
	*Site

	mu     sync.Mutex
	asked  time.Time
	extent store.Extent
}

func newHistoryCollector(s *Site) *historyCollector { return &historyCollector{Site: s} }

var (
	lostDesc    = figure("dotm_history_events_lost_total", "Events dropped because they could not be written.")
	lapsesDesc  = figure("dotm_store_lapses_total", "Times that the store lacked what it had acknowledged.")
	unsureDesc  = figure("dotm_store_events_unconfirmed_total", "Events that no replica of the store confirmed in time.")
	sizeDesc    = figure("dotm_history_size_bytes", "What the history takes up in the store, about.")
	eventsDesc  = figure("dotm_history_events", "Events that are kept.")
	recordsDesc = figure("dotm_history_records", "Records of nodes that are kept.")
	fromDesc    = figure("dotm_history_oldest_timestamp_seconds", "The oldest moment that can be told; 0 if there is none.")
)

// Describe is part of [prometheus.Collector].
func (c *historyCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, lostDesc, lapsesDesc, unsureDesc, sizeDesc, eventsDesc, recordsDesc, fromDesc)
}

// Collect is part of [prometheus.Collector].
func (c *historyCollector) Collect(ch chan<- prometheus.Metric) {
	l := c.History.Losses()
	counter(ch, lostDesc, float64(l.Events))
	counter(ch, lapsesDesc, float64(l.Lapses))
	counter(ch, unsureDesc, float64(l.Unconfirmed))
	e := c.known()
	gauge(ch, sizeDesc, float64(e.Bytes))
	gauge(ch, eventsDesc, float64(e.Events))
	gauge(ch, recordsDesc, float64(e.Records))
	from := 0.0
	if !e.From.IsZero() {
		from = seconds(e.From)
	}
	gauge(ch, fromDesc, from)
}

// known is how much there is, as of a minute ago at most; as of longer ago where the
// store doesn't answer.
func (c *historyCollector) known() store.Extent {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.asked) >= extentEvery {
		ctx, cancel := context.WithTimeout(context.Background(), askWithin)
		defer cancel()
		if e, err := c.History.Extent(ctx); err == nil {
			c.asked, c.extent = now, e
		}
	}
	return c.extent
}
