//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// durable is how long after its answer what a report told may still be lost: a
// second, and what a busy machine adds to it.
const durable = 3 * time.Second

// TestKillUnderLoad kills a server while agents report and somebody changes
// settings. Settings that were answered are there afterwards, and so is each report
// that was answered a moment before; nothing is there in halves.
func TestKillUnderLoad(t *testing.T) {
	data := t.TempDir()
	total := 0
	for round := range 3 {
		s := start(t, data, "")
		ctx, cancel := context.WithCancel(t.Context())
		var (
			load  sync.WaitGroup
			mu    sync.Mutex
			when  = map[string]map[int]time.Time{} // by node and port: when its report was answered
			named string                           // the last setting that was answered
		)
		for writer := range 4 {
			load.Go(func() {
				name := fmt.Sprintf("host%d-%d", round, writer)
				mu.Lock()
				when[name] = map[int]time.Time{}
				mu.Unlock()
				for port := 1000; ctx.Err() == nil; port++ {
					ports := make([]int, 0, 20)
					for p := max(1000, port-19); p <= port; p++ {
						ports = append(ports, p)
					}
					if status, _, err := s.put(ctx, host(name, port, ports...)); err == nil && status == http.StatusOK {
						mu.Lock()
						when[name][port] = time.Now()
						mu.Unlock()
					}
				}
			})
		}
		load.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("printer-%d-%06d", round, i)
				body, _ := json.Marshal(map[string]any{"names": []any{map[string]any{"address": "10.9.9.9", "name": name}}})
				if status, _, err := s.ask(ctx, http.MethodPatch, "/api/v1/settings", body); err == nil && status == http.StatusOK {
					mu.Lock()
					named = name
					mu.Unlock()
				}
			}
		})
		<-time.After(durable + time.Duration(round)*371*time.Millisecond)
		s.kill()
		killed := time.Now()
		cancel()
		load.Wait()
		s = start(t, data, "")
		chart := s.chart(t)
		for name, ports := range when {
			newest := 0
			for port, at := range ports {
				if killed.Sub(at) > durable {
					newest = max(newest, port)
				}
				total++
			}
			if newest > 0 && !chart.holds(name, newest) {
				t.Errorf("round %d: %s:%d was answered more than %s before the kill, and is not there", round, name, newest, durable)
			}
		}
		var settings struct {
			Settings struct {
				Names []struct{ Name string }
			}
		}
		s.get(t, "/api/v1/settings", &settings)
		if now := settings.Settings.Names; len(now) != 1 || now[0].Name < named {
			t.Errorf("round %d: the setting %s was answered, there is %v", round, named, now)
		}
		s.kill()
	}
	t.Logf("%d reports were answered", total)
}
