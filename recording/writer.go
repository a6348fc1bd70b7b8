package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/report"
)

// FlushEvery is the longest time that an entry is not yet written out.
const FlushEvery = time.Second

// waiting is how many entries may wait to be written.
const waiting = 2048

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is what a line begins with: the CRC-32C of its rest.
func checksum(text []byte) uint32 { return crc32.Checksum(text, castagnoli) }

// Writer writes a recording behind the back of whoever takes things in: its methods
// never block. What comes faster than it can be written is dropped, and counted,
// here and in the recording. It is safe for concurrent use.
type Writer struct {
	queue chan entry
	lost  atomic.Uint64
	err   atomic.Pointer[error]

	mu     sync.RWMutex // held to add to the queue, and to close it
	closed bool
	done   chan struct{}

	out     encoder
	written atomic.Uint64
}

// NewWriter begins a recording. It writes to w from a goroutine of its own, until
// [Writer.Close].
func NewWriter(w io.Writer, h Head) (*Writer, error) {
	out, err := newEncoder(w, h)
	if err != nil {
		return nil, err
	}
	rec := &Writer{queue: make(chan entry, waiting), done: make(chan struct{}), out: *out}
	go rec.run()
	return rec, nil
}

// Report adds a report that was received at a moment. It must not change any more.
func (w *Writer) Report(at time.Time, r *report.Report) { w.add(entry{At: at.UTC(), Report: r}) }

// Checks adds what was new of a source at a moment. It must not change any more.
func (w *Writer) Checks(at time.Time, n mapping.News) { w.add(entry{At: at.UTC(), Checks: &n}) }

func (w *Writer) add(e entry) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed || w.err.Load() != nil {
		w.lost.Add(1)
		return
	}
	select {
	case w.queue <- e:
	default:
		w.lost.Add(1)
	}
}

// Lost is how many entries were dropped so far.
func (w *Writer) Lost() uint64 { return w.lost.Load() }

// Written is how many entries were handed to the file so far.
func (w *Writer) Written() uint64 { return w.written.Load() }

// Err is why nothing is written any more; nil while it is.
func (w *Writer) Err() error {
	if e := w.err.Load(); e != nil {
		return *e
	}
	return nil
}

// Close writes what waits, and the end. It returns [Writer.Err].
func (w *Writer) Close() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.done
	return w.Err()
}

// run writes until the queue is closed, or writing fails.
func (w *Writer) run() {
	defer close(w.done)
	tick := time.NewTicker(FlushEvery)
	defer tick.Stop()
	told, last := uint64(0), w.out.head.Begin
	for {
		var err error
		select {
		case e, more := <-w.queue:
			if !more {
				w.fail(w.end(last, told))
				return
			}
			last = e.At
			if err = w.out.write(&e); err == nil {
				w.written.Add(1)
			}
		case <-tick.C:
			if lost := w.lost.Load(); lost > told {
				err = w.out.write(&entry{At: last, Lost: lost - told})
				told = lost
			}
			err = errors.Join(err, w.out.flush())
		}
		if err != nil {
			w.fail(err)
			w.drain()
			return
		}
	}
}

func (w *Writer) end(last time.Time, told uint64) (err error) {
	if lost := w.lost.Load(); lost > told {
		err = w.out.write(&entry{At: last, Lost: lost - told})
	}
	return errors.Join(err, w.out.Close())
}

func (w *Writer) fail(err error) {
	if err != nil {
		err = fmt.Errorf("writing recording: %w", err)
		w.err.Store(&err)
	}
}

// drain drops what comes after writing failed, until [Writer.Close].
func (w *Writer) drain() {
	for range w.queue {
		w.lost.Add(1)
	}
}

// encoder writes entries one after the other.
type encoder struct {
	head  Head
	zip   *zstd.Encoder
	line  []byte
	dirty bool
	last  time.Time
}

func newEncoder(w io.Writer, h Head) (*encoder, error) {
	h.Begin = h.Begin.UTC()
	first, err := json.Marshal(firstLine{Version, h})
	if err != nil {
		return nil, fmt.Errorf("writing recording: %w", err)
	}
	if _, err := w.Write(append(first, '\n')); err != nil {
		return nil, fmt.Errorf("writing recording: %w", err)
	}
	zip, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("writing recording: %w", err)
	}
	return &encoder{head: h, zip: zip, last: h.Begin}, nil
}

// write adds an entry.
func (e *encoder) write(in *entry) error {
	text, err := json.Marshal(in)
	if err != nil {
		return err
	}
	e.line = fmt.Appendf(e.line[:0], "%08x ", checksum(text))
	e.line = append(append(e.line, text...), '\n')
	e.dirty, e.last = true, in.At
	_, err = e.zip.Write(e.line)
	return err
}

// flush writes out what was added.
func (e *encoder) flush() error {
	if !e.dirty {
		return nil
	}
	e.dirty = false
	return e.zip.Flush()
}

// Close writes the end.
func (e *encoder) Close() error {
	return errors.Join(e.write(&entry{At: e.last, End: true}), e.zip.Close())
}

// Direct writes a recording at once, entry by entry, for who has all the time that
// it takes.
type Direct struct{ out *encoder }

// NewDirect begins a recording.
func NewDirect(w io.Writer, h Head) (*Direct, error) {
	out, err := newEncoder(w, h)
	return &Direct{out}, err
}

// Report adds a report that was received at a moment.
func (d *Direct) Report(at time.Time, r *report.Report) error {
	return d.out.write(&entry{At: at.UTC(), Report: r})
}

// Checks adds what was new of a source at a moment.
func (d *Direct) Checks(at time.Time, n mapping.News) error {
	return d.out.write(&entry{At: at.UTC(), Checks: &n})
}

// Close ends the recording.
func (d *Direct) Close() error { return d.out.Close() }
