//go:build linux

package faults

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/need"
)

// TestNoMemory: a server that gets no more memory dies, and comes back with what it
// had kept. Memory is denied by RLIMIT_AS (setrlimit(2)), which needs no right: what
// a process may map at all. An out-of-memory kill is a kill -9, see
// [TestKillUnderLoad].
func TestNoMemory(t *testing.T) {
	need.Program(t, "prlimit")
	data := t.TempDir()
	s := start(t, data, "", "prlimit", "--as=1200000000")
	s.mustPut(t, host("web1", 1, 80))
	s.shows(t, "web1", 80)
	<-time.After(durable) // until it is on disk
	dead := func() bool {
		select {
		case <-s.done:
			return true
		default:
			return false
		}
	}
	for i := 0; !dead(); i++ {
		if i > 400 {
			t.Fatal("it never runs out of memory")
		}
		r := host(fmt.Sprintf("big%d", i), 1, 80)
		for row := range 20_000 {
			r.Connections = append(r.Connections, report.Connection{
				Direction: report.Out, Protocol: report.TCP, Process: fmt.Sprintf("process-%d-%d", i, row), Port: uint16(row%60_000 + 1), Count: 1, Opened: 1,
				Peer: netip.AddrFrom4([4]byte{10, byte(i), byte(row >> 8), byte(row)}),
			})
		}
		if status, answer, err := s.put(t.Context(), r); err == nil && status != http.StatusOK {
			t.Fatalf("%d %s", status, answer)
		}
	}
	again := start(t, data, "")
	if !again.chart(t).holds("web1", 80) {
		t.Error("web1:80 was kept, and is not there")
	}
}
