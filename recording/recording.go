// Package recording keeps what a server took in, report by report, so that it can
// be shown again as it was ([Writer], [Reader]).
//
// A recording is a file. Its first line is JSON as text: what the file is, of which
// version, and since when. What follows is compressed (Zstandard, RFC 8878): one
// line for each entry, which begins with the CRC-32C of its rest. Files only grow,
// and are written out once a second, so that what a kill leaves is whole up to then.
package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/report"
)

// Version is the format that this package writes. A reader reads those up to it.
const Version = 1

// Limits of a recording.
const (
	maxHead  = 1 << 20              // bytes of the first line
	maxEntry = 4 * report.MaxBytes  // bytes of another one
	maxSpan  = 366 * 24 * time.Hour // between two entries
	window   = 8 << 20              // bytes that compression looks back, at most
)

// Errors of a [Reader]; they are wrapped with what was found, and what to do.
var (
	ErrFormat  = errors.New("not a recording of dotm")
	ErrNewer   = errors.New("recording was made by a newer dotm")
	ErrDamaged = errors.New("recording is damaged")
	// ErrCut says that the end is missing: whoever wrote it was killed, or it was
	// not copied whole. What was read before is all right.
	ErrCut = errors.New("recording ends in the middle")
)

// Head is what the first line says.
type Head struct {
	// Begin is when the recording began.
	Begin time.Time `json:"begin"`
	// By is the version of dotm that made it.
	By string `json:"by"`
	// MadeUp says that no such site exists.
	MadeUp bool `json:"made_up,omitempty"`
	// Settings are those that were in force when it began, as their owner writes
	// them; empty for none.
	Settings json.RawMessage `json:"settings,omitempty"`
}

// firstLine is the first line.
type firstLine struct {
	Version int `json:"dotm_recording"`
	Head
}

// entry is one line after that; one of its fields beside the time is set.
type entry struct {
	At     time.Time      `json:"at"`
	Report *report.Report `json:"report,omitempty"`
	Checks *mapping.News  `json:"checks,omitempty"`
	// Lost is how many entries could not be written before this one.
	Lost uint64 `json:"lost,omitempty"`
	// End is set in the last line of a recording that was closed.
	End bool `json:"end,omitempty"`
}

// check says what is wrong with an entry that follows one of a moment.
func (e *entry) check(before time.Time) error {
	set := 0
	for _, is := range []bool{e.Report != nil, e.Checks != nil, e.Lost > 0, e.End} {
		if is {
			set++
		}
	}
	switch d := e.At.Sub(before); {
	case set != 1:
		return fmt.Errorf("an entry must hold one thing, holds %d", set)
	case d > maxSpan || d < -maxSpan:
		return fmt.Errorf("an entry of %s follows one of %s", e.At.Format(time.RFC3339), before.Format(time.RFC3339))
	case e.Report != nil:
		return e.Report.Validate(e.At)
	case e.Checks != nil && e.Checks.Source == "":
		return errors.New("results must name their source")
	}
	return nil
}
