package metrics

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/notify"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// quiet is a site of which nothing is to be told but its chart.
type quiet struct{ snap *topology.Snapshot }

func (q quiet) Snapshot() *topology.Snapshot                         { return q.snap }
func (quiet) Ready() error                                           { return nil }
func (quiet) Extent(context.Context) (e store.Extent, err error)     { return e, nil }
func (quiet) Losses() (l store.Losses)                               { return l }
func (quiet) Sources(context.Context) (s []monitor.State, err error) { return nil, nil }
func (quiet) Receivers() []notify.Delivery                           { return nil }
func (quiet) Incidents() []*incident.Incident                        { return nil }

// BenchmarkScrape is one of a site of 10,000 nodes with 100 connections each.
func BenchmarkScrape(b *testing.B) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	blocks := make([]*topology.Block, 10_000)
	for i := range blocks {
		x := &topology.Block{Node: topology.Node{Name: fmt.Sprintf("n%05d", i), State: topology.Reporting, LastReport: noon}}
		for c := range 100 {
			x.Connections = append(x.Connections, &topology.Connection{
				ID: fmt.Sprintf("%05d-%02d", i, c), Client: topology.Client{Node: x.Node.Name, Process: "app"},
				Server: topology.Server{Node: fmt.Sprintf("n%05d", c), Port: 5432}, Protocol: "tcp", Status: topology.Fresh,
			})
		}
		blocks[i] = x
	}
	snap, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, blocks)
	if err != nil {
		b.Fatal(err)
	}
	q := quiet{snap}
	h := New().Handler(&Site{Model: q, History: q, Monitoring: q, Telling: q, Incidents: q, Now: func() time.Time { return noon }})
	req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", http.NoBody)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
