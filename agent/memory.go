package agent

import (
	"os"
	"runtime/debug"
)

// DefaultMemory is the memory limit of an agent in bytes. It is far above what
// one needs on most hosts, and below what a service manager should kill it for:
// an agent of 50,000 connections to as many addresses takes about 95 MiB with it,
// 160 MiB without.
const DefaultMemory = 64 << 20

// heapGrowth is how many per cent of what is in use may be garbage (GOGC). Half
// of what Go allows saves a quarter of the memory where there is much to look
// at, for a few per cent of processor time; a quarter of it saves little more.
const heapGrowth = 50

// LimitMemory keeps the memory of this process below so many bytes, and the
// garbage in it small. The variables GOMEMLIMIT and GOGC of the environment
// (package runtime) are the way to choose otherwise: each overrules its part.
//
// The limit is soft. What needs more memory gets it, and pays with processor
// time for collecting garbage, which counts as part of what looks cost (see
// [Options].CPU).
func LimitMemory(limit int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
}
