package scan

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
)

// meter measures what a look costs. It must start and stop on one thread, to
// which its goroutine is locked.
type meter struct {
	started time.Time
	cpu     time.Duration
	other   time.Duration // spent by other threads for the same look
}

func startMeter() meter { return meter{started: time.Now(), cpu: threadCPU()} }

func (m meter) stop(proc string) report.Cost {
	return report.Cost{
		CPUMicros:  (threadCPU() - m.cpu + m.other).Microseconds(),
		WallMicros: time.Since(m.started).Microseconds(),
		RSSBytes:   resident(proc),
	}
}

// threadCPU is the CPU time of this thread, in user and kernel mode
// (getrusage(2)): other work of the same program is not the look's cost.
func threadCPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the memory that this program occupies, in bytes; 0 if unknown.
func resident(proc string) int64 {
	text, err := os.ReadFile(filepath.Join(proc, "self/statm"))
	if err != nil {
		return 0
	}
	pages, err := proctext.ParseResident(text)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
