package push

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// nowhere takes all reports.
type nowhere struct{}

func (nowhere) Put(context.Context, *report.Report) error { return nil }

// BenchmarkReceive takes in beats that tell a fifth of the rows of a report, and whole
// reports: all of a report's way but the topology.
func BenchmarkReceive(b *testing.B) {
	for _, n := range []int{100, 1000} {
		r := agentOf(1)
		r.Connections = nil
		for i := range n {
			r.Connections = append(r.Connections, report.Connection{Direction: report.Out, Protocol: report.TCP, Process: "app", Peer: netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), Port: 5432, Count: 1 + i%7})
		}
		b.Run(fmt.Sprintf("whole/%d", n), func(b *testing.B) {
			inbox := NewInbox(time.Now)
			measure(b, inbox, "application/gzip", func(body *bytes.Buffer, _ int) error { return report.Encode(body, r) })
		})
		b.Run(fmt.Sprintf("beat/%d", n), func(b *testing.B) {
			inbox := NewInbox(time.Now)
			var whole bytes.Buffer
			if err := report.Encode(&whole, r); err != nil {
				b.Fatal(err)
			}
			if _, err := inbox.Receive(httptest.NewRecorder(), request(b, "application/gzip", &whole), nowhere{}); err != nil {
				b.Fatal(err)
			}
			measure(b, inbox, report.BeatType, func(body *bytes.Buffer, i int) error {
				beat := after(r, uint64(i)+2, 3)
				for row := 1; row < n/5; row++ {
					beat.Connections = append(beat.Connections, report.ConnectionNumbers{Row: row, Count: 1 + (row+i)%7})
				}
				return report.EncodeBeat(body, beat)
			})
		})
	}
}

// measure takes in what encode writes, which is not counted.
func measure(b *testing.B, inbox *Inbox, kind string, encode func(body *bytes.Buffer, i int) error) {
	b.Helper()
	b.ReportAllocs()
	w := httptest.NewRecorder()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		var body bytes.Buffer
		if err := encode(&body, i); err != nil {
			b.Fatal(err)
		}
		req := request(b, kind, &body)
		b.StartTimer()
		if _, err := inbox.Receive(w, req, nowhere{}); err != nil {
			b.Fatal(err)
		}
	}
}

func request(b *testing.B, kind string, body *bytes.Buffer) *http.Request {
	b.Helper()
	req := httptest.NewRequestWithContext(b.Context(), http.MethodPost, Path, body)
	req.Header.Set("Content-Type", kind)
	return req
}
