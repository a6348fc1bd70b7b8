package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// document is everything that a run found: what -json prints. Times are in
// milliseconds or, where a name says so, in microseconds.
type document struct {
	Host       host               `json:"host"`
	Quick      bool               `json:"quick,omitempty"`
	Loads      []loadFigures      `json:"loads,omitempty"`
	Short      []shortFigures     `json:"short,omitempty"`
	Tracepoint *tracepointFigures `json:"tracepoint,omitempty"`
	Problems   []string           `json:"problems,omitempty"`
}

// host is where it was measured.
type host struct {
	Time       time.Time `json:"time"`
	Kernel     string    `json:"kernel"`
	Machine    string    `json:"machine"`
	Processors int       `json:"processors"`
	Go         string    `json:"go"`
	// LoadAverage is that of the last minute before the start: on a busy
	// machine figures are noise.
	LoadAverage string `json:"load_average"`
}

func readHost(now time.Time) host {
	h := host{Time: now.UTC().Truncate(time.Second), Machine: runtime.GOARCH, Processors: runtime.NumCPU(), Go: runtime.Version()}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		h.LoadAverage, _, _ = strings.Cut(string(text), " ")
	}
	return h
}

// loadFigures are what was measured on one load.
type loadFigures struct {
	Connections int            `json:"connections"`
	Sockets     int            `json:"sockets"`   // by the kernel's count, listening ones included
	Processes   int            `json:"processes"` // that hold the connections
	Others      int            `json:"other_descriptors"`
	Runs        int            `json:"runs,omitempty"` // of each tool
	OneShot     []toolFigures  `json:"one_shot,omitempty"`
	WarmUp      int            `json:"warm_up,omitempty"`
	Looks       int            `json:"looks,omitempty"`
	Memory      string         `json:"memory_limits,omitempty"` // of the process that looks
	Warm        []*lookFigures `json:"warm,omitempty"`
	Churned     int            `json:"churned,omitempty"` // connections replaced between two looks
	Churn       []*lookFigures `json:"churn,omitempty"`
}

// toolFigures are medians over the runs of one command.
type toolFigures struct {
	Name       string  `json:"name"`
	Owners     bool    `json:"owners"` // whether it names processes
	CPUMillis  float64 `json:"cpu_ms"` // user and system (wait4(2))
	WallMillis float64 `json:"wall_ms"`
	PeakBytes  int64   `json:"peak_rss_bytes"`
	Lines      int     `json:"lines"` // that it prints
	// Cut says that it was ended after the longest time allowed: the figures are
	// those until then.
	Cut     bool   `json:"cut_off,omitempty"`
	Missing string `json:"missing,omitempty"` // why there are no figures
}

// lookFigures are medians over the looks of one process.
type lookFigures struct {
	Sight       string  `json:"sight"` // "with eBPF", "without eBPF"
	CPUMillis   float64 `json:"cpu_ms"`
	CPUMean     float64 `json:"cpu_mean_ms"`
	Measured    int     `json:"measured"`        // looks in which health was asked for
	CPUMeasured float64 `json:"cpu_measured_ms"` // mean of these
	WallMillis  float64 `json:"wall_ms"`
	Allocations float64 `json:"allocations"`
	Allocated   float64 `json:"allocated_bytes"`
	RSSBytes    int64   `json:"rss_bytes"` // after the last look
	Sockets     int     `json:"sockets"`   // as the last look says
	Rows        int     `json:"rows"`
	Hidden      int     `json:"rows_without_process"`
	TimeWait    int     `json:"time_wait"` // sockets in that state, as the kernel counts
	Method      string  `json:"method"`    // how the report says sockets were read
	OpensBy     string  `json:"opens_by"`  // and openings counted
	Problem     string  `json:"problem,omitempty"`
}

