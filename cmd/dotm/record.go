package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/recording"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/server"
)

// recorder writes what a server takes in into a file.
type recorder struct {
	to   atomic.Pointer[recording.Writer] // nil before the begin
	file *os.File
	site *site
}

var _ server.Recorder = (*recorder)(nil)

// Report takes note of a report.
func (r *recorder) Report(at time.Time, rep *report.Report) {
	if w := r.to.Load(); w != nil {
		w.Report(at, rep)
	}
}

// Checks takes note of results.
func (r *recorder) Checks(at time.Time, n mapping.News) {
	if w := r.to.Load(); w != nil {
		w.Checks(at, n)
	}
}

// createRecording makes a file for its user alone: it tells who runs what, and where.
func createRecording(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s exists: name a new file, or remove it first", path)
	}
	if err != nil {
		return nil, fmt.Errorf("writing recording: %w", err)
	}
	return f, nil
}

// begin makes the file, with the settings in force.
func (r *recorder) begin(path string, s *site) (err error) {
	if r.file, err = createRecording(path); err != nil {
		return err
	}
	in, _ := s.server.Settings()
	settings, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("writing recording: %w", err)
	}
	w, err := recording.NewWriter(r.file, recording.Head{Begin: time.Now(), By: version, Settings: settings})
	if err != nil {
		return err
	}
	r.site = s
	r.to.Store(w)
	return nil
}

// watchRecordingEvery is how often it is looked at whether a recording lacks something.
const watchRecordingEvery = 10 * time.Second

// watch logs what a recording lacks, until ctx ends.
func (r *recorder) watch(ctx context.Context) error {
	tick := time.NewTicker(watchRecordingEvery)
	defer tick.Stop()
	told, failed := uint64(0), false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		w := r.to.Load()
		if err := w.Err(); err != nil && !failed {
			failed = true
			r.site.log.Error("nothing is recorded any more; the server is not affected", "error", err)
		}
		if lost := w.Lost(); lost > told && !failed {
			r.site.log.Warn("the recording lacks what came faster than it could be written", "entries", lost)
			told = lost
		}
	}
}

// end closes the file, and says what is in it.
func (r *recorder) end() error {
	w := r.to.Load()
	err := errors.Join(w.Close(), r.file.Close())
	fmt.Fprintf(r.site.Out, "Recorded %d entries into %s", w.Written(), r.file.Name())
	if lost := w.Lost(); lost > 0 {
		fmt.Fprintf(r.site.Out, "; %d are missing", lost)
	}
	fmt.Fprintln(r.site.Out, ".")
	return err
}
