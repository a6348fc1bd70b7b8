package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/devops-trouble-map/dotm/bench/load"
)

// columns are what is sampled, in the order of the file.
var columns = []string{
	"seconds", "rss_bytes", "anon_bytes", "heap_bytes", "goroutines", "descriptors", "threads", "cpu_cores",
	"store_bytes", "history_bytes", "history_events", "history_records", "nodes", "services", "connections",
	"reports", "refused", "events_lost", "viewers", "writer_longest_ms", "store_lag_ms",
}

// samples are rows of the columns.
type samples struct{ rows [][]float64 }

// column is all of one, by name; nil if there is none.
func (s *samples) column(name string) (out []float64) {
	for i, c := range columns {
		if c != name {
			continue
		}
		for _, row := range s.rows {
			out = append(out, row[i])
		}
	}
	return out
}

// sample looks at the server again and again until ctx ends.
func (o *options) sample(ctx context.Context, server *load.Server, out io.Writer) (*samples, error) {
	s := &samples{}
	file, err := o.file()
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // flushed row by row
	w := csv.NewWriter(file)
	if err := w.Write(columns); err != nil {
		return nil, err
	}
	began := time.Now()
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	var before load.Usage
	var at time.Time
	for {
		select {
		case <-ctx.Done():
			return s, nil
		case <-tick.C:
		}
		usage, err := load.UsageOf(server.PID)
		if err != nil {
			return nil, fmt.Errorf("the server is gone: %w", err)
		}
		figures, err := server.Figures(ctx)
		if ctx.Err() != nil {
			return s, nil
		} else if err != nil {
			return nil, err
		}
		now := time.Now()
		cpu := 0.0
		if !at.IsZero() {
			cpu = (usage.CPU - before.CPU) / now.Sub(at).Seconds()
		}
		before, at = usage, now
		row := rowOf(now.Sub(began), &usage, cpu, figures)
		s.rows = append(s.rows, row)
		if err := write(w, row); err != nil {
			return nil, err
		}
		if len(s.rows)%12 == 0 {
			fmt.Fprintf(out, "%4.0f s: %.0f MiB resident, heap %.0f MiB, %.0f goroutines, %.0f descriptors, store %.0f MiB, %.0f reports, load %s\n",
				row[0], row[1]/(1<<20), row[3]/(1<<20), row[4], row[5], row[8]/(1<<20), row[15], loadAverage())
		}
	}
}

func rowOf(since time.Duration, u *load.Usage, cpu float64, f map[string]float64) []float64 {
	return []float64{
		since.Seconds(), float64(u.RSS), float64(u.Anon), f["go_memstats_heap_inuse_bytes"], f["go_goroutines"], float64(u.Descriptors), float64(u.Threads), cpu,
		f["dotm_store_size_bytes"], f["dotm_history_size_bytes"], f["dotm_history_events"], f["dotm_history_records"], f["dotm_nodes"], f["dotm_services"], f["dotm_connections"],
		f["dotm_reports_total"], f["dotm_reports_refused_total"], f["dotm_history_events_lost_total"], f["dotm_stream_viewers"],
		f["dotm_writer_wait_longest_seconds"] * 1000, f["dotm_store_lag_seconds"] * 1000,
	}
}

func (o *options) file() (*os.File, error) {
	if o.out == "" {
		return os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	}
	if err := os.MkdirAll(o.out, 0o750); err != nil {
		return nil, err
	}
	return os.Create(filepath.Join(o.out, "samples.csv"))
}

func write(w *csv.Writer, row []float64) error {
	text := make([]string, len(row))
	for i, v := range row {
		text[i] = strconv.FormatFloat(v, 'f', -1, 64)
	}
	if err := w.Write(text); err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

// read reads what was sampled before.
func read(path string) (*samples, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	all, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading samples: %w", err)
	}
	s := &samples{}
	for i, line := range all {
		if i == 0 {
			continue
		}
		row := make([]float64, len(columns))
		for j := range row {
			if j >= len(line) {
				return nil, fmt.Errorf("%s: line %d has %d columns, want %d", path, i+1, len(line), len(columns))
			}
			if row[j], err = strconv.ParseFloat(line[j], 64); err != nil {
				return nil, fmt.Errorf("%s: line %d: %w", path, i+1, err)
			}
		}
		s.rows = append(s.rows, row)
	}
	return s, nil
}

func loadAverage() string {
	raw, _ := os.ReadFile("/proc/loadavg")
	if len(raw) < 4 {
		return "unknown"
	}
	return string(raw[:4])
}