// shortFigures are what reports told of short connections.
type shortFigures struct {
	Kind  string `json:"kind"`
	Sight string `json:"sight"`
	Made  int    `json:"made"`
	// TimeWait is how many of them the kernel still shows, in TIME-WAIT, before
	// the looks: who only looks can know of no others. A port that is used again
	// takes the place of the connection before.
	TimeWait int    `json:"time_wait"`
	Looks    int    `json:"looks_after"`
	OpensBy  string `json:"opens_by"`
	// Client and Server are the sums of `opened` at the two ends, Unknown that of
	// rows without direction, Refused that of `refused`.
	Client  uint64 `json:"opened_client"`
	Server  uint64 `json:"opened_server"`
	Unknown uint64 `json:"opened_unknown"`
	Refused uint64 `json:"refused"`
	Problem string `json:"problem,omitempty"`
}

// seen is the share of the connections that the reports tell of, in percent: at
// the end that tells more, for one end is enough to know of it.
func (f *shortFigures) seen() float64 {
	told := max(f.Client, f.Server)
	if f.Kind == kindRefused {
		told = f.Refused
	}
	return percent(float64(told), float64(f.Made))
}

// tracepointFigures compare rounds of connecting and closing, in microseconds a
// round.
type tracepointFigures struct {
	Rounds  int    `json:"rounds"`
	Plain   []lap  `json:"plain"`
	Counted []lap  `json:"counted"`
	Problem string `json:"problem,omitempty"`
}

// lap is one run of the loop.
type lap struct {
	WallMicros float64 `json:"wall_us"`
	CPUMicros  float64 `json:"cpu_us"`
}

// more is by how many percent the median of b is above that of a.
func more(a, b []float64) float64 { return percent(median(b), median(a)) - 100 }

// median of any numbers; NaN of none. Of an even count it is the mean of the
// two in the middle.
func median(list []float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(list))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// mean of any numbers; 0 of none.
func mean(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	sum := 0.0
	for _, f := range list {
		sum += f
	}
	return sum / float64(len(list))
}

// of applies a function to each element.
func of[T any](list []T, f func(T) float64) []float64 {
	out := make([]float64, 0, len(list))
	for _, e := range list {
		out = append(out, f(e))
	}
	return out
}

func percent(part, whole float64) float64 { return 100 * part / whole }

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// parseSockstat reads the counts of TCP sockets in use and in TIME-WAIT from
// /proc/net/sockstat (proc_net(5)): "TCP: inuse 27 orphan 0 tw 23 alloc 31".
func parseSockstat(text []byte) (inUse, timeWait int, err error) {
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) == 0 || fields[0] != "TCP:" {
			continue
		}
		if inUse, err = after(fields, "inuse"); err != nil {
			return 0, 0, err
		}
		if timeWait, err = after(fields, "tw"); err != nil {
			return 0, 0, err
		}
		return inUse, timeWait, nil
	}
	return 0, 0, errors.New("sockstat: no line of TCP")
}

// after is the number behind a word.
func after(fields []string, word string) (int, error) {
	at := slices.Index(fields, word)
	if at < 0 || at+1 >= len(fields) {
		return 0, fmt.Errorf("sockstat: no count %q", word)
	}
	n, err := strconv.Atoi(fields[at+1])
	if err != nil || n < 0 {
		return 0, fmt.Errorf("sockstat: count %q is %q", word, fields[at+1])
	}
	return n, nil
}

// parseMemory reads a line of /proc/PID/status like "VmRSS:	  10204 kB"
// (proc_pid_status(5)), in bytes.
func parseMemory(text []byte, name string) (int64, error) {
	for line := range bytes.Lines(text) {
		rest, found := bytes.CutPrefix(line, []byte(name+":"))
		if !found {
			continue
		}
		number, unit, _ := strings.Cut(strings.TrimSpace(string(rest)), " ")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || unit != "kB" || n < 0 || n > math.MaxInt64>>10 {
			return 0, fmt.Errorf("status: %s is no size in kB: %q", name, bytes.TrimSpace(rest))
		}
		return n << 10, nil
	}
	return 0, fmt.Errorf("status: no line %s", name)
}

// memoryOf reads a line of a process's status; "self" is this one.
func memoryOf(process, name string) (int64, error) {
	text, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0, err
	}
	return parseMemory(text, name)
}

// sockstat is the kernel's own count of TCP sockets in this network namespace:
// those in use, and those that wait in TIME-WAIT.
func sockstat() (inUse, timeWait int, err error) {
	text, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return 0, 0, err
	}
	return parseSockstat(text)
}
