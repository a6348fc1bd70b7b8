package agent

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

// keepRuntime restores after the test what it sets for the whole process.
func keepRuntime(t *testing.T) {
	limit, growth := debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	debug.SetGCPercent(growth)
	t.Cleanup(func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(growth)
	})
}

// growth reads GOGC, which can only be read by setting it.
func growth() int {
	g := debug.SetGCPercent(100)
	debug.SetGCPercent(g)
	return g
}

func TestLimitMemory(t *testing.T) {
	const limit = 77 << 20
	for _, tt := range []struct {
		name, memory, gc string
		limit            int64
		growth           int
	}{
		{"a plain environment", "", "", limit, heapGrowth},
		{"another limit", "200MiB", "", math.MaxInt64, heapGrowth},
		{"no limit", "off", "", math.MaxInt64, heapGrowth},
		{"another growth", "", "200", limit, 100},
		{"both", "200MiB", "200", math.MaxInt64, 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keepRuntime(t)
			debug.SetMemoryLimit(math.MaxInt64) // what the runtime took from its environment
			debug.SetGCPercent(100)
			t.Setenv("GOMEMLIMIT", tt.memory)
			t.Setenv("GOGC", tt.gc)
			LimitMemory(limit)
			if got := debug.SetMemoryLimit(-1); got != tt.limit {
				t.Errorf("limit is %d, want %d", got, tt.limit)
			}
			if got := growth(); got != tt.growth {
				t.Errorf("growth is %d %%, want %d", got, tt.growth)
			}
		})
	}
}

// TestMemoryStaysBelowTheLimit makes much garbage beside a little that is kept.
func TestMemoryStaysBelowTheLimit(t *testing.T) {
	keepRuntime(t)
	t.Setenv("GOMEMLIMIT", "")
	t.Setenv("GOGC", "")
	LimitMemory(DefaultMemory)
	debug.FreeOSMemory() // what other tests took
	kept := make([][]byte, 20)
	for i := range 2000 {
		kept[i%len(kept)] = make([]byte, 1<<20)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if taken := m.Sys - m.HeapReleased; taken > DefaultMemory*5/4 {
		t.Errorf("%d MiB are taken, the limit is %d MiB", taken>>20, DefaultMemory>>20)
	}
	runtime.KeepAlive(kept)
}
