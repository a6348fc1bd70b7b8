package stream_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/still"
	"github.com/devops-trouble-map/dotm/topology"
)

// sinkViewer is a connection that takes everything, and knows how many events that was.
type sinkViewer struct {
	header http.Header
	events *atomic.Int64
}

func (v sinkViewer) Header() http.Header              { return v.header }
func (v sinkViewer) WriteHeader(int)                  {}
func (v sinkViewer) SetWriteDeadline(time.Time) error { return nil }
func (v sinkViewer) Flush()                           { v.events.Add(1) }
func (v sinkViewer) Write(p []byte) (int, error)      { return io.Discard.Write(p) }

// BenchmarkViewers tells a delta to so many viewers of one chart: it is computed, encoded
// and compressed once.
func BenchmarkViewers(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m, snaps := still.MadeUp(b, 300)
			h := served.Still(b.Context(), m)
			var events atomic.Int64
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan struct{}, n)
			for range n {
				go func() {
					req := httptest.NewRequestWithContext(ctx, http.MethodGet, api.Prefix+"/stream?level=pool", http.NoBody)
					req.Header.Set("Accept-Encoding", "gzip")
					h.ServeHTTP(sinkViewer{http.Header{}, &events}, req)
					ended <- struct{}{}
				}()
			}
			await(&events, int64(n))
			b.ReportAllocs()
			for i := 1; b.Loop(); i++ {
				m.Show(snaps[i%2].Edit().Commit(topology.Revision{Epoch: "e", Number: uint64(i)}, snaps[1].At()))
				await(&events, int64(n)*int64(i+1))
			}
			cancel()
			for range n {
				<-ended
			}
		})
	}
}

// await waits for events: what is measured is how soon they come.
func await(events *atomic.Int64, n int64) {
	for events.Load() < n {
		<-time.After(20 * time.Microsecond)
	}
}
