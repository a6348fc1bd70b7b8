package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/report"
)

// Step is how long the time is of which a [Moment] tells at most.
const Step = time.Second

// Received is a report, and when it was.
type Received struct {
	At     time.Time
	Report *report.Report
}

// Moment is what was taken in within one [Step].
type Moment struct {
	// At is when the last of it was; of an empty moment, when it was over.
	At      time.Time
	Reports []Received
	Checks  []mapping.News
	// Lost is how many entries were dropped before, when the recording was made.
	Lost uint64
}

// Reader reads a recording.
type Reader struct {
	head  Head
	zip   *zstd.Decoder
	lines *bufio.Reader
	line  []byte
	n     int // lines so far
	last  time.Time
	next  *entry // was read, and belongs to the next moment
	end   error  // what the last entry was followed by
}

// NewReader reads the first line. Errors wrap [ErrFormat] or [ErrNewer], or are
// those of r. The reader must be closed.
func NewReader(r io.Reader) (*Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	text, err := readHead(in)
	if err != nil {
		return nil, err
	}
	var first firstLine
	if err := json.Unmarshal(text, &first); err != nil || first.Version < 1 {
		return nil, fmt.Errorf("%w: its first line must begin with {\"dotm_recording\": record one with dotm serve --record FILE", ErrFormat)
	}
	if first.Version > Version {
		return nil, fmt.Errorf("%w: it has format %d, this one reads %d: update dotm", ErrNewer, first.Version, Version)
	}
	if first.Begin.IsZero() {
		return nil, fmt.Errorf("%w: its first line doesn't say when it began", ErrFormat)
	}
	zip, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return &Reader{head: first.Head, zip: zip, lines: bufio.NewReaderSize(zip, 64<<10), last: first.Begin}, nil
}

func readHead(in *bufio.Reader) (text []byte, err error) {
	for len(text) < maxHead {
		part, err := in.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case err == nil:
			return text, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%w: it has no first line", ErrFormat)
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("reading recording: %w", err)
		case text[0] != '{':
			return nil, fmt.Errorf("%w: it begins with %q", ErrFormat, text[:1])
		}
	}
	return nil, fmt.Errorf("%w: its first line is longer than %d bytes", ErrFormat, maxHead)
}

// Head is what the first line says.
func (r *Reader) Head() Head { return r.head }

// Close frees what the reader needs. It doesn't close what is read.
func (r *Reader) Close() { r.zip.Close() }

// Next is the next moment in which something was taken in; moments come in their
// order. The error is [io.EOF] at the end, or wraps [ErrCut] or [ErrDamaged]: then
// what came before is all that can be read.
func (r *Reader) Next() (Moment, error) {
	m := Moment{}
	var until time.Time
	for {
		e, err := r.take()
		if err != nil {
			if until.IsZero() {
				return m, err
			}
			return m, nil // the error comes with the next call
		}
		switch {
		case until.IsZero():
			until = e.At.Truncate(Step).Add(Step)
			m.At = e.At
		case !e.At.Before(until):
			r.next = e
			return m, nil
		}
		m.add(e)
	}
}

// add adds an entry. Those that waited a little longer than others to be written
// don't turn back the time.
func (m *Moment) add(e *entry) {
	if e.At.After(m.At) {
		m.At = e.At
	}
	switch {
	case e.Report != nil:
		m.Reports = append(m.Reports, Received{e.At, e.Report})
	case e.Checks != nil:
		m.Checks = append(m.Checks, *e.Checks)
	}
	m.Lost += e.Lost
}

// take is the next entry.
func (r *Reader) take() (*entry, error) {
	if e := r.next; e != nil {
		r.next = nil
		return e, nil
	}
	if r.end != nil {
		return nil, r.end
	}
	e, err := r.read()
	if err != nil {
		r.end = err
		return nil, err
	}
	if e.End {
		r.end = io.EOF
		return nil, r.end
	}
	r.last = e.At
	return e, nil
}

// read reads one line.
func (r *Reader) read() (*entry, error) {
	r.line = r.line[:0]
	for {
		part, err := r.lines.ReadSlice('\n')
		r.line = append(r.line, part...)
		if err == nil {
			break
		}
		if len(r.line) > maxEntry {
			return nil, r.damaged(fmt.Errorf("line %d is longer than %d bytes", r.n+2, maxEntry))
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, r.ends(err)
		}
	}
	r.n++
	sum, text, ok := bytes.Cut(r.line[:len(r.line)-1], []byte{' '})
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !ok || err != nil || len(sum) != 8 || uint32(want) != checksum(text) {
		return nil, r.damaged(fmt.Errorf("line %d has not the checksum that it begins with", r.n+1))
	}
	var e entry
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, r.damaged(err)
	}
	if err := e.check(r.last); err != nil {
		return nil, r.damaged(fmt.Errorf("line %d: %w", r.n+1, err))
	}
	return &e, nil
}

// ends words what stands where a line should.
func (r *Reader) ends(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w, at %s: what came after was never written, or not copied", ErrCut, r.last.Format(time.RFC3339))
	}
	return r.damaged(err)
}

func (r *Reader) damaged(err error) error {
	return fmt.Errorf("%w after %s: %w", ErrDamaged, r.last.Format(time.RFC3339), err)
}
